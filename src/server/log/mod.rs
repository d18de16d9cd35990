//! The log: one line for each event, for people or as JSON, written to any number of destinations.
//!
//! `event` is the table of all events. Each destination has its own thread behind a bounded channel, so that a slow one delays
//! neither the broker nor the others; lines that do not fit are counted, and the count is logged.

mod core;
#[cfg(unix)]
mod dlt;
mod event;
mod field;
mod packets;
#[cfg(test)]
#[path = "../../../tests/unit/server/log.rs"]
mod schema;
mod sink;
mod throttle;

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use crate::broker::Event;
use crate::cli::broker::LogFormat;
use crate::config::global::Types;
use crate::text::is_unprintable;
pub(super) use event::LogEvent;
use event::LogType;
pub(super) use field::{Retry, TextOnly};
pub(super) use packets::Packets;
pub(super) use sink::{Destination, LogTopicPublisher};
use sink::{LogLine, Sink};
use throttle::Throttle;

/// What is logged, how, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogSettings {
    /// Bits of [`Types`].
    pub(super) types: u8,
    /// Whether clients that connect and disconnect are logged.
    pub(super) connections: bool,
    pub(super) format: LogFormat,
    pub(super) timestamp: Timestamp,
    pub(super) destinations: Vec<Destination>,
}

/// The time at the beginning of a line for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Timestamp {
    None,
    /// RFC 3339 with milliseconds.
    Precise,
    /// Seconds since 1970, the default of mosquitto.
    Seconds,
    /// A format of strftime.
    Format(String),
}

#[derive(Debug)]
pub(super) struct Log {
    current: RwLock<Current>,
    /// Publishes to `$SYS/broker/log/`, once there is a broker.
    topic_publisher: Arc<OnceLock<LogTopicPublisher>>,
    lost: AtomicU64,
    throttle: Throttle,
    /// Whether packets are logged: a copy of the bit in the settings, read without the lock.
    logs_packets: AtomicBool,
}

#[derive(Debug)]
struct Current {
    settings: LogSettings,
    sinks: Vec<Sink>,
}

impl Log {
    /// Nothing is written before [`Self::start`].
    pub(super) fn new(settings: LogSettings) -> Self {
        let logs_packets = AtomicBool::new(settings.types & Types::DEBUG != 0);
        let current = RwLock::new(Current { settings, sinks: Vec::new() });
        let (lost, throttle) = (AtomicU64::new(0), Throttle::default());
        Self { current, topic_publisher: Arc::default(), lost, throttle, logs_packets }
    }

    /// Opens the destinations. A file that cannot be opened is an error at the others, or on stderr.
    pub(super) fn start(&self) {
        let settings = self.settings();
        self.replace(settings);
    }

    /// Sets the broker that publishes log lines.
    pub(super) fn attach(&self, publisher: LogTopicPublisher) {
        // There is one broker, and this is called once.
        let _ = self.topic_publisher.set(publisher);
    }

    pub(super) fn settings(&self) -> LogSettings {
        self.current.read().unwrap_or_else(PoisonError::into_inner).settings.clone()
    }

    /// Opens log files again, as they may have been moved away.
    pub(super) fn reopen(&self) {
        self.replace(self.settings());
        self.write(&LogEvent::LogReopened {});
    }

    /// Changes the settings. Files are opened again, so that those that were moved away are closed. One that cannot be opened
    /// again is written to as before: its directory may belong to root, who opened it, and not to the broker's user.
    pub(super) fn replace(&self, settings: LogSettings) {
        let mut faults = Vec::new();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut old = std::mem::take(&mut current.sinks);
        for destination in &settings.destinations {
            let position = old.iter().position(|sink| sink.destination == *destination);
            let existing = position.map(|position| old.swap_remove(position));
            let opened = match existing {
                Some(sink) if !destination.is_file() => Ok(sink),
                existing => Sink::open(destination.clone(), self.topic_publisher.clone())
                    .map_err(|fault| (fault, existing)),
            };
            match opened {
                Ok(sink) => current.sinks.push(sink),
                Err((fault, existing)) => {
                    faults.push(fault);
                    current.sinks.extend(existing);
                }
            }
        }
        if !faults.is_empty() && current.sinks.is_empty() {
            // Errors must be seen somewhere.
            current.sinks.extend(Sink::open(Destination::Stderr, self.topic_publisher.clone()));
        }
        self.logs_packets.store(settings.types & Types::DEBUG != 0, Ordering::Relaxed);
        current.settings = settings;
        drop(current);
        faults.iter().for_each(|reason| self.write(&LogEvent::LogDestinationFailed { reason }));
    }

    /// Logs how many lines of which addresses the rate limit suppressed.
    pub(super) fn write_suppressed(&self) {
        for (source, count, seconds) in self.throttle.suppressed(Instant::now()) {
            self.write(&LogEvent::LogLinesSuppressed { source: &source, count, seconds });
        }
    }

    /// Whether stdout is for JSON, so that nothing else may be written to it.
    pub(super) fn has_json_on_stdout(&self) -> bool {
        let settings = self.settings();
        settings.format == LogFormat::Json && settings.destinations.contains(&Destination::Stdout)
    }

    /// Whether packets are logged.
    pub(super) fn logs_packets(&self) -> bool {
        self.logs_packets.load(Ordering::Relaxed)
    }

    /// Logs an event of the core.
    pub(super) fn event(&self, event: &Event) {
        self.write(&LogEvent::of(event));
    }

    /// Logs an event, if its type is logged and its address has not caused too many lines.
    pub(super) fn write(&self, event: &LogEvent<'_>) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let settings = &current.settings;
        let is_wanted = settings.types & event.log_type().bit() != 0
            && (settings.connections || !event.is_connection_message());
        let is_admitted = || {
            event
                .budget()
                .is_none_or(|(address, subject)| self.throttle.admits(address, subject, Instant::now()))
        };
        if !is_wanted || !is_admitted() {
            return;
        }
        let line = Arc::new(settings.line(event));
        for sink in &current.sinks {
            if !sink.take(&line) {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Writes what is queued, as far as the destinations take it within half a second.
    pub(super) fn close(&self) {
        self.write_suppressed();
        let count = self.lost.load(Ordering::Relaxed);
        if count > 0 {
            self.write(&LogEvent::LogLinesLost { count });
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

impl LogSettings {
    fn line(&self, event: &LogEvent<'_>) -> LogLine {
        let (now, log_type) = (SystemTime::now(), event.log_type());
        match self.format {
            LogFormat::Human => {
                let mut text = self.timestamp.write(now);
                let time_len = text.len();
                text += &clean(log_type, &event.text());
                let is_on_stdout = matches!(event, LogEvent::ListenerStarted { .. });
                LogLine { log_type, text, time_len, is_on_stdout }
            }
            LogFormat::Json => {
                let text = json(event, now);
                LogLine { log_type, text, time_len: 0, is_on_stdout: false }
            }
        }
    }
}

/// An event as one JSON object in one line.
fn json(event: &LogEvent<'_>, now: SystemTime) -> String {
    let time = humantime::format_rfc3339_millis(now);
    let (level, name) = (event.log_type().level(), event.name());
    let mut json = format!("{{\"time\":\"{time}\",\"level\":\"{level}\",\"event\":\"{name}\"");
    event.push_fields(&mut json);
    let message: String = event.text().chars().take(LONGEST).collect();
    field::push_field(&mut json, "message", &message.as_str());
    json.push('}');
    escape_unprintable(&json)
}

impl Timestamp {
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
                // The check of the configuration has verified the format.
                let _ = write!(out, "{}: ", chrono::DateTime::<chrono::Local>::from(now).format(format));
                out
            }
        }
    }
}

/// The longest text of a line, in characters.
const LONGEST: usize = 4_000;

/// Replaces characters that do not show as themselves. Names from clients are escaped already; this is the second barrier,
/// so that nothing reaches a terminal or ends a line. A tab in front of a line about a packet is ours.
fn clean(log_type: LogType, text: &str) -> String {
    let cleaned = |(at, c): (usize, char)| match c {
        '\t' if at == 0 && log_type == LogType::Debug => c,
        c if is_unprintable(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.char_indices().take(LONGEST).map(cleaned).collect()
}

/// Escapes characters that do not show as themselves; JSON itself requires that only of ASCII.
fn escape_unprintable(json: &str) -> String {
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
