//! Escapes control characters for terminals. Pipes and files receive the bytes unchanged.

use std::borrow::Cow;
use std::io::Write;

use crate::text::{Escaped, is_unprintable};

/// Escapes a topic or other text of one line.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains(is_unprintable) { Escaped(text).to_string().into() } else { text.into() }
}

/// Whether a terminal would interpret the character. Invisible characters, such as the joiner within an emoji, are not escaped.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Escapes a payload, except for newlines and tabs.
pub(super) fn payload(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        let mut characters = chunk.valid().chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '\n' | '\t' => out.push(c as u8),
                '\r' if characters.peek() == Some(&'\n') => out.push(b'\r'),
                c if acts(c) => out.extend(c.escape_default().map(|c| c as u8)),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        // Writing to a vector does not fail.
        chunk.invalid().iter().for_each(|byte| _ = write!(out, "\\x{byte:02x}"));
    }
}

/// Escapes control characters in JSON, which remains equivalent.
pub(super) fn json(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                // Between the parts of what is laid out for people.
                '\n' | '\t' => out.push(c as u8),
                c if acts(c) => _ = write!(out, "\\u{:04x}", u32::from(c)),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        out.extend_from_slice(chunk.invalid());
    }
}

#[cfg(test)]
mod tests {
    use super::{json, payload, text};

    #[test]
    fn nothing_acts_on_a_terminal_and_text_stays() {
        let escaped = |bytes: &[u8]| {
            let mut out = Vec::new();
            payload(bytes, &mut out);
            String::from_utf8(out).unwrap()
        };
        for same in ["21.5", "two\nlines\ttab\r\n", "Küche 温度 👩‍🔧", ""] {
            assert_eq!(escaped(same.as_bytes()), same);
        }
        assert_eq!(escaped(b"\x1b]0;x\x07"), r"\u{1b}]0;x\u{7}");
        assert_eq!(escaped("a\rb\u{9b}2J\u{7f}\u{202e}".as_bytes()), r"a\rb\u{9b}2J\u{7f}\u{202e}");
        assert_eq!(escaped(b"\xff\x9b2J"), r"\xff\x9b2J");
        assert_eq!(text("a/\n\t\u{1b}ü"), r"a/\n\t\u{1b}ü");
        let mut out = Vec::new();
        json("{\n\t\"a\":\t\"\u{9b}\u{7f}ü\"}".as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "{\n\t\"a\":\t\"\\u009b\\u007fü\"}");
    }
}
