//! Dropped messages as a series: the log gets one event for each reason, and one with the total when there is room again.
use crate::broker::observe::drops::DropReason;
use crate::broker::observe::drops::Recipient;
use crate::broker::observe::event::Event;
use crate::time::Instant;
use std::time::Duration;

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
    /// Adds `count` messages, at least one, that were dropped at `now`; the event that reports the first for this reason.
    pub(crate) fn add(
        &mut self,
        count: usize,
        reason: DropReason,
        recipient: impl FnOnce() -> Recipient,
        now: Instant,
    ) -> Option<Event> {
        let series = self.0.get_or_insert_with(|| Box::new(Series { count: 0, reasons: 0, began: now }));
        series.count += count as u64;
        let bit = 1 << reason as u8;
        let is_first = series.reasons & bit == 0;
        series.reasons |= bit;
        is_first.then(|| Event::Dropping { recipient: recipient(), reason })
    }

    /// Whether anything has been dropped since there was last room.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// The receiver has room again: the event that reports the total, unless the series has just begun.
    pub(crate) fn has_room(&mut self, recipient: impl FnOnce() -> Recipient, now: Instant) -> Option<Event> {
        let is_over = self.0.as_ref().is_some_and(|series| now.since(series.began) >= SHORTEST);
        if is_over { self.end(recipient) } else { None }
    }

    /// The receiver is gone: the event that reports the total.
    pub(crate) fn end(&mut self, recipient: impl FnOnce() -> Recipient) -> Option<Event> {
        let series = self.0.take()?;
        Some(Event::Dropped { recipient: recipient(), count: series.count })
    }
}
