//! Options of the broker as a whole, and what its log and its store are told.

use std::path::PathBuf;

use super::option::ValueKind::{Flag, Folder, Number, OneOf, Secret, Target, Text, Words};
use super::option::{Most, OptionField, Value, options};

/// The greatest number that mosquitto reads.
const INT: i64 = 2_147_483_647;
/// The least.
const MINUS: i64 = -2_147_483_648;

options! {
    /// Options of the whole broker; the defaults are mosquitto 2.1's.
    struct Global;
    check_retain_source: bool = false, ["check_retain_source"], Flag, Last, Now,
        "Whether a retained message is delivered only if its publisher is still allowed to write to the topic.";
    clientid_prefixes: Option<String> = None, ["clientid_prefixes"], Text, Last, Next,
        "Allows only client IDs that start with this prefix.";
    connection_messages: bool = true, ["connection_messages"], Flag, Last, Now,
        "Whether clients that connect and disconnect are logged.";
    enable_control_api: bool = false, ["enable_control_api"], Flag, Last, Restart,
        "Answers listPlugins on $CONTROL/broker/v1. There are no plugins, so true is refused.";
    memory_limit: Most = Most::UNLIMITED, ["memory_limit"], Number(0, i64::MAX), Last, Now,
        "Memory of the process in bytes above which new clients, and messages that would have to be queued or retained, are refused.";
    packet_buffer_size: u16 = 4096, ["packet_buffer_size", "websockets_headers_size"], Number(0, 65_535), Last, Next,
        "Maximum size of the HTTP request of a WebSocket client in bytes.";
    per_listener_settings: bool = false, ["per_listener_settings"], Flag, Last, Restart,
        "Whether the options of section SECURITY apply to the listener above them. It must precede all of them.";
    pid_file: Option<PathBuf> = None, ["pid_file"], Target, Reject, Restart,
        "The process ID is written to this file at start; the file is removed at exit.";
    retain_expiry_interval: Option<u32> = None, ["retain_expiry_interval"], Number(1, 10_000_000), Last, Now,
        "Minutes between searches for expired retained messages. Expired messages are never delivered.";
    set_tcp_nodelay: Option<bool> = None, ["set_tcp_nodelay"], Flag, Last, Next,
        "Whether small packets are sent at once (TCP_NODELAY); true by default, unlike in mosquitto, where they wait for the acknowledgement of earlier ones.";
    sys_interval: u16 = 10, ["sys_interval"], Number(0, 65_535), Last, Now,
        "Interval at which $SYS topics are published, in seconds; 0 disables them.";
    user: Option<String> = None, ["user"], Text, Last, Restart,
        "The user to change to when started as root; mosquitto by default, or nobody if there is no such user. root does not change the user.";
}

options! {
    /// Where the log goes and what it tells.
    struct Logging;
    destinations: Destinations = Destinations::default(), ["log_dest"],
        Words("stdout|stderr|syslog|dlt|topic|file PATH|none"), Adds, Now,
        "Where log lines are written; repeatable. topic is $SYS/broker/log/#. dlt is dlt-daemon, by its pipe in /tmp or in the directory in the environment variable DLT_PIPE_DIR, with application and context MQTT and the log level that dlt-daemon sets; notices have level info. none discards the destinations above it.";
    facility: Option<u8> = None, ["log_facility"], Number(0, 7), Last, Now,
        "The syslog facility, local0 to local7; daemon by default.";
    timestamp: bool = true, ["log_timestamp"], Flag, Last, Now,
        "Whether each line starts with the time.";
    timestamp_format: Option<String> = None, ["log_timestamp_format"], Text, Last, Now,
        "The format of the time, as in strftime(3); seconds since 1970 by default.";
    types: Types = Types::default(), ["log_type"],
        OneOf(&["error", "warning", "notice", "information", "debug", "subscribe", "unsubscribe", "websockets",
            "internal", "none", "all"]), Adds, Now,
        "The types of log lines; repeatable. error, warning, notice and information by default; none discards the types above it. debug logs each packet, in mosquitto's format.";
}

options! {
    /// What is stored on disk.
    struct Persistence;
    enabled: bool = false, ["persistence", "retained_persistence"], Flag, Last, Restart,
        "Whether persistent sessions, their messages and retained messages are stored on disk.";
    file: Option<String> = None, ["persistence_file"], Text, Reject, Restart,
        "File name in persistence_location, to which .redb is appended; skeeter.redb by default. If mosquitto left a file of this \
         name (mosquitto.db by default), the first start imports it.";
    location: Option<PathBuf> = None, ["persistence_location"], Folder, Reject, Restart,
        "The data directory; the current directory by default.";
    autosave_interval: i64 = 1800, ["autosave_interval"], Number(MINUS, INT), Last, Restart,
        "Accepted for compatibility and ignored: what was acknowledged is always on the disk.";
    autosave_on_changes: bool = false, ["autosave_on_changes"], Flag, Last, Restart,
        "Accepted for compatibility and ignored, for the same reason.";
}

options! {
    /// Options that mosquitto does not have.
    struct Own;
    users: Vec<String> = Vec::new(), ["allow_user"], Secret, Adds, Now,
        "NAME:PASSWORD of a user, as an alternative to a password file; repeatable.";
    workers: Option<u16> = None, ["workers"], Number(1, 1_024), Last, Restart,
        "Number of threads that serve connections; one per processor by default.";
    log_format: Option<String> = None, ["log_format"], OneOf(&["human", "json"]), Last, Restart,
        "Format of log lines: human or json. By default lines have the time format of mosquitto.";
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
