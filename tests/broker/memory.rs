//! Memory that the broker may use, and what it does with memory that it needs no more.

use crate::config::OPEN;
use crate::support::{Broker, Folder, Raw, connect5, publish4, wait_for};

/// Retained messages in one piece of sending.
const PIECE: usize = 1_000;

fn enter(broker: &Broker, client: &str) -> Raw {
    let mut raw = broker.connect();
    raw.send(&connect5(client, true, &[]));
    let connack = raw.packet();
    assert_eq!((connack.0, connack.1[1]), (0x20, 0), "{client} is let in");
    raw
}

/// PUBLISH of MQTT 5 with QoS 0 for each topic of a piece; without a payload what was retained is taken back.
fn retain(piece: usize, payload: &[u8]) -> Vec<u8> {
    let topics = piece * PIECE..(piece + 1) * PIECE;
    let publish = |number| {
        let properties_and_payload = [&[0], payload].concat();
        let mut publish = publish4(&format!("peak/{number}"), 0, 0, &properties_and_payload);
        publish[0] |= 1;
        publish
    };
    topics.flat_map(publish).collect()
}

/// Sends a piece and waits until the broker has taken it.
fn fill(client: &mut Raw, piece: usize, payload: &[u8]) {
    client.send(&retain(piece, payload));
    assert!(client.ping().is_empty());
}

#[test]
fn a_broker_that_uses_as_much_memory_as_it_may_takes_nobody_in() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, &format!("{OPEN}memory_limit 1\n"), &[]);
    broker.stderr.wait_line("memory_limit is reached");
    wait_for("a refusal", || {
        let mut client = broker.connect();
        client.send(&connect5("a", true, &[]));
        (client.packet() == (0x20, vec![0, 0x97, 0])).then_some(())
    });
}

#[test]
fn a_broker_that_was_full_takes_clients_in_when_what_filled_it_is_gone() {
    let folder = Folder::new();
    let config = format!("{OPEN}memory_limit {}\n", 48 * 1024 * 1024);
    let broker = Broker::with_config(&folder, &config, &[]);
    let mut client = enter(&broker, "client");
    let is_full = |line: &String| line.contains("memory_limit is reached");
    let mut pieces = 0;
    while !broker.stderr.so_far().iter().any(is_full) {
        fill(&mut client, pieces, &[b'x'; 100]);
        pieces += 1;
    }
    (0..pieces).for_each(|piece| fill(&mut client, piece, b""));
    broker.stderr.wait_line("memory is below memory_limit again");
    let _ = enter(&broker, "late");
}

#[test]
fn what_a_peak_took_is_given_back() {
    let broker = Broker::start(&["-q"]);
    let mut client = enter(&broker, "client");
    let before = broker.memory();
    (0..100).for_each(|piece| fill(&mut client, piece, &[b'x'; 100]));
    let peak = broker.memory();
    assert!(peak > before + 16 * 1024 * 1024, "{before} bytes, then {peak}: no peak");
    (0..100).for_each(|piece| fill(&mut client, piece, b""));
    let much = before + (peak - before) / 4;
    wait_for("the memory to go back to the system", || (broker.memory() < much).then_some(()));
}
