//! Every example of README.md is run, as it stands there but for its port and host.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Broker, Folder, Lines, PATIENCE, wait, wait_for};

/// The lines in the blocks for the shell, without their remarks.
fn examples() -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    blocks
        .flat_map(str::lines)
        .map(|line| line.split("  #").next().unwrap_or_default().trim().to_owned())
        .collect()
}

/// A shell in which `skeeter` is what was built, and `pytest` succeeds.
fn shell(folder: &Folder, command: &str) -> Command {
    let (bin, program) = (folder.file("bin"), assert_cmd::cargo::cargo_bin!("skeeter"));
    std::fs::create_dir_all(&bin).unwrap();
    let pytest = bin.join("pytest");
    if !pytest.exists() {
        std::fs::write(&pytest, "#!/bin/sh\ntest -n \"$MQTT_URL\"\n").unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&pytest).status().unwrap().success());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [bin, program.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .env("PATH", std::env::join_paths(folders).unwrap())
        .env("XDG_STATE_HOME", folder.file("state"))
        .current_dir(folder.file(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    shell
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_first_command_shows_a_message_arriving() {
    let examples = examples();
    let first = examples.iter().find(|line| line.contains("apt-get")).unwrap();
    // What is before it installs and builds; what is built is here.
    let (_, run) = first.split_once("&& target/release/").unwrap();
    let folder = Folder::new();
    let output = shell(&folder, run).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().last(), Some("greetings/world hello, world"), "{said}");
    assert_eq!(examples.iter().filter(|line| *line == "cargo test").count(), 1, "the second command");
}

#[test]
fn brokers_start_as_in_the_examples() {
    let folder = Folder::new();
    let examples = examples();
    let brokers: Vec<_> = examples.iter().filter(|line| line.starts_with("skeeter broker")).collect();
    assert!(brokers.len() >= 4, "{brokers:?}");
    let passwd = examples.iter().find(|line| line.starts_with("skeeter passwd")).unwrap();
    // What is asked for there is given here.
    assert!(shell(&folder, passwd).env("SKEETER_PASSWORD", "secret").status().unwrap().success());
    std::fs::write(folder.file("acl"), "topic #\n").unwrap();
    for line in brokers {
        let port = if line.contains("-p 0") || line.contains("--exec") { "" } else { " -p 0" };
        let mut broker = Ended(shell(&folder, &format!("exec {line}{port}")).spawn().unwrap());
        if line.contains("--exec") {
            // It ends with its command, whose output this is.
            assert_eq!(wait(&mut broker.0), 0, "{line}");
        } else {
            Lines::of(broker.0.stdout.take().unwrap()).wait_line("listening on ");
        }
    }
    assert!(folder.file("ports.json").exists());
}

#[test]
fn messages_arrive_as_in_the_examples() {
    let (folder, broker) = (Folder::new(), Broker::start(&[]));
    let here = format!("127.0.0.1:{}", broker.port);
    let mut subscribers = Vec::new();
    let examples = examples();
    for line in examples.iter().filter(|line| line.starts_with("skeeter sub ")) {
        let ready = folder.file(&format!("ready {}", subscribers.len()));
        let line = line.replace("broker.example", &here);
        // A screen has no lines of its own: what is on it is read when it ends.
        let end = if line.contains("--watch") { " -C 1" } else { "" };
        let command = format!("exec {line} --ready-file \"$READY\"{end}");
        let mut shell = shell(&folder, &command);
        let mut child =
            Ended(shell.env("MQTT_PORT", broker.port.to_string()).env("READY", &ready).spawn().unwrap());
        let lines = Lines::of(child.0.stdout.take().unwrap());
        let end = Instant::now() + PATIENCE;
        while !ready.exists() {
            assert!(Instant::now() < end, "{line}: not ready");
            std::thread::park_timeout(Duration::from_millis(2));
        }
        // A condition asks for what the examples do not publish.
        let wanted = if line.contains("--where") { "31" } else { "21.5" };
        let file = line.split_once("--record ").map(|(_, rest)| folder.file(rest.split(' ').next().unwrap()));
        subscribers.push((child, lines, wanted, file));
    }
    assert!(subscribers.len() >= 2);
    for line in examples.iter().filter(|line| line.contains("skeeter pub ") && !line.contains("--exec")) {
        let status = shell(&folder, line).env("MQTT_PORT", broker.port.to_string()).status().unwrap();
        assert!(status.success(), "{line}");
    }
    let hot = r#"skeeter pub -t sensors/attic -m '{"temperature":31}'"#;
    assert!(shell(&folder, hot).env("MQTT_PORT", broker.port.to_string()).status().unwrap().success());
    for (_, lines, wanted, file) in &subscribers {
        match file {
            Some(file) => wait_for("the record", || {
                std::fs::read_to_string(file).ok().filter(|text| text.contains(wanted)).map(drop)
            }),
            None => drop(lines.wait_line(wanted)),
        }
    }
}

#[test]
fn a_request_gets_a_response_as_in_the_examples() {
    let (folder, broker) = (Folder::new(), Broker::start(&[]));
    let port = broker.port.to_string();
    let responder = r#"exec skeeter sub -t calc --ready-file ready --exec 'skeeter pub -t "$MQTT_RESPONSE_TOPIC" -m "$(($(cat)))"'"#;
    let _responder = Ended(shell(&folder, responder).env("MQTT_PORT", &port).spawn().unwrap());
    wait_for("the responder", || folder.file("ready").exists().then_some(()));
    let examples = examples();
    let requests: Vec<_> = examples.iter().filter(|line| line.starts_with("skeeter rr ")).collect();
    assert_eq!(requests.len(), 1);
    let output = shell(&folder, requests[0]).env("MQTT_PORT", &port).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "42\n");
}
