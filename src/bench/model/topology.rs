//! Publishers, subscribers and the receivers of a message in each scenario.

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Each publisher has its own topic and subscriber.
    PubSub,
    /// Many publishers and few subscribers, each of which receives every message.
    FanIn,
    /// Few publishers and many subscribers, each of which receives every message.
    FanOut,
    /// The subscribers share one subscription; each message is delivered to one of them.
    Shared,
    /// Clients connect and stay connected.
    Connect,
    /// Clients repeatedly connect, subscribe and disconnect.
    Churn,
    /// Clients send PINGREQ.
    Ping,
    /// Subscribers receive retained messages.
    Retained,
    /// Subscribers reconnect and receive messages queued while they were disconnected.
    Offline,
    /// All clients lose their connection at once and reconnect.
    Reconnect,
}

impl Scenario {
    /// Whether messages are sent, and not only connections opened.
    pub(crate) fn has_messages(self) -> bool {
        !matches!(self, Self::Connect | Self::Churn | Self::Reconnect | Self::Ping)
    }

    /// What is counted as sent, and as received.
    pub(crate) fn units(self) -> (&'static str, &'static str) {
        match self {
            Self::Connect | Self::Churn | Self::Reconnect => ("attempted", "connected"),
            Self::Ping => ("pings", "answered"),
            _ => ("sent", "received"),
        }
    }

    /// The unit of a rate.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Connect | Self::Churn | Self::Reconnect => "connections/s",
            Self::Ping => "pings/s",
            Self::Retained => "subscribers/s",
            _ => "messages/s",
        }
    }
}

/// The clients of a run. Those that neither publish nor subscribe count as publishers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Topology {
    pub(crate) scenario: Scenario,
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    /// Threads that share the work: the client of number n belongs to thread n mod threads.
    pub(crate) threads: usize,
}

impl Topology {
    /// Receivers that count as one: all of a shared group do.
    pub(crate) fn tallies(&self) -> usize {
        if self.scenario == Scenario::Shared { 1 } else { self.subscribers }
    }

    /// Whether this subscriber receives the messages of this publisher.
    pub(crate) fn reaches(&self, publisher: usize, subscriber: usize) -> bool {
        self.scenario != Scenario::PubSub || publisher == subscriber
    }

    /// Number of receivers of each message.
    pub(crate) fn copies(&self) -> u64 {
        match self.scenario {
            Scenario::PubSub | Scenario::Shared | Scenario::Ping => 1,
            _ => self.tallies() as u64,
        }
    }

    /// The numbers of those of `count` clients that belong to a thread.
    pub(crate) fn share(&self, count: usize, thread: usize) -> impl Iterator<Item = usize> + use<> {
        (thread..count).step_by(self.threads)
    }

    /// Number of a message among those of all publishers, which take turns.
    pub(crate) fn number(&self, publisher: usize, sequence: u64) -> u64 {
        sequence.saturating_mul(self.publishers as u64).saturating_add(publisher as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::{Scenario, Topology};

    fn plan(scenario: Scenario, publishers: usize, subscribers: usize) -> Topology {
        Topology { scenario, publishers, subscribers, threads: 2 }
    }

    #[test]
    fn publishers_take_turns() {
        let plan = plan(Scenario::FanIn, 4, 1);
        assert_eq!([(0, 0), (1, 0), (3, 0), (0, 1)].map(|(p, s)| plan.number(p, s)), [0, 1, 3, 4]);
    }

    #[test]
    fn scenarios_say_who_gets_what() {
        let pairs = plan(Scenario::PubSub, 2, 2);
        assert!(pairs.reaches(1, 1) && !pairs.reaches(0, 1));
        assert_eq!(pairs.copies(), 1);
        let shared = plan(Scenario::Shared, 2, 3);
        assert_eq!((shared.tallies(), shared.copies()), (1, 1));
        let fan_out = plan(Scenario::FanOut, 1, 9);
        assert!(fan_out.reaches(0, 8));
        assert_eq!(fan_out.copies(), 9);
    }

    #[test]
    fn each_client_belongs_to_one_thread() {
        let plan = plan(Scenario::FanOut, 1, 5);
        let of = |thread| plan.share(5, thread).collect::<Vec<_>>();
        assert_eq!((of(0), of(1)), (vec![0, 2, 4], vec![1, 3]));
    }
}
