//! Readings that wait for the broker, oldest first, each with its time. When full, the oldest gives way and is counted.

use crate::dht::Sample;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// When a reading was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Milliseconds of the board's own clock, which is dated later.
    Local(u64),
    /// Milliseconds since 1970.
    Unix(u64),
    /// The board lost its power before the time was known.
    Unknown,
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub seq: u32,
    pub when: When,
    pub sample: Sample,
}

/// Readings kept in memory: at one a minute four hours, and as many as fit a sector of flash.
pub const CAPACITY: usize = 240;
const RECORD: usize = 16;
const HEAD: usize = 8;
/// Above the milliseconds of a time is its kind; 2^56 of them are two million years.
const KIND: u32 = 56;

/// The readings not yet acknowledged.
#[derive(Debug, Default)]
pub struct Queue {
    readings: VecDeque<Reading>,
    /// How many gave way.
    pub dropped: u32,
}

impl Queue {
    pub fn push(&mut self, reading: Reading) {
        if self.readings.len() == CAPACITY {
            self.readings.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.readings.push_back(reading);
    }

    #[must_use]
    pub fn front(&self) -> Option<&Reading> {
        self.readings.front()
    }

    /// Removes the reading with this number, if it is still the oldest: it may have given way meanwhile.
    pub fn acknowledge(&mut self, seq: u32) {
        if self.front().is_some_and(|reading| reading.seq == seq) {
            self.readings.pop_front();
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// For the flash: the next number, how many gave way, then the readings.
    #[must_use]
    pub fn to_bytes(&self, next_seq: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.len() * RECORD);
        bytes.extend_from_slice(&next_seq.to_le_bytes());
        bytes.extend_from_slice(&self.dropped.to_le_bytes());
        for Reading { seq, when, sample } in &self.readings {
            let (kind, millis) = match *when {
                When::Local(at) => (0_u64, at),
                When::Unix(at) => (1, at),
                When::Unknown => (2, 0),
            };
            bytes.extend_from_slice(&(kind << KIND | millis).to_le_bytes());
            bytes.extend_from_slice(&seq.to_le_bytes());
            bytes.extend_from_slice(&sample.temperature.to_le_bytes());
            bytes.extend_from_slice(&sample.humidity.to_le_bytes());
        }
        bytes
    }

    /// The queue and the next number. `clock_kept`: the board's clock ran on since (deep sleep), so local times hold.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], clock_kept: bool) -> Option<(Self, u32)> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        if rest.len() % RECORD != 0 {
            return None;
        }
        let (next_seq, dropped) = (u32::from_le_bytes(head[..4].try_into().ok()?), &head[4..]);
        let mut queue =
            Self { readings: VecDeque::new(), dropped: u32::from_le_bytes(dropped.try_into().ok()?) };
        for record in rest.chunks_exact(RECORD) {
            let time = u64::from_le_bytes(record[..8].try_into().ok()?);
            let millis = time & ((1 << KIND) - 1);
            let when = match time >> KIND {
                0 if clock_kept => When::Local(millis),
                1 => When::Unix(millis),
                _ => When::Unknown,
            };
            queue.push(Reading {
                seq: u32::from_le_bytes(record[8..12].try_into().ok()?),
                when,
                sample: Sample {
                    temperature: i16::from_le_bytes(record[12..14].try_into().ok()?),
                    humidity: u16::from_le_bytes(record[14..16].try_into().ok()?),
                },
            });
        }
        Some((queue, next_seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(seq: u32, when: When) -> Reading {
        Reading { seq, when, sample: Sample { temperature: -5, humidity: 500 } }
    }

    #[test]
    fn the_oldest_gives_way_and_is_counted() {
        let mut queue = Queue::default();
        (0..CAPACITY as u32 + 3).for_each(|seq| queue.push(reading(seq, When::Unknown)));
        assert_eq!((queue.len(), queue.dropped, queue.front().map(|r| r.seq)), (CAPACITY, 3, Some(3)));
        queue.acknowledge(2);
        assert_eq!(queue.len(), CAPACITY);
        queue.acknowledge(3);
        assert_eq!(queue.front().map(|r| r.seq), Some(4));
    }

    #[test]
    fn a_full_queue_fits_the_flash() {
        let mut queue = Queue::default();
        (0..CAPACITY as u32 + 3).for_each(|seq| queue.push(reading(seq, When::Unix(u64::from(seq)))));
        let bytes = queue.to_bytes(243);
        assert!(bytes.len() <= crate::storage::CAPACITY);
        let (back, next) = Queue::from_bytes(&bytes, false).unwrap();
        assert_eq!((back.len(), back.dropped, next), (CAPACITY, 3, 243));
        assert_eq!(back.readings, queue.readings);
    }

    #[test]
    fn survives_the_flash_and_knows_which_clock_it_may_trust() {
        let mut queue = Queue::default();
        queue.push(reading(7, When::Local(50)));
        queue.push(reading(8, When::Unix(1_700_000_000_000)));
        let bytes = queue.to_bytes(9);
        for (kept, first) in [(true, When::Local(50)), (false, When::Unknown)] {
            let (mut back, next) = Queue::from_bytes(&bytes, kept).unwrap();
            assert_eq!((next, back.front().copied()), (9, Some(reading(7, first))));
            back.acknowledge(7);
            assert_eq!(back.front().copied(), Some(reading(8, When::Unix(1_700_000_000_000))));
        }
        assert!(Queue::from_bytes(&bytes[..bytes.len() - 1], true).is_none());
        assert!(Queue::from_bytes(&[], true).is_none());
    }
}
