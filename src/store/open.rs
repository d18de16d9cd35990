//! Opening a database: with its trees checked, because a page that rotted would otherwise be read as if it were right; and
//! with the mark of the last synced commit compared, because a damaged commit would otherwise be taken back without a word.
//! Until both are done the file does not change.

use redb::{ReadableDatabase, ReadableTable, WriteTransaction};

use super::clock::{Anchor, Reading};
use super::database::{
    BODIES, CACHE, CLOCKS, COMMIT, Database, ENTRIES, FORMAT, GROUPS, HELD, META, RETAINED, SESSIONS,
    SUBSCRIPTIONS,
};
use super::disk::Layer;
use super::mark::Mark;

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

/// Synced commits that cannot be read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The last commit that is known to have been synced.
    pub(crate) synced: u64,
    /// The newest commit that can be read.
    pub(crate) found: u64,
}

impl std::fmt::Display for Lost {
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
    Lost(Lost),
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
    pub(crate) fn open(layer: Layer, access: Access) -> Result<Self, OpenError> {
        let mut database = Self::new(layer, access);
        database.reopen()?;
        database.create_tables()?;
        Ok(database)
    }

    /// Makes the tables, if this database is new.
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

    /// The format of what is on the disk.
    pub(super) fn format(&mut self) -> Result<u64, redb::Error> {
        let read = self.opened()?.begin_read()?;
        Ok(read.open_table(META)?.get("format")?.map_or(0, |format| format.value()))
    }

    /// Synced commits that are missing, if it was opened all the same.
    pub(crate) fn lost(&self) -> Option<Lost> {
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
        self.layer.hold();
        let mut builder = redb::Builder::new();
        builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
        let database = builder.create_with_backend(self.layer.clone()).map_err(redb::Error::from)?;
        let (found, anchor) = last_commit(&database)?;
        let mark = self.layer.mark().map_err(redb::Error::from)?;
        (self.commits, self.anchor) = (found, anchor);
        self.mark_damaged = mark == Mark::Damaged;
        if let Mark::Synced(synced) = mark
            && synced > found
        {
            let lost = Lost { synced, found };
            if self.access == Access::Write {
                return Err(OpenError::Lost(lost));
            }
            self.commits = synced;
            self.lost = Some(lost);
        }
        if self.access != Access::Read {
            self.layer.release().map_err(redb::Error::from)?;
        }
        self.open = Some(database);
        Ok(())
    }
}

/// The number of the newest commit, 0 if none has a number, and the clocks it has stored.
fn last_commit(database: &redb::Database) -> Result<(u64, Option<Anchor>), redb::Error> {
    let meta = match database.begin_read()?.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok((0, None)),
        Err(error) => return Err(error.into()),
    };
    let value = |key| Ok::<_, redb::Error>(meta.get(key)?.map(|value| value.value()));
    let [time, wall, boot, boot_id] = CLOCKS.map(value);
    let anchor = match (time?, wall?, boot?, boot_id?) {
        (Some(time), Some(wall), Some(boot), Some(boot_id)) => {
            Some(Anchor { time, reading: Reading { wall, boot, boot_id } })
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
