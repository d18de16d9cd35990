//! When publishers slow down because of a session, and when they go on: above one mark, and below another.
//!
//! Who is slowed down is woken when little waits. Between the marks it stays as it was, so whoever asks again there is
//! put down to be woken again. That a publisher is read no further, and its acknowledgements wait, is its connection's.

use super::limits::Limits;
use super::session::{Offer, State};
use super::turn::Turn;
use crate::time::Instant;

impl State {
    /// Whether the publisher should slow down: much waits for a client that still takes bytes.
    pub(super) fn pressure(&mut self, turn: &Turn, limits: &Limits) -> Offer {
        if !self.is_pressing(turn.now, limits) {
            return Offer::Taken;
        }
        self.wake_when_low(turn);
        Offer::Pressed
    }

    /// Whether the turn's publisher, which was slowed down, should be still: until little waits.
    pub(super) fn still_presses(&mut self, turn: &Turn, limits: &Limits) -> bool {
        let presses =
            self.is_pressing(turn.now, limits) || (!self.is_low(limits) && self.takes(turn.now, limits));
        if presses {
            self.wake_when_low(turn);
        }
        presses
    }

    fn wake_when_low(&mut self, turn: &Turn) {
        if let Some(publisher) = &turn.publisher
            && !self.pressing.iter().any(|waker| waker.will_wake(publisher))
        {
            self.pressing.push(publisher.clone());
        }
    }

    /// Whether so much waits here that publishers should slow down. An absent or stuck client slows nobody.
    fn is_pressing(&self, now: Instant, limits: &Limits) -> bool {
        self.link.as_ref().is_some_and(|link| {
            (link.pending() > limits.output_high || self.queue.is_high(limits))
                && !link.is_stuck(!self.queue.is_empty(), now, limits.stuck_after)
        })
    }

    /// Whether a client is there and takes what it is sent.
    pub(crate) fn takes(&self, now: Instant, limits: &Limits) -> bool {
        let link = self.link.as_ref();
        // Identifiers that the client does not answer stand for bytes that it does not take.
        link.is_some_and(|link| !link.is_stuck(!self.outbox.has_room(), now, limits.stuck_after))
    }

    /// Whether so little waits here that publishers may go on.
    pub(crate) fn is_low(&self, limits: &Limits) -> bool {
        self.queue.is_low(limits) && self.link.as_ref().is_none_or(|link| link.pending() <= limits.output_low)
    }
}
