//! One turn of a worker: the time at which it happens, what the worker remembers from one turn to the next, and what the
//! core leaves for the shell to do.

use crate::broker::access::rights::Rights;
use crate::broker::cx::Cx;
use crate::broker::limits::Limits;
use crate::broker::observe::counters::Counters;
use crate::broker::routing::route::Matches;
use crate::broker::session::Session;
use crate::broker::snapshot::Cached;
use crate::broker::state::Broker;
use crate::broker::state::control::ControlRequest;
use crate::sync::Arc;
use crate::time::Instant;
use std::ops::{Deref, DerefMut};

/// What one worker passes to the connections that it runs.
#[derive(Debug)]
pub struct Turn {
    pub(crate) cx: Cx,
    limits_generation: u64,
    /// Receivers of the topics that were published to.
    pub(crate) matches: Matches<Session>,
    /// The topic of the last PUBLISH that was accepted, as long as the limits stay the same.
    pub(crate) accepted_topic: Option<Arc<str>>,
    pub(crate) rights: Cached<Rights>,
    /// Requests to the control interface, for the shell to answer.
    pub control_requests: Vec<ControlRequest>,
}

impl Turn {
    pub fn new(counters: Arc<Counters>, broker: &Broker) -> Self {
        let limits = Arc::new(Limits::clone(&broker.limits.load()));
        Self {
            cx: Cx::new(counters, broker.journal.clone(), limits),
            limits_generation: 0,
            matches: Matches::default(),
            accepted_topic: None,
            rights: Cached::default(),
            control_requests: Vec::new(),
        }
    }

    /// Begins a turn: one time for all that happens in it, and the limits that hold now.
    pub fn begin(&mut self, now: Instant, broker: &Broker) {
        (self.cx.now, self.cx.is_unfinished) = (now, false);
        let generation = broker.limits.generation();
        if generation != self.limits_generation {
            self.cx.limits = Arc::new(Limits::clone(&broker.limits.load()));
            self.limits_generation = generation;
            self.accepted_topic = None;
        }
    }
}

impl Deref for Turn {
    type Target = Cx;

    fn deref(&self) -> &Cx {
        &self.cx
    }
}

impl DerefMut for Turn {
    fn deref_mut(&mut self) -> &mut Cx {
        &mut self.cx
    }
}
