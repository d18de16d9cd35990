//! Rules about topics, in the format of mosquitto's ACL files.
//!
//! ```text
//! topic [read|write|readwrite|deny] FILTER      before the first user line: for clients without a user name
//! user NAME                                     the topic lines below are for this user
//! pattern [read|write|readwrite|deny] FILTER    for everybody; %c is the client identifier, %u the user name
//! # a comment
//! ```
//!
//! What no rule allows is denied. A user's own rules come before the patterns, and in each of the two a denial before
//! what is allowed. As there, a name that holds `+` or `#` gets nothing by patterns.

use crate::broker::identity::Who;
use std::collections::BTreeMap;

use super::decision::{AccessFileError, Decision, Denial, TopicAccess};
use super::rule::{AclRule, Right};
use crate::sync::Arc;
use crate::topic::{self, TopicFilter};

/// The rules of one file.
#[derive(Debug)]
pub struct Acl {
    file: Arc<str>,
    users: BTreeMap<Box<str>, Rules>,
    /// For clients without a user name.
    anonymous: Rules,
    patterns: Rules,
}

/// Whose rules a topic line holds.
#[derive(Debug)]
enum RuleOwner {
    Anonymous,
    User(Box<str>),
    /// Those of a user whose line cannot be read.
    Unknown,
}

/// Rules of one user, or patterns.
#[derive(Debug, Default)]
struct Rules {
    /// The first line that cannot be read.
    unreadable: Option<usize>,
    denials: Set,
    grants: Set,
}

/// Rules that are asked together; those with one topic are found by it.
#[derive(Debug, Default)]
struct Set {
    exact: BTreeMap<Box<str>, Vec<AclRule>>,
    others: Vec<AclRule>,
}

const WORDS: [(&str, Right); 4] =
    [("read", Right::Read), ("write", Right::Write), ("readwrite", Right::ReadWrite), ("deny", Right::Deny)];

impl Acl {
    /// Reads a file that is called `file` in messages.
    ///
    /// # Errors
    /// Every fault in the file.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Vec<AccessFileError>> {
        let (acl, faults) = Self::parse_valid(file, bytes);
        if faults.is_empty() { Ok(acl) } else { Err(faults) }
    }

    /// Reads the rules whose lines have no faults, and every fault in the file. A line that cannot be read might have been a
    /// denial: whoever it applies to is denied everything that it could have denied.
    pub fn parse_valid(file: &str, bytes: &[u8]) -> (Self, Vec<AccessFileError>) {
        let file: Arc<str> = file.into();
        let (users, anonymous, patterns) = Default::default();
        let mut acl = Self { file, users, anonymous, patterns };
        let (mut section, mut faults) = (RuleOwner::Anonymous, Vec::new());
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let read = std::str::from_utf8(line)
                .map_err(|_| "the line is not UTF-8; write the file in that encoding".to_owned())
                .and_then(|line| acl.line(number, line.trim(), &mut section));
            if let Err(text) = read {
                acl.fail_closed(number, line, &mut section);
                faults.push(AccessFileError { file: acl.file.clone(), line: number, text });
            }
        }
        (acl, faults)
    }

    /// Takes what a line that cannot be read could have denied.
    fn fail_closed(&mut self, number: usize, line: &[u8], section: &mut RuleOwner) {
        let line = String::from_utf8_lossy(line);
        let rules = match first_word(line.trim()).0 {
            // Whose rules follow is not known.
            "user" => {
                *section = RuleOwner::Unknown;
                return;
            }
            "pattern" => Some(&mut self.patterns),
            _ => self.rules_of(section),
        };
        if let Some(rules) = rules {
            rules.unreadable.get_or_insert(number);
        }
    }

    /// The rules that a topic line in this section belongs to.
    fn rules_of(&mut self, section: &RuleOwner) -> Option<&mut Rules> {
        match section {
            RuleOwner::Anonymous => Some(&mut self.anonymous),
            RuleOwner::User(name) => Some(self.users.entry(name.clone()).or_default()),
            RuleOwner::Unknown => None,
        }
    }

    fn line(&mut self, number: usize, line: &str, section: &mut RuleOwner) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (word, rest) = first_word(line);
        match word {
            "user" if rest.is_empty() => Err("user stands without a name; write user NAME".into()),
            "user" => {
                self.users.entry(rest.into()).or_default();
                *section = RuleOwner::User(rest.into());
                Ok(())
            }
            "topic" | "pattern" => {
                let (right, filter) = right_and_filter(word, rest)?;
                let rule = AclRule::new(number, line, filter, right, word == "pattern");
                let rules = if word == "pattern" { Some(&mut self.patterns) } else { self.rules_of(section) };
                if let Some(rules) = rules {
                    rules.add(rule);
                }
                Ok(())
            }
            word => Err(format!("a line begins with user, topic, pattern or #, not with {word:?}")),
        }
    }

    /// What the file is called.
    pub(super) fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// Why `who` may not do this with `topic`, if he may not.
    pub(super) fn deny(&self, who: &Who, access: TopicAccess, topic: &str) -> Option<Denial> {
        if let Some(own) = self.own(who)
            && let Some(answer) = own.decide(&self.file, who, access, topic)
        {
            return answer.err();
        }
        let answer = self.patterns.decide(&self.file, who, access, topic);
        if !self.patterns.is_empty() && has_wildcard(who) {
            return Some(match answer {
                Some(Err(denial)) => denial,
                _ => Denial::Name { file: self.file.clone() },
            });
        }
        answer.unwrap_or_else(|| Err(Denial::NoRule { file: self.file.clone() })).err()
    }

    /// The rule that allows what [`Self::deny`] does not deny.
    pub(super) fn allowing_rule(&self, who: &Who, access: TopicAccess, topic: &str) -> Option<Decision> {
        let own = self.own(who).and_then(|own| own.grants.find(who, topic, |rule| rule.grants(access)));
        let rule = own.or_else(|| self.patterns.grants.find(who, topic, |rule| rule.grants(access)))?;
        Some(Decision::Allowed { file: self.file.clone(), line: rule.line, rule: rule.text.clone() })
    }

    /// Whether there may be a topic under `filter` that `who` may read.
    pub(super) fn could_read(&self, who: &Who, filter: &str) -> bool {
        let own = self.own(who);
        let own_denials: Vec<_> = own.into_iter().flat_map(|own| own.denials.filters(who)).collect();
        let mut denials = own_denials.clone();
        denials.extend(self.patterns.denials.filters(who));
        let readable = |rules: &Rules, denials: &[String]| {
            let granted = rules.grants.rules().filter(|rule| rule.grants(TopicAccess::Read));
            granted.filter_map(|rule| rule.filter_of(who)).any(|granted| {
                topic::intersection(&granted, filter)
                    .is_some_and(|both| !denials.iter().any(|denied| topic::covers(denied, &both)))
            })
        };
        if own.is_some_and(|own| own.unreadable.is_some()) {
            return false;
        }
        own.is_some_and(|own| readable(own, &own_denials))
            || (!has_wildcard(who)
                && self.patterns.unreadable.is_none()
                && readable(&self.patterns, &denials))
    }

    fn own(&self, who: &Who) -> Option<&Rules> {
        match &who.username {
            Some(username) => self.users.get(&**username),
            None => Some(&self.anonymous),
        }
    }
}

/// A name like this would make more of a pattern than it says.
fn has_wildcard(who: &Who) -> bool {
    who.client.contains(['+', '#'])
        || who.username.as_ref().is_some_and(|username| username.contains(['+', '#']))
}

fn first_word(line: &str) -> (&str, &str) {
    match line.split_once([' ', '\t']) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (line, ""),
    }
}

/// What stands behind `topic` or `pattern`. A filter may hold blanks if a right stands before it.
fn right_and_filter<'a>(word: &str, rest: &'a str) -> Result<(Right, &'a str), String> {
    let (first, filter) = first_word(rest);
    let right = WORDS.iter().find(|(name, _)| *name == first).map(|(_, right)| *right);
    let (right, filter) = match (right, filter) {
        (_, "") if first.is_empty() => {
            return Err(format!("{word} stands without a topic; write {word} readwrite FILTER"));
        }
        // A topic may be called like a right.
        (_, "") => (Right::ReadWrite, first),
        (Some(right), filter) => (right, filter),
        (None, _) => {
            return Err(format!(
                "{first:?} is no right; those are read, write, readwrite and deny, and one must stand before a \
                 topic with blanks"
            ));
        }
    };
    match TopicFilter::new(filter) {
        Ok(filter) if filter.share().is_some() => {
            Err("rules are about topics; write the filter without $share/NAME/".into())
        }
        Ok(_) => Ok((right, filter)),
        Err(why) => Err(format!("{filter:?} is no topic filter: {why}")),
    }
}

impl Rules {
    fn add(&mut self, rule: AclRule) {
        let set = if rule.right == Right::Deny { &mut self.denials } else { &mut self.grants };
        if rule.is_exact() {
            set.exact.entry(rule.filter.clone()).or_default().push(rule);
        } else {
            set.others.push(rule);
        }
    }

    fn is_empty(&self) -> bool {
        self.denials.is_empty() && self.grants.is_empty() && self.unreadable.is_none()
    }

    /// What these rules say, if they say anything.
    fn decide(
        &self,
        file: &Arc<str>,
        who: &Who,
        access: TopicAccess,
        topic: &str,
    ) -> Option<Result<(), Denial>> {
        if let Some(line) = self.unreadable {
            return Some(Err(Denial::Unreadable { file: file.clone(), line }));
        }
        if let Some(rule) = self.denials.find(who, topic, |_| true) {
            let (file, line, rule) = (file.clone(), rule.line, rule.text.clone());
            return Some(Err(Denial::Rule { file, line, rule }));
        }
        self.grants.find(who, topic, |rule| rule.grants(access)).map(|_| Ok(()))
    }
}

impl Set {
    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.others.is_empty()
    }

    fn find(&self, who: &Who, topic: &str, counts: impl Fn(&AclRule) -> bool) -> Option<&AclRule> {
        let exact = self.exact.get(topic).into_iter().flatten().find(|rule| counts(rule));
        exact.or_else(|| self.others.iter().find(|rule| counts(rule) && rule.matches(who, topic)))
    }

    fn rules(&self) -> impl Iterator<Item = &AclRule> {
        self.exact.values().flatten().chain(&self.others)
    }

    fn filters(&self, who: &Who) -> impl Iterator<Item = String> {
        self.rules().filter_map(|rule| rule.filter_of(who))
    }
}

#[cfg(test)]
#[path = "../../../tests/unit/broker/rights/acl.rs"]
pub(super) mod tests;
