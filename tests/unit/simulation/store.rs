//! The store of the simulated broker: what batches are written to, and a thread's worth of taking and writing them. It is
//! slow, fails, and forgets in a crash what was not synced.

use super::server::Flag;
use crate::broker::model::Model;
use crate::broker::{Batch, Broker, Page, Record, Saved, StoredMessage, Turn};
use crate::sync::Arc;
use crate::time::Instant;

/// What batches are written to.
pub(crate) trait Medium: std::fmt::Debug {
    /// Writes all of the records or nothing; whether it could. Asked again with the same ones until it can.
    fn write(&mut self, records: &[Record], now: Instant) -> bool;
    /// Deletes what is left of the past, while nothing else is to be done.
    fn idle(&mut self);
    /// Entries of a queue, and whether there are no more.
    fn page(&mut self, page: &Page, now: Instant) -> (Vec<StoredMessage>, bool);
    /// Cannot write from now on, or can again.
    fn fail(&mut self, fails: bool);
    /// The machine stops, within the write of these records if there are any. What is there afterwards, with the first
    /// entries of each queue: the records as a whole, or none of them.
    fn crash(&mut self, writing: Option<&[Record]>, head: usize, now: Instant) -> Saved;
}

/// The simplest medium: a map that is never torn.
#[derive(Debug, Default)]
pub(super) struct Memory {
    model: Model,
    fails: bool,
}

impl Medium for Memory {
    fn write(&mut self, records: &[Record], _: Instant) -> bool {
        if !self.fails {
            records.iter().for_each(|record| self.model.apply(record));
        }
        !self.fails
    }

    fn idle(&mut self) {}

    fn page(&mut self, page: &Page, _: Instant) -> (Vec<StoredMessage>, bool) {
        self.model.page(page)
    }

    fn fail(&mut self, fails: bool) {
        self.fails = fails;
    }

    fn crash(&mut self, writing: Option<&[Record]>, head: usize, _: Instant) -> Saved {
        self.fails = false;
        writing.into_iter().flatten().for_each(|record| self.model.apply(record));
        self.model.saved(head)
    }
}

#[derive(Debug)]
pub(super) struct Store {
    medium: Box<dyn Medium>,
    /// What is being written.
    batch: Option<Batch>,
    pub(super) flag: Arc<Flag>,
    /// Until then nothing can be written.
    pub(super) fails_until: Option<Instant>,
}

impl Store {
    pub(super) fn new(medium: Box<dyn Medium>) -> Self {
        Self { medium, batch: None, flag: Arc::default(), fails_until: None }
    }

    /// Takes a batch, or ends one: one step of what the thread of a store does.
    pub(super) fn step(&mut self, broker: &Broker, turn: &mut Turn) {
        let Some(batch) = self.batch.take() else {
            self.flag.lower();
            self.batch = broker.journal().take(&std::task::Waker::from(self.flag.clone()));
            match self.batch {
                Some(_) => self.flag.raise(),
                None => self.medium.idle(),
            }
            return;
        };
        self.fails_until = self.fails_until.filter(|until| *until > turn.now);
        self.medium.fail(self.fails_until.is_some());
        if !self.medium.write(&batch.records, turn.now) {
            broker.journal().failed(turn.now);
            self.batch = Some(batch);
            return;
        }
        broker.journal().done(&batch);
        for record in &batch.records {
            if let Record::Page(page) = record {
                let (entries, complete) = self.medium.page(page, turn.now);
                broker.page(page, entries, complete, turn);
            }
        }
    }

    /// Whether it has something to do now: a disk that fails is asked again when it works, or to say so.
    pub(super) fn is_busy(&self, broker: &Broker, now: Instant) -> bool {
        let fails = self.fails_until.is_some_and(|until| until > now);
        self.flag.is_up() && !(fails && self.batch.is_some() && broker.journal().failing_since().is_some())
    }

    /// Whether it has written all that there was.
    pub(super) fn is_idle(&self) -> bool {
        self.batch.is_none() && !self.flag.is_up()
    }

    /// A crash: what was being written is there as a whole, or not at all. A new broker takes up what is there.
    pub(super) fn crash(&mut self, wrote: bool, broker: &Broker, turn: &mut Turn) {
        let batch = self.batch.take().filter(|_| wrote);
        let writing = batch.as_ref().map(|batch| batch.records.as_slice());
        self.fails_until = None;
        let saved = self.medium.crash(writing, broker.limits().head_messages, turn.now);
        broker.restore(saved, turn);
        self.flag.raise();
    }
}
