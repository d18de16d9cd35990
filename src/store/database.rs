//! The tables, and what is done to them: one transaction for a batch, a page of a queue, everything at a start.
//!
//! After an error the database takes nothing more until it is opened again, which happens by itself at the next try: see
//! `open`.

use std::collections::{HashMap, VecDeque};

use redb::{Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::changes::{Change, Changes};
use super::clock::{Anchor, Clock, Reading, Start};
use super::disk::Layer;
use super::index::Index;
use super::open::{Access, Lost};
use super::row::{Content, EntryRow, MessageRow, Place, decode, encode};
use crate::broker::{Page, StoredMessage};
use crate::message::Message;
use crate::table;
use crate::time::Instant;

/// The version of the tables and rows; raised when an older program could not read them.
pub(super) const FORMAT: u64 = 1;
/// The key in [`META`] under which the number of the last commit stands.
pub(super) const COMMIT: &str = "commit";
/// The keys of the parts of an [`Anchor`].
pub(super) const CLOCKS: [&str; 4] = ["time", "wall", "boot", "boot id"];
/// Bytes of pages the database keeps in memory.
pub(super) const CACHE: usize = 32 * 1024 * 1024;
/// Entries of owners that have gone which one transaction deletes.
const SWEEP: usize = 10_000;

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const SESSIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("sessions");
pub(super) const SUBSCRIPTIONS: TableDefinition<'_, (u64, &str), &[u8]> =
    TableDefinition::new("subscriptions");
/// QoS 2 identifiers of clients that wait for PUBREL.
pub(super) const HELD: TableDefinition<'_, (u64, u16), ()> = TableDefinition::new("held");
pub(super) const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
/// Contents that several entries share, by the number of the first.
pub(super) const BODIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("bodies");
pub(super) const GROUPS: TableDefinition<'_, u64, &str> = TableDefinition::new("groups");
pub(super) const RETAINED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("retained");

/// Whether a commit returns when it is safe, or when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    Now,
    Later,
}

#[derive(Debug)]
pub(crate) struct Database {
    pub(super) layer: Layer,
    pub(super) access: Access,
    pub(super) open: Option<redb::Database>,
    /// The number of the last commit.
    pub(super) commits: u64,
    pub(super) lost: Option<Lost>,
    /// Whether it cannot be known if commits are missing.
    pub(super) mark_damaged: bool,
    /// Whether the mark of the last commit is written but not synced.
    mark_unsynced: bool,
    /// The clocks at the last commit that stored them, at its first reading, and now.
    pub(super) anchor: Option<Anchor>,
    start: Option<Start>,
    reading: Option<Anchor>,
    pub(super) index: Index,
}

/// What a transaction has learned that the index does not know yet.
#[derive(Debug, Default)]
struct Learned {
    /// Entries that left a queue, with its owner.
    left: Vec<(u64, u64)>,
    /// Entries that share a body no more.
    unshared: HashMap<u64, u32>,
}

impl Database {
    pub(super) fn new(layer: Layer, access: Access) -> Self {
        Self {
            layer,
            access,
            open: None,
            commits: 0,
            lost: None,
            mark_damaged: false,
            mark_unsynced: false,
            anchor: None,
            start: None,
            reading: None,
            index: Index::default(),
        }
    }

    /// The clock of the store, which begins when it is first asked for. What the system's clocks say is stored with the next
    /// commit.
    pub(crate) fn clock(&mut self, now: Instant, reading: Reading) -> Clock {
        let start = self.start.get_or_insert_with(|| Start::new(self.anchor, reading, now));
        let clock = start.at(now);
        self.reading = Some(Anchor { time: clock.time, reading });
        clock
    }

    /// Milliseconds by which the wall clock was set forward, or back if below 0, since it was last stored; 0 if it was not.
    /// The next commit stores it again.
    pub(crate) fn clock_step(&mut self, now: Instant, reading: Reading) -> i64 {
        let time = self.clock(now, reading).time;
        self.anchor.map_or(0, |anchor| anchor.step(reading, time))
    }

    /// Whether a start after a crash now would compute the time since then wrongly. The next commit stores the clocks.
    pub(crate) fn clock_is_outdated(&mut self, now: Instant, reading: Reading) -> bool {
        let time = self.clock(now, reading).time;
        self.anchor.is_none_or(|anchor| anchor.is_outdated(Anchor { time, reading }))
    }

    /// Writes a batch, all of it or nothing. After an error it may have been written or not; writing it again is safe.
    pub(crate) fn commit(&mut self, changes: &mut Changes, sync: Sync) -> Result<(), redb::Error> {
        match self.try_commit(changes, sync) {
            Ok(learned) => {
                self.commits += 1;
                self.learn(learned, changes);
                Ok(())
            }
            Err(error) => {
                self.open = None;
                Err(error)
            }
        }
    }

    fn try_commit(&mut self, changes: &Changes, sync: Sync) -> Result<Learned, redb::Error> {
        debug_assert!(self.access != Access::Read, "opened for reading");
        let mut write = self.opened()?.begin_write()?;
        write.set_durability(match sync {
            Sync::Now => Durability::Immediate,
            Sync::Later => Durability::None,
        })?;
        write_sessions(&write, changes)?;
        write_retained(&write, changes)?;
        let learned = self.write_entries(&write, changes)?;
        let number = self.commits + 1;
        let anchor =
            self.reading.filter(|reading| self.anchor.is_none_or(|anchor| anchor.is_stale(*reading)));
        let mut meta = write.open_table(META)?;
        meta.insert(COMMIT, number)?;
        if let Some(Anchor { time, reading: Reading { wall, boot, boot_id } }) = anchor {
            let values = [time, wall, boot, boot_id];
            CLOCKS.into_iter().zip(values).try_for_each(|(key, value)| meta.insert(key, value).map(drop))?;
        }
        drop(meta);
        write.commit()?;
        self.anchor = anchor.or(self.anchor);
        if sync == Sync::Now {
            // An acknowledgement of the batch relies on the mark too.
            self.layer.set_mark(number)?;
            self.mark_unsynced = true;
        }
        Ok(learned)
    }

    /// Whether the last mark would not survive a power cut yet.
    pub(crate) fn mark_is_unsynced(&self) -> bool {
        self.mark_unsynced
    }

    /// Makes the last mark survive a power cut as well.
    pub(crate) fn sync_mark(&mut self) {
        self.mark_unsynced = false;
        // If it fails, an older mark stands there, and the next commit writes another.
        let _ = self.layer.sync_mark();
    }

    fn write_entries(&self, write: &WriteTransaction, changes: &Changes) -> Result<Learned, redb::Error> {
        let mut learned = Learned::default();
        let doomed = self.index.doomed.iter().take(SWEEP);
        if changes.entries.is_empty() && doomed.len() == 0 {
            return Ok(learned);
        }
        let mut entries = write.open_table(ENTRIES)?;
        for (number, change) in &changes.entries {
            match change {
                Change::Put(row) => {
                    if let Some(old) = entries.insert(number, row.as_slice())? {
                        learned.replaced(*number, old.value(), &changes.bodies);
                    }
                }
                Change::Delete => {
                    if let Some(old) = entries.remove(number)? {
                        learned.replaced(*number, old.value(), &changes.bodies);
                    }
                }
                Change::Send { session, place } => {
                    let moved = entries.get(number)?.and_then(|old| {
                        let mut row = decode::<EntryRow<'_>>(old.value())?;
                        if row.place == Place::Queue {
                            learned.left.push((row.owner, *number));
                        }
                        (row.owner, row.place) = (*session, *place);
                        Some(encode(&row))
                    });
                    if let Some(row) = moved {
                        entries.insert(number, row.as_slice())?;
                    }
                }
            }
        }
        for number in doomed {
            if let Some(old) = entries.remove(number)? {
                learned.replaced(*number, old.value(), &changes.bodies);
            }
        }
        let mut bodies = write.open_table(BODIES)?;
        for (body, row) in &changes.bodies {
            bodies.insert(body, row.as_slice())?;
        }
        for (body, count) in &learned.unshared {
            if self.index.bodies.get(body).is_none_or(|shared| shared <= count) {
                bodies.remove(body)?;
            }
        }
        Ok(learned)
    }

    fn learn(&mut self, learned: Learned, changes: &mut Changes) {
        let swept = self.index.doomed.len().min(SWEEP);
        self.index.doomed.drain(..swept);
        if self.index.doomed.is_empty() {
            self.index.doomed = VecDeque::new();
        }
        for (body, count) in learned.unshared {
            if let Some(shared) = self.index.bodies.get_mut(&body) {
                *shared = shared.saturating_sub(count);
                if *shared == 0 {
                    self.index.bodies.remove(&body);
                }
            }
        }
        table::give_back(&mut self.index.bodies);
        changes.settle(learned.left, &mut self.index);
    }

    /// Whether entries of owners that have gone are left to be deleted, by the next commits.
    pub(crate) fn sweeps(&self) -> bool {
        !self.index.doomed.is_empty()
    }

    /// Entries of an owner's queue, and whether there are no more.
    pub(crate) fn page(
        &mut self,
        page: &Page,
        clock: Clock,
    ) -> Result<(Vec<StoredMessage>, bool), redb::Error> {
        let owner = page.owner();
        let numbers = self.index.page(owner, page.from, page.most);
        let complete = numbers.len() < page.most;
        let read = self.opened()?.begin_read()?;
        let (entries, bodies) = (read.open_table(ENTRIES)?, read.open_table(BODIES)?);
        let mut found = Vec::with_capacity(numbers.len());
        for number in numbers {
            let Some(bytes) = entries.get(number)? else { continue };
            let Some(row) = decode::<EntryRow<'_>>(bytes.value()) else { continue };
            if row.owner != owner || row.place != Place::Queue {
                continue;
            }
            let message = message_of(&row, &bodies, clock)?;
            found.extend(message.and_then(|message| row.entry(number, message)));
        }
        Ok((found, complete))
    }
}

impl Learned {
    /// The row of an entry is gone or another.
    fn replaced(&mut self, number: u64, old: &[u8], made: &std::collections::BTreeMap<u64, Vec<u8>>) {
        let Some(row) = decode::<EntryRow<'_>>(old) else { return };
        if row.place == Place::Queue {
            self.left.push((row.owner, number));
        }
        match row.content {
            // The same row, written a second time.
            Content::Body(body, _) if made.contains_key(&body) => {}
            Content::Body(body, _) => *self.unshared.entry(body).or_default() += 1,
            Content::Here(_) | Content::Gone => {}
        }
    }
}

fn write_sessions(write: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    let (mut sessions, mut groups) = (write.open_table(SESSIONS)?, write.open_table(GROUPS)?);
    for (key, row) in &changes.sessions {
        match row {
            Some(row) => drop(sessions.insert(key, row.as_slice())?),
            None => drop(sessions.remove(key)?),
        }
    }
    for (key, filter) in &changes.groups {
        match filter {
            Some(filter) => drop(groups.insert(key, &**filter)?),
            None => drop(groups.remove(key)?),
        }
    }
    let mut subscriptions = write.open_table(SUBSCRIPTIONS)?;
    let mut held = write.open_table(HELD)?;
    for key in &changes.ended {
        subscriptions.retain_in((*key, "")..(key + 1, ""), |_, _| false)?;
        held.retain_in((*key, 0)..(key + 1, 0), |_, ()| false)?;
    }
    for ((session, filter), row) in &changes.subscriptions {
        match row {
            Some(row) => drop(subscriptions.insert((*session, &**filter), row.as_slice())?),
            None => drop(subscriptions.remove((*session, &**filter))?),
        }
    }
    for ((session, id), holds) in &changes.held {
        match holds {
            true => drop(held.insert((*session, id.get()), ())?),
            false => drop(held.remove((*session, id.get()))?),
        }
    }
    Ok(())
}

fn write_retained(write: &WriteTransaction, changes: &Changes) -> Result<(), redb::Error> {
    if changes.retained.is_empty() {
        return Ok(());
    }
    let mut retained = write.open_table(RETAINED)?;
    for (topic, row) in &changes.retained {
        match row {
            Some(row) => drop(retained.insert(&**topic, row.as_slice())?),
            None => drop(retained.remove(&**topic)?),
        }
    }
    Ok(())
}

/// The message of an entry, wherever its content is.
pub(super) fn message_of(
    row: &EntryRow<'_>,
    bodies: &impl ReadableTable<u64, &'static [u8]>,
    clock: Clock,
) -> Result<Option<Message>, redb::Error> {
    match &row.content {
        Content::Here(message) => Ok(message.message(clock)),
        Content::Body(body, _) => {
            let bytes = bodies.get(body)?;
            let message = bytes.as_ref().and_then(|bytes| decode::<MessageRow<'_>>(bytes.value()));
            Ok(message.and_then(|message| message.message(clock)))
        }
        Content::Gone => Ok(None),
    }
}
