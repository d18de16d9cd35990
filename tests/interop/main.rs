//! Programs that others wrote, on both ends: Debian's mosquitto and its clients, paho-mqtt, MQTT.js.
//!
//! Where a peer is not installed its test says so and passes, unless SKEETER_REQUIRE_PEERS is set, as it is in CI.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(unix)]
mod side_by_side;
#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
mod afternoon;
mod bridges;
mod config;
#[cfg(target_os = "linux")]
mod dlt;
#[cfg(target_os = "linux")]
mod installations;
mod locks;
mod migration;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use support::{Broker, Folder, Lines, PATIENCE, Raw, skeeter};

/// Whether the test may run; an absent peer is a failure where peers are required.
fn has(peer: &str, found: bool) -> bool {
    if !found {
        assert!(
            std::env::var_os("SKEETER_REQUIRE_PEERS").is_none(),
            "{peer} is not installed, and it is required"
        );
        eprintln!("NOT RUN: {peer} is not installed; tests/interop/install and .ci/run install the peers");
    }
    found
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let standard = [PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")];
    std::env::split_paths(&path).chain(standard).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers")
}

/// Debian's mosquitto on a free port.
struct Mosquitto {
    child: Child,
    port: u16,
    _folder: Folder,
}

impl Mosquitto {
    fn start() -> Option<Self> {
        Self::start_with("allow_anonymous true\n")
    }

    /// With these lines below its listener.
    fn start_with(lines: &str) -> Option<Self> {
        let folder = Folder::new();
        let configuration = |port| format!("listener {port} 127.0.0.1\n{lines}");
        let (child, port) = start_mosquitto(&folder.file("mosquitto.conf"), configuration)?;
        Some(Self { child, port, _folder: folder })
    }
}

/// Starts Debian's mosquitto on a free port, with a configuration that is written to `config`; nothing if it is not installed.
fn start_mosquitto(config: &Path, configuration: impl Fn(u16) -> String) -> Option<(Child, u16)> {
    let mosquitto = program("mosquitto");
    if !has("mosquitto", mosquitto.is_some()) {
        return None;
    }
    // It takes no port 0, so a free one is looked for here; another process may be faster, then try again.
    for _ in 0..20 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        std::fs::write(config, configuration(port)).unwrap();
        let mut child = Command::new(mosquitto.as_ref()?)
            .args(["-c", config.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        let running = log.wait("mosquitto to start", |lines| {
            let running = lines.iter().any(|line| line.contains("running"));
            let failed = lines.iter().any(|line| line.contains("Error"));
            (running || failed).then_some(running)
        });
        if running {
            return Some((child, port));
        }
        child.wait().unwrap();
    }
    panic!("mosquitto did not start");
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn succeeded(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{:?}: {text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Runs a subscriber of `sub` and, once it is ready, a publisher of `publish`: messages of each QoS arrive in order.
fn conversation(port: u16, sub: &mut Command, publish: impl Fn() -> Command) {
    let port = port.to_string();
    let mut subscriber = sub
        .args(["-p", &port, "-t", "talk/#", "-q", "2", "-v", "-C", "6"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines = Lines::of(subscriber.stdout.take().unwrap());
    // The broker may not have the subscription yet: a retained message tells.
    succeeded(&publish().args(["-p", &port, "-t", "talk/start", "-m", "go", "-r"]).output().unwrap());
    lines.wait_line("talk/start go");
    for qos in ["0", "1", "2"] {
        succeeded(
            &publish()
                .args(["-p", &port, "-t", "talk/a", "-q", qos, "-m", &format!("hello {qos}")])
                .output()
                .unwrap(),
        );
        lines.wait_line(&format!("talk/a hello {qos}"));
    }
    let large = "x".repeat(100_000);
    succeeded(&publish().args(["-p", &port, "-t", "talk/large", "-q", "1", "-m", &large]).output().unwrap());
    succeeded(&publish().args(["-p", &port, "-t", "talk/end", "-q", "2", "-m", "end"]).output().unwrap());
    assert_eq!(support::wait(&mut subscriber), 0);
    let all = lines.all();
    assert_eq!(all.len(), 6, "{all:?}");
    assert_eq!(all[4], format!("talk/large {large}"));
    // Nothing is left behind.
    succeeded(&publish().args(["-p", &port, "-t", "talk/start", "-n", "-r"]).output().unwrap());
}

fn with(mut command: Command, args: &[&str]) -> Command {
    command.args(args);
    command
}

#[test]
fn skeeter_pub_and_sub_through_skeeter_broker() {
    let broker = Broker::start(&[]);
    for version in [&[][..], &["-V", "5"], &["-V", "311"], &["-V", "31"]] {
        conversation(broker.port, &mut with(skeeter(), &[&["sub"], version].concat()), || {
            with(skeeter(), &[&["pub"], version].concat())
        });
    }
}

#[test]
fn mosquitto_clients_on_either_end_of_skeeter_broker() {
    let (publish, subscribe) = (program("mosquitto_pub"), program("mosquitto_sub"));
    if !has("mosquitto-clients", publish.is_some() && subscribe.is_some()) {
        return;
    }
    let (publish, subscribe) = (publish.unwrap(), subscribe.unwrap());
    let broker = Broker::start(&[]);
    // Programs of others need nothing but the standard [v3 MQTT-7.0.0-2].
    for version in ["mqttv31", "mqttv311", "mqttv5"] {
        let version = ["-V", version];
        conversation(broker.port, Command::new(&subscribe).args(version), || {
            with(Command::new(&publish), &version)
        });
        conversation(broker.port, &mut with(skeeter(), &["sub"]), || with(Command::new(&publish), &version));
        conversation(broker.port, Command::new(&subscribe).args(version), || with(skeeter(), &["pub"]));
    }
}

#[test]
fn skeeter_clients_on_either_end_of_mosquitto() {
    let Some(mosquitto) = Mosquitto::start() else { return };
    for version in [&[][..], &["-V", "5"], &["-V", "311"], &["-V", "31"]] {
        conversation(mosquitto.port, &mut with(skeeter(), &[&["sub"], version].concat()), || {
            with(skeeter(), &[&["pub"], version].concat())
        });
    }
}

#[test]
fn a_broker_that_does_not_know_version_5_gets_3_1_1() {
    // A broker of bytes: it refuses 5 as Debian's older brokers do, and takes 3.1.1.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut publisher =
        skeeter().args(["pub", "-p", &port, "-t", "a", "-m", "hello"]).stderr(Stdio::null()).spawn().unwrap();
    let accept = || {
        let stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Raw(stream)
    };
    let mut first = accept();
    let (kind, body) = first.packet();
    assert_eq!((kind, body[6]), (0x10, 5));
    first.send(&[0x20, 2, 0, 1]);
    drop(first);
    let mut second = accept();
    let (kind, body) = second.packet();
    assert_eq!((kind, body[6]), (0x10, 4));
    second.send(&[0x20, 2, 0, 0]);
    second.expect(&[0x30, 8, 0, 1, b'a', b'h', b'e', b'l', b'l', b'o']);
    second.expect(&[0xE0, 0]);
    assert_eq!(support::wait(&mut publisher), 0);
}

#[test]
fn paho_speaks_all_versions() {
    let folder = peers().join("python");
    if !has("paho-mqtt", folder.join("paho").is_dir()) {
        return;
    }
    let broker = Broker::start(&[]);
    for version in ["3", "4", "5"] {
        let output = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/paho_talk.py"))
            .args([&broker.port.to_string(), version])
            .env("PYTHONPATH", &folder)
            .output()
            .unwrap();
        assert!(succeeded(&output).ends_with("ok\n"), "version {version}");
    }
}

#[test]
fn mqtt_js_speaks_both_versions() {
    let folder = peers().join("node/node_modules");
    if !has("MQTT.js", folder.join("mqtt").is_dir()) {
        return;
    }
    let broker = Broker::start(&[]);
    for version in ["4", "5"] {
        let output = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/mqttjs.js"))
            .args([&format!("mqtt://127.0.0.1:{}", broker.port), version])
            .env("NODE_PATH", &folder)
            .output()
            .unwrap();
        assert!(succeeded(&output).ends_with("ok\n"), "version {version}");
    }
}

#[test]
fn bench_measures_mosquitto() {
    let Some(mosquitto) = Mosquitto::start() else { return };
    for scenario in ["pub-sub", "fan-in", "fan-out", "shared"] {
        for version in ["311", "5"] {
            let mut bench = with(skeeter(), &["bench", scenario]);
            bench.args(["-p", &mosquitto.port.to_string(), "-V", version, "-q", "1", "--rate", "500"]);
            bench.args([
                "--duration",
                "0.4",
                "--warm-up",
                "0.1",
                "--json",
                "--threshold",
                "loss=0,corrupt=0",
            ]);
            let said = bench.output().unwrap();
            let document: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
            let report = &document["runs"][0];
            assert!(said.status.success(), "{scenario} {version}: {report}");
            assert_eq!(report["sent"], 250, "{scenario} {version}: {report}");
            assert_eq!(report["received"], report["expected"], "{scenario} {version}: {report}");
        }
    }
}

#[test]
fn bench_opens_and_keeps_at_mosquitto() {
    let Some(mosquitto) = Mosquitto::start() else { return };
    for (scenario, more, received) in [
        ("connect", "--clients 20", 20),
        ("churn", "--clients 20 --rate 50", 25),
        ("ping", "--clients 20 --rate 100", 50),
        ("reconnect", "--clients 20", 20),
        ("retained", "--count 50 --subscribers 4 --rate 50", 200),
        // No more than its queue holds by default.
        ("offline", "--count 90 --subscribers 4", 360),
    ] {
        for version in ["311", "5"] {
            let mut bench = with(skeeter(), &["bench", scenario, "-V", version, "--json", "--quiet"]);
            bench.args(["-p", &mosquitto.port.to_string(), "-d", "500ms", "--warm-up", "0"]);
            let said = bench.args(more.split(' ')).output().unwrap();
            let document: serde_json::Value = serde_json::from_str(&succeeded(&said)).unwrap();
            let report = &document["runs"][0];
            assert_eq!(
                (&report["received"], &report["lost"]),
                (&received.into(), &0.into()),
                "{scenario} {report}"
            );
            let version = report["broker"]["version"].as_str().unwrap();
            assert!(version.starts_with("mosquitto"), "{report}");
        }
    }
}
