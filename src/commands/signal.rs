//! `skeeter signal`: tells running brokers something.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::cli::exit::{self, FAILURE, Failure};
use crate::cli::signal::{BrokerSignal, SignalArgs};
use crate::text::os_error;

/// Runs the subcommand; the status to exit with.
pub(super) fn run(args: &SignalArgs) -> u8 {
    match send(args) {
        Ok(()) => exit::SUCCESS.code,
        Err(failure) => {
            eprintln!("{}: {}", args.dialect.with_names("skeeter signal"), failure.text);
            failure.code_in(args.dialect)
        }
    }
}

fn send(args: &SignalArgs) -> Result<(), Failure> {
    let fail = |text: String| Failure::new(FAILURE, text);
    let signal = match args.signal {
        // Unlike SIGRTMIN, it ends no version of mosquitto.
        BrokerSignal::ConfigReload | BrokerSignal::LogRotate => Signal::HUP,
        BrokerSignal::Shutdown => Signal::INT,
        BrokerSignal::TreePrint => Signal::USR2,
        BrokerSignal::Xtreport => {
            return Err(fail("xtreport is not supported; the counters are under $SYS".to_owned()));
        }
    };
    let pids = match args.pid {
        Some(pid) => Pid::from_raw(pid).into_iter().collect(),
        None => brokers()
            .map_err(|error| fail(format!("cannot list processes in /proc: {}", os_error(&error))))?,
    };
    if pids.is_empty() {
        return Err(fail("no broker is running; -p sends a signal to any process".to_owned()));
    }
    let mut refused = Vec::new();
    for pid in pids {
        if let Err(error) = kill_process(pid, signal) {
            refused.push(format!("cannot signal process {pid}: {}", std::io::Error::from(error)));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(fail(refused.join("\n"))) }
}

/// The processes of this machine that are brokers by their command lines, except this one.
fn brokers() -> std::io::Result<Vec<Pid>> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let pid = entry.file_name().to_str().and_then(|name| Pid::from_raw(name.parse().ok()?));
        let Some(pid) = pid.filter(|pid| pid.as_raw_pid().cast_unsigned() != std::process::id()) else {
            continue;
        };
        // It may have ended meanwhile.
        let Ok(command) = std::fs::read(entry.path().join("cmdline")) else { continue };
        if is_broker(&command) {
            pids.push(pid);
        }
    }
    Ok(pids)
}

/// Whether the words of a command line, each with a NUL behind it, start a broker.
fn is_broker(command: &[u8]) -> bool {
    let mut words = command.split(|byte| *byte == 0);
    let program = words.next().map(|word| Path::new(std::ffi::OsStr::from_bytes(word)));
    match program.and_then(Path::file_name).map(OsStrExt::as_bytes) {
        Some(b"mosquitto") => true,
        Some(b"skeeter") => words.next() == Some(b"broker"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_broker;

    #[test]
    fn brokers_are_known_by_their_command_lines() {
        for (command, expected) in [
            (&b"/usr/sbin/mosquitto\0-c\0mosquitto.conf\0"[..], true),
            (b"skeeter\0broker\0", true),
            (b"/usr/local/bin/skeeter\0broker\0-p\x000\0", true),
            (b"skeeter\0sub\0-t\0broker\0", false),
            (b"mosquitto_sub\0-t\0#\0", false),
            (b"vi\0mosquitto\0", false),
            (b"", false),
        ] {
            assert_eq!(is_broker(command), expected, "{}", String::from_utf8_lossy(command));
        }
    }
}
