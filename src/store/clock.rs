//! The clock of the store, in milliseconds: it advances whether the broker runs or not, and setting the wall clock does not
//! change it. Deadlines are stored in it.
//!
//! While a broker runs, it advances with the core's clock. Commits also store the system's clocks, so that the next start can
//! tell how much time has passed since: from the time since boot if the system has not been rebooted, otherwise from the wall
//! clock, unless it was not set then or has gone back. In doubt it assumes less time, so that nothing expires too early.
//!
//! The first commit after a start stores the clocks. Until then the file has only those of an earlier boot, and setting the
//! wall clock could not be told from time during which the system was off.

use std::time::{Duration, SystemTime};

use super::mark;
use crate::time::Instant;

/// A wall clock before this time, in milliseconds since 1970 (late 2023), has not been set.
const SET: u64 = 1_700_000_000_000;
/// Deviation of the wall clock, in milliseconds, that counts as a step and not as drift.
const STEP: u64 = 10_000;
/// Age of the stored clocks, in milliseconds, at which a commit stores them again.
const STALE: u64 = 1_000;

/// One moment on the clocks of the store and of the core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreClock {
    /// Milliseconds of the store.
    pub(crate) time: u64,
    pub(crate) now: Instant,
}

/// A reading of the system's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SystemClocks {
    /// Milliseconds since 1970.
    pub(crate) wall: u64,
    /// Milliseconds since boot, including time suspended; 0 if unknown.
    pub(crate) boot: u64,
    /// Identifies the boot; 0 if unknown.
    pub(crate) boot_id: u64,
}

/// The clock of the store and the system's clocks at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockAnchor {
    pub(super) time: u64,
    pub(super) reading: SystemClocks,
}

/// When the clock of the store started in this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClockStart {
    time: u64,
    now: Instant,
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl SystemClocks {
    pub(crate) fn now() -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (boot, boot_id) = since_boot().unwrap_or_default();
        Self { wall: millis(wall), boot, boot_id }
    }
}

/// Milliseconds since boot, and a number that identifies the boot.
#[cfg(target_os = "linux")]
fn since_boot() -> Option<(u64, u64)> {
    static ID: std::sync::OnceLock<Option<u64>> = std::sync::OnceLock::new();
    let read = || std::fs::read("/proc/sys/kernel/random/boot_id").ok();
    let id = (*ID.get_or_init(|| read().map(|id| mark::sum(&id))))?;
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let time = Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    Some((millis(time), id))
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Option<(u64, u64)> {
    None
}

impl ClockAnchor {
    /// Whether a commit should store the clocks again.
    pub(super) fn is_stale(&self, now: Self) -> bool {
        now.time.saturating_sub(self.time) >= STALE || self.is_outdated(now)
    }

    /// Whether the next start would compute the time since `now` incorrectly from this anchor: it is from an earlier boot, so
    /// that only the wall clock counts, or the wall clock has been set since.
    pub(super) fn is_outdated(&self, now: Self) -> bool {
        self.reading.boot_id != now.reading.boot_id || self.step(now.reading, now.time) != 0
    }

    /// Milliseconds between this anchor and a later reading.
    fn passed(&self, reading: SystemClocks) -> u64 {
        let then = self.reading;
        if then.boot_id != 0 && then.boot_id == reading.boot_id {
            reading.boot.saturating_sub(then.boot)
        } else if then.wall >= SET {
            reading.wall.saturating_sub(then.wall)
        } else {
            0
        }
    }

    /// Milliseconds by which the wall clock was set before the store's clock reached `time`: negative if it was set back, 0 if
    /// it was not set.
    pub(super) fn step(&self, reading: SystemClocks, time: u64) -> i64 {
        let passed = match reading.boot_id != 0 && reading.boot_id == self.reading.boot_id {
            // The core's clock does not advance while the system is suspended.
            true => reading.boot.saturating_sub(self.reading.boot),
            false => time.saturating_sub(self.time),
        };
        let expected = self.reading.wall.saturating_add(passed);
        let by = i64::try_from(reading.wall.abs_diff(expected)).unwrap_or(i64::MAX);
        match by.unsigned_abs() > STEP {
            true if reading.wall < expected => -by,
            true => by,
            false => 0,
        }
    }
}

impl ClockStart {
    /// Starts at `now`. Without an anchor the clock starts from the wall clock, in which older versions stored deadlines.
    pub(super) fn new(anchor: Option<ClockAnchor>, reading: SystemClocks, now: Instant) -> Self {
        let time = anchor.map_or(reading.wall, |anchor| anchor.time.saturating_add(anchor.passed(reading)));
        Self { time, now }
    }

    pub(super) fn at(&self, now: Instant) -> StoreClock {
        StoreClock { time: self.time.saturating_add(millis(now.since(self.now))), now }
    }
}

#[cfg(test)]
mod tests {
    use super::{ClockAnchor, SET, SystemClocks};

    const TODAY: u64 = SET + 100_000_000_000;

    const fn clocks(wall: u64, boot: u64, boot_id: u64) -> SystemClocks {
        SystemClocks { wall, boot, boot_id }
    }

    #[test]
    fn time_passes_by_the_boot_and_else_by_a_wall_clock_that_is_set() {
        for (what, then, now, expected) in [
            ("a restart", clocks(TODAY, 5_000, 1), clocks(TODAY + 70, 5_070, 1), 70),
            (
                "the clock was set forward before a restart",
                clocks(9_000, 5_000, 1),
                clocks(TODAY, 5_070, 1),
                70,
            ),
            ("the clock was set back before a restart", clocks(TODAY, 5_000, 1), clocks(9_000, 5_070, 1), 70),
            ("a reboot", clocks(TODAY, 5_000, 1), clocks(TODAY + 60_000, 900, 2), 60_000),
            ("a reboot without a battery", clocks(TODAY, 5_000, 1), clocks(9_000, 900, 2), 0),
            ("a reboot to a saved time", clocks(TODAY, 5_000, 1), clocks(TODAY - 60_000, 900, 2), 0),
            (
                "a reboot of a system whose clock was not set",
                clocks(9_000, 5_000, 1),
                clocks(TODAY, 900, 2),
                0,
            ),
            ("a system that does not tell when it booted", clocks(TODAY, 0, 0), clocks(TODAY + 60, 0, 0), 60),
        ] {
            let anchor = ClockAnchor { time: 0, reading: then };
            assert_eq!(anchor.passed(now), expected, "{what}");
        }
    }

    #[test]
    fn an_anchor_of_an_earlier_boot_is_replaced_though_the_wall_clock_was_not_set() {
        let anchor =
            |time, wall, boot, boot_id| ClockAnchor { time, reading: SystemClocks { wall, boot, boot_id } };
        let stored = anchor(0, TODAY, 5_000, 1);
        assert!(!stored.is_stale(anchor(20, TODAY + 20, 5_020, 1)));
        assert!(stored.is_stale(anchor(20, TODAY + 20, 20, 2)));
    }

    #[test]
    fn a_step_of_the_wall_clock_is_seen_and_its_drift_is_not() {
        let reading = |wall| SystemClocks { wall, boot: 0, boot_id: 0 };
        let anchor = ClockAnchor { time: 0, reading: reading(TODAY) };
        assert_eq!(anchor.step(reading(TODAY + 60_000), 60_000), 0);
        assert_eq!(anchor.step(reading(TODAY + 61_500), 60_000), 0);
        assert_eq!(anchor.step(reading(TODAY + 3_660_000), 60_000), 3_600_000);
        assert_eq!(anchor.step(reading(TODAY + 60_000 - 3_600_000), 60_000), -3_600_000);
        // Suspended for an hour, which the core's clock does not count.
        let reading = |wall, boot| SystemClocks { wall, boot, boot_id: 1 };
        let anchor = ClockAnchor { time: 0, reading: reading(TODAY, 5_000) };
        assert_eq!(anchor.step(reading(TODAY + 3_660_000, 3_665_000), 60_000), 0);
    }
}
