//! Compares two series of runs: the ratio of their medians with a bootstrap interval.
//!
//! Results vary from run to run; the interval shows how much of the ratio this variation alone could explain.

use super::mix;

/// Minimum number of runs of each side for an interval.
pub(crate) const LEAST: usize = 5;
/// Number of bootstrap resamples.
const DRAWS: usize = 4_000;

/// A ratio with its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) ratio: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

impl Ratio {
    /// Whether the two differ, that is, the interval does not contain 1.
    pub(crate) fn differs(self) -> bool {
        self.from > 1.0 || self.to < 1.0
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (len, half) if len % 2 == 1 => sorted[half],
        (_, half) => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// Second divided by first; `None` if there are too few runs or the first is zero.
pub(crate) fn ratio(first: &[f64], second: &[f64], seed: u64) -> Option<Ratio> {
    if first.len() < LEAST || second.len() < LEAST {
        return None;
    }
    let of = |first: &[f64], second: &[f64]| median(second) / median(first);
    let mut state = mix(seed ^ 0x9E37_79B9_7F4A_7C15);
    let mut draw = |values: &[f64]| -> Vec<f64> {
        let pick = |_| {
            state = mix(state.wrapping_add(0x9E37_79B9_7F4A_7C15));
            values[usize::try_from(state % values.len() as u64).unwrap_or(0)]
        };
        (0..values.len()).map(pick).collect()
    };
    let mut ratios: Vec<f64> = (0..DRAWS).map(|_| of(&draw(first), &draw(second))).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio =
        Ratio { ratio: of(first, second), from: ratios[DRAWS / 40], to: ratios[DRAWS - 1 - DRAWS / 40] };
    [ratio.ratio, ratio.from, ratio.to].iter().all(|number| number.is_finite()).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::{median, ratio};

    #[test]
    fn a_difference_is_told_from_noise() {
        let noisy = [10.0, 12.0, 9.0, 11.0, 10.5, 9.5];
        let same = ratio(&noisy, &[11.0, 9.5, 10.0, 10.5, 12.0, 9.0], 1).unwrap();
        assert!(!same.differs() && (0.9..1.1).contains(&same.ratio), "{same:?}");
        let doubled = noisy.map(|value| value * 2.0);
        let other = ratio(&noisy, &doubled, 1).unwrap();
        assert!(other.differs() && (other.ratio - 2.0).abs() < 1e-9, "{other:?}");
        assert!(other.from <= 2.0 && other.to >= 2.0 && other.from > 1.4 && other.to < 2.8, "{other:?}");
    }

    #[test]
    fn few_runs_say_nothing() {
        assert!(ratio(&[1.0; 4], &[1.0; 9], 1).is_none());
        assert!(ratio(&[0.0; 5], &[0.0; 5], 1).is_none());
        assert!((median(&[3.0, 1.0, 2.0, 10.0]) - 2.5).abs() < 1e-9);
    }
}
