//! What the thread of the store does about a full disk: it gives up the reserve, has the core refuse what would need more
//! room, and looks for room until there is enough to make the reserve again.

use std::time::{Duration, Instant};

use super::log::LogEvent;
use super::state::ServerState;
use crate::broker::Turn;
use crate::store::{Database, Directory, FreeSpace, Reserve};

/// The shortest time between two looks for room.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest time between two events that tell how much was refused.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// The part of the file that must have been freed before it is compacted while there is other work, as compacting takes about
/// as long as writing the file anew.
const BUSY_PART: u64 = 4;
/// The same while there is no other work.
const IDLE_PART: u64 = 256;

/// Whether the thread has something else to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreLoad {
    Busy,
    Idle,
}

/// The reserve, and since when there is none.
pub(super) struct DiskSpace {
    reserve: Reserve,
    full: Option<FullDisk>,
}

struct FullDisk {
    checked: Instant,
    reported: Instant,
    /// Whether it is unknown how much of the file is free, as when the broker has started on a full disk.
    is_unknown: bool,
}

impl DiskSpace {
    /// Makes the reserve, if there is room for it.
    pub(super) fn new(directory: &Directory, state: &ServerState) -> Self {
        let mut space = Self { reserve: directory.reserve(), full: None };
        // What was accepted before the disk was full must fit into the reserve, and takes more room there.
        state.broker.journal().limit_backlog(usize::try_from(space.reserve.len() / 2).unwrap_or(usize::MAX));
        if space.reserve.restore() == FreeSpace::TooLittle {
            let reason = format!("less than {} kB are free", space.reserve.len() / 1024);
            space.begin(&reason, state);
            space.full.iter_mut().for_each(|full| full.is_unknown = true);
        }
        space
    }

    /// The disk is full: from here on only what needs no more room is stored. Whether there is room now for another attempt.
    pub(super) fn use_reserve(&mut self, reason: &str, state: &ServerState) -> bool {
        let had_reserve = self.reserve.release();
        if self.full.is_none() {
            self.begin(reason, state);
        }
        had_reserve
    }

    fn begin(&mut self, reason: &str, state: &ServerState) {
        let now = Instant::now();
        self.full = Some(FullDisk { checked: now, reported: now, is_unknown: false });
        state.broker.journal().disk_filled();
        state.log.write(&LogEvent::StoreFull { reason });
    }

    /// Looks once a second whether a full disk has room again.
    pub(super) fn check(
        &mut self,
        database: &mut Database,
        directory: &Directory,
        load: StoreLoad,
        state: &ServerState,
        turn: &mut Turn,
    ) {
        let Some(full) = self.full.as_mut().filter(|full| full.checked.elapsed() >= CHECK_INTERVAL) else {
            return;
        };
        if self.reserve.restore() == FreeSpace::TooLittle {
            let part = if load == StoreLoad::Busy { BUSY_PART } else { IDLE_PART };
            let file = directory.file().metadata().map_or(0, |found| found.len());
            let is_unknown = load == StoreLoad::Idle && std::mem::take(&mut full.is_unknown);
            if is_unknown || database.freed() >= self.reserve.len().max(file / part) {
                // An error that lasts is told by the next commit.
                let _ = database.compact();
            }
        }
        full.checked = Instant::now();
        if self.reserve.restore() == FreeSpace::Enough {
            self.full = None;
            state.broker.disk_has_room(turn);
            turn.wake();
            state.log.write(&LogEvent::StoreHasRoom {});
        } else if full.reported.elapsed() >= REPORT_INTERVAL {
            full.reported = Instant::now();
            let refused = state.broker.journal().take_refusals();
            if refused > 0 {
                state.log.write(&LogEvent::StoreStillFull { refused });
            }
        }
    }
}
