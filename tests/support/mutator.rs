//! Changes inputs by chance, the same way for the same seed.

/// Values that are near something.
const CORNERS: [u8; 10] = [0, 1, 2, 4, 0x0F, 0x7F, 0x80, 0x81, 0xFE, 0xFF];

pub(crate) struct Mutator(u64);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap_or(0)
    }

    /// One of `inputs`, changed in one to four places.
    pub(crate) fn change(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(4) {
            let other = self.below(inputs.len());
            self.change_once(&mut bytes, &inputs[other]);
        }
        bytes
    }

    fn change_once(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let is_inside = at < bytes.len();
        match self.below(8) {
            0 if is_inside => bytes[at] ^= 1 << self.below(8),
            1 if is_inside => bytes[at] = CORNERS[self.below(CORNERS.len())],
            2 if is_inside => bytes[at] = bytes[at].wrapping_add(1),
            3 if is_inside => bytes[at] = bytes[at].wrapping_sub(1),
            4 => bytes.insert(at, CORNERS[self.below(CORNERS.len())]),
            5 if is_inside => {
                bytes.remove(at);
            }
            6 => bytes.truncate(at),
            _ => {
                // The rest of another input follows.
                bytes.truncate(at);
                bytes.extend(&other[self.below(other.len() + 1)..]);
            }
        }
    }
}
