//! Retained messages, one for each topic.
//!
//! A PUBLISH that retains holds its topic's shard from before it reads the index until it has been offered to all; a
//! SUBSCRIBE enters the index first and reads the shards after. Each message has a sequence number, so that a replay can
//! tell what was delivered live meanwhile.
//!
//! Messages are found by the hash of their topic. Beside them stand all topics in the order of their levels, so that a
//! filter is answered by seeking from one candidate to the next and not by reading all there are, and so that replays
//! come in this order. A message that replaces another does not touch them.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::ops::Bound;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::broker::identity::Who;
use crate::message::Message;
use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, RwLock};
use crate::table::is_sparse;
use crate::time::Instant;
use crate::topic::TopicFilter;

/// Locks; more than there are workers, so that they seldom meet.
const SHARDS: usize = 16;
/// Candidates that one page of a replay looks at.
const PAGE: usize = 64;
/// Expired messages that are removed under one lock: in a sweep, and whenever another is stored.
const SWEEP: usize = 256;
const SWEEP_BESIDE: usize = 2;

#[derive(Debug)]
pub(crate) struct Retained {
    shards: [Mutex<RetainedShard>; SHARDS],
    /// Topics with NUL, which no topic contains, in place of `/`: so they sort level by level. Locked after a shard.
    keys: RwLock<BTreeSet<Box<str>>>,
    hasher: FixedState,
    sequence: AtomicU64,
    count: AtomicUsize,
    bytes: AtomicUsize,
    max_count: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct RetainedShard {
    entries: HashTable<RetainedEntry>,
    /// Of those that expire: when, the sequence number, and the hash.
    expiring: BTreeSet<(Instant, u64, u64)>,
}

#[derive(Debug)]
struct RetainedEntry {
    sequence: u64,
    message: Message,
    /// Who published it; `None` for the broker itself.
    source: Option<Arc<Who>>,
}

/// The slot of one topic, held.
#[derive(Debug)]
pub(crate) struct RetainedSlot<'a> {
    retained: &'a Retained,
    shard: MutexGuard<'a, RetainedShard>,
    topic: &'a str,
    hash: u64,
}

/// How far a replay has come. It stays valid whatever is stored or removed meanwhile.
#[derive(Debug)]
pub(crate) struct Cursor {
    filter: Box<str>,
    /// The next candidate is at or after this key.
    from: Box<str>,
}

fn key_of(topic: &str) -> Box<str> {
    topic.replace('/', "\0").into()
}

impl Retained {
    /// `seed` must be known to nobody outside, so that nobody can choose topics that collide. What several store at one
    /// moment may pass `max_count` and `max_bytes` by as much.
    pub(crate) fn new(seed: u64, max_count: usize, max_bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            keys: RwLock::default(),
            hasher: FixedState::with_seed(seed),
            sequence: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            max_count,
            max_bytes,
        }
    }

    /// Retained messages.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Bytes of their topics, properties and payloads.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Holds the slot of `topic`.
    pub(crate) fn lock<'a>(&'a self, topic: &'a str) -> RetainedSlot<'a> {
        let hash = self.hasher.hash_one(topic);
        // Not the bits by which the table of a shard spreads its entries.
        let shard = usize::try_from((hash >> 40) % SHARDS as u64).unwrap_or(0);
        RetainedSlot { retained: self, shard: self.shards[shard].lock(), topic, hash }
    }

    /// The next page of a replay: `visit` gets the messages that match, with who published them and their sequence
    /// numbers, while their shard is held. Whether there may be more. Topics come in the order of their levels, byte by byte.
    pub(crate) fn next(
        &self,
        cursor: &mut Cursor,
        now: Instant,
        mut visit: impl FnMut(&Message, Option<&Who>, u64),
    ) -> bool {
        let Ok(filter) = TopicFilter::new(&cursor.filter) else { return false };
        if !filter.has_wildcard() {
            self.lock(filter.filter()).visit(now, &mut visit);
            return false;
        }
        let (topics, from) = self.page(filter, &cursor.from);
        topics.iter().for_each(|topic| self.lock(topic).visit(now, &mut visit));
        let more = from.is_some();
        cursor.from = from.unwrap_or_default();
        more
    }

    /// Topics that match among the next candidates, and where to go on, if there may be more.
    fn page(&self, filter: TopicFilter<'_>, from: &str) -> (Vec<String>, Option<Box<str>>) {
        let keys = self.keys.read();
        let seek_to = |from: &str| keys.range::<str, _>((Bound::Included(from), Bound::Unbounded));
        let (mut found, mut candidates) = (Vec::new(), seek_to(from));
        for looked in 1..=PAGE {
            let Some(key) = candidates.next() else { return (found, None) };
            let topic = key.replace('\0', "/");
            let next = if filter.matches(&topic) {
                found.push(topic);
                (looked == PAGE).then(|| after(key))
            } else {
                let Some(next) = seek(filter.filter(), key) else { return (found, None) };
                candidates = seek_to(&next);
                Some(next)
            };
            if looked == PAGE {
                return (found, next);
            }
        }
        (found, None)
    }

    fn hash(&self, entry: &RetainedEntry) -> u64 {
        self.hasher.hash_one(entry.message.as_ref().topic)
    }

    /// Removes what has expired, but not more in one go than is quickly done. Nobody sees an expired message before.
    pub(crate) fn expire(&self, now: Instant) {
        self.shards.iter().for_each(|shard| self.sweep(&mut shard.lock(), now, SWEEP));
    }

    fn sweep(&self, shard: &mut RetainedShard, now: Instant, most: usize) {
        for _ in 0..most {
            let Some((due, sequence, hash)) = shard.expiring.first().copied() else { return };
            if due > now {
                return;
            }
            match shard.take(hash, |entry| entry.sequence == sequence) {
                Some(entry) => self.removed(shard, &entry.message),
                None => return,
            }
        }
    }

    /// An entry was taken, and none has its place.
    fn removed(&self, shard: &mut RetainedShard, message: &Message) {
        if is_sparse(shard.entries.len(), shard.entries.capacity()) {
            shard.entries.shrink_to_fit(|entry| self.hash(entry));
        }
        self.keys.write().remove(&key_of(message.as_ref().topic));
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(message.len(), Ordering::Relaxed);
    }
}

impl RetainedShard {
    fn take(&mut self, hash: u64, is: impl Fn(&RetainedEntry) -> bool) -> Option<RetainedEntry> {
        let (entry, _) = self.entries.find_entry(hash, is).ok()?.remove();
        self.expiring.remove(&(entry.message.expires(), entry.sequence, hash));
        Some(entry)
    }
}

impl RetainedEntry {
    fn is_of(&self, topic: &str) -> bool {
        self.message.as_ref().topic == topic
    }
}

impl RetainedSlot<'_> {
    /// Keeps `message` in place of what is there; its sequence number, or nothing if there is no room for it.
    pub(crate) fn set(&mut self, message: Message, source: Option<Arc<Who>>, now: Instant) -> Option<u64> {
        let (retained, hash, topic) = (self.retained, self.hash, self.topic);
        // So expired messages cannot pile up, however seldom somebody sweeps.
        retained.sweep(&mut self.shard, now, SWEEP_BESIDE);
        let old = self.shard.entries.find(hash, |entry| entry.is_of(topic)).map(|old| old.message.len());
        let count = retained.len() + usize::from(old.is_none());
        let bytes = (retained.bytes() + message.len()).saturating_sub(old.unwrap_or(0));
        if count > retained.max_count || bytes > retained.max_bytes {
            // What was retained before is not the last message any more.
            self.clear();
            return None;
        }
        retained.bytes.fetch_add(message.len(), Ordering::Relaxed);
        match old {
            Some(old) => {
                self.shard.take(hash, |entry| entry.is_of(topic));
                retained.bytes.fetch_sub(old, Ordering::Relaxed);
            }
            None => {
                retained.count.fetch_add(1, Ordering::Relaxed);
                retained.keys.write().insert(key_of(topic));
            }
        }
        let sequence = retained.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        if message.expires() != Instant::NEVER {
            self.shard.expiring.insert((message.expires(), sequence, hash));
        }
        let entry = RetainedEntry { sequence, message, source };
        self.shard.entries.insert_unique(hash, entry, |entry| retained.hash(entry));
        Some(sequence)
    }

    /// Removes what is there [MQTT-3.3.1-6].
    pub(crate) fn clear(&mut self) {
        if let Some(old) = self.shard.take(self.hash, |entry| entry.is_of(self.topic)) {
            self.retained.removed(&mut self.shard, &old.message);
        }
    }

    /// Shows what is there, or removes it if it has expired.
    fn visit(&mut self, now: Instant, visit: &mut impl FnMut(&Message, Option<&Who>, u64)) {
        match self.shard.entries.find(self.hash, |entry| entry.is_of(self.topic)) {
            Some(entry) if entry.message.expires() > now => {
                visit(&entry.message, entry.source.as_deref(), entry.sequence)
            }
            Some(_) => self.clear(),
            None => {}
        }
    }
}

impl Cursor {
    /// A replay of what matches `filter`, which comes without its share.
    pub(crate) fn new(filter: &str) -> Self {
        Self { filter: filter.into(), from: start(filter) }
    }

    /// The same from behind `topic` on, in the order of the replay.
    pub(crate) fn after(filter: &str, topic: &str) -> Self {
        let from = after(&key_of(topic)).max(start(filter));
        Self { filter: filter.into(), from }
    }

    pub(crate) fn filter(&self) -> &str {
        &self.filter
    }
}

/// The first key that could match: the filter up to its first wildcard.
fn start(filter: &str) -> Box<str> {
    let literal = &filter[..filter.find(['+', '#']).unwrap_or(filter.len())];
    key_of(literal.strip_suffix('/').filter(|_| filter.ends_with('#')).unwrap_or(literal))
}

/// The key right after `key`.
fn after(key: &str) -> Box<str> {
    format!("{key}\0").into()
}

/// Where to look on after `key`, which does not match `filter`: the least key after it that could. `None` if none can.
fn seek(filter: &str, key: &str) -> Option<Box<str>> {
    let levels: Vec<&str> = key.split('\0').collect();
    let mut prefix = String::new();
    for (position, part) in filter.split('/').enumerate() {
        if part == "#" {
            // Only a `$` topic is refused here; go past this first level.
            return Some(past(levels.first()?));
        }
        let Some(level) = levels.get(position) else {
            // The key is a parent of what could match.
            let wanted = if part == "+" { "" } else { part };
            let next = format!("{prefix}{wanted}");
            return Some(if *next > *key { next.into() } else { after(key) });
        };
        match part {
            "+" if position == 0 && level.starts_with('$') => return Some(past(level)),
            "+" => {}
            part if part == *level => {}
            part if part > *level => return Some(format!("{prefix}{part}").into()),
            // Past every key that could match under this prefix: go past the prefix's last level.
            _ => return leave(&prefix),
        }
        prefix.push_str(level);
        prefix.push('\0');
    }
    // The key has more levels than the filter.
    leave(&prefix)
}

/// The least key after all that have `level` as their first level.
fn past(level: &str) -> Box<str> {
    format!("{level}\u{1}").into()
}

/// The least key after all that begin with `prefix`, which ends with a separator; `None` for the empty prefix.
fn leave(prefix: &str) -> Option<Box<str>> {
    let prefix = prefix.strip_suffix('\0')?;
    Some(format!("{prefix}\u{1}").into())
}

#[cfg(test)]
#[path = "../../../tests/unit/broker/retained.rs"]
mod tests;
