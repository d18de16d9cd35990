//! One connection of the broker: bytes between a transport and its [`Connection`].
//!
//! It owns no buffer, so that an idle connection is small. It makes no decisions, which are the core's, and does not decide
//! when it runs: see [`super::connection_task`].

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;

use super::admission::AdmissionPermit;
use super::log::{Log, Packets};
use super::worker::Worker;
use crate::broker::{Connection, Ending, SLICES, Turn};
use crate::net::Stream;
use crate::text::os_error;
use crate::time::Instant;

/// Maximum number of reads, and of writes, of one connection before others get their turn.
const BURST: usize = 8;
/// How long the last output of a closing connection, and the close by the other side, may take.
const LINGER: Duration = Duration::from_secs(2);
/// Maximum number of bytes that another thread than the connection's own writes: more is worth waking its own thread.
const DIRECT: usize = 1024;

/// A transport, and what kinds of transport differ in.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Whether [`Self::write_now`] ever writes: whether another thread than the one it is registered with can do so.
    const DIRECT: bool = false;
    /// Whether nothing need be sent to the other side once it has closed.
    const BARE: bool = false;

    /// Writes what the system takes at once.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room, or if only its own thread may write to this kind of transport;
    /// other errors of the system.
    fn write_now(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Transport for TcpStream {
    const DIRECT: bool = true;
    const BARE: bool = true;

    fn write_now(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // The system call for one slice is cheaper.
        if let [slice] = slices { self.try_write(slice) } else { self.try_write_vectored(slices) }
    }
}

impl Transport for Stream {}
impl Transport for DuplexStream {}

pub(super) struct ConnectionIo<S> {
    stream: S,
    pub(super) connection: Connection,
    rare: Option<Box<RareState>>,
    /// Counts the connection at its listener until it is dropped.
    _permit: Option<AdmissionPermit>,
}

/// State that a connection has only at times.
struct RareState {
    /// The beginning of a packet, or packets received while reading was paused.
    rest: Vec<u8>,
    /// Once the connection is closing: until when to wait for the other side.
    give_up: Instant,
    /// Whether the end of the output has been sent.
    shut: bool,
    /// Whether the other side has sent the end of its output.
    ended: bool,
    /// Present while packets are logged.
    packets: Option<Box<Packets>>,
}

impl Default for RareState {
    fn default() -> Self {
        Self { rest: Vec::new(), give_up: Instant::NEVER, shut: false, ended: false, packets: None }
    }
}

impl RareState {
    /// The connection took so many of these bytes, or of those that waited.
    fn show_received(&mut self, bytes: Option<&[u8]>, used: usize, connection: &Connection, log: &Log) {
        if let Some(packets) = &mut self.packets {
            packets.received(&bytes.unwrap_or(&self.rest)[..used], log);
            self.name(connection);
        }
    }

    /// Calls the client by the name that the broker has for it.
    fn name(&mut self, connection: &Connection) {
        if let (Some(packets), Some((client, version))) = (&mut self.packets, connection.client()) {
            packets.accept(client, version);
        }
    }
}

impl<S: Transport> ConnectionIo<S> {
    pub(super) fn new(stream: S, connection: Connection, permit: Option<AdmissionPermit>) -> Self {
        Self { stream, connection, rare: None, _permit: permit }
    }

    /// Reads, writes, and closes as far as that goes now. Ready when the connection is closed.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>, worker: &Worker, turn: &mut Turn) -> Poll<()> {
        self.trace(worker);
        let will_wake = self.read(cx, worker, turn);
        self.write(cx, worker, turn);
        if self.connection.is_over() {
            return self.close(cx, worker, turn);
        }
        if !will_wake && self.connection.reads() {
            // There may be more, or reading continues after a pause, for which nothing else would wake this task.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// When the next turn is due if nothing happens.
    pub(super) fn deadline(&self) -> Instant {
        let give_up = self.rare.as_ref().map_or(Instant::NEVER, |rare| rare.give_up);
        self.connection.deadline().min(give_up)
    }

    /// Writes, on any thread, a small amount of output for this client. Returns whether nothing is left for the connection's
    /// own thread.
    pub(super) fn write_through(&mut self, turn: &mut Turn) -> bool {
        let idle =
            self.connection.is_open() && self.connection.reads() && self.connection.output().is_empty();
        if !S::DIRECT || !idle || self.rare.is_some() {
            return false;
        }
        let due = self.connection.deadline();
        self.connection.poll(turn);
        let len = self.connection.output().len();
        if len > 0 {
            if len > DIRECT {
                return false;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.connection.output().slices(&mut slices);
            // The same error will occur on the connection's own thread, which then closes it.
            let Ok(written) = self.stream.write_now(&slices[..count]) else { return false };
            self.connection.written(written, turn);
            // The session must hear that its bytes are gone, as publishers may wait for that.
            self.connection.poll(turn);
        }
        self.connection.is_open()
            && self.connection.reads()
            && self.connection.output().is_empty()
            && self.connection.deadline() >= due
    }

    /// Reads until there is nothing more, the connection pauses reading, or others should have their turn. Returns whether
    /// the socket will wake this task when bytes arrive.
    fn read(&mut self, cx: &mut Context<'_>, worker: &Worker, turn: &mut Turn) -> bool {
        let mut buffer = worker.buffer.borrow_mut();
        for _ in 0..BURST {
            if let Some(rare) = &mut self.rare
                && self.connection.reads()
            {
                let used = self.connection.receive(&rare.rest, turn);
                rare.show_received(None, used, &self.connection, worker.log());
                rare.rest.drain(..used);
                if rare.rest.is_empty() && rare.packets.is_none() {
                    self.rare = None;
                }
            }
            if !self.connection.reads() {
                return false;
            }
            let mut into = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
                Poll::Pending => return true,
                Poll::Ready(Ok(())) if into.filled().is_empty() => {
                    self.rare.get_or_insert_default().ended = true;
                    self.connection.end(Ending::Closed, turn);
                    return false;
                }
                Poll::Ready(Ok(())) => self.take(into.filled(), worker, turn),
                Poll::Ready(Err(error)) => {
                    self.connection.end(Ending::Lost(os_error(&error).into()), turn);
                    return false;
                }
            }
        }
        false
    }

    fn take(&mut self, bytes: &[u8], worker: &Worker, turn: &mut Turn) {
        let waits = self.rare.as_ref().is_some_and(|rare| !rare.rest.is_empty());
        let used = if waits { 0 } else { self.connection.receive(bytes, turn) };
        if let Some(rare) = &mut self.rare {
            rare.show_received(Some(bytes), used, &self.connection, worker.log());
        }
        if used < bytes.len() {
            let rest = &mut self.rare.get_or_insert_default().rest;
            rest.extend_from_slice(&bytes[used..]);
            self.connection.check_unfinished(rest.len(), turn);
        }
    }

    /// Starts or stops logging packets, between two packets, as the log is configured.
    fn trace(&mut self, worker: &Worker) {
        let traces = worker.log().logs_packets();
        let rare = self.rare.as_mut();
        if traces == rare.as_ref().is_some_and(|rare| rare.packets.is_some()) {
            return;
        }
        if !traces {
            rare.into_iter().for_each(|rare| rare.packets = None);
        } else if rare.is_none_or(|rare| rare.rest.is_empty()) && self.connection.output().is_empty() {
            let rare = self.rare.get_or_insert_default();
            rare.packets = Some(Box::new(Packets::from(self.connection.peer())));
            rare.name(&self.connection);
        }
    }

    /// Writes until everything is written, the socket is full, or others should have their turn.
    fn write(&mut self, cx: &mut Context<'_>, worker: &Worker, turn: &mut Turn) {
        for _ in 0..BURST {
            // After a write too: the session must learn that its bytes were written, as publishers may wait for that.
            self.connection.poll(turn);
            if let Some(rare) = &mut self.rare {
                rare.name(&self.connection);
            }
            if self.connection.output().is_empty() {
                // A WebSocket may still have something to send; a failure shows when the stream is used next.
                let _ = Pin::new(&mut self.stream).poll_flush(cx);
                return;
            }
            while !self.connection.output().is_empty() {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let count = self.connection.output().slices(&mut slices);
                let written = match count {
                    1 => Pin::new(&mut self.stream).poll_write(cx, &slices[0]),
                    _ => Pin::new(&mut self.stream).poll_write_vectored(cx, &slices[..count]),
                };
                match written {
                    Poll::Pending => return,
                    Poll::Ready(Ok(written)) => {
                        if let Some(packets) = self.rare.as_mut().and_then(|rare| rare.packets.as_mut()) {
                            packets.sent(&slices[..count], written, worker.log());
                        }
                        self.connection.written(written, turn);
                    }
                    Poll::Ready(Err(error)) => {
                        self.connection.end(Ending::Lost(os_error(&error).into()), turn);
                        self.connection.discard();
                        return;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
    }

    /// Closes the connection. So that the output arrives before the close, input is read and discarded for a while.
    fn close(&mut self, cx: &mut Context<'_>, worker: &Worker, turn: &Turn) -> Poll<()> {
        let closing = self.rare.get_or_insert_default();
        if closing.give_up == Instant::NEVER {
            closing.give_up = turn.now + LINGER;
        }
        if turn.now >= closing.give_up {
            return Poll::Ready(());
        }
        if !self.connection.output().is_empty() {
            return Poll::Pending;
        }
        if S::BARE && closing.ended {
            return Poll::Ready(());
        }
        if !closing.shut {
            match Pin::new(&mut self.stream).poll_shutdown(cx) {
                Poll::Ready(Ok(())) => closing.shut = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        let mut buffer = worker.buffer.borrow_mut();
        for _ in 0..BURST {
            let mut into = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
