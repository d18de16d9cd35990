//! A destination of the log, and the thread that writes to it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

#[cfg(unix)]
use super::dlt;
use super::event::LogType;
use crate::broker::{Broker, Turn};
use crate::server::clock::BrokerClock;
use crate::text::os_error;

/// Lines queued for a destination; further ones are lost.
const QUEUED_LINES: usize = 8_192;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Destination {
    Stderr,
    Stdout,
    File(PathBuf),
    /// syslog with facility local0 to local7, or daemon.
    #[cfg(unix)]
    Syslog(Option<u8>),
    /// dlt-daemon.
    #[cfg(unix)]
    Dlt,
    /// `$SYS/broker/log/`.
    Topic,
}

impl Destination {
    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// A finished line.
#[derive(Debug)]
pub(super) struct LogLine {
    pub(super) log_type: LogType,
    pub(super) text: String,
    /// Bytes of the time at the beginning of `text`.
    pub(super) time_len: usize,
    /// Whether stdout has a line of its own about it.
    pub(super) is_on_stdout: bool,
}

/// The broker that publishes log lines to `$SYS/broker/log/`.
#[derive(Debug)]
pub(in crate::server) struct LogTopicPublisher {
    pub(in crate::server) broker: Arc<Broker>,
    pub(in crate::server) clock: BrokerClock,
}

#[derive(Debug)]
pub(super) struct Sink {
    pub(super) destination: Destination,
    lines: SyncSender<Arc<LogLine>>,
    writer: JoinHandle<()>,
}

impl Sink {
    /// # Errors
    /// One line: what cannot be opened, and why.
    pub(super) fn open(
        destination: Destination,
        publisher: Arc<OnceLock<LogTopicPublisher>>,
    ) -> Result<Self, String> {
        let file = match &destination {
            Destination::File(path) => Some(open(path)?),
            #[cfg(unix)]
            Destination::Dlt => dlt::check().map(|()| None)?,
            _ => None,
        };
        let (lines, receiver) = sync_channel(QUEUED_LINES);
        let to = destination.clone();
        let write = move || match (to, file) {
            (Destination::Stdout, _) => write_lines(&receiver, std::io::stdout()),
            (_, Some(file)) => write_lines(&receiver, file),
            (Destination::Stderr | Destination::File(_), None) => write_lines(&receiver, std::io::stderr()),
            #[cfg(unix)]
            (Destination::Syslog(facility), _) => write_syslog(&receiver, facility),
            #[cfg(unix)]
            (Destination::Dlt, _) => dlt::write(&receiver),
            (Destination::Topic, _) => write_topic(&receiver, &publisher),
        };
        let thread = std::thread::Builder::new().name("log".into()).spawn(write);
        let writer = thread.map_err(|error| format!("cannot start a log thread: {}", os_error(&error)))?;
        Ok(Self { destination, lines, writer })
    }

    /// Queues a line; false if there is no room.
    pub(super) fn take(&self, line: &Arc<LogLine>) -> bool {
        let is_unwanted = match self.destination {
            // Publishing a packet's line would cause more packets.
            Destination::Topic => line.log_type == LogType::Debug,
            Destination::Stdout | Destination::Stderr => line.is_on_stdout,
            _ => false,
        };
        is_unwanted || self.lines.try_send(line.clone()).is_ok()
    }

    /// Lets the thread end when it has written what is queued.
    pub(super) fn end(self) -> JoinHandle<()> {
        self.writer
    }
}

/// Opens a log file with mode 0600. A symbolic link is refused, since whoever may write to the directory could have put it
/// there, unless mosquitto's environment variable allows it.
fn open(path: &Path) -> Result<File, String> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let follows = std::env::var_os("MOSQUITTO_UNSAFE_ALLOW_SYMLINKS").is_some();
    if !follows && path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(format!(
            "cannot open log file {}: it is a symbolic link (MOSQUITTO_UNSAFE_ALLOW_SYMLINKS allows it)",
            path.display()
        ));
    }
    options
        .open(path)
        .map_err(|error| format!("cannot open log file {}: {}", path.display(), os_error(&error)))
}

fn write_lines(lines: &Receiver<Arc<LogLine>>, mut to: impl Write) {
    for line in lines {
        // There is nowhere to report that it is closed.
        let _ = to.write_all(format!("{}\n", line.text).as_bytes()).and_then(|()| to.flush());
    }
}

#[cfg(unix)]
fn write_syslog(lines: &Receiver<Arc<LogLine>>, facility: Option<u8>) {
    use nix::syslog::{Facility, LogFlags, Priority, Severity, openlog, syslog};
    let facility = match facility {
        Some(0) => Facility::LOG_LOCAL0,
        Some(1) => Facility::LOG_LOCAL1,
        Some(2) => Facility::LOG_LOCAL2,
        Some(3) => Facility::LOG_LOCAL3,
        Some(4) => Facility::LOG_LOCAL4,
        Some(5) => Facility::LOG_LOCAL5,
        Some(6) => Facility::LOG_LOCAL6,
        Some(_) => Facility::LOG_LOCAL7,
        None => Facility::LOG_DAEMON,
    };
    #[cfg(target_os = "linux")]
    let name = Some(c"skeeter");
    #[cfg(not(target_os = "linux"))]
    let name = Some("skeeter");
    // There is nowhere to report that the system has no log.
    let _ = openlog(name, LogFlags::LOG_PID, facility);
    for line in lines {
        let severity = match line.log_type {
            LogType::Error => Severity::LOG_ERR,
            LogType::Warning => Severity::LOG_WARNING,
            LogType::Info => Severity::LOG_INFO,
            LogType::Debug => Severity::LOG_DEBUG,
            _ => Severity::LOG_NOTICE,
        };
        // syslog adds the time itself.
        let _ = syslog(Priority::new(severity, facility), &line.text[line.time_len..]);
    }
}

/// Publishes lines to mosquitto's topics. Events that this causes are discarded, or it would never end.
fn write_topic(lines: &Receiver<Arc<LogLine>>, publisher: &OnceLock<LogTopicPublisher>) {
    let mut turn = None;
    for line in lines {
        let Some(LogTopicPublisher { broker, clock }) = publisher.get() else { continue };
        let turn = turn.get_or_insert_with(|| Turn::new(Arc::default(), broker));
        turn.begin(clock.now(), broker);
        let name = match line.log_type {
            LogType::Error => "E",
            LogType::Warning => "W",
            LogType::Info => "I",
            LogType::Subscribe => "M/subscribe",
            LogType::Unsubscribe => "M/unsubscribe",
            _ => "N",
        };
        broker.publish_log(name, &line.text, turn);
        turn.events.clear();
        turn.wake();
    }
}
