//! `--exec`: a broker for the time of one command.

use std::net::SocketAddr;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

/// Starts the command with the environment that leads it to the broker.
///
/// # Errors
/// One line: why it could not be started.
pub(super) fn start(command: &str, broker: SocketAddr) -> Result<Child, String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child = Command::new(shell);
    child
        .args([flag, command])
        .env("MQTT_HOST", broker.ip().to_string())
        .env("MQTT_PORT", broker.port().to_string())
        .env("MQTT_URL", format!("mqtt://{broker}"))
        .kill_on_drop(true);
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
