//! CONNECT, which says which version follows, and CONNACK.
//!
//! CONNECT is not read by `mqttrs`, which knows neither MQTT 5 nor the bit with which bridges mark themselves.

use std::fmt;

use super::{ReasonCodes, Version, framed, read_properties, write_properties};
use crate::codec::Malformed;
use crate::codec::describe::Fields;
use crate::codec::frame::Frame;
use crate::codec::property::{PacketSet, Properties};
use crate::codec::read::{Reader, malformed, protocol_error};
use crate::codec::reason::Reason;
use crate::codec::write;
use crate::message::QoS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    pub version: Version,
    /// Set in the protocol level by bridges (0x83, 0x84): they keep retain flags and do not get their own messages back.
    pub bridge: bool,
    /// Clean Session in 3.1 and 3.1.1.
    pub clean_start: bool,
    /// Seconds; 0 disables it.
    pub keep_alive: u16,
    pub properties: Properties<'a>,
    pub client_id: &'a str,
    pub will: Option<Will<'a>>,
    pub username: Option<&'a str>,
    pub password: Option<&'a [u8]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    pub qos: QoS,
    pub retain: bool,
    pub properties: Properties<'a>,
    pub topic: &'a str,
    pub payload: &'a [u8],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connack<'a> {
    pub session_present: bool,
    pub reason: Reason,
    pub properties: Properties<'a>,
}

const CONNACK: &[u8] = &[
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99,
    0x9A, 0x9B, 0x9C, 0x9D, 0x9F,
];

/// The reasons that 3.1.1 has return codes for, from 1 on.
const REFUSALS: [Reason; 5] = [
    Reason::UNSUPPORTED_PROTOCOL_VERSION,
    Reason::CLIENT_IDENTIFIER_NOT_VALID,
    Reason::SERVER_UNAVAILABLE,
    Reason::BAD_USER_NAME_OR_PASSWORD,
    Reason::NOT_AUTHORIZED,
];

/// The return code for this reason in a CONNACK of 3.1.1, if it has one.
pub fn connack_code(reason: Reason) -> Option<u8> {
    let codes = std::iter::once(&Reason::SUCCESS).chain(&REFUSALS).zip(0..);
    codes.into_iter().find(|(other, _)| **other == reason).map(|(_, code)| code)
}

/// The reason for this return code of a CONNACK that refuses, if 3.1.1 defines it.
pub fn refusal(code: u8) -> Option<Reason> {
    REFUSALS.get(usize::from(code).checked_sub(1)?).copied()
}

/// The bit of the protocol level with which a bridge marks itself in 3.1 and 3.1.1.
const BRIDGE: u8 = 0x80;

const UNKNOWN: Malformed =
    Malformed { reason: Reason::UNSUPPORTED_PROTOCOL_VERSION, detail: "the protocol level is unknown" };

struct ProtocolLevel {
    version: Version,
    bridge: bool,
}

/// Reads protocol name and level.
fn read_version(reader: &mut Reader<'_>) -> Result<ProtocolLevel, Malformed> {
    let name = reader.string()?;
    let level = reader.u8()?;
    match (name, level) {
        ("MQIsdp", 3) => Ok(ProtocolLevel { version: Version::V3_1, bridge: false }),
        ("MQIsdp", 0x83) => Ok(ProtocolLevel { version: Version::V3_1, bridge: true }),
        ("MQTT", 4) => Ok(ProtocolLevel { version: Version::V3_1_1, bridge: false }),
        ("MQTT", 0x84) => Ok(ProtocolLevel { version: Version::V3_1_1, bridge: true }),
        ("MQTT", 5) => Ok(ProtocolLevel { version: Version::V5, bridge: false }),
        // [MQTT-3.1.2-2]
        ("MQTT" | "MQIsdp", _) => Err(UNKNOWN),
        // [MQTT-3.1.2-1]
        _ => Err(protocol_error("the protocol is not MQTT")),
    }
}

/// The version of the CONNACK that refuses a CONNECT which cannot be decoded, if there is one: 5.0 if its protocol level is
/// 5 or above, 3.1.1 if the level is unknown and below [MQTT-3.1.2-2].
pub fn refusal_version(frame: Frame<'_>) -> Option<Version> {
    match read_version(&mut Reader(frame.body())) {
        Ok(ProtocolLevel { version: Version::V5, .. }) => Some(Version::V5),
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
    let ProtocolLevel { version, bridge } = read_version(&mut reader)?;
    if frame.first() != 0x10 && version != Version::V3_1 {
        return Err(malformed("reserved flags are set")); // [MQTT-2.1.3-1] [v3 MQTT-2.2.2-2]
    }
    let flags = Flags(reader.u8()?);
    flags.check(version)?;
    let keep_alive = reader.u16()?;
    let properties = properties_of(version, &mut reader, PacketSet::CONNECT)?;
    if properties.authentication_data().is_some() && properties.authentication_method().is_none() {
        return Err(protocol_error("authentication data without a method"));
    }
    // [MQTT-3.1.3-1]: in this order.
    let client_id = reader.string()?;
    let mut will = None;
    if flags.has(Flags::WILL) {
        let properties = properties_of(version, &mut reader, PacketSet::WILL)?;
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

fn properties_of<'a>(
    version: Version,
    reader: &mut Reader<'a>,
    packet: PacketSet,
) -> Result<Properties<'a>, Malformed> {
    match version {
        Version::V5 => read_properties(reader, packet),
        Version::V3_1 | Version::V3_1_1 => Ok(Properties::EMPTY),
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
        // 3.1 does not use the reserved flag, nor those of the will if there is none, and old devices set them.
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

impl Connect<'_> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        framed(0x10, out, |out| self.encode_body(out));
    }

    fn encode_body(&self, out: &mut Vec<u8>) {
        let (name, level) = match self.version {
            Version::V3_1 => ("MQIsdp", 3),
            Version::V3_1_1 => ("MQTT", 4),
            Version::V5 => ("MQTT", 5),
        };
        write::string(name, out);
        out.push(if self.bridge { level | BRIDGE } else { level });
        let mut flags = u8::from(self.clean_start) << 1;
        if let Some(will) = &self.will {
            flags |= Flags::WILL | will.qos.bits() << 3 | u8::from(will.retain) << 5;
        }
        flags |= u8::from(self.password.is_some()) << 6 | u8::from(self.username.is_some()) << 7;
        out.push(flags);
        write::u16(self.keep_alive, out);
        write_properties(self.version, self.properties, out);
        write::string(self.client_id, out);
        if let Some(will) = &self.will {
            write_properties(self.version, will.properties, out);
            write::string(will.topic, out);
            write::binary(will.payload, out);
        }
        if let Some(username) = self.username {
            write::string(username, out);
        }
        if let Some(password) = self.password {
            write::binary(password, out);
        }
    }

    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        fields.field("v", self.version.name())?;
        fields.nonzero("bridge", self.bridge.into())?;
        fields.text("id", self.client_id)?;
        fields.nonzero("clean", self.clean_start.into())?;
        if self.keep_alive != 0 {
            fields.field("keep", self.keep_alive)?;
        }
        fields.properties("", self.properties)?;
        if let Some(will) = &self.will {
            fields.text("will.topic", will.topic)?;
            fields.nonzero("will.q", will.qos.bits())?;
            fields.nonzero("will.retain", will.retain.into())?;
            fields.properties("will.", will.properties)?;
            fields.payload("will.payload", will.payload)?;
        }
        if let Some(username) = self.username {
            fields.text("username", username)?;
        }
        match self.password {
            Some(password) => fields.secret("password", password),
            None => Ok(()),
        }
    }
}

impl From<mqttrs::Connack> for Connack<'static> {
    fn from(connack: mqttrs::Connack) -> Self {
        let reason = match connack.code {
            mqttrs::ConnectReturnCode::Accepted => Reason::SUCCESS,
            mqttrs::ConnectReturnCode::RefusedProtocolVersion => Reason::UNSUPPORTED_PROTOCOL_VERSION,
            mqttrs::ConnectReturnCode::RefusedIdentifierRejected => Reason::CLIENT_IDENTIFIER_NOT_VALID,
            mqttrs::ConnectReturnCode::ServerUnavailable => Reason::SERVER_UNAVAILABLE,
            mqttrs::ConnectReturnCode::BadUsernamePassword => Reason::BAD_USER_NAME_OR_PASSWORD,
            mqttrs::ConnectReturnCode::NotAuthorized => Reason::NOT_AUTHORIZED,
        };
        Self { session_present: connack.session_present, reason, properties: Properties::EMPTY }
    }
}

/// A CONNACK of 3.1 or 3.1.1 with a return code that those do not define, or nothing.
pub(super) fn undefined_code(frame: Frame<'_>) -> Option<Connack<'static>> {
    match *frame.body() {
        [flags @ 0..=1, code] if code > 5 => {
            let (session_present, reason) = (flags == 1, Reason(code));
            Some(Connack { session_present, reason, properties: Properties::EMPTY })
        }
        _ => None,
    }
}

impl<'a> Connack<'a> {
    pub(super) fn read(reader: &mut Reader<'a>, codes: ReasonCodes) -> Result<Self, Malformed> {
        let flags = reader.u8()?;
        if flags > 1 {
            return Err(malformed("reserved acknowledge flags are set")); // [MQTT-3.2.2-1]
        }
        let reason = codes.read(reader, CONNACK)?;
        let properties = read_properties(reader, PacketSet::CONNACK)?;
        Ok(Self { session_present: flags == 1, reason, properties })
    }

    pub(super) fn encode(&self, version: Version, out: &mut Vec<u8>) {
        framed(0x20, out, |out| {
            let code = match version {
                Version::V5 => self.reason.0,
                // Server unavailable.
                Version::V3_1 | Version::V3_1_1 => connack_code(self.reason).unwrap_or(3),
            };
            // 3.1 reserves the byte in which later versions tell of the session.
            let present = self.session_present && version != Version::V3_1;
            out.extend_from_slice(&[u8::from(present), code]);
            write_properties(version, self.properties, out);
        });
    }

    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        fields.nonzero("present", self.session_present.into())?;
        fields.reason(self.reason)?;
        fields.properties("", self.properties)
    }
}
