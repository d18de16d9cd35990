//! Messages sent and not finished: identifiers, the peer's Receive Maximum, and what to resend.

use std::collections::VecDeque;

use crate::codec::packet::PacketId;
use crate::codec::reason::Reason;
use crate::message::QoS;

/// The packets that were sent and are not finished, in the order in which they were sent. `T` is what a resend needs.
#[derive(Debug)]
pub struct Outbox<T> {
    slots: VecDeque<OutboxSlot<T>>,
    /// The sequence number of the next slot; its identifier is `sequence % max_packet_id + 1`.
    next: u64,
    /// The peer's Receive Maximum.
    window: u16,
    /// Identifiers are 1 to this; few in tests, so that they soon wrap.
    max_packet_id: u16,
    /// Slots of a PUBLISH or its PUBREL; those that wait for SUBACK or UNSUBACK are not counted.
    publishes: usize,
    /// Those of them that have not been resent on this connection yet: all from sequence number `resend_from` on.
    unsent: usize,
    resend_from: u64,
}

#[derive(Debug)]
struct OutboxSlot<T> {
    sequence: u64,
    state: Sent<T>,
}

/// What a slot waits for.
#[derive(Debug)]
enum Sent<T> {
    Publish(QoS, T),
    Release,
    Request,
}

/// A packet to resend when a session is resumed.
#[derive(Debug, PartialEq, Eq)]
pub enum Resend<'a, T> {
    Publish(PacketId, QoS, &'a T),
    Pubrel(PacketId),
}

/// What remains to be done for a PUBLISH that is given up.
#[derive(Debug, PartialEq, Eq)]
pub enum Withdrawn<T> {
    /// Nothing.
    Over(Option<T>),
    /// Send PUBREL.
    Release(Option<T>),
}

/// What to do after a PUBREC.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<T> {
    /// Send PUBREL. The first time, this returns the content, which is no longer needed.
    Release(Option<T>),
    /// The receiver refused the message, which is finished.
    Refused(T),
    /// The identifier is not in use.
    Unknown,
}

impl<T> Outbox<T> {
    /// An empty outbox. `window` is the peer's Receive Maximum, from 1.
    pub fn new(window: u16, max_packet_id: u16) -> Self {
        assert!(window > 0 && max_packet_id > 0, "limits start at 1");
        Self {
            slots: VecDeque::new(),
            next: 0,
            window,
            max_packet_id,
            publishes: 0,
            unsent: 0,
            resend_from: 0,
        }
    }

    /// A restored outbox: each sequence number in flight, ascending, with its PUBLISH, or without one if PUBREC was received.
    /// Everything is to be resent.
    pub fn restore(window: u16, max_packet_id: u16, sent: Vec<(u64, Option<(QoS, T)>)>) -> Self {
        let mut outbox = Self::new(window, max_packet_id);
        outbox.next = sent.last().map_or(0, |(sequence, _)| sequence + 1);
        outbox.slots.extend(sent.into_iter().map(|(sequence, publish)| {
            let state = publish.map_or(Sent::Release, |(qos, content)| Sent::Publish(qos, content));
            OutboxSlot { sequence, state }
        }));
        outbox.publishes = outbox.slots.len();
        outbox.disconnected();
        outbox
    }

    /// A new connection may have another Receive Maximum; messages in flight count against it [MQTT-4.9.0-1].
    pub fn set_window(&mut self, window: u16) {
        assert!(window > 0, "a Receive Maximum of 0 is refused by the codec");
        self.window = window;
    }

    /// Whether one more QoS 1 or 2 PUBLISH may be sent now [MQTT-4.9.0-2]. Resends go first.
    pub fn has_room(&self) -> bool {
        self.unsent == 0
            && self.publishes < usize::from(self.window)
            && self.slots.len() < usize::from(self.max_packet_id)
    }

    /// QoS 1 and 2 messages that are not finished.
    pub fn in_flight(&self) -> usize {
        self.publishes
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Gives a PUBLISH an unused identifier [MQTT-2.2.1-3] [MQTT-2.2.1-4]; it is in flight from now on. Call
    /// [`Self::has_room`] first.
    pub fn publish(&mut self, qos: QoS, content: T) -> PacketId {
        assert!(qos != QoS::AtMostOnce, "QoS 0 has no identifier [MQTT-2.2.1-2]");
        assert!(self.has_room(), "the window is full [MQTT-4.9.0-2]");
        self.publishes += 1;
        self.push(Sent::Publish(qos, content))
    }

    /// The sequence number of the last packet that was given an identifier.
    pub fn last_sequence(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// The sequence number of the packet in flight with this identifier; 0 if there is none.
    pub fn sequence(&self, id: PacketId) -> u64 {
        self.find(id).map_or(0, |position| self.slots[position].sequence)
    }

    /// Reserves an identifier for SUBSCRIBE or UNSUBSCRIBE, unless all are in use.
    pub fn request(&mut self) -> Option<PacketId> {
        (self.slots.len() < usize::from(self.max_packet_id)).then(|| self.push(Sent::Request))
    }

    fn push(&mut self, state: Sent<T>) -> PacketId {
        // Identifiers only repeat after a whole cycle. This ends, as callers have checked that not all are in use.
        while self.slots.front().is_some_and(|front| self.next - front.sequence >= self.cycle())
            && self.find(self.id(self.next)).is_some()
        {
            self.next += 1;
        }
        let sequence = self.next;
        self.next += 1;
        self.slots.push_back(OutboxSlot { sequence, state });
        self.id(sequence)
    }

    /// Sequence numbers that differ by this have the same identifier.
    fn cycle(&self) -> u64 {
        u64::from(self.max_packet_id)
    }

    /// The position of a sequence number in its cycle.
    fn phase(&self, sequence: u64) -> u64 {
        // Outside of tests this is the divisor; as it is a constant, no division is needed.
        const USUAL: u64 = u16::MAX as u64;
        if self.cycle() == USUAL { sequence % USUAL } else { sequence % self.cycle() }
    }

    fn id(&self, sequence: u64) -> PacketId {
        u16::try_from(self.phase(sequence) + 1).ok().and_then(PacketId::new).unwrap_or(PacketId::MAX)
    }

    /// The position of the slot with this identifier, nearly always the first one, as acknowledgements arrive in order.
    fn find(&self, id: PacketId) -> Option<usize> {
        let (front, back) = (self.slots.front()?.sequence, self.slots.back()?.sequence);
        let (cycle, phase, front_phase) = (self.cycle(), u64::from(id.get()) - 1, self.phase(front));
        if phase == front_phase {
            return Some(0);
        }
        if phase >= cycle {
            return None;
        }
        // Every `cycle`-th sequence number has this identifier; slots are in ascending order.
        let mut sequence = front + self.phase(phase + cycle - front_phase);
        while sequence <= back {
            if let Ok(position) = self.slots.binary_search_by_key(&sequence, |slot| slot.sequence) {
                return Some(position);
            }
            sequence += cycle;
        }
        None
    }

    /// PUBACK was received: returns the content, or nothing if no QoS 1 PUBLISH has this identifier. A reason code that is a
    /// failure also ends it [MQTT-4.4.0-2].
    pub fn puback(&mut self, id: PacketId) -> Option<T> {
        let position = self.find(id)?;
        match self.slots[position].state {
            Sent::Publish(QoS::AtLeastOnce, _) => self.remove_publish(position),
            _ => None,
        }
    }

    /// As `puback`, for peers that also answer QoS 2 with PUBACK, as RabbitMQ does.
    pub fn puback_of_any(&mut self, id: PacketId) -> Option<T> {
        let position = self.find(id)?;
        match self.slots[position].state {
            Sent::Publish(..) => self.remove_publish(position),
            Sent::Release | Sent::Request => None,
        }
    }

    /// The QoS of the PUBLISH with this identifier, if there is one.
    pub fn qos(&self, id: PacketId) -> Option<QoS> {
        match self.slots[self.find(id)?].state {
            Sent::Publish(qos, _) => Some(qos),
            Sent::Release | Sent::Request => None,
        }
    }

    /// The oldest unanswered PUBLISH, and whether it was sent on this connection.
    pub fn oldest(&self) -> Option<(PacketId, bool)> {
        let slot = self.slots.iter().find(|slot| matches!(slot.state, Sent::Publish(..)))?;
        Some((self.id(slot.sequence), self.unsent == 0 || slot.sequence < self.resend_from))
    }

    /// PUBREC was received.
    pub fn pubrec(&mut self, id: PacketId, reason: Reason) -> Received<T> {
        let Some(position) = self.find(id) else { return Received::Unknown };
        match self.slots[position].state {
            // [MQTT-4.4.0-2]
            Sent::Publish(QoS::ExactlyOnce, _) if reason.is_failure() => {
                self.remove_publish(position).map_or(Received::Unknown, Received::Refused)
            }
            Sent::Publish(QoS::ExactlyOnce, _) => Received::Release(self.release(position)),
            Sent::Release if !reason.is_failure() => Received::Release(None),
            Sent::Release | Sent::Publish(..) | Sent::Request => Received::Unknown,
        }
    }

    /// PUBCOMP was received. Whether a PUBREL was waiting for it.
    pub fn pubcomp(&mut self, id: PacketId) -> bool {
        match self.find(id) {
            Some(position) if matches!(self.slots[position].state, Sent::Release) => {
                self.remove_publish(position);
                true
            }
            _ => false,
        }
    }

    /// SUBACK or UNSUBACK was received. Whether a request was waiting for it.
    pub fn answered(&mut self, id: PacketId) -> bool {
        match self.find(id) {
            Some(position) if matches!(self.slots[position].state, Sent::Request) => {
                self.slots.remove(position);
                true
            }
            _ => false,
        }
    }

    fn remove_publish(&mut self, position: usize) -> Option<T> {
        let slot = if position == 0 { self.slots.pop_front() } else { self.slots.remove(position) }?;
        self.publishes -= 1;
        if self.unsent > 0 && slot.sequence >= self.resend_from {
            self.unsent -= 1;
        }
        match slot.state {
            Sent::Publish(_, content) => Some(content),
            Sent::Release | Sent::Request => None,
        }
    }

    /// The connection ended. Requests are removed: they will not be answered, as they are not part of the session state.
    /// Everything else is resent on the next connection, by [`Self::next_resend`].
    pub fn disconnected(&mut self) {
        self.slots.retain(|slot| !matches!(slot.state, Sent::Request));
        self.unsent = self.slots.len();
        self.resend_from = self.slots.front().map_or(self.next, |slot| slot.sequence);
    }

    /// The next packet to resend in a resumed session, in the order in which they were first sent [MQTT-4.4.0-1]
    /// [MQTT-4.6.0-1]. `None` if there is none, or while the Receive Maximum, which may be lower than before, is reached:
    /// call it again after an acknowledgement.
    pub fn next_resend(&mut self) -> Option<Resend<'_, T>> {
        if self.unsent == 0 {
            return None;
        }
        let position = self.slots.partition_point(|slot| slot.sequence < self.resend_from);
        let slot = self.slots.get(position)?;
        let waits = matches!(slot.state, Sent::Publish(..));
        if waits && self.publishes - self.unsent >= usize::from(self.window) {
            return None;
        }
        self.unsent -= 1;
        self.resend_from = slot.sequence + 1;
        let id = self.id(slot.sequence);
        match &self.slots[position].state {
            Sent::Publish(qos, content) => Some(Resend::Publish(id, *qos, content)),
            // Requests were removed when the connection ended.
            Sent::Release | Sent::Request => Some(Resend::Pubrel(id)),
        }
    }

    /// Gives up a PUBLISH that was never sent.
    pub fn forget(&mut self, id: PacketId) -> Option<T> {
        let position = self.find(id)?;
        self.remove_publish(position)
    }

    /// Gives up a PUBLISH that was sent and cannot be resent, as if it had been completed [MQTT-3.1.2-25]. At QoS 2 the peer
    /// may have the identifier in use, and would ignore the next message with it: PUBREL frees it on both sides.
    pub fn withdraw(&mut self, id: PacketId) -> Withdrawn<T> {
        let Some(position) = self.find(id) else { return Withdrawn::Over(None) };
        match self.slots[position].state {
            Sent::Publish(QoS::ExactlyOnce, _) => Withdrawn::Release(self.release(position)),
            Sent::Publish(..) => Withdrawn::Over(self.remove_publish(position)),
            Sent::Release | Sent::Request => Withdrawn::Over(None),
        }
    }

    /// From now on only PUBREL is resent [MQTT-4.3.3-6]. Returns the content of the PUBLISH.
    fn release(&mut self, position: usize) -> Option<T> {
        match std::mem::replace(&mut self.slots[position].state, Sent::Release) {
            Sent::Publish(_, content) => Some(content),
            Sent::Release | Sent::Request => None,
        }
    }

    /// The content of each PUBLISH that waits for PUBACK or PUBREC, in order.
    pub fn contents_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| match &mut slot.state {
            Sent::Publish(_, content) => Some(content),
            Sent::Release | Sent::Request => None,
        })
    }

    /// Removes everything and returns, in order, the content of each PUBLISH that waits for PUBACK or PUBREC.
    pub fn drain(&mut self) -> impl Iterator<Item = (QoS, T)> {
        (self.publishes, self.unsent) = (0, 0);
        std::mem::take(&mut self.slots).into_iter().filter_map(|slot| match slot.state {
            Sent::Publish(qos, content) => Some((qos, content)),
            Sent::Release | Sent::Request => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Outbox, Received, Resend, Withdrawn};
    use crate::codec::packet::PacketId;
    use crate::codec::reason::Reason;
    use crate::message::QoS;

    fn id(number: u16) -> PacketId {
        PacketId::new(number).unwrap()
    }

    fn outbox(window: u16) -> Outbox<&'static str> {
        Outbox::new(window, 4)
    }

    #[test]
    fn identifiers_wrap_and_skip_those_in_use() {
        let mut outbox = outbox(4);
        assert_eq!(outbox.publish(QoS::AtLeastOnce, "a"), id(1));
        for round in 0..20_u16 {
            // [v5 MQTT-2.2.1-4], [v3 MQTT-2.3.1-2]: 1 stays in use, so it is never given out again.
            let next = outbox.publish(QoS::AtLeastOnce, "b");
            assert_eq!(next, id(2 + round % 3));
            assert_eq!(outbox.puback(next), Some("b"));
        }
        assert_eq!(outbox.puback(id(1)), Some("a"));
        assert!(outbox.is_empty());
    }

    #[test]
    fn the_window_counts_publishes_until_the_last_answer() {
        let mut outbox = outbox(2);
        let first = outbox.publish(QoS::ExactlyOnce, "a");
        outbox.publish(QoS::AtLeastOnce, "b");
        assert!(!outbox.has_room()); // [v5 MQTT-4.9.0-2]
        assert!(outbox.request().is_some(), "a SUBSCRIBE needs no window");
        assert_eq!(outbox.pubrec(first, Reason::SUCCESS), Received::Release(Some("a")));
        assert!(!outbox.has_room());
        assert!(outbox.pubcomp(first));
        assert!(outbox.has_room());
    }

    #[test]
    fn wrong_answers_end_nothing() {
        let mut outbox = outbox(4);
        let one = outbox.publish(QoS::AtLeastOnce, "a");
        let two = outbox.publish(QoS::ExactlyOnce, "b");
        assert_eq!(outbox.pubrec(one, Reason::SUCCESS), Received::Unknown);
        assert_eq!(outbox.puback(two), None);
        assert!(!outbox.pubcomp(two), "no PUBREC came before");
        assert_eq!(outbox.puback(id(4)), None);
        assert_eq!(outbox.puback(id(5)), None, "beyond the greatest identifier");
        assert_eq!(outbox.in_flight(), 2);
    }

    #[test]
    fn a_refused_message_is_finished() {
        let mut outbox = outbox(4);
        let two = outbox.publish(QoS::ExactlyOnce, "b");
        assert_eq!(outbox.pubrec(two, Reason::QUOTA_EXCEEDED), Received::Refused("b"));
        outbox.disconnected();
        assert_eq!(outbox.next_resend(), None); // [v5 MQTT-4.4.0-2]
        assert!(outbox.has_room());
    }

    #[test]
    fn what_is_withdrawn_frees_its_identifier_on_both_sides() {
        let mut outbox = outbox(2);
        let one = outbox.publish(QoS::AtLeastOnce, "a");
        let two = outbox.publish(QoS::ExactlyOnce, "b");
        assert_eq!(outbox.withdraw(one), Withdrawn::Over(Some("a")));
        assert_eq!(outbox.withdraw(two), Withdrawn::Release(Some("b")));
        assert_eq!(outbox.withdraw(two), Withdrawn::Over(None), "its PUBREL is on its way");
        assert!(outbox.pubcomp(two) && outbox.is_empty());
        assert_eq!(outbox.withdraw(two), Withdrawn::Over(None), "it is gone");
    }

    #[test]
    fn a_resumed_session_sends_again_in_the_first_order() {
        let mut outbox = outbox(4);
        let (a, b, c) = (
            outbox.publish(QoS::ExactlyOnce, "a"),
            outbox.publish(QoS::AtLeastOnce, "b"),
            outbox.publish(QoS::ExactlyOnce, "c"),
        );
        outbox.pubrec(a, Reason::SUCCESS);
        outbox.request();
        outbox.disconnected();
        // [v5 MQTT-4.4.0-1] [v5 MQTT-4.3.3-6] [v3 MQTT-4.4.0-1] [v3 MQTT-4.6.0-1]
        assert_eq!(outbox.next_resend(), Some(Resend::Pubrel(a)));
        assert_eq!(outbox.next_resend(), Some(Resend::Publish(b, QoS::AtLeastOnce, &"b")));
        assert!(!outbox.has_room(), "what is new waits for what is old");
        assert_eq!(outbox.next_resend(), Some(Resend::Publish(c, QoS::ExactlyOnce, &"c")));
        assert_eq!(outbox.next_resend(), None);
        assert!(outbox.has_room());
    }

    #[test]
    fn a_smaller_window_holds_back_what_is_sent_again() {
        let mut outbox = outbox(4);
        let (a, b, c) = (
            outbox.publish(QoS::AtLeastOnce, "a"),
            outbox.publish(QoS::AtLeastOnce, "b"),
            outbox.publish(QoS::AtLeastOnce, "c"),
        );
        outbox.disconnected();
        outbox.set_window(1);
        assert_eq!(outbox.next_resend(), Some(Resend::Publish(a, QoS::AtLeastOnce, &"a")));
        assert_eq!(outbox.next_resend(), None); // [v5 MQTT-3.3.4-9]
        assert_eq!(outbox.puback(c), Some("c"), "the peer had it before the connection broke");
        assert_eq!(outbox.next_resend(), None);
        assert_eq!(outbox.puback(a), Some("a"));
        assert_eq!(outbox.next_resend(), Some(Resend::Publish(b, QoS::AtLeastOnce, &"b")));
        assert_eq!(outbox.puback(b), Some("b"));
        assert!(outbox.is_empty() && outbox.has_room());
    }
}
