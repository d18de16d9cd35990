//! Options: names, allowed values, description, and the field that takes the value.
//!
//! A table of options is a struct in which each row is a field with its type and default, so that the parser, the check and
//! the manual share one definition. Destructuring the struct without `..` makes sure that no option is left unused.

use std::path::PathBuf;

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// `true`, `false`, `1` or `0`.
    Flag,
    /// A whole number: decimal, hexadecimal with `0x`, or octal with a leading 0.
    Number(i64, i64),
    /// The rest of the line.
    Text,
    /// The rest of the line, which is never shown in a message.
    Secret,
    /// A file that is read.
    File,
    /// A directory that is read.
    Folder,
    /// A file or directory that is written.
    Target,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Text with its own syntax, in the notation of the manual.
    Words(&'static str),
}

/// A value that is of its kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Flag(bool),
    Number(i64),
    Text(&'a str),
}

/// What happens when an option is given twice in one section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The last value applies.
    Last,
    /// The values accumulate.
    Adds,
    /// An error, as in mosquitto: a line is usually left over by mistake.
    Reject,
}

/// When a changed value takes effect after a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakesEffect {
    /// At once, for all connections.
    Now,
    /// For new connections.
    Next,
    /// Only after a restart; a reload that changes it is refused.
    Restart,
}

/// One row of a table.
pub(crate) struct OptionRow<T: 'static> {
    /// The name, and older names for it.
    pub(crate) names: &'static [&'static str],
    pub(crate) kind: ValueKind,
    pub(crate) repeat: Repeat,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the manual, which a test writes"))]
    pub(crate) reload: TakesEffect,
    /// One or a few sentences for the manual.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the manual, which a test writes"))]
    pub(crate) help: &'static str,
    pub(crate) put: fn(&mut T, Value<'_>) -> Result<(), String>,
    /// The value as a line of the file would give it; empty where nothing is set.
    pub(crate) show: fn(&T) -> String,
}

impl<T> OptionRow<T> {
    pub(crate) fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// Defines a struct and its table: field, type, default, names, kind, repetition, reload, help.
macro_rules! options {
    (
        $(#[$meta:meta])*
        struct $name:ident;
        $($field:ident: $type:ty = $default:expr, [$($option:literal),+], $kind:expr, $repeat:ident, $reload:ident,
            $help:literal;)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $name {
            $(#[doc = $help] pub(crate) $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::config::option::Table for $name {
            const TABLE: &'static [$crate::config::option::OptionRow<Self>] = &[
                $($crate::config::option::OptionRow {
                    names: &[$($option),+],
                    kind: $kind,
                    repeat: $crate::config::option::Repeat::$repeat,
                    reload: $crate::config::option::TakesEffect::$reload,
                    help: $help,
                    put: |all, value| $crate::config::option::OptionField::put(&mut all.$field, value),
                    show: |all| $crate::config::option::OptionField::show(&all.$field),
                },)*
            ];
        }
    };
}
pub(crate) use options;

/// A struct that a table fills.
pub(crate) trait Table: Default + 'static {
    const TABLE: &'static [OptionRow<Self>];

    fn entry(name: &str) -> Option<&'static OptionRow<Self>> {
        Self::TABLE.iter().find(|entry| entry.names.contains(&name))
    }
}

/// A type that an option may have.
pub(crate) trait OptionField {
    /// Takes a value of the option's kind.
    ///
    /// # Errors
    /// What is wrong with it, and what is expected instead.
    fn put(&mut self, value: Value<'_>) -> Result<(), String>;
    fn show(&self) -> String;
}

impl OptionField for bool {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Flag(flag) = value else { return Err("expected true or false".into()) };
        *self = flag;
        Ok(())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl OptionField for $type {
            fn put(&mut self, value: Value<'_>) -> Result<(), String> {
                let Value::Number(number) = value else { return Err("expected a whole number".into()) };
                *self = Self::try_from(number).map_err(|_| format!("{number} is out of range"))?;
                Ok(())
            }

            fn show(&self) -> String {
                self.to_string()
            }
        })*
    };
}
numbers!(u8, u16, u32, u64, i64);

/// A limit for which 0 or less means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Most(pub(crate) Option<usize>);

impl Most {
    pub(crate) const UNLIMITED: Self = Self(None);
}

impl OptionField for Most {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Number(number) = value else { return Err("expected a whole number".into()) };
        self.0 = usize::try_from(number).ok().filter(|number| *number > 0);
        Ok(())
    }

    fn show(&self) -> String {
        self.0.map_or_else(|| "0, no limit".into(), |most| most.to_string())
    }
}

impl OptionField for String {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected text".into()) };
        text.clone_into(self);
        Ok(())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl OptionField for PathBuf {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected a path".into()) };
        *self = text.into();
        Ok(())
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl<T: OptionField + Default> OptionField for Option<T> {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let mut inner = T::default();
        inner.put(value)?;
        *self = Some(inner);
        Ok(())
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(String::new, OptionField::show)
    }
}

impl<T: OptionField + Default> OptionField for Vec<T> {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let mut inner = T::default();
        inner.put(value)?;
        self.push(inner);
        Ok(())
    }

    fn show(&self) -> String {
        self.iter().map(OptionField::show).collect::<Vec<_>>().join(" ")
    }
}

impl ValueKind {
    /// Reads a value of this kind; returns it and the rest of the line.
    ///
    /// # Errors
    /// What is wrong with it, and what is expected instead.
    pub(crate) fn read<'a>(self, text: &'a str) -> Result<(Value<'a>, &'a str), String> {
        if text.is_empty() {
            return Err(format!("missing value: expected {}", self.expected()));
        }
        let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        let rest = rest.trim();
        match self {
            Self::Flag => match word {
                "true" | "1" => Ok((Value::Flag(true), rest)),
                "false" | "0" => Ok((Value::Flag(false), rest)),
                _ => Err(format!("{word:?} is not true or false")),
            },
            Self::Number(least, most) => match number(word) {
                Some(number) if (least..=most).contains(&number) => Ok((Value::Number(number), rest)),
                Some(number) => Err(format!("{number} is out of range: expected {}", self.expected())),
                None => Err(format!("{word:?} is not a number: expected {}", self.expected())),
            },
            Self::OneOf(words) if words.contains(&text) => Ok((Value::Text(text), "")),
            Self::OneOf(_) => Err(format!("{text:?} is not known: expected {}", self.expected())),
            Self::Text | Self::Secret | Self::File | Self::Folder | Self::Target | Self::Words(_) => {
                if text.len() > 65_535 {
                    return Err("the value is longer than 65,535 bytes".into());
                }
                Ok((Value::Text(text), ""))
            }
        }
    }

    fn expected(self) -> String {
        match self {
            Self::Flag => "true or false".into(),
            Self::Number(least, most) if least < 0 => {
                format!("a whole number up to {most}; 0 or less means no limit")
            }
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
            Self::Text | Self::Secret => "text".into(),
            Self::File => "the path of a file".into(),
            Self::Folder => "the path of a directory".into(),
            Self::Target => "a path".into(),
            Self::OneOf(words) => words.join(", "),
            Self::Words(form) => form.into(),
        }
    }

    /// The argument as the manual writes it.
    #[cfg(test)]
    pub(crate) fn argument(self) -> String {
        match self {
            Self::Flag => "true|false".into(),
            Self::Number(..) => "NUMBER".into(),
            Self::Text | Self::Secret => "TEXT".into(),
            Self::File => "FILE".into(),
            Self::Folder => "DIRECTORY".into(),
            Self::Target => "PATH".into(),
            Self::OneOf(words) => words.join("|"),
            Self::Words(form) => form.into(),
        }
    }
}

/// A number as C reads it: decimal, `0x` or, after a 0, octal.
fn number(word: &str) -> Option<i64> {
    let (sign, digits) = match word.as_bytes().first()? {
        b'-' => (-1, &word[1..]),
        b'+' => (1, &word[1..]),
        _ => (1, word),
    };
    if !digits.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => i64::from_str_radix(hex, 16),
        Some(_) => return None,
        None if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(&digits[1..], 8),
        None => digits.parse(),
    };
    number.ok().map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::{Value, ValueKind, number};

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        for (word, expected) in [
            ("0", Some(0)),
            ("60", Some(60)),
            ("-1", Some(-1)),
            ("0x10", Some(16)),
            ("010", Some(8)),
            ("08", None),
            ("10k", None),
            ("0x", None),
            ("--1", None),
            ("", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(number(word), expected, "{word}");
        }
    }

    #[test]
    fn what_follows_a_number_is_told_and_what_is_no_value_refused() {
        let (value, rest) = ValueKind::Number(0, 100).read("60 # a minute").unwrap();
        assert!(matches!(value, Value::Number(60)) && rest == "# a minute");
        for (kind, text) in [
            (ValueKind::Flag, "yes"),
            (ValueKind::Flag, "True"),
            (ValueKind::Flag, ""),
            (ValueKind::Number(0, 100), "101"),
            (ValueKind::OneOf(&["a", "b"]), "c"),
            (ValueKind::Text, ""),
        ] {
            assert!(kind.read(text).is_err(), "{kind:?} {text:?}");
        }
    }
}
