//! What a client wants to do with a topic, why it may not, and what is wrong in a file that says so.

use std::fmt;

use crate::sync::Arc;

/// What a client wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopicAccess {
    Read,
    Write,
}

/// Whether a client may, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// There are no rules, so everything is allowed.
    NoRules,
    /// This rule allows it.
    Allowed {
        file: Arc<str>,
        line: usize,
        rule: Arc<str>,
    },
    Denied(Denial),
}

/// Why a client may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Topics under `$SYS` are the broker's own.
    Own,
    /// Without an ACL file, only clients of this machine may control the broker.
    Control,
    /// A rule says so, at this line of this file.
    Rule { file: Arc<str>, line: usize, rule: Arc<str> },
    /// This line of this file cannot be read, and could have denied it.
    Unreadable { file: Arc<str>, line: usize },
    /// No rule of this file allows it.
    NoRule { file: Arc<str> },
    /// Patterns would allow it, but not to a name with a wildcard.
    Name { file: Arc<str> },
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("topics under $SYS are the broker's own"),
            Self::Control => f.write_str(
                "control requests need an ACL rule, or a listener that only this machine can reach",
            ),
            Self::Rule { file, line, rule } => write!(f, "{file}:{line}: {rule}"),
            Self::Unreadable { file, line } => {
                write!(f, "{file}:{line}: the line cannot be read, and might deny it")
            }
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
pub struct AccessFileError {
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// What is wrong, and what to do about it. It never repeats a password.
    pub text: String,
}

impl fmt::Display for AccessFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}
