//! Many at once, slow readers, and clients that flood each other.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};

use crate::support::{Broker, CONNACK4, Raw, connect4, packet, publish4, subscribe4};

/// A subscriber and its publisher: what each QoS delivers, in order, QoS 2 once.
fn pair(port: u16, number: usize, messages: u16) {
    let topic = format!("pair/{number}");
    let mut subscriber = Raw::connect(port);
    subscriber.send(&connect4(&format!("s{number}"), true));
    subscriber.expect(&CONNACK4);
    subscriber.send(&subscribe4(1, &topic, 2));
    subscriber.expect(&[0x90, 3, 0, 1, 2]);
    let mut publisher = Raw::connect(port);
    publisher.send(&connect4(&format!("p{number}"), true));
    publisher.expect(&CONNACK4);
    for qos in 0..=2_u8 {
        for count in 0..messages {
            publisher.send(&publish4(&topic, qos, count + 1, &count.to_be_bytes()));
        }
        let mut next = 0;
        while next < messages {
            let (first, body) = subscriber.packet();
            if first >> 4 == 6 {
                subscriber.send(&packet(0x70, &[&body]));
                continue;
            }
            assert_eq!((first >> 1) & 3, qos, "pair {number}: the QoS of the subscription allows all");
            let id = 2 + topic.len();
            let payload = &body[id + if qos > 0 { 2 } else { 0 }..];
            assert_eq!(payload, next.to_be_bytes(), "pair {number}, QoS {qos}: out of order, lost or twice");
            match qos {
                1 => subscriber.send(&packet(0x40, &[&body[id..id + 2]])),
                2 => subscriber.send(&packet(0x50, &[&body[id..id + 2]])),
                _ => {}
            }
            next += 1;
        }
        // The publisher's side: every message is acknowledged.
        let mut open: HashMap<(u8, u16), ()> = HashMap::new();
        let mut wanted = if qos == 0 { 0 } else { messages };
        while wanted > 0 {
            let (first, body) = publisher.packet();
            let id = u16::from_be_bytes([body[0], body[1]]);
            assert!(open.insert((first, id), ()).is_none(), "{first:02x} for {id} came twice");
            match first {
                0x40 | 0x70 => wanted -= 1,
                0x50 => publisher.send(&packet(0x62, &[&body])),
                other => panic!("unexpected {other:02x}"),
            }
        }
    }
}

#[test]
fn a_thousand_pairs_get_everything_once_and_in_order() {
    let broker = Broker::start(&["-q"]);
    let port = broker.port;
    let threads: Vec<_> = (0..20)
        .map(|thread| {
            std::thread::spawn(move || (0..50).for_each(|pairs| pair(port, thread * 50 + pairs, 100)))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_thousand_connected_pairs_get_a_hundred_messages_of_each_qos() {
    let broker = Broker::start(&["-q"]);
    let mut pairs: Vec<_> = (0..1_000)
        .map(|number| {
            let (mut subscriber, mut publisher) = (broker.connect(), broker.connect());
            subscriber.send(&connect4(&format!("s{number}"), true));
            publisher.send(&connect4(&format!("p{number}"), true));
            subscriber.send(&subscribe4(1, &format!("pair/{number}"), 2));
            (subscriber, publisher)
        })
        .collect();
    for (subscriber, publisher) in &mut pairs {
        subscriber.expect(&CONNACK4);
        subscriber.expect(&[0x90, 3, 0, 1, 2]);
        publisher.expect(&CONNACK4);
    }
    for qos in 0..=2 {
        for (number, (_, publisher)) in pairs.iter_mut().enumerate() {
            let topic = format!("pair/{number}");
            let burst: Vec<u8> = (0..100_u16)
                .flat_map(|count| publish4(&topic, qos, count + 1, &count.to_be_bytes()))
                .collect();
            publisher.send(&burst);
        }
        for (number, (subscriber, publisher)) in pairs.iter_mut().enumerate() {
            hundred(subscriber, publisher, number, qos);
        }
    }
    for (subscriber, publisher) in &mut pairs {
        assert!(subscriber.ping().is_empty() && publisher.ping().is_empty(), "nothing came twice");
    }
}

/// A pair's hundred messages of one QoS: all there, in order, acknowledged to the end on both sides.
fn hundred(subscriber: &mut Raw, publisher: &mut Raw, number: usize, qos: u8) {
    let id_at = 2 + format!("pair/{number}").len();
    let payload_at = if qos > 0 { id_at + 2 } else { id_at };
    for count in 0..100_u16 {
        let (first, body) = subscriber.packet();
        assert_eq!(
            (first, &body[payload_at..]),
            (0x30 | qos << 1, &count.to_be_bytes()[..]),
            "pair {number}"
        );
        if qos > 0 {
            subscriber.send(&packet(if qos == 1 { 0x40 } else { 0x50 }, &[&body[id_at..id_at + 2]]));
        }
    }
    if qos == 2 {
        for _ in 0..100 {
            let (first, id) = subscriber.packet();
            assert_eq!(first, 0x62, "pair {number}");
            subscriber.send(&packet(0x70, &[&id]));
        }
    }
    for id in 1..=100_u16 {
        match qos {
            1 => publisher.expect(&packet(0x40, &[&id.to_be_bytes()])),
            2 => {
                publisher.expect(&packet(0x50, &[&id.to_be_bytes()]));
                publisher.send(&packet(0x62, &[&id.to_be_bytes()]));
            }
            _ => {}
        }
    }
    if qos == 2 {
        (1..=100_u16).for_each(|id| publisher.expect(&packet(0x70, &[&id.to_be_bytes()])));
    }
}

/// Writes without blocking as much as the socket takes, up to `most` bytes.
fn flood(client: &mut Raw, bytes: &[u8], most: usize) -> usize {
    let (mut sent, mut stalls) = (0, 0);
    client.0.set_write_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
    while sent < most && stalls < 50 {
        match client.0.write(&bytes[sent % bytes.len()..]) {
            Ok(count) => {
                sent += count;
                stalls = 0;
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                stalls += 1
            }
            Err(error) => panic!("{error}"),
        }
    }
    sent
}

#[test]
#[cfg(target_os = "linux")]
fn a_stalled_subscriber_slows_nobody_and_fills_no_memory() {
    let broker = Broker::start(&["-q", "--max-queued-bytes", "4M", "--workers", "2"]);
    let mut stuck = broker.connect();
    stuck.send(&connect4("stuck", true));
    stuck.expect(&CONNACK4);
    stuck.send(&subscribe4(1, "flood/#", 0));
    stuck.expect(&[0x90, 3, 0, 1, 0]);
    let mut reader = broker.connect();
    reader.send(&connect4("reader", true));
    reader.expect(&CONNACK4);
    reader.send(&subscribe4(1, "flood/#", 0));
    reader.expect(&[0x90, 3, 0, 1, 0]);
    let mut publisher = broker.connect();
    publisher.send(&connect4("publisher", true));
    publisher.expect(&CONNACK4);
    let before = broker.memory();
    let message = publish4("flood/a", 0, 0, &[7; 1_000]);
    // In step with the reader, so that only the stuck one ever falls behind.
    let mut chunk = vec![0; 256 * message.len()];
    for _ in 0..256 {
        publisher.send(&message.repeat(256));
        reader.0.read_exact(&mut chunk).expect("the reader is served though another does not read");
    }
    let grown = broker.memory().saturating_sub(before);
    assert!(grown < 32 << 20, "memory grew by {grown} bytes; the stuck subscriber may hold 4 MiB");
}

#[test]
fn two_clients_that_flood_each_other_do_not_deadlock() {
    let broker = Broker::start(&["-q", "--max-queued-bytes", "1M"]);
    let mut clients: Vec<Raw> = ["left", "right"]
        .iter()
        .map(|name| {
            let mut client = broker.connect();
            client.send(&connect4(name, true));
            client.expect(&CONNACK4);
            client.send(&subscribe4(1, &format!("to/{name}"), 0));
            client.expect(&[0x90, 3, 0, 1, 0]);
            client
        })
        .collect();
    // Both write and neither reads, until all is written: a broker that stopped reading both would never see the end.
    let threads: Vec<_> = ["to/right", "to/left"]
        .into_iter()
        .map(|topic| {
            let mut client = clients.remove(0);
            std::thread::spawn(move || {
                let message = publish4(topic, 0, 0, &[1; 2_000]);
                let most = message.len() * 20_000;
                let sent = flood(&mut client, &message, most);
                (sent, most)
            })
        })
        .collect();
    for thread in threads {
        let (sent, most) = thread.join().unwrap();
        assert_eq!(sent, most, "a client could not write any more");
    }
}

#[test]
fn nothing_acknowledged_is_lost_in_a_fan_in_flood() {
    const PUBLISHERS: usize = 50;
    const MESSAGES: u16 = 2_000;
    let broker = Broker::start(&["-q"]);
    let mut subscriber = broker.connect();
    subscriber.send(&connect4("all", true));
    subscriber.expect(&CONNACK4);
    subscriber.send(&subscribe4(1, "in/#", 1));
    subscriber.expect(&[0x90, 3, 0, 1, 1]);
    let port = broker.port;
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|number| {
            std::thread::spawn(move || {
                let mut publisher = Raw::connect(port);
                publisher.send(&connect4(&format!("p{number}"), true));
                publisher.expect(&CONNACK4);
                let topic = format!("in/{number}");
                let burst: Vec<u8> =
                    (1..=MESSAGES).flat_map(|id| publish4(&topic, 1, id, &id.to_be_bytes())).collect();
                publisher.send(&burst);
                for id in 1..=MESSAGES {
                    publisher.expect(&packet(0x40, &[&id.to_be_bytes()]));
                }
            })
        })
        .collect();
    let mut last: HashMap<Vec<u8>, u16> = HashMap::new();
    for _ in 0..PUBLISHERS * usize::from(MESSAGES) {
        let (_, body) = subscriber.packet();
        let len = usize::from(u16::from_be_bytes([body[0], body[1]]));
        let (topic, rest) = body[2..].split_at(len);
        let count = u16::from_be_bytes([rest[2], rest[3]]);
        assert_eq!(count, last.insert(topic.to_vec(), count).unwrap_or(0) + 1, "in order, once");
        subscriber.send(&packet(0x40, &[&rest[..2]]));
    }
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
}

#[test]
fn a_publisher_slowed_down_within_a_packet_continues() {
    let broker = Broker::start(&["-q"]);
    let mut subscriber = broker.connect();
    subscriber.send(&connect4("s", true));
    subscriber.expect(&CONNACK4);
    subscriber.send(&subscribe4(1, "large", 0));
    subscriber.expect(&[0x90, 3, 0, 1, 0]);
    let mut publisher = broker.connect();
    publisher.send(&connect4("p", true));
    publisher.expect(&CONNACK4);
    // Each is more than the sockets hold and more than slows a publisher down, so reading stops within the next one.
    let message = publish4("large", 0, 0, &vec![5; 12 << 20]);
    let sent = message.clone();
    let writer = std::thread::spawn(move || {
        (0..4).for_each(|_| publisher.send(&sent));
        assert!(publisher.ping().is_empty());
    });
    for _ in 0..4 {
        subscriber.expect(&message);
    }
    writer.join().unwrap();
}

#[test]
fn ping_pong_between_two_workers_loses_no_wake_up() {
    // Neighbours are served by different threads, so each packet is written by one that does not serve its receiver,
    // unless both are at it.
    let broker = Broker::start(&["-q", "--workers", "2"]);
    let player = |name: &str| {
        let mut client = broker.connect();
        client.send(&connect4(name, true));
        client.expect(&CONNACK4);
        client.send(&subscribe4(1, name, 2));
        client.expect(&[0x90, 3, 0, 1, 2]);
        client
    };
    let pairs: Vec<_> =
        (0..8).map(|pair| (player(&format!("l{pair}")), player(&format!("r{pair}")), pair)).collect();
    let games: Vec<_> = pairs
        .into_iter()
        .map(|(mut left, mut right, pair)| {
            std::thread::spawn(move || {
                for count in 1..=3_000_u16 {
                    let sizes = [8, 900, 1_100, 70_000];
                    let ball = vec![count as u8; sizes[usize::from(count) % if pair == 0 { 4 } else { 3 }]];
                    // Sometimes two at once, so that one comes while the other is written.
                    let times = 1 + usize::from(count) % 2;
                    let there = publish4(&format!("r{pair}"), 0, 0, &ball).repeat(times);
                    left.send(&there);
                    right.expect(&there);
                    let back = publish4(&format!("l{pair}"), 0, 0, &ball).repeat(times);
                    right.send(&back);
                    left.expect(&back);
                }
            })
        })
        .collect();
    games.into_iter().for_each(|game| game.join().unwrap());
}
