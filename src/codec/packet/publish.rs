//! PUBLISH.
//!
//! 3.1 and 3.1.1 do not go through `mqttrs` here, nor do the acknowledgements of PUBLISH: these packets are most of what a
//! broker reads, and checking before decoding takes twice the time. A test compares the two.

use std::fmt;

use super::{PacketId, Version};
use crate::codec::Malformed;
use crate::codec::describe::Fields;
use crate::codec::frame::Frame;
use crate::codec::head::PublishHead;
use crate::codec::property::{PacketSet, Properties};
use crate::codec::read::{Reader, malformed, protocol_error};
use crate::codec::reason::Reason;
use crate::message::QoS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    pub dup: bool,
    pub qos: QoS,
    pub retain: bool,
    /// Empty if a topic alias replaces it.
    pub topic: &'a str,
    /// Present exactly when the QoS is above 0.
    pub packet_id: Option<PacketId>,
    pub properties: Properties<'a>,
    pub payload: &'a [u8],
}

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

/// Reads the topic: ASCII is checked in one pass, other topics are looked at more closely.
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

impl Publish<'_> {
    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let head = PublishHead {
            version,
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic: self.topic,
            alias: None,
            packet_id: self.packet_id,
            expiry: None,
            subscription_ids: &[],
        };
        // The properties are written as they are, those of the hop included.
        let properties = if version == Version::V5 { self.properties.as_bytes() } else { &[] };
        head.write(properties, self.payload.len(), out);
        out.extend_from_slice(properties);
        out.extend_from_slice(self.payload);
    }

    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        fields.text("topic", self.topic)?;
        fields.nonzero("q", self.qos.bits())?;
        fields.nonzero("retain", self.retain.into())?;
        fields.nonzero("dup", self.dup.into())?;
        if let Some(id) = self.packet_id {
            fields.field("m", id)?;
        }
        fields.properties("", self.properties)?;
        fields.payload("payload", self.payload)
    }
}
