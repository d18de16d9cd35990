//! The replay of retained messages to new subscriptions: in pages, as fast as the client takes them.
//!
//! What is still to be sent belongs to the session, so that a connection that breaks in the middle leaves the rest to the
//! next one. Only the session's own connection works on it. What is left out: the order of topics, which is the
//! cursor's.

use std::collections::{BTreeMap, VecDeque};

use super::connection::{Connection, Phase};
use super::link::Shared;
use super::retained::Cursor;
use super::session::Grant;
use super::turn::Turn;

/// What is to be replayed to one session.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    waiting: VecDeque<Replay>,
    /// Retained messages that were delivered live meanwhile, by topic: the last one's sequence number, and its place
    /// among them.
    live: BTreeMap<Box<str>, (u64, u64)>,
    delivered: u64,
}

/// Retained messages still to be sent to one subscription.
#[derive(Debug)]
struct Replay {
    cursor: Cursor,
    grant: Grant,
    /// Live deliveries before the subscription, which do not stand for a message it asks for [MQTT-3.8.4-4].
    before: u64,
}

impl Replays {
    /// A subscription asks for what is retained under `filter`, which comes without its share.
    pub(crate) fn begin(&mut self, filter: &str, grant: Grant) {
        self.waiting.push_back(Replay { cursor: Cursor::new(filter), grant, before: self.delivered });
    }

    /// The subscription to `filter` is gone.
    pub(crate) fn cancel(&mut self, filter: &str) {
        self.waiting.retain(|replay| replay.cursor.filter() != filter);
    }

    /// Retained message `sequence` of `topic` is delivered as it is published.
    pub(crate) fn delivered_live(&mut self, topic: &str, sequence: u64) {
        self.live.insert(topic.into(), (sequence, self.delivered));
        self.delivered += 1;
    }

    /// Whether a live delivery after the subscription overtook retained message `sequence` of `topic`.
    fn was_overtaken(&self, topic: &str, sequence: u64, before: u64) -> bool {
        self.live.get(topic).is_some_and(|(live, place)| *live >= sequence && *place >= before)
    }
}

impl Connection {
    /// Sends the next page, if the client has room for it.
    pub(super) fn replay(&mut self, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let (session, limits) = (&open.session, &self.limits);
        let mut state = session.lock();
        if state.replays.is_none() || !state.is_low(limits) {
            return;
        }
        let Some(mut replay) = state.replays.as_mut().and_then(|replays| replays.waiting.pop_front()) else {
            state.replays = None;
            return;
        };
        // The shards of retained messages are locked before sessions.
        drop(state);
        let (rights, listener) = (self.broker.rights.load(), open.who.listener);
        let more = self.broker.retained.next(&mut replay.cursor, turn.now, |message, source, sequence| {
            if !rights.stands(source, listener, message.as_ref().topic) {
                return;
            }
            let overtaken = session.lock().replays.as_ref().is_some_and(|replays| {
                replays.was_overtaken(message.as_ref().topic, sequence, replay.before)
            });
            if !overtaken {
                session.offer_retained(&Shared::of(message), &replay.grant, turn, limits);
            }
        });
        let mut state = session.lock();
        let Some(replays) = &mut state.replays else { return };
        if more {
            replays.waiting.push_front(replay);
        }
        if replays.waiting.is_empty() {
            state.replays = None;
        } else {
            turn.wakes.extend(self.waker.clone());
        }
    }
}
