//! What must happen later: sessions that expire, wills that are due.
//!
//! An entry says only when to look at a session again; the session knows what is due. So nothing is ever taken out:
//! an entry that has become void finds nothing to do.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::Waker;

use super::session::Session;
use crate::sync::{Arc, Mutex};
use crate::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Schedule(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    heap: BinaryHeap<Reverse<Entry>>,
    /// Who sleeps until the first entry.
    keeper: Option<Waker>,
}

#[derive(Debug)]
struct Entry {
    due: Instant,
    session: Arc<Session>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.session.key).cmp(&(other.due, other.session.key))
    }
}

impl Schedule {
    pub(crate) fn add(&self, due: Instant, session: &Arc<Session>) {
        if due == Instant::NEVER {
            return;
        }
        let mut entries = self.0.lock();
        let first = entries.heap.peek().is_none_or(|Reverse(entry)| due < entry.due);
        entries.heap.push(Reverse(Entry { due, session: session.clone() }));
        if first && let Some(keeper) = entries.keeper.take() {
            keeper.wake();
        }
    }

    /// The next session whose time has come.
    pub(crate) fn pop(&self, now: Instant) -> Option<Arc<Session>> {
        let mut entries = self.0.lock();
        if entries.heap.peek()?.0.due > now {
            return None;
        }
        entries.heap.pop().map(|Reverse(entry)| entry.session)
    }

    /// When the first entry is due; `keeper` is woken if that becomes earlier.
    pub(crate) fn next(&self, keeper: &Waker) -> Instant {
        let mut entries = self.0.lock();
        entries.keeper = Some(keeper.clone());
        entries.heap.peek().map_or(Instant::NEVER, |Reverse(entry)| entry.due)
    }
}
