//! Opening a database. Its trees are verified, as damaged pages would otherwise be read as if they were correct; and the mark
//! of the last synced commit is compared, as a damaged commit would otherwise be taken back silently. The file is not changed
//! before both are done.

use redb::{ReadableDatabase, ReadableTable, WriteTransaction};

use super::clock::{ClockAnchor, SystemClocks};
use super::database::{
    BODIES, CACHE, CLOCKS, COMMIT, Database, ENTRIES, FORMAT, GROUPS, HELD, META, RETAINED, SESSIONS,
    SUBSCRIPTIONS,
};
use super::disk::BufferedDisk;
use super::mark::SyncMark;

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing reaches the disk.
    Read,
    /// Refused if synced commits are missing.
    Write,
    /// The next commit accepts that synced commits are missing.
    Repair,
}

/// Synced commits that can no longer be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LostCommits {
    /// The last commit known to have been synced.
    pub(crate) synced: u64,
    /// The newest commit that can be read.
    pub(crate) found: u64,
}

impl std::fmt::Display for LostCommits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { synced, found } = self;
        write!(
            f,
            "acknowledged messages or sessions are missing: commit {synced} was synced, but the newest commit that can \
             be read is {found}"
        )
    }
}

/// Why a database cannot be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    Database(redb::Error),
    Lost(LostCommits),
}

impl From<redb::Error> for OpenError {
    fn from(error: redb::Error) -> Self {
        Self::Database(error)
    }
}

impl From<OpenError> for redb::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Database(error) => error,
            OpenError::Lost(lost) => Self::Corrupted(lost.to_string()),
        }
    }
}

impl Database {
    /// Opens what is on the disk; an empty disk becomes an empty database.
    pub(crate) fn open(disk: BufferedDisk, access: Access) -> Result<Self, OpenError> {
        let mut database = Self::new(disk, access);
        database.reopen()?;
        database.create_tables()?;
        Ok(database)
    }

    /// Creates the tables of a new database.
    fn create_tables(&mut self) -> Result<(), redb::Error> {
        let write = self.opened()?.begin_write()?;
        let is_new = write.open_table(META)?.get("format")?.is_none();
        if is_new {
            write.open_table(META)?.insert("format", FORMAT)?;
            create_tables(&write)?;
            write.commit()?;
        } else {
            write.abort()?;
        }
        Ok(())
    }

    /// The format of the file.
    pub(super) fn format(&mut self) -> Result<u64, redb::Error> {
        let read = self.opened()?.begin_read()?;
        Ok(read.open_table(META)?.get("format")?.map_or(0, |format| format.value()))
    }

    /// Synced commits that are missing, if the database was opened nevertheless.
    pub(crate) fn lost(&self) -> Option<LostCommits> {
        self.lost
    }

    /// Whether the mark of the last synced commit is damaged, so that a missing commit would not be noticed.
    pub(crate) fn mark_is_damaged(&self) -> bool {
        self.mark_damaged
    }

    pub(super) fn opened(&mut self) -> Result<&mut redb::Database, redb::Error> {
        if self.open.is_none() {
            self.reopen()?;
        }
        self.open.as_mut().ok_or(redb::Error::DatabaseClosed)
    }

    fn reopen(&mut self) -> Result<(), OpenError> {
        self.disk.hold();
        let mut builder = redb::Builder::new();
        builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
        let database = builder.create_with_backend(self.disk.clone()).map_err(redb::Error::from)?;
        let (found, anchor) = last_commit(&database)?;
        let mark = self.disk.mark().map_err(redb::Error::from)?;
        (self.commits, self.anchor) = (found, anchor);
        self.mark_damaged = mark == SyncMark::Damaged;
        if let SyncMark::Synced(synced) = mark
            && synced > found
        {
            let lost = LostCommits { synced, found };
            if self.access == Access::Write {
                return Err(OpenError::Lost(lost));
            }
            self.commits = synced;
            self.lost = Some(lost);
        }
        if self.access != Access::Read {
            self.disk.release().map_err(redb::Error::from)?;
        }
        self.open = Some(database);
        Ok(())
    }
}

/// The number of the newest commit, 0 if it has none, and the stored clocks.
fn last_commit(database: &redb::Database) -> Result<(u64, Option<ClockAnchor>), redb::Error> {
    let meta = match database.begin_read()?.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok((0, None)),
        Err(error) => return Err(error.into()),
    };
    let value = |key| Ok::<_, redb::Error>(meta.get(key)?.map(|value| value.value()));
    let [time, wall, boot, boot_id] = CLOCKS.map(value);
    let anchor = match (time?, wall?, boot?, boot_id?) {
        (Some(time), Some(wall), Some(boot), Some(boot_id)) => {
            Some(ClockAnchor { time, reading: SystemClocks { wall, boot, boot_id } })
        }
        _ => None,
    };
    Ok((value(COMMIT)?.unwrap_or(0), anchor))
}

fn create_tables(write: &WriteTransaction) -> Result<(), redb::Error> {
    write.open_table(SESSIONS)?;
    write.open_table(SUBSCRIPTIONS)?;
    write.open_table(HELD)?;
    write.open_table(ENTRIES)?;
    write.open_table(BODIES)?;
    write.open_table(GROUPS)?;
    write.open_table(RETAINED)?;
    Ok(())
}
