//! Shared subscriptions: one group receives each message once, by one member that has room for it.
//!
//! A message waits in the group until a member has window; only then does it take an identifier in that member's
//! session. What was not sent, and QoS 1 messages not acknowledged when a member's session ends, go to another member; a
//! QoS 2 PUBLISH once sent belongs to its client [MQTT-4.8.2-4] [MQTT-4.8.2-5]; a refused message goes to nobody
//! [MQTT-4.8.2-6]. The group's lock is taken before a member's session, never after.

use super::backlog::{Backlog, Waits};
use super::drops::{DropReason, DropSeries, Recipient};
use super::limits::Limits;
use super::link::Shared;
use super::queue::{Queue, Room, Waiting};
use super::record::{Entry, Page, Reader, Record};
use super::sending::Origin;
use super::session::{Choice, Grant, Offer, Session};
use super::turn::Turn;
use crate::message::QoS;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};

#[derive(Debug)]
pub(crate) struct Group {
    /// Tells groups apart in the index.
    pub(crate) key: u64,
    /// `$share/NAME/FILTER`.
    pub(crate) filter: Box<str>,
    state: Mutex<State>,
    /// Messages in the queue, to be read without the lock.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    members: Vec<(Arc<Session>, Grant)>,
    /// Whose turn is next.
    next: usize,
    queue: Queue,
    /// Messages dropped since there was last room.
    drops: DropSeries,
    /// While much waits in the queue.
    backlog: Option<Box<Backlog>>,
    /// Whether the queue is kept in the store, because a member that is kept has joined.
    kept: bool,
}

impl Group {
    pub(crate) fn new(key: u64, filter: &str) -> Self {
        Self { key, filter: filter.into(), state: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    /// Adds a member, or gives it other options; whether it was a member before.
    pub(crate) fn join(&self, session: &Arc<Session>, grant: Grant, turn: &mut Turn) -> bool {
        let mut state = self.state.lock();
        if session.is_kept() && !state.kept {
            self.keep(&mut state, turn);
        }
        match state.members.iter_mut().find(|(member, _)| member.key == session.key) {
            Some((_, old)) => {
                *old = grant;
                true
            }
            None => {
                state.members.push((session.clone(), grant));
                false
            }
        }
    }

    /// Keeps the group's messages in the store from now on, with those that wait already.
    fn keep(&self, state: &mut State, turn: &mut Turn) {
        state.kept = true;
        turn.record(Record::Group { key: self.key, filter: self.filter.clone() });
        for waiting in state.queue.iter_mut() {
            waiting.number = turn.journal.number();
            turn.record(Record::Enqueue { owner: self.key, entry: Entry::new(waiting.number, waiting) });
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.state.lock().kept
    }

    /// Whether it has no member.
    pub(super) fn is_deserted(&self) -> bool {
        self.state.lock().members.is_empty()
    }

    /// A group as the store has it.
    pub(super) fn restore(&self, queue: Queue) {
        let mut state = self.state.lock();
        self.waiting.store(queue.len(), Ordering::Release);
        (state.queue, state.kept) = (queue, true);
    }

    /// Entries that were asked of the store.
    pub(super) fn page(
        self: &Arc<Self>,
        entries: Vec<Entry>,
        complete: bool,
        turn: &mut Turn,
        limits: &Limits,
    ) {
        self.state.lock().queue.page(entries, complete);
        self.feed(turn, limits);
    }

    /// Removes a member; whether the group is empty now. What waits in an empty group is dropped and counted.
    pub(crate) fn leave(&self, key: u64, turn: &mut Turn) -> bool {
        let mut state = self.state.lock();
        state.members.retain(|(member, _)| member.key != key);
        state.next = 0;
        if !state.members.is_empty() {
            return false;
        }
        state.end_backlog(turn);
        let dropped = std::mem::take(&mut state.queue);
        state.drop_messages(dropped.len(), DropReason::NoMember, &self.filter, turn);
        state.drops.end(|| Recipient::Group((*self.filter).into()), turn);
        if std::mem::take(&mut state.kept) {
            turn.record(Record::EndGroup { key: self.key });
        }
        self.waiting.store(0, Ordering::Release);
        true
    }

    /// Offers a message to the members in turn.
    pub(crate) fn offer(self: &Arc<Self>, message: &Shared<'_>, turn: &mut Turn, limits: &Limits) -> Offer {
        let mut state = self.state.lock();
        let waits = message.view.qos != QoS::AtMostOnce;
        if !state.queue.is_empty() {
            // Behind those that came before it [MQTT-4.6.0-5].
            return self.enqueue(&mut state, message, turn, limits);
        }
        match state.serve(self, (message, 0), turn, limits) {
            Offer::NoRoom | Offer::Absent if waits => {
                let offer = self.enqueue(&mut state, message, turn, limits);
                // Who made room since it was asked did not see that something waits: it is asked again.
                self.feed_from(&mut state, turn, limits);
                offer
            }
            Offer::NoRoom => state.refuse(DropReason::QueueFull, &self.filter, turn),
            Offer::Dropped(reason) => state.refuse(reason, &self.filter, turn),
            Offer::Denied => {
                turn.counters.publish_unreadable.add(1);
                Offer::Denied
            }
            other => other,
        }
    }

    /// Puts a message behind those that wait.
    fn enqueue(&self, state: &mut State, message: &Shared<'_>, turn: &mut Turn, limits: &Limits) -> Offer {
        let Room { full, expired } = state.queue.make_room(message.view.len(), turn.now, limits);
        state.drop_messages(expired.len(), DropReason::Expired, &self.filter, turn);
        for expired in expired {
            turn.remove(expired.number);
        }
        if let Some(reason) = full {
            return state.refuse(reason, &self.filter, turn);
        }
        let is_kept = state.kept && message.view.qos != QoS::AtMostOnce;
        let number = if is_kept { self.record(message, turn) } else { 0 };
        let was_empty = state.queue.is_empty();
        state.queue.push(waiting(message, number), limits);
        self.waiting.store(state.queue.len(), Ordering::Release);
        if was_empty {
            state.tell_members();
        }
        state.back_pressure(turn, limits)
    }

    /// Records a message as an entry of the group; its number.
    pub(super) fn record(&self, message: &Shared<'_>, turn: &mut Turn) -> u64 {
        let number = turn.journal.number();
        let entry = Entry::new(number, &waiting(message, number));
        turn.record(Record::Enqueue { owner: self.key, entry });
        number
    }

    /// Whether so much waits here that the turn's publisher should still be slowed down.
    pub(super) fn still_slows(&self, turn: &mut Turn, limits: &Limits) -> bool {
        self.state.lock().still_slows(turn, limits)
    }

    /// A QoS 1 message whose member's session ended without acknowledging it goes to another member.
    pub(crate) fn take_back(&self, waiting: Waiting) {
        let mut state = self.state.lock();
        if !state.members.is_empty() {
            state.queue.push_front(waiting);
            self.waiting.store(state.queue.len(), Ordering::Release);
            state.tell_members();
        }
    }

    /// Whether a member that has room again should call [`Self::feed`].
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    /// Gives waiting messages to members that have room.
    pub(crate) fn feed(self: &Arc<Self>, turn: &mut Turn, limits: &Limits) {
        self.feed_from(&mut self.state.lock(), turn, limits);
    }

    fn feed_from(self: &Arc<Self>, state: &mut State, turn: &mut Turn, limits: &Limits) {
        while let Some(front) = state.queue.front() {
            let Waiting { message, number, rests_on, .. } = front.clone();
            let offer = if message.expires() <= turn.now {
                Offer::Dropped(DropReason::Expired)
            } else {
                let mut shared = Shared::of(&message);
                shared.rests_on = rests_on;
                state.serve(self, (&shared, number), turn, limits)
            };
            match offer {
                Offer::NoRoom | Offer::Absent => break,
                Offer::Dropped(reason) => {
                    state.drop_messages(1, reason, &self.filter, turn);
                    turn.remove(number);
                }
                Offer::Denied => {
                    turn.counters.publish_unreadable.add(1);
                    turn.remove(number);
                }
                Offer::Taken | Offer::SlowDown(_) => {}
            }
            state.queue.pop();
            if let Some(backlog) = &mut state.backlog {
                backlog.took_message(message.len());
            }
        }
        if let Some((from, most)) = state.queue.wants(limits) {
            turn.record(Record::Page(Page { reader: Reader::Group(self.clone()), from, most }));
        }
        self.waiting.store(state.queue.len(), Ordering::Release);
        if state.queue.is_low(limits) {
            state.end_backlog(turn);
            state.drops.has_room(|| Recipient::Group((*self.filter).into()), turn);
        }
    }
}

/// A message as it waits in a group, whose members add their own.
fn waiting(message: &Shared<'_>, number: u64) -> Waiting {
    Waiting {
        message: message.message().clone(),
        qos: message.view.qos,
        retain: message.view.retain,
        ids: None,
        number,
        rests_on: message.rests_on,
        sent: false,
    }
}

impl State {
    /// Drops messages for the group with this filter.
    fn drop_messages(&mut self, count: usize, reason: DropReason, filter: &str, turn: &mut Turn) {
        self.drops.drop_messages(count, reason, || Recipient::Group(filter.into()), turn);
    }

    /// Has members that have room ask for what waits.
    fn tell_members(&self) {
        self.members.iter().for_each(|(member, _)| member.group_waits());
    }

    /// Drops the message that is offered.
    fn refuse(&mut self, reason: DropReason, filter: &str, turn: &mut Turn) -> Offer {
        self.drop_messages(1, reason, filter, turn);
        Offer::Dropped(reason)
    }

    /// Asks the members, beginning with the one whose turn it is: at QoS 0 those first for which little waits.
    fn serve(
        &mut self,
        group: &Arc<Group>,
        (message, number): (&Shared<'_>, u64),
        turn: &mut Turn,
        limits: &Limits,
    ) -> Offer {
        let offer = self.ask(group, (message, number), Choice::Ready, turn, limits);
        if offer == Offer::NoRoom && message.view.qos == QoS::AtMostOnce {
            return self.ask(group, (message, number), Choice::Any, turn, limits);
        }
        offer
    }

    /// Asks each member once. The most hopeful refusal is the answer: no room before absent before dropped before denied.
    fn ask(
        &mut self,
        group: &Arc<Group>,
        (message, number): (&Shared<'_>, u64),
        choice: Choice,
        turn: &mut Turn,
        limits: &Limits,
    ) -> Offer {
        let hope = |offer: &Offer| match offer {
            Offer::Taken | Offer::SlowDown(_) | Offer::NoRoom => 3,
            Offer::Absent => 2,
            // Too large for this member; the next may take it.
            Offer::Dropped(_) => 1,
            Offer::Denied => 0,
        };
        let (count, mut answer) = (self.members.len(), None);
        for step in 0..count {
            let position = (self.next + step) % count;
            let (member, grant) = &self.members[position];
            let origin = Origin { number, sent: false, group: Some(group), group_is_kept: self.kept };
            let offer = member.offer_shared(message, grant, (origin, choice), turn, limits);
            if let Offer::Taken | Offer::SlowDown(_) = offer {
                self.next = (position + 1) % count;
                return offer;
            }
            answer = answer.into_iter().chain([offer]).max_by_key(hope);
        }
        answer.unwrap_or(Offer::Absent)
    }

    /// Whether publishers should slow down because of the queue, while any member is connected.
    fn back_pressure(&mut self, turn: &mut Turn, limits: &Limits) -> Offer {
        let Some(slow) = self.queue.slows(limits) else { return Offer::Taken };
        if self.backlog.is_none() && !self.members.iter().any(|(member, _)| member.lock().link.is_some()) {
            return Offer::Taken;
        }
        let waits = self.waits();
        let backlog = self.backlog.get_or_insert_with(|| Backlog::new(turn.now));
        if backlog.slows(waits, turn, limits) { Offer::SlowDown(slow) } else { Offer::Taken }
    }

    /// Whether the turn's publisher, which was asked to slow down, still should: because of the queue, or because much waits
    /// for each member that is connected.
    fn still_slows(&mut self, turn: &mut Turn, limits: &Limits) -> bool {
        let waits = self.waits();
        if self.backlog.as_mut().is_some_and(|backlog| backlog.slows(waits, turn, limits)) {
            return true;
        }
        let mut connected = 0;
        let all_slow = self.members.iter().all(|(member, _)| {
            let mut member = member.lock();
            connected += usize::from(member.link.is_some());
            member.link.is_none() || member.still_slows(turn, limits)
        });
        all_slow && connected > 0
    }

    fn waits(&self) -> Waits {
        if self.queue.waits_for_page() { Waits::Store } else { Waits::Acknowledgements }
    }

    fn end_backlog(&mut self, turn: &mut Turn) {
        if let Some(backlog) = self.backlog.take() {
            backlog.end(turn);
        }
    }
}
