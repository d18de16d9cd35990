//! Retained messages, one for each topic.
//!
//! A PUBLISH that retains holds its topic's shard from before it reads the index until it has been offered to all; a
//! SUBSCRIBE enters the index first and reads the shards after. Each message has a sequence number, so that a replay can
//! tell what was delivered live meanwhile. Topics are kept in order of their levels, so that a filter is answered by
//! seeking from one candidate to the next and not by reading all there are.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::message::Message;
use crate::sync::{AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering};
use crate::time::Instant;
use crate::topic::TopicFilter;

/// Locks; more than there are workers, so that they seldom meet.
const SHARDS: usize = 16;
/// Candidates that one page of a replay looks at.
const PAGE: usize = 64;

#[derive(Debug)]
pub(crate) struct Retained {
    shards: [Mutex<Shard>; SHARDS],
    seed: u64,
    sequence: AtomicU64,
    count: AtomicUsize,
    bytes: AtomicUsize,
    max_count: usize,
    max_bytes: usize,
    /// When the next message expires, or earlier; in microseconds.
    expires: AtomicU64,
}

/// Topics with NUL, which no topic contains, in place of `/`: so they sort level by level.
#[derive(Debug, Default)]
struct Shard(BTreeMap<Box<str>, (u64, Message)>);

/// The slot of one topic, held.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    retained: &'a Retained,
    shard: MutexGuard<'a, Shard>,
    key: Box<str>,
}

/// How far a replay has come. It stays valid whatever is stored or removed meanwhile.
#[derive(Debug)]
pub(crate) struct Cursor {
    filter: Box<str>,
    shard: usize,
    /// The next candidate is at or after this key.
    from: Box<str>,
}

fn key_of(topic: &str) -> Box<str> {
    topic.replace('/', "\0").into()
}

impl Retained {
    pub(crate) fn new(seed: u64, max_count: usize, max_bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            seed,
            sequence: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            max_count,
            max_bytes,
            expires: AtomicU64::new(u64::MAX),
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
    pub(crate) fn lock(&self, topic: &str) -> Slot<'_> {
        let hash = topic.bytes().fold(self.seed, |hash, byte| super::mix(hash ^ u64::from(byte)));
        let shard = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        Slot { retained: self, shard: self.shards[shard].lock(), key: key_of(topic) }
    }

    /// The next page of a replay: `visit` gets the messages that match, with their sequence numbers, while their shard is
    /// held. Whether there may be more. Within a shard topics come in the order of their levels.
    pub(crate) fn next(
        &self,
        cursor: &mut Cursor,
        now: Instant,
        mut visit: impl FnMut(&Message, u64),
    ) -> bool {
        let Ok(filter) = TopicFilter::new(&cursor.filter) else { return false };
        let mut looked = 0;
        while cursor.shard < SHARDS {
            let shard = self.shards[cursor.shard].lock();
            while looked < PAGE {
                let found =
                    shard.0.range::<str, _>((Bound::Included(&*cursor.from), Bound::Unbounded)).next();
                let Some((key, (sequence, message))) = found else { break };
                looked += 1;
                let topic = message.as_ref().topic;
                if filter.matches(topic) {
                    if message.expires() > now {
                        visit(message, *sequence);
                    }
                    cursor.from = after(key);
                } else {
                    match seek(filter.filter(), key) {
                        Some(from) => cursor.from = from,
                        None => break,
                    }
                }
            }
            if looked >= PAGE {
                return true;
            }
            cursor.shard += 1;
            cursor.from = start(filter.filter());
        }
        false
    }

    /// Removes what has expired, if it is time.
    pub(crate) fn expire(&self, now: Instant) {
        if self.expires.load(Ordering::Relaxed) > now.as_micros() {
            return;
        }
        self.expires.store(u64::MAX, Ordering::Relaxed);
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.0.retain(|_, (_, message)| {
                let keep = message.expires() > now;
                if keep {
                    self.expires.fetch_min(message.expires().as_micros(), Ordering::Relaxed);
                } else {
                    self.removed(message);
                }
                keep
            });
        }
    }

    fn removed(&self, message: &Message) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(message.len(), Ordering::Relaxed);
    }
}

impl Slot<'_> {
    /// Keeps `message` in place of what is there; its sequence number, or nothing if there is no room for it.
    pub(crate) fn set(&mut self, message: Message) -> Option<u64> {
        let old = self.shard.0.get(&self.key).map_or(0, |(_, old)| old.len());
        let (count, bytes) = (self.retained.len(), self.retained.bytes());
        let new = usize::from(old == 0);
        if count + new > self.retained.max_count || bytes - old + message.len() > self.retained.max_bytes {
            // What was retained before is not the last message any more.
            self.clear();
            return None;
        }
        let sequence = self.retained.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        self.retained.count.fetch_add(new, Ordering::Relaxed);
        self.retained.bytes.fetch_add(message.len(), Ordering::Relaxed);
        self.retained.bytes.fetch_sub(old, Ordering::Relaxed);
        self.retained.expires.fetch_min(message.expires().as_micros(), Ordering::Relaxed);
        self.shard.0.insert(self.key.clone(), (sequence, message));
        Some(sequence)
    }

    /// Removes what is there [MQTT-3.3.1-6].
    pub(crate) fn clear(&mut self) {
        if let Some((_, old)) = self.shard.0.remove(&self.key) {
            self.retained.removed(&old);
        }
    }
}

impl Cursor {
    /// A replay of what matches `filter`, which comes without its share.
    pub(crate) fn new(filter: &str) -> Self {
        Self { filter: filter.into(), shard: 0, from: start(filter) }
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
mod tests {
    use super::{Cursor, Retained};
    use crate::message::{MessageRef, QoS};
    use crate::time::Instant;
    use crate::topic::TopicFilter;

    fn message(topic: &str) -> crate::message::Message {
        let (qos, expires) = (QoS::AtMostOnce, Instant::NEVER);
        MessageRef { topic, properties: b"", payload: b"x", qos, retain: true, expires }.to_message()
    }

    fn replay(retained: &Retained, filter: &str) -> Vec<String> {
        let (mut cursor, mut found, mut pages) = (Cursor::new(filter), Vec::new(), 0);
        while retained
            .next(&mut cursor, Instant::ZERO, |message, _| found.push(message.as_ref().topic.to_owned()))
        {
            pages += 1;
            assert!(pages < 10_000, "the replay of {filter} does not end");
        }
        found.sort();
        found
    }

    #[test]
    fn a_replay_finds_what_the_specification_says() {
        const LEVELS: [&str; 7] = ["a", "b", "", "$x", "a\u{1}", "a!", "ab"];
        const PARTS: [&str; 7] = ["a", "b", "", "$x", "+", "+", "ab"];
        for seed in 0..100_u64 {
            let mut state = seed;
            let mut roll = |sides: usize| {
                state = super::super::mix(state);
                usize::try_from(state % sides as u64).unwrap()
            };
            let retained = Retained::new(seed, usize::MAX, usize::MAX);
            let mut topics = Vec::new();
            for _ in 0..60 {
                let levels: Vec<_> = (0..=roll(4)).map(|_| LEVELS[roll(LEVELS.len())]).collect();
                let topic = levels.join("/");
                if !topic.is_empty() && !topics.contains(&topic) {
                    retained.lock(&topic).set(message(&topic));
                    topics.push(topic);
                }
            }
            assert_eq!(retained.len(), topics.len());
            for _ in 0..60 {
                let mut parts: Vec<_> = (0..=roll(4)).map(|_| PARTS[roll(PARTS.len())]).collect();
                if roll(3) == 0 {
                    parts.push("#");
                }
                let text = parts.join("/");
                let Ok(filter) = TopicFilter::new(&text) else { continue };
                let mut expected = topics.clone();
                expected.retain(|topic| filter.matches(topic));
                expected.sort();
                assert_eq!(replay(&retained, &text), expected, "seed {seed}, filter {text:?}");
            }
        }
    }

    #[test]
    fn a_replay_seeks_and_does_not_read_all() {
        let retained = Retained::new(1, usize::MAX, usize::MAX);
        for number in 0..20_000 {
            let topic = format!("site/{number}/noise");
            retained.lock(&topic).set(message(&topic));
        }
        retained.lock("site/77/status").set(message("site/77/status"));
        let (mut cursor, mut pages) = (Cursor::new("other/#"), 0);
        while retained.next(&mut cursor, Instant::ZERO, |_, _| unreachable!()) {
            pages += 1;
        }
        assert_eq!(pages, 0, "nothing under another/ has to be looked at");
        assert_eq!(replay(&retained, "site/77/+"), ["site/77/noise", "site/77/status"]);
        assert_eq!(replay(&retained, "site/+/status"), ["site/77/status"]);
    }

    #[test]
    fn limits_and_expiry_are_kept() {
        let retained = Retained::new(1, 2, usize::MAX);
        assert_eq!(retained.lock("a").set(message("a")), Some(1));
        assert_eq!(retained.lock("b").set(message("b")), Some(2));
        assert_eq!(retained.lock("c").set(message("c")), None);
        assert_eq!(retained.lock("b").set(message("b")), Some(3));
        retained.lock("b").clear();
        assert_eq!((retained.len(), retained.bytes()), (1, 2));
        let owned = message("d");
        let mut short = owned.as_ref();
        short.expires = Instant::from_micros(10);
        retained.lock("d").set(short.to_message());
        retained.expire(Instant::from_micros(9));
        assert_eq!(retained.len(), 2);
        retained.expire(Instant::from_micros(10));
        assert_eq!(retained.len(), 1);
    }
}
