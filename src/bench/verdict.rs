//! Who was the limit: the broker, the generator, or the machine they share.

/// What is known at the end of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// CPU-seconds of the generator's busiest thread, and of all of them, over the seconds of the run.
    pub(crate) busiest: f64,
    pub(crate) generator: f64,
    /// The most that one of its threads would have used, had a processor been free whenever it had something to do.
    pub(crate) wanted: f64,
    /// CPU-seconds of the broker over the seconds of the run, if its process is known.
    pub(crate) broker: Option<f64>,
    /// Processors of this machine.
    pub(crate) processors: usize,
    /// Messages sent, and those that left more than a millisecond after they were due; none in a closed loop.
    pub(crate) sent: u64,
    pub(crate) late: u64,
    /// Times that a connection took no more bytes.
    pub(crate) blocked: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The figures are the broker's.
    Broker,
    Generator,
    Machine,
    /// Messages were late because connections took no more bytes.
    BackPressure,
    /// Messages were late and nothing says why.
    Late,
}

impl Verdict {
    #[expect(clippy::cast_precision_loss, reason = "shares")]
    pub(crate) fn new(evidence: Evidence) -> Self {
        let Evidence { busiest, generator, wanted, broker, processors, sent, late, blocked } = evidence;
        let both = generator + broker.unwrap_or(0.0);
        let is_late = late * 100 > sent;
        if broker.is_some() && both > 0.95 * processors as f64 {
            Self::Machine
        } else if busiest > 0.9 {
            Self::Generator
        } else if wanted > 0.9 {
            // Others took what it lacked.
            Self::Machine
        } else if is_late && blocked > 0 {
            Self::BackPressure
        } else if is_late {
            Self::Late
        } else {
            Self::Broker
        }
    }

    /// One word, for JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Generator => "generator",
            Self::Machine => "machine",
            Self::BackPressure => "back-pressure",
            Self::Late => "late",
        }
    }

    /// One line, for people.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Broker => "the generator kept up: these figures are the broker's",
            Self::Generator => "the generator was the bottleneck: the broker may be faster than this",
            Self::Machine => "the machine was full: generator, broker and others share its processors",
            Self::BackPressure => "messages were late because the broker took no more bytes",
            Self::Late => "the generator fell behind though it had time: the machine is busy otherwise",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Evidence, Verdict};

    #[test]
    fn the_bottleneck_is_named() {
        let calm = Evidence {
            busiest: 0.2,
            generator: 0.2,
            wanted: 0.3,
            broker: None,
            processors: 2,
            sent: 1_000,
            late: 10,
            blocked: 0,
        };
        assert_eq!(Verdict::new(calm), Verdict::Broker);
        assert_eq!(Verdict::new(Evidence { busiest: 0.95, generator: 0.95, ..calm }), Verdict::Generator);
        assert_eq!(Verdict::new(Evidence { wanted: 0.95, late: 500, ..calm }), Verdict::Machine);
        assert_eq!(Verdict::new(Evidence { late: 11, blocked: 1, ..calm }), Verdict::BackPressure);
        assert_eq!(Verdict::new(Evidence { late: 11, ..calm }), Verdict::Late);
        let full = Evidence { busiest: 0.97, generator: 0.97, broker: Some(0.97), ..calm };
        assert_eq!(Verdict::new(full), Verdict::Machine);
        assert_eq!(Verdict::new(Evidence { processors: 8, ..full }), Verdict::Generator);
    }
}
