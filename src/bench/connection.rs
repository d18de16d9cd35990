//! One connection of the load: a hand-written future, so that tens of thousands of them use little memory.
//!
//! It publishes what is due and acknowledges and counts what it receives. Scheduling and evaluation are elsewhere.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client::{ClientIdentity, Connected};
use super::publisher::Publisher;
use super::role::Role;
use super::shard::Shard;
use crate::bench::model::topology::Scenario;
use crate::codec::packet::{Ack, Disconnect, Packet, Publish, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::codec::{self, frame};
use crate::delivery::{Outbox, Received};
use crate::message::QoS;
use crate::net::Stream;

/// Bytes read at once, and bytes of output above which publishing pauses.
const CHUNK: usize = 64 * 1024;
/// How many PINGREQ packets, one every half keep alive, may remain unanswered.
const UNANSWERED: usize = 2;
/// Reads and writes of one connection before others get their turn.
const BURST: usize = 8;

thread_local! {
    /// All connections read into this.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

pub(super) struct LoadConnection {
    shard: Rc<Shard>,
    role: Role,
    seat: usize,
    stream: Stream,
    version: Version,
    /// The beginning of a packet; at first all that came with the last answer.
    rest: Vec<u8>,
    is_new: bool,
    out: Vec<u8>,
    /// Bytes of `out` that are written.
    written: usize,
    /// Since when the broker has blocked this connection, by not reading or not acknowledging.
    held: Option<u64>,
    /// Due times of unacknowledged messages.
    outbox: Outbox<u64>,
    publisher: Option<Box<Publisher>>,
    /// Due times of pings; `None` for those that only keep the connection alive.
    pings: VecDeque<Option<u64>>,
}

impl LoadConnection {
    pub(super) fn new(shard: Rc<Shard>, role: Role, opened: Connected, identity: ClientIdentity) -> Self {
        let is_publisher = matches!(role, Role::Publisher(_)) && shard.run.topology.scenario.has_messages();
        let version = shard.run.clients.version();
        Self {
            seat: shard.seat(role),
            publisher: is_publisher.then(|| Box::new(Publisher::new(&shard.run, role, identity))),
            role,
            stream: opened.stream,
            version,
            rest: opened.rest,
            is_new: true,
            out: Vec::new(),
            written: 0,
            held: None,
            outbox: Outbox::new(opened.window, u16::MAX),
            pings: VecDeque::new(),
            shard,
        }
    }

    /// Whether the socket will wake this task when there is more to read.
    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        if std::mem::take(&mut self.is_new) {
            // Bytes received together with CONNACK or SUBACK.
            self.take(&[])?;
        }
        BUFFER.with_borrow_mut(|buffer| {
            for _ in 0..BURST {
                let mut into = ReadBuf::new(buffer);
                match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
                    Poll::Pending => return Ok(true),
                    Poll::Ready(result) => result?,
                }
                if into.filled().is_empty() {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the broker closed the connection",
                    ));
                }
                self.take(into.filled())?;
            }
            Ok(false)
        })
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        // One time for everything received at once.
        let now = self.shard.run.now();
        if self.rest.is_empty() {
            let used = self.packets(bytes, now)?;
            self.rest.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let used = self.packets(&all, now)?;
        if used < all.len() {
            all.drain(..used);
            self.rest = all;
        }
        Ok(())
    }

    fn packets(&mut self, bytes: &[u8], now: u64) -> io::Result<usize> {
        let malformed =
            |fault: codec::Malformed| io::Error::other(format!("the broker sent: {}", fault.detail));
        let max_packet_size = self.shard.run.clients.settings.max_packet_size;
        let mut used = 0;
        while let Some(frame) = frame::cut(&bytes[used..], max_packet_size).map_err(malformed)? {
            used += frame.len();
            match codec::decode_leniently(self.version, frame).map_err(malformed)? {
                Packet::Publish(publish) => self.arrived(&publish, now),
                Packet::Puback(ack) => {
                    let due = self.outbox.puback_of_any(ack.packet_id);
                    self.acknowledged(due, ack.reason, now);
                }
                Packet::Pubrec(ack) => self.pubrec(&ack, now),
                Packet::Pubcomp(ack) => drop(self.outbox.pubcomp(ack.packet_id)),
                Packet::Pubrel(ack) => self.send(&Packet::Pubcomp(Ack::new(ack.packet_id, Reason::SUCCESS))),
                Packet::Pingresp => {
                    if let Some(Some(due)) = self.pings.pop_front() {
                        self.shard.ponged(due, now);
                    }
                }
                Packet::Disconnect(packet) => {
                    return Err(io::Error::other(format!("the broker sent DISCONNECT: {}", packet.reason)));
                }
                _ => {}
            }
        }
        Ok(used)
    }

    fn arrived(&mut self, publish: &Publish<'_>, now: u64) {
        if let Role::Subscriber(number) = self.role {
            self.shard.arrived(number, self.shard.run.payloads.read(publish.payload), now);
        }
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => self.send(&Packet::Puback(Ack::new(id, Reason::SUCCESS))),
            (QoS::ExactlyOnce, Some(id)) => self.send(&Packet::Pubrec(Ack::new(id, Reason::SUCCESS))),
            _ => {}
        }
    }

    fn pubrec(&mut self, ack: &Ack<'_>, now: u64) {
        match self.outbox.pubrec(ack.packet_id, ack.reason) {
            Received::Release(due) => {
                self.acknowledged(due, ack.reason, now);
                self.send(&Packet::Pubrel(Ack::new(ack.packet_id, Reason::SUCCESS)));
            }
            Received::Refused(due) => self.acknowledged(Some(due), ack.reason, now),
            Received::Unknown => {}
        }
    }

    fn acknowledged(&self, due: Option<u64>, reason: Reason, now: u64) {
        if let Some(due) = due {
            self.shard.acknowledged(due, reason, now);
        }
    }

    fn send(&mut self, packet: &Packet<'_>) {
        codec::encode(self.version, packet, &mut self.out);
    }

    /// Writes due messages to the output, as far as the in-flight window allows.
    fn publish(&mut self, cx: &Context<'_>) {
        let Role::Publisher(number) = self.role else { return };
        let now = self.shard.run.now();
        if self.shard.run.topology.scenario == Scenario::Ping {
            while let Some((_, due)) = self.shard.next(number, now, None, cx.waker()) {
                self.pings.push_back(Some(due));
                self.send(&Packet::Pingreq);
            }
            return;
        }
        let Some(publisher) = &mut self.publisher else { return };
        let qos = self.shard.run.qos;
        while self.out.len() < CHUNK {
            if qos != QoS::AtMostOnce && !self.outbox.has_room() {
                self.held.get_or_insert(now);
                return;
            }
            let Some((sequence, due)) = self.shard.next(number, now, self.held, cx.waker()) else {
                // It has caught up.
                self.held = None;
                return;
            };
            let packet_id = (qos != QoS::AtMostOnce).then(|| self.outbox.publish(qos, due));
            publisher.write(&self.shard.run, sequence, packet_id, &mut self.out);
        }
    }

    /// Writes until everything is written, the socket blocks, or other connections should run.
    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        for _ in 0..BURST {
            self.publish(cx);
            if !self.flush(cx)? || self.out.is_empty() {
                return Ok(());
            }
            self.written = 0;
            // An idle connection owns no buffer.
            if self.out.capacity() > CHUNK / 8 && self.publisher.is_none() {
                self.out = Vec::new();
            }
            self.out.clear();
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Whether all is written.
    fn flush(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        while self.written < self.out.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.out[self.written..]) {
                Poll::Pending => {
                    self.held.get_or_insert(self.shard.run.now());
                    self.shard.blocked();
                    return Ok(false);
                }
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        // TLS and WebSocket may buffer what was written.
        Ok(self.out.is_empty() || Pin::new(&mut self.stream).poll_flush(cx)?.is_ready())
    }
}

impl Future for LoadConnection {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.shard.register(this.seat, cx.waker());
        if this.shard.is_closing(this.role) || this.shard.has_all(this.role) {
            this.send(&Packet::Disconnect(Disconnect {
                reason: Reason::SUCCESS,
                properties: Properties::EMPTY,
            }));
            // The connection is about to be closed, so it does not wait if the socket blocks.
            let _ = this.flush(cx);
            return Poll::Ready(Ok(()));
        }
        if !this.read(cx)? {
            cx.waker().wake_by_ref();
        }
        if this.shard.takes_ping(this.seat) {
            if this.pings.iter().filter(|due| due.is_none()).count() >= UNANSWERED {
                let text = "the broker did not answer PINGREQ in time";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)));
            }
            this.pings.push_back(None);
            this.send(&Packet::Pingreq);
        }
        this.write(cx)?;
        if this.shard.has_all(this.role) {
            // Its acknowledgements have been written; it ends with its next turn.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
