//! The core of `skeeter bench`: who sends what to whom and when, what arrived, and what may be said of it.
//!
//! Values without sockets and clocks, times in microseconds since the run began, so that every figure of a report is
//! proven by tests that invent the bad days. What it leaves out: connections, which are the shell's.

pub(crate) mod compare;
pub(crate) mod payload;
pub(crate) mod plan;
pub(crate) mod schedule;
pub(crate) mod search;
pub(crate) mod tally;
pub(crate) mod threshold;
pub(crate) mod times;
pub(crate) mod topic;
pub(crate) mod verdict;

/// Spreads the bits of a number, so that one wrong bit changes half of them (the finalizer of splitmix64).
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
