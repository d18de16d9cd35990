//! Whom a session belongs to. The same client ID of another owner is another session.
//!
//! MQTT identifies a session by the client ID alone, so anyone who knows a client ID could take over the session behind it,
//! read what is queued there, and disconnect its client. Here a session belongs to the user that created it, at the mount
//! point where it was created. Another user, or a client behind another mount point, who connects with the same client ID
//! gets a session of its own; neither sees, disturbs nor ends the other.

use super::connection::Connection;
use super::rights::{Policy, Rights, Who};
use crate::codec::packet::Connect;
use crate::sync::Arc;

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

    /// The owner of a session whose store did not record one: what its username and listener were, under today's policy.
    pub(crate) fn of_stored(who: &Who, rights: &Rights) -> Self {
        if who.listener >= Rights::BRIDGES {
            return Self::BRIDGE;
        }
        let policy = rights.policy(who.listener);
        let user = policy.owner_user(who.username.as_ref());
        Self { user, mount_point: policy.mount_point.clone() }
    }
}

impl Policy {
    /// As which user a client with this username has its session, once it has been let in.
    fn owner_user(&self, username: Option<&Arc<str>>) -> OwnerUser {
        match username.cloned() {
            None => OwnerUser::Anonymous,
            Some(name) if self.certificate || self.accounts.is_some() => OwnerUser::User(name),
            Some(name) => OwnerUser::Unverified(name),
        }
    }
}

impl Connection {
    /// The owner of the session that this CONNECT asks for, if the client is let in.
    pub(super) fn owner(&self, connect: &Connect<'_>, policy: &Policy) -> SessionOwner {
        if self.peer.kind.is_bridge() {
            return SessionOwner::BRIDGE;
        }
        let username = match policy.certificate {
            true => self.peer.identity.clone(),
            false => connect.username.map(Into::into),
        };
        SessionOwner { user: policy.owner_user(username.as_ref()), mount_point: policy.mount_point.clone() }
    }
}
