//! What a store holds when the broker starts: sessions, shared groups, retained messages, and the first messages of each
//! queue.

use crate::broker::durability::record::{SessionRecord, StoredMessage, Subscribed};
use crate::broker::identity::Who;
use crate::codec::packet::PacketId;
use crate::message::Message;
use crate::sync::Arc;

/// All that a store has but the tails of long queues.
#[derive(Debug, Default)]
pub struct Saved {
    /// The greatest number of an entry.
    pub last_number: u64,
    pub sessions: Vec<SavedSession>,
    pub groups: Vec<SavedGroup>,
    pub retained: Vec<SavedRetained>,
}

#[derive(Clone, Debug)]
pub struct SavedRetained {
    pub message: Message,
    pub source: Option<Arc<Who>>,
}

#[derive(Debug)]
pub struct SavedSession {
    pub record: SessionRecord,
    pub subscriptions: Vec<(Box<str>, Subscribed)>,
    /// QoS 2 identifiers of the client that wait for PUBREL.
    pub held: Vec<PacketId>,
    /// QoS 2 messages in flight, by ascending sequence numbers.
    pub sent: Vec<SavedSent>,
    pub queue: SavedQueue,
}

/// A QoS 2 message in flight; without an entry once PUBREC has come.
#[derive(Debug)]
pub struct SavedSent {
    pub sequence: u64,
    pub entry: Option<StoredMessage>,
}

#[derive(Debug)]
pub struct SavedGroup {
    pub key: u64,
    pub filter: Box<str>,
    pub queue: SavedQueue,
}

/// The first entries of a queue, and what follows them.
#[derive(Debug, Default)]
pub struct SavedQueue {
    pub head: Vec<StoredMessage>,
    pub rest: usize,
    pub rest_bytes: usize,
}
