//! When a bridge connects and where, and what it tells of that.

use std::net::TcpListener;

use super::{OPEN, Other, heard, message, publish, said, subscriber};
use crate::support::{Broker, Folder, Raw, connect5, packet, text, wait_for};

#[test]
fn the_connection_state_is_published_on_both_brokers() {
    let folder = Folder::new();
    let other = Other::new();
    let lines = format!(
        "{OPEN}connection b\naddress 127.0.0.1:{}\nremote_clientid far\nrestart_timeout 1\nremote_username u\n\
         remote_password p\ntopic x out\n",
        other.port()
    );
    let broker = Broker::with_config(&folder, &lines, &[]);
    let state = "$SYS/broker/connection/far/state";
    let mut here = subscriber(broker.port, state, 0);
    assert_eq!(heard(&mut here), said(state, "0"));
    let (mut far, connect) = other.greet(false);
    let will = [&text(state)[..], &text("0")].concat();
    let expected =
        [&text("MQTT")[..], &[0x84, 0xEC, 0, 60], &text("far"), &will, &text("u"), &text("p")].concat();
    assert_eq!(connect, expected);
    far.expect(&packet(0x33, &[&text(state), &[0xFF, 0xFF], b"1"]));
    far.send(&[0x40, 2, 0xFF, 0xFF]);
    assert_eq!(heard(&mut here), said(state, "1"));
    far.shut();
    assert_eq!(heard(&mut here), said(state, "0"));
    let (mut far, _) = other.greet(false);
    far.expect(&packet(0x33, &[&text(state), &[0xFF, 0xFF], b"1"]));
    assert_eq!(heard(&mut here), said(state, "1"));
    // It says farewell when the broker ends.
    broker.signal("TERM");
    far.expect(&packet(0x31, &[&text(state), b"0"]));
    far.expect(&[0xE0, 0]);
}

#[test]
fn a_client_with_the_bridge_bit_may_publish_its_state() {
    let broker = Broker::start(&[]);
    let mut raw = Raw::connect(broker.port);
    raw.send(&connect5("m", true, &[]));
    assert_eq!(raw.packet().1[1], 0);
    let mut say = |topic: &str| {
        raw.send(&packet(0x33, &[&text(topic), &[0, 1, 0], b"1"]));
        raw.packet().1.get(2).copied().unwrap_or(0)
    };
    assert_eq!(say("$SYS/broker/connection/m/state"), 0x10);
    assert_eq!(say("$SYS/broker/uptime"), 0x87);
}

#[test]
fn a_refusal_is_logged_in_one_line() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic x out"), &[]);
    let mut far = other.accept();
    far.packet();
    far.send(&[0x20, 2, 0, 4]);
    let line = broker.stderr.wait_line("bridge b: cannot connect to");
    let expected = format!(
        "bridge b: cannot connect to 127.0.0.1:{}: the broker refused the connection: bad user name or password (0x86); \
         set remote_username and remote_password; retrying in 1 s",
        other.port()
    );
    assert!(line.ends_with(&expected), "{line}");
}

/// As NATS, ejabberd and aedes do with the defaults of mosquitto.
#[test]
fn a_broker_that_does_not_accept_the_defaults_is_told_with_the_option_to_set() {
    let connect = |answer: Option<&[u8]>, lines: &str| {
        let (folder, other) = (Folder::new(), Other::new());
        let config = format!(
            "{OPEN}connection b\naddress 127.0.0.1:{}\nrestart_timeout 1\ntopic x out\n{lines}\n",
            other.port()
        );
        let broker = Broker::with_config(&folder, &config, &[]);
        // With the bridge flag and without it.
        for _ in 0..2 {
            let mut far = other.accept();
            far.packet();
            match answer {
                Some(bytes) => far.send(bytes),
                None => far.shut(),
            }
            if answer.is_some() {
                break;
            }
        }
        broker.stderr.wait_line("bridge b: cannot connect to")
    };
    let will = "the broker may not accept the will topic $SYS/broker/connection/far.x/state: set \
                notifications_local_only true, or remote_clientid without a dot; retrying";
    for (answer, lines, told) in [
        (None, "remote_clientid far.x", will),
        (Some(&[0x20, 2, 0, 128][..]), "remote_clientid far.x", will),
        (
            Some(&[0x20, 2, 0, 2]),
            "remote_clientid far.x",
            "set remote_clientid: the broker may not accept the dot in far.x; retrying",
        ),
        (Some(b"\x15\x03\x01\x00\x02\x02\x46"), "", "for TLS, set bridge_cafile"),
    ] {
        let line = connect(answer, lines);
        assert!(line.contains(told), "{told}: {line}");
    }
    let other = Other::new();
    let folder = Folder::new();
    let config = format!(
        "{OPEN}connection b\naddress 127.0.0.1:{}\nremote_clientid far\nrestart_timeout 1\ntopic x out\n",
        other.port()
    );
    let broker = Broker::with_config(&folder, &config, &[]);
    let (mut far, _) = other.greet(false);
    far.packet();
    far.shut();
    let line = broker.stderr.wait_line("bridge b: disconnected from");
    assert!(
        line.contains(
            "may not accept messages on $SYS/broker/connection/far/state: set notifications_local_only true"
        ),
        "{line}"
    );
}

#[test]
fn brokers_that_refuse_the_bridge_bit_are_connected_to_without_it() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic x out"), &[]);
    let mut far = other.accept();
    assert_eq!(far.packet().1[6], 0x84);
    far.send(&[0x20, 2, 0, 1]);
    let (_far, connect) = other.greet(false);
    assert_eq!(connect[6], 4);
    broker.stderr.wait_line("does not support the bridge flag");
}

#[test]
fn a_lazy_bridge_connects_at_the_threshold_and_disconnects_when_idle() {
    let (folder, other) = (Folder::new(), Other::new());
    let lines = "topic out/# out 1\nstart_type lazy\nthreshold 3\nidle_timeout 1";
    let broker = Broker::with_config(&folder, &other.bridge(lines), &[]);
    broker.stderr.wait_line("local.far disconnected");
    for round in 0..2 {
        // QoS 0 waits too.
        for (payload, qos) in [("one", "0"), ("two", "1")] {
            publish(broker.port, &["-t", "out/a", "-m", payload, "-q", qos]);
        }
        other.0.set_nonblocking(true).unwrap();
        assert!(other.0.accept().is_err(), "it came too early");
        other.0.set_nonblocking(false).unwrap();
        publish(broker.port, &["-t", "out/a", "-m", "three", "-q", "1"]);
        let (mut far, _) = other.greet(round > 0);
        for expected in ["one", "two", "three"] {
            let (_, payload, id) = message(far.packet());
            assert_eq!(payload, expected);
            if id > 0 {
                far.send(&packet(0x40, &[&id.to_be_bytes()]));
            }
        }
        far.expect(&[0xE0, 0]);
        far.expect_closed();
        broker.stderr.wait_line("disconnected after 1 s without messages");
    }
}

#[test]
fn other_addresses_are_tried_and_the_bridge_returns_to_the_first() {
    let folder = Folder::new();
    let (first, second) = (Other::new(), Other::new());
    let (first_port, second_port) = (first.port(), second.port());
    drop(first);
    let lines = format!(
        "{OPEN}connection b\naddress 127.0.0.1:{first_port} 127.0.0.1:{second_port}\nnotifications false\n\
         restart_timeout 1\ntopic x out\n"
    );
    let broker = Broker::with_config(&folder, &lines, &[]);
    let (mut far, _) = second.greet(false);
    broker.stderr.wait_line(&format!("trying 127.0.0.1:{second_port}"));
    let first = Other(TcpListener::bind(("127.0.0.1", first_port)).unwrap());
    far.expect(&[0xE0, 0]);
    // That it answers is found out by a connection of its own.
    drop(first.accept());
    let (_far, _) = first.greet(false);
    broker.stderr.wait_line("is reachable again");
}

#[test]
fn once_is_once() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic x out\nstart_type once"), &[]);
    let (mut far, _) = other.greet(false);
    broker.stderr.wait_line("bridge b: connected to");
    far.shut();
    broker.stderr.wait_line("not retrying, see start_type");
}

/// The timer of a connection to this port, as the system shows it: its kind, and hundredths of a second.
#[cfg(target_os = "linux")]
fn timer(port: u16) -> (u8, u64) {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let other = format!("0100007F:{port:04X}");
    let line = table.lines().find(|line| line.split_whitespace().nth(2) == Some(&other)).unwrap();
    let (kind, left) = line.split_whitespace().nth(5).unwrap().split_once(':').unwrap();
    (u8::from_str_radix(kind, 16).unwrap(), u64::from_str_radix(left, 16).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn bridge_tcp_keepalive_sets_the_socket_options() {
    const RETRANSMIT: u8 = 1;
    const KEEPALIVE: u8 = 2;
    for (lines, expected) in [("", false), ("bridge_tcp_keepalive 700 30 4", true)] {
        let (folder, other) = (Folder::new(), Other::new());
        let config = other.bridge(&format!("topic t both 0\n{lines}"));
        let _broker = Broker::with_config(&folder, &config, &[]);
        let _far = other.greet_and_grant(false, "t", 0);
        // Until all that it has sent is acknowledged, it waits for that.
        let (kind, left) = wait_for("a quiet connection", || {
            Some(timer(other.port())).filter(|(kind, _)| *kind != RETRANSMIT)
        });
        assert_eq!(kind == KEEPALIVE, expected, "{kind} {left}");
        assert!(!expected || (60_000..=70_000).contains(&left), "{left}");
    }
}
