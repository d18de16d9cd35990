//! The mark of the last commit that was synced: what tells damage from a commit that a power cut interrupted.
//!
//! A commit that does not verify when the database is opened is taken back, and the one before it counts. That is right for
//! a commit whose sync never returned. If it was synced, messages that were acknowledged would be gone, and nobody told. So
//! each commit has a number, and once it is synced the number is written into a part of the first page that the database
//! does not use. Written without a sync of its own, the mark survives a killed process; a power cut may leave an older one.
//! So it never claims more than was synced.

/// Where the mark is in the file. The database uses the first 320 bytes of the first page; this is another sector.
pub(super) const AT: u64 = 2048;
pub(super) const LEN: usize = 24;
const MAGIC: [u8; 8] = *b"skeeter\x01";

/// What stands where the mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Written by a program that had no marks, or never committed to.
    None,
    /// At least this commit was synced.
    Synced(u64),
    /// The mark itself is damaged.
    Damaged,
}

impl Mark {
    pub(super) fn decode(bytes: [u8; LEN]) -> Self {
        if bytes == [0; LEN] {
            return Self::None;
        }
        let mut number = [0; 8];
        number.copy_from_slice(&bytes[8..16]);
        let commit = u64::from_le_bytes(number);
        if bytes == encode(commit) { Self::Synced(commit) } else { Self::Damaged }
    }
}

pub(super) fn encode(commit: u64) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..16].copy_from_slice(&commit.to_le_bytes());
    let sum = sum(&bytes[..16]);
    bytes[16..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// FNV-1a, which every flipped bit changes.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::{LEN, Mark, encode};

    #[test]
    fn every_flipped_bit_of_a_mark_is_seen() {
        let sound = encode(0x0102_0304_0506_0708);
        assert_eq!(Mark::decode(sound), Mark::Synced(0x0102_0304_0506_0708));
        assert_eq!(Mark::decode([0; LEN]), Mark::None);
        for bit in 0..LEN * 8 {
            let mut damaged = sound;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Mark::decode(damaged), Mark::Damaged, "bit {bit}");
        }
    }
}
