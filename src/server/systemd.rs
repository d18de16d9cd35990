//! What the broker and systemd tell each other: states by `NOTIFY_SOCKET`, and the interval of the watchdog.

use std::time::Duration;

/// A state of the service, as sd_notify(3) defines them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceState {
    /// All listeners accept connections, or a reload has ended.
    Ready,
    /// The configuration is being read again; `Ready` follows.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no signal to reload"))]
    Reloading,
    Stopping,
    /// All workers answer.
    Alive,
}

impl ServiceState {
    fn text(self) -> String {
        match self {
            Self::Ready => "READY=1".to_owned(),
            // By this time systemd tells the end of this reload from that of an earlier one.
            Self::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()),
            Self::Stopping => "STOPPING=1".to_owned(),
            Self::Alive => "WATCHDOG=1".to_owned(),
        }
    }
}

/// Tells systemd the state of the service, if it has asked for it.
#[cfg(unix)]
pub(super) fn notify(state: ServiceState) {
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let path = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str());
    let address = match path.strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name),
        _ => SocketAddr::from_pathname(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(path)),
    };
    // Whoever does not listen has nothing to learn.
    let _ = address.and_then(|address| {
        UnixDatagram::unbound()?.send_to_addr(state.text().as_bytes(), &address).map(drop)
    });
}

#[cfg(not(unix))]
pub(super) fn notify(_: ServiceState) {}

#[cfg(unix)]
fn monotonic_microseconds() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

#[cfg(not(unix))]
fn monotonic_microseconds() -> i64 {
    0
}

/// How long the service may be silent before systemd restarts it, if it watches this process.
pub(super) fn watchdog_timeout() -> Option<Duration> {
    let variable = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_own = variable("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    variable("WATCHDOG_USEC").filter(|timeout| *timeout > 0 && is_own).map(Duration::from_micros)
}
