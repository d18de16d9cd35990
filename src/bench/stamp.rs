//! The first 16 bytes of a payload: who sent it, the how manieth it is, and a checksum over both and the run.
//!
//! The due time follows from the sequence number, so it is not written. What follows the stamp is filler, which is
//! compared too.

/// Bytes of a stamp, and of the shortest payload.
pub(crate) const LEN: usize = 16;
/// What fills a payload after its stamp.
pub(crate) const FILLER: u8 = b'.';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) publisher: u32,
    pub(crate) sequence: u64,
}

impl Stamp {
    /// `run` differs from one run to the next, so that a message of another run is not taken for ours.
    pub(crate) fn write(self, run: u64, out: &mut [u8; LEN]) {
        out[..4].copy_from_slice(&self.publisher.to_be_bytes());
        out[4..12].copy_from_slice(&self.sequence.to_be_bytes());
        out[12..].copy_from_slice(&self.sum(run).to_be_bytes());
    }

    /// The stamp of a payload of `len` bytes, unless a bit of it is wrong.
    pub(crate) fn read(payload: &[u8], len: usize, run: u64) -> Option<Self> {
        let (stamp, filler) = payload.split_first_chunk::<LEN>()?;
        let (publisher, rest) = stamp.split_first_chunk::<4>()?;
        let (sequence, sum) = rest.split_first_chunk::<8>()?;
        let stamp =
            Self { publisher: u32::from_be_bytes(*publisher), sequence: u64::from_be_bytes(*sequence) };
        let is_whole = payload.len() == len
            && *sum == stamp.sum(run).to_be_bytes()
            && filler.iter().all(|byte| *byte == FILLER);
        is_whole.then_some(stamp)
    }

    fn sum(self, run: u64) -> u32 {
        let sum = mix(mix(run ^ self.sequence) ^ u64::from(self.publisher));
        u32::try_from(sum & u64::from(u32::MAX)).unwrap_or(u32::MAX)
    }
}

/// Spreads the bits of a number, so that one wrong bit changes half of them (the finalizer of splitmix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::{FILLER, LEN, Stamp};

    #[test]
    fn every_single_wrong_bit_is_noticed() {
        let stamp = Stamp { publisher: 7, sequence: 1_234_567 };
        let mut payload = [FILLER; LEN + 4];
        stamp.write(99, payload.first_chunk_mut().unwrap());
        assert_eq!(Stamp::read(&payload, payload.len(), 99), Some(stamp));
        assert_eq!(Stamp::read(&payload, payload.len(), 98), None, "another run");
        assert_eq!(Stamp::read(&payload, payload.len() + 1, 99), None, "cut short");
        for bit in 0..payload.len() * 8 {
            let mut wrong = payload;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Stamp::read(&wrong, wrong.len(), 99), None, "bit {bit}");
        }
    }
}
