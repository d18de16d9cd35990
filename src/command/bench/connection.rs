//! One connection of the load: a future written by hand, so that ten thousand of them cost little.
//!
//! It publishes what its stream allows, acknowledges what arrives and hands that to its tally. What it leaves out: when
//! messages are due, which is the pacer's, and what the figures mean.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::run::{Role, Run};
use crate::bench::stamp::{self, Stamp};
use crate::codec::head::Head;
use crate::codec::packet::{Ack, Connack, Packet, PacketId, Publish, Version};
use crate::codec::reason::Reason;
use crate::codec::{self, frame};
use crate::delivery::{Outbox, Received};
use crate::message::QoS;
use crate::transport::Stream;

/// Bytes read at once, and those above which what is to be sent waits.
const CHUNK: usize = 64 * 1024;
/// Reads and writes of one connection before others get their turn.
const BURST: usize = 8;

thread_local! {
    /// All connections read into this.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

pub(super) struct Connection {
    run: Rc<Run>,
    role: Role,
    stream: Stream,
    version: Version,
    /// The beginning of a packet.
    rest: Vec<u8>,
    out: Vec<u8>,
    /// Bytes of `out` that are written.
    written: usize,
    /// Due times of what is not acknowledged.
    outbox: Outbox<u64>,
    topic: String,
    /// The last ping of all connections that this one has sent.
    pings: u64,
}

impl Connection {
    pub(super) fn new(run: Rc<Run>, role: Role, stream: Stream, window: u16) -> Self {
        let topic = match role {
            Role::Publisher(number) => run.plan.topic(number),
            Role::Subscriber(_) => String::new(),
        };
        let version = run.version;
        Self {
            run,
            role,
            stream,
            version,
            rest: Vec::new(),
            out: Vec::new(),
            written: 0,
            outbox: Outbox::new(window, u16::MAX),
            topic,
            pings: 0,
        }
    }

    /// Whether the socket will wake this task when bytes come.
    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
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
        if self.rest.is_empty() {
            let used = self.packets(bytes)?;
            self.rest.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let used = self.packets(&all)?;
        all.drain(..used);
        self.rest = all;
        Ok(())
    }

    fn packets(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let malformed =
            |fault: codec::Malformed| io::Error::other(format!("the broker sent: {}", fault.detail));
        let mut used = 0;
        while let Some(frame) = frame::cut(&bytes[used..], usize::MAX).map_err(malformed)? {
            used += frame.len();
            match codec::decode(self.version, frame).map_err(malformed)? {
                Packet::Publish(publish) => self.arrived(&publish),
                Packet::Puback(ack) => {
                    let due = self.outbox.puback(ack.packet_id);
                    self.acknowledged(due, ack.reason);
                }
                Packet::Pubrec(ack) => self.pubrec(&ack),
                Packet::Pubcomp(ack) => drop(self.outbox.pubcomp(ack.packet_id)),
                Packet::Pubrel(ack) => self.send(&Packet::Pubcomp(Ack::new(ack.packet_id, Reason::SUCCESS))),
                Packet::Disconnect(packet) => {
                    return Err(io::Error::other(format!("the broker said DISCONNECT: {}", packet.reason)));
                }
                _ => {}
            }
        }
        Ok(used)
    }

    fn arrived(&mut self, publish: &Publish<'_>) {
        if let Role::Subscriber(number) = self.role {
            let stamp = Stamp::read(publish.payload, self.run.size, self.run.key);
            self.run.arrived(number, stamp);
        }
        match (publish.qos, publish.packet_id) {
            (QoS::AtLeastOnce, Some(id)) => self.send(&Packet::Puback(Ack::new(id, Reason::SUCCESS))),
            (QoS::ExactlyOnce, Some(id)) => self.send(&Packet::Pubrec(Ack::new(id, Reason::SUCCESS))),
            _ => {}
        }
    }

    fn pubrec(&mut self, ack: &Ack<'_>) {
        match self.outbox.pubrec(ack.packet_id, ack.reason) {
            Received::Release(due) => {
                self.acknowledged(due, ack.reason);
                self.send(&Packet::Pubrel(Ack::new(ack.packet_id, Reason::SUCCESS)));
            }
            Received::Refused(due) => self.acknowledged(Some(due), ack.reason),
            Received::Unknown => {}
        }
    }

    fn acknowledged(&self, due: Option<u64>, reason: Reason) {
        if let Some(due) = due {
            self.run.acknowledged(due, reason);
        }
    }

    fn send(&mut self, packet: &Packet<'_>) {
        codec::encode(self.version, packet, &mut self.out);
    }

    /// Puts into the output what the stream and the window allow.
    fn publish(&mut self) {
        let Role::Publisher(number) = self.role else { return };
        let (run, mut payload) = (self.run.clone(), [0; stamp::LEN]);
        let publisher = u32::try_from(number).unwrap_or(u32::MAX);
        while self.out.len() < CHUNK && (run.qos == QoS::AtMostOnce || self.outbox.has_room()) {
            let Some((sequence, due)) = run.next(number) else { return };
            let packet_id: Option<PacketId> =
                (run.qos != QoS::AtMostOnce).then(|| self.outbox.publish(run.qos, due));
            let head = Head {
                version: self.version,
                dup: false,
                qos: run.qos,
                retain: false,
                topic: &self.topic,
                alias: None,
                packet_id,
                expiry: None,
                subscription_ids: &[],
            };
            head.write(&[], run.size, &mut self.out);
            Stamp { publisher, sequence }.write(run.key, &mut payload);
            self.out.extend_from_slice(&payload);
            self.out.resize(self.out.len() + run.size - stamp::LEN, stamp::FILLER);
        }
    }

    /// Writes until everything is written, the socket takes no more, or others should have their turn.
    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        for _ in 0..BURST {
            self.publish();
            while self.written < self.out.len() {
                match Pin::new(&mut self.stream).poll_write(cx, &self.out[self.written..]) {
                    Poll::Pending => {
                        self.run.blocked();
                        return Ok(());
                    }
                    Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(Ok(count)) => self.written += count,
                    Poll::Ready(Err(error)) => return Err(error),
                }
            }
            if self.out.is_empty() {
                return Ok(());
            }
            (self.written, self.out) = (0, std::mem::take(&mut self.out));
            self.out.clear();
        }
        cx.waker().wake_by_ref();
        Ok(())
    }
}

impl Future for Connection {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.run.register(this.role, cx.waker());
        if !this.read(cx)? {
            cx.waker().wake_by_ref();
        }
        if this.run.pings() != this.pings {
            this.pings = this.run.pings();
            this.send(&Packet::Pingreq);
        }
        this.write(cx)?;
        if this.run.is_over() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

/// Reads one packet and hands it to `visit`, byte by byte, so that nothing after it is taken.
pub(super) async fn first_packet<T>(
    stream: &mut Stream,
    version: Version,
    visit: impl FnOnce(Packet<'_>) -> Result<T, String>,
) -> Result<T, String> {
    use tokio::io::AsyncReadExt;
    let mut bytes = Vec::new();
    loop {
        bytes.push(stream.read_u8().await.map_err(|error| error.to_string())?);
        if let Some(frame) = frame::cut(&bytes, 1 << 20).map_err(|fault| fault.detail.to_owned())? {
            let packet = codec::decode(version, frame).map_err(|fault| fault.detail.to_owned())?;
            return visit(packet);
        }
    }
}

/// What the broker allows of messages in flight, if it lets us in.
pub(super) fn accepted(packet: Packet<'_>) -> Result<u16, String> {
    match packet {
        Packet::Connack(Connack { reason, properties, .. }) if reason == Reason::SUCCESS => {
            Ok(properties.receive_maximum().unwrap_or(u16::MAX))
        }
        Packet::Connack(connack) => Err(format!("the broker refused the connection: {}", connack.reason)),
        _ => Err("the broker did not answer CONNECT".to_owned()),
    }
}
