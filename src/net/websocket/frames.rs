//! Decodes WebSocket frames that arrive in pieces of any size. The MQTT bytes are moved to the front of the bytes read, in
//! place, so that a connection needs no buffer. Has no socket, so that it can be tested and fuzzed.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// The longest header of a frame.
const HEADER: usize = 14;
/// The longest payload of a control frame [RFC 6455, 5.5].
const CONTROL: u64 = 125;

/// Why reading has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadEnd {
    /// The other side closed, with this code or none.
    Closed(Option<u16>),
    /// The other side violated the protocol: how, and the status code to close with.
    Violation(&'static str, u16),
}

/// Reads frames.
#[derive(Debug)]
pub struct Frames {
    /// Whether the other side is a client, which masks its frames.
    masked: bool,
    /// The beginning of a header.
    header: [u8; HEADER],
    header_len: u8,
    /// Whether a message goes on with the next data frame.
    in_message: bool,
    kind: FrameKind,
    /// Bytes of the frame's payload that are still to come.
    left: u64,
    /// The mask, rotated so that its first byte applies to the next byte of the payload.
    mask: [u8; 4],
    /// The part of a control frame received so far.
    control: Vec<u8>,
    end: Option<ReadEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameKind {
    Data,
    Ping,
    Pong,
    Close,
}

impl Frames {
    /// Reads frames of a client if `masked`, otherwise of a server.
    pub fn new(masked: bool) -> Self {
        Self {
            masked,
            header: [0; HEADER],
            header_len: 0,
            in_message: false,
            kind: FrameKind::Data,
            left: 0,
            mask: [0; 4],
            control: Vec::new(),
            end: None,
        }
    }

    /// Why reading has ended, if it has.
    pub fn end(&self) -> Option<ReadEnd> {
        self.end
    }

    /// Decodes all of `bytes`, moves the data among them to the front, and returns its length. Passes the payload of each
    /// ping to `pong`.
    pub fn read(&mut self, bytes: &mut [u8], mut pong: impl FnMut(&[u8])) -> usize {
        let (mut at, mut data) = (0, 0);
        while at < bytes.len() && self.end.is_none() {
            if self.left == 0 {
                at += self.read_header(&bytes[at..]);
                // A frame without payload is over with its header.
                if self.left == 0 && self.header_len == 0 && self.end.is_none() {
                    self.frame_is_over(&mut pong);
                }
                continue;
            }
            let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len() - at);
            let range = at..at + len;
            if self.masked {
                unmask(&mut bytes[range.clone()], &mut self.mask);
            }
            if self.kind == FrameKind::Data {
                if at != data {
                    bytes.copy_within(range, data);
                }
                data += len;
            } else {
                self.control.extend_from_slice(&bytes[range]);
            }
            at += len;
            self.left -= len as u64;
            if self.left == 0 {
                self.frame_is_over(&mut pong);
            }
        }
        data
    }

    /// Consumes the rest of a header, or all of `bytes`, and returns how many bytes it consumed.
    fn read_header(&mut self, bytes: &[u8]) -> usize {
        let before = usize::from(self.header_len);
        let (parsed, used) = if before == 0 {
            parse(bytes)
        } else {
            let len = bytes.len().min(HEADER - before);
            self.header[before..before + len].copy_from_slice(&bytes[..len]);
            let (parsed, used) = parse(&self.header[..before + len]);
            (parsed, used.saturating_sub(before))
        };
        match parsed {
            Ok(Some((header, left))) => {
                self.header_len = 0;
                self.begin(&header, left);
                used
            }
            Ok(None) => {
                // An unfinished header is shorter than any whole one of its kind.
                let len = bytes.len().min(HEADER - before);
                self.header[before..before + len].copy_from_slice(&bytes[..len]);
                self.header_len = (before + len) as u8;
                len
            }
            Err(what) => {
                self.end = Some(ReadEnd::Violation(what, CloseCode::Protocol.into()));
                bytes.len()
            }
        }
    }

    fn begin(&mut self, header: &FrameHeader, left: u64) {
        let protocol = |what| ReadEnd::Violation(what, CloseCode::Protocol.into());
        self.kind = match header.opcode {
            OpCode::Data(_) => FrameKind::Data,
            OpCode::Control(Control::Ping) => FrameKind::Ping,
            OpCode::Control(Control::Pong) => FrameKind::Pong,
            OpCode::Control(_) => FrameKind::Close,
        };
        let wrong = match header.opcode {
            _ if header.rsv1 || header.rsv2 || header.rsv3 => Some(protocol("frame with a reserved bit set")),
            _ if self.masked && header.mask.is_none() => Some(protocol("frame from a client is not masked")),
            _ if !self.masked && header.mask.is_some() => Some(protocol("frame from a server is masked")),
            // [MQTT-6.0.0-1]
            OpCode::Data(Data::Text) => Some(ReadEnd::Violation(
                "text frame received; MQTT requires binary frames",
                CloseCode::Unsupported.into(),
            )),
            OpCode::Data(Data::Continue) if !self.in_message => {
                Some(protocol("continuation frame without a message"))
            }
            OpCode::Data(Data::Binary) if self.in_message => {
                Some(protocol("new message before the end of the previous one"))
            }
            OpCode::Control(_) if !header.is_final || left > CONTROL => {
                Some(protocol("control frame is fragmented or too long"))
            }
            _ if left > i64::MAX as u64 => Some(protocol("frame length out of range")),
            _ => None,
        };
        if wrong.is_some() {
            self.end = wrong;
            return;
        }
        if self.kind == FrameKind::Data {
            self.in_message = !header.is_final;
        }
        self.left = left;
        self.mask = header.mask.unwrap_or_default();
    }

    fn frame_is_over(&mut self, pong: &mut impl FnMut(&[u8])) {
        match self.kind {
            FrameKind::Data | FrameKind::Pong => {}
            FrameKind::Ping => pong(&self.control),
            FrameKind::Close => {
                let code = self.control.first_chunk().map(|code| u16::from_be_bytes(*code));
                self.end.get_or_insert(ReadEnd::Closed(code));
            }
        }
        self.control = Vec::new();
    }
}

/// A header with the length of its payload; nothing if it is incomplete; or what is wrong.
type Parsed = Result<Option<(FrameHeader, u64)>, &'static str>;

/// The header at the front of `bytes`, and its length.
fn parse(bytes: &[u8]) -> (Parsed, usize) {
    let mut cursor = Cursor::new(bytes);
    let parsed = FrameHeader::parse(&mut cursor).map_err(|_| "frame with an undefined opcode");
    (parsed, usize::try_from(cursor.position()).unwrap_or(0))
}

/// Applies or removes the mask, which is the same operation, and rotates it to continue with the next byte.
pub fn unmask(bytes: &mut [u8], mask: &mut [u8; 4]) {
    let [a, b, c, d] = *mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip([a, b, c, d, a, b, c, d]) {
        *byte ^= key;
    }
    mask.rotate_left(bytes.len() % 4);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Frames, ReadEnd, unmask};

    /// A frame, of a client if there is a mask.
    fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
        let bit = if mask.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![first];
        match payload.len() {
            len @ ..126 => bytes.push(bit | len as u8),
            len @ ..65_536 => {
                bytes.push(bit | 126);
                bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                bytes.push(bit | 127);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        let from = bytes.len() + mask.map_or(0, |mask| mask.len());
        bytes.extend(mask.iter().flatten());
        bytes.extend(payload);
        mask.inspect(|mask| {
            bytes[from..].iter_mut().enumerate().for_each(|(at, byte)| *byte ^= mask[at % 4])
        });
        bytes
    }

    /// What is read when the bytes come in pieces of this size: data, payloads of pings, the end.
    fn read(masked: bool, bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<Vec<u8>>, Option<ReadEnd>) {
        let (mut frames, mut data, mut pings) = (Frames::new(masked), Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            let mut piece = piece.to_vec();
            let len = frames.read(&mut piece, |ping| pings.push(ping.to_vec()));
            data.extend(&piece[..len]);
        }
        (data, pings, frames.end())
    }

    #[test]
    fn frames_and_pieces_need_not_align() {
        let mask = Some([0x12, 0x34, 0x56, 0x78]);
        let long = vec![7; 70_000];
        let bytes = [
            frame(0x02, mask, b"ab"),
            frame(0x89, mask, b"are you there"),
            frame(0x80, mask, b"cde"),
            frame(0x82, mask, b""),
            frame(0x8A, mask, b"unasked"),
            frame(0x82, mask, &[b'f'; 300]),
            frame(0x89, mask, b""),
            frame(0x82, mask, &long),
            frame(0x88, mask, &[3, 0xE8]),
            frame(0x82, mask, b"after the end"),
        ]
        .concat();
        let expected = [b"abcde".to_vec(), vec![b'f'; 300], long].concat();
        for piece in [1, 2, 3, 5, 7, 14, 100, 1000, usize::MAX] {
            let (data, pings, end) = read(true, &bytes, piece);
            // [v3 MQTT-6.0.0-2] [v5 MQTT-6.0.0-2]
            assert!(data == expected, "pieces of {piece}: {} bytes", data.len());
            assert_eq!(pings, [b"are you there".to_vec(), b"".to_vec()]);
            assert_eq!(end, Some(ReadEnd::Closed(Some(1000))));
        }
    }

    #[test]
    fn what_the_standard_forbids_ends_it() {
        let mask = Some([1, 2, 3, 4]);
        for (masked, bytes, code) in [
            (true, frame(0x81, mask, b"text"), 1003), // [v3 MQTT-6.0.0-1] [v5 MQTT-6.0.0-1]
            (true, frame(0x82, None, b"bare"), 1002),
            (false, frame(0x82, mask, b"masked"), 1002),
            (true, frame(0xC2, mask, b"deflated"), 1002),
            (true, frame(0x83, mask, b"reserved"), 1002),
            (true, frame(0x8B, mask, b"reserved"), 1002),
            (true, frame(0x80, mask, b"continues nothing"), 1002),
            (true, [frame(0x02, mask, b"a"), frame(0x82, mask, b"b")].concat(), 1002),
            (true, frame(0x09, mask, b"divided"), 1002),
            (true, frame(0x89, mask, &[0; 126]), 1002),
            (true, vec![0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4], 1002),
        ] {
            for piece in [1, usize::MAX] {
                let (_, _, end) = read(masked, &bytes, piece);
                assert!(matches!(end, Some(ReadEnd::Violation(_, c)) if c == code), "{bytes:02x?}: {end:?}");
            }
        }
        assert_eq!(read(true, &frame(0x88, mask, b""), 1).2, Some(ReadEnd::Closed(None)));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(bytes in prop::collection::vec(any::<u8>(), 0..200), masked: bool, piece in 1..20_usize) {
            prop_assert_eq!(read(masked, &bytes, usize::MAX), read(masked, &bytes, piece));
        }

        #[test]
        fn data_comes_through(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5),
            mask: [u8; 4],
            piece in 1..50_usize,
        ) {
            let bytes: Vec<u8> = payloads.iter().flat_map(|payload| frame(0x82, Some(mask), payload)).collect();
            prop_assert_eq!(read(true, &bytes, piece).0, payloads.concat());
        }

        #[test]
        fn a_mask_goes_on_where_it_stopped(bytes in prop::collection::vec(any::<u8>(), 0..100), mask: [u8; 4], at: usize) {
            let at = at % (bytes.len() + 1);
            let (mut whole, mut parts) = (bytes.clone(), bytes);
            unmask(&mut whole, &mut mask.clone());
            let mut mask = mask;
            let (first, second) = parts.split_at_mut(at);
            unmask(first, &mut mask);
            unmask(second, &mut mask);
            prop_assert_eq!(whole, parts);
        }
    }
}
