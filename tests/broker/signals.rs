//! The signals that mosquitto documents, and the end of the terminal from which a broker was started.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::support::{Broker, CONNACK4, Folder, Lines, connect4, skeeter, subscribe4, wait, wait_for};

/// Anonymous clients on a free port, with the log in `file`.
fn logging_to(file: &std::path::Path) -> String {
    format!("user root\nlistener 0 127.0.0.1\nallow_anonymous true\nlog_dest file {}\n", file.display())
}

#[test]
fn sigrtmin_reopens_a_log_file_that_was_moved_away() {
    let folder = Folder::new();
    let (file, rotated) = (folder.file("log"), folder.file("log.1"));
    let mut broker = Broker::with_config(&folder, &logging_to(&file), &[]);
    let contents = |path| std::fs::read_to_string(path).unwrap_or_default();
    wait_for("the start in the log", || contents(&file).contains("skeeter").then_some(()));
    std::fs::rename(&file, &rotated).unwrap();
    broker.signal("RTMIN");
    wait_for("the new file", || contents(&file).contains("log files reopened").then_some(()));
    let mut client = broker.connect();
    client.send(&connect4("ann", true));
    client.expect(&CONNACK4);
    wait_for("the client in the new file", || contents(&file).contains("ann connected from").then_some(()));
    assert!(!contents(&rotated).contains("ann connected from"));
    broker.signal("TERM");
    assert_eq!(broker.status(), 0);
}

#[test]
fn a_log_file_that_cannot_be_reopened_is_written_to_as_before() {
    let folder = Folder::new();
    let (file, rotated) = (folder.file("log"), folder.file("log.1"));
    let broker = Broker::with_config(&folder, &logging_to(&file), &[]);
    let contents = |path| std::fs::read_to_string(path).unwrap_or_default();
    wait_for("the start in the log", || contents(&file).contains("skeeter").then_some(()));
    std::fs::rename(&file, &rotated).unwrap();
    std::fs::create_dir(&file).unwrap();
    broker.signal("RTMIN");
    wait_for("the error", || contents(&rotated).contains("cannot open log file").then_some(()));
    let mut client = broker.connect();
    client.send(&connect4("ann", true));
    client.expect(&CONNACK4);
    wait_for("the client", || contents(&rotated).contains("ann connected from").then_some(()));
}

#[test]
fn sigusr2_logs_all_subscriptions_by_topic_filter() {
    let broker = Broker::start(&[]);
    let mut clients = Vec::new();
    for (name, filters) in [("bea", ["b/#", "$share/g/a"]), ("ann", ["b/#", "a/+"])] {
        let mut client = broker.connect();
        client.send(&connect4(name, true));
        client.expect(&CONNACK4);
        for filter in filters {
            client.send(&subscribe4(1, filter, 0));
            client.packet();
        }
        clients.push(client);
    }
    broker.signal("USR2");
    broker.stderr.wait_line("b/#: bea");
    let lines = broker.stderr.so_far();
    let begin = lines.iter().position(|line| line.ends_with(" 4 subscriptions")).unwrap();
    let listed: Vec<_> =
        lines[begin + 1..begin + 5].iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(listed, ["$share/g/a: bea", "a/+: ann", "b/#: ann", "b/#: bea"]);
    assert!(clients.iter_mut().all(|client| client.ping().is_empty()));
}

#[test]
fn a_list_longer_than_the_queues_of_the_log_is_logged_completely() {
    let broker = Broker::start(&["--max-subscriptions", "20000"]);
    let mut client = broker.connect();
    client.send(&connect4("ann", true));
    client.expect(&CONNACK4);
    for number in 0..10_000 {
        client.send(&subscribe4(1, &format!("f/{number:05}"), 0));
        client.packet();
    }
    broker.signal("USR2");
    broker.stderr.wait_line("f/09999: ann");
    let lines = broker.stderr.so_far();
    assert_eq!(lines.iter().filter(|line| line.ends_with(": ann")).count(), 10_000);
}

#[test]
fn no_signal_that_mosquitto_documents_ends_the_broker() {
    let folder = Folder::new();
    for config in [None, Some("user root\nlistener 0 127.0.0.1\nallow_anonymous true\n")] {
        let broker = match config {
            None => Broker::start(&[]),
            Some(config) => Broker::with_config(&folder, config, &[]),
        };
        for signal in ["HUP", "USR1", "USR2", "RTMIN", "PIPE"] {
            broker.signal(signal);
            let mut client = broker.connect();
            client.send(&connect4("ann", true));
            client.expect(&CONNACK4);
            assert!(client.ping().is_empty(), "after {signal}");
        }
    }
}

#[test]
fn a_broker_that_was_started_by_hand_ends_with_its_terminal() {
    let folder = Folder::new();
    let config = folder.file("mosquitto.conf");
    std::fs::write(&config, "user root\nlistener 0 127.0.0.1\nallow_anonymous true\n").unwrap();
    for flags in [String::from("-p 0"), format!("-c {}", config.display())] {
        let ports = folder.file("ports.json");
        let binary = assert_cmd::cargo::cargo_bin!("skeeter");
        let command = format!("exec {} broker {flags} --ports-file {}", binary.display(), ports.display());
        let mut terminal = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let text = wait_for("the ports file", || std::fs::read_to_string(&ports).ok());
        let pid = serde_json::from_str::<serde_json::Value>(&text).unwrap()["pid"].as_u64().unwrap();
        terminal.kill().unwrap();
        terminal.wait().unwrap();
        wait_for("the end of the broker", || (!ports.exists()).then_some(()));
        let process = format!("/proc/{pid}");
        wait_for("the end of the process", || (!std::path::Path::new(&process).exists()).then_some(()));
    }
}

#[test]
fn the_ports_file_of_a_broker_that_was_killed_is_gone_before_the_next_one_is_ready() {
    let folder = Folder::new();
    let ports = folder.file("ports.json");
    let flags = ["--ports-file", ports.to_str().unwrap()];
    let mut killed = Broker::start(&flags);
    killed.signal("KILL");
    killed.child.wait().unwrap();
    assert!(ports.exists());
    // It does not get as far as writing one of its own.
    let mut next = skeeter()
        .args(["broker", "--bind", "203.0.113.1"])
        .args(flags)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    next.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(wait(&mut next), 1, "{text}");
    assert!(!ports.exists());
}

/// A link to the binary under one of mosquitto's names.
fn named(folder: &Folder, name: &str) -> Command {
    let link = folder.file(name);
    let _ = std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin!("skeeter"), &link);
    Command::new(link)
}

#[test]
fn the_broker_runs_as_mosquitto_and_mosquitto_signal_reaches_it() {
    let folder = Folder::new();
    let config = folder.file("mosquitto.conf");
    std::fs::write(&config, "user root\nlistener 0 127.0.0.1\nallow_anonymous true\n").unwrap();
    let mut child =
        named(&folder, "mosquitto").arg("-c").arg(&config).arg("-v").stderr(Stdio::piped()).spawn().unwrap();
    let stderr = Lines::of(child.stderr.take().unwrap());
    // It ends with the test, also if that fails.
    let mut broker = Broker { child, port: 0, stdout: Lines::default(), stderr };
    let lines = broker.stderr.clone();
    lines.wait_line("started");
    let pid = broker.child.id().to_string();
    let signal = |signal: &str| {
        let output = named(&folder, "mosquitto_signal").args(["-p", &pid, signal]).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(signal("tree-print"), (0, String::new()));
    lines.wait_line("0 subscriptions");
    assert_eq!(signal("config-reload"), (0, String::new()));
    lines.wait_line("configuration reloaded");
    let (status, text) = signal("xtreport");
    assert_eq!(status, 1);
    assert!(text.starts_with("mosquitto_signal: xtreport is not supported"), "{text}");
    assert_eq!(signal("shutdown"), (0, String::new()));
    assert_eq!(broker.status(), 0);
    let (status, text) = signal("shutdown");
    assert!(status == 1 && text.contains("cannot signal process"), "{status} {text}");
}

#[test]
fn help_and_errors_under_a_name_of_mosquitto_use_that_name() {
    let folder = Folder::new();
    for (name, flags, status) in [
        ("mosquitto", &["-h"][..], 3),
        ("mosquitto", &["--nonsense"], 3),
        ("mosquitto_pub", &["--help"], 1),
        ("mosquitto_sub", &["--nonsense"], 1),
        ("mosquitto_signal", &["--help"], 1),
        ("mosquitto_db_dump", &["--help"], 1),
    ] {
        let output = named(&folder, name).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{name} {flags:?}");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        let is_named = text.contains(&format!("Usage: {name} ")) || text.starts_with(&format!("{name}: "));
        assert!(is_named, "{text}");
        for other in ["skeeter pub", "skeeter sub", "skeeter broker", "skeeter signal", "skeeter store dump"]
        {
            assert!(!text.contains(other), "{name} {flags:?}: {text}");
        }
    }
}

#[test]
fn mosquitto_db_dump_prints_a_persistence_file() {
    let folder = Folder::new();
    let (data, file) = (folder.file("data"), folder.file("mosquitto.db"));
    let binary = assert_cmd::cargo::cargo_bin!("skeeter");
    let publish = format!("{} pub -t state/lamp -m on -r -q 1", binary.display());
    let status =
        skeeter().args(["broker", "--data-dir", data.to_str().unwrap(), "--exec", &publish]).status();
    assert!(status.unwrap().success());
    let exported = skeeter().args(["store", "export", "--mosquitto"]).args([&file, &data]).output().unwrap();
    assert!(exported.status.success(), "{exported:?}");
    let dump = |flags: &[&str]| {
        let output = named(&folder, "mosquitto_db_dump").args(flags).arg(&file).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        dump(&["--stats"]),
        "DB_CHUNK_CFG:        1\nDB_CHUNK_BASE_MSG:   1\nDB_CHUNK_CLIENT_MSG: 0\nDB_CHUNK_RETAIN:     1\n\
         DB_CHUNK_SUB:        0\nDB_CHUNK_CLIENT:     0\n"
    );
    let json: serde_json::Value = serde_json::from_str(&dump(&["--json"])).unwrap();
    assert_eq!(
        (&json["base-messages"][0]["topic"], &json["base-messages"][0]["payload"]),
        (&"state/lamp".into(), &"b24=".into())
    );
    assert_eq!(json["retained-messages"][0]["storeid"], json["base-messages"][0]["storeid"]);
    assert!(dump(&[]).contains("state/lamp, QoS 1, 2 bytes"));
    let missing = named(&folder, "mosquitto_db_dump").arg("/nonexistent").output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&missing.stderr).starts_with("mosquitto_db_dump: cannot read /nonexistent")
    );
}
