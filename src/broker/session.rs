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

use std::collections::BTreeMap;

use super::backlog::{Backlog, Slow};
use super::drops::{DropReason, DropSeries, Recipient};
use super::filters::Filters;
use super::journal::Ticket;
use super::limits::Limits;
use super::link::{Delivery, Link, Shared};
use super::owner::{KeptOwner, SessionName, SessionOwner};
use super::queue::{Ids, Queue, Room, Waiting};
use super::record::{Entry, Parked, Record, SessionRecord};
use super::replay::Replays;
use super::rights::{Reader, Verdict, Who};
use super::sending::Origin;
use super::shared::Group;
use super::turn::Turn;
use super::will::Will;
use crate::codec::packet::Options;
use crate::delivery::{Inbox, Outbox};
use crate::message::QoS;
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
    /// Whether it is kept in the store; the same as [`State::kept`], to be read without the lock.
    kept: AtomicBool,
    /// Whether one of its shared groups may have messages that wait for a member with room.
    group_waits: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    /// The session's.
    pub(super) key: u64,
    pub(super) client: Arc<str>,
    /// Whether the session is kept in the store: it outlives its connection, and there is a store.
    pub(crate) kept: bool,
    /// What the last PUBREC rests on.
    pub(super) received: Ticket,
    /// Raised by each CONNECT; what an older connection does is void.
    pub(crate) epoch: u32,
    pub(crate) ended: bool,
    /// Whom the session's last connection was opened for; `None` before the first.
    pub(crate) who: Option<Arc<Who>>,
    /// What the client may read, if that is not everything.
    pub(crate) reader: Option<Arc<Reader>>,
    /// Whether it has been told that something is kept from the client.
    pub(crate) told_unreadable: bool,
    pub(crate) link: Option<Link>,
    /// What it has subscribed to; the rest of a subscription is in the index.
    pub(crate) filters: Filters,
    /// Shared groups this session is a member of, by their keys.
    pub(crate) groups: BTreeMap<u64, Arc<Group>>,
    pub(crate) outbox: Outbox<Kept>,
    pub(crate) queue: Queue,
    /// Parked here while no connection has it.
    pub(crate) inbox: Option<Box<Inbox>>,
    /// Seconds the session outlives its connection; `u32::MAX`: for ever.
    pub(crate) expiry: u32,
    pub(crate) will: Option<Box<Will>>,
    /// When the session ends unless its client comes back.
    pub(crate) expires: Instant,
    /// When the delayed will is due.
    pub(crate) will_due: Instant,
    /// When the schedule has the session looked at.
    pub(super) scheduled: Instant,
    /// While much waits for the client.
    pub(super) backlog: Option<Box<Backlog>>,
    /// Messages dropped since there was last room.
    pub(super) drops: DropSeries,
    /// Bytes of the payloads in flight that are kept for a resend.
    pub(super) in_flight_bytes: usize,
    /// Whether QoS 0 waits for the client while it is not there, whatever the limits say.
    pub(crate) queues_at_most_once: bool,
    /// While retained messages are to be replayed. A broken connection leaves it to the next one.
    pub(crate) replays: Option<Box<Replays>>,
}

/// What a subscription is, but for its filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    pub options: Options,
    pub id: Option<u32>,
}

/// What an in-flight message needs for a resend: nothing in a session that ends with its connection.
pub(crate) type Kept = Option<Box<InFlight>>;

#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) waiting: Waiting,
    /// The shared group the message came through.
    pub(crate) group: Option<Arc<Group>>,
}

/// What a subscription grants: the greatest QoS, whether RETAIN is kept, and the identifiers.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) qos: QoS,
    pub(crate) retain_as_published: bool,
    pub(crate) ids: Ids,
    /// Whether the client may read the one topic that this was made for, if somebody has asked.
    pub(crate) verdict: Option<Verdict>,
}

impl Grant {
    /// The QoS of a delivery: the lower of the published and the granted one [MQTT-3.8.4-8], unless it is upgraded.
    fn delivered(&self, published: QoS, limits: &Limits) -> QoS {
        if limits.upgrade_qos { self.qos } else { published.min(self.qos) }
    }
}

/// Which members of a shared group are asked to take a QoS 0 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Those for which little waits.
    Ready,
    /// All that are not lagging.
    Any,
}

/// What became of a message offered to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is on its way, or waits.
    Taken,
    /// Taken; but so much waits there that publishers should slow down.
    SlowDown(Slow),
    Dropped(DropReason),
    /// Nobody is there to take it: QoS 0 for an absent client, or a session that has ended.
    Absent,
    /// Its client may not read it.
    Denied,
    /// A member of a shared group has no room now.
    NoRoom,
}

impl Session {
    pub(crate) fn new(key: u64, client: Arc<str>, owner: SessionOwner, limits: &Limits) -> Self {
        Self {
            key,
            client: client.clone(),
            owner: owner.into(),
            kept: AtomicBool::new(false),
            group_waits: AtomicBool::new(false),
            state: Mutex::new(State {
                key,
                client,
                kept: false,
                received: Ticket::NONE,
                epoch: 0,
                ended: false,
                who: None,
                reader: None,
                told_unreadable: false,
                link: None,
                filters: Filters::default(),
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
    pub(super) fn page(
        self: &Arc<Self>,
        entries: Vec<Entry>,
        complete: bool,
        turn: &mut Turn,
        limits: &Limits,
    ) {
        let mut state = self.lock();
        if !state.ended {
            state.queue.page(entries, complete);
            self.pump(&mut state, turn, limits);
        }
    }

    pub(crate) fn name(&self) -> SessionName<'_> {
        SessionName { client: &self.client, owner: &self.owner }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Keeps the session in the store from now on.
    pub(super) fn keep(&self, state: &mut State) {
        state.kept = true;
        self.kept.store(true, Ordering::Release);
    }

    /// Messages wait in a group of this session, or may.
    pub(super) fn group_waits(&self) {
        self.group_waits.store(true, Ordering::Release);
    }

    /// The groups of this session in which messages wait. Most of the time there are none, and no group is looked at.
    pub(super) fn waiting_groups(&self, state: &State) -> Vec<Arc<Group>> {
        if !self.group_waits.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.group_waits.store(false, Ordering::Release);
        let groups: Vec<_> = state.groups.values().filter(|group| group.has_waiting()).cloned().collect();
        if !groups.is_empty() {
            self.group_waits();
        }
        groups
    }

    /// Whether it is kept in the store.
    pub(super) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Acquire)
    }

    /// Writes down what the session is now, apart from its messages and subscriptions.
    pub(super) fn record(&self, state: &State, turn: &mut Turn) {
        let parked = state.link.is_none();
        let parked = parked.then_some(Parked { expires: state.expires, will_due: state.will_due });
        self.record_as(parked, state, turn);
    }

    /// Writes down that the session was connected when the broker stopped: its time and that of its will run from the next
    /// start.
    pub(super) fn record_stopped(&self, state: &State, turn: &mut Turn) {
        self.record_as(None, state, turn);
    }

    fn record_as(&self, parked: Option<Parked>, state: &State, turn: &mut Turn) {
        if !state.kept {
            return;
        }
        let sent_below = match &state.link {
            Some(_) => u64::MAX,
            None => state.queue.front().map_or(turn.journal.last_number() + 1, |waiting| waiting.number),
        };
        turn.record(Record::Session(Box::new(SessionRecord {
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

    /// Offers a message that matched this session's own subscriptions.
    pub(crate) fn offer(
        &self,
        message: &Shared<'_>,
        grant: &Grant,
        retained: Option<u64>,
        turn: &mut Turn,
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
        let offer = state.offer(message, grant, retain, turn, limits);
        self.account(&mut state, offer, message, turn);
        offer
    }

    /// Offers a retained message to a new subscription, with RETAIN set [MQTT-3.3.1-8].
    pub(crate) fn offer_retained(
        &self,
        message: &Shared<'_>,
        grant: &Grant,
        turn: &mut Turn,
        limits: &Limits,
    ) {
        let mut state = self.lock();
        let offer = state.offer(message, grant, true, turn, limits);
        self.account(&mut state, offer, message, turn);
    }

    /// Offers a message of a shared group: taken only if it can leave at once.
    pub(super) fn offer_shared(
        &self,
        message: &Shared<'_>,
        grant: &Grant,
        (origin, choice): (Origin<'_>, Choice),
        turn: &mut Turn,
        limits: &Limits,
    ) -> Offer {
        self.lock().offer_shared(message, grant, (origin, choice), turn, limits)
    }

    /// Counts what does not reach the client.
    fn account(&self, state: &mut State, offer: Offer, message: &Shared<'_>, turn: &mut Turn) {
        if offer == Offer::Denied {
            turn.counters.publish_unreadable.add(1);
            return state.tell_denied(message.view.topic, turn);
        }
        if let Offer::Dropped(reason) = offer {
            state.drop_messages(1, reason, turn);
        }
    }

    /// After something left: goes on sending what waits, and lets publishers go on when little does.
    pub(crate) fn pump(self: &Arc<Self>, state: &mut State, turn: &mut Turn, limits: &Limits) {
        self.send_waiting(state, turn, limits);
        if state.is_low(limits) {
            state.end_backlog(turn);
            let State { drops, client, .. } = state;
            drops.has_room(|| Recipient::Client(client.clone()), turn);
        }
    }
}

impl State {
    fn offer(
        &mut self,
        message: &Shared<'_>,
        grant: &Grant,
        retain: bool,
        turn: &mut Turn,
        limits: &Limits,
    ) -> Offer {
        let qos = grant.delivered(message.view.qos, limits);
        if self.ended {
            return Offer::Absent;
        }
        if !self.may_read(message, grant) {
            return Offer::Denied;
        }
        let ids = grant.ids.as_deref().unwrap_or_default();
        let delivery = Delivery { qos, retain, ids };
        if let Some(link) = &self.link
            && let Err(why) = link.admit(&message.view, delivery, turn.now)
        {
            return Offer::Dropped(why);
        }
        if qos == QoS::AtMostOnce {
            return self.offer_at_most_once(message, (delivery, &grant.ids), 0, turn, limits);
        }
        if self.may_send_now(limits) && self.queue.is_empty() {
            self.start(message, (delivery, &grant.ids), Origin::default(), turn, limits);
            return self.back_pressure(turn, limits);
        }
        self.enqueue(message, delivery, &grant.ids, turn, limits)
    }

    /// Drops messages for this client.
    pub(super) fn drop_messages(&mut self, count: usize, reason: DropReason, turn: &mut Turn) {
        let Self { drops, client, .. } = self;
        drops.drop_messages(count, reason, || Recipient::Client(client.clone()), turn);
    }

    fn offer_at_most_once(
        &mut self,
        message: &Shared<'_>,
        (delivery, ids): (Delivery<'_>, &Ids),
        number: u64,
        turn: &mut Turn,
        limits: &Limits,
    ) -> Offer {
        let Some(link) = &self.link else {
            let waits = (limits.queue_at_most_once || self.queues_at_most_once) && self.expiry > 0;
            let enqueue =
                |state: &mut Self, turn: &mut Turn| state.enqueue(message, delivery, ids, turn, limits);
            return if waits { enqueue(self, turn) } else { Offer::Absent };
        };
        if link.pending() + message.view.len() > limits.queued_bytes {
            return Offer::Dropped(DropReason::QueueFull);
        }
        self.send_at_most_once(message, (delivery, ids), number, turn, limits);
        self.back_pressure(turn, limits)
    }

    /// Puts a message behind those that wait already.
    fn enqueue(
        &mut self,
        message: &Shared<'_>,
        delivery: Delivery<'_>,
        ids: &Ids,
        turn: &mut Turn,
        limits: &Limits,
    ) -> Offer {
        let Room { full, expired } = self.queue.make_room(message.view.len(), turn.now, limits);
        self.drop_messages(expired.len(), DropReason::Expired, turn);
        for expired in expired {
            turn.remove(expired.number);
        }
        if let Some(reason) = full {
            return Offer::Dropped(reason);
        }
        let mut waiting = Waiting {
            message: message.message().clone(),
            qos: delivery.qos,
            retain: delivery.retain,
            ids: ids.clone(),
            number: 0,
            rests_on: message.rests_on,
            sent: false,
        };
        waiting.number = self.keep(&waiting, turn);
        self.queue.push(waiting, limits);
        self.back_pressure(turn, limits)
    }

    /// Whether a PUBLISH above QoS 0 could leave now.
    pub(super) fn may_send_now(&self, limits: &Limits) -> bool {
        self.outbox.has_room()
            && (self.in_flight_bytes < limits.in_flight_bytes || self.outbox.in_flight() == 0)
            && self
                .link
                .as_ref()
                .is_some_and(|link| link.pending() <= limits.output_high && !link.only_subscribes)
    }

    fn offer_shared(
        &mut self,
        message: &Shared<'_>,
        grant: &Grant,
        (origin, choice): (Origin<'_>, Choice),
        turn: &mut Turn,
        limits: &Limits,
    ) -> Offer {
        let qos = grant.delivered(message.view.qos, limits);
        let retain = message.view.retain && grant.retain_as_published;
        let delivery = Delivery { qos, retain, ids: grant.ids.as_deref().unwrap_or_default() };
        if !self.may_read(message, grant) {
            self.tell_denied(message.view.topic, turn);
            return Offer::Denied;
        }
        let Some(link) = &self.link else { return Offer::Absent };
        if let Err(why) = link.admit(&message.view, delivery, turn.now) {
            return Offer::Dropped(why);
        }
        if qos == QoS::AtMostOnce {
            // Another member may take it at once.
            if link.pending() > limits.output_high && (choice == Choice::Ready || self.is_lagging()) {
                return Offer::NoRoom;
            }
            return self.offer_at_most_once(message, (delivery, &grant.ids), origin.number, turn, limits);
        }
        if !self.queue.is_empty() || !self.may_send_now(limits) {
            return Offer::NoRoom;
        }
        self.start(message, (delivery, &grant.ids), origin, turn, limits);
        self.back_pressure(turn, limits)
    }

    /// Ends the session's messages: QoS 1 ones of shared groups are given back for another member [MQTT-4.8.2-5].
    pub(crate) fn drain(&mut self) -> Vec<(Arc<Group>, Waiting)> {
        self.queue = Queue::default();
        self.in_flight_bytes = 0;
        self.outbox
            .drain()
            .filter_map(|(qos, kept)| {
                let kept = kept.filter(|_| qos == QoS::AtLeastOnce)?;
                let InFlight { waiting, group } = *kept;
                group.map(|group| (group, waiting))
            })
            .collect()
    }
}
