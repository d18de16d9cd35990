//! Packets of MQTT 3.1 and 3.1.1 by `mqttrs` behind its fence, other than CONNECT, PUBLISH and what answers it.

use std::borrow::Cow;

use super::fence::{self, Fault};
use super::frame::Frame;
use super::packet::{
    Connack, Disconnect, Options, Packet, PacketId, Suback, Subscribe, Subscription, Unsubscribe, Version,
};
use super::property::Properties;
use super::read::protocol_error;
use super::reason::Reason;
use super::{Malformed, connect, publish};
use crate::message::QoS;

/// The return code of CONNACK that says this, if 3.1.1 has one.
pub fn connack_code(reason: Reason) -> Option<u8> {
    match reason {
        Reason::SUCCESS => Some(0),
        Reason::UNSUPPORTED_PROTOCOL_VERSION => Some(1),
        Reason::CLIENT_IDENTIFIER_NOT_VALID => Some(2),
        Reason::SERVER_UNAVAILABLE => Some(3),
        Reason::BAD_USER_NAME_OR_PASSWORD => Some(4),
        Reason::NOT_AUTHORIZED => Some(5),
        _ => None,
    }
}

/// What this return code of a CONNACK that refuses says, if 3.1.1 defines it.
pub fn refusal(code: u8) -> Option<Reason> {
    let reasons = [
        Reason::UNSUPPORTED_PROTOCOL_VERSION,
        Reason::CLIENT_IDENTIFIER_NOT_VALID,
        Reason::SERVER_UNAVAILABLE,
        Reason::BAD_USER_NAME_OR_PASSWORD,
        Reason::NOT_AUTHORIZED,
    ];
    reasons.into_iter().find(|reason| connack_code(*reason) == Some(code))
}

fn connack_reason(code: mqttrs::ConnectReturnCode) -> Reason {
    match code {
        mqttrs::ConnectReturnCode::Accepted => Reason::SUCCESS,
        mqttrs::ConnectReturnCode::RefusedProtocolVersion => Reason::UNSUPPORTED_PROTOCOL_VERSION,
        mqttrs::ConnectReturnCode::RefusedIdentifierRejected => Reason::CLIENT_IDENTIFIER_NOT_VALID,
        mqttrs::ConnectReturnCode::ServerUnavailable => Reason::SERVER_UNAVAILABLE,
        mqttrs::ConnectReturnCode::BadUsernamePassword => Reason::BAD_USER_NAME_OR_PASSWORD,
        mqttrs::ConnectReturnCode::NotAuthorized => Reason::NOT_AUTHORIZED,
    }
}

impl From<Fault> for Malformed {
    fn from(fault: Fault) -> Self {
        let reason = match fault {
            Fault::PacketId | Fault::Empty => Reason::PROTOCOL_ERROR,
            Fault::Topic => Reason::TOPIC_NAME_INVALID,
            _ => Reason::MALFORMED_PACKET,
        };
        Self { reason, detail: fault.detail() }
    }
}

pub(super) fn decode(version: Version, frame: Frame<'_>) -> Result<Packet<'_>, Malformed> {
    // CONNECT names the version itself; PUBLISH uses its flags.
    let is_other = !matches!(frame.first() >> 4, 1 | 3);
    if version == Version::V3_1 && is_other && super::check_first(Version::V3_1_1, frame.first()).is_err() {
        return decode_flagged(frame);
    }
    match frame.first() {
        0x10..=0x1F => connect::decode_connect(frame).map(Packet::Connect),
        0x30..=0x3F => publish::decode(version, frame).map(Packet::Publish),
        0x40 => publish::bare_ack(frame).map(Packet::Puback),
        0x50 => publish::bare_ack(frame).map(Packet::Pubrec),
        0x62 => publish::bare_ack(frame).map(Packet::Pubrel),
        0x70 => publish::bare_ack(frame).map(Packet::Pubcomp),
        // In 3.1 the byte that later tells of the session is reserved.
        0x20 if version == Version::V3_1 => match convert(fence::decode(frame.bytes())?)? {
            Packet::Connack(connack) => Ok(Packet::Connack(Connack { session_present: false, ..connack })),
            packet => Ok(packet),
        },
        _ => convert(fence::decode(frame.bytes())?),
    }
}

/// CONNACK or SUBACK with a return code that 3.1.1 does not define, as it is; nothing if the frame is anything else.
pub(super) fn decode_undefined_code(frame: Frame<'_>) -> Option<Packet<'static>> {
    let (properties, body) = (Properties::EMPTY, frame.body());
    match (frame.first(), body) {
        (0x20, &[flags @ 0..=1, code]) if code > 5 => {
            Some(Packet::Connack(Connack { session_present: flags == 1, reason: Reason(code), properties }))
        }
        (0x90, [high, low, codes @ ..]) if codes.iter().any(|code| !matches!(code, 0..=2 | 0x80)) => {
            let packet_id = PacketId::new(u16::from_be_bytes([*high, *low]))?;
            let reasons = codes.iter().map(|code| Reason(*code)).collect();
            Some(Packet::Suback(Suback { packet_id, properties, reasons }))
        }
        _ => None,
    }
}

/// A packet of 3.1 with flags that later versions reserve. 3.1 lets a client mark what it sends again, and does not use the
/// other flags of these packets; none of them changes anything.
fn decode_flagged(frame: Frame<'_>) -> Result<Packet<'static>, Malformed> {
    let mut bytes = frame.bytes().to_vec();
    let kind = bytes[0] >> 4;
    bytes[0] = kind << 4 | super::reserved_flags(kind);
    let properties = Properties::EMPTY;
    match kind {
        4 => return publish::bare_ack(frame).map(Packet::Puback),
        5 => return publish::bare_ack(frame).map(Packet::Pubrec),
        6 => return publish::bare_ack(frame).map(Packet::Pubrel),
        7 => return publish::bare_ack(frame).map(Packet::Pubcomp),
        _ => {}
    }
    match convert(fence::decode(&bytes)?)? {
        Packet::Subscribe(Subscribe { packet_id, filters, .. }) => {
            let filters = filters.into_iter().map(|subscription| Subscription {
                filter: Cow::Owned(subscription.filter.into_owned()),
                options: subscription.options,
            });
            Ok(Packet::Subscribe(Subscribe { packet_id, properties, filters: filters.collect() }))
        }
        Packet::Unsubscribe(Unsubscribe { packet_id, filters, .. }) => {
            let filters = filters.into_iter().map(|filter| Cow::Owned(filter.into_owned())).collect();
            Ok(Packet::Unsubscribe(Unsubscribe { packet_id, properties, filters }))
        }
        Packet::Connack(Connack { reason, .. }) => {
            Ok(Packet::Connack(Connack { session_present: false, reason, properties }))
        }
        Packet::Suback(Suback { packet_id, reasons, .. }) => {
            Ok(Packet::Suback(Suback { packet_id, properties, reasons }))
        }
        Packet::Unsuback(Suback { packet_id, reasons, .. }) => {
            Ok(Packet::Unsuback(Suback { packet_id, properties, reasons }))
        }
        Packet::Pingreq => Ok(Packet::Pingreq),
        Packet::Pingresp => Ok(Packet::Pingresp),
        Packet::Disconnect(Disconnect { reason, .. }) => {
            Ok(Packet::Disconnect(Disconnect { reason, properties }))
        }
        _ => Err(protocol_error("a packet that 3.1 does not have")),
    }
}

fn id(pid: mqttrs::Pid) -> Result<PacketId, Malformed> {
    PacketId::new(pid.get()).ok_or(protocol_error("the packet identifier is 0"))
}

fn qos(qos: mqttrs::QoS) -> QoS {
    match qos {
        mqttrs::QoS::AtMostOnce => QoS::AtMostOnce,
        mqttrs::QoS::AtLeastOnce => QoS::AtLeastOnce,
        mqttrs::QoS::ExactlyOnce => QoS::ExactlyOnce,
    }
}

fn convert(packet: mqttrs::Packet<'_>) -> Result<Packet<'_>, Malformed> {
    let properties = Properties::EMPTY;
    Ok(match packet {
        mqttrs::Packet::Connack(connack) => Packet::Connack(Connack {
            session_present: connack.session_present,
            reason: connack_reason(connack.code),
            properties,
        }),
        mqttrs::Packet::Subscribe(subscribe) => {
            let filters = subscribe.topics.into_iter().map(|topic| Subscription {
                filter: Cow::Owned(topic.topic_path),
                options: Options { qos: qos(topic.qos), ..Options::default() },
            });
            Packet::Subscribe(Subscribe {
                packet_id: id(subscribe.pid)?,
                properties,
                filters: filters.collect(),
            })
        }
        mqttrs::Packet::Suback(suback) => {
            let reasons = suback.return_codes.iter().map(|code| match code {
                mqttrs::SubscribeReturnCodes::Success(granted) => Reason(qos(*granted).bits()),
                mqttrs::SubscribeReturnCodes::Failure => Reason::UNSPECIFIED_ERROR,
            });
            Packet::Suback(Suback { packet_id: id(suback.pid)?, properties, reasons: reasons.collect() })
        }
        mqttrs::Packet::Unsubscribe(unsubscribe) => Packet::Unsubscribe(Unsubscribe {
            packet_id: id(unsubscribe.pid)?,
            properties,
            filters: unsubscribe.topics.into_iter().map(Cow::Owned).collect(),
        }),
        mqttrs::Packet::Unsuback(pid) => {
            Packet::Unsuback(Suback { packet_id: id(pid)?, properties, reasons: Vec::new() })
        }
        mqttrs::Packet::Pingreq => Packet::Pingreq,
        mqttrs::Packet::Pingresp => Packet::Pingresp,
        mqttrs::Packet::Disconnect => Packet::Disconnect(Disconnect { reason: Reason::SUCCESS, properties }),
        mqttrs::Packet::Connect(_)
        | mqttrs::Packet::Publish(_)
        | mqttrs::Packet::Puback(_)
        | mqttrs::Packet::Pubrec(_)
        | mqttrs::Packet::Pubrel(_)
        | mqttrs::Packet::Pubcomp(_) => return Err(protocol_error("a packet that is read elsewhere")),
    })
}
