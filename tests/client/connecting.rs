//! Finding the broker, being let in, and the exit status when that fails.

use crate::run::{ACCEPT4, ACCEPT5, Run, Server};
use crate::support::{packet, text};

const PUB: &[&str] = &["pub", "-t", "t", "-m", "x"];

fn with<'a>(base: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [base, more].concat()
}

#[test]
fn the_version_is_5_and_falls_back_to_3_1_1() {
    let server = Server::new();
    let run = Run::start(server.port(), PUB);
    // A server of 3.1.1 refuses the level, another one just closes.
    let (_, connect) = server.accept_with(&[0x20, 2, 0, 1]);
    assert_eq!(connect[..7], *b"\0\x04MQTT\x05");
    let (mut raw, connect) = server.accept_with(ACCEPT4);
    assert_eq!(connect[..7], *b"\0\x04MQTT\x04");
    raw.expect(&packet(0x30, &[&text("t"), b"x"]));
    raw.expect(&[0xE0, 0]);
    raw.expect_closed(); // [v3 MQTT-3.14.4-1]
    assert_eq!(run.end().status, 0);

    let run = Run::start(server.port(), PUB);
    server.accept().packet();
    let (mut raw, _) = server.accept_with(ACCEPT4);
    raw.expect(&packet(0x30, &[&text("t"), b"x"]));
    raw.shut();
    assert_eq!(run.end().status, 0);
}

#[test]
fn a_version_that_was_asked_for_is_kept() {
    let server = Server::new();
    for (flag, start) in
        [("31", &b"\0\x06MQIsdp\x03"[..]), ("mqttv311", b"\0\x04MQTT\x04"), ("5", b"\0\x04MQTT\x05")]
    {
        let run = Run::start(server.port(), &with(PUB, &["-V", flag]));
        let (_, connect) = server.accept_with(&[0x20, 2, 0, 1]);
        assert_eq!(connect[..start.len()], *start);
        let said = run.end();
        assert!(said.status == 1 || said.status == 0x84, "{said:?}");
    }
}

#[test]
fn connect_says_what_the_flags_say() {
    let server = Server::new();
    let flags = ["-i", "me", "-u", "ann", "-P", "secret", "-k", "7", "-V", "311", "-c"];
    let run = Run::start(server.port(), &with(PUB, &flags));
    let (raw, connect) = server.accept_with(ACCEPT4);
    let expected = [text("MQTT"), vec![4, 0xC0, 0, 7], text("me"), text("ann"), text("secret")].concat();
    assert_eq!(connect, expected);
    drop(raw);
    run.end();
}

#[test]
fn the_environment_names_the_broker_and_flags_win() {
    let server = Server::new();
    let port = server.port().to_string();
    let url = format!("mqtt://ann:s%40c@127.0.0.1:{port}/from/url");
    for environment in
        [&[("MQTT_URL", url.as_str())][..], &[("MQTT_HOST", "127.0.0.1"), ("MQTT_PORT", &port)]]
    {
        let run = Run::start_bare(&["pub", "-m", "x", "-t", "t"], environment);
        let (raw, connect) = server.accept_with(ACCEPT5);
        let has_user = connect.windows(3).any(|part| part == b"ann");
        assert_eq!(has_user, environment.len() == 1);
        drop(raw);
        assert_eq!(run.end().status, 0);
    }
    let wrong =
        [("MQTT_HOST", "203.0.113.1"), ("MQTT_PORT", "1"), ("MQTT_USERNAME", "bob"), ("MQTT_PASSWORD", "pw")];
    let run = Run::start_bare(&["pub", "-m", "x", &url], &wrong);
    let (mut raw, connect) = server.accept_with(ACCEPT5);
    assert!(connect.ends_with(&[text("ann"), text("s@c")].concat()));
    raw.expect(&packet(0x30, &[&text("from/url"), b"\0x"]));
    drop(raw);
    run.end();
    let run = Run::start_with(server.port(), PUB, &wrong);
    let (raw, connect) = server.accept_with(ACCEPT5);
    assert!(connect.ends_with(&[text("bob"), text("pw")].concat()));
    drop(raw);
    run.end();
}

#[test]
fn the_status_of_a_refusal_is_its_code() {
    let server = Server::new();
    for (version, connack, status) in [
        ("5", &[0x20, 3, 0, 0x87, 0][..], 0x87),
        ("5", &[0x20, 3, 0, 0x86, 0], 0x86),
        ("311", &[0x20, 2, 0, 5], 5),
        ("311", &[0x20, 2, 0, 2], 2),
    ] {
        for command in [PUB, &["sub", "-t", "t"]] {
            let run = Run::start(server.port(), &with(command, &["-V", version]));
            server.accept_with(connack);
            let said = run.end();
            assert_eq!(said.status, status, "{said:?}");
            assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
        }
    }
}

/// A code that the version does not define is a refusal all the same.
#[test]
fn a_refusal_with_an_undefined_code_names_it() {
    let server = Server::new();
    for (version, connack, status, told) in [
        ("311", &[0x20, 2, 0, 128][..], 128, "with code 128"),
        ("31", &[0x20, 2, 0, 6], 1, "with code 6"),
        ("5", &[0x20, 3, 0, 0xF0, 0], 0xF0, "0xF0"),
        ("5", &[0x20, 3, 0, 5, 0], 5, "0x05"),
        // As 3.1.1 says it.
        ("5", &[0x20, 2, 0, 4], 0x86, "bad user name or password"),
    ] {
        for command in [PUB, &["sub", "-t", "t"]] {
            let run = Run::start(server.port(), &with(command, &["-V", version]));
            server.accept_with(connack);
            let said = run.end();
            assert_eq!(said.status, status, "{version} {connack:?}: {said:?}");
            let is_refusal = said.stderr.contains("refused the connection") && said.stderr.contains(told);
            assert!(is_refusal && said.stderr.lines().count() == 1, "{said:?}");
        }
    }
    for (version, accept, suback, told) in [
        ("311", ACCEPT4, &[0x90, 3, 0, 1, 0x87][..], "not authorized (0x87)"),
        ("311", ACCEPT4, &[0x90, 3, 0, 1, 3], "(0x03)"),
        ("5", ACCEPT5, &[0x90, 4, 0, 1, 0, 0xF0], "(0xF0)"),
    ] {
        let run = Run::start(server.port(), &["sub", "-t", "t", "-V", version]);
        let (mut raw, _) = server.accept_with(accept);
        raw.packet();
        raw.send(suback);
        while raw.try_packet().is_some() {}
        let said = run.end();
        assert!(said.status == 64 && said.stderr.contains(told), "{said:?}");
    }
}

#[test]
fn nobody_there_is_status_1_and_wait_waits() {
    let free = Server::new().port();
    let said = Run::start(free, PUB).end();
    assert_eq!(said.status, 1);
    assert!(
        said.stderr.contains(&format!("127.0.0.1:{free}")) && said.stderr.lines().count() == 1,
        "{said:?}"
    );
    assert_eq!(Run::start(free, &with(PUB, &["--wait", "0.05"])).end().status, 1);
    assert_eq!(Run::start(free, &with(PUB, &["--quiet"])).end().stderr, "");

    let server = Server::new();
    let run = Run::start(server.port(), &with(PUB, &["--wait", "20"]));
    for _ in 0..4 {
        // As a broker that is starting does; 5 and 3.1.1 are both tried.
        drop(server.accept());
    }
    let (raw, _) = server.accept_with(ACCEPT5);
    drop(raw);
    assert_eq!(run.end().status, 0);
}

#[test]
fn flags_that_make_no_sense_are_status_2() {
    for arguments in [
        &["pub"][..],
        &["pub", "-t", "t"],
        &["pub", "-m", "x"],
        &["pub", "-t", "a/#", "-m", "x"],
        &["pub", "-t", "t", "-m", "x", "-q", "3"],
        &["pub", "-t", "t", "-m", "x", "-n"],
        &["pub", "-t", "t", "-m", "x", "-c"],
        &["pub", "-t", "t", "-m", "x", "-V", "6"],
        &["pub", "-t", "t", "-m", "x", "-V", "311", "-P", "x"],
        &["pub", "-t", "t", "-m", "x", "--key", "k"],
        &["pub", "http://localhost/t", "-m", "x"],
        &["sub"],
        &["sub", "-t", "a#"],
        &["sub", "-t", "a", "-C", "0"],
        &["sub", "-t", "a", "-W", "x"],
        &["nothing"],
    ] {
        let said = Run::start_bare(arguments, &[]).end();
        assert_eq!(said.status, 2, "{arguments:?}: {said:?}");
        assert!(!said.stderr.is_empty());
    }
    let said = Run::start_bare(&["pub", "-t", "t", "-m", "x"], &[("MQTT_PORT", "x")]).end();
    assert!(said.status == 2 && said.stderr.contains("MQTT_PORT"), "{said:?}");
}

#[test]
fn help_and_version_are_everywhere() {
    for arguments in
        [&["--help"][..], &["pub", "--help"], &["sub", "--help"], &["broker", "--help"], &["broker", "-h"]]
    {
        let said = Run::start_bare(arguments, &[]).end();
        assert_eq!(said.status, 0);
        assert!(String::from_utf8(said.stdout).unwrap().contains("Usage: skeeter"));
    }
    for arguments in
        [&["--version"][..], &["pub", "--version"], &["sub", "--version"], &["broker", "--version"]]
    {
        let said = Run::start_bare(arguments, &[]).end();
        assert_eq!(said.status, 0);
        assert!(String::from_utf8(said.stdout).unwrap().contains(env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn a_server_that_breaks_the_rules_is_status_21() {
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "t"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    raw.send(&[0x90, 4, 0, 1, 0, 0]);
    raw.send(&[0x36, 7, 0, 1, b't', 0, 1, 0, b'x']);
    raw.expect(&[0xE0, 1, 0x81]);
    let said = run.end();
    assert_eq!(said.status, 21, "{said:?}");
    let run = Run::start(server.port(), PUB);
    let mut raw = server.accept();
    raw.packet();
    raw.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert_eq!(run.end().status, 21);
}
