//! A will message, as its session keeps it and the store stores it.

use crate::codec::packet;
use crate::message::QoS;

/// The will of a client: a message that is published when its connection is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredWill {
    pub topic: Box<str>,
    /// Without delay and expiry.
    pub properties: Box<[u8]>,
    pub payload: Box<[u8]>,
    pub qos: QoS,
    pub retain: bool,
    /// Seconds the message lives once it is published.
    pub expiry: Option<u32>,
    /// Seconds between the end of the connection and the publication.
    pub delay: u32,
}

impl StoredWill {
    /// Copies the will out of its CONNECT [MQTT-3.1.2-7].
    pub(crate) fn new(will: &packet::Will<'_>, mount_point: Option<&str>) -> Self {
        let mut properties = Vec::new();
        let own = will.properties.without_hop(&mut properties);
        Self {
            topic: [mount_point.unwrap_or_default(), will.topic].concat().into(),
            properties: own.into(),
            payload: will.payload.into(),
            qos: will.qos,
            retain: will.retain,
            expiry: will.properties.message_expiry(),
            delay: will.properties.will_delay().unwrap_or(0),
        }
    }

    /// Bytes of its content.
    pub(crate) fn len(&self) -> usize {
        self.topic.len() + self.properties.len() + self.payload.len()
    }
}
