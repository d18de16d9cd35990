//! Packets of MQTT 5 other than CONNECT and PUBLISH.

use std::borrow::Cow;

use super::frame::Frame;
use super::packet::{
    Ack, Auth, Connack, Disconnect, Options, Packet, RetainHandling, Suback, Subscribe, Subscription,
    Unsubscribe, Version,
};
use super::property::{PacketSet, Properties};
use super::read::{Reader, malformed, protocol_error};
use super::reason::Reason;
use super::{Malformed, connect, publish};
use crate::message::QoS;

pub(super) fn decode(frame: Frame<'_>) -> Result<Packet<'_>, Malformed> {
    decode_by(frame, |defined| defined)
}

/// As [`decode`], but with any reason code.
pub(super) fn decode_any_code(frame: Frame<'_>) -> Result<Packet<'_>, Malformed> {
    decode_by(frame, |_| &ANY)
}

/// `codes` gives the reason codes that are taken, from those that the standard defines for a packet.
fn decode_by(frame: Frame<'_>, codes: fn(&'static [u8]) -> &'static [u8]) -> Result<Packet<'_>, Malformed> {
    super::check_first(Version::V5, frame.first())?;
    let kind = frame.first() >> 4;
    let mut reader = Reader(frame.body());
    let packet = match kind {
        1 => return connect::decode_connect(frame).map(Packet::Connect),
        2 => Packet::Connack(connack(&mut reader, codes(CONNACK))?),
        3 => return publish::decode(Version::V5, frame).map(Packet::Publish),
        4 => Packet::Puback(ack(&mut reader, codes(PUBACK))?),
        5 => Packet::Pubrec(ack(&mut reader, codes(PUBACK))?),
        6 => Packet::Pubrel(ack(&mut reader, codes(PUBREL))?),
        7 => Packet::Pubcomp(ack(&mut reader, codes(PUBREL))?),
        8 => Packet::Subscribe(subscribe(&mut reader)?),
        9 => Packet::Suback(suback(&mut reader, codes(SUBACK))?),
        10 => Packet::Unsubscribe(unsubscribe(&mut reader)?),
        11 => Packet::Unsuback(suback(&mut reader, codes(UNSUBACK))?),
        12 => Packet::Pingreq,
        13 => Packet::Pingresp,
        14 => Packet::Disconnect(disconnect(&mut reader, codes(DISCONNECT))?),
        15 => Packet::Auth(auth(&mut reader)?),
        _ => return Err(malformed("a packet type of 0")),
    };
    reader.end()?;
    Ok(packet)
}

const CONNACK: &[u8] = &[
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99,
    0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
];
/// PUBACK and PUBREC. 0x95 is none of theirs, but mosquitto answers so to a payload above its limit, and so do we.
const PUBACK: &[u8] = &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x95, 0x97, 0x99];
/// PUBREL and PUBCOMP.
const PUBREL: &[u8] = &[0x00, 0x92];
const SUBACK: &[u8] = &[0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2];
const UNSUBACK: &[u8] = &[0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91];
const DISCONNECT: &[u8] = &[
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
];
const AUTH: &[u8] = &[0x00, 0x18, 0x19];
const ANY: [u8; 256] = {
    let mut all = [0; 256];
    let mut code = 0;
    while code < 256 {
        all[code] = code as u8;
        code += 1;
    }
    all
};

/// A reason code that this packet may have.
fn reason(reader: &mut Reader<'_>, allowed: &[u8]) -> Result<Reason, Malformed> {
    let code = reader.u8()?;
    if allowed.contains(&code) {
        Ok(Reason(code))
    } else {
        Err(protocol_error("a reason code that is not of this packet"))
    }
}

fn properties<'a>(reader: &mut Reader<'a>, packet: PacketSet) -> Result<Properties<'a>, Malformed> {
    Properties::check(reader.counted()?, packet)
}

fn ack<'a>(reader: &mut Reader<'a>, allowed: &[u8]) -> Result<Ack<'a>, Malformed> {
    let packet_id = reader.packet_id()?;
    if reader.is_empty() {
        return Ok(Ack::new(packet_id, Reason::SUCCESS));
    }
    let reason = reason(reader, allowed)?;
    if reader.is_empty() {
        return Ok(Ack::new(packet_id, reason));
    }
    Ok(Ack { packet_id, reason, properties: properties(reader, PacketSet::ACK)? })
}

fn connack<'a>(reader: &mut Reader<'a>, allowed: &[u8]) -> Result<Connack<'a>, Malformed> {
    let flags = reader.u8()?;
    if flags > 1 {
        return Err(malformed("reserved acknowledge flags are set")); // [MQTT-3.2.2-1]
    }
    let reason = reason(reader, allowed)?;
    Ok(Connack { session_present: flags == 1, reason, properties: properties(reader, PacketSet::CONNACK)? })
}

fn subscribe<'a>(reader: &mut Reader<'a>) -> Result<Subscribe<'a>, Malformed> {
    let packet_id = reader.packet_id()?;
    let properties = properties(reader, PacketSet::SUBSCRIBE)?;
    let mut filters = Vec::new();
    while !reader.is_empty() {
        let filter = reader.string()?;
        let options = options(reader.u8()?)?;
        if options.no_local && filter.starts_with("$share/") {
            return Err(protocol_error("No Local on a shared subscription")); // [MQTT-3.8.3-4]
        }
        filters.push(Subscription { filter: Cow::Borrowed(filter), options });
    }
    if filters.is_empty() {
        return Err(protocol_error("there is no topic filter")); // [MQTT-3.8.3-2]
    }
    Ok(Subscribe { packet_id, properties, filters })
}

fn options(bits: u8) -> Result<Options, Malformed> {
    if bits & 0xC0 != 0 {
        return Err(malformed("reserved subscription options are set")); // [MQTT-3.8.3-5]
    }
    let retain_handling = match (bits >> 4) & 3 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return Err(protocol_error("a Retain Handling of 3")),
    };
    Ok(Options {
        qos: QoS::from_bits(bits & 3).ok_or(protocol_error("a QoS of 3"))?,
        no_local: bits & 0b100 != 0,
        retain_as_published: bits & 0b1000 != 0,
        retain_handling,
    })
}

fn unsubscribe<'a>(reader: &mut Reader<'a>) -> Result<Unsubscribe<'a>, Malformed> {
    let packet_id = reader.packet_id()?;
    let properties = properties(reader, PacketSet::UNSUBSCRIBE)?;
    let mut filters = Vec::new();
    while !reader.is_empty() {
        filters.push(Cow::Borrowed(reader.string()?));
    }
    if filters.is_empty() {
        return Err(protocol_error("there is no topic filter")); // [MQTT-3.10.3-2]
    }
    Ok(Unsubscribe { packet_id, properties, filters })
}

/// SUBACK and UNSUBACK.
fn suback<'a>(reader: &mut Reader<'a>, allowed: &[u8]) -> Result<Suback<'a>, Malformed> {
    let packet_id = reader.packet_id()?;
    let properties = properties(reader, PacketSet::SUBACK)?;
    let mut reasons = Vec::new();
    while !reader.is_empty() {
        reasons.push(reason(reader, allowed)?);
    }
    if reasons.is_empty() {
        return Err(protocol_error("there is no reason code"));
    }
    Ok(Suback { packet_id, properties, reasons })
}

fn disconnect<'a>(reader: &mut Reader<'a>, allowed: &[u8]) -> Result<Disconnect<'a>, Malformed> {
    if reader.is_empty() {
        return Ok(Disconnect { reason: Reason::SUCCESS, properties: Properties::EMPTY });
    }
    let reason = reason(reader, allowed)?;
    if reader.is_empty() {
        return Ok(Disconnect { reason, properties: Properties::EMPTY });
    }
    Ok(Disconnect { reason, properties: properties(reader, PacketSet::DISCONNECT)? })
}

fn auth<'a>(reader: &mut Reader<'a>) -> Result<Auth<'a>, Malformed> {
    // Section 3.15.2.1: reason and properties go together, both or neither.
    if reader.is_empty() {
        return Ok(Auth { reason: Reason::SUCCESS, properties: Properties::EMPTY });
    }
    let reason = reason(reader, AUTH)?;
    let properties = properties(reader, PacketSet::AUTH)?;
    if properties.authentication_method().is_none() {
        return Err(protocol_error("no authentication method")); // section 3.15.2.2.2
    }
    Ok(Auth { reason, properties })
}
