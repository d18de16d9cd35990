//! Options of the broker as a whole, of its log and of its store.

use std::path::PathBuf;

use super::option::ValueKind::{Flag, Folder, Number, OneOf, Secret, Target, Text, Words};
use super::option::{Most, OptionField, Value, options};

/// The largest number that mosquitto accepts.
const INT: i64 = 2_147_483_647;
/// The smallest.
const MINUS: i64 = -2_147_483_648;

options! {
    /// Options of the whole broker; the defaults are mosquitto 2.1's.
    struct Global;
    check_retain_source: bool = false, ["check_retain_source"], Flag, Last, Now,
        "Whether a retained message is delivered only if its publisher is still allowed to write to the topic.";
    clientid_prefixes: Option<String> = None, ["clientid_prefixes"], Text, Last, Next,
        "Only client IDs that start with this prefix are allowed.";
    connection_messages: bool = true, ["connection_messages"], Flag, Last, Now,
        "Whether clients that connect and disconnect are logged.";
    enable_control_api: bool = false, ["enable_control_api"], Flag, Last, Restart,
        "The control API of mosquitto, which lists plugins. skeeter has no plugins, so true is refused.";
    memory_limit: Most = Most::UNLIMITED, ["memory_limit"], Number(0, i64::MAX), Last, Now,
        "Maximum memory of the process in bytes. Above it, new clients are refused, and so are messages that would have to be queued or retained.";
    packet_buffer_size: u16 = 4096, ["packet_buffer_size", "websockets_headers_size"], Number(0, 65_535), Last, Next,
        "Maximum size of the HTTP request of a WebSocket client in bytes.";
    per_listener_settings: bool = false, ["per_listener_settings"], Flag, Last, Restart,
        "Whether the options in SECURITY apply to the listener above them rather than to the whole broker. Must come before all of them.";
    pid_file: Option<PathBuf> = None, ["pid_file"], Target, Reject, Restart,
        "File to which the process ID is written at start. It is removed at exit.";
    retain_expiry_interval: Option<u32> = None, ["retain_expiry_interval"], Number(1, 10_000_000), Last, Now,
        "Interval at which expired retained messages are removed, in minutes. They are not delivered in the meantime.";
    set_tcp_nodelay: Option<bool> = None, ["set_tcp_nodelay"], Flag, Last, Next,
        "Whether small packets are sent at once (TCP_NODELAY) instead of being delayed until earlier ones are acknowledged. Default: true, unlike in mosquitto.";
    sys_interval: u16 = 10, ["sys_interval"], Number(0, 65_535), Last, Now,
        "Interval at which $SYS topics are published, in seconds; 0 disables them.";
    user: Option<String> = None, ["user"], Text, Last, Restart,
        "User to switch to when started as root: mosquitto by default, or nobody if that user does not exist. With root, the broker keeps running as root.";
}

options! {
    /// Where the log goes and what is logged.
    struct Logging;
    destinations: Destinations = Destinations::default(), ["log_dest"],
        Words("stdout|stderr|syslog|dlt|topic|file PATH|none"), Adds, Now,
        "Where log lines are written; repeatable. topic publishes them below $SYS/broker/log. dlt sends them to dlt-daemon through its pipe in /tmp, or in the directory that the environment variable DLT_PIPE_DIR names, with MQTT as application ID and context ID; dlt-daemon sets the log level, and notices are sent at level info. none discards the destinations above it.";
    facility: Option<u8> = None, ["log_facility"], Number(0, 7), Last, Now,
        "Syslog facility: 0 to 7 for local0 to local7; daemon by default.";
    timestamp: bool = true, ["log_timestamp"], Flag, Last, Now,
        "Whether each line starts with the time.";
    timestamp_format: Option<String> = None, ["log_timestamp_format"], Text, Last, Now,
        "Format of the time, as in strftime(3); seconds since 1970 by default.";
    types: Types = Types::default(), ["log_type"],
        OneOf(&["error", "warning", "notice", "information", "debug", "subscribe", "unsubscribe", "websockets",
            "internal", "none", "all"]), Adds, Now,
        "Which types of lines are logged; repeatable. none discards the types above it. debug logs every packet, in mosquitto's format.";
}

options! {
    /// What is stored on disk.
    struct Persistence;
    enabled: bool = false, ["persistence", "retained_persistence"], Flag, Last, Restart,
        "Whether persistent sessions, their messages and retained messages are stored on disk.";
    file: Option<String> = None, ["persistence_file"], Text, Reject, Restart,
        "Name of the store file in persistence_location, without its extension .redb; skeeter by default. If mosquitto left a file \
         of this name (mosquitto.db by default), it is imported at the first start.";
    location: Option<PathBuf> = None, ["persistence_location"], Folder, Reject, Restart,
        "Data directory; the current directory by default.";
    autosave_interval: i64 = 1800, ["autosave_interval"], Number(MINUS, INT), Last, Restart,
        "Accepted for compatibility and ignored: whatever was acknowledged is already on disk.";
    autosave_on_changes: bool = false, ["autosave_on_changes"], Flag, Last, Restart,
        "Accepted for compatibility and ignored, like autosave_interval.";
}

options! {
    /// Options that mosquitto does not have.
    struct Own;
    users: Vec<String> = Vec::new(), ["allow_user"], Secret, Adds, Now,
        "NAME:PASSWORD of a user, as an alternative to a password file; repeatable.";
    workers: Option<u16> = None, ["workers"], Number(1, 1_024), Last, Restart,
        "Number of threads that serve connections; one per CPU by default.";
    log_format: Option<String> = None, ["log_format"], OneOf(&["human", "json"]), Last, Restart,
        "Format of log lines: human, with times in RFC 3339, or json. By default lines look like mosquitto's, with times in seconds since 1970.";
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

impl OptionField for Destinations {
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
            ("file", _) if self.file.is_some() => return Err("only one log file is supported".into()),
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

/// The types that are logged, one bit each.
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

impl OptionField for Types {
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
            // mosquitto's messages about its internals and its WebSocket library are debug messages.
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
