//! The interface of listening sockets. Each kind is one file in this directory.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use serde_json::Value;

use crate::net::Stream;

/// Connections that the system queues before they are accepted.
pub(super) const BACKLOG: u32 = 4_096;

/// A listening socket of any kind.
pub(crate) trait Endpoint: Debug {
    /// The next connection.
    ///
    /// # Errors
    /// The system cannot accept one now, for example for lack of a file descriptor; a later call may succeed.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>>;

    /// The URL that clients connect to, for a listener of this scheme.
    fn url(&self, scheme: &str) -> String;

    /// Fields of the socket in the ports file, in addition to URL and protocol.
    fn details(&self) -> Vec<(&'static str, Value)>;

    /// The address, if the socket has one that other machines may reach.
    fn address(&self) -> Option<SocketAddr> {
        None
    }
}

/// A connection from which nothing has been read yet.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Stream,
    /// The address of the client; nothing on a Unix socket.
    pub(crate) from: Option<SocketAddr>,
}

/// An accepted connection on the way to the runtime of another thread.
pub(crate) struct DetachedConnection {
    attach: Attach,
    from: Option<SocketAddr>,
}

/// Registers a socket with the runtime of the calling thread.
pub(crate) type Attach = Box<dyn FnOnce() -> io::Result<Stream> + Send>;

impl Accepted {
    /// Takes the connection out of this thread's runtime.
    ///
    /// # Errors
    /// The system cannot do so.
    pub(crate) fn detach(self) -> io::Result<DetachedConnection> {
        Ok(DetachedConnection { attach: self.stream.detach()?, from: self.from })
    }
}

impl DetachedConnection {
    /// Registers the connection with this thread's runtime.
    ///
    /// # Errors
    /// The system cannot do so.
    pub(crate) fn attach(self) -> io::Result<Accepted> {
        Ok(Accepted { stream: (self.attach)()?, from: self.from })
    }
}
