//! Reading PUBLISH, for all versions.
//!
//! 3.1 and 3.1.1 do not go through `mqttrs` here: with a topic of 3 and of 46 bytes, fence and mqttrs were measured at
//! 63 and 81 ns, this at 37 and 45; a PUBACK at 43 and 19. PUBLISH and its acknowledgements are what a broker reads all
//! day. A test holds the two side by side.

use super::Malformed;
use super::frame::Frame;
use super::packet::{Ack, PacketId, Publish, Version};
use super::property::{PacketSet, Properties};
use super::read::{Reader, malformed, protocol_error};
use super::reason::Reason;
use crate::message::QoS;

/// Decodes a frame whose type is PUBLISH. The payload is not looked at.
pub(super) fn decode(version: Version, frame: Frame<'_>) -> Result<Publish<'_>, Malformed> {
    decode_by(version, frame, |reader| topic_name(reader, ""))
}

/// As [`decode`]. `known` is a topic name that was decoded before; a packet with the same topic needs no second check of it,
/// and gets `known` itself as its topic.
///
/// # Errors
/// When the frame is not a well-formed PUBLISH of that version.
pub fn decode_publish<'a>(
    version: Version,
    frame: Frame<'a>,
    known: &'a str,
) -> Result<Publish<'a>, Malformed> {
    decode_by(version, frame, |reader| topic_name(reader, known))
}

/// As [`decode`], but the topic may have wildcards, as ActiveMQ's advisory messages do.
pub(super) fn decode_any_topic(version: Version, frame: Frame<'_>) -> Result<Publish<'_>, Malformed> {
    decode_by(version, frame, Reader::string)
}

fn decode_by<'a>(
    version: Version,
    frame: Frame<'a>,
    read_topic: impl FnOnce(&mut Reader<'a>) -> Result<&'a str, Malformed>,
) -> Result<Publish<'a>, Malformed> {
    let flags = frame.first();
    let (dup, retain) = (flags & 0b1000 != 0, flags & 1 != 0);
    let qos = QoS::from_bits((flags >> 1) & 3).ok_or(malformed("a QoS of 3"))?; // [MQTT-3.3.1-4]
    if dup && qos == QoS::AtMostOnce {
        return Err(malformed("DUP with QoS 0")); // [MQTT-3.3.1-2]
    }
    let mut reader = Reader(frame.body());
    let topic = read_topic(&mut reader)?;
    // [MQTT-2.2.1-2] [v3 MQTT-2.3.1-5]
    let packet_id = if qos == QoS::AtMostOnce { None } else { Some(reader.packet_id()?) };
    let mut properties = Properties::EMPTY;
    if version == Version::V5 {
        let bytes = reader.counted()?;
        if !bytes.is_empty() {
            properties = Properties::check(bytes, PacketSet::PUBLISH)?;
        }
    }
    if topic.is_empty() && properties.topic_alias().is_none() {
        // [v3 MQTT-4.7.3-1]; section 3.3.2.1 of MQTT 5.
        return Err(protocol_error("neither a topic nor an alias"));
    }
    Ok(Publish { dup, qos, retain, topic, packet_id, properties, payload: reader.rest() })
}

/// The topic, in one pass over bytes that are nothing but letters, and a closer look at others.
fn topic_name<'a>(reader: &mut Reader<'a>, known: &'a str) -> Result<&'a str, Malformed> {
    let before = *reader;
    let bytes = reader.binary()?;
    if !bytes.is_empty() && bytes == known.as_bytes() {
        return Ok(known);
    }
    let odd = bytes
        .iter()
        .fold(false, |odd, byte| odd | (*byte == 0) | (*byte == b'#') | (*byte == b'+') | (*byte >= 0x80));
    if odd {
        *reader = before;
        let topic = reader.string()?;
        if topic.contains(['+', '#']) {
            // [MQTT-3.3.2-2] [MQTT-4.7.0-1] [v3 MQTT-4.7.1-1]
            let detail = "the topic is not a topic name";
            return Err(Malformed { reason: Reason::TOPIC_NAME_INVALID, detail });
        }
        return Ok(topic);
    }
    std::str::from_utf8(bytes).map_err(|_| malformed("a string is not UTF-8"))
}

/// The packet identifier of a PUBACK that says success in the fewest bytes, which are the same in every version.
pub fn plain_puback(frame: Frame<'_>) -> Option<PacketId> {
    match frame.bytes() {
        [0x40, 2, high, low] => PacketId::new(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// Decodes PUBACK, PUBREC, PUBREL or PUBCOMP of 3.1 and 3.1.1, whose body is the packet identifier.
pub(super) fn bare_ack(frame: Frame<'_>) -> Result<Ack<'static>, Malformed> {
    let mut reader = Reader(frame.body());
    let packet_id = reader.packet_id()?;
    reader.end()?;
    Ok(Ack::new(packet_id, Reason::SUCCESS))
}
