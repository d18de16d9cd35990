//! From a published message to its receivers: match, merge, deliver.
//!
//! Run by the publisher's own connection, so that many cores route at once. What a topic matches is remembered by the
//! worker until a subscription changes. A fan-out to many receivers goes in slices, so that others get their turn.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::Broker;
use super::link::Shared;
use super::session::{Grant, Offer, Session};
use super::shared::Group;
use super::turn::Turn;
use crate::codec::packet::Options;
use crate::message::QoS;
use crate::sync::Arc;

/// Topics a worker remembers the receivers of.
const REMEMBERED: usize = 4_096;

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

    /// Whether publishers should be slowed down because of this receiver.
    pub(crate) fn is_pressing(&self, turn: &Turn, broker: &Broker) -> bool {
        match self {
            Self::Session(session, _) => {
                let state = session.lock();
                state.is_pressing(turn.now, &broker.limits)
                    || (!state.is_low(&broker.limits) && state.takes(turn.now, &broker.limits))
            }
            Self::Group(group) => group.is_pressing(turn, &broker.limits),
        }
    }
}

/// The receivers of one topic, in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Receivers {
    list: Vec<Receiver>,
    /// Sessions with a matching subscription that does not want their own messages.
    no_local: Vec<u64>,
}

/// What a worker remembers, as long as no subscription changes.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    generation: u64,
    topics: HashMap<Box<str>, Arc<Receivers>, FixedState>,
    last: Option<(Box<str>, Arc<Receivers>)>,
}

impl Matches {
    /// Who receives what `publisher` says on `topic`.
    pub(crate) fn receivers(&mut self, broker: &Broker, topic: &str, publisher: u64) -> Arc<Receivers> {
        let generation = broker.index.generation();
        if generation != self.generation {
            (self.generation, self.last) = (generation, None);
            self.topics.clear();
        }
        let receivers = match &self.last {
            Some((last, receivers)) if **last == *topic => receivers.clone(),
            _ => self.remember(broker, topic),
        };
        if receivers.no_local.contains(&publisher) {
            return Arc::new(Receivers::find(broker, topic, Some(publisher)));
        }
        receivers
    }

    fn remember(&mut self, broker: &Broker, topic: &str) -> Arc<Receivers> {
        let receivers = match self.topics.get(topic) {
            Some(receivers) => receivers.clone(),
            None => {
                if self.topics.len() >= REMEMBERED {
                    self.topics.clear();
                }
                let receivers = Arc::new(Receivers::find(broker, topic, None));
                self.topics.insert(topic.into(), receivers.clone());
                receivers
            }
        };
        self.last = Some((topic.into(), receivers.clone()));
        receivers
    }
}

impl Receivers {
    /// Asks the index, and merges what belongs to one session: one copy, the highest granted QoS, all identifiers in
    /// ascending order [MQTT-3.3.4-2] [MQTT-3.3.4-4]. Subscriptions with No Local of `publisher` are left out, they
    /// alone [MQTT-3.8.3-3].
    fn find(broker: &Broker, topic: &str, publisher: Option<u64>) -> Self {
        let mut found = Vec::new();
        broker.index.matching(topic, |subscriber| found.push(subscriber.clone()));
        found.sort_by_key(|subscriber| match subscriber {
            Subscriber::Session(session, ..) => session.key,
            Subscriber::Group(group) => group.key,
        });
        let mut receivers = Self::default();
        let mut ids: Vec<u32> = Vec::new();
        for subscriber in found {
            match subscriber {
                Subscriber::Group(group) => receivers.list.push(Receiver::Group(group)),
                Subscriber::Session(session, options, id) => {
                    if options.no_local {
                        if publisher == Some(session.key) {
                            continue;
                        }
                        receivers.no_local.push(session.key);
                    }
                    receivers.merge(session, options, id, &mut ids);
                }
            }
        }
        receivers
    }

    fn merge(&mut self, session: Arc<Session>, options: Options, id: Option<u32>, ids: &mut Vec<u32>) {
        match self.list.last_mut() {
            Some(Receiver::Session(last, grant)) if last.key == session.key => {
                grant.qos = grant.qos.max(options.qos);
                grant.retain_as_published |= options.retain_as_published;
                if let Some(id) = id {
                    ids.push(id);
                    ids.sort_unstable();
                    grant.ids = Some(ids.as_slice().into());
                }
            }
            _ => {
                ids.clear();
                ids.extend(id);
                let grant = Grant {
                    qos: options.qos,
                    retain_as_published: options.retain_as_published,
                    ids: id.map(|id| [id].as_slice().into()),
                };
                self.list.push(Receiver::Session(session, grant));
            }
        }
    }
}

/// A message on its way to all its receivers, as far as it has come.
#[derive(Debug)]
pub(crate) struct FanOut {
    receivers: Arc<Receivers>,
    next: usize,
    /// Receivers that have, or will get, the message.
    taken: usize,
    /// Receivers that had subscribed and will not get it.
    refused: usize,
    /// The sequence number of a retained message.
    retained: Option<u64>,
}

impl FanOut {
    pub(crate) fn new(receivers: Arc<Receivers>, retained: Option<u64>) -> Self {
        Self { receivers, next: 0, taken: 0, refused: 0, retained }
    }

    /// Offers the message to the next `most` receivers; whether all have been asked now.
    pub(crate) fn proceed(
        &mut self,
        broker: &Broker,
        message: &Shared<'_>,
        most: usize,
        pressed: &mut Vec<Receiver>,
        turn: &mut Turn,
    ) -> bool {
        let end = self.next.saturating_add(most).min(self.receivers.list.len());
        for receiver in &self.receivers.list[self.next..end] {
            let offer = match receiver {
                Receiver::Session(session, grant) => {
                    session.offer(message, grant, self.retained, turn, &broker.limits)
                }
                Receiver::Group(group) => group.offer(message, turn, &broker.limits),
            };
            match offer {
                Offer::Taken => self.taken += 1,
                Offer::Pressed => {
                    self.taken += 1;
                    if pressed.iter().all(|other| other.key() != receiver.key()) {
                        pressed.push(receiver.clone());
                    }
                }
                Offer::Dropped(_) | Offer::NoRoom => self.refused += 1,
                Offer::Absent => {}
            }
        }
        self.next = end;
        self.next == self.receivers.list.len()
    }

    /// Whether anybody had subscribed.
    pub(crate) fn matched(&self) -> bool {
        !self.receivers.list.is_empty()
    }

    /// Whether there were receivers and all of them refused.
    pub(crate) fn all_refused(&self) -> bool {
        self.refused > 0 && self.taken == 0
    }
}

impl Broker {
    /// Publishes what no connection published: wills and `$SYS`. In one go, as nobody waits for it.
    pub(crate) fn publish(&self, message: &Shared<'_>, publisher: u64, turn: &mut Turn) {
        let mut pressed = Vec::new();
        self.route(message, publisher, usize::MAX, &mut pressed, turn);
    }

    /// Stores a retained message and offers the message to its first receivers; the rest is left to the caller, who
    /// goes on with [`FanOut::proceed`]. A retained message goes to all at once: its topic's slot is held until a
    /// concurrent SUBSCRIBE cannot miss or double it.
    pub(crate) fn route(
        &self,
        message: &Shared<'_>,
        publisher: u64,
        most: usize,
        pressed: &mut Vec<Receiver>,
        turn: &mut Turn,
    ) -> (FanOut, bool) {
        let mut matches = std::mem::take(&mut turn.matches);
        let mut route = |turn: &mut Turn, retained: Option<u64>, most: usize| {
            let receivers = matches.receivers(self, message.view.topic, publisher);
            let mut fan_out = FanOut::new(receivers, retained);
            let finished = fan_out.proceed(self, message, most, pressed, turn);
            (fan_out, finished)
        };
        let routed = if message.view.retain {
            let mut slot = self.retained.lock(message.view.topic);
            let sequence = if message.view.payload.is_empty() {
                slot.clear(); // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
                None
            } else {
                slot.set(message.message().clone(), turn.now) // [MQTT-3.3.1-5]
            };
            route(turn, sequence, usize::MAX)
        } else {
            route(turn, None, most)
        };
        turn.matches = matches;
        routed
    }
}

/// The lower of what was published and what was granted [MQTT-3.8.4-8]; for a retained message and its subscription.
pub(crate) fn grant(options: Options, id: Option<u32>) -> Grant {
    let ids = id.map(|id| [id].as_slice().into());
    Grant { qos: options.qos.min(QoS::ExactlyOnce), retain_as_published: options.retain_as_published, ids }
}
