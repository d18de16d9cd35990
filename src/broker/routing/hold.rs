//! A publisher that is asked to slow down: for how long its acknowledgements wait, and when it is not read.
//!
//! Nobody is held for longer than [`Limits::lagging_after`] at a time. A publisher of few messages is not held at all
//! while there is room in the queues, and for a moment only when there is little, so that a flood of others does not
//! delay what it publishes.

use crate::broker::routing::receiver::Receiver;
use std::time::Duration;

use crate::broker::cx::Cx;
use crate::broker::limits::Limits;
use crate::broker::queue::backlog::Slow;
use crate::broker::routing::route::RouteTarget;
use crate::time::Instant;

/// Bytes beyond which a message counts as several against a publisher's pace.
const PACE_BYTES: usize = 4096;
/// By how much a publisher may run ahead of its pace.
const BURST: Duration = Duration::from_millis(40);
/// How long a publisher of few messages is held at a time.
const MOMENT: Duration = Duration::from_millis(30);

/// At most this many receivers hold a publisher; the others ask again at its next message. So the work for a message grows
/// only in proportion to its slow receivers.
const MOST_RECEIVERS: usize = 64;

/// Receivers that ask for a slower publisher: some of them, if they are many.
#[derive(Debug)]
pub(crate) struct SlowDown<R> {
    receivers: Vec<RouteTarget<R>>,
    slow: Option<Slow>,
}

impl<R> Default for SlowDown<R> {
    fn default() -> Self {
        Self { receivers: Vec::new(), slow: None }
    }
}

impl<R: Receiver> SlowDown<R> {
    pub(crate) fn ask(&mut self, receiver: &RouteTarget<R>, slow: Slow) {
        self.slow = self.slow.max(Some(slow));
        add(&mut self.receivers, receiver.clone());
    }
}

fn add<R: Receiver>(receivers: &mut Vec<RouteTarget<R>>, receiver: RouteTarget<R>) {
    if receivers.len() < MOST_RECEIVERS && receivers.iter().all(|other| other.key() != receiver.key()) {
        receivers.push(receiver);
    }
}

/// Whether a publisher is held, and because of whom.
#[derive(Debug)]
pub(crate) struct Hold<R> {
    /// Empty while it is not held.
    receivers: Vec<RouteTarget<R>>,
    /// When it goes on, whatever waits at the receivers.
    until: Instant,
    /// When it could have published all messages for which it was asked to slow down, at [`Limits::publish_pace`].
    paced: Instant,
}

impl<R: Receiver> Hold<R> {
    pub(crate) fn none() -> Self {
        Self { receivers: Vec::new(), until: Instant::NEVER, paced: Instant::ZERO }
    }

    /// Whether acknowledgements wait now.
    pub(crate) fn is_on(&self) -> bool {
        !self.receivers.is_empty()
    }

    /// When the publisher goes on at the latest.
    pub(crate) fn deadline(&self) -> Instant {
        if self.is_on() { self.until } else { Instant::NEVER }
    }

    /// A message of `len` bytes was published, or offered to more receivers, for which `len` is 0. `asked`: who of them asks
    /// for a slower publisher.
    #[inline]
    pub(crate) fn published(&mut self, len: usize, asked: SlowDown<R>, now: Instant, limits: &Limits) {
        if let Some(slow) = asked.slow {
            self.asked(slow, len, asked, now, limits);
        }
    }

    fn asked(&mut self, slow: Slow, len: usize, asked: SlowDown<R>, now: Instant, limits: &Limits) {
        if len > 0 {
            let steps = u32::try_from(1 + len / PACE_BYTES).unwrap_or(u32::MAX);
            self.paced = self.paced.max(now) + limits.publish_pace.saturating_mul(steps);
        }
        let is_slow = self.paced <= now + BURST;
        if !self.is_on() {
            if is_slow && slow == Slow::Fast {
                return;
            }
            self.until = now + if is_slow { MOMENT.min(limits.lagging_after) } else { limits.lagging_after };
        }
        asked.receivers.into_iter().for_each(|receiver| add(&mut self.receivers, receiver));
    }

    /// Asks the receivers again.
    pub(crate) fn check(&mut self, cx: &mut Cx) {
        if self.is_on() {
            if cx.now >= self.until {
                return self.receivers.clear();
            }
            self.receivers.retain(|receiver| receiver.still_slows(cx));
        }
    }
}
