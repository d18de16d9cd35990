//! What people look at: screens, rates, colour; and that programs see none of it.

use crate::run::{ACCEPT5, Polite, Run, Server};
use crate::support::{packet, text};

fn message(topic: &str, payload: &str) -> Vec<u8> {
    packet(0x30, &[&text(topic), &[0], payload.as_bytes()])
}

#[test]
fn each_topic_has_a_line_of_the_screen() {
    let server = Polite::new(&[message("a", "1"), message("b", "2\x1b[H"), message("a", "3")]);
    for flag in ["-w", "--watch"] {
        let (_, said) = server.talk(&["sub", "-t", "#", "-C", "3", "-v", flag]);
        let broker = format!("127.0.0.1:{}", server.port());
        let expected = format!(
            "\x1b[2J\x1b[1;1HBroker: {broker}\n\x1b[2;1H\x1b[2Ka 1\x1b[3;1H\x1b[2Kb 2 [H\x1b[2;1H\x1b[2Ka 3\x1b[4;1H"
        );
        assert_eq!((String::from_utf8(said.stdout).unwrap(), said.status), (expected, 0));
    }
}

#[test]
fn nothing_but_messages_goes_to_a_pipe() {
    let server = Polite::new(&[message("a", "1"), message("b", "2")]);
    let (_, said) = server.talk(&["sub", "-t", "#", "-C", "2", "-v", "--stats"]);
    assert_eq!((said.stdout.as_slice(), said.stderr.as_str()), (&b"a 1\nb 2\n"[..], ""));
}

/// What a command shows on a terminal, which `script` plays.
#[cfg(target_os = "linux")]
fn on_a_terminal(server: &Polite, flags: &str, environment: &[(&str, &str)]) -> String {
    let binary = assert_cmd::cargo::cargo_bin!("skeeter").display();
    let command = format!("{binary} {flags} -h 127.0.0.1 -p {}", server.port());
    let child = std::process::Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR")
        .env_remove("CLICOLOR_FORCE")
        // Where it is set, a dumb terminal is taken for one that knows colours.
        .env_remove("CI")
        .envs(environment.iter().copied())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    server.serve();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn topics_have_colour_on_terminals_only_and_not_where_it_is_unwanted() {
    let server = Polite::new(&[message("a", "1")]);
    let flags = "sub -t a -C 1 -v";
    assert_eq!(on_a_terminal(&server, flags, &[]), "\x1b[36ma\x1b[0m 1\r\n");
    assert_eq!(on_a_terminal(&server, flags, &[("NO_COLOR", "1")]), "a 1\r\n");
    assert_eq!(on_a_terminal(&server, flags, &[("TERM", "dumb")]), "a 1\r\n");
}

#[cfg(target_os = "linux")]
#[test]
fn rates_are_shown_on_a_terminal() {
    let server = Polite::new(&[message("a", "1"), message("a", "2")]);
    let shown = on_a_terminal(&server, "sub -t a -W 2.5 --stats", &[]);
    assert!(shown.contains("2 messages") && shown.contains("/s"), "{shown:?}");
}

#[test]
fn rates_may_stand_in_for_messages() {
    let server = Polite::new(&[message("a", "1"), message("a", "2"), message("a", "3")]);
    let (_, said) = server.talk(&["sub", "-t", "a", "--message-rate", "-C", "1", "-W", "2.5"]);
    let lines = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status, 27, "-C has no effect: {lines}");
    assert!(lines.lines().any(|line| line == "3 msgs/s"), "{lines}");
    assert!(lines.lines().all(|line| line.ends_with(" msgs/s")), "{lines}");
}

#[test]
fn json_may_be_laid_out_for_people() {
    let server = Polite::new(&[message("a", r#"{"x":[1,2]}"#)]);
    let (_, said) = server.talk(&["sub", "-t", "a", "-C", "1", "-F", "%J", "--pretty"]);
    let lines = String::from_utf8(said.stdout).unwrap();
    assert!(lines.ends_with("\t\"payload\":\t{\n\t\t\"x\":\t[1, 2]\n\t}\n}\n"), "{lines}");
}

#[test]
fn retained_messages_are_asked_for_as_told() {
    let (server, requests) = (Polite::new(&[message("a", "1")]), Server::new());
    for (flags, options) in [
        (&[][..], 0),
        (&["--retain-handling", "always"], 0),
        (&["--retain-handling", "new"], 0x10),
        (&["--retain-handling", "never"], 0x20),
        (&["--retain-handling", "new", "-R"], 0x20),
        (&["--retain-as-published"], 8),
    ] {
        let subscribe = |base: &[&str]| {
            let (packets, said) = server.talk(&[base, flags].concat());
            assert_eq!(said.status, 0, "{said:?}");
            packets[1].1.last().copied().unwrap()
        };
        assert_eq!(subscribe(&["sub", "-t", "a", "-C", "1"]), options, "{flags:?}");
        let run = Run::start(requests.port(), &[&["rr", "-t", "t", "-n", "-e", "a"], flags].concat());
        let (mut raw, _) = requests.accept_with(ACCEPT5);
        // What is retained there could not be told from a response that is.
        let options = if options == 8 { 0x28 } else { options };
        assert_eq!(raw.packet().1.last(), Some(&options), "{flags:?}");
        raw.send(&[0x90, 4, 0, 1, 0, 0x80]);
        while raw.try_packet().is_some() {}
        assert_eq!(run.end().status, 64);
    }
    let said = Run::start(Server::new().port(), &["sub", "-t", "a", "--retain-handling", "perhaps"]).end();
    assert_eq!(said.status, 2);
}
