//! Encodes the PUBLISH packets of one publisher. If they differ only in packet identifier and stamp, the packet is encoded once
//! and only these two are updated.

use super::client::ClientIdentity;
use super::role::Role;
use super::run::Run;
use crate::bench::model::payload::MessageStamp;
use crate::bench::model::topic::TopicValues;
use crate::codec::head::PublishHead;
use crate::codec::packet::PacketId;
use crate::message::QoS;

pub(super) struct Publisher {
    number: usize,
    identity: ClientIdentity,
    /// TopicValues the last message, where each has its own.
    topic: String,
    payload: Vec<u8>,
    /// The encoded packet, and the offsets of packet identifier and payload in it.
    frame: Vec<u8>,
    id_at: usize,
    payload_at: usize,
}

impl Publisher {
    pub(super) fn new(run: &Run, role: Role, identity: ClientIdentity) -> Self {
        let (Role::Publisher(number) | Role::Subscriber(number)) = role;
        let mut publisher = Self {
            number,
            identity,
            topic: String::new(),
            payload: Vec::new(),
            frame: Vec::new(),
            id_at: 0,
            payload_at: 0,
        };
        publisher.topic = run.topics.of(publisher.of(0));
        // Large packets are not kept for each publisher.
        let is_small = run.payloads.len().is_some_and(|len| len <= 1_024);
        if is_small && !run.topics.changes() && !run.retain && run.properties.is_empty() {
            let mut frame = Vec::new();
            let packet_id = (run.qos != QoS::AtMostOnce).then_some(PacketId::MIN);
            publisher.whole(run, 0, packet_id, &mut frame);
            publisher.payload_at = frame.len() - publisher.payload.len();
            let properties = usize::from(run.clients.version() == crate::codec::packet::Version::V5);
            publisher.id_at = publisher.payload_at - properties - 2;
            frame.shrink_to_fit();
            publisher.frame = frame;
            publisher.payload = Vec::new();
        }
        publisher
    }

    fn of(&self, sequence: u64) -> TopicValues<'_> {
        TopicValues {
            number: self.number,
            client_id: &self.identity.client_id,
            username: self.identity.username.as_deref().unwrap_or_default(),
            sequence,
        }
    }

    fn stamp(&self, sequence: u64) -> MessageStamp {
        MessageStamp { publisher: u32::try_from(self.number).unwrap_or(u32::MAX), sequence }
    }

    /// Appends the PUBLISH of this sequence number.
    pub(super) fn write(&mut self, run: &Run, sequence: u64, packet_id: Option<PacketId>, out: &mut Vec<u8>) {
        if self.frame.is_empty() {
            return self.whole(run, sequence, packet_id, out);
        }
        let start = out.len();
        out.extend_from_slice(&self.frame);
        if let Some(id) = packet_id {
            out[start + self.id_at..start + self.id_at + 2].copy_from_slice(&id.get().to_be_bytes());
        }
        run.payloads.mark(self.stamp(sequence), &mut out[start + self.payload_at..]);
    }

    fn whole(&mut self, run: &Run, sequence: u64, packet_id: Option<PacketId>, out: &mut Vec<u8>) {
        if run.topics.changes() {
            let mut topic = std::mem::take(&mut self.topic);
            topic.clear();
            run.topics.write(self.of(sequence), &mut topic);
            self.topic = topic;
        }
        self.payload.clear();
        if !run.clears() {
            run.payloads.write(self.stamp(sequence), super::wall_clock_millis(), &mut self.payload);
        }
        let head = PublishHead {
            version: run.clients.version(),
            dup: false,
            qos: run.qos,
            retain: run.retain,
            topic: &self.topic,
            alias: None,
            packet_id,
            expiry: None,
            subscription_ids: &[],
        };
        let properties = run.properties.as_properties().as_bytes();
        head.write(properties, self.payload.len(), out);
        out.extend_from_slice(properties);
        out.extend_from_slice(&self.payload);
    }
}
