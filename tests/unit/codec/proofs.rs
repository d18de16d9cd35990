//! What holds for any packet and for any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::arbitrary::{any_parts, with_packet};
use super::head::PublishHead;
use super::packet::{Ack, Connect, Packet, PacketId, Publish, Version, Will};
use super::property::{PacketSet, Properties, PropertiesBuf, Property};
use super::reason::Reason;
use super::{decode, decode_connect, decode_publish, encode, fence, frame};
use crate::message::QoS;

const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

fn written(version: Version, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(version, packet, &mut bytes);
    bytes
}

fn qos(qos: mqttrs::QoS) -> QoS {
    match qos {
        mqttrs::QoS::AtMostOnce => QoS::AtMostOnce,
        mqttrs::QoS::AtLeastOnce => QoS::AtLeastOnce,
        mqttrs::QoS::ExactlyOnce => QoS::ExactlyOnce,
    }
}

/// What mqttrs says of the packets that are not read by it here, in our terms; `None` of the others.
fn theirs<'a>(packet: &mqttrs::Packet<'a>) -> Option<Packet<'a>> {
    let id = |pid: &mqttrs::Pid| PacketId::new(pid.get()).unwrap();
    let ack = |pid| Ack::new(id(pid), Reason::SUCCESS);
    Some(match packet {
        mqttrs::Packet::Connect(connect) => Packet::Connect(Connect {
            version: match connect.protocol {
                mqttrs::Protocol::MQTT311 => Version::V3_1_1,
                mqttrs::Protocol::MQIsdp => Version::V3_1,
            },
            bridge: false,
            clean_start: connect.clean_session,
            keep_alive: connect.keep_alive,
            properties: Properties::EMPTY,
            client_id: connect.client_id,
            will: connect.last_will.as_ref().map(|will| Will {
                qos: qos(will.qos),
                retain: will.retain,
                properties: Properties::EMPTY,
                topic: will.topic,
                payload: will.message,
            }),
            username: connect.username,
            password: connect.password,
        }),
        mqttrs::Packet::Publish(publish) => Packet::Publish(Publish {
            dup: publish.dup,
            qos: qos(publish.qospid.qos()),
            retain: publish.retain,
            topic: publish.topic_name,
            packet_id: publish.qospid.pid().as_ref().map(id),
            properties: Properties::EMPTY,
            payload: publish.payload,
        }),
        mqttrs::Packet::Puback(pid) => Packet::Puback(ack(pid)),
        mqttrs::Packet::Pubrec(pid) => Packet::Pubrec(ack(pid)),
        mqttrs::Packet::Pubrel(pid) => Packet::Pubrel(ack(pid)),
        mqttrs::Packet::Pubcomp(pid) => Packet::Pubcomp(ack(pid)),
        _ => return None,
    })
}

/// Bytes that are no frame are none; of a frame, our reading and that of mqttrs behind the fence are one.
fn agree(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(Some(frame)) = frame::cut(bytes, usize::MAX) else { return Ok(()) };
    let ours = decode(Version::V3_1_1, frame);
    match (&ours, fence::decode(frame.bytes())) {
        // mqttrs knows neither MQTT 5 nor bridges.
        (Ok(Packet::Connect(connect)), _) if connect.version == Version::V5 || connect.bridge => {}
        (Ok(ours), Ok(packet)) => {
            if let Some(theirs) = theirs(&packet) {
                prop_assert_eq!(ours, &theirs);
            }
        }
        (Err(_), Err(_)) => {}
        (ours, theirs) => prop_assert!(false, "{ours:?} and {theirs:?} of {bytes:?}"),
    }
    Ok(())
}

/// A PUBLISH is read as the same packet, whatever topic was read before it.
fn known_topics(version: Version, frame: frame::Frame<'_>) -> Result<(), TestCaseError> {
    if frame.first() >> 4 != 3 {
        return Ok(());
    }
    let publish = decode(version, frame);
    let topic = match &publish {
        Ok(Packet::Publish(publish)) => publish.topic,
        _ => "",
    };
    for known in [topic, "", "another topic"] {
        prop_assert_eq!(decode_publish(version, frame, known).map(Packet::Publish), publish.clone());
    }
    Ok(())
}

/// Whatever can be read can be written, and is then read as the same.
fn settled(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(Some(frame)) = frame::cut(bytes, usize::MAX) else { return Ok(()) };
    let _ = decode_connect(frame);
    for version in VERSIONS {
        known_topics(version, frame)?;
        let Ok(packet) = decode(version, frame) else { continue };
        let version = if let Packet::Connect(connect) = &packet { connect.version } else { version };
        let again = written(version, &packet);
        let frame = frame::cut(&again, usize::MAX).unwrap().unwrap();
        prop_assert_eq!(frame.len(), again.len());
        prop_assert_eq!(decode(version, frame), Ok(packet.clone()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read((version, parts) in any_parts()) {
        with_packet(version, &parts, |packet| {
            let bytes = written(version, packet);
            let frame = frame::cut(&bytes, bytes.len()).unwrap().unwrap();
            prop_assert_eq!(frame.len(), bytes.len());
            prop_assert_eq!(decode(version, frame), Ok(packet.clone()));
            for len in 0..bytes.len() {
                prop_assert_eq!(frame::cut(&bytes[..len], usize::MAX), Ok(None));
            }
            // One byte too many is known from the header.
            prop_assert!(frame::cut(&bytes[..bytes.len().min(5)], bytes.len() - 1).is_err());
            Ok(())
        })?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..60)) {
        settled(&bytes)?;
        agree(&bytes)?;
        let _ = fence::decode(&bytes);
        for packet in [PacketSet::CONNECT, PacketSet::WILL, PacketSet::CONNACK, PacketSet::PUBLISH, PacketSet::AUTH] {
            if let Ok(properties) = Properties::check(&bytes, packet) {
                let mut copy = PropertiesBuf::default();
                properties.iter().for_each(|property| copy.push(property));
                prop_assert_eq!(copy.as_properties(), properties);
            }
        }
    }

    #[test]
    fn changed_packets_are_read_or_refused(
        (version, parts) in any_parts(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = with_packet(version, &parts, |packet| written(version, packet));
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        // Cut short, with a length that says so: the packet ends within a field.
        if let Some(at) = cut {
            bytes.truncate(2 + at.index(bytes.len() - 1));
            bytes[1] = u8::try_from(bytes.len() - 2).unwrap_or(0x7F).min(0x7F);
        }
        settled(&bytes)?;
        agree(&bytes)?;
    }

    /// mqttrs writes 3.1.1 as we do.
    #[test]
    fn mqttrs_writes_the_same((_, parts) in any_parts()) {
        with_packet(Version::V3_1_1, &parts, |packet| {
            let bytes = written(Version::V3_1_1, packet);
            if let Ok(theirs) = fence::decode(&bytes) {
                let mut buffer = vec![0; bytes.len() + 10];
                let len = mqttrs::encode_slice(&theirs, &mut buffer).unwrap();
                prop_assert_eq!(&buffer[..len], &bytes[..]);
            } else {
                let is_bridge = matches!(packet, Packet::Connect(connect) if connect.bridge);
                prop_assert!(is_bridge, "{packet:?}");
            }
            Ok(())
        })?;
    }

    /// A head and its tail are the PUBLISH that is written whole.
    #[test]
    fn a_head_and_a_tail_are_a_publish(
        (version, parts) in any_parts(),
        alias in proptest::option::of(1..=u16::MAX),
        expiry in proptest::option::of(any::<u32>()),
        ids in vec(1..=268_435_455_u32, 0..4),
    ) {
        with_packet(version, &parts, |packet| {
            let Packet::Publish(publish) = packet else { return Ok(()) };
            let mut scratch = Vec::new();
            let tail = publish.properties.without_hop(&mut scratch);
            let head = PublishHead {
                version,
                dup: publish.dup,
                qos: publish.qos,
                retain: publish.retain,
                topic: if publish.topic.is_empty() { "a" } else { publish.topic },
                alias,
                packet_id: publish.packet_id,
                expiry,
                subscription_ids: &ids,
            };
            let mut bytes = Vec::new();
            head.write(tail, publish.payload.len(), &mut bytes);
            bytes.extend_from_slice(tail);
            bytes.extend_from_slice(publish.payload);
            prop_assert_eq!(bytes.len(), head.frame_len(tail.len(), publish.payload.len()));

            let mut properties = PropertiesBuf::default();
            if version == Version::V5 {
                expiry.into_iter().for_each(|it| properties.push(Property::MessageExpiryInterval(it)));
                alias.into_iter().for_each(|it| properties.push(Property::TopicAlias(it)));
                ids.iter().for_each(|it| properties.push(Property::SubscriptionIdentifier(*it)));
                let own = |it: &Property<'_>| !matches!(
                    it,
                    Property::MessageExpiryInterval(_)
                        | Property::TopicAlias(_)
                        | Property::SubscriptionIdentifier(_)
                );
                publish.properties.iter().filter(own).for_each(|it| properties.push(it));
            }
            let whole = Publish { topic: head.topic, properties: properties.as_properties(), ..*publish };
            let frame = frame::cut(&bytes, usize::MAX).unwrap().unwrap();
            // [v5 MQTT-3.3.2-17] [v5 MQTT-3.3.2-18]
            prop_assert_eq!(decode(version, frame), Ok(Packet::Publish(whole)));
            Ok(())
        })?;
    }
}

/// A large payload is shared: the head takes no room for it.
#[test]
fn a_head_takes_no_room_for_its_tail() {
    let head = PublishHead {
        version: Version::V5,
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a",
        alias: None,
        packet_id: None,
        expiry: None,
        subscription_ids: &[],
    };
    let mut bytes = Vec::new();
    head.write(&[], 10_000_000, &mut bytes);
    assert_eq!(bytes, [0x30, 0x84, 0xAD, 0xE2, 0x04, 0x00, 0x01, b'a', 0x00]);
    assert!(bytes.capacity() < 100, "{} bytes", bytes.capacity());
}

/// Where mqttrs was seen to panic, to read into the next packet, or to take what the standard refuses.
#[test]
fn the_fence_stops_what_mqttrs_takes() {
    for bytes in [
        &[0x40, 0x00][..],
        &[0x40, 0x00, 0xC0, 0x00],
        &[0x82, 0x00],
        &[0x10, 0x02, 0x00, 0x00],
        &[0x32, 0x03, 0x00, 0x01, b'a'],
        &[0x30, 0x03, 0x00, 0x05, b'a', b'b', b'c', b'd', b'e'],
        &[0x30, 0x03, 0x00, 0x01, b'#'],
        &[0x82, 0x02, 0x00, 0x01],
        &[0x30, 0x83, 0x00, 0x00, 0x01, b'a'],
        &[],
        &[0x30],
    ] {
        assert!(fence::decode(bytes).is_err(), "{bytes:02X?}");
    }
}

#[test]
fn properties_are_found_and_those_of_the_hop_left_out() {
    let mut properties = PropertiesBuf::default();
    for property in [
        Property::UserProperty(("b", "1")),
        Property::MessageExpiryInterval(9),
        Property::TopicAlias(7),
        Property::SubscriptionIdentifier(300),
        Property::ContentType("text"),
        Property::SubscriptionIdentifier(2),
        Property::UserProperty(("a", "2")),
    ] {
        properties.push(property);
    }
    let properties = Properties::check(properties.as_properties().as_bytes(), PacketSet::PUBLISH).unwrap();
    assert_eq!(properties.message_expiry(), Some(9));
    assert_eq!(properties.topic_alias(), Some(7));
    assert_eq!(properties.content_type(), Some("text"));
    assert_eq!(properties.response_topic(), None);
    assert_eq!(properties.subscription_ids().collect::<Vec<_>>(), [300, 2]);
    // [v5 MQTT-3.3.2-18]
    assert_eq!(properties.user_properties().collect::<Vec<_>>(), [("b", "1"), ("a", "2")]);

    let mut scratch = Vec::new();
    let left = Properties::check(properties.without_hop(&mut scratch), PacketSet::PUBLISH).unwrap();
    let kept: Vec<_> = left.iter().collect();
    let user = |pair| Property::UserProperty(pair);
    assert_eq!(kept, [user(("b", "1")), Property::ContentType("text"), user(("a", "2"))]);

    // Nothing to leave out: nothing is copied.
    let mut unused = Vec::new();
    assert_eq!(left.without_hop(&mut unused).as_ptr(), left.as_bytes().as_ptr());
    assert!(unused.is_empty());
}

/// Table 2-4 of MQTT 5: each property with the packets that may carry it; `ack` is PUBACK to PUBCOMP, `suback` SUBACK and
/// UNSUBACK.
const TABLE: &[(Property<'_>, &str)] = &[
    (Property::PayloadFormatIndicator(0), "publish will"),
    (Property::MessageExpiryInterval(0), "publish will"),
    (Property::ContentType(""), "publish will"),
    (Property::ResponseTopic("a"), "publish will"),
    (Property::CorrelationData(b""), "publish will"),
    (Property::SubscriptionIdentifier(1), "publish subscribe"),
    (Property::SessionExpiryInterval(0), "connect connack disconnect"),
    (Property::AssignedClientIdentifier(""), "connack"),
    (Property::ServerKeepAlive(0), "connack"),
    (Property::AuthenticationMethod(""), "connect connack auth"),
    (Property::AuthenticationData(b""), "connect connack auth"),
    (Property::RequestProblemInformation(0), "connect"),
    (Property::WillDelayInterval(0), "will"),
    (Property::RequestResponseInformation(0), "connect"),
    (Property::ResponseInformation(""), "connack"),
    (Property::ServerReference(""), "connack disconnect"),
    (Property::ReasonString(""), "connack ack suback disconnect auth"),
    (Property::ReceiveMaximum(1), "connect connack"),
    (Property::TopicAliasMaximum(0), "connect connack"),
    (Property::TopicAlias(1), "publish"),
    (Property::MaximumQoS(0), "connack"),
    (Property::RetainAvailable(0), "connack"),
    (
        Property::UserProperty(("", "")),
        "connect connack publish will ack subscribe suback unsubscribe disconnect auth",
    ),
    (Property::MaximumPacketSize(1), "connect connack"),
    (Property::WildcardSubscriptionAvailable(0), "connack"),
    (Property::SubscriptionIdentifiersAvailable(0), "connack"),
    (Property::SharedSubscriptionAvailable(0), "connack"),
];

#[test]
fn packets_carry_the_properties_of_the_table_and_once() {
    let packets = [
        ("connect", PacketSet::CONNECT),
        ("will", PacketSet::WILL),
        ("connack", PacketSet::CONNACK),
        ("publish", PacketSet::PUBLISH),
        ("ack", PacketSet::ACK),
        ("subscribe", PacketSet::SUBSCRIBE),
        ("suback", PacketSet::SUBACK),
        ("unsubscribe", PacketSet::UNSUBSCRIBE),
        ("disconnect", PacketSet::DISCONNECT),
        ("auth", PacketSet::AUTH),
    ];
    for (property, allowed) in TABLE {
        let mut once = PropertiesBuf::default();
        once.push(*property);
        let mut twice = once.clone();
        twice.push(*property);
        for (name, packet) in packets {
            let check = |it: &PropertiesBuf| Properties::check(it.as_properties().as_bytes(), packet).is_ok();
            let is_allowed = allowed.split(' ').any(|it| it == name);
            assert_eq!(check(&once), is_allowed, "{} in {name}", property.info().name);
            let may_repeat = match property {
                Property::UserProperty(_) => true,
                Property::SubscriptionIdentifier(_) => packet == PacketSet::PUBLISH,
                _ => false,
            };
            assert_eq!(check(&twice), is_allowed && may_repeat, "{} twice in {name}", property.info().name);
        }
    }
}

#[test]
fn a_frame_is_as_long_as_its_head_says() {
    let near = |size: usize| size - 20..size + 5;
    for tail in near(128).chain(near(16_384)).chain(near(2_097_152)) {
        // The property length and the length of the packet pass their limits one after the other.
        for (properties, payload) in [(tail, 0), (0, tail)] {
            let head = PublishHead {
                version: Version::V5,
                dup: false,
                qos: QoS::AtLeastOnce,
                retain: true,
                topic: "a/b",
                alias: Some(1),
                packet_id: PacketId::new(1),
                expiry: None,
                subscription_ids: &[127, 128, 16_383, 16_384],
            };
            let (mut bytes, tail) = (Vec::new(), vec![0; tail]);
            head.write(&tail[..properties], payload, &mut bytes);
            bytes.extend_from_slice(&tail);
            assert_eq!(bytes.len(), head.frame_len(properties, payload));
            let frame = frame::cut(&bytes, usize::MAX).unwrap().unwrap();
            assert_eq!(frame.len(), bytes.len(), "{properties} and {payload}");
        }
    }
}
