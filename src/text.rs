//! One way to write a packet for people: in the log, in a trace, in a transcript.
//!
//! A packet is a line: its name, then fields as `key=value`, those left out that say nothing. [`brief`] is for the log: it
//! counts the bytes of what people did not write for the log, and keeps secrets. [`full`] leaves nothing out; the
//! transcripts of the tests are written in it and read back.
//!
//! ```text
//! CONNECT v=5 id=a clean=1 keep=60 session-expiry=100 will.topic=gone will.q=1
//! SUBSCRIBE m=1 filter=a/# q=1 no-local=1 filter="b c" q=2
//! PUBLISH topic=a/b q=1 m=7 user-property=name=value payload="hello world"
//! PUBACK m=7 rc=0x10
//! ```
//!
//! A value is a bare word, a quoted text with the escapes of Rust, or `hex:` and hexadecimal digits. Reason codes are
//! those of MQTT 5 in all versions.

#[cfg(test)]
#[path = "../tests/unit/text/golden.rs"]
mod golden;
#[cfg(test)]
#[path = "../tests/unit/text/parse.rs"]
pub(crate) mod parse;
#[cfg(test)]
#[path = "../tests/unit/text/tests.rs"]
mod tests;

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter, Write};

use crate::codec::packet::{Ack, Connect, Options, Packet, Publish, RetainHandling, Version};
use crate::codec::property::{Properties, Property, PropertyValue};
use crate::codec::reason::Reason;
use crate::message::QoS;

/// A packet as one line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'p, 'a> {
    packet: &'p Packet<'a>,
    full: bool,
}

/// The packet for the log: payloads are counted, secrets kept, reasons named.
pub fn brief<'p, 'a>(packet: &'p Packet<'a>) -> Line<'p, 'a> {
    Line { packet, full: false }
}

/// The packet with all that it holds.
pub fn full<'p, 'a>(packet: &'p Packet<'a>) -> Line<'p, 'a> {
    Line { packet, full: true }
}

impl Display for Line<'_, '_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(name(self.packet))?;
        let mut fields = Fields { f, full: self.full };
        match self.packet {
            Packet::Connect(connect) => fields.connect(connect),
            Packet::Connack(connack) => {
                fields.flag("present", connack.session_present)?;
                fields.reason(connack.reason)?;
                fields.properties("", connack.properties)
            }
            Packet::Publish(publish) => fields.publish(publish),
            Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubrel(ack) | Packet::Pubcomp(ack) => {
                fields.ack(ack)
            }
            Packet::Subscribe(subscribe) => {
                fields.field("m", subscribe.packet_id)?;
                fields.properties("", subscribe.properties)?;
                subscribe.filters.iter().try_for_each(|subscription| {
                    fields.text("filter", &subscription.filter)?;
                    fields.options(subscription.options)
                })
            }
            Packet::Suback(suback) | Packet::Unsuback(suback) => {
                fields.field("m", suback.packet_id)?;
                fields.properties("", suback.properties)?;
                suback.reasons.iter().try_for_each(|reason| fields.reason(*reason))
            }
            Packet::Unsubscribe(unsubscribe) => {
                fields.field("m", unsubscribe.packet_id)?;
                fields.properties("", unsubscribe.properties)?;
                unsubscribe.filters.iter().try_for_each(|filter| fields.text("filter", filter))
            }
            Packet::Pingreq | Packet::Pingresp => Ok(()),
            Packet::Disconnect(disconnect) => {
                fields.ending(disconnect.reason)?;
                fields.properties("", disconnect.properties)
            }
            Packet::Auth(auth) => {
                fields.ending(auth.reason)?;
                fields.properties("", auth.properties)
            }
        }
    }
}

/// The name that the standard gives a packet.
pub fn name(packet: &Packet<'_>) -> &'static str {
    match packet {
        Packet::Connect(_) => "CONNECT",
        Packet::Connack(_) => "CONNACK",
        Packet::Publish(_) => "PUBLISH",
        Packet::Puback(_) => "PUBACK",
        Packet::Pubrec(_) => "PUBREC",
        Packet::Pubrel(_) => "PUBREL",
        Packet::Pubcomp(_) => "PUBCOMP",
        Packet::Subscribe(_) => "SUBSCRIBE",
        Packet::Suback(_) => "SUBACK",
        Packet::Unsubscribe(_) => "UNSUBSCRIBE",
        Packet::Unsuback(_) => "UNSUBACK",
        Packet::Pingreq => "PINGREQ",
        Packet::Pingresp => "PINGRESP",
        Packet::Disconnect(_) => "DISCONNECT",
        Packet::Auth(_) => "AUTH",
    }
}

/// Characters of a name that a log line shows.
const LONGEST: usize = 200;

/// Whether a character does not show as itself: it acts on a terminal, ends a line, or turns the direction of what follows.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{61C}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The beginning of a text that comes from a peer, as long as a log line should be.
pub fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// A text with escapes in the place of what does not show as itself.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match is_unprintable(c) {
            true => write!(f, "{}", c.escape_default()),
            false => f.write_char(c),
        })
    }
}

/// A client ID, username, topic or filter in a log line: shortened, escaped, and in quotes unless it is one word. So it can
/// neither begin a line nor pass for the words around it.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = shortened(self.0);
        let is_odd = |c: char| c.is_whitespace() || c == '"' || is_unprintable(c);
        if !text.is_empty() && !text.contains(is_odd) {
            return f.write_str(&text);
        }
        f.write_char('"')?;
        text.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(f, "\\{c}"),
            c if is_unprintable(c) => write!(f, "{}", c.escape_default()),
            c => f.write_char(c),
        })?;
        f.write_char('"')
    }
}

/// An error of the operating system as part of a sentence: without its number, and in lower case: `connection refused`.
pub fn os_error(error: &(impl Display + ?Sized)) -> String {
    const NUMBER: &str = " (os error ";
    let mut text = error.to_string();
    while let Some(start) = text.find(NUMBER) {
        let len = text[start..].find(')').map_or(text.len() - start, |end| end + 1);
        text.replace_range(start..start + len, "");
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text,
    }
}

/// What CONNECT calls a version, for people.
pub fn version(version: Version) -> &'static str {
    match version {
        Version::V3_1 => "3.1",
        Version::V3_1_1 => "3.1.1",
        Version::V5 => "5",
    }
}

struct Fields<'f, 'g> {
    f: &'f mut Formatter<'g>,
    full: bool,
}

impl Fields<'_, '_> {
    fn connect(&mut self, connect: &Connect<'_>) -> fmt::Result {
        self.field("v", version(connect.version))?;
        self.flag("bridge", connect.bridge)?;
        self.text("id", connect.client_id)?;
        self.flag("clean", connect.clean_start)?;
        if connect.keep_alive != 0 {
            self.field("keep", connect.keep_alive)?;
        }
        self.properties("", connect.properties)?;
        if let Some(will) = &connect.will {
            self.text("will.topic", will.topic)?;
            self.qos("will.q", will.qos)?;
            self.flag("will.retain", will.retain)?;
            self.properties("will.", will.properties)?;
            self.content("will.payload", will.payload)?;
        }
        if let Some(username) = connect.username {
            self.text("username", username)?;
        }
        if let Some(password) = connect.password {
            self.secret("password", password)?;
        }
        Ok(())
    }

    fn publish(&mut self, publish: &Publish<'_>) -> fmt::Result {
        self.text("topic", publish.topic)?;
        self.qos("q", publish.qos)?;
        self.flag("retain", publish.retain)?;
        self.flag("dup", publish.dup)?;
        if let Some(id) = publish.packet_id {
            self.field("m", id)?;
        }
        self.properties("", publish.properties)?;
        self.content("payload", publish.payload)
    }

    fn ack(&mut self, ack: &Ack<'_>) -> fmt::Result {
        self.field("m", ack.packet_id)?;
        self.ending(ack.reason)?;
        self.properties("", ack.properties)
    }

    fn options(&mut self, options: Options) -> fmt::Result {
        let Options { qos, no_local, retain_as_published, retain_handling } = options;
        self.qos("q", qos)?;
        self.flag("no-local", no_local)?;
        self.flag("retain-as-published", retain_as_published)?;
        if retain_handling == RetainHandling::Send {
            return Ok(());
        }
        self.field("retain-handling", retain_handling as u8)
    }

    fn field(&mut self, key: &str, value: impl Display) -> fmt::Result {
        write!(self.f, " {key}={value}")
    }

    fn flag(&mut self, key: &str, set: bool) -> fmt::Result {
        if set { self.field(key, 1) } else { Ok(()) }
    }

    fn qos(&mut self, key: &str, qos: QoS) -> fmt::Result {
        if qos == QoS::AtMostOnce { Ok(()) } else { self.field(key, qos.bits()) }
    }

    fn text(&mut self, key: &str, text: &str) -> fmt::Result {
        self.field(key, Word(text.as_bytes()))
    }

    /// A payload: what it says is for the full form, how much it is for the brief one.
    fn content(&mut self, key: &str, bytes: &[u8]) -> fmt::Result {
        match (self.full, bytes.len()) {
            (true, 0) => Ok(()),
            (true, _) => self.field(key, Word(bytes)),
            (false, 1) => write!(self.f, " {key}: 1 byte"),
            (false, len) => write!(self.f, " {key}: {len} bytes"),
        }
    }

    fn secret(&mut self, key: &str, bytes: &[u8]) -> fmt::Result {
        if self.full { self.field(key, Word(bytes)) } else { self.field(key, "***") }
    }

    fn reason(&mut self, reason: Reason) -> fmt::Result {
        write!(self.f, " rc=0x{:02X}", reason.0)?;
        if self.full || reason == Reason::SUCCESS { Ok(()) } else { write!(self.f, " ({})", reason.text()) }
    }

    /// A reason that goes without saying where it is success.
    fn ending(&mut self, reason: Reason) -> fmt::Result {
        if reason == Reason::SUCCESS { Ok(()) } else { self.reason(reason) }
    }

    fn properties(&mut self, prefix: &str, properties: Properties<'_>) -> fmt::Result {
        properties.iter().try_for_each(|property| {
            write!(self.f, " {prefix}{}=", property.info().log_key)?;
            match property.value() {
                PropertyValue::Number(number) => write!(self.f, "{number}"),
                PropertyValue::Text(text) => write!(self.f, "{}", Word(text.as_bytes())),
                PropertyValue::Binary(_) if is_secret(property) && !self.full => self.f.write_str("***"),
                PropertyValue::Binary(bytes) => write!(self.f, "{}", Word(bytes)),
                PropertyValue::Pair(name, value) => {
                    write!(self.f, "{}={}", Word(name.as_bytes()), Word(value.as_bytes()))
                }
            }
        })
    }
}

fn is_secret(property: Property<'_>) -> bool {
    matches!(property, Property::AuthenticationData(_))
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
