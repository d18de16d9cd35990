//! Every limit of the broker, as a value in one place, so that a test or a seed can make each of them tiny.
//!
//! Reaching a limit is a reason code and a counter, never a crash and never a silent loss.

use std::time::Duration;

use crate::delivery::MAX_SESSION_ID;
use crate::topic;

/// What one broker allows. What is not said to be of the broker, or of an address, is per connection or per session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections of the broker; one more is refused with 0x97 (3.1.1: server unavailable).
    pub connections: usize,
    /// Sessions of the broker, connected or not; one more is refused with 0x97 (3.1.1: server unavailable).
    pub sessions: usize,
    /// Bytes of the largest payload; a message with a larger one goes to nobody, its publisher is told 0x95.
    pub payload: usize,
    /// Whether messages may be retained; announced in CONNACK if not, and 0x9A ends the connection that retains one.
    pub retain: bool,
    /// Whether the process uses as much memory as it may: then nobody new comes in, and nothing more is kept.
    pub memory_is_full: bool,
    /// Whether QoS 0 waits for a session without a connection.
    pub queue_at_most_once: bool,
    /// Whether a message is delivered with the granted QoS even if it was published with a lower one.
    pub upgrade_qos: bool,
    /// Whether a session whose subscriptions overlap gets a message once for each of them.
    pub duplicates: bool,
    /// Bytes of the largest packet taken from a client; announced in CONNACK.
    pub packet_size: u32,
    /// Messages that wait for one session, or in one shared group, beyond those in flight.
    pub queued_messages: usize,
    /// Bytes that wait for one session, counting [`Limits::QUEUED_OVERHEAD`] for each message, or that lie unsent in its
    /// output.
    pub queued_bytes: usize,
    /// QoS 1 and 2 messages a client may have in flight to us; announced in CONNACK to MQTT 5 clients.
    pub receive_maximum: u16,
    /// QoS 1 and 2 messages we have in flight to a client, where its own Receive Maximum allows as many.
    pub in_flight: u16,
    /// Bytes of their payloads, from which on none is added.
    pub in_flight_bytes: usize,
    /// Topic aliases a client may set; announced in CONNACK. 0: none.
    pub topic_aliases_in: u16,
    /// Topic aliases we set towards a client, where it allows as many. 0: none.
    pub topic_aliases_out: u16,
    /// Seconds of the longest keep alive; a longer one, or none, is answered with this, and refused before MQTT 5, which
    /// has no words for it. 0: any.
    pub keep_alive: u16,
    /// Seconds a session outlives its connection at most; `u32::MAX`: for ever.
    pub session_expiry: u32,
    /// Levels of a topic filter or topic name. A deeper filter is refused with 0x97 (3.1.1: 0x80), a deeper topic name closes
    /// the connection. Each costs memory of the index.
    pub filter_levels: usize,
    /// Whether topics, filters, client IDs and usernames may contain control characters and non-characters (MQTT 5, section
    /// 1.5.4).
    pub control_characters: bool,
    /// Subscriptions of one session.
    pub subscriptions: usize,
    /// Bytes of their filters, unless they are few.
    pub subscription_bytes: usize,
    /// Retained messages of the broker.
    pub retained_messages: usize,
    /// Bytes of topics and payloads of the broker's retained messages.
    pub retained_bytes: usize,
    /// Bytes of the largest CONNECT, where [`Limits::packet_size`] is not less.
    pub connect_size: u32,
    /// Open connections from one address, or one IPv6 network of 64 bits; one more is closed.
    pub connections_per_address: usize,
    /// Failed logins from one such address after which it must wait, longer after each further one; 0: no limit.
    pub failed_logins: u32,
    /// Passwords that wait in the broker to be verified; one more is refused with 0x89 (3.1.1: server unavailable).
    pub logins_waiting: usize,
    /// From accepting a connection to the last byte of its CONNECT.
    pub connect_timeout: Duration,
    /// How long a receiver for which much waits may slow publishers down, unless it takes
    /// [`Limits::lagging_messages`] or [`Limits::lagging_bytes`] within that time, and then again. If it does not, it is
    /// lagging: until it has caught up it slows nobody down, and messages beyond the limits of its queue are dropped.
    pub lagging_after: Duration,
    /// Messages of its queue that a receiver must take within [`Limits::lagging_after`].
    pub lagging_messages: usize,
    /// Bytes, of its queue or its output, instead.
    pub lagging_bytes: usize,
    /// A publisher whose messages come no closer together than this, after some at once, is not slowed down while there is
    /// room in the queues of its receivers.
    pub publish_pace: Duration,
    /// Unsent bytes in a connection's output above which its publishers are slowed down.
    pub output_high: usize,
    /// Unsent bytes below which they go on.
    pub output_low: usize,
    /// Receivers served before a fan-out lets other connections run.
    pub fan_out: usize,
    /// The greatest packet identifier; less than [`MAX_SESSION_ID`] only in tests.
    pub packet_id: u16,
    /// Messages of a queue that is kept in a store which stand in memory as well, from 1; those behind them are read from
    /// the store when it is their turn.
    pub head_messages: usize,
    /// Bytes of them, about.
    pub head_bytes: usize,
    /// Bytes of payload and properties up to which a message is copied into each receiver's output; larger ones are
    /// shared.
    pub copied: usize,
}

impl Limits {
    /// Bytes a queued message costs beside its content.
    pub const QUEUED_OVERHEAD: usize = 128;

    /// Whether a topic name is accepted, as far as limits go.
    pub(super) fn check_topic(&self, topic: &str) -> Result<(), &'static str> {
        if topic::is_deeper(topic, self.filter_levels) {
            return Err("the topic has more levels than are allowed here");
        }
        match self.control_characters || topic::refusable_character(topic).is_none() {
            true => Ok(()),
            false => Err("the topic contains a control character or a non-character"),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: usize::MAX,
            sessions: usize::MAX,
            payload: usize::MAX,
            retain: true,
            memory_is_full: false,
            queue_at_most_once: false,
            upgrade_qos: false,
            duplicates: false,
            packet_size: 16 * 1024 * 1024,
            queued_messages: 100_000,
            queued_bytes: 64 * 1024 * 1024,
            receive_maximum: 1_000,
            in_flight: 1_000,
            in_flight_bytes: usize::MAX,
            topic_aliases_in: 100,
            topic_aliases_out: 100,
            keep_alive: 0,
            session_expiry: u32::MAX,
            // As in mosquitto: 200 separators.
            filter_levels: 201,
            control_characters: false,
            subscriptions: 100_000,
            subscription_bytes: 16 * 1024 * 1024,
            retained_messages: usize::MAX,
            retained_bytes: usize::MAX,
            connect_size: 256 * 1024,
            connections_per_address: usize::MAX,
            failed_logins: 20,
            logins_waiting: 16_384,
            connect_timeout: Duration::from_secs(10),
            lagging_after: Duration::from_secs(1),
            lagging_messages: 1_000,
            lagging_bytes: 1024 * 1024,
            publish_pace: Duration::from_millis(4),
            output_high: 1024 * 1024,
            output_low: 256 * 1024,
            fan_out: 256,
            packet_id: MAX_SESSION_ID,
            head_messages: 1_000,
            head_bytes: 1024 * 1024,
            copied: 4 * 1024,
        }
    }
}
