//! The log: what happened, for people or as JSON, wherever it is wanted.
//!
//! Every destination has a thread of its own behind a bounded channel, so that a stderr nobody reads holds up neither the
//! broker nor the other destinations; what does not fit is counted and told later.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use serde_json::{Value, json};

use super::sink::{Audience, Destination, Line, Sink};
use super::throttle::{Subject, Throttle};
use crate::broker::{DropReason, Ending, Event, Recipient, Who};
use crate::cli::broker::LogFormat;
use crate::codec::packet::Version;
use crate::config::global::Types;
use crate::text::{Quoted, is_unprintable, shortened};

/// What is logged, how, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Bits of [`Types`].
    pub(super) types: u8,
    /// Whether connecting and disconnecting clients are told.
    pub(super) connections: bool,
    pub(super) format: LogFormat,
    pub(super) stamp: Stamp,
    pub(super) destinations: Vec<Destination>,
}

/// How a line for people says when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    None,
    /// Milliseconds and all, as RFC 3339 has it.
    Precise,
    /// Seconds since 1970, as mosquitto has it.
    Seconds,
    /// In the words of strftime.
    Format(String),
}

#[derive(Debug)]
pub(super) struct Log {
    current: RwLock<Current>,
    /// For those who read the log by MQTT; known once there is one.
    audience: Arc<OnceLock<Audience>>,
    lost: AtomicU64,
    throttle: Throttle,
    /// Whether packets are logged; the same as in the settings, to be read at each turn.
    traces: AtomicBool,
}

#[derive(Debug)]
struct Current {
    settings: Settings,
    sinks: Vec<Sink>,
}

impl Log {
    /// Nothing is written before [`Self::start`].
    pub(super) fn new(settings: Settings) -> Self {
        let traces = AtomicBool::new(settings.types & Types::DEBUG != 0);
        let current = RwLock::new(Current { settings, sinks: Vec::new() });
        let (lost, throttle) = (AtomicU64::new(0), Throttle::default());
        Self { current, audience: Arc::default(), lost, throttle, traces }
    }

    /// Opens the destinations. A file that cannot be opened is told at the others, or on stderr.
    pub(super) fn start(&self) {
        let settings = self.settings();
        self.replace(settings);
    }

    /// Those who read the log by MQTT do it at this broker.
    pub(super) fn attach(&self, audience: Audience) {
        // There is one broker, and this is said once.
        let _ = self.audience.set(audience);
    }

    pub(super) fn settings(&self) -> Settings {
        self.current.read().unwrap_or_else(PoisonError::into_inner).settings.clone()
    }

    /// From now on the log is written so. Files are opened anew, which lets go of those that were moved away.
    pub(super) fn replace(&self, settings: Settings) {
        let mut faults = Vec::new();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut old = std::mem::take(&mut current.sinks);
        for destination in &settings.destinations {
            let kept = old.iter().position(|sink| sink.destination == *destination && !destination.is_file());
            let sink = match kept {
                Some(position) => Ok(old.swap_remove(position)),
                None => Sink::open(destination.clone(), self.audience.clone()),
            };
            match sink {
                Ok(sink) => current.sinks.push(sink),
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() && current.sinks.is_empty() {
            // Errors must be seen somewhere.
            current.sinks.extend(Sink::open(Destination::Stderr, self.audience.clone()));
        }
        self.traces.store(settings.types & Types::DEBUG != 0, Ordering::Relaxed);
        current.settings = settings;
        drop(current);
        faults.iter().for_each(|fault| self.error(fault));
    }

    pub(super) fn error(&self, text: &str) {
        self.line(Types::ERROR, text, json!({ "event": "error" }));
    }

    pub(super) fn warning(&self, text: &str) {
        self.line(Types::WARNING, text, json!({ "event": "warning" }));
    }

    pub(super) fn info(&self, text: &str) {
        self.line(Types::INFORMATION, text, json!({ "event": "info" }));
    }

    pub(super) fn debug(&self, text: &str) {
        self.line(Types::DEBUG, text, json!({ "event": "debug" }));
    }

    /// The same of a connection whose CONNECT has not been accepted.
    pub(super) fn debug_stranger(&self, peer: &str, text: &str) {
        if self.throttle.admits(peer, Subject::Refusal, Instant::now()) {
            self.debug(text);
        }
    }

    /// Tells of lines that were left out because an address had caused too many.
    pub(super) fn tell_left_out(&self) {
        for (source, count, seconds) in self.throttle.left_out(Instant::now()) {
            self.line(
                Types::WARNING,
                &format!("{source}: {count} log lines were left out in {seconds} s: too many at once"),
                json!({ "event": "left_out", "source": source, "count": count, "seconds": seconds }),
            );
        }
    }

    /// Whether somebody wants to see each packet.
    pub(super) fn traces(&self) -> bool {
        self.traces.load(Ordering::Relaxed)
    }

    pub(super) fn event(&self, event: &Event) {
        let (kind, of_connections) = kind(event);
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = current.settings.types & kind != 0 && (current.settings.connections || !of_connections);
        if wanted
            && subject(event)
                .is_none_or(|(peer, subject)| self.throttle.admits(peer, subject, Instant::now()))
        {
            let (text, fields) = describe(event);
            self.write(&current, kind, &text, fields);
        }
    }

    fn line(&self, kind: u8, text: &str, fields: Value) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if current.settings.types & kind != 0 {
            self.write(&current, kind, text, fields);
        }
    }

    fn write(&self, current: &Current, kind: u8, text: &str, fields: Value) {
        let line = Arc::new(current.settings.line(kind, text, fields));
        for sink in &current.sinks {
            if !sink.take(&line) {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Writes what waits, as far as the destinations take it within a moment.
    pub(super) fn close(&self) {
        self.tell_left_out();
        let lost = self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            self.error(&format!("{lost} log lines were lost because a destination did not take them"));
        }
        let sinks = std::mem::take(&mut self.current.write().unwrap_or_else(PoisonError::into_inner).sinks);
        let writers: Vec<_> = sinks.into_iter().map(Sink::end).collect();
        for _ in 0..50 {
            if writers.iter().all(std::thread::JoinHandle::is_finished) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Settings {
    fn line(&self, kind: u8, text: &str, mut fields: Value) -> Line {
        let now = SystemTime::now();
        match self.format {
            LogFormat::Human => {
                let text = clean(kind, text);
                let mut stamped = self.stamp.write(now);
                let bare = stamped.len();
                stamped += &text;
                Line { kind, text: stamped, bare }
            }
            LogFormat::Json => {
                fields["time"] = json!(humantime::format_rfc3339_millis(now).to_string());
                fields["text"] = json!(text.chars().take(LONGEST).collect::<String>());
                Line { kind, text: ascii_controls(&fields.to_string()), bare: 0 }
            }
        }
    }
}

impl Stamp {
    fn write(&self, now: SystemTime) -> String {
        match self {
            Self::None => String::new(),
            Self::Precise => format!("{} ", humantime::format_rfc3339_millis(now)),
            Self::Seconds => {
                let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                format!("{}: ", since.as_secs())
            }
            Self::Format(format) => {
                let mut out = String::new();
                // The check of the configuration has seen to it that the format is one.
                let _ = write!(out, "{}: ", chrono::DateTime::<chrono::Local>::from(now).format(format));
                out
            }
        }
    }
}

/// Of which type an event is, and whether it is of those that `connection_messages false` silences.
fn kind(event: &Event) -> (u8, bool) {
    match event {
        Event::Subscribed { .. } => (Types::SUBSCRIBE, false),
        Event::Unsubscribed { .. } => (Types::UNSUBSCRIBE, false),
        Event::Connected { .. } | Event::Disconnected { .. } | Event::Stranger { .. } => {
            (Types::NOTICE, true)
        }
        Event::Dropping { .. } | Event::Dropped { .. } => (Types::WARNING, false),
        Event::Refused { .. }
        | Event::Forbidden { .. }
        | Event::Unreadable { .. }
        | Event::Expired { .. } => (Types::NOTICE, false),
    }
}

/// Which address a line is laid to, and as what, if there is a limit on such lines.
fn subject(event: &Event) -> Option<(&str, Subject)> {
    match event {
        Event::Connected { peer, .. } | Event::Disconnected { peer, .. } => Some((peer, Subject::Connection)),
        Event::Refused { peer, .. } | Event::Stranger { peer, .. } => Some((peer, Subject::Refusal)),
        Event::Forbidden { peer, .. } => Some((peer.as_deref().unwrap_or_default(), Subject::Refusal)),
        Event::Subscribed { .. }
        | Event::Unsubscribed { .. }
        | Event::Unreadable { .. }
        | Event::Dropping { .. }
        | Event::Dropped { .. }
        | Event::Expired { .. } => None,
    }
}

/// Characters of a line.
const LONGEST: usize = 4_000;

/// What comes from outside is escaped where it is put into a text; whatever was forgotten there does no harm either: it
/// reaches no terminal and ends no line. A tab in front of a line about a packet is ours.
fn clean(kind: u8, text: &str) -> String {
    let cleaned = |(at, c): (usize, char)| match c {
        '\t' if at == 0 && kind == Types::DEBUG => c,
        c if is_unprintable(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.char_indices().take(LONGEST).map(cleaned).collect()
}

/// JSON with escapes for all that does not show as itself. JSON itself asks for those of ASCII alone.
fn ascii_controls(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unprintable(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out += &format!("\\u{unit:04x}"));
        } else {
            out.push(c);
        }
    }
    out
}

fn describe(event: &Event) -> (String, Value) {
    match event {
        Event::Connected { client, peer, username, version, clean_start, resumed, keep_alive } => {
            let session = match (clean_start, resumed) {
                (true, _) => "new session",
                (false, true) => "session resumed",
                (false, false) => "no session to resume",
            };
            let version = version_name(*version);
            (
                format!(
                    "{} connected from {peer}{} (MQTT {version}, {session}, keep alive {keep_alive} s)",
                    Quoted(client),
                    user(username.as_deref())
                ),
                json!({ "event": "connected", "client": shortened(client), "peer": peer.as_ref(),
                    "username": username.as_deref().map(shortened), "version": version,
                    "clean_start": clean_start, "resumed": resumed, "keep_alive": keep_alive }),
            )
        }
        Event::Refused { client, peer, username, reason, detail } => (
            format!("{peer} refused{}{}: {detail} ({reason})", of(client), user(username.as_deref())),
            json!({ "event": "refused", "client": shortened(client), "peer": peer.as_ref(),
                "username": username.as_deref().map(shortened), "reason": reason.0,
                "detail": detail }),
        ),
        Event::Disconnected { client, peer, why } => (
            format!("{} left {peer}: {}", Quoted(client), ending(why)),
            json!({ "event": "disconnected", "client": shortened(client), "peer": peer.as_ref(), "why": ending(why) }),
        ),
        Event::Stranger { peer, why } => (
            format!("{peer} closed before CONNECT: {}", ending(why)),
            json!({ "event": "stranger", "peer": peer.as_ref(), "why": ending(why) }),
        ),
        Event::Subscribed { client, filter, reason } => (
            format!("{} subscribed to {}: {reason}", Quoted(client), Quoted(filter)),
            json!({ "event": "subscribed", "client": shortened(client), "filter": shortened(filter), "reason": reason.0 }),
        ),
        Event::Unsubscribed { client, filter } => (
            format!("{} unsubscribed from {}", Quoted(client), Quoted(filter)),
            json!({ "event": "unsubscribed", "client": shortened(client), "filter": shortened(filter) }),
        ),
        Event::Forbidden { who, peer: _, topic, qos, will, denial } => {
            let what = if *will { "may not have its will published" } else { "may not publish" };
            let (whom, qos) = (whom(who), qos.bits());
            (
                format!("{whom} {what} to {} (QoS {qos}): {denial}", Quoted(topic)),
                json!({ "event": "forbidden", "client": shortened(&who.client), "username": who.username.as_deref().map(shortened),
                    "topic": shortened(topic), "qos": qos, "will": will, "why": denial.to_string() }),
            )
        }
        Event::Unreadable { who, topic, denial } => (
            format!("{} may not read {}: {denial}", whom(who), Quoted(topic)),
            json!({ "event": "unreadable", "client": shortened(&who.client), "username": who.username.as_deref().map(shortened),
                "topic": shortened(topic), "why": denial.to_string() }),
        ),
        Event::Dropping { recipient, reason } => dropping(recipient, *reason),
        Event::Dropped { recipient, count } => dropped(recipient, *count),
        Event::Expired { client } => (
            format!("{}: the session expired", Quoted(client)),
            json!({ "event": "expired", "client": shortened(client) }),
        ),
    }
}

/// The client, and its user.
fn whom(who: &Who) -> String {
    format!("{}{}", Quoted(&who.client), user(who.username.as_deref()))
}

fn user(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(", user {}", Quoted(name)))
}

fn of(client: &str) -> String {
    if client.is_empty() { String::new() } else { format!(" as {}", Quoted(client)) }
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

fn dropping(recipient: &Recipient, reason: DropReason) -> (String, Value) {
    let (recipient, key, name) = recipient_of(recipient);
    let reason = drop_reason(reason);
    (
        format!("dropping messages {recipient}: {reason}"),
        json!({ "event": "messages_dropping", key: name, "reason": reason }),
    )
}

fn dropped(recipient: &Recipient, count: u64) -> (String, Value) {
    let (recipient, key, name) = recipient_of(recipient);
    (
        format!("dropped {count} messages {recipient}"),
        json!({ "event": "messages_dropped", key: name, "count": count }),
    )
}

/// Who did not get messages, in words; and the key and value for it in JSON.
fn recipient_of(recipient: &Recipient) -> (String, &'static str, Cow<'_, str>) {
    let (how, key, name) = match recipient {
        Recipient::Client(client) => ("for", "client", client),
        Recipient::Group(filter) => ("for", "group", filter),
        Recipient::SubscribersOf(client) => ("published by", "publisher", client),
    };
    (format!("{how} {}", Quoted(name)), key, shortened(name))
}

fn drop_reason(reason: DropReason) -> &'static str {
    match reason {
        DropReason::TooLarge => "larger than the client's Maximum Packet Size",
        DropReason::PayloadTooLarge => "payload larger than the limit",
        DropReason::QueueFull => "queue full",
        DropReason::MemoryFull => "memory limit reached",
        DropReason::Expired => "expired",
        DropReason::StoreFailing => "the store is failing",
        DropReason::NoMember => "the last member left the group",
    }
}
