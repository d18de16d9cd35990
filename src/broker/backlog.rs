//! Back-pressure: when a receiver's backlog slows publishers down, and when it may do so no longer.
//!
//! ```text
//!          more than half of a limit waits              little waits, or the receiver is gone
//!   (none) ───────────────────────────────▶ Backlog ─────────────────────────────────────────▶ (none)
//!                                               │ takes too little within Limits::lagging_after
//!                                               ▼
//!                                            lagging: slows nobody down until little waits
//! ```
//!
//! Progress is measured in what the backlog consists of: messages that leave the queue, which at QoS 1 and 2 takes
//! acknowledgements, or bytes that the socket takes. PINGRESP and SUBACK are no progress of a queue. What a publisher does
//! when it is asked to slow down is `hold`'s.

use std::task::Waker;

use super::limits::Limits;
use super::link::Link;
use super::session::{Offer, State};
use super::turn::Turn;
use crate::time::Instant;

/// Which publishers a receiver asks to slow down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slow {
    /// Those that publish fast: more than half of a limit waits.
    Fast,
    /// All: more than three quarters of a limit wait.
    All,
}

/// What is known of a receiver from when much waits for it until little does.
#[derive(Debug)]
pub(super) struct Backlog {
    /// Publishers to be woken when it is over.
    publishers: Vec<Waker>,
    /// Since when progress is measured.
    since: Instant,
    /// What the receiver has taken since then.
    progress: Progress,
    /// Whether the receiver was too slow, and slows nobody down any more.
    is_lagging: bool,
}

/// What a receiver has taken.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// Messages that left the queue, and their bytes.
    messages: usize,
    message_bytes: usize,
    /// Bytes that left the output.
    output_bytes: usize,
}

/// What a backlog waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// For the client to acknowledge, so that messages leave the queue.
    Acknowledgements,
    /// For the socket to take bytes.
    Socket,
    /// For the store, which is no fault of the receiver.
    Store,
}

impl Backlog {
    pub(super) fn new(now: Instant) -> Box<Self> {
        Box::new(Self {
            publishers: Vec::new(),
            since: now,
            progress: Progress::default(),
            is_lagging: false,
        })
    }

    /// A message of `bytes` bytes has left the queue.
    pub(super) fn took_message(&mut self, bytes: usize) {
        self.progress.messages += 1;
        self.progress.message_bytes += bytes;
    }

    fn took_output(&mut self, bytes: usize) {
        self.progress.output_bytes += bytes;
    }

    /// Whether the turn's publisher should slow down, which is then woken when the backlog is over: not because of a
    /// receiver that is lagging.
    pub(super) fn slows(&mut self, waits: Waits, turn: &mut Turn, limits: &Limits) -> bool {
        if !self.is_lagging && turn.now.since(self.since) >= limits.lagging_after {
            self.is_lagging = !self.progress.is_enough(waits, limits);
            (self.since, self.progress) = (turn.now, Progress::default());
            if self.is_lagging {
                turn.wakes.append(&mut self.publishers);
            }
        }
        if !self.is_lagging
            && let Some(publisher) = &turn.publisher
            && !self.publishers.iter().any(|waker| waker.will_wake(publisher))
        {
            self.publishers.push(publisher.clone());
        }
        !self.is_lagging
    }

    /// Lets the publishers go on.
    pub(super) fn end(mut self, turn: &mut Turn) {
        turn.wakes.append(&mut self.publishers);
    }
}

impl Progress {
    fn is_enough(&self, waits: Waits, limits: &Limits) -> bool {
        let (messages, bytes) = match waits {
            Waits::Acknowledgements => (self.messages, self.message_bytes),
            Waits::Socket => (0, self.output_bytes),
            Waits::Store => return true,
        };
        messages >= limits.lagging_messages || bytes >= limits.lagging_bytes
    }
}

impl State {
    /// Whether publishers should slow down because of what waits here, now that a message was added. The backlog of an
    /// absent client slows nobody down.
    pub(super) fn back_pressure(&mut self, turn: &mut Turn, limits: &Limits) -> Offer {
        let Some(slow) = self.high(limits) else { return Offer::Taken };
        let waits = self.waits(limits);
        let backlog = self.backlog.get_or_insert_with(|| Backlog::new(turn.now));
        if backlog.slows(waits, turn, limits) { Offer::SlowDown(slow) } else { Offer::Taken }
    }

    /// Whether the turn's publisher, which was asked to slow down, still should: until little waits.
    pub(super) fn still_slows(&mut self, turn: &mut Turn, limits: &Limits) -> bool {
        let waits = self.waits(limits);
        self.backlog.as_mut().is_some_and(|backlog| backlog.slows(waits, turn, limits))
    }

    /// Which publishers should slow down, if the queue or the output is above its high mark and the client is there.
    fn high(&self, limits: &Limits) -> Option<Slow> {
        let pending = self.link.as_ref()?.pending();
        // Asked for each delivery, and nearly always so.
        if pending <= limits.output_high && self.queue.is_empty() {
            return None;
        }
        let slow = if pending / 3 > limits.queued_bytes / 4 { Slow::All } else { Slow::Fast };
        self.queue.slows(limits).max((pending > limits.output_high).then_some(slow))
    }

    fn waits(&self, limits: &Limits) -> Waits {
        let unsent = self.link.as_ref().map_or(0, Link::unsent);
        if !self.queue.is_low(limits) {
            if self.queue.waits_for_page() { Waits::Store } else { Waits::Acknowledgements }
        } else if unsent > limits.output_low {
            Waits::Socket
        } else {
            Waits::Store
        }
    }

    pub(super) fn is_lagging(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| backlog.is_lagging)
    }

    /// A message of `bytes` bytes has left the queue.
    pub(super) fn took_message(&mut self, bytes: usize) {
        if let Some(backlog) = &mut self.backlog {
            backlog.took_message(bytes);
        }
    }

    /// Of what the connection took to write, `left` bytes are not written yet.
    pub(super) fn wrote(&mut self, left: usize) {
        let Some(link) = &mut self.link else { return };
        if let Some(backlog) = &mut self.backlog {
            backlog.took_output(link.unwritten.saturating_sub(left));
        }
        link.unwritten = left;
    }

    /// Lets those publishers go on that were slowed down because of this session.
    pub(super) fn end_backlog(&mut self, turn: &mut Turn) {
        if let Some(backlog) = self.backlog.take() {
            backlog.end(turn);
        }
    }

    /// Whether so little waits here that publishers may go on.
    pub(crate) fn is_low(&self, limits: &Limits) -> bool {
        self.queue.is_low(limits) && self.link.as_ref().is_none_or(|link| link.pending() <= limits.output_low)
    }
}
