//! A session's open connection, as the session sees it: where frames are written, and what the client allows there.
//!
//! A frame is made here, in this order: expiry, size against the client's Maximum Packet Size, identifier, alias. So
//! nothing that waits holds an identifier or an alias, which belong to the connection. When bytes are sent is not
//! asked here; the connection takes them.

use std::collections::BTreeMap;
use std::task::Waker;

use crate::broker::access::rights::LoginProof;
use crate::broker::cx::Cx;
use crate::broker::limits::Limits;
use crate::broker::observe::drops::DropReason;
use crate::broker::observe::event::Ending;
use crate::broker::routing::message::{Delivery, ReceivedPacket, RoutedMessage};
use crate::broker::session::held::DurableOutbox;
use crate::broker::session::output::OutputBuffer;
use crate::codec::head::PublishHead;
use crate::codec::packet::{Packet, PacketId, Version};
use crate::message::{MessageRef, QoS};
use crate::sync::Arc;
use crate::time::Instant;

/// The greatest remaining length there is, with the longest fixed header.
const GREATEST_FRAME: usize = 268_435_455 + 5;

#[derive(Debug)]
pub(crate) struct SessionLink {
    pub(crate) version: Version,
    pub(crate) peer: Arc<str>,
    /// How its client has shown who it is.
    pub(crate) proof: LoginProof,
    /// Stands before all topics of this client, who does not see it.
    pub(crate) mount_point: Option<Arc<str>>,
    pub(crate) since: Instant,
    pub(crate) output: OutputBuffer,
    pub(crate) waker: Option<Waker>,
    /// Whether the connection has been woken since it last looked here.
    pub(crate) woken: bool,
    /// Bytes that the connection has taken and not written.
    pub(crate) unwritten: usize,
    /// Bytes of the largest frame the client takes.
    maximum_packet: usize,
    /// Whether it is a bridge of this broker, which knows itself what it has sent on.
    pub(crate) is_bridge: bool,
    /// Whether nothing at QoS 1 and 2 is sent to it.
    pub(crate) only_subscribes: bool,
    /// Seconds; 0 if there is none.
    pub(crate) keep_alive: u16,
    aliases: Option<Box<Aliases>>,
    /// Frames that wait for the store.
    pub(crate) held: Option<Box<DurableOutbox>>,
    /// Set when this connection must go; it sees that in its next turn.
    pub(crate) fence: Option<Box<Ending>>,
    /// Who waits until it is gone.
    pub(crate) successor: Option<Waker>,
}

/// Topic aliases towards one client, given to the first topics that come.
#[derive(Debug)]
struct Aliases {
    topics: BTreeMap<Box<str>, u16>,
    maximum: u16,
}

impl SessionLink {
    pub(crate) fn new(
        version: Version,
        peer: Arc<str>,
        maximum_packet: Option<u32>,
        aliases: u16,
        now: Instant,
    ) -> Self {
        let maximum_packet =
            maximum_packet.map_or(GREATEST_FRAME, |bytes| GREATEST_FRAME.min(bytes as usize));
        let aliases = (aliases > 0).then(|| Box::new(Aliases { topics: BTreeMap::new(), maximum: aliases }));
        Self {
            version,
            peer,
            proof: LoginProof::None,
            mount_point: None,
            since: now,
            output: OutputBuffer::default(),
            waker: None,
            woken: false,
            unwritten: 0,
            maximum_packet,
            is_bridge: false,
            only_subscribes: false,
            keep_alive: 0,
            aliases,
            held: None,
            fence: None,
            successor: None,
        }
    }

    /// Bytes that wait to be written.
    pub(crate) fn pending(&self) -> usize {
        self.unsent() + self.held.as_ref().map_or(0, |held| held.bytes)
    }

    /// Those of them that wait for the client alone.
    pub(crate) fn unsent(&self) -> usize {
        self.output.len() + self.unwritten
    }

    pub(crate) fn wake(&mut self, cx: &mut Cx) {
        if !self.woken {
            self.woken = true;
            cx.wakes.extend(self.waker.clone());
        }
    }

    /// Whether a PUBLISH with this content may leave: it has not expired, and fits.
    pub(crate) fn admit(
        &self,
        message: &MessageRef<'_>,
        delivery: Delivery<'_>,
        now: Instant,
    ) -> Result<(), DropReason> {
        if message.expires <= now {
            return Err(DropReason::Expired); // [MQTT-3.3.2-5]
        }
        if self.fits(message, delivery, now) { Ok(()) } else { Err(DropReason::TooLarge) } // [MQTT-3.1.2-25]
    }

    /// Whether a PUBLISH with this content keeps to the client's Maximum Packet Size [MQTT-3.1.2-24].
    #[inline]
    pub(crate) fn fits(&self, message: &MessageRef<'_>, delivery: Delivery<'_>, now: Instant) -> bool {
        // Fixed header, lengths, identifier, expiry and alias take no more; nearly every message is far below the limit.
        if message.len() + 24 + 5 * delivery.ids.len() <= self.maximum_packet {
            return true;
        }
        let id = (delivery.qos != QoS::AtMostOnce).then_some(PacketId::MAX);
        let head = self.head(message, delivery, id, now);
        head.frame_len(self.properties(message).len(), message.payload.len()) <= self.maximum_packet
    }

    /// A topic as the client sees it.
    fn seen<'a>(&self, topic: &'a str) -> &'a str {
        // Not compared with an empty one: glibc's memcmp reads nothing from where nothing is, at a hundred times the cost.
        let Some(mount_point) = self.mount_point.as_deref() else { return topic };
        topic.strip_prefix(mount_point).unwrap_or(topic)
    }

    /// Whether a topic is behind the client's mount point, as everything is that its session has subscribed to. A store
    /// written before sessions had owners may hold other messages for it.
    pub(crate) fn sees(&self, topic: &str) -> bool {
        self.mount_point.as_deref().is_none_or(|mount_point| topic.starts_with(mount_point))
    }

    fn properties<'a>(&self, message: &MessageRef<'a>) -> &'a [u8] {
        if self.version == Version::V5 { message.properties } else { &[] }
    }

    fn head<'a>(
        &self,
        message: &MessageRef<'a>,
        delivery: Delivery<'a>,
        packet_id: Option<PacketId>,
        now: Instant,
    ) -> PublishHead<'a> {
        PublishHead {
            version: self.version,
            dup: false,
            qos: delivery.qos,
            retain: delivery.retain,
            topic: self.seen(message.topic),
            alias: None,
            packet_id,
            expiry: remaining(message.expires, now),
            subscription_ids: delivery.ids,
        }
    }

    /// Writes a PUBLISH that [`Self::admit`] let in.
    pub(crate) fn publish(
        &mut self,
        message: &RoutedMessage<'_>,
        delivery: Delivery<'_>,
        (packet_id, dup): (Option<PacketId>, bool),
        cx: &mut Cx,
        limits: &Limits,
    ) {
        self.output.lend(|| cx.buffer());
        match message.original.filter(|original| !dup && self.takes(original, &message.view, delivery)) {
            Some(original) => self.output.write(|out| original.write(delivery.qos, packet_id, out)),
            None => self.write_anew(message, delivery, (packet_id, dup), cx.now, limits),
        }
        cx.counters.packets_sent.add(1);
        cx.counters.publish_sent.add(1);
        cx.counters.publish_bytes_sent.add(message.view.payload.len() as u64);
        self.wake(cx);
    }

    /// Whether this client is sent a message as the packet it came in.
    fn takes(
        &self,
        original: &ReceivedPacket<&[u8]>,
        message: &MessageRef<'_>,
        delivery: Delivery<'_>,
    ) -> bool {
        original.is_v5 == (self.version == Version::V5)
            && delivery.qos == message.qos
            && !delivery.retain
            && delivery.ids.is_empty()
            && self.aliases.is_none()
            && self.mount_point.is_none()
    }

    fn write_anew(
        &mut self,
        message: &RoutedMessage<'_>,
        delivery: Delivery<'_>,
        (packet_id, dup): (Option<PacketId>, bool),
        now: Instant,
        limits: &Limits,
    ) {
        let view = &message.view;
        let properties = self.properties(view);
        let mut head = self.head(view, delivery, packet_id, now);
        head.dup = dup;
        self.put_alias(&mut head, properties.len(), view.payload.len());
        if properties.len() + view.payload.len() <= limits.copied {
            self.output.write(|out| {
                head.write(properties, view.payload.len(), out);
                out.extend_from_slice(properties);
                out.extend_from_slice(view.payload);
            });
        } else {
            self.output.write(|out| head.write(properties, view.payload.len(), out));
            self.output.share(message.message(), self.version == Version::V5);
        }
    }

    /// Uses the topic's alias, or gives it one while there are any [MQTT-3.1.2-26].
    fn put_alias(&mut self, head: &mut PublishHead<'_>, properties: usize, payload: usize) {
        let Some(aliases) = &mut self.aliases else { return };
        if let Some(alias) = aliases.topics.get(head.topic) {
            let topic = head.topic;
            (head.alias, head.topic) = (Some(*alias), "");
            if head.frame_len(properties, payload) > self.maximum_packet {
                // A topic of one or two bytes is shorter than its alias.
                (head.alias, head.topic) = (None, topic);
            }
            return;
        }
        let given = u16::try_from(aliases.topics.len()).unwrap_or(u16::MAX);
        if given < aliases.maximum {
            head.alias = Some(given + 1);
            if head.frame_len(properties, payload) > self.maximum_packet {
                head.alias = None;
            } else {
                aliases.topics.insert(head.topic.into(), given + 1);
            }
        }
    }

    /// Writes any other packet, unless it is larger than the client takes.
    pub(crate) fn send(&mut self, packet: &Packet<'_>, cx: &mut Cx) {
        self.output.lend(|| cx.buffer());
        let version = self.version;
        self.output.write(|out| crate::codec::encode(version, packet, out));
        cx.counters.packets_sent.add(1);
        self.wake(cx);
    }
}

/// Seconds until `expires`, counted down from what the publisher gave [MQTT-3.3.2-6].
fn remaining(expires: Instant, now: Instant) -> Option<u32> {
    if expires == Instant::NEVER {
        return None;
    }
    let micros = expires.since(now).as_micros();
    Some(u32::try_from(micros.div_ceil(1_000_000)).unwrap_or(u32::MAX))
}
