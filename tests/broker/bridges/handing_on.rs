//! What is acknowledged when, and under which identifier.

use super::{Other, heard, message, publish, said, subscriber, with_dup};
use crate::support::{Broker, CONNACK4, Folder, Raw, connect4, packet, publish4, subscribe4, text};

#[test]
fn outgoing_messages_are_acknowledged_by_the_remote_broker() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic out/# out 2"), &[]);
    let (mut far, connect) = other.greet(false);
    // 0x84: a bridge; the session is kept; 60 s.
    let expected = [&text("MQTT")[..], &[0x84, 0, 0, 60], &text("far")].concat();
    assert_eq!(connect, expected);
    publish(broker.port, &["-t", "out/1", "-m", "one", "-q", "1"]);
    publish(broker.port, &["-t", "out/2", "-m", "two", "-q", "2"]);
    publish(broker.port, &["-t", "elsewhere", "-m", "x", "-q", "1"]);
    far.expect(&publish4("out/1", 1, 1, b"one"));
    far.expect(&publish4("out/2", 2, 2, b"two"));
    // Neither is answered: both come again, under the same identifiers.
    far.shut();
    broker.stderr.wait_line("bridge b: disconnected from 127.0.0.1:");
    let (mut far, _) = other.greet(true);
    far.expect(&with_dup(publish4("out/1", 1, 1, b"one")));
    far.expect(&with_dup(publish4("out/2", 2, 2, b"two")));
    far.send(&[0x40, 2, 0, 1, 0x50, 2, 0, 2]);
    far.expect(&[0x62, 2, 0, 2]);
    // PUBCOMP is lost: then PUBREL comes again, and not the message.
    far.shut();
    let (mut far, _) = other.greet(true);
    far.expect(&[0x62, 2, 0, 2]);
    far.send(&[0x70, 2, 0, 2]);
    publish(broker.port, &["-t", "out/3", "-m", "three", "-q", "0"]);
    far.expect(&publish4("out/3", 0, 0, b"three"));
    far.shut();
    // All is done.
    let (mut far, _) = other.greet(true);
    publish(broker.port, &["-t", "out/4", "-m", "four", "-q", "0"]);
    far.expect(&publish4("out/4", 0, 0, b"four"));
}

#[test]
fn incoming_messages_are_acknowledged_once_stored_here() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic in/# in 2"), &[]);
    let mut here = subscriber(broker.port, "in/#", 0);
    let mut far = other.greet_and_grant(false, "in/#", 2);
    far.send(&publish4("in/1", 1, 7, b"one"));
    far.expect(&[0x40, 2, 0, 7]);
    far.send(&publish4("in/2", 2, 9, b"two"));
    far.expect(&[0x50, 2, 0, 9]);
    assert_eq!([heard(&mut here), heard(&mut here)], [said("in/1", "one"), said("in/2", "two")]);
    // The connection is lost before PUBREL: sent again it is no new message.
    far.shut();
    let (mut far, _) = other.greet(true);
    far.send(&with_dup(publish4("in/2", 2, 9, b"two")));
    far.expect(&[0x50, 2, 0, 9]);
    far.send(&[0x62, 2, 0, 9]);
    far.expect(&[0x70, 2, 0, 9]);
    far.send(&publish4("in/2", 2, 9, b"three"));
    far.expect(&[0x50, 2, 0, 9]);
    assert_eq!(heard(&mut here), said("in/2", "three"));
    // Now the other broker has lost its session: the same identifier is another message.
    far.shut();
    let mut far = other.greet_and_grant(false, "in/#", 2);
    far.send(&publish4("in/2", 2, 9, b"four"));
    far.expect(&[0x50, 2, 0, 9]);
    assert_eq!(heard(&mut here), said("in/2", "four"));
    far.send(&[0x62, 2, 0, 9]);
    far.expect(&[0x70, 2, 0, 9]);
}

#[test]
fn a_broker_that_has_lost_its_sessions_loses_no_message_to_old_identifiers() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic out/# out 2"), &[]);
    // The other broker has the session of an earlier process, and may hold any identifier.
    let (mut far, _) = other.greet(true);
    let (first, body) = far.packet();
    assert_eq!((first, &body[2..]), (0xA2, &text("out/#")[..]));
    far.send(&packet(0xB0, &[&body[..2]]));
    for _ in 0..2 {
        publish(broker.port, &["-t", "out/a", "-m", "new", "-q", "2"]);
        let (mut first, mut body) = far.packet();
        if first == 0x62 {
            far.send(&packet(0x70, &[&body]));
            let released = body;
            (first, body) = far.packet();
            assert_eq!(message((first, body.clone())).2.to_be_bytes(), released[..]);
        } else {
            panic!("{first:02x}: not released");
        }
        let id = message((first, body)).2.to_be_bytes();
        far.send(&packet(0x50, &[&id]));
        far.expect(&packet(0x62, &[&id]));
        far.send(&packet(0x70, &[&id]));
    }
}

#[test]
fn messages_queued_for_the_remote_broker_survive_kill_9() {
    let (folder, other) = (Folder::new(), Other::new());
    let directory = folder.file("data");
    let flags = ["--data-dir", directory.to_str().unwrap()];
    let config = other.bridge("topic # both 2");
    let mut broker = Broker::with_config(&folder, &config, &flags);
    // Its session is there, and the other broker is not.
    broker.stderr.wait_line("local.far disconnected");
    publish(broker.port, &["-t", "out/1", "-m", "one", "-q", "1"]);
    publish(broker.port, &["-t", "out/2", "-m", "two", "-q", "2"]);
    let mut far = other.greet_and_grant(false, "#", 2);
    far.expect(&publish4("out/1", 1, 1, b"one"));
    far.expect(&publish4("out/2", 2, 2, b"two"));
    // Of the second the other broker has said that it has it.
    far.send(&[0x50, 2, 0, 2]);
    far.expect(&[0x62, 2, 0, 2]);
    // A client here that is away must get what has been acknowledged.
    let mut away = Raw::connect(broker.port);
    away.send(&connect4("away", false));
    away.expect(&CONNACK4);
    away.send(&subscribe4(1, "in/#", 2));
    away.expect(&[0x90, 3, 0, 1, 2]);
    away.send(&[0xE0, 0]);
    far.send(&publish4("in/1", 2, 5, b"five"));
    far.expect(&[0x50, 2, 0, 5]);
    broker.child.kill().unwrap();
    broker.child.wait().unwrap();
    let broker = Broker::with_config(&folder, &config, &flags);
    // It does not know any more what it has subscribed to.
    let (mut far, _) = other.greet(true);
    let (mut released, mut came) = (false, Vec::new());
    while !released || came.is_empty() {
        match far.packet() {
            (0x82, body) => far.send(&packet(0x90, &[&body[..2], &[2]])),
            (0x62, body) => {
                assert_eq!(body, [0, 2]);
                released = true;
                far.send(&[0x70, 2, 0, 2]);
            }
            other => came.push(message(other)),
        }
    }
    let [(topic, payload, id)] = &came[..] else { panic!("{came:?}") };
    assert_eq!((topic.as_str(), payload.as_str()), ("out/1", "one"));
    far.send(&packet(0x40, &[&id.to_be_bytes()]));
    // What was held here is held still.
    far.send(&with_dup(publish4("in/1", 2, 5, b"five")));
    far.expect(&[0x50, 2, 0, 5]);
    far.send(&[0x62, 2, 0, 5]);
    far.expect(&[0x70, 2, 0, 5]);
    let mut away = Raw::connect(broker.port);
    away.send(&connect4("away", false));
    away.expect(&[0x20, 2, 1, 0]);
    assert_eq!(message(away.packet()).1, "five");
    assert!(away.ping().is_empty());
}

#[test]
fn limits_of_the_remote_broker_are_respected() {
    let (folder, other) = (Folder::new(), Other::new());
    let lines = "topic # both 2\nbridge_protocol_version mqttv50\nbridge_receive_maximum 7\nbridge_max_topic_alias 3\n\
                 keepalive_interval 30\nbridge_session_expiry_interval 3600\nmax_packet_size 5000\nmax_inflight_messages 4";
    let broker = Broker::with_config(&folder, &other.bridge(lines), &[]);
    let mut far = other.accept();
    let (_, connect) = far.packet();
    let properties =
        [&[0x11, 0, 0, 0x0E, 0x10][..], &[0x21, 0, 7], &[0x27, 0, 0, 0x13, 0x88], &[0x22, 0, 3]].concat();
    let length = [u8::try_from(properties.len()).unwrap()];
    let expected = [&text("MQTT")[..], &[5, 0, 0, 30], &length, &properties, &text("far")].concat();
    assert_eq!(connect, expected);
    // Receive Maximum 2, Maximum QoS 1, no retained messages, packets of 60 bytes.
    let limits = [&[0x21, 0, 2][..], &[0x24, 1], &[0x25, 0], &[0x27, 0, 0, 0, 60]].concat();
    far.send(&packet(0x20, &[&[0, 0, u8::try_from(limits.len()).unwrap()], &limits]));
    let (first, body) = far.packet();
    // No Local, Retain As Published, and what is retained if the subscription is new.
    assert_eq!((first, &body[2..]), (0x82, &[&[0][..], &text("#"), &[0x1E]].concat()[..]));
    far.send(&packet(0x90, &[&body[..2], &[0, 2]]));
    publish(broker.port, &["-t", "big", "-m", &"x".repeat(100), "-q", "2"]);
    for payload in ["one", "two", "three"] {
        publish(broker.port, &["-t", "t", "-m", payload, "-q", "2", "-r"]);
    }
    broker.stderr.wait_line(
        "message to big not forwarded: larger than the Maximum Packet Size of the remote broker, 60 bytes",
    );
    let mut ids = Vec::new();
    for payload in ["one", "two"] {
        let (first, body) = far.packet();
        assert_eq!(first, 0x32, "QoS 1, and not retained");
        let len = body.len();
        assert_eq!(&body[len - payload.len()..], payload.as_bytes());
        ids.push([body[3], body[4]]);
    }
    // Only now there is room for the third.
    far.send(&packet(0x40, &[&ids[0]]));
    let (_, body) = far.packet();
    assert!(body.ends_with(b"three"));
    far.send(&packet(0x40, &[&ids[1]]));
    far.send(&packet(0x40, &[&body[3..5]]));
    // A topic alias that it sets holds for what comes.
    let mut here = subscriber(broker.port, "in", 0);
    far.send(&packet(0x30, &[&text("in"), &[3, 0x23, 0, 2], b"1"]));
    far.send(&packet(0x30, &[&text(""), &[3, 0x23, 0, 2], b"2"]));
    assert_eq!([heard(&mut here), heard(&mut here)], [said("in", "1"), said("in", "2")]);
}

/// Some brokers close the connection upon a topic that they do not take. The message is given up after three times in a row,
/// the last of them alone, and those behind it go on.
#[test]
fn a_message_that_ends_the_connection_three_times_is_skipped() {
    for qos in [1, 2] {
        let (folder, other) = (Folder::new(), Other::new());
        let broker = Broker::with_config(&folder, &other.bridge("topic out/# out 2"), &[]);
        let (mut far, _) = other.greet(false);
        publish(broker.port, &["-t", "out/bad", "-m", "x", "-q", &qos.to_string()]);
        let bad = publish4("out/bad", qos, 1, b"x");
        far.expect(&bad);
        publish(broker.port, &["-t", "out/good", "-m", "y", "-q", "1"]);
        far.shut();
        let (mut far, _) = other.greet(true);
        far.expect(&with_dup(bad.clone()));
        far.shut();
        // From here on a PINGREQ shows that the connection holds, and the message goes alone.
        let (mut far, _) = other.greet(true);
        far.expect(&[0xC0, 0]);
        far.send(&[0xD0, 0]);
        far.expect(&with_dup(bad.clone()));
        far.shut();
        let (mut far, _) = other.greet(true);
        far.expect(&[0xC0, 0]);
        far.send(&[0xD0, 0]);
        if qos == 2 {
            // It may hold the identifier.
            far.expect(&[0x62, 2, 0, 1]);
            far.send(&[0x70, 2, 0, 1]);
        }
        let (topic, _, id) = message(far.packet());
        assert_eq!(topic, "out/good");
        far.send(&packet(0x40, &[&id.to_be_bytes()]));
        broker.stderr.wait_line("message to out/bad not forwarded: ");
        // The next ones go as ever.
        publish(broker.port, &["-t", "out/1", "-m", "1", "-q", "1"]);
        publish(broker.port, &["-t", "out/2", "-m", "2", "-q", "1"]);
        assert_eq!(message(far.packet()).0, "out/1");
        assert_eq!(message(far.packet()).0, "out/2");
    }
}

#[test]
fn a_topic_name_with_a_wildcard_is_not_forwarded() {
    let (folder, other) = (Folder::new(), Other::new());
    let broker = Broker::with_config(&folder, &other.bridge("topic in/# in 1"), &[]);
    let mut here = subscriber(broker.port, "in/#", 0);
    let mut far = other.greet_and_grant(false, "in/#", 1);
    far.send(&publish4("in/Advisory/#", 1, 7, b"x"));
    far.expect(&[0x40, 2, 0, 7]);
    far.send(&publish4("in/1", 0, 0, b"one"));
    assert_eq!(heard(&mut here), said("in/1", "one"));
    broker.stderr.wait_line("in/Advisory/#");
}
