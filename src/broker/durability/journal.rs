//! What must outlive a crash, on its way to the store: records in the order in which they came to be, cut into batches.
//!
//! Whoever changes what is kept records it here, under the lock that guards it, and gets a [`BatchId`]: the batch that
//! holds the record. What the peer acts on does not leave before its batch is synced. The store takes one batch, writes
//! and syncs it, and takes what has gathered meanwhile: one sync for all of it.
//!
//! What it leaves out: files, and how records are written there; those are the store's. Without a store nothing is
//! recorded, and no batch is waited for.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use crate::broker::durability::record::Record;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, RwLock, RwLockReadGuard};
use crate::time::Instant;

/// How long what was promised may wait for a store that fails, before the connection is closed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of records not yet written above which publishers wait, whatever the durability, unless the disk is small.
const MOST_BACKLOG: usize = 16 * 1024 * 1024;

/// A batch, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(u64);

impl BatchId {
    /// Rests on nothing.
    pub(crate) const NONE: Self = Self(0);
}

/// What a peer may take for granted once it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing is kept.
    Off,
    /// What is recorded is written in the background; a crash may lose any of it.
    None,
    /// What is recorded is written and synced this often; a crash loses no more than that.
    Interval(Duration),
    /// Nothing the peer acts on leaves before the record it rests on is synced.
    Acks,
}

impl std::fmt::Display for Durability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::None => f.write_str("none"),
            Self::Interval(span) => write!(f, "interval={}ms", span.as_millis()),
            Self::Acks => f.write_str("acks"),
        }
    }
}

#[derive(Debug)]
pub struct Journal {
    durability: Durability,
    open: Mutex<OpenBatch>,
    /// The last batch that is synced.
    synced: AtomicU64,
    /// When the store began to fail, in microseconds; [`Instant::NEVER`] while it does not.
    failing_since: AtomicU64,
    /// Whether the disk is full.
    disk_full: AtomicBool,
    /// Messages, sessions and subscriptions refused because of that.
    refusals: AtomicU64,
    /// Bytes of records that are not synced.
    backlog: AtomicUsize,
    /// Bytes of them above which publishers wait.
    backlog_limit: AtomicUsize,
    closed: AtomicBool,
    /// The number of the last entry.
    numbers: AtomicU64,
    /// Held for reading by who records what must stand in one batch, for writing while a batch is taken. It comes before
    /// every other lock.
    gate: RwLock<()>,
}

/// The batch that records are added to, and who waits.
#[derive(Debug)]
struct OpenBatch {
    number: u64,
    records: Vec<Record>,
    bytes: usize,
    /// Who is woken when a batch is synced, by ascending batches as they came.
    waiting: VecDeque<(BatchId, Waker)>,
    /// The store, when it has nothing to do.
    store: Option<Waker>,
    /// The batch in which a session last ended.
    last_end: BatchId,
}

/// What the store writes in one piece.
#[derive(Debug)]
pub struct Batch {
    number: u64,
    bytes: usize,
    pub records: Vec<Record>,
}

/// While it is held no batch ends, so that all that is recorded meanwhile is kept together or not at all.
#[derive(Debug)]
pub(crate) struct Together<'a>(#[allow(dead_code, reason = "held for its end")] RwLockReadGuard<'a, ()>);

impl Journal {
    pub fn new(durability: Durability) -> Self {
        Self {
            durability,
            open: Mutex::new(OpenBatch {
                number: 1,
                records: Vec::new(),
                bytes: 0,
                waiting: VecDeque::new(),
                store: None,
                last_end: BatchId::NONE,
            }),
            synced: AtomicU64::new(0),
            failing_since: AtomicU64::new(Instant::NEVER.as_micros()),
            disk_full: AtomicBool::new(false),
            refusals: AtomicU64::new(0),
            backlog: AtomicUsize::new(0),
            backlog_limit: AtomicUsize::new(MOST_BACKLOG),
            closed: AtomicBool::new(false),
            numbers: AtomicU64::new(0),
            gate: RwLock::new(()),
        }
    }

    pub fn durability(&self) -> Durability {
        self.durability
    }

    pub(crate) fn is_on(&self) -> bool {
        self.durability != Durability::Off
    }

    /// Keeps batches from ending until the answer is dropped.
    pub(crate) fn together(&self) -> Together<'_> {
        Together(self.gate.read())
    }

    /// Adds a record; what rests on it waits for the batch.
    pub(crate) fn record(&self, record: Record) -> BatchId {
        debug_assert!(self.is_on(), "without a store nothing is stored");
        let bytes = record.bytes();
        let ends = matches!(record, Record::EndSession { .. });
        let mut open = self.open.lock();
        open.records.push(record);
        open.bytes += bytes;
        let batch = BatchId(open.number);
        if ends {
            open.last_end = batch;
        }
        let store = open.store.take();
        // Before the batch can be taken, and so before its bytes are taken off.
        let backlog = self.backlog.fetch_add(bytes, Ordering::Relaxed) + bytes;
        drop(open);
        if let Some(store) = store {
            store.wake();
        }
        match self.durability {
            Durability::Acks => batch,
            // Who publishes faster than the store writes is slowed down.
            Durability::None | Durability::Interval(_) if backlog > self.backlog_limit() => batch,
            Durability::None | Durability::Interval(_) | Durability::Off => BatchId::NONE,
        }
    }

    /// A number for a new entry, greater than all before.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The last number that was given.
    pub(crate) fn last_number(&self) -> u64 {
        self.numbers.load(Ordering::Relaxed)
    }

    /// Numbers up to this one are in use already.
    pub(crate) fn number_after(&self, last: u64) {
        self.numbers.fetch_max(last, Ordering::Relaxed);
    }

    /// The batch in which a session last ended: a new session's CONNACK says that nothing is left of an old one.
    pub(crate) fn last_end(&self) -> BatchId {
        match self.durability {
            Durability::Acks => self.open.lock().last_end,
            Durability::None | Durability::Interval(_) | Durability::Off => BatchId::NONE,
        }
    }

    pub(crate) fn is_synced(&self, batch: BatchId) -> bool {
        batch.0 <= self.synced.load(Ordering::Acquire)
    }

    /// Whether so much waits to be written that nobody should add to it.
    pub(crate) fn is_full(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) > self.backlog_limit()
    }

    fn backlog_limit(&self) -> usize {
        self.backlog_limit.load(Ordering::Relaxed)
    }

    /// For the store: not more bytes than this are to wait to be written.
    pub fn limit_backlog(&self, bytes: usize) {
        self.backlog_limit.store(bytes.min(MOST_BACKLOG), Ordering::Relaxed);
    }

    /// Has `waker` woken when `batch` is synced, at once if it is.
    pub(crate) fn wait(&self, batch: BatchId, waker: &Waker) {
        let mut open = self.open.lock();
        // Under the lock, so that the end of the batch cannot fall between the question and the entry.
        if self.is_synced(batch) {
            drop(open);
            waker.wake_by_ref();
        } else {
            open.waiting.push_back((batch, waker.clone()));
        }
    }

    /// Has `waker` woken when the next batch is synced: then a store that failed works again.
    pub(crate) fn wait_for_next(&self, waker: &Waker) {
        let mut open = self.open.lock();
        let next = BatchId(self.synced.load(Ordering::Acquire) + 1);
        open.waiting.push_back((next, waker.clone()));
    }

    /// Since when the store fails, if it does.
    pub(crate) fn failing_since(&self) -> Option<Instant> {
        let since = Instant::from_micros(self.failing_since.load(Ordering::Acquire));
        (since != Instant::NEVER).then_some(since)
    }

    /// Whether the disk is full. Then only records that need no more room than those they replace are written:
    /// acknowledgements, removals, and sessions and subscriptions that exist.
    pub(crate) fn disk_is_full(&self) -> bool {
        self.disk_full.load(Ordering::Acquire)
    }

    /// Whether a message that must be stored is refused, because the store fails or the disk is full.
    pub(crate) fn refuses_messages(&self) -> bool {
        self.failing_since().is_some() || self.disk_is_full()
    }

    /// Counts a message, session or subscription that is refused because the disk is full.
    pub(crate) fn count_refusal(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    /// For the store: how many messages, sessions and subscriptions were refused since the last call.
    pub fn take_refusals(&self) -> u64 {
        self.refusals.swap(0, Ordering::Relaxed)
    }

    /// For the store: the disk is full.
    pub fn disk_filled(&self) {
        self.refusals.store(0, Ordering::Relaxed);
        self.disk_full.store(true, Ordering::Release);
    }

    /// See [`crate::broker::Broker::disk_has_room`], which also wakes who waits for that.
    pub(crate) fn disk_has_room(&self) {
        self.disk_full.store(false, Ordering::Release);
    }

    /// For the store: everything that has gathered, or nothing yet: then `store` is woken when there is something.
    pub fn take(&self, store: &Waker) -> Option<Batch> {
        let _gate = self.gate.write();
        let mut open = self.open.lock();
        if open.records.is_empty() {
            open.store = Some(store.clone());
            return None;
        }
        let batch = Batch {
            number: open.number,
            bytes: std::mem::take(&mut open.bytes),
            records: std::mem::take(&mut open.records),
        };
        open.number += 1;
        Some(batch)
    }

    /// For the store: a batch is as safe as it will be.
    pub fn done(&self, batch: &Batch) {
        self.backlog.fetch_sub(batch.bytes, Ordering::Relaxed);
        let mut open = self.open.lock();
        self.failing_since.store(Instant::NEVER.as_micros(), Ordering::Release);
        self.synced.store(batch.number, Ordering::Release);
        let (woken, rest) = std::mem::take(&mut open.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(|(wanted, _)| wanted.0 <= batch.number);
        open.waiting = rest;
        drop(open);
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// For the store: a batch could not be written and is tried again later.
    pub fn failed(&self, now: Instant) {
        if self.failing_since().is_some() {
            return;
        }
        self.failing_since.store(now.as_micros(), Ordering::Release);
        // They set their patience a limit; they go on waiting for their batches.
        self.open.lock().waiting.iter().for_each(|(_, waker)| waker.wake_by_ref());
    }

    /// For the store: it works again.
    pub fn recovered(&self) {
        self.failing_since.store(Instant::NEVER.as_micros(), Ordering::Release);
        self.open.lock().waiting.iter().for_each(|(_, waker)| waker.wake_by_ref());
    }

    /// No more records come: the store may end when it has written all.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some(store) = self.open.lock().store.take() {
            store.wake();
        }
    }

    /// For the store: whether it may end once [`Self::take`] has nothing.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}
