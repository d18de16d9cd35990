//! The search for the highest rate at which the conditions are met: the rate is doubled until they are not, then bisected.
//!
//! A run may pass or fail by chance, so both ends of the bracket are confirmed by a second run. If an end is not confirmed, it is
//! discarded and the search continues.

/// Ratio of the two ends at which the bracket is narrow enough.
const NARROW: f64 = 1.1;
/// Maximum number of runs.
const RUNS: usize = 40;
/// Factor between rates while one end is missing: initially, and after an end was discarded.
const STEP: f64 = 2.0;
const STEP_BACK: f64 = 1.2;
const LEAST: f64 = 0.01;
const MOST: f64 = 1e8;

/// One end of the bracket: a rate, and how many runs confirmed it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RateBound {
    pub(crate) rate: f64,
    pub(crate) times: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Search {
    start: f64,
    /// The highest rate that met the conditions, and the lowest that did not.
    pub(crate) holds: Option<RateBound>,
    pub(crate) fails: Option<RateBound>,
    step: f64,
    runs: usize,
}

impl Search {
    pub(crate) fn new(start: f64) -> Self {
        Self { start, holds: None, fails: None, step: STEP, runs: 0 }
    }

    /// The rate of the next run, if another is needed.
    pub(crate) fn next(&self) -> Option<f64> {
        let rate = match (self.holds, self.fails) {
            (None, None) => self.start,
            (None, Some(fails)) => fails.rate / self.step,
            (Some(holds), None) => holds.rate * self.step,
            (Some(holds), Some(fails)) if fails.rate / holds.rate > NARROW => {
                (holds.rate * fails.rate).sqrt()
            }
            (Some(holds), Some(_)) if holds.times < 2 => holds.rate,
            (Some(_), Some(fails)) if fails.times < 2 => fails.rate,
            (Some(_), Some(_)) => return None,
        };
        (self.runs < RUNS && (LEAST..=MOST).contains(&rate)).then_some(rate)
    }

    /// Records the result of a run at the rate given by [`Self::next`].
    pub(crate) fn tell(&mut self, rate: f64, holds: bool) {
        self.runs += 1;
        let (this, other) =
            if holds { (&mut self.holds, &mut self.fails) } else { (&mut self.fails, &mut self.holds) };
        if other.is_some_and(|end| is_same(end.rate, rate)) {
            // The earlier result was chance.
            *other = None;
            self.step = STEP_BACK;
        }
        match this {
            Some(end) if is_same(end.rate, rate) => end.times += 1,
            _ => *this = Some(RateBound { rate, times: 1 }),
        }
    }

    /// Whether both ends are confirmed.
    pub(crate) fn is_sure(&self) -> bool {
        [self.holds, self.fails].iter().all(|end| end.is_some_and(|end| end.times >= 2))
    }
}

fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9 * one
}

#[cfg(test)]
mod tests {
    use super::Search;

    fn find(start: f64, mut holds: impl FnMut(f64) -> bool) -> (Search, usize) {
        let (mut search, mut runs) = (Search::new(start), 0);
        while let Some(rate) = search.next() {
            search.tell(rate, holds(rate));
            runs += 1;
        }
        (search, runs)
    }

    #[test]
    fn the_bracket_holds_the_limit_wherever_the_search_begins() {
        for start in [1.0, 999.0, 1_000.0, 1_001.0, 1e7] {
            let (search, runs) = find(start, |rate| rate <= 1_000.0);
            let (holds, fails) = (search.holds.unwrap(), search.fails.unwrap());
            assert!(holds.rate <= 1_000.0 && fails.rate > 1_000.0 && fails.rate / holds.rate <= 1.1);
            assert!(search.is_sure() && runs < 25, "{runs} runs from {start}");
        }
    }

    #[test]
    fn what_was_chance_is_not_believed() {
        let mut runs = 0;
        let (search, _) = find(1_000.0, |rate| {
            runs += 1;
            // The first run passes and the fifth fails whatever the rate.
            runs == 1 || (rate <= 100.0 && runs != 5)
        });
        assert!(search.is_sure());
        assert!((90.0..=100.0).contains(&search.holds.unwrap().rate), "{search:?}");
    }

    #[test]
    fn it_ends_where_nothing_holds_and_where_everything_does() {
        let (nothing, runs) = find(1_000.0, |_| false);
        assert!(nothing.holds.is_none() && !nothing.is_sure() && runs < 40);
        let (everything, runs) = find(1_000.0, |_| true);
        assert!(everything.fails.is_none() && runs < 40);
    }
}
