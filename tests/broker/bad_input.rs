//! What no client should send costs one log line and one closed connection, and harms nobody else.

use crate::support::{Broker, CONNACK4, Raw, connect4, connect5, packet, text};

/// Sends bytes to a fresh broker, expects the end, one log line with `word`, and that others are served.
fn refused(bytes: &[u8], answer: &[u8], word: &str) {
    let broker = Broker::start(&["--connect-timeout", "0.5"]);
    let mut canary = broker.connect();
    canary.send(&connect4("canary", true));
    canary.expect(&CONNACK4);
    let mut client = broker.connect();
    // The broker may close before all is sent.
    let _ = std::io::Write::write_all(&mut client.0, bytes);
    client.expect(answer);
    client.expect_closed();
    let line = broker.stderr.wait_line(word);
    assert!(!line.contains("canary"), "{line}");
    assert!(canary.ping().is_empty());
    let of_clients = |line: &&String| line.contains("127.0.0.1:");
    let lines = broker
        .stderr
        .wait("the log", |lines| Some(lines.iter().filter(of_clients).cloned().collect::<Vec<_>>()));
    assert_eq!(lines.len(), 2, "one line for the canary, one for the other: {lines:?}");
}

#[test]
fn an_http_request_is_closed_at_once() {
    refused(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", "not CONNECT");
}

#[test]
fn random_bytes_are_closed() {
    let mut state = 7_u32;
    let bytes: Vec<u8> = (0..65_536)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 | 0x20
        })
        .collect();
    refused(&bytes, b"", "not CONNECT");
}

#[test]
fn a_length_of_256_megabytes_is_refused_before_the_payload_arrives() {
    refused(&[0x10, 0xFF, 0xFF, 0xFF, 0x7F], b"", "larger than allowed");
}

#[test]
fn an_incomplete_connect_is_closed_at_the_connect_timeout() {
    refused(&connect4("half", true)[..9], b"", "no CONNECT came");
}

#[test]
fn a_port_scanner_leaves_one_line() {
    let broker = Broker::start(&[]);
    broker.connect().shut();
    broker.stderr.wait_line("closed it before CONNECT");
}

#[test]
fn an_unknown_protocol_level_gets_a_connack() {
    // [v3 MQTT-3.1.2-2]
    refused(&packet(0x10, &[&text("MQTT"), &[2, 2, 0, 0], &text("a")]), &[0x20, 2, 0, 1], "protocol level");
    // [v5 MQTT-3.1.2-2]: the form that clients of 5 and later read.
    let later = packet(0x10, &[&text("MQTT"), &[9, 2, 0, 0], &text("a")]);
    refused(&later, &[0x20, 3, 0, 0x84, 0], "protocol level");
}

#[test]
fn a_malformed_connect_of_mqtt_5_gets_a_reason_code() {
    // The reserved flag [v5 MQTT-3.1.2-3].
    let bytes = packet(0x10, &[&text("MQTT"), &[5, 3, 0, 0, 0], &text("a")]);
    refused(&bytes, &[0x20, 3, 0, 0x81, 0], "reserved connect flag");
}

#[test]
fn an_error_after_connack_is_reported_in_disconnect() {
    let broker = Broker::start(&[]);
    let mut client = broker.connect();
    client.send(&connect5("a", true, &[]));
    client.packet();
    client.send(&[0x36, 0, 0]); // QoS 3 [v5 MQTT-3.3.1-4]
    client.expect(&[0xE0, 1, 0x81]);
    client.expect_closed();
    broker.stderr.wait_line("a disconnected");
}

#[test]
fn a_well_behaved_client_is_served_beside_a_thousand_half_open_connections() {
    let broker = Broker::start(&["--connect-timeout", "1"]);
    let mut canary = broker.connect();
    canary.send(&connect4("canary", true));
    canary.expect(&CONNACK4);
    let half: Vec<Raw> = (0..1_000)
        .map(|_| {
            let mut client = broker.connect();
            client.send(&connect4("x", true)[..5]);
            client
        })
        .collect();
    assert!(canary.ping().is_empty());
    for mut client in half {
        client.expect_closed();
    }
    assert!(canary.ping().is_empty());
}
