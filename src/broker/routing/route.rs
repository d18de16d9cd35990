//! From a published message to its receivers: match, merge, deliver.
//!
//! Run by the publisher's own connection, so that many cores route at once. What a topic matches is remembered by the
//! worker until a subscription changes. A fan-out to many receivers goes in slices, so that others get their turn.

use crate::broker::access::rights::Rights;
use crate::broker::routing::index::SubscriptionIndex;
use crate::broker::routing::receiver::Receiver;
use crate::broker::snapshot::Snapshot;
use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::broker::cx::Cx;
use crate::broker::limits::Limits;
use crate::broker::observe::drops::DropReason;
use crate::broker::routing::group::Group;
use crate::broker::routing::hold::SlowDown;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::routing::receiver::{Grant, Offer};
use crate::codec::packet::Options;
use crate::codec::reason::Reason;
use crate::message::QoS;
use crate::sync::Arc;

/// Topics a worker remembers the receivers of.
const REMEMBERED: usize = 4_096;
/// Receivers of all these topics, some 32 bytes each, from which on it forgets them rather than remember more.
const REMEMBERED_RECEIVERS: usize = 262_144;

/// Bytes of these topics, likewise.
const REMEMBERED_BYTES: usize = 1024 * 1024;

/// What stands in the index under a filter.
#[derive(Debug)]
pub(crate) enum Subscriber<R> {
    Session(Arc<R>, Options, Option<u32>),
    Group(Arc<Group<R>>),
}

/// Somebody a message is offered to, once.
#[derive(Debug)]
pub(crate) enum RouteTarget<R> {
    Session(Arc<R>, Grant),
    Group(Arc<Group<R>>),
}

impl<R> Clone for Subscriber<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Session(session, options, id) => Self::Session(session.clone(), *options, *id),
            Self::Group(group) => Self::Group(group.clone()),
        }
    }
}

impl<R> Clone for RouteTarget<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Session(session, grant) => Self::Session(session.clone(), grant.clone()),
            Self::Group(group) => Self::Group(group.clone()),
        }
    }
}

impl<R: Receiver> RouteTarget<R> {
    pub(crate) fn key(&self) -> u64 {
        match self {
            Self::Session(session, _) => session.key(),
            Self::Group(group) => group.key,
        }
    }

    /// Whether the turn's publisher should still slow down because of this receiver, which then wakes it when little waits:
    /// who woke it last has forgotten it.
    pub(crate) fn still_slows(&self, cx: &mut Cx) -> bool {
        let limits = cx.limits.clone();
        match self {
            Self::Session(session, _) => session.still_slows(cx, &limits),
            Self::Group(group) => group.still_slows(cx, &limits),
        }
    }
}

/// The receivers of one topic, in the order of their keys.
#[derive(Debug)]
pub(crate) struct Receivers<R> {
    pub(crate) list: Vec<RouteTarget<R>>,
    /// Receivers with a No Local subscription, by their position in the list, and what remains for the session's own
    /// messages, if anything.
    own: Vec<(usize, Option<Grant>)>,
}

/// What a worker remembers, as long as no subscription changes.
impl<R> Default for Receivers<R> {
    fn default() -> Self {
        Self { list: Vec::new(), own: Vec::new() }
    }
}

/// What the receivers of a topic depend on.
#[derive(Debug)]
pub(crate) struct Lookup<'a, R> {
    pub(crate) index: &'a SubscriptionIndex<Subscriber<R>>,
    pub(crate) rights: &'a Snapshot<Rights>,
    /// Whether a session with overlapping subscriptions gets a message once for each of them.
    pub(crate) duplicates: bool,
}

/// The receivers of topics, as one worker remembers them until a subscription changes.
#[derive(Debug)]
pub(crate) struct Matches<R> {
    generation: u64,
    topics: HashMap<Arc<str>, Arc<Receivers<R>>, FixedState>,
    last: Option<(Arc<str>, Arc<Receivers<R>>)>,
    /// Receivers of all these topics.
    receivers: usize,
    /// Bytes of these topics.
    bytes: usize,
}

impl<R> Default for Matches<R> {
    fn default() -> Self {
        Self { generation: 0, topics: HashMap::default(), last: None, receivers: 0, bytes: 0 }
    }
}

impl<R: Receiver> Matches<R> {
    /// The name of this topic that is remembered, if it was the last that was asked for.
    pub(crate) fn last(&self, topic: &str) -> Option<Arc<str>> {
        let (last, _) = self.last.as_ref()?;
        (**last == *topic).then(|| last.clone())
    }

    /// Who receives what is said on `topic`.
    pub(crate) fn receivers(&mut self, lookup: &Lookup<'_, R>, topic: &str) -> &Arc<Receivers<R>> {
        let generation = lookup.index.generation();
        if generation != self.generation {
            (self.generation, self.last) = (generation, None);
            self.forget();
        }
        // The same address is the same topic, as in messages that follow one another.
        let is_last =
            self.last.as_ref().is_some_and(|(last, _)| std::ptr::eq(&**last, topic) || **last == *topic);
        if !is_last {
            let found = match self.topics.get_key_value(topic) {
                Some((topic, receivers)) => (topic.clone(), receivers.clone()),
                None => self.remember(topic.into(), Arc::new(Receivers::find(lookup, topic))),
            };
            self.last = Some(found);
        }
        &self.last.get_or_insert_default().1
    }

    fn remember(&mut self, topic: Arc<str>, receivers: Arc<Receivers<R>>) -> (Arc<str>, Arc<Receivers<R>>) {
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

impl<R: Receiver> Subscriber<R> {
    fn key(&self) -> u64 {
        match self {
            Self::Session(session, ..) => session.key(),
            Self::Group(group) => group.key,
        }
    }
}

impl<R: Receiver> Receivers<R> {
    /// Asks the index, and merges what belongs to one session.
    fn find(lookup: &Lookup<'_, R>, topic: &str) -> Self {
        let mut found = Vec::new();
        lookup.index.matching(topic, |subscriber| found.push(subscriber.clone()));
        found.sort_by_key(Subscriber::key);
        let mut receivers = Self::default();
        for same in found.chunk_by(|one, other| one.key() == other.key() && !lookup.duplicates) {
            receivers.add(same);
        }
        if lookup.rights.load().has_rules() {
            receivers.judge(topic);
        }
        receivers
    }

    /// Notes who of them may read the topic, so that it need not be asked for each message.
    fn judge(&mut self, topic: &str) {
        for receiver in &mut self.list {
            if let RouteTarget::Session(session, grant) = receiver {
                grant.verdict = session.read_verdict(topic);
            }
        }
        for (position, own) in &mut self.own {
            if let (Some(own), Some(RouteTarget::Session(_, grant))) = (own, self.list.get(*position)) {
                own.verdict = grant.verdict;
            }
        }
    }

    /// Adds a group, or all that one session has subscribed to.
    fn add(&mut self, same: &[Subscriber<R>]) {
        let session = match same.first() {
            Some(Subscriber::Session(session, ..)) => session,
            Some(Subscriber::Group(group)) => return self.list.push(RouteTarget::Group(group.clone())),
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
        self.list.extend(merge(subscriptions).map(|grant| RouteTarget::Session(session.clone(), grant)));
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
pub(crate) struct FanOut<R> {
    receivers: Arc<Receivers<R>>,
    progress: FanOutProgress,
}

/// What a message has come to.
#[derive(Debug)]
pub(crate) enum Routed<R> {
    /// All receivers have been asked: the reason code for the publisher.
    ToAll(Reason),
    Unfinished(FanOut<R>),
}

/// How far a message has come.
#[derive(Debug)]
pub(crate) struct FanOutProgress {
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

impl<R: Receiver> FanOut<R> {
    /// Offers a message to its first `most` receivers, and notes who asks for a slower publisher.
    pub(crate) fn begin(
        receivers: &Arc<Receivers<R>>,
        mut progress: FanOutProgress,
        message: &RoutedMessage<'_>,
        most: usize,
        asked: &mut SlowDown<R>,
        limits: &Limits,
        cx: &mut Cx,
    ) -> Routed<R> {
        match progress.proceed(receivers, message, most, asked, limits, cx) {
            Some(reason) => Routed::ToAll(reason),
            None => Routed::Unfinished(Self { receivers: receivers.clone(), progress }),
        }
    }

    /// Offers the message to the next `most` receivers, and notes who asks for a slower publisher. The reason code for the
    /// publisher once all have been asked.
    pub(crate) fn proceed(
        &mut self,
        message: &RoutedMessage<'_>,
        most: usize,
        asked: &mut SlowDown<R>,
        limits: &Limits,
        cx: &mut Cx,
    ) -> Option<Reason> {
        self.progress.proceed(&self.receivers, message, most, asked, limits, cx)
    }
}

impl FanOutProgress {
    /// `publisher`: the key of the session that published; `retained`: the sequence number, if the message was retained.
    pub(crate) fn new(publisher: u64, retained: Option<u64>) -> Self {
        Self { publisher, next: 0, taken: 0, refused: 0, retained }
    }

    fn proceed<R: Receiver>(
        &mut self,
        receivers: &Receivers<R>,
        message: &RoutedMessage<'_>,
        most: usize,
        asked: &mut SlowDown<R>,
        limits: &Limits,
        cx: &mut Cx,
    ) -> Option<Reason> {
        let end = self.next.saturating_add(most).min(receivers.list.len());
        for (receiver, position) in receivers.list[self.next..end].iter().zip(self.next..) {
            let offer = match receiver {
                RouteTarget::Session(session, grant) => {
                    let grant = match session.key() == self.publisher {
                        false => Some(grant),
                        true => receivers.own(position, grant),
                    };
                    let Some(grant) = grant else { continue };
                    session.offer(message, grant, self.retained, cx, limits)
                }
                RouteTarget::Group(group) => group.offer(message, cx, limits),
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
        (end == receivers.list.len()).then(|| self.outcome(receivers))
    }

    /// The reason code for the publisher.
    fn outcome<R: Receiver>(&self, receivers: &Receivers<R>) -> Reason {
        if self.taken > 0 {
            Reason::SUCCESS
        } else if self.refused > 0 {
            Reason::QUOTA_EXCEEDED
        } else if self.matched(receivers) {
            Reason::SUCCESS
        } else {
            Reason::NO_MATCHING_SUBSCRIBERS
        }
    }

    /// Whether anybody had subscribed.
    fn matched<R: Receiver>(&self, receivers: &Receivers<R>) -> bool {
        let mut list = receivers.list.iter().enumerate();
        list.any(|(position, receiver)| match receiver {
            RouteTarget::Session(session, grant) if session.key() == self.publisher => {
                receivers.own(position, grant).is_some()
            }
            RouteTarget::Session(..) | RouteTarget::Group(_) => true,
        })
    }
}

/// The lower of what was published and what was granted [MQTT-3.8.4-8]; for a retained message and its subscription.
pub(crate) fn grant(options: Options, id: Option<u32>) -> Grant {
    let ids = id.map(|id| [id].as_slice().into());
    let (qos, retain_as_published) = (options.qos.min(QoS::ExactlyOnce), options.retain_as_published);
    Grant { qos, retain_as_published, ids, verdict: None }
}
