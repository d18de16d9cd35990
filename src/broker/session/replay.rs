//! The replay of retained messages to new subscriptions: in pages, as fast as the client takes them.
//!
//! What is still to be sent belongs to the session, so that a connection that breaks in the middle leaves the rest to the
//! next one. Only the session's own connection works on it. What is left out: the order of topics, which is the
//! cursor's.

use std::collections::BTreeMap;

use crate::broker::routing::receiver::Grant;
use crate::broker::routing::retained::Cursor;

/// Live deliveries that are remembered for one session, and bytes of their topics. Beyond that they are forgotten, and
/// some retained messages come twice.
const MOST_LIVE: usize = 10_000;
const MOST_LIVE_BYTES: usize = 1024 * 1024;

/// What is to be replayed to one session: at most one replay for each of its subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    /// In the order in which they began.
    pub(crate) waiting: BTreeMap<u64, Replay>,
    /// Where among them the replay of a filter is.
    places: BTreeMap<Box<str>, u64>,
    begun: u64,
    /// Retained messages that were delivered live meanwhile, by topic: the last one's sequence number, and its place
    /// among them.
    live: BTreeMap<Box<str>, (u64, u64)>,
    /// Bytes of their topics.
    live_bytes: usize,
    delivered: u64,
}

/// Retained messages still to be sent to one subscription.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) cursor: Cursor,
    pub(crate) grant: Grant,
    /// Live deliveries before the subscription, which do not stand for a message it asks for [MQTT-3.8.4-4].
    pub(crate) before: u64,
}

impl Replays {
    /// A subscription asks for what is retained under `filter`, which comes without its share. What was left to send to an
    /// earlier subscription to the same filter is sent as part of this replay.
    pub(crate) fn begin(&mut self, filter: &str, grant: Grant) {
        self.cancel(filter);
        let replay = Replay { cursor: Cursor::new(filter), grant, before: self.delivered };
        self.begun += 1;
        self.insert(self.begun, replay);
    }

    /// The subscription to `filter` is gone.
    pub(crate) fn cancel(&mut self, filter: &str) {
        if let Some(place) = self.places.remove(filter) {
            self.waiting.remove(&place);
        }
    }

    pub(crate) fn insert(&mut self, place: u64, replay: Replay) {
        self.places.insert(replay.cursor.filter().into(), place);
        self.waiting.insert(place, replay);
    }

    /// Takes the next one, to be put back in its place if it is not finished.
    pub(crate) fn take_first(&mut self) -> Option<(u64, Replay)> {
        let (place, replay) = self.waiting.pop_first()?;
        self.places.remove(replay.cursor.filter());
        Some((place, replay))
    }

    /// Retained message `sequence` of `topic` is delivered as it is published.
    pub(crate) fn delivered_live(&mut self, topic: &str, sequence: u64) {
        if self.live.len() >= MOST_LIVE || self.live_bytes + topic.len() > MOST_LIVE_BYTES {
            self.live.clear();
            self.live_bytes = 0;
        }
        if self.live.insert(topic.into(), (sequence, self.delivered)).is_none() {
            self.live_bytes += topic.len();
        }
        self.delivered += 1;
    }

    /// The retained message of `topic` is gone, so that no replay comes to it.
    pub(crate) fn cleared(&mut self, topic: &str) {
        if self.live.remove(topic).is_some() {
            self.live_bytes -= topic.len();
        }
    }

    /// Whether a live delivery after the subscription overtook retained message `sequence` of `topic`.
    pub(crate) fn was_overtaken(&self, topic: &str, sequence: u64, before: u64) -> bool {
        self.live.get(topic).is_some_and(|(live, place)| *live >= sequence && *place >= before)
    }
}
