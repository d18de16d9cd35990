//! Who may connect, and who may publish what.
//!
//! A snapshot: a reload puts another in its place. Subscriptions are granted and filtered at delivery, so what a client
//! may read is not asked when it subscribes.

use std::collections::BTreeMap;

/// The users, and whether one may come without being one.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    users: BTreeMap<Box<str>, Box<[u8]>>,
    /// Whether nobody may come though there is no user.
    closed: bool,
}

impl Rights {
    /// Without users anybody may connect; with users only they.
    pub fn new(users: impl IntoIterator<Item = (Box<str>, Box<[u8]>)>) -> Self {
        Self { users: users.into_iter().collect(), closed: false }
    }

    /// Nobody may connect.
    pub fn closed() -> Self {
        Self { users: BTreeMap::new(), closed: true }
    }

    /// Whether a client needs no name.
    pub fn is_open(&self) -> bool {
        self.users.is_empty() && !self.closed
    }

    /// Whether this name and password let a client in.
    pub(crate) fn may_connect(&self, username: Option<&str>, password: Option<&[u8]>) -> bool {
        if self.is_open() {
            return true;
        }
        let known = username.and_then(|name| self.users.get(name));
        // An unknown name takes as long as a wrong password.
        let (expected, exists) = known.map_or((&b""[..], false), |password| (password, true));
        same(expected, password.unwrap_or_default()) & exists
    }

    /// Whether a client may publish to this topic: `$SYS` is the broker's own.
    pub(crate) fn may_publish(&self, topic: &str) -> bool {
        !(topic.starts_with("$SYS") && matches!(topic.as_bytes().get(4), None | Some(b'/')))
    }
}

/// Compares in a time that depends on the length of what was given alone.
fn same(expected: &[u8], given: &[u8]) -> bool {
    let mut difference = u8::from(expected.len() != given.len());
    for (position, byte) in given.iter().enumerate() {
        difference |= byte ^ expected.get(position).copied().unwrap_or(!*byte);
    }
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::Rights;

    #[test]
    fn only_users_with_their_password_come_in() {
        let rights = Rights::new([("ann".into(), b"secret"[..].into()), ("bob".into(), b""[..].into())]);
        for (name, password, expected) in [
            (Some("ann"), Some("secret"), true),
            (Some("ann"), Some("secret2"), false),
            (Some("ann"), Some("secre"), false),
            (Some("ann"), Some(""), false),
            (Some("ann"), None, false),
            (Some("bob"), None, true),
            (Some("eve"), Some(""), false),
            (None, Some("secret"), false),
            (None, None, false),
        ] {
            assert_eq!(
                rights.may_connect(name, password.map(str::as_bytes)),
                expected,
                "{name:?} {password:?}"
            );
        }
        assert!(Rights::default().may_connect(None, None));
    }

    #[test]
    fn sys_topics_are_the_brokers() {
        let rights = Rights::default();
        assert!(!rights.may_publish("$SYS/broker/uptime"));
        assert!(!rights.may_publish("$SYS"));
        assert!(rights.may_publish("$SYSTEM/a") && rights.may_publish("a/$SYS"));
    }
}
