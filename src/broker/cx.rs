//! What the code that handles a packet may use: the time, the limits, counters, events, the journal, wake-ups, buffers.
//!
//! It belongs to one worker and is used again and again, so that many packets allocate little: it lends buffers, and collects
//! which connections to wake, so that each is woken once for many messages.

use crate::broker::durability::journal::BatchId;
use crate::broker::durability::journal::Journal;
use crate::broker::durability::record::Record;
use crate::broker::limits::Limits;
use crate::broker::observe::counters::Counters;
use crate::broker::observe::drop_series::DropSeries;
use crate::broker::observe::drops::DropReason;
use crate::broker::observe::drops::Recipient;
use crate::broker::observe::event::Event;
use std::task::Waker;

use crate::sync::Arc;
use crate::time::Instant;

/// Buffers that a worker keeps for the next connection: enough for a message to many receivers.
const SPARE_BUFFERS: usize = 1_024;
/// Bytes of all of these.
const SPARE_BYTES: usize = 4 * 1024 * 1024;
/// Bytes above which a buffer goes back to the allocator instead.
const SPARE_CAPACITY: usize = 256 * 1024;
/// Bytes of a new buffer: some small messages.
const NEW_BUFFER: usize = 128;

#[derive(Debug)]
pub struct Cx {
    /// One time for the whole turn.
    pub now: Instant,
    pub counters: Arc<Counters>,
    /// Passwords put in line in this turn: see [`crate::broker::Broker::next_verification`].
    pub verifications: usize,
    /// What happened, for the log.
    pub events: Vec<Event>,
    /// Where what must outlive a crash is recorded, if anywhere.
    pub(crate) journal: Arc<Journal>,
    /// What has been recorded since [`Self::take_batch`] was last called.
    batch: BatchId,
    pub(crate) wakes: Vec<Waker>,
    /// Whether the connection that had this turn has more messages for the same receivers, or a message for more of them: it
    /// costs less to wake them when it has published all.
    pub is_unfinished: bool,
    /// Who is publishing, to be woken when a receiver that it was slowed down for has room again.
    pub(crate) publisher: Option<Waker>,
    /// The limits that hold in this turn: a copy of the worker's own, so that counting who uses it is no traffic between
    /// cores.
    pub(crate) limits: Arc<Limits>,
    pub(crate) scratch: Vec<u8>,
    spare: Vec<Vec<u8>>,
    /// Bytes of all of them.
    spare_bytes: usize,
}

impl Cx {
    pub(crate) fn new(counters: Arc<Counters>, journal: Arc<Journal>, limits: Arc<Limits>) -> Self {
        Self {
            journal,
            batch: BatchId::NONE,
            now: Instant::ZERO,
            counters,
            verifications: 0,
            events: Vec::new(),
            wakes: Vec::new(),
            is_unfinished: false,
            publisher: None,
            limits,
            scratch: Vec::new(),
            spare: Vec::new(),
            spare_bytes: 0,
        }
    }

    /// Drops `count` messages for a receiver. Nothing else counts or reports a message that is not delivered.
    pub(crate) fn drop_messages(
        &mut self,
        series: &mut DropSeries,
        count: usize,
        reason: DropReason,
        recipient: impl FnOnce() -> Recipient,
    ) {
        if count > 0 {
            self.counters.count_dropped(count, reason);
            let event = series.add(count, reason, recipient, self.now);
            self.events.extend(event);
        }
    }

    /// How many have something to do because of this turn.
    pub fn woken(&self) -> usize {
        self.wakes.len()
    }

    /// Ends the turn: all who have something to do because of it, to be woken, best when this turn is borrowed no more.
    pub fn take_wakes(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.wakes)
    }

    /// Bytes of the payloads that this worker has sent to receivers since it started.
    pub fn payload_bytes_sent(&self) -> u64 {
        self.counters.publish_bytes_sent.get()
    }

    /// The room that [`Self::take_wakes`] took away, for the next turn.
    pub fn give_back_wakes(&mut self, mut emptied: Vec<Waker>) {
        emptied.append(&mut self.wakes);
        self.wakes = emptied;
    }

    /// Ends the turn where nothing else is borrowed: wakes all who have something to do because of it.
    pub fn wake(&mut self) {
        self.take_wakes().into_iter().for_each(Waker::wake);
    }

    /// Records a change; what depends on it waits for that batch.
    pub(crate) fn record(&mut self, record: Record) -> BatchId {
        let batch = self.journal.record(record);
        self.batch = self.batch.max(batch);
        batch
    }

    /// Forgets an entry that waits no more; 0 is none.
    pub(crate) fn remove(&mut self, number: u64) -> BatchId {
        if number > 0 { self.record(Record::Remove { number }) } else { BatchId::NONE }
    }

    /// What was recorded in an earlier turn counts as recorded now.
    pub(crate) fn also_after(&mut self, batch: BatchId) {
        self.batch = self.batch.max(batch);
    }

    /// What was recorded since this was last called, as one batch.
    pub(crate) fn take_batch(&mut self) -> BatchId {
        std::mem::take(&mut self.batch)
    }

    /// An empty buffer, used before or new.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        let Some(buffer) = self.spare.pop() else { return Vec::with_capacity(NEW_BUFFER) };
        self.spare_bytes -= buffer.capacity();
        buffer
    }

    /// Takes a buffer back.
    pub(crate) fn give_back(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        let has_room = self.spare.len() < SPARE_BUFFERS && self.spare_bytes + capacity <= SPARE_BYTES;
        if capacity > 0 && capacity <= SPARE_CAPACITY && has_room {
            buffer.clear();
            self.spare_bytes += capacity;
            self.spare.push(buffer);
        }
    }
}
