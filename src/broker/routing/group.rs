//! Shared subscriptions: one group receives each message once, by one member that has room for it.
//!
//! A message waits in the group until a member has window; only then does it take an identifier in that member's
//! session. What was not sent, and QoS 1 messages not acknowledged when a member's session ends, go to another member; a
//! QoS 2 PUBLISH once sent belongs to its client [MQTT-4.8.2-4] [MQTT-4.8.2-5]; a refused message goes to nobody
//! [MQTT-4.8.2-6]. The group's lock is taken before a member's session, never after.

use crate::broker::cx::Cx;
use crate::broker::durability::record::{Page, Record, StoredMessage};
use crate::broker::limits::Limits;
use crate::broker::observe::drop_series::DropSeries;
use crate::broker::observe::drops::{DropReason, Recipient};
use crate::broker::queue::backlog::{Backlog, BacklogCause};
use crate::broker::queue::{Queue, QueuedMessage, Room};
use crate::broker::routing::message::RoutedMessage;
use crate::broker::routing::receiver::Origin;
use crate::broker::routing::receiver::Receiver;
use crate::broker::routing::receiver::{Choice, Grant, Offer};
use crate::message::QoS;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};

#[derive(Debug)]
pub(crate) struct Group<R> {
    /// Tells groups apart in the index.
    pub(crate) key: u64,
    /// `$share/NAME/FILTER`.
    pub(crate) filter: Box<str>,
    state: Mutex<GroupState<R>>,
    /// Messages in the queue, to be read without the lock.
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct GroupState<R> {
    members: Vec<(Arc<R>, Grant)>,
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

impl<R> Default for GroupState<R> {
    fn default() -> Self {
        Self {
            members: Vec::new(),
            next: 0,
            queue: Queue::default(),
            drops: DropSeries::default(),
            backlog: None,
            kept: false,
        }
    }
}

impl<R: Receiver> Group<R> {
    pub(crate) fn new(key: u64, filter: &str) -> Self {
        Self { key, filter: filter.into(), state: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    /// Adds a member, or gives it other options; whether it was a member before.
    pub(crate) fn join(&self, session: &Arc<R>, grant: Grant, cx: &mut Cx) -> bool {
        let mut state = self.state.lock();
        if session.is_kept() && !state.kept {
            self.keep(&mut state, cx);
        }
        match state.members.iter_mut().find(|(member, _)| member.key() == session.key()) {
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
    fn keep(&self, state: &mut GroupState<R>, cx: &mut Cx) {
        state.kept = true;
        cx.record(Record::Group { key: self.key, filter: self.filter.clone() });
        for waiting in state.queue.iter_mut() {
            waiting.number = cx.journal.number();
            cx.record(Record::Enqueue { owner: self.key, entry: waiting.stored(waiting.number) });
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.state.lock().kept
    }

    /// Whether it has no member.
    pub(crate) fn is_deserted(&self) -> bool {
        self.state.lock().members.is_empty()
    }

    /// A group as the store has it.
    pub(crate) fn restore(&self, queue: Queue) {
        let mut state = self.state.lock();
        self.waiting.store(queue.len(), Ordering::Release);
        (state.queue, state.kept) = (queue, true);
    }

    /// Entries that were asked of the store.
    pub(crate) fn page(
        self: &Arc<Self>,
        entries: Vec<StoredMessage>,
        complete: bool,
        cx: &mut Cx,
        limits: &Limits,
    ) {
        self.state.lock().queue.page(entries, complete);
        self.feed(cx, limits);
    }

    /// Removes a member; whether the group is empty now. What waits in an empty group is dropped and counted.
    pub(crate) fn leave(&self, key: u64, cx: &mut Cx) -> bool {
        let mut state = self.state.lock();
        state.members.retain(|(member, _)| member.key() != key);
        state.next = 0;
        if !state.members.is_empty() {
            return false;
        }
        state.end_backlog(cx);
        let dropped = std::mem::take(&mut state.queue);
        state.drop_messages(dropped.len(), DropReason::NoMember, &self.filter, cx);
        cx.events.extend(state.drops.end(|| Recipient::Group((*self.filter).into())));
        if std::mem::take(&mut state.kept) {
            cx.record(Record::EndGroup { key: self.key });
        }
        self.waiting.store(0, Ordering::Release);
        true
    }

    /// Offers a message to the members in turn.
    pub(crate) fn offer(
        self: &Arc<Self>,
        message: &RoutedMessage<'_>,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer {
        let mut state = self.state.lock();
        let waits = message.view.qos != QoS::AtMostOnce;
        if waits && state.kept && !message.is_promised && cx.journal.disk_is_full() {
            return state.refuse(DropReason::DiskFull, &self.filter, cx);
        }
        if !state.queue.is_empty() {
            // Behind those that came before it [MQTT-4.6.0-5].
            return self.enqueue(&mut state, message, cx, limits);
        }
        match state.serve(self, message, 0, cx, limits) {
            Offer::NoRoom | Offer::Absent if waits => {
                let offer = self.enqueue(&mut state, message, cx, limits);
                // Who made room since it was asked did not see that something waits: it is asked again.
                self.feed_from(&mut state, cx, limits);
                offer
            }
            Offer::NoRoom => state.refuse(DropReason::QueueFull, &self.filter, cx),
            Offer::Dropped(reason) => state.refuse(reason, &self.filter, cx),
            Offer::Denied => {
                cx.counters.publish_unreadable.add(1);
                Offer::Denied
            }
            other => other,
        }
    }

    /// Puts a message behind those that wait.
    fn enqueue(
        &self,
        state: &mut GroupState<R>,
        message: &RoutedMessage<'_>,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer {
        let Room { full, expired } = state.queue.make_room(message.view.len(), cx.now, limits);
        state.drop_messages(expired.len(), DropReason::Expired, &self.filter, cx);
        for expired in expired {
            cx.remove(expired.number);
        }
        if let Some(reason) = full {
            return state.refuse(reason, &self.filter, cx);
        }
        let is_kept = state.kept && message.view.qos != QoS::AtMostOnce;
        let number = if is_kept { self.record(message, cx) } else { 0 };
        let was_empty = state.queue.is_empty();
        state.queue.push(waiting(message, number), limits);
        self.waiting.store(state.queue.len(), Ordering::Release);
        if was_empty {
            state.tell_members();
        }
        state.back_pressure(cx, limits)
    }

    /// Records a message as an entry of the group; its number.
    pub(crate) fn record(&self, message: &RoutedMessage<'_>, cx: &mut Cx) -> u64 {
        let number = cx.journal.number();
        let entry = waiting(message, number).stored(number);
        cx.record(Record::Enqueue { owner: self.key, entry });
        number
    }

    /// Whether so much waits here that the turn's publisher should still be slowed down.
    pub(crate) fn still_slows(&self, cx: &mut Cx, limits: &Limits) -> bool {
        self.state.lock().still_slows(cx, limits)
    }

    /// A QoS 1 message whose member's session ended without acknowledging it goes to another member.
    pub(crate) fn take_back(&self, waiting: QueuedMessage) {
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
    pub(crate) fn feed(self: &Arc<Self>, cx: &mut Cx, limits: &Limits) {
        self.feed_from(&mut self.state.lock(), cx, limits);
    }

    fn feed_from(self: &Arc<Self>, state: &mut GroupState<R>, cx: &mut Cx, limits: &Limits) {
        while let Some(front) = state.queue.front() {
            let QueuedMessage { message, number, after, .. } = front.clone();
            let offer = if message.expires() <= cx.now {
                Offer::Dropped(DropReason::Expired)
            } else {
                let mut shared = RoutedMessage::of(&message);
                shared.after = after;
                state.serve(self, &shared, number, cx, limits)
            };
            match offer {
                Offer::NoRoom | Offer::Absent => break,
                Offer::Dropped(reason) => {
                    state.drop_messages(1, reason, &self.filter, cx);
                    cx.remove(number);
                }
                Offer::Denied => {
                    cx.counters.publish_unreadable.add(1);
                    cx.remove(number);
                }
                Offer::Taken | Offer::SlowDown(_) => {}
            }
            state.queue.pop();
            if let Some(backlog) = &mut state.backlog {
                backlog.took_message(message.len());
            }
        }
        if let Some((from, most)) = state.queue.wants(limits) {
            cx.record(Record::Page(Page { owner: self.key, reader: self.clone(), from, most }));
        }
        self.waiting.store(state.queue.len(), Ordering::Release);
        if state.queue.is_low(limits) {
            state.end_backlog(cx);
            let event = state.drops.has_room(|| Recipient::Group((*self.filter).into()), cx.now);
            cx.events.extend(event);
        }
    }
}

/// A message as it waits in a group, whose members add their own.
fn waiting(message: &RoutedMessage<'_>, number: u64) -> QueuedMessage {
    QueuedMessage {
        message: message.message().clone(),
        qos: message.view.qos,
        retain: message.view.retain,
        ids: None,
        number,
        after: message.after,
        sent: false,
    }
}

impl<R: Receiver> GroupState<R> {
    /// Drops messages for the group with this filter.
    fn drop_messages(&mut self, count: usize, reason: DropReason, filter: &str, cx: &mut Cx) {
        cx.drop_messages(&mut self.drops, count, reason, || Recipient::Group(filter.into()));
    }

    /// Has members that have room ask for what waits.
    fn tell_members(&self) {
        self.members.iter().for_each(|(member, _)| member.group_waits());
    }

    /// Drops the message that is offered.
    fn refuse(&mut self, reason: DropReason, filter: &str, cx: &mut Cx) -> Offer {
        self.drop_messages(1, reason, filter, cx);
        Offer::Dropped(reason)
    }

    /// Asks the members, beginning with the one whose turn it is: at QoS 0 those first for which little waits.
    fn serve(
        &mut self,
        group: &Arc<Group<R>>,
        message: &RoutedMessage<'_>,
        number: u64,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer {
        let offer = self.ask(group, message, number, Choice::Ready, cx, limits);
        if offer == Offer::NoRoom && message.view.qos == QoS::AtMostOnce {
            return self.ask(group, message, number, Choice::Any, cx, limits);
        }
        offer
    }

    /// Asks each member once. The most hopeful refusal is the answer: no room before absent before dropped before denied.
    fn ask(
        &mut self,
        group: &Arc<Group<R>>,
        message: &RoutedMessage<'_>,
        number: u64,
        choice: Choice,
        cx: &mut Cx,
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
            let offer = member.offer_shared(message, grant, origin, choice, cx, limits);
            if let Offer::Taken | Offer::SlowDown(_) = offer {
                self.next = (position + 1) % count;
                return offer;
            }
            answer = answer.into_iter().chain([offer]).max_by_key(hope);
        }
        answer.unwrap_or(Offer::Absent)
    }

    /// Whether publishers should slow down because of the queue, while any member is connected.
    fn back_pressure(&mut self, cx: &mut Cx, limits: &Limits) -> Offer {
        let Some(slow) = self.queue.slows(limits) else { return Offer::Taken };
        if self.backlog.is_none() && !self.members.iter().any(|(member, _)| member.is_connected()) {
            return Offer::Taken;
        }
        let waits = self.waits();
        let backlog = self.backlog.get_or_insert_with(|| Backlog::new(cx.now));
        if backlog.slows(waits, cx, limits) { Offer::SlowDown(slow) } else { Offer::Taken }
    }

    /// Whether the turn's publisher, which was asked to slow down, still should: because of the queue, or because much waits
    /// for each member that is connected.
    fn still_slows(&mut self, cx: &mut Cx, limits: &Limits) -> bool {
        let waits = self.waits();
        if self.backlog.as_mut().is_some_and(|backlog| backlog.slows(waits, cx, limits)) {
            return true;
        }
        let mut connected = 0;
        let all_slow = self.members.iter().all(|(member, _)| {
            let is_connected = member.is_connected();
            connected += usize::from(is_connected);
            !is_connected || member.still_slows(cx, limits)
        });
        all_slow && connected > 0
    }

    fn waits(&self) -> BacklogCause {
        if self.queue.waits_for_page() { BacklogCause::Store } else { BacklogCause::Acknowledgements }
    }

    fn end_backlog(&mut self, cx: &mut Cx) {
        if let Some(backlog) = self.backlog.take() {
            backlog.end(cx);
        }
    }
}
