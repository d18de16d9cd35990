//! Messages that are not delivered: counted by reason, and logged as a series.
//!
//! A series begins with the first message that is dropped for a receiver, and ends when there is room for it again: the log
//! has one line for each reason, and one with the total.

use std::time::Duration;

use super::event::Event;
use super::turn::Turn;
use crate::sync::Arc;
use crate::time::Instant;

/// Why a message is not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Larger than the receiver's Maximum Packet Size.
    TooLarge,
    /// Its payload is larger than the broker allows.
    PayloadTooLarge,
    /// The receiver's queue, in messages or bytes, is full.
    QueueFull,
    /// The broker uses as much memory as it may.
    MemoryFull,
    /// It expired while it was queued.
    Expired,
    /// It would have to be stored, and the store fails.
    StoreFailing,
    /// The last member of the shared group has left.
    NoMember,
}

/// Who does not get a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    Client(Arc<str>),
    /// A shared group, by its filter: `$share/NAME/FILTER`.
    Group(Arc<str>),
    /// Every subscriber of what this client published.
    SubscribersOf(Arc<str>),
}

/// What has been dropped for one receiver since it last had room.
#[derive(Debug, Default)]
pub(crate) struct DropSeries(Option<Box<Series>>);

#[derive(Debug)]
struct Series {
    count: u64,
    /// One bit for each reason that has been logged.
    reasons: u8,
    began: Instant,
}

/// A series lasts this long at least, so that a queue that is full every moment fills no log.
const SHORTEST: Duration = Duration::from_secs(1);

impl DropSeries {
    /// Drops `count` messages. Nothing else counts or logs a message that is not delivered.
    pub(super) fn drop_messages(
        &mut self,
        count: usize,
        reason: DropReason,
        recipient: impl FnOnce() -> Recipient,
        turn: &mut Turn,
    ) {
        if count == 0 {
            return;
        }
        let number = count as u64;
        turn.counters.publish_dropped.add(number);
        let of_reason = match reason {
            DropReason::TooLarge | DropReason::PayloadTooLarge => &turn.counters.dropped_too_large,
            DropReason::QueueFull => &turn.counters.dropped_queue_full,
            DropReason::MemoryFull => &turn.counters.dropped_memory_full,
            DropReason::Expired => &turn.counters.dropped_expired,
            DropReason::StoreFailing => &turn.counters.dropped_store_failing,
            DropReason::NoMember => &turn.counters.dropped_no_member,
        };
        of_reason.add(number);
        let began = turn.now;
        let series = self.0.get_or_insert_with(|| Box::new(Series { count: 0, reasons: 0, began }));
        series.count += number;
        let bit = 1 << reason as u8;
        if series.reasons & bit == 0 {
            series.reasons |= bit;
            turn.events.push(Event::Dropping { recipient: recipient(), reason });
        }
    }

    /// There is room again.
    pub(super) fn has_room(&mut self, recipient: impl FnOnce() -> Recipient, turn: &mut Turn) {
        if self.0.as_ref().is_some_and(|series| turn.now.since(series.began) >= SHORTEST) {
            self.end(recipient, turn);
        }
    }

    /// The receiver is gone.
    pub(super) fn end(&mut self, recipient: impl FnOnce() -> Recipient, turn: &mut Turn) {
        if let Some(series) = self.0.take() {
            turn.events.push(Event::Dropped { recipient: recipient(), count: series.count });
        }
    }
}
