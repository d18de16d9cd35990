//! What holds on this connection: what we asked for and the server answered.

use super::Settings;
use crate::codec::packet::Version;
use crate::codec::property::{Properties, Property};
use crate::message::QoS;

/// The limits that a server set in CONNACK; those of the standard where it set none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Seconds, 0 for none: the server's if it gave one [MQTT-3.1.2-21].
    pub keep_alive: u16,
    pub receive_maximum: u16,
    pub maximum_qos: QoS,
    pub retain_available: bool,
    /// Bytes of a packet to the server.
    pub maximum_packet_size: usize,
    pub topic_alias_maximum: u16,
    pub wildcards_available: bool,
    pub subscription_ids_available: bool,
    pub shared_available: bool,
    /// Seconds the server keeps the session.
    pub session_expiry: u32,
    pub assigned_client_id: Option<Box<str>>,
}

impl Negotiated {
    /// Before CONNACK.
    pub(super) fn unknown(settings: &Settings) -> Self {
        Self {
            keep_alive: settings.keep_alive,
            receive_maximum: u16::MAX,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            maximum_packet_size: settings.max_packet_sent,
            topic_alias_maximum: 0, // [MQTT-3.2.2-18]
            wildcards_available: true,
            subscription_ids_available: settings.version == Version::V5,
            shared_available: settings.version == Version::V5,
            session_expiry: settings.properties().session_expiry().unwrap_or(0),
            assigned_client_id: None,
        }
    }

    pub(super) fn read(settings: &Settings, properties: Properties<'_>) -> Self {
        let mut this = Self::unknown(settings);
        for property in properties.iter() {
            match property {
                Property::ServerKeepAlive(seconds) => this.keep_alive = seconds,
                Property::ReceiveMaximum(number) => this.receive_maximum = number,
                Property::MaximumQoS(0) => this.maximum_qos = QoS::AtMostOnce,
                Property::MaximumQoS(_) => this.maximum_qos = QoS::AtLeastOnce,
                Property::RetainAvailable(value) => this.retain_available = value != 0,
                Property::MaximumPacketSize(bytes) => {
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    this.maximum_packet_size = bytes.min(settings.max_packet_sent);
                }
                Property::TopicAliasMaximum(number) => this.topic_alias_maximum = number,
                Property::WildcardSubscriptionAvailable(value) => this.wildcards_available = value != 0,
                Property::SubscriptionIdentifiersAvailable(value) => {
                    this.subscription_ids_available = value != 0;
                }
                Property::SharedSubscriptionAvailable(value) => this.shared_available = value != 0,
                Property::SessionExpiryInterval(seconds) => this.session_expiry = seconds,
                Property::AssignedClientIdentifier(id) => this.assigned_client_id = Some(id.into()),
                // They change nothing that a client may send.
                _ => {}
            }
        }
        this
    }
}
