//! What is sent on command: PUBLISH, SUBSCRIBE, UNSUBSCRIBE, and again what a lost connection left unfinished.

use std::borrow::Cow;
use std::fmt;

use super::{Client, Frame, Phase, Request};
use crate::codec::encode;
use crate::codec::head::PublishHead;
use crate::codec::packet::{Ack, Options, Packet, PacketId, Subscribe, Subscription, Unsubscribe};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::delivery::{MAX_SESSION_ID, Resend, Withdrawn};
use crate::message::QoS;
use crate::time::Instant;
use crate::topic::{BadTopic, TopicFilter, TopicName};

/// A message to publish.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    pub topic: &'a str,
    pub payload: &'a [u8],
    pub qos: QoS,
    pub retain: bool,
    /// Those of PUBLISH; before MQTT 5 they are left out. A topic alias among them is used as the server permits.
    pub properties: Properties<'a>,
}

/// Why something was not sent. The connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotConnected,
    /// Too much is in flight: ask again after an answer.
    Full,
    Topic(BadTopic),
    /// The server takes packets of at most so many bytes.
    TooLarge(usize),
    /// The server takes at most this QoS.
    QoS(QoS),
    Retain,
    /// The server takes aliases up to this.
    Alias(u16),
    Wildcards,
    SubscriptionIds,
    Shared,
    /// A client must not send this property in PUBLISH.
    SubscriptionIdInPublish,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("there is no connection"),
            Self::Full => f.write_str("too much is in flight"),
            Self::Topic(why) => write!(f, "the topic is not valid: {why}"),
            Self::TooLarge(bytes) => write!(f, "the broker takes packets of at most {bytes} bytes"),
            Self::QoS(qos) => write!(f, "the broker takes at most QoS {}", qos.bits()),
            Self::Retain => f.write_str("the broker keeps no retained messages"),
            Self::Alias(0) => f.write_str("the broker takes no topic aliases"),
            Self::Alias(maximum) => write!(f, "the broker takes topic aliases up to {maximum}"),
            Self::Wildcards => f.write_str("the broker has no wildcard subscriptions"),
            Self::SubscriptionIds => f.write_str("the broker has no subscription identifiers"),
            Self::Shared => f.write_str("the broker has no shared subscriptions"),
            Self::SubscriptionIdInPublish => f.write_str("a client publishes no subscription identifiers"),
        }
    }
}

impl Client {
    /// Whether one more PUBLISH above QoS 0 may be sent now.
    pub fn has_room(&self) -> bool {
        self.phase == Phase::Connected && !self.probes && self.orphans.is_empty() && self.outbox.has_room()
    }

    /// Whether nothing may be published, at any QoS, because it is being found out which message ends the connection.
    pub fn holds_back(&self) -> bool {
        self.suspicion.is_careful() && (self.probes || self.in_flight() > 0)
    }

    /// Whether the oldest unanswered message had been sent on the connection that has ended.
    pub fn had_sent(&self) -> bool {
        self.had_sent
    }

    /// The server has ended the connection, and the reason may be a message. If three connections in a row have ended while
    /// the same message was the oldest unanswered one, the last of them with nothing else in flight, it is given up: its
    /// topic. Call it after [`Client::closed`].
    pub fn suspect(&mut self) -> Option<String> {
        let unanswered = self.in_flight();
        let (oldest, _) = self.outbox.oldest()?;
        if !std::mem::take(&mut self.had_sent) || !self.suspicion.ended(unanswered) {
            return None;
        }
        match self.outbox.withdraw(oldest) {
            Withdrawn::Over(frame) | Withdrawn::Release(frame) => frame.map(|frame| topic_of(&frame)),
        }
    }

    /// Gives up all messages that are not finished, as if they had never been published.
    pub fn forget_messages(&mut self) {
        self.orphans.clear();
        self.outbox.drain().for_each(drop);
    }

    /// Publishes; the identifier under which it will be [`super::Event::Acknowledged`] is there above QoS 0.
    ///
    /// # Errors
    /// When this server, or any, would refuse it; nothing is sent then.
    pub fn publish(
        &mut self,
        now: Instant,
        message: &Outgoing<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Option<PacketId>, Refusal> {
        self.check(message)?;
        let properties = if self.is_v5() { message.properties } else { Properties::EMPTY };
        let mut head = PublishHead {
            version: self.settings.version,
            dup: false, // [MQTT-3.3.1-1]
            qos: message.qos,
            retain: message.retain,
            topic: message.topic,
            alias: None,
            packet_id: (message.qos != QoS::AtMostOnce).then_some(PacketId::MIN),
            expiry: None,
            subscription_ids: &[],
        };
        let maximum = self.negotiated.maximum_packet_size;
        if head.frame_len(properties.as_bytes().len(), message.payload.len()) > maximum {
            return Err(Refusal::TooLarge(maximum)); // [MQTT-3.2.2-15]
        }
        let mut id = None;
        if message.qos != QoS::AtMostOnce {
            let mut scratch = Vec::new();
            let kept = without_alias(properties, &mut scratch);
            let frame = frame_of(&head, kept, message.payload);
            let given = self.outbox.publish(message.qos, frame);
            head.packet_id = Some(given);
            id = Some(given);
        }
        if let Some(alias) = properties.topic_alias()
            && self.is_alias_known(alias, message.topic)
        {
            head.topic = "";
        }
        head.write(properties.as_bytes(), message.payload.len(), out);
        out.extend_from_slice(properties.as_bytes());
        out.extend_from_slice(message.payload);
        self.last_sent = now;
        Ok(id)
    }

    fn check(&self, message: &Outgoing<'_>) -> Result<(), Refusal> {
        if self.phase != Phase::Connected {
            return Err(Refusal::NotConnected);
        }
        TopicName::new(message.topic).map_err(Refusal::Topic)?; // [MQTT-3.3.2-2]
        if message.qos > self.negotiated.maximum_qos {
            return Err(Refusal::QoS(self.negotiated.maximum_qos)); // [MQTT-3.2.2-11]
        }
        if message.retain && !self.negotiated.retain_available {
            return Err(Refusal::Retain); // [MQTT-3.2.2-14]
        }
        if self.is_v5() && !message.properties.is_empty() {
            let maximum = self.negotiated.topic_alias_maximum;
            if message.properties.topic_alias().is_some_and(|alias| alias > maximum) {
                return Err(Refusal::Alias(maximum)); // [MQTT-3.2.2-17]
            }
            if message.properties.subscription_ids().next().is_some() {
                return Err(Refusal::SubscriptionIdInPublish); // [MQTT-3.3.4-6]
            }
        }
        if message.qos != QoS::AtMostOnce && !self.has_room() {
            return Err(Refusal::Full); // [MQTT-3.3.4-7]
        }
        Ok(())
    }

    /// Whether the server knows that `alias` stands for `topic`; from now on it does.
    fn is_alias_known(&mut self, alias: u16, topic: &str) -> bool {
        let index = usize::from(alias).saturating_sub(1);
        if self.aliases_out.len() <= index {
            self.aliases_out.resize(index + 1, Box::default());
        }
        let known = &mut self.aliases_out[index];
        if **known == *topic {
            return true;
        }
        *known = topic.into();
        false
    }

    /// Subscribes to all `filters` with one packet; answered by [`super::Event::Subscribed`] with this identifier.
    ///
    /// # Errors
    /// When this server, or any, would refuse it; nothing is sent then.
    pub fn subscribe(
        &mut self,
        now: Instant,
        filters: &[(&str, Options)],
        properties: Properties<'_>,
        out: &mut Vec<u8>,
    ) -> Result<PacketId, Refusal> {
        for (filter, _) in filters {
            let filter = TopicFilter::new(filter).map_err(Refusal::Topic)?;
            if filter.has_wildcard() && !self.negotiated.wildcards_available {
                return Err(Refusal::Wildcards);
            }
            if self.is_v5() && filter.share().is_some() && !self.negotiated.shared_available {
                return Err(Refusal::Shared);
            }
        }
        let properties = if self.is_v5() { properties } else { Properties::EMPTY };
        if properties.subscription_ids().next().is_some() && !self.negotiated.subscription_ids_available {
            return Err(Refusal::SubscriptionIds);
        }
        self.request(now, filters.len(), true, out, |packet_id| {
            let filters = filters
                .iter()
                .map(|(filter, options)| Subscription { filter: Cow::Borrowed(filter), options: *options });
            Packet::Subscribe(Subscribe { packet_id, properties, filters: filters.collect() })
        })
    }

    /// Unsubscribes; answered by [`super::Event::Unsubscribed`] with this identifier.
    ///
    /// # Errors
    /// When this server, or any, would refuse it; nothing is sent then.
    pub fn unsubscribe(
        &mut self,
        now: Instant,
        filters: &[&str],
        properties: Properties<'_>,
        out: &mut Vec<u8>,
    ) -> Result<PacketId, Refusal> {
        for filter in filters {
            TopicFilter::new(filter).map_err(Refusal::Topic)?;
        }
        let properties = if self.is_v5() { properties } else { Properties::EMPTY };
        self.request(now, filters.len(), false, out, |packet_id| {
            let filters = filters.iter().map(|filter| Cow::Borrowed(*filter)).collect();
            Packet::Unsubscribe(Unsubscribe { packet_id, properties, filters })
        })
    }

    fn request<'a>(
        &mut self,
        now: Instant,
        filters: usize,
        is_subscribe: bool,
        out: &mut Vec<u8>,
        packet: impl FnOnce(PacketId) -> Packet<'a>,
    ) -> Result<PacketId, Refusal> {
        if self.phase != Phase::Connected {
            return Err(Refusal::NotConnected);
        }
        // Not held back by the window [MQTT-3.3.4-8].
        let id = if self.settings.relays { self.own_id() } else { self.outbox.request() };
        let id = id.ok_or(Refusal::Full)?;
        let start = out.len();
        encode(self.settings.version, &packet(id), out);
        let maximum = self.negotiated.maximum_packet_size;
        if out.len() - start > maximum {
            out.truncate(start);
            if !self.settings.relays {
                self.outbox.answered(id);
            }
            return Err(Refusal::TooLarge(maximum)); // [MQTT-3.2.2-15]
        }
        self.requests.push(Request { id, is_subscribe, filters });
        self.last_sent = now;
        Ok(id)
    }

    /// An identifier above those of the messages that are relayed [MQTT-2.2.1-3].
    fn own_id(&self) -> Option<PacketId> {
        let is_free = |id: &PacketId| self.requests.iter().all(|request| request.id != *id);
        (MAX_SESSION_ID + 1..PacketId::MAX.get()).filter_map(PacketId::new).find(is_free)
    }

    /// Sends a packet of another connection, with its identifier.
    ///
    /// # Errors
    /// When there is no connection, or when it is larger than the server takes [MQTT-3.2.2-15]; nothing is sent then.
    pub fn relay(&mut self, now: Instant, packet: &Packet<'_>, out: &mut Vec<u8>) -> Result<(), Refusal> {
        if self.phase != Phase::Connected {
            return Err(Refusal::NotConnected);
        }
        let start = out.len();
        encode(self.settings.version, packet, out);
        let maximum = self.negotiated.maximum_packet_size;
        if out.len() - start > maximum {
            out.truncate(start);
            return Err(Refusal::TooLarge(maximum));
        }
        self.last_sent = now;
        Ok(())
    }

    /// Sends again, in their order, what a lost connection left unfinished, as far as the window allows [MQTT-4.4.0-1].
    pub(super) fn pump(&mut self, out: &mut Vec<u8>) {
        if self.probes {
            return;
        }
        let maximum = self.negotiated.maximum_packet_size;
        loop {
            let too_large = match self.outbox.next_resend() {
                None => break,
                Some(Resend::Publish(id, _, frame)) if frame.len() > maximum => id,
                Some(Resend::Publish(id, _, frame)) => {
                    write_frame(frame, id, true, out);
                    continue;
                }
                Some(Resend::Pubrel(id)) => {
                    let packet = Packet::Pubrel(Ack::new(id, Reason::SUCCESS));
                    encode(self.settings.version, &packet, out);
                    continue;
                }
            };
            match self.outbox.withdraw(too_large) {
                Withdrawn::Over(_) => self.given_up.push_back(too_large),
                Withdrawn::Release(_) => {
                    self.withdrawn.push(too_large);
                    let packet = Packet::Pubrel(Ack::new(too_large, Reason::SUCCESS));
                    encode(self.settings.version, &packet, out);
                }
            }
        }
        while self.outbox.has_room()
            && let Some((qos, frame)) = self.orphans.pop_front()
        {
            let id = self.outbox.publish(qos, frame.clone());
            if frame.len() > maximum {
                self.outbox.forget(id);
                self.given_up.push_back(id);
            } else {
                write_frame(&frame, id, false, out);
            }
        }
    }
}

/// The frame to send again: with the topic in full, as aliases end with the connection.
fn frame_of(head: &PublishHead<'_>, properties: &[u8], payload: &[u8]) -> Frame {
    let mut frame = Vec::with_capacity(head.frame_len(properties.len(), payload.len()));
    head.write(properties, payload.len(), &mut frame);
    frame.extend_from_slice(properties);
    frame.extend_from_slice(payload);
    frame.into()
}

fn without_alias<'a>(properties: Properties<'a>, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if properties.topic_alias().is_none() {
        return properties.as_bytes();
    }
    let mut kept = crate::codec::property::PropertiesBuf::default();
    for property in properties.iter() {
        if !matches!(property, crate::codec::property::Property::TopicAlias(_)) {
            kept.push(property);
        }
    }
    scratch.extend_from_slice(kept.as_properties().as_bytes());
    scratch
}

/// Where the topic of a kept PUBLISH stands.
fn topic_range(frame: &[u8]) -> std::ops::Range<usize> {
    let length_bytes = frame[1..].iter().take_while(|byte| **byte > 0x7F).count() + 1;
    let start = 1 + length_bytes + 2;
    start..start + usize::from(u16::from_be_bytes([frame[start - 2], frame[start - 1]]))
}

fn topic_of(frame: &[u8]) -> String {
    String::from_utf8_lossy(&frame[topic_range(frame)]).into_owned()
}

/// Appends a kept PUBLISH under this identifier, which stands after the topic.
fn write_frame(frame: &[u8], id: PacketId, dup: bool, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(frame);
    let frame = &mut out[start..];
    // [MQTT-3.3.1-1]: DUP where the server may have had it under this identifier.
    frame[0] = if dup { frame[0] | 0b1000 } else { frame[0] & !0b1000 };
    let at = topic_range(frame).end;
    frame[at..][..2].copy_from_slice(&id.get().to_be_bytes());
}
