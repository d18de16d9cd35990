//! The listeners of a running broker: each with its door, its sockets and a count of who is inside.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::rights;
use crate::broker::{Kind, Peer};
use crate::transport::door::{self, Door, Settings, Socket};
use crate::transport::listener::{Listener, scheme};

/// One listener.
pub(super) struct Gate {
    pub(super) door: Door,
    /// Its place among the listeners, and that of its policy among the rights.
    pub(super) number: usize,
    inside: AtomicUsize,
}

/// The place of one who is inside.
pub(super) struct Ticket(Arc<Gate>);

impl Ticket {
    pub(super) fn gate(&self) -> &Gate {
        &self.0
    }

    /// Who has come by the listener.
    pub(super) fn peer(&self, name: Arc<str>, address: Option<IpAddr>, identity: Option<Arc<str>>) -> Peer {
        let address = address.map(rights::network);
        Peer { name, address, listener: self.0.number, identity, kind: Kind::Client }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    /// A place for one more, if there is one.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Ticket> {
        let most = self.door.settings().listener.max_connections.unwrap_or(usize::MAX);
        // Given back by the ticket, also when there was no place.
        let before = self.inside.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket(self.clone());
        (before < most).then_some(ticket)
    }
}

/// An open listener.
pub(super) struct Open {
    pub(super) gate: Arc<Gate>,
    pub(super) sockets: Vec<Socket>,
}

impl Open {
    fn scheme(&self) -> &'static str {
        let settings = self.gate.door.settings();
        scheme(settings.listener.protocol, settings.listener.tls.is_some())
    }

    /// Where its sockets are, as URLs reach them.
    pub(super) fn places(&self) -> impl Iterator<Item = Place<'_>> {
        self.sockets.iter().map(|socket| Place { scheme: self.scheme(), socket })
    }
}

/// One socket of a listener.
pub(super) struct Place<'a> {
    scheme: &'static str,
    pub(super) socket: &'a Socket,
}

impl Place<'_> {
    pub(super) fn url(&self) -> String {
        #[cfg(unix)]
        if let Some(path) = self.socket.path() {
            return match self.scheme {
                "mqtt" => format!("unix://{}", path.display()),
                scheme => format!("unix://{} ({scheme})", path.display()),
            };
        }
        match self.socket.address() {
            Some(address) => self.url_at(address),
            None => format!("{}://", self.scheme),
        }
    }

    pub(super) fn url_at(&self, address: std::net::SocketAddr) -> String {
        format!("{}://{address}", self.scheme)
    }

    /// What is spoken there, in mosquitto's words, and whether over TLS.
    pub(super) fn protocol(&self) -> (&'static str, bool) {
        let websocket = matches!(self.scheme, "ws" | "wss");
        (if websocket { "websockets" } else { "mqtt" }, matches!(self.scheme, "mqtts" | "wss"))
    }
}

/// Reads the files of all listeners and opens them.
///
/// # Errors
/// One line: which file or address, why, and what to do.
pub(super) fn open(listeners: Vec<Listener>) -> Result<Vec<Open>, String> {
    // A certificate that is wrong is told before any socket is open.
    let settings = listeners.into_iter().map(Settings::load).collect::<Result<Vec<_>, _>>()?;
    let opened = settings.into_iter().enumerate().map(|(number, settings)| {
        let sockets = door::open(&settings.listener.place)?;
        let gate = Arc::new(Gate { door: Door::new(settings), number, inside: AtomicUsize::new(0) });
        Ok(Open { gate, sockets })
    });
    opened.collect()
}
