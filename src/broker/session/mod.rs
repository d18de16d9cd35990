//! A session: what the broker remembers of a client, with or without a connection.
//!
//! ```text
//!             CONNECT                      connection ends, expiry > 0
//!   (none) ───────────▶ linked ◀──────────────────────────────────────▶ parked
//!                         │        CONNECT, clean start 0                  │
//!                         │ connection ends, expiry 0                      │ expiry, or CONNECT with clean start 1
//!                         ▼                                                ▼
//!                       ended ◀────────────────────────────────────────────┘
//! ```
//!
//! Everything here happens under the session's one lock, for a short time: no I/O, no second session.

mod back_pressure;
pub(crate) mod filters;
pub(crate) mod held;
pub(crate) mod link;
pub(crate) mod output;
pub(crate) mod read_access;
pub(crate) mod replay;
pub(crate) mod sending;
pub(crate) mod state;

use crate::broker::access::rights::ReadVerdict;
use crate::broker::durability::record::Page;
use crate::broker::routing::receiver::Receiver;
use std::collections::BTreeMap;

use crate::broker::cx::Cx;
use crate::broker::durability::journal::BatchId;
use crate::broker::durability::record::{Parked, Record, SessionRecord, StoredMessage};
use crate::broker::identity::{KeptOwner, SessionName, SessionOwner};
use crate::broker::limits::Limits;
use crate::broker::observe::drop_series::DropSeries;
use crate::broker::observe::drops::Recipient;
use crate::broker::queue::Queue;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::routing::receiver::Origin;
use crate::broker::routing::receiver::{Choice, Grant, Offer};
use crate::broker::session::filters::SubscribedFilters;
use crate::broker::session::state::SessionState;
use crate::delivery::Outbox;
use crate::sync::{Arc, AtomicBool, Mutex, MutexGuard, Ordering};
use crate::time::Instant;

/// A client's session; see the module.
#[derive(Debug)]
pub(crate) struct Session {
    /// Tells sessions apart; a client identifier may be used again by another session.
    pub(crate) key: u64,
    pub(crate) client: Arc<str>,
    /// Only clients of this owner get the session.
    pub(crate) owner: KeptOwner,
    /// Whether it is kept in the store; the same as [`SessionState::kept`], to be read without the lock.
    kept: AtomicBool,
    /// Whether one of its shared groups may have messages that wait for a member with room.
    group_waits: AtomicBool,
    state: Mutex<SessionState>,
}

impl Session {
    pub(crate) fn new(key: u64, client: Arc<str>, owner: SessionOwner, limits: &Limits) -> Self {
        Self {
            key,
            client: client.clone(),
            owner: owner.into(),
            kept: AtomicBool::new(false),
            group_waits: AtomicBool::new(false),
            state: Mutex::new(SessionState {
                key,
                client,
                kept: false,
                received: BatchId::NONE,
                epoch: 0,
                ended: false,
                who: None,
                reader: None,
                told_unreadable: false,
                link: None,
                filters: SubscribedFilters::default(),
                groups: BTreeMap::new(),
                outbox: Outbox::new(limits.in_flight, limits.packet_id),
                queue: Queue::default(),
                inbox: None,
                expiry: 0,
                will: None,
                expires: Instant::NEVER,
                will_due: Instant::NEVER,
                scheduled: Instant::NEVER,
                backlog: None,
                drops: DropSeries::default(),
                in_flight_bytes: 0,
                queues_at_most_once: false,
                replays: None,
            }),
        }
    }

    /// Entries that were asked of the store.
    pub(crate) fn page(
        self: &Arc<Self>,
        entries: Vec<StoredMessage>,
        complete: bool,
        cx: &mut Cx,
        limits: &Limits,
    ) {
        let mut state = self.lock();
        if !state.ended {
            state.queue.page(entries, complete);
            self.pump(&mut state, cx, limits);
        }
    }

    pub(crate) fn name(&self) -> SessionName<'_> {
        SessionName { client: &self.client, owner: &self.owner }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock()
    }

    /// Keeps the session in the store from now on.
    pub(crate) fn keep(&self, state: &mut SessionState) {
        state.kept = true;
        self.kept.store(true, Ordering::Release);
    }

    /// Messages wait in a group of this session, or may.
    pub(crate) fn group_waits(&self) {
        self.group_waits.store(true, Ordering::Release);
    }

    /// Sends from the groups of this session in which messages wait. Most of the time there are none, and no group is looked
    /// at.
    pub(crate) fn feed_groups(&self, state: MutexGuard<'_, SessionState>, cx: &mut Cx, limits: &Limits) {
        if !self.group_waits.load(Ordering::Acquire) {
            return;
        }
        self.group_waits.store(false, Ordering::Release);
        let groups: Vec<_> = state.groups.values().filter(|group| group.has_waiting()).cloned().collect();
        // A group is locked before its sessions.
        drop(state);
        if !groups.is_empty() {
            self.group_waits();
        }
        for group in groups {
            group.feed(cx, limits);
        }
    }

    /// Whether it is kept in the store.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }

    /// Writes down what the session is now, apart from its messages and subscriptions.
    pub(crate) fn record(&self, state: &SessionState, cx: &mut Cx) {
        let parked = state.link.is_none();
        let parked = parked.then_some(Parked { expires: state.expires, will_due: state.will_due });
        self.record_as(parked, state, cx);
    }

    /// Writes down that the session was connected when the broker stopped: its time and that of its will run from the next
    /// start.
    pub(crate) fn record_stopped(&self, state: &SessionState, cx: &mut Cx) {
        self.record_as(None, state, cx);
    }

    fn record_as(&self, parked: Option<Parked>, state: &SessionState, cx: &mut Cx) {
        if !state.kept {
            return;
        }
        let sent_below = match &state.link {
            Some(_) => u64::MAX,
            None => state.queue.front().map_or(cx.journal.last_number() + 1, |waiting| waiting.number),
        };
        cx.record(Record::Session(Box::new(SessionRecord {
            key: self.key,
            client: self.client.clone(),
            username: state.who.as_ref().and_then(|who| who.username.clone()),
            listener: state.who.as_ref().map_or(0, |who| who.listener),
            owner: Some(SessionOwner::clone(&self.owner)),
            expiry: state.expiry,
            will: state.will.as_deref().cloned(),
            parked,
            sent_below,
        })));
    }

    /// Offers a retained message to a new subscription, with RETAIN set [MQTT-3.3.1-8].
    pub(crate) fn offer_retained(
        &self,
        message: &RoutedMessage<'_>,
        grant: &Grant,
        cx: &mut Cx,
        limits: &Limits,
    ) {
        let mut state = self.lock();
        let offer = state.offer(message, grant, true, cx, limits);
        self.account(&mut state, offer, message, cx);
    }

    /// Counts what does not reach the client.
    fn account(&self, state: &mut SessionState, offer: Offer, message: &RoutedMessage<'_>, cx: &mut Cx) {
        if offer == Offer::Denied {
            cx.counters.publish_unreadable.add(1);
            return state.tell_denied(message.view.topic, cx);
        }
        if let Offer::Dropped(reason) = offer {
            state.drop_messages(1, reason, cx);
        }
    }

    /// Sends what waits, and asks the store for more.
    pub(crate) fn send_waiting(self: &Arc<Self>, state: &mut SessionState, cx: &mut Cx, limits: &Limits) {
        state.send_queued(cx, limits);
        if let Some((from, most)) = state.queue.wants(limits) {
            cx.record(Record::Page(Page { owner: self.key, reader: self.clone(), from, most }));
        }
    }

    /// After something left: goes on sending what waits, and lets publishers go on when little does.
    pub(crate) fn pump(self: &Arc<Self>, state: &mut SessionState, cx: &mut Cx, limits: &Limits) {
        self.send_waiting(state, cx, limits);
        let SessionState { backlog, drops, .. } = state;
        if (backlog.is_some() || drops.is_open()) && state.is_low(limits) {
            state.end_backlog(cx);
            let SessionState { drops, client, .. } = state;
            cx.events.extend(drops.has_room(|| Recipient::Client(client.clone()), cx.now));
        }
    }
}

impl Receiver for Session {
    fn key(&self) -> u64 {
        self.key
    }

    fn is_kept(&self) -> bool {
        Session::is_kept(self)
    }

    fn is_connected(&self) -> bool {
        self.lock().link.is_some()
    }

    fn read_verdict(&self, topic: &str) -> Option<ReadVerdict> {
        self.lock().reader.as_ref().map(|reader| reader.verdict(topic))
    }

    fn offer(
        &self,
        message: &RoutedMessage<'_>,
        grant: &Grant,
        retained: Option<u64>,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer {
        let mut state = self.lock();
        if let Some(replays) = &mut state.replays {
            match retained {
                Some(sequence) => replays.delivered_live(message.view.topic, sequence),
                None if message.view.retain => replays.cleared(message.view.topic),
                None => {}
            }
        }
        let retain = message.view.retain && grant.retain_as_published;
        let offer = state.offer(message, grant, retain, cx, limits);
        self.account(&mut state, offer, message, cx);
        offer
    }

    fn offer_shared(
        &self,
        message: &RoutedMessage<'_>,
        grant: &Grant,
        origin: Origin<'_, Self>,
        choice: Choice,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer {
        self.lock().offer_shared(message, grant, origin, choice, cx, limits)
    }

    fn still_slows(&self, cx: &mut Cx, limits: &Limits) -> bool {
        self.lock().still_slows(cx, limits)
    }

    fn group_waits(&self) {
        Session::group_waits(self);
    }
}
