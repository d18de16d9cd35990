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
fn a_broker_at_memory_limit_refuses_new_clients() {
    let folder = Folder::new();
    let broker = Broker::with_config(&folder, &format!("{OPEN}memory_limit 1\n"), &[]);
    broker.stderr.wait_line("memory_limit reached");
    wait_for("a refusal", || {
        let mut client = broker.connect();
        client.send(&connect5("a", true, &[]));
        (client.packet() == (0x20, vec![0, 0x97, 0])).then_some(())
    });
}

#[test]
fn a_broker_below_memory_limit_again_accepts_clients() {
    let folder = Folder::new();
    let config = format!("{OPEN}memory_limit {}\n", 48 * 1024 * 1024);
    let broker = Broker::with_config(&folder, &config, &[]);
    let mut client = enter(&broker, "client");
    let is_full = |line: &String| line.contains("memory_limit reached");
    let mut pieces = 0;
    while !broker.stderr.so_far().iter().any(is_full) {
        fill(&mut client, pieces, &[b'x'; 100]);
        pieces += 1;
    }
    (0..pieces).for_each(|piece| fill(&mut client, piece, b""));
    broker.stderr.wait_line("memory use is below memory_limit again");
    let _ = enter(&broker, "late");
}

/// One client on each worker, so that the heap of each thread has its peak.
fn two_on_two_workers() -> (Broker, [Raw; 2]) {
    let broker = Broker::start(&["-q", "--workers", "2"]);
    let clients = [enter(&broker, "a"), enter(&broker, "b")];
    (broker, clients)
}

#[test]
fn memory_of_a_peak_is_returned() {
    let (broker, mut clients) = two_on_two_workers();
    let before = broker.own_memory();
    let mut fill_all = |payload: &[u8]| {
        (0..100).for_each(|piece| fill(&mut clients[piece % 2], piece, payload));
    };
    fill_all(&[b'x'; 100]);
    let peak = broker.own_memory();
    assert!(peak > before + 16 * 1024 * 1024, "{before} bytes, then {peak}: no peak");
    fill_all(b"");
    let much = before + (peak - before) / 2;
    wait_for("the memory to go back to the system", || (broker.own_memory() < much).then_some(()));
}

#[test]
fn memory_of_large_messages_is_returned_by_every_worker() {
    let (broker, mut clients) = two_on_two_workers();
    let before = broker.own_memory();
    // Each longer than the one before, so that it stands at the end of the heap.
    for size in [100_000, 500_000, 1_500_000] {
        for client in &mut clients {
            client.send(&publish4("large", 0, 0, &[&[0], &vec![b'x'; size][..]].concat()));
            assert!(client.ping().is_empty());
        }
    }
    let peak = broker.own_memory();
    assert!(peak > before + 2 * 1024 * 1024, "{before} bytes, then {peak}: no peak");
    let much = before + (peak - before) / 4;
    wait_for("the memory to go back to the system", || (broker.own_memory() < much).then_some(()));
}
