//! Who is at the other end of a connection, which user it is, and whom a session belongs to.
//!
//! MQTT identifies a session by the client ID alone, so anyone who knows a client ID could take over the session behind it,
//! read what is queued there, and disconnect its client. Here a session belongs to the user that created it, at the mount
//! point where it was created. Another user, or a client behind another mount point, who connects with the same client ID
//! gets a session of its own; neither sees, disturbs nor ends the other.

use crate::sync::Arc;

/// Where failed logins and connections are counted: an IPv4 address, or the first 64 bits of an IPv6 address, which one
/// subscriber of a provider has all to himself. Made by the shell.
pub type AddressKey = u64;

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// How the log calls it: its address and port.
    pub name: Arc<str>,
    /// What limits per address count by; `None` where there is no address, as on a Unix socket.
    pub address: Option<AddressKey>,
    /// The listener it came through: the number of its policy in [`super::Rights`].
    pub listener: usize,
    /// The user name that its certificate, or its pre-shared key, has proven.
    pub identity: Option<Arc<str>>,
    pub kind: PeerKind,
}

/// Whether it comes from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PeerKind {
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

impl PeerKind {
    pub(crate) fn is_bridge(self) -> bool {
        matches!(self, Self::Bridge { .. })
    }
}

impl From<Arc<str>> for Peer {
    fn from(name: Arc<str>) -> Self {
        Self { name, address: None, listener: 0, identity: None, kind: PeerKind::Client }
    }
}

impl From<&str> for Peer {
    fn from(name: &str) -> Self {
        Arc::<str>::from(name).into()
    }
}

/// An authenticated client. Its session and each message that it retains keep one, to check permissions against.
#[derive(Debug, PartialEq, Eq)]
pub struct Who {
    pub client: Arc<str>,
    /// The name it came in with; `None` for a client without.
    pub username: Option<Arc<str>>,
    /// The listener it came through: the number of its policy.
    pub listener: usize,
}

/// The owner of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionOwner {
    pub user: OwnerUser,
    /// The mount point of the listener; `None` where there is none.
    pub mount_point: Option<Arc<str>>,
}

/// The user part of a [`SessionOwner`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnerUser {
    /// A client without a username.
    Anonymous,
    /// A username that the listener did not verify. It is not the user of that name: otherwise a listener without
    /// passwords would give access to the sessions of all users.
    Unverified(Arc<str>),
    /// A username verified by a password, a certificate or a pre-shared key.
    User(Arc<str>),
    /// A bridge of this broker, whatever username it has.
    Bridge,
}

/// What identifies a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionName<'a> {
    pub(crate) client: &'a str,
    pub(crate) owner: &'a SessionOwner,
}

static ANONYMOUS: SessionOwner = SessionOwner { user: OwnerUser::Anonymous, mount_point: None };

/// A [`SessionOwner`] in a session: for clients without a username and without a mount point it takes no memory.
#[derive(Debug)]
pub(crate) struct KeptOwner(Option<Box<SessionOwner>>);

impl From<SessionOwner> for KeptOwner {
    fn from(owner: SessionOwner) -> Self {
        Self((owner != ANONYMOUS).then(|| owner.into()))
    }
}

impl std::ops::Deref for KeptOwner {
    type Target = SessionOwner;

    fn deref(&self) -> &SessionOwner {
        self.0.as_deref().unwrap_or(&ANONYMOUS)
    }
}

impl SessionOwner {
    /// The owner of the sessions of this broker's bridges.
    pub const BRIDGE: Self = Self { user: OwnerUser::Bridge, mount_point: None };
}
