//! Any packet, for the proofs: parts by chance, and the packet of a version that is made of them.

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::packet::{
    Ack, Auth, Connack, Connect, Disconnect, Options, Packet, PacketId, Publish, RetainHandling, Suback,
    Subscribe, Subscription, Unsubscribe, Version, Will,
};
use super::property::{Form, PROPERTIES, PacketSet, Properties, PropertiesBuf, Property, PropertyValue};
use super::reason::Reason;
use crate::message::QoS;

/// What packets are made of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    kind: u8,
    flags: u16,
    number: u16,
    id: PacketId,
    names: [String; 3],
    data: [Vec<u8>; 2],
    filters: Vec<(String, u8)>,
    properties: Vec<(Index, u32, String, Vec<u8>)>,
}

/// A version, and parts of a packet of any type.
pub(crate) fn any_parts() -> impl Strategy<Value = (Version, Parts)> {
    let version = prop_oneof![Just(Version::V3_1), Just(Version::V3_1_1), Just(Version::V5)];
    let name = || "[^\\x00+#]{0,12}";
    let data = || vec(any::<u8>(), 0..20);
    let property = (any::<Index>(), any::<u32>(), name(), data());
    let filters = vec((name(), any::<u8>()), 1..4);
    let id = any::<u16>().prop_map(|id| PacketId::new(id).unwrap_or(PacketId::MIN));
    (
        version,
        (0..15_u8, any::<u16>(), any::<u16>(), id),
        [name(), name(), name()],
        [data(), data()],
        filters,
        vec(property, 0..5),
    )
        .prop_map(|(version, (kind, flags, number, id), names, data, filters, properties)| {
            (version, Parts { kind, flags, number, id, names, data, filters, properties })
        })
}

/// The properties of `parts` that `packet_set` may carry together.
fn properties(parts: &Parts, version: Version, packet_set: PacketSet) -> PropertiesBuf {
    let mut good = PropertiesBuf::default();
    if version != Version::V5 {
        return good;
    }
    for (which, number, text, data) in &parts.properties {
        let info = &PROPERTIES[which.index(PROPERTIES.len())];
        let value = match (info.form, info.form.range()) {
            (_, Some(range)) => PropertyValue::Number(number.saturating_add(*range.start()) & range.end()),
            (Form::Binary, _) => PropertyValue::Binary(data),
            (Form::Pair, _) => PropertyValue::Pair(text, text),
            _ => PropertyValue::Text(text),
        };
        // An empty topic, and numbers that became 0.
        let Some(property) = Property::new(info, value) else { continue };
        let mut with = good.clone();
        with.push(property);
        if Properties::check(with.as_properties().as_bytes(), packet_set).is_ok() {
            good = with;
        }
    }
    // What needs another beside it has it.
    let has = |wanted: fn(Property<'_>) -> bool| good.as_properties().iter().any(wanted);
    let data = has(|property| matches!(property, Property::AuthenticationData(_)));
    if (data || packet_set == PacketSet::AUTH) && !has(|it| matches!(it, Property::AuthenticationMethod(_))) {
        good.push(Property::AuthenticationMethod("method"));
    }
    good
}

/// Hands `check` the packet that `version` makes of `parts`.
pub(crate) fn with_packet<T>(version: Version, parts: &Parts, check: impl FnOnce(&Packet<'_>) -> T) -> T {
    let is_v5 = version == Version::V5;
    let packet_set = match parts.kind {
        0 => PacketSet::CONNECT,
        1 => PacketSet::CONNACK,
        2 => PacketSet::PUBLISH,
        3..=6 => PacketSet::ACK,
        7 => PacketSet::SUBSCRIBE,
        8 | 10 => PacketSet::SUBACK,
        9 => PacketSet::UNSUBSCRIBE,
        13 => PacketSet::DISCONNECT,
        _ => PacketSet::AUTH,
    };
    let (own, will) = (properties(parts, version, packet_set), properties(parts, version, PacketSet::WILL));
    let (properties, packet_id) = (own.as_properties(), parts.id);
    let pick = |codes: &[u8]| Reason(codes[usize::from(parts.number) % codes.len()]);
    let ack = |codes: &[u8]| Ack {
        packet_id,
        reason: if is_v5 { pick(codes) } else { Reason::SUCCESS },
        properties,
    };
    let reasons = |codes: &[u8]| {
        let reasons = parts.filters.iter().map(|(_, bits)| Reason(codes[usize::from(*bits) % codes.len()]));
        reasons.collect()
    };
    let packet = match parts.kind {
        0 => Packet::Connect(connect(version, parts, properties, will.as_properties())),
        1 => Packet::Connack(Connack {
            session_present: parts.flags & 1 != 0 && version != Version::V3_1,
            reason: pick(&[0x00, 0x84, 0x85, 0x86, 0x87, 0x88]),
            properties,
        }),
        2 => Packet::Publish(publish(parts, properties)),
        3 => Packet::Puback(ack(&[0x00, 0x10, 0x97])),
        4 => Packet::Pubrec(ack(&[0x00, 0x10, 0x97])),
        5 => Packet::Pubrel(ack(&[0x00, 0x92])),
        6 => Packet::Pubcomp(ack(&[0x00, 0x92])),
        7 => Packet::Subscribe(Subscribe { packet_id, properties, filters: subscriptions(version, parts) }),
        8 if is_v5 => Packet::Suback(Suback {
            packet_id,
            properties,
            reasons: reasons(&[0x00, 0x01, 0x02, 0x80, 0x8F]),
        }),
        8 => Packet::Suback(Suback { packet_id, properties, reasons: reasons(&[0x00, 0x01, 0x02, 0x80]) }),
        9 => Packet::Unsubscribe(Unsubscribe {
            packet_id,
            properties,
            filters: parts.filters.iter().map(|(filter, _)| Cow::Borrowed(filter.as_str())).collect(),
        }),
        10 if is_v5 => {
            Packet::Unsuback(Suback { packet_id, properties, reasons: reasons(&[0x00, 0x11, 0x87]) })
        }
        10 => Packet::Unsuback(Suback { packet_id, properties, reasons: Vec::new() }),
        11 => Packet::Pingreq,
        12 => Packet::Pingresp,
        14 if is_v5 => Packet::Auth(Auth { reason: pick(&[0x00, 0x18, 0x19]), properties }),
        _ if is_v5 && parts.kind == 13 => {
            Packet::Disconnect(Disconnect { reason: pick(&[0x00, 0x04, 0x8E, 0x9D]), properties })
        }
        _ => Packet::Disconnect(Disconnect { reason: Reason::SUCCESS, properties: Properties::EMPTY }),
    };
    check(&packet)
}

fn connect<'a>(
    version: Version,
    parts: &'a Parts,
    properties: Properties<'a>,
    will_properties: Properties<'a>,
) -> Connect<'a> {
    let [client_id, topic, username] = &parts.names;
    let [payload, password] = &parts.data;
    let has = |bit: u16| parts.flags & bit != 0;
    let username = has(1).then_some(username.as_str());
    Connect {
        version,
        bridge: version != Version::V5 && has(2),
        clean_start: has(4),
        keep_alive: parts.number,
        properties,
        client_id,
        will: has(8).then_some(Will {
            qos: qos(parts.flags >> 8),
            retain: has(16),
            properties: will_properties,
            topic,
            payload,
        }),
        username,
        password: (has(32) && (version == Version::V5 || username.is_some())).then_some(password),
    }
}

fn publish<'a>(parts: &'a Parts, properties: Properties<'a>) -> Publish<'a> {
    let qos = qos(parts.flags >> 8);
    let is_sure = qos != QoS::AtMostOnce;
    let topic = parts.names[0].as_str();
    Publish {
        dup: is_sure && parts.flags & 1 != 0,
        qos,
        retain: parts.flags & 2 != 0,
        topic: if topic.is_empty() && properties.topic_alias().is_none() { "a" } else { topic },
        packet_id: is_sure.then_some(parts.id),
        properties,
        payload: &parts.data[0],
    }
}

fn subscriptions(version: Version, parts: &Parts) -> Vec<Subscription<'_>> {
    let one = |(filter, bits): &'_ (String, u8)| {
        let mut options = Options { qos: qos((*bits).into()), ..Options::default() };
        if version == Version::V5 {
            options.no_local = bits & 0x10 != 0 && !filter.starts_with("$share/");
            options.retain_as_published = bits & 0x20 != 0;
            options.retain_handling = match bits >> 6 {
                0 | 1 => RetainHandling::Send,
                2 => RetainHandling::SendIfNew,
                _ => RetainHandling::DoNotSend,
            };
        }
        options
    };
    let all = parts.filters.iter();
    all.map(|part| Subscription { filter: Cow::Borrowed(&part.0), options: one(part) }).collect()
}

fn qos(number: u16) -> QoS {
    match number % 3 {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}
