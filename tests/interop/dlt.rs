//! The log at Debian's dlt-daemon, as its own client shows it and with the levels that its own control sets.

use std::process::{Child, Command, Stdio};

use crate::support::{Broker, Folder, Lines, PATIENCE};
use crate::{has, program};

/// A daemon, and the client that prints what comes to it.
struct Daemon {
    daemon: Child,
    client: Child,
    port: String,
    lines: Lines,
}

impl Daemon {
    /// On a free port, which another process may be faster to take; nothing if one was.
    fn start(folder: &Folder) -> Option<Self> {
        let place = folder.file("").to_str().unwrap().to_owned();
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let config = format!(
            "SendContextRegistration = 1\nECUId = TEST\nLoggingMode = 0\nLoggingLevel = 6\nRingbufferMinSize = 50000\n\
             RingbufferMaxSize = 1000000\nRingbufferStepSize = 50000\nBindAddress = ::ffff:127.0.0.1\n\
             UDPConnectionSetup = 0\nControlSocketPath = {place}ctrl\nPersistanceStoragePath = {place}\n"
        );
        std::fs::write(folder.file("dlt.conf"), config).unwrap();
        let mut daemon = Command::new("dlt-daemon")
            .args(["-t", &place, "-p", &port, "-c"])
            .arg(folder.file("dlt.conf"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = Lines::of(daemon.stdout.take().unwrap());
        let listens = said.wait("the daemon to listen or to end", |lines| {
            let told = |what: &str| lines.iter().any(|line| line.contains(what));
            told("Listening on ip")
                .then_some(true)
                .or(told("Could not initialize main socket").then_some(false))
        });
        if !listens {
            daemon.wait().unwrap();
            return None;
        }
        // Into a pipe it would write when it ends.
        let mut client = Command::new("stdbuf")
            .args(["-oL", "dlt-receive", "-a", "-p", &port, "127.0.0.1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = Lines::of(client.stdout.take().unwrap());
        Some(Self { daemon, client, port, lines })
    }

    /// Sets the level of our context.
    fn set_level(&self, level: &str) {
        let status = Command::new("dlt-control")
            .args(["-p", &self.port, "-a", "MQTT", "-c", "MQTT", "-l", level, "127.0.0.1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        for child in [&mut self.client, &mut self.daemon] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn publish(broker: &Broker) {
    let mut client = crate::skeeter();
    let output = client.args(["pub", "-p", &broker.port.to_string(), "-t", "t", "-m", "x"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn dlt_daemon_shows_our_log() {
    let programs = ["dlt-daemon", "dlt-receive", "dlt-control"];
    if !programs.iter().all(|name| has(name, program(name).is_some())) {
        return;
    }
    let folder = Folder::new();
    let daemon = (0..20).find_map(|_| Daemon::start(&folder)).expect("a port is free at last");
    let path = folder.file("mosquitto.conf");
    let config = "user root\nlistener 0 127.0.0.1\nallow_anonymous true\nlog_dest dlt\nlog_type all\n";
    std::fs::write(&path, config).unwrap();
    let place = folder.file("");
    let mut broker =
        Broker::start_with(&["-c", path.to_str().unwrap()], &[("DLT_PIPE_DIR", place.to_str().unwrap())]);
    daemon.lines.wait_line("ApplicationID 'MQTT' registered for PID");
    publish(&broker);
    let line = daemon.lines.wait_line("disconnected from 127.0.0.1:");
    assert!(line.contains(" TEST MQTT MQTT log info V 1 ["), "{line}");
    assert!(!daemon.lines.so_far().iter().any(|line| line.contains("log debug")), "{line}");
    daemon.set_level("5");
    let end = std::time::Instant::now() + PATIENCE;
    // The daemon passes it on in its own time.
    while !daemon.lines.so_far().iter().any(|line| line.contains("MQTT MQTT log debug V 1 [")) {
        assert!(std::time::Instant::now() < end, "{:?}", daemon.lines.so_far());
        publish(&broker);
    }
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
}
