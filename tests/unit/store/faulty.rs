//! A disk in memory that keeps apart what is synced, fails when it is told to, and loses and tears the rest when the power
//! goes.

use std::io;
use std::sync::{Mutex, MutexGuard};

use super::disk::Disk;
use crate::simulation::Random;

/// Bytes that a disk writes as a whole or not at all.
const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct FaultyDisk(Mutex<Faulty>);

#[derive(Debug, Default)]
struct Faulty {
    safe: Vec<u8>,
    seen: Vec<u8>,
    /// What was done since the last sync.
    unsynced: Vec<Change>,
    failing: Failing,
    failures: u64,
}

#[derive(Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Len(u64),
}

/// Which of the calls that change something fail.
#[derive(Clone, Copy, Debug, Default)]
enum Failing {
    #[default]
    None,
    /// One, after so many.
    Once(usize),
    /// All, after so many.
    From(usize),
}

impl Faulty {
    fn may_fail(&mut self) -> io::Result<()> {
        match &mut self.failing {
            Failing::None => return Ok(()),
            Failing::Once(0) => self.failing = Failing::None,
            Failing::From(0) => {}
            Failing::Once(left) | Failing::From(left) => {
                *left -= 1;
                return Ok(());
            }
        }
        self.failures += 1;
        Err(io::ErrorKind::StorageFull.into())
    }
}

fn put(bytes: &mut [u8], at: u64, data: &[u8]) {
    let at = usize::try_from(at).unwrap();
    if at < bytes.len() {
        let end = bytes.len().min(at + data.len());
        bytes[at..end].copy_from_slice(&data[..end - at]);
    }
}

fn resize(bytes: &mut Vec<u8>, len: u64) {
    bytes.resize(usize::try_from(len).unwrap(), 0);
}

impl FaultyDisk {
    /// A disk on which these bytes are safe.
    pub(super) fn of(image: &[u8]) -> Self {
        let disk = Self::default();
        let mut faulty = disk.faulty();
        (faulty.safe, faulty.seen) = (image.to_vec(), image.to_vec());
        drop(faulty);
        disk
    }

    /// What a process that reads it finds.
    pub(super) fn image(&self) -> Vec<u8> {
        self.faulty().seen.clone()
    }

    fn faulty(&self) -> MutexGuard<'_, Faulty> {
        self.0.lock().unwrap()
    }

    /// One call fails, after so many that do not.
    pub(super) fn fail_once_after(&self, calls: usize) {
        self.faulty().failing = Failing::Once(calls);
    }

    /// All calls fail, after so many that do not.
    pub(super) fn fail_after(&self, calls: usize) {
        self.faulty().failing = Failing::From(calls);
    }

    pub(super) fn heal(&self) {
        self.faulty().failing = Failing::None;
    }

    /// Calls that have failed.
    pub(super) fn failures(&self) -> u64 {
        self.faulty().failures
    }

    /// The power goes: of what was not synced each sector may be there or not.
    pub(super) fn cut(&self, random: &mut Random) {
        let mut disk = self.faulty();
        let disk = &mut *disk;
        for change in disk.unsynced.drain(..) {
            match change {
                Change::Len(len) => resize(&mut disk.safe, len),
                Change::Write(at, data) => {
                    for (number, sector) in data.chunks(SECTOR).enumerate() {
                        if random.below(2) == 0 {
                            put(&mut disk.safe, at + (number * SECTOR) as u64, sector);
                        }
                    }
                }
            }
        }
        disk.seen.clone_from(&disk.safe);
        disk.failing = Failing::None;
    }
}

impl Disk for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.faulty().seen.len() as u64)
    }

    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.faulty();
        let at = usize::try_from(at).unwrap();
        let bytes = disk.seen.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.faulty();
        disk.may_fail()?;
        put(&mut disk.seen, at, bytes);
        disk.unsynced.push(Change::Write(at, bytes.to_vec()));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.faulty();
        disk.may_fail()?;
        resize(&mut disk.seen, len);
        disk.unsynced.push(Change::Len(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.faulty();
        let disk = &mut *disk;
        if let Err(error) = disk.may_fail() {
            // As Linux does: the pages count as clean, and no later sync writes them.
            disk.unsynced.clear();
            return Err(error);
        }
        for change in disk.unsynced.drain(..) {
            match change {
                Change::Len(len) => resize(&mut disk.safe, len),
                Change::Write(at, data) => put(&mut disk.safe, at, &data),
            }
        }
        Ok(())
    }
}
