//! Messages that wait for a session, or for a shared group: accepted, not yet sent, within limits of count and bytes.

use std::collections::VecDeque;

use super::limits::Limits;
use crate::message::{Message, QoS};
use crate::sync::Arc;
use crate::time::Instant;

/// Subscription identifiers of one delivery, ascending; shared, because one list serves many messages.
pub(crate) type Ids = Option<Arc<[u32]>>;

/// A message that waits, with what the delivery to this receiver adds to it.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) message: Message,
    /// The QoS of this delivery: the lower of the message's and the granted one.
    pub(crate) qos: QoS,
    /// The RETAIN flag of this delivery.
    pub(crate) retain: bool,
    pub(crate) ids: Ids,
}

impl Waiting {
    fn cost(&self) -> usize {
        self.message.len() + Limits::QUEUED_OVERHEAD
    }
}

/// First in, first out.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether one more message of `len` bytes would pass a limit.
    pub(crate) fn is_full(&self, len: usize, limits: &Limits) -> bool {
        self.waiting.len() >= limits.queued_messages
            || self.bytes + len + Limits::QUEUED_OVERHEAD > limits.queued_bytes
    }

    /// Whether so much waits that publishers should be slowed down before the queue is full.
    pub(crate) fn is_high(&self, limits: &Limits) -> bool {
        self.waiting.len() > limits.queued_messages / 2 || self.bytes > limits.queued_bytes / 2
    }

    /// Whether so little waits that they may go on.
    pub(crate) fn is_low(&self, limits: &Limits) -> bool {
        self.waiting.len() <= limits.queued_messages / 4 && self.bytes <= limits.queued_bytes / 4
    }

    pub(crate) fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.cost();
        self.waiting.push_back(waiting);
    }

    /// Puts back what was taken first and could not be sent.
    pub(crate) fn push_front(&mut self, waiting: Waiting) {
        self.bytes += waiting.cost();
        self.waiting.push_front(waiting);
    }

    pub(crate) fn front(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.bytes -= waiting.cost();
        if self.waiting.is_empty() {
            // An idle session owns no buffer.
            self.waiting = VecDeque::new();
        }
        Some(waiting)
    }

    /// Removes what has expired [MQTT-3.3.2-5] and says how many that were.
    pub(crate) fn expire(&mut self, now: Instant) -> u64 {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.message.expires() > now);
        self.bytes = self.waiting.iter().map(Waiting::cost).sum();
        (before - self.waiting.len()) as u64
    }
}
