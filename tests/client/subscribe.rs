//! `skeeter sub`.

use std::process::Stdio;

use crate::run::{ACCEPT5, Polite, Run, Server, has_peer};
use crate::support::{Folder, Raw, packet, skeeter, text, wait};

/// Accepts a subscriber of one filter, up to SUBACK.
fn subscribed(server: &Server) -> Raw {
    let (mut raw, _) = server.accept_with(ACCEPT5);
    let (first, body) = raw.packet();
    assert_eq!(first, 0x82);
    raw.send(&[0x90, 4, body[0], body[1], 0, 0]);
    raw
}

fn message(topic: &str, payload: &[u8]) -> Vec<u8> {
    packet(0x30, &[&text(topic), &[0], payload])
}

#[test]
fn subscribe_says_what_the_flags_say() {
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "a/#", "-t", "b", "-q", "2", "-C", "1"]);
    let (mut raw, connect) = server.accept_with(ACCEPT5);
    // Receive Maximum 1: what is not wanted is not sent.
    assert_eq!(connect[10..14], [3, 0x21, 0, 1]);
    raw.expect(&packet(0x82, &[&[0, 1, 0], &text("a/#"), &[2], &text("b"), &[2]]));
    raw.send(&[0x90, 5, 0, 1, 0, 2, 2]);
    raw.send(&message("b", b"x"));
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().stdout, b"x\n");
}

/// [v5 MQTT-3.1.2-24]: the broker is told, and a larger packet ends the connection before it is received.
#[test]
fn packets_from_the_broker_are_limited() {
    let server = Server::new();
    let sub = ["sub", "-t", "t", "-C", "1"];
    for (flags, told, len) in [
        (&[][..], &[3, 0x21, 0, 1][..], 65 << 20),
        (&["-V", "5"], &[8, 0x21, 0, 1, 0x27, 4, 0, 0, 0], 65 << 20),
        (&["--max-packet-size", "1K"], &[8, 0x21, 0, 1, 0x27, 0, 0, 4, 0], 1_025),
        (&["-D", "connect", "maximum-packet-size", "99"], &[8, 0x27, 0, 0, 0, 99, 0x21, 0, 1], 100),
    ] {
        let run = Run::start(server.port(), &[&sub, flags].concat());
        let (mut raw, connect) = server.accept_with(ACCEPT5);
        let sorted = |properties: &[u8]| {
            let mut properties = properties.to_vec();
            properties.sort_unstable();
            properties
        };
        assert_eq!(sorted(&connect[10..10 + told.len()]), sorted(told), "{flags:?}");
        let (_, body) = raw.packet();
        raw.send(&[0x90, 4, body[0], body[1], 0, 0]);
        // The header alone: what it announces is never sent.
        raw.send(&packet(0x30, &[&vec![0; len]])[..8]);
        let said = run.end();
        assert_eq!(said.status, 21, "{flags:?} {said:?}");
        let expected = "the broker sent a packet larger than --max-packet-size allows";
        assert!(said.stderr.contains(expected) && said.stderr.lines().count() == 1, "{said:?}");
    }
}

#[test]
fn a_packet_of_any_size_is_received_if_asked_for() {
    let payload = vec![b'x'; (64 << 20) + 1];
    let messages = [message("t", &payload)];
    for flags in [&["--max-packet-size", "1G"][..], &["-D", "connect", "maximum-packet-size", "99999999"]] {
        let sub = [&["sub", "-t", "t", "-C", "1", "-F", "%l"], flags].concat();
        let (packets, said) = Polite::new(&messages).talk(&sub);
        assert_eq!((said.stdout, said.status), (b"67108865\n".to_vec(), 0), "{}", said.stderr);
        // As much as MQTT allows need not be told.
        assert_eq!(packets[0].1[10], if flags[0] == "-D" { 8 } else { 3 });
    }
    #[cfg(unix)]
    {
        let (_, said) = Polite::new(&messages).talk_as("mosquitto_sub", &["-t", "t", "-C", "1", "-F", "%l"]);
        assert_eq!(said.status, 0, "mosquitto_sub has no limit: {said:?}");
    }
}

#[test]
fn payloads_are_printed_as_they_are() {
    let server = Server::new();
    for (flags, expected) in [
        (&[][..], &b"a\0\xFF\n\nb\n"[..]),
        (&["-v"], b"t a\0\xFF\n\nt (null)\nu b\n"),
        (&["-N"], b"a\0\xFF\nb"),
        (&["-N", "-v"], b"t a\0\xFF\nu b"),
    ] {
        let run = Run::start(server.port(), &[&["sub", "-t", "#", "-C", "3"], flags].concat());
        let mut raw = subscribed(&server);
        let all =
            [message("t", b"a\0\xFF\n"), message("t", b""), message("u", b"b"), message("u", b"too much")];
        raw.send(&all.concat());
        raw.expect(&[0xE0, 0]);
        drop(raw);
        let said = run.end();
        assert_eq!((said.status, said.stdout.as_slice()), (0, expected), "{flags:?}");
    }
}

/// ActiveMQ tells of each subscription on a topic that is the filter: it is shown, and told once.
#[test]
fn topics_with_wildcards_are_printed_with_one_note() {
    let server = Server::new();
    for version in ["5", "311"] {
        let run = Run::start(server.port(), &["sub", "-t", "#", "-v", "-C", "3", "-V", version]);
        let is_v5 = version == "5";
        let (mut raw, _) = server.accept_with(if is_v5 { ACCEPT5 } else { &[0x20, 2, 0, 0] });
        raw.packet();
        raw.send(if is_v5 { &[0x90, 4, 0, 1, 0, 0] } else { &[0x90, 3, 0, 1, 0] });
        for topic in ["ActiveMQ/Advisory/#", "k/+/", "a"] {
            raw.send(&packet(0x30, &[&text(topic), if is_v5 { &[0] } else { &[] }, b"x"]));
        }
        while raw.try_packet().is_some() {}
        let said = run.end();
        assert_eq!(said.status, 0, "{said:?}");
        assert_eq!(said.stdout, b"ActiveMQ/Advisory/# x\nk/+/ x\na x\n");
        assert!(said.stderr.contains("ActiveMQ/Advisory/#") && said.stderr.lines().count() == 1, "{said:?}");
    }
    let mut run = Run::start(server.port(), &["pub", "--json"]);
    run.feed(b"{\"topic\":\"k/+\",\"payload\":\"x\"}\n");
    let (mut raw, _) = server.accept_with(ACCEPT5);
    assert_eq!(raw.packet().0, 0xE0);
    drop(raw);
    let said = run.end();
    assert!(said.status == 65 && said.stderr.contains("line 1: the topic"), "{said:?}");
}

#[test]
fn only_what_was_printed_is_acknowledged() {
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "#", "-q", "1", "-C", "2"]);
    let mut raw = subscribed(&server);
    let publish = |id: u8| packet(0x32, &[&text("t"), &[0, id, 0], b"x"]);
    raw.send(&[publish(1), publish(2), publish(3)].concat());
    raw.expect(&[0x40, 2, 0, 1, 0x40, 2, 0, 2, 0xE0, 0]);
    raw.expect_closed();
    drop(raw);
    assert_eq!(run.end().stdout, b"x\nx\n");
}

#[test]
fn the_ready_file_comes_after_suback() {
    let (server, folder) = (Server::new(), Folder::new());
    let ready = folder.file("ready");
    let run =
        Run::start(server.port(), &["sub", "-t", "t", "-C", "1", "--ready-file", ready.to_str().unwrap()]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    assert!(!ready.exists());
    raw.send(&[0x90, 4, 0, 1, 0, 0]);
    while !ready.exists() {
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read(&ready).unwrap(), b"ready\n", "whole or not at all");
    raw.send(&message("t", b"x"));
    raw.packet();
    drop(raw);
    assert_eq!(run.end().status, 0);
    let run = Run::start(server.port(), &["sub", "-t", "t", "--ready-file", "/nonexistent/ready"]);
    let mut raw = subscribed(&server);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    assert_eq!(run.end().status, 14);
}

#[test]
fn a_refused_subscription_is_status_64() {
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "ok", "-t", "secret/#"]);
    let (mut raw, _) = server.accept_with(ACCEPT5);
    raw.packet();
    raw.send(&[0x90, 5, 0, 1, 0, 0, 0x87]);
    raw.expect(&[0xE0, 0]);
    drop(raw);
    let said = run.end();
    assert_eq!(said.status, 64);
    assert!(said.stderr.contains("secret/#") && said.stderr.contains("not authorized"), "{said:?}");
}

#[test]
fn the_time_that_ran_out_is_status_27() {
    let server = Server::new();
    // Time enough for a machine that is busy with other things.
    let run = Run::start(server.port(), &["sub", "-t", "t", "-W", "4"]);
    let mut raw = subscribed(&server);
    raw.send(&message("t", b"x"));
    raw.expect(&[0xE0, 1, 4]);
    drop(raw);
    let said = run.end();
    assert_eq!((said.status, said.stdout.as_slice()), (27, &b"x\n"[..]));
    // Also when nobody answers at all.
    let run = Run::start(server.port(), &["sub", "-t", "t", "-W", "0.2"]);
    let raw = server.accept();
    assert_eq!(run.end().status, 27);
    drop(raw);
}

#[cfg(unix)]
#[test]
fn signals_end_it_cleanly() {
    let server = Server::new();
    for signal in ["INT", "TERM"] {
        let run = Run::start(server.port(), &["sub", "-t", "t"]);
        let mut raw = subscribed(&server);
        run.signal(signal);
        raw.expect(&[0xE0, 0]);
        drop(raw);
        assert_eq!(run.end().status, 0);
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let server = Server::new();
    let mut child = skeeter()
        .args(["sub", "-t", "t", "-q", "1", "-h", "127.0.0.1", "-p", &server.port().to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut raw = subscribed(&server);
    drop(child.stdout.take());
    raw.send(&packet(0x32, &[&text("t"), &[0, 1, 0], b"x"]));
    while raw.try_packet().is_some() {}
    drop(raw);
    assert_eq!(wait(&mut child), 0);
    let mut stderr = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut stderr).unwrap();
    assert_eq!(stderr, "");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_status_14() {
    let server = Server::new();
    let mut child = skeeter()
        .args(["sub", "-t", "t", "-h", "127.0.0.1", "-p", &server.port().to_string()])
        .stdout(std::fs::File::create("/dev/full").unwrap())
        .spawn()
        .unwrap();
    let mut raw = subscribed(&server);
    raw.send(&message("t", b"x"));
    while raw.try_packet().is_some() {}
    drop(raw);
    assert_eq!(wait(&mut child), 14);
}

#[cfg(target_os = "linux")]
#[test]
fn a_record_that_cannot_be_written_is_status_14() {
    let said = Run::start(1, &["sub", "-t", "t", "--record", "/nonexistent/record"]).end();
    assert_eq!(said.status, 14, "{said:?}");
    assert!(said.stderr.contains("/nonexistent/record"), "{said:?}");
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "t", "--record", "/dev/full"]);
    let mut raw = subscribed(&server);
    raw.send(&message("t", b"x"));
    while raw.try_packet().is_some() {}
    drop(raw);
    assert_eq!(run.end().status, 14);
}

#[cfg(unix)]
#[test]
fn a_topic_that_is_no_text_is_told() {
    use std::os::unix::ffi::OsStrExt;
    let topic = std::ffi::OsStr::from_bytes(b"a/\xFF");
    for arguments in [&["pub", "-m", "x", "-t"][..], &["sub", "-t"], &["sub", "-t", "t", "-T"]] {
        let output = skeeter().args(arguments).arg(topic).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("UTF-8"), "{output:?}");
    }
}

#[test]
fn it_comes_back_and_subscribes_again() {
    let server = Server::new();
    let run = Run::start(server.port(), &["sub", "-t", "t", "-C", "2"]);
    let mut raw = subscribed(&server);
    raw.send(&message("t", b"one"));
    drop(raw);
    let mut raw = subscribed(&server);
    raw.send(&message("t", b"two"));
    raw.packet();
    drop(raw);
    let said = run.end();
    assert_eq!((said.status, said.stdout.as_slice()), (0, &b"one\ntwo\n"[..]));
    assert!(said.stderr.contains("trying again"), "{said:?}");
}

#[test]
fn it_works_with_mosquitto() {
    if !has_peer("mosquitto") {
        return;
    }
    let folder = Folder::new();
    let port = Server::new().port();
    let config = folder.file("mosquitto.conf");
    std::fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
    let mut mosquitto = std::process::Command::new("mosquitto")
        .arg("-c")
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for version in ["31", "311", "5"] {
        let ready = folder.file(version);
        let flags = ["sub", "-t", "t/#", "-v", "-C", "3", "-q", "2", "-V", version, "--wait", "20"];
        let sub = Run::start(port, &[&flags[..], &["--ready-file", ready.to_str().unwrap()]].concat());
        while !ready.exists() {
            std::thread::yield_now();
        }
        for qos in ["0", "1", "2"] {
            let said = Run::start(port, &["pub", "-t", "t/q", "-m", qos, "-q", qos, "-V", version]).end();
            assert_eq!(said.status, 0, "{said:?}");
        }
        let said = sub.end();
        assert_eq!((said.status, said.stdout.as_slice()), (0, &b"t/q 0\nt/q 1\nt/q 2\n"[..]), "{version}");
    }
    let _ = mosquitto.kill();
    let _ = mosquitto.wait();
}
