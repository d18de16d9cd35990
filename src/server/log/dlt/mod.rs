//! Logging to dlt-daemon (AUTOSAR Diagnostic Log and Trace): verbose messages with MQTT as application and context ID, as in
//! mosquitto, written to the daemon's pipe as its library does. The daemon sets the log level through a pipe that we create.
//! Lines are queued until the daemon runs.
//!
//! Not supported: shared memory and Unix sockets, which some builds of the daemon use instead of the pipe.

mod wire;

use std::collections::VecDeque;
use std::fs::{File, OpenOptions, Permissions, remove_file};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;

use super::event::LogType;
use super::sink::LogLine;
use wire::{SET_LEVEL, farewell, header, introduction, message};

/// Maximum number of lines queued for the daemon; older ones are dropped.
const WAITING: usize = 1_000;
/// How often the daemon is looked for while lines are queued.
const RETRY: Duration = Duration::from_secs(1);

const ERROR: u8 = 2;
const WARNING: u8 = 3;
const INFO: u8 = 4;
const DEBUG: u8 = 5;

/// The directory of the daemon's pipe, determined as its library does.
fn folder() -> PathBuf {
    std::env::var_os("DLT_PIPE_DIR").map_or_else(|| "/tmp".into(), PathBuf::from)
}

/// Checks that lines could be written if the daemon ran.
///
/// # Errors
/// One line: why waiting for the daemon is pointless.
pub(super) fn check() -> Result<(), String> {
    let path = folder().join("dlt");
    let why = match open(&path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => "the broker's user must be in its group",
        Err(error) if error.kind() == ErrorKind::InvalidInput => "it is not the pipe of dlt-daemon",
        _ => return Ok(()),
    };
    Err(format!("cannot log to dlt: cannot write to {}: {why}", path.display()))
}

/// Writes lines until there are no more.
pub(super) fn write(lines: &Receiver<Arc<LogLine>>) {
    let mut daemon = Daemon::new(folder());
    loop {
        daemon.send();
        let next = if daemon.waiting.is_empty() {
            lines.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            lines.recv_timeout(RETRY)
        };
        match next {
            Ok(line) => daemon.take(line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    daemon.leave();
}

struct Daemon {
    folder: PathBuf,
    pipe: Option<File>,
    orders: Option<Orders>,
    /// The least important level that the daemon wants.
    level: u8,
    /// Number of messages written; the reader detects missing ones by it.
    count: u8,
    /// Queued lines and their times.
    waiting: VecDeque<(u32, Arc<LogLine>)>,
    lost: usize,
}

impl Daemon {
    fn new(folder: PathBuf) -> Self {
        let waiting = VecDeque::new();
        let mut daemon = Self { folder, pipe: None, orders: None, level: INFO, count: 0, waiting, lost: 0 };
        // If the daemon does not run yet, it is looked for with the first line.
        let _ = daemon.attach();
        daemon
    }

    /// Queues a line if its level is enabled.
    fn take(&mut self, line: Arc<LogLine>) {
        if let Some(wanted) = self.orders.as_mut().and_then(Orders::level) {
            self.level = wanted;
        }
        if level(line.log_type) > self.level {
            return;
        }
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
            self.lost += 1;
        }
        self.waiting.push_back((uptime(), line));
    }

    /// Registers with the daemon.
    fn attach(&mut self) -> io::Result<()> {
        let mut pipe = open(&self.folder.join("dlt"))?;
        // Dropped first: the pipe of an earlier registration has the same name as the new one.
        self.orders = None;
        // Until the daemon sets a level, the default applies.
        self.orders = Orders::open(&self.folder).ok();
        self.level = INFO;
        for message in introduction(std::process::id()) {
            pipe.write_all(&message)?;
        }
        self.pipe = Some(pipe);
        Ok(())
    }

    /// Writes queued lines, as far as the daemon reads them.
    fn send(&mut self) {
        while let Some((came, line)) = self.waiting.front().cloned() {
            if self.pipe.is_none() && self.attach().is_err() {
                return;
            }
            if self.lost > 0 {
                let text = format!("{} log lines were lost while dlt-daemon was not running", self.lost);
                if self.write(WARNING, came, &text).is_err() {
                    return;
                }
                self.lost = 0;
            }
            // The daemon adds the time itself.
            if self.write(level(line.log_type), came, &line.text[line.time_len..]).is_err() {
                return;
            }
            self.waiting.pop_front();
        }
    }

    fn write(&mut self, level: u8, came: u32, text: &str) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Err(ErrorKind::NotConnected.into()) };
        // Blocks while the daemon reads slowly; meanwhile lines queue up in the channel.
        let written = pipe.write_all(&message(level, self.count, came, text));
        match written {
            Ok(()) => self.count = self.count.wrapping_add(1),
            Err(_) => self.pipe = None,
        }
        written
    }

    fn leave(mut self) {
        if let Some(pipe) = &mut self.pipe {
            for message in farewell(std::process::id()) {
                // One that is gone needs no farewell.
                let _ = pipe.write_all(&message);
            }
        }
    }
}

/// Opens the daemon's pipe for blocking writes.
fn open(path: &Path) -> io::Result<File> {
    // Fails without a reader; and a regular file in place of the pipe is not written to.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    if !path.symlink_metadata()?.file_type().is_fifo() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let pipe = OpenOptions::new().write(true).custom_flags(flags.bits()).open(path)?;
    if !pipe.metadata()?.file_type().is_fifo() {
        return Err(ErrorKind::InvalidInput.into());
    }
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(pipe)
}

/// The pipe through which the daemon sends orders; its name contains our process ID.
struct Orders {
    path: PathBuf,
    pipe: File,
    /// The beginning of an incomplete order.
    rest: Vec<u8>,
}

impl Orders {
    fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("dltpipes").join(format!("dlt{}", std::process::id()));
        // Left by an earlier process with the same ID.
        let _ = remove_file(&path);
        nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o600))?;
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
        // Open for writing too, so that it does not end when the daemon closes it.
        let pipe = OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open(&path)?;
        // It inherited the daemon's group from the directory.
        pipe.set_permissions(Permissions::from_mode(0o620))?;
        Ok(Self { path, pipe, rest: Vec::new() })
    }

    /// The last level set since the previous call.
    fn level(&mut self) -> Option<u8> {
        let mut bytes = [0; 4_096];
        let len = self.pipe.read(&mut bytes).unwrap_or(0);
        self.rest.extend_from_slice(&bytes[..len]);
        // The log level, then the trace level and the number of the context, which are ignored.
        let order = header(SET_LEVEL);
        let ordered = self.rest.windows(order.len() + 1).rev().find(|bytes| bytes.starts_with(&order));
        let ordered = ordered.map(|bytes| bytes[order.len()]).filter(|level| *level <= 6);
        let from = self.rest.len().saturating_sub(order.len());
        // An order must not be found twice.
        self.rest = if ordered.is_some() { Vec::new() } else { self.rest.split_off(from) };
        ordered
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        // It fails only if the directory has been removed.
        let _ = remove_file(&self.path);
    }
}

/// DLT has no level between information and warning. mosquitto logs notices at the lowest level, where they are not seen.
fn level(log_type: LogType) -> u8 {
    match log_type {
        LogType::Error => ERROR,
        LogType::Warning => WARNING,
        LogType::Debug => DEBUG,
        _ => INFO,
    }
}

/// Tenths of milliseconds since the machine started; it wraps after five days.
fn uptime() -> u32 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let tenths = time.tv_sec.wrapping_mul(10_000).wrapping_add(time.tv_nsec / 100_000);
    // Truncated to 32 bits, as the protocol requires.
    (tenths & 0xFFFF_FFFF).try_into().unwrap_or_default()
}
