//! A WebSocket as a stream of bytes: what is read and written goes through binary frames, pings are answered. Where
//! frames begin and end means nothing to MQTT [MQTT-6.0.0-2]. The HTTP that comes before is in [`handshake`].

mod frames;
pub(crate) mod handshake;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

pub use frames::{Frames, ReadEnd, unmask};

/// The longest frame that is sent.
const FRAME: usize = 64 * 1024;
/// The first byte of a whole binary frame.
const BINARY: u8 = 0x82;
/// Bytes copied at a time, even if a packet is shorter.
const BLOCK: usize = 32;
/// Maximum number of reads without data before other connections get their turn.
const EMPTY_READS: usize = 8;

#[derive(Debug)]
pub(crate) struct WebSocket<S> {
    stream: S,
    frames: Frames,
    /// Bytes received together with the handshake.
    early: Vec<u8>,
    /// Frames that are not sent yet; it holds no memory when there are none.
    out: Vec<u8>,
    sent: usize,
    /// Whether our Close is among what was written.
    closed: bool,
    /// Source of masks; only on a client.
    masks: Option<std::hash::RandomState>,
    masked: u64,
    /// Bytes of the MQTT packet that was begun in the last frame and goes on in the next.
    packet: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// The server's end of a stream after the handshake; `early` has the bytes that followed the request.
    pub(crate) fn server(stream: S, early: Vec<u8>) -> Self {
        Self {
            stream,
            frames: Frames::new(true),
            early,
            out: Vec::new(),
            sent: 0,
            closed: false,
            masks: None,
            masked: 0,
            packet: 0,
        }
    }

    /// The client's end.
    pub(crate) fn client(stream: S, early: Vec<u8>) -> Self {
        let masks = Some(std::hash::RandomState::new());
        Self { frames: Frames::new(false), masks, ..Self::server(stream, early) }
    }

    /// Appends a frame of these parts, or of the first [`FRAME`] bytes of them; how many bytes they were.
    fn frame<'a>(&mut self, opcode: OpCode, parts: impl Iterator<Item = &'a [u8]> + Clone) -> usize {
        let len = parts.clone().map(<[u8]>::len).sum::<usize>().min(FRAME);
        let mask = self.masks.as_ref().map(|masks| {
            use std::hash::BuildHasher;
            self.masked += 1;
            // Unpredictable, so that a client cannot choose the bytes that a proxy on the way sees.
            (masks.hash_one(self.masked) as u32).to_ne_bytes()
        });
        let header = FrameHeader { opcode, mask, ..FrameHeader::default() };
        self.out.reserve(header.len(len as u64) + len);
        // A Vec takes all that is written to it.
        let _ = header.format(len as u64, &mut self.out);
        let from = self.out.len();
        for part in parts {
            let room = from + len - self.out.len();
            self.out.extend_from_slice(&part[..part.len().min(room)]);
        }
        if let Some(mut mask) = mask {
            unmask(&mut self.out[from..], &mut mask);
        }
        len
    }

    /// Appends these parts, or the first [`FRAME`] bytes of them, with a frame for each MQTT packet; how many bytes they were.
    ///
    /// MQTT does not require it [MQTT-6.0.0-2], but Paho's C client (seen with 1.3.12) does not read the second and further
    /// packets of a frame until more data arrives.
    fn packets<'a>(&mut self, mut parts: impl Iterator<Item = &'a [u8]> + Clone) -> usize {
        let len = parts.clone().map(<[u8]>::len).sum::<usize>().min(FRAME);
        let (mut part, mut rest): (&[u8], usize) = (&[], len);
        self.out.reserve(len + len / 2 + BLOCK);
        while rest > 0 {
            // Nearly every packet is short and lies in one part.
            if let ([_, short @ ..124, ..], 0) = (part, self.packet) {
                let count = usize::from(*short) + 2;
                if count <= part.len().min(rest) {
                    self.out.extend_from_slice(&[BINARY, *short + 2]);
                    match part.first_chunk::<BLOCK>() {
                        // A copy of fixed length costs less than one of a few bytes.
                        Some(block) if count <= BLOCK => {
                            let end = self.out.len() + count;
                            self.out.extend_from_slice(block);
                            self.out.truncate(end);
                        }
                        _ => self.out.extend_from_slice(&part[..count]),
                    }
                    (part, rest) = (&part[count..], rest - count);
                    continue;
                }
            }
            while part.is_empty() {
                let Some(next) = parts.next() else { return len - rest };
                part = next;
            }
            if self.packet == 0 {
                // The fixed header may go on in the next part.
                let whole = || packet_len(part.iter().chain(parts.clone().flatten()));
                self.packet = packet_len(part.iter()).or_else(whole).unwrap_or(rest);
            }
            let mut count = self.packet.min(rest);
            self.packet -= count;
            rest -= count;
            self.binary_header(count);
            while count > 0 {
                let taken = count.min(part.len());
                self.out.extend_from_slice(&part[..taken]);
                (part, count) = (&part[taken..], count - taken);
                if count > 0 {
                    // `len` bytes are in the parts.
                    let Some(next) = parts.next() else { break };
                    part = next;
                }
            }
        }
        len
    }

    /// The header of a whole binary frame without a mask.
    fn binary_header(&mut self, len: usize) {
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(short @ ..126), _) => self.out.extend_from_slice(&[BINARY, short]),
            (_, Ok(len)) => {
                let [high, low] = len.to_be_bytes();
                self.out.extend_from_slice(&[BINARY, 126, high, low]);
            }
            _ => {
                self.out.extend_from_slice(&[BINARY, 127]);
                self.out.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
    }

    fn close(&mut self, code: Option<u16>) {
        if !std::mem::replace(&mut self.closed, true) {
            let code = code.map(u16::to_be_bytes);
            let payload = code.as_ref().map_or(&[][..], |code| &code[..]);
            self.frame(OpCode::Control(Control::Close), std::iter::once(payload));
        }
    }

    /// Sends pending frames.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.out.len() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out[self.sent..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        (self.out, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// One frame of these bytes, or of the first of them; how many.
    fn send<'a>(
        &mut self,
        cx: &mut Context<'_>,
        parts: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Poll<io::Result<usize>> {
        ready!(self.drain(cx))?;
        if self.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if parts.clone().all(<[u8]>::is_empty) {
            return Poll::Ready(Ok(0));
        }
        // [MQTT-6.0.0-1]
        let len = match self.masks {
            Some(_) => self.frame(OpCode::Data(Data::Binary), parts),
            None => self.packets(parts),
        };
        // Whatever the stream does not accept now is kept and sent later; the frame counts as written.
        match self.drain(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(len)),
        }
    }

    /// Reads, beginning with the early bytes.
    fn poll_raw(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.early.is_empty() {
            let len = self.early.len().min(room.len());
            room[..len].copy_from_slice(&self.early[..len]);
            self.early.drain(..len);
            self.early.shrink_to_fit();
            return Poll::Ready(Ok(len));
        }
        let mut into = ReadBuf::new(room);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut into))?;
        Poll::Ready(Ok(into.filled().len()))
    }

    /// Reports the end of reading: the end of the stream, or an error.
    fn ended(&mut self, end: ReadEnd) -> io::Result<()> {
        match end {
            ReadEnd::Closed(code) => {
                self.close(code);
                Ok(())
            }
            ReadEnd::Violation(what, code) => {
                self.close(Some(code));
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("WebSocket: {what}")))
            }
        }
    }
}

/// Bytes of the MQTT packet that begins here, if its fixed header is all there.
fn packet_len<'a>(bytes: impl Iterator<Item = &'a u8>) -> Option<usize> {
    let mut len = 0;
    for (position, byte) in bytes.skip(1).take(4).enumerate() {
        len |= usize::from(byte & 0x7F) << (7 * position);
        if byte & 0x80 == 0 {
            return Some(len + position + 2);
        }
    }
    None
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        for _ in 0..EMPTY_READS {
            if let Some(end) = this.frames.end() {
                let result = this.ended(end);
                // The answer leaves as far as it can; the rest goes with the shutdown.
                let _ = this.drain(cx)?;
                return Poll::Ready(result);
            }
            let room = buf.initialize_unfilled();
            let came = ready!(this.poll_raw(cx, room))?;
            if came == 0 {
                return Poll::Ready(Ok(()));
            }
            // Only the last of several pings need be answered [RFC 6455, 5.5.3].
            let mut ping: Option<Vec<u8>> = None;
            let data = this.frames.read(&mut room[..came], |payload| ping = Some(payload.to_vec()));
            // A client that sends pings but does not read gets no answer.
            if let Some(payload) = ping.filter(|_| !this.closed && this.out.is_empty()) {
                this.frame(OpCode::Control(Control::Pong), std::iter::once(&payload[..]));
                let _ = this.drain(cx)?;
            }
            if data > 0 {
                buf.advance(data);
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().send(cx, std::iter::once(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().send(cx, slices.iter().map(|slice| &slice[..]))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.drain(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.close(Some(CloseCode::Normal.into()));
        ready!(this.drain(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{FRAME, WebSocket};

    /// The payloads of frames without a mask.
    fn payloads(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        while let [0x82, short, rest @ ..] = bytes {
            let (len, header) = match short {
                126 => (usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())), 2),
                127 => (usize::try_from(u64::from_be_bytes(rest[..8].try_into().unwrap())).unwrap(), 8),
                short => (usize::from(*short), 0),
            };
            payloads.push(rest[header..header + len].to_vec());
            bytes = &rest[header + len..];
        }
        assert!(bytes.is_empty());
        payloads
    }

    #[test]
    fn each_packet_has_a_frame_of_its_own() {
        let packet = |len: usize| {
            let mut packet = vec![0x30];
            let mut rest = len;
            while rest > 127 {
                packet.push((rest & 127) as u8 | 128);
                rest >>= 7;
            }
            packet.push(rest as u8);
            packet.resize(packet.len() + len, 7);
            packet
        };
        let packets: Vec<Vec<u8>> =
            [0, 2, 123, 124, 125, 200, 20_000, 0, 65_530, 65_535, 70_000, 0, 3].map(packet).into();
        let all = packets.concat();
        // However the bytes are laid out in memory, each packet longer than a frame can be is cut.
        for part in [1, 2, 5, 60, 1_000, usize::MAX] {
            let mut socket = WebSocket::server(tokio::io::empty(), Vec::new());
            let mut sent = 0;
            while sent < all.len() {
                sent += socket.packets(all[sent..].chunks(part.min(all.len())));
            }
            let payloads = payloads(&socket.out);
            assert!(payloads.concat() == all && payloads.iter().all(|payload| payload.len() <= FRAME));
            assert!(payloads[..8] == packets[..8], "in parts of {part}");
            assert!(payloads[payloads.len() - 2..] == packets[11..], "in parts of {part}");
        }
    }
}
