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

pub use frames::{End, Frames, unmask};

/// The longest frame that is sent.
const FRAME: usize = 64 * 1024;
/// Reads that bring no data, before others get their turn.
const EMPTY_READS: usize = 8;

#[derive(Debug)]
pub(crate) struct WebSocket<S> {
    stream: S,
    frames: Frames,
    /// What came together with the handshake.
    early: Vec<u8>,
    /// Frames that are not sent yet; it holds no memory when there are none.
    out: Vec<u8>,
    sent: usize,
    /// Whether our Close is among what was written.
    closed: bool,
    /// What masks are made of; only a client has it.
    masks: Option<std::hash::RandomState>,
    masked: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// The server's end of a stream that is past the handshake; `early` is what came behind the request.
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
            // Keyed and unknown outside, so that nobody can make a proxy on the way read what he wants.
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

    fn close(&mut self, code: Option<u16>) {
        if !std::mem::replace(&mut self.closed, true) {
            let code = code.map(u16::to_be_bytes);
            let payload = code.as_ref().map_or(&[][..], |code| &code[..]);
            self.frame(OpCode::Control(Control::Close), std::iter::once(payload));
        }
    }

    /// Sends what waits to be sent.
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
        let len = self.frame(OpCode::Data(Data::Binary), parts); // [MQTT-6.0.0-1]
        // What the stream does not take now it takes later; the frame counts as written.
        match self.drain(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(len)),
        }
    }

    /// Reads what comes, be it early.
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

    /// What an end of reading is to the reader: the end of the stream, or an error.
    fn ended(&mut self, end: End) -> io::Result<()> {
        match end {
            End::Closed(code) => {
                self.close(code);
                Ok(())
            }
            End::Violation(what, code) => {
                self.close(Some(code));
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("WebSocket: {what}")))
            }
        }
    }
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
            // Of many pings the last alone need be answered [RFC 6455, 5.5.3].
            let mut ping: Option<Vec<u8>> = None;
            let data = this.frames.read(&mut room[..came], |payload| ping = Some(payload.to_vec()));
            // One who pings and does not read what waits for him is not answered.
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
