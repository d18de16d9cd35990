//! PUBLISH from a client: checked, routed, and promised an answer.

use std::time::Duration;

use super::connection::{Answer, Connection, Open, Phase};
use super::drops::{DropReason, Recipient};
use super::event::Event;
use super::hold::SlowDown;
use super::journal::Ticket;
use super::link::Shared;
use super::record::Record;
use super::route::FanOut;
use super::turn::Turn;
use super::unfinished::{Interrupted, Unfinished};
use crate::codec::packet::{Ack, Packet, Publish, Version};
use crate::codec::reason::Reason;
use crate::delivery::Arrival;
use crate::message::{MessageRef, QoS};
use crate::sync::Arc;
use crate::time::Instant;
use crate::topic;

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

    /// What of a message itself keeps it from being routed.
    fn refuse_content(&self, topic: &str, publish: &Publish<'_>) -> Option<Fault> {
        if let Err(detail) = self.limits.check_topic(topic) {
            return Some((Reason::TOPIC_NAME_INVALID, detail));
        }
        if let Some(Err(detail)) = publish.properties.response_topic().map(|to| self.limits.check_topic(to)) {
            return Some((Reason::TOPIC_NAME_INVALID, detail));
        }
        if publish.retain && !publish.payload.is_empty() && self.limits.memory_is_full {
            return Some((Reason::QUOTA_EXCEEDED, "the broker uses as much memory as it may"));
        }
        if publish.payload.len() > self.limits.payload {
            return Some((Reason::PACKET_TOO_LARGE, "the payload is larger than is allowed here"));
        }
        let is_text = publish.properties.payload_format() == Some(1);
        let fault = (Reason::PAYLOAD_FORMAT_INVALID, "the payload is not UTF-8 as it says");
        (is_text && std::str::from_utf8(publish.payload).is_err()).then_some(fault)
    }

    fn try_publish(&mut self, publish: &Publish<'_>, len: usize, turn: &mut Turn) -> Result<(), Fault> {
        let Phase::Open(open) = &mut self.phase else { return Ok(()) };
        let alias = open.resolve(publish, open.alias_maximum)?;
        let topic = alias.as_deref().unwrap_or(publish.topic);
        let mounted = open.mount_point.as_ref().map(|mount_point| [mount_point, topic].concat());
        let topic = mounted.as_deref().unwrap_or(topic);
        if mounted.is_some() && topic.len() > topic::MAX_LEN {
            return Err((Reason::TOPIC_NAME_INVALID, "the topic is too long behind the mount point"));
        }
        if publish.properties.subscription_ids().next().is_some() {
            return Err((Reason::PROTOCOL_ERROR, "a client sent a subscription identifier")); // [MQTT-3.3.4-6]
        }
        if publish.qos > open.max_qos {
            return Err((Reason::QOS_NOT_SUPPORTED, "the QoS is higher than is allowed here")); // [MQTT-3.2.2-11]
        }
        if publish.retain && !self.limits.retain {
            return Err((Reason::RETAIN_NOT_SUPPORTED, "messages may not be retained here")); // [MQTT-3.2.2-14]
        }
        let answer = publish.packet_id.map(|id| (publish.qos, id));
        if let Some((qos, id)) = answer {
            match open.inbox.publish(qos, id) {
                Arrival::New => {}
                // Its message was routed when it first came [MQTT-4.3.3-10].
                Arrival::Again => {
                    let ticket = open.holds;
                    self.answer(answer, Reason::SUCCESS, (len, ticket), turn);
                    return Ok(());
                }
                Arrival::TooMany => {
                    // [MQTT-3.3.4-7]
                    return Err((Reason::RECEIVE_MAXIMUM_EXCEEDED, "more messages in flight than allowed"));
                }
            }
        }
        if let Some(denial) = self.broker.rights.get(&mut turn.rights).deny_publish(&open.who, topic) {
            turn.counters.publish_refused.add(1);
            let (who, topic, qos) = (open.who.clone(), topic.into(), publish.qos);
            let peer = Some(self.peer.name.clone());
            turn.events.push(Event::Forbidden { who, peer, topic, qos, will: false, denial });
            self.answer(answer, Reason::NOT_AUTHORIZED, (len, Ticket::NONE), turn);
            return Ok(());
        }
        if let Some(fault) = self.refuse_content(topic, publish) {
            return self.refuse_publish(fault, answer, len, turn);
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
        self.accept(Shared::new(view), answer, len, turn);
        turn.scratch = scratch;
        Ok(())
    }

    /// Answers a PUBLISH of `len` bytes whose content is refused, or closes the connection.
    fn refuse_publish(
        &mut self,
        (reason, detail): Fault,
        answer: Answer,
        len: usize,
        turn: &mut Turn,
    ) -> Result<(), Fault> {
        match reason {
            Reason::QUOTA_EXCEEDED => self.drop_published(DropReason::MemoryFull, turn),
            Reason::PACKET_TOO_LARGE => self.drop_published(DropReason::PayloadTooLarge, turn),
            _ => {}
        }
        let closes = match reason {
            Reason::PAYLOAD_FORMAT_INVALID => answer.is_none(),
            // A bridge would bring the same message again.
            Reason::TOPIC_NAME_INVALID => !self.peer.kind.is_bridge(),
            _ => false,
        };
        if closes {
            return Err((reason, detail));
        }
        self.answer(answer, reason, (len, Ticket::NONE), turn);
        Ok(())
    }

    /// Drops a message of this client before it goes to anybody.
    fn drop_published(&mut self, reason: DropReason, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let client = &open.session.client;
        open.drops.drop_messages(1, reason, || Recipient::SubscribersOf(client.clone()), turn);
    }

    /// Routes a message that may be published, unless it must be kept and cannot.
    fn accept(&mut self, mut message: Shared<'_>, answer: Answer, len: usize, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        if answer.is_some()
            && turn.journal.failing_since().is_some()
            && self.broker.must_keep(&message.view, open.session.is_kept(), turn)
        {
            return self.turn_away(answer, len, turn);
        }
        let hold = match answer {
            Some((QoS::ExactlyOnce, id)) if open.session.is_kept() => Some(id),
            _ => None,
        };
        let Some(id) = hold else { return self.route(&message, (answer, len), false, turn) };
        // Not for each message: all workers count who holds it.
        let journal = turn.journal.clone();
        // That the identifier is held and that the receivers have the message is one fact: with one and without the
        // other, sending it again after a crash would lose it, or deliver it twice.
        let _together = journal.together();
        message.rests_on = turn.record(Record::Hold { session: open.session.key, id });
        open.holds = message.rests_on;
        self.route(&message, (answer, len), true, turn);
    }

    /// Does not take a message above QoS 0, because the store fails: told where the version can tell; otherwise it is not
    /// acknowledged, and the connection ends after a while.
    fn turn_away(&mut self, answer: Answer, len: usize, turn: &mut Turn) {
        self.drop_published(DropReason::StoreFailing, turn);
        let Phase::Open(open) = &mut self.phase else { return };
        match answer {
            // A bridge could not tell the other broker, where that speaks an older version.
            Some(_) if open.version == Version::V5 && !self.peer.kind.is_bridge() => {
                self.answer(answer, Reason::QUOTA_EXCEEDED, (len, Ticket::NONE), turn);
            }
            Some((_, id)) => {
                // Sent again it is new.
                open.inbox.release(id);
                open.unanswerable = Some(turn.now);
                // It need not wait longer than the store fails.
                self.waker.iter().for_each(|waker| turn.journal.wait_for_next(waker));
            }
            None => {}
        }
    }

    /// `whole`: to all receivers at once, whatever others wait for.
    fn route(&mut self, message: &Shared<'_>, (answer, len): (Answer, usize), whole: bool, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let most = if whole { usize::MAX } else { self.limits.fan_out };
        let key = open.session.key;
        let who = Some(&open.who);
        let mut asked = SlowDown::default();
        let (fan_out, finished) = self.broker.route(message, key, who, most, &mut asked, turn);
        open.hold.published(len, asked, turn.now, &self.limits);
        if finished {
            self.routed(&fan_out, (answer, len), turn);
        } else {
            let ticket = turn.rests_on();
            let message = message.message().clone();
            let work = Interrupted { message, fan_out, answer, len, ticket };
            open.unfinished = Some(Box::new(Unfinished::Publish(work)));
        }
    }

    /// Offers an interrupted message to more receivers.
    pub(super) fn proceed_publish(&mut self, mut work: Interrupted, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let mut asked = SlowDown::default();
        let shared = Shared::of(&work.message);
        let finished = work.fan_out.proceed(&shared, self.limits.fan_out, &mut asked, turn);
        open.hold.published(0, asked, turn.now, &self.limits);
        turn.also_rests_on(work.ticket);
        if finished {
            self.routed(&work.fan_out, (work.answer, work.len), turn);
        } else {
            work.ticket = turn.rests_on();
            open.unfinished = Some(Box::new(Unfinished::Publish(work)));
        }
    }

    fn routed(&mut self, fan_out: &FanOut, (answer, len): (Answer, usize), turn: &mut Turn) {
        let reason = if fan_out.all_refused() {
            Reason::QUOTA_EXCEEDED
        } else if fan_out.matched() {
            Reason::SUCCESS
        } else {
            Reason::NO_MATCHING_SUBSCRIBERS
        };
        let ticket = turn.rests_on();
        self.answer(answer, reason, (len, ticket), turn);
    }

    /// PUBACK or PUBREC, as the QoS asks [MQTT-3.3.4-1], to a packet of `len` bytes. In 3.1.1 it cannot fail.
    fn answer(
        &mut self,
        answer: Answer,
        reason: Reason,
        (len, mut ticket): (usize, Ticket),
        turn: &mut Turn,
    ) {
        let Phase::Open(open) = &mut self.phase else { return };
        match answer {
            Some((QoS::AtLeastOnce, id)) => {
                self.promise(&Packet::Puback(Ack::new(id, reason)), (true, len), ticket, turn);
            }
            Some((QoS::ExactlyOnce, id)) => {
                let refused = open.version == Version::V5 && reason.is_failure();
                if refused && open.inbox.release(id) && open.session.is_kept() {
                    // [MQTT-4.3.3-9]
                    ticket = ticket.max(turn.record(Record::LetGo { session: open.session.key, id }));
                }
                self.promise(&Packet::Pubrec(Ack::new(id, reason)), (false, len), ticket, turn);
            }
            Some((QoS::AtMostOnce, _)) | None => {}
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

    /// Whether this client's own window is full, so that what it is to receive waits for its acknowledgements.
    pub(super) fn owes(&self) -> bool {
        let state = self.session.lock();
        state.outbox.in_flight() > 0 && !state.outbox.has_room()
    }
}
