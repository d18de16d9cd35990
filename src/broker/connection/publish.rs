//! PUBLISH from a client: checked, routed, and acknowledged.

use std::time::Duration;

use crate::broker::connection::ack_queue::Reply;
use crate::broker::connection::endpoint::{Close, Endpoint};
use crate::broker::connection::open::Open;
use crate::broker::connection::unfinished::{AwaitedAck, InterruptedPublish, Unfinished};
use crate::broker::cx::Cx;
use crate::broker::durability::journal::BatchId;
use crate::broker::durability::record::Record;
use crate::broker::limits::Limits;
use crate::broker::observe::drops::{DropReason, Recipient};
use crate::broker::observe::event::Event;
use crate::broker::routing::hold::SlowDown;
use crate::broker::routing::message::ReceivedPacket;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::routing::route::Routed;
use crate::broker::state::control::ControlRequest;
use crate::broker::state::publish::PublishSource;
use crate::broker::state::turn::Turn;
use crate::codec;
use crate::codec::frame::Frame;
use crate::codec::packet::{Ack, Packet, PacketId, Publish, Version};
use crate::codec::reason::Reason;
use crate::delivery::Arrival;
use crate::message::{MessageRef, QoS};
use crate::sync::Arc;
use crate::time::Instant;
use crate::topic;

impl Open {
    /// Handles a PUBLISH. Most clients send many messages in a row on one topic, which is checked only once.
    pub(crate) fn publish_frame(
        &mut self,
        frame: Frame<'_>,
        endpoint: &mut Endpoint,
        turn: &mut Turn,
    ) -> Result<(), Close> {
        let accepted = turn.accepted_topic.take();
        let known = accepted.as_deref().unwrap_or_default();
        let published = match codec::decode_publish(self.version, frame, known) {
            Ok(publish) => {
                turn.counters.publish_received.add(1);
                turn.counters.publish_bytes_received.add(publish.payload.len() as u64);
                self.publish(&publish, frame, known, endpoint, turn)
            }
            Err(malformed) => Err(malformed.into()),
        };
        if turn.accepted_topic.is_none() {
            turn.accepted_topic = accepted;
        }
        published
    }

    /// `known`: a topic that was accepted in an earlier message, as long as the limits are the same.
    fn publish(
        &mut self,
        publish: &Publish<'_>,
        frame: Frame<'_>,
        known: &str,
        endpoint: &mut Endpoint,
        turn: &mut Turn,
    ) -> Result<(), Close> {
        let alias = self.resolve(publish)?;
        let topic = alias.as_deref().unwrap_or(publish.topic);
        let mounted = self.mount_point.as_ref().map(|mount_point| [mount_point, topic].concat());
        let topic = mounted.as_deref().unwrap_or(topic);
        if mounted.is_some() && topic.len() > topic::MAX_LEN {
            return Err(Close::new(
                Reason::TOPIC_NAME_INVALID,
                "the topic is too long behind the mount point",
            ));
        }
        self.check_header(publish, &endpoint.limits)?;
        let ack = AwaitedAck { qos: publish.qos, packet_id: publish.packet_id, request_bytes: frame.len() };
        if let Some(id) = publish.packet_id {
            match self.inbox.publish(publish.qos, id) {
                Arrival::New => {}
                // Its message was routed when it was first received [MQTT-4.3.3-10].
                Arrival::Again => {
                    return self.acknowledge(ack, Reason::SUCCESS, self.received, endpoint, turn);
                }
                Arrival::TooMany => {
                    // [MQTT-3.3.4-7]
                    let detail = "more messages in flight than allowed";
                    return Err(Close::new(Reason::RECEIVE_MAXIMUM_EXCEEDED, detail));
                }
            }
        }
        if let Some(reason) = self.intercept(publish, topic, endpoint, turn) {
            return self.acknowledge(ack, reason, BatchId::NONE, endpoint, turn);
        }
        // Compared by address, which says that it was compared by its bytes before.
        let is_accepted = std::ptr::eq(topic, known);
        if !is_accepted && let Err(detail) = endpoint.limits.check_topic(topic) {
            let close = Close::new(Reason::TOPIC_NAME_INVALID, detail);
            return self.refuse_publish(close, ack, endpoint, turn);
        }
        if let Err(close) = check_content(publish, &endpoint.limits) {
            return self.refuse_publish(close, ack, endpoint, turn);
        }
        let mut scratch = std::mem::take(&mut turn.scratch);
        scratch.clear();
        let expires = publish.properties.message_expiry();
        let view = MessageRef {
            topic,
            properties: publish.properties.without_hop(&mut scratch),
            payload: publish.payload,
            qos: publish.qos,
            retain: publish.retain,
            expires: expires.map_or(Instant::NEVER, |seconds| turn.now + Duration::from_secs(seconds.into())),
        };
        let mut message = RoutedMessage::new(view);
        message.original = ReceivedPacket::new(self.version, frame, publish, &view, &endpoint.limits);
        let accepted = self.accept(message, ack, endpoint, turn);
        turn.scratch = scratch;
        if !is_accepted {
            turn.accepted_topic = turn.matches.last(topic);
        }
        accepted
    }

    /// Takes a message that is not routed: one that the client has no permission for, or a request to the broker. The reason
    /// code of its acknowledgement.
    fn intercept(
        &self,
        publish: &Publish<'_>,
        topic: &str,
        endpoint: &Endpoint,
        turn: &mut Turn,
    ) -> Option<Reason> {
        if let Some(denial) = endpoint.broker.rights.get(&mut turn.rights).deny_publish(&self.who, topic) {
            turn.counters.publish_refused.add(1);
            let (who, topic, qos) = (self.who.clone(), topic.into(), publish.qos);
            let peer = Some(endpoint.peer.name.clone());
            turn.events.push(Event::Forbidden { who, peer, topic, qos, will: false, denial });
            return Some(Reason::NOT_AUTHORIZED);
        }
        // The first byte alone rules out nearly every topic.
        if topic.as_bytes().first() != Some(&b'$') {
            return None;
        }
        let request = ControlRequest::new(topic, publish, &self.session, &self.who, &endpoint.peer.name)?;
        turn.control_requests.push(request);
        Some(Reason::SUCCESS)
    }

    /// Answers a PUBLISH whose content is refused, or closes the connection.
    fn refuse_publish(
        &mut self,
        close: Close,
        ack: AwaitedAck,
        endpoint: &mut Endpoint,
        turn: &mut Turn,
    ) -> Result<(), Close> {
        match close.reason {
            Reason::QUOTA_EXCEEDED => self.drop_published(DropReason::MemoryFull, turn),
            Reason::PACKET_TOO_LARGE => self.drop_published(DropReason::PayloadTooLarge, turn),
            _ => {}
        }
        let closes = match close.reason {
            Reason::PAYLOAD_FORMAT_INVALID => ack.packet_id.is_none(),
            // A bridge would bring the same message again.
            Reason::TOPIC_NAME_INVALID => !endpoint.peer.kind.is_bridge(),
            _ => false,
        };
        if closes { Err(close) } else { self.acknowledge(ack, close.reason, BatchId::NONE, endpoint, turn) }
    }

    /// Drops a message of this client before it is routed.
    fn drop_published(&mut self, reason: DropReason, cx: &mut Cx) {
        let client = &self.session.client;
        cx.drop_messages(&mut self.drops, 1, reason, || Recipient::SubscribersOf(client.clone()));
    }

    /// Routes a message that may be published, unless it must be kept and cannot.
    fn accept(
        &mut self,
        mut message: RoutedMessage<'_>,
        ack: AwaitedAck,
        endpoint: &mut Endpoint,
        turn: &mut Turn,
    ) -> Result<(), Close> {
        message.is_promised = ack.packet_id.is_some();
        if message.is_promised
            && turn.journal.refuses_messages()
            && endpoint.broker.must_keep(&message.view, self.session.is_kept(), turn)
        {
            return self.turn_away(ack, endpoint, turn);
        }
        match ack.packet_id {
            Some(id) if ack.qos == QoS::ExactlyOnce && self.session.is_kept() => {
                // Not for each message: all workers count who holds it.
                let journal = turn.journal.clone();
                // That the identifier is held and that the receivers have the message is one fact: with one and without
                // the other, sending it again after a crash would lose it, or deliver it twice.
                let _together = journal.together();
                message.after = turn.record(Record::Hold { session: self.session.key, id });
                self.received = message.after;
                self.route(&message, ack, usize::MAX, endpoint, turn)
            }
            _ => {
                let most = endpoint.limits.fan_out;
                self.route(&message, ack, most, endpoint, turn)
            }
        }
    }

    /// Does not take a message above QoS 0, because the store fails or the disk is full: told where the version can tell; otherwise it is not
    /// acknowledged, and the connection is closed after a while.
    fn turn_away(&mut self, ack: AwaitedAck, endpoint: &mut Endpoint, turn: &mut Turn) -> Result<(), Close> {
        if turn.journal.failing_since().is_some() {
            self.drop_published(DropReason::StoreFailing, turn);
        } else {
            self.drop_published(DropReason::DiskFull, turn);
            turn.journal.count_refusal();
        }
        // A bridge could not tell the other broker, where that speaks an older version.
        if self.version == Version::V5 && !endpoint.peer.kind.is_bridge() {
            return self.acknowledge(ack, Reason::QUOTA_EXCEEDED, BatchId::NONE, endpoint, turn);
        }
        if let Some(id) = ack.packet_id {
            // Sent again it is new.
            self.inbox.release(id);
            self.unanswerable = Some(turn.now);
            // It need not wait longer than the store fails.
            endpoint.waker.iter().for_each(|waker| turn.journal.wait_for_next(waker));
        }
        Ok(())
    }

    /// `most`: how many receivers are asked before other connections run.
    fn route(
        &mut self,
        message: &RoutedMessage<'_>,
        ack: AwaitedAck,
        most: usize,
        endpoint: &mut Endpoint,
        turn: &mut Turn,
    ) -> Result<(), Close> {
        let source = PublishSource { key: self.session.key, who: Some(&self.who) };
        let mut asked = SlowDown::default();
        let routed = endpoint.broker.route(message, source, most, &mut asked, &endpoint.limits, turn);
        self.hold.published(ack.request_bytes, asked, turn.now, &endpoint.limits);
        match routed {
            Routed::ToAll(reason) => {
                let after = turn.take_batch();
                self.acknowledge(ack, reason, after, endpoint, turn)
            }
            Routed::Unfinished(fan_out) => {
                let after = turn.take_batch();
                let original = message.original.map(ReceivedPacket::to_owned);
                let message = message.message().clone();
                let work = InterruptedPublish { message, original, fan_out, ack, after };
                self.unfinished = Some(Box::new(Unfinished::Publish(work)));
                Ok(())
            }
        }
    }

    /// Offers an interrupted message to more receivers.
    pub(crate) fn proceed_publish(
        &mut self,
        mut work: InterruptedPublish,
        endpoint: &mut Endpoint,
        cx: &mut Cx,
    ) -> Result<(), Close> {
        let mut asked = SlowDown::default();
        let mut message = RoutedMessage::of(&work.message);
        message.is_promised = work.ack.packet_id.is_some();
        message.original = work.original.as_ref().map(ReceivedPacket::as_ref);
        let limits = &endpoint.limits;
        let outcome = work.fan_out.proceed(&message, limits.fan_out, &mut asked, limits, cx);
        self.hold.published(0, asked, cx.now, limits);
        cx.also_after(work.after);
        let after = cx.take_batch();
        if let Some(reason) = outcome {
            return self.acknowledge(work.ack, reason, after, endpoint, cx);
        }
        work.after = after;
        self.unfinished = Some(Box::new(Unfinished::Publish(work)));
        Ok(())
    }

    /// PUBACK or PUBREC, as the QoS asks [MQTT-3.3.4-1]. In 3.1.1 it cannot fail.
    fn acknowledge(
        &mut self,
        ack: AwaitedAck,
        reason: Reason,
        mut after: BatchId,
        endpoint: &mut Endpoint,
        cx: &mut Cx,
    ) -> Result<(), Close> {
        let AwaitedAck { qos, packet_id, request_bytes } = ack;
        let Some(id) = packet_id else { return Ok(()) };
        let packet = if qos == QoS::AtLeastOnce {
            if reason == Reason::SUCCESS && self.puback_now(id, after, endpoint, cx) {
                return Ok(());
            }
            Packet::Puback(Ack::new(id, reason))
        } else {
            let refused = self.version == Version::V5 && reason.is_failure();
            if refused && self.inbox.release(id) && self.session.is_kept() {
                // [MQTT-4.3.3-9]
                after = after.max(cx.record(Record::LetGo { session: self.session.key, id }));
            }
            Packet::Pubrec(Ack::new(id, reason))
        };
        self.reply(&Reply { packet, request_bytes, after }, endpoint, cx)
    }

    /// Sends a PUBACK that says success, if it need not wait: whether it was sent. Most are, and they are four bytes in every
    /// version.
    fn puback_now(&mut self, id: PacketId, after: BatchId, endpoint: &mut Endpoint, cx: &mut Cx) -> bool {
        let [high, low] = id.get().to_be_bytes();
        let packet = [0x40, 2, high, low];
        if packet.len() > self.maximum_packet || !self.can_reply(after, cx) {
            return false;
        }
        self.inbox.puback_sent();
        endpoint.output.lend(|| cx.buffer());
        endpoint.output.write(|out| out.extend_from_slice(&packet));
        cx.counters.packets_sent.add(1);
        true
    }

    /// Checks what a PUBLISH has apart from its topic and content.
    fn check_header(&self, publish: &Publish<'_>, limits: &Limits) -> Result<(), Close> {
        if publish.properties.subscription_ids().next().is_some() {
            return Err(Close::new(Reason::PROTOCOL_ERROR, "a client sent a subscription identifier")); // [MQTT-3.3.4-6]
        }
        if publish.qos > self.max_qos {
            return Err(Close::new(Reason::QOS_NOT_SUPPORTED, "the QoS is higher than is allowed here")); // [MQTT-3.2.2-11]
        }
        if publish.retain && !limits.retain {
            return Err(Close::new(Reason::RETAIN_NOT_SUPPORTED, "messages may not be retained here")); // [MQTT-3.2.2-14]
        }
        Ok(())
    }

    /// The topic that an alias stands for, if it does; and sets the alias if there is a topic too.
    fn resolve(&mut self, publish: &Publish<'_>) -> Result<Option<Arc<str>>, Close> {
        let Some(alias) = publish.properties.topic_alias() else {
            if publish.topic.is_empty() {
                return Err(Close::new(Reason::PROTOCOL_ERROR, "neither a topic nor an alias"));
            }
            return Ok(None);
        };
        if alias == 0 || alias > self.alias_maximum {
            return Err(Close::new(Reason::TOPIC_ALIAS_INVALID, "a topic alias beyond the maximum")); // [MQTT-3.3.2-9]
        }
        let position = usize::from(alias) - 1;
        if publish.topic.is_empty() {
            let topic = self.aliases.get(position).cloned().flatten();
            return topic
                .map(Some)
                .ok_or(Close::new(Reason::PROTOCOL_ERROR, "a topic alias that was not set"));
        }
        if self.aliases.len() <= position {
            self.aliases.resize(position + 1, None);
        }
        self.aliases[position] = Some(publish.topic.into());
        Ok(None)
    }
}

/// Checks what of a message, apart from its topic, may keep it from being routed.
fn check_content(publish: &Publish<'_>, limits: &Limits) -> Result<(), Close> {
    if let Some(Err(detail)) = publish.properties.response_topic().map(|to| limits.check_topic(to)) {
        return Err(Close::new(Reason::TOPIC_NAME_INVALID, detail));
    }
    if publish.retain && !publish.payload.is_empty() && limits.memory_is_full {
        return Err(Close::new(Reason::QUOTA_EXCEEDED, "the broker uses as much memory as it may"));
    }
    if publish.payload.len() > limits.payload {
        return Err(Close::new(Reason::PACKET_TOO_LARGE, "the payload is larger than is allowed here"));
    }
    let is_text = publish.properties.payload_format() == Some(1);
    if is_text && std::str::from_utf8(publish.payload).is_err() {
        return Err(Close::new(Reason::PAYLOAD_FORMAT_INVALID, "the payload is not UTF-8 as it says"));
    }
    Ok(())
}
