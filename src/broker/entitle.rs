//! Rights meet sessions: when a client comes in, and when the rights of all are replaced.
//!
//! A session keeps what its client may read behind its own lock, where it is needed, so that a delivery asks nobody else.
//! New rights stand before any session is told of them, and a session reads them under its lock: so none is missed.

use super::Broker;
use super::event::{Ending, Event};
use super::link::Shared;
use super::rights::{Denial, Reader, Rights, Who};
use super::session::{Grant, Session, State};
use super::turn::Turn;
use crate::codec::reason::Reason;
use crate::message::Message;
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
    pub(crate) fn entitle(&self, state: &mut State, who: Arc<Who>) {
        let rights = self.rights.load();
        self.give_reader(state, &who, &rights);
        state.who = Some(who);
    }

    fn give_reader(&self, state: &mut State, who: &Arc<Who>, rights: &Rights) {
        let policy = rights.policy(who.listener);
        if state.reader.as_ref().is_some_and(|reader| reader.is_of(who, policy.acl.as_ref())) {
            return;
        }
        let stamp = self.stamps.fetch_add(1, Ordering::Relaxed);
        state.set_reader(policy.reader(who, stamp));
    }

    /// Whether a filter is to be refused because its client may read nothing under it.
    pub(super) fn is_unreadable(&self, session: &Session, filter: &str, turn: &mut Turn) -> bool {
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

impl State {
    /// Whether the client may read a message; a verdict that came with it spares the question.
    pub(super) fn may_read(&self, message: &Shared<'_>, grant: &Grant) -> bool {
        let (reader, topic) = (self.reader.as_ref(), message.view.topic);
        reader.is_none_or(|reader| reader.may_read(topic, grant.verdict))
            && self.link.as_ref().is_none_or(|link| link.sees(topic))
    }

    /// Tells of the first message that is kept from the client.
    pub(super) fn tell_denied(&mut self, topic: &str, turn: &mut Turn) {
        if let (false, Some(who), Some(reader)) = (self.told_unreadable, &self.who, &self.reader)
            && let Some(denial) = reader.deny(topic)
        {
            turn.events.push(Event::Unreadable { who: who.clone(), topic: topic.into(), denial });
            self.told_unreadable = true;
        }
    }

    /// From here on the client may read what `reader` says; what waits is asked when it is sent.
    fn set_reader(&mut self, reader: Option<Arc<Reader>>) {
        (self.reader, self.told_unreadable) = (reader, false);
    }
}

/// Whether a message that was accepted for a client may still be sent to it.
pub(super) fn may_read(reader: &Option<Arc<Reader>>, message: &Message) -> bool {
    reader.as_ref().is_none_or(|reader| reader.may_read(message.as_ref().topic, None))
}
