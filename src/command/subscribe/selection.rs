//! Which of the messages that arrive are wanted.

use crate::cli::subscribe::SubscribeArgs;
use crate::codec::packet::Publish;
use crate::topic::TopicFilter;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Print,
    Skip,
    /// With `--retained-only` the first message that is not retained.
    End,
}

/// The flags that leave messages out.
pub(super) struct Selection<'a> {
    no_retained: bool,
    retained_only: bool,
    /// Well formed: they were checked before.
    without: Vec<TopicFilter<'a>>,
    /// Share of the messages to print, of 2^32.
    share: Option<u64>,
    random: u64,
}

impl<'a> Selection<'a> {
    /// `seed` begins the sequence that `--random-filter` picks by.
    pub(super) fn new(args: &'a SubscribeArgs, seed: u64) -> Self {
        Self {
            no_retained: args.print.no_retained,
            retained_only: args.retained_only,
            without: args.filter_out.iter().filter_map(|filter| TopicFilter::new(filter).ok()).collect(),
            share: args.random_filter.map(|percent| (percent / 100.0 * f64::from(u32::MAX)) as u64),
            random: seed | 1,
        }
    }

    pub(super) fn judge(&mut self, publish: &Publish<'_>) -> Verdict {
        if self.retained_only && !publish.retain {
            return Verdict::End;
        }
        if self.no_retained && publish.retain {
            return Verdict::Skip;
        }
        if self.without.iter().any(|filter| filter.matches(publish.topic)) {
            return Verdict::Skip;
        }
        let share = self.share;
        match share {
            Some(share) if share < self.next_random() => Verdict::Skip,
            _ => Verdict::Print,
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
