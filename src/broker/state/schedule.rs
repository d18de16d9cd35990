//! What must happen later: sessions that expire, wills that are due.
//!
//! An entry says only when to look at a session again; the session knows what is due. It has one entry at most, which
//! stays when its client comes back: who comes and goes all day costs no more than who is away.

use std::collections::BTreeMap;
use std::task::Waker;

use crate::broker::session::Session;
use crate::broker::session::state::SessionState;
use crate::sync::{Arc, Mutex};
use crate::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct SessionSchedule(Mutex<ScheduledSessions>);

#[derive(Debug, Default)]
struct ScheduledSessions {
    /// By due time and the key of the session.
    map: BTreeMap<(Instant, u64), Arc<Session>>,
    /// Who sleeps until the first entry.
    keeper: Option<Waker>,
}

impl ScheduledSessions {
    fn first(&self) -> Instant {
        self.map.first_key_value().map_or(Instant::NEVER, |((due, _), _)| *due)
    }
}

impl SessionSchedule {
    /// Sees to it that the session is looked at when it expires or its will is due. `state` is the session's.
    pub(crate) fn add(&self, session: &Arc<Session>, state: &mut SessionState) {
        let due = state.expires.min(state.will_due);
        // What is there already comes early enough, and whoever looks then puts it in again.
        if due >= state.scheduled {
            return;
        }
        let mut entries = self.0.lock();
        entries.map.remove(&(state.scheduled, session.key));
        let is_first = due < entries.first();
        entries.map.insert((due, session.key), session.clone());
        state.scheduled = due;
        if is_first && let Some(keeper) = entries.keeper.take() {
            keeper.wake();
        }
    }

    /// Forgets a session that has ended.
    pub(crate) fn remove(&self, session: &Session, state: &mut SessionState) {
        let due = std::mem::replace(&mut state.scheduled, Instant::NEVER);
        if due < Instant::NEVER {
            self.0.lock().map.remove(&(due, session.key));
        }
    }

    /// The next session whose time has come. Whoever looks at it says in its state that it has no entry any more.
    pub(crate) fn pop(&self, now: Instant) -> Option<Arc<Session>> {
        let mut entries = self.0.lock();
        if entries.first() > now {
            return None;
        }
        entries.map.pop_first().map(|(_, session)| session)
    }

    /// When the first entry is due; `keeper` is woken if that becomes earlier.
    pub(crate) fn next(&self, keeper: &Waker) -> Instant {
        let mut entries = self.0.lock();
        entries.keeper = Some(keeper.clone());
        entries.first()
    }

    /// Entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().map.len()
    }
}
