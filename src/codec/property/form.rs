//! The forms that the value of a property can have, with their ranges.

use std::fmt::{self, Display, Formatter};
use std::ops::RangeInclusive;

use super::super::read::{Reader, protocol_error};
use super::super::write::{self, MAX_VARIABLE};
use super::{Malformed, Reason};

/// A value, whatever its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyValue<'a> {
    Number(u32),
    Text(&'a str),
    Binary(&'a [u8]),
    Pair(&'a str, &'a str),
}

/// The form of a value on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One byte, 0 or 1.
    Flag,
    TwoBytes,
    PositiveTwoBytes,
    /// As [`Form::PositiveTwoBytes`]; 0 has a reason code of its own.
    Alias,
    FourBytes,
    PositiveFourBytes,
    /// A Variable Byte Integer above 0.
    PositiveVariable,
    /// A UTF-8 string.
    Utf8,
    /// A topic name.
    Utf8Topic,
    Binary,
    /// Two texts, a name and a value.
    Pair,
}

impl Form {
    /// The numbers that are allowed, if the value is a number.
    pub const fn range(self) -> Option<RangeInclusive<u32>> {
        match self {
            Self::Flag => Some(Flag::RANGE),
            Self::TwoBytes => Some(TwoBytes::RANGE),
            Self::PositiveTwoBytes => Some(PositiveTwoBytes::RANGE),
            Self::Alias => Some(Alias::RANGE),
            Self::FourBytes => Some(FourBytes::RANGE),
            Self::PositiveFourBytes => Some(PositiveFourBytes::RANGE),
            Self::PositiveVariable => Some(PositiveVariable::RANGE),
            Self::Utf8 | Self::Utf8Topic | Self::Binary | Self::Pair => None,
        }
    }
}

/// What is expected of a value, for error messages.
impl Display for Form {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self, self.range()) {
            (Self::Flag, _) => f.write_str("0 or 1"),
            (_, Some(range)) => write!(f, "a number from {} to {}", range.start(), range.end()),
            (Self::Utf8Topic, _) => f.write_str("a topic name without wildcards"),
            (Self::Binary, _) => f.write_str("up to 65535 bytes"),
            (Self::Pair, _) => f.write_str("a name and a value of up to 65535 bytes each"),
            _ => f.write_str("text of up to 65535 bytes without NUL"),
        }
    }
}

/// Defines a number of bytes in network order.
macro_rules! number {
    ($form:ident, $wire:ident($type:ident), $range:expr, $error:expr) => {
        pub(super) struct $form;

        impl $form {
            const RANGE: RangeInclusive<u32> = $range;

            pub(super) fn read(reader: &mut Reader<'_>, invalid: &'static str) -> Result<$type, Malformed> {
                let value = reader.$wire()?;
                if Self::RANGE.contains(&u32::from(value)) { Ok(value) } else { Err($error(invalid)) }
            }

            pub(super) fn skip(reader: &mut Reader<'_>) -> Result<(), Malformed> {
                reader.$wire().map(drop)
            }

            pub(super) fn write(value: $type, out: &mut Vec<u8>) {
                write::$wire(value as _, out);
            }

            pub(super) fn show(value: $type) -> PropertyValue<'static> {
                PropertyValue::Number(value.into())
            }

            pub(super) fn accept(value: PropertyValue<'_>) -> Option<$type> {
                match value {
                    PropertyValue::Number(number) if Self::RANGE.contains(&number) => number.try_into().ok(),
                    _ => None,
                }
            }
        }
    };
}

number!(Flag, u8(u8), 0..=1, protocol_error);
number!(TwoBytes, u16(u16), 0..=u16::MAX as u32, protocol_error);
number!(PositiveTwoBytes, u16(u16), 1..=u16::MAX as u32, protocol_error);
number!(Alias, u16(u16), 1..=u16::MAX as u32, invalid_alias);
number!(FourBytes, u32(u32), 0..=u32::MAX, protocol_error);
number!(PositiveFourBytes, u32(u32), 1..=u32::MAX, protocol_error);
number!(PositiveVariable, variable(u32), 1..=MAX_VARIABLE as u32, protocol_error);

/// [MQTT-3.3.2-8]
const fn invalid_alias(detail: &'static str) -> Malformed {
    Malformed { reason: Reason::TOPIC_ALIAS_INVALID, detail }
}

pub(super) struct Utf8;

impl Utf8 {
    pub(super) fn read<'a>(reader: &mut Reader<'a>, _: &'static str) -> Result<&'a str, Malformed> {
        reader.string()
    }

    pub(super) fn skip(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.binary().map(drop)
    }

    pub(super) fn write(value: &str, out: &mut Vec<u8>) {
        write::string(value, out);
    }

    pub(super) fn show(value: &str) -> PropertyValue<'_> {
        PropertyValue::Text(value)
    }

    pub(super) fn accept(value: PropertyValue<'_>) -> Option<&str> {
        match value {
            PropertyValue::Text(text) if is_string(text) => Some(text),
            _ => None,
        }
    }
}

fn is_string(text: &str) -> bool {
    text.len() <= u16::MAX.into() && !text.contains('\0')
}

pub(super) struct Utf8Topic;

impl Utf8Topic {
    pub(super) fn read<'a>(reader: &mut Reader<'a>, invalid: &'static str) -> Result<&'a str, Malformed> {
        let topic = reader.string()?;
        // [MQTT-3.3.2-14]
        if Self::is_name(topic) { Ok(topic) } else { Err(protocol_error(invalid)) }
    }

    fn is_name(topic: &str) -> bool {
        !topic.is_empty() && !topic.contains(['+', '#'])
    }

    pub(super) fn accept(value: PropertyValue<'_>) -> Option<&str> {
        Utf8::accept(value).filter(|topic| Self::is_name(topic))
    }

    pub(super) fn skip(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        Utf8::skip(reader)
    }

    pub(super) fn write(value: &str, out: &mut Vec<u8>) {
        Utf8::write(value, out);
    }

    pub(super) fn show(value: &str) -> PropertyValue<'_> {
        Utf8::show(value)
    }
}

pub(super) struct Binary;

impl Binary {
    pub(super) fn read<'a>(reader: &mut Reader<'a>, _: &'static str) -> Result<&'a [u8], Malformed> {
        reader.binary()
    }

    pub(super) fn skip(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.binary().map(drop)
    }

    pub(super) fn write(value: &[u8], out: &mut Vec<u8>) {
        write::binary(value, out);
    }

    pub(super) fn show(value: &[u8]) -> PropertyValue<'_> {
        PropertyValue::Binary(value)
    }

    pub(super) fn accept(value: PropertyValue<'_>) -> Option<&[u8]> {
        match value {
            PropertyValue::Binary(bytes) if bytes.len() <= u16::MAX.into() => Some(bytes),
            _ => None,
        }
    }
}

pub(super) struct Pair;

impl Pair {
    /// [MQTT-1.5.7-1]
    pub(super) fn read<'a>(
        reader: &mut Reader<'a>,
        _: &'static str,
    ) -> Result<(&'a str, &'a str), Malformed> {
        Ok((reader.string()?, reader.string()?))
    }

    pub(super) fn skip(reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.binary()?;
        reader.binary().map(drop)
    }

    pub(super) fn write((name, value): (&str, &str), out: &mut Vec<u8>) {
        write::string(name, out);
        write::string(value, out);
    }

    pub(super) fn show<'a>((name, value): (&'a str, &'a str)) -> PropertyValue<'a> {
        PropertyValue::Pair(name, value)
    }

    pub(super) fn accept(value: PropertyValue<'_>) -> Option<(&str, &str)> {
        match value {
            PropertyValue::Pair(name, value) if is_string(name) && is_string(value) => Some((name, value)),
            _ => None,
        }
    }
}
