//! A connection to the broker: bytes in, bytes out. The shell reads and writes; everything else is decided here.
//!
//! ```text
//!   New ── CONNECT ──▶ Verifying ──▶ TakingOver (until the client's old connection is gone) ──▶ Open ──▶ Over
//!    └── anything else, or no CONNECT in time ──▶ Over
//! ```
//!
//! Handlers own the state they use (`impl Open`, `impl Endpoint`), and return a [`Close`] for a fault of the client; only
//! [`Connection::end`] ends a connection.
//!
//! Acknowledgements are sent in the order of the packets they answer: while one waits, for the store or because the
//! publisher must slow down, all behind it wait too. PINGRESP does not wait.

mod ack_queue;
mod acknowledge;
mod admission;
mod authenticate;
mod connect;
mod endpoint;
mod first_byte;
pub(crate) mod open;
mod publish;
mod replay;
mod subscribe;
mod unfinished;

use std::task::Waker;

use crate::broker::access::addresses::AddressPermit;
use crate::broker::connection::authenticate::{Authentication, PendingConnect};
use crate::broker::connection::connect::{AcceptedConnect, TAKEN_OVER, Takeover};
use crate::broker::connection::endpoint::{Close, Endpoint};
use crate::broker::connection::first_byte::{AUTH_WITHOUT_METHOD, OF_SERVERS, SECOND_CONNECT, check_first};
use crate::broker::connection::open::Open;
use crate::broker::connection::unfinished::{InterruptedPublish, Unfinished};
use crate::broker::identity::Peer;
use crate::broker::observe::drops::Recipient;
use crate::broker::observe::event::{Ending, Event};
use crate::broker::routing::hold::SlowDown;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::session::output::OutputBuffer;
use crate::broker::state::Broker;
use crate::broker::state::turn::Turn;
use crate::codec::packet::{Connect, Disconnect, Packet, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::codec::{self, frame};
use crate::sync::Arc;
use crate::time::Instant;

/// Bytes of an incomplete packet that a connection may keep while the broker uses as much memory as it may.
const MOST_UNFINISHED: usize = 1024 * 1024;

#[derive(Debug)]
pub struct Connection {
    endpoint: Endpoint,
    phase: ConnectionPhase,
    /// Counts it among the connections of its address.
    _permit: Option<AddressPermit>,
}

#[derive(Debug)]
enum ConnectionPhase {
    New,
    /// Its address has too many connections already.
    Crowded,
    /// The password of its CONNECT is being verified.
    Verifying(Box<PendingConnect>),
    /// CONNECT is accepted; the client's old connection must go first.
    TakingOver(Box<AcceptedConnect>),
    Open(Box<Open>),
    /// Close when everything is written.
    Over,
}

impl Connection {
    /// `peer` is the other side, as far as the listener knows it.
    pub fn new(broker: Arc<Broker>, peer: Peer, now: Instant) -> Self {
        let limits = broker.limits.load();
        let permit = peer.address.map(|address| AddressPermit::take(&broker.addresses, address, &limits));
        // A connection too many is refused in the first turn.
        let phase =
            if matches!(permit, Some(None)) { ConnectionPhase::Crowded } else { ConnectionPhase::New };
        let output = OutputBuffer::default();
        let endpoint = Endpoint { broker, limits, peer, waker: None, heard: now, output };
        Self { endpoint, phase, _permit: permit.flatten() }
    }

    /// The client that is connected, and its version; `None` before CONNECT is accepted, and when the connection is over.
    pub fn client(&self) -> Option<(&str, Version)> {
        match &self.phase {
            ConnectionPhase::Open(open) => Some((&open.session.client, open.version)),
            _ => None,
        }
    }

    /// The name of the other side in the log.
    pub fn peer(&self) -> &str {
        &self.endpoint.peer.name
    }

    /// Who is woken when this connection has something to do.
    pub fn set_waker(&mut self, waker: &Waker) {
        if self.endpoint.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            return;
        }
        self.endpoint.waker = Some(waker.clone());
        match &self.phase {
            ConnectionPhase::Verifying(pending) => pending.login.set_waker(self.endpoint.waker.as_ref()),
            ConnectionPhase::Open(open) => {
                if let Some(link) = &mut open.session.lock().link {
                    link.waker.clone_from(&self.endpoint.waker);
                }
            }
            ConnectionPhase::New
            | ConnectionPhase::Crowded
            | ConnectionPhase::TakingOver(_)
            | ConnectionPhase::Over => {}
        }
    }

    /// Takes whole packets off the front of `bytes`; how many bytes that were. It stops early when [`Self::reads`] no
    /// longer holds; then the rest is to be offered again.
    pub fn receive(&mut self, bytes: &[u8], turn: &mut Turn) -> usize {
        let mut used = 0;
        self.keep_up(turn);
        turn.publisher.clone_from(&self.endpoint.waker);
        while self.reads() && used < bytes.len() {
            let rest = &bytes[used..];
            let received = match frame::cut(rest, self.most()) {
                // Whatever this is, we need not wait for the length it seems to give [MQTT-3.1.0-1].
                _ if matches!(self.phase, ConnectionPhase::New) && rest[0] >> 4 != 1 => {
                    Err(Close::new(Reason::PROTOCOL_ERROR, "the first packet is not CONNECT"))
                }
                Ok(None) => {
                    let checked = match &self.phase {
                        ConnectionPhase::Open(open) => check_first(open.version, rest[0]),
                        _ => Ok(()),
                    };
                    self.close_on_error(checked, turn);
                    break;
                }
                Ok(Some(frame)) => {
                    used += frame.len();
                    self.endpoint.heard = turn.now;
                    turn.counters.packets_received.add(1);
                    self.frame(frame, turn)
                }
                Err(malformed) => Err(malformed.into()),
            };
            self.close_on_error(received, turn);
        }
        turn.counters.bytes_received.add(used as u64);
        turn.publisher = None;
        used
    }

    /// Takes over the limits of this turn.
    fn keep_up(&mut self, turn: &Turn) {
        if !Arc::ptr_eq(&self.endpoint.limits, &turn.limits) {
            self.endpoint.limits.clone_from(&turn.limits);
        }
    }

    /// Bytes of the largest packet that is taken now.
    fn most(&self) -> usize {
        let limits = &self.endpoint.limits;
        let most = match self.phase {
            ConnectionPhase::New => limits.packet_size.min(limits.connect_size),
            _ => limits.packet_size,
        };
        most as usize
    }

    fn frame(&mut self, frame: frame::Frame<'_>, turn: &mut Turn) -> Result<(), Close> {
        turn.take_batch();
        let (open, endpoint) = match &mut self.phase {
            ConnectionPhase::New => return self.connect(frame, turn),
            ConnectionPhase::Open(open) => (open, &mut self.endpoint),
            ConnectionPhase::Crowded
            | ConnectionPhase::Verifying(_)
            | ConnectionPhase::TakingOver(_)
            | ConnectionPhase::Over => return Ok(()),
        };
        if frame.first() >> 4 == 3 {
            return open.publish_frame(frame, endpoint, turn);
        }
        if let Some(packet_id) = codec::plain_puback(frame) {
            open.puback(packet_id, endpoint, turn);
            return Ok(());
        }
        match codec::decode(open.version, frame)? {
            Packet::Puback(ack) => open.puback(ack.packet_id, endpoint, turn),
            Packet::Pubrec(ack) => return open.pubrec(&ack, endpoint, turn),
            Packet::Pubrel(ack) => return open.pubrel(&ack, endpoint, turn),
            Packet::Pubcomp(ack) => open.pubcomp(&ack, endpoint, turn),
            Packet::Subscribe(subscribe) => return open.subscribe(&subscribe, endpoint, turn),
            Packet::Unsubscribe(unsubscribe) => return open.unsubscribe(&unsubscribe, endpoint, turn),
            Packet::Pingreq => return open.send(&Packet::Pingresp, endpoint, turn), // [MQTT-3.12.4-1]
            Packet::Disconnect(disconnect) => {
                open.disconnect(&disconnect, &endpoint.limits)?;
                self.end(Ending::Left(disconnect.reason), turn);
            }
            Packet::Connect(_) => return Err(SECOND_CONNECT), // [MQTT-3.1.0-2]
            Packet::Auth(_) => return Err(AUTH_WITHOUT_METHOD), // [MQTT-4.12.0-7]
            // PUBLISH has gone another way.
            Packet::Publish(_)
            | Packet::Connack(_)
            | Packet::Suback(_)
            | Packet::Unsuback(_)
            | Packet::Pingresp => return Err(OF_SERVERS),
        }
        Ok(())
    }

    /// The first packet, which must be CONNECT [MQTT-3.1.0-1].
    fn connect(&mut self, frame: frame::Frame<'_>, turn: &mut Turn) -> Result<(), Close> {
        match codec::decode_connect(frame) {
            Ok(connect) => {
                let endpoint = &self.endpoint;
                let checked = endpoint.check_connect(&connect);
                let authenticated =
                    checked.and_then(|()| endpoint.authenticate(&connect, frame.bytes(), turn));
                self.authenticated(&connect, authenticated, turn)
            }
            Err(malformed) => {
                let Some(version) = codec::refusal_version(frame) else { return Err(malformed.into()) };
                self.endpoint.refuse(version, "", None, malformed.into(), turn);
                self.phase = ConnectionPhase::Over;
                Ok(())
            }
        }
    }

    /// Goes on with a CONNECT whose password has been verified.
    fn resume_connect(&mut self, turn: &mut Turn) -> Result<(), Close> {
        let is_answered = |pending: &PendingConnect| self.endpoint.is_answered(pending, turn);
        if !matches!(&self.phase, ConnectionPhase::Verifying(pending) if is_answered(pending)) {
            return Ok(());
        }
        let phase = std::mem::replace(&mut self.phase, ConnectionPhase::New);
        let ConnectionPhase::Verifying(pending) = phase else { return Ok(()) };
        let Ok(Some(frame)) = frame::cut(&pending.bytes, usize::MAX) else { return Ok(()) };
        // It was decoded once already.
        let Ok(connect) = codec::decode_connect(frame) else { return Ok(()) };
        let authenticated = self.endpoint.verified(&pending, &connect, turn);
        self.authenticated(&connect, authenticated, turn)
    }

    fn authenticated(
        &mut self,
        connect: &Connect<'_>,
        authenticated: Result<Authentication, Close>,
        turn: &mut Turn,
    ) -> Result<(), Close> {
        let accepted = authenticated.and_then(|authentication| match authentication {
            Authentication::Pending(pending) => Ok(ConnectionPhase::Verifying(pending)),
            Authentication::Done(user) => {
                Ok(ConnectionPhase::TakingOver(Box::new(self.endpoint.accept(connect, user)?)))
            }
        });
        match accepted {
            Ok(phase) => {
                self.phase = phase;
                self.establish(turn)
            }
            Err(close) => {
                self.endpoint.reject(connect, close, turn)?;
                self.phase = ConnectionPhase::Over;
                Ok(())
            }
        }
    }

    /// Opens the session, once no older connection has it.
    fn establish(&mut self, turn: &mut Turn) -> Result<(), Close> {
        loop {
            let ConnectionPhase::TakingOver(request) = &mut self.phase else { return Ok(()) };
            match request.take_session(&self.endpoint, turn) {
                Takeover::Waits => return Ok(()),
                Takeover::Superseded => {
                    // No CONNACK has been sent, so nothing is said [MQTT-3.14.0-1].
                    self.end(TAKEN_OVER, turn);
                    return Ok(());
                }
                Takeover::Free => {}
            }
            let phase = std::mem::replace(&mut self.phase, ConnectionPhase::Over);
            let ConnectionPhase::TakingOver(request) = phase else { return Ok(()) };
            match request.open(&self.endpoint, turn) {
                Ok(opened) => {
                    let (open, greeted) = opened.greet(&mut self.endpoint, turn);
                    self.phase = ConnectionPhase::Open(open);
                    return greeted;
                }
                Err(request) => self.phase = ConnectionPhase::TakingOver(request),
            }
        }
    }

    /// Whether more packets are taken now.
    pub fn reads(&self) -> bool {
        match &self.phase {
            ConnectionPhase::New => true,
            ConnectionPhase::Open(open) => open.reads(&self.endpoint),
            ConnectionPhase::Crowded
            | ConnectionPhase::Verifying(_)
            | ConnectionPhase::TakingOver(_)
            | ConnectionPhase::Over => false,
        }
    }

    /// Whether the client is connected: CONNECT was accepted, and the connection is not over.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, ConnectionPhase::Open(_))
    }

    /// Whether the connection is to be closed once [`Self::output`] is empty.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, ConnectionPhase::Over)
    }

    /// What is to be written.
    pub fn output(&mut self) -> &mut OutputBuffer {
        &mut self.endpoint.output
    }

    /// The transport took `count` bytes of the output.
    pub fn written(&mut self, count: usize, turn: &mut Turn) {
        turn.counters.bytes_sent.add(count as u64);
        let output = &mut self.endpoint.output;
        output.advance(count);
        if output.is_empty() {
            turn.give_back(output.reclaim());
        } else if let ConnectionPhase::Open(open) = &self.phase {
            // The client is slow, but it takes something.
            let mut state = open.session.lock();
            if state.epoch == open.epoch {
                state.wrote(output.len());
            }
        }
    }

    /// Looks after everything but reading: what others want of this connection, what is due, what can go on. Call it when
    /// woken, at [`Self::deadline`], after [`Self::receive`] and when the output has been written.
    pub fn poll(&mut self, turn: &mut Turn) {
        self.keep_up(turn);
        let polled = match &self.phase {
            ConnectionPhase::New => {
                self.endpoint.check_silence(self.endpoint.limits.connect_timeout, "no CONNECT came", turn)
            }
            ConnectionPhase::Crowded => {
                Err(Close::new(Reason::QUOTA_EXCEEDED, "its address has as many connections as it may have"))
            }
            ConnectionPhase::Verifying(_) => {
                turn.take_batch();
                self.resume_connect(turn)
            }
            ConnectionPhase::TakingOver(_) => {
                turn.take_batch();
                self.establish(turn)
            }
            ConnectionPhase::Open(_) => self.poll_open(turn),
            ConnectionPhase::Over => Ok(()),
        };
        self.close_on_error(polled, turn);
    }

    fn poll_open(&mut self, turn: &mut Turn) -> Result<(), Close> {
        let (ConnectionPhase::Open(open), endpoint) = (&mut self.phase, &mut self.endpoint) else {
            return Ok(());
        };
        turn.publisher.clone_from(&endpoint.waker);
        let proceeded = open.proceed(endpoint, turn);
        open.hold.check(turn);
        open.send_acks(endpoint, turn);
        turn.publisher = None;
        proceeded?;
        if let Some(ending) = open.take_output(endpoint, turn) {
            self.end(ending, turn);
            return Ok(());
        }
        // After the session has heard what was written, on which it depends whether there is room.
        open.replay(endpoint, turn);
        open.check_patience(turn)?;
        match open.silence(endpoint) {
            Some(silence) => endpoint.check_silence(silence, "the keep alive ran out", turn), // [MQTT-3.1.2-22]
            None => Ok(()),
        }
    }

    /// `bytes` bytes of an incomplete packet, or of packets that wait, are kept for this connection. While the
    /// broker uses as much memory as it may, one that keeps many is closed.
    pub fn check_unfinished(&mut self, bytes: usize, turn: &mut Turn) {
        if bytes > MOST_UNFINISHED && turn.limits.memory_is_full {
            let detail = "the broker uses as much memory as it may, and the client sends a large packet";
            self.close_on_error(Err(Close::new(Reason::QUOTA_EXCEEDED, detail)), turn);
        }
    }

    /// Throws away what is to be written: the transport has failed.
    pub fn discard(&mut self) {
        self.endpoint.output = OutputBuffer::default();
    }

    /// When [`Self::poll`] must be called though nothing happened.
    pub fn deadline(&self) -> Instant {
        let endpoint = &self.endpoint;
        match &self.phase {
            ConnectionPhase::New | ConnectionPhase::Verifying(_) => {
                endpoint.heard + endpoint.limits.connect_timeout
            }
            ConnectionPhase::Open(open) => {
                let silence =
                    open.silence(endpoint).map_or(Instant::NEVER, |silence| endpoint.heard + silence);
                let patience = open.patience(endpoint.broker.journal.failing_since());
                open.hold.deadline().min(silence).min(patience)
            }
            ConnectionPhase::Crowded | ConnectionPhase::TakingOver(_) | ConnectionPhase::Over => {
                Instant::NEVER
            }
        }
    }

    /// Closes the connection if a handler says so.
    fn close_on_error(&mut self, result: Result<(), Close>, turn: &mut Turn) {
        if let Err(Close { reason, detail }) = result {
            turn.counters.faults.add(1);
            self.end(Ending::Fault(reason, detail), turn);
        }
    }

    /// Ends the connection from this side; an MQTT 5 client is told why [MQTT-4.13.2-1].
    pub fn end(&mut self, ending: Ending, turn: &mut Turn) {
        let peer = || self.endpoint.peer.name.clone();
        match std::mem::replace(&mut self.phase, ConnectionPhase::Over) {
            ConnectionPhase::Over => {}
            ConnectionPhase::New | ConnectionPhase::Crowded | ConnectionPhase::Verifying(_) => {
                turn.events.push(Event::HandshakeFailed { peer: peer(), why: ending });
            }
            ConnectionPhase::TakingOver(request) => {
                let client = request.session.client.clone();
                turn.events.push(Event::Disconnected { client, peer: peer(), why: ending });
            }
            ConnectionPhase::Open(open) => close(*open, &mut self.endpoint, ending, turn),
        }
    }
}

/// Ends an open connection: sends what is left to be sent, and leaves the session.
fn close(mut open: Open, endpoint: &mut Endpoint, ending: Ending, turn: &mut Turn) {
    if let Some(Unfinished::Publish(work)) = open.unfinished.take().map(|work| *work) {
        // Its identifier is held already, so sending it again would reach nobody else [MQTT-4.3.3-10].
        let InterruptedPublish { message, mut fan_out, ack, .. } = work;
        let mut message = RoutedMessage::of(&message);
        message.is_promised = ack.packet_id.is_some();
        let mut asked = SlowDown::default();
        fan_out.proceed(&message, usize::MAX, &mut asked, &endpoint.limits, turn);
    }
    if let Some(link) = open.session.lock().link.as_mut().filter(|_| open.greeted) {
        // What was written for the client before now goes out before the DISCONNECT.
        endpoint.output.append(&mut link.output);
    }
    match &ending {
        // Before CONNACK there is no DISCONNECT [MQTT-3.14.0-1].
        Ending::Fault(reason, _) if open.version == Version::V5 && open.greeted => {
            let packet = Packet::Disconnect(Disconnect { reason: *reason, properties: Properties::EMPTY });
            endpoint.output.write(|out| codec::encode(Version::V5, &packet, out));
            turn.counters.packets_sent.add(1);
        }
        Ending::Closed | Ending::Lost(_) => endpoint.output = OutputBuffer::default(),
        Ending::Left(_) | Ending::Fault(..) => {}
    }
    let (client, peer) = (open.session.client.clone(), endpoint.peer.name.clone());
    turn.events.extend(open.drops.end(|| Recipient::SubscribersOf(client.clone())));
    endpoint.broker.disconnected(&open.session, open.inbox, &ending, turn);
    turn.events.push(Event::Disconnected { client, peer, why: ending });
}
