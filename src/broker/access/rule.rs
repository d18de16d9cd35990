//! One rule of an ACL file against a topic, or against a filter; in patterns `%c` and `%u` are who asks.
//!
//! Nothing is put together for a match: a level with a sign in it is compared piece by piece. A name that holds `+`,
//! `#` or `/`, or is empty, is no level: a grant that uses it matches nothing, and a denial that uses it is taken
//! literally, so that nobody escapes one by his name.

use super::decision::TopicAccess;
use crate::broker::identity::Who;
use crate::sync::Arc;
use crate::topic;

/// A rule as it stands in its file.
#[derive(Clone, Debug)]
pub(super) struct AclRule {
    /// From 1.
    pub(super) line: usize,
    /// The whole line, for people.
    pub(super) text: Arc<str>,
    pub(super) filter: Box<str>,
    pub(super) right: Right,
    signs: Signs,
}

/// What a rule gives or takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    Read,
    Write,
    ReadWrite,
    Deny,
}

/// Which signs the filter has.
#[derive(Clone, Copy, Debug)]
struct Signs {
    client: bool,
    username: bool,
}

impl AclRule {
    /// The signs count in a `pattern` line only.
    pub(super) fn new(line: usize, text: &str, filter: &str, right: Right, is_pattern: bool) -> Self {
        let signs = Signs {
            client: is_pattern && filter.contains("%c"),
            username: is_pattern && filter.contains("%u"),
        };
        Self { line, text: text.into(), filter: filter.into(), right, signs }
    }

    pub(super) fn grants(&self, access: TopicAccess) -> bool {
        match access {
            TopicAccess::Read => matches!(self.right, Right::Read | Right::ReadWrite),
            TopicAccess::Write => matches!(self.right, Right::Write | Right::ReadWrite),
        }
    }

    /// Whether the filter matches one topic at most, the same for all clients.
    pub(super) fn is_exact(&self) -> bool {
        !self.filter.contains(['+', '#']) && !self.has_signs()
    }

    fn has_signs(&self) -> bool {
        self.signs.client || self.signs.username
    }

    pub(super) fn matches(&self, who: &Who, topic: &str) -> bool {
        if !self.has_signs() {
            return topic::matches(&self.filter, topic);
        }
        match self.applies(who) {
            Some(true) => topic::matches_by(&self.filter, topic, |part, level| is_level(part, level, who)),
            Some(false) => topic::matches(&self.substituted(who), topic),
            None => false,
        }
    }

    /// What this rule means for `who`, as a filter; nothing if it means nothing.
    pub(super) fn filter_of(&self, who: &Who) -> Option<String> {
        match self.has_signs() {
            false => Some(self.filter.to_string()),
            true => self.applies(who).map(|_| self.substituted(who)),
        }
    }

    /// `Some(true)`: the names used are levels; `Some(false)`: they are not, and the rule is a denial that applies all
    /// the same.
    fn applies(&self, who: &Who) -> Option<bool> {
        let username = match &who.username {
            Some(username) => username,
            // Who has no user name is not met by a pattern that asks for one.
            None if self.signs.username => return None,
            None => "",
        };
        let plain =
            (!self.signs.client || is_plain(&who.client)) && (!self.signs.username || is_plain(username));
        (plain || self.right == Right::Deny).then_some(plain)
    }

    fn substituted(&self, who: &Who) -> String {
        let (mut whole, mut rest) =
            (String::with_capacity(self.filter.len() + who.client.len()), &*self.filter);
        while let Some((before, piece, after)) = next_sign(rest, who) {
            whole.push_str(before);
            whole.push_str(piece);
            rest = after;
        }
        whole + rest
    }
}

/// Whether a name can stand for one level, or a part of one.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['+', '#', '/'])
}

/// Whether `level` is what `part` becomes with the names of `who`.
fn is_level<'a>(mut part: &'a str, mut level: &'a str, who: &'a Who) -> bool {
    while let Some((before, piece, after)) = next_sign(part, who) {
        let Some(rest) = level.strip_prefix(before).and_then(|rest| rest.strip_prefix(piece)) else {
            return false;
        };
        (part, level) = (after, rest);
    }
    part == level
}

/// What stands before the first percent sign, what the sign means, and what is left. A percent sign that begins no sign
/// is itself.
fn next_sign<'a>(text: &'a str, who: &'a Who) -> Option<(&'a str, &'a str, &'a str)> {
    let (before, sign) = text.split_at(text.find('%')?);
    Some(match (sign.as_bytes().get(1), &who.username) {
        (Some(b'c'), _) => (before, &who.client, &sign[2..]),
        (Some(b'u'), Some(username)) => (before, username, &sign[2..]),
        _ => (before, "%", &sign[1..]),
    })
}

#[cfg(test)]
mod tests {
    use super::{AclRule, Right, Who};

    #[test]
    fn signs_are_who_asks() {
        // Pattern, client, user name, topic, whether a grant matches, whether a denial does.
        for (filter, client, username, topic, grant, deny) in [
            ("a/%c", "c1", None, "a/c1", true, true),
            ("a/%c", "c1", None, "a/c2", false, false),
            ("a/%c/#", "c1", None, "a/c1/x/y", true, true),
            ("a/x%cy%u/+", "c", Some("u"), "a/xcyu/z", true, true),
            ("a/x%cy%u/+", "c", Some("u"), "a/xcyv/z", false, false),
            ("%u/%c", "c", Some("u"), "u/c", true, true),
            ("%u", "c", None, "", false, false),
            ("a/%u", "c", None, "a/%u", false, false),
            ("a/%c", "+", None, "a/b", false, true),
            ("a/%c", "#", None, "a/b/c", false, true),
            ("a/%c", "b/c", None, "a/b/c", false, true),
            ("a/%u", "c", Some("b/c"), "a/b/c", false, true),
            ("a/%c", "", None, "a/", false, true),
            ("100%/%c%", "c", None, "100%/c%", true, true),
            ("%c/a", "$SYS", None, "$SYS/a", true, true),
            ("+/%c", "c", None, "$SYS/c", false, false),
        ] {
            let who = Who { client: client.into(), username: username.map(Into::into), listener: 0 };
            for (right, expected) in [(Right::ReadWrite, grant), (Right::Deny, deny)] {
                let rule = AclRule::new(1, "", filter, right, true);
                assert_eq!(
                    rule.matches(&who, topic),
                    expected,
                    "{filter} for {client} {username:?}: {topic}"
                );
                assert!(!AclRule::new(1, "", filter, right, false).matches(&who, topic) || filter == topic);
            }
        }
    }
}
