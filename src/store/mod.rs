//! Durable storage: the broker's records in an embedded database, one file in a data directory.
//!
//! ```text
//! journal ── batch ──▶ Changes (each row once) ── one transaction, one sync ──▶ Database ──▶ BufferedDisk ──▶ Disk
//! ```
//!
//! Reading order: `clock`, `row`, `changes`, `mark`, `database`, `open`, `load`, `space`, `directory`. When to write, and what
//! waits for it, is decided by the journal and the thread that runs the store. Damaged data is never deleted.

mod changes;
mod clock;
#[cfg(test)]
#[path = "../../tests/unit/store/damage.rs"]
mod damage;
mod database;
mod directory;
mod disk;
#[cfg(test)]
#[path = "../../tests/unit/store/faulty.rs"]
mod faulty;
mod index;
mod load;
mod mark;
mod mosquitto;
mod open;
mod row;
#[cfg(test)]
#[path = "../../tests/unit/store/simulated.rs"]
mod simulated;
mod space;
#[cfg(test)]
#[path = "../../tests/unit/store/tests.rs"]
mod tests;

pub(crate) use changes::Changes;
pub(crate) use clock::{StoreClock, SystemClocks};
pub(crate) use database::{Database, SyncMode};
pub(crate) use directory::Directory;
pub(crate) use load::QueueHead;
pub(crate) use mosquitto::{export_mosquitto, import_mosquitto};
pub(crate) use open::Access;
pub(crate) use space::{FreeSpace, Reserve, disk_is_full};

use crate::broker::Record;

impl Database {
    /// The changes that a batch of records makes.
    pub(crate) fn changes(&self, records: Vec<Record>, clock: StoreClock) -> Changes {
        Changes::new(records, &self.index, clock)
    }
}
