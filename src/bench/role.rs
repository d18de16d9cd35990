//! The clients of a run by side and number.

use std::time::Duration;

use crate::bench::model::topology::Topology;

/// One client: its side, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Publisher(usize),
    Subscriber(usize),
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Publisher(number) => write!(f, "publisher {number}"),
            Self::Subscriber(number) => write!(f, "subscriber {number}"),
        }
    }
}

/// The two sides of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientSide {
    Publishers,
    Subscribers,
}

impl ClientSide {
    pub(super) fn role(self, number: usize) -> Role {
        match self {
            Self::Publishers => Role::Publisher(number),
            Self::Subscribers => Role::Subscriber(number),
        }
    }

    pub(super) fn of(role: Role) -> Self {
        match role {
            Role::Publisher(_) => Self::Publishers,
            Role::Subscriber(_) => Self::Subscribers,
        }
    }

    /// Number of clients on this side.
    pub(super) fn count(self, topology: &Topology) -> usize {
        match self {
            Self::Publishers => topology.publishers,
            Self::Subscribers => topology.subscribers,
        }
    }
}

/// A time in microseconds.
pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
