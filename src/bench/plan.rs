//! Who publishes and who subscribes in each scenario, and when each message is due.
//!
//! With a rate the loop is open: a message has its due time whatever became of those before, and its latency counts from
//! there, so that a broker that stands still is seen by all messages that were due meanwhile.

/// How publishers and subscribers belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Each publisher has a topic and a subscriber of its own.
    PubSub,
    /// Many publishers, few subscribers; each of these gets everything.
    FanIn,
    /// Few publishers, many subscribers; each of these gets everything.
    FanOut,
    /// The subscribers form one shared group: each message goes to one of them.
    Shared,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) scenario: Scenario,
    /// What all topics of the run begin with.
    pub(crate) prefix: String,
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    /// Messages a second of all publishers together; `None`: as fast as the window allows.
    pub(crate) rate: Option<f64>,
}

impl Plan {
    pub(crate) fn topic(&self, publisher: usize) -> String {
        format!("{}/{publisher}", self.prefix)
    }

    pub(crate) fn filter(&self, subscriber: usize) -> String {
        match self.scenario {
            Scenario::PubSub => self.topic(subscriber),
            Scenario::FanIn | Scenario::FanOut => format!("{}/+", self.prefix),
            Scenario::Shared => format!("$share/bench/{}/+", self.prefix),
        }
    }

    /// Receivers that count as one: all of a shared group do.
    pub(crate) fn tallies(&self) -> usize {
        if self.scenario == Scenario::Shared { 1 } else { self.subscribers }
    }

    /// The tally of a subscriber.
    pub(crate) fn tally(&self, subscriber: usize) -> usize {
        if self.scenario == Scenario::Shared { 0 } else { subscriber }
    }

    /// Whether what this publisher sends belongs into this tally.
    pub(crate) fn reaches(&self, publisher: usize, tally: usize) -> bool {
        self.scenario != Scenario::PubSub || publisher == tally
    }

    /// When a publisher's message is due, in microseconds. The publishers take turns.
    pub(crate) fn due(&self, rate: f64, publisher: usize, sequence: u64) -> u64 {
        let number = sequence.saturating_mul(self.publishers as u64).saturating_add(publisher as u64);
        time_of(number, rate)
    }
}

/// The due time of a message, counted over all publishers.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub(crate) fn time_of(number: u64, rate: f64) -> u64 {
    // A run has fewer than 2^53 messages and microseconds.
    (number as f64 * 1e6 / rate) as u64
}

/// Messages of all publishers with a due time below `micros`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub(crate) fn count_before(rate: f64, micros: u64) -> u64 {
    let mut count = (micros as f64 * rate / 1e6).ceil() as u64;
    // Rounding may be one off in either direction; the due time decides.
    while count > 0 && time_of(count - 1, rate) >= micros {
        count -= 1;
    }
    while time_of(count, rate) < micros {
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::{Plan, Scenario, count_before, time_of};

    fn plan(scenario: Scenario, publishers: usize, subscribers: usize) -> Plan {
        Plan { scenario, prefix: "p".into(), publishers, subscribers, rate: None }
    }

    #[test]
    fn what_is_due_agrees_with_the_due_times() {
        for rate in [0.5, 3.0, 7.0, 1_000.0, 333_333.3] {
            for micros in [0, 1, 999, 1_000, 1_000_000, 2_000_001, 7_654_321] {
                let count = count_before(rate, micros);
                assert!(count == 0 || time_of(count - 1, rate) < micros);
                assert!(time_of(count, rate) >= micros, "{rate} {micros}");
            }
        }
    }

    #[test]
    fn publishers_take_turns() {
        let plan = plan(Scenario::FanIn, 4, 1);
        let dues =
            [(0, 0), (1, 0), (3, 0), (0, 1)].map(|(publisher, sequence)| plan.due(10.0, publisher, sequence));
        assert_eq!(dues, [0, 100_000, 300_000, 400_000]);
    }

    #[test]
    fn scenarios_say_who_gets_what() {
        let pairs = plan(Scenario::PubSub, 2, 2);
        assert_eq!((pairs.topic(1), pairs.filter(1)), ("p/1".into(), "p/1".into()));
        assert!(pairs.reaches(1, 1) && !pairs.reaches(0, 1));
        let shared = plan(Scenario::Shared, 2, 3);
        assert_eq!((shared.tallies(), shared.tally(2)), (1, 0));
        assert_eq!(shared.filter(2), "$share/bench/p/+");
        assert!(plan(Scenario::FanOut, 1, 9).reaches(0, 8));
    }
}
