//! `sub --where` and `sub --until`.

use crate::run::{Polite, Run};
use crate::support::{packet, text};

fn messages() -> Vec<Vec<u8>> {
    [
        ("a/1", r#"{"temperature": 20, "status": "ok"}"#),
        ("a/2", r#"{"temperature": 31.5, "status": "hot"}"#),
        ("a/3", "not json"),
        ("a/4", r#"{"temperature": 40, "status": "ok"}"#),
        ("a/5", r#"{"temperature": 10, "status": "end"}"#),
    ]
    .map(|(topic, payload)| packet(0x31, &[&text(topic), &[0], payload.as_bytes()]))
    .to_vec()
}

/// What is printed, topics only, and the status.
fn run(flags: &[&str]) -> (String, i32) {
    let (_, said) = Polite::new(&messages()).talk(&[&["sub", "-t", "#", "-F", "%t"], flags].concat());
    (String::from_utf8(said.stdout).unwrap().replace('\n', " "), said.status)
}

#[test]
fn only_messages_for_which_it_is_true_are_printed_and_counted() {
    assert_eq!(run(&["--where", "temperature > 30", "-C", "2"]), ("a/2 a/4 ".to_owned(), 0));
    assert_eq!(run(&["--where", "topic == 'a/3'", "-C", "1"]), ("a/3 ".to_owned(), 0));
    assert_eq!(run(&["--where", "payload == 'not json'", "-C", "1"]), ("a/3 ".to_owned(), 0));
}

#[test]
fn the_message_for_which_it_is_true_is_the_last() {
    assert_eq!(run(&["--until", "status == 'end'"]), ("a/1 a/2 a/3 a/4 a/5 ".to_owned(), 0));
    assert_eq!(
        run(&["--until", "temperature >= 40", "--where", "status == 'ok'"]),
        ("a/1 a/4 ".to_owned(), 0)
    );
    // Another end came first.
    assert_eq!(run(&["--until", "status == 'end'", "-C", "2"]), ("a/1 a/2 ".to_owned(), 68));
}

#[test]
fn what_was_never_true_is_told_with_its_reason() {
    let mut all = messages();
    all.push(packet(0x30, &[&text("live"), b"\0x"]));
    for (flags, why) in [
        (&["--where", "temprature > 3"][..], "temprature"),
        (&["--where", "topic == 'b'"], "--where: the condition was true for no message"),
        (&["--until", "status == 5"], "--until: the condition never became true"),
    ] {
        let (_, said) = Polite::new(&all).talk(&[&["sub", "-t", "#", "--retained-only"], flags].concat());
        assert_eq!(said.status, 68, "{said:?}");
        assert!(said.stderr.contains(why) && said.stderr.lines().count() == 1, "{said:?}");
    }
    // The statuses of time go first.
    let (_, said) = Polite::new(&[]).talk(&["sub", "-t", "#", "--until", "true", "--idle-timeout", "0.2"]);
    assert_eq!(said.status, 66, "{said:?}");
    let (_, said) = Polite::new(&[]).talk(&["sub", "-t", "#", "--until", "true", "-W", "0.5"]);
    assert_eq!(said.status, 27, "{said:?}");
}

#[test]
fn a_condition_that_cannot_be_read_is_status_2() {
    for flag in ["--where", "--until"] {
        let said = Run::start(1, &["sub", "-t", "#", flag, "temperature >"]).end();
        assert_eq!(said.status, 2, "{said:?}");
        assert!(said.stderr.contains(flag) && said.stderr.lines().count() == 1, "{said:?}");
    }
}
