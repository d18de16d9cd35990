//! Who may connect, and who may publish and read what.
//!
//! [`Rights`] is a snapshot: a reload puts another in its place, and everything that was decided by the old one is looked
//! at again. Each listener has its [`Policy`]. Subscriptions are granted and filtered at delivery, so that a filter may
//! be wider than what its client may read; what was found readable is remembered (see [`Reader`]).
//!
//! What it leaves out: files and the system's randomness, which the shell reads, and the time that hashing takes, which
//! `login` hands to the shell.

mod accounts;
mod acl;
mod logins;
mod rule;
mod secret;

use std::fmt;

pub use accounts::Accounts;
pub use acl::Acl;
use logins::Logins;
pub(crate) use logins::{Answer, Digest, Known, Ticket};
pub use secret::{Cost, Memory, Method, Secret};

use crate::message::QoS;
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
        }
    }
}

/// A client, as rights see it: its session has one, and so has each message that it retains.
#[derive(Debug, PartialEq, Eq)]
pub struct Who {
    pub client: Arc<str>,
    /// The name it came in with; `None` for a client without.
    pub username: Option<Arc<str>>,
    /// The listener it came through: the number of its policy.
    pub listener: usize,
}

/// What a client wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Why a client may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Topics under `$SYS` are the broker's own.
    Own,
    /// A rule says so, at this line of this file.
    Rule { file: Arc<str>, line: usize, rule: Arc<str> },
    /// No rule of this file allows it.
    NoRule { file: Arc<str> },
    /// Patterns would allow it, but not to a name with a wildcard.
    Name { file: Arc<str> },
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("topics under $SYS are the broker's own"),
            Self::Rule { file, line, rule } => write!(f, "{file}:{line}: {rule}"),
            Self::NoRule { file } => write!(f, "no rule of {file} allows it"),
            Self::Name { file } => {
                write!(
                    f,
                    "its user name or client identifier holds + or #, to which no pattern of {file} applies"
                )
            }
        }
    }
}

/// What is wrong in a file of users or rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// What is wrong, and what to do about it. It never repeats a password.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
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
        let is_own = topic.starts_with("$SYS") && matches!(topic.as_bytes().get(4), None | Some(b'/'));
        if is_own && !topic::matches(STATE, topic) {
            return Some(Denial::Own);
        }
        let acl = self.policy(who.listener).acl.as_ref()?;
        acl.deny(who, Access::Write, topic)
    }

    /// Whether a message that `source` retained may still be read by clients of `listener`.
    pub(crate) fn stands(&self, source: Option<&Who>, listener: usize, topic: &str) -> bool {
        // What nobody is known to have published, the broker has published itself.
        !self.policy(listener).check_retain_source
            || source.is_none_or(|source| self.deny_publish(source, topic).is_none())
    }
}

impl Policy {
    /// Whether anybody may come in who reaches the listener.
    pub fn is_open(&self) -> bool {
        self.anonymous && !self.certificate
    }

    /// What the client may read, if that is not everything. `stamp` tells this answer from all others.
    pub(crate) fn reader(&self, who: &Arc<Who>, stamp: u64) -> Option<Arc<Reader>> {
        self.acl.as_ref().map(|acl| Arc::new(Reader { who: who.clone(), acl: acl.clone(), stamp }))
    }
}

/// What one client may read. A session without one may read everything.
#[derive(Debug)]
pub(crate) struct Reader {
    who: Arc<Who>,
    acl: Arc<Acl>,
    /// Differs from that of every other reader, so that a verdict can be remembered beside it.
    stamp: u64,
}

/// What was found of one reader and one topic, remembered where topics have their receivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    stamp: u64,
    readable: bool,
}

impl Reader {
    /// Whether its client may read `topic`; a remembered verdict spares the question.
    pub(crate) fn may_read(&self, topic: &str, remembered: Option<Verdict>) -> bool {
        match remembered {
            Some(Verdict { stamp, readable }) if stamp == self.stamp => readable,
            _ => self.deny(topic).is_none(),
        }
    }

    /// Why its client may not read `topic`, if it may not.
    pub(crate) fn deny(&self, topic: &str) -> Option<Denial> {
        self.acl.deny(&self.who, Access::Read, topic)
    }

    /// The verdict to remember.
    pub(crate) fn verdict(&self, topic: &str) -> Verdict {
        Verdict { stamp: self.stamp, readable: self.deny(topic).is_none() }
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
