//! The table of log events: name, level, keys and text of each. The lines for people, the JSON objects and the schema
//! `log.schema.json` derive from it.

use std::fmt::Write;

#[cfg(test)]
use super::field::{Field, FieldSchema};
use super::field::{Retry, TextOnly, push_field};
use crate::broker::Denial;
use crate::codec::reason::Reason;
use crate::config::global::Types;
use crate::text::Quoted;

/// The `log_type` of an event, which selects what is logged; `Subscribe` and `Unsubscribe` have the level notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogType {
    Error,
    Warning,
    Notice,
    Info,
    Debug,
    Subscribe,
    Unsubscribe,
}

impl LogType {
    /// Its bit in [`Types`].
    pub(super) const fn bit(self) -> u8 {
        match self {
            Self::Error => Types::ERROR,
            Self::Warning => Types::WARNING,
            Self::Notice => Types::NOTICE,
            Self::Info => Types::INFORMATION,
            Self::Debug => Types::DEBUG,
            Self::Subscribe => Types::SUBSCRIBE,
            Self::Unsubscribe => Types::UNSUBSCRIBE,
        }
    }

    /// The value of `level` in JSON.
    pub(super) const fn level(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice | Self::Subscribe | Self::Unsubscribe => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// One event in the schema.
#[cfg(test)]
pub(super) struct EventSchema {
    pub(super) name: &'static str,
    pub(super) level: &'static str,
    pub(super) description: String,
    pub(super) keys: Vec<(&'static str, Option<FieldSchema>)>,
}

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $kind:ident
        { $($key:ident: $type:ty),* $(,)? } => $text:expr;)*) => {
        /// One event, before it is written in the format of the log.
        #[derive(Debug)]
        pub(in crate::server) enum LogEvent<'a> {
            $($(#[doc = $doc])+ $variant { $($key: $type),* },)*
        }

        #[allow(unused_variables, reason = "a text need not show every key")]
        impl<'a> LogEvent<'a> {
            pub(super) const fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }

            pub(super) const fn log_type(&self) -> LogType {
                match self { $(Self::$variant { .. } => LogType::$kind,)* }
            }

            /// The line for people, without the time.
            pub(super) fn text(&self) -> String {
                match self { $(Self::$variant { $($key),* } => $text,)* }
            }

            /// Appends the event's own keys to a JSON object.
            pub(super) fn push_fields(&self, json: &mut String) {
                match self { $(Self::$variant { $($key),* } => { $(push_field(json, stringify!($key), $key);)* })* }
            }

            /// All rows of the table.
            #[cfg(test)]
            pub(super) fn schema() -> Vec<EventSchema> {
                vec![$(EventSchema {
                    name: $name,
                    level: LogType::$kind.level(),
                    description: [$($doc.trim()),+].join(" "),
                    keys: vec![$((stringify!($key), <$type as Field>::schema())),*],
                }),*]
            }

            /// Each event once, with `present` saying whether optional keys have a value.
            #[cfg(test)]
            pub(super) fn samples(present: bool) -> Vec<Self> {
                vec![$(Self::$variant { $($key: <$type as Field>::sample(present)),* }),*]
            }
        }
    };
}

events! {
    // The broker.

    /// The broker is ready: all listeners accept connections.
    BrokerStarted = "broker_started", Info { version: &'a str, pid: u32 }
        => format!("skeeter {version} started (pid {pid})");
    /// The broker is stopping because of a signal, or because the command of --exec ended.
    BrokerStopping = "broker_stopping", Info { reason: &'a str }
        => format!("broker stopping: {reason}");
    /// A listener accepts connections.
    ListenerStarted = "listener_started", Info { listener: &'a str, anonymous: bool }
        => format!("listening on {listener}");
    /// There is no data directory: sessions and messages are lost when the broker stops.
    PersistenceDisabled = "persistence_disabled", Info {}
        => "persistence is off: sessions and messages are lost when the broker stops; --data-dir DIR stores them".to_owned();
    /// The configuration may not be what was intended. The broker runs nevertheless.
    ConfigurationWarning = "configuration_warning", Warning { reason: &'a str }
        => (*reason).to_owned();
    /// The configuration was reread and is in effect.
    ConfigurationReloaded = "configuration_reloaded", Info {}
        => "configuration reloaded".to_owned();
    /// The configuration was not reloaded; the previous one stays in effect. There is one event per error.
    ReloadFailed = "reload_failed", Error { reason: &'a str }
        => format!("configuration not reloaded: {reason}");
    /// New TLS connections use the certificates that were just read.
    CertificatesReloaded = "certificates_reloaded", Info {}
        => "TLS certificates reloaded; open connections keep the old ones".to_owned();
    /// The broker uses as much memory as memory_limit allows.
    MemoryLimitReached = "memory_limit_reached", Warning {}
        => "memory_limit reached: new connections are refused, and messages that need memory are dropped".to_owned();
    /// The broker uses less memory than memory_limit again.
    MemoryLimitCleared = "memory_limit_cleared", Info {}
        => "memory use is below memory_limit again".to_owned();
    /// Response to SIGUSR1: the number of sessions. A session_listed event follows for each.
    SessionsListed = "sessions_listed", Info { sessions: usize, connected: usize }
        => format!("{sessions} sessions, {connected} connected");
    /// Response to SIGUSR1: one session.
    SessionListed = "session_listed", Info {
        client_id: Quoted<'a>, remote_address: Option<&'a str>, connected_seconds: Option<u64>, subscriptions: usize,
        queued_messages: usize, in_flight_messages: usize,
    } => {
        let state = match (remote_address, connected_seconds) {
            (Some(peer), Some(seconds)) => format!("connected from {peer} for {seconds} s"),
            _ => "disconnected".to_owned(),
        };
        format!("{client_id}: {state}, {subscriptions} subscriptions, {queued_messages} messages queued, \
            {in_flight_messages} in flight")
    };

    // Connections.

    /// A connection could not be accepted, usually because the limit on open files is reached. Logged once until one is
    /// accepted again.
    AcceptFailed = "accept_failed", Error { reason: &'a str }
        => format!("cannot accept connections: {reason}; raise the limit on open files (ulimit -n) or lower --max-connections");
    /// An accepted connection could not be handed to a worker.
    ConnectionFailed = "connection_failed", Error { reason: &'a str }
        => format!("connection closed: cannot hand it to a worker: {reason}");
    /// A listener has reached its maximum number of connections. Logged once until one ends.
    ConnectionLimitReached = "connection_limit_reached", Error { listener: &'a str }
        => format!("listener {listener}: connection limit reached; new connections are closed until one ends");
    /// A connection ended before it had sent a complete CONNECT, for example during the TLS or WebSocket handshake.
    HandshakeFailed = "handshake_failed", Notice { remote_address: &'a str, reason: &'a str }
        => format!("{remote_address}: connection closed: {reason}");
    /// A CONNECT was refused. reason_code is an MQTT 5 reason code, even if the client got a return code of MQTT 3.1.1.
    ClientRefused = "client_refused", Notice {
        client_id: Option<Quoted<'a>>, username: Option<Quoted<'a>>, remote_address: &'a str, reason_code: Reason, reason: &'a str,
        detail: &'a str,
    } => {
        let client = client_id.map_or_else(String::new, |id| format!(" for client ID {id}"));
        format!("{remote_address}: connection refused{client}{}: {reason_code}: {detail}", parenthesized(*username))
    };
    /// A CONNECT was accepted.
    ClientConnected = "client_connected", Notice {
        client_id: Quoted<'a>, username: Option<Quoted<'a>>, remote_address: &'a str, mqtt_version: &'a str, clean_start: bool,
        session_present: bool, keep_alive: u16,
    } => {
        let session = match (clean_start, session_present) {
            (true, _) => "new session",
            (false, true) => "session resumed",
            (false, false) => "no session to resume",
        };
        let keep_alive = match keep_alive {
            0 => "no keep alive".to_owned(),
            seconds => format!("keep alive {seconds} s"),
        };
        let username = username.map_or_else(String::new, |name| format!("username {name}, "));
        format!("{client_id} connected from {remote_address} ({username}MQTT {mqtt_version}, {session}, {keep_alive})")
    };
    /// An accepted connection ended. reason_code is that of the client's DISCONNECT, or the one for which the broker closed the
    /// connection; it is absent if the connection was lost, or closed by the client without DISCONNECT.
    ClientDisconnected = "client_disconnected", Notice {
        client_id: Quoted<'a>, remote_address: &'a str, reason_code: Option<Reason>, reason: &'a str, detail: Option<&'a str>,
    } => {
        let mut text = format!("{client_id} disconnected from {remote_address}: {reason}");
        if let Some(code) = reason_code {
            let _ = write!(text, " (0x{:02X})", code.0);
        }
        if let Some(detail) = detail {
            let _ = write!(text, ": {detail}");
        }
        text
    };
    /// A session expired, after its Session Expiry Interval or the maximum set by --max-session-expiry or
    /// persistent_client_expiration.
    SessionExpired = "session_expired", Notice { client_id: Quoted<'a> }
        => format!("{client_id}: session expired");

    // Messages.

    /// Answer to SIGUSR2.
    SubscriptionsListed = "subscriptions_listed", Info { subscriptions: usize }
        => counted(*subscriptions as u64, "subscription");
    /// Answer to SIGUSR2: one subscription.
    SubscriptionListed = "subscription_listed", Info { filter: Quoted<'a>, client_id: Quoted<'a> }
        => format!("{filter}: {client_id}");
    /// A subscription was granted; reason_code is the granted QoS.
    ClientSubscribed = "client_subscribed", Subscribe { client_id: Quoted<'a>, filter: Quoted<'a>, reason_code: Reason }
        => format!("{client_id} subscribed to {filter}: granted QoS {}", reason_code.0);
    /// A subscription was refused.
    SubscriptionRefused = "subscription_refused", Subscribe {
        client_id: Quoted<'a>, filter: Quoted<'a>, reason_code: Reason, reason: &'a str,
    } => format!("{client_id}: subscription to {filter} refused: {reason_code}");
    /// A client unsubscribed from a topic filter.
    ClientUnsubscribed = "client_unsubscribed", Unsubscribe { client_id: Quoted<'a>, filter: Quoted<'a> }
        => format!("{client_id} unsubscribed from {filter}");
    /// A client published to a topic without permission; the message was discarded.
    PublishDenied = "publish_denied", Notice {
        client_id: Quoted<'a>, username: Option<Quoted<'a>>, remote_address: Option<&'a str>, topic: Quoted<'a>, qos: u8,
        reason: &'a Denial,
    } => format!("{client_id}{}: publish to {topic} denied (QoS {qos}): {reason}", parenthesized(*username));
    /// An operator changed something through the control interface, or tried to.
    ControlRequested = "control_requested", Notice {
        client_id: Quoted<'a>, username: Option<Quoted<'a>>, remote_address: &'a str, operation: &'a str,
        arguments: Quoted<'a>, error: Option<&'a str>,
    } => {
        let outcome = error.map_or_else(String::new, |why| format!(": {why}"));
        format!(
            "{client_id}{} from {remote_address}: control request {operation} {arguments}{outcome}",
            parenthesized(*username)
        )
    };
    /// A will message was not published, as its client has no permission to write to the topic.
    WillDenied = "will_denied", Notice {
        client_id: Quoted<'a>, username: Option<Quoted<'a>>, topic: Quoted<'a>, qos: u8, reason: &'a Denial,
    } => format!("{client_id}{}: will message to {topic} denied (QoS {qos}): {reason}", parenthesized(*username));
    /// A message was not delivered to a subscriber without permission to read its topic. Only the first one of a session is
    /// logged, until permissions change.
    DeliveryDenied = "delivery_denied", Notice {
        client_id: Quoted<'a>, username: Option<Quoted<'a>>, topic: Quoted<'a>, reason: &'a Denial,
    } => format!("{client_id}{}: delivery from {topic} denied: {reason}", parenthesized(*username));
    /// A message was dropped, for a client, a shared subscription, or all subscribers of a publisher. The first one for each
    /// reason is logged; messages_dropped has the total.
    DropStarted = "drop_started", Warning {
        client_id: Option<Quoted<'a>>, shared_subscription: Option<Quoted<'a>>, publisher: Option<Quoted<'a>>, reason: &'a str,
    } => format!("dropping messages {}: {reason}", recipient(*client_id, *shared_subscription, *publisher));
    /// Messages are no longer dropped; count were dropped since drop_started.
    MessagesDropped = "messages_dropped", Warning {
        client_id: Option<Quoted<'a>>, shared_subscription: Option<Quoted<'a>>, publisher: Option<Quoted<'a>>, count: u64,
    } => format!("dropped {} {}", counted(*count, "message"), recipient(*client_id, *shared_subscription, *publisher));

    // The store.

    /// The data directory was opened and its sessions and messages were restored.
    StoreOpened = "store_opened", Info {
        path: &'a str, durability: &'a str, sessions: usize, queued_messages: usize, retained_messages: usize, milliseconds: u64,
    } => format!("storing sessions and messages in {path} (durability {durability}); restored {}, {} and {} in {milliseconds} ms",
        counted(*sessions as u64, "session"), counted(*queued_messages as u64, "queued message"),
        counted(*retained_messages as u64, "retained message"));
    /// The record of the last commit in the file is damaged, so it is unknown whether that commit is missing.
    StoreMarkDamaged = "store_mark_damaged", Warning { path: &'a str }
        => format!("{path}: the number of the last commit is damaged; messages of the last second before the restart may be missing");
    /// The store cannot be written. QoS 1 and 2 messages for persistent sessions are refused until store_recovered.
    StoreFailed = "store_failed", Error { reason: &'a str }
        => format!("store failing: {reason}; messages that must be stored are refused until it works again");
    /// The store works again.
    StoreRecovered = "store_recovered", Info {}
        => "store working again".to_owned();
    /// The disk is full. Messages, sessions and subscriptions that would have to be stored are refused until store_has_room;
    /// clients that have a session can still connect, and what they acknowledge makes room.
    StoreFull = "store_full", Error { reason: &'a str }
        => format!("disk full: {reason}; new messages for persistent sessions are refused until there is room, those stored are still delivered");
    /// The disk is still full, and in the last minute or more this many messages, sessions and subscriptions were refused.
    StoreStillFull = "store_still_full", Warning { refused: u64 }
        => format!("disk still full: refused {} to store a message, session or subscription", counted(*refused, "request"));
    /// The disk has room again, and everything is stored as before.
    StoreHasRoom = "store_has_room", Info {}
        => "disk has room again".to_owned();
    /// The store's thread failed; nothing is stored until the broker is restarted.
    StoreCrashed = "store_crashed", Error {}
        => "store failed because of a bug in skeeter; nothing is stored until the broker is restarted".to_owned();
    /// The broker stopped before everything was written.
    StoreIncomplete = "store_incomplete", Error {}
        => "store not written completely: the last changes before the stop are lost".to_owned();
    /// The sessions and messages of a mosquitto.db were imported into an empty store; the file is not changed.
    StoreImported = "store_imported", Info {
        path: &'a str, sessions: usize, subscriptions: usize, queued_messages: usize, in_flight_messages: usize,
        retained_messages: usize, summary: TextOnly<'a>,
    } => format!("imported {} from {path}; the file is unchanged", summary.0);
    /// Something in a mosquitto.db could not be imported.
    StoreImportIncomplete = "store_import_incomplete", Warning { path: &'a str, reason: &'a str }
        => format!("not imported from {path}: {reason}");
    /// A mosquitto.db was written after skeeter's own file, and is ignored.
    StoreImportSkipped = "store_import_skipped", Warning { path: &'a str, store_path: &'a str }
        => format!("{path} was written after {store_path} and is ignored; to import it, move {store_path} away and restart");
    /// The system clock was set forward by this number of seconds, or back if it is negative.
    ClockSet = "clock_set", Info { seconds: i64 } => {
        let direction = if *seconds < 0 { "back" } else { "forward" };
        format!("system clock set {direction} by {} s; expiry of stored sessions and messages is not affected", seconds.unsigned_abs())
    };

    // Bridges. `target` is the remote broker's address.

    /// A bridge connected to a remote broker.
    BridgeConnected = "bridge_connected", Info {
        bridge: &'a str, target: &'a str, client_id: Quoted<'a>, mqtt_version: &'a str, session_present: bool,
    } => {
        let session = if *session_present { "session resumed" } else { "new session" };
        format!("bridge {bridge}: connected to {target} as {client_id} (MQTT {mqtt_version}, {session})")
    };
    /// A bridge could not connect to a remote broker; next_target is tried at once.
    BridgeConnectFailed = "bridge_connect_failed", Warning {
        bridge: &'a str, target: &'a str, reason: &'a str, next_target: Option<&'a str>, retry_seconds: Retry,
    } => match next_target {
        Some(next) => format!("bridge {bridge}: cannot connect to {target}: {reason}; trying {next}"),
        None => format!("bridge {bridge}: cannot connect to {target}: {reason}; {retry_seconds}"),
    };
    /// The connection of a bridge to a remote broker was lost.
    BridgeDisconnected = "bridge_disconnected", Warning { bridge: &'a str, target: &'a str, reason: &'a str, retry_seconds: Retry }
        => format!("bridge {bridge}: disconnected from {target}: {reason}; {retry_seconds}");
    /// This broker refused the local connection of one of its bridges, or closed it.
    BridgeRefused = "bridge_refused", Warning { bridge: &'a str, reason: &'a str, retry_seconds: Retry }
        => format!("bridge {bridge}: refused by this broker: {reason}; {retry_seconds}");
    /// A bridge with start_type lazy had no messages for idle_timeout and disconnected.
    BridgeIdle = "bridge_idle", Info { bridge: &'a str, idle_seconds: u64 }
        => format!("bridge {bridge}: disconnected after {idle_seconds} s without messages; connects when messages are queued");
    /// The first address of a bridge is reachable again, and the bridge switches back to it.
    BridgePrimaryReachable = "bridge_primary_reachable", Info { bridge: &'a str, target: &'a str }
        => format!("bridge {bridge}: {target} is reachable again; switching back to it");
    /// The remote broker does not recognize bridges and may send messages back.
    BridgeLoopPossible = "bridge_loop_possible", Info { bridge: &'a str }
        => format!("bridge {bridge}: the remote broker does not support the bridge flag in CONNECT; messages may loop, see try_private");
    /// The remote broker, or this one (remote is false), refused a subscription of a bridge.
    BridgeSubscriptionRefused = "bridge_subscription_refused", Warning {
        bridge: &'a str, remote: bool, filter: Option<Quoted<'a>>, reason: &'a str,
    } => {
        let filter = filter.map_or_else(String::new, |filter| format!(" to {filter}"));
        let broker = if *remote { "the remote broker" } else { "this broker" };
        format!("bridge {bridge}: subscription{filter} refused by {broker}: {reason}")
    };
    /// A bridge could not forward a message; later ones are only counted.
    BridgeDropStarted = "bridge_drop_started", Warning { bridge: &'a str, topic: Option<Quoted<'a>>, reason: &'a str } => {
        let topic = topic.map_or_else(String::new, |topic| format!(" to {topic}"));
        format!("bridge {bridge}: message{topic} not forwarded: {reason}; further ones are counted until the bridge disconnects")
    };
    /// How many messages a bridge could not forward since it connected.
    BridgeMessagesDropped = "bridge_messages_dropped", Warning { bridge: &'a str, count: u64 }
        => format!("bridge {bridge}: {} not forwarded", counted(*count, "message"));
    /// A bridge was changed by a reload.
    BridgeReloaded = "bridge_reloaded", Info { bridge: &'a str }
        => format!("bridge {bridge}: configuration reloaded");
    /// A bridge was removed by a reload. Its session on this broker ended, unless another bridge took it over.
    BridgeRemoved = "bridge_removed", Info { bridge: &'a str, session_kept: bool } => match session_kept {
        true => format!("bridge {bridge}: removed from the configuration; another bridge takes over its session"),
        false => format!("bridge {bridge}: removed from the configuration and stopped"),
    };
    /// The session of a removed bridge on this broker could not be ended.
    BridgeSessionLeft = "bridge_session_left", Warning { bridge: &'a str, client_id: Quoted<'a>, reason: &'a str }
        => format!("bridge {bridge}: cannot end its session {client_id}: {reason}");

    // The log itself, and packets.

    /// Answer to SIGRTMIN, in the reopened log files.
    LogReopened = "log_reopened", Info {}
        => "log files reopened".to_owned();
    /// A log destination cannot be used; the log goes to the others, or to stderr. A file that cannot be reopened is written to
    /// as before.
    LogDestinationFailed = "log_destination_failed", Error { reason: &'a str }
        => (*reason).to_owned();
    /// An address caused too many log lines; count of them were not written.
    LogLinesSuppressed = "log_lines_suppressed", Warning { source: &'a str, count: u64, seconds: u64 }
        => format!("{source}: {} suppressed in {seconds} s (rate limit)", counted(*count, "log line"));
    /// A log destination was too slow; count lines were lost.
    LogLinesLost = "log_lines_lost", Error { count: u64 }
        => format!("{} lost: a log destination is too slow", counted(*count, "log line"));
    /// A packet from a client, in the format of mosquitto's debug log.
    PacketReceived = "packet_received", Debug { client_id: Option<Quoted<'a>>, remote_address: &'a str, packet: &'a str, line: TextOnly<'a> }
        => line.0.to_owned();
    /// A packet to a client, in the format of mosquitto's debug log.
    PacketSent = "packet_sent", Debug { client_id: Option<Quoted<'a>>, remote_address: &'a str, packet: &'a str, line: TextOnly<'a> }
        => line.0.to_owned();
    /// A packet to or from the remote broker of a bridge.
    BridgePacket = "bridge_packet", Debug { bridge: &'a str, sent: bool, line: TextOnly<'a> } => {
        let direction = if *sent { "sent" } else { "received" };
        format!("bridge {bridge}: {direction} {}", line.0)
    };
}

/// The username behind a client ID.
fn parenthesized(username: Option<Quoted<'_>>) -> String {
    username.map_or_else(String::new, |name| format!(" (username {name})"))
}

/// Who does not get messages.
fn recipient(client: Option<Quoted<'_>>, group: Option<Quoted<'_>>, publisher: Option<Quoted<'_>>) -> String {
    match (client.or(group), publisher) {
        (Some(receiver), _) => format!("for {receiver}"),
        (None, Some(publisher)) => format!("published by {publisher}"),
        (None, None) => String::new(),
    }
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
