//! `skeeter pub`.

use std::io::Write;

use crate::run::{ACCEPT4, ACCEPT5, Run, Server, has_peer};
use crate::support::{Broker, Folder, Raw, packet, text};

fn publish5(first: u8, topic: &str, id: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let id = id.map_or(vec![], |id| id.to_be_bytes().to_vec());
    packet(first, &[&text(topic), &id, &[0], payload])
}

/// The payloads of QoS 0 messages up to DISCONNECT.
fn payloads(raw: &mut Raw) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    loop {
        match raw.packet() {
            (0x30, body) => payloads.push(body[4..].to_vec()),
            // Whether all has been read.
            (0xC0, _) => raw.send(&[0xD0, 0]),
            (0xE0, _) => return payloads,
            other => panic!("{other:02x?}"),
        }
    }
}

#[test]
fn each_qos_ends_when_it_is_done() {
    let server = Server::new();
    let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&publish5(0x30, "t", None, b"x"));
    raw.expect(&[0xE0, 0]); // It came over TCP [v3 MQTT-7.1.2-1] [v5 MQTT-4.2-1].
    raw.expect_closed(); // [v5 MQTT-3.14.4-2]
    drop(raw);
    assert_eq!(run.end().status, 0);

    let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "-q", "1", "-r"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&publish5(0x33, "t", Some(1), b"x"));
    raw.send(&[0x40, 2, 0, 1]);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 0);

    let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "-q", "2", "-V", "311"]);
    let (mut raw, _) = server.accept_with(ACCEPT4);
    raw.expect(&packet(0x34, &[&text("t"), &[0, 1], b"x"]));
    raw.send(&[0x50, 2, 0, 1]);
    raw.expect(&[0x62, 2, 0, 1]);
    raw.send(&[0x70, 2, 0, 1]);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 0);
}

/// RabbitMQ answers QoS 2 with PUBACK: that is the end of it. What can end nothing is told, and not waited for.
#[test]
fn a_message_is_not_waited_for_when_its_answer_cannot_come() {
    let server = Server::new();
    for (version, accept) in [("311", ACCEPT4), ("5", ACCEPT5)] {
        for (flags, input) in [(&["-m", "x"][..], &b""[..]), (&["-l"], b"x\n")] {
            let mut run =
                Run::start(server.port(), &[&["pub", "-t", "t", "-q", "2", "-V", version], flags].concat());
            run.feed(input);
            let (mut raw, _) = server.accept_with(accept);
            assert_eq!(raw.packet().0, 0x34);
            raw.send(&[0x40, 2, 0, 1]);
            assert_eq!(raw.packet().0, 0xE0);
            drop(raw);
            if version == "311" && flags == ["-l"] {
                server.accept_with(accept).0.packet();
            }
            assert_eq!(run.end().status, 0);
        }
    }
    for (qos, answer) in [("1", &[0x50, 2, 0, 1]), ("2", &[0x70, 2, 0, 1])] {
        let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "-q", qos]);
        let (mut raw, _) = server.accept_with(ACCEPT5);
        raw.packet();
        raw.send(answer);
        while raw.try_packet().is_some() {}
        let said = run.end();
        assert_eq!(said.status, 21, "{said:?}");
    }
}

#[test]
fn payloads_come_from_text_files_stdin_or_nowhere() {
    let (server, folder) = (Server::new(), Folder::new());
    let file = folder.file("payload");
    std::fs::write(&file, b"a\0\xFFb\n").unwrap();
    let big = vec![b'y'; 3_000_000];
    for (flags, stdin, payload) in [
        (&["-m", "-x"][..], &b""[..], &b"-x"[..]),
        (&["-m", ""], b"", b""),
        (&["-n"], b"", b""),
        (&["-f", file.to_str().unwrap()], b"", b"a\0\xFFb\n"),
        (&["-s"], b"one\ntwo\n", b"one\ntwo\n"),
        (&["-s"], &big, &big),
    ] {
        let mut run = Run::start(server.port(), &[&["pub", "-t", "t"], flags].concat());
        run.feed(stdin);
        let (mut raw, _) = server.accept_with(ACCEPT5);
        assert!(payloads(&mut raw) == [payload], "{flags:?}");
        drop(raw);
        assert_eq!(run.end().status, 0);
    }
}

#[test]
fn files_that_cannot_be_read_are_status_14() {
    let server = Server::new();
    for path in ["/nonexistent/file", "/"] {
        let said = Run::start(server.port(), &["pub", "-t", "t", "-f", path]).end();
        assert_eq!(said.status, 14, "{said:?}");
        assert!(said.stderr.contains(path) && said.stderr.lines().count() == 1, "{said:?}");
    }
}

#[test]
fn a_refused_message_is_status_65() {
    let server = Server::new();
    let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "-q", "1"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    raw.send(&packet(0x40, &[&[0, 1, 0x87], &[6, 0x1F], &text("no!")]));
    raw.expect(&[0xE0, 0]);
    drop(raw);
    let said = run.end();
    assert_eq!(said.status, 65);
    assert!(said.stderr.contains("not authorized") && said.stderr.contains("no!"), "{said:?}");
    // A broker that takes packets of at most 20 bytes.
    let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "0123456789012345"]);
    let (mut raw, _) = server.accept_with(&[0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 20]);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 65);
}

#[test]
fn a_connection_that_breaks_before_the_acknowledgement_is_status_7() {
    for last in [&[][..], &[0xE0, 1, 0x8B]] {
        let server = Server::new();
        let run = Run::start(server.port(), &["pub", "-t", "t", "-m", "x", "-q", "1"]);
        let (mut raw, _) = server.accept_with(ACCEPT5);
        raw.packet();
        // It does not come back.
        drop(server);
        raw.send(last);
        drop(raw);
        let said = run.end();
        assert_eq!(said.status, 7, "{said:?}");
    }
}

#[test]
fn lines_are_messages_whatever_is_in_them() {
    let server = Server::new();
    let long = vec![b'z'; 1_000_000];
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l"]);
    let lines = [&b"one"[..], b"", b"nul \0 and \xFF", &long, b"no newline"];
    run.feed(&lines.join(&b'\n'));
    let (mut raw, _) = server.accept_with(ACCEPT5);
    assert!(payloads(&mut raw) == lines);
    drop(raw);
    assert_eq!(run.end().status, 0);
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l"]);
    run.feed(b"");
    let (mut raw, _) = server.accept_with(ACCEPT5);
    assert!(payloads(&mut raw).is_empty());
    drop(raw);
    assert_eq!(run.end().status, 0);
}

#[test]
fn a_line_is_sent_when_it_is_there() {
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    let mut stdin = run.stdin();
    for line in [&b"a"[..], b"b"] {
        stdin.write_all(&[line, b"\n"].concat()).unwrap();
        raw.expect(&publish5(0x30, "t", None, line));
    }
    drop(stdin);
    raw.expect(&[0xC0, 0]);
    raw.send(&[0xD0, 0]);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 0);
}

#[test]
fn no_more_lines_are_in_flight_than_the_window_has_room_for() {
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l", "-q", "1"]);
    run.feed(b"a\nb\nc\nd\ne\n");
    // Receive Maximum 2.
    let (mut raw, _) = server.accept_with(&[0x20, 6, 0, 0, 3, 0x21, 0, 2]);
    raw.expect(&publish5(0x32, "t", Some(1), b"a"));
    raw.expect(&publish5(0x32, "t", Some(2), b"b"));
    raw.send(&[0x40, 2, 0, 1]);
    raw.expect(&publish5(0x32, "t", Some(3), b"c"));
    raw.send(&[0x40, 2, 0, 2, 0x40, 3, 0, 3, 0x97]);
    raw.expect(&publish5(0x32, "t", Some(4), b"d"));
    raw.expect(&publish5(0x32, "t", Some(5), b"e"));
    raw.send(&[0x40, 2, 0, 4, 0x40, 2, 0, 5]);
    let (first, _) = raw.packet();
    assert_eq!(first, 0xE0);
    drop(raw);
    let said = run.end();
    assert_eq!(said.status, 65, "one was refused");
    assert!(said.stderr.contains("1 of 5"), "{said:?}");
}

#[test]
fn lines_survive_a_lost_connection() {
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l", "-q", "1"]);
    run.feed(b"a\nb\n");
    let (mut raw, first) = server.accept_with(ACCEPT5);
    raw.expect(&publish5(0x32, "t", Some(1), b"a"));
    raw.expect(&publish5(0x32, "t", Some(2), b"b"));
    raw.send(&[0x40, 2, 0, 1]);
    drop(raw);
    let (mut raw, second) = server.accept_with(&[0x20, 3, 1, 0, 0]);
    assert_eq!(first[7] & 2, 2, "a new session at first");
    assert_eq!(second[7] & 2, 0, "the same session then");
    assert_eq!(first[10..], second[10..], "the same identifier, the same expiry");
    raw.expect(&publish5(0x3A, "t", Some(2), b"b"));
    raw.send(&[0x40, 2, 0, 2]);
    // The session ends with the run.
    raw.expect(&[0xE0, 7, 0, 5, 0x11, 0, 0, 0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 0);
}

#[test]
fn a_broker_that_forgot_the_session_gets_all_again_and_it_is_told() {
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l", "-q", "2"]);
    run.feed(b"a\n");
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&publish5(0x34, "t", Some(1), b"a"));
    drop(raw);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&publish5(0x34, "t", Some(2), b"a"));
    raw.send(&[0x50, 2, 0, 2]);
    raw.expect(&[0x62, 2, 0, 2]);
    raw.send(&[0x70, 2, 0, 2]);
    assert_eq!(raw.packet().0, 0xE0);
    drop(raw);
    let said = run.end();
    assert_eq!(said.status, 0);
    assert!(said.stderr.contains("1 QoS 2 messages may have arrived twice"), "{said:?}");
}

#[test]
fn before_version_5_the_session_is_cleaned_at_the_end() {
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l", "-q", "1", "-V", "311"]);
    run.feed(b"a\n");
    let (mut raw, connect) = server.accept_with(ACCEPT4);
    assert_eq!(connect[7] & 2, 0, "a session that can be resumed");
    raw.packet();
    raw.send(&[0x40, 2, 0, 1]);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    let (mut raw, again) = server.accept_with(ACCEPT4);
    assert_eq!((again[7] & 2, &again[10..]), (2, &connect[10..]));
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 0);
}

#[test]
fn credentials_refused_on_the_way_end_it_at_once() {
    let server = Server::new();
    let mut run = Run::start(server.port(), &["pub", "-t", "t", "-l", "-q", "1"]);
    run.feed(b"a\n");
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    drop(raw);
    server.accept_with(&[0x20, 3, 0, 0x86, 0]);
    let said = run.end();
    assert_eq!(said.status, 0x86);
    assert!(said.stderr.contains("1 messages were not acknowledged"), "{said:?}");
}

#[test]
fn every_line_arrives_through_our_broker_and_through_mosquittos_clients() {
    let broker = Broker::start(&[]);
    let folder = Folder::new();
    let input: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
    for qos in ["1", "2"] {
        let ready = folder.file(qos);
        let ready_flag = ready.to_str().unwrap();
        let sub = Run::start(
            broker.port,
            &["sub", "-t", "t", "-q", qos, "-C", "20000", "--ready-file", ready_flag],
        );
        while !ready.exists() {
            std::thread::yield_now();
        }
        let mut run = Run::start(broker.port, &["pub", "-t", "t", "-q", qos, "-l"]);
        run.feed(input.as_bytes());
        assert_eq!(run.end().status, 0);
        let said = sub.end();
        assert_eq!(said.status, 0);
        assert!(said.stdout == input.as_bytes(), "all lines, once, in their order");
    }
    if has_peer("mosquitto_sub") {
        let port = broker.port.to_string();
        let out = std::process::Command::new("mosquitto_pub")
            .args(["-p", &port, "-t", "kept", "-m", "hello", "-r", "-q", "1"])
            .status();
        assert!(out.unwrap().success());
        let said = Run::start(broker.port, &["sub", "-t", "kept", "-v", "-C", "1"]).end();
        assert_eq!((said.status, said.stdout.as_slice()), (0, &b"kept hello\n"[..]));
    }
}
