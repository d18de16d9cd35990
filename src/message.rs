//! An application message without its packet: topic, payload, and the properties that belong to the message.
//!
//! There are two forms. [`MessageRef`] borrows from the packet that was received and costs nothing; [`Message`] owns one
//! shared block and is only created where a message outlives its packet: queued, retained or in flight. Properties stay
//! encoded as in MQTT 5, without those of the hop (expiry, alias, subscription identifiers): this is the tail of a frame,
//! encoded once for all receivers.

use crate::sync::Arc;
use crate::time::Instant;

/// Quality of Service: how a message is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QoS {
    #[default]
    AtMostOnce = 0,
    AtLeastOnce = 1,
    ExactlyOnce = 2,
}

impl QoS {
    /// The QoS of these two bits; 3 is invalid.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }

    pub const fn bits(self) -> u8 {
        self as u8
    }
}

/// A message that borrows its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRef<'a> {
    pub topic: &'a str,
    /// MQTT 5 properties as on the wire, without their length, expiry, alias and subscription identifiers.
    pub properties: &'a [u8],
    pub payload: &'a [u8],
    pub qos: QoS,
    pub retain: bool,
    /// When the message expires, or [`Instant::NEVER`].
    pub expires: Instant,
}

impl MessageRef<'_> {
    /// Copies the parts into one block.
    pub fn to_message(self) -> Message {
        let (topic, properties) = (self.topic.len(), self.properties.len());
        let mut bytes = Vec::with_capacity(topic + properties + self.payload.len());
        bytes.extend_from_slice(self.topic.as_bytes());
        bytes.extend_from_slice(self.properties);
        bytes.extend_from_slice(self.payload);
        let (qos, retain, expires) = (self.qos, self.retain, self.expires);
        Message { bytes: bytes.into(), topic, properties, tail: topic, qos, retain, expires }
    }

    /// Bytes of content: topic, properties and payload.
    pub fn len(&self) -> usize {
        self.topic.len() + self.properties.len() + self.payload.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A message that owns its parts, in one block that all its receivers share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    bytes: Arc<[u8]>,
    topic: usize,
    properties: usize,
    /// Where the tail begins: after the topic, or after the properties.
    tail: usize,
    qos: QoS,
    retain: bool,
    expires: Instant,
}

impl Message {
    pub fn as_ref(&self) -> MessageRef<'_> {
        let (topic, rest) = self.bytes.split_at(self.topic);
        let (properties, payload) = rest.split_at(self.properties);
        // The block was filled from a `&str` and is never written again.
        let topic = std::str::from_utf8(topic).unwrap_or_default();
        MessageRef { topic, properties, payload, qos: self.qos, retain: self.retain, expires: self.expires }
    }

    /// Bytes of content: topic, properties and payload.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Properties and payload, as in an MQTT 5 frame.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.bytes[self.tail..]
    }

    /// The same message for a receiver whose version has no properties; it shares the block.
    pub(crate) fn without_properties(&self) -> Self {
        let mut other = self.clone();
        other.tail = self.topic + self.properties;
        other
    }

    pub fn expires(&self) -> Instant {
        self.expires
    }

    /// The address of the block, which is the same for messages that share it.
    pub(crate) fn block(&self) -> usize {
        self.bytes.as_ptr().addr()
    }

    pub fn qos(&self) -> QoS {
        self.qos
    }
}
