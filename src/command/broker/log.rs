//! The log: what happened, on stderr, for people or as JSON.
//!
//! Lines go to a thread of their own by a bounded channel, so that a stderr nobody reads never holds the broker up; what
//! does not fit is counted and told later.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::broker::{Drop, Ending, Event};
use crate::cli::broker::LogFormat;
use crate::codec::packet::Version;

/// Lines that may wait for stderr.
const WAITING: usize = 8_192;

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Error,
    Info,
    Detail,
}

#[derive(Debug)]
pub(super) struct Log {
    format: LogFormat,
    level: Level,
    lines: Option<SyncSender<String>>,
    writer: Option<JoinHandle<()>>,
    lost: AtomicU64,
}

impl Log {
    pub(super) fn new(format: LogFormat, level: Level) -> Self {
        let (lines, receiver) = sync_channel(WAITING);
        let writer =
            std::thread::Builder::new().name("log".into()).spawn(move || write_lines(&receiver)).ok();
        Self { format, level, lines: Some(lines), writer, lost: AtomicU64::new(0) }
    }

    pub(super) fn error(&self, text: &str) {
        self.line(Level::Error, text, json!({ "event": "error" }));
    }

    pub(super) fn info(&self, text: &str) {
        self.line(Level::Info, text, json!({ "event": "info" }));
    }

    pub(super) fn event(&self, event: &Event) {
        let level = match event {
            Event::Subscribed { .. } | Event::Unsubscribed { .. } => Level::Detail,
            _ => Level::Info,
        };
        if level <= self.level {
            let (text, fields) = describe(event);
            self.line(level, &text, fields);
        }
    }

    fn line(&self, level: Level, text: &str, mut fields: Value) {
        if level > self.level {
            return;
        }
        let time = humantime::format_rfc3339_millis(SystemTime::now());
        let line = match self.format {
            LogFormat::Human => format!("{time} {}\n", clean(text)),
            LogFormat::Json => {
                fields["time"] = json!(time.to_string());
                fields["text"] = json!(text);
                format!("{fields}\n")
            }
        };
        let Some(lines) = &self.lines else { return };
        if let Err(TrySendError::Full(_)) = lines.try_send(line) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what waits, if stderr takes it within a moment.
    pub(super) fn close(mut self) {
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            self.error(&format!("{lost} log lines were lost because stderr did not take them"));
        }
        self.lines = None;
        let Some(writer) = self.writer.take() else { return };
        for _ in 0..50 {
            if writer.is_finished() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn write_lines(lines: &Receiver<String>) {
    for line in lines {
        // Nobody is left to tell that stderr is closed.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

/// Client identifiers and topics come from outside: no control character of theirs reaches a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn describe(event: &Event) -> (String, Value) {
    match event {
        Event::Connected { client, peer, version, clean_start, resumed, keep_alive } => {
            let session = match (clean_start, resumed) {
                (true, _) => "new session",
                (false, true) => "session resumed",
                (false, false) => "no session to resume",
            };
            let version = version_name(*version);
            (
                format!(
                    "{client} connected from {peer} (MQTT {version}, {session}, keep alive {keep_alive} s)"
                ),
                json!({ "event": "connected", "client": client.as_ref(), "peer": peer.as_ref(), "version": version,
                    "clean_start": clean_start, "resumed": resumed, "keep_alive": keep_alive }),
            )
        }
        Event::Refused { client, peer, reason, detail } => (
            format!("{peer} refused{}: {detail} ({reason})", of(client)),
            json!({ "event": "refused", "client": client.as_ref(), "peer": peer.as_ref(), "reason": reason.0,
                "detail": detail }),
        ),
        Event::Disconnected { client, peer, why } => (
            format!("{client} left {peer}: {}", ending(why)),
            json!({ "event": "disconnected", "client": client.as_ref(), "peer": peer.as_ref(), "why": ending(why) }),
        ),
        Event::Stranger { peer, why } => (
            format!("{peer} closed before CONNECT: {}", ending(why)),
            json!({ "event": "stranger", "peer": peer.as_ref(), "why": ending(why) }),
        ),
        Event::Subscribed { client, filter, reason } => (
            format!("{client} subscribed to {filter}: {reason}"),
            json!({ "event": "subscribed", "client": client.as_ref(), "filter": filter, "reason": reason.0 }),
        ),
        Event::Unsubscribed { client, filter } => (
            format!("{client} unsubscribed from {filter}"),
            json!({ "event": "unsubscribed", "client": client.as_ref(), "filter": filter }),
        ),
        Event::Forbidden { client, topic, qos } => (
            format!("{client} may not publish to {topic} (QoS {})", qos.bits()),
            json!({ "event": "forbidden", "client": client.as_ref(), "topic": topic, "qos": qos.bits() }),
        ),
        Event::Dropping { client, why } => (
            format!("{client}: messages are being dropped: {}", drop_reason(*why)),
            json!({ "event": "dropping", "client": client.as_ref(), "why": drop_reason(*why) }),
        ),
        Event::Dropped { client, count } => (
            format!("{client}: {count} messages were dropped"),
            json!({ "event": "dropped", "client": client.as_ref(), "count": count }),
        ),
        Event::Expired { client } => (
            format!("{client}: the session expired"),
            json!({ "event": "expired", "client": client.as_ref() }),
        ),
    }
}

fn of(client: &str) -> String {
    if client.is_empty() { String::new() } else { format!(" as {client}") }
}

fn version_name(version: Version) -> &'static str {
    match version {
        Version::V3_1 => "3.1",
        Version::V3_1_1 => "3.1.1",
        Version::V5 => "5",
    }
}

fn ending(why: &Ending) -> String {
    match why {
        Ending::Left(reason) => format!("the client disconnected, {reason}"),
        Ending::Closed => "the client closed the connection without DISCONNECT".into(),
        Ending::Lost(error) => format!("the connection was lost: {error}"),
        Ending::Fault(reason, detail) => format!("{detail} ({reason})"),
    }
}

fn drop_reason(why: Drop) -> &'static str {
    match why {
        Drop::TooLarge => "larger than its Maximum Packet Size",
        Drop::QueueFull => "its queue is full",
        Drop::Stuck => "it takes no bytes",
        Drop::Expired => "they expired while they waited",
    }
}
