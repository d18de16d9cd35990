//! Selects the messages to print.

use crate::cli::subscribe::SubscribeArgs;
use crate::codec::packet::Publish;
use crate::topic::TopicFilter;

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selected {
    Print,
    Skip,
    /// Exit, at the first message that is not retained with `--retained-only`.
    End,
}

/// The flags that select messages.
pub(super) struct Selection<'a> {
    no_retained: bool,
    retained_only: bool,
    /// Filters of -T, which are valid.
    without: Vec<TopicFilter<'a>>,
    /// Fraction of the messages to print, times 2^32.
    share: Option<u64>,
    random: u64,
}

impl<'a> Selection<'a> {
    /// `seed` seeds the random numbers of `--random-filter`.
    pub(super) fn new(args: &'a SubscribeArgs, seed: u64) -> Self {
        Self {
            no_retained: args.print.no_retained,
            retained_only: args.retained_only,
            without: args.filter_out.iter().filter_map(|filter| TopicFilter::new(filter).ok()).collect(),
            share: args.random_filter.map(|percent| (percent / 100.0 * f64::from(u32::MAX)) as u64),
            random: seed | 1,
        }
    }

    pub(super) fn judge(&mut self, publish: &Publish<'_>) -> Selected {
        if self.retained_only && !publish.retain {
            return Selected::End;
        }
        if self.no_retained && publish.retain {
            return Selected::Skip;
        }
        if self.without.iter().any(|filter| filter.matches(publish.topic)) {
            return Selected::Skip;
        }
        let share = self.share;
        match share {
            Some(share) if share < self.next_random() => Selected::Skip,
            _ => Selected::Print,
        }
    }

    /// 32 bits of an xorshift.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 32
    }
}
