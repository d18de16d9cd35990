//! The simulation through the database: days of the whole broker whose store is this one, on a disk that fails, forgets
//! and tears what was not synced.

use std::sync::Arc;

use super::changes::Changes;
use super::database::{Access, Database, Sync};
use super::disk::Layer;
use super::faulty::FaultyDisk;
use super::load::Head;
use super::row::Clock;
use crate::broker::{Entry, Page, Record, Saved};
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
    random: Random,
}

fn begin(seed: u64) -> Box<dyn Medium> {
    let disk = Arc::new(FaultyDisk::default());
    let database = Database::open(Layer::new(disk.clone()), Access::Write).unwrap();
    let random = Random::new(!seed);
    Box::new(Stored { disk, database: Some(database), changes: None, fails: false, random })
}

/// The wall clock of the simulated machine.
fn clock(now: Instant) -> Clock {
    Clock { wall: 1_700_000_000_000 + now.as_micros() / 1_000, now }
}

impl Stored {
    fn database(&mut self) -> &mut Database {
        self.database.as_mut().unwrap()
    }

    fn commit(&mut self, records: &[Record], now: Instant) -> bool {
        let database = self.database.as_mut().unwrap();
        let changes = self.changes.get_or_insert_with(|| database.changes(records.to_vec(), clock(now)));
        let is_done = database.commit(changes, Sync::Now).is_ok();
        if is_done {
            self.changes = None;
        }
        is_done
    }
}

impl Medium for Stored {
    fn write(&mut self, records: &[Record], now: Instant) -> bool {
        self.commit(records, now)
    }

    fn idle(&mut self) {
        if self.database().sweeps() {
            // If it fails, the next commit deletes.
            let _ = self.database().commit(&mut Changes::default(), Sync::Now);
        }
    }

    fn page(&mut self, page: &Page, now: Instant) -> (Vec<Entry>, bool) {
        self.database().page(page, clock(now)).unwrap()
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
        let mut database = Database::open(Layer::new(self.disk.clone()), Access::Write).unwrap();
        let saved = database.load(Head { messages: head, bytes: usize::MAX }, clock(now)).unwrap();
        self.database = Some(database);
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
