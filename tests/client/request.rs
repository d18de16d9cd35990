//! `skeeter rr`.

use crate::run::{ACCEPT4, ACCEPT5, Run, Server};
use crate::support::{packet, text};

#[test]
fn a_request_carries_its_response_topic_and_the_answer_is_printed() {
    let server = Server::new();
    let run = Run::start(server.port(), &["rr", "-t", "ask", "-e", "answer", "-m", "?", "-v", "-q", "1"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&packet(0x82, &[&[0, 1, 0], &text("answer"), &[1]]));
    raw.send(&[0x90, 4, 0, 1, 0, 1]);
    raw.expect(&packet(0x32, &[&text("ask"), &[0, 2, 9, 8], &text("answer"), b"?"]));
    raw.send(&[0x40, 2, 0, 2]);
    raw.send(&packet(0x32, &[&text("answer"), &[0, 9, 0], b"42"]));
    raw.expect(&[0x40, 2, 0, 9, 0xE0, 0]);
    drop(raw);
    let said = run.end();
    assert_eq!((said.status, said.stdout.as_slice()), (0, &b"answer 42\n"[..]));
}

/// Only what comes after the request, to the response topic and with the correlation data of the request, is its response;
/// above all not what was retained there before, in whichever packet it comes.
#[test]
fn the_request_is_sent_whatever_is_there_already() {
    for (version, correlation) in [("5", false), ("5", true), ("311", false)] {
        let server = Server::new();
        let mut flags = vec!["rr", "-t", "lamp/set", "-e", "lamp/state", "-m", "ON", "-V", version];
        if correlation {
            flags.extend(["-D", "publish", "correlation-data", "id"]);
        }
        let run = Run::start(server.port(), &flags);
        let is_v5 = version == "5";
        let (mut raw, _) = server.accept_with(if is_v5 { ACCEPT5 } else { ACCEPT4 });
        assert_eq!(raw.packet().0, 0x82);
        let none: &[u8] = if is_v5 { &[0] } else { &[] };
        let message = |first: u8, topic: &str, properties: &[u8], payload: &str| {
            packet(first, &[&text(topic), properties, payload.as_bytes()])
        };
        // SUBACK, what is retained, and what happens to come, in one piece.
        raw.send(
            &[
                packet(0x90, &[&[0, 1], none, &[0]]),
                message(0x31, "lamp/state", none, "OFF"),
                message(0x30, "lamp/state", none, "DIMMED"),
            ]
            .concat(),
        );
        let (first, request) = raw.packet();
        assert_eq!((first, request.ends_with(b"ON")), (0x30, true));
        raw.send(&message(0x31, "lamp/state", none, "retained, but late"));
        raw.send(&message(0x30, "lamp/other", none, "another topic"));
        let mut own = none;
        if correlation {
            raw.send(&message(0x30, "lamp/state", none, "no correlation data"));
            raw.send(&message(0x30, "lamp/state", &[5, 9, 0, 2, b'i', b'x'], "those of another request"));
            own = &[5, 9, 0, 2, b'i', b'd'];
        }
        raw.send(&message(0x30, "lamp/state", own, "ON"));
        assert_eq!(raw.packet().0, 0xE0);
        drop(raw);
        let said = run.end();
        assert_eq!((said.status, &said.stdout[..]), (0, &b"ON\n"[..]), "{version} {correlation}: {said:?}");
    }
}

#[test]
fn a_request_that_ends_the_connection_three_times_is_rejected() {
    for (flags, status) in [(&["-n"][..], 65), (&["-n", "-q", "1", "-V", "311"], 65), (&["-n", "-q", "2"], 7)]
    {
        let server = Server::new();
        let run = Run::start(server.port(), &[&["rr", "-t", "ask", "-e", "answer"], flags].concat());
        for _ in 0..if status == 65 { 3 } else { 1 } {
            let is_v5 = !flags.contains(&"311");
            let (mut raw, _) = server.accept_with(if is_v5 { ACCEPT5 } else { ACCEPT4 });
            let (_, body) = raw.packet();
            let none: &[u8] = if is_v5 { &[0] } else { &[] };
            raw.send(&packet(0x90, &[&body[..2], none, &[0]]));
            assert_eq!(raw.packet().0 & 0xF0, 0x30);
        }
        let said = run.end();
        assert_eq!(said.status, status, "{flags:?}: {said:?}");
        assert!(status == 7 || said.stderr.contains("ask"), "{said:?}");
    }
    // The same upon SUBSCRIBE.
    let server = Server::new();
    let run = Run::start(server.port(), &["rr", "-t", "ask", "-e", "answer", "-n"]);
    for _ in 0..3 {
        server.accept_with(ACCEPT5).0.packet();
    }
    let said = run.end();
    assert!(said.status == 64 && said.stderr.contains("answer"), "{said:?}");
}

#[test]
fn no_answer_in_time_is_status_27_and_a_refusal_64() {
    let server = Server::new();
    let run = Run::start(server.port(), &["rr", "-t", "ask", "-e", "answer", "-n", "-W", "1"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    // On a busy machine the time may run out before the SUBSCRIBE is there.
    while let Some((first, _)) = raw.try_packet() {
        if first == 0x82 {
            raw.send(&[0x90, 4, 0, 1, 0, 0]);
        }
    }
    assert_eq!(run.end().status, 27);
    let run = Run::start(server.port(), &["rr", "-t", "ask", "-e", "answer", "-n"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    raw.send(&[0x90, 4, 0, 1, 0, 0x87]);
    while raw.try_packet().is_some() {}
    assert_eq!(run.end().status, 64);
    for bad in [
        &["rr", "-t", "a", "-m", "x"][..],
        &["rr", "-t", "a", "-e", "b"],
        &["rr", "-t", "a", "-e", "b/#", "-n"],
    ] {
        assert_eq!(Run::start(server.port(), bad).end().status, 2, "{bad:?}");
    }
}
