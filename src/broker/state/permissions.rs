//! Rights meet sessions: when a client comes in, and when the rights of all are replaced.
//!
//! A session keeps what its client may read behind its own lock, where it is needed, so that a delivery asks nobody else.
//! New rights stand before any session is told of them, and a session reads them under its lock: so none is missed.

use crate::broker::access::decision::Denial;
use crate::broker::access::rights::Rights;
use crate::broker::identity::Who;
use crate::broker::observe::event::{Ending, Event};
use crate::broker::session::Session;
use crate::broker::session::state::SessionState;
use crate::broker::state::Broker;
use crate::broker::state::turn::Turn;
use crate::codec::reason::Reason;
use crate::sync::{Arc, Ordering};

impl Broker {
    /// Puts other rights in the place of the old ones. Who could not come in any more is sent away; what waits for
    /// clients is asked for again when it is sent; publishers are asked at their next message.
    ///
    /// It looks at every session, for less than a microsecond each.
    pub fn set_rights(&self, rights: Rights, turn: &mut Turn) {
        self.rights.store(rights);
        for session in self.directory.sessions() {
            let mut state = session.lock();
            let rights = self.rights.load();
            let Some(who) = state.who.clone() else { continue };
            self.give_reader(&mut state, &who, &rights);
            let policy = rights.policy(who.listener);
            if let Some(link) = &mut state.link
                && !policy.admits(&who, &link.proof)
                && link.fence.is_none()
            {
                let why = "its right to connect was taken";
                link.fence = Some(Box::new(Ending::Fault(Reason::NOT_AUTHORIZED, why)));
                link.wake(turn);
            }
        }
        // What workers remember of topics and their readers is asked again.
        self.index.touch();
    }

    /// From here on `who` has the session.
    pub(crate) fn entitle(&self, state: &mut SessionState, who: Arc<Who>) {
        let rights = self.rights.load();
        self.give_reader(state, &who, &rights);
        state.who = Some(who);
    }

    fn give_reader(&self, state: &mut SessionState, who: &Arc<Who>, rights: &Rights) {
        let policy = rights.policy(who.listener);
        if state.reader.as_ref().is_some_and(|reader| reader.is_of(who, policy.acl.as_ref())) {
            return;
        }
        let stamp = self.stamps.fetch_add(1, Ordering::Relaxed);
        state.set_reader(policy.reader(who, stamp));
    }

    /// Whether a filter is to be refused because its client may read nothing under it.
    pub(crate) fn is_unreadable(&self, session: &Session, filter: &str, turn: &mut Turn) -> bool {
        let state = session.lock();
        let (Some(who), Some(reader)) = (&state.who, &state.reader) else { return false };
        let refused = self.rights.get(&mut turn.rights).policy(who.listener).refuse_unreadable
            && reader.is_unreadable(filter);
        if refused {
            let denial = Denial::NoRule { file: reader.file().clone() };
            turn.events.push(Event::Unreadable { who: who.clone(), topic: filter.into(), denial });
        }
        refused
    }
}
