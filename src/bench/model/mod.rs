//! The core of `skeeter bench`: the load, the schedule, the evaluation of what arrived, and the bottleneck.
//!
//! It uses neither sockets nor clocks; times are microseconds since the start of the run. Tests can therefore check every
//! figure of a report with made-up deliveries.

pub(crate) mod bottleneck;
pub(crate) mod compare;
pub(crate) mod payload;
pub(crate) mod schedule;
pub(crate) mod search;
pub(crate) mod tally;
pub(crate) mod threshold;
pub(crate) mod times;
pub(crate) mod topic;
pub(crate) mod topology;

/// Spreads the bits of a number, so that one wrong bit changes half of them (the finalizer of splitmix64).
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
