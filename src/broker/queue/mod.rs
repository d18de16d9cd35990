//! Messages that wait for a session, or for a shared group: accepted, not yet sent, within limits of count and bytes.
//!
//! Of a kept queue only the head is in memory; what comes once the head is full stands in the store alone, and is read
//! back in pages as the head is sent.
//!
//! ```text
//!   push ─▶ [ tail: in the store ] ─ page ─▶ [ head: in memory ] ─▶ pop
//! ```

pub(crate) mod backlog;

use crate::broker::durability::record::Ids;
use std::collections::VecDeque;
use std::time::Duration;

use crate::broker::durability::journal::BatchId;
use crate::broker::durability::record::StoredMessage;
use crate::broker::limits::Limits;
use crate::broker::observe::drops::DropReason;
use crate::broker::queue::backlog::Slow;
use crate::message::{Message, QoS};
use crate::time::Instant;

/// How often a full queue is searched for messages that have expired.
const BETWEEN_EXPIRIES: Duration = Duration::from_millis(100);

/// A message that waits, with what the delivery to this receiver adds to it.
#[derive(Clone, Debug)]
pub(crate) struct QueuedMessage {
    pub(crate) message: Message,
    /// The QoS of this delivery: the lower of the message's and the granted one.
    pub(crate) qos: QoS,
    /// The RETAIN flag of this delivery.
    pub(crate) retain: bool,
    pub(crate) ids: Ids,
    /// Its number among its owner's entries in the store, from 1; 0 if it is not kept.
    pub(crate) number: u64,
    /// What must be synced before a copy of it leaves, other than at QoS 1.
    pub(crate) after: BatchId,
    /// Whether it may have been sent before a crash.
    pub(crate) sent: bool,
}

impl QueuedMessage {
    /// The same as the store keeps it, under this number.
    pub(crate) fn stored(&self, number: u64) -> StoredMessage {
        let Self { message, qos, retain, ids, number: _, after: _, sent: _ } = self.clone();
        StoredMessage { number, message, qos, retain, ids }
    }

    fn cost(&self) -> usize {
        self.message.len() + Limits::QUEUED_OVERHEAD
    }
}

impl From<StoredMessage> for QueuedMessage {
    /// An entry that comes from the store: what it rests on was synced before it.
    fn from(entry: StoredMessage) -> Self {
        let StoredMessage { number, message, qos, retain, ids } = entry;
        Self { message, qos, retain, ids, number, after: BatchId::NONE, sent: false }
    }
}

/// Whether a queue takes one more message.
#[derive(Debug)]
pub(crate) struct Room {
    /// Why it does not.
    pub(crate) full: Option<DropReason>,
    /// What was removed from the queue to make room.
    pub(crate) expired: Vec<QueuedMessage>,
}

/// First in, first out.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: VecDeque<QueuedMessage>,
    /// Of those in memory.
    bytes: usize,
    /// None of those in memory has expired before this.
    expiry: Instant,
    tail: Option<Box<Tail>>,
}

/// What stands in the store alone.
#[derive(Debug, Default)]
struct Tail {
    count: usize,
    bytes: usize,
    /// No entry of the tail has a smaller number.
    from: u64,
    /// While a page is asked for: entries that came since, and their bytes.
    asked: Option<(usize, usize)>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, expiry: Instant::NEVER, tail: None }
    }
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.tail.as_ref().map_or(0, |tail| tail.count)
    }

    /// Bytes of all its messages.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes + self.tail.as_ref().map_or(0, |tail| tail.bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.tail.is_none()
    }

    /// Makes room for one more message of `len` bytes by removing what has expired, or tells why there is none.
    pub(crate) fn make_room(&mut self, len: usize, now: Instant, limits: &Limits) -> Room {
        let (mut full, mut expired) = (self.full(len, limits), Vec::new());
        if full.is_some() {
            expired = self.expire(now);
            full = self.full(len, limits);
        }
        Room { full, expired }
    }

    /// Why one more message of `len` bytes would pass a limit.
    fn full(&self, len: usize, limits: &Limits) -> Option<DropReason> {
        let is_full = self.len() >= limits.queued_messages
            || self.bytes() + len + Limits::QUEUED_OVERHEAD > limits.queued_bytes;
        match limits.memory_is_full {
            true => Some(DropReason::MemoryFull),
            false => is_full.then_some(DropReason::QueueFull),
        }
    }

    /// Which publishers should slow down before the queue is full, if so much waits.
    pub(crate) fn slows(&self, limits: &Limits) -> Option<Slow> {
        let (len, bytes) = (self.len(), self.bytes());
        if len <= limits.queued_messages / 2 && bytes <= limits.queued_bytes / 2 {
            return None;
        }
        let is_most = len / 3 >= limits.queued_messages / 4 || bytes / 3 >= limits.queued_bytes / 4;
        Some(if is_most { Slow::All } else { Slow::Fast })
    }

    /// Whether so little waits that they may go on.
    pub(crate) fn is_low(&self, limits: &Limits) -> bool {
        self.len() <= limits.queued_messages / 4 && self.bytes() <= limits.queued_bytes / 4
    }

    /// Adds a message; one that is kept in the store goes behind the others there, if memory has enough of them.
    pub(crate) fn push(&mut self, waiting: QueuedMessage, limits: &Limits) {
        let beyond = self.tail.is_some()
            || self.waiting.len() >= limits.head_messages
            || self.bytes >= limits.head_bytes;
        if waiting.number == 0 || !beyond {
            return self.append(waiting);
        }
        let tail = self.tail.get_or_insert_default();
        if tail.count == 0 {
            tail.from = waiting.number;
        }
        tail.count += 1;
        tail.bytes += waiting.cost();
        if let Some((count, bytes)) = &mut tail.asked {
            *count += 1;
            *bytes += waiting.cost();
        }
    }

    /// Adds a message to those in memory.
    fn append(&mut self, waiting: QueuedMessage) {
        self.bytes += waiting.cost();
        self.expiry = self.expiry.min(waiting.message.expires());
        self.waiting.push_back(waiting);
    }

    /// Puts back what was taken first and could not be sent.
    pub(crate) fn push_front(&mut self, waiting: QueuedMessage) {
        self.bytes += waiting.cost();
        self.expiry = self.expiry.min(waiting.message.expires());
        self.waiting.push_front(waiting);
    }

    /// The first one in memory.
    pub(crate) fn front(&self) -> Option<&QueuedMessage> {
        self.waiting.front()
    }

    /// Takes the first one in memory; the others may have to come from the store first.
    pub(crate) fn pop(&mut self) -> Option<QueuedMessage> {
        let waiting = self.waiting.pop_front()?;
        self.bytes -= waiting.cost();
        if self.waiting.is_empty() {
            // An idle session owns no buffer.
            self.waiting = VecDeque::new();
        }
        Some(waiting)
    }

    /// Removes what has expired [MQTT-3.3.2-5], of what is in memory; the rest is asked when it comes there.
    fn expire(&mut self, now: Instant) -> Vec<QueuedMessage> {
        if now < self.expiry {
            return Vec::new();
        }
        let (kept, expired): (Vec<_>, _) =
            self.waiting.drain(..).partition(|waiting| waiting.message.expires() > now);
        self.waiting = kept.into();
        self.bytes = self.waiting.iter().map(QueuedMessage::cost).sum();
        // Not for each message that finds the queue full.
        let next = self.waiting.iter().map(|waiting| waiting.message.expires()).min();
        self.expiry = next.map_or(Instant::NEVER, |next| next.max(now + BETWEEN_EXPIRIES));
        expired
    }

    /// Whether a page of the tail should be asked for now: the first number wanted, and how many at most.
    pub(crate) fn wants(&mut self, limits: &Limits) -> Option<(u64, usize)> {
        let room = self.waiting.len() <= limits.head_messages / 2 && self.bytes <= limits.head_bytes / 2;
        let tail = self.tail.as_mut().filter(|tail| tail.asked.is_none() && room)?;
        tail.asked = Some((0, 0));
        Some((tail.from, limits.head_messages.max(1)))
    }

    /// Whether nothing can leave until the store has answered.
    pub(crate) fn waits_for_page(&self) -> bool {
        self.waiting.is_empty() && self.tail.as_ref().is_some_and(|tail| tail.asked.is_some())
    }

    /// The page that was asked for. `complete`: the store had no more when it answered.
    pub(crate) fn page(&mut self, entries: Vec<StoredMessage>, complete: bool) {
        let Some(mut tail) = self.tail.take() else { return };
        let Some((count, bytes)) = tail.asked.take() else { return };
        for entry in entries {
            tail.from = entry.number + 1;
            let waiting = QueuedMessage::from(entry);
            tail.count = tail.count.saturating_sub(1);
            tail.bytes = tail.bytes.saturating_sub(waiting.cost());
            self.append(waiting);
        }
        if complete {
            (tail.count, tail.bytes) = (count, bytes);
        }
        if tail.count > 0 {
            self.tail = Some(tail);
        }
    }

    /// A queue as the store has it: `head` are its first messages, `count` and `bytes` what follows them there.
    pub(crate) fn restore(head: Vec<QueuedMessage>, count: usize, bytes: usize) -> Self {
        let from = head.last().map_or(0, |waiting| waiting.number + 1);
        let tail = (count > 0).then(|| {
            let bytes = bytes + count * Limits::QUEUED_OVERHEAD;
            Box::new(Tail { count, bytes, from, asked: None })
        });
        let mut queue = Self { tail, ..Self::default() };
        head.into_iter().for_each(|waiting| queue.append(waiting));
        queue
    }

    /// Everything in memory, in order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut QueuedMessage> {
        self.waiting.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::{Queue, QueuedMessage};
    use crate::broker::durability::journal::BatchId;

    use crate::broker::limits::Limits;
    use crate::message::{MessageRef, QoS};
    use crate::time::Instant;

    fn waiting(number: u64) -> QueuedMessage {
        let message = MessageRef {
            topic: "t",
            properties: &[],
            payload: b"p",
            qos: QoS::AtLeastOnce,
            retain: false,
            expires: Instant::NEVER,
        };
        QueuedMessage {
            message: message.to_message(),
            qos: QoS::AtLeastOnce,
            retain: false,
            ids: None,
            number,
            after: BatchId::NONE,
            sent: false,
        }
    }

    #[test]
    fn what_does_not_fit_the_head_comes_back_in_order_page_by_page() {
        let limits = Limits { head_messages: 4, ..Limits::default() };
        let (mut queue, mut next, mut popped) = (Queue::default(), 1, Vec::new());
        // The store: every entry that was pushed and not popped.
        let mut stored: Vec<u64> = Vec::new();
        for round in 0..200_u64 {
            for _ in 0..round % 7 {
                queue.push(waiting(next), &limits);
                stored.push(next);
                next += 1;
            }
            let asked = queue.wants(&limits);
            // What comes while the page is under way must not be lost, nor come twice.
            if round % 3 == 0 {
                queue.push(waiting(next), &limits);
                stored.push(next);
                next += 1;
            }
            if let Some((from, most)) = asked {
                let seen = stored.iter().filter(|number| **number >= from && **number < next - 1);
                let page: Vec<_> = seen.take(most).map(|number| waiting(*number).stored(*number)).collect();
                let complete = page.len() < most;
                // A store that answers before the newest entry was written.
                queue.page(page, complete && round % 3 == 0);
            }
            for _ in 0..round % 5 {
                let Some(waiting) = queue.pop() else { break };
                stored.retain(|number| *number != waiting.number);
                popped.push(waiting.number);
            }
            assert_eq!(queue.len(), stored.len(), "in round {round}");
        }
        assert!(popped.len() > 100 && popped.iter().zip(1..).all(|(number, expected)| *number == expected));
    }

    #[test]
    fn a_page_that_is_missing_in_the_store_ends_the_wait_for_it() {
        let limits = Limits { head_messages: 1, ..Limits::default() };
        let mut queue = Queue::default();
        (1..=3).for_each(|number| queue.push(waiting(number), &limits));
        queue.pop();
        assert_eq!(queue.wants(&limits), Some((2, 1)));
        queue.page(Vec::new(), true);
        assert!(queue.is_empty());
    }
}
