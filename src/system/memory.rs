//! How much memory this process may still take, and what would give it more.

use std::path::Path;

/// What is left, in bytes, and what sets the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) bytes: u64,
    pub(crate) bound: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The limit of the process.
    Process,
    /// That of a control group it is in, as containers and services have one.
    Group,
    /// The machine.
    Machine,
}

impl Bound {
    /// What raises it.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Process => "raise the limit with `ulimit -v unlimited`",
            Self::Group => {
                "raise the limit with `systemctl set-property UNIT MemoryMax=infinity`, or the --memory of its container"
            }
            Self::Machine => "`ps --sort=-rss -eo rss,comm` says who has it",
        }
    }
}

impl Left {
    /// The least that is left by any bound, where the system tells.
    pub(crate) fn now() -> Option<Self> {
        let of = |bytes: Option<u64>, bound| bytes.map(|bytes| Self { bytes, bound });
        let bounds =
            [of(process(), Bound::Process), of(group(), Bound::Group), of(machine(), Bound::Machine)];
        bounds.into_iter().flatten().min_by_key(|left| left.bytes)
    }
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The bytes behind a name, which are kibibytes there.
pub(crate) fn figure(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

#[cfg(unix)]
fn process() -> Option<u64> {
    let most = rustix::process::getrlimit(rustix::process::Resource::As).current?;
    Some(most.saturating_sub(figure(&read("/proc/self/status")?, "VmSize:")?))
}

#[cfg(not(unix))]
fn process() -> Option<u64> {
    None
}

fn machine() -> Option<u64> {
    figure(&read("/proc/meminfo")?, "MemAvailable:")
}

fn group() -> Option<u64> {
    let groups = read("/proc/self/cgroup")?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    group_in(Path::new("/sys/fs/cgroup"), own)
}

/// What the group and those that it is in leave.
fn group_in(root: &Path, own: &str) -> Option<u64> {
    let left = |folder: &Path| {
        let number = |name: &str| read(folder.join(name))?.trim().parse::<u64>().ok();
        // Files that are only cached make way.
        let cached = read(folder.join("memory.stat")).and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok())
        });
        let used = number("memory.current")?.saturating_sub(cached.unwrap_or(0));
        number("memory.max").map(|most| most.saturating_sub(used))
    };
    let own = root.join(own);
    own.ancestors().take_while(|folder| folder.starts_with(root)).filter_map(left).min()
}

#[cfg(test)]
mod tests {
    use super::{figure, group_in};

    #[test]
    fn the_tightest_group_counts() {
        let root = std::env::temp_dir().join(format!("skeeter-groups-{}", std::process::id()));
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        let write = |path: &str, text: &str| std::fs::write(root.join(path), text).unwrap();
        write("a/memory.max", "1000\n");
        write("a/memory.current", "900\n");
        write("a/memory.stat", "anon 1\ninactive_file 300\n");
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "10\n");
        assert_eq!((group_in(&root, "a/b"), group_in(&root, "")), (Some(400), None));
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn figures_have_names() {
        let text = "VmPeak:\t  9 kB\nVmSize:\t  2 kB\n";
        assert_eq!((figure(text, "VmSize:"), figure(text, "VmRSS:")), (Some(2_048), None));
    }
}
