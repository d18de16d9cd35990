//! The mark of the last synced commit, which tells damage from a commit that a power cut interrupted.
//!
//! When the database is opened and the newest commit does not verify, the one before it is used. That is right if the commit
//! was never synced. If it was, acknowledged messages would be lost silently. So commits are numbered, and after the sync the
//! number is written to a part of the first page that the database does not use. The mark is written without a sync of its
//! own: it survives a killed process, and a power cut may leave an older one, so it never claims more than was synced.

/// Offset of the mark in the file. The database uses the first 320 bytes of the first page; this is another sector.
pub(super) const AT: u64 = 2048;
pub(super) const LEN: usize = 24;
const MAGIC: [u8; 8] = *b"skeeter\x01";

/// What is found at the place of the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SyncMark {
    /// None yet: no commit, or only commits of a version without marks.
    None,
    /// At least this commit was synced.
    Synced(u64),
    /// The mark itself is damaged.
    Damaged,
}

impl SyncMark {
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

/// FNV-1a, which changes with every flipped bit.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::{LEN, SyncMark, encode};

    #[test]
    fn every_flipped_bit_of_a_mark_is_seen() {
        let sound = encode(0x0102_0304_0506_0708);
        assert_eq!(SyncMark::decode(sound), SyncMark::Synced(0x0102_0304_0506_0708));
        assert_eq!(SyncMark::decode([0; LEN]), SyncMark::None);
        for bit in 0..LEN * 8 {
            let mut damaged = sound;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SyncMark::decode(damaged), SyncMark::Damaged, "bit {bit}");
        }
    }
}
