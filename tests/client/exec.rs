//! `sub --exec`: a command for each message.

use std::time::{Duration, Instant};

use crate::run::{ACCEPT5, Polite, Run, Server};
use crate::support::{Folder, PATIENCE, packet, text};

fn message(qos: u8, id: u8, payload: &str) -> Vec<u8> {
    let id: &[u8] = if qos == 0 { &[] } else { &[0, id] };
    packet(0x30 | qos << 1, &[&text("t"), id, &[0], payload.as_bytes()])
}

fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_there() {
        assert!(Instant::now() < end, "waited for {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[test]
fn the_payload_is_on_stdin_and_the_rest_in_the_environment() {
    let properties = [vec![3], text("text/plain"), vec![0x26], text("my key"), text("$(boom)")].concat();
    let publish =
        packet(0x31, &[&text("a/$(boom)"), &[properties.len() as u8], &properties, b"line\n\0\xFF"]);
    let command = "cat; printf '|%s|%s|%s|%s|%s' \"$MQTT_TOPIC\" $MQTT_QOS $MQTT_RETAIN $MQTT_CONTENT_TYPE \"$MQTT_USER_PROPERTY_MY_KEY\"";
    let (_, said) = Polite::new(&[publish]).talk(&["sub", "-t", "#", "-C", "1", "--exec", command]);
    assert_eq!(said.stdout, b"line\n\0\xFF|a/$(boom)|0|1|text/plain|$(boom)", "{said:?}");
    assert_eq!(said.status, 0);
}

/// Linux starts no command with a variable of more than 128 KiB, or more than 2 MiB in all.
#[test]
fn properties_too_large_for_the_environment_are_left_out() {
    let user_property = [vec![0x26], text("k"), text("v".repeat(60_000))].concat();
    let properties = [user_property.repeat(60), vec![9], text([0xFF; 65_535]), vec![3], text("a/b")].concat();
    let len = properties.len();
    let len = [
        len as u8 & 0x7F | 0x80,
        (len >> 7) as u8 & 0x7F | 0x80,
        (len >> 14) as u8 | 0x80,
        (len >> 21) as u8,
    ];
    let publish = packet(0x30, &[&text("t"), &len, &properties, b"x"]);
    let command = "printf '%s|%s|%s' $MQTT_CONTENT_TYPE ${#MQTT_USER_PROPERTY_K} $MQTT_OMITTED_PROPERTIES";
    let (_, said) = Polite::new(&[publish]).talk(&["sub", "-t", "t", "-C", "1", "--exec", command]);
    assert_eq!((String::from_utf8_lossy(&said.stdout), said.status), ("a/b|60000|44".into(), 0), "{said:?}");
    assert!(said.stderr.contains("message on t: 44 of its properties left out"), "{said:?}");
}

#[test]
fn commands_run_one_after_the_other_unless_more_are_allowed() {
    let messages: Vec<_> = (0..20).map(|number| message(0, 0, &format!("{number}\n"))).collect();
    let (_, said) = Polite::new(&messages).talk(&["sub", "-t", "t", "-C", "20", "--exec", "cat"]);
    let expected: String = (0..20).map(|number| format!("{number}\n")).collect();
    assert_eq!((String::from_utf8(said.stdout).unwrap(), said.status), (expected, 0));

    // Two that wait for each other: only side by side do they end.
    let folder = Folder::new();
    let path = folder.file("");
    let command = format!(
        "cd {}; touch $(cat); while ! test -e 1 || ! test -e 2; do sleep 0.01; done",
        path.to_str().unwrap()
    );
    let both = [message(0, 0, "1"), message(0, 0, "2")];
    let (_, said) =
        Polite::new(&both).talk(&["sub", "-t", "t", "-C", "2", "--exec", &command, "--jobs", "2"]);
    assert_eq!(said.status, 0, "{said:?}");
}

#[test]
fn a_message_is_acknowledged_when_its_command_has_ended_and_in_order() {
    let (server, folder) = (Server::new(), Folder::new());
    let path = folder.file("");
    let command = format!(
        "cd {}; n=$(cat); touch began$n; while ! test -e end$n; do sleep 0.01; done",
        path.to_str().unwrap()
    );
    let run = Run::start(
        server.port(),
        &["sub", "-t", "t", "-q", "1", "-C", "3", "--exec", &command, "--jobs", "2"],
    );
    let (mut raw, connect) = server.accept_with(ACCEPT5);
    // Receive Maximum: twice as many as may run.
    assert_eq!(connect[10..14], [3, 0x21, 0, 4]);
    raw.packet();
    raw.send(&[0x90, 4, 0, 1, 0, 1]);
    raw.send(&[message(1, 1, "1"), message(1, 2, "2"), message(1, 3, "3")].concat());
    wait_for("two commands", || folder.file("began1").exists() && folder.file("began2").exists());
    assert!(!folder.file("began3").exists(), "no more than two at once");
    std::fs::write(folder.file("end2"), "").unwrap();
    wait_for("the third", || folder.file("began3").exists());
    std::fs::write(folder.file("end1"), "").unwrap();
    raw.expect(&[0x40, 2, 0, 1, 0x40, 2, 0, 2]);
    std::fs::write(folder.file("end3"), "").unwrap();
    raw.expect(&[0x40, 2, 0, 3, 0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 0);
}

/// NATS 2.14 sends a message again, with DUP, as long as it is not acknowledged.
#[test]
fn a_message_that_is_sent_again_runs_no_second_command() {
    let (server, folder) = (Server::new(), Folder::new());
    let path = folder.file("");
    let command = format!(
        "cd {}; n=$(cat); echo $n >>runs; while ! test -e end$n; do sleep 0.01; done",
        path.to_str().unwrap()
    );
    let run = Run::start(
        server.port(),
        &["sub", "-t", "t", "-q", "1", "-C", "3", "--exec", &command, "--jobs", "2"],
    );
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    raw.send(&[0x90, 4, 0, 1, 0, 1]);
    let again = |id: u8, payload: &str| {
        let mut bytes = message(1, id, payload);
        bytes[0] |= 8;
        bytes
    };
    let runs = || std::fs::read_to_string(folder.file("runs")).unwrap_or_default();
    // While its command runs.
    raw.send(&[message(1, 1, "a"), again(1, "a")].concat());
    wait_for("the first command", || runs() == "a\n");
    std::fs::write(folder.file("enda"), "").unwrap();
    raw.expect(&[0x40, 2, 0, 1]);
    // When it has ended: it is acknowledged again, for the broker did not get the acknowledgement in time.
    raw.send(&again(1, "a"));
    raw.expect(&[0x40, 2, 0, 1]);
    // Another message with the same identifier is a new one, whatever its DUP says.
    raw.send(&again(1, "b"));
    wait_for("the second command", || runs() == "a\nb\n");
    std::fs::write(folder.file("endb"), "").unwrap();
    raw.expect(&[0x40, 2, 0, 1]);
    // And so is the same text without DUP.
    raw.send(&message(1, 1, "b"));
    raw.expect(&[0x40, 2, 0, 1]);
    assert_eq!(runs(), "a\nb\nb\n");
    drop(raw);
    assert_eq!(run.end().status, 0);
}

#[test]
fn a_command_that_fails_is_told_and_is_status_69() {
    let messages = [message(0, 0, "0"), message(0, 0, "1"), message(0, 0, "2")];
    let (_, said) = Polite::new(&messages).talk(&["sub", "-t", "t", "-C", "3", "--exec", "exit $(cat)"]);
    assert_eq!(said.status, 69, "{said:?}");
    assert!(said.stderr.contains("exit status: 1") && said.stderr.contains("2 commands failed"), "{said:?}");
}

#[test]
fn a_long_command_costs_no_connection() {
    // Much longer than the keep alive, while the broker goes on sending.
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "t", "-k", "1", "-C", "2", "--exec", "sleep 2.5"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    raw.send(&[0x90, 4, 0, 1, 0, 0]);
    raw.send(&[message(0, 0, "1"), message(0, 0, "2")].concat());
    let mut pings = 0;
    loop {
        match raw.packet() {
            (0xC0, _) => {
                pings += 1;
                raw.send(&[0xD0, 0]);
            }
            (0xE0, _) => break,
            other => panic!("{other:02x?}"),
        }
    }
    assert!(pings >= 3, "it kept alive");
    drop(raw);
    assert_eq!(run.end().status, 0);
}
