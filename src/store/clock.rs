//! The clock of the store: milliseconds that pass whether the broker runs or not, and that no step of the wall clock changes.
//!
//! Deadlines are written in it. While a broker runs it advances with the core's clock. Each commit also stores what the
//! system's clocks said then, so that the next start knows how much time has passed since: by the time since the system
//! booted, if that is still the same boot; otherwise by the wall clock, unless it was not set then or has gone back since.
//! When in doubt less time has passed, and nothing is lost.
//!
//! The first commit after a start stores the clocks before any other: until then the file has only those of an earlier
//! boot, and a wall clock that is set cannot be told from time that has passed while the system was off.

use std::time::{Duration, SystemTime};

use super::mark;
use crate::time::Instant;

/// Milliseconds since 1970 before which a wall clock has not been set: late in 2023.
const SET: u64 = 1_700_000_000_000;
/// How far the wall clock may be from where it should be before that counts as a step.
const STEP: u64 = 10_000;
/// After how long a commit stores the clocks again.
const STALE: u64 = 1_000;

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Milliseconds of the store.
    pub(crate) time: u64,
    pub(crate) now: Instant,
}

/// What the system's clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Milliseconds since 1970.
    pub(crate) wall: u64,
    /// Milliseconds since the system booted, whether it was suspended or not; 0 if that cannot be known.
    pub(crate) boot: u64,
    /// A number of that boot; 0 if there is none.
    pub(crate) boot_id: u64,
}

/// The clock of the store at a commit, and what the system's clocks said then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    pub(super) time: u64,
    pub(super) reading: Reading,
}

/// Where the clock of the store began in this process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    time: u64,
    now: Instant,
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Reading {
    pub(crate) fn now() -> Self {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (boot, boot_id) = since_boot().unwrap_or_default();
        Self { wall: millis(wall), boot, boot_id }
    }
}

/// Milliseconds since the system booted, and the number of that boot.
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

impl Anchor {
    /// Whether a commit should store the clocks again.
    pub(super) fn is_stale(&self, now: Self) -> bool {
        now.time.saturating_sub(self.time) >= STALE || self.is_outdated(now)
    }

    /// Whether the next start would compute the time since `now` wrongly from this anchor: it is from an earlier boot, so
    /// that only the wall clock counts, or the wall clock has been set since.
    pub(super) fn is_outdated(&self, now: Self) -> bool {
        self.reading.boot_id != now.reading.boot_id || self.step(now.reading, now.time) != 0
    }

    /// Milliseconds from this commit until another reading.
    fn passed(&self, reading: Reading) -> u64 {
        let then = self.reading;
        if then.boot_id != 0 && then.boot_id == reading.boot_id {
            reading.boot.saturating_sub(then.boot)
        } else if then.wall >= SET {
            reading.wall.saturating_sub(then.wall)
        } else {
            0
        }
    }

    /// Milliseconds by which the wall clock was set forward, or back if below 0, until the store's clock showed `time`; 0 if
    /// it was not.
    pub(super) fn step(&self, reading: Reading, time: u64) -> i64 {
        let passed = match reading.boot_id != 0 && reading.boot_id == self.reading.boot_id {
            // Also what the core's clock does not count, while the system is suspended.
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

impl Start {
    /// Begins at `now`. Without an anchor the clock begins as the wall clock, in which deadlines were written before there
    /// was one.
    pub(super) fn new(anchor: Option<Anchor>, reading: Reading, now: Instant) -> Self {
        let time = anchor.map_or(reading.wall, |anchor| anchor.time.saturating_add(anchor.passed(reading)));
        Self { time, now }
    }

    pub(super) fn at(&self, now: Instant) -> Clock {
        Clock { time: self.time.saturating_add(millis(now.since(self.now))), now }
    }
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Reading, SET};

    const TODAY: u64 = SET + 100_000_000_000;

    fn passed(then: (u64, u64, u64), now: (u64, u64, u64)) -> u64 {
        let reading = |(wall, boot, boot_id)| Reading { wall, boot, boot_id };
        Anchor { time: 0, reading: reading(then) }.passed(reading(now))
    }

    #[test]
    fn time_passes_by_the_boot_and_else_by_a_wall_clock_that_is_set() {
        for (what, then, now, expected) in [
            ("a restart", (TODAY, 5_000, 1), (TODAY + 70, 5_070, 1), 70),
            ("the clock was set forward before a restart", (9_000, 5_000, 1), (TODAY, 5_070, 1), 70),
            ("the clock was set back before a restart", (TODAY, 5_000, 1), (9_000, 5_070, 1), 70),
            ("a reboot", (TODAY, 5_000, 1), (TODAY + 60_000, 900, 2), 60_000),
            ("a reboot without a battery", (TODAY, 5_000, 1), (9_000, 900, 2), 0),
            ("a reboot to a saved time", (TODAY, 5_000, 1), (TODAY - 60_000, 900, 2), 0),
            ("a reboot of a system whose clock was not set", (9_000, 5_000, 1), (TODAY, 900, 2), 0),
            ("a system that does not tell when it booted", (TODAY, 0, 0), (TODAY + 60, 0, 0), 60),
        ] {
            assert_eq!(passed(then, now), expected, "{what}");
        }
    }

    #[test]
    fn an_anchor_of_an_earlier_boot_is_replaced_though_the_wall_clock_was_not_set() {
        let anchor = |time, wall, boot, boot_id| Anchor { time, reading: Reading { wall, boot, boot_id } };
        let stored = anchor(0, TODAY, 5_000, 1);
        assert!(!stored.is_stale(anchor(20, TODAY + 20, 5_020, 1)));
        assert!(stored.is_stale(anchor(20, TODAY + 20, 20, 2)));
    }

    #[test]
    fn a_step_of_the_wall_clock_is_seen_and_its_drift_is_not() {
        let reading = |wall| Reading { wall, boot: 0, boot_id: 0 };
        let anchor = Anchor { time: 0, reading: reading(TODAY) };
        assert_eq!(anchor.step(reading(TODAY + 60_000), 60_000), 0);
        assert_eq!(anchor.step(reading(TODAY + 61_500), 60_000), 0);
        assert_eq!(anchor.step(reading(TODAY + 3_660_000), 60_000), 3_600_000);
        assert_eq!(anchor.step(reading(TODAY + 60_000 - 3_600_000), 60_000), -3_600_000);
        // Suspended for an hour, which the core's clock does not count.
        let reading = |wall, boot| Reading { wall, boot, boot_id: 1 };
        let anchor = Anchor { time: 0, reading: reading(TODAY, 5_000) };
        assert_eq!(anchor.step(reading(TODAY + 3_660_000, 3_665_000), 60_000), 0);
    }
}
