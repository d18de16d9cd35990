//! Where the broker listens: lines on stdout for people, and the ports file for programs.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::accept::OpenListener;
use crate::net::listener::Protocol;
use crate::server::log::{Log, LogEvent};
use crate::text::os_error;

/// A listener, and whether it accepts clients without authentication.
pub(in crate::server) struct Announcement<'a> {
    pub(in crate::server) listener: &'a OpenListener,
    pub(in crate::server) anonymous: bool,
}

/// Writes and logs where the broker listens.
pub(in crate::server) fn announce(announcements: &[Announcement<'_>], log: &Log, out: &mut dyn Write) {
    let mut lines = String::new();
    for Announcement { listener, anonymous } in announcements {
        for (url, socket) in listener.urls() {
            lines += &format!("listening on {url}\n");
            log.write(&LogEvent::ListenerStarted { listener: &url, anonymous: *anonymous });
            let Some(address) = socket.address() else { continue };
            if address.ip().is_unspecified() {
                let scheme = listener.scheme();
                for reachable in reachable_addresses(address.ip()) {
                    let address = SocketAddr::new(reachable, address.port());
                    lines += &format!("  other machines reach it at {scheme}://{address}\n");
                }
            }
            if *anonymous && !address.ip().is_loopback() {
                lines += "  no authentication: whoever reaches this address can read and publish every message; \
                    add --user NAME:PASSWORD or --password-file\n";
            }
        }
    }
    // The broker works without stdout.
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

/// Writes command lines for clients of a broker that has made its certificates itself.
pub(in crate::server) fn explain_tls(listeners: &[OpenListener], out: &mut dyn Write) {
    let with_tls = listeners.iter().find_map(|open| {
        let loaded = open.active.loaded();
        let listener = &loaded.listener;
        let ca_file = listener.tls.as_ref()?.ca_file.clone()?;
        (listener.protocol == Protocol::Mqtt).then_some((open, listener.require_certificate, ca_file))
    });
    let Some((open, needs_certificate, ca_file)) = with_tls else { return };
    let Some(address) = open.sockets.iter().find_map(|socket| socket.address()) else { return };
    let host = if address.ip().is_loopback() { "localhost".to_owned() } else { host_name() };
    let (port, ca_file) = (address.port(), ca_file.display());
    let mut lines = String::from("clients that trust this broker's certificate authority connect with\n");
    let own = if needs_certificate { " --cert NAME.pem --key NAME.key" } else { "" };
    lines += &format!("  skeeter sub -L 'mqtts://{host}:{port}/#' --cafile '{ca_file}'{own}\n");
    lines += &format!("  skeeter pub -L mqtts://{host}:{port}/hello -m world --cafile '{ca_file}'{own}\n");
    if needs_certificate {
        lines += "where `skeeter cert NAME` makes the certificate and its key\n";
    }
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    "localhost".to_owned()
}

/// The addresses of this machine by which others reach a socket at `unspecified`, 0.0.0.0 or ::.
fn reachable_addresses(unspecified: IpAddr) -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses =
        interfaces.into_iter().filter(|interface| !interface.is_loopback()).map(|interface| interface.ip());
    // :: takes IPv4 connections too; a link-local address is of no use without its zone.
    addresses
        .filter(|address| match address {
            IpAddr::V4(_) => true,
            IpAddr::V6(address) => unspecified.is_ipv6() && !address.is_unicast_link_local(),
        })
        .collect()
}

/// The ports file, removed when the broker ends. One that another broker has written meanwhile is left alone.
#[derive(Debug)]
pub(in crate::server) struct PortsFile {
    path: PathBuf,
    text: String,
}

impl Drop for PortsFile {
    fn drop(&mut self) {
        if std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.text) {
            // It may be gone by now.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes what an earlier broker left that was killed, so that nobody takes it for that of this one.
pub(in crate::server) fn remove_stale_ports(path: &Path) {
    // If it cannot be removed, neither can it be replaced, which is an error then.
    let _ = std::fs::remove_file(path);
}

/// Writes the ports file; it is replaced as a whole, so that a reader never sees half of it.
///
/// # Errors
/// One line that names the file.
pub(in crate::server) fn write_ports(path: &Path, listeners: &[OpenListener]) -> Result<PortsFile, String> {
    let mut entries = Vec::new();
    for open in listeners {
        let loaded = open.active.loaded();
        let (protocol, tls) = (loaded.listener.protocol.name(), loaded.listener.tls.is_some());
        for (url, socket) in open.urls() {
            let base = [("url", json!(url)), ("protocol", json!(protocol)), ("tls", json!(tls))];
            let entry = base.into_iter().chain(socket.details());
            let entry: Map<String, Value> = entry.map(|(name, value)| (name.to_owned(), value)).collect();
            entries.push(entry);
        }
    }
    let text = json!({ "pid": std::process::id(), "listeners": entries }).to_string() + "\n";
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = std::fs::write(&temporary, &text).and_then(|()| std::fs::rename(&temporary, path));
    written.map(|()| PortsFile { path: path.to_owned(), text }).map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        format!("cannot write the ports file {}: {}", path.display(), os_error(&error))
    })
}
