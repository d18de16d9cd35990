//! `--exec`: a broker that runs as long as one command.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitStatus;

use tokio::process::{Child, Command};

use super::listeners::accept::OpenListener;
use crate::text::os_error;

/// The environment variables that tell the command where the broker listens.
pub(super) type CommandEnvironment = Vec<(&'static str, String)>;

/// Where the first listener is, seen from this machine.
///
/// # Errors
/// There is no listener.
pub(super) fn environment(listeners: &[OpenListener]) -> Result<CommandEnvironment, String> {
    let open = listeners.first().ok_or("there is no listener for --exec")?;
    let (url, socket) = open.urls().next().ok_or("there is no listener for --exec")?;
    let Some(address) = socket.address() else { return Ok(vec![("MQTT_URL", url)]) };
    let address = reachable(address);
    let listener = &open.active.loaded().listener;
    let host = if listener.tls.is_some() { "localhost".to_owned() } else { address.ip().to_string() };
    Ok(vec![
        ("MQTT_HOST", host),
        ("MQTT_PORT", address.port().to_string()),
        ("MQTT_URL", format!("{}://{address}", listener.scheme())),
    ])
}

/// An address that a command on this machine can connect to.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: std::net::IpAddr =
            if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    address
}

/// Starts the command.
///
/// # Errors
/// One line: why it could not be started.
pub(super) fn start(command: &str, environment: CommandEnvironment) -> Result<Child, String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child = Command::new(shell);
    child.args([flag, command]).envs(environment).kill_on_drop(true);
    if let Ok(program) = std::env::current_exe() {
        child.env("SKEETER", program);
    }
    child.spawn().map_err(|error| format!("cannot start the shell {shell} for --exec: {}", os_error(&error)))
}

/// The exit status: that of the command, or 128 + signal if a signal ended it, as in shells.
pub(super) fn status(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(1);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
