//! Reads the whole store at the start, into the broker's values and the index.
//!
//! Entries are read in one pass: the first of each queue are kept in memory, the rest are only counted. Entries of an owner
//! that has ended, left over after a crash, are deleted.

use std::collections::{BTreeMap, HashMap};

use redb::{ReadTransaction, ReadableDatabase, ReadableTable};

use super::clock::StoreClock;
use super::database::{
    BODIES, Database, ENTRIES, GROUPS, HELD, RETAINED, SESSIONS, SUBSCRIPTIONS, message_of,
};
use super::row::{Content, EntryRow, EntryState, RetainedRow, SubscriptionRow, decode, decode_session};
use crate::broker::{Saved, SavedGroup, SavedQueue, SavedRetained, SavedSent, SavedSession};
use crate::codec::packet::PacketId;

/// How much of each queue is loaded into memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueHead {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// What belongs to one owner.
#[derive(Debug, Default)]
struct Owned {
    queue: SavedQueue,
    head_bytes: usize,
    sent: Vec<SavedSent>,
}

impl Database {
    /// Reads everything except the tails of long queues. A row that cannot be decoded is damage and an error.
    pub(crate) fn load(&mut self, head: QueueHead, clock: StoreClock) -> Result<Saved, redb::Error> {
        let read = self.opened()?.begin_read()?;
        let mut saved = Saved { retained: retained(&read, clock)?, ..Saved::default() };
        let mut owned = self.entries(&read, head, clock, &mut saved.last_number)?;
        for row in read.open_table(GROUPS)?.iter()? {
            let (key, filter) = row?;
            let (key, filter) = (key.value(), filter.value().into());
            let queue = owned.remove(&key).unwrap_or_default().queue;
            saved.groups.push(SavedGroup { key, filter, queue });
        }
        let mut subscriptions = read.open_table(SUBSCRIPTIONS)?;
        let held = read.open_table(HELD)?;
        for row in read.open_table(SESSIONS)?.iter()? {
            let (key, bytes) = row?;
            let key = key.value();
            let record = decode_session(bytes.value(), key, clock);
            let mut session = SavedSession {
                record: record.ok_or_else(|| damage("a session"))?,
                subscriptions: Vec::new(),
                held: Vec::new(),
                sent: Vec::new(),
                queue: SavedQueue::default(),
            };
            let Owned { queue, mut sent, head_bytes: _ } = owned.remove(&key).unwrap_or_default();
            sent.sort_unstable_by_key(|sent| sent.sequence);
            (session.queue, session.sent) = (queue, sent);
            add_subscriptions(&mut session, key, &mut subscriptions)?;
            for row in held.range((key, 0)..(key + 1, 0))? {
                session.held.extend(PacketId::new(row?.0.value().1));
            }
            saved.sessions.push(session);
        }
        for owner in self.index.owners() {
            let lives = |key: u64| {
                saved.sessions.iter().any(|session| session.record.key == key)
                    || saved.groups.iter().any(|group| group.key == key)
            };
            if owned.contains_key(&owner) && !lives(owner) {
                self.index.doom(owner);
            }
        }
        Ok(saved)
    }

    /// Reads all entries into the index, and the heads of the queues into memory.
    fn entries(
        &mut self,
        read: &ReadTransaction,
        head: QueueHead,
        clock: StoreClock,
        last: &mut u64,
    ) -> Result<BTreeMap<u64, Owned>, redb::Error> {
        let mut owned: BTreeMap<u64, Owned> = BTreeMap::new();
        let mut shared: HashMap<u64, u32> = HashMap::new();
        let bodies = read.open_table(BODIES)?;
        for row in read.open_table(ENTRIES)?.iter()? {
            let (number, bytes) = row?;
            let number = number.value();
            let row = decode::<EntryRow<'_>>(bytes.value()).ok_or_else(|| damage("a message"))?;
            *last = number;
            let of = owned.entry(row.owner).or_default();
            let len = match &row.content {
                Content::Here(message) => message.len(),
                Content::Body(body, len) => {
                    *shared.entry(*body).or_default() += 1;
                    usize::try_from(*len).unwrap_or(usize::MAX)
                }
                Content::Gone => 0,
            };
            let entry = || {
                let message = message_of(&row, &bodies, clock)?.ok_or_else(|| damage("a message"))?;
                row.entry(number, message).ok_or_else(|| damage("a message"))
            };
            match row.state {
                EntryState::Queue => {
                    self.index.enter(row.owner, number);
                    let fits = of.queue.rest == 0
                        && of.queue.head.len() < head.messages
                        && of.head_bytes < head.bytes;
                    if fits {
                        of.head_bytes += len;
                        of.queue.head.push(entry()?);
                    } else {
                        of.queue.rest += 1;
                        of.queue.rest_bytes += len;
                    }
                }
                EntryState::Sent { id, sequence } => {
                    self.index.fly(row.owner, id, number);
                    of.sent.push(SavedSent { sequence, entry: Some(entry()?) });
                }
                EntryState::Received { id, sequence } => {
                    self.index.fly(row.owner, id, number);
                    of.sent.push(SavedSent { sequence, entry: None });
                }
            }
        }
        self.index.bodies = shared;
        Ok(owned)
    }
}

fn retained(read: &ReadTransaction, clock: StoreClock) -> Result<Vec<SavedRetained>, redb::Error> {
    let mut retained = Vec::new();
    for row in read.open_table(RETAINED)?.iter()? {
        let (_, bytes) = row?;
        let saved = decode::<RetainedRow<'_>>(bytes.value()).and_then(|row| row.saved(clock));
        retained.push(saved.ok_or_else(|| damage("a retained message"))?);
    }
    Ok(retained)
}

fn add_subscriptions(
    session: &mut SavedSession,
    key: u64,
    subscriptions: &mut redb::ReadOnlyTable<(u64, &'static str), &'static [u8]>,
) -> Result<(), redb::Error> {
    for row in subscriptions.range((key, "")..(key + 1, ""))? {
        let (place, bytes) = row?;
        let row = decode::<SubscriptionRow>(bytes.value()).and_then(|row| row.subscribed());
        let subscribed = row.ok_or_else(|| damage("a subscription"))?;
        session.subscriptions.push((place.value().1.into(), subscribed));
    }
    Ok(())
}

fn damage(what: &str) -> redb::Error {
    redb::Error::Corrupted(format!("{what} cannot be read"))
}
