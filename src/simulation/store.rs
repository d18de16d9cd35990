//! The store of the simulated broker: the model that real stores are held to, and a disk that is slow, fails, and forgets
//! in a crash what was not synced.

use super::server::Flag;
use crate::broker::model::Model;
use crate::broker::{Batch, Broker, Record, Turn};
use crate::sync::Arc;
use crate::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Store {
    model: Model,
    /// What is being written.
    batch: Option<Batch>,
    pub(super) flag: Arc<Flag>,
    /// Until then nothing can be written.
    pub(super) fails_until: Option<Instant>,
}

impl Store {
    /// Takes a batch, or ends one: one step of what the thread of a store does.
    pub(super) fn step(&mut self, broker: &Broker, turn: &mut Turn) {
        let Some(batch) = self.batch.take() else {
            self.flag.lower();
            self.batch = broker.journal().take(&std::task::Waker::from(self.flag.clone()));
            if self.batch.is_some() {
                self.flag.raise();
            }
            return;
        };
        if self.fails_until.is_some_and(|until| until > turn.now) {
            broker.journal().failed(turn.now);
            self.batch = Some(batch);
            return;
        }
        self.fails_until = None;
        batch.records.iter().for_each(|record| self.model.apply(record));
        broker.journal().done(&batch);
        for record in &batch.records {
            if let Record::Page(page) = record {
                let (entries, complete) = self.model.page(page);
                broker.page(page, entries, complete, turn);
            }
        }
    }

    /// Whether it has something to do now: a disk that fails is asked again when it works, or to say so.
    pub(super) fn is_busy(&self, broker: &Broker, now: Instant) -> bool {
        let fails = self.fails_until.is_some_and(|until| until > now);
        self.flag.is_up() && !(fails && self.batch.is_some() && broker.journal().failing_since().is_some())
    }

    /// A crash: what was being written is there as a whole, or not at all. A new broker takes up what is there.
    pub(super) fn crash(&mut self, wrote: bool, broker: &Broker, turn: &mut Turn) {
        if let Some(batch) = self.batch.take().filter(|_| wrote) {
            batch.records.iter().for_each(|record| self.model.apply(record));
        }
        self.fails_until = None;
        broker.restore(self.model.saved(broker.limits().head_messages), turn);
        self.flag.raise();
    }
}
