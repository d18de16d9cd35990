//! What the broker needs of a kind of listening socket. Each kind is one file beside this one.

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
    /// The system has none to give now, for want of a file descriptor for example; a later call may succeed.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>>;

    /// The URL that clients connect to, for a listener of this scheme.
    fn url(&self, scheme: &str) -> String;

    /// What the ports file says about the socket beside its URL and protocol.
    fn details(&self) -> Vec<(&'static str, Value)>;

    /// The address, if other machines may reach the socket by one.
    fn address(&self) -> Option<SocketAddr> {
        None
    }
}

/// A connection on which nothing was read yet.
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
