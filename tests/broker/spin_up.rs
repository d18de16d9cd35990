//! What a person or a script sees when a broker starts, runs and stops.

use std::process::{Command, Stdio};

use crate::support::{Broker, CONNACK4, Folder, Lines, connect4, connect5, packet, skeeter, text, wait};

#[test]
fn each_listener_is_announced_also_when_quiet() {
    for flags in [&[][..], &["-q"], &["--workers", "1"], &["--workers", "2"]] {
        let broker = Broker::start(flags);
        let mut client = broker.connect();
        client.send(&connect4("a", true));
        client.expect(&CONNACK4); // Over TCP [v3 MQTT-7.1.1-1] [v5 MQTT-4.2-1].
        let line = broker.stdout.wait_line("listening on mqtt://127.0.0.1:");
        assert_eq!(line, format!("listening on mqtt://127.0.0.1:{}", broker.port));
    }
}

#[test]
fn a_closed_stdout_harms_nothing() {
    let folder = Folder::new();
    let ports = folder.file("ports.json");
    let command = format!(
        "exec {} broker -p 0 --ports-file {} >&-",
        assert_cmd::cargo::cargo_bin!("skeeter").display(),
        ports.display()
    );
    let mut child = Command::new("sh").args(["-c", &command]).stderr(Stdio::null()).spawn().unwrap();
    let port = wait_for_ports(&ports);
    let mut client = crate::support::Raw::connect(port);
    client.send(&connect4("a", true));
    client.expect(&CONNACK4);
    child.kill().unwrap();
    child.wait().unwrap();
}

fn wait_for_ports(path: &std::path::Path) -> u16 {
    let end = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        if let Ok(text) = std::fs::read_to_string(path) {
            // Whole or not at all: what can be read can be parsed.
            let ports: serde_json::Value = serde_json::from_str(&text).unwrap();
            return ports["listeners"][0]["port"].as_u64().unwrap().try_into().unwrap();
        }
        assert!(std::time::Instant::now() < end, "no ports file");
        std::thread::yield_now();
    }
}

#[test]
fn the_ports_file_tells_where_the_broker_listens() {
    let folder = Folder::new();
    let path = folder.file("ports.json");
    let broker = Broker::start(&["--ports-file", path.to_str().unwrap()]);
    let ports: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(ports["pid"], broker.child.id());
    let first = &ports["listeners"][0];
    assert_eq!(first["url"], format!("mqtt://127.0.0.1:{}", broker.port));
    assert_eq!((&first["protocol"], &first["address"]), (&"mqtt".into(), &"127.0.0.1".into()));
    assert_eq!(first["port"], broker.port);
    let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file is left");
}

#[test]
fn an_unwritable_ports_file_is_an_error() {
    let output =
        skeeter().args(["broker", "-p", "0", "--ports-file", "/nowhere/ports.json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("/nowhere/ports.json") && error.lines().count() == 1, "{error}");
}

#[test]
fn a_broker_open_to_anonymous_clients_warns() {
    let broker = Broker::start(&["--bind", "0.0.0.0"]);
    broker.stdout.wait_line("no authentication: whoever reaches this address");
    let locked = Broker::start(&["--bind", "0.0.0.0", "--user", "ann:secret"]);
    locked.stdout.wait_line("listening on mqtt://0.0.0.0:");
    let mut client = locked.connect();
    client.send(&connect4("a", true));
    client.expect(&[0x20, 2, 0, 5]);
    client.expect_closed();
    let lines = locked.stdout.wait("the lines", |lines| Some(lines.to_vec()));
    assert!(lines.iter().all(|line| !line.contains("no authentication")), "{lines:?}");
}

#[test]
fn users_connect_with_their_password_only() {
    let broker = Broker::start(&["--user", "ann:secret", "--user", "bob:b"]);
    let login = |flags: u8, fields: &[&[u8]]| {
        let mut client = broker.connect();
        let head = [4, flags | 2, 0, 0];
        client.send(&packet(0x10, &[&text("MQTT"), &head, &text("x"), &fields.concat()]));
        client.packet().1[1]
    };
    assert_eq!(login(0xC0, &[&text("ann"), &text("secret")]), 0);
    assert_eq!(login(0xC0, &[&text("bob"), &text("b")]), 0);
    assert_eq!(login(0xC0, &[&text("ann"), &text("b")]), 4);
    assert_eq!(login(0x80, &[&text("ann")]), 4);
    assert_eq!(login(0, &[]), 5);
    let mut client = broker.connect();
    client.send(&connect5("v5", true, &[]));
    client.expect(&[0x20, 3, 0, 0x87, 0]);
}

#[test]
fn users_can_be_defined_in_the_environment() {
    let mut child = skeeter()
        .args(["broker", "-p", "0"])
        .env("SKEETER_USERS", "ann:secret\nbob:b")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let line = Lines::of(child.stdout.take().unwrap()).wait_line("listening on");
    let mut client = crate::support::Raw::connect(line.rsplit(':').next().unwrap().parse().unwrap());
    client.send(&connect4("a", true));
    client.expect(&[0x20, 2, 0, 5]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn exec_runs_a_command_with_a_broker_of_its_own() {
    let runs: Vec<_> = (0..8)
        .map(|_| {
            skeeter()
                .args(["broker", "--exec", "echo $MQTT_HOST $MQTT_PORT $MQTT_URL; exit 7"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut ports = Vec::new();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(7));
        let text = String::from_utf8(output.stdout).unwrap();
        let words: Vec<_> = text.split_whitespace().collect();
        assert_eq!(words[0], "127.0.0.1");
        assert_eq!(words[2], format!("mqtt://127.0.0.1:{}", words[1]));
        ports.push(words[1].to_owned());
    }
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), 8, "side by side, each on a port of its own");
}

#[test]
#[cfg(unix)]
fn signals_shut_the_broker_down_in_order() {
    for name in ["INT", "TERM"] {
        let mut broker = Broker::start(&[]);
        let mut five = broker.connect();
        five.send(&connect5("five", true, &[]));
        five.packet();
        let mut four = broker.connect();
        four.send(&connect4("four", true));
        four.expect(&CONNACK4);
        broker.signal(name);
        five.expect(&[0xE0, 1, 0x8B]);
        five.expect_closed();
        four.expect_closed();
        assert_eq!(broker.status(), 0, "{name}");
    }
}

#[test]
#[cfg(unix)]
fn output_is_flushed_before_the_broker_exits() {
    let mut broker = Broker::start(&[]);
    let mut subscriber = broker.connect();
    subscriber.send(&connect4("s", true));
    subscriber.expect(&CONNACK4);
    subscriber.send(&crate::support::subscribe4(1, "a", 0));
    subscriber.expect(&[0x90, 3, 0, 1, 0]);
    let mut publisher = broker.connect();
    publisher.send(&connect4("p", true));
    publisher.expect(&CONNACK4);
    let message = crate::support::publish4("a", 0, 0, &[1; 100_000]);
    for _ in 0..20 {
        publisher.send(&message);
    }
    publisher.ping();
    broker.signal("TERM");
    for _ in 0..20 {
        subscriber.expect(&message);
    }
    assert_eq!(broker.status(), 0);
}

#[test]
fn a_port_in_use_is_reported_in_one_line_with_advice() {
    let broker = Broker::start(&[]);
    let output = skeeter().args(["broker", "-p", &broker.port.to_string()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(&broker.port.to_string()) && error.contains("-p"), "{error}");
}

#[test]
fn an_invalid_flag_exits_with_2() {
    let output = skeeter().args(["broker", "--no-such-flag"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    for args in [&["--help"][..], &["broker", "--help"], &["--version"]] {
        let output = skeeter().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty());
    }
}

#[test]
fn the_log_can_be_json() {
    let broker = Broker::start(&["--log-format", "json"]);
    let mut client = broker.connect();
    client.send(&connect4("ann", true));
    client.expect(&CONNACK4);
    client.send(&[0xE0, 0]);
    client.expect_closed();
    let line = broker.stderr.wait_line("\"client_disconnected\"");
    let entry: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(entry["client_id"], "ann");
    assert!(entry["remote_address"].as_str().unwrap().starts_with("127.0.0.1:"));
    let first = broker.stderr.wait_line("\"client_connected\"");
    let entry: serde_json::Value = serde_json::from_str(&first).unwrap();
    assert_eq!((&entry["mqtt_version"], &entry["keep_alive"]), (&"3.1.1".into(), &0.into()));
}

#[test]
#[cfg(unix)]
fn sigusr1_logs_the_sessions() {
    let broker = Broker::start(&[]);
    let mut client = broker.connect();
    client.send(&connect4("ann", true));
    client.expect(&CONNACK4);
    client.send(&crate::support::subscribe4(1, "a/#", 1));
    client.expect(&[0x90, 3, 0, 1, 1]);
    broker.signal("USR1");
    let line = broker.stderr.wait_line("ann: connected from 127.0.0.1:");
    assert!(line.contains("1 subscriptions, 0 messages queued"), "{line}");
}

#[test]
fn a_client_beyond_the_connection_limit_gets_a_reason_code() {
    let broker = Broker::start(&["--max-connections", "1"]);
    let mut first = broker.connect();
    first.send(&connect4("a", true));
    first.expect(&CONNACK4);
    let mut second = broker.connect();
    second.send(&connect4("b", true));
    second.expect(&[0x20, 2, 0, 3]);
    second.expect_closed();
    let mut third = broker.connect();
    third.send(&connect5("c", true, &[]));
    third.expect(&[0x20, 3, 0, 0x97, 0]);
    third.expect_closed();
    assert!(first.ping().is_empty());
}

#[test]
fn a_client_that_sends_too_large_a_packet_gets_a_reason_code() {
    let broker = Broker::start(&["--max-packet-size", "1K"]);
    let mut client = broker.connect();
    client.send(&connect5("c", true, &[]));
    let (_, connack) = client.packet();
    assert!(connack.windows(5).any(|bytes| bytes == [0x27, 0, 0, 4, 0]), "announced in {connack:02x?}");
    client.send(&crate::support::publish4("a", 0, 0, &[0; 2_000]));
    client.expect(&[0xE0, 1, 0x95]);
    client.expect_closed();
}

#[test]
fn the_broker_stops_when_its_command_is_killed() {
    let mut child = skeeter()
        .args(["broker", "--exec", "kill -9 $$"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(wait(&mut child), 137);
}

#[test]
#[cfg(unix)]
fn a_broker_that_shuts_down_publishes_no_wills() {
    let mut broker = Broker::start(&["--workers", "1"]);
    // The victim's session is the older one, so that it ends first.
    let mut victim = broker.connect();
    let will = [&text("gone")[..], &text("x")].concat();
    victim.send(&packet(0x10, &[&text("MQTT"), &[4, 0x06, 0, 0], &text("victim"), &will]));
    victim.expect(&CONNACK4);
    let mut watcher = broker.connect();
    watcher.send(&connect5("watcher", true, &[]));
    watcher.packet();
    watcher.send(&packet(0x82, &[&[0, 1, 0], &text("#"), &[0]]));
    watcher.expect(&[0x90, 4, 0, 1, 0, 0]);
    broker.signal("TERM");
    watcher.expect(&[0xE0, 1, 0x8B]);
    watcher.expect_closed();
    assert_eq!(broker.status(), 0);
}
