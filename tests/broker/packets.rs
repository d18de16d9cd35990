//! `log_type debug`: each packet in a line of mosquitto's form.

use crate::support::{Broker, CONNACK4, Folder, Raw, connect4, packet, publish4, subscribe4, text};

const OPEN: &str = "listener 0 127.0.0.1\nallow_anonymous true\n";

#[test]
fn packets_are_logged_in_mosquittos_format() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, &format!("{OPEN}log_type debug\n"), &[]);
    let mut raw = Raw::connect(broker.port);
    let peer = raw.0.local_addr().unwrap();
    raw.send(&connect4("c", true));
    raw.expect(&CONNACK4);
    raw.send(&subscribe4(1, "t/#", 1));
    raw.expect(&[0x90, 3, 0, 1, 1]);
    raw.send(&publish4("t/1", 2, 7, b"abc"));
    raw.expect(&[0x50, 2, 0, 7]);
    raw.expect(&publish4("t/1", 1, 1, b"abc"));
    raw.send(&[0x62, 2, 0, 7]);
    raw.expect(&[0x70, 2, 0, 7]);
    raw.send(&[0x40, 2, 0, 1]);
    raw.send(&packet(0xA2, &[&[0, 2], &text("t/#")]));
    raw.expect(&[0xB0, 2, 0, 2]);
    raw.ping();
    raw.send(&[0xE0, 0]);
    raw.expect_closed();
    broker.stderr.wait_line("Received DISCONNECT from c");
    let told: Vec<String> = broker.stderr.so_far();
    let told: Vec<&str> =
        told.iter().map(|line| line.split_once(": ").map_or(&**line, |(_, text)| text)).collect();
    let first = format!("Received CONNECT from {peer} as c (p2, c1, k0)");
    let expected = [
        first.as_str(),
        "Sending CONNACK to c (0, 0)",
        "Received SUBSCRIBE from c",
        "\tt/# (QoS 1)",
        "Sending SUBACK to c",
        "Received PUBLISH from c (d0, q2, r0, m7, 't/1', ... (3 bytes))",
        "Sending PUBREC to c (m7, rc0)",
        "Sending PUBLISH to c (d0, q1, r0, m1, 't/1', ... (3 bytes))",
        "Received PUBREL from c (Mid: 7)",
        "Sending PUBCOMP to c (m7)",
        "Received PUBACK from c (Mid: 1, RC:0)",
        "Received UNSUBSCRIBE from c",
        "\tt/#",
        "Sending UNSUBACK to c",
        "Received PINGREQ from c",
        "Sending PINGRESP to c",
        "Received DISCONNECT from c",
    ];
    assert_eq!(told, expected);
}

#[cfg(unix)]
#[test]
fn a_reload_starts_and_stops_packet_logging() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, OPEN, &[]);
    let mut raw = Raw::connect(broker.port);
    raw.send(&connect4("c", true));
    raw.expect(&CONNACK4);
    raw.ping();
    let reload = |lines: &str, count: usize| {
        std::fs::write(folder.file("mosquitto.conf"), format!("{OPEN}{lines}")).unwrap();
        broker.signal("HUP");
        broker.stderr.wait("the reload", |lines| {
            (lines.iter().filter(|line| line.contains("configuration reloaded")).count() >= count)
                .then_some(())
        });
    };
    reload("log_type all\n", 1);
    raw.ping();
    broker.stderr.wait_line("Sending PINGRESP to c");
    reload("log_type notice\nlog_type information\n", 2);
    raw.send(&publish4("t", 1, 9, b"x"));
    raw.expect(&[0x40, 2, 0, 9]);
    raw.send(&[0xE0, 0]);
    raw.expect_closed();
    broker.stderr.wait_line("c disconnected");
    assert!(!broker.stderr.so_far().iter().any(|line| line.contains("PUBLISH from c")));
}
