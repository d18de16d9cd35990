//! When a bridge connects again, and where.

use std::time::Duration;

/// The pauses between attempts: from `base`, longer and by chance ("decorrelated jitter"), up to `cap`; always `base` where
/// both are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    base: Duration,
    cap: Duration,
    last: Duration,
}

impl Pause {
    pub(crate) fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, last: base }
    }

    /// The next pause; `random` is any number.
    pub(crate) fn next(&mut self, random: u64) -> Duration {
        let most = self.cap.min(self.last.saturating_mul(3)).max(self.base);
        let span = u64::try_from((most - self.base).as_millis()).unwrap_or(u64::MAX);
        self.last = self.base + Duration::from_millis(random % span.saturating_add(1));
        self.last
    }

    /// A connection was good.
    pub(crate) fn reset(&mut self) {
        self.last = self.base;
    }
}

/// The places where the other broker may be, one of which is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    count: usize,
    current: usize,
    /// Since the last one answered, or the last pause.
    failed: usize,
    round_robin: bool,
}

impl Places {
    /// `count` is above 0.
    pub(crate) fn new(count: usize, round_robin: bool) -> Self {
        Self { count, current: 0, failed: 0, round_robin }
    }

    /// The one to try.
    pub(crate) fn current(&self) -> usize {
        self.current
    }

    /// Whether there is a better one to go back to.
    pub(crate) fn is_makeshift(&self) -> bool {
        self.current > 0 && !self.round_robin
    }

    /// It did not answer: the next one is tried, after a pause if all have been tried.
    pub(crate) fn failed(&mut self) -> bool {
        self.failed += 1;
        self.current = (self.current + 1) % self.count;
        let all = self.failed >= self.count;
        if all {
            self.failed = 0;
        }
        all
    }

    /// It answered.
    pub(crate) fn answered(&mut self) {
        self.failed = 0;
    }

    /// The connection was lost: it is tried again from the first one, or with the next one.
    pub(crate) fn lost(&mut self) {
        self.current = if self.round_robin { (self.current + 1) % self.count } else { 0 };
        self.failed = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Pause, Places};

    #[test]
    fn pauses_grow_by_chance_within_their_bounds() {
        let second = Duration::from_secs;
        let mut same = Pause::new(second(7), second(7));
        assert_eq!([same.next(0), same.next(u64::MAX), same.next(12_345)], [second(7); 3]);
        let mut pause = Pause::new(second(5), second(30));
        let longest = |pause: &mut Pause| pause.next(10_000);
        assert_eq!(longest(&mut pause), second(15));
        let (mut greatest, mut numbers) = (Duration::ZERO, BTreeSet::new());
        for number in 0..1_000_u64 {
            let next = pause.next(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            assert!((second(5)..=second(30)).contains(&next), "{next:?}");
            greatest = greatest.max(next);
            numbers.insert(next);
        }
        assert!(greatest > second(25) && numbers.len() > 900, "{greatest:?} {}", numbers.len());
        pause.reset();
        assert!(pause.next(u64::MAX) <= second(15));
    }

    use std::collections::BTreeSet;

    #[test]
    fn the_first_place_is_the_best_unless_all_are_equal() {
        let mut places = Places::new(3, false);
        assert_eq!((places.failed(), places.current(), places.is_makeshift()), (false, 1, true));
        assert_eq!((places.failed(), places.current()), (false, 2));
        assert_eq!((places.failed(), places.current()), (true, 0));
        places.failed();
        places.answered();
        places.lost();
        assert_eq!((places.current(), places.is_makeshift()), (0, false));
        let mut round = Places::new(2, true);
        assert_eq!((round.failed(), round.current(), round.is_makeshift()), (false, 1, false));
        round.answered();
        round.lost();
        assert_eq!(round.current(), 0);
        let mut one = Places::new(1, false);
        assert_eq!((one.failed(), one.current()), (true, 0));
    }
}
