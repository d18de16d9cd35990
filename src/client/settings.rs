//! What a client says in CONNECT, and the limits it sets itself.

use std::time::Duration;

use crate::codec::packet::{self, Version};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::message::QoS;
use crate::topic::TopicName;

/// The largest packet that MQTT allows, in bytes: the fixed header and 268,435,455 bytes.
pub const MAX_PACKET_SIZE: usize = 268_435_460;

/// Bytes of a packet from another broker that are accepted unless more are asked for, so that a hostile broker cannot make us use
/// much more memory than this.
pub(crate) const DEFAULT_MAX_PACKET_SIZE: usize = 64 << 20;

/// The settings of a client.
#[derive(Clone, Debug)]
pub struct Settings {
    pub version: Version,
    /// Marks the client as a bridge in 3.1 and 3.1.1, which brokers that know the mark answer with No Local and Retain As
    /// Published.
    pub bridge: bool,
    /// Messages and their acknowledgements are another connection's: none is answered here, each is told, and what comes
    /// from there is sent by [`super::Client::relay`] as it is.
    pub relays: bool,
    /// Clean Session in 3.1 and 3.1.1.
    pub clean_start: bool,
    /// Seconds; 0 turns it off.
    pub keep_alive: u16,
    /// May be empty: then the server assigns one.
    pub client_id: String,
    pub username: Option<String>,
    pub password: Option<Vec<u8>>,
    pub will: Option<Will>,
    /// Properties of CONNECT, in MQTT 5.
    pub properties: PropertiesBuf,
    /// Bytes of a packet from the server; in MQTT 5 the property may ask for fewer.
    pub max_packet_size: usize,
    /// Bytes of a packet to the server; it may allow fewer.
    pub max_packet_sent: usize,
    /// Messages above QoS 0 in flight, from 1; the server may allow fewer.
    pub max_inflight: u16,
    /// How long to wait for CONNACK.
    pub connect_timeout: Duration,
}

/// The message that the server publishes when the client is lost.
#[derive(Clone, Debug)]
pub struct Will {
    pub topic: String,
    pub payload: Vec<u8>,
    pub qos: QoS,
    pub retain: bool,
    pub properties: PropertiesBuf,
}

impl Will {
    pub(super) fn as_packet(&self) -> packet::Will<'_> {
        packet::Will {
            qos: self.qos,
            retain: self.retain,
            properties: self.properties.as_properties(),
            topic: &self.topic,
            payload: &self.payload,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: Version::V5,
            bridge: false,
            relays: false,
            clean_start: true,
            keep_alive: 60,
            client_id: String::new(),
            username: None,
            password: None,
            will: None,
            properties: PropertiesBuf::default(),
            max_packet_size: MAX_PACKET_SIZE,
            max_packet_sent: MAX_PACKET_SIZE,
            max_inflight: 1024,
            connect_timeout: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Tells the server the largest packet that is accepted, unless the properties already do or MQTT allows no larger one.
    pub(crate) fn announce_max_packet_size(&mut self) {
        let is_told = self.properties.as_properties().maximum_packet_size().is_some();
        if let Ok(bytes) = u32::try_from(self.max_packet_size)
            && self.max_packet_size < MAX_PACKET_SIZE
            && !is_told
        {
            self.properties.push(Property::MaximumPacketSize(bytes));
        }
    }

    /// The properties of CONNECT; none before MQTT 5.
    pub(super) fn properties(&self) -> Properties<'_> {
        match self.version {
            Version::V5 => self.properties.as_properties(),
            Version::V3_1 | Version::V3_1_1 => Properties::EMPTY,
        }
    }

    /// Whether a CONNECT can say this.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_v3 = self.version != Version::V5;
        let is_string = |text: &str| text.len() <= usize::from(u16::MAX) && !text.contains('\0');
        if !is_string(&self.client_id) || !self.username.as_deref().is_none_or(is_string) {
            // [MQTT-1.5.4-2], [MQTT-3.1.3-4], [MQTT-3.1.3-11]
            return Err("client identifier and user name take at most 65,535 bytes and no NUL character");
        }
        if self.password.as_ref().is_some_and(|password| password.len() > usize::from(u16::MAX)) {
            return Err("a password takes at most 65,535 bytes");
        }
        if is_v3 && self.password.is_some() && self.username.is_none() {
            // [v3 MQTT-3.1.2-22]
            return Err("before MQTT 5 a password needs a user name");
        }
        if self.version == Version::V3_1_1 && self.client_id.is_empty() && !self.clean_start {
            // [v3 MQTT-3.1.3-7]
            return Err("before MQTT 5 a session that is kept needs a client identifier");
        }
        if self.version == Version::V3_1 && !(1..=23).contains(&self.client_id.len()) {
            return Err("MQTT 3.1 wants a client identifier of 1 to 23 bytes");
        }
        match &self.will {
            Some(will) if TopicName::new(&will.topic).is_err() => {
                Err("the topic of the will is not a topic name")
            }
            Some(will) if will.payload.len() > usize::from(u16::MAX) => {
                Err("the payload of a will takes at most 65,535 bytes")
            }
            _ => Ok(()),
        }
    }
}
