//! What is only done on a terminal, which `script` plays: a password without echo, the progress of a long publication.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use crate::run::Polite;
use crate::support::{Broker, CONNACK4, PATIENCE, connect4, packet, text};

/// Runs this in a shell on a terminal.
fn on_a_terminal(command: &str) -> Child {
    Command::new("script")
        .args(["-qec", command, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn skeeter(flags: &str, port: u16) -> String {
    format!("{} {flags} -h 127.0.0.1 -p {port}", assert_cmd::cargo::cargo_bin!("skeeter").display())
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let server = Polite::new(&[]);
    let command = format!("tty; {}", skeeter("pub -t t -m x -u me --ask-password", server.port()));
    let mut child = on_a_terminal(&command);
    let mut stdout = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    while !shown.ends_with(b"Password: ") {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        shown.push(byte[0]);
    }
    // The echo goes off a moment after the question has been asked.
    let terminal = String::from_utf8(shown.clone()).unwrap().lines().next().unwrap().to_owned();
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let modes = Command::new("stty").args(["-F", &terminal, "-a"]).output().unwrap();
        if String::from_utf8_lossy(&modes.stdout).contains(" -echo ") {
            break;
        }
        assert!(std::time::Instant::now() < end, "the echo stays on");
    }
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"s3cret\n").unwrap();
    let packets = server.serve();
    assert!(packets[0].1.ends_with(&[text("me"), text("s3cret")].concat()));
    drop(stdin);
    stdout.read_to_end(&mut shown).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!String::from_utf8_lossy(&shown).contains("s3cret"), "{shown:?}");
}

#[test]
fn a_long_publication_shows_how_far_it_is() {
    let broker = Broker::start(&[]);
    // More than can be sent before the progress is first shown, however fast it goes.
    let command = format!("seq 1000000000 | {}", skeeter("pub -t t -l -q 1", broker.port));
    let mut child = on_a_terminal(&command);
    let (mut stdout, mut shown) = (child.stdout.take().unwrap(), Vec::new());
    while !String::from_utf8_lossy(&shown).contains("in flight") {
        let mut bytes = [0; 256];
        let count = stdout.read(&mut bytes).unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&bytes[..count]);
    }
    // Its terminal goes with it, and with that all that runs there.
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_message_does_not_act_on_the_terminal_but_stays_as_it_is_in_a_pipe() {
    let broker = Broker::start(&["--allow-control-characters"]);
    let (topic, payload) = ("e/\u{1b}]0;x\u{7}\n", "p\u{1b}[2J\nsecond \u{9b}ü");
    let mut publisher = broker.connect();
    publisher.send(&connect4("p", true));
    publisher.expect(&CONNACK4);
    publisher.send(&packet(0x33, &[&text(topic), &[0, 1], payload.as_bytes()]));
    publisher.expect(&[0x40, 2, 0, 1]);
    let shown = |flags: &str| {
        let command = skeeter(&format!("sub -t 'e/#' -C 1 {flags}"), broker.port);
        String::from_utf8(on_a_terminal(&command).wait_with_output().unwrap().stdout).unwrap()
    };
    let escaped = r"p\u{1b}[2J".to_owned() + "\r\n" + r"second \u{9b}ü" + "\r\n";
    assert_eq!(shown(""), escaped);
    let verbose = shown("-v");
    assert!(
        verbose.contains(r"e/\u{1b}]0;x\u{7}\n") && verbose.ends_with(&format!(" {escaped}")),
        "{verbose:?}"
    );
    assert_eq!(
        shown("-F '%t %p'"),
        format!("{} {}\r\n", r"e/\u{1b}]0;x\u{7}\n", payload.replace('\n', "\r\n"))
    );
    let piped = skeeter("sub -t 'e/#' -C 1 -v", broker.port);
    let piped = Command::new("sh").args(["-c", &piped]).output().unwrap().stdout;
    assert_eq!(String::from_utf8(piped).unwrap(), format!("{topic} {payload}\n"));
}
