//! Options of the broker as a whole, and what its log and its store are told.

use std::path::PathBuf;

use super::option::Kind::{Flag, Folder, Number, OneOf, Secret, Target, Text, Words};
use super::option::{Field, Most, Value, options};

/// The greatest number that mosquitto reads.
const INT: i64 = 2_147_483_647;
/// The least.
const MINUS: i64 = -2_147_483_648;

options! {
    /// Options of the whole broker; the defaults are mosquitto 2.1's.
    struct Global;
    allow_duplicate_messages: bool = true, ["allow_duplicate_messages"], Flag, Last, Now,
        "Whether a client whose subscriptions overlap gets a message once for each of them, or once.";
    check_retain_source: bool = false, ["check_retain_source"], Flag, Last, Now,
        "Whether a retained message is delivered only while the client that published it still may write to its topic.";
    clientid_prefixes: Option<String> = None, ["clientid_prefixes"], Text, Last, Next,
        "Only clients whose identifier begins so may connect.";
    connection_messages: bool = true, ["connection_messages"], Flag, Last, Now,
        "Whether connecting and disconnecting clients are logged.";
    enable_control_api: bool = false, ["enable_control_api"], Flag, Last, Restart,
        "Answers listPlugins on $CONTROL/broker/v1. There are no plugins, so true is refused.";
    global_max_clients: Most = Most::UNLIMITED, ["global_max_clients"], Number(MINUS, INT), Last, Next,
        "Sessions at once, connected or kept.";
    global_max_connections: Most = Most::UNLIMITED, ["global_max_connections"], Number(MINUS, INT), Last, Next,
        "Connected clients at once.";
    max_inflight_bytes: Most = Most::UNLIMITED, ["max_inflight_bytes"], Number(MINUS, INT), Last, Now,
        "Bytes of the payloads of messages above QoS 0 in flight to one client. One message is always allowed.";
    max_inflight_messages: Inflight = Inflight(20), ["max_inflight_messages"], Number(MINUS, 65_535), Last, Next,
        "Messages above QoS 0 in flight to one client, and from one: it is the Receive Maximum that MQTT 5 clients are \
         told. 0 is no limit.";
    max_keepalive: u16 = 0, ["max_keepalive"], Number(0, 65_535), Last, Next,
        "Longest keep alive in seconds, 0 for any. A client of MQTT 5 is told it; one of 3.1 or 3.1.1 that asks for more \
         is refused.";
    max_packet_size: u32 = 2_000_000, ["max_packet_size"], Number(20, INT), Last, Next,
        "Bytes of one packet from a client.";
    max_queued_bytes: Most = Most::UNLIMITED, ["max_queued_bytes"], Number(MINUS, INT), Last, Now,
        "Bytes of the messages that wait for one client beyond those in flight.";
    max_queued_messages: Most = Most(Some(1000)), ["max_queued_messages"], Number(MINUS, INT), Last, Now,
        "Messages above QoS 0 that wait for one client beyond those in flight.";
    memory_limit: Most = Most::UNLIMITED, ["memory_limit"], Number(0, i64::MAX), Last, Now,
        "Bytes of memory of the whole process above which new clients, and messages that would have to be kept, are refused.";
    message_size_limit: u32 = 0, ["message_size_limit"], Number(0, 268_435_455), Last, Now,
        "Bytes of one payload; 0 is no limit. A larger one is dropped, and MQTT 5 clients are told so.";
    packet_buffer_size: u16 = 4096, ["packet_buffer_size", "websockets_headers_size"], Number(0, 65_535), Last, Next,
        "Bytes of the headers of a WebSocket request.";
    per_listener_settings: bool = false, ["per_listener_settings"], Flag, Last, Restart,
        "Whether the options of section SECURITY belong to the listener above them. It stands before all of them.";
    persistent_client_expiration: Option<Lifetime> = None, ["persistent_client_expiration"], Words("NUMBER(s|h|d|w|m|y)"),
        Last, Next,
        "How long a session is kept without a connection: seconds, hours, days, weeks, months of 30 days or years of 365.";
    pid_file: Option<PathBuf> = None, ["pid_file"], Target, Fault, Restart,
        "Written with the process identifier at the start, removed at the end.";
    queue_qos0_messages: bool = false, ["queue_qos0_messages"], Flag, Last, Now,
        "Whether messages of QoS 0 wait for a session that is not connected.";
    retain_available: bool = true, ["retain_available"], Flag, Last, Next,
        "Whether messages may be retained. A client that publishes one where they may not is disconnected.";
    retain_expiry_interval: Option<u32> = None, ["retain_expiry_interval"], Number(1, 10_000_000), Last, Now,
        "Minutes between two searches for expired retained messages. No expired one is delivered in between either.";
    set_tcp_nodelay: Option<bool> = None, ["set_tcp_nodelay"], Flag, Last, Next,
        "Whether small packets leave at once (TCP_NODELAY). They do unless it is false: what mosquitto has as its default \
         makes them wait for the acknowledgements of others.";
    sys_interval: u16 = 10, ["sys_interval"], Number(0, 65_535), Last, Now,
        "Seconds between publications under $SYS; 0 publishes none.";
    upgrade_outgoing_qos: bool = false, ["upgrade_outgoing_qos"], Flag, Last, Now,
        "Whether a message is delivered with the QoS of the subscription even if it was published with a lower one.";
    user: Option<String> = None, ["user"], Text, Last, Restart,
        "The user to become when started as root, mosquitto unless given, or nobody where there is no such user. root \
         stays root.";
}

options! {
    /// Where the log goes and what it tells.
    struct Logging;
    destinations: Destinations = Destinations::default(), ["log_dest"],
        Words("stdout|stderr|syslog|dlt|topic|file PATH|none"), Adds, Now,
        "Where the log goes; repeatable. topic is $SYS/broker/log/#. dlt is dlt-daemon by its pipe in /tmp, or in the folder \
         that the environment variable DLT_PIPE_DIR names: application and context MQTT, up to the level that it sets for \
         them; notices are of level info. none takes back what was given before it.";
    facility: Option<u8> = None, ["log_facility"], Number(0, 7), Last, Now,
        "Which of syslog's local0 to local7 is used; daemon unless given.";
    timestamp: bool = true, ["log_timestamp"], Flag, Last, Now,
        "Whether each line begins with the time.";
    timestamp_format: Option<String> = None, ["log_timestamp_format"], Text, Last, Now,
        "The time as strftime(3) writes it; seconds since 1970 unless given.";
    types: Types = Types::default(), ["log_type"],
        OneOf(&["error", "warning", "notice", "information", "debug", "subscribe", "unsubscribe", "websockets",
            "internal", "none", "all"]), Adds, Now,
        "What is logged; repeatable. error, warning, notice and information unless given; none takes back what was given \
         before it. debug tells each packet, in mosquitto's words.";
}

options! {
    /// What survives the end of the broker.
    struct Persistence;
    enabled: bool = false, ["persistence", "retained_persistence"], Flag, Last, Restart,
        "Whether sessions, their messages and retained messages are kept on disk.";
    file: Option<String> = None, ["persistence_file"], Text, Fault, Restart,
        "A name within persistence_location; what is kept is in a file of this name with .redb behind it, in skeeter.redb \
         unless given. A file of mosquitto's is not read.";
    location: Option<PathBuf> = None, ["persistence_location"], Folder, Fault, Restart,
        "The folder of what is kept; the current one unless given.";
    autosave_interval: i64 = 1800, ["autosave_interval"], Number(MINUS, INT), Last, Restart,
        "Read for the sake of mosquitto: what was acknowledged is on the disk always, so nothing waits for a saving.";
    autosave_on_changes: bool = false, ["autosave_on_changes"], Flag, Last, Restart,
        "The same.";
}

options! {
    /// What mosquitto has no name for.
    struct Own;
    allow_control_characters: bool = false, ["allow_control_characters"], Flag, Last, Now,
        "Whether topics, client IDs and usernames may contain control characters (U+0001 to U+001F, U+007F to U+009F) and \
         code points that are no characters, such as U+FFFF. mosquitto refuses them always.";
    connect_timeout: Option<u16> = None, ["connect_timeout"], Number(1, 3_600), Last, Next,
        "Seconds that a connection may take to send its CONNECT; 10 unless given.";
    max_subscriptions: Most = Most(Some(100_000)), ["max_subscriptions"], Number(MINUS, INT), Last, Now,
        "Subscriptions of one client.";
    users: Vec<String> = Vec::new(), ["allow_user"], Secret, Adds, Now,
        "NAME:PASSWORD of a user, where a password file would be too much; repeatable.";
    workers: Option<u16> = None, ["workers"], Number(1, 1_024), Last, Restart,
        "Threads that serve connections; as many as there are processors unless given.";
    log_format: Option<String> = None, ["log_format"], OneOf(&["human", "json"]), Last, Restart,
        "How a line of the log is written: as mosquitto does unless given, human as skeeter does without a file, or json.";
}

/// Messages in flight; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inflight(pub(crate) u16);

impl Field for Inflight {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Number(number) = value else { return Err("expected a whole number".into()) };
        // 65,535 is all there are, so it limits nothing.
        self.0 = u16::try_from(number).ok().filter(|number| *number < u16::MAX).unwrap_or(0);
        Ok(())
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// Seconds, written with a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lifetime(pub(crate) u32);

impl Field for Lifetime {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let wrong = || "expected a number above 0 with a unit, such as 12h, 7d, 2w, 1m or 1y".to_owned();
        let Value::Text(text) = value else { return Err(wrong()) };
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "s" => 1,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            "m" => 30 * 86_400,
            "y" => 365 * 86_400,
            _ => return Err(wrong()),
        };
        let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
        if number == 0 {
            return Err(wrong());
        }
        // As long as can be told, which is 136 years.
        self.0 = u32::try_from(number.saturating_mul(unit)).unwrap_or(u32::MAX - 1);
        Ok(())
    }

    fn show(&self) -> String {
        format!("{}s", self.0)
    }
}

/// Where the log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Destinations {
    /// Whether any `log_dest` was given; without one the log goes to stderr.
    pub(crate) given: bool,
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
    pub(crate) syslog: bool,
    pub(crate) dlt: bool,
    pub(crate) topic: bool,
    pub(crate) file: Option<PathBuf>,
}

impl Field for Destinations {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected a destination".into()) };
        self.given = true;
        match text.split_once([' ', '\t']).map_or((text, ""), |(word, rest)| (word, rest.trim())) {
            ("none", "") => *self = Self { given: true, ..Self::default() },
            ("stdout", "") => self.stdout = true,
            ("stderr", "") => self.stderr = true,
            ("syslog", "") => self.syslog = true,
            ("topic", "") => self.topic = true,
            ("file", "") => return Err("expected a path after file".into()),
            ("file", _) if self.file.is_some() => return Err("there is a log file already".into()),
            ("file", path) => self.file = Some(path.into()),
            ("dlt", "") => self.dlt = true,
            _ => {
                return Err(format!(
                    "{text:?} is not known: expected stdout, stderr, syslog, dlt, topic, file PATH or none"
                ));
            }
        }
        Ok(())
    }

    fn show(&self) -> String {
        if self.given { String::new() } else { "stderr".into() }
    }
}

/// What is logged, a bit for each type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types {
    /// Whether any `log_type` was given, which drops the default ones.
    given: bool,
    pub(crate) bits: u8,
}

impl Types {
    pub(crate) const ERROR: u8 = 1;
    pub(crate) const WARNING: u8 = 2;
    pub(crate) const NOTICE: u8 = 4;
    pub(crate) const INFORMATION: u8 = 8;
    pub(crate) const DEBUG: u8 = 16;
    pub(crate) const SUBSCRIBE: u8 = 32;
    pub(crate) const UNSUBSCRIBE: u8 = 64;
    pub(crate) const ALL: u8 = 127;
}

impl Default for Types {
    fn default() -> Self {
        Self { given: false, bits: Self::ERROR | Self::WARNING | Self::NOTICE | Self::INFORMATION }
    }
}

impl Field for Types {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected a type".into()) };
        if !self.given {
            (self.given, self.bits) = (true, 0);
        }
        match text {
            "error" => self.bits |= Self::ERROR,
            "warning" => self.bits |= Self::WARNING,
            "notice" => self.bits |= Self::NOTICE,
            "information" => self.bits |= Self::INFORMATION,
            // What mosquitto says of its inside and of its WebSocket library is for its developers, as debug is.
            "debug" | "internal" | "websockets" => self.bits |= Self::DEBUG,
            "subscribe" => self.bits |= Self::SUBSCRIBE,
            "unsubscribe" => self.bits |= Self::UNSUBSCRIBE,
            "all" => self.bits = Self::ALL,
            _ => self.bits = 0,
        }
        Ok(())
    }

    fn show(&self) -> String {
        if self.given { String::new() } else { "error, warning, notice and information".into() }
    }
}
