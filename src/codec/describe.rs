//! A packet as one line of text, for logs and transcripts.
//!
//! A line is the name of the packet and then fields as `key=value`; fields with default values are left out. [`brief`] is for
//! logs: it counts the bytes of payloads and hides secrets. [`full`] leaves nothing out; the transcripts of the tests are
//! written in it and parsed back.
//!
//! ```text
//! CONNECT v=5 id=a clean=1 keep=60 session-expiry=100 will.topic=gone will.q=1
//! SUBSCRIBE m=1 filter=a/# q=1 no-local=1 filter="b c" q=2
//! PUBLISH topic=a/b q=1 m=7 user-property=name=value payload="hello world"
//! PUBACK m=7 rc=0x10
//! ```
//!
//! A value is a bare word, quoted text with the escapes of Rust, or `hex:` and hexadecimal digits. Reason codes are
//! those of MQTT 5 in all versions.

use std::fmt::{self, Display, Formatter};

use super::packet::Packet;
use super::property::{Properties, Property, PropertyValue};
use super::reason::Reason;

/// A packet as one line.
#[derive(Clone, Copy, Debug)]
pub struct Description<'p, 'a> {
    packet: &'p Packet<'a>,
    detail: Detail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    Brief,
    Full,
}

/// The packet for a log: payloads are counted, secrets hidden, reasons named.
pub fn brief<'p, 'a>(packet: &'p Packet<'a>) -> Description<'p, 'a> {
    Description { packet, detail: Detail::Brief }
}

/// The packet with everything in it.
pub fn full<'p, 'a>(packet: &'p Packet<'a>) -> Description<'p, 'a> {
    Description { packet, detail: Detail::Full }
}

impl Display for Description<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.packet.name())?;
        self.packet.describe(&mut Fields { f, detail: self.detail })
    }
}

/// Writes the fields of a packet.
pub(super) struct Fields<'f, 'g> {
    f: &'f mut Formatter<'g>,
    detail: Detail,
}

impl Fields<'_, '_> {
    pub(super) fn field(&mut self, key: impl Display, value: impl Display) -> fmt::Result {
        write!(self.f, " {key}={value}")
    }

    /// A number, such as a flag, that is left out if it is 0.
    pub(super) fn nonzero(&mut self, key: impl Display, number: u8) -> fmt::Result {
        if number == 0 { Ok(()) } else { self.field(key, number) }
    }

    pub(super) fn text(&mut self, key: impl Display, text: &str) -> fmt::Result {
        self.field(key, Word(text.as_bytes()))
    }

    /// A payload; the brief form counts its bytes.
    pub(super) fn payload(&mut self, key: impl Display, bytes: &[u8]) -> fmt::Result {
        match (self.detail, bytes.len()) {
            (Detail::Full, 0) => Ok(()),
            (Detail::Full, _) => self.field(key, Word(bytes)),
            (Detail::Brief, 1) => write!(self.f, " {key}: 1 byte"),
            (Detail::Brief, len) => write!(self.f, " {key}: {len} bytes"),
        }
    }

    pub(super) fn secret(&mut self, key: impl Display, bytes: &[u8]) -> fmt::Result {
        match self.detail {
            Detail::Full => self.field(key, Word(bytes)),
            Detail::Brief => self.field(key, "***"),
        }
    }

    pub(super) fn reason(&mut self, reason: Reason) -> fmt::Result {
        write!(self.f, " rc=0x{:02X}", reason.0)?;
        match self.detail {
            Detail::Brief if reason != Reason::SUCCESS => write!(self.f, " ({})", reason.text()),
            Detail::Brief | Detail::Full => Ok(()),
        }
    }

    /// A reason that is left out if it is success.
    pub(super) fn failure(&mut self, reason: Reason) -> fmt::Result {
        if reason == Reason::SUCCESS { Ok(()) } else { self.reason(reason) }
    }

    pub(super) fn properties(&mut self, prefix: &str, properties: Properties<'_>) -> fmt::Result {
        properties.iter().try_for_each(|property| {
            let key = format_args!("{prefix}{}", property.info().log_key);
            match property.value() {
                PropertyValue::Number(number) => self.field(key, number),
                PropertyValue::Text(text) => self.text(key, text),
                PropertyValue::Binary(bytes) if matches!(property, Property::AuthenticationData(_)) => {
                    self.secret(key, bytes)
                }
                PropertyValue::Binary(bytes) => self.field(key, Word(bytes)),
                PropertyValue::Pair(name, value) => {
                    let (name, value) = (Word(name.as_bytes()), Word(value.as_bytes()));
                    self.field(key, format_args!("{name}={value}"))
                }
            }
        })
    }
}

/// A value: a bare word where that says it, quoted text, or `hex:` where it is no text.
struct Word<'a>(&'a [u8]);

impl Display for Word<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Ok(text) = std::str::from_utf8(self.0) else {
            f.write_str("hex:")?;
            return self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"));
        };
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_-.,$#+:@%*~!?&;".contains(byte);
        if !text.is_empty() && !text.starts_with("hex:") && self.0.iter().all(plain) {
            return f.write_str(text);
        }
        write!(f, "\"{}\"", text.escape_debug())
    }
}
