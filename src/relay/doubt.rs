//! Which message makes the other broker end the connection.

use std::collections::VecDeque;

use crate::codec::packet::PacketId;
use crate::delivery::Suspicion;

#[derive(Debug, Default)]
pub(super) struct Doubt {
    suspicion: Suspicion,
    /// Messages that were sent on this connection and are not answered, in their order.
    unanswered: VecDeque<PacketId>,
    /// The message that is given up when it comes again.
    given_up: Option<PacketId>,
}

impl Doubt {
    /// The next connection begins; whether our broker still has the session, so that its messages have the same identifiers.
    pub(super) fn begin(&mut self, resumes: bool) {
        self.unanswered.clear();
        if !resumes {
            *self = Self::default();
        }
    }

    pub(super) fn sent(&mut self, id: PacketId) {
        self.unanswered.push_back(id);
    }

    pub(super) fn answered(&mut self, id: PacketId) {
        // The oldest one, as a rule.
        if let Some(at) = self.unanswered.iter().position(|unanswered| *unanswered == id) {
            self.unanswered.remove(at);
            self.suspicion.answered();
        }
    }

    pub(super) fn ended(&mut self) {
        if let Some(oldest) = self.unanswered.front()
            && self.suspicion.ended(self.unanswered.len())
        {
            self.given_up = Some(*oldest);
        }
    }

    /// Whether the message that has this identifier is the one that is given up.
    pub(super) fn gives_up(&mut self, id: PacketId) -> bool {
        self.given_up.take_if(|given_up| *given_up == id).is_some()
    }

    pub(super) fn is_careful(&self) -> bool {
        self.suspicion.is_careful()
    }

    pub(super) fn holds_back(&self) -> bool {
        self.is_careful() && !self.unanswered.is_empty()
    }
}
