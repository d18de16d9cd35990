//! PUBLISH in two parts: a head written for each receiver, and a tail that is the same for all.
//!
//! ```text
//! fixed header | topic | identifier | property length | expiry, alias, subscription identifiers ‖ other properties | payload
//! └───────────────────────────────────────── head ─────────────────────────────────────────────┘└─────────── tail ─────────┘
//! ```

use super::packet::{PacketId, Version};
use super::write;
use crate::message::QoS;

/// The part of a PUBLISH that is written for each receiver.
#[derive(Clone, Copy, Debug)]
pub struct PublishHead<'a> {
    pub version: Version,
    pub dup: bool,
    pub qos: QoS,
    pub retain: bool,
    /// Empty if `alias` replaces it.
    pub topic: &'a str,
    pub alias: Option<u16>,
    /// Present exactly when the QoS is above 0.
    pub packet_id: Option<PacketId>,
    /// Remaining seconds.
    pub expiry: Option<u32>,
    pub subscription_ids: &'a [u32],
}

impl PublishHead<'_> {
    /// Bytes of the properties that the head writes.
    fn own_properties(&self) -> usize {
        if self.version != Version::V5 {
            return 0;
        }
        let ids: usize = self.subscription_ids.iter().map(|id| 1 + write::variable_len(*id as usize)).sum();
        ids + if self.expiry.is_some() { 5 } else { 0 } + if self.alias.is_some() { 3 } else { 0 }
    }

    /// The remaining length of the packet, and the length of its properties.
    fn lengths(&self, properties: usize, payload: usize) -> (usize, usize) {
        let mut remaining = 2 + self.topic.len() + payload;
        if self.packet_id.is_some() {
            remaining += 2;
        }
        let mut property_len = 0;
        if self.version == Version::V5 {
            property_len = self.own_properties() + properties;
            remaining += write::variable_len(property_len) + property_len;
        }
        (remaining, property_len)
    }

    /// Bytes of the whole packet with this tail.
    pub fn frame_len(&self, properties: usize, payload: usize) -> usize {
        let (remaining, _) = self.lengths(properties, payload);
        1 + write::variable_len(remaining) + remaining
    }

    /// Writes everything before the tail, which is `properties`, without those of the hop, and the payload.
    pub fn write(&self, properties: &[u8], payload: usize, out: &mut Vec<u8>) {
        let (remaining, property_len) = self.lengths(properties.len(), payload);
        // Without the tail: a large one is shared and not copied to `out`.
        out.reserve(5 + remaining - properties.len() - payload);
        let flags = u8::from(self.dup) << 3 | self.qos.bits() << 1 | u8::from(self.retain);
        out.push(0x30 | flags);
        write::variable(remaining, out);
        write::string(self.topic, out);
        if let Some(id) = self.packet_id {
            out.extend_from_slice(&id.get().to_be_bytes());
        }
        if self.version != Version::V5 {
            return;
        }
        write::variable(property_len, out);
        if let Some(expiry) = self.expiry {
            out.push(0x02);
            out.extend_from_slice(&expiry.to_be_bytes());
        }
        if let Some(alias) = self.alias {
            out.push(0x23);
            out.extend_from_slice(&alias.to_be_bytes());
        }
        for id in self.subscription_ids {
            out.push(0x0B);
            write::variable(*id as usize, out);
        }
    }
}
