//! One turn of a worker: the time it happens at, and what the core leaves for the shell to do after it.
//!
//! A turn belongs to one worker and is used again and again, so that a burst allocates little: it lends buffers, it
//! remembers which receivers a topic has, and it collects whom to wake so that each receiver is woken once a burst.

use std::task::Waker;

use super::Broker;
use super::counters::Counters;
use super::event::Event;
use super::journal::{Journal, Ticket};
use super::limits::Limits;
use super::record::Record;
use super::rights::Rights;
use super::route::Matches;
use super::snapshot::Cached;
use crate::sync::Arc;
use crate::time::Instant;

/// Buffers that a worker keeps for the next connection.
const SPARE_BUFFERS: usize = 64;
/// Bytes above which a buffer goes back to the allocator instead.
const SPARE_CAPACITY: usize = 256 * 1024;

#[derive(Debug)]
pub struct Turn {
    /// One time for the whole turn.
    pub now: Instant,
    pub counters: Arc<Counters>,
    /// Passwords put in line in this turn: see [`super::Broker::next_verification`].
    pub verifications: usize,
    /// What happened, for the log.
    pub events: Vec<Event>,
    /// Where what must outlive a crash is recorded, if anywhere.
    pub(crate) journal: Arc<Journal>,
    /// What has been recorded since [`Self::rests_on`] was last asked.
    ticket: Ticket,
    pub(crate) wakes: Vec<Waker>,
    /// Who is publishing, to be woken when a receiver that it was slowed down for has room again.
    pub(crate) publisher: Option<Waker>,
    /// The limits that hold in this turn: a copy of the worker's own, so that counting who uses it is no traffic between
    /// cores.
    pub(crate) limits: Arc<Limits>,
    limits_generation: u64,
    pub(crate) matches: Matches,
    pub(crate) rights: Cached<Rights>,
    pub(crate) scratch: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

impl Turn {
    pub fn new(counters: Arc<Counters>, broker: &Broker) -> Self {
        Self {
            journal: broker.journal.clone(),
            ticket: Ticket::NONE,
            now: Instant::ZERO,
            counters,
            verifications: 0,
            events: Vec::new(),
            wakes: Vec::new(),
            publisher: None,
            limits: Arc::new(Limits::clone(&broker.limits.load())),
            limits_generation: 0,
            matches: Matches::default(),
            rights: Cached::default(),
            scratch: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Begins a turn: one time for all that happens in it, and the limits that hold now.
    pub fn begin(&mut self, now: Instant, broker: &Broker) {
        self.now = now;
        let generation = broker.limits.generation();
        if generation != self.limits_generation {
            self.limits = Arc::new(Limits::clone(&broker.limits.load()));
            self.limits_generation = generation;
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

    /// The room that [`Self::take_wakes`] took away, for the next turn.
    pub fn give_back_wakes(&mut self, mut emptied: Vec<Waker>) {
        emptied.append(&mut self.wakes);
        self.wakes = emptied;
    }

    /// Ends the turn where nothing else is borrowed: wakes all who have something to do because of it.
    pub fn wake(&mut self) {
        self.take_wakes().into_iter().for_each(Waker::wake);
    }

    /// Records a change; what rests on it waits for the ticket.
    pub(crate) fn record(&mut self, record: Record) -> Ticket {
        let ticket = self.journal.record(record);
        self.ticket = self.ticket.max(ticket);
        ticket
    }

    /// Forgets an entry that waits no more; 0 is none.
    pub(crate) fn remove(&mut self, number: u64) -> Ticket {
        if number > 0 { self.record(Record::Remove { number }) } else { Ticket::NONE }
    }

    /// What was recorded in an earlier turn counts as recorded now.
    pub(crate) fn also_rests_on(&mut self, ticket: Ticket) {
        self.ticket = self.ticket.max(ticket);
    }

    /// What was recorded since this was last asked, as one ticket.
    pub(crate) fn rests_on(&mut self) -> Ticket {
        std::mem::take(&mut self.ticket)
    }

    /// An empty buffer, used before or new.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(crate) fn give_back(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() > 0 && buffer.capacity() <= SPARE_CAPACITY && self.spare.len() < SPARE_BUFFERS {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}
