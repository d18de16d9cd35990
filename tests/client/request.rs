//! `skeeter rr`.

use crate::run::{ACCEPT5, Run, Server};
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
