//! PUBLISH from a client: checked, routed, and promised an answer.

use std::time::Duration;

use super::connection::{Answer, Connection, Open, Phase, Promise};
use super::event::Event;
use super::link::Shared;
use super::route::FanOut;
use super::turn::Turn;
use crate::codec;
use crate::codec::packet::{Ack, Packet, Publish, Version};
use crate::codec::reason::Reason;
use crate::delivery::Arrival;
use crate::message::{MessageRef, QoS};
use crate::sync::Arc;
use crate::time::Instant;

/// What is wrong with a PUBLISH, and closes the connection.
type Fault = (Reason, &'static str);

impl Connection {
    pub(super) fn publish(&mut self, publish: &Publish<'_>, len: usize, turn: &mut Turn) {
        turn.counters.publish_received.add(1);
        turn.counters.publish_bytes_received.add(publish.payload.len() as u64);
        if let Err((reason, detail)) = self.try_publish(publish, len, turn) {
            self.fault(reason, detail, turn);
        }
    }

    fn try_publish(&mut self, publish: &Publish<'_>, len: usize, turn: &mut Turn) -> Result<(), Fault> {
        let Phase::Open(open) = &mut self.phase else { return Ok(()) };
        let alias = open.resolve(publish, self.broker.limits.topic_aliases_in)?;
        let topic = alias.as_deref().unwrap_or(publish.topic);
        if publish.properties.subscription_ids().next().is_some() {
            return Err((Reason::PROTOCOL_ERROR, "a client sent a subscription identifier")); // [MQTT-3.3.4-6]
        }
        let answer = publish.packet_id.map(|id| (publish.qos, id));
        if let Some((qos, id)) = answer {
            match open.inbox.publish(qos, id) {
                Arrival::New => {}
                // Its message was routed when it first came [MQTT-4.3.3-10].
                Arrival::Again => {
                    self.answer(answer, Reason::SUCCESS, turn);
                    return Ok(());
                }
                Arrival::TooMany => {
                    // [MQTT-3.3.4-7]
                    return Err((Reason::RECEIVE_MAXIMUM_EXCEEDED, "more messages in flight than allowed"));
                }
            }
        }
        if !self.broker.rights.may_publish(topic) {
            turn.counters.publish_refused.add(1);
            let (client, topic) = (open.session.client.clone(), topic.into());
            turn.events.push(Event::Forbidden { client, topic, qos: publish.qos });
            self.answer(answer, Reason::NOT_AUTHORIZED, turn);
            return Ok(());
        }
        if publish.properties.payload_format() == Some(1) && std::str::from_utf8(publish.payload).is_err() {
            let detail = "the payload is not UTF-8 as it says";
            if answer.is_none() {
                return Err((Reason::PAYLOAD_FORMAT_INVALID, detail));
            }
            self.answer(answer, Reason::PAYLOAD_FORMAT_INVALID, turn);
            return Ok(());
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
        self.route(&Shared::new(view), answer, len, turn);
        turn.scratch = scratch;
        Ok(())
    }

    fn route(&mut self, message: &Shared<'_>, answer: Answer, len: usize, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let most = self.broker.limits.fan_out;
        let key = open.session.key;
        let (fan_out, finished) = self.broker.route(message, key, most, &mut open.pressed, turn);
        open.note_pressure(len, turn, self.broker.limits.stuck_after);
        if finished {
            self.routed(&fan_out, answer, turn);
        } else {
            open.fan_out = Some(Box::new((message.message().clone(), fan_out, answer)));
        }
    }

    /// Goes on with a fan-out that was interrupted for the sake of others.
    pub(super) fn proceed(&mut self, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let Some(mut work) = open.fan_out.take() else { return };
        let (message, fan_out, answer) = &mut *work;
        let shared = Shared::of(message);
        let finished =
            fan_out.proceed(&self.broker, &shared, self.broker.limits.fan_out, &mut open.pressed, turn);
        open.note_pressure(0, turn, self.broker.limits.stuck_after);
        if finished {
            self.routed(fan_out, *answer, turn);
        } else {
            open.fan_out = Some(work);
        }
        // There is more to do: the rest of the fan-out, or packets that waited for it.
        turn.wakes.extend(self.waker.clone());
    }

    fn routed(&mut self, fan_out: &FanOut, answer: Answer, turn: &mut Turn) {
        let reason = if fan_out.all_refused() {
            Reason::QUOTA_EXCEEDED
        } else if fan_out.matched() {
            Reason::SUCCESS
        } else {
            Reason::NO_MATCHING_SUBSCRIBERS
        };
        self.answer(answer, reason, turn);
    }

    /// PUBACK or PUBREC, as the QoS asks [MQTT-3.3.4-1]. In 3.1.1 it cannot fail.
    fn answer(&mut self, answer: Answer, reason: Reason, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        match answer {
            Some((QoS::AtLeastOnce, id)) => {
                self.promise(&Packet::Puback(Ack::new(id, reason)), true, turn);
            }
            Some((QoS::ExactlyOnce, id)) => {
                let refused = open.version == Version::V5 && reason.is_failure();
                if refused {
                    open.inbox.release(id); // [MQTT-4.3.3-9]
                }
                self.promise(&Packet::Pubrec(Ack::new(id, reason)), false, turn);
            }
            Some((QoS::AtMostOnce, _)) | None => {}
        }
    }

    /// Sends an acknowledgement, or lets it wait in line.
    pub(super) fn promise(&mut self, packet: &Packet<'_>, puback: bool, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        if open.promises.is_empty() && open.pressed.is_empty() {
            if puback {
                open.inbox.puback_sent();
            }
            return self.write(packet, turn);
        }
        let mut frame = Vec::new();
        codec::encode(open.version, packet, &mut frame);
        open.promises.push_back(Promise { frame, puback });
    }

    /// Asks the receivers that slowed this publisher down again; lets the line move when they have room.
    pub(super) fn check_pressure(&mut self, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        if open.pressed.is_empty() {
            return;
        }
        open.pressed.retain(|receiver| receiver.is_pressing(turn, &self.broker));
        if !open.pressed.is_empty() {
            if turn.now >= open.pressed_until {
                open.pressed_until = turn.now + self.broker.limits.stuck_after;
            }
            if open.pressed_bytes > self.broker.limits.output_high && open.owes() {
                // This client must be read on: another waits for what it owes.
                open.pressed_bytes = 0;
            }
            return;
        }
        open.pressed_bytes = 0;
        // The keep alive did not run while we did not read.
        self.heard = turn.now;
        self.writing.lend(|| turn.buffer());
        for promise in std::mem::take(&mut open.promises) {
            if promise.puback {
                open.inbox.puback_sent();
            }
            self.writing.write(|out| out.extend_from_slice(&promise.frame));
            turn.counters.packets_sent.add(1);
        }
    }
}

impl Open {
    /// The topic that an alias stands for, if it does; and sets the alias if there is a topic too.
    fn resolve(&mut self, publish: &Publish<'_>, maximum: u16) -> Result<Option<Arc<str>>, Fault> {
        let Some(alias) = publish.properties.topic_alias() else {
            if publish.topic.is_empty() {
                return Err((Reason::PROTOCOL_ERROR, "neither a topic nor an alias"));
            }
            return Ok(None);
        };
        if alias == 0 || alias > maximum {
            return Err((Reason::TOPIC_ALIAS_INVALID, "a topic alias beyond the maximum")); // [MQTT-3.3.2-9]
        }
        let position = usize::from(alias) - 1;
        if publish.topic.is_empty() {
            let topic = self.aliases.get(position).cloned().flatten();
            return topic.map(Some).ok_or((Reason::PROTOCOL_ERROR, "a topic alias that was not set"));
        }
        if self.aliases.len() <= position {
            self.aliases.resize(position + 1, None);
        }
        self.aliases[position] = Some(publish.topic.into());
        Ok(None)
    }

    fn note_pressure(&mut self, len: usize, turn: &Turn, stuck_after: Duration) {
        if self.pressed.is_empty() {
            return;
        }
        if self.pressed_until == Instant::NEVER || self.pressed_until <= turn.now {
            self.pressed_until = turn.now + stuck_after;
        }
        self.pressed_bytes += len;
    }

    /// Whether this client's own window is full, so that somebody waits for its acknowledgements.
    fn owes(&self) -> bool {
        let state = self.session.lock();
        state.outbox.in_flight() > 0 && !state.outbox.has_room()
    }
}
