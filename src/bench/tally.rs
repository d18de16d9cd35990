//! What arrived: each message once, in order, in time?
//!
//! Counted exactly, by sequence number. A message that never came is slower than any bound: a percentile into which the
//! lost ones reach is `lost`. And a percentile is told only where ten samples lie beyond it.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// Samples that must lie beyond a percentile.
const BEYOND: f64 = 10.0;

/// What one receiver, or one shared group, got from one publisher.
#[derive(Debug, Default)]
struct Track {
    /// All below were received, but for the gaps.
    next: u64,
    /// Sequence numbers that were passed over, as ranges from the first to the one after the last.
    gaps: BTreeMap<u64, u64>,
    received: u64,
}

/// What an arriving message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    InOrder,
    /// It came after one that was sent later.
    Late,
    /// It was there already.
    Duplicate,
}

impl Track {
    fn arrive(&mut self, sequence: u64) -> Arrival {
        if sequence >= self.next {
            if sequence > self.next {
                self.gaps.insert(self.next, sequence);
            }
            self.next = sequence + 1;
            self.received += 1;
            return Arrival::InOrder;
        }
        let Some((&from, &to)) = self.gaps.range(..=sequence).next_back().filter(|(_, to)| **to > sequence)
        else {
            return Arrival::Duplicate;
        };
        self.gaps.remove(&from);
        if from < sequence {
            self.gaps.insert(from, sequence);
        }
        if sequence + 1 < to {
            self.gaps.insert(sequence + 1, to);
        }
        self.received += 1;
        Arrival::Late
    }
}

/// What one receiver, or one shared group, got.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    tracks: BTreeMap<u32, Track>,
    pub(crate) duplicates: u64,
    /// Messages that came after one that their publisher sent later.
    pub(crate) reordered: u64,
    /// Messages that are not as they were sent, or that nobody of this run sent.
    pub(crate) corrupt: u64,
}

impl Tally {
    pub(crate) fn arrive(&mut self, publisher: u32, sequence: u64) -> Arrival {
        let arrival = self.tracks.entry(publisher).or_default().arrive(sequence);
        match arrival {
            Arrival::InOrder => {}
            Arrival::Late => self.reordered += 1,
            Arrival::Duplicate => self.duplicates += 1,
        }
        arrival
    }

    /// Different messages received.
    pub(crate) fn received(&self) -> u64 {
        self.tracks.values().map(|track| track.received).sum()
    }
}

/// Times in microseconds, from 1 us to 100 s with three digits.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    histogram: Histogram<u64>,
    /// What never came, which is slower than all that did.
    pub(crate) lost: u64,
}

/// A percentile, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Percentile {
    Micros(u64),
    /// So many are lost that it is one of these.
    Lost,
    /// Fewer than ten samples lie beyond it.
    TooFew,
}

const LONGEST: u64 = 100_000_000;

impl Times {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST, 3);
        // The bounds are constants that the constructor takes.
        Self { histogram: histogram.unwrap_or_else(|_| unreachable!()), lost: 0 }
    }

    pub(crate) fn record(&mut self, micros: u64) {
        self.histogram.saturating_record(micros.clamp(1, LONGEST));
    }

    pub(crate) fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The slowest, if nothing is lost and there is any.
    pub(crate) fn max(&self) -> Percentile {
        match (self.lost, self.count()) {
            (0, 0) => Percentile::TooFew,
            (0, _) => Percentile::Micros(self.histogram.max()),
            _ => Percentile::Lost,
        }
    }

    pub(crate) fn percentile(&self, percent: f64) -> Percentile {
        let share = percent / 100.0;
        let all = self.count() + self.lost;
        #[expect(clippy::cast_precision_loss, reason = "a share of a count")]
        let (count, all) = (self.count() as f64, all as f64);
        // A little less than ten, as 1 - 0.999 is a little less than a thousandth.
        if all * (1.0 - share) < BEYOND - 1e-6 {
            return Percentile::TooFew;
        }
        if self.lost > 0 && all * share >= count - 1e-6 {
            return Percentile::Lost;
        }
        Percentile::Micros(self.histogram.value_at_quantile(all * share / count))
    }

    /// The middle, where there is any sample at all.
    pub(crate) fn mean(&self) -> f64 {
        self.histogram.mean()
    }

    /// Counts in `columns` classes, each as much wider than the one before, between the least and the greatest.
    pub(crate) fn shape(&self, columns: u32) -> Option<(u64, u64, Vec<u64>)> {
        if self.count() == 0 {
            return None;
        }
        let (least, most) = (self.histogram.min(), self.histogram.max());
        #[expect(clippy::cast_precision_loss, reason = "a width for the eye")]
        let ratio = (most as f64 / least as f64).powf(1.0 / f64::from(columns));
        let mut counts = vec![0; columns as usize];
        for value in self.histogram.iter_recorded() {
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let column = match ratio > 1.0 {
                true => (value.value_iterated_to() as f64 / least as f64).log(ratio).max(0.0) as usize,
                false => 0,
            };
            counts[column.min(columns as usize - 1)] += value.count_since_last_iteration();
        }
        Some((least, most, counts))
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Percentile, Tally, Times};

    #[test]
    fn loss_order_and_duplicates_are_exact() {
        let mut tally = Tally::default();
        let arrivals = [0, 1, 5, 3, 3, 2, 5, 9, 4].map(|sequence| tally.arrive(1, sequence));
        use Arrival::{Duplicate, InOrder, Late};
        assert_eq!(arrivals, [InOrder, InOrder, InOrder, Late, Duplicate, Late, Duplicate, InOrder, Late]);
        // 6, 7 and 8 are missing.
        assert_eq!((tally.received(), tally.reordered, tally.duplicates), (7, 3, 2));
        assert_eq!(tally.arrive(2, 0), InOrder, "publishers are counted apart");
    }

    #[test]
    fn a_percentile_needs_ten_samples_beyond_it() {
        let mut times = Times::new();
        (0..999).for_each(|_| times.record(5));
        assert_eq!(times.percentile(99.0), Percentile::TooFew);
        times.record(5);
        assert_eq!(times.percentile(99.0), Percentile::Micros(5));
        assert_eq!(times.percentile(99.9), Percentile::TooFew);
    }

    #[test]
    fn what_is_lost_is_slower_than_all_that_came() {
        let mut times = Times::new();
        (1..=980).for_each(|micros| times.record(micros));
        times.lost = 20;
        // The 500th of 1,000, and the 950th.
        assert_eq!(times.percentile(50.0), Percentile::Micros(500));
        assert_eq!(times.percentile(95.0), Percentile::Micros(950));
        // 2 % are lost.
        assert_eq!(times.percentile(98.0), Percentile::Lost);
        assert_eq!(times.percentile(99.0), Percentile::Lost);
        assert_eq!(times.max(), Percentile::Lost);
    }

    #[test]
    fn the_shape_counts_every_sample() {
        let mut times = Times::new();
        assert!(times.shape(8).is_none());
        [10, 10, 20, 1_000, 90_000].into_iter().for_each(|micros| times.record(micros));
        let (least, _, counts) = times.shape(8).unwrap();
        assert_eq!((least, counts.iter().sum::<u64>(), counts[0]), (10, 5, 3));
    }
}
