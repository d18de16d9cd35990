//! What of a connection is not finished: packets that take long, which are processed in slices so that other connections run
//! in between, and packets of which only a part has come.

use super::connection::{Answer, Connection, Phase};
use super::journal::Ticket;
use super::route::FanOut;
use super::subscribe::FilterWork;
use super::turn::Turn;
use crate::codec::reason::Reason;
use crate::message::Message;

/// Bytes of an incomplete packet that a connection may keep while the broker uses as much memory as it may.
const MOST_UNFINISHED: usize = 1024 * 1024;

/// A packet that takes long: it is processed in slices, between which other connections run.
#[derive(Debug)]
pub(super) enum Unfinished {
    Publish(Interrupted),
    Filters(FilterWork),
}

/// A message that has not been offered to all its receivers yet.
#[derive(Debug)]
pub(super) struct Interrupted {
    pub(super) message: Message,
    pub(super) fan_out: FanOut,
    pub(super) answer: Answer,
    /// Bytes of the PUBLISH.
    pub(super) len: usize,
    /// What the answer rests on so far.
    pub(super) ticket: Ticket,
}

impl Connection {
    /// Goes on with what was interrupted for the sake of others.
    pub(super) fn proceed(&mut self, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let Some(work) = open.unfinished.take() else { return };
        turn.rests_on();
        match *work {
            Unfinished::Publish(work) => self.proceed_publish(work, turn),
            Unfinished::Filters(work) => self.proceed_filters(work, turn),
        }
        // There is more to do: the rest of it, or packets that waited for it.
        turn.wakes.extend(self.waker.clone());
    }

    /// `bytes` bytes of an incomplete packet, or of packets that wait, are kept for this connection. While the
    /// broker uses as much memory as it may, one that keeps many is closed.
    pub fn check_unfinished(&mut self, bytes: usize, turn: &mut Turn) {
        if bytes > MOST_UNFINISHED && turn.limits.memory_is_full {
            let detail = "the broker uses as much memory as it may, and the client sends a large packet";
            self.fault(Reason::QUOTA_EXCEEDED, detail, turn);
        }
    }
}
