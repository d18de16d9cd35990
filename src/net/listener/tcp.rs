//! TCP sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::task::{Context, Poll};

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};

use super::endpoint::{Accepted, BACKLOG, Endpoint};
use super::{Family, Host};
use crate::net::Failure;
use crate::net::Stream;
use crate::text::os_error;

impl Endpoint for TcpListener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        self.poll_accept(cx).map_ok(|(stream, from)| {
            // A dual-stack socket shows IPv4 addresses as IPv6 ones.
            let from = SocketAddr::new(from.ip().to_canonical(), from.port());
            // Without TCP_NODELAY small packets wait for the acknowledgement of earlier ones. A socket that refuses the
            // option still works.
            let _ = stream.set_nodelay(true);
            Accepted { stream: Stream::Tcp(stream), from: Some(from) }
        })
    }

    fn url(&self, scheme: &str) -> String {
        self.address().map_or_else(|| format!("{scheme}://"), |address| format!("{scheme}://{address}"))
    }

    fn details(&self) -> Vec<(&'static str, Value)> {
        let Some(address) = self.address() else { return Vec::new() };
        vec![("address", json!(address.ip().to_string())), ("port", json!(address.port()))]
    }

    fn address(&self) -> Option<SocketAddr> {
        self.local_addr().ok()
    }
}

/// A socket that was opened before this process started.
#[cfg(unix)]
pub(super) fn inherited(socket: std::net::TcpListener) -> io::Result<Box<dyn Endpoint>> {
    socket.set_nonblocking(true)?;
    Ok(Box::new(TcpListener::from_std(socket)?))
}

/// An address to listen at.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    address: IpAddr,
    /// The number of the zone of a link-local address, or 0.
    zone: u32,
    /// Whether it is left out without an error if it is not possible.
    optional: bool,
}

impl Wanted {
    fn required(address: impl Into<IpAddr>) -> Self {
        Self { address: address.into(), zone: 0, optional: false }
    }

    fn optional(address: impl Into<IpAddr>) -> Self {
        Self { optional: true, ..Self::required(address) }
    }

    fn at_port(self, port: u16) -> SocketAddr {
        match self.address {
            IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, self.zone).into(),
            address @ IpAddr::V4(_) => SocketAddr::new(address, port),
        }
    }
}

/// Listens at every address of `hosts`, or at the loopback addresses if there are none.
///
/// # Errors
/// One line: which address, why, and what to do.
pub(super) fn bind(
    hosts: &[Host],
    port: u16,
    interface: Option<&str>,
) -> Result<Vec<Box<dyn Endpoint>>, String> {
    let mut wanted: Vec<Wanted> = Vec::new();
    if hosts.is_empty() && interface.is_none() {
        // The machine may have no IPv6, or the port may be free for IPv4 only.
        wanted = vec![Wanted::required(Ipv4Addr::LOCALHOST), Wanted::optional(Ipv6Addr::LOCALHOST)];
    }
    for host in hosts {
        wanted.extend(addresses(host)?);
    }
    if let Some(interface) = interface {
        wanted = of_interface(interface, &wanted)?;
    }
    let mut port = port;
    let mut sockets: Vec<Box<dyn Endpoint>> = Vec::new();
    for wanted in wanted {
        let Wanted { address, optional, .. } = wanted;
        // Beside a socket for IPv4, the one for IPv6 must not take IPv4 connections as well.
        let stack = if optional && address.is_ipv6() { Stack::V6Only } else { Stack::System };
        match bind_address(wanted.at_port(port), stack, interface) {
            Ok(listener) => {
                port = listener.local_addr().map_or(port, |address| address.port());
                sockets.push(Box::new(listener));
            }
            Err(_) if optional && !sockets.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sockets)
}

fn addresses(host: &Host) -> Result<Vec<Wanted>, String> {
    let is_of = |address: IpAddr, family: Option<Family>| match family {
        None => true,
        Some(Family::V4) => address.is_ipv4(),
        Some(Family::V6) => address.is_ipv6(),
    };
    match host {
        Host::Address(address) => Ok(vec![Wanted::required(*address)]),
        Host::Any(None) => {
            Ok(vec![Wanted::required(Ipv4Addr::UNSPECIFIED), Wanted::optional(Ipv6Addr::UNSPECIFIED)])
        }
        Host::Any(Some(Family::V4)) => Ok(vec![Wanted::required(Ipv4Addr::UNSPECIFIED)]),
        Host::Any(Some(Family::V6)) => Ok(vec![Wanted::required(Ipv6Addr::UNSPECIFIED)]),
        Host::Name(name, family) => {
            let found = (name.as_str(), 0).to_socket_addrs();
            let found =
                found.map_err(|error| format!("cannot listen on {name}: {}", Failure::Lookup(error)))?;
            let mut wanted: Vec<Wanted> = Vec::new();
            for found in found.filter(|address| is_of(address.ip(), *family)) {
                let zone = match found {
                    SocketAddr::V6(address) => address.scope_id(),
                    SocketAddr::V4(_) => 0,
                };
                if !wanted.iter().any(|known| (known.address, known.zone) == (found.ip(), zone)) {
                    wanted.push(Wanted { address: found.ip(), zone, optional: !wanted.is_empty() });
                }
            }
            if wanted.is_empty() {
                Err(format!("cannot listen on {name}: it has no such address"))
            } else {
                Ok(wanted)
            }
        }
    }
}

/// The addresses of a network interface: all, or those among `wanted`.
fn of_interface(interface: &str, wanted: &[Wanted]) -> Result<Vec<Wanted>, String> {
    let all = if_addrs::get_if_addrs()
        .map_err(|error| format!("cannot list the network interfaces: {}", os_error(&error)))?;
    let own: Vec<IpAddr> =
        all.into_iter().filter(|entry| entry.name == interface).map(|entry| entry.ip()).collect();
    if own.is_empty() {
        return Err(format!("cannot listen on the interface {interface}: there is none with an address"));
    }
    let takes = |address: IpAddr| {
        wanted.is_empty()
            || wanted.iter().any(|Wanted { address: known, .. }| {
                *known == address || known.is_unspecified() && known.is_ipv4() == address.is_ipv4()
            })
    };
    // A link-local address cannot be told without its zone.
    let is_local =
        |address: IpAddr| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    let taken: Vec<Wanted> = own
        .into_iter()
        .filter(|address| takes(*address) && !is_local(*address))
        .map(Wanted::required)
        .collect();
    if taken.is_empty() {
        return Err(format!(
            "cannot listen on the interface {interface}: it has none of the addresses asked for"
        ));
    }
    Ok(taken)
}

/// Which connections a socket at an IPv6 address takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stack {
    V6Only,
    /// IPv6, and IPv4 if the system is configured so.
    System,
}

fn bind_address(address: SocketAddr, stack: Stack, interface: Option<&str>) -> Result<TcpListener, String> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Not on Windows, where it means something else.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        #[cfg(unix)]
        if stack == Stack::V6Only {
            rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
        }
        #[cfg(not(unix))]
        let _ = stack;
        // Refuses packets to this address that arrive by another interface.
        #[cfg(target_os = "linux")]
        socket.bind_device(interface.map(str::as_bytes))?;
        #[cfg(not(target_os = "linux"))]
        let _ = interface;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|error| {
        let port = address.port();
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                let find = if cfg!(target_os = "linux") {
                    format!(" (ss -ltnp 'sport = :{port}' shows which)")
                } else {
                    String::new()
                };
                format!("; another program listens there{find}: stop it, or choose a port with -p (0 takes a free one)")
            }
            io::ErrorKind::PermissionDenied if port < 1024 => {
                "; ports below 1024 need privileges: choose another with -p".to_owned()
            }
            io::ErrorKind::AddrNotAvailable => "; this machine does not have that address: see --bind".to_owned(),
            _ => String::new(),
        };
        format!("cannot listen on {address}: {}{hint}", os_error(&error))
    })
}
