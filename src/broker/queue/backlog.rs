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

use crate::broker::cx::Cx;
use crate::broker::limits::Limits;
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
pub(crate) struct Backlog {
    /// Publishers to be woken when it is over.
    publishers: Vec<Waker>,
    /// Since when progress is measured.
    since: Instant,
    /// What the receiver has taken since then.
    progress: BacklogProgress,
    /// Whether the receiver was too slow, and slows nobody down any more.
    is_lagging: bool,
}

/// What a receiver has taken.
#[derive(Clone, Copy, Debug, Default)]
struct BacklogProgress {
    /// Messages that left the queue, and their bytes.
    messages: usize,
    message_bytes: usize,
    /// Bytes that left the output.
    output_bytes: usize,
}

/// What a backlog waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BacklogCause {
    /// For the client to acknowledge, so that messages leave the queue.
    Acknowledgements,
    /// For the socket to take bytes.
    Socket,
    /// For the store, which is no fault of the receiver.
    Store,
}

impl Backlog {
    /// Whether the receiver was too slow, and slows nobody down any more.
    pub(crate) fn is_lagging(&self) -> bool {
        self.is_lagging
    }

    pub(crate) fn new(now: Instant) -> Box<Self> {
        Box::new(Self {
            publishers: Vec::new(),
            since: now,
            progress: BacklogProgress::default(),
            is_lagging: false,
        })
    }

    /// A message of `bytes` bytes has left the queue.
    pub(crate) fn took_message(&mut self, bytes: usize) {
        self.progress.messages += 1;
        self.progress.message_bytes += bytes;
    }

    /// `bytes` bytes have left the output.
    pub(crate) fn took_output(&mut self, bytes: usize) {
        self.progress.output_bytes += bytes;
    }

    /// Whether the turn's publisher should slow down, which is then woken when the backlog is over: not because of a
    /// receiver that is lagging.
    pub(crate) fn slows(&mut self, waits: BacklogCause, cx: &mut Cx, limits: &Limits) -> bool {
        if !self.is_lagging && cx.now.since(self.since) >= limits.lagging_after {
            self.is_lagging = !self.progress.is_enough(waits, limits);
            (self.since, self.progress) = (cx.now, BacklogProgress::default());
            if self.is_lagging {
                cx.wakes.append(&mut self.publishers);
            }
        }
        if !self.is_lagging
            && let Some(publisher) = &cx.publisher
            && !self.publishers.iter().any(|waker| waker.will_wake(publisher))
        {
            self.publishers.push(publisher.clone());
        }
        !self.is_lagging
    }

    /// Lets the publishers go on.
    pub(crate) fn end(mut self, cx: &mut Cx) {
        cx.wakes.append(&mut self.publishers);
    }
}

impl BacklogProgress {
    fn is_enough(&self, waits: BacklogCause, limits: &Limits) -> bool {
        let (messages, bytes) = match waits {
            BacklogCause::Acknowledgements => (self.messages, self.message_bytes),
            BacklogCause::Socket => (0, self.output_bytes),
            BacklogCause::Store => return true,
        };
        messages >= limits.lagging_messages || bytes >= limits.lagging_bytes
    }
}
