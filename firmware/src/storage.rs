//! Blobs in NOR flash that survive a power cut in the middle of a write.
//!
//! A store owns two sectors and writes them in turn: `magic, generation, length, checksum, bytes`. The newest sector
//! whose checksum holds counts, so that a write that was cut leaves the former content.

use alloc::vec;
use alloc::vec::Vec;
use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};

/// Bytes of one sector.
pub const SECTOR: u32 = 4096;
const HEADER: usize = 16;
const MAGIC: u32 = 0x534B_5401;
/// The most bytes a blob may have.
pub const CAPACITY: usize = SECTOR as usize - HEADER;

/// Where the board keeps its settings, as partitions.csv has it.
pub const SETTINGS: Store = Store { at: 0x9000 };
/// Where the board keeps readings that wait.
pub const READINGS: Store = Store { at: 0xB000 };

/// Sector, generation and blob.
type Newest = Option<(u32, u32, Vec<u8>)>;

/// Where a store's two sectors begin.
#[derive(Clone, Copy, Debug)]
pub struct Store {
    pub at: u32,
}

impl Store {
    /// The newest whole blob, if there is one.
    ///
    /// # Errors
    /// What the flash reports.
    pub fn load<F: ReadNorFlash>(self, flash: &mut F) -> Result<Option<Vec<u8>>, F::Error> {
        Ok(self.newest(flash)?.map(|(_, _, bytes)| bytes))
    }

    /// Writes a blob of at most [`CAPACITY`] bytes; longer ones are cut.
    ///
    /// # Errors
    /// What the flash reports; the former blob is then still there.
    pub fn save<F: NorFlash>(self, flash: &mut F, blob: &[u8]) -> Result<(), F::Error> {
        let (sector, generation) = match self.newest(flash)? {
            Some((_, _, bytes)) if bytes == blob => return Ok(()),
            Some((sector, generation, _)) => (1 - sector, generation.wrapping_add(1)),
            None => (0, 1),
        };
        let at = self.at + sector * SECTOR;
        flash.erase(at, at + SECTOR)?;
        flash.write(at, &image(generation, blob))
    }

    fn newest<F: ReadNorFlash>(self, flash: &mut F) -> Result<Newest, F::Error> {
        let mut best: Newest = None;
        for sector in 0..2 {
            let mut bytes = vec![0; SECTOR as usize];
            flash.read(self.at + sector * SECTOR, &mut bytes)?;
            let Some((generation, blob)) = open(&bytes) else { continue };
            // Generations wrap; the newer one is ahead by less than half the circle.
            if best.as_ref().is_none_or(|(_, other, _)| generation.wrapping_sub(*other) < 1 << 31) {
                best = Some((sector, generation, blob.to_vec()));
            }
        }
        Ok(best)
    }
}

/// A sector's content for a blob, its length a multiple of the flash's word.
#[must_use]
pub fn image(generation: u32, blob: &[u8]) -> Vec<u8> {
    let blob = &blob[..blob.len().min(CAPACITY)];
    let mut bytes = Vec::with_capacity(HEADER + blob.len() + 3);
    bytes.extend_from_slice(&MAGIC.to_le_bytes());
    bytes.extend_from_slice(&generation.to_le_bytes());
    bytes.extend_from_slice(&(blob.len() as u32).to_le_bytes());
    let sum = crc32(crc32(!0, &bytes), blob);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.extend_from_slice(blob);
    bytes.resize(bytes.len().next_multiple_of(4), 0xFF);
    bytes
}

/// Generation and content of a sector, or of what else was written as [`image`] gives it, if it is whole.
#[must_use]
pub fn open(sector: &[u8]) -> Option<(u32, &[u8])> {
    let word = |at: usize| Some(u32::from_le_bytes(sector.get(at..at + 4)?.try_into().ok()?));
    let blob = sector.get(HEADER..HEADER.checked_add(word(8)? as usize)?)?;
    (word(0)? == MAGIC && crc32(crc32(!0, &sector[..12]), blob) == word(12)?).then_some((word(4)?, blob))
}

/// Both sectors of a store that holds a blob and nothing older.
#[must_use]
pub fn store_image(blob: &[u8]) -> Vec<u8> {
    let mut bytes = image(1, blob);
    bytes.resize(2 * SECTOR as usize, 0xFF);
    bytes
}

fn crc32(seed: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(seed, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_storage::nor_flash::{ErrorType, NorFlashError, NorFlashErrorKind};

    /// Flash whose power fails after so many bytes were erased or written.
    struct Flash {
        bytes: Vec<u8>,
        power: usize,
    }

    #[derive(Debug)]
    struct Dead;

    impl NorFlashError for Dead {
        fn kind(&self) -> NorFlashErrorKind {
            NorFlashErrorKind::Other
        }
    }

    impl ErrorType for Flash {
        type Error = Dead;
    }

    impl ReadNorFlash for Flash {
        const READ_SIZE: usize = 1;
        fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), Dead> {
            bytes.copy_from_slice(&self.bytes[at as usize..at as usize + bytes.len()]);
            Ok(())
        }
        fn capacity(&self) -> usize {
            self.bytes.len()
        }
    }

    impl Flash {
        /// How many of so many bytes the power is still good for.
        fn spend(&mut self, wanted: usize) -> (usize, Result<(), Dead>) {
            let done = wanted.min(self.power);
            self.power -= done;
            (done, if done == wanted { Ok(()) } else { Err(Dead) })
        }
    }

    impl NorFlash for Flash {
        const WRITE_SIZE: usize = 4;
        const ERASE_SIZE: usize = SECTOR as usize;
        fn erase(&mut self, from: u32, to: u32) -> Result<(), Dead> {
            assert!(from.is_multiple_of(SECTOR) && to.is_multiple_of(SECTOR));
            let (done, result) = self.spend((to - from) as usize);
            self.bytes[from as usize..][..done].fill(0xFF);
            result
        }
        fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Dead> {
            assert!(at.is_multiple_of(4) && bytes.len().is_multiple_of(4));
            let (done, result) = self.spend(bytes.len());
            // Writing only clears bits: without an erase the old ones show.
            let there = &mut self.bytes[at as usize..][..done];
            there.iter_mut().zip(bytes).for_each(|(old, byte)| *old &= byte);
            result
        }
    }

    const STORE: Store = Store { at: SECTOR };

    fn fresh() -> Flash {
        Flash { bytes: vec![0xFF; 3 * SECTOR as usize], power: usize::MAX }
    }

    #[test]
    fn keeps_the_last_blob() {
        let mut flash = fresh();
        assert_eq!(STORE.load(&mut flash).unwrap(), None);
        for blob in [&b"one"[..], b"", b"three", &[7; CAPACITY]] {
            STORE.save(&mut flash, blob).unwrap();
            assert_eq!(STORE.load(&mut flash).unwrap().as_deref(), Some(blob));
        }
        assert!(
            flash.bytes[..SECTOR as usize].iter().all(|byte| *byte == 0xFF),
            "wrote outside of its sectors"
        );
    }

    #[test]
    fn a_power_cut_at_any_byte_leaves_the_old_or_the_new() {
        for power in 0..SECTOR as usize + 40 {
            let mut flash = fresh();
            STORE.save(&mut flash, b"first").unwrap();
            STORE.save(&mut flash, b"old").unwrap();
            flash.power = power;
            let done = STORE.save(&mut flash, b"the new one").is_ok();
            flash.power = usize::MAX;
            let found = STORE.load(&mut flash).unwrap().unwrap();
            let wanted: &[u8] = if done { b"the new one" } else { b"old" };
            // The padding after the last byte may be what the cut took.
            assert!(found == wanted || found == b"the new one", "{power}: {found:?}");
            STORE.save(&mut flash, b"after").unwrap();
            assert_eq!(STORE.load(&mut flash).unwrap().unwrap(), b"after");
        }
    }

    /// What the board wrote last is newer than what is flashed anew, unless that covers both sectors.
    #[test]
    fn flashing_anew_replaces_what_the_board_wrote() {
        let mut flash = fresh();
        for blob in [&b"a"[..], b"b", b"c", b"d"] {
            STORE.save(&mut flash, blob).unwrap();
        }
        let image = store_image(b"flashed");
        flash.bytes[STORE.at as usize..][..image.len()].copy_from_slice(&image);
        assert_eq!(STORE.load(&mut flash).unwrap().unwrap(), b"flashed");
    }

    #[test]
    fn the_partition_table_has_room_for_both_stores_and_two_images() {
        let number = |text: &str| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).unwrap();
        let mut parts: Vec<(String, u32, u32)> = include_str!("../partitions.csv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split(',').collect::<Vec<_>>())
            .map(|f| (f[0].to_string(), number(f[3]), number(f[4])))
            .collect();
        let find = |name: &str| parts.iter().find(|part| part.0 == name).unwrap().clone();
        for (name, store) in [("settings", SETTINGS), ("readings", READINGS)] {
            assert_eq!(find(name), (name.to_string(), store.at, 2 * SECTOR));
        }
        // An image is under 1 MB; the table and the bootloader end at 0x9000, the flash of 4 MB at 0x400000.
        assert!(find("first").2 == find("second").2 && find("first").2 > 1 << 20);
        parts.sort_by_key(|part| part.1);
        assert!(parts[0].1 >= 0x9000 && parts.windows(2).all(|p| p[0].1 + p[0].2 <= p[1].1));
        assert!(parts.iter().all(|part| part.1 + part.2 <= 0x40_0000));
    }

    #[test]
    fn writing_the_same_again_spares_the_flash() {
        let mut flash = fresh();
        STORE.save(&mut flash, b"same").unwrap();
        flash.power = 0;
        STORE.save(&mut flash, b"same").unwrap();
    }

    #[test]
    fn rubbish_is_no_blob() {
        let mut flash = fresh();
        STORE.save(&mut flash, b"good").unwrap();
        for at in 0..20 {
            let mut flash = Flash { bytes: flash.bytes.clone(), power: usize::MAX };
            flash.bytes[SECTOR as usize + at] ^= 4;
            assert_eq!(STORE.load(&mut flash).unwrap(), None, "byte {at}");
        }
    }
}
