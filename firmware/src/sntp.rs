//! The time of day from an SNTP server (RFC 4330): one question, one answer. Leaves out drift and authentication.

/// No server is right that tells an earlier time: 1 December 2025, in milliseconds since 1970.
const EARLIEST: u64 = 1_764_547_200_000;
/// Seconds from 1900 to 1970.
const EPOCH: u64 = 2_208_988_800;
/// The length of question and answer.
pub const LEN: usize = 48;

/// The question; `nonce` comes back in the answer, so that a stray datagram is not taken for it.
#[must_use]
pub fn request(nonce: u64) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[0] = 0b00_100_011; // version 4, client
    bytes[40..].copy_from_slice(&nonce.to_be_bytes());
    bytes
}

/// Milliseconds since 1970 by the server's clock, if `answer` is a synchronised server's answer to `nonce`.
#[must_use]
pub fn unix_millis(answer: &[u8], nonce: u64) -> Option<u64> {
    let answer: &[u8; LEN] = answer.get(..LEN)?.try_into().ok()?;
    let (leap, mode, stratum) = (answer[0] >> 6, answer[0] & 7, answer[1]);
    if leap == 3 || mode != 4 || !(1..=15).contains(&stratum) || answer[24..32] != nonce.to_be_bytes() {
        return None;
    }
    let seconds = u64::from(u32::from_be_bytes([answer[40], answer[41], answer[42], answer[43]]));
    let fraction = u64::from(u32::from_be_bytes([answer[44], answer[45], answer[46], answer[47]]));
    // A server that has no time sends zero (RFC 4330, section 5), which would be 7 February 2036.
    if answer[40..48] == [0; 8] {
        return None;
    }
    // The top bit cleared means the era that begins in 2036.
    let seconds = if seconds < 1 << 31 { seconds + (1 << 32) } else { seconds };
    let millis = seconds.checked_sub(EPOCH)? * 1000 + ((fraction * 1000) >> 32);
    Some(millis).filter(|millis| *millis >= EARLIEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(nonce: u64, seconds: u32) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        (bytes[0], bytes[1]) = (0x24, 2);
        bytes[24..32].copy_from_slice(&nonce.to_be_bytes());
        bytes[40..44].copy_from_slice(&seconds.to_be_bytes());
        bytes[44] = 0x80;
        bytes
    }

    #[test]
    fn reads_the_time() {
        assert_eq!(unix_millis(&answer(5, 4_008_988_800), 5), Some(1_800_000_000_500));
        assert_eq!(unix_millis(&answer(5, 0), 5), Some((u64::from(u32::MAX) + 1 - EPOCH) * 1000 + 500));
    }

    #[test]
    fn refuses_a_server_without_the_time() {
        let mut zero = answer(5, 0);
        zero[44] = 0;
        assert_eq!(unix_millis(&zero, 5), None);
        // 1970, and two years before the earliest time there can be.
        for seconds in [EPOCH as u32 + 100, 3_908_988_800 - 10] {
            assert_eq!(unix_millis(&answer(5, seconds), 5), None);
        }
    }

    #[test]
    fn refuses_what_is_no_answer() {
        assert_eq!(unix_millis(&answer(5, 0xEE00_0000), 6), None);
        assert_eq!(unix_millis(&answer(5, 0xEE00_0000)[..47], 5), None);
        for (at, value) in [(0, 0xE4), (0, 0x23), (1, 0), (1, 16)] {
            let mut bytes = answer(5, 0xEE00_0000);
            bytes[at] = value;
            assert_eq!(unix_millis(&bytes, 5), None);
        }
        assert_eq!(request(9)[40..], 9_u64.to_be_bytes());
    }
}
