//! CONNECT of an authenticated client: its session, and what CONNACK tells.

use crate::broker::connection::ack_queue::AckQueue;
use crate::broker::connection::ack_queue::Reply;
use crate::broker::connection::endpoint::Close;
use crate::broker::connection::endpoint::Endpoint;
use crate::broker::connection::open::Open;
use crate::broker::cx::Cx;
use std::borrow::Cow;
use std::task::Waker;

use crate::broker::access::rights::LoginProof;
use crate::broker::access::rights::Policy;
use crate::broker::connection::authenticate::AuthenticatedUser;
use crate::broker::durability::journal::BatchId;
use crate::broker::durability::will::StoredWill;
use crate::broker::identity::PeerKind;
use crate::broker::identity::Who;
use crate::broker::identity::{SessionName, SessionOwner};
use crate::broker::limits::Limits;
use crate::broker::observe::drop_series::DropSeries;
use crate::broker::observe::event::{Ending, Event};
use crate::broker::routing::hold::Hold;
use crate::broker::session::Session;
use crate::broker::session::link::SessionLink;
use crate::broker::state::Broker;
use crate::broker::state::turn::Turn;
use crate::codec;
use crate::codec::packet::{Connack, Connect, Packet, Version};
use crate::codec::property::{PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::delivery::Inbox;
use crate::message::QoS;
use crate::sync::{Arc, Ordering};
use crate::time::Instant;

/// An accepted CONNECT, as far as it is needed to open the session.
#[derive(Debug)]
pub(crate) struct AcceptedConnect {
    pub(crate) session: Arc<Session>,
    who: Arc<Who>,
    proof: LoginProof,
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
    will: Option<Box<StoredWill>>,
}

/// What the broker grants a client in answer to its CONNECT.
#[derive(Clone, Copy, Debug)]
struct Granted {
    expiry: u32,
    keep_alive: u16,
    topic_aliases: u16,
    max_qos: QoS,
}

/// Whether a session can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takeover {
    Free,
    /// An older connection still has it, and wakes this one when it is gone.
    Waits,
    /// Another CONNECT of the same client was received meanwhile.
    Superseded,
}

/// A session that was opened, and what CONNACK tells.
#[derive(Debug)]
pub(crate) struct OpenedSession {
    open: Box<Open>,
    session_present: bool,
    greeting: PropertiesBuf,
    /// The batch on which CONNACK depends.
    after: BatchId,
}

impl OpenedSession {
    /// Replies with CONNACK, and returns the open connection.
    pub(crate) fn greet(self, endpoint: &mut Endpoint, cx: &mut Cx) -> (Box<Open>, Result<(), Close>) {
        let Self { mut open, session_present, greeting, after } = self;
        let packet = success(session_present, &greeting);
        let replied = open.reply(&Reply { packet, request_bytes: 0, after }, endpoint, cx);
        open.send_acks(endpoint, cx);
        open.greeted = open.acks.is_empty();
        (open, replied)
    }
}

/// Why an older connection of a client is closed.
pub(crate) const TAKEN_OVER: Ending = Ending::Fault(Reason::SESSION_TAKEN_OVER, "the client connected again");

/// Bytes of a CONNACK of MQTT 5 that tells a reason and nothing else.
const REFUSAL: u32 = 5;

fn success(session_present: bool, greeting: &PropertiesBuf) -> Packet<'_> {
    Packet::Connack(Connack {
        session_present,
        reason: Reason::SUCCESS,
        properties: greeting.as_properties(),
    })
}

impl Endpoint {
    /// Accepts the CONNECT of an authenticated client: from here on its older connections are void.
    pub(crate) fn accept(
        &self,
        connect: &Connect<'_>,
        named: AuthenticatedUser,
    ) -> Result<AcceptedConnect, Close> {
        let (limits, rights) = (&self.limits, self.broker.rights.load());
        let policy = rights.policy(self.peer.listener);
        let owner = policy.session_owner(connect, &self.peer);
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
        let assigned = is_assigned.then_some(&*client);
        let granted = Granted { expiry, keep_alive, topic_aliases: aliases_in, max_qos: policy.max_qos };
        let greeting = self.greeting(connect, &client, assigned, &granted)?;
        // From here on the client's older connections are void.
        let session = self.broker.claim(SessionName { client: &client, owner: &owner }, limits);
        let epoch = session.lock().epoch;
        let listener = self.peer.listener;
        let who = Arc::new(Who { client: session.client.clone(), username: named.username, listener });
        Ok(AcceptedConnect {
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
            will: connect
                .will
                .as_ref()
                .map(|will| Box::new(StoredWill::new(will, policy.mount_point.as_deref()))),
        })
    }

    /// The identifier of the session, and whether the client has to be told of it.
    fn client_id<'a>(
        &self,
        connect: &Connect<'a>,
        named: &'a AuthenticatedUser,
        policy: &Policy,
        owner: &SessionOwner,
    ) -> Result<(Cow<'a, str>, bool), Close> {
        let is_empty = connect.client_id.is_empty();
        let client: Cow<'_, str> = if policy.username_as_client_id {
            let detail = "a user name is needed here, as it is the client identifier too";
            named.username.as_deref().ok_or(Close::new(Reason::NOT_AUTHORIZED, detail))?.into()
        } else if is_empty {
            self.broker.assign_client_id(&policy.auto_id_prefix, owner).into()
        } else {
            connect.client_id.into()
        };
        if client.is_empty() {
            return Err(Close::new(
                Reason::CLIENT_IDENTIFIER_NOT_VALID,
                "the user name, and so the client identifier, is empty",
            ));
        }
        let prefix = policy.client_id_prefix.as_deref().unwrap_or_default();
        if !client.starts_with(prefix) {
            return Err(Close::new(
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
        client: &str,
        assigned: Option<&str>,
        granted: &Granted,
    ) -> Result<PropertiesBuf, Close> {
        let Granted { expiry, keep_alive, topic_aliases: aliases, max_qos } = *granted;
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
        if let Some(client) = assigned {
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
            return Err(Close::new(
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

    /// Refuses a CONNECT. The connection is to be closed then; the error is that not even a refusal may be sent.
    pub(crate) fn reject(&mut self, connect: &Connect<'_>, close: Close, cx: &mut Cx) -> Result<(), Close> {
        if connect.properties.maximum_packet_size().is_some_and(|most| most < REFUSAL) {
            return Err(close); // [MQTT-3.1.2-24]
        }
        self.refuse(connect.version, connect.client_id, connect.username, close, cx);
        Ok(())
    }

    /// Answers CONNECT with a refusal [MQTT-3.2.2-7], if the version has such a code. The connection is to be closed then.
    pub(crate) fn refuse(
        &mut self,
        version: Version,
        client: &str,
        username: Option<&str>,
        close: Close,
        cx: &mut Cx,
    ) {
        let Close { reason, detail } = close;
        let connack = Packet::Connack(Connack {
            session_present: false, // [MQTT-3.2.2-6]
            reason,
            properties: codec::property::Properties::EMPTY,
        });
        if version == Version::V5 || codec::connack_code(reason).is_some() {
            self.output.write(|out| codec::encode(version, &connack, out));
            cx.counters.packets_sent.add(1);
        }
        cx.counters.faults.add(1);
        let (client, peer) = (client.into(), self.peer.name.clone());
        cx.events.push(Event::Refused { client, username: username.map(Into::into), peer, reason, detail });
    }
}

impl AcceptedConnect {
    /// Whether the session can be opened now: an older connection that has it is asked to go, and an old session that is not
    /// to be resumed ends.
    pub(crate) fn take_session(&mut self, endpoint: &Endpoint, turn: &mut Turn) -> Takeover {
        loop {
            let mut state = self.session.lock();
            if state.epoch != self.epoch {
                return Takeover::Superseded;
            }
            if let Some(link) = &mut state.link {
                link.fence = Some(Box::new(TAKEN_OVER));
                // Who waited before is superseded, and must hear of it.
                let superseded = std::mem::replace(&mut link.successor, endpoint.waker.clone());
                let is_other = |old: &Waker| endpoint.waker.as_ref().is_none_or(|own| !own.will_wake(old));
                turn.wakes.extend(superseded.filter(is_other));
                link.wake(turn);
                return Takeover::Waits;
            }
            let ended = state.ended;
            let discards = state.inbox.is_some() && self.clean_start && !ended;
            if discards {
                endpoint.broker.condemn(&self.session, &mut state, turn);
            }
            drop(state);
            if !discards && !ended {
                return Takeover::Free;
            }
            // The old session goes, with its will; a new one takes its place [MQTT-3.1.2-4].
            if discards {
                endpoint.broker.clear(&self.session, turn);
            }
            let session = endpoint.broker.claim(self.session.name(), &endpoint.limits);
            self.epoch = session.lock().epoch;
            self.session = session;
        }
    }

    fn link(&self, endpoint: &Endpoint, now: Instant) -> SessionLink {
        let mut link = SessionLink::new(
            self.version,
            endpoint.peer.name.clone(),
            self.maximum_packet,
            self.topic_aliases,
            now,
        );
        link.waker.clone_from(&endpoint.waker);
        link.proof = self.proof.clone();
        link.is_bridge = endpoint.peer.kind.is_bridge();
        link.only_subscribes = matches!(endpoint.peer.kind, PeerKind::Bridge { only_subscribes: true, .. });
        link.mount_point.clone_from(&self.session.owner.mount_point);
        link.keep_alive = self.keep_alive;
        link
    }

    /// Opens the session, unless it has ended or another connection has it since [`Self::take_session`].
    pub(crate) fn open(
        mut self: Box<Self>,
        endpoint: &Endpoint,
        turn: &mut Turn,
    ) -> Result<OpenedSession, Box<Self>> {
        let limits = &endpoint.limits;
        let link = self.link(endpoint, turn.now);
        let mut state = self.session.lock();
        if state.ended || state.epoch != self.epoch || state.link.is_some() {
            // It has ended, or another connection has it, since then.
            drop(state);
            return Err(self);
        }
        endpoint.broker.entitle(&mut state, self.who.clone());
        let is_limited = self.version == Version::V5 && !endpoint.peer.kind.is_bridge();
        let own = if is_limited { limits.receive_maximum } else { u16::MAX };
        let resumed = state.inbox.is_some();
        let mut inbox = state.inbox.take().map_or_else(|| Inbox::new(own), |inbox| *inbox);
        inbox.resume(own);
        state.link = Some(link);
        state.expiry = self.expiry;
        state.queues_at_most_once =
            matches!(endpoint.peer.kind, PeerKind::Bridge { queues_at_most_once: true, .. });
        state.will = self.will.take(); // [MQTT-3.1.3-9]: a will that waited is gone.
        (state.expires, state.will_due) = (Instant::NEVER, Instant::NEVER);
        state.outbox.set_window(self.receive_maximum.min(limits.in_flight));
        if !resumed && self.expiry > 0 && turn.journal.is_on() {
            self.session.keep(&mut state);
        }
        self.session.record(&state, turn);
        // That nothing is left of an older session is a fact as well.
        let after = turn.take_batch().max(turn.journal.last_end());
        self.session.pump(&mut state, turn, limits);
        if state.replays.is_some() {
            turn.wakes.extend(endpoint.waker.clone());
        }
        drop(state);
        endpoint.broker.connections.fetch_add(1, Ordering::Relaxed);
        turn.counters.connects.add(1);
        turn.events.push(Event::Connected {
            client: self.session.client.clone(),
            peer: endpoint.peer.name.clone(),
            username: self.who.username.clone(),
            version: self.version,
            clean_start: self.clean_start,
            resumed,
            keep_alive: self.keep_alive,
        });
        let greeting = std::mem::take(&mut self.greeting);
        // 3.1 has no such flag [MQTT-3.2.2-3].
        let session_present = resumed && self.version != Version::V3_1;
        let open = Box::new(Open::new(*self, inbox, after));
        Ok(OpenedSession { open, session_present, greeting, after })
    }
}

impl Open {
    /// `after`: the batch on which CONNACK depends, and with it all that was recorded of the session before.
    fn new(request: AcceptedConnect, inbox: Inbox, after: BatchId) -> Self {
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
            acks: AckQueue::new(),
            released: after,
            received: after,
            greeted: false,
            unanswerable: None,
            unfinished: None,
            hold: Hold::none(),
            drops: DropSeries::default(),
            session: request.session,
        }
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
