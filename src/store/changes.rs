//! A batch of records, reduced to one change for each row: a row that is created and deleted within a batch is never written.
//!
//! A batch is committed until that succeeds. A commit that failed may have been written nevertheless, so changes are
//! idempotent: each says what a row becomes, not what is added to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::clock::StoreClock;
use super::index::EntryIndex;
use super::row::{
    Content, EntryRow, EntryState, MessageRow, RetainedRow, SubscriptionRow, encode, encode_session,
};
use crate::broker::{Page, Record, StoredMessage};
use crate::codec::packet::PacketId;

/// Size in bytes up to which each entry has its own copy of a message that several receive: a shared row costs more.
const OWN_COPY: usize = 256;

/// The new content of a row; `None` deletes it.
type Row = Option<Vec<u8>>;

#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(super) sessions: BTreeMap<u64, Row>,
    pub(super) ended: BTreeSet<u64>,
    pub(super) subscriptions: BTreeMap<(u64, Box<str>), Row>,
    pub(super) held: BTreeMap<(u64, PacketId), bool>,
    pub(super) entries: BTreeMap<u64, EntryChange>,
    pub(super) bodies: BTreeMap<u64, Vec<u8>>,
    pub(super) groups: BTreeMap<u64, Option<Box<str>>>,
    pub(super) retained: BTreeMap<Box<str>, Row>,
    pages: Vec<Page>,
    /// Entries created in this batch, while it is read.
    made: BTreeMap<u64, (u64, EntryState, StoredMessage)>,
    flights: HashMap<(u64, PacketId), Option<u64>>,
    /// Updates of the index, applied after the commit.
    index_updates: Vec<IndexUpdate>,
}

#[derive(Clone, Debug)]
pub(super) enum EntryChange {
    Put(Vec<u8>),
    /// An existing row gets another owner and state.
    Send {
        session: u64,
        state: EntryState,
    },
    Delete,
}

#[derive(Debug)]
enum IndexUpdate {
    Enter { owner: u64, number: u64 },
    Fly { session: u64, id: PacketId, number: u64 },
    Land { session: u64, id: PacketId },
    Share { body: u64, entries: u32 },
}

impl Changes {
    pub(super) fn new(records: Vec<Record>, index: &EntryIndex, clock: StoreClock) -> Self {
        let mut changes = Self::default();
        records.into_iter().for_each(|record| changes.add(record, index, clock));
        changes.forget_ended();
        changes.encode_entries(clock);
        changes
    }

    fn add(&mut self, record: Record, index: &EntryIndex, clock: StoreClock) {
        match record {
            Record::Session(record) => {
                self.sessions.insert(record.key, Some(encode_session(&record, clock)));
            }
            Record::EndSession { key } => {
                self.sessions.insert(key, None);
                self.ended.insert(key);
            }
            Record::Subscribe { session, filter, subscribed } => {
                let row = encode(&SubscriptionRow::new(&subscribed));
                self.subscriptions.insert((session, filter), Some(row));
            }
            Record::Unsubscribe { session, filter } => {
                self.subscriptions.insert((session, filter), None);
            }
            Record::Hold { session, id } => {
                self.held.insert((session, id), true);
            }
            Record::LetGo { session, id } => {
                self.held.insert((session, id), false);
            }
            Record::Enqueue { owner, entry } => {
                self.made.insert(entry.number, (owner, EntryState::Queue, entry));
            }
            Record::Remove { number } => self.delete(number),
            Record::Send { session, id, sequence, number } => self.send(session, id, sequence, number),
            Record::Received { session, id, sequence } => {
                if let Some(number) = self.flight(session, id, index) {
                    self.made.remove(&number);
                    let row = EntryRow::received(session, id, sequence);
                    self.entries.insert(number, EntryChange::Put(encode(&row)));
                }
            }
            Record::Complete { session, id } => {
                if let Some(number) = self.flight(session, id, index) {
                    self.delete(number);
                }
                self.flights.insert((session, id), None);
            }
            Record::Group { key, filter } => {
                self.groups.insert(key, Some(filter));
            }
            Record::EndGroup { key } => {
                self.groups.insert(key, None);
                self.ended.insert(key);
            }
            Record::Retain { message, source } => {
                let row = encode(&RetainedRow::new(&message, source.as_deref(), clock));
                self.retained.insert(message.as_ref().topic.into(), Some(row));
            }
            Record::ClearRetained { topic } => {
                self.retained.insert(topic, None);
            }
            Record::Page(page) => self.pages.push(page),
        }
    }

    fn send(&mut self, session: u64, id: PacketId, sequence: u64, number: u64) {
        let sent = EntryState::Sent { id, sequence };
        match self.made.get_mut(&number) {
            Some((owner, state, _)) => (*owner, *state) = (session, sent),
            None => {
                self.entries.insert(number, EntryChange::Send { session, state: sent });
            }
        }
        self.flights.insert((session, id), Some(number));
    }

    fn delete(&mut self, number: u64) {
        if self.made.remove(&number).is_none() {
            self.entries.insert(number, EntryChange::Delete);
        }
    }

    /// The entry in flight under this packet identifier, as of the records of this batch read so far.
    fn flight(&self, session: u64, id: PacketId, index: &EntryIndex) -> Option<u64> {
        match self.flights.get(&(session, id)) {
            Some(number) => *number,
            None => index.flight(session, id),
        }
    }

    /// Drops changes of owners that end in this batch; their existing rows are deleted with them.
    fn forget_ended(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        self.subscriptions.retain(|(session, _), _| !ended.contains(session));
        self.held.retain(|(session, _), _| !ended.contains(session));
        self.made.retain(|_, (owner, ..)| !ended.contains(owner));
        self.flights.retain(|(session, _), _| !ended.contains(session));
        self.ended = ended;
    }

    fn encode_entries(&mut self, clock: StoreClock) {
        let made = std::mem::take(&mut self.made);
        let mut shares: HashMap<usize, (u32, Option<u64>)> = HashMap::new();
        for (_, _, entry) in made.values().filter(|(.., entry)| entry.message.len() > OWN_COPY) {
            shares.entry(entry.message.block()).or_default().0 += 1;
        }
        for (number, (owner, state, entry)) in made {
            let row = MessageRow::new(&entry.message, clock);
            let content = match shares.get_mut(&entry.message.block()).filter(|(count, _)| *count > 1) {
                None => Content::Here(row),
                Some((count, body)) => {
                    let length = row.len() as u64;
                    let body = *body.get_or_insert_with(|| {
                        self.bodies.insert(number, encode(&row));
                        self.index_updates.push(IndexUpdate::Share { body: number, entries: *count });
                        number
                    });
                    Content::Body(body, length)
                }
            };
            let bytes = encode(&EntryRow::new(owner, state, &entry, content));
            self.entries.insert(number, EntryChange::Put(bytes));
            if state == EntryState::Queue {
                self.index_updates.push(IndexUpdate::Enter { owner, number });
            }
        }
        for ((session, id), number) in std::mem::take(&mut self.flights) {
            self.index_updates.push(match number {
                Some(number) => IndexUpdate::Fly { session, id, number },
                None => IndexUpdate::Land { session, id },
            });
        }
    }

    /// Pages to be read after the commit.
    pub(crate) fn pages(&mut self) -> Vec<Page> {
        std::mem::take(&mut self.pages)
    }

    /// Updates the index after the commit. `left`: owners and numbers of entries that left a queue.
    pub(super) fn settle(&mut self, left: Vec<(u64, u64)>, index: &mut EntryIndex) {
        for (owner, number) in left {
            index.leave(owner, number);
        }
        for step in self.index_updates.drain(..) {
            match step {
                IndexUpdate::Enter { owner, number } => index.enter(owner, number),
                IndexUpdate::Fly { session, id, number } => index.fly(session, id, number),
                IndexUpdate::Land { session, id } => index.land(session, id),
                IndexUpdate::Share { body, entries } => {
                    index.bodies.insert(body, entries);
                }
            }
        }
        for owner in &self.ended {
            index.doom(*owner);
        }
    }
}
