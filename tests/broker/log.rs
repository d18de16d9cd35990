//! Clients cannot inject log lines or terminal escapes, nor flood the log.

use std::time::Instant;

use crate::support::{Broker, CONNACK4, Folder, Raw, connect4, connect5, packet, publish4, subscribe4, text};

/// What a client may try to write into a log line or a terminal.
const HOSTILE: [&str; 5] =
    ["x\n2026-01-01T00:00:00.000Z ann connected", "\u{1b}[2Jx", "\u{9b}2Jx", "\u{202e}x", "\ttab"];

/// Makes the broker log client IDs, usernames, topics and filters, all of them hostile, and wait until it has.
fn provoke(broker: &Broker) {
    for name in HOSTILE {
        let mut raw = broker.connect();
        let flags = 0b1000_0110;
        raw.send(&packet(
            0x10,
            &[&text("MQTT"), &[4, flags, 0, 0], &text(name), &text(name), &text("w"), &text(name)],
        ));
        raw.expect(&CONNACK4);
        raw.send(&subscribe4(1, name, 0));
        raw.expect(&[0x90, 3, 0, 1, 0]);
        raw.send(&publish4(name, 1, 2, b""));
        let (first, body) = raw.packet();
        if first == 0x30 {
            raw.expect(&[0x40, 2, 0, 2]);
        } else {
            assert_eq!((first, body), (0x40, vec![0, 2]));
            raw.packet();
        }
        raw.send(&publish4(&format!("$SYS/{name}"), 1, 3, b""));
        raw.expect(&[0x40, 2, 0, 3]);
        raw.send(&packet(0xA2, &[&[0, 4], &text(name)]));
        raw.expect(&[0xB0, 2, 0, 4]);
        raw.send(&[0xE0, 0]);
        raw.expect_closed();
    }
    let mut last = broker.connect();
    last.send(&connect4("the-last", true));
    last.expect(&CONNACK4);
}

fn is_harmless(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() && !('\u{202A}'..='\u{202E}').contains(&c))
}

#[test]
fn no_client_injects_a_log_line() {
    let broker = Broker::start(&["-v", "--allow-control-characters"]);
    provoke(&broker);
    broker.stderr.wait_line("the-last connected");
    for line in broker.stderr.so_far() {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.len() == 24, "{line:?}");
        assert!(is_harmless(rest.strip_prefix('\t').unwrap_or(rest)), "{line:?}");
        assert!(
            !rest.starts_with("2026-") && !rest.starts_with("ann") && !rest.starts_with("tab"),
            "{line:?}"
        );
        // A name with blanks is in quotes, so that it does not pass for the words around it.
        assert!(
            !rest.contains("ann connected") || rest.contains("\\n2026-01-01T00:00:00.000Z ann connected"),
            "{line:?}"
        );
    }
}

#[test]
fn no_client_injects_a_line_into_the_json_log() {
    let broker = Broker::start(&["-v", "--allow-control-characters", "--log-format", "json"]);
    provoke(&broker);
    broker.stderr.wait_line("the-last connected");
    let mut names = Vec::new();
    for line in broker.stderr.so_far() {
        assert!(line.is_ascii() || is_harmless(&line), "{line:?}");
        let value: serde_json::Value = serde_json::from_str(&line).expect(&line);
        names.extend(
            value["client_id"].as_str().filter(|_| value["event"] == "client_connected").map(str::to_owned),
        );
    }
    // Whoever reads the JSON gets the names as they are.
    assert_eq!(names[..HOSTILE.len()], HOSTILE);
}

#[test]
fn no_client_injects_a_line_into_the_published_log() {
    let folder = Folder::new();
    let open = "listener 0 127.0.0.1\nallow_anonymous true\nallow_control_characters true\nuser root\n";
    let path = folder.file("broker.log");
    let file = format!("{open}log_dest topic\nlog_dest file {}\nlog_type all\n", path.display());
    let broker = Broker::with_config(&folder, &file, &[]);
    let mut reader = Raw::connect(broker.port);
    reader.send(&connect4("reader", true));
    reader.expect(&CONNACK4);
    reader.send(&subscribe4(1, "$SYS/broker/log/#", 0));
    reader.expect(&[0x90, 3, 0, 1, 0]);
    provoke(&broker);
    loop {
        let (first, body) = reader.packet();
        assert_eq!(first & 0xF0, 0x30);
        let payload = &body[2 + usize::from(u16::from_be_bytes([body[0], body[1]]))..];
        let line = std::str::from_utf8(payload).unwrap();
        assert!(is_harmless(line), "{line:?}");
        if line.contains("the-last connected") {
            break;
        }
    }
    let lines = std::fs::read_to_string(&path).unwrap();
    assert!(
        lines.lines().all(|line| line.split_once(": ").is_some_and(|(time, _)| time.parse::<u64>().is_ok()))
    );
}

#[test]
fn long_names_are_cut() {
    let broker = Broker::start(&["--user", "ann:a"]);
    let long = "x".repeat(65_000);
    let mut raw = broker.connect();
    raw.send(&packet(
        0x10,
        &[&text("MQTT"), &[4, 0b1100_0010, 0, 0], &text(&long), &text(&long), &text("wrong")],
    ));
    raw.expect(&[0x20, 2, 0, 4]);
    raw.expect_closed();
    let line = broker.stderr.wait_line("refused");
    assert!(line.len() < 600 && line.contains('…'), "{} bytes", line.len());
}

#[test]
fn a_flood_of_refused_connections_writes_few_lines_and_counts_the_suppressed_ones() {
    let broker = Broker::start(&["--user", "ann:a"]);
    let refused = connect5(&"y".repeat(60_000), true, &[]);
    let begun = Instant::now();
    for _ in 0..500 {
        let mut raw = broker.connect();
        raw.send(&refused);
        raw.expect(&[0x20, 3, 0, 0x87, 0]);
        raw.expect_closed();
    }
    // A line a second is added to the hundred.
    let most = 101 + usize::try_from(begun.elapsed().as_secs()).unwrap();
    let told = broker.stderr.wait_line("suppressed in");
    let lines = broker.stderr.so_far();
    let count = lines.iter().filter(|line| line.contains("refused")).count();
    assert!((100..=most).contains(&count), "{count} lines");
    assert!(told.contains(&format!("127.0.0.1: {} log lines suppressed", 500 - count)), "{told}");
    assert!(lines.iter().map(String::len).sum::<usize>() < 100_000);
}
