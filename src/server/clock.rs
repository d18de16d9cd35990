//! The broker's time.

use std::time::Duration;

use crate::time::Instant;

/// The time that the core sees: how long the broker has run.
#[derive(Clone, Copy, Debug)]
pub(super) struct BrokerClock(std::time::Instant);

impl BrokerClock {
    pub(super) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(super) fn now(self) -> Instant {
        let micros = self.0.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The same moment for the timers of the runtime.
    pub(super) fn timer(self, at: Instant) -> tokio::time::Instant {
        (self.0 + Duration::from_micros(at.as_micros())).into()
    }
}
