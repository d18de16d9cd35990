//! One connection of the broker: bytes between a transport and its [`Connection`].
//!
//! A future written by hand, so that an idle connection is small: it owns no buffer, and a timer only while something is
//! due. What it leaves out is every decision; those are the core's.

use std::future::Future;
use std::io::IoSlice;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::log::Log;
use super::packets::Packets;
use super::worker::Presence;
use crate::broker::{Connection, Ending, SLICES, Turn};
use crate::time::Instant;

/// Reads, and writes, of one connection before others get their turn.
const BURST: usize = 8;
/// How long a connection that is over may take to be written out and closed by the other side.
const LINGER: Duration = Duration::from_secs(2);

pub(super) struct Serve<S> {
    stream: S,
    connection: Connection,
    seldom: Option<Box<Seldom>>,
    timer: Option<Pin<Box<Sleep>>>,
    timer_at: Instant,
    presence: Presence,
}

/// What a connection has only at times.
struct Seldom {
    /// The beginning of a packet, or packets that wait until reading goes on.
    rest: Vec<u8>,
    /// Once the connection is over: when the other side is waited for no longer.
    give_up: Instant,
    /// Whether it has been told that nothing more comes.
    shut: bool,
    /// While each packet is logged.
    packets: Option<Box<Packets>>,
}

impl Default for Seldom {
    fn default() -> Self {
        Self { rest: Vec::new(), give_up: Instant::NEVER, shut: false, packets: None }
    }
}

impl Seldom {
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
            packets.is_of(client, version);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Serve<S> {
    pub(super) fn new(stream: S, connection: Connection, presence: Presence) -> Self {
        Self { stream, connection, seldom: None, timer: None, timer_at: Instant::NEVER, presence }
    }

    /// Reads until there is nothing more, the connection wants no more, or others should have their turn. Whether the
    /// socket will wake this task when bytes come.
    fn read(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> bool {
        let worker = self.presence.worker.clone();
        let mut buffer = worker.buffer.borrow_mut();
        for _ in 0..BURST {
            if let Some(seldom) = &mut self.seldom
                && self.connection.reads()
            {
                let used = self.connection.receive(&seldom.rest, turn);
                seldom.show_received(None, used, &self.connection, worker.log());
                seldom.rest.drain(..used);
                if seldom.rest.is_empty() && seldom.packets.is_none() {
                    self.seldom = None;
                }
            }
            if !self.connection.reads() {
                return false;
            }
            let mut into = ReadBuf::new(&mut buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
                Poll::Pending => return true,
                Poll::Ready(Ok(())) if into.filled().is_empty() => {
                    self.connection.end(Ending::Closed, turn);
                    return false;
                }
                Poll::Ready(Ok(())) => self.take(into.filled(), turn),
                Poll::Ready(Err(error)) => {
                    self.connection.end(Ending::Lost(error.to_string().into()), turn);
                    return false;
                }
            }
        }
        false
    }

    fn take(&mut self, bytes: &[u8], turn: &mut Turn) {
        let waits = self.seldom.as_ref().is_some_and(|seldom| !seldom.rest.is_empty());
        let used = if waits { 0 } else { self.connection.receive(bytes, turn) };
        if let Some(seldom) = &mut self.seldom {
            seldom.show_received(Some(bytes), used, &self.connection, self.presence.worker.log());
        }
        if used < bytes.len() {
            self.seldom.get_or_insert_default().rest.extend_from_slice(&bytes[used..]);
        }
    }

    /// Begins, or ends, to log packets, as the log is told; between two packets.
    fn trace(&mut self) {
        let traces = self.presence.worker.log().traces();
        let seldom = self.seldom.as_mut();
        if traces == seldom.as_ref().is_some_and(|seldom| seldom.packets.is_some()) {
            return;
        }
        if !traces {
            seldom.into_iter().for_each(|seldom| seldom.packets = None);
        } else if seldom.is_none_or(|seldom| seldom.rest.is_empty()) && self.connection.output().is_empty() {
            let seldom = self.seldom.get_or_insert_default();
            seldom.packets = Some(Box::new(Packets::from(self.connection.peer())));
            seldom.name(&self.connection);
        }
    }

    /// Writes until everything is written, the socket takes no more, or others should have their turn.
    fn write(&mut self, cx: &mut Context<'_>, turn: &mut Turn) {
        for _ in 0..BURST {
            // Also after a write: the session must hear that its bytes are gone, as publishers may wait for that.
            self.connection.poll(turn);
            if let Some(seldom) = &mut self.seldom {
                seldom.name(&self.connection);
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
                        if let Some(packets) = self.seldom.as_mut().and_then(|seldom| seldom.packets.as_mut())
                        {
                            packets.sent(&slices[..count], written, self.presence.worker.log());
                        }
                        self.connection.written(written, turn);
                    }
                    Poll::Ready(Err(error)) => {
                        self.connection.end(Ending::Lost(error.to_string().into()), turn);
                        self.connection.discard();
                        return;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
    }

    /// Closes a connection that is over: what was written arrives before the end does, so what still comes in is read
    /// and thrown away for a while.
    fn close(&mut self, cx: &mut Context<'_>, turn: &Turn) -> Poll<()> {
        let closing = self.seldom.get_or_insert_default();
        if closing.give_up == Instant::NEVER {
            closing.give_up = turn.now + LINGER;
        }
        if turn.now >= closing.give_up {
            return Poll::Ready(());
        }
        if !self.connection.output().is_empty() {
            return Poll::Pending;
        }
        if !closing.shut {
            match Pin::new(&mut self.stream).poll_shutdown(cx) {
                Poll::Ready(Ok(())) => closing.shut = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        let worker = self.presence.worker.clone();
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

    /// Sets the timer to when something is due. A later time is left to the timer's next end.
    fn arm(&mut self, cx: &mut Context<'_>) {
        let give_up = self.seldom.as_ref().map_or(Instant::NEVER, |seldom| seldom.give_up);
        let due = self.connection.deadline().min(give_up);
        if due == Instant::NEVER {
            (self.timer, self.timer_at) = (None, Instant::NEVER);
            return;
        }
        if due < self.timer_at || self.timer.is_none() {
            let at = self.presence.worker.shared.timer(due);
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(at),
                None => self.timer = Some(Box::pin(tokio::time::sleep_until(at))),
            }
            self.timer_at = due;
        }
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            (self.timer, self.timer_at) = (None, Instant::NEVER);
            cx.waker().wake_by_ref();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Serve<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // A failed assertion closes this connection and no other; the session goes on with the next one.
        match catch_unwind(AssertUnwindSafe(|| this.turn(cx))) {
            Ok(done) => done,
            Err(_) => {
                let mut turn = this.presence.worker.begin();
                this.connection.end(Ending::Lost("a failed assertion in the broker".into()), &mut turn);
                this.presence.worker.finish(turn);
                Poll::Ready(())
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Serve<S> {
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let worker = self.presence.worker.clone();
        let mut turn = worker.begin();
        self.connection.set_waker(cx.waker());
        self.trace();
        let will_wake = self.read(cx, &mut turn);
        self.write(cx, &mut turn);
        let mut done = Poll::Pending;
        if self.connection.is_over() {
            done = self.close(cx, &turn);
        } else if !will_wake && self.connection.reads() {
            // There may be more, or reading goes on after a pause: nobody else would wake this task for it.
            cx.waker().wake_by_ref();
        }
        if done.is_pending() {
            self.arm(cx);
        }
        worker.finish(turn);
        done
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use super::Serve;

    /// With what the runtime adds, up to 280 bytes become 384, and more become 512: of each connection, however idle.
    #[test]
    fn a_connection_stays_small() {
        assert!(size_of::<Serve<tokio::net::TcpStream>>() <= 280);
    }
}
