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
    match frame.first() {
        0x10 => connect::decode_connect(frame).map(Packet::Connect),
        0x30..=0x3F => publish::decode(version, frame).map(Packet::Publish),
        0x40 => publish::bare_ack(frame).map(Packet::Puback),
        0x50 => publish::bare_ack(frame).map(Packet::Pubrec),
        // 3.1 lets a client mark what it sends again; mqttrs does not know that.
        0x6A if version == Version::V3_1 => publish::bare_ack(frame).map(Packet::Pubrel),
        0x62 => publish::bare_ack(frame).map(Packet::Pubrel),
        0x70 => publish::bare_ack(frame).map(Packet::Pubcomp),
        0x8A | 0xAA if version == Version::V3_1 => decode_marked(frame),
        // In 3.1 the byte that later tells of the session is reserved.
        0x20 if version == Version::V3_1 => match convert(fence::decode(frame.bytes())?)? {
            Packet::Connack(connack) => Ok(Packet::Connack(Connack { session_present: false, ..connack })),
            packet => Ok(packet),
        },
        _ => convert(fence::decode(frame.bytes())?),
    }
}

/// SUBSCRIBE and UNSUBSCRIBE with DUP, which changes nothing.
fn decode_marked(frame: Frame<'_>) -> Result<Packet<'static>, Malformed> {
    let mut bytes = frame.bytes().to_vec();
    bytes[0] &= !0b1000;
    match convert(fence::decode(&bytes)?)? {
        Packet::Subscribe(Subscribe { packet_id, filters, .. }) => {
            let filters = filters.into_iter().map(|subscription| Subscription {
                filter: Cow::Owned(subscription.filter.into_owned()),
                options: subscription.options,
            });
            Ok(Packet::Subscribe(Subscribe {
                packet_id,
                properties: Properties::EMPTY,
                filters: filters.collect(),
            }))
        }
        Packet::Unsubscribe(Unsubscribe { packet_id, filters, .. }) => {
            let filters = filters.into_iter().map(|filter| Cow::Owned(filter.into_owned())).collect();
            Ok(Packet::Unsubscribe(Unsubscribe { packet_id, properties: Properties::EMPTY, filters }))
        }
        _ => Err(protocol_error("DUP on a packet that has none")),
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
