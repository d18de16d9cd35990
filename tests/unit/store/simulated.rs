//! The simulation through the database: days of the whole broker whose store is this one, on a disk that fails, forgets
//! and tears what was not synced, and on a machine whose wall clock is set while it runs, and may be wrong after a reboot.

use std::sync::Arc;

use super::changes::Changes;
use super::clock::SystemClocks;
use super::database::{Database, SyncMode};
use super::disk::BufferedDisk;
use super::faulty::FaultyDisk;
use super::load::QueueHead;
use super::open::Access;
use crate::broker::{Page, Record, Saved, StoredMessage};
use crate::simulation::{Days, Kind, Medium, Random, seeds};
use crate::time::Instant;

/// Days that are tried whenever the tests run.
const SEEDS: u64 = 1_000;
const DAYS: Days = Days { medium: Some(begin), shown_by: "store::simulated::one_day" };

/// A database in use.
#[derive(Debug)]
struct Stored {
    disk: Arc<FaultyDisk>,
    database: Option<Database>,
    /// What is tried until it is written.
    changes: Option<Changes>,
    fails: bool,
    machine: Machine,
    random: Random,
}

fn begin(seed: u64) -> Box<dyn Medium> {
    let disk = Arc::new(FaultyDisk::default());
    let database = Database::open(BufferedDisk::new(disk.clone()), Access::Write).unwrap();
    let mut random = Random::new(!seed);
    let mut machine = Machine { wall: 0, booted: 0, boot_id: 1 };
    machine.set_wall(&mut random);
    Box::new(Stored { disk, database: Some(database), changes: None, fails: false, machine, random })
}

/// The clocks of the simulated machine, in milliseconds.
#[derive(Debug)]
struct Machine {
    /// The wall clock when the simulation began.
    wall: u64,
    booted: u64,
    boot_id: u64,
}

impl Machine {
    fn reading(&self, now: Instant) -> SystemClocks {
        let now = now.as_micros() / 1_000;
        SystemClocks { wall: self.wall + now, boot: now - self.booted, boot_id: self.boot_id }
    }

    /// Somebody sets the wall clock, or nobody has: then it is as it was in 1970.
    fn set_wall(&mut self, random: &mut Random) {
        let year = 365 * 24 * 3_600_000;
        self.wall =
            [0, 1_700_000_000_000, 1_750_000_000_000][random.below(3)] + year * random.below(30) as u64;
    }
}

impl Stored {
    fn database(&mut self) -> &mut Database {
        self.database.as_mut().unwrap()
    }

    fn commit(&mut self, records: &[Record], now: Instant) -> bool {
        let database = self.database.as_mut().unwrap();
        let clock = database.clock(now, self.machine.reading(now));
        let changes = self.changes.get_or_insert_with(|| database.changes(records.to_vec(), clock));
        let is_done = database.commit(changes, SyncMode::Now).is_ok();
        if is_done {
            self.changes = None;
        }
        is_done
    }

    /// What the store's thread does at a start, and within a second after the wall clock was set.
    fn store_clock(&mut self, now: Instant) {
        let reading = self.machine.reading(now);
        if self.database().clock_is_outdated(now, reading) {
            self.database().commit(&mut Changes::default(), SyncMode::Now).unwrap();
        }
    }
}

impl Medium for Stored {
    fn write(&mut self, records: &[Record], now: Instant) -> bool {
        if !self.fails && self.changes.is_none() && self.random.below(10) == 0 {
            self.machine.set_wall(&mut self.random);
            self.store_clock(now);
        }
        self.commit(records, now)
    }

    fn idle(&mut self) {
        if self.database().sweeps() {
            // If it fails, the next commit deletes.
            let _ = self.database().commit(&mut Changes::default(), SyncMode::Now);
        }
    }

    fn page(&mut self, page: &Page, now: Instant) -> (Vec<StoredMessage>, bool) {
        let reading = self.machine.reading(now);
        let clock = self.database().clock(now, reading);
        self.database().page(page, clock).unwrap()
    }

    fn fail(&mut self, fails: bool) {
        if fails && !self.fails {
            self.disk.fail_after(self.random.below(8));
        } else if !fails {
            self.disk.heal();
        }
        self.fails = fails;
    }

    fn crash(&mut self, writing: Option<&[Record]>, head: usize, now: Instant) -> Saved {
        if let Some(records) = writing {
            self.disk.fail_after(self.random.below(12));
            self.commit(records, now);
        }
        (self.database, self.changes) = (None, None);
        self.disk.cut(&mut self.random);
        match self.random.below(3) {
            // Only the broker starts again, and somebody sets the wall clock meanwhile.
            0 => self.machine.set_wall(&mut self.random),
            // The wall clock goes on, or is lost, as on a board without a battery.
            lost => {
                let now = now.as_micros() / 1_000;
                (self.machine.booted, self.machine.boot_id) = (now, self.machine.boot_id + 1);
                self.machine.wall = if lost == 2 { 0 } else { self.machine.wall };
            }
        }
        let mut database = Database::open(BufferedDisk::new(self.disk.clone()), Access::Write).unwrap();
        let clock = database.clock(now, self.machine.reading(now));
        let saved = database.load(QueueHead { messages: head, bytes: usize::MAX }, clock).unwrap();
        self.database = Some(database);
        self.store_clock(now);
        saved
    }
}

#[test]
fn promises_are_kept_through_the_database() {
    let seeds = seeds(SEEDS);
    let happened = DAYS.try_seeds(0..seeds);
    for kind in [Kind::Restored, Kind::StoreFailed, Kind::Resumed, Kind::Resent, Kind::Expired] {
        let count = happened.of(kind);
        println!("{kind:?}: {count}");
        assert!(count >= 20 || seeds < SEEDS, "{kind:?} happened only {count} times in these seeds");
    }
}

#[test]
fn one_day() {
    DAYS.show_one();
}
