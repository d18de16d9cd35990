//! Who may connect, and who may publish and read what.
//!
//! [`Rights`] is a snapshot: a reload puts another in its place, and everything that was decided by the old one is looked
//! at again. Each listener has its [`Policy`]. Subscriptions are granted and filtered at delivery, so that a filter may
//! be wider than what its client may read; what was found readable is remembered (see [`ReadPermissions`]).
//!
//! What it leaves out: files and the system's randomness, which the shell reads, and the time that hashing takes, which
//! `login` hands to the shell.

use super::accounts::Accounts;
use super::acl::Acl;
use super::decision::{Decision, Denial, TopicAccess};
use super::logins::Logins;

use super::password::StoredPassword;
use crate::broker::identity::{OwnerUser, Peer, SessionOwner, Who};
use crate::codec::packet::Connect;
use crate::message::{Message, QoS};
use crate::sync::Arc;
use crate::topic;

/// Where bridges tell whether they are connected.
const STATE: &str = "$SYS/broker/connection/+/state";

/// What all listeners demand and grant.
#[derive(Debug)]
pub struct Rights {
    policies: Box<[Policy]>,
    /// Of the broker's own bridges.
    bridges: Box<[Policy]>,
    pub(crate) logins: Logins,
}

/// What one listener demands of its clients, and grants them.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The users and their passwords; without any, every name is believed.
    pub accounts: Option<Arc<Accounts>>,
    /// What users may publish and read; without one, everything.
    pub acl: Option<Arc<Acl>>,
    /// Whether a client may come without a user name.
    pub anonymous: bool,
    /// Whether the user name is the one that the client's certificate proves, and CONNECT's is not asked.
    pub certificate: bool,
    /// Whether the user name is the client identifier too.
    pub username_as_client_id: bool,
    /// What client identifiers begin with.
    pub client_id_prefix: Option<Box<str>>,
    /// Whether a client may leave it to the broker to give it an identifier.
    pub empty_client_id: bool,
    /// What such identifiers begin with.
    pub auto_id_prefix: Box<str>,
    /// The versions that are spoken: 3.1, 3.1.1 and 5.0.
    pub versions: [bool; 3],
    /// The highest QoS of messages to and from these clients; announced in CONNACK.
    pub max_qos: QoS,
    /// Topic aliases that a client may set, and that the broker sets, where that is not as in the limits of all.
    pub topic_aliases: Option<(u16, u16)>,
    /// Stands before every topic of these clients, who do not see it; ends with `/` as a rule.
    pub mount_point: Option<Arc<str>>,
    /// Whether a retained message is kept from readers when its publisher has lost the right to its topic.
    pub check_retain_source: bool,
    /// Whether a filter is refused under which its client may read nothing at all.
    pub refuse_unreadable: bool,
    /// Whether only clients of this machine can connect: at loopback addresses, or a Unix socket. Without an ACL, they may
    /// control the broker.
    pub is_local: bool,
}

impl Default for Policy {
    /// Everybody may do everything.
    fn default() -> Self {
        Self {
            accounts: None,
            acl: None,
            anonymous: true,
            certificate: false,
            username_as_client_id: false,
            client_id_prefix: None,
            empty_client_id: true,
            auto_id_prefix: "auto-".into(),
            versions: [true; 3],
            max_qos: QoS::ExactlyOnce,
            topic_aliases: None,
            mount_point: None,
            check_retain_source: false,
            refuse_unreadable: false,
            is_local: false,
        }
    }
}

/// How a client was authenticated. It is checked again when passwords and permissions are reloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LoginProof {
    /// By its certificate, or its pre-shared key.
    Certificate,
    /// By this password.
    Password(Arc<StoredPassword>),
    /// It was not.
    None,
}

impl Default for Rights {
    /// Everybody may do everything.
    fn default() -> Self {
        Self::new([])
    }
}

impl Rights {
    /// One policy for all listeners. Without users anybody may connect; with users only they.
    pub fn new(users: impl IntoIterator<Item = (Box<str>, Box<[u8]>)>) -> Self {
        let accounts = Accounts::plain(users);
        let anonymous = accounts.is_empty();
        let accounts = (!anonymous).then(|| Arc::new(accounts));
        Self::of([Policy { accounts, anonymous, ..Policy::default() }], [0; 32])
    }

    /// The policies of all listeners, by their numbers. A listener beyond the last has the last. `key` is for the keyed
    /// hashes under which logins are remembered; it must be known to nobody.
    pub fn of(policies: impl IntoIterator<Item = Policy>, key: [u8; 32]) -> Self {
        let mut policies: Vec<_> = policies.into_iter().collect();
        if policies.is_empty() {
            policies.push(Policy::default());
        }
        Self { policies: policies.into(), bridges: Box::default(), logins: Logins::new(key) }
    }

    /// The number of the first policy of the broker's own bridges; those of listeners never come so far.
    pub const BRIDGES: usize = usize::MAX / 2;

    /// The same with these policies of the broker's own bridges, by their numbers from [`Self::BRIDGES`].
    pub fn with_bridges(self, policies: impl IntoIterator<Item = Policy>) -> Self {
        Self { bridges: policies.into_iter().collect(), ..self }
    }

    /// The policy of this listener.
    pub fn policy(&self, listener: usize) -> &Policy {
        let bridge = listener.checked_sub(Self::BRIDGES).and_then(|number| self.bridges.get(number));
        // There is always a last one.
        bridge.unwrap_or_else(|| &self.policies[listener.min(self.policies.len() - 1)])
    }

    /// Whether there are rules at any listener.
    pub(crate) fn has_rules(&self) -> bool {
        self.policies.iter().chain(&self.bridges).any(|policy| policy.acl.is_some())
    }

    /// Why this client may not publish to `topic`, if it may not. `$SYS` is the broker's own, but for what bridges tell of
    /// themselves there.
    pub(crate) fn deny_publish(&self, who: &Who, topic: &str) -> Option<Denial> {
        // The first byte alone rules out nearly every topic.
        let is_own = topic.as_bytes().first() == Some(&b'$')
            && topic.starts_with("$SYS")
            && matches!(topic.as_bytes().get(4), None | Some(b'/'));
        if is_own && !topic::matches(STATE, topic) {
            return Some(Denial::Own);
        }
        let policy = self.policy(who.listener);
        let Some(acl) = &policy.acl else {
            let is_control = topic.as_bytes().first() == Some(&b'$') && topic.starts_with(topic::CONTROL);
            return (is_control && !policy.is_local).then_some(Denial::Control);
        };
        acl.deny(who, TopicAccess::Write, topic)
    }

    /// Whether this client may publish to `topic`, and why.
    pub(crate) fn decide_publish(&self, who: &Who, topic: &str) -> Decision {
        match self.deny_publish(who, topic) {
            Some(denial) => Decision::Denied(denial),
            None => self.allowing_rule(who, TopicAccess::Write, topic),
        }
    }

    /// Whether this client may read `topic`, and why.
    pub(crate) fn decide_read(&self, who: &Who, topic: &str) -> Decision {
        let acl = self.policy(who.listener).acl.as_ref();
        match acl.and_then(|acl| acl.deny(who, TopicAccess::Read, topic)) {
            Some(denial) => Decision::Denied(denial),
            None => self.allowing_rule(who, TopicAccess::Read, topic),
        }
    }

    fn allowing_rule(&self, who: &Who, access: TopicAccess, topic: &str) -> Decision {
        let acl = self.policy(who.listener).acl.as_ref();
        acl.and_then(|acl| acl.allowing_rule(who, access, topic)).unwrap_or(Decision::NoRules)
    }

    /// The owner of a session whose store did not record one: what its username and listener were, under today's policy.
    pub(crate) fn owner_of_stored(&self, who: &Who) -> SessionOwner {
        if who.listener >= Self::BRIDGES {
            return SessionOwner::BRIDGE;
        }
        let policy = self.policy(who.listener);
        let user = policy.owner_user(who.username.as_ref());
        SessionOwner { user, mount_point: policy.mount_point.clone() }
    }

    /// Whether a message that `source` retained may still be read by clients of `listener`.
    pub(crate) fn stands(&self, source: Option<&Who>, listener: usize, topic: &str) -> bool {
        // What nobody is known to have published, the broker has published itself.
        !self.policy(listener).check_retain_source
            || source.is_none_or(|source| self.deny_publish(source, topic).is_none())
    }
}

impl Policy {
    /// Whether a client that was authenticated in this way would still be accepted.
    pub(crate) fn admits(&self, who: &Who, proof: &LoginProof) -> bool {
        match (proof, &who.username, &self.accounts) {
            (LoginProof::Certificate, ..) => self.certificate,
            (_, None, _) => self.anonymous && !self.certificate,
            (_, Some(_), None) => !self.certificate,
            (LoginProof::Password(secret), Some(name), Some(accounts)) => {
                !self.certificate && accounts.secret(name).is_some_and(|kept| kept == secret)
            }
            (LoginProof::None, Some(_), Some(_)) => false,
        }
    }

    /// As which user a client with this username has its session, once it is authenticated.
    fn owner_user(&self, username: Option<&Arc<str>>) -> OwnerUser {
        match username.cloned() {
            None => OwnerUser::Anonymous,
            Some(name) if self.certificate || self.accounts.is_some() => OwnerUser::User(name),
            Some(name) => OwnerUser::Unverified(name),
        }
    }

    /// The owner of the session that a CONNECT from `peer` asks for, if the client is authenticated.
    pub(crate) fn session_owner(&self, connect: &Connect<'_>, peer: &Peer) -> SessionOwner {
        if peer.kind.is_bridge() {
            return SessionOwner::BRIDGE;
        }
        let username = match self.certificate {
            true => peer.identity.clone(),
            false => connect.username.map(Into::into),
        };
        SessionOwner { user: self.owner_user(username.as_ref()), mount_point: self.mount_point.clone() }
    }

    /// Whether anybody may come in who reaches the listener.
    pub fn is_open(&self) -> bool {
        self.anonymous && !self.certificate
    }

    /// What the client may read, if that is not everything. `stamp` tells this answer from all others.
    pub(crate) fn reader(&self, who: &Arc<Who>, stamp: u64) -> Option<Arc<ReadPermissions>> {
        self.acl.as_ref().map(|acl| Arc::new(ReadPermissions { who: who.clone(), acl: acl.clone(), stamp }))
    }
}

/// What one client may read. A session without one may read everything.
#[derive(Debug)]
pub(crate) struct ReadPermissions {
    who: Arc<Who>,
    acl: Arc<Acl>,
    /// Differs from that of every other reader, so that a verdict can be remembered beside it.
    stamp: u64,
}

/// What was found of one reader and one topic, remembered where topics have their receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadVerdict {
    stamp: u64,
    readable: bool,
}

impl ReadPermissions {
    /// Whether its client may read `topic`; a remembered verdict spares the question.
    pub(crate) fn may_read(&self, topic: &str, remembered: Option<ReadVerdict>) -> bool {
        match remembered {
            Some(ReadVerdict { stamp, readable }) if stamp == self.stamp => readable,
            _ => self.deny(topic).is_none(),
        }
    }

    /// Why its client may not read `topic`, if it may not.
    pub(crate) fn deny(&self, topic: &str) -> Option<Denial> {
        self.acl.deny(&self.who, TopicAccess::Read, topic)
    }

    /// The verdict to remember.
    pub(crate) fn verdict(&self, topic: &str) -> ReadVerdict {
        ReadVerdict { stamp: self.stamp, readable: self.deny(topic).is_none() }
    }

    /// Whether there is no topic at all under `filter`, which comes without its share, that its client may read.
    pub(crate) fn is_unreadable(&self, filter: &str) -> bool {
        !self.acl.could_read(&self.who, filter)
    }

    /// The file that it comes from.
    pub(crate) fn file(&self) -> &Arc<str> {
        self.acl.file()
    }

    /// Whether the same client would get the same answers from `acl`.
    pub(crate) fn is_of(&self, who: &Who, acl: Option<&Arc<Acl>>) -> bool {
        *self.who == *who && acl.is_some_and(|acl| Arc::ptr_eq(acl, &self.acl))
    }
}

/// Whether a message that was accepted for a client may still be sent to it.
pub(crate) fn may_read(reader: &Option<Arc<ReadPermissions>>, message: &Message) -> bool {
    reader.as_ref().is_none_or(|reader| reader.may_read(message.as_ref().topic, None))
}

#[cfg(test)]
mod tests {
    use super::{Denial, Rights, Who};

    #[test]
    fn sys_topics_are_the_brokers() {
        let rights = Rights::new([]);
        let who = Who { client: "c".into(), username: None, listener: 0 };
        for topic in ["$SYS/broker/uptime", "$SYS", "$SYS/broker/connection/a/b/state"] {
            assert_eq!(rights.deny_publish(&who, topic), Some(Denial::Own));
        }
        for topic in ["$SYSTEM/a", "a/$SYS", "$SYS/broker/connection/host.name/state"] {
            assert_eq!(rights.deny_publish(&who, topic), None);
        }
    }
}
