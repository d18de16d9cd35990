//! The bottleneck of a run: the broker, the load generator, or the machine they share.
//!
//! A message that leaves late because the broker stopped reading or did not acknowledge earlier ones counts against the broker,
//! not against the generator.

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

/// What limited a run. Shares are in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bottleneck {
    /// The generator kept up, so the figures are those of the broker.
    None,
    Generator(Why),
    Machine,
    /// The broker delayed this share of the messages.
    Broker(u64),
}

/// Why the generator was the bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// One of its threads was busy all the time.
    Busy(u64),
    /// It did not get enough CPU time.
    Starved,
    /// It was stopped or stalled.
    StoodStill(u64),
    /// It sent this share of its messages late.
    Late(u64),
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "percent")]
fn percent(share: f64) -> u64 {
    (share * 100.0).round() as u64
}

impl Bottleneck {
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
            // If the CPUs are fully used it may have waited for one; otherwise something else delayed it.
            return match () {
                () if is_full && waited * 2.0 > stood_still => Self::Machine,
                () if stood_still > 0.1 => Self::Generator(Why::StoodStill(percent(stood_still))),
                () => Self::Generator(Why::Late(percent(share(late)).max(1))),
            };
        }
        if share(held_up) > 0.01 { Self::Broker(percent(share(held_up)).max(1)) } else { Self::None }
    }

    /// Its name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Generator(_) => "generator",
            Self::Machine => "machine",
            Self::Broker(_) => "broker",
        }
    }

    /// A phrase for a bottleneck by its name in JSON.
    pub(crate) fn short(name: &str) -> Option<&'static str> {
        match name {
            "generator" => Some("the load generator was the bottleneck"),
            "machine" => Some("the CPUs of this machine were the bottleneck"),
            "broker" => Some("the broker was the bottleneck"),
            _ => None,
        }
    }

    /// One line for the report.
    pub(crate) fn text(self) -> String {
        let why = match self {
            Self::None => return "bottleneck: none; the load generator kept up with the schedule".to_owned(),
            Self::Machine => {
                return "bottleneck: this machine; generator and broker compete for its CPUs".to_owned();
            }
            Self::Broker(delayed) => {
                return format!(
                    "bottleneck: the broker; its back-pressure delayed {delayed} % of the messages"
                );
            }
            Self::Generator(why) => why,
        };
        let why = match why {
            Why::Busy(busy) => format!("one of its threads used {busy} % of a CPU"),
            Why::Starved => "it did not get enough CPU time".to_owned(),
            Why::StoodStill(still) => format!("it was stalled {still} % of the time"),
            Why::Late(late) => format!("{late} % of its messages were sent late"),
        };
        format!("bottleneck: the load generator; {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Bottleneck, Evidence, Why};

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
        let of = Bottleneck::new;
        assert_eq!(of(CALM), Bottleneck::None);
        assert_eq!(of(Evidence { busiest: 0.95, ..CALM }), Bottleneck::Generator(Why::Busy(95)));
        assert_eq!(of(Evidence { wanted: 0.95, late: 500, ..CALM }), Bottleneck::Generator(Why::Starved));
        assert_eq!(of(Evidence { late: 110, ..CALM }), Bottleneck::Generator(Why::Late(11)));
        assert_eq!(of(Evidence { late: 110, held_up: 500, ..CALM }), Bottleneck::Generator(Why::Late(11)));
        assert_eq!(of(Evidence { late: 110, matters: false, ..CALM }), Bottleneck::None);
        assert_eq!(of(Evidence { held_up: 500, ..CALM }), Bottleneck::Broker(50));
        assert_eq!(of(Evidence { stood_still: 0.4, ..CALM }), Bottleneck::Generator(Why::StoodStill(40)));
    }

    #[test]
    fn on_a_fully_loaded_machine_the_machine_is_the_bottleneck() {
        let full = Evidence { idle: Some(0.1), ..CALM };
        assert_eq!(Bottleneck::new(full), Bottleneck::None, "it kept up nevertheless");
        for slow in [
            Evidence { busiest: 0.95, ..full },
            Evidence { wanted: 0.95, ..full },
            Evidence { late: 110, ..full },
            Evidence { stood_still: 0.15, ..full },
        ] {
            assert_eq!(Bottleneck::new(slow), Bottleneck::Machine, "{slow:?}");
        }
        // A stopped process does not wait for a CPU, however busy the machine is.
        let stopped = Evidence { stood_still: 0.7, late: 700, ..full };
        assert_eq!(Bottleneck::new(stopped), Bottleneck::Generator(Why::StoodStill(70)));
        // If the idle time is unknown, generator and broker together must use all CPUs.
        let blind = Evidence { idle: None, busiest: 0.97, generator: 0.97, ..CALM };
        assert_eq!(Bottleneck::new(Evidence { broker: Some(0.97), ..blind }), Bottleneck::Machine);
        assert_eq!(Bottleneck::new(blind), Bottleneck::Generator(Why::Busy(97)));
    }

    #[test]
    fn the_bottleneck_fits_on_a_line() {
        let why = [Why::Busy(100), Why::Starved, Why::StoodStill(100), Why::Late(100)];
        for verdict in [Bottleneck::None, Bottleneck::Machine, Bottleneck::Broker(100)]
            .into_iter()
            .chain(why.map(Bottleneck::Generator))
        {
            assert!(verdict.text().len() <= 80, "{}", verdict.text());
        }
    }
}
