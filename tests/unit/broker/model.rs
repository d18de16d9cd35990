//! What a store does with records, in its simplest form: the specification that stores are held to, and the store of the
//! transcripts.

use std::collections::BTreeMap;

use super::durability::record::Subscribed;
use super::durability::record::{Page, Record, SessionRecord, StoredMessage};
use super::durability::saved::{Saved, SavedGroup, SavedQueue, SavedRetained, SavedSent, SavedSession};
use crate::codec::packet::PacketId;

/// Everything a store has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    sessions: BTreeMap<u64, SessionRecord>,
    subscriptions: BTreeMap<(u64, Box<str>), Subscribed>,
    held: BTreeMap<(u64, PacketId), ()>,
    sent: BTreeMap<(u64, PacketId), (u64, Option<StoredMessage>)>,
    /// By number, with the owner.
    entries: BTreeMap<u64, (u64, StoredMessage)>,
    groups: BTreeMap<u64, Box<str>>,
    retained: BTreeMap<String, SavedRetained>,
}

impl Model {
    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::Session(session) => {
                self.sessions.insert(session.key, (**session).clone());
            }
            Record::EndSession { key } => {
                self.sessions.remove(key);
                self.subscriptions.retain(|(session, _), _| session != key);
                self.held.retain(|(session, _), ()| session != key);
                self.sent.retain(|(session, _), _| session != key);
                self.entries.retain(|_, (owner, _)| owner != key);
            }
            Record::Subscribe { session, filter, subscribed } => {
                self.subscriptions.insert((*session, filter.clone()), subscribed.clone());
            }
            Record::Unsubscribe { session, filter } => {
                self.subscriptions.remove(&(*session, filter.clone()));
            }
            Record::Hold { session, id } => {
                self.held.insert((*session, *id), ());
            }
            Record::LetGo { session, id } => {
                self.held.remove(&(*session, *id));
            }
            Record::Enqueue { owner, entry } => {
                self.entries.insert(entry.number, (*owner, entry.clone()));
            }
            Record::Remove { number } => {
                self.entries.remove(number);
            }
            Record::Send { session, id, sequence, number } => {
                let entry = self.entries.remove(number).map(|(_, entry)| entry);
                self.sent.insert((*session, *id), (*sequence, entry));
            }
            Record::Received { session, id, sequence } => {
                self.sent.insert((*session, *id), (*sequence, None));
            }
            Record::Complete { session, id } => {
                self.sent.remove(&(*session, *id));
            }
            Record::Group { key, filter } => {
                self.groups.insert(*key, filter.clone());
            }
            Record::EndGroup { key } => {
                self.groups.remove(key);
                self.entries.retain(|_, (owner, _)| owner != key);
            }
            Record::Retain { message, source } => {
                let saved = SavedRetained { message: message.clone(), source: source.clone() };
                self.retained.insert(message.as_ref().topic.to_owned(), saved);
            }
            Record::ClearRetained { topic } => {
                self.retained.remove(&**topic);
            }
            Record::Page(_) => {}
        }
    }

    /// The answer to a page, and whether there is no more.
    pub(crate) fn page(&self, page: &Page) -> (Vec<StoredMessage>, bool) {
        let entries: Vec<_> = self.of(page.owner(), page.from).take(page.most).cloned().collect();
        let complete = entries.len() < page.most;
        (entries, complete)
    }

    fn of(&self, owner: u64, from: u64) -> impl Iterator<Item = &StoredMessage> {
        let entries = self.entries.range(from..).filter(move |(_, (other, _))| *other == owner);
        entries.map(|(_, (_, entry))| entry)
    }

    /// What a broker takes up, with `head` entries of each queue.
    pub(crate) fn saved(&self, head: usize) -> Saved {
        let sessions = self.sessions.values().map(|record| {
            let of = |session: &u64| *session == record.key;
            let subscriptions = self.subscriptions.iter().filter(|((session, _), _)| of(session));
            let held = self.held.keys().filter(|(session, _)| of(session));
            let sent = self.sent.iter().filter(|((session, _), _)| of(session));
            let mut sent: Vec<_> = sent
                .map(|(_, (sequence, entry))| SavedSent { sequence: *sequence, entry: entry.clone() })
                .collect();
            sent.sort_by_key(|sent| sent.sequence);
            SavedSession {
                record: record.clone(),
                subscriptions: subscriptions
                    .map(|((_, filter), subscribed)| (filter.clone(), subscribed.clone()))
                    .collect(),
                held: held.map(|(_, id)| *id).collect(),
                sent,
                queue: self.queue(record.key, head),
            }
        });
        let groups = self.groups.iter().map(|(key, filter)| SavedGroup {
            key: *key,
            filter: filter.clone(),
            queue: self.queue(*key, head),
        });
        Saved {
            last_number: self.entries.last_key_value().map_or(0, |(number, _)| *number),
            sessions: sessions.collect(),
            groups: groups.collect(),
            retained: self.retained.values().cloned().collect(),
        }
    }

    fn queue(&self, owner: u64, head: usize) -> SavedQueue {
        let entries: Vec<_> = self.of(owner, 0).cloned().collect();
        let (first, rest) = entries.split_at(head.min(entries.len()));
        SavedQueue {
            head: first.to_vec(),
            rest: rest.len(),
            rest_bytes: rest.iter().map(|entry| entry.message.len()).sum(),
        }
    }
}
