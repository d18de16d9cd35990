//! Listeners: opened, announced, and told in a file.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};

/// Connections the system may hold for us before we accept them.
const BACKLOG: u32 = 4_096;

/// Opens the listeners. Without an address: the loopback addresses, IPv6 where there is one.
///
/// # Errors
/// One line: which address, why, and what to do.
pub(super) fn open(addresses: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, String> {
    if !addresses.is_empty() {
        return addresses.iter().map(|address| bind(SocketAddr::new(*address, port))).collect();
    }
    let first = bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))?;
    let port = first.local_addr().map_or(port, |address| address.port());
    // A machine without IPv6, or a port that only IPv4 had free, is no reason to fail.
    let second = bind(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port));
    Ok(std::iter::once(first).chain(second.ok()).collect())
}

fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Not on Windows, where it means something else.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "; another program listens there: stop it, or choose a port with -p (0 takes a free one)"
            }
            std::io::ErrorKind::PermissionDenied => {
                "; ports below 1024 need privileges: choose another with -p"
            }
            std::io::ErrorKind::AddrNotAvailable => "; this machine does not have that address: see --bind",
            _ => "",
        };
        format!("cannot listen on {address}: {error}{hint}")
    })
}

/// The lines that say where the broker listens.
pub(super) fn announce(listeners: &[TcpListener], open_to_all: bool, out: &mut dyn Write) {
    let mut lines = String::new();
    for address in listeners.iter().filter_map(|listener| listener.local_addr().ok()) {
        lines += &format!("listening on mqtt://{address}\n");
        if address.ip().is_unspecified() {
            for reachable in machine_addresses(address.is_ipv4()) {
                lines += &format!(
                    "  other machines reach it at mqtt://{}\n",
                    SocketAddr::new(reachable, address.port())
                );
            }
        }
        if open_to_all && !address.ip().is_loopback() {
            lines += "  no authentication: whoever reaches this address can read and publish every message; \
                add --user NAME:PASSWORD\n";
        }
    }
    // A closed stdout harms nothing.
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
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
pub(super) fn write_ports(path: &Path, listeners: &[TcpListener]) -> Result<(), String> {
    let entries: Vec<_> = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .map(|address| {
            json!({ "url": format!("mqtt://{address}"), "protocol": "mqtt", "address": address.ip().to_string(),
                "port": address.port() })
        })
        .collect();
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
