//! A batch of records as what it changes in the database, each row once: what comes and goes within a batch is never
//! written.
//!
//! Made once and written until it succeeds. A commit that failed may have been written all the same, so writing it a
//! second time must change nothing: every change says what a row is, not what is added to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::clock::Clock;
use super::index::Index;
use super::row::{
    Content, EntryRow, MessageRow, Place, RetainedRow, SubscriptionRow, encode, encode_session,
};
use crate::broker::{Page, Record, StoredMessage};
use crate::codec::packet::PacketId;

/// Bytes of content up to which an entry has its own copy though others have the same message: a row of its own costs
/// more.
const OWN_COPY: usize = 256;

/// The new bytes of a row, or nothing if it goes.
type Row = Option<Vec<u8>>;

#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(super) sessions: BTreeMap<u64, Row>,
    pub(super) ended: BTreeSet<u64>,
    pub(super) subscriptions: BTreeMap<(u64, Box<str>), Row>,
    pub(super) held: BTreeMap<(u64, PacketId), bool>,
    pub(super) entries: BTreeMap<u64, Change>,
    pub(super) bodies: BTreeMap<u64, Vec<u8>>,
    pub(super) groups: BTreeMap<u64, Option<Box<str>>>,
    pub(super) retained: BTreeMap<Box<str>, Row>,
    pages: Vec<Page>,
    /// Entries that are made here, while the batch is read.
    made: BTreeMap<u64, (u64, Place, StoredMessage)>,
    flights: HashMap<(u64, PacketId), Option<u64>>,
    /// Where entries and flights of the index go, once all is written.
    moves: Vec<Move>,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Put(Vec<u8>),
    /// A row that is there gets another place.
    Send {
        session: u64,
        place: Place,
    },
    Delete,
}

#[derive(Debug)]
enum Move {
    Enter { owner: u64, number: u64 },
    Fly { session: u64, id: PacketId, number: u64 },
    Land { session: u64, id: PacketId },
    Share { body: u64, entries: u32 },
}

impl Changes {
    pub(super) fn new(records: Vec<Record>, index: &Index, clock: Clock) -> Self {
        let mut changes = Self::default();
        records.into_iter().for_each(|record| changes.add(record, index, clock));
        changes.forget_ended();
        changes.encode_entries(clock);
        changes
    }

    fn add(&mut self, record: Record, index: &Index, clock: Clock) {
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
                self.made.insert(entry.number, (owner, Place::Queue, entry));
            }
            Record::Remove { number } => self.delete(number),
            Record::Send { session, id, sequence, number } => self.send(session, id, sequence, number),
            Record::Received { session, id, sequence } => {
                if let Some(number) = self.flight(session, id, index) {
                    self.made.remove(&number);
                    let row = EntryRow::received(session, id, sequence);
                    self.entries.insert(number, Change::Put(encode(&row)));
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
        let sent = Place::Sent { id, sequence };
        match self.made.get_mut(&number) {
            Some((owner, place, _)) => (*owner, *place) = (session, sent),
            None => {
                self.entries.insert(number, Change::Send { session, place: sent });
            }
        }
        self.flights.insert((session, id), Some(number));
    }

    fn delete(&mut self, number: u64) {
        if self.made.remove(&number).is_none() {
            self.entries.insert(number, Change::Delete);
        }
    }

    /// The entry in flight there, after what this batch has done so far.
    fn flight(&self, session: u64, id: PacketId, index: &Index) -> Option<u64> {
        match self.flights.get(&(session, id)) {
            Some(number) => *number,
            None => index.flight(session, id),
        }
    }

    /// Of an owner that ends nothing is written; what is there already goes with it.
    fn forget_ended(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        self.subscriptions.retain(|(session, _), _| !ended.contains(session));
        self.held.retain(|(session, _), _| !ended.contains(session));
        self.made.retain(|_, (owner, ..)| !ended.contains(owner));
        self.flights.retain(|(session, _), _| !ended.contains(session));
        self.ended = ended;
    }

    fn encode_entries(&mut self, clock: Clock) {
        let made = std::mem::take(&mut self.made);
        let mut shares: HashMap<usize, (u32, Option<u64>)> = HashMap::new();
        for (_, _, entry) in made.values().filter(|(.., entry)| entry.message.len() > OWN_COPY) {
            shares.entry(entry.message.block()).or_default().0 += 1;
        }
        for (number, (owner, place, entry)) in made {
            let row = MessageRow::new(&entry.message, clock);
            let content = match shares.get_mut(&entry.message.block()).filter(|(count, _)| *count > 1) {
                None => Content::Here(row),
                Some((count, body)) => {
                    let length = row.len() as u64;
                    let body = *body.get_or_insert_with(|| {
                        self.bodies.insert(number, encode(&row));
                        self.moves.push(Move::Share { body: number, entries: *count });
                        number
                    });
                    Content::Body(body, length)
                }
            };
            let bytes = encode(&EntryRow::new(owner, place, &entry, content));
            self.entries.insert(number, Change::Put(bytes));
            if place == Place::Queue {
                self.moves.push(Move::Enter { owner, number });
            }
        }
        for ((session, id), number) in std::mem::take(&mut self.flights) {
            self.moves.push(match number {
                Some(number) => Move::Fly { session, id, number },
                None => Move::Land { session, id },
            });
        }
    }

    /// What is to be read once all is written.
    pub(crate) fn pages(&mut self) -> Vec<Page> {
        std::mem::take(&mut self.pages)
    }

    /// Tells the index what has been written. `left`: entries that are in a queue no more, with their owner.
    pub(super) fn settle(&mut self, left: Vec<(u64, u64)>, index: &mut Index) {
        for (owner, number) in left {
            index.leave(owner, number);
        }
        for step in self.moves.drain(..) {
            match step {
                Move::Enter { owner, number } => index.enter(owner, number),
                Move::Fly { session, id, number } => index.fly(session, id, number),
                Move::Land { session, id } => index.land(session, id),
                Move::Share { body, entries } => {
                    index.bodies.insert(body, entries);
                }
            }
        }
        for owner in &self.ended {
            index.doom(*owner);
        }
    }
}
