//! Writing packets, once for all versions: they differ by properties, by CONNECT's level and by a few codes.
//!
//! Not by `mqttrs`, which writes MQIsdp wrongly and would be a second way to write the rest; tests hold the two side by
//! side where it is right.

use super::head::Head;
use super::packet::{
    Ack, Auth, Connect, Disconnect, Options, Packet, Publish, Suback, Subscribe, Unsubscribe, Version,
};
use super::property::Properties;
use super::reason::Reason;
use super::{connect, v3, write};

/// Appends `packet` as `version` writes it. What the version does not have is left out.
pub fn encode(version: Version, packet: &Packet<'_>, out: &mut Vec<u8>) {
    let is_v5 = version == Version::V5;
    match packet {
        Packet::Connect(connect) => framed(0x10, out, |out| body_connect(connect, out)),
        Packet::Connack(connack) => framed(0x20, out, |out| {
            let code = if is_v5 { connack.reason.0 } else { v3::connack_code(connack.reason).unwrap_or(3) };
            // 3.1 reserves the byte in which later versions tell of the session.
            let present = connack.session_present && version != Version::V3_1;
            out.extend_from_slice(&[u8::from(present), code]);
            properties(version, connack.properties, out);
        }),
        Packet::Publish(publish) => body_publish(version, publish, out),
        Packet::Puback(ack) => body_ack(0x40, version, ack, out),
        Packet::Pubrec(ack) => body_ack(0x50, version, ack, out),
        Packet::Pubrel(ack) => body_ack(0x62, version, ack, out),
        Packet::Pubcomp(ack) => body_ack(0x70, version, ack, out),
        Packet::Subscribe(subscribe) => framed(0x82, out, |out| body_subscribe(version, subscribe, out)),
        Packet::Suback(suback) => framed(0x90, out, |out| body_suback(version, suback, out)),
        Packet::Unsubscribe(unsubscribe) => {
            framed(0xA2, out, |out| body_unsubscribe(version, unsubscribe, out))
        }
        Packet::Unsuback(suback) if is_v5 => framed(0xB0, out, |out| body_suback(version, suback, out)),
        // In 3.1.1 it has no payload.
        Packet::Unsuback(suback) => {
            body_ack(0xB0, version, &Ack::new(suback.packet_id, Reason::SUCCESS), out)
        }
        Packet::Pingreq => out.extend_from_slice(&[0xC0, 0]),
        Packet::Pingresp => out.extend_from_slice(&[0xD0, 0]),
        Packet::Disconnect(disconnect) => body_disconnect(version, *disconnect, out),
        Packet::Auth(auth) if is_v5 => body_auth(auth, out),
        Packet::Auth(_) => {}
    }
}

/// Writes a body and then its fixed header before it.
fn framed(first: u8, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[first, 0]);
    body(out);
    let len = out.len() - start - 2;
    if len <= 0x7F {
        out[start + 1] = (len & 0x7F) as u8;
        return;
    }
    let mut header = Vec::with_capacity(4);
    write::variable(len, &mut header);
    out.splice(start + 1..start + 2, header);
}

fn properties(version: Version, properties: Properties<'_>, out: &mut Vec<u8>) {
    if version == Version::V5 {
        // [MQTT-2.2.2-1]: a length of zero stands where there are none.
        write::variable(properties.as_bytes().len(), out);
        out.extend_from_slice(properties.as_bytes());
    }
}

fn body_connect(packet: &Connect<'_>, out: &mut Vec<u8>) {
    let (name, level) = match packet.version {
        Version::V3_1 => ("MQIsdp", 3),
        Version::V3_1_1 => ("MQTT", 4),
        Version::V5 => ("MQTT", 5),
    };
    write::string(name, out);
    out.push(if packet.bridge { level | connect::BRIDGE } else { level });
    let mut flags = u8::from(packet.clean_start) << 1;
    if let Some(will) = &packet.will {
        flags |= 0x04 | will.qos.bits() << 3 | u8::from(will.retain) << 5;
    }
    flags |= u8::from(packet.password.is_some()) << 6 | u8::from(packet.username.is_some()) << 7;
    out.push(flags);
    out.extend_from_slice(&packet.keep_alive.to_be_bytes());
    properties(packet.version, packet.properties, out);
    write::string(packet.client_id, out);
    if let Some(will) = &packet.will {
        properties(packet.version, will.properties, out);
        write::string(will.topic, out);
        write::binary(will.payload, out);
    }
    if let Some(username) = packet.username {
        write::string(username, out);
    }
    if let Some(password) = packet.password {
        write::binary(password, out);
    }
}

fn body_publish(version: Version, publish: &Publish<'_>, out: &mut Vec<u8>) {
    let head = Head {
        version,
        dup: publish.dup,
        qos: publish.qos,
        retain: publish.retain,
        topic: publish.topic,
        alias: None,
        packet_id: publish.packet_id,
        expiry: None,
        subscription_ids: &[],
    };
    // The properties come as they are, those of the hop among them.
    let properties = if version == Version::V5 { publish.properties.as_bytes() } else { &[] };
    head.write(properties, publish.payload.len(), out);
    out.extend_from_slice(properties);
    out.extend_from_slice(publish.payload);
}

fn body_ack(first: u8, version: Version, ack: &Ack<'_>, out: &mut Vec<u8>) {
    let [high, low] = ack.packet_id.get().to_be_bytes();
    if version != Version::V5 || (ack.reason == Reason::SUCCESS && ack.properties.is_empty()) {
        return out.extend_from_slice(&[first, 2, high, low]);
    }
    if ack.properties.is_empty() {
        return out.extend_from_slice(&[first, 3, high, low, ack.reason.0]);
    }
    framed(first, out, |out| {
        out.extend_from_slice(&[high, low, ack.reason.0]);
        properties(version, ack.properties, out);
    });
}

fn body_subscribe(version: Version, subscribe: &Subscribe<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&subscribe.packet_id.get().to_be_bytes());
    properties(version, subscribe.properties, out);
    for subscription in &subscribe.filters {
        write::string(&subscription.filter, out);
        out.push(option_bits(version, subscription.options));
    }
}

fn option_bits(version: Version, options: Options) -> u8 {
    let mut bits = options.qos.bits();
    if version == Version::V5 {
        bits |= u8::from(options.no_local) << 2 | u8::from(options.retain_as_published) << 3;
        bits |= (options.retain_handling as u8) << 4;
    }
    bits
}

fn body_suback(version: Version, suback: &Suback<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&suback.packet_id.get().to_be_bytes());
    properties(version, suback.properties, out);
    let is_v5 = version == Version::V5;
    // 3.1.1 has one code for every failure [v3 MQTT-3.9.3-2].
    let code = |reason: &Reason| if is_v5 { reason.0 } else { reason.0.min(Reason::UNSPECIFIED_ERROR.0) };
    out.extend(suback.reasons.iter().map(code));
}

fn body_unsubscribe(version: Version, unsubscribe: &Unsubscribe<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&unsubscribe.packet_id.get().to_be_bytes());
    properties(version, unsubscribe.properties, out);
    for filter in &unsubscribe.filters {
        write::string(filter, out);
    }
}

fn body_disconnect(version: Version, packet: Disconnect<'_>, out: &mut Vec<u8>) {
    let Disconnect { reason, properties: with } = packet;
    if version != Version::V5 || (reason == Reason::SUCCESS && with.is_empty()) {
        return out.extend_from_slice(&[0xE0, 0]);
    }
    framed(0xE0, out, |out| {
        out.push(reason.0);
        if !with.is_empty() {
            properties(version, with, out);
        }
    });
}

fn body_auth(packet: &Auth<'_>, out: &mut Vec<u8>) {
    let Auth { reason, properties: with } = *packet;
    if reason == Reason::SUCCESS && with.is_empty() {
        return out.extend_from_slice(&[0xF0, 0]);
    }
    framed(0xF0, out, |out| {
        out.push(reason.0);
        properties(Version::V5, with, out);
    });
}
