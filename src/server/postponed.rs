//! PostponedReceivers that are not woken yet, because their publisher has more for them.
//!
//! A message to many receivers is routed in slices, and a client often sends many messages at once. To wake all receivers
//! after each slice would mean one write for each message and receiver. So while a publisher is not finished its receivers
//! wait: until nothing else is to be done, and no longer than it would take to write to each of them.

use std::cell::RefCell;
use std::task::Waker;
use std::time::Duration;

use crate::broker::Turn;
use crate::time::Instant;

/// How long receivers wait, for each of them: about as long as a write takes.
const FOR_EACH: Duration = Duration::from_micros(4);
/// How long they wait at most.
const MOST: Duration = Duration::from_millis(8);
/// Bytes of payloads for which they wait at most.
const BYTES: u64 = 4 * 1024 * 1024;

/// The receivers of one worker that are to be woken.
#[derive(Default)]
pub(super) struct Postponed(RefCell<PostponedReceivers>);

struct PostponedReceivers {
    wakes: Vec<Waker>,
    /// Since when the first of them waits.
    since: Instant,
    /// [`Turn::payload_bytes_sent`] at that time.
    sent: u64,
}

impl Default for PostponedReceivers {
    fn default() -> Self {
        Self { wakes: Vec::new(), since: Instant::ZERO, sent: 0 }
    }
}

impl Postponed {
    /// Adds those whom this turn would wake.
    pub(super) fn add(&self, turn: &mut Turn) {
        let mut receivers = self.0.borrow_mut();
        if receivers.wakes.is_empty() {
            (receivers.since, receivers.sent) = (turn.now, turn.payload_bytes_sent());
        }
        let mut wakes = turn.take_wakes();
        receivers.wakes.append(&mut wakes);
        turn.give_back_wakes(wakes);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().wakes.is_empty()
    }

    /// Whether they have waited for long enough at the time of this turn.
    pub(super) fn is_due(&self, turn: &Turn) -> bool {
        let receivers = self.0.borrow();
        if receivers.wakes.is_empty() {
            return false;
        }
        let count = u32::try_from(receivers.wakes.len()).unwrap_or(u32::MAX);
        turn.now.since(receivers.since) >= FOR_EACH.saturating_mul(count).min(MOST)
            || turn.payload_bytes_sent() - receivers.sent >= BYTES
    }

    /// All of them.
    pub(super) fn take(&self) -> Vec<Waker> {
        std::mem::take(&mut self.0.borrow_mut().wakes)
    }

    /// The room that [`Self::take`] took away.
    pub(super) fn give_back(&self, mut emptied: Vec<Waker>) {
        let wakes = &mut self.0.borrow_mut().wakes;
        emptied.append(wakes);
        *wakes = emptied;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;
    use std::time::Duration;

    use super::{BYTES, FOR_EACH, MOST, Postponed};
    use crate::broker::{Broker, Counters, Durability, Limits, Rights, Turn};

    #[test]
    fn receivers_wait_as_long_as_writing_to_them_takes_and_for_few_bytes() {
        let broker = Broker::new(Limits::default(), Rights::new([]), Durability::Off, 7);
        let (postponed, mut turn) = (Postponed::default(), Turn::new(Arc::new(Counters::default()), &broker));
        let began = turn.now;
        for (count, most) in [(1, FOR_EACH), (999, FOR_EACH * 1_000), (100_000, MOST)] {
            turn.now = began;
            turn.wakes.extend(std::iter::repeat_n(Waker::noop().clone(), count));
            postponed.add(&mut turn);
            assert_eq!(turn.woken(), 0);
            turn.now = began + (most - Duration::from_micros(1));
            assert!(!postponed.is_due(&turn), "{count}");
            turn.now = began + most;
            assert!(postponed.is_due(&turn), "{count}");
        }
        turn.now = began;
        turn.counters.publish_bytes_sent.add(BYTES - 1);
        assert!(!postponed.is_due(&turn));
        turn.counters.publish_bytes_sent.add(1);
        assert!(postponed.is_due(&turn));
        assert_eq!(postponed.take().len(), 101_000);
        assert!(postponed.is_empty() && !postponed.is_due(&turn));
    }
}
