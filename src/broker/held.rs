//! Frames for a client that rest on a record which is not synced yet: PUBREL, copies of messages that were published at
//! QoS 2, and QoS 0 copies of what was kept until then.
//!
//! They stand beside the output, so that what rests on nothing may pass them, and become bytes when their record is
//! synced, since aliases are given in the order of the bytes. Tickets ascend, so one line is enough.

use std::collections::VecDeque;

use super::drops::DropReason;
use super::entitle::may_read;
use super::journal::Ticket;
use super::limits::Limits;
use super::link::{Delivery, Link, Shared};
use super::queue::Ids;
use super::rights::Reader;
use super::session::State;
use super::turn::Turn;
use crate::codec::packet::{Ack, Packet, PacketId};
use crate::codec::reason::Reason;
use crate::message::{Message, QoS};
use crate::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Held {
    line: VecDeque<(Ticket, Frame)>,
    /// Bytes of the messages among them.
    pub(super) bytes: usize,
    /// How many messages there are, by the QoS at which they were published.
    publishes: [usize; 3],
    /// How many of them have a packet identifier.
    identified: usize,
    /// The ticket that wakes this connection already.
    awaits: Ticket,
}

#[derive(Debug)]
enum Frame {
    Pubrel(PacketId),
    Publish { message: Message, qos: QoS, retain: bool, ids: Ids, id: Option<PacketId>, dup: bool },
}

/// What is not written after all.
#[derive(Debug, Default)]
struct Gone {
    /// The identifiers that were given to it.
    ids: Vec<PacketId>,
    /// How many messages expired.
    expired: usize,
}

impl State {
    /// Writes what has become safe, and ends the exchanges of what must not be sent any more.
    pub(super) fn write_held(&mut self, turn: &mut Turn, limits: &Limits) {
        let Some(link) = &mut self.link else { return };
        let Gone { ids, expired } = link.write_held(&self.reader, turn, limits);
        self.drop_messages(expired, DropReason::Expired, turn);
        self.give_up(ids, turn);
    }
}

impl Link {
    /// Writes a PUBLISH once `ticket` is synced. Messages keep their order among those that were published at the same QoS
    /// [MQTT-4.6.0-5], and with an identifier among all that have one, since that is the order in which they would be sent
    /// again [MQTT-4.6.0-1].
    pub(crate) fn deliver(
        &mut self,
        message: &Shared<'_>,
        (delivery, ids): (Delivery<'_>, &Ids),
        (id, dup): (Option<PacketId>, bool),
        ticket: Ticket,
        turn: &mut Turn,
        limits: &Limits,
    ) {
        let published = usize::from(message.view.qos.bits());
        let behind = self
            .held
            .as_ref()
            .is_some_and(|held| held.publishes[published] > 0 || id.is_some() && held.identified > 0);
        if !behind && turn.journal.is_synced(ticket) {
            return self.publish(message, delivery, (id, dup), turn, limits);
        }
        let (qos, retain) = (delivery.qos, delivery.retain);
        let message = message.message().clone();
        let held = self.held.get_or_insert_default();
        held.bytes += message.len();
        held.publishes[published] += 1;
        held.identified += usize::from(id.is_some());
        held.line.push_back((ticket, Frame::Publish { message, qos, retain, ids: ids.clone(), id, dup }));
        self.wake(turn);
    }

    /// Sends PUBREL once `ticket`, the PUBREC it answers, is synced.
    pub(crate) fn release(&mut self, id: PacketId, ticket: Ticket, turn: &mut Turn) {
        // In the order of the PUBRECs [MQTT-4.6.0-4].
        if self.held.is_none() && turn.journal.is_synced(ticket) {
            return self.send(&Packet::Pubrel(Ack::new(id, Reason::SUCCESS)), turn);
        }
        self.held.get_or_insert_default().line.push_back((ticket, Frame::Pubrel(id)));
        self.wake(turn);
    }

    /// Writes what has become safe; the connection is woken for the rest. What has expired meanwhile is not sent for a first
    /// time [MQTT-3.3.2-5], nor what `reader` may not read any more.
    fn write_held(&mut self, reader: &Option<Arc<Reader>>, turn: &mut Turn, limits: &Limits) -> Gone {
        let mut gone = Gone::default();
        let Some(mut held) = self.held.take() else { return gone };
        while let Some((_, frame)) = held.line.pop_front_if(|(ticket, _)| turn.journal.is_synced(*ticket)) {
            match frame {
                Frame::Pubrel(id) => self.send(&Packet::Pubrel(Ack::new(id, Reason::SUCCESS)), turn),
                Frame::Publish { message, qos, retain, ids, id, dup } => {
                    held.bytes -= message.len();
                    held.publishes[usize::from(message.qos().bits())] -= 1;
                    held.identified -= usize::from(id.is_some());
                    if !may_read(reader, &message) {
                        turn.counters.publish_unreadable.add(1);
                        gone.ids.extend(id);
                        continue;
                    }
                    if !dup && message.expires() <= turn.now {
                        gone.expired += 1;
                        gone.ids.extend(id);
                        continue;
                    }
                    let delivery = Delivery { qos, retain, ids: ids.as_deref().unwrap_or_default() };
                    self.publish(&Shared::of(&message), delivery, (id, dup), turn, limits);
                }
            }
        }
        let Some((ticket, _)) = held.line.front() else { return gone };
        if held.awaits != *ticket
            && let Some(waker) = &self.waker
        {
            held.awaits = *ticket;
            turn.journal.wait(*ticket, waker);
        }
        self.held = Some(held);
        gone
    }
}
