//! The file under the database, as something that can be replaced: by one that delays, fails, forgets or tears.
//!
//! What was written since the last sync that succeeded is kept and written again before the next one. A system that
//! could not sync a page may count it as clean all the same, so that a later sync would pass over it: the file would then
//! lack what the database takes for written.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::mark::{self, Mark};

/// What a database needs of a file.
pub(crate) trait Disk: std::fmt::Debug + Send + Sync + 'static {
    fn len(&self) -> io::Result<u64>;
    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()>;
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Returns when all that was written is safe.
    fn sync(&self) -> io::Result<()>;
}

/// A file, each sync of which takes some time longer than it must.
#[derive(Debug)]
pub(crate) struct FileDisk {
    file: File,
    delay: Duration,
}

impl FileDisk {
    pub(crate) fn new(file: File, delay: Duration) -> Self {
        Self { file, delay }
    }
}

impl Disk for FileDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    #[cfg(unix)]
    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, out, at)
    }

    #[cfg(unix)]
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, at)
    }

    #[cfg(not(unix))]
    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        use std::io::{Read, Seek};
        (&self.file).seek(io::SeekFrom::Start(at)).and_then(|_| (&self.file).read_exact(out))
    }

    #[cfg(not(unix))]
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        use std::io::{Seek, Write};
        (&self.file).seek(io::SeekFrom::Start(at)).and_then(|_| (&self.file).write_all(bytes))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        if !self.delay.is_zero() {
            std::thread::sleep(self.delay);
        }
        self.file.sync_data()
    }
}

/// A disk as the database sees it. Clones are the same disk.
///
/// While it is on hold nothing reaches the disk: what is written stands in memory and is read from there. So a database
/// can be opened, which may repair it, and looked at before its file changes.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    disk: Arc<dyn Disk>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// What was written since the last sync that succeeded.
    unsynced: Vec<Change>,
    /// Whether a sync has failed since then.
    failed: bool,
    /// What was written while on hold, oldest first.
    held: Option<Vec<Change>>,
}

#[derive(Debug)]
enum Change {
    Write(u64, Box<[u8]>),
    Len(u64),
    Sync,
}

impl Layer {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, state: Arc::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on nothing reaches the disk until [`Self::release`]. What an earlier hold kept is forgotten.
    pub(super) fn hold(&self) {
        self.state().held = Some(Vec::new());
    }

    /// Writes what was held, in order and with its syncs, and holds no more. After an error it is on hold again, so that a
    /// database that is closed then writes nothing.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut state = self.state();
        let held = state.held.take().unwrap_or_default();
        let released = held.into_iter().try_for_each(|change| state.apply(&*self.disk, change));
        if released.is_err() {
            state.held = Some(Vec::new());
        }
        released
    }

    /// Reads the mark of the last synced commit.
    pub(super) fn mark(&self) -> io::Result<Mark> {
        if self.disk.len()? < mark::AT + mark::LEN as u64 {
            return Ok(Mark::None);
        }
        let mut bytes = [0; mark::LEN];
        self.disk.read(mark::AT, &mut bytes)?;
        Ok(Mark::decode(bytes))
    }

    /// Marks a commit as synced. The mark itself is synced with the next commit or by [`Self::sync_mark`]; one that is
    /// lost leaves an older one, which claims less.
    pub(super) fn set_mark(&self, commit: u64) -> io::Result<()> {
        self.disk.write(mark::AT, &mark::encode(commit))
    }

    pub(super) fn sync_mark(&self) -> io::Result<()> {
        self.disk.sync()
    }
}

impl State {
    fn apply(&mut self, disk: &dyn Disk, change: Change) -> io::Result<()> {
        match &change {
            Change::Write(at, bytes) => disk.write(*at, bytes)?,
            Change::Len(len) => disk.set_len(*len)?,
            Change::Sync => return self.sync(disk),
        }
        self.unsynced.push(change);
        Ok(())
    }

    fn sync(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if self.failed {
            for change in &self.unsynced {
                match change {
                    Change::Write(at, bytes) => disk.write(*at, bytes)?,
                    Change::Len(len) => disk.set_len(*len)?,
                    Change::Sync => {}
                }
            }
        }
        if let Err(error) = disk.sync() {
            self.failed = true;
            return Err(error);
        }
        self.unsynced.clear();
        self.failed = false;
        Ok(())
    }

    /// Does it, or keeps it while on hold.
    fn change(&mut self, disk: &dyn Disk, change: Change) -> io::Result<()> {
        match &mut self.held {
            Some(held) => {
                held.push(change);
                Ok(())
            }
            None => self.apply(disk, change),
        }
    }
}

/// The length of the disk once what is held has been written.
fn held_len(disk: &dyn Disk, held: &[Change]) -> io::Result<u64> {
    let mut len = disk.len()?;
    for change in held {
        match change {
            Change::Len(new) => len = *new,
            Change::Write(at, bytes) => len = len.max(at + bytes.len() as u64),
            Change::Sync => {}
        }
    }
    Ok(len)
}

/// Reads what would be there once what is held has been written.
fn read_held(disk: &dyn Disk, held: &[Change], at: u64, out: &mut [u8]) -> io::Result<()> {
    let end = at + out.len() as u64;
    if end > held_len(disk, held)? {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let on_disk = usize::try_from(disk.len()?.saturating_sub(at)).unwrap_or(usize::MAX).min(out.len());
    disk.read(at, &mut out[..on_disk])?;
    out[on_disk..].fill(0);
    let position = |offset: u64| usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX);
    for change in held {
        match change {
            Change::Len(len) if *len < end => out[position(*len)..].fill(0),
            Change::Write(from, bytes) if *from < end && from + bytes.len() as u64 > at => {
                let skipped = usize::try_from(at.saturating_sub(*from)).unwrap_or(usize::MAX);
                let (start, bytes) = (position(*from), &bytes[skipped..]);
                let len = bytes.len().min(out.len() - start);
                out[start..start + len].copy_from_slice(&bytes[..len]);
            }
            Change::Write(..) | Change::Len(_) | Change::Sync => {}
        }
    }
    Ok(())
}

impl redb::StorageBackend for Layer {
    fn len(&self) -> io::Result<u64> {
        match &self.state().held {
            Some(held) => held_len(&*self.disk, held),
            None => self.disk.len(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &self.state().held {
            Some(held) => read_held(&*self.disk, held, offset, out),
            None => self.disk.read(offset, out),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.state().change(&*self.disk, Change::Len(len))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.state().change(&*self.disk, Change::Write(offset, data.into()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.state().change(&*self.disk, Change::Sync)
    }
}
