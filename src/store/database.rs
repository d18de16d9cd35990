//! The tables and the operations on them: committing a batch in one transaction, and reading a page of a queue.
//!
//! After an error the database is closed; the next operation opens it again (see `open`).

use std::collections::{HashMap, VecDeque};

use redb::{Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::changes::{Changes, EntryChange};
use super::clock::{ClockAnchor, ClockStart, StoreClock, SystemClocks};
use super::disk::BufferedDisk;
use super::index::EntryIndex;
use super::open::{Access, LostCommits};
use super::row::{Content, EntryRow, EntryState, MessageRow, decode, encode};
use crate::broker::{Page, StoredMessage};
use crate::message::Message;
use crate::table;
use crate::time::Instant;

/// Version of the tables and rows, raised when older programs cannot read them.
pub(super) const FORMAT: u64 = 1;
/// Key in [`META`] of the number of the last commit.
pub(super) const COMMIT: &str = "commit";
/// Keys in [`META`] of the fields of a [`ClockAnchor`].
pub(super) const CLOCKS: [&str; 4] = ["time", "wall", "boot", "boot id"];
/// Size of the page cache in bytes.
pub(super) const CACHE: usize = 32 * 1024 * 1024;
/// Entries of ended owners deleted in one transaction, at most.
const SWEEP: usize = 10_000;

pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const SESSIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("sessions");
pub(super) const SUBSCRIPTIONS: TableDefinition<'_, (u64, &str), &[u8]> =
    TableDefinition::new("subscriptions");
/// Packet identifiers of received QoS 2 messages whose PUBREL has not arrived.
pub(super) const HELD: TableDefinition<'_, (u64, u16), ()> = TableDefinition::new("held");
pub(super) const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
/// Messages shared by several entries, by the number of the first of them.
pub(super) const BODIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("bodies");
pub(super) const GROUPS: TableDefinition<'_, u64, &str> = TableDefinition::new("groups");
pub(super) const RETAINED: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("retained");

/// Whether a commit returns once it is synced, or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncMode {
    Now,
    Later,
}

#[derive(Debug)]
pub(crate) struct Database {
    pub(super) disk: BufferedDisk,
    pub(super) access: Access,
    pub(super) open: Option<redb::Database>,
    /// The number of the last commit.
    pub(super) commits: u64,
    pub(super) lost: Option<LostCommits>,
    /// Whether the mark is damaged, so that missing commits would not be noticed.
    pub(super) mark_damaged: bool,
    /// Whether the mark of the last commit is written but not synced.
    mark_unsynced: bool,
    /// The clocks as last stored, when the store's clock started, and as last read.
    pub(super) anchor: Option<ClockAnchor>,
    start: Option<ClockStart>,
    reading: Option<ClockAnchor>,
    pub(super) index: EntryIndex,
    /// Bytes of rows that were removed since the file was last compacted.
    freed: u64,
}

/// What a transaction found in the rows it replaced; the index is updated after the commit.
#[derive(Debug, Default)]
struct Learned {
    /// Entries that left a queue, each with the owner of the queue.
    left: Vec<(u64, u64)>,
    /// How many entries of each shared body are gone.
    unshared: HashMap<u64, u32>,
    /// Bytes of rows that were removed or replaced.
    freed: u64,
}

impl Database {
    pub(super) fn new(disk: BufferedDisk, access: Access) -> Self {
        Self {
            disk,
            access,
            open: None,
            commits: 0,
            lost: None,
            mark_damaged: false,
            mark_unsynced: false,
            anchor: None,
            start: None,
            reading: None,
            index: EntryIndex::default(),
            freed: 0,
        }
    }

    /// The clock of the store; the first call starts it. `reading` is stored with the next commit.
    pub(crate) fn clock(&mut self, now: Instant, reading: SystemClocks) -> StoreClock {
        let start = self.start.get_or_insert_with(|| ClockStart::new(self.anchor, reading, now));
        let clock = start.at(now);
        self.reading = Some(ClockAnchor { time: clock.time, reading });
        clock
    }

    /// Milliseconds by which the wall clock was set since it was last stored: negative if it was set back, 0 if it was not set.
    /// The next commit stores it again.
    pub(crate) fn clock_step(&mut self, now: Instant, reading: SystemClocks) -> i64 {
        let time = self.clock(now, reading).time;
        self.anchor.map_or(0, |anchor| anchor.step(reading, time))
    }

    /// Whether a start after a crash now would compute the time since the crash incorrectly. The next commit corrects that.
    pub(crate) fn clock_is_outdated(&mut self, now: Instant, reading: SystemClocks) -> bool {
        let time = self.clock(now, reading).time;
        self.anchor.is_none_or(|anchor| anchor.is_outdated(ClockAnchor { time, reading }))
    }

    /// Commits a batch atomically. After an error the batch may or may not have been written; committing it again is safe.
    pub(crate) fn commit(&mut self, changes: &mut Changes, sync: SyncMode) -> Result<(), redb::Error> {
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

    fn try_commit(&mut self, changes: &Changes, sync: SyncMode) -> Result<Learned, redb::Error> {
        debug_assert!(self.access != Access::Read, "opened for reading");
        let mut write = self.opened()?.begin_write()?;
        write.set_durability(match sync {
            SyncMode::Now => Durability::Immediate,
            SyncMode::Later => Durability::None,
        })?;
        write_sessions(&write, changes)?;
        let mut learned = self.write_entries(&write, changes)?;
        learned.freed += write_retained(&write, changes)?;
        let number = self.commits + 1;
        let anchor =
            self.reading.filter(|reading| self.anchor.is_none_or(|anchor| anchor.is_stale(*reading)));
        let mut meta = write.open_table(META)?;
        meta.insert(COMMIT, number)?;
        if let Some(ClockAnchor { time, reading: SystemClocks { wall, boot, boot_id } }) = anchor {
            let values = [time, wall, boot, boot_id];
            CLOCKS.into_iter().zip(values).try_for_each(|(key, value)| meta.insert(key, value).map(drop))?;
        }
        drop(meta);
        write.commit()?;
        self.anchor = anchor.or(self.anchor);
        if sync == SyncMode::Now {
            // Without the mark, a damaged commit would be taken back silently although it was acknowledged.
            self.disk.set_mark(number)?;
            self.mark_unsynced = true;
        }
        Ok(learned)
    }

    /// Whether the last mark is not synced yet, and could be lost in a power cut.
    pub(crate) fn mark_is_unsynced(&self) -> bool {
        self.mark_unsynced
    }

    /// Syncs the last mark.
    pub(crate) fn sync_mark(&mut self) {
        self.mark_unsynced = false;
        // If this fails, an older mark remains until the next commit.
        let _ = self.disk.sync_mark();
    }

    /// Bytes of rows removed since the file was last compacted: about what [`Self::compact`] would return to the disk.
    pub(crate) fn freed(&self) -> u64 {
        self.freed
    }

    /// Moves all rows to the beginning of the file and cuts off the rest.
    pub(crate) fn compact(&mut self) -> Result<(), redb::Error> {
        let compacted = self.opened()?.compact();
        self.freed = 0;
        if compacted.is_err() {
            self.open = None;
        }
        compacted.map(drop).map_err(redb::Error::from)
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
                EntryChange::Put(row) => {
                    if let Some(old) = entries.insert(number, row.as_slice())? {
                        learned.replaced(*number, old.value(), &changes.bodies);
                    }
                }
                EntryChange::Delete => {
                    if let Some(old) = entries.remove(number)? {
                        learned.replaced(*number, old.value(), &changes.bodies);
                    }
                }
                EntryChange::Send { session, state } => {
                    let moved = entries.get(number)?.and_then(|old| {
                        let mut row = decode::<EntryRow<'_>>(old.value())?;
                        if row.state == EntryState::Queue {
                            learned.left.push((row.owner, *number));
                        }
                        (row.owner, row.state) = (*session, *state);
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
                learned.freed += bodies.remove(body)?.map_or(0, |row| row.value().len() as u64);
            }
        }
        Ok(learned)
    }

    fn learn(&mut self, learned: Learned, changes: &mut Changes) {
        self.freed += learned.freed;
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

    /// Whether entries of ended owners remain, to be deleted by the next commits.
    pub(crate) fn sweeps(&self) -> bool {
        !self.index.doomed.is_empty()
    }

    /// A page of an owner's queue, and whether it is the last.
    pub(crate) fn page(
        &mut self,
        page: &Page,
        clock: StoreClock,
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
            if row.owner != owner || row.state != EntryState::Queue {
                continue;
            }
            let message = message_of(&row, &bodies, clock)?;
            found.extend(message.and_then(|message| row.entry(number, message)));
        }
        Ok((found, complete))
    }
}

impl Learned {
    /// Notes what the old row of an entry that was replaced or removed says.
    fn replaced(&mut self, number: u64, old: &[u8], made: &std::collections::BTreeMap<u64, Vec<u8>>) {
        self.freed += old.len() as u64;
        let Some(row) = decode::<EntryRow<'_>>(old) else { return };
        if row.state == EntryState::Queue {
            self.left.push((row.owner, number));
        }
        match row.content {
            // The same row, written again after an error.
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

/// Bytes of the rows that were replaced or removed.
fn write_retained(write: &WriteTransaction, changes: &Changes) -> Result<u64, redb::Error> {
    let mut freed = 0;
    if changes.retained.is_empty() {
        return Ok(freed);
    }
    let mut retained = write.open_table(RETAINED)?;
    for (topic, row) in &changes.retained {
        let old = match row {
            Some(row) => retained.insert(&**topic, row.as_slice())?,
            None => retained.remove(&**topic)?,
        };
        freed += old.map_or(0, |row| row.value().len() as u64);
    }
    Ok(freed)
}

/// The message of an entry, stored in its own row or in a shared one.
pub(super) fn message_of(
    row: &EntryRow<'_>,
    bodies: &impl ReadableTable<u64, &'static [u8]>,
    clock: StoreClock,
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
