//! The conditions of --threshold and --find-max: `p99 < 10ms, loss = 0`.

use super::times::Percentile;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measure {
    /// A percentile of the main time of the scenario, for messages from due time to arrival; 100 is the maximum.
    Latency(f64),
    /// Lost messages.
    Loss,
    /// Lost messages in percent of the expected ones.
    LossPercent,
    Duplicates,
    Reordered,
    Corrupt,
    /// Messages received per second.
    Rate,
    /// Connections that failed or were lost, and messages that were refused.
    Failures,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Less,
    AtMost,
    Equal,
    AtLeast,
    Greater,
}

/// One condition, with its text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) text: String,
    pub(crate) measure: Measure,
    relation: Relation,
    /// Microseconds for a latency.
    bound: f64,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measured {
    Number(f64),
    Percentile(Percentile),
}

impl Threshold {
    /// Parses conditions separated by commas.
    ///
    /// # Errors
    /// The condition that is not valid, and an example.
    pub(crate) fn parse(text: &str) -> Result<Vec<Self>, String> {
        text.split(',').map(|text| Self::parse_one(text.trim())).collect()
    }

    fn parse_one(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is not a condition; expected for example p99 < 10ms, loss = 0, rate >= 5000")
        };
        let at = text.find(['<', '=', '>']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        let (relation, value) = match rest.as_bytes() {
            [b'<', b'=', ..] => (Relation::AtMost, &rest[2..]),
            [b'>', b'=', ..] => (Relation::AtLeast, &rest[2..]),
            [b'<', ..] => (Relation::Less, &rest[1..]),
            [b'>', ..] => (Relation::Greater, &rest[1..]),
            _ => (Relation::Equal, &rest[1..]),
        };
        let value = value.trim();
        let digits = value.trim_end_matches(|c: char| c.is_alphabetic() || c == '%');
        let (number, unit) = (digits.parse::<f64>().map_err(|_| wrong())?, &value[digits.len()..]);
        let (measure, factor) = match (name.trim(), unit) {
            ("loss", "") => (Measure::Loss, 1.0),
            ("loss", "%") => (Measure::LossPercent, 1.0),
            ("duplicates", "") => (Measure::Duplicates, 1.0),
            ("reordered", "") => (Measure::Reordered, 1.0),
            ("corrupt", "") => (Measure::Corrupt, 1.0),
            ("rate", "") => (Measure::Rate, 1.0),
            ("failures", "") => (Measure::Failures, 1.0),
            ("max", unit) => (Measure::Latency(100.0), micros(unit).ok_or_else(wrong)?),
            (name, unit) => {
                let percent = name.strip_prefix('p').and_then(|percent| percent.parse().ok());
                let percent = percent.filter(|percent| (0.0..100.0).contains(percent)).ok_or_else(wrong)?;
                (Measure::Latency(percent), micros(unit).ok_or_else(wrong)?)
            }
        };
        Ok(Self { text: text.to_owned(), measure, relation, bound: number * factor })
    }

    /// Whether the condition is met. A lost or unknown percentile does not meet any.
    pub(crate) fn holds(&self, measured: Measured) -> bool {
        let number = match measured {
            Measured::Number(number) => number,
            #[expect(clippy::cast_precision_loss, reason = "at most 100 s in microseconds")]
            Measured::Percentile(Percentile::Micros(micros)) => micros as f64,
            Measured::Percentile(Percentile::Lost | Percentile::TooFew) => return false,
        };
        match self.relation {
            Relation::Less => number < self.bound,
            Relation::AtMost => number <= self.bound,
            Relation::Equal => (number - self.bound).abs() < f64::EPSILON,
            Relation::AtLeast => number >= self.bound,
            Relation::Greater => number > self.bound,
        }
    }
}

fn micros(unit: &str) -> Option<f64> {
    match unit {
        "us" | "µs" => Some(1.0),
        "ms" => Some(1e3),
        "s" => Some(1e6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Measure, Measured, Threshold};
    use crate::bench::model::times::Percentile;

    #[test]
    fn conditions_are_read_with_their_units() {
        let all = Threshold::parse("p99 < 10ms, loss = 0,max<=1.5s , loss < 0.1%, rate >= 5000").unwrap();
        let micros = |micros| Measured::Percentile(Percentile::Micros(micros));
        assert!(all[0].holds(micros(9_999)) && !all[0].holds(micros(10_000)));
        assert!(all[1].holds(Measured::Number(0.0)) && !all[1].holds(Measured::Number(1.0)));
        assert!(all[2].holds(micros(1_500_000)) && !all[2].holds(micros(1_500_001)));
        assert_eq!(all[3].measure, Measure::LossPercent);
        assert!(all[4].holds(Measured::Number(5_000.0)) && !all[4].holds(Measured::Number(4_999.9)));
        assert!(!all[0].holds(Measured::Percentile(Percentile::Lost)));
        assert!(!all[0].holds(Measured::Percentile(Percentile::TooFew)));
    }

    #[test]
    fn what_is_no_condition_is_named() {
        for text in ["", "p99", "p99 < 10", "p100 < 1ms", "loss = 0ms", "speed > 1", "p99 < ms"] {
            assert!(
                Threshold::parse(text).is_err_and(|error| error.contains(&format!("{text:?}"))),
                "{text}"
            );
        }
    }
}
