//! Room on the disk: a reserve beside the database, given up when the disk is full.
//!
//! The database writes to new pages before it frees old ones, so on a full disk it could not even remove a message. The
//! reserve is a file whose blocks are allocated. Once it is removed there is room for what was accepted before the disk was
//! full, and for the acknowledgements and removals that free pages of the database.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of the reserve, unless the disk is small: twice what the journal collects before publishers wait for it.
const MOST: u64 = 32 * 1024 * 1024;
/// Bytes of the smallest reserve: a few commits, each of which writes some pages of every table.
const LEAST: u64 = 512 * 1024;
/// The part of the disk that the reserve of a small disk takes.
const PART: u64 = 8;

/// Bytes set aside on the disk of a database.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    len: u64,
    exists: bool,
    /// Whether it was given up, because the disk was full.
    released: bool,
}

/// Whether there is room on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FreeSpace {
    Enough,
    TooLittle,
}

impl Reserve {
    /// The reserve at `path`, which may be there already.
    pub(super) fn new(path: PathBuf) -> Self {
        let total =
            path.parent().and_then(|directory| space(directory).ok()).map_or(u64::MAX, |disk| disk.total);
        let len = (total / PART).clamp(LEAST, MOST);
        let exists = is_allocated(&path, len);
        if !exists {
            // Of another size, or not allocated completely.
            let _ = std::fs::remove_file(&path);
        }
        Self { path, len, exists, released: false }
    }

    /// Its size in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Gives it up, because the disk is full; whether there was one.
    pub(crate) fn release(&mut self) -> bool {
        self.released = true;
        let had = std::mem::take(&mut self.exists);
        // If it cannot be removed, the next attempt to write fails again.
        let _ = std::fs::remove_file(&self.path);
        had
    }

    /// Makes it if there is room for it. Once it was given up there must be twice the room, so that what is accepted next does
    /// not fill the disk at once.
    pub(crate) fn restore(&mut self) -> FreeSpace {
        if self.exists {
            return FreeSpace::Enough;
        }
        let wanted = if self.released { 2 * self.len } else { self.len };
        let free = self.path.parent().map(space).and_then(Result::ok).map_or(u64::MAX, |disk| disk.free);
        if free < wanted {
            return FreeSpace::TooLittle;
        }
        match self.allocate() {
            Err(error) if is_full(&error) => return FreeSpace::TooLittle,
            // The disk has room and no reserve, which matters only when it is full.
            Err(_) => {}
            Ok(()) => self.exists = true,
        }
        self.released = false;
        FreeSpace::Enough
    }

    fn allocate(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path)?;
        let allocated = allocate(&file, self.len);
        if allocated.is_err() {
            let _ = std::fs::remove_file(&self.path);
        }
        allocated
    }
}

/// Whether an error of the database says that the disk, or what this user may use of it, is full.
pub(crate) fn disk_is_full(error: &redb::Error) -> bool {
    matches!(error, redb::Error::Io(error) if is_full(error))
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Bytes of a file system.
struct Space {
    total: u64,
    /// What this user may still use.
    free: u64,
}

#[cfg(unix)]
#[allow(clippy::useless_conversion, reason = "the types differ between systems")]
fn space(directory: &Path) -> io::Result<Space> {
    let found = nix::sys::statvfs::statvfs(directory)?;
    let bytes =
        |blocks: nix::libc::fsblkcnt_t| u64::from(blocks).saturating_mul(u64::from(found.fragment_size()));
    Ok(Space { total: bytes(found.blocks()), free: bytes(found.blocks_available()) })
}

#[cfg(not(unix))]
fn space(_: &Path) -> io::Result<Space> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether this file has all of its blocks.
#[cfg(unix)]
fn is_allocated(path: &Path, len: u64) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.metadata().is_ok_and(|found| found.len() == len && found.blocks() * 512 >= len)
}

#[cfg(not(unix))]
fn is_allocated(path: &Path, len: u64) -> bool {
    path.metadata().is_ok_and(|found| found.len() == len)
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, len: u64) -> io::Result<()> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    Ok(nix::fcntl::posix_fallocate(file, 0, len)?)
}

#[cfg(not(target_os = "linux"))]
fn allocate(mut file: &File, len: u64) -> io::Result<()> {
    io::copy(&mut io::Read::take(io::repeat(1), len), &mut file)?;
    file.sync_all()
}
