//! Sockets that whoever started the process has opened for it: the socket activation of systemd, and of others that use
//! `LISTEN_FDS`.
//!
//! A socket belongs to the listener with its port, or with the path of its Unix socket; the address is the one that it was
//! opened at.

use std::net::{IpAddr, TcpListener};
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;

use super::{Endpoint, Host, ListenAddress, Listener, tcp, unix};
use crate::text::os_error;

/// Sockets that no listener has taken yet.
#[derive(Debug, Default)]
pub(crate) struct InheritedSockets(Vec<InheritedSocket>);

#[derive(Debug)]
struct InheritedSocket {
    socket: ListeningSocket,
    /// For errors: the name that the unit gives it, and its address.
    description: String,
}

#[derive(Debug)]
enum ListeningSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl InheritedSockets {
    /// Takes the sockets that the environment announces. It changes the environment, so there may be no other threads.
    ///
    /// # Errors
    /// One line: one of them is not a listening socket for a stream.
    pub(crate) fn take() -> Result<Self, String> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut announced = ListenFd::from_env();
        let sockets = (0..announced.len()).map(|index| {
            let name = names.next().filter(|name| !name.is_empty());
            let name = name.map_or_else(|| format!("number {index}"), |name| format!("{name:?}"));
            InheritedSocket::take(&mut announced, index, &name)
        });
        sockets.collect::<Result<_, _>>().map(Self)
    }

    /// The sockets of each listener, in the order of the listeners; none for one that has to open its own.
    ///
    /// # Errors
    /// One line: a socket that belongs to no listener.
    pub(crate) fn assign(self, listeners: &[Listener]) -> Result<Vec<Vec<Box<dyn Endpoint>>>, String> {
        let mut assigned: Vec<Vec<Box<dyn Endpoint>>> = listeners.iter().map(|_| Vec::new()).collect();
        for InheritedSocket { socket, description } in self.0 {
            let owner = socket.owner(listeners).ok_or_else(|| {
                format!(
                    "the inherited socket {description} belongs to no listener: configure one with its port or path, or remove \
                     it from the socket unit"
                )
            })?;
            let endpoint = socket.into_endpoint().map_err(|error| {
                format!("cannot use the inherited socket {description}: {}", os_error(&error))
            })?;
            assigned[owner].push(endpoint);
        }
        Ok(assigned)
    }
}

impl InheritedSocket {
    fn take(announced: &mut ListenFd, index: usize, name: &str) -> Result<Self, String> {
        let tcp = announced.take_tcp_listener(index).ok().flatten().map(ListeningSocket::Tcp);
        let unix = || announced.take_unix_listener(index).ok().flatten().map(ListeningSocket::Unix);
        let socket = tcp.or_else(unix).filter(ListeningSocket::is_listening).ok_or_else(|| {
            format!(
                "the inherited socket {name} is not a listening TCP or Unix stream socket: its unit needs ListenStream= and \
                 Accept=no"
            )
        })?;
        let description = format!("{name} ({})", socket.address());
        Ok(Self { socket, description })
    }
}

impl ListeningSocket {
    fn is_listening(&self) -> bool {
        let listening = match self {
            Self::Tcp(socket) => rustix::net::sockopt::socket_acceptconn(socket),
            Self::Unix(socket) => rustix::net::sockopt::socket_acceptconn(socket),
        };
        listening.unwrap_or(false)
    }

    fn address(&self) -> String {
        let unknown = |error: std::io::Error| os_error(&error);
        match self {
            Self::Tcp(socket) => socket.local_addr().map_or_else(unknown, |address| address.to_string()),
            Self::Unix(socket) => socket.local_addr().map_or_else(unknown, |address| {
                address.as_pathname().map_or_else(|| "unnamed".to_owned(), |path| path.display().to_string())
            }),
        }
    }

    /// The index of the listener that the socket belongs to. Of those with the same port it is the one with the same
    /// address, or else the first.
    fn owner(&self, listeners: &[Listener]) -> Option<usize> {
        match self {
            Self::Tcp(socket) => {
                let own = socket.local_addr().ok()?;
                let has_port = |listener: &&Listener| listener.address.port() == Some(own.port());
                let exact = |listener: &Listener| has_port(&listener) && has_address(listener, own.ip());
                let exact = listeners.iter().position(exact);
                exact.or_else(|| listeners.iter().position(|listener| has_port(&listener)))
            }
            Self::Unix(socket) => {
                let own = socket.local_addr().ok()?;
                let own = own.as_pathname()?;
                listeners.iter().position(
                    |listener| matches!(&listener.address, ListenAddress::Unix { path, .. } if path == own),
                )
            }
        }
    }

    fn into_endpoint(self) -> std::io::Result<Box<dyn Endpoint>> {
        match self {
            Self::Tcp(socket) => tcp::inherited(socket),
            Self::Unix(socket) => unix::inherited(socket),
        }
    }
}

fn has_address(listener: &Listener, own: IpAddr) -> bool {
    match &listener.address {
        ListenAddress::Tcp { hosts, .. } => {
            hosts.iter().any(|host| matches!(host, Host::Address(address) if *address == own))
        }
        ListenAddress::Unix { .. } => false,
    }
}
