//! CPU time and memory of processes, and what this machine is, as the system tells it.

use std::time::Duration;

use crate::broker::Usage;
use crate::system::memory::figure;
use crate::text::os_error;

/// What a thread had of the processors.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Busy {
    pub(crate) cpu: Duration,
    /// Time in which it could have worked and no processor was free; none where the system does not tell.
    pub(crate) waited: Duration,
}

impl Busy {
    /// Of this thread so far.
    pub(crate) fn now() -> Self {
        let waited = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let waited = waited.and_then(|text| text.split_whitespace().nth(1)?.parse().ok());
        Self { cpu: thread_cpu(), waited: Duration::from_nanos(waited.unwrap_or(0)) }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(before.cpu), waited: self.waited.saturating_sub(before.waited) }
    }
}

#[cfg(unix)]
fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(not(unix))]
fn thread_cpu() -> Duration {
    Duration::ZERO
}

/// Resident memory of this process, in bytes, where the system tells.
pub(crate) fn own_memory() -> Option<u64> {
    usage(std::process::id()).ok().map(|usage| usage.memory)
}

/// Reads it from `/proc`.
///
/// # Errors
/// One line, when there is no such process, or no `/proc`.
pub(crate) fn usage(pid: u32) -> Result<Usage, String> {
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/{name}"))
            .map_err(|error| format!("cannot read the CPU time of process {pid}: {}", os_error(&error)))
    };
    let (stat, status) = (read("stat")?, read("status")?);
    parse(&stat, &status).ok_or_else(|| format!("cannot understand /proc/{pid}/stat"))
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The name stands in parentheses and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    // Linux tells programs hundredths of a second, whatever it counts in.
    Some(Usage { cpu: Duration::from_millis((user + system) * 10), memory: figure(status, "VmRSS:")? })
}

/// CPU-seconds and resident memory of this process, where the system tells.
#[cfg(unix)]
pub(crate) fn own() -> Option<Usage> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let cpu = Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
    Some(Usage { cpu, memory: own_memory()? })
}

#[cfg(not(unix))]
pub(crate) fn own() -> Option<Usage> {
    None
}

/// Seconds that the processors of this machine had nothing to do, all together, since it began, where the system tells.
pub(crate) fn idle() -> Option<f64> {
    idle_of(&std::fs::read_to_string("/proc/stat").ok()?)
}

fn idle_of(stat: &str) -> Option<f64> {
    // user, nice, system, idle, and waiting for a disk, in hundredths of a second.
    let mut fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().skip(3);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}

/// Processors of this machine, whether this process may use them or not, where the system tells.
pub(crate) fn processors() -> usize {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let told = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count();
    match told {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        told => told,
    }
}

/// What this machine is, as far as a reader of a report wants to know.
pub(crate) struct Machine {
    pub(crate) system: String,
    pub(crate) processor: Option<String>,
    pub(crate) processors: usize,
    /// Bytes.
    pub(crate) memory: Option<u64>,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let release = read("/proc/sys/kernel/osrelease").unwrap_or_default();
        let system = format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH);
        let of_line = |text: String, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        Self {
            system: system.split_whitespace().collect::<Vec<_>>().join(" "),
            processor: read("/proc/cpuinfo").and_then(|text| of_line(text, "model name")),
            processors: processors(),
            memory: read("/proc/meminfo").and_then(|text| figure(&text, "MemTotal:")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Usage, idle_of, parse};

    #[test]
    fn the_name_of_a_process_may_hold_anything() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 1 0 1 1 1";
        let usage = parse(stat, "Name:\ta\nVmRSS:\t    2048 kB\n").unwrap();
        assert_eq!(usage, Usage { cpu: Duration::from_millis(1_750), memory: 2 << 20 });
        assert!(parse("nothing", "").is_none());
    }

    #[test]
    fn what_the_processors_did_not_do_is_read() {
        assert_eq!(idle_of("cpu  1 2 3 400 50 6 7 8 9 10\ncpu0 1 2 3 4 5\n"), Some(4.5));
        assert!(idle_of("intr 1").is_none());
    }
}
