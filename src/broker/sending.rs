//! What a session sends above QoS 0, from the first time to the last answer.
//!
//! Of a kept session each step is recorded as it is taken, and what the client acts on waits for its record (see
//! `journal`). What it leaves out: whether a message is taken at all, which is `session`'s.

use super::drops::DropReason;
use super::entitle::may_read;
use super::limits::Limits;
use super::link::{Delivery, Link, Shared};
use super::queue::{Ids, Waiting};
use super::record::{Entry, Page, Reader, Record};
use super::session::{InFlight, Kept, Session, State};
use super::shared::Group;
use super::turn::Turn;
use crate::codec::packet::{Ack, Packet, PacketId};
use crate::codec::reason::Reason;
use crate::delivery::{Received, Resend, Withdrawn};
use crate::message::QoS;
use crate::sync::Arc;

/// Where a message that is sent comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin<'a> {
    /// Its number in the store, 0 if it has none yet.
    pub(super) number: u64,
    /// Whether it may have been sent before.
    pub(super) sent: bool,
    pub(super) group: Option<&'a Arc<Group>>,
    /// Whether the group's messages are kept in the store.
    pub(super) group_is_kept: bool,
}

impl Session {
    /// Sends what waits, and asks the store for more.
    pub(super) fn send_waiting(self: &Arc<Self>, state: &mut State, turn: &mut Turn, limits: &Limits) {
        state.pump(turn, limits);
        if let Some((from, most)) = state.queue.wants(limits) {
            let reader = Reader::Session(self.clone());
            turn.record(Record::Page(Page { reader, from, most }));
        }
    }
}

impl State {
    /// Keeps a message of this session's own in the store; its number, 0 where nothing is kept.
    pub(super) fn keep(&mut self, waiting: &Waiting, turn: &mut Turn) -> u64 {
        if !self.kept {
            return 0;
        }
        let number = turn.journal.number();
        turn.record(Record::Enqueue { owner: self.key, entry: Entry::new(number, waiting) });
        number
    }

    /// Sends a message above QoS 0 for the first time, as far as we know.
    pub(super) fn start(
        &mut self,
        message: &Shared<'_>,
        (delivery, ids): (Delivery<'_>, &Ids),
        origin: Origin<'_>,
        turn: &mut Turn,
        limits: &Limits,
    ) {
        let Origin { mut number, sent, group, group_is_kept } = origin;
        // A session that ends with its connection never resends; only a group may want the message back, and a limit of
        // bytes must know how many they are.
        let counted = limits.in_flight_bytes < usize::MAX;
        let kept = (self.expiry > 0 || self.kept || group.is_some() || counted).then(|| {
            self.in_flight_bytes += message.view.payload.len();
            let mut waiting = Waiting {
                message: message.message().clone(),
                qos: delivery.qos,
                retain: delivery.retain,
                ids: ids.clone(),
                number,
                rests_on: message.rests_on,
                sent,
            };
            if number == 0 {
                number = match group {
                    // Kept before it is sent, so that a member that never acknowledges it loses nothing.
                    Some(group) if group_is_kept => group.record(message, turn),
                    Some(_) => 0,
                    None => self.keep(&waiting, turn),
                };
                waiting.number = number;
            }
            Box::new(InFlight { waiting, group: group.cloned() })
        });
        let id = self.outbox.publish(delivery.qos, kept);
        let mut ticket = super::journal::Ticket::NONE;
        if delivery.qos == QoS::ExactlyOnce {
            ticket = message.rests_on;
            if self.kept {
                let sequence = self.outbox.last_sequence();
                ticket = ticket.max(turn.record(Record::Send { session: self.key, id, sequence, number }));
            } else if number > 0 {
                // A group's. Once sent it belongs to this client, and to nobody after a crash [MQTT-4.8.2-4].
                ticket = ticket.max(turn.record(Record::Remove { number }));
            }
        }
        if let Some(link) = &mut self.link {
            link.deliver(message, (delivery, ids), (Some(id), sent), ticket, turn, limits);
        }
    }

    /// Sends a message at QoS 0. One that was kept leaves when that it has left is kept, so that it comes no second time
    /// after a crash.
    pub(super) fn send_at_most_once(
        &mut self,
        message: &Shared<'_>,
        deliver: (Delivery<'_>, &Ids),
        number: u64,
        turn: &mut Turn,
        limits: &Limits,
    ) {
        let ticket = message.rests_on.max(turn.remove(number));
        if let Some(link) = &mut self.link {
            link.deliver(message, deliver, (None, false), ticket, turn, limits);
        }
    }

    /// Sends what waits, as far as the window and the output allow.
    fn pump(&mut self, turn: &mut Turn, limits: &Limits) {
        self.resend(turn, limits);
        while !self.queue.is_empty() && self.may_send_now(limits) {
            let Some(waiting) = self.queue.pop() else { return };
            self.took_message(waiting.message.len());
            let mut message = Shared::of(&waiting.message);
            message.rests_on = waiting.rests_on;
            let ids = waiting.ids.as_deref().unwrap_or_default();
            let delivery = Delivery { qos: waiting.qos, retain: waiting.retain, ids };
            // The window was asked above, so there is a link.
            let Some(link) = &self.link else { return };
            if !may_read(&self.reader, &waiting.message) || !link.sees(message.view.topic) {
                // The right to it has been taken since it came.
                turn.counters.publish_unreadable.add(1);
                turn.remove(waiting.number);
                continue;
            }
            match link.admit(&message.view, delivery, turn.now) {
                Ok(()) if waiting.qos == QoS::AtMostOnce => {
                    self.send_at_most_once(&message, (delivery, &waiting.ids), waiting.number, turn, limits);
                }
                Ok(()) => {
                    let origin = Origin { number: waiting.number, sent: waiting.sent, ..Origin::default() };
                    self.start(&message, (delivery, &waiting.ids), origin, turn, limits);
                }
                Err(reason) => {
                    self.drop_messages(1, reason, turn);
                    turn.remove(waiting.number);
                }
            }
        }
    }

    /// Sends again what was in flight when the connection broke, under the same identifiers [MQTT-4.4.0-1]. Its records
    /// are older than that of the CONNECT, whose answer goes before it.
    fn resend(&mut self, turn: &mut Turn, limits: &Limits) {
        while let Some(link) = &mut self.link
            && !link.only_subscribes
            && let Some(packet) = self.outbox.next_resend()
        {
            let (id, kept) = match packet {
                Resend::Publish(id, _, kept) => (id, kept),
                Resend::Pubrel(id) => {
                    link.send(&Packet::Pubrel(Ack::new(id, Reason::SUCCESS)), turn);
                    continue;
                }
            };
            let waiting = kept.as_ref().map(|kept| &kept.waiting);
            let readable = |waiting: &Waiting| {
                may_read(&self.reader, &waiting.message) && link.sees(waiting.message.as_ref().topic)
            };
            if waiting.is_some_and(|waiting| !readable(waiting)) {
                turn.counters.publish_unreadable.add(1);
            } else if waiting.is_some_and(|waiting| send_again(link, id, waiting, turn, limits)) {
                continue;
            } else {
                self.drop_messages(1, DropReason::TooLarge, turn);
            }
            self.withdraw(id, turn);
        }
    }

    /// Gives up a message that was sent and is not to be sent again.
    fn withdraw(&mut self, id: PacketId, turn: &mut Turn) {
        match self.outbox.withdraw(id) {
            Withdrawn::Over(kept) => self.finish(id, kept.flatten().as_deref(), turn),
            Withdrawn::Release(content) => self.let_go(id, content, turn),
        }
    }

    /// Ends exchanges whose message was never sent: it expired, or its right was taken, before its record was written.
    pub(super) fn give_up(&mut self, ids: Vec<PacketId>, turn: &mut Turn) {
        for id in ids {
            let kept = self.outbox.forget(id).flatten();
            self.finish(id, kept.as_deref(), turn);
        }
    }

    /// The end of an exchange that does not end with PUBCOMP: its message is not needed any more, its identifier is free.
    fn finish(&mut self, id: PacketId, kept: Option<&InFlight>, turn: &mut Turn) {
        let Some(InFlight { waiting, group: _ }) = kept else { return };
        self.landed(kept);
        if waiting.qos == QoS::AtLeastOnce {
            turn.remove(waiting.number);
        } else if self.kept {
            turn.record(Record::Complete { session: self.key, id });
        }
    }

    /// A message needs not be sent again any more.
    fn landed(&mut self, kept: Option<&InFlight>) {
        let bytes = kept.map_or(0, |kept| kept.waiting.message.as_ref().payload.len());
        self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
    }

    /// PUBACK from the client. It need not be synced: after a crash the message is sent again.
    pub(crate) fn puback(&mut self, id: PacketId, turn: &mut Turn) {
        let kept = self.outbox.puback(id).flatten();
        self.finish(id, kept.as_deref(), turn);
    }

    /// PUBREC from the client, answered with PUBREL; the fault that it is answered with instead, if any. A refused
    /// message goes to nobody else [MQTT-4.8.2-6].
    pub(crate) fn pubrec(&mut self, id: PacketId, reason: Reason, turn: &mut Turn) -> Option<Reason> {
        match self.outbox.pubrec(id, reason) {
            Received::Release(content) => {
                self.let_go(id, content, turn);
                None
            }
            Received::Refused(kept) => {
                self.finish(id, kept.as_deref(), turn);
                None
            }
            Received::Unknown if reason.is_failure() => None,
            Received::Unknown => Some(Reason::PACKET_IDENTIFIER_NOT_FOUND),
        }
    }

    /// PUBREL, for a message that need not be sent again. `content`: what was kept of it, if it was needed until now.
    fn let_go(&mut self, id: PacketId, content: Option<Kept>, turn: &mut Turn) {
        self.landed(content.as_ref().and_then(|kept| kept.as_deref()));
        // The PUBREC is a fact that the store must know before PUBREL leaves [MQTT-4.3.3-4].
        if self.kept && content.is_some() {
            let sequence = self.outbox.sequence(id);
            self.received = turn.record(Record::Received { session: self.key, id, sequence });
        }
        let ticket = self.received;
        if let Some(link) = &mut self.link {
            link.release(id, ticket, turn);
        }
    }

    /// PUBCOMP from the client.
    pub(crate) fn pubcomp(&mut self, id: PacketId, turn: &mut Turn) {
        if self.outbox.pubcomp(id) && self.kept {
            turn.record(Record::Complete { session: self.key, id });
        }
    }
}

/// Sends a message again under its identifier, if the client takes it.
fn send_again(link: &mut Link, id: PacketId, waiting: &Waiting, turn: &mut Turn, limits: &Limits) -> bool {
    let ids = waiting.ids.as_deref().unwrap_or_default();
    let delivery = Delivery { qos: waiting.qos, retain: waiting.retain, ids };
    // Expiry is not applied to what has been sent once [MQTT-4.3.3-7].
    let fits = link.fits(&waiting.message.as_ref(), delivery, turn.now);
    if fits {
        // DUP is 1 because this is a second sending [MQTT-3.3.1-1]. A bridge adds that itself, for what it has sent on; what
        // an earlier process may have sent, it cannot know.
        let dup = waiting.sent || !link.is_bridge;
        link.publish(&Shared::of(&waiting.message), delivery, (Some(id), dup), turn, limits);
    }
    fits
}
