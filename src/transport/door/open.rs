//! The sockets of a listener: opened, accepted from, and put away.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::transport::listener::{Family, Host, Place};

/// Connections the system may hold for us before we accept them.
const BACKLOG: u32 = 4_096;

/// A socket that connections come in by.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    /// Its file goes with it.
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

/// A connection that was accepted, and nothing done about it yet.
#[derive(Debug)]
pub(crate) enum Raw {
    Tcp(TcpStream, SocketAddr),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    /// The next connection.
    ///
    /// # Errors
    /// When the system cannot give one now; it may be able to later.
    pub(crate) async fn accept(&self) -> io::Result<Raw> {
        match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                // A socket for both families shows IPv4 addresses as IPv6 ones.
                let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                // Without it small packets wait for the acknowledgement of others; a socket that refuses still works.
                let _ = stream.set_nodelay(true);
                Ok(Raw::Tcp(stream, from))
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Raw::Unix(stream)),
        }
    }

    /// The address of a TCP socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix(..) => None,
        }
    }

    /// The file of a Unix socket.
    #[cfg(unix)]
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(_, file) => Some(&file.0),
        }
    }
}

/// The file of a Unix socket, removed with it.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Opens the sockets of a place.
///
/// # Errors
/// One line: which address, why, and what to do.
pub(crate) fn open(place: &Place) -> Result<Vec<Socket>, String> {
    match place {
        Place::Tcp { hosts, port, interface } => open_tcp(hosts, *port, interface.as_deref()),
        #[cfg(unix)]
        Place::Unix { path, mode } => open_unix(path, *mode).map(|socket| vec![socket]),
        #[cfg(not(unix))]
        Place::Unix { path, .. } => {
            Err(format!("cannot listen at {}: this system has no Unix sockets", path.display()))
        }
    }
}

/// An address, and whether the listener does without it if need be.
type Wanted = (IpAddr, bool);

fn open_tcp(hosts: &[Host], port: u16, interface: Option<&str>) -> Result<Vec<Socket>, String> {
    let mut wanted: Vec<Wanted> = Vec::new();
    if hosts.is_empty() && interface.is_none() {
        // A machine without IPv6, or a port that only IPv4 had free, is no reason to fail.
        wanted = vec![(Ipv4Addr::LOCALHOST.into(), false), (Ipv6Addr::LOCALHOST.into(), true)];
    }
    for host in hosts {
        wanted.extend(addresses(host)?);
    }
    if let Some(interface) = interface {
        wanted = of_interface(interface, &wanted)?;
    }
    let mut port = port;
    let mut sockets = Vec::new();
    for (address, optional) in wanted {
        // Beside a socket for IPv4 one for all of IPv6 must leave IPv4 alone.
        let only_v6 = optional && address.is_ipv6();
        match bind(SocketAddr::new(address, port), only_v6, interface) {
            Ok(listener) => {
                port = listener.local_addr().map_or(port, |address| address.port());
                sockets.push(Socket::Tcp(listener));
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
        Host::Address(address) => Ok(vec![(*address, false)]),
        Host::Any(None) => {
            Ok(vec![(Ipv4Addr::UNSPECIFIED.into(), false), (Ipv6Addr::UNSPECIFIED.into(), true)])
        }
        Host::Any(Some(Family::V4)) => Ok(vec![(Ipv4Addr::UNSPECIFIED.into(), false)]),
        Host::Any(Some(Family::V6)) => Ok(vec![(Ipv6Addr::UNSPECIFIED.into(), false)]),
        Host::Name(name, family) => {
            let found = (name.as_str(), 0).to_socket_addrs();
            let found =
                found.map_err(|error| format!("cannot listen at {name}: the name was not found: {error}"))?;
            let mut wanted: Vec<Wanted> = Vec::new();
            for address in found.map(|address| address.ip()).filter(|address| is_of(*address, *family)) {
                if !wanted.iter().any(|(known, _)| *known == address) {
                    wanted.push((address, !wanted.is_empty()));
                }
            }
            if wanted.is_empty() {
                Err(format!("cannot listen at {name}: it has no such address"))
            } else {
                Ok(wanted)
            }
        }
    }
}

/// The addresses of a network interface: all, or those among `wanted`.
fn of_interface(interface: &str, wanted: &[Wanted]) -> Result<Vec<Wanted>, String> {
    let all =
        if_addrs::get_if_addrs().map_err(|error| format!("cannot list the network interfaces: {error}"))?;
    let own: Vec<IpAddr> =
        all.into_iter().filter(|entry| entry.name == interface).map(|entry| entry.ip()).collect();
    if own.is_empty() {
        return Err(format!("cannot listen at the interface {interface}: there is none with an address"));
    }
    let takes = |address: IpAddr| {
        wanted.is_empty()
            || wanted.iter().any(|(known, _)| {
                *known == address || known.is_unspecified() && known.is_ipv4() == address.is_ipv4()
            })
    };
    // A link-local address cannot be told without its zone.
    let is_local =
        |address: IpAddr| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    let taken: Vec<Wanted> = own
        .into_iter()
        .filter(|address| takes(*address) && !is_local(*address))
        .map(|address| (address, false))
        .collect();
    if taken.is_empty() {
        return Err(format!(
            "cannot listen at the interface {interface}: it has none of the addresses asked for"
        ));
    }
    Ok(taken)
}

fn bind(address: SocketAddr, only_v6: bool, interface: Option<&str>) -> Result<TcpListener, String> {
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // Not on Windows, where it means something else.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        #[cfg(unix)]
        if only_v6 {
            rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
        }
        #[cfg(not(unix))]
        let _ = only_v6;
        // Also what comes to the address by another way stays out.
        #[cfg(target_os = "linux")]
        socket.bind_device(interface.map(str::as_bytes))?;
        #[cfg(not(target_os = "linux"))]
        let _ = interface;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    open().map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; another program listens there: stop it, or choose a port with -p (0 takes a free one)"
            }
            io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges: choose another with -p",
            io::ErrorKind::AddrNotAvailable => "; this machine does not have that address: see --bind",
            _ => "",
        };
        format!("cannot listen on {address}: {error}{hint}")
    })
}

#[cfg(unix)]
fn open_unix(path: &Path, mode: Option<u32>) -> Result<Socket, String> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    let bad = |why: &dyn std::fmt::Display| format!("cannot listen at {}: {why}", path.display());
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(bad(&"there is something else of that name"));
        }
        Ok(_) if std::os::unix::net::UnixStream::connect(path).is_ok() => {
            return Err(bad(&"another program listens there"));
        }
        Ok(_) => std::fs::remove_file(path).map_err(|error| bad(&error))?,
        Err(_) => {}
    }
    let Some(mode) = mode else {
        let listener = UnixListener::bind(path).map_err(|error| bad(&error))?;
        return Ok(Socket::Unix(listener, SocketFile(path.to_owned())));
    };
    // It gets its name when it has its permissions, so that nobody comes in between.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let mut file = SocketFile(path.with_file_name(name));
    let listener = UnixListener::bind(&file.0).map_err(|error| bad(&error))?;
    std::fs::set_permissions(&file.0, std::fs::Permissions::from_mode(mode)).map_err(|error| bad(&error))?;
    std::fs::rename(&file.0, path).map_err(|error| bad(&error))?;
    file.0 = path.to_owned();
    Ok(Socket::Unix(listener, file))
}
