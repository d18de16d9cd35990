//! Times and their percentiles.
//!
//! A lost message is slower than any other, so a percentile that falls among lost messages is `lost`. A percentile is known
//! only if at least ten samples lie beyond it.

use hdrhistogram::Histogram;

/// Samples that must lie beyond a percentile.
const BEYOND: f64 = 10.0;

/// What a time measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timing {
    /// From the due time of a message to its arrival.
    Latency,
    /// From the due time of a message to PUBACK or PUBREC.
    Acknowledgement,
    /// From the due time of a message to when it was sent.
    Lateness,
    /// From opening a connection, or the time that was due, to CONNACK.
    Connect,
    /// The TLS handshake of a connection.
    Handshake,
    /// From SUBSCRIBE to SUBACK.
    Subscribe,
    /// From the due time of PINGREQ to PINGRESP.
    Ping,
    /// From the due time of a subscriber to its last retained message.
    Replay,
}

impl Timing {
    pub(crate) const ALL: [Self; 8] = [
        Self::Latency,
        Self::Acknowledgement,
        Self::Ping,
        Self::Replay,
        Self::Connect,
        Self::Handshake,
        Self::Subscribe,
        Self::Lateness,
    ];

    /// Its name in tables and its key in JSON.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Latency => ("latency", "latency_us"),
            Self::Acknowledgement => ("acknowledgement", "acknowledgement_us"),
            Self::Lateness => ("send delay", "send_delay_us"),
            Self::Connect => ("connect", "connect_us"),
            Self::Handshake => ("TLS handshake", "tls_handshake_us"),
            Self::Subscribe => ("subscribe", "subscribe_us"),
            Self::Ping => ("ping", "ping_us"),
            Self::Replay => ("retained", "retained_us"),
        }
    }
}

/// Times in microseconds, from 1 us to 100 s with three digits.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    histogram: Histogram<u64>,
    /// Lost messages, which count as slower than all others.
    pub(crate) lost: u64,
}

/// A percentile, if known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Percentile {
    Micros(u64),
    /// It falls among the lost messages.
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

    /// Adds those of another thread, or of another second.
    pub(crate) fn add(&mut self, other: &Self) {
        // Both have the bounds of `new`, so what one holds the other takes.
        let _ = self.histogram.add(&other.histogram);
        self.lost += other.lost;
    }

    pub(crate) fn clear(&mut self) {
        self.histogram.reset();
        self.lost = 0;
    }

    pub(crate) fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
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
    use super::{Percentile, Times};

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
