//! CONNECT: who comes in, with which session, and what CONNACK tells.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use super::Broker;
use super::authenticate::{Named, Proof};
use super::connection::{Connection, Open, Phase};
use super::drops::DropSeries;
use super::event::{Ending, Event};
use super::hold::Hold;
use super::journal::Ticket;
use super::limits::Limits;
use super::link::Link;
use super::owner::{SessionName, SessionOwner};
use super::peer::Kind;
use super::rights::{Policy, Who};
use super::session::Session;
use super::turn::Turn;
use super::will::Will;
use crate::codec::packet::{Connack, Connect, Packet, Version};
use crate::codec::property::{PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::codec::{self, frame};
use crate::delivery::Inbox;
use crate::message::QoS;
use crate::sync::{Arc, Ordering};
use crate::time::Instant;

/// An accepted CONNECT, as far as it is needed to open the session.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) session: Arc<Session>,
    who: Arc<Who>,
    proof: Proof,
    /// The session's epoch since this CONNECT.
    epoch: u32,
    /// What CONNACK tells.
    greeting: PropertiesBuf,
    version: Version,
    clean_start: bool,
    expiry: u32,
    keep_alive: u16,
    bridge: bool,
    receive_maximum: u16,
    maximum_packet: Option<u32>,
    topic_aliases: u16,
    /// Topic aliases that it may set.
    own_aliases: u16,
    max_qos: QoS,
    will: Option<Box<Will>>,
}

/// Why a CONNECT is refused.
pub(super) type Refusal = (Reason, &'static str);

/// Bytes of a CONNACK of MQTT 5 that tells a reason and nothing else.
const REFUSAL: u32 = 5;

fn success(session_present: bool, greeting: &PropertiesBuf) -> Packet<'_> {
    Packet::Connack(Connack {
        session_present,
        reason: Reason::SUCCESS,
        properties: greeting.as_properties(),
    })
}

impl Connection {
    /// The first packet, which must be CONNECT [MQTT-3.1.0-1].
    pub(super) fn connect(&mut self, frame: frame::Frame<'_>, turn: &mut Turn) {
        let connect = match codec::decode_connect(frame) {
            Ok(connect) => connect,
            Err(malformed) => {
                match codec::refusal_version(frame) {
                    Some(version) => {
                        self.refuse(version, "", None, (malformed.reason, malformed.detail), turn);
                    }
                    None => self.fault(malformed.reason, malformed.detail, turn),
                }
                return;
            }
        };
        let admitted = self.check(&connect).and_then(|()| self.admit(&connect, frame.bytes(), turn));
        if let Err(refusal) = admitted {
            self.reject(&connect, refusal, turn);
        }
    }

    /// Goes on with a CONNECT whose client is known now.
    pub(super) fn enter(
        &mut self,
        connect: &Connect<'_>,
        named: Named,
        turn: &mut Turn,
    ) -> Result<(), Refusal> {
        let request = self.request(connect, named)?;
        self.phase = Phase::Waiting(Box::new(request));
        self.establish(turn);
        Ok(())
    }

    pub(super) fn reject(&mut self, connect: &Connect<'_>, (reason, detail): Refusal, turn: &mut Turn) {
        if connect.properties.maximum_packet_size().is_some_and(|most| most < REFUSAL) {
            // Not even a refusal is small enough [MQTT-3.1.2-24].
            self.fault(reason, detail, turn);
        } else {
            self.refuse(connect.version, connect.client_id, connect.username, (reason, detail), turn);
        }
    }

    fn request(&self, connect: &Connect<'_>, named: Named) -> Result<Request, Refusal> {
        let (limits, rights) = (&self.limits, self.broker.rights.load());
        let policy = rights.policy(self.peer.listener);
        let owner = self.owner(connect, policy);
        let (client, is_assigned) = self.client_id(connect, &named, policy, &owner)?;
        let (aliases_in, aliases_out) =
            policy.topic_aliases.unwrap_or((limits.topic_aliases_in, limits.topic_aliases_out));
        let asked = match connect.version {
            Version::V5 => connect.properties.session_expiry().unwrap_or(0),
            // Clean Session 0 is a session without an end.
            _ if connect.clean_start => 0,
            _ => u32::MAX,
        };
        let keep_alive = match (limits.keep_alive, connect.keep_alive) {
            (0, asked) => asked,
            (most, 0) => most,
            (most, asked) => asked.min(most),
        };
        let is_bridge = self.peer.kind.is_bridge();
        let expiry = if is_bridge { asked } else { asked.min(limits.session_expiry) };
        let greeting = self.greeting(
            connect,
            (&client, is_assigned),
            (expiry, keep_alive),
            (aliases_in, policy.max_qos),
        )?;
        // From here on the client's older connections are void.
        let session = self.broker.claim(SessionName { client: &client, owner: &owner }, limits);
        let epoch = session.lock().epoch;
        let listener = self.peer.listener;
        let who = Arc::new(Who { client: session.client.clone(), username: named.username, listener });
        Ok(Request {
            session,
            who,
            proof: named.proof,
            epoch,
            greeting,
            version: connect.version,
            clean_start: connect.clean_start,
            expiry,
            keep_alive,
            bridge: connect.bridge,
            receive_maximum: connect.properties.receive_maximum().unwrap_or(u16::MAX),
            maximum_packet: connect.properties.maximum_packet_size(),
            topic_aliases: connect.properties.topic_alias_maximum().unwrap_or(0).min(aliases_out),
            own_aliases: aliases_in,
            max_qos: policy.max_qos,
            will: connect.will.as_ref().map(|will| Box::new(Will::new(will, policy.mount_point.as_deref()))),
        })
    }

    /// The identifier of the session, and whether the client has to be told of it.
    fn client_id<'a>(
        &self,
        connect: &Connect<'a>,
        named: &'a Named,
        policy: &Policy,
        owner: &SessionOwner,
    ) -> Result<(Cow<'a, str>, bool), Refusal> {
        let is_empty = connect.client_id.is_empty();
        let client: Cow<'_, str> = if policy.username_as_client_id {
            let detail = "a user name is needed here, as it is the client identifier too";
            named.username.as_deref().ok_or((Reason::NOT_AUTHORIZED, detail))?.into()
        } else if is_empty {
            self.broker.assign_client_id(&policy.auto_id_prefix, owner).into()
        } else {
            connect.client_id.into()
        };
        if client.is_empty() {
            return Err((
                Reason::CLIENT_IDENTIFIER_NOT_VALID,
                "the user name, and so the client identifier, is empty",
            ));
        }
        let prefix = policy.client_id_prefix.as_deref().unwrap_or_default();
        if !client.starts_with(prefix) {
            return Err((
                Reason::NOT_AUTHORIZED,
                "the client identifier begins otherwise than is allowed here",
            ));
        }
        Ok((client, is_empty))
    }

    /// What CONNACK tells the client beside its success. Response Information may be left out, and is where it does not
    /// fit; a client that takes not even the rest is refused [MQTT-3.1.2-24].
    fn greeting(
        &self,
        connect: &Connect<'_>,
        (client, is_assigned): (&str, bool),
        (expiry, keep_alive): (u32, u16),
        (aliases, max_qos): (u16, QoS),
    ) -> Result<PropertiesBuf, Refusal> {
        let limits = &self.limits;
        let mut greeting = PropertiesBuf::default();
        if connect.version != Version::V5 {
            return Ok(greeting);
        }
        let is_bridge = self.peer.kind.is_bridge();
        if limits.session_expiry < u32::MAX && !is_bridge {
            greeting.push(Property::SessionExpiryInterval(expiry));
        }
        if keep_alive != connect.keep_alive {
            greeting.push(Property::ServerKeepAlive(keep_alive));
        }
        if aliases > 0 {
            greeting.push(Property::TopicAliasMaximum(aliases));
        }
        if is_assigned {
            greeting.push(Property::AssignedClientIdentifier(client)); // [MQTT-3.1.3-7]
        }
        if !limits.retain {
            greeting.push(Property::RetainAvailable(0));
        }
        greeting.push(Property::MaximumPacketSize(limits.packet_size));
        if limits.receive_maximum < u16::MAX && !is_bridge {
            greeting.push(Property::ReceiveMaximum(limits.receive_maximum));
        }
        if max_qos < QoS::ExactlyOnce {
            greeting.push(Property::MaximumQoS(max_qos.bits())); // [MQTT-3.2.2-9]
        }
        let fits = |greeting: &PropertiesBuf| {
            connect.properties.maximum_packet_size().is_none_or(|most| {
                let mut frame = Vec::new();
                codec::encode(Version::V5, &success(false, greeting), &mut frame);
                frame.len() <= most as usize
            })
        };
        if !fits(&greeting) {
            return Err((
                Reason::PACKET_TOO_LARGE,
                "CONNACK is larger than the client's Maximum Packet Size",
            ));
        }
        if connect.properties.request_response_information() == Some(1) {
            // Only if it was asked for [MQTT-3.1.2-28]: under this topic the client alone need wait for answers.
            let topic = format!("response/{client}");
            let mut more = greeting.clone();
            more.push(Property::ResponseInformation(&topic));
            if fits(&more) {
                greeting = more;
            }
        }
        Ok(greeting)
    }

    /// Opens the session, once no older connection has it.
    pub(super) fn establish(&mut self, turn: &mut Turn) {
        let Phase::Waiting(request) = &mut self.phase else { return };
        let mut state = request.session.lock();
        if state.epoch != request.epoch {
            drop(state);
            // Another CONNECT of the same client came meanwhile; no CONNACK has left, so nothing is said [MQTT-3.14.0-1].
            let ending = Ending::Fault(Reason::SESSION_TAKEN_OVER, "the client connected again");
            return self.end(ending, turn);
        }
        if let Some(link) = &mut state.link {
            let taken_over = Ending::Fault(Reason::SESSION_TAKEN_OVER, "the client connected again");
            link.fence = Some(Box::new(taken_over));
            // Who waited before is superseded, and must hear of it.
            let superseded = std::mem::replace(&mut link.successor, self.waker.clone());
            turn.wakes
                .extend(superseded.filter(|old| self.waker.as_ref().is_none_or(|own| !own.will_wake(old))));
            link.wake(turn);
            return;
        }
        let ended = state.ended;
        let parked = state.inbox.is_some();
        let discards = parked && request.clean_start && !ended;
        if discards {
            self.broker.condemn(&request.session, &mut state, turn);
        }
        drop(state);
        if discards || ended {
            // The old session goes, with its will; a new one takes its place [MQTT-3.1.2-4].
            let old = request.session.clone();
            if discards {
                self.broker.clear(&old, turn);
            }
            let session = self.broker.claim(old.name(), &self.limits);
            request.epoch = session.lock().epoch;
            request.session = session;
            return self.establish(turn);
        }
        self.open(parked, turn);
    }

    fn open(&mut self, resumed: bool, turn: &mut Turn) {
        let Phase::Waiting(request) = std::mem::replace(&mut self.phase, Phase::Over) else { return };
        let mut request = *request;
        let limits = &self.limits;
        let mut link = Link::new(
            request.version,
            self.peer.name.clone(),
            request.maximum_packet,
            request.topic_aliases,
            turn.now,
        );
        link.waker.clone_from(&self.waker);
        link.proof = request.proof.clone();
        link.is_bridge = self.peer.kind.is_bridge();
        link.only_subscribes = matches!(self.peer.kind, Kind::Bridge { only_subscribes: true, .. });
        link.mount_point.clone_from(&request.session.owner.mount_point);
        let mut state = request.session.lock();
        if state.ended || state.epoch != request.epoch || state.link.is_some() {
            // It has ended, or another connection has it, since it was looked at.
            drop(state);
            self.phase = Phase::Waiting(Box::new(request));
            return self.establish(turn);
        }
        self.broker.entitle(&mut state, request.who.clone());
        let is_limited = request.version == Version::V5 && !self.peer.kind.is_bridge();
        let own = if is_limited { limits.receive_maximum } else { u16::MAX };
        let mut inbox = state.inbox.take().map_or_else(|| Inbox::new(own), |inbox| *inbox);
        inbox.resume(own);
        state.link = Some(link);
        state.expiry = request.expiry;
        state.queues_at_most_once = matches!(self.peer.kind, Kind::Bridge { queues_at_most_once: true, .. });
        state.will = request.will.take(); // [MQTT-3.1.3-9]: a will that waited is gone.
        (state.expires, state.will_due) = (Instant::NEVER, Instant::NEVER);
        state.outbox.set_window(request.receive_maximum.min(limits.in_flight));
        if !resumed && request.expiry > 0 && turn.journal.is_on() {
            request.session.keep(&mut state);
        }
        request.session.record(&state, turn);
        // That nothing is left of an older session is a fact as well.
        let ticket = turn.rests_on().max(turn.journal.last_end());
        request.session.pump(&mut state, turn, limits);
        if state.replays.is_some() {
            turn.wakes.extend(self.waker.clone());
        }
        drop(state);
        self.broker.connections.fetch_add(1, Ordering::Relaxed);
        turn.counters.connects.add(1);
        turn.events.push(Event::Connected {
            client: request.session.client.clone(),
            peer: self.peer.name.clone(),
            username: request.who.username.clone(),
            version: request.version,
            clean_start: request.clean_start,
            resumed,
            keep_alive: request.keep_alive,
        });
        let greeting = std::mem::take(&mut request.greeting);
        let version = request.version;
        self.phase = Phase::Open(Box::new(Open::new(request, inbox, ticket)));
        // 3.1 has no such flag [MQTT-3.2.2-3].
        let connack = success(resumed && version != Version::V3_1, &greeting);
        self.promise(&connack, (false, 0), ticket, turn);
        self.keep_promises(turn);
        if let Phase::Open(open) = &mut self.phase {
            open.greeted = !open.waits();
        }
    }

    /// Answers CONNECT with a refusal and closes [MQTT-3.2.2-7]; where the version has no such code, it only closes.
    fn refuse(
        &mut self,
        version: Version,
        client: &str,
        username: Option<&str>,
        (reason, detail): Refusal,
        turn: &mut Turn,
    ) {
        let connack = Packet::Connack(Connack {
            session_present: false, // [MQTT-3.2.2-6]
            reason,
            properties: codec::property::Properties::EMPTY,
        });
        if version == Version::V5 || codec::v3::connack_code(reason).is_some() {
            self.writing.write(|out| codec::encode(version, &connack, out));
            turn.counters.packets_sent.add(1);
        }
        turn.counters.faults.add(1);
        let (client, peer) = (client.into(), self.peer.name.clone());
        turn.events.push(Event::Refused { client, username: username.map(Into::into), peer, reason, detail });
        self.phase = Phase::Over;
    }
}

impl Open {
    /// `ticket`: what CONNACK rests on, and with it all that was recorded of the session before.
    fn new(request: Request, inbox: Inbox, ticket: Ticket) -> Self {
        Self {
            epoch: request.epoch,
            who: request.who,
            mount_point: request.session.owner.mount_point.clone(),
            version: request.version,
            inbox,
            keep_alive: request.keep_alive,
            aliases: Vec::new(),
            alias_maximum: request.own_aliases,
            max_qos: request.max_qos,
            bridge: request.bridge,
            maximum_packet: request.maximum_packet.map_or(usize::MAX, |bytes| bytes as usize),
            expiry: request.expiry,
            promises: VecDeque::new(),
            promised_bytes: 0,
            awaits: Ticket::NONE,
            let_go: ticket,
            holds: ticket,
            greeted: false,
            unanswerable: None,
            unfinished: None,
            hold: Hold::none(),
            drops: DropSeries::default(),
            session: request.session,
        }
    }

    /// How long the client may be silent: one and a half times its keep alive.
    pub(super) fn silence(&self) -> Option<Duration> {
        (self.keep_alive > 0).then(|| Duration::from_millis(u64::from(self.keep_alive) * 1_500))
    }
}

impl Broker {
    /// The session of this name, raised to a new epoch: what older connections of it do is void from here on.
    fn claim(&self, name: SessionName<'_>, limits: &Limits) -> Arc<Session> {
        loop {
            let session = self.directory.session(name, limits);
            let mut state = session.lock();
            if !state.ended {
                state.epoch += 1;
                drop(state);
                return session;
            }
            drop(state);
            // It ended between the look-up and the lock; it is about to leave the directory.
            self.directory.remove(&session);
        }
    }
}
