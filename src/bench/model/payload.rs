//! Payloads: how they are made, and what is read from them on arrival.
//!
//! A stamp identifies a message: its publisher, its sequence number, and a checksum over both, the run and the rest of the
//! payload. The due time follows from the sequence number. The stamp is in the first 16 bytes or, as 32 hexadecimal digits,
//! wherever a template has `{stamp}`. Messages without a stamp are only counted.

use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};

use super::mix;

/// Bytes of a stamp.
pub(crate) const LEN: usize = 16;
/// Bytes of a stamp within a template.
const DIGITS: usize = 2 * LEN;
/// What fills a payload after its stamp.
const FILLER: u8 = b'.';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageStamp {
    pub(crate) publisher: u32,
    pub(crate) sequence: u64,
}

impl MessageStamp {
    /// `rest` is the hash of the payload around the stamp.
    fn write(self, run: u64, rest: u64, out: &mut [u8; LEN]) {
        out[..4].copy_from_slice(&self.publisher.to_be_bytes());
        out[4..12].copy_from_slice(&self.sequence.to_be_bytes());
        out[12..].copy_from_slice(&self.sum(run, rest).to_be_bytes());
    }

    fn read(bytes: &[u8; LEN], run: u64, rest: u64) -> Option<Self> {
        let (publisher, after) = bytes.split_first_chunk::<4>()?;
        let (sequence, sum) = after.split_first_chunk::<8>()?;
        let stamp =
            Self { publisher: u32::from_be_bytes(*publisher), sequence: u64::from_be_bytes(*sequence) };
        (*sum == stamp.sum(run, rest).to_be_bytes()).then_some(stamp)
    }

    fn sum(self, run: u64, rest: u64) -> u32 {
        let sum = mix(mix(run ^ self.sequence) ^ u64::from(self.publisher)) ^ rest;
        u32::try_from(sum & u64::from(u32::MAX)).unwrap_or(u32::MAX)
    }
}

/// What was read from a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Stamped(MessageStamp),
    /// It has no stamp.
    Counted,
    /// It was changed, or is not from this run.
    Corrupt,
}

#[derive(Clone, Debug, PartialEq)]
enum TemplateField {
    Text(String),
    Stamp,
    Counter,
    Client,
    /// Milliseconds since 1970.
    Time,
    /// A number with this many decimal places.
    Random {
        from: f64,
        to: f64,
        digits: usize,
    },
    /// This many bytes of letters and digits.
    Bytes(usize),
}

/// The payloads of a run.
#[derive(Clone, Debug)]
pub(crate) struct Payloads {
    /// Differs between runs, so that messages of other runs are recognized.
    run: u64,
    kind: PayloadKind,
}

#[derive(Clone, Debug)]
enum PayloadKind {
    /// A stamp and filler, or filler alone; and the hash of the filler.
    Plain {
        len: usize,
        rest: u64,
    },
    Template {
        fields: Vec<TemplateField>,
        stamp_at: Option<usize>,
    },
}

fn hash(run: u64, parts: [&[u8]; 2]) -> u64 {
    if parts.iter().all(|part| part.is_empty()) {
        return 0;
    }
    let mut hasher = foldhash::fast::FixedState::with_seed(run).build_hasher();
    parts.iter().for_each(|part| hasher.write(part));
    mix(hasher.finish())
}

impl Payloads {
    /// Payloads of `len` bytes.
    pub(crate) fn plain(len: usize, run: u64) -> Self {
        let rest = if len > LEN { hash(run, [&[], &vec![FILLER; len - LEN]]) } else { 0 };
        Self { run, kind: PayloadKind::Plain { len, rest } }
    }

    /// Payloads by a template: `{counter}`, `{time}`, `{client}`, `{random}`, `{random:A..B}`, `{bytes:N}` and `{stamp}` are
    /// replaced.
    ///
    /// # Errors
    /// What is wrong with a field.
    pub(crate) fn template(text: &str, run: u64) -> Result<Self, String> {
        let (mut fields, mut rest, mut literal) = (Vec::new(), text, String::new());
        while let Some(at) = rest.find('{') {
            literal += &rest[..at];
            let end = rest[at..].find('}').map(|end| at + end);
            let field = end.and_then(|end| field(&rest[at + 1..end]).transpose());
            match (field, end) {
                (Some(field), Some(end)) => {
                    if !literal.is_empty() {
                        fields.push(TemplateField::Text(std::mem::take(&mut literal)));
                    }
                    fields.push(field?);
                    rest = &rest[end + 1..];
                }
                // Not a field: a brace of JSON, for example.
                _ => {
                    literal.push('{');
                    rest = &rest[at + 1..];
                }
            }
        }
        literal += rest;
        if !literal.is_empty() {
            fields.push(TemplateField::Text(literal));
        }
        let stamps: Vec<usize> = fields
            .iter()
            .enumerate()
            .filter(|(_, field)| **field == TemplateField::Stamp)
            .map(|(at, _)| at)
            .collect();
        let stamp_at = match (&stamps[..], &fields[..]) {
            ([], _) => None,
            ([0], _) => Some(0),
            ([1], [TemplateField::Text(text), ..]) => Some(text.len()),
            ([_], _) => return Err("{stamp} has to stand before all other fields".to_owned()),
            _ => return Err("{stamp} may stand only once".to_owned()),
        };
        Ok(Self { run, kind: PayloadKind::Template { fields, stamp_at } })
    }

    /// JSON with these fields, `NAME=TEMPLATE` each, and a stamp before them.
    ///
    /// # Errors
    /// What is wrong with a field.
    pub(crate) fn json(fields: &[String], run: u64) -> Result<Self, String> {
        let mut text = String::from("{\"stamp\":\"{stamp}\"");
        for field in fields {
            let (name, value) = field
                .split_once('=')
                .filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| format!("{field:?}: expected NAME=TEMPLATE"))?;
            let sample = Self::template(value, 0)?.sample();
            // What looks like a value of JSON when it is filled in, is one; all else is a string.
            let is_value = matches!(sample.as_str(), "true" | "false" | "null")
                || sample.parse::<f64>().is_ok_and(f64::is_finite);
            let _ = match is_value {
                true => write!(text, ",{}:{value}", quote(name)),
                false => write!(text, ",{}:{}", quote(name), quote(value)),
            };
        }
        text.push('}');
        Self::template(&text, run)
    }

    fn sample(&self) -> String {
        let mut out = Vec::new();
        self.write(MessageStamp { publisher: 0, sequence: 0 }, 0, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Whether each says what it is, so that more than their number can be told.
    pub(crate) fn are_stamped(&self) -> bool {
        match self.kind {
            PayloadKind::Plain { len, .. } => len >= LEN,
            PayloadKind::Template { stamp_at, .. } => stamp_at.is_some(),
        }
    }

    /// Bytes of each, if all are as long.
    pub(crate) fn len(&self) -> Option<usize> {
        match self.kind {
            PayloadKind::Plain { len, .. } => Some(len),
            PayloadKind::Template { .. } => None,
        }
    }

    /// Appends a payload; `millis` is the time since 1970.
    pub(crate) fn write(&self, stamp: MessageStamp, millis: u64, out: &mut Vec<u8>) {
        match &self.kind {
            PayloadKind::Plain { len, .. } => {
                let start = out.len();
                out.resize(start + len, FILLER);
                self.mark(stamp, &mut out[start..]);
            }
            PayloadKind::Template { fields, stamp_at } => {
                let (start, mut text) = (out.len(), String::new());
                let mut seed = mix(self.run ^ mix(stamp.sequence ^ u64::from(stamp.publisher) << 40));
                for field in fields {
                    seed = mix(seed.wrapping_add(0x9E37_79B9_7F4A_7C15));
                    field.write(stamp, millis, seed, &mut text);
                }
                out.extend_from_slice(text.as_bytes());
                if let Some(at) = stamp_at {
                    let payload = &mut out[start..];
                    let rest = hash(self.run, [&payload[..*at], &payload[at + DIGITS..]]);
                    let mut bytes = [0; LEN];
                    stamp.write(self.run, rest, &mut bytes);
                    for (pair, byte) in payload[*at..].chunks_exact_mut(2).zip(bytes) {
                        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
                    }
                }
            }
        }
    }

    /// Puts the stamp into a payload that was written before and differs in nothing else. For payloads of one length only.
    pub(crate) fn mark(&self, stamp: MessageStamp, payload: &mut [u8]) {
        if let (PayloadKind::Plain { rest, .. }, Some(bytes)) = (&self.kind, payload.first_chunk_mut()) {
            stamp.write(self.run, *rest, bytes);
        }
    }

    pub(crate) fn read(&self, payload: &[u8]) -> Decoded {
        match self.kind {
            PayloadKind::Plain { len, rest } => match payload.split_first_chunk::<LEN>() {
                _ if payload.len() != len => Decoded::Corrupt,
                Some((bytes, filler)) => {
                    let is_whole = filler.iter().all(|byte| *byte == FILLER);
                    match MessageStamp::read(bytes, self.run, rest).filter(|_| is_whole) {
                        Some(stamp) => Decoded::Stamped(stamp),
                        None => Decoded::Corrupt,
                    }
                }
                None if payload.iter().all(|byte| *byte == FILLER) => Decoded::Counted,
                None => Decoded::Corrupt,
            },
            PayloadKind::Template { stamp_at: None, .. } => Decoded::Counted,
            PayloadKind::Template { stamp_at: Some(at), .. } => {
                let stamp = payload.get(at..at + DIGITS).and_then(bytes_of).and_then(|bytes| {
                    let rest = hash(self.run, [&payload[..at], &payload[at + DIGITS..]]);
                    MessageStamp::read(&bytes, self.run, rest)
                });
                stamp.map_or(Decoded::Corrupt, Decoded::Stamped)
            }
        }
    }
}

/// The field of this name, if it is one.
fn field(text: &str) -> Result<Option<TemplateField>, String> {
    let (name, range) = text.split_once(':').map_or((text, None), |(name, range)| (name, Some(range)));
    Ok(Some(match (name, range) {
        ("stamp", None) => TemplateField::Stamp,
        ("counter", None) => TemplateField::Counter,
        ("client", None) => TemplateField::Client,
        ("time", None) => TemplateField::Time,
        ("random", None) => TemplateField::Random { from: 0.0, to: 4_294_967_295.0, digits: 0 },
        ("random", Some(range)) => {
            let parsed = range.split_once("..").and_then(|(from, to)| {
                let digits = |text: &str| text.split_once('.').map_or(0, |(_, digits)| digits.len());
                let numbers = (from.parse::<f64>().ok()?, to.parse::<f64>().ok()?);
                (numbers.0 <= numbers.1).then_some((numbers, digits(from).max(digits(to))))
            });
            let ((from, to), digits) = parsed.ok_or_else(|| {
                format!("{{{text}}}: expected {{random:A..B}}, such as {{random:18.0..25.5}}")
            })?;
            TemplateField::Random { from, to, digits }
        }
        ("bytes", Some(count)) => {
            let count = count.parse().ok().filter(|count| *count <= 100 << 20);
            TemplateField::Bytes(
                count.ok_or_else(|| format!("{{{text}}}: expected {{bytes:N}}, up to 104857600"))?,
            )
        }
        _ => return Ok(None),
    }))
}

impl TemplateField {
    fn write(&self, stamp: MessageStamp, millis: u64, seed: u64, out: &mut String) {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        // Writing to a string does not fail.
        let _ = match self {
            Self::Text(text) => out.write_str(text),
            // Its place; the checksum needs the rest first.
            Self::Stamp => write!(out, "{:032}", 0),
            Self::Counter => write!(out, "{}", stamp.sequence),
            Self::Client => write!(out, "{}", stamp.publisher),
            Self::Time => write!(out, "{millis}"),
            Self::Random { from, to, digits } => {
                #[expect(clippy::cast_precision_loss, reason = "the upper 53 bits")]
                let share = (seed >> 11) as f64 / (1_u64 << 53) as f64;
                match digits {
                    0 => write!(out, "{}", (from + share * (to - from + 1.0)).floor().min(*to)),
                    digits => write!(out, "{:.digits$}", from + share * (to - from)),
                }
            }
            Self::Bytes(count) => {
                let mut state = seed;
                for at in 0..*count {
                    if at % 12 == 0 {
                        state = mix(state.wrapping_add(0x9E37_79B9_7F4A_7C15));
                    }
                    out.push(char::from(LETTERS[usize::try_from(state & 31).unwrap_or(0)]));
                    state >>= 5;
                }
                Ok(())
            }
        };
    }
}

fn digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble)]
}

fn bytes_of(digits: &[u8]) -> Option<[u8; LEN]> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; LEN];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

/// A string of JSON.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        let _ = match letter {
            '"' | '\\' => write!(out, "\\{letter}"),
            '\0'..='\u{1f}' => write!(out, "\\u{:04x}", u32::from(letter)),
            _ => write!(out, "{letter}"),
        };
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::{Decoded, LEN, MessageStamp, Payloads};

    const STAMP: MessageStamp = MessageStamp { publisher: 7, sequence: 1_234_567 };

    fn written(payloads: &Payloads, stamp: MessageStamp) -> Vec<u8> {
        let mut payload = Vec::new();
        payloads.write(stamp, 1_700_000_000_000, &mut payload);
        payload
    }

    #[test]
    fn every_single_wrong_bit_is_noticed() {
        let template = "{\"id\":\"{stamp}\",\"t\":{random:18.0..25.5},\"n\":{counter}}";
        for payloads in [Payloads::plain(LEN + 4, 99), Payloads::template(template, 99).unwrap()] {
            let payload = written(&payloads, STAMP);
            assert_eq!(payloads.read(&payload), Decoded::Stamped(STAMP));
            for bit in 0..payload.len() * 8 {
                let mut wrong = payload.clone();
                wrong[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(payloads.read(&wrong), Decoded::Corrupt, "bit {bit}");
            }
            assert_eq!(payloads.read(&payload[..payload.len() - 1]), Decoded::Corrupt, "cut short");
        }
        let other_run = written(&Payloads::plain(LEN + 4, 98), STAMP);
        assert_eq!(Payloads::plain(LEN + 4, 99).read(&other_run), Decoded::Corrupt);
    }

    #[test]
    fn what_has_no_room_for_a_stamp_is_counted() {
        for len in [0, 1, 15] {
            let payloads = Payloads::plain(len, 1);
            assert!(!payloads.are_stamped());
            assert_eq!(payloads.read(&written(&payloads, STAMP)), Decoded::Counted);
            assert_eq!(payloads.read(&vec![b'.'; len + 1]), Decoded::Corrupt);
        }
        assert!(Payloads::plain(LEN, 1).are_stamped());
    }

    #[test]
    fn fields_are_filled_in_and_the_same_seed_gives_the_same() {
        let text = "{counter} {client} {time} {random:5..5} {bytes:3} {not a field} {\"a\":1}";
        let payloads = Payloads::template(text, 1).unwrap();
        let payload = String::from_utf8(written(&payloads, STAMP)).unwrap();
        assert!(payload.starts_with("1234567 7 1700000000000 5 "), "{payload}");
        assert!(payload.ends_with(" {not a field} {\"a\":1}"), "{payload}");
        assert_eq!(written(&payloads, STAMP), written(&Payloads::template(text, 1).unwrap(), STAMP));
        assert_ne!(written(&payloads, STAMP), written(&Payloads::template(text, 2).unwrap(), STAMP));
        let random = Payloads::template("{random:1..6}", 1).unwrap();
        let mut seen: Vec<_> =
            (0..200).map(|sequence| written(&random, MessageStamp { publisher: 0, sequence })).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen, [b"1", b"2", b"3", b"4", b"5", b"6"].map(|digit| digit.to_vec()));
    }

    #[test]
    fn json_has_numbers_and_strings() {
        let fields =
            ["n={counter}", "name=sensor {client}", "t={random:1.0..1.0}", "on=true"].map(str::to_owned);
        let payload = written(&Payloads::json(&fields, 3).unwrap(), STAMP);
        let value: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!((&value["n"], &value["name"]), (&1_234_567.into(), &"sensor 7".into()));
        assert_eq!((&value["t"], &value["on"]), (&1.0.into(), &true.into()));
        assert!(Payloads::json(&["x".to_owned()], 3).is_err());
    }

    #[test]
    fn a_stamp_needs_a_place_that_stays() {
        assert!(Payloads::template("{counter} {stamp}", 1).is_err());
        assert!(Payloads::template("{stamp}{stamp}", 1).is_err());
        assert!(Payloads::template("{random:9..1}", 1).is_err());
        assert!(Payloads::template("{bytes:x}", 1).is_err());
    }
}
