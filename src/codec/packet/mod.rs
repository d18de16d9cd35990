//! The packets of MQTT, one type for all versions, borrowed from the bytes they came in.
//!
//! There is a file for each family of packets: its types, how the versions read and write them, and how they are described in
//! log lines. A field that a version does not have is empty there: no properties and [`Reason::SUCCESS`] in 3.1.1. Who may
//! send what, and when, is for the broker and the client to decide.

mod ack;
mod connect;
mod disconnect;
mod publish;
mod subscribe;

use std::fmt;
use std::num::NonZeroU16;

use super::describe::Fields;
use super::fence::FrameFault;
use super::frame::Frame;
use super::property::{PacketSet, Properties};
use super::read::{Reader, malformed, protocol_error};
use super::reason::Reason;
use super::{Malformed, check_first, fence, reserved_flags, write};
use crate::message::QoS;

pub use ack::{Ack, plain_puback};
pub use connect::{Connack, Connect, Will, connack_code, decode_connect, refusal, refusal_version};
pub use disconnect::{Auth, Disconnect};
pub use publish::{Publish, decode_publish};
pub use subscribe::{Options, RetainHandling, Suback, Subscribe, Subscription, Unsubscribe};

/// A packet identifier, never zero [MQTT-2.2.1-3].
pub type PacketId = NonZeroU16;

/// The protocol versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `MQIsdp`, level 3.
    V3_1,
    /// `MQTT`, level 4.
    V3_1_1,
    /// `MQTT`, level 5.
    V5,
}

impl Version {
    /// The number of the version, such as `3.1.1`.
    pub fn name(self) -> &'static str {
        match self {
            Self::V3_1 => "3.1",
            Self::V3_1_1 => "3.1.1",
            Self::V5 => "5",
        }
    }
}

/// Any packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    Connack(Connack<'a>),
    Publish(Publish<'a>),
    Puback(Ack<'a>),
    Pubrec(Ack<'a>),
    Pubrel(Ack<'a>),
    Pubcomp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    Suback(Suback<'a>),
    Unsubscribe(Unsubscribe<'a>),
    Unsuback(Suback<'a>),
    Pingreq,
    Pingresp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

/// Decodes one packet of a connection that uses `version`.
///
/// # Errors
/// When the frame is not a well-formed packet of that version.
pub fn decode(version: Version, frame: Frame<'_>) -> Result<Packet<'_>, Malformed> {
    match version {
        Version::V3_1 | Version::V3_1_1 => decode_v3(version, frame),
        Version::V5 => decode_v5(frame, ReasonCodes::Defined),
    }
}

/// Like [`decode`], for a client that shows what servers send although the standard forbids it: a PUBLISH whose topic has
/// wildcards, and codes in acknowledgements that this version does not define.
///
/// # Errors
/// When the frame is not a packet of that version even so.
pub fn decode_leniently(version: Version, frame: Frame<'_>) -> Result<Packet<'_>, Malformed> {
    let undefined = match (frame.first(), version) {
        (0x30..=0x3F, _) => return publish::decode_any_topic(version, frame).map(Packet::Publish),
        (_, Version::V5) => return decode_v5(frame, ReasonCodes::Any),
        (0x20, _) => connect::undefined_code(frame).map(Packet::Connack),
        (0x90, _) => subscribe::undefined_codes(frame).map(Packet::Suback),
        _ => None,
    };
    undefined.map_or_else(|| decode_v3(version, frame), Ok)
}

/// CONNECT, PUBLISH and its acknowledgements are read here, the others by `mqttrs`.
fn decode_v3(version: Version, frame: Frame<'_>) -> Result<Packet<'_>, Malformed> {
    match frame.first() {
        0x10..=0x1F => decode_connect(frame).map(Packet::Connect),
        0x30..=0x3F => publish::decode(version, frame).map(Packet::Publish),
        0x40 => ack::decode_v3(frame).map(Packet::Puback),
        0x50 => ack::decode_v3(frame).map(Packet::Pubrec),
        0x62 => ack::decode_v3(frame).map(Packet::Pubrel),
        0x70 => ack::decode_v3(frame).map(Packet::Pubcomp),
        _ if version == Version::V3_1 => decode_v31(frame),
        _ => from_mqttrs(fence::decode(frame.bytes())?),
    }
}

/// In 3.1 a client marks what it sends again, and no flag is reserved; none of them has an effect on these packets.
fn decode_v31(frame: Frame<'_>) -> Result<Packet<'static>, Malformed> {
    let kind = frame.first() >> 4;
    match kind {
        4 => return ack::decode_v3(frame).map(Packet::Puback),
        5 => return ack::decode_v3(frame).map(Packet::Pubrec),
        6 => return ack::decode_v3(frame).map(Packet::Pubrel),
        7 => return ack::decode_v3(frame).map(Packet::Pubcomp),
        _ => {}
    }
    let mut bytes = frame.bytes().to_vec();
    bytes[0] = kind << 4 | reserved_flags(kind);
    match from_mqttrs(fence::decode(&bytes)?)? {
        // The byte that later tells of the session is reserved.
        Packet::Connack(connack) => Ok(Packet::Connack(Connack { session_present: false, ..connack })),
        packet => Ok(packet),
    }
}

impl From<FrameFault> for Malformed {
    fn from(fault: FrameFault) -> Self {
        let reason = match fault {
            FrameFault::PacketId | FrameFault::Empty => Reason::PROTOCOL_ERROR,
            FrameFault::Topic => Reason::TOPIC_NAME_INVALID,
            _ => Reason::MALFORMED_PACKET,
        };
        Self { reason, detail: fault.detail() }
    }
}

fn from_mqttrs(packet: mqttrs::Packet<'_>) -> Result<Packet<'static>, Malformed> {
    Ok(match packet {
        mqttrs::Packet::Connack(connack) => Packet::Connack(connack.into()),
        mqttrs::Packet::Subscribe(subscribe) => Packet::Subscribe(subscribe.try_into()?),
        mqttrs::Packet::Suback(suback) => Packet::Suback(suback.try_into()?),
        mqttrs::Packet::Unsubscribe(unsubscribe) => Packet::Unsubscribe(unsubscribe.try_into()?),
        mqttrs::Packet::Unsuback(pid) => Packet::Unsuback(Suback::without_reasons(packet_id(pid)?)),
        mqttrs::Packet::Pingreq => Packet::Pingreq,
        mqttrs::Packet::Pingresp => Packet::Pingresp,
        mqttrs::Packet::Disconnect => Packet::Disconnect(Disconnect::SUCCESS),
        mqttrs::Packet::Connect(_)
        | mqttrs::Packet::Publish(_)
        | mqttrs::Packet::Puback(_)
        | mqttrs::Packet::Pubrec(_)
        | mqttrs::Packet::Pubrel(_)
        | mqttrs::Packet::Pubcomp(_) => {
            return Err(protocol_error("a packet that mqttrs does not read here"));
        }
    })
}

fn packet_id(pid: mqttrs::Pid) -> Result<PacketId, Malformed> {
    PacketId::new(pid.get()).ok_or(protocol_error("the packet identifier is 0"))
}

fn qos(qos: mqttrs::QoS) -> QoS {
    match qos {
        mqttrs::QoS::AtMostOnce => QoS::AtMostOnce,
        mqttrs::QoS::AtLeastOnce => QoS::AtLeastOnce,
        mqttrs::QoS::ExactlyOnce => QoS::ExactlyOnce,
    }
}

fn decode_v5(frame: Frame<'_>, codes: ReasonCodes) -> Result<Packet<'_>, Malformed> {
    check_first(Version::V5, frame.first())?;
    let mut reader = Reader(frame.body());
    let packet = match frame.first() >> 4 {
        1 => return decode_connect(frame).map(Packet::Connect),
        2 => Packet::Connack(Connack::read(&mut reader, codes)?),
        3 => return publish::decode(Version::V5, frame).map(Packet::Publish),
        4 => Packet::Puback(Ack::read(&mut reader, codes, ack::PUBACK)?),
        5 => Packet::Pubrec(Ack::read(&mut reader, codes, ack::PUBACK)?),
        6 => Packet::Pubrel(Ack::read(&mut reader, codes, ack::PUBREL)?),
        7 => Packet::Pubcomp(Ack::read(&mut reader, codes, ack::PUBREL)?),
        8 => Packet::Subscribe(Subscribe::read(&mut reader)?),
        9 => Packet::Suback(Suback::read(&mut reader, codes, subscribe::SUBACK)?),
        10 => Packet::Unsubscribe(Unsubscribe::read(&mut reader)?),
        11 => Packet::Unsuback(Suback::read(&mut reader, codes, subscribe::UNSUBACK)?),
        12 => Packet::Pingreq,
        13 => Packet::Pingresp,
        14 => Packet::Disconnect(Disconnect::read(&mut reader, codes)?),
        15 => Packet::Auth(Auth::read(&mut reader)?),
        _ => return Err(malformed("a packet type of 0")),
    };
    reader.end()?;
    Ok(packet)
}

/// The reason codes that are accepted.
#[derive(Clone, Copy)]
enum ReasonCodes {
    /// Those that the standard defines for the packet.
    Defined,
    Any,
}

impl ReasonCodes {
    fn read(self, reader: &mut Reader<'_>, defined: &[u8]) -> Result<Reason, Malformed> {
        let code = reader.u8()?;
        match self {
            Self::Defined if !defined.contains(&code) => {
                Err(protocol_error("a reason code that is not of this packet"))
            }
            Self::Defined | Self::Any => Ok(Reason(code)),
        }
    }
}

fn read_properties<'a>(reader: &mut Reader<'a>, packet: PacketSet) -> Result<Properties<'a>, Malformed> {
    Properties::check(reader.counted()?, packet)
}

/// Appends `packet` as `version` encodes it. What the version does not have is left out.
pub fn encode(version: Version, packet: &Packet<'_>, out: &mut Vec<u8>) {
    match packet {
        Packet::Connect(connect) => connect.encode(out),
        Packet::Connack(connack) => connack.encode(version, out),
        Packet::Publish(publish) => publish.encode(version, out),
        Packet::Puback(ack) => ack.encode(0x40, version, out),
        Packet::Pubrec(ack) => ack.encode(0x50, version, out),
        Packet::Pubrel(ack) => ack.encode(0x62, version, out),
        Packet::Pubcomp(ack) => ack.encode(0x70, version, out),
        Packet::Subscribe(subscribe) => subscribe.encode(version, out),
        Packet::Suback(suback) => suback.encode(0x90, version, out),
        Packet::Unsubscribe(unsubscribe) => unsubscribe.encode(version, out),
        Packet::Unsuback(suback) if version == Version::V5 => suback.encode(0xB0, version, out),
        // In 3.1.1 it has no payload.
        Packet::Unsuback(suback) => Ack::new(suback.packet_id, Reason::SUCCESS).encode(0xB0, version, out),
        Packet::Pingreq => out.extend_from_slice(&[0xC0, 0]),
        Packet::Pingresp => out.extend_from_slice(&[0xD0, 0]),
        Packet::Disconnect(disconnect) => disconnect.encode(version, out),
        Packet::Auth(auth) if version == Version::V5 => auth.encode(out),
        Packet::Auth(_) => {}
    }
}

/// Writes a body, and then inserts its fixed header.
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

fn write_properties(version: Version, properties: Properties<'_>, out: &mut Vec<u8>) {
    if version == Version::V5 {
        // [MQTT-2.2.2-1]: without properties the length is zero.
        write::variable(properties.as_bytes().len(), out);
        out.extend_from_slice(properties.as_bytes());
    }
}

impl Packet<'_> {
    /// The name that the standard gives the packet.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) => "CONNECT",
            Self::Connack(_) => "CONNACK",
            Self::Publish(_) => "PUBLISH",
            Self::Puback(_) => "PUBACK",
            Self::Pubrec(_) => "PUBREC",
            Self::Pubrel(_) => "PUBREL",
            Self::Pubcomp(_) => "PUBCOMP",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Suback(_) => "SUBACK",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::Unsuback(_) => "UNSUBACK",
            Self::Pingreq => "PINGREQ",
            Self::Pingresp => "PINGRESP",
            Self::Disconnect(_) => "DISCONNECT",
            Self::Auth(_) => "AUTH",
        }
    }

    /// Writes the fields of the packet.
    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        match self {
            Self::Connect(connect) => connect.describe(fields),
            Self::Connack(connack) => connack.describe(fields),
            Self::Publish(publish) => publish.describe(fields),
            Self::Puback(ack) | Self::Pubrec(ack) | Self::Pubrel(ack) | Self::Pubcomp(ack) => {
                ack.describe(fields)
            }
            Self::Subscribe(subscribe) => subscribe.describe(fields),
            Self::Suback(suback) | Self::Unsuback(suback) => suback.describe(fields),
            Self::Unsubscribe(unsubscribe) => unsubscribe.describe(fields),
            Self::Pingreq | Self::Pingresp => Ok(()),
            Self::Disconnect(disconnect) => disconnect.describe(fields),
            Self::Auth(auth) => auth.describe(fields),
        }
    }
}
