//! The due times of messages, connections or pings: at a constant or changing rate, in phases.
//!
//! The loop is open: the due time of a message does not depend on the messages before it, and its latency is measured from that
//! time, so that a stalled broker affects all messages due during the stall.

/// A period in which the rate changes linearly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LoadPhase {
    pub(crate) seconds: f64,
    /// Messages per second at its start and its end.
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// Whether it is part of the measurement.
    pub(crate) is_measured: bool,
}

impl LoadPhase {
    pub(crate) fn steady(seconds: f64, rate: f64, is_measured: bool) -> Self {
        Self { seconds, from: rate, to: rate, is_measured }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Segment {
    /// Microseconds, and messages due before.
    start: f64,
    before: f64,
    phase: LoadPhase,
}

impl Segment {
    /// Messages that become due in the first `seconds` of it.
    fn count(&self, seconds: f64) -> f64 {
        let LoadPhase { seconds: all, from, to, .. } = self.phase;
        let climb = if all > 0.0 { (to - from) / all } else { 0.0 };
        from * seconds + climb * seconds * seconds / 2.0
    }
}

/// All phases of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schedule {
    segments: Vec<Segment>,
    /// Microseconds at which the last phase ends.
    end: u64,
    /// Total number of messages, if it is limited.
    most: u64,
}

impl Schedule {
    pub(crate) fn new(phases: &[LoadPhase], most: Option<u64>) -> Self {
        let (mut segments, mut start, mut before) = (Vec::with_capacity(phases.len()), 0.0, 0.0);
        for phase in phases {
            let segment = Segment { start, before, phase: *phase };
            start += phase.seconds * 1e6;
            before += segment.count(phase.seconds);
            segments.push(segment);
        }
        let mut schedule = Self { segments, end: whole(start), most: u64::MAX };
        if let Some(most) = most {
            schedule.most = most;
            let last = most.checked_sub(1).map_or(0, |last| schedule.time_of(last));
            schedule.end = schedule.end.min(last + 1);
        }
        schedule
    }

    /// Where the last phase ends, in microseconds.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Total number of messages.
    pub(crate) fn count(&self) -> u64 {
        self.count_before(self.end)
    }

    /// Whether this time is part of the measurement.
    pub(crate) fn is_measured(&self, micros: u64) -> bool {
        micros < self.end && self.segment_at(micros).is_some_and(|segment| segment.phase.is_measured)
    }

    /// Seconds of the measurement until then.
    #[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^53 microseconds")]
    pub(crate) fn measured_seconds(&self, until: u64) -> f64 {
        let until = until.min(self.end) as f64;
        let spans = self.segments.iter().filter(|segment| segment.phase.is_measured).map(|segment| {
            ((segment.start + segment.phase.seconds * 1e6).min(until) - segment.start).max(0.0)
        });
        spans.sum::<f64>() / 1e6
    }

    /// Due time of the message with this number, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "a run has fewer than 2^53 messages")]
    pub(crate) fn time_of(&self, number: u64) -> u64 {
        let number = number as f64;
        let after = self.segments.partition_point(|segment| segment.before <= number).max(1);
        let Some(segment) = self.segments.get(after - 1) else { return u64::MAX };
        let LoadPhase { seconds, from, to, .. } = segment.phase;
        let rest = number - segment.before;
        let took = if rest <= 0.0 && to > 0.0 {
            0.0
        } else if from.to_bits() == to.to_bits() {
            rest / from
        } else {
            // The root of from t + climb t^2 / 2 = rest, in the form that does not cancel out.
            2.0 * rest / (from + (from * from + 2.0 * (to - from) / seconds * rest).max(0.0).sqrt())
        };
        if took.is_finite() { whole(segment.start + took * 1e6) } else { u64::MAX }
    }

    /// Messages with a due time below `micros`.
    pub(crate) fn count_before(&self, micros: u64) -> u64 {
        let Some(segment) = self.segment_at(micros) else { return 0 };
        #[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^53 microseconds")]
        let took = ((micros as f64 - segment.start) / 1e6).min(segment.phase.seconds);
        let mut count = whole((segment.before + segment.count(took)).ceil());
        // Rounding may be one off in either direction; the due time decides.
        while count > 0 && self.time_of(count - 1) >= micros {
            count -= 1;
        }
        while self.time_of(count) < micros {
            count += 1;
        }
        count.min(self.most)
    }

    fn segment_at(&self, micros: u64) -> Option<&Segment> {
        #[expect(clippy::cast_precision_loss, reason = "a run is shorter than 2^53 microseconds")]
        let micros = micros as f64;
        let after = self.segments.partition_point(|segment| segment.start <= micros);
        self.segments.get(after.checked_sub(1)?)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative; saturates")]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::{LoadPhase, Schedule};

    fn ramp(seconds: f64, from: f64, to: f64) -> LoadPhase {
        LoadPhase { seconds, from, to, is_measured: false }
    }

    #[test]
    fn what_is_due_agrees_with_the_due_times() {
        for rate in [0.5, 3.0, 7.0, 1_000.0, 333_333.3] {
            let phases =
                [ramp(2.0, 0.0, rate), LoadPhase::steady(3.0, rate, true), ramp(1.0, rate, rate / 2.0)];
            for phases in [&phases[1..2], &phases[..2], &phases] {
                let schedule = Schedule::new(phases, None);
                for micros in [0, 1, 999, 1_000, 1_000_000, 2_000_001, 2_654_321] {
                    let count = schedule.count_before(micros);
                    assert!(count == 0 || schedule.time_of(count - 1) < micros, "{rate} {micros}");
                    assert!(schedule.time_of(count) >= micros, "{rate} {micros}");
                }
            }
        }
    }

    #[test]
    fn a_steady_rate_is_even() {
        let schedule = Schedule::new(&[LoadPhase::steady(2.0, 10.0, true)], None);
        assert_eq!([0, 1, 3, 4].map(|number| schedule.time_of(number)), [0, 100_000, 300_000, 400_000]);
        assert_eq!((schedule.count(), schedule.end()), (20, 2_000_000));
    }

    #[test]
    fn a_ramp_climbs_from_nothing_and_goes_on_where_it_ended() {
        let phases = [ramp(10.0, 0.0, 100.0), LoadPhase::steady(5.0, 100.0, true), ramp(10.0, 100.0, 0.0)];
        let schedule = Schedule::new(&phases, None);
        assert_eq!([10_000_000, 15_000_000].map(|micros| schedule.count_before(micros)), [500, 1_000]);
        assert_eq!(schedule.count(), 1_500);
        // Half the time of a climb is a quarter of its messages.
        assert_eq!(schedule.count_before(5_000_000), 125);
        assert!(!schedule.is_measured(9_999_999) && schedule.is_measured(10_000_000));
        assert!(!schedule.is_measured(15_000_000));
        assert!((schedule.measured_seconds(12_000_000) - 2.0).abs() < 1e-9);
        let times: Vec<u64> = (0..1_500).map(|number| schedule.time_of(number)).collect();
        assert!(times.is_sorted());
    }

    #[test]
    fn a_number_of_messages_ends_it() {
        let schedule = Schedule::new(&[LoadPhase::steady(1e6, 1_000.0, true)], Some(5));
        assert_eq!((schedule.count(), schedule.end()), (5, 4_001));
    }
}
