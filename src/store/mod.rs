//! What survives a crash: the broker's records in an embedded database, in one file of a data directory.
//!
//! ```text
//! journal ── batch ──▶ Changes (each row once) ── one transaction, one sync ──▶ Database ──▶ Layer ──▶ Disk
//! ```
//!
//! Reading order: `clock`, `row`, `changes`, `mark`, `database`, `open`, `load`, `directory`. What it leaves out: when to write, and what
//! waits for it; those are the journal's and the broker's thread that runs this. Nothing is ever deleted because it is
//! damaged.

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
#[cfg(test)]
#[path = "../../tests/unit/store/tests.rs"]
mod tests;

pub(crate) use changes::Changes;
pub(crate) use clock::{Clock, Reading};
pub(crate) use database::{Database, Sync};
pub(crate) use directory::Directory;
pub(crate) use load::Head;
pub(crate) use mosquitto::{export_mosquitto, import_mosquitto};
pub(crate) use open::Access;

use crate::broker::Record;

impl Database {
    /// What these records change.
    pub(crate) fn changes(&self, records: Vec<Record>, clock: Clock) -> Changes {
        Changes::new(records, &self.index, clock)
    }
}
