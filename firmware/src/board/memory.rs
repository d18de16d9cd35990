//! What the board remembers: settings and readings in flash, and a little in the memory that deep sleep leaves alone.

use alloc::string::String;
use alloc::vec::Vec;
use esp_hal::peripherals::FLASH;
use esp_println::println;
use esp_storage::FlashStorage;
use portable_atomic::{AtomicU32, Ordering};
use skeeter_sensor::settings::Settings;
use skeeter_sensor::storage::{self, READINGS, SECTOR, SETTINGS, Store};

const WORDS: usize = SECTOR as usize / 4;

/// Kept through deep sleep and a restart by software, but not through a loss of power; the checksum tells.
#[esp_hal::ram(unstable(rtc_fast, persistent))]
static RETAINED: [AtomicU32; WORDS] = [const { AtomicU32::new(0) }; WORDS];

pub(crate) struct Memory(FlashStorage<'static>);

impl Memory {
    pub(crate) fn new(flash: FLASH<'static>) -> Self {
        Self(FlashStorage::new(flash))
    }

    /// The settings in flash, or those of a new board.
    pub(crate) fn settings(&mut self) -> Settings {
        let Some(bytes) = self.load(SETTINGS) else { return Settings::default() };
        let (settings, faults) = Settings::from_text(&String::from_utf8_lossy(&bytes));
        for fault in faults {
            println!("settings in flash: {fault}");
        }
        settings
    }

    pub(crate) fn save_settings(&mut self, settings: &Settings) {
        self.save(SETTINGS, settings.to_text().as_bytes());
    }

    pub(crate) fn readings(&mut self) -> Option<Vec<u8>> {
        self.load(READINGS)
    }

    pub(crate) fn save_readings(&mut self, bytes: &[u8]) {
        self.save(READINGS, bytes);
    }

    fn load(&mut self, store: Store) -> Option<Vec<u8>> {
        store.load(&mut self.0).unwrap_or_else(|fault| {
            println!("cannot read the flash: {fault:?}");
            None
        })
    }

    fn save(&mut self, store: Store, bytes: &[u8]) {
        if let Err(fault) = store.save(&mut self.0, bytes) {
            println!("cannot write the flash: {fault:?}");
        }
    }
}

/// Keeps bytes for the next life.
pub(crate) fn retain(bytes: &[u8]) {
    let image = storage::image(1, bytes);
    for (word, bytes) in RETAINED.iter().zip(image.chunks(4)) {
        let mut value = [0xFF; 4];
        value[..bytes.len()].copy_from_slice(bytes);
        word.store(u32::from_le_bytes(value), Ordering::Relaxed);
    }
}

/// What the life before kept; once, so that a later crash does not find it again.
pub(crate) fn take() -> Option<Vec<u8>> {
    let bytes: Vec<u8> =
        RETAINED.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
    RETAINED[0].store(0, Ordering::Relaxed);
    storage::open(&bytes).map(|(_, kept)| kept.to_vec())
}
