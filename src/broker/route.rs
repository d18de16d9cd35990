//! From a published message to its receivers: match, merge, deliver.
//!
//! Run by the publisher's own connection, so that many cores route at once. What a topic matches is remembered by the
//! worker until a subscription changes. A fan-out to many receivers goes in slices, so that others get their turn.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::Broker;
use super::drops::DropReason;
use super::hold::SlowDown;
use super::link::Shared;
use super::record::Record;
use super::retained::Slot;
use super::rights::Who;
use super::session::{Grant, Offer, Session};
use super::shared::Group;
use super::turn::Turn;
use crate::codec::packet::Options;
use crate::message::{MessageRef, QoS};
use crate::sync::Arc;

/// Topics a worker remembers the receivers of.
const REMEMBERED: usize = 4_096;
/// Receivers of all these topics, some 32 bytes each, from which on it forgets them rather than remember more.
const REMEMBERED_RECEIVERS: usize = 262_144;

/// Bytes of these topics, likewise.
const REMEMBERED_BYTES: usize = 1024 * 1024;

/// What stands in the index under a filter.
#[derive(Clone, Debug)]
pub(crate) enum Subscriber {
    Session(Arc<Session>, Options, Option<u32>),
    Group(Arc<Group>),
}

/// Somebody a message is offered to, once.
#[derive(Clone, Debug)]
pub(crate) enum Receiver {
    Session(Arc<Session>, Grant),
    Group(Arc<Group>),
}

impl Receiver {
    pub(crate) fn key(&self) -> u64 {
        match self {
            Self::Session(session, _) => session.key,
            Self::Group(group) => group.key,
        }
    }

    /// Whether the turn's publisher should still slow down because of this receiver, which then wakes it when little waits:
    /// who woke it last has forgotten it.
    pub(crate) fn still_slows(&self, turn: &mut Turn) -> bool {
        let limits = turn.limits.clone();
        match self {
            Self::Session(session, _) => session.lock().still_slows(turn, &limits),
            Self::Group(group) => group.still_slows(turn, &limits),
        }
    }
}

/// The receivers of one topic, in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Receivers {
    list: Vec<Receiver>,
    /// Receivers with a No Local subscription, by their position in the list, and what remains for the session's own
    /// messages, if anything.
    own: Vec<(usize, Option<Grant>)>,
}

/// What a worker remembers, as long as no subscription changes.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    generation: u64,
    topics: HashMap<Arc<str>, Arc<Receivers>, FixedState>,
    last: Option<(Arc<str>, Arc<Receivers>)>,
    /// Receivers of all these topics.
    receivers: usize,
    /// Bytes of these topics.
    bytes: usize,
}

impl Matches {
    /// Who receives what is said on `topic`.
    pub(crate) fn receivers(&mut self, broker: &Broker, topic: &str, duplicates: bool) -> Arc<Receivers> {
        let generation = broker.index.generation();
        if generation != self.generation {
            (self.generation, self.last) = (generation, None);
            self.forget();
        }
        if let Some((last, receivers)) = &self.last
            && **last == *topic
        {
            return receivers.clone();
        }
        let (topic, receivers) = match self.topics.get_key_value(topic) {
            Some((topic, receivers)) => (topic.clone(), receivers.clone()),
            None => self.remember(topic.into(), Arc::new(Receivers::find(broker, topic, duplicates))),
        };
        self.last = Some((topic, receivers.clone()));
        receivers
    }

    fn remember(&mut self, topic: Arc<str>, receivers: Arc<Receivers>) -> (Arc<str>, Arc<Receivers>) {
        let is_full = self.topics.len() >= REMEMBERED
            || self.receivers >= REMEMBERED_RECEIVERS
            || self.bytes >= REMEMBERED_BYTES;
        if is_full {
            self.forget();
        }
        self.bytes += topic.len();
        self.receivers += receivers.list.len();
        self.topics.insert(topic.clone(), receivers.clone());
        (topic, receivers)
    }

    fn forget(&mut self) {
        self.topics.clear();
        (self.receivers, self.bytes) = (0, 0);
    }
}

impl Subscriber {
    fn key(&self) -> u64 {
        match self {
            Self::Session(session, ..) => session.key,
            Self::Group(group) => group.key,
        }
    }
}

impl Receivers {
    /// Asks the index, and merges what belongs to one session.
    fn find(broker: &Broker, topic: &str, duplicates: bool) -> Self {
        let mut found = Vec::new();
        broker.index.matching(topic, |subscriber| found.push(subscriber.clone()));
        found.sort_by_key(Subscriber::key);
        let mut receivers = Self::default();
        for same in found.chunk_by(|one, other| one.key() == other.key() && !duplicates) {
            receivers.add(same);
        }
        if broker.rights.load().has_rules() {
            receivers.judge(topic);
        }
        receivers
    }

    /// Notes who of them may read the topic, so that it need not be asked for each message.
    fn judge(&mut self, topic: &str) {
        for receiver in &mut self.list {
            if let Receiver::Session(session, grant) = receiver {
                grant.verdict = session.lock().reader.as_ref().map(|reader| reader.verdict(topic));
            }
        }
        for (position, own) in &mut self.own {
            if let (Some(own), Some(Receiver::Session(_, grant))) = (own, self.list.get(*position)) {
                own.verdict = grant.verdict;
            }
        }
    }

    /// Adds a group, or all that one session has subscribed to.
    fn add(&mut self, same: &[Subscriber]) {
        let session = match same.first() {
            Some(Subscriber::Session(session, ..)) => session,
            Some(Subscriber::Group(group)) => return self.list.push(Receiver::Group(group.clone())),
            None => return,
        };
        let subscriptions = same.iter().filter_map(|subscriber| match subscriber {
            Subscriber::Session(_, options, id) => Some((*options, *id)),
            Subscriber::Group(_) => None,
        });
        if subscriptions.clone().any(|(options, _)| options.no_local) {
            // They are left out of the publisher's own messages, they alone [MQTT-3.8.3-3].
            let rest = merge(subscriptions.clone().filter(|(options, _)| !options.no_local));
            self.own.push((self.list.len(), rest));
        }
        self.list.extend(merge(subscriptions).map(|grant| Receiver::Session(session.clone(), grant)));
    }

    /// What the receiver at `position` is granted for messages of its own session, where `grant` is for those of others.
    fn own<'a>(&'a self, position: usize, grant: &'a Grant) -> Option<&'a Grant> {
        match self.own.binary_search_by_key(&position, |(position, _)| *position) {
            Ok(found) => self.own[found].1.as_ref(),
            Err(_) => Some(grant),
        }
    }
}

/// What subscriptions of one session grant together: one copy, the highest granted QoS, all identifiers in ascending
/// order [MQTT-3.3.4-2] [MQTT-3.3.4-4].
fn merge(subscriptions: impl Iterator<Item = (Options, Option<u32>)>) -> Option<Grant> {
    let (mut merged, mut ids) = (None, Vec::new());
    for (Options { qos, retain_as_published, no_local: _, retain_handling: _ }, id) in subscriptions {
        let grant = merged.get_or_insert(Grant { qos, retain_as_published, ids: None, verdict: None });
        grant.qos = grant.qos.max(qos);
        grant.retain_as_published |= retain_as_published;
        ids.extend(id);
    }
    if let (Some(grant), false) = (&mut merged, ids.is_empty()) {
        ids.sort_unstable();
        grant.ids = Some(ids.as_slice().into());
    }
    merged
}

/// A message on its way to all its receivers, as far as it has come.
#[derive(Debug)]
pub(crate) struct FanOut {
    receivers: Arc<Receivers>,
    /// The key of the session that published.
    publisher: u64,
    next: usize,
    /// Receivers that have, or will get, the message.
    taken: usize,
    /// Receivers that had subscribed and will not get it.
    refused: usize,
    /// The sequence number of a retained message.
    retained: Option<u64>,
}

impl FanOut {
    pub(crate) fn new(receivers: Arc<Receivers>, publisher: u64, retained: Option<u64>) -> Self {
        Self { receivers, publisher, next: 0, taken: 0, refused: 0, retained }
    }

    /// Offers the message to the next `most` receivers, and notes who asks for a slower publisher; whether all have been
    /// asked now.
    pub(crate) fn proceed(
        &mut self,
        message: &Shared<'_>,
        most: usize,
        asked: &mut SlowDown,
        turn: &mut Turn,
    ) -> bool {
        let limits = turn.limits.clone();
        let end = self.next.saturating_add(most).min(self.receivers.list.len());
        for (receiver, position) in self.receivers.list[self.next..end].iter().zip(self.next..) {
            let offer = match receiver {
                Receiver::Session(session, grant) => {
                    let grant = match session.key == self.publisher {
                        false => Some(grant),
                        true => self.receivers.own(position, grant),
                    };
                    let Some(grant) = grant else { continue };
                    session.offer(message, grant, self.retained, turn, &limits)
                }
                Receiver::Group(group) => group.offer(message, turn, &limits),
            };
            match offer {
                // What a receiver cannot be sent is discarded as if it had been sent [MQTT-3.1.2-25] [MQTT-3.3.2-5].
                Offer::Taken | Offer::Dropped(DropReason::TooLarge | DropReason::Expired) => self.taken += 1,
                Offer::SlowDown(slow) => {
                    self.taken += 1;
                    asked.ask(receiver, slow);
                }
                Offer::Dropped(_) | Offer::NoRoom => self.refused += 1,
                Offer::Absent | Offer::Denied => {}
            }
        }
        self.next = end;
        self.next == self.receivers.list.len()
    }

    /// Whether anybody had subscribed.
    pub(crate) fn matched(&self) -> bool {
        let mut receivers = self.receivers.list.iter().enumerate();
        receivers.any(|(position, receiver)| match receiver {
            Receiver::Session(session, grant) if session.key == self.publisher => {
                self.receivers.own(position, grant).is_some()
            }
            Receiver::Session(..) | Receiver::Group(_) => true,
        })
    }

    /// Whether there were receivers and all of them refused.
    pub(crate) fn all_refused(&self) -> bool {
        self.refused > 0 && self.taken == 0
    }
}

impl Broker {
    /// Publishes what no connection published: wills and `$SYS`. In one go, as nobody waits for it.
    pub(crate) fn publish(
        &self,
        message: &Shared<'_>,
        publisher: u64,
        who: Option<&Arc<Who>>,
        turn: &mut Turn,
    ) {
        let mut asked = SlowDown::default();
        self.route(message, publisher, who, usize::MAX, &mut asked, turn);
    }

    /// Stores a retained message and offers the message to its first receivers; the rest is left to the caller, who
    /// goes on with [`FanOut::proceed`]. A retained message goes to all at once: its topic's slot is held until a
    /// concurrent SUBSCRIBE cannot miss or double it.
    pub(crate) fn route(
        &self,
        message: &Shared<'_>,
        publisher: u64,
        who: Option<&Arc<Who>>,
        most: usize,
        asked: &mut SlowDown,
        turn: &mut Turn,
    ) -> (FanOut, bool) {
        let mut matches = std::mem::take(&mut turn.matches);
        let mut route = |turn: &mut Turn, retained: Option<u64>, most: usize| {
            let receivers = matches.receivers(self, message.view.topic, turn.limits.duplicates);
            let mut fan_out = FanOut::new(receivers, publisher, retained);
            let finished = fan_out.proceed(message, most, asked, turn);
            (fan_out, finished)
        };
        let routed = if message.view.retain {
            let mut slot = self.retained.lock(message.view.topic);
            let sequence = self.retain(&mut slot, message, who, turn);
            route(turn, sequence, usize::MAX)
        } else {
            route(turn, None, most)
        };
        turn.matches = matches;
        routed
    }
}

impl Broker {
    /// Stores or clears the retained message of a topic; the sequence number of what is stored.
    fn retain(
        &self,
        slot: &mut Slot<'_>,
        message: &Shared<'_>,
        source: Option<&Arc<Who>>,
        turn: &mut Turn,
    ) -> Option<u64> {
        let topic = message.view.topic;
        let sequence = if message.view.payload.is_empty() {
            slot.clear(); // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
            None
        } else {
            slot.set(message.message().clone(), source.cloned(), turn.now) // [MQTT-3.3.1-5]
        };
        // What the broker says about itself is said anew after a crash. At QoS 0 nothing was promised, so that a store
        // that fails for long does not fill the memory.
        let promised = message.view.qos != QoS::AtMostOnce || !turn.journal.is_full();
        if turn.journal.is_on() && promised && !topic.starts_with("$SYS/") {
            turn.record(match sequence {
                Some(_) => Record::Retain { message: message.message().clone(), source: source.cloned() },
                None => Record::ClearRetained { topic: topic.into() },
            });
        }
        sequence
    }

    /// Whether a message above QoS 0 must be kept in the store.
    pub(super) fn must_keep(&self, message: &MessageRef<'_>, publisher_kept: bool, turn: &mut Turn) -> bool {
        let receivers = turn.matches.receivers(self, message.topic, turn.limits.duplicates);
        let kept = receivers.list.iter().any(|receiver| match receiver {
            Receiver::Session(session, grant) => grant.qos != QoS::AtMostOnce && session.is_kept(),
            Receiver::Group(group) => group.is_kept(),
        });
        kept || message.retain || (publisher_kept && message.qos == QoS::ExactlyOnce)
    }
}

/// The lower of what was published and what was granted [MQTT-3.8.4-8]; for a retained message and its subscription.
pub(crate) fn grant(options: Options, id: Option<u32>) -> Grant {
    let ids = id.map(|id| [id].as_slice().into());
    let (qos, retain_as_published) = (options.qos.min(QoS::ExactlyOnce), options.retain_as_published);
    Grant { qos, retain_as_published, ids, verdict: None }
}
