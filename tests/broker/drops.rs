//! Every message that is not delivered is counted by its reason, and logged: the first of a series, then the total.

use crate::support::{Broker, CONNACK4, Raw, connect4, connect5, packet, publish4, subscribe4, text};

/// What `$SYS` says of dropped messages, by reason.
fn dropped(broker: &Broker, reason: &str, wanted: u64) {
    let topic = format!("$SYS/broker/publish/messages/dropped/{reason}");
    let mut reader = client(broker, "reader");
    reader.send(&subscribe4(1, &topic, 0));
    loop {
        let (first, body) = reader.packet();
        if first >> 4 == 3 && body[2 + topic.len()..] == *wanted.to_string().as_bytes() {
            return;
        }
    }
}

fn client(broker: &Broker, name: &str) -> Raw {
    let mut client = broker.connect();
    client.send(&connect4(name, true));
    client.expect(&CONNACK4);
    client
}

/// A session that subscribes and leaves: it stays.
fn absent(broker: &Broker, name: &str, filter: &str) {
    let mut client = broker.connect();
    client.send(&connect4(name, false));
    client.expect(&CONNACK4);
    client.send(&subscribe4(1, filter, 1));
    client.expect(&[0x90, 3, 0, 1, 1]);
    client.send(&[0xE0, 0]);
    client.expect_closed();
}

fn publish(client: &mut Raw, topic: &str, count: u16) {
    for id in 1..=count {
        client.send(&publish4(topic, 1, id, b"x"));
        client.expect(&packet(0x40, &[&id.to_be_bytes()]));
    }
}

const FLAGS: [&str; 4] = ["--max-queued-messages", "5", "--sys-interval", "1"];

#[test]
fn a_full_queue_of_a_client_or_a_group_is_logged_once_and_counted() {
    let broker = Broker::start(&FLAGS);
    absent(&broker, "own", "own/t");
    absent(&broker, "member", "$share/g/shared/t");
    let mut publisher = client(&broker, "publisher");
    publish(&mut publisher, "own/t", 9);
    publish(&mut publisher, "shared/t", 8);
    broker.stderr.wait_line("dropping messages for own: queue full");
    broker.stderr.wait_line("dropping messages for $share/g/shared/t: queue full");
    dropped(&broker, "queue_full", 4 + 3);
    let lines = broker.stderr.so_far();
    assert_eq!(lines.iter().filter(|line| line.contains("dropping messages")).count(), 2, "{lines:?}");
    // The group ends with its last member, and what waits in it.
    let mut member = broker.connect();
    member.send(&connect4("member", true));
    member.expect(&CONNACK4);
    broker.stderr.wait_line("dropping messages for $share/g/shared/t: last member left");
    broker.stderr.wait_line("dropped 8 messages for $share/g/shared/t");
    dropped(&broker, "no_member", 5);
}

#[test]
fn messages_that_expire_in_the_queue_of_a_disconnected_client_are_logged() {
    let broker = Broker::start(&FLAGS);
    absent(&broker, "own", "own/t");
    let mut publisher = broker.connect();
    publisher.send(&connect5("publisher", true, &[]));
    assert_eq!(publisher.packet().0, 0x20);
    // Message expiry interval: one second. It is retained as well, which shows when it has expired.
    publisher.send(&packet(0x33, &[&text("own/t"), &[0, 1, 5, 2, 0, 0, 0, 1], b"x"]));
    assert_eq!(publisher.packet().0, 0x40);
    crate::support::wait_for("the message expires", || {
        let mut observer = client(&broker, "observer");
        observer.send(&subscribe4(1, "own/t", 0));
        observer.expect(&[0x90, 3, 0, 1, 0]);
        // What is retained may follow the first answer.
        let arrived = [observer.ping(), observer.ping()].concat();
        arrived.iter().all(|(first, _)| first >> 4 != 3).then_some(())
    });
    let mut own = broker.connect();
    own.send(&connect4("own", false));
    own.expect(&[0x20, 2, 1, 0]);
    let arrived = own.ping();
    assert!(arrived.is_empty(), "{arrived:?}");
    dropped(&broker, "expired", 1);
    broker.stderr.wait_line("dropping messages for own: expired");
}

#[test]
fn a_payload_over_the_limit_is_logged_with_its_publisher() {
    let folder = crate::support::Folder::new();
    let config = "listener 0 127.0.0.1\nallow_anonymous true\nmessage_size_limit 10\nsys_interval 1\n";
    let broker = Broker::with_config(&folder, config, &[]);
    let mut publisher = client(&broker, "publisher");
    for id in 1..=3_u16 {
        publisher.send(&publish4("t", 1, id, &[b'x'; 11]));
        publisher.expect(&packet(0x40, &[&id.to_be_bytes()]));
    }
    broker.stderr.wait_line("dropping messages published by publisher: payload larger than the limit");
    dropped(&broker, "too_large", 3);
    publisher.send(&[0xE0, 0]);
    broker.stderr.wait_line("dropped 3 messages published by publisher");
}
