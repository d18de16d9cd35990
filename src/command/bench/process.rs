//! CPU time and memory of processes, as the system counts them.

use std::time::Duration;

/// CPU time of this process.
#[cfg(unix)]
pub(super) fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(not(unix))]
pub(super) fn own_cpu() -> Duration {
    Duration::ZERO
}

/// What another process has used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    /// Bytes that are resident.
    pub(super) memory: u64,
}

/// Reads it from `/proc`.
///
/// # Errors
/// One line, when there is no such process, or no `/proc`.
pub(super) fn usage(pid: u32) -> Result<Usage, String> {
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/{name}"))
            .map_err(|error| format!("cannot read the CPU time of process {pid}: {error}"))
    };
    let (stat, status) = (read("stat")?, read("status")?);
    parse(&stat, &status).ok_or_else(|| format!("cannot understand /proc/{pid}/stat"))
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The name stands in parentheses and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = resident.trim().strip_suffix("kB")?.trim().parse().ok()?;
    // Linux tells programs hundredths of a second, whatever it counts in.
    Some(Usage { cpu: Duration::from_millis((user + system) * 10), memory: kibibytes * 1024 })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Usage, parse};

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 1 0 1 1 1";
        let usage = parse(stat, "Name:\ta\nVmRSS:\t    2048 kB\n").unwrap();
        assert_eq!(usage, Usage { cpu: Duration::from_millis(1_750), memory: 2 << 20 });
        assert!(parse("nothing", "").is_none());
    }
}
