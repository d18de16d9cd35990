//! Who is at the other end of a connection, as far as the listener knows before the first packet.

use super::connection::{Connection, Phase};
use crate::codec::packet::Version;
use crate::sync::Arc;

/// Where failed logins and connections are counted: an IPv4 address, or the first 64 bits of an IPv6 address, which one
/// subscriber of a provider has all to himself. Made by the shell.
pub type Address = u64;

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// How the log calls it: its address and port.
    pub name: Arc<str>,
    /// What limits per address count by; `None` where there is no address, as on a Unix socket.
    pub address: Option<Address>,
    /// The listener it came through: the number of its policy in [`super::Rights`].
    pub listener: usize,
    /// The user name that its certificate, or its pre-shared key, has proven.
    pub identity: Option<Arc<str>>,
    pub kind: Kind,
}

/// Whether it comes from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Client,
    /// A bridge of this broker, in this process. What protects the broker from strangers does not hold for it: limits on
    /// numbers, on times and on what is in flight. It is read also while it does not read, as each of the two sides of a
    /// bridge would else wait for the other; the window of the other broker is what bounds it.
    Bridge {
        /// Whether QoS 0 waits for it too: for it to connect there must be something that waits.
        queues_at_most_once: bool,
        /// Whether it only subscribes: nothing at QoS 1 and 2 is sent to it, as it would not send it on.
        only_subscribes: bool,
    },
}

impl Kind {
    pub(super) fn is_bridge(self) -> bool {
        matches!(self, Self::Bridge { .. })
    }
}

impl Connection {
    /// Who is connected, and in which version; `None` before CONNECT is accepted, and when the connection is over.
    pub fn client(&self) -> Option<(&str, Version)> {
        match &self.phase {
            Phase::Open(open) => Some((&open.session.client, open.version)),
            _ => None,
        }
    }

    /// How the log calls the other side.
    pub fn peer(&self) -> &str {
        &self.peer.name
    }
}

impl From<Arc<str>> for Peer {
    fn from(name: Arc<str>) -> Self {
        Self { name, address: None, listener: 0, identity: None, kind: Kind::Client }
    }
}

impl From<&str> for Peer {
    fn from(name: &str) -> Self {
        Arc::<str>::from(name).into()
    }
}
