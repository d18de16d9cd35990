//! `--exec`: a broker for the time of one command.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitStatus;

use tokio::process::{Child, Command};

use super::gate::Open;

/// The variables that lead to the broker.
pub(super) type Environment = Vec<(&'static str, String)>;

/// The way to the first listener, from this machine.
///
/// # Errors
/// When the address of its socket cannot be told.
pub(super) fn environment(listeners: &[Open]) -> Result<Environment, String> {
    let place = listeners.iter().flat_map(Open::places).next().ok_or("there is no listener for --exec")?;
    let Some(address) = place.socket.address() else { return Ok(vec![("MQTT_URL", place.url())]) };
    let address = reachable(address);
    let host = if place.protocol().1 { "localhost".to_owned() } else { address.ip().to_string() };
    Ok(vec![
        ("MQTT_HOST", host),
        ("MQTT_PORT", address.port().to_string()),
        ("MQTT_URL", place.url_at(address)),
    ])
}

/// What a command on this machine connects to.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: std::net::IpAddr =
            if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    address
}

/// Starts the command with the environment that leads it to the broker.
///
/// # Errors
/// One line: why it could not be started.
pub(super) fn start(command: &str, environment: Environment) -> Result<Child, String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child = Command::new(shell);
    child.args([flag, command]).envs(environment).kill_on_drop(true);
    if let Ok(program) = std::env::current_exe() {
        child.env("SKEETER", program);
    }
    child.spawn().map_err(|error| format!("cannot start the shell {shell} for --exec: {error}"))
}

/// The status to exit with: the command's own, or 128 and the signal that ended it, as shells have it.
pub(super) fn status(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
