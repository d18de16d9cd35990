//! The file under the database, as something that can be replaced: by one that delays, fails, forgets or tears.
//!
//! What was written since the last sync that succeeded is kept and written again before the next one. A system that
//! could not sync a page may count it as clean all the same, so that a later sync would pass over it: the file would then
//! lack what the database takes for written.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    disk: Arc<dyn Disk>,
    unsynced: Arc<Mutex<Unsynced>>,
}

#[derive(Debug, Default)]
struct Unsynced {
    changes: Vec<Change>,
    /// Whether a sync has failed since they began.
    failed: bool,
}

#[derive(Debug)]
enum Change {
    Write(u64, Box<[u8]>),
    Len(u64),
}

impl Layer {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, unsynced: Arc::default() }
    }

    fn unsynced(&self) -> std::sync::MutexGuard<'_, Unsynced> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl redb::StorageBackend for Layer {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut unsynced = self.unsynced();
        self.disk.set_len(len)?;
        unsynced.changes.push(Change::Len(len));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut unsynced = self.unsynced();
        self.disk.write(offset, data)?;
        unsynced.changes.push(Change::Write(offset, data.into()));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut unsynced = self.unsynced();
        if unsynced.failed {
            for change in &unsynced.changes {
                match change {
                    Change::Write(at, bytes) => self.disk.write(*at, bytes)?,
                    Change::Len(len) => self.disk.set_len(*len)?,
                }
            }
        }
        match self.disk.sync() {
            Ok(()) => {
                *unsynced = Unsynced::default();
                Ok(())
            }
            Err(error) => {
                unsynced.failed = true;
                Err(error)
            }
        }
    }
}
