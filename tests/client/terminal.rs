//! What is only done on a terminal, which `script` plays: a password without echo, the progress of a long publication.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use crate::run::Polite;
use crate::support::{Broker, PATIENCE, text};

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
