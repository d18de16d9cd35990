//! How a session goes from connected to parked to ended, and what happens then to its will and its messages.

use std::time::Duration;

use crate::broker::durability::record::Record;
use crate::broker::observe::drops::Recipient;
use crate::broker::observe::event::{Ending, Event};
use crate::broker::session::Session;
use crate::broker::session::state::SessionState;
use crate::broker::state::Broker;
use crate::broker::state::turn::Turn;
use crate::codec::reason::Reason;
use crate::delivery::Inbox;
use crate::sync::{Arc, Ordering};
use crate::time::Instant;

impl Broker {
    /// The connection of this session is over. Parks the session, or ends it if its expiry is 0, settles the will, and
    /// lets a connection that took over go on.
    pub(crate) fn disconnected(
        &self,
        session: &Arc<Session>,
        inbox: Inbox,
        ending: &Ending,
        turn: &mut Turn,
    ) {
        let stops = matches!(ending, Ending::Fault(Reason::SERVER_SHUTTING_DOWN, _));
        let mut state = session.lock();
        let link = state.link.take();
        state.inbox = Some(Box::new(inbox));
        state.outbox.disconnected();
        state.end_backlog(turn);
        if stops && state.expiry > 0 {
            session.record_stopped(&state, turn);
        }
        // [MQTT-3.14.4-3]; and a broker that shuts down says nothing about its clients.
        if stops || matches!(ending, Ending::Left(Reason::SUCCESS)) {
            state.will = None;
        }
        let expiry = state.expiry;
        let due = match &state.will {
            Some(will) if will.delay == 0 || expiry == 0 => state.will.take(),
            _ => None,
        };
        if expiry > 0 {
            state.expires = after(turn.now, expiry);
            state.will_due = state.will.as_ref().map_or(Instant::NEVER, |will| after(turn.now, will.delay));
            self.schedule.add(session, &mut state);
            if !stops {
                session.record(&state, turn);
            }
        } else {
            self.condemn(session, &mut state, turn);
        }
        drop(state);
        self.connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(will) = due {
            self.publish_will(&will, session, turn);
        }
        if expiry == 0 {
            self.clear(session, turn);
        }
        // Last: the new connection finds everything settled.
        turn.wakes.extend(link.and_then(|link| link.successor));
    }

    /// Ends a session: nothing of it is left but what other members of its shared groups still get.
    pub(crate) fn end(&self, session: &Arc<Session>, turn: &mut Turn) {
        let mut state = session.lock();
        if state.ended {
            return;
        }
        self.condemn(session, &mut state, turn);
        drop(state);
        self.clear(session, turn);
    }

    /// The session has ended. Said under the lock under which that was found, as its client may come back at any time: it
    /// finds that there is none, and gets another.
    pub(crate) fn condemn(&self, session: &Session, state: &mut SessionState, turn: &mut Turn) {
        state.ended = true;
        self.schedule.remove(session, state);
        if state.kept {
            turn.record(Record::EndSession { key: session.key });
        }
    }

    /// Takes away what is left of a session that has ended.
    pub(crate) fn clear(&self, session: &Arc<Session>, turn: &mut Turn) {
        let mut state = session.lock();
        let filters = std::mem::take(&mut state.filters);
        let groups = std::mem::take(&mut state.groups);
        let given_back = state.drain();
        let will = state.will.take();
        state.replays = None;
        turn.events.extend(state.drops.end(|| Recipient::Client(session.client.clone())));
        state.end_backlog(turn);
        drop(state);
        self.directory.remove(session);
        for filter in filters.into_sorted() {
            self.forget(session.key, &filter);
        }
        for group in groups.values() {
            self.leave(session.key, group, turn);
        }
        for (group, waiting) in given_back.into_iter().rev() {
            group.take_back(waiting);
        }
        let limits = turn.limits.clone();
        for group in groups.into_values() {
            group.feed(turn, &limits);
        }
        if let Some(will) = will {
            self.publish_will(&will, session, turn); // [MQTT-3.1.2-8]
        }
    }

    /// Does what has become due: publishes delayed wills, ends expired sessions.
    pub fn tick(&self, turn: &mut Turn) {
        while let Some(session) = self.schedule.pop(turn.now) {
            let mut state = session.lock();
            state.scheduled = Instant::NEVER;
            if state.ended || state.link.is_some() {
                continue;
            }
            let mut will = None;
            if state.will_due <= turn.now {
                state.will_due = Instant::NEVER;
                will = state.will.take();
                session.record(&state, turn);
            }
            let expired = state.expires <= turn.now;
            match expired {
                true => self.condemn(&session, &mut state, turn), // [MQTT-4.1.0-2]
                false => self.schedule.add(&session, &mut state),
            }
            drop(state);
            if let Some(will) = will {
                self.publish_will(&will, &session, turn);
            }
            if expired {
                turn.counters.sessions_expired.add(1);
                turn.events.push(Event::Expired { client: session.client.clone() });
                self.clear(&session, turn);
            }
        }
        self.retained.expire(turn.now);
    }

    /// Ends every open connection.
    pub fn end_all(&self, ending: &Ending, turn: &mut Turn) {
        for session in self.directory.sessions() {
            if let Some(link) = &mut session.lock().link {
                link.fence = Some(Box::new(ending.clone()));
                link.wake(turn);
            }
        }
    }

    /// When [`Self::tick`] should be called next; `keeper` is woken if that becomes earlier.
    pub fn next_tick(&self, keeper: &std::task::Waker) -> Instant {
        self.schedule.next(keeper)
    }
}

/// `seconds` from now; `u32::MAX` is never.
pub(crate) fn after(now: Instant, seconds: u32) -> Instant {
    match seconds {
        u32::MAX => Instant::NEVER,
        seconds => now + Duration::from_secs(seconds.into()),
    }
}
