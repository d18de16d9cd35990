//! What `skeeter bench` can do besides passing messages on: its scenarios, what it takes from files, and what it writes.

use serde_json::Value;

use crate::run::{ACCEPT4, Run, Said, Server};
use crate::support::{Broker, Folder, Lines, skeeter};

const QUICK: [&str; 7] = ["-d", "500ms", "--warm-up", "0", "--quiet", "--json", "--no-sys"];

fn document(said: &Said) -> Value {
    serde_json::from_slice(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stderr))
}

fn measure(port: u16, arguments: &[&str]) -> Value {
    let said = Run::start(port, &[&["bench"], arguments, &QUICK].concat()).end();
    assert_eq!(said.status, 0, "{}", String::from_utf8_lossy(&said.stdout));
    let document = document(&said);
    conforms(&document);
    document["runs"][0].clone()
}

/// Whether a document is as `--json-schema` says.
#[track_caller]
fn conforms(document: &Value) {
    let schema = skeeter().args(["bench", "--json-schema"]).output().unwrap().stdout;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let mut wrong = Vec::new();
    check(&schema, &schema, document, "$", &mut wrong);
    assert!(wrong.is_empty(), "{}\n{document}", wrong.join("\n"));
}

/// As much of JSON Schema as ours uses.
fn check(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    if let Some(path) = schema["$ref"].as_str() {
        return check(root, root.pointer(path.trim_start_matches('#')).unwrap(), value, at, wrong);
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let is = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    };
    if !types.iter().any(is) {
        wrong.push(format!("{at} is no {}: {value}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        wrong.push(format!("{at} is none of {}", schema["enum"]));
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{at}[{number}]"), wrong);
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(schema) => check(root, schema, field, &format!("{at}.{name}"), wrong),
            None => wrong.push(format!("{at}.{name} is not in the schema")),
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter(|_| value.is_object()) {
        if value.get(name.as_str().unwrap()).is_none() {
            wrong.push(format!("{at} lacks {name}"));
        }
    }
}

fn count(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("{name} is no number in {report}"))
}

#[test]
fn connections_come_stay_and_go() {
    let broker = Broker::start(&[]);
    let clients = ["--clients", "50", "--threads", "2"];
    let report = measure(broker.port, &[&["connect", "--connect-rate", "500"], &clients[..]].concat());
    assert_eq!((count(&report, "received"), count(&report["connect_us"], "count")), (50, 50));
    let report = measure(broker.port, &[&["churn", "--rate", "100"], &clients[..]].concat());
    assert_eq!((count(&report, "received"), count(&report["subscribe_us"], "count")), (50, 50));
    let report = measure(broker.port, &[&["ping", "--rate", "200"], &clients[..]].concat());
    assert_eq!((count(&report, "received"), count(&report["ping_us"], "count")), (100, 100));
    let report = measure(broker.port, &[&["reconnect"], &clients[..]].concat());
    assert_eq!(count(&report, "received"), 50);
    // Each was counted in once before the storm, and is measured with it.
    assert_eq!(count(&report["connect_us"], "count"), 100, "{report}");
}

#[test]
fn what_the_broker_keeps_is_counted_exactly() {
    let broker = Broker::start(&[]);
    for qos in ["1", "2"] {
        for version in ["311", "5"] {
            let more = ["--count", "200", "-q", qos, "-V", version, "--subscribers", "5"];
            for (scenario, more) in
                [("retained", [&more[..], &["--rate", "100"]].concat()), ("offline", more.to_vec())]
            {
                let report = measure(broker.port, &[&[scenario], &more[..]].concat());
                let wrong = ["lost", "duplicates", "corrupt"].map(|name| count(&report, name));
                assert_eq!(
                    (count(&report, "sent"), count(&report, "received")),
                    (200, 1_000),
                    "{scenario} {report}"
                );
                assert_eq!(wrong, [0; 3], "{scenario} {report}");
            }
        }
    }
    // Nothing is left behind: neither retained messages nor sessions.
    let mut raw = broker.connect();
    raw.send(&crate::support::connect4("look", true));
    raw.expect(&crate::support::CONNACK4);
    raw.send(&crate::support::subscribe4(1, "bench/#", 0));
    raw.expect(&[0x90, 3, 0, 1, 0]);
    assert_eq!(raw.ping(), []);
}

#[test]
fn several_threads_count_as_one() {
    let broker = Broker::start(&[]);
    for scenario in ["pub-sub", "fan-in", "fan-out", "shared"] {
        for rate in ["2000", "max"] {
            let numbers =
                ["--publishers", "3", "--subscribers", "3", "--threads", "3", "-q", "1", "--rate", rate];
            let report = measure(broker.port, &[&[scenario], &numbers[..]].concat());
            let wrong = ["lost", "duplicates", "corrupt"].map(|name| count(&report, name));
            assert_eq!(wrong, [0; 3], "{scenario} {rate} {report}");
            assert_eq!(count(&report, "received"), count(&report, "expected"));
            assert!(rate == "max" || count(&report, "sent") == 1_000, "{report}");
            assert_eq!(report["generator"]["threads"].as_array().unwrap().len(), 3);
        }
    }
}

#[test]
fn payloads_and_topics_are_as_asked_for() {
    let broker = Broker::start(&[]);
    let port = broker.port.to_string();
    let mut subscriber = skeeter()
        .args(["sub", "-h", "127.0.0.1", "-p", &port, "-t", "site/#", "-v", "-C", "30"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = Lines::of(subscriber.stdout.take().unwrap());
    let publish = |more: &[&str]| {
        let topic = ["-t", "site/%i/data", "--clients", "2", "--count", "10"];
        measure(broker.port, &[&topic[..], more].concat())
    };
    // The subscription of `sub` is there when something comes.
    let mut seen = 0;
    let json = loop {
        let report = publish(&["--json-field", "n={counter}", "--json-field", "t={random:1.5..2.5}"]);
        seen += 1;
        assert_eq!((count(&report, "received"), count(&report, "corrupt")), (10, 0));
        if lines.wait("something or nothing", |lines| Some(lines.first().cloned())).is_some() || seen > 100 {
            break lines.wait_line("site/1/data");
        }
    };
    let (topic, payload) = json.split_once(' ').unwrap();
    assert_eq!(topic, "site/1/data");
    let payload: Value = serde_json::from_str(payload).unwrap();
    assert!(payload["n"].is_u64() && (1.5..=2.5).contains(&payload["t"].as_f64().unwrap()), "{payload}");
    let _ = subscriber.kill();
    let _ = subscriber.wait();
    // Too short to say what it is, and a template that does not.
    for more in [&["--size", "3"][..], &["--payload", "hello {counter}"]] {
        let report = publish(more);
        assert_eq!((count(&report, "received"), count(&report, "lost")), (10, 0));
        assert!(report["reordered"].is_null() && report.get("latency_us").is_none(), "{report}");
    }
    let report = publish(&["--payload", "a {stamp} b {bytes:9}"]);
    assert_eq!((count(&report, "lost"), count(&report["latency_us"], "count")), (0, 10));
}

#[test]
fn a_scenario_comes_from_a_file_and_the_command_line_wins() {
    let (broker, folder) = (Broker::start(&[]), Folder::new());
    let path = folder.file("load.toml");
    let text = "scenario = \"fan-in\"\npublishers = 4\nsubscribers = 2\nqos = 1\nrate = 1\n\n\
                [[phase]]\nramp = \"200ms\"\nrate = 1000\n[[phase]]\nsteady = \"200ms\"\n[[phase]]\ndrain = \"50ms\"\n";
    std::fs::write(&path, text).unwrap();
    let report = measure(broker.port, &["-f", path.to_str().unwrap(), "--subscribers", "3"]);
    let settings = &report["settings"];
    assert_eq!((&settings["scenario"], &settings["publishers"]), (&"fan-in".into(), &4.into()));
    assert_eq!((&settings["qos"], &settings["subscribers"]), (&1.into(), &3.into()));
    // Half of 200 while it climbs, and all of them while it is steady.
    assert_eq!((count(&report, "sent"), count(&report, "received")), (300, 900), "{report}");
    std::fs::write(&path, "speed = 1").unwrap();
    let said = Run::start(broker.port, &["bench", "-f", path.to_str().unwrap()]).end();
    assert_eq!((said.status, said.stderr.lines().count()), (14, 1), "{}", said.stderr);
    assert!(said.stderr.contains("\"speed\" is no key"), "{}", said.stderr);
}

#[test]
fn each_client_comes_as_somebody_and_from_somewhere() {
    let (server, folder) = (Server::new(), Folder::new());
    let path = folder.file("clients.csv");
    std::fs::write(&path, "client_id, username, password\none, me, secret\ntwo, you,\n").unwrap();
    let port = server.port();
    let credentials = ["--credentials", path.to_str().unwrap(), "--bind", "127.0.0.2-127.0.0.3"];
    let clients = ["--clients", "2", "-V", "311", "--connect-rate", "100"];
    let run = Run::start(port, &[&["bench", "connect"], &credentials[..], &clients, &QUICK].concat());
    let mut seen = Vec::new();
    let mut open = Vec::new();
    for _ in 0..2 {
        let (raw, body) = server.accept_with(ACCEPT4);
        let from = raw.0.peer_addr().unwrap().ip().to_string();
        seen.push((
            from,
            String::from_utf8_lossy(&body[10..]).replace('\0', "").replace(|c: char| c < ' ', " "),
        ));
        open.push(raw);
    }
    seen.sort();
    assert_eq!(seen[0], ("127.0.0.2".to_owned(), " one me secret".to_owned()));
    assert_eq!(seen[1], ("127.0.0.3".to_owned(), " two you".to_owned()));
    assert_eq!(run.end().status, 0);
    std::fs::write(&path, "user\nme\n").unwrap();
    let said = Run::start(port, &[&["bench"], &credentials[..]].concat()).end();
    assert_eq!(said.status, 14, "{}", said.stderr);
    assert!(said.stderr.contains("unknown column \"user\""), "{}", said.stderr);
}

#[test]
fn a_run_is_written_in_every_form() {
    let (broker, folder) = (Broker::start(&[]), Folder::new());
    let [csv, hdr, html] =
        ["a.csv", "a.hlog", "a.html"].map(|name| folder.file(name).to_str().unwrap().to_owned());
    let pid = broker.child.id().to_string();
    let files = ["--csv", &csv, "--hdr", &hdr, "--html", &html, "--broker-pid", &pid];
    let arguments = ["bench", "-d", "2100ms", "--warm-up", "0", "--rate", "500", "--threshold", "loss < 1%"];
    let said = Run::start(broker.port, &[&arguments[..], &files].concat()).end();
    assert_eq!(said.status, 0, "{}", said.stderr);
    let text = std::fs::read_to_string(csv).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert!(rows[0].starts_with("second,sent,received,failures,connections,p50_us"), "{text}");
    assert!(rows.len() >= 3 && rows[1].starts_with("1,") && rows[2].starts_with("2,"), "{text}");
    assert!(rows.iter().all(|row| row.split(',').count() == 10), "{text}");
    let text = std::fs::read_to_string(hdr).unwrap();
    assert!(text.lines().filter(|line| line.starts_with("Tag=latency,")).count() >= 2, "{text}");
    assert!(text.contains("StartTime"), "{text}");
    let page = std::fs::read_to_string(html).unwrap();
    for part in ["<svg", "Rate over time", "Broker CPU", "loss &lt; 1%", "skeeter bench -d 2100ms"] {
        assert!(page.contains(part), "{part} is not in\n{page}");
    }
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href="), "{page}");
    let said = Run::start(broker.port, &["bench", "-d", "1", "--html", "/nonexistent/a.html"]).end();
    assert_eq!(said.status, 14, "{}", said.stderr);
}

#[test]
fn runs_are_compared_with_earlier_ones() {
    let (broker, folder) = (Broker::start(&[]), Folder::new());
    let five = ["--runs", "5", "-d", "200ms", "--warm-up", "0", "--rate", "200", "--json"];
    let said = Run::start(broker.port, &[&["bench"], &five[..]].concat()).end();
    assert_eq!(said.stderr.lines().filter(|line| line.starts_with("run ")).count(), 5, "{}", said.stderr);
    assert_eq!(document(&said)["runs"].as_array().unwrap().len(), 5);
    let path = folder.file("before.json");
    std::fs::write(&path, &said.stdout).unwrap();
    let said =
        Run::start(broker.port, &[&["bench", "--compare", path.to_str().unwrap()], &five[2..]].concat())
            .end();
    assert_eq!(said.status, 0, "{}", said.stderr);
    let document = document(&said);
    conforms(&document);
    let ratios = document["comparison"]["ratios"].as_array().unwrap();
    let received = ratios.iter().find(|ratio| ratio["metric"] == "received").unwrap();
    let figures = ["from", "ratio", "to"].map(|name| received[name].as_f64().unwrap());
    assert!(figures.is_sorted() && (0.5..2.0).contains(&figures[1]), "{received}");
    let said =
        Run::start(broker.port, &["bench", "fan-in", "--compare", path.to_str().unwrap(), "-d", "100ms"])
            .end();
    assert_eq!(said.status, 14, "{}", said.stderr);
}

#[test]
fn two_brokers_are_measured_in_turn() {
    let (one, two) = (Broker::start(&[]), Broker::start(&[]));
    let urls = [one.port, two.port].map(|port| format!("mqtt://127.0.0.1:{port}"));
    let against = ["bench", "--against", &urls[0], "--against", &urls[1], "-d", "100ms", "--warm-up", "0"];
    let said = Run::start_bare(&against, &[]).end();
    assert_eq!(said.status, 0, "{}", said.stderr);
    let ran: Vec<u16> = said
        .stderr
        .lines()
        .filter(|line| line.starts_with("run "))
        .map(|line| line.split(": ").next().unwrap().rsplit(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(ran, [one.port, two.port].repeat(5), "{}", said.stderr);
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.contains("95 % interval") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[cfg(unix)]
#[test]
fn what_is_ended_by_hand_is_reported() {
    let server = Server::new();
    let run = Run::start(
        server.port(),
        &["bench", "--no-sys", "--clients", "1", "-V", "311", "-d", "1h", "--drain", "1"],
    );
    let (mut subscriber, _) = server.accept_with(ACCEPT4);
    let (_, body) = subscriber.packet();
    subscriber.send(&[0x90, 3, body[0], body[1], 0]);
    let (mut publisher, _) = server.accept_with(ACCEPT4);
    for _ in 0..5 {
        let (first, body) = publisher.packet();
        subscriber.send(&crate::support::packet(first, &[&body]));
    }
    run.signal("INT");
    let forward = std::thread::spawn(move || {
        while let Some((0x30, body)) = publisher.try_packet() {
            subscriber.send(&crate::support::packet(0x30, &[&body]));
        }
    });
    let said = run.end();
    forward.join().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status, 0, "{text}{}", said.stderr);
    assert!(text.contains("interrupted") && text.contains("lost 0"), "{text}");
}

#[test]
fn flags_that_do_not_go_together_are_one_line() {
    for (arguments, part) in [
        (&["connect", "--publishers", "3"][..], "--clients"),
        (&["fan-in", "--clients", "3"], "--publishers"),
        (&["fan-in", "--rate", "max", "-s", "3"], "16 bytes"),
        (&["offline", "-q", "0"], "-q 1"),
        (&["connect", "--rate", "5"], "--connect-rate"),
        (&["--rate", "max", "--phase", "steady:1"], "--phase"),
        (&["--topic", "a/%x"], "%x"),
        (&["--topic", "a/#"], "a/#"),
        (&["--payload", "{counter}{stamp}"], "{stamp}"),
        (&["--against", "mqtt://x"], "twice"),
    ] {
        let said = Run::start_bare(&[&["bench"], arguments].concat(), &[]).end();
        assert_eq!((said.status, said.stderr.lines().count()), (2, 1), "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains(part), "{arguments:?}: {}", said.stderr);
    }
}
