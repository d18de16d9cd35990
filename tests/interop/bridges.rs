//! Bridges between skeeter and Debian's mosquitto, each as the one that bridges.

use std::process::Command;

use crate::support::{Broker, Folder, Lines, skeeter};
use crate::{Mosquitto, has, program, succeeded};

const OPEN: &str = "listener 0 127.0.0.1\nallow_anonymous true\n";

/// What is said at one broker and heard at the other.
struct Talk {
    near: u16,
    far: u16,
}

impl Talk {
    fn publish(port: u16, flags: &[&str]) {
        succeeded(&skeeter().args(["pub", "-p", &port.to_string()]).args(flags).output().unwrap());
    }

    /// Everything that is heard at a broker, from now on.
    fn listen(port: u16) -> (std::process::Child, Lines) {
        let mut child = skeeter()
            .args(["sub", "-p", &port.to_string(), "-t", "#", "-q", "2", "-F", "%t %p", "-d"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Lines::of(child.stdout.take().unwrap());
        Lines::of(child.stderr.take().unwrap()).wait_line("received SUBACK");
        (child, lines)
    }

    /// Both ways, at each QoS, with prefixes: each message is heard once.
    fn converse(&self) {
        let (mut near, here) = Self::listen(self.near);
        let (mut far, there) = Self::listen(self.far);
        for qos in ["0", "1", "2"] {
            Self::publish(self.near, &["-t", "l/out", "-m", qos, "-q", qos]);
            there.wait_line(&format!("r/out {qos}"));
            Self::publish(self.far, &["-t", "r/in", "-m", qos, "-q", qos]);
            here.wait_line(&format!("l/in {qos}"));
        }
        // Above what one packet of TCP takes, and empty.
        let large = "x".repeat(100_000);
        Self::publish(self.near, &["-t", "l/large", "-m", &large, "-q", "2"]);
        there.wait_line(&format!("r/large {large}"));
        Self::publish(self.far, &["-t", "r/empty", "-n", "-q", "2"]);
        here.wait_line("l/empty");
        Self::publish(self.near, &["-t", "l/end", "-m", "near", "-q", "2"]);
        there.wait_line("r/end near");
        Self::publish(self.far, &["-t", "r/end", "-m", "far", "-q", "2"]);
        here.wait_line("l/end far");
        for child in [&mut near, &mut far] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let sorted = |lines: &Lines| {
            let mut all: Vec<_> = lines.so_far().into_iter().filter(|line| line.len() < 1000).collect();
            all.sort();
            all
        };
        let (here, there) = (sorted(&here), sorted(&there));
        assert_eq!(
            here,
            [
                "l/empty ",
                "l/end far",
                "l/end near",
                "l/in 0",
                "l/in 1",
                "l/in 2",
                "l/out 0",
                "l/out 1",
                "l/out 2"
            ]
        );
        assert_eq!(
            there,
            [
                "r/empty ",
                "r/end far",
                "r/end near",
                "r/in 0",
                "r/in 1",
                "r/in 2",
                "r/out 0",
                "r/out 1",
                "r/out 2"
            ]
        );
    }

    /// What is retained at one broker is retained at the other.
    fn retain(&self) {
        Self::publish(self.near, &["-t", "l/kept", "-m", "near", "-q", "1", "-r"]);
        Self::publish(self.far, &["-t", "r/held", "-m", "far", "-q", "1", "-r"]);
        for (port, topic, expected) in [(self.far, "r/kept", "near 1"), (self.near, "l/held", "far 1")] {
            crate::support::wait_for("a retained message", || {
                let output = skeeter()
                    .args(["sub", "-p", &port.to_string(), "-t", topic, "-C", "1", "-W", "1", "-F", "%p %r"])
                    .output()
                    .unwrap();
                (String::from_utf8_lossy(&output.stdout).trim() == expected).then_some(())
            });
        }
    }
}

fn bridge_of_skeeter(folder: &Folder, port: u16, lines: &str) -> Broker {
    let config = format!(
        "{OPEN}connection b\naddress 127.0.0.1:{port}\nremote_clientid far\nrestart_timeout 1\ntopic # both 2 l/ r/\n{lines}\n"
    );
    let broker = Broker::with_config(folder, &config, &[]);
    broker.stderr.wait_line("bridge b: connected to");
    broker
}

/// The last word of the state of a bridge at a broker.
fn state(port: u16) -> String {
    let output = skeeter()
        .args(["sub", "-p", &port.to_string(), "-t", "$SYS/broker/connection/+/state", "-C", "1", "-W", "5"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn skeeter_bridges_to_mosquitto() {
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        let Some(far) = Mosquitto::start() else { return };
        let folder = Folder::new();
        let near = bridge_of_skeeter(&folder, far.port, &format!("bridge_protocol_version {version}"));
        let talk = Talk { near: near.port, far: far.port };
        talk.converse();
        talk.retain();
        assert_eq!([state(near.port), state(far.port)], ["1", "1"], "{version}");
        drop(near);
        crate::support::wait_for("the will", || (state(far.port) == "0").then_some(()));
    }
}

#[test]
fn mosquitto_bridges_to_skeeter() {
    for version in ["mqttv31", "mqttv311", "mqttv50"] {
        let far = Broker::start(&["-v"]);
        let lines = format!(
            "allow_anonymous true\nconnection b\naddress 127.0.0.1:{}\nremote_clientid far\ntopic # both 2 l/ r/\n\
             bridge_protocol_version {version}\n",
            far.port
        );
        let Some(near) = Mosquitto::start_with(&lines) else { return };
        far.stderr.wait_line("far subscribed to r/#");
        let talk = Talk { near: near.port, far: far.port };
        talk.converse();
        talk.retain();
        assert_eq!(state(far.port), "1", "{version}");
        drop(near);
        crate::support::wait_for("the will", || (state(far.port) == "0").then_some(()));
    }
}

#[test]
fn nothing_is_lost_while_mosquitto_is_away() {
    let mosquitto = program("mosquitto");
    if !has("mosquitto", mosquitto.is_some()) {
        return;
    }
    let folder = Folder::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let config = folder.file("far.conf");
    let lines = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\nuser root\nmax_queued_messages 0\n",
        folder.file("").display()
    );
    std::fs::write(&config, lines).unwrap();
    let start = || {
        let mut child = Command::new(mosquitto.as_ref().unwrap())
            .args(["-v", "-c", config.to_str().unwrap()])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        log.wait_line("running");
        (child, log)
    };
    let (mut far, log) = start();
    let data = folder.file("data");
    let lines = format!(
        "{OPEN}max_queued_messages 0\nconnection b\naddress 127.0.0.1:{port}\nremote_clientid far\nrestart_timeout 1\ntopic # both 2 l/ r/\n"
    );
    let mut near = Broker::with_config(&folder, &lines, &["--data-dir", data.to_str().unwrap()]);
    near.stderr.wait_line("bridge b: connected to");
    // Subscribers whose sessions stay count what has come in the end.
    let kept = |port: u16, id: &str| {
        let output = skeeter()
            .args(["sub", "-p", &port.to_string(), "-i", id, "-c", "-q", "2", "-t", "+/n", "-E"])
            .output()
            .unwrap();
        succeeded(&output);
    };
    kept(near.port, "here");
    kept(port, "there");
    let numbers = |port: u16, topic: &str, from: u32| {
        let text: String = (from..from + 200).map(|number| format!("{number}\n")).collect();
        let mut child = skeeter()
            .args(["pub", "-p", &port.to_string(), "-t", topic, "-q", "2", "-l"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
        assert_eq!(crate::support::wait(&mut child), 0);
    };
    // Before, while one is away, and after. What comes in is finished before mosquitto ends: over its restarts it forgets
    // that it was answered PUBREC, and sends messages again where more than 20 are unfinished.
    numbers(near.port, "l/n", 0);
    numbers(port, "r/n", 1_000);
    log.wait_line("Received PUBCOMP from far (Mid: 200,");
    Command::new("kill").arg(far.id().to_string()).status().unwrap();
    far.wait().unwrap();
    near.stderr.wait_line("retrying in 1 s");
    numbers(near.port, "l/n", 200);
    near.child.kill().unwrap();
    near.child.wait().unwrap();
    let (mut far, _log) = start();
    numbers(port, "r/n", 1_200);
    let near = Broker::with_config(&folder, &lines, &["--data-dir", data.to_str().unwrap()]);
    near.stderr.wait_line("bridge b: connected to");
    numbers(near.port, "l/n", 400);
    numbers(port, "r/n", 1_400);
    let all: Vec<u32> = (0..600).chain(1_000..1_600).collect();
    for (port, id) in [(port, "there"), (near.port, "here")] {
        let output = skeeter()
            .args([
                "sub",
                "-p",
                &port.to_string(),
                "-i",
                id,
                "-c",
                "-q",
                "2",
                "-t",
                "+/n",
                "-C",
                "1200",
                "-W",
                "30",
            ])
            .output()
            .unwrap();
        let text = succeeded(&output);
        let mut numbers: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, all, "{id}");
    }
    far.kill().unwrap();
    far.wait().unwrap();
}
