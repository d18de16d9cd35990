//! Listeners told: in lines for people, and in a file for programs.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use serde_json::json;

use super::gate::Open;
use crate::transport::door::Socket;
use crate::transport::listener::Protocol;

/// The lines that say where the broker listens.
///
/// `is_open` says of each listener whether anybody may come in.
pub(super) fn announce(listeners: &[Open], is_open: &[bool], out: &mut dyn Write) {
    let mut lines = String::new();
    let places = listeners.iter().flat_map(|open| open.places().map(|place| (open.gate.number, place)));
    for (listener, place) in places {
        lines += &format!("listening on {}\n", place.url());
        let Some(address) = place.socket.address() else { continue };
        if address.ip().is_unspecified() {
            for reachable in machine_addresses(address.is_ipv4()) {
                let url = place.url_at(SocketAddr::new(reachable, address.port()));
                lines += &format!("  other machines reach it at {url}\n");
            }
        }
        if is_open.get(listener).is_none_or(|is_open| *is_open) && !address.ip().is_loopback() {
            lines += "  no authentication: whoever reaches this address can read and publish every message; \
                add --user NAME:PASSWORD or --password-file\n";
        }
    }
    // A closed stdout harms nothing.
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

/// The command lines with which clients reach a broker that has made its certificates itself.
pub(super) fn explain_tls(listeners: &[Open], out: &mut dyn Write) {
    let secured = listeners.iter().find_map(|open| {
        let settings = open.gate.door.settings();
        let listener = &settings.listener;
        let authority = listener.tls.as_ref()?.ca_file.clone()?;
        (listener.protocol == Protocol::Mqtt).then_some((open, listener.require_certificate, authority))
    });
    let Some((open, needs_certificate, authority)) = secured else { return };
    let Some(address) = open.sockets.iter().find_map(Socket::address) else { return };
    let host = if address.ip().is_loopback() { "localhost".to_owned() } else { host_name() };
    let (port, authority) = (address.port(), authority.display());
    let mut lines = String::from("clients that trust this broker's authority connect with\n");
    let own = if needs_certificate { " --cert NAME.pem --key NAME.key" } else { "" };
    lines += &format!("  skeeter sub -L 'mqtts://{host}:{port}/#' --cafile '{authority}'{own}\n");
    lines += &format!("  skeeter pub -L mqtts://{host}:{port}/hello -m world --cafile '{authority}'{own}\n");
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

fn machine_addresses(v4: bool) -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses =
        interfaces.into_iter().filter(|interface| !interface.is_loopback()).map(|interface| interface.ip());
    // An IPv6 wildcard takes IPv4 too; link-local addresses need a zone and help nobody.
    addresses
        .filter(|address| match address {
            IpAddr::V4(_) => true,
            IpAddr::V6(address) => !v4 && !address.is_unicast_link_local(),
        })
        .collect()
}

/// Writes the ports file, whole or not at all.
///
/// # Errors
/// One line that names the file.
pub(super) fn write_ports(path: &Path, listeners: &[Open]) -> Result<(), String> {
    let mut entries = Vec::new();
    for place in listeners.iter().flat_map(Open::places) {
        let (protocol, tls) = place.protocol();
        let mut entry = json!({ "url": place.url(), "protocol": protocol, "tls": tls });
        if let Some(address) = place.socket.address() {
            entry["address"] = json!(address.ip().to_string());
            entry["port"] = json!(address.port());
        }
        #[cfg(unix)]
        if let Some(path) = place.socket.path() {
            entry["path"] = json!(path);
        }
        entries.push(entry);
    }
    let text = json!({ "pid": std::process::id(), "listeners": entries }).to_string() + "\n";
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = std::fs::write(&temporary, text).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        format!("cannot write the ports file {}: {error}", path.display())
    })
}
