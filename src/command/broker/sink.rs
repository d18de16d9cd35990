//! One destination of the log: a thread that writes lines as they come.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

#[cfg(unix)]
use super::dlt;
use super::worker::Clock;
use crate::broker::{Broker, Turn};
use crate::config::global::Types;

/// Lines that may wait for a destination.
const WAITING: usize = 8_192;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    Stderr,
    Stdout,
    File(PathBuf),
    /// The system's log; local0 to local7, or daemon.
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

/// One line, and where in it the time ends.
#[derive(Debug)]
pub(super) struct Line {
    /// One bit of [`Types`].
    pub(super) kind: u8,
    pub(super) text: String,
    pub(super) bare: usize,
}

/// Those who read the log by MQTT.
#[derive(Debug)]
pub(super) struct Audience {
    pub(super) broker: Arc<Broker>,
    pub(super) clock: Clock,
}

#[derive(Debug)]
pub(super) struct Sink {
    pub(super) destination: Destination,
    lines: SyncSender<Arc<Line>>,
    writer: JoinHandle<()>,
}

impl Sink {
    /// # Errors
    /// One line: what cannot be opened, and why.
    pub(super) fn open(destination: Destination, audience: Arc<OnceLock<Audience>>) -> Result<Self, String> {
        let file = match &destination {
            Destination::File(path) => Some(open(path)?),
            #[cfg(unix)]
            Destination::Dlt => dlt::check().map(|()| None)?,
            _ => None,
        };
        let (lines, receiver) = sync_channel(WAITING);
        let to = destination.clone();
        let write = move || match (to, file) {
            (Destination::Stdout, _) => write_lines(&receiver, std::io::stdout()),
            (_, Some(file)) => write_lines(&receiver, file),
            (Destination::Stderr | Destination::File(_), None) => write_lines(&receiver, std::io::stderr()),
            #[cfg(unix)]
            (Destination::Syslog(facility), _) => write_syslog(&receiver, facility),
            #[cfg(unix)]
            (Destination::Dlt, _) => dlt::write(&receiver),
            (Destination::Topic, _) => write_topic(&receiver, &audience),
        };
        let thread = std::thread::Builder::new().name("log".into()).spawn(write);
        let writer = thread.map_err(|error| format!("cannot start a thread for the log: {error}"))?;
        Ok(Self { destination, lines, writer })
    }

    /// Takes a line if there is room for it.
    pub(super) fn take(&self, line: &Arc<Line>) -> bool {
        // What is for developers does not go to topics, where writing it would cause more of it.
        let wanted = self.destination != Destination::Topic || line.kind != Types::DEBUG;
        !wanted || self.lines.try_send(line.clone()).is_ok()
    }

    /// Lets the writer end when it has written what waits.
    pub(super) fn end(self) -> JoinHandle<()> {
        self.writer
    }
}

/// Opens a log file for its owner alone. One that a symbolic link leads to is refused, unless the environment variable
/// that mosquitto has for it says otherwise: whoever may write in the folder could have put it there.
fn open(path: &Path) -> Result<File, String> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let follows = std::env::var_os("MOSQUITTO_UNSAFE_ALLOW_SYMLINKS").is_some();
    if !follows && path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(format!("cannot open the log file {}: it is a symbolic link", path.display()));
    }
    options.open(path).map_err(|error| format!("cannot open the log file {}: {error}", path.display()))
}

fn write_lines(lines: &Receiver<Arc<Line>>, mut to: impl Write) {
    for line in lines {
        // Nobody is left to tell that it is closed.
        let _ = to.write_all(format!("{}\n", line.text).as_bytes()).and_then(|()| to.flush());
    }
}

#[cfg(unix)]
fn write_syslog(lines: &Receiver<Arc<Line>>, facility: Option<u8>) {
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
    // A system without a log takes nothing, and nobody is left to tell.
    let _ = openlog(name, LogFlags::LOG_PID, facility);
    for line in lines {
        let severity = match line.kind {
            Types::ERROR => Severity::LOG_ERR,
            Types::WARNING => Severity::LOG_WARNING,
            Types::INFORMATION => Severity::LOG_INFO,
            Types::DEBUG => Severity::LOG_DEBUG,
            _ => Severity::LOG_NOTICE,
        };
        // The system's log has a time of its own.
        let _ = syslog(Priority::new(severity, facility), &line.text[line.bare..]);
    }
}

/// Publishes lines under mosquitto's topics. What that makes the broker say is left out, or it would never end.
fn write_topic(lines: &Receiver<Arc<Line>>, audience: &OnceLock<Audience>) {
    let mut turn = None;
    for line in lines {
        let Some(Audience { broker, clock }) = audience.get() else { continue };
        let turn = turn.get_or_insert_with(|| Turn::new(Arc::default(), broker));
        turn.begin(clock.now(), broker);
        let name = match line.kind {
            Types::ERROR => "E",
            Types::WARNING => "W",
            Types::INFORMATION => "I",
            Types::SUBSCRIBE => "M/subscribe",
            Types::UNSUBSCRIBE => "M/unsubscribe",
            _ => "N",
        };
        broker.publish_log(name, &line.text, turn);
        turn.events.clear();
        turn.wake();
    }
}
