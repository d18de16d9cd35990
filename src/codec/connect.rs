//! CONNECT of all versions: it is the packet that says which version follows.
//!
//! Read here and not by `mqttrs`, which knows neither MQTT 5 nor the bit by which bridges mark themselves.

use super::Malformed;
use super::frame::Frame;
use super::packet::{Connect, Version, Will};
use super::property::{PacketSet, Properties};
use super::read::{Reader, malformed, protocol_error};
use super::reason::Reason;
use crate::message::QoS;

/// The bit of the level by which a bridge marks itself in 3.1 and 3.1.1.
pub(super) const BRIDGE: u8 = 0x80;

const UNKNOWN: Malformed =
    Malformed { reason: Reason::UNSUPPORTED_PROTOCOL_VERSION, detail: "the protocol level is unknown" };

/// Name and level.
fn version(reader: &mut Reader<'_>) -> Result<(Version, bool), Malformed> {
    let name = reader.string()?;
    let level = reader.u8()?;
    match (name, level) {
        ("MQIsdp", 3) => Ok((Version::V3_1, false)),
        ("MQIsdp", 0x83) => Ok((Version::V3_1, true)),
        ("MQTT", 4) => Ok((Version::V3_1_1, false)),
        ("MQTT", 0x84) => Ok((Version::V3_1_1, true)),
        ("MQTT", 5) => Ok((Version::V5, false)),
        // [MQTT-3.1.2-2]
        ("MQTT" | "MQIsdp", _) => Err(UNKNOWN),
        // [MQTT-3.1.2-1]: something else altogether.
        _ => Err(protocol_error("the protocol is not MQTT")),
    }
}

/// The version of the CONNACK that refuses a CONNECT which cannot be decoded, if there is one: 5.0 if its protocol level is
/// 5 or above, 3.1.1 if the level is unknown and below [MQTT-3.1.2-2].
pub fn refusal_version(frame: Frame<'_>) -> Option<Version> {
    match version(&mut Reader(frame.body())) {
        Ok((Version::V5, _)) => Some(Version::V5),
        Ok(_) => None,
        Err(UNKNOWN) => {
            let mut reader = Reader(frame.body());
            let (name, level) = (reader.string().ok()?, reader.u8().ok()?);
            let is_later = name == "MQTT" && level & !BRIDGE >= 5;
            Some(if is_later { Version::V5 } else { Version::V3_1_1 })
        }
        Err(_) => None,
    }
}

/// Decodes the first packet of a connection, which must be CONNECT.
///
/// # Errors
/// When it is not CONNECT, of an unknown version, or not well formed.
pub fn decode_connect(frame: Frame<'_>) -> Result<Connect<'_>, Malformed> {
    if frame.first() >> 4 != 1 {
        return Err(protocol_error("the first packet is not CONNECT"));
    }
    let mut reader = Reader(frame.body());
    let (version, bridge) = version(&mut reader)?;
    if frame.first() != 0x10 && version != Version::V3_1 {
        return Err(malformed("reserved flags are set")); // [MQTT-2.1.3-1] [v3 MQTT-2.2.2-2]
    }
    let flags = Flags(reader.u8()?);
    flags.check(version)?;
    let keep_alive = reader.u16()?;
    let properties = read_properties(version, &mut reader, PacketSet::CONNECT)?;
    if properties.authentication_data().is_some() && properties.authentication_method().is_none() {
        return Err(protocol_error("authentication data without a method"));
    }
    // [MQTT-3.1.3-1]: in this order.
    let client_id = reader.string()?;
    let mut will = None;
    if flags.has(Flags::WILL) {
        let properties = read_properties(version, &mut reader, PacketSet::WILL)?;
        let (topic, payload) = (reader.string()?, reader.binary()?);
        let qos = flags.will_qos()?;
        will = Some(Will { qos, retain: flags.has(Flags::WILL_RETAIN), properties, topic, payload });
    }
    let username = if flags.has(Flags::USERNAME) { Some(reader.string()?) } else { None };
    let password = if flags.has(Flags::PASSWORD) { Some(reader.binary()?) } else { None };
    reader.end()?;
    Ok(Connect {
        version,
        bridge,
        clean_start: flags.has(Flags::CLEAN_START),
        keep_alive,
        properties,
        client_id,
        will,
        username,
        password,
    })
}

fn read_properties<'a>(
    version: Version,
    reader: &mut Reader<'a>,
    packet: PacketSet,
) -> Result<Properties<'a>, Malformed> {
    match version {
        Version::V5 => Properties::check(reader.counted()?, packet),
        _ => Ok(Properties::EMPTY),
    }
}

#[derive(Clone, Copy)]
struct Flags(u8);

impl Flags {
    const RESERVED: u8 = 0x01;
    const CLEAN_START: u8 = 0x02;
    const WILL: u8 = 0x04;
    const WILL_QOS: u8 = 0x18;
    const WILL_RETAIN: u8 = 0x20;
    const PASSWORD: u8 = 0x40;
    const USERNAME: u8 = 0x80;

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    fn will_qos(self) -> Result<QoS, Malformed> {
        // [MQTT-3.1.2-12]
        QoS::from_bits((self.0 & Self::WILL_QOS) >> 3).ok_or(malformed("a will QoS of 3"))
    }

    fn check(self, version: Version) -> Result<(), Malformed> {
        // 3.1 does not use the reserved flag, nor those of a will that there is not, and old devices set them.
        if version != Version::V3_1 && self.has(Self::RESERVED) {
            return Err(malformed("the reserved connect flag is set")); // [MQTT-3.1.2-3]
        }
        if version != Version::V3_1 && !self.has(Self::WILL) && self.has(Self::WILL_QOS | Self::WILL_RETAIN) {
            return Err(malformed("will flags without a will")); // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
        }
        if version != Version::V5 && self.has(Self::PASSWORD) && !self.has(Self::USERNAME) {
            return Err(malformed("a password without a user name")); // [v3 MQTT-3.1.2-22]
        }
        if version == Version::V3_1 && !self.has(Self::WILL) {
            return Ok(());
        }
        self.will_qos().map(|_| ())
    }
}
