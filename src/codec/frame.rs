//! Cuts one packet off a stream, by its fixed header alone.

use super::Malformed;
use super::read::variable;
use super::reason::Reason;

/// The bytes of exactly one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    header: usize,
}

impl<'a> Frame<'a> {
    /// All bytes, including the fixed header.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The first byte: type and flags.
    pub fn first(self) -> u8 {
        self.bytes[0]
    }

    /// The bytes after the fixed header.
    pub fn body(self) -> &'a [u8] {
        &self.bytes[self.header..]
    }

    /// Length in bytes, including the fixed header.
    #[allow(clippy::len_without_is_empty, reason = "a frame has at least two bytes")]
    pub fn len(self) -> usize {
        self.bytes.len()
    }
}

/// The first packet of `bytes`, or `None` if it is incomplete.
///
/// # Errors
/// When the length is malformed, or the packet is larger than `max` bytes. As this is known from the header, nothing of such
/// a packet is buffered.
pub fn cut(bytes: &[u8], max: usize) -> Result<Option<Frame<'_>>, Malformed> {
    let Some(rest) = bytes.get(1..) else { return Ok(None) };
    let Some((len, count)) = variable(rest)? else { return Ok(None) };
    let (header, len) = (1 + count, 1 + count + len as usize);
    if len > max {
        return Err(Malformed {
            reason: Reason::PACKET_TOO_LARGE,
            detail: "the packet is larger than allowed",
        });
    }
    Ok(bytes.get(..len).map(|bytes| Frame { bytes, header }))
}

#[cfg(test)]
mod tests {
    use super::cut;
    use crate::codec::reason::Reason;

    #[test]
    fn a_frame_is_cut_when_it_is_all_there() {
        let bytes = [0x30, 0x03, 0, 1, b'a', 0xC0];
        for len in 0..5 {
            assert_eq!(cut(&bytes[..len], 100), Ok(None), "{len} bytes");
        }
        let frame = cut(&bytes, 100).unwrap().unwrap();
        assert_eq!((frame.bytes(), frame.body(), frame.first()), (&bytes[..5], &bytes[2..5], 0x30));
    }

    #[test]
    fn lengths_are_checked_before_their_bytes_come() {
        let reason = |bytes: &[u8], max| cut(bytes, max).unwrap_err().reason;
        // [v5 MQTT-1.5.5-1]
        assert_eq!(reason(&[0x30, 0x80, 0x00], 100), Reason::MALFORMED_PACKET);
        assert_eq!(reason(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], usize::MAX), Reason::MALFORMED_PACKET);
        assert_eq!(reason(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], 1_000), Reason::PACKET_TOO_LARGE);
        assert_eq!(reason(&[0x30, 99], 100), Reason::PACKET_TOO_LARGE);
        assert_eq!(cut(&[0x30, 98], 100), Ok(None));
        assert_eq!(cut(&[0x30, 0xFF, 0xFF], 10), Ok(None));
    }
}
