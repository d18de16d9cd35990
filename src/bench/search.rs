//! The search for the highest rate at which a condition holds: doubled until it fails, then halved between the two.
//!
//! One run may fail or pass by chance, so both ends of the bracket are confirmed by a second run; an end that is not
//! confirmed was chance, and the search goes on from there.

/// Where the bracket is narrow enough.
const NARROW: f64 = 1.1;
/// Runs after which it ends in any case.
const RUNS: usize = 40;
/// The factor of a step while one end is missing: at first, and when the other end has turned out to be chance.
const STEP: f64 = 2.0;
const STEP_BACK: f64 = 1.2;
const LEAST: f64 = 0.01;
const MOST: f64 = 1e8;

/// A rate and how often it was found to be on its side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct End {
    pub(crate) rate: f64,
    pub(crate) times: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Search {
    start: f64,
    /// The highest rate that held, and the lowest that did not.
    pub(crate) holds: Option<End>,
    pub(crate) fails: Option<End>,
    step: f64,
    runs: usize,
}

impl Search {
    pub(crate) fn new(start: f64) -> Self {
        Self { start, holds: None, fails: None, step: STEP, runs: 0 }
    }

    /// The rate to try next, if there is more to find out.
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

    /// What came of a run at the rate that [`Self::next`] gave.
    pub(crate) fn tell(&mut self, rate: f64, holds: bool) {
        self.runs += 1;
        let (this, other) =
            if holds { (&mut self.holds, &mut self.fails) } else { (&mut self.fails, &mut self.holds) };
        if other.is_some_and(|end| is_same(end.rate, rate)) {
            // It was chance the first time.
            *other = None;
            self.step = STEP_BACK;
        }
        match this {
            Some(end) if is_same(end.rate, rate) => end.times += 1,
            _ => *this = Some(End { rate, times: 1 }),
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
