//! The other end of the conversation: a client of MQTT 3.1, 3.1.1 and 5.0 as a value.
//!
//! Bytes that arrived, commands and the time go in; bytes to send and [`Event`]s come out. It keeps the session across
//! connections: call [`Client::connect`] again after [`Client::closed`], and what was in flight is sent again, or, if the
//! server lost the session, published anew. It knows no socket, no clock and no queue: who publishes asks
//! [`Client::has_room`] first, so that nothing piles up here.

mod negotiated;
mod receive;
mod send;
mod settings;
#[cfg(test)]
#[path = "../../tests/unit/client/tests/mod.rs"]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use crate::codec::packet::{Connect, Disconnect, Packet, PacketId, Publish, Suback, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::codec::{Malformed, encode};
use crate::delivery::{Inbox, MAX_PACKET_ID, Outbox, Suspicion};
use crate::message::QoS;
use crate::time::Instant;

pub use negotiated::Negotiated;
pub use send::{Outgoing, Refusal};
pub(crate) use settings::DEFAULT_MAX_PACKET_SIZE;
pub use settings::{MAX_PACKET_SIZE, Settings, Will};

/// Without a keep alive, how long the server may be silent while it owes an answer, before and after it is asked.
const PATIENCE: Duration = Duration::from_secs(60);
/// Receive Maximum where nobody says otherwise.
const UNLIMITED_WINDOW: u16 = u16::MAX;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The server accepted the connection.
    Connected {
        session_present: bool,
        properties: Properties<'a>,
        again: Again,
    },
    /// The server refused the connection.
    Refused {
        reason: Reason,
        properties: Properties<'a>,
    },
    /// A message. Its topic is there also where an alias stood for it; its acknowledgement is among the bytes to send,
    /// unless that is another connection's.
    Message(Publish<'a>),
    /// A message that was published above QoS 0 is finished: taken, or refused if the reason says so.
    Acknowledged {
        packet_id: PacketId,
        reason: Reason,
        properties: Properties<'a>,
    },
    /// PUBACK, PUBREC, PUBREL or PUBCOMP, where they are another connection's.
    Relayed(Packet<'a>),
    Subscribed(Suback<'a>),
    Unsubscribed(Suback<'a>),
    /// The server ended the connection.
    Disconnected {
        reason: Reason,
        properties: Properties<'a>,
    },
}

/// What was unfinished when the server had lost the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// Messages that are published anew, and may arrive twice as QoS 1 permits.
    pub at_least_once: usize,
    /// Messages that are published anew although the server may have had them: QoS 2 could not be kept.
    pub exactly_once: usize,
    /// QoS 2 messages that the server had taken; no event tells of their end.
    pub released: usize,
}

/// Why the connection cannot go on. In MQTT 5 the DISCONNECT that tells the server is among the bytes to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub reason: Reason,
    pub detail: &'static str,
}

impl Fault {
    const fn protocol(detail: &'static str) -> Self {
        Self { reason: Reason::PROTOCOL_ERROR, detail }
    }
}

impl From<Malformed> for Fault {
    fn from(Malformed { reason, detail }: Malformed) -> Self {
        Self { reason, detail }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// CONNECT is sent.
    Connecting,
    Connected,
}

/// SUBSCRIBE or UNSUBSCRIBE that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Request {
    id: PacketId,
    is_subscribe: bool,
    filters: usize,
}

/// A frame as it was first sent, without alias.
type Frame = Box<[u8]>;

/// One client and its session.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    phase: Phase,
    negotiated: Negotiated,
    outbox: Outbox<Frame>,
    inbox: Inbox,
    /// Unfinished messages of a session that the server lost; published before anything new.
    orphans: VecDeque<(QoS, Frame)>,
    /// Messages given up because they have become too large for the server, not yet told.
    given_up: VecDeque<PacketId>,
    /// The same at QoS 2, while PUBREL frees their identifiers; told when it has.
    withdrawn: Vec<PacketId>,
    requests: Vec<Request>,
    suspicion: Suspicion,
    /// Whether a PINGREQ finds out if the connection holds before a suspected message is sent.
    probes: bool,
    /// Whether the oldest unanswered message had been sent on the connection that has ended.
    had_sent: bool,
    /// Topics of the server's aliases, from 1.
    aliases_in: Vec<Box<str>>,
    /// Topics of our aliases, from 1.
    aliases_out: Vec<Box<str>>,
    last_sent: Instant,
    last_received: Instant,
    ping_sent: Option<Instant>,
    /// PINGRESPs that came.
    pongs: u64,
    /// Whether anything came on this connection after CONNACK.
    has_heard: bool,
}

impl Client {
    /// A client that is not connected. The settings must have passed [`Settings::check`].
    pub fn new(settings: Settings) -> Self {
        let receive_maximum = settings.properties().receive_maximum().unwrap_or(UNLIMITED_WINDOW);
        Self {
            phase: Phase::Idle,
            negotiated: Negotiated::unknown(&settings),
            outbox: Outbox::new(settings.max_inflight.max(1), MAX_PACKET_ID),
            inbox: Inbox::new(receive_maximum),
            orphans: VecDeque::new(),
            given_up: VecDeque::new(),
            withdrawn: Vec::new(),
            requests: Vec::new(),
            suspicion: Suspicion::default(),
            probes: false,
            had_sent: false,
            aliases_in: Vec::new(),
            aliases_out: Vec::new(),
            last_sent: Instant::ZERO,
            last_received: Instant::ZERO,
            ping_sent: None,
            pongs: 0,
            has_heard: false,
            settings,
        }
    }

    /// A client whose packet identifiers wrap soon.
    #[cfg(test)]
    pub(crate) fn with_packet_ids(settings: Settings, greatest: u16) -> Self {
        let outbox = Outbox::new(settings.max_inflight.max(1), greatest);
        Self { outbox, ..Self::new(settings) }
    }

    /// Begins a connection with CONNECT [MQTT-3.1.0-1]. Whether it resumes the session is in the settings.
    pub fn connect(&mut self, now: Instant, out: &mut Vec<u8>) {
        let settings = &self.settings;
        self.inbox.resume(settings.properties().receive_maximum().unwrap_or(UNLIMITED_WINDOW));
        let connect = Connect {
            version: settings.version,
            bridge: settings.bridge,
            clean_start: settings.clean_start,
            keep_alive: settings.keep_alive,
            properties: settings.properties(),
            client_id: &settings.client_id,
            will: settings.will.as_ref().map(Will::as_packet),
            username: settings.username.as_deref(),
            password: settings.password.as_deref(),
        };
        encode(settings.version, &Packet::Connect(connect), out);
        self.phase = Phase::Connecting;
        self.negotiated = Negotiated::unknown(settings);
        (self.last_sent, self.last_received, self.ping_sent) = (now, now, None);
        self.has_heard = false;
    }

    /// The connection is gone, for whatever reason. The session is kept.
    pub fn closed(&mut self) {
        if self.phase != Phase::Idle {
            self.phase = Phase::Idle;
            self.had_sent = self.outbox.oldest().is_some_and(|(_, was_sent)| was_sent);
            self.probes = false;
            self.outbox.disconnected();
            self.requests.clear();
            // Aliases live as long as the connection [MQTT-3.3.2-7].
            self.aliases_in.clear();
            self.aliases_out.clear();
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings of the next connection.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// What the server said in CONNACK.
    pub fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    pub fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// Whether CONNECT is sent and not answered.
    pub fn is_connecting(&self) -> bool {
        self.phase == Phase::Connecting
    }

    /// Whether a packet came after CONNACK, on this connection or, after its end, on the last one.
    pub fn has_heard(&self) -> bool {
        self.has_heard
    }

    /// Messages above QoS 0 that are not finished.
    pub fn in_flight(&self) -> usize {
        self.outbox.in_flight() + self.orphans.len()
    }

    fn is_v5(&self) -> bool {
        self.settings.version == Version::V5
    }

    /// When [`Self::tick`] is due.
    pub fn deadline(&self) -> Instant {
        match (self.phase, self.keep_alive()) {
            (Phase::Idle, _) | (Phase::Connected, None) => Instant::NEVER,
            (Phase::Connecting, _) => self.last_sent + self.settings.connect_timeout,
            (Phase::Connected, Some(keep_alive)) => match self.ping_sent {
                Some(sent) => sent + keep_alive,
                // Early, so that the PINGREQ is there in time [MQTT-3.1.2-20].
                None => self.last_sent.min(self.last_received) + keep_alive * 3 / 4,
            },
        }
    }

    /// How long nothing may be said. Without a keep alive only an answer that is due must not be waited for in vain.
    fn keep_alive(&self) -> Option<Duration> {
        match self.negotiated.keep_alive {
            0 => self.awaits_answer().then_some(PATIENCE),
            seconds => Some(Duration::from_secs(seconds.into())),
        }
    }

    /// Whether the server owes an answer. What is handed on for another connection is that one's to wait for.
    fn awaits_answer(&self) -> bool {
        !self.settings.relays
            && (self.ping_sent.is_some() || !self.requests.is_empty() || self.in_flight() > 0)
    }

    /// Does what is due: PINGREQ, or giving up.
    ///
    /// # Errors
    /// When the server has not answered for too long.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<u8>) -> Result<(), Fault> {
        if now < self.deadline() {
            return Ok(());
        }
        let late = |detail| Fault { reason: Reason::KEEP_ALIVE_TIMEOUT, detail };
        if self.phase == Phase::Connecting {
            return Err(late("the broker did not answer CONNECT in time"));
        }
        if self.ping_sent.is_some() {
            return Err(self.fail(late("the broker did not answer PINGREQ in time"), out));
        }
        self.ping(now, out);
        Ok(())
    }

    /// Sends PINGREQ, unless one waits for its answer: when [`Self::pongs`] has grown, the server has read all that was sent
    /// before. Whether one was sent.
    pub fn ping(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if self.phase != Phase::Connected || self.ping_sent.is_some() {
            return false;
        }
        encode(self.settings.version, &Packet::Pingreq, out);
        (self.ping_sent, self.last_sent) = (Some(now), now);
        true
    }

    /// How often the server has answered PINGREQ.
    pub fn pongs(&self) -> u64 {
        self.pongs
    }

    /// Nothing was read for a while by our own choice: the silence is not the server's.
    pub fn not_listening(&mut self, now: Instant) {
        (self.ping_sent, self.last_received) = (None, now);
    }

    /// Ends the connection with DISCONNECT; nothing may be sent after it [MQTT-3.14.4-1].
    pub fn disconnect(&mut self, reason: Reason, properties: Properties<'_>, out: &mut Vec<u8>) {
        if self.phase == Phase::Connected {
            encode(self.settings.version, &Packet::Disconnect(Disconnect { reason, properties }), out);
        }
        self.closed();
    }

    /// Tells the server of the fault where that is possible, and ends the connection.
    fn fail(&mut self, fault: Fault, out: &mut Vec<u8>) -> Fault {
        let phase = self.phase;
        self.closed();
        if phase == Phase::Connected && self.is_v5() {
            // [MQTT-4.13.1-1]
            let reason = fault.reason;
            let packet = Packet::Disconnect(Disconnect { reason, properties: Properties::EMPTY });
            encode(self.settings.version, &packet, out);
        }
        fault
    }
}
