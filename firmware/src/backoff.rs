//! How long to wait before the next attempt: doubling, with jitter, up to a limit.

const FIRST: u64 = 1_000;
const LONGEST: u64 = 120_000;

/// Waits between attempts, in milliseconds.
#[derive(Clone, Debug)]
pub struct Backoff {
    attempts: u32,
    seed: u32,
}

impl Backoff {
    /// `seed` makes boards that lost the same broker come back at different times.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self { attempts: 0, seed: seed | 1 }
    }

    /// The wait before the next attempt: between half and the whole of 1 s, 2 s, 4 s, ... 120 s.
    pub fn next_wait(&mut self) -> u64 {
        let whole = (FIRST << self.attempts.min(7)).min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        // xorshift: any spread will do, nothing secret hangs on it.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        whole / 2 + u64::from(self.seed) % (whole / 2 + 1)
    }

    /// An attempt held: the next wait is short again.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_a_limit_and_starts_anew() {
        let mut backoff = Backoff::new(7);
        for whole in [1, 2, 4, 8, 16, 32, 64, 120, 120, 120] {
            let wait = backoff.next_wait();
            assert!((whole * 500..=whole * 1000).contains(&wait), "{wait} of {whole} s");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= 1_000);
    }

    #[test]
    fn boards_differ() {
        assert_ne!(Backoff::new(3).next_wait(), Backoff::new(9).next_wait());
    }
}
