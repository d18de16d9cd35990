//! Valid conversations, changed by chance, over real sockets, while a canary is served as if nothing happened.

use std::io::Write;

use crate::mutator::Mutator;
use crate::support::{Broker, CONNACK4, Raw, connect4, connect5, packet, publish4, subscribe4, text};

/// Conversations; `SKEETER_CONVERSATIONS` tries more.
const CONVERSATIONS: usize = 1_500;

/// What clients say, packet by packet; each conversation begins with CONNECT.
fn conversations() -> Vec<Vec<Vec<u8>>> {
    let v5_will = packet(
        0x10,
        &[
            &text("MQTT"),
            &[5, 0x2E, 0, 10, 5, 0x11, 0, 0, 0, 1],
            &text("w5"),
            &[5, 0x18, 0, 0, 0, 1],
            &text("gone"),
            &text("x"),
        ],
    );
    let publish5 = |qos: u8, properties: &[u8]| {
        let len = [u8::try_from(properties.len()).unwrap()];
        packet(
            0x30 | qos << 1,
            &[&text("f/t"), if qos > 0 { &[0, 9] } else { &[] }, &len, properties, b"hello"],
        )
    };
    vec![
        vec![
            connect4("f1", true),
            subscribe4(1, "f/#", 2),
            publish4("f/t", 0, 0, b"x"),
            publish4("f/t", 1, 2, b"y"),
            publish4("f/t", 2, 3, b"z"),
            packet(0x62, &[&[0, 3]]),
            packet(0x40, &[&[0, 1]]),
            packet(0x50, &[&[0, 2]]),
            packet(0x70, &[&[0, 2]]),
            packet(0xA2, &[&[0, 4], &text("f/#")]),
            vec![0xC0, 0],
            vec![0xE0, 0],
        ],
        vec![
            connect5("f5", false, &[0x11, 0, 0, 0, 1, 0x21, 0, 2, 0x22, 0, 3]),
            packet(0x82, &[&[0, 1, 2, 0x0B, 7], &text("f/+"), &[0x2E]]),
            packet(0x82, &[&[0, 2, 0], &text("$share/g/f/t"), &[1]]),
            publish5(1, &[0x02, 0, 0, 0, 9, 0x23, 0, 1]),
            publish5(2, &[0x01, 1, 0x26, 0, 1, b'k', 0, 1, b'v']),
            packet(0x62, &[&[0, 9]]),
            packet(0x40, &[&[0, 1, 0x10]]),
            packet(0xA2, &[&[0, 3, 0], &text("f/+")]),
            packet(0xE0, &[&[4, 5, 0x11, 0, 0, 0, 0]]),
        ],
        vec![v5_will, publish5(0, &[]), vec![0xC0, 0]],
    ]
}

/// The canary subscribes, publishes and receives, as always.
fn is_served(canary: &mut Raw, number: u16) {
    let id = number % 60_000 + 1;
    canary.send(&publish4("canary", 1, id, &number.to_be_bytes()));
    let (mut is_acknowledged, mut has_come) = (false, false);
    while !(is_acknowledged && has_come) {
        match canary.packet() {
            (0x40, body) => is_acknowledged = body == id.to_be_bytes(),
            (0x30, body) => has_come = body.ends_with(&number.to_be_bytes()),
            other => panic!("the canary got {other:02x?}"),
        }
    }
}

#[test]
fn a_well_behaved_client_is_served_beside_malformed_packets() {
    let count = std::env::var("SKEETER_CONVERSATIONS").map_or(CONVERSATIONS, |count| count.parse().unwrap());
    let mut broker = Broker::start(&["--connect-timeout", "5"]);
    let mut canary = broker.connect();
    canary.send(&connect4("canary", true));
    canary.expect(&CONNACK4);
    canary.send(&subscribe4(1, "canary", 0));
    canary.expect(&[0x90, 3, 0, 1, 0]);
    let conversations = conversations();
    let mut mutator = Mutator::new(8);
    let mut open = Vec::new();
    for number in 0..count {
        let packets = &conversations[mutator.below(conversations.len())];
        // Up to some packet it is valid, so that the broker is deep in it when something is wrong.
        let valid = mutator.below(packets.len() + 1);
        let mut bytes = packets[..valid].concat();
        for _ in valid..packets.len() {
            bytes.extend(mutator.change(packets));
        }
        let mut client = broker.connect();
        // The broker may close before all is sent.
        let _ = client.0.write_all(&bytes);
        // Some stay, and say nothing more.
        open.push(client);
        if open.len() > 30 {
            let gone = mutator.below(open.len());
            open.swap_remove(gone);
        }
        if number % 25 == 0 {
            is_served(&mut canary, u16::try_from(number % 50_000).unwrap());
            assert!(
                broker.child.try_wait().unwrap().is_none(),
                "the broker ended after {number} conversations"
            );
        }
    }
    drop(open);
    is_served(&mut canary, 60_001);
    broker.stderr.wait("the log", |lines| {
        let assertion = lines.iter().find(|line| line.contains("panicked") || line.contains("assertion"));
        assert!(assertion.is_none(), "an assertion failed: {assertion:?}");
        Some(())
    });
}
