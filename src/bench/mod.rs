//! The core of `skeeter bench`: who sends what to whom and when, what arrived, and what may be said of it.
//!
//! Values without sockets and clocks, times in microseconds since the run began, so that every figure of a report is
//! proven by tests that invent the bad days. What it leaves out: connections, which are the shell's.

pub(crate) mod plan;
pub(crate) mod search;
pub(crate) mod stamp;
pub(crate) mod tally;
pub(crate) mod threshold;
pub(crate) mod verdict;
