//! The log at dlt-daemon, as AUTOSAR's Diagnostic Log and Trace has it: verbose messages of the application and the context
//! MQTT, which are mosquitto's names, written to the daemon's pipe as its library writes them. Which levels it wants the
//! daemon says by a pipe of ours. Lines wait for a daemon that is not there yet.
//!
//! Left out: shared memory and Unix sockets, which a daemon has in place of the pipe if it was built so.

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

/// Lines that wait for a daemon; of more the older ones are lost.
const WAITING: usize = 1_000;
/// How long until the next look for it while lines wait.
const RETRY: Duration = Duration::from_secs(1);

const ERROR: u8 = 2;
const WARNING: u8 = 3;
const INFO: u8 = 4;
const DEBUG: u8 = 5;

/// Where the daemon is looked for, as its library does it.
fn folder() -> PathBuf {
    std::env::var_os("DLT_PIPE_DIR").map_or_else(|| "/tmp".into(), PathBuf::from)
}

/// Whether lines could be written if the daemon were there.
///
/// # Errors
/// One line: why it is of no use to wait for it.
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
    /// Messages that were written, by which their reader sees what is missing.
    count: u8,
    /// Lines, and when they came.
    waiting: VecDeque<(u32, Arc<LogLine>)>,
    lost: usize,
}

impl Daemon {
    fn new(folder: PathBuf) -> Self {
        let waiting = VecDeque::new();
        let mut daemon = Self { folder, pipe: None, orders: None, level: INFO, count: 0, waiting, lost: 0 };
        // One that is not there yet is looked for with the first line.
        let _ = daemon.attach();
        daemon
    }

    /// Keeps a line if it is wanted.
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

    /// Introduces us to the daemon.
    fn attach(&mut self) -> io::Result<()> {
        let mut pipe = open(&self.folder.join("dlt"))?;
        // Those of an earlier daemon take their pipe with them, which has the name of the new one.
        self.orders = None;
        // Without orders it is as before the first.
        self.orders = Orders::open(&self.folder).ok();
        self.level = INFO;
        for message in introduction(std::process::id()) {
            pipe.write_all(&message)?;
        }
        self.pipe = Some(pipe);
        Ok(())
    }

    /// Writes what waits, as far as there is somebody to read it.
    fn send(&mut self) {
        while let Some((came, line)) = self.waiting.front().cloned() {
            if self.pipe.is_none() && self.attach().is_err() {
                return;
            }
            if self.lost > 0 {
                let text = format!("{} lines of the log were lost while there was no dlt-daemon", self.lost);
                if self.write(WARNING, came, &text).is_err() {
                    return;
                }
                self.lost = 0;
            }
            // The daemon has a time of its own.
            if self.write(level(line.log_type), came, &line.text[line.time_len..]).is_err() {
                return;
            }
            self.waiting.pop_front();
        }
    }

    fn write(&mut self, level: u8, came: u32, text: &str) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Err(ErrorKind::NotConnected.into()) };
        // A daemon that reads slowly is waited for, and meanwhile lines wait for us.
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

/// Opens the daemon's pipe for writing, which waits for room.
fn open(path: &Path) -> io::Result<File> {
    // A pipe that nobody reads is none; and nobody's file is written to in its place.
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

/// The pipe by which the daemon says what it wants; the daemon knows it by the process it belongs to.
struct Orders {
    path: PathBuf,
    pipe: File,
    /// The beginning of an order that was not whole.
    rest: Vec<u8>,
}

impl Orders {
    fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("dltpipes").join(format!("dlt{}", std::process::id()));
        // One that an earlier process of this number left.
        let _ = remove_file(&path);
        nix::unistd::mkfifo(&path, Mode::from_bits_truncate(0o600))?;
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
        // Open for writing too, so that it does not end when the daemon closes it.
        let pipe = OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open(&path)?;
        // The folder has given it the group of the daemon.
        pipe.set_permissions(Permissions::from_mode(0o620))?;
        Ok(Self { path, pipe, rest: Vec::new() })
    }

    /// The level that was ordered last since the last call.
    fn level(&mut self) -> Option<u8> {
        let mut bytes = [0; 4_096];
        let len = self.pipe.read(&mut bytes).unwrap_or(0);
        self.rest.extend_from_slice(&bytes[..len]);
        // The level, and then another for traces, which there are none of, and which of our contexts it is.
        let order = header(SET_LEVEL);
        let ordered = self.rest.windows(order.len() + 1).rev().find(|bytes| bytes.starts_with(&order));
        let ordered = ordered.map(|bytes| bytes[order.len()]).filter(|level| *level <= 6);
        let from = self.rest.len().saturating_sub(order.len());
        // What was found must not be found again.
        self.rest = if ordered.is_some() { Vec::new() } else { self.rest.split_off(from) };
        ordered
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        // Gone already with the folder, if at all.
        let _ = remove_file(&self.path);
    }
}

/// DLT has no level between information and warning. mosquitto gives notices its lowest, where nobody sees them.
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
    // The low 32 bits are what is meant.
    (tenths & 0xFFFF_FFFF).try_into().unwrap_or_default()
}
