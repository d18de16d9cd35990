//! Frames out and in: `mqttrs` packets into bytes, and bytes of a stream into whole frames.

use alloc::vec;
use alloc::vec::Vec;
use mqttrs::Packet;

/// The longest frame worth keeping; longer ones are passed over, for the longest setting is far shorter.
const LONGEST: usize = 1024;

/// Appends a packet. `room` is what its strings and payload need; what does not fit is not sent.
pub(crate) fn encode(packet: &Packet<'_>, room: usize, out: &mut Vec<u8>) -> bool {
    // Fixed header, CONNECT's variable header and its length prefixes are under 32 bytes.
    let mut frame = vec![0; room + 32];
    match mqttrs::encode_slice(packet, &mut frame) {
        Ok(len) => {
            out.extend_from_slice(&frame[..len]);
            true
        }
        Err(_) => false,
    }
}

/// The bytes received and not yet taken as frames.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    /// What is left of a frame that is passed over.
    skip: usize,
}

impl Inbox {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.bytes.extend_from_slice(&bytes[skipped..]);
    }

    /// The next whole frame; `Err` when the length is none.
    pub(crate) fn frame(&mut self) -> Result<Option<Vec<u8>>, ()> {
        loop {
            let Some((head, body)) = lengths(&self.bytes)? else { return Ok(None) };
            let whole = head + body;
            if whole > LONGEST {
                let here = whole.min(self.bytes.len());
                self.bytes.drain(..here);
                self.skip = whole - here;
            } else if self.bytes.len() < whole {
                return Ok(None);
            } else {
                return Ok(Some(self.bytes.drain(..whole).collect()));
            }
        }
    }
}

/// The lengths of the fixed header and of the rest, once they are there.
fn lengths(bytes: &[u8]) -> Result<Option<(usize, usize)>, ()> {
    let mut len = 0;
    for position in 0..4 {
        let Some(byte) = bytes.get(1 + position) else { return Ok(None) };
        len |= usize::from(byte & 0x7F) << (7 * position);
        if byte & 0x80 == 0 {
            return Ok(Some((2 + position, len)));
        }
    }
    Err(()) // [MQTT-2.2.3]: at most four bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_frames_at_any_boundary() {
        let stream = [0xD0, 0, 0x40, 2, 0, 1, 0xD0, 0];
        for cut in 0..stream.len() {
            let mut inbox = Inbox::default();
            let mut found = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                inbox.push(part);
                while let Some(frame) = inbox.frame().unwrap() {
                    found.push(frame);
                }
            }
            assert_eq!(found, [&[0xD0, 0][..], &[0x40, 2, 0, 1], &[0xD0, 0]]);
        }
    }

    #[test]
    fn passes_over_what_is_too_long() {
        let mut inbox = Inbox::default();
        let mut stream = vec![0x30, 0xE0, 0xA7, 0x12]; // 300,000 bytes
        stream.resize(4 + 300_000, b'x');
        stream.extend([0xD0, 0]);
        let mut found = Vec::new();
        for part in stream.chunks(700) {
            inbox.push(part);
            while let Some(frame) = inbox.frame().unwrap() {
                found.push(frame);
            }
        }
        assert_eq!(found, [[0xD0, 0]]);
        inbox.push(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert!(inbox.frame().is_err());
    }
}
