//! The file under the database, behind a trait, so that tests can replace it with one that delays, fails, or loses and tears
//! unsynced writes.
//!
//! Writes since the last successful sync are kept in memory and, after a failed sync, written again before the next one.
//! Linux marks pages that it failed to write as clean, so a later sync would skip them and report success.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::mark::{self, SyncMark};

/// The file operations a database needs.
pub(crate) trait Disk: std::fmt::Debug + Send + Sync + 'static {
    fn len(&self) -> io::Result<u64>;
    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()>;
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Returns once everything written so far is on the disk.
    fn sync(&self) -> io::Result<()>;
}

/// A file; `delay` is added to each sync.
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

/// A disk as the database sees it. Clones share their state.
///
/// While it is on hold nothing reaches the disk: writes are buffered, and reads see them. So a database can be opened, which
/// may repair it, and examined before its file changes.
#[derive(Clone, Debug)]
pub(crate) struct BufferedDisk {
    disk: Arc<dyn Disk>,
    state: Arc<Mutex<State>>,
}

/// Bytes that are kept to be written again; beyond that they are synced at once.
const MOST_UNSYNCED: usize = 32 * 1024 * 1024;

#[derive(Debug, Default)]
struct State {
    /// Operations since the last successful sync.
    unsynced: Vec<DiskOperation>,
    unsynced_bytes: usize,
    /// Whether a sync has failed since.
    failed: bool,
    /// Operations buffered while on hold, oldest first.
    held: Option<Vec<DiskOperation>>,
}

#[derive(Debug)]
enum DiskOperation {
    Write(u64, Box<[u8]>),
    Len(u64),
    Sync,
}

impl BufferedDisk {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, state: Arc::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Buffers all writes until [`Self::release`]. Writes buffered before are discarded.
    pub(super) fn hold(&self) {
        self.state().held = Some(Vec::new());
    }

    /// Applies the buffered operations in order, syncs included, and ends the hold. After an error the hold continues, so that
    /// a database that is closed then writes nothing.
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
    pub(super) fn mark(&self) -> io::Result<SyncMark> {
        if self.disk.len()? < mark::AT + mark::LEN as u64 {
            return Ok(SyncMark::None);
        }
        let mut bytes = [0; mark::LEN];
        self.disk.read(mark::AT, &mut bytes)?;
        Ok(SyncMark::decode(bytes))
    }

    /// Marks a commit as synced. The mark itself is synced with the next commit or by [`Self::sync_mark`]; if it is lost, an
    /// older mark remains, which claims less.
    pub(super) fn set_mark(&self, commit: u64) -> io::Result<()> {
        self.disk.write(mark::AT, &mark::encode(commit))
    }

    pub(super) fn sync_mark(&self) -> io::Result<()> {
        self.disk.sync()
    }
}

impl State {
    fn apply(&mut self, disk: &dyn Disk, change: DiskOperation) -> io::Result<()> {
        match &change {
            DiskOperation::Write(at, bytes) => disk.write(*at, bytes)?,
            DiskOperation::Len(len) => disk.set_len(*len)?,
            DiskOperation::Sync => return self.sync(disk),
        }
        if let DiskOperation::Write(_, bytes) = &change {
            self.unsynced_bytes += bytes.len();
        }
        self.unsynced.push(change);
        if self.unsynced_bytes > MOST_UNSYNCED { self.sync(disk) } else { Ok(()) }
    }

    fn sync(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if self.failed {
            for change in &self.unsynced {
                match change {
                    DiskOperation::Write(at, bytes) => disk.write(*at, bytes)?,
                    DiskOperation::Len(len) => disk.set_len(*len)?,
                    DiskOperation::Sync => {}
                }
            }
        }
        if let Err(error) = disk.sync() {
            self.failed = true;
            return Err(error);
        }
        self.unsynced.clear();
        self.unsynced_bytes = 0;
        self.failed = false;
        Ok(())
    }

    /// Applies an operation, or buffers it while on hold.
    fn change(&mut self, disk: &dyn Disk, change: DiskOperation) -> io::Result<()> {
        match &mut self.held {
            Some(held) => {
                held.push(change);
                Ok(())
            }
            None => self.apply(disk, change),
        }
    }
}

/// The length of the disk once the buffered operations are applied.
fn held_len(disk: &dyn Disk, held: &[DiskOperation]) -> io::Result<u64> {
    let mut len = disk.len()?;
    for change in held {
        match change {
            DiskOperation::Len(new) => len = *new,
            DiskOperation::Write(at, bytes) => len = len.max(at + bytes.len() as u64),
            DiskOperation::Sync => {}
        }
    }
    Ok(len)
}

/// Reads as if the buffered operations were applied.
fn read_held(disk: &dyn Disk, held: &[DiskOperation], at: u64, out: &mut [u8]) -> io::Result<()> {
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
            DiskOperation::Len(len) if *len < end => out[position(*len)..].fill(0),
            DiskOperation::Write(from, bytes) if *from < end && from + bytes.len() as u64 > at => {
                let skipped = usize::try_from(at.saturating_sub(*from)).unwrap_or(usize::MAX);
                let (start, bytes) = (position(*from), &bytes[skipped..]);
                let len = bytes.len().min(out.len() - start);
                out[start..start + len].copy_from_slice(&bytes[..len]);
            }
            DiskOperation::Write(..) | DiskOperation::Len(_) | DiskOperation::Sync => {}
        }
    }
    Ok(())
}

impl redb::StorageBackend for BufferedDisk {
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
        self.state().change(&*self.disk, DiskOperation::Len(len))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.state().change(&*self.disk, DiskOperation::Write(offset, data.into()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.state().change(&*self.disk, DiskOperation::Sync)
    }
}
