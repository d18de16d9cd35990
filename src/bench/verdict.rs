//! Who was the limit: the broker, the generator, or the machine they share.
//!
//! What a broker holds up, by taking no more bytes or not acknowledging, is its own doing and no lateness of the generator.

/// What is known at the end of a run. Shares are of one processor, over the seconds of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    /// What the generator's busiest thread used.
    pub(crate) busiest: f64,
    /// The most that one of its threads would have used, had a processor been free whenever it had something to do.
    pub(crate) wanted: f64,
    /// The most that one of its threads waited for a processor, and that it did nothing though it wanted to.
    pub(crate) waited: f64,
    pub(crate) stood_still: f64,
    /// What all of its threads used, and the broker, if that is known.
    pub(crate) generator: f64,
    pub(crate) broker: Option<f64>,
    /// Processors of this machine, and how many of them had nothing to do, where the system tells.
    pub(crate) processors: usize,
    pub(crate) idle: Option<f64>,
    /// Messages sent; those that the generator sent more than a millisecond late; those that the broker held up for as
    /// long. None of both in a closed loop.
    pub(crate) sent: u64,
    pub(crate) late: u64,
    pub(crate) held_up: u64,
    /// Whether that lateness is a tenth of the latency or more, as far as both are known.
    pub(crate) matters: bool,
}

/// Shares in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The figures are the broker's.
    Broker,
    Generator(Why),
    Machine,
    /// The broker held up so many of the messages.
    BackPressure(u64),
}

/// Why it was the generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A thread of it had no time left.
    Busy(u64),
    /// A processor was free, but not for it.
    Starved,
    /// It was stopped, or held up otherwise.
    StoodStill(u64),
    /// So many of its messages left late.
    Late(u64),
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "percent")]
fn percent(share: f64) -> u64 {
    (share * 100.0).round() as u64
}

impl Verdict {
    #[expect(clippy::cast_precision_loss, reason = "shares")]
    pub(crate) fn new(evidence: Evidence) -> Self {
        let Evidence { busiest, wanted, waited, stood_still, generator, broker, .. } = evidence;
        let Evidence { processors, idle, sent, late, held_up, matters, .. } = evidence;
        let processors = processors as f64;
        let is_full = match (idle, broker) {
            (Some(idle), _) => idle < 0.1 * processors,
            (None, Some(broker)) => generator + broker > 0.95 * processors,
            (None, None) => false,
        };
        let share = |count: u64| count as f64 / sent.max(1) as f64;
        if busiest > 0.9 || wanted > 0.9 {
            let why = if busiest > 0.9 { Why::Busy(percent(busiest)) } else { Why::Starved };
            return if is_full { Self::Machine } else { Self::Generator(why) };
        }
        let is_late = share(late) > 0.01 && matters;
        if is_late || stood_still > 0.1 {
            // On a full machine it may have waited for a processor; if it did not, something else held it up.
            return match () {
                () if is_full && waited * 2.0 > stood_still => Self::Machine,
                () if stood_still > 0.1 => Self::Generator(Why::StoodStill(percent(stood_still))),
                () => Self::Generator(Why::Late(percent(share(late)).max(1))),
            };
        }
        if share(held_up) > 0.01 { Self::BackPressure(percent(share(held_up)).max(1)) } else { Self::Broker }
    }

    /// One word, for JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Generator(_) => "generator",
            Self::Machine => "machine",
            Self::BackPressure(_) => "back-pressure",
        }
    }

    /// A few words where the figures are not the broker's, or are it at its limit.
    pub(crate) fn short(name: &str) -> Option<&'static str> {
        match name {
            "generator" => Some("the generator was the bottleneck"),
            "machine" => Some("the machine was full"),
            "back-pressure" => Some("the broker held messages up"),
            _ => None,
        }
    }

    /// One line, for people.
    pub(crate) fn text(self) -> String {
        let why = match self {
            Self::Broker => return "the generator kept up: these figures are the broker's".to_owned(),
            Self::Machine => {
                return "the machine was full: generator, broker and others share its processors".to_owned();
            }
            Self::BackPressure(held_up) => {
                return format!("the broker was the bottleneck: it held up {held_up} % of the messages");
            }
            Self::Generator(why) => why,
        };
        let why = match why {
            Why::Busy(busy) => format!("a thread of it was busy {busy} % of the time"),
            Why::Starved => "it got too little of the processors".to_owned(),
            Why::StoodStill(still) => format!("it stood still {still} % of the time"),
            Why::Late(late) => format!("{late} % of its messages left late"),
        };
        format!("the generator was the bottleneck: {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Evidence, Verdict, Why};

    const CALM: Evidence = Evidence {
        busiest: 0.2,
        wanted: 0.3,
        waited: 0.1,
        stood_still: 0.0,
        generator: 0.2,
        broker: None,
        processors: 2,
        idle: Some(1.0),
        sent: 1_000,
        late: 10,
        held_up: 10,
        matters: true,
    };

    #[test]
    fn the_bottleneck_is_named() {
        let of = Verdict::new;
        assert_eq!(of(CALM), Verdict::Broker);
        assert_eq!(of(Evidence { busiest: 0.95, ..CALM }), Verdict::Generator(Why::Busy(95)));
        assert_eq!(of(Evidence { wanted: 0.95, late: 500, ..CALM }), Verdict::Generator(Why::Starved));
        assert_eq!(of(Evidence { late: 110, ..CALM }), Verdict::Generator(Why::Late(11)));
        assert_eq!(of(Evidence { late: 110, held_up: 500, ..CALM }), Verdict::Generator(Why::Late(11)));
        assert_eq!(of(Evidence { late: 110, matters: false, ..CALM }), Verdict::Broker);
        assert_eq!(of(Evidence { held_up: 500, ..CALM }), Verdict::BackPressure(50));
        assert_eq!(of(Evidence { stood_still: 0.4, ..CALM }), Verdict::Generator(Why::StoodStill(40)));
    }

    #[test]
    fn on_a_full_machine_nobody_else_is_to_blame() {
        let full = Evidence { idle: Some(0.1), ..CALM };
        assert_eq!(Verdict::new(full), Verdict::Broker, "it kept up nevertheless");
        for slow in [
            Evidence { busiest: 0.95, ..full },
            Evidence { wanted: 0.95, ..full },
            Evidence { late: 110, ..full },
            Evidence { stood_still: 0.15, ..full },
        ] {
            assert_eq!(Verdict::new(slow), Verdict::Machine, "{slow:?}");
        }
        // Who is stopped waits for no processor, however full the machine.
        let stopped = Evidence { stood_still: 0.7, late: 700, ..full };
        assert_eq!(Verdict::new(stopped), Verdict::Generator(Why::StoodStill(70)));
        // Where the system tells nothing, the two of them must fill it.
        let blind = Evidence { idle: None, busiest: 0.97, generator: 0.97, ..CALM };
        assert_eq!(Verdict::new(Evidence { broker: Some(0.97), ..blind }), Verdict::Machine);
        assert_eq!(Verdict::new(blind), Verdict::Generator(Why::Busy(97)));
    }

    #[test]
    fn a_verdict_is_a_line() {
        let why = [Why::Busy(100), Why::Starved, Why::StoodStill(100), Why::Late(100)];
        for verdict in [Verdict::Broker, Verdict::Machine, Verdict::BackPressure(100)]
            .into_iter()
            .chain(why.map(Verdict::Generator))
        {
            assert!(verdict.text().len() <= 80, "{}", verdict.text());
        }
    }
}
