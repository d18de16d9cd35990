//! Requests that are as large as the protocol allows: each is answered, holds nobody up, and leaves nothing behind.
//!
//! With work that grows with the square of a request these would take minutes, which no test waits for.

use std::time::Duration;

use crate::canary::{Defaults, judge};
use crate::support::{Broker, CONNACK4, Raw, connect4, connect5, packet, publish4, subscribe4, text};

const MOST: Duration = Duration::from_millis(400);
const FILTERS: usize = 100_000;

fn client(broker: &Broker, name: &str) -> Raw {
    let mut client = broker.connect();
    client.send(&connect4(name, true));
    client.expect(&CONNACK4);
    client
}

fn subscribe(filters: &[String]) -> Vec<u8> {
    let items: Vec<u8> = filters.iter().flat_map(|filter| [text(filter), vec![1]].concat()).collect();
    packet(0x82, &[&[0, 1], &items])
}

fn unsubscribe(filters: &[String]) -> Vec<u8> {
    packet(0xA2, &[&[0, 2], &filters.iter().flat_map(text).collect::<Vec<u8>>()])
}

/// Subscribes to many filters, and takes all of them back, in one packet each.
fn back_and_forth(broker: &Broker, filter: impl Fn(usize) -> String) {
    let filters: Vec<String> = (0..FILTERS).map(filter).collect();
    let mut client = client(broker, "many");
    client.send(&subscribe(&filters));
    let (first, suback) = client.packet();
    assert_eq!((first, suback.len()), (0x90, 2 + FILTERS));
    assert!(suback[2..].iter().all(|granted| *granted == 1), "every filter is granted");
    client.send(&unsubscribe(&filters));
    assert_eq!(client.packet(), (0xB0, vec![0, 2]));
    assert!(client.ping().is_empty());
}

fn kinds(number: usize) -> String {
    match number % 3 {
        0 => format!("plain/{number}"),
        1 => format!("+/wild/{number}/#"),
        _ => format!("$share/g/shared/{number}"),
    }
}

#[test]
fn a_hundred_thousand_plain_filters_in_one_packet_hold_nobody_up() {
    judge(Defaults::Skeeter, MOST, |broker| back_and_forth(broker, |number| format!("plain/{number}")));
}

#[test]
fn a_hundred_thousand_shared_filters_in_one_packet_hold_nobody_up() {
    judge(Defaults::Skeeter, MOST, |broker| back_and_forth(broker, |number| format!("$share/g/{number}")));
}

#[test]
fn a_hundred_thousand_filters_of_all_kinds_in_one_packet_hold_nobody_up() {
    judge(Defaults::MosquittoConf, MOST, |broker| back_and_forth(broker, kinds));
}

#[test]
fn more_filters_than_a_packet_may_have_end_the_connection() {
    let broker = Broker::start(&["-q"]);
    for first in [0x82, 0xA2] {
        let mut client = broker.connect();
        client.send(&connect5("many", true, &[]));
        assert_eq!(client.packet().0, 0x20);
        let item: &[u8] = if first == 0x82 { &[0, 1, b'a', 0] } else { &[0, 1, b'a'] };
        client.send(&packet(first, &[&[0, 1, 0], &item.repeat(200_000)]));
        let (first, body) = client.packet();
        assert_eq!((first, body[0]), (0xE0, 0x95), "DISCONNECT: packet too large");
    }
}

/// A session whose queue is neither short nor long, so that retained messages wait to be replayed.
#[cfg(target_os = "linux")]
#[test]
fn one_filter_subscribed_to_again_and_again_costs_the_memory_of_one() {
    let broker = Broker::start(&["-q", "--max-queued-messages", "1000"]);
    let mut slow = broker.connect();
    // Receive Maximum 1, and nothing is acknowledged.
    slow.send(&connect5("slow", true, &[0x21, 0, 1]));
    assert_eq!(slow.packet().0, 0x20);
    slow.send(&packet(0x82, &[&[0, 1, 0], &text("q"), &[1]]));
    assert_eq!(slow.packet().0, 0x90);
    let mut publisher = client(&broker, "publisher");
    for id in 1..=400_u16 {
        publisher.send(&publish4("q", 1, id, b""));
        publisher.expect(&packet(0x40, &[&id.to_be_bytes()]));
    }
    assert_eq!(slow.packet().0, 0x32);
    let before = broker.memory();
    let filter = [text("r/".to_owned() + &"x".repeat(60)), vec![0]].concat();
    for _ in 0..10 {
        slow.send(&packet(0x82, &[&[0, 1, 0], &filter.repeat(50_000)]));
        assert_eq!(slow.packet().0, 0x90);
    }
    let grown = broker.memory().saturating_sub(before);
    assert!(grown < 40 << 20, "{grown} bytes for one subscription");
}

#[cfg(target_os = "linux")]
#[test]
fn the_filters_of_one_client_are_bounded_in_bytes() {
    let broker = Broker::start(&["-q"]);
    let mut client = client(&broker, "long");
    let before = broker.memory();
    let mut granted = 0;
    for number in 0..1_000 {
        client.send(&subscribe4(1, &format!("{number}{}", "x".repeat(60_000)), 1));
        granted += usize::from(client.packet() == (0x90, vec![0, 1, 1]));
    }
    assert!((16..400).contains(&granted), "{granted} filters of 60 kB are granted");
    let grown = broker.memory().saturating_sub(before);
    assert!(grown < 100 << 20, "{grown} bytes for one client's filters");
}

#[cfg(target_os = "linux")]
#[test]
fn topics_that_nobody_subscribed_to_are_not_remembered_without_limit() {
    let broker = Broker::start(&["-q", "--workers", "1"]);
    let mut publisher = client(&broker, "publisher");
    let before = broker.memory();
    for number in 0..2_000 {
        publisher.send(&publish4(&format!("{number}{}", "x".repeat(60_000)), 0, 0, b""));
    }
    assert!(publisher.ping().is_empty());
    let grown = broker.memory().saturating_sub(before);
    assert!(grown < 40 << 20, "{grown} bytes for topics that are over");
}
