//! A connection to the broker: bytes in, bytes out. The shell reads and writes; everything else is decided here.
//!
//! ```text
//!   New ── CONNECT ──▶ Waiting (until the client's old connection is gone) ──▶ Open ──▶ Over
//!    └── anything else, or silence ──▶ Over
//! ```
//!
//! Acknowledgements leave in one line, in the order of what they answer: while one waits, for the store or because the
//! publisher must slow down, all behind it wait too. PINGRESP goes round it.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use super::Broker;
use super::addresses::Place;
use super::authenticate::Held;
use super::connect::Request;
use super::drops::{DropSeries, Recipient};
use super::event::{Ending, Event};
use super::first_byte::{AUTH_WITHOUT_METHOD, OF_SERVERS, SECOND_CONNECT};
use super::hold::{Hold, SlowDown};
use super::journal::{PATIENCE, Ticket};
use super::limits::Limits;
use super::link::Shared;
use super::output::Output;
use super::peer::Peer;
use super::promise::Promise;
use super::rights::Who;
use super::session::Session;
use super::turn::Turn;
use super::unfinished::{Interrupted, Unfinished};
use crate::codec::packet::{Disconnect, Packet, PacketId, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::codec::{self, frame};
use crate::delivery::Inbox;
use crate::message::QoS;
use crate::sync::Arc;
use crate::time::Instant;

#[derive(Debug)]
pub struct Connection {
    pub(super) broker: Arc<Broker>,
    /// As the turn had them when this connection was last looked after.
    pub(super) limits: Arc<Limits>,
    pub(super) peer: Peer,
    pub(super) waker: Option<Waker>,
    pub(super) phase: Phase,
    /// When the last packet came; when the connection was opened, if none has.
    pub(super) heard: Instant,
    /// Bytes on their way to the client.
    pub(super) writing: Output,
    /// Its place among the connections of its address; given back with it.
    _place: Option<Place>,
}

#[derive(Debug)]
pub(super) enum Phase {
    New,
    /// Its address has too many connections already.
    Crowded,
    /// The password of its CONNECT is being verified.
    Verifying(Box<Held>),
    /// CONNECT is accepted; the client's old connection must go first.
    Waiting(Box<Request>),
    Open(Box<Open>),
    /// Close when everything is written.
    Over,
}

/// A connection that has a session.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) session: Arc<Session>,
    pub(super) epoch: u32,
    /// As whom the client came in.
    pub(super) who: Arc<Who>,
    /// What the listener puts before its topics.
    pub(super) mount_point: Option<Arc<str>>,
    pub(super) version: Version,
    pub(super) inbox: Inbox,
    /// Seconds; 0: however silent the client is, it stays.
    pub(super) keep_alive: u16,
    /// Topic aliases the client has set; the position is the alias less one.
    pub(super) aliases: Vec<Option<Arc<str>>>,
    /// The greatest alias it may set.
    pub(super) alias_maximum: u16,
    /// The highest QoS of messages to and from it.
    pub(super) max_qos: QoS,
    /// Whether the client called itself a bridge, in 3.1 or 3.1.1.
    pub(super) bridge: bool,
    /// Bytes of the largest packet the client takes.
    pub(super) maximum_packet: usize,
    /// What CONNECT gave: DISCONNECT may not raise an expiry of 0.
    pub(super) expiry: u32,
    /// Acknowledgements that wait, in order; CONNACK is the first.
    pub(super) promises: VecDeque<Promise>,
    /// Bytes of the packets they answer.
    pub(super) promised_bytes: usize,
    /// The ticket that wakes this connection already.
    pub(super) awaits: Ticket,
    /// What the last PUBREL, and the last PUBLISH at QoS 2, rest on.
    pub(super) let_go: Ticket,
    pub(super) holds: Ticket,
    /// Whether CONNACK has left: nothing goes before it.
    pub(super) greeted: bool,
    /// Since when the client is not read because the store fails and its version has no way to be told.
    pub(super) unanswerable: Option<Instant>,
    /// What is interrupted for the sake of other connections.
    pub(super) unfinished: Option<Box<Unfinished>>,
    /// Whether this publisher is slowed down.
    pub(super) hold: Hold,
    /// Messages of this publisher that went to nobody.
    pub(super) drops: DropSeries,
}

/// Acknowledgements that may wait before the client is read no further.
const PROMISES: usize = 4_096;

/// What the publisher is answered when its message has been offered to all.
pub(super) type Answer = Option<(QoS, PacketId)>;

impl Connection {
    /// `peer` is the other side, as far as the listener knows it.
    pub fn new(broker: Arc<Broker>, peer: Peer, now: Instant) -> Self {
        let place = peer.address.map(|address| Place::take(&broker, address));
        // Whoever comes one too many is told in the first turn.
        let phase = if matches!(place, Some(None)) { Phase::Crowded } else { Phase::New };
        let place = place.flatten();
        let limits = broker.limits.load();
        let writing = Output::default();
        Self { broker, limits, peer, waker: None, phase, heard: now, writing, _place: place }
    }

    /// Who is woken when this connection has something to do.
    pub fn set_waker(&mut self, waker: &Waker) {
        if self.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return;
        }
        self.waker = Some(waker.clone());
        match &self.phase {
            Phase::Verifying(held) => held.ticket.set_waker(self.waker.as_ref()),
            Phase::Open(open) => {
                if let Some(link) = &mut open.session.lock().link {
                    link.waker.clone_from(&self.waker);
                }
            }
            Phase::New | Phase::Crowded | Phase::Waiting(_) | Phase::Over => {}
        }
    }

    /// Takes whole packets off the front of `bytes`; how many bytes that were. It stops early when [`Self::reads`] no
    /// longer holds; then the rest is to be offered again.
    pub fn receive(&mut self, bytes: &[u8], turn: &mut Turn) -> usize {
        let mut used = 0;
        self.keep_up(turn);
        turn.publisher.clone_from(&self.waker);
        while self.reads() && used < bytes.len() {
            let rest = &bytes[used..];
            if matches!(self.phase, Phase::New) && rest[0] >> 4 != 1 {
                // Whatever this is, we need not wait for the length it seems to give [MQTT-3.1.0-1].
                self.fault(Reason::PROTOCOL_ERROR, "the first packet is not CONNECT", turn);
                break;
            }
            match frame::cut(rest, self.most()) {
                Ok(None) => {
                    self.check_first(rest[0], turn);
                    break;
                }
                Ok(Some(frame)) => {
                    used += frame.len();
                    self.heard = turn.now;
                    turn.counters.packets_received.add(1);
                    self.frame(frame, turn);
                }
                Err(malformed) => self.fault(malformed.reason, malformed.detail, turn),
            }
        }
        turn.counters.bytes_received.add(used as u64);
        turn.publisher = None;
        used
    }

    /// Takes over the limits of this turn.
    fn keep_up(&mut self, turn: &Turn) {
        if !Arc::ptr_eq(&self.limits, &turn.limits) {
            self.limits.clone_from(&turn.limits);
        }
    }

    /// Bytes of the largest packet that is taken now: before CONNECT not even a place is earned yet.
    fn most(&self) -> usize {
        let most = match self.phase {
            Phase::New => self.limits.packet_size.min(self.limits.connect_size),
            _ => self.limits.packet_size,
        };
        most as usize
    }

    fn frame(&mut self, frame: frame::Frame<'_>, turn: &mut Turn) {
        turn.rests_on();
        let version = match &self.phase {
            Phase::New => return self.connect(frame, turn),
            Phase::Open(open) => open.version,
            Phase::Crowded | Phase::Verifying(_) | Phase::Waiting(_) | Phase::Over => return,
        };
        match codec::decode(version, frame) {
            Ok(packet) => self.packet(packet, frame.len(), turn),
            Err(malformed) => self.fault(malformed.reason, malformed.detail, turn),
        }
    }

    fn packet(&mut self, packet: Packet<'_>, len: usize, turn: &mut Turn) {
        match packet {
            Packet::Publish(publish) => self.publish(&publish, len, turn),
            Packet::Puback(ack) => self.puback(&ack, turn),
            Packet::Pubrec(ack) => self.pubrec(&ack, turn),
            Packet::Pubrel(ack) => self.pubrel(&ack, turn),
            Packet::Pubcomp(ack) => self.pubcomp(&ack, turn),
            Packet::Subscribe(subscribe) => self.subscribe(&subscribe, turn),
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe, turn),
            Packet::Pingreq => self.write(&Packet::Pingresp, turn), // [MQTT-3.12.4-1]
            Packet::Disconnect(disconnect) => self.disconnect(&disconnect, turn),
            // [MQTT-3.1.0-2]
            Packet::Connect(_) => self.fault(Reason::PROTOCOL_ERROR, SECOND_CONNECT, turn),
            // [MQTT-4.12.0-7]
            Packet::Auth(_) => self.fault(Reason::PROTOCOL_ERROR, AUTH_WITHOUT_METHOD, turn),
            Packet::Connack(_) | Packet::Suback(_) | Packet::Unsuback(_) | Packet::Pingresp => {
                self.fault(Reason::PROTOCOL_ERROR, OF_SERVERS, turn);
            }
        }
    }

    fn disconnect(&mut self, disconnect: &Disconnect<'_>, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        if let Some(expiry) = disconnect.properties.session_expiry() {
            if open.expiry == 0 && expiry != 0 {
                let detail = "DISCONNECT sets a session expiry where CONNECT set none";
                return self.fault(Reason::PROTOCOL_ERROR, detail, turn);
            }
            open.session.lock().expiry = expiry.min(self.limits.session_expiry);
        }
        self.end(Ending::Left(disconnect.reason), turn);
    }

    /// Writes a packet that waits for nothing. One that the client does not take ends the connection [MQTT-3.1.2-24].
    pub(super) fn write(&mut self, packet: &Packet<'_>, turn: &mut Turn) {
        let Phase::Open(open) = &self.phase else { return };
        let (version, most) = (open.version, open.maximum_packet);
        self.writing.lend(|| turn.buffer());
        let mut fits = true;
        self.writing.write(|out| {
            let before = out.len();
            codec::encode(version, packet, out);
            fits = out.len() - before <= most;
            if !fits {
                out.truncate(before);
            }
        });
        if !fits {
            let detail = "the answer is larger than the client's Maximum Packet Size";
            return self.fault(Reason::PACKET_TOO_LARGE, detail, turn);
        }
        turn.counters.packets_sent.add(1);
    }

    /// Whether more packets are taken now.
    pub fn reads(&self) -> bool {
        let limits = &self.limits;
        match &self.phase {
            Phase::New => true,
            Phase::Open(open) => {
                open.greeted
                    && open.unfinished.is_none()
                    && open.unanswerable.is_none()
                    && if open.hold.is_on() {
                        // What it is to receive, and with that other publishers, may wait for acknowledgements of its own.
                        open.owes()
                    } else {
                        open.promises.len() < PROMISES && open.promised_bytes <= limits.output_high
                    }
                    && (self.writing.len() <= limits.output_high || self.peer.kind.is_bridge())
            }
            Phase::Crowded | Phase::Verifying(_) | Phase::Waiting(_) | Phase::Over => false,
        }
    }

    /// Whether the client has come in and has not left.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Whether the connection is to be closed once [`Self::output`] is empty.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// What is to be written.
    pub fn output(&mut self) -> &mut Output {
        &mut self.writing
    }

    /// The transport took `count` bytes of the output.
    pub fn written(&mut self, count: usize, turn: &mut Turn) {
        turn.counters.bytes_sent.add(count as u64);
        self.writing.advance(count);
        if self.writing.is_empty() {
            let buffer = self.writing.reclaim();
            turn.give_back(buffer);
        } else if let Phase::Open(open) = &self.phase {
            // The client is slow, but it takes something.
            let mut state = open.session.lock();
            if state.epoch == open.epoch {
                state.wrote(self.writing.len());
            }
        }
    }

    /// Looks after everything but reading: what others want of this connection, what is due, what can go on. Call it when
    /// woken, at [`Self::deadline`], after [`Self::receive`] and when the output has been written.
    pub fn poll(&mut self, turn: &mut Turn) {
        self.keep_up(turn);
        match &self.phase {
            Phase::New => self.check_silence(self.limits.connect_timeout, "no CONNECT came", turn),
            Phase::Crowded => {
                let detail = "its address has as many connections as it may have";
                self.fault(Reason::QUOTA_EXCEEDED, detail, turn);
            }
            Phase::Verifying(_) => {
                turn.rests_on();
                self.verified(turn);
            }
            Phase::Waiting(_) => {
                turn.rests_on();
                self.establish(turn);
            }
            Phase::Open(_) => {
                turn.publisher.clone_from(&self.waker);
                self.proceed(turn);
                if let Phase::Open(open) = &mut self.phase {
                    open.hold.check(turn);
                }
                self.keep_promises(turn);
                turn.publisher = None;
                self.take(turn);
                // After the session has heard what was written, on which it depends whether there is room.
                self.replay(turn);
                self.check_patience(turn);
                if let Phase::Open(open) = &self.phase
                    && let Some(silence) = open.silence().filter(|_| !open.hold.is_on() && self.reads())
                {
                    self.check_silence(silence, "the keep alive ran out", turn); // [MQTT-3.1.2-22]
                }
            }
            Phase::Over => {}
        }
    }

    /// Closes the connection when what it was promised has waited too long for a store that fails, so that the client
    /// sends again what was not acknowledged.
    fn check_patience(&mut self, turn: &mut Turn) {
        let Phase::Open(open) = &self.phase else { return };
        let failing_since = self.broker.journal.failing_since();
        let over = match open.unanswerable {
            // It can send again at once, and is answered.
            Some(_) if failing_since.is_none() => true,
            Some(since) => turn.now.since(since) >= PATIENCE,
            None => open.waits() && failing_since.is_some_and(|since| turn.now.since(since) >= PATIENCE),
        };
        if over {
            let detail = "the store has not kept what it sent; the client may send it again";
            self.fault(Reason::QUOTA_EXCEEDED, detail, turn);
        }
    }

    fn check_silence(&mut self, most: Duration, detail: &'static str, turn: &mut Turn) {
        if turn.now.since(self.heard) >= most {
            self.fault(Reason::KEEP_ALIVE_TIMEOUT, detail, turn);
        }
    }

    /// Takes what others have written for this client; notices that the connection must go.
    fn take(&mut self, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let limits = &self.limits;
        let mut state = open.session.lock();
        let Some(link) = &mut state.link else { return };
        link.woken = false;
        let mut fence = link.fence.take();
        if self.writing.is_empty() && open.greeted {
            state.wrote(0);
            state.write_held(turn, limits);
            let Some(link) = &mut state.link else { return };
            std::mem::swap(&mut self.writing, &mut link.output);
            link.unwritten = self.writing.len();
            open.session.pump(&mut state, turn, limits);
        }
        let groups = open.session.waiting_groups(&state);
        drop(state);
        for group in groups {
            group.feed(turn, limits);
        }
        if let Some(ending) = fence.take() {
            self.end(*ending, turn);
        }
    }

    /// Throws away what is to be written: the transport has failed.
    pub fn discard(&mut self) {
        self.writing = Output::default();
    }

    /// When [`Self::poll`] must be called though nothing happened.
    pub fn deadline(&self) -> Instant {
        match &self.phase {
            Phase::New | Phase::Verifying(_) => self.heard + self.limits.connect_timeout,
            Phase::Open(open) => {
                let silence = match open.silence() {
                    Some(silence) if !open.hold.is_on() && self.reads() => self.heard + silence,
                    _ => Instant::NEVER,
                };
                open.hold.deadline().min(silence).min(self.patience(open))
            }
            Phase::Crowded | Phase::Waiting(_) | Phase::Over => Instant::NEVER,
        }
    }

    /// Until when the connection waits for a store that fails.
    fn patience(&self, open: &Open) -> Instant {
        match (open.unanswerable, self.broker.journal.failing_since()) {
            (Some(since), _) => since + PATIENCE,
            (None, Some(since)) if open.waits() => since + PATIENCE,
            (None, _) => Instant::NEVER,
        }
    }

    /// Closes because of what the client did, or did not do.
    pub(super) fn fault(&mut self, reason: Reason, detail: &'static str, turn: &mut Turn) {
        turn.counters.faults.add(1);
        self.end(Ending::Fault(reason, detail), turn);
    }

    /// Ends the connection from this side; an MQTT 5 client is told why [MQTT-4.13.2-1].
    pub fn end(&mut self, ending: Ending, turn: &mut Turn) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Over => {}
            Phase::New | Phase::Crowded | Phase::Verifying(_) => {
                turn.events.push(Event::Stranger { peer: self.peer.name.clone(), why: ending })
            }
            Phase::Waiting(request) => {
                let (client, peer) = (request.session.client.clone(), self.peer.name.clone());
                turn.events.push(Event::Disconnected { client, peer, why: ending });
            }
            Phase::Open(open) => self.close(*open, ending, turn),
        }
    }

    fn close(&mut self, mut open: Open, ending: Ending, turn: &mut Turn) {
        if let Some(Unfinished::Publish(work)) = open.unfinished.take().map(|work| *work) {
            // Its identifier is held already, so sending it again would reach nobody else [MQTT-4.3.3-10].
            let Interrupted { message, mut fan_out, answer: _, len: _, ticket: _ } = work;
            fan_out.proceed(&Shared::of(&message), usize::MAX, &mut SlowDown::default(), turn);
        }
        if let Some(link) = open.session.lock().link.as_mut().filter(|_| open.greeted) {
            // What was written for the client before now goes out before the DISCONNECT.
            self.writing.append(&mut link.output);
        }
        match &ending {
            // Before CONNACK there is no DISCONNECT [MQTT-3.14.0-1].
            Ending::Fault(reason, _) if open.version == Version::V5 && open.greeted => {
                let packet =
                    Packet::Disconnect(Disconnect { reason: *reason, properties: Properties::EMPTY });
                self.writing.write(|out| codec::encode(Version::V5, &packet, out));
                turn.counters.packets_sent.add(1);
            }
            Ending::Closed | Ending::Lost(_) => self.writing = Output::default(),
            Ending::Left(_) | Ending::Fault(..) => {}
        }
        let (client, peer) = (open.session.client.clone(), self.peer.name.clone());
        open.drops.end(|| Recipient::SubscribersOf(client.clone()), turn);
        self.broker.disconnected(&open.session, open.inbox, &ending, turn);
        turn.events.push(Event::Disconnected { client, peer, why: ending });
    }
}
