//! Which messages are printed, published from lines, repeated or cleared.

use crate::run::{ACCEPT5, Run, Server};
use crate::support::{Broker, packet, text};

fn message(first: u8, topic: &str, payload: &str) -> Vec<u8> {
    packet(first, &[&text(topic), &[0], payload.as_bytes()])
}

/// What is printed of four messages, two of them retained, and an end.
fn printed(flags: &[&str]) -> String {
    let server = Server::new();
    let run = Run::start(server.port(), &[&["sub", "-t", "#", "-v"], flags].concat());
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    raw.send(&[0x90, 4, 0, 1, 0, 0]);
    let all = [("a", 0x31), ("a/b", 0x31), ("c", 0x30), ("a/d", 0x30), ("end", 0x30)];
    raw.send(&all.map(|(topic, first)| message(first, topic, "x")).concat());
    raw.expect(&[0xE0, 0]);
    drop(raw);
    let said = run.end();
    assert_eq!(said.status, 0, "{said:?}");
    String::from_utf8(said.stdout).unwrap().replace(" x\n", " ")
}

#[test]
fn messages_are_left_out_and_not_counted() {
    assert_eq!(printed(&["-C", "5"]), "a a/b c a/d end ");
    assert_eq!(printed(&["-C", "3", "-R"]), "c a/d end ");
    assert_eq!(printed(&["-C", "2", "-T", "a/#"]), "c end ");
    assert_eq!(printed(&["--retained-only"]), "a a/b ");
    assert_eq!(printed(&["-C", "3", "-F", "%t x"]), "a a/b c ");
    assert_eq!(printed(&["--random-filter", "100", "-C", "5"]), "a a/b c a/d end ");
}

#[test]
fn subscribing_may_be_all_there_is_to_do() {
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "t", "-E", "-R", "--retain-as-published"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&packet(0x82, &[&[0, 1, 0], &text("t"), &[0x28]]));
    raw.send(&[0x90, 4, 0, 1, 0, 0]);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 0);
    let run = Run::start(server.port(), &["sub", "-U", "t", "-i", "c", "-c"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&packet(0xA2, &[&[0, 1, 0], &text("t")]));
    raw.send(&[0xB0, 4, 0, 1, 0, 0]);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 0);
}

#[test]
fn silence_is_status_66() {
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "t", "--idle-timeout", "0.3"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    raw.send(&[0x90, 4, 0, 1, 0, 0]);
    raw.send(&message(0x30, "t", "x"));
    raw.expect(&[0xE0, 1, 4]);
    drop(raw);
    let said = run.end();
    assert_eq!((said.status, said.stdout.as_slice()), (66, &b"x\n"[..]));
}

#[test]
fn retained_messages_are_cleared_in_bulk() {
    let broker = Broker::start(&[]);
    let mut run = Run::start(broker.port, &["pub", "--lines-with-topic", "-r", "-q", "1"]);
    let lines: String = (0..3000).map(|number| format!("kept/{number}\tx\n")).collect();
    run.feed(lines.as_bytes());
    assert_eq!(run.end().status, 0);
    let flags = ["sub", "-t", "kept/#", "-v", "--remove-retained", "-C", "3000", "-W", "20"];
    let said = Run::start(broker.port, &[&flags[..], &["--dry-run", "--idle-timeout", "0.5"]].concat()).end();
    let would = String::from_utf8(said.stdout).unwrap();
    assert_eq!(would.lines().filter(|line| line.starts_with("would clear kept/")).count(), 3000);
    assert_eq!(Run::start(broker.port, &flags).end().status, 0);
    let said =
        Run::start(broker.port, &["sub", "-t", "kept/#", "--retained-only", "--idle-timeout", "0.3"]).end();
    assert_eq!((said.status, said.stdout.as_slice()), (66, &b""[..]), "nothing is left");
}

#[test]
fn lines_may_begin_with_their_topic_or_end_with_nul() {
    let server = Server::new();
    for (flags, input, expected) in [
        (&["--lines-with-topic"][..], &b"a/b x y\nc\t\n"[..], &[("a/b", "x y"), ("c", "")][..]),
        (&["--lines-with-topic", "--delimiter", ","], b"a b,x,y\n", &[("a b", "x,y")]),
        (&["-l", "-0", "-t", "t"], b"a\nb\0c", &[("t", "a\nb"), ("t", "c")]),
    ] {
        let mut run = Run::start(server.port(), &[&["pub"], flags].concat());
        run.feed(input);
        let (mut raw, _) = server.accept_with(ACCEPT5);
        for (topic, payload) in expected {
            raw.expect(&message(0x30, topic, payload));
        }
        // Has it all been read?
        raw.expect(&[0xC0, 0]);
        raw.send(&[0xD0, 0]);
        raw.expect(&[0xE0, 0]);
        drop(raw);
        assert_eq!(run.end().status, 0);
    }
    let mut run = Run::start(server.port(), &["pub", "--lines-with-topic"]);
    run.feed(b"a/# x\n\xFF x\nok x\n");
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.expect(&message(0x30, "ok", "x"));
    raw.expect(&[0xC0, 0]);
    raw.send(&[0xD0, 0]);
    raw.packet();
    drop(raw);
    let said = run.end();
    assert_eq!(said.status, 65);
    assert!(said.stderr.contains("line 1") && said.stderr.contains("line 2"), "{said:?}");
}

#[test]
fn a_message_may_be_repeated_with_an_alias() {
    let server = Server::new();
    let flags = [
        "pub",
        "-t",
        "t",
        "-m",
        "x",
        "--repeat",
        "3",
        "--repeat-delay",
        "0.01",
        "-D",
        "publish",
        "topic-alias",
        "1",
    ];
    let run = Run::start(server.port(), &flags);
    let (mut raw, _) = server.accept_with(&[0x20, 6, 0, 0, 3, 0x22, 0, 5]);
    raw.expect(&packet(0x30, &[&text("t"), &[3, 0x23, 0, 1], b"x"]));
    raw.expect(&packet(0x30, &[&text(""), &[3, 0x23, 0, 1], b"x"]));
    raw.expect(&packet(0x30, &[&text(""), &[3, 0x23, 0, 1], b"x"]));
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 0);
}

#[test]
fn a_ping_asks_whether_the_broker_answers() {
    let broker = Broker::start(&[]);
    assert_eq!(Run::start(broker.port, &["pub", "--ping"]).end().status, 0);
    let free = Server::new().port();
    assert_eq!(Run::start(free, &["pub", "--ping"]).end().status, 1);
}
