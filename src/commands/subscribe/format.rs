//! The output language of `-F`, as mosquitto_sub has it: `%` for the message, `@` for the time, `\` for what cannot be typed.

use std::borrow::Cow;
use std::io::Write;

use chrono::{DateTime, Local};

use super::printable;
use crate::codec::packet::Publish;
use crate::commands::json;

/// A valid format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pieces: Vec<Piece>,
    pretty: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Conversion(Conversion),
    /// `strftime` with one conversion.
    Time(String),
    Nanoseconds,
}

/// `% [-] [0] [width] [.precision] [separator] letter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Conversion {
    letter: u8,
    left: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    separator: Option<u8>,
}

/// What a conversion depends on besides the message.
struct Rendering {
    now: DateTime<Local>,
    is_pretty: bool,
    for_terminal: bool,
}

/// What the payload is in the JSON of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PayloadForm {
    /// `%j`.
    String,
    /// `%J`: a value, which it must be.
    Value,
}

/// What a field is filled up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filler {
    Space,
    Zero,
}

const LETTERS: &[u8] = b"ACDEFIJPRSUXdfjlmpqrtx";
/// What can follow `@`: the conversions of strftime with one letter.
const TIMES: &[u8] = b"aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ";

impl Format {
    /// # Errors
    /// Why the format is not valid.
    pub(crate) fn parse(text: &str, pretty: bool) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            rest = tail;
            let piece = match first {
                b'%' if rest.first() == Some(&b'%') => {
                    rest = &rest[1..];
                    literal.push(b'%');
                    continue;
                }
                b'%' => Piece::Conversion(field(&mut rest)?),
                b'@' => match next(&mut rest).ok_or("the format ends after @")? {
                    b'@' => {
                        literal.push(b'@');
                        continue;
                    }
                    b'N' => Piece::Nanoseconds,
                    letter if TIMES.contains(&letter) => Piece::Time(format!("%{}", char::from(letter))),
                    _ => return Err("after @ comes a letter of strftime, N or @".to_owned()),
                },
                b'\\' => {
                    literal.push(escape(next(&mut rest).ok_or("the format ends after \\")?)?);
                    continue;
                }
                byte => {
                    literal.push(*byte);
                    continue;
                }
            };
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces, pretty })
    }

    /// Appends the message; what could not be written is told in the result, the rest is there all the same. For a terminal
    /// texts and JSON are escaped, but not the bytes of %p and %D: who writes a format asks for them as they are.
    pub(crate) fn write(
        &self,
        publish: &Publish<'_>,
        for_terminal: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let now = Local::now();
        let mut result = Ok(());
        for piece in &self.pieces {
            match piece {
                Piece::Literal(bytes) => out.extend_from_slice(bytes),
                Piece::Nanoseconds => {
                    print(format_args!("{:09}", now.timestamp_subsec_nanos() % 1_000_000_000), out)
                }
                Piece::Time(conversion) => print(format_args!("{}", now.format(conversion)), out),
                Piece::Conversion(field) => {
                    let rendering = Rendering { now, is_pretty: self.pretty, for_terminal };
                    if let Err(error) = field.write(publish, &rendering, out) {
                        result = Err(error);
                    }
                }
            }
        }
        result
    }
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(*first)
}

fn escape(letter: u8) -> Result<u8, String> {
    Ok(match letter {
        b'\\' => b'\\',
        b'0' => 0,
        b'a' => 7,
        b'e' => 0x1B,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0B,
        _ => return Err(format!("there is no escape \\{}", char::from(letter))),
    })
}

fn field(rest: &mut &[u8]) -> Result<Conversion, String> {
    let mut field = Conversion::default();
    match rest.first() {
        Some(b'-') => field.left = true,
        Some(b'0') => field.zero = true,
        _ => {}
    }
    // The other of the two may follow the first.
    while let Some(byte @ (b'-' | b'0')) = rest.first() {
        match byte {
            b'0' => field.zero = true,
            _ if field.zero && !field.left => break,
            _ => field.left = true,
        }
        *rest = &rest[1..];
    }
    field.width = digits(rest).unwrap_or(0);
    if rest.first() == Some(&b'.') {
        *rest = &rest[1..];
        field.precision = Some(digits(rest).unwrap_or(0));
    }
    if let Some(separator) = rest.first().filter(|byte| byte.is_ascii_punctuation() || **byte == b' ') {
        field.separator = Some(*separator);
        *rest = &rest[1..];
    }
    field.letter = next(rest).ok_or("the format ends within a %")?;
    match LETTERS.contains(&field.letter) {
        true => Ok(field),
        false => Err(format!("there is no %{}", char::from(field.letter))),
    }
}

fn digits(rest: &mut &[u8]) -> Option<usize> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, tail) = rest.split_at(count);
    *rest = tail;
    // A width beyond all sense pads no more than this.
    let number = digits.iter().fold(0_usize, |sum, digit| (sum * 10 + usize::from(digit - b'0')).min(10_000));
    (count > 0).then_some(number)
}

fn print(arguments: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = out.write_fmt(arguments);
}

impl Conversion {
    fn write(&self, publish: &Publish<'_>, rendering: &Rendering, out: &mut Vec<u8>) -> Result<(), String> {
        let Rendering { now, for_terminal, .. } = *rendering;
        let properties = publish.properties;
        let shown = |text| if for_terminal { printable::text(text) } else { Cow::from(text) };
        match self.letter {
            b'A' => self.number(properties.topic_alias().map(i64::from), out),
            b'E' => self.number(properties.message_expiry().map(i64::from), out),
            b'F' => self.number(properties.payload_format().map(i64::from), out),
            b'S' => self.number(properties.subscription_ids().next().map(i64::from), out),
            b'l' => self.number(i64::try_from(publish.payload.len()).ok(), out),
            b'm' => self.number(Some(publish.packet_id.map_or(0, |id| id.get().into())), out),
            b'C' => self.text(shown(properties.content_type().unwrap_or_default()).as_bytes(), out),
            b'R' => {
                if let Some(topic) = properties.response_topic() {
                    self.text(shown(topic).as_bytes(), out);
                }
            }
            b't' => self.text(shown(publish.topic).as_bytes(), out),
            b'I' => self.text(now.format("%FT%T%z").to_string().as_bytes(), out),
            b'D' => out.extend_from_slice(properties.correlation_data().unwrap_or_default()),
            b'P' => {
                for (at, (name, value)) in properties.user_properties().enumerate() {
                    let (before, name, value) = (if at > 0 { " " } else { "" }, shown(name), shown(value));
                    print(format_args!("{before}{name}:{value}"), out);
                }
            }
            b'U' => print(
                format_args!("{}.{:09}", now.timestamp(), now.timestamp_subsec_nanos() % 1_000_000_000),
                out,
            ),
            b'q' => print(format_args!("{}", publish.qos.bits()), out),
            b'r' => print(format_args!("{}", u8::from(publish.retain)), out),
            b'p' => self.payload(publish.payload, out),
            b'x' | b'X' => self.hexadecimal(publish.payload, out),
            b'd' => {
                let value = publish.payload.try_into().ok().map(f64::from_ne_bytes);
                let value = value.ok_or_else(|| {
                    format!("the payload on topic {} is not the 8 bytes that %d needs", publish.topic)
                })?;
                self.float(value, out);
            }
            b'f' => {
                let value = publish.payload.try_into().ok().map(f32::from_ne_bytes);
                let value: f32 = value.ok_or_else(|| {
                    format!("the payload on topic {} is not the 4 bytes that %f needs", publish.topic)
                })?;
                self.float(value.into(), out);
            }
            // No other letter passed the check.
            b'J' => return write_json(publish, PayloadForm::Value, rendering, out),
            _ => return write_json(publish, PayloadForm::String, rendering, out),
        }
        Ok(())
    }

    /// Zeros, if they are wanted, go only before what is aligned to the right.
    fn filler(&self) -> Filler {
        if self.zero && !self.left { Filler::Zero } else { Filler::Space }
    }

    fn pad(&self, content: &[u8], filler: Filler, out: &mut Vec<u8>) {
        let fill = self.width.saturating_sub(content.len());
        let byte = match filler {
            Filler::Space => b' ',
            Filler::Zero => b'0',
        };
        if !self.left {
            out.resize(out.len() + fill, byte);
        }
        out.extend_from_slice(content);
        if self.left {
            out.resize(out.len() + fill, byte);
        }
    }

    /// A number that may be missing; its field is then filled with spaces or zeros.
    fn number(&self, value: Option<i64>, out: &mut Vec<u8>) {
        let text = value.map_or_else(String::new, |value| value.to_string());
        self.pad(text.as_bytes(), self.filler(), out);
    }

    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        let end = self.precision.map_or(text.len(), |precision| precision.min(text.len()));
        self.pad(&text[..end], Filler::Space, out);
    }

    fn float(&self, value: f64, out: &mut Vec<u8>) {
        let text = format!("{value:.*}", self.precision.unwrap_or(6));
        self.pad(text.as_bytes(), self.filler(), out);
    }

    fn payload(&self, payload: &[u8], out: &mut Vec<u8>) {
        let end = if self.width > 0 { self.width.min(payload.len()) } else { payload.len() };
        self.pad(&payload[..end], if self.zero { Filler::Zero } else { Filler::Space }, out);
    }

    fn hexadecimal(&self, payload: &[u8], out: &mut Vec<u8>) {
        let digits = if self.letter == b'x' { b"0123456789abcdef" } else { b"0123456789ABCDEF" };
        let end = if self.width > 0 { self.width.min(payload.len()) } else { payload.len() };
        let nibbles = payload[..end].iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let mut text = Vec::with_capacity(end * 3);
        for (at, nibble) in nibbles.enumerate() {
            if at > 0 && self.precision.is_some_and(|group| group > 0 && at % group == 0) {
                text.push(self.separator.unwrap_or(b' '));
            }
            text.push(digits[usize::from(nibble)]);
        }
        self.pad(&text, if self.zero { Filler::Zero } else { Filler::Space }, out);
    }
}

/// The object of `%j` or `%J`.
fn write_json(
    publish: &Publish<'_>,
    form: PayloadForm,
    rendering: &Rendering,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let mut object = b"{".to_vec();
    json::key("tst", &mut object);
    json::string(rendering.now.format("%FT%T%.6f%z").to_string().as_bytes(), &mut object);
    json::key("topic", &mut object);
    json::string(publish.topic.as_bytes(), &mut object);
    json::number("qos", publish.qos.bits(), &mut object);
    json::number("retain", publish.retain, &mut object);
    json::number("payloadlen", publish.payload.len(), &mut object);
    if let Some(id) = publish.packet_id {
        json::number("mid", id, &mut object);
    }
    if !publish.properties.is_empty() {
        json::key("properties", &mut object);
        json::properties(publish.properties, &mut object);
    }
    json::key("payload", &mut object);
    match publish.payload {
        [] => object.extend_from_slice(b"null"),
        payload if form == PayloadForm::Value => {
            if serde_json::from_slice::<serde_json::Value>(payload).is_err() {
                return Err(format!("the payload on topic {} is not JSON, as %J needs it", publish.topic));
            }
            json::minify(payload, &mut object);
        }
        payload => json::string(json::until_nul(payload), &mut object),
    }
    object.push(b'}');
    let object = if rendering.is_pretty { json::pretty(&object) } else { object };
    match rendering.for_terminal {
        true => printable::json(&object, out),
        false => out.extend_from_slice(&object),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Format;
    use crate::codec::packet::{PacketId, Publish};
    use crate::codec::property::{Properties, PropertiesBuf, Property};
    use crate::message::QoS;

    fn write(format: &str, publish: &Publish<'_>) -> String {
        let mut out = Vec::new();
        Format::parse(format, false).unwrap().write(publish, false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn message(payload: &[u8]) -> Publish<'_> {
        let properties = Properties::EMPTY;
        Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "topic",
            packet_id: None,
            properties,
            payload,
        }
    }

    #[test]
    fn fields_have_widths_flags_and_precisions() {
        let abc = message(b"abc");
        for (format, expected) in [
            ("%p", "abc"),
            ("%%%t %l %m %q %r", "%topic 3 0 0 0"),
            ("%5p|%-5p|%2p|%05p", "  abc|abc  |ab|00abc"),
            ("%7t|%-7t|%.2t|%4.2t|%07t", "  topic|topic  |to|  to|  topic"),
            ("%3l|%-3l|%03l|%-03l", "  3|3  |003|3  "),
            ("%x|%X|%2x|%.2x|%.2:x|%.1-x|%.4x", "616263|616263|6162|61 62 63|61:62:63|6-1-6-2-6-3|6162 63"),
            ("%A|%5S|%05S|%C|%R|%D|%P|%F|%E", "|     |00000||||||"),
            (r"a\tb\\\e\0\a\v\r\n@@", "a\tb\\\u{1b}\0\u{7}\u{b}\r\n@"),
        ] {
            assert_eq!(write(format, &abc), expected, "{format}");
        }
        assert_eq!(write("%d", &message(&1.5_f64.to_ne_bytes())), "1.500000");
        assert_eq!(write("%8.2f", &message(&1.5_f32.to_ne_bytes())), "    1.50");
        assert_eq!(write("@Y", &abc).len(), 4);
        assert_eq!(write("@N", &abc).len(), 9);
        assert_eq!(write("%I", &abc).len(), 24);
    }

    #[test]
    fn a_terminal_gets_texts_escaped_and_payloads_as_they_are_asked_for() {
        let mut properties = PropertiesBuf::default();
        properties.push(Property::ContentType("c\u{1b}"));
        properties.push(Property::ResponseTopic("r\n"));
        properties.push(Property::UserProperty(("k\u{9b}", "v\u{7}")));
        let topic = "t\u{1b}]0;x\u{7}";
        let publish = Publish { topic, properties: properties.as_properties(), ..message(b"p\x1b[2J") };
        let mut out = Vec::new();
        let format = Format::parse("%t|%C|%R|%P|%p|", false).unwrap();
        format.write(&publish, true, &mut out).unwrap();
        let expected = "t\\u{1b}]0;x\\u{7}|c\\u{1b}|r\\n|k\\u{9b}:v\\u{7}|p\u{1b}[2J|";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        Format::parse("%j", false).unwrap().write(&publish, true, &mut out).unwrap();
        assert!(!out.iter().any(u8::is_ascii_control) && !String::from_utf8(out).unwrap().contains('\u{9b}'));
    }

    #[test]
    fn the_man_page_tells_every_letter() {
        let told: String = crate::cli::print::FORMAT.iter().map(|(code, _)| *code).collect();
        for letter in super::LETTERS {
            let code = format!("%{}", char::from(*letter));
            assert!(told.contains(&code), "{code}");
        }
    }

    #[test]
    fn formats_that_are_wrong_are_refused() {
        for bad in ["%", "%5", "@", "%y", r"\q", "\\", "%0-5p", "%.", "@1"] {
            assert!(Format::parse(bad, false).is_err(), "{bad}");
        }
        for good in ["% p", "%!p", "%-05p", "%05.2:x"] {
            assert!(Format::parse(good, false).is_ok(), "{good}");
        }
    }

    #[test]
    fn json_has_the_fields_of_mosquitto_sub() {
        let mut properties = PropertiesBuf::default();
        properties.push(Property::ContentType("c"));
        properties.push(Property::UserProperty(("k", "v")));
        properties.push(Property::UserProperty(("k", "w")));
        properties.push(Property::MessageExpiryInterval(9));
        let publish = Publish {
            qos: QoS::AtLeastOnce,
            retain: true,
            packet_id: Some(PacketId::MIN),
            properties: properties.as_properties(),
            ..message(b" {\"a\": 1} ")
        };
        let text = write("%J", &publish);
        let (tst, rest) = text.split_at("{\"tst\":\"2020-05-06T22:12:00.000000+0100\"".len());
        assert!(tst.ends_with('"'), "{tst}");
        assert_eq!(
            rest,
            ",\"topic\":\"topic\",\"qos\":1,\"retain\":true,\"payloadlen\":10,\"mid\":1,\"properties\":{\"content-type\":\"c\",\
             \"user-properties\":[{\"k\":\"v\"},{\"k\":\"w\"}],\"message-expiry-interval\":9},\"payload\":{\"a\":1}}"
        );
        assert!(write("%j", &message(b"a\"\0b")).ends_with(",\"payloadlen\":4,\"payload\":\"a\\\"\"}"));
        assert!(write("%j", &message(b"")).ends_with("\"payload\":null}"));
        let mut out = Vec::new();
        let error = Format::parse("<%J>", false).unwrap().write(&message(b"{"), false, &mut out);
        assert!(error.is_err_and(|error| error.contains("topic")));
        assert_eq!(out, b"<>", "the rest is written");
    }
}
