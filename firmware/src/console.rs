//! What is typed on the serial console.

use crate::settings::{KEYS, Settings};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Say this.
    Say(String),
    /// Keep these settings, then start anew with them.
    Save(Settings),
    /// Say how things stand.
    Status,
    Reboot,
}

/// Understands one line.
#[must_use]
pub fn answer(line: &str, settings: &Settings) -> Answer {
    // Spaces at the end may belong to a value.
    let line = line.trim_start();
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "" => Answer::Say(String::new()),
        "show" => Answer::Say(show(settings)),
        "status" => Answer::Status,
        "reboot" => Answer::Reboot,
        "set" => {
            let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
            let mut changed = settings.clone();
            match changed.set(key, value) {
                Ok(()) => Answer::Save(changed),
                Err(fault) => Answer::Say(fault),
            }
        }
        "help" => Answer::Say("show · set <setting> <value> · status · reboot".to_string()),
        _ => Answer::Say(format!("unknown command {word:?}; type help")),
    }
}

/// All settings; passwords are not shown.
fn show(settings: &Settings) -> String {
    let mut text = String::new();
    for key in KEYS {
        let value = settings.get(key).unwrap_or_default();
        let hidden = matches!(key, "password" | "secret") && !value.is_empty();
        text += &format!("{key:<9} {}\n", if hidden { "(set)" } else { &value });
    }
    text
}

/// Lines of UTF-8 out of single bytes, with backspace.
#[derive(Debug, Default)]
pub struct Line {
    bytes: Vec<u8>,
    /// Whether it has grown too long: it is refused as a whole, for a value that is cut is another value.
    is_too_long: bool,
}

/// The longest line, in bytes.
const LONGEST: usize = 200;

/// A line, or why there is none.
pub type Typed = Result<String, &'static str>;

impl Line {
    /// What is being typed is a password, and is not to be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        let typed = self.bytes.trim_ascii_start();
        [&b"set password "[..], b"set secret "].iter().any(|start| typed.starts_with(start))
    }

    pub fn push(&mut self, byte: u8) -> Option<Typed> {
        match byte {
            b'\r' | b'\n' => {
                let line = core::mem::take(self);
                if line.is_too_long {
                    return Some(Err("the line is too long: at most 200 bytes"));
                }
                let text = String::from_utf8(line.bytes).map_err(|_| "the line is not UTF-8");
                Some(text).filter(|text| text.as_deref() != Ok(""))
            }
            8 | 127 => {
                // A character may have several bytes.
                while self.bytes.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {}
                None
            }
            b' '..=b'~' | 0x80.. => {
                self.is_too_long |= self.bytes.len() >= LONGEST;
                if !self.is_too_long {
                    self.bytes.push(byte);
                }
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_commands() {
        let settings = Settings { secret: "hush-hush".into(), ..Settings::default() };
        let Answer::Say(shown) = answer("show", &settings) else { panic!() };
        assert!(shown.contains("interval  60") && !shown.contains("hush"));
        let Answer::Save(changed) = answer("set ssid my home net", &settings) else { panic!() };
        assert_eq!(changed.ssid, "my home net");
        assert!(
            matches!(answer("set interval no", &settings), Answer::Say(fault) if fault.contains("interval"))
        );
        assert!(matches!(answer("jump", &settings), Answer::Say(fault) if fault.contains("help")));
        assert_eq!(answer(" reboot ", &settings), Answer::Reboot);
        assert_eq!(answer("status", &settings), Answer::Status);
    }

    #[test]
    fn knows_when_a_password_is_being_typed() {
        let mut line = Line::default();
        let secret: Vec<bool> = b"set secret x\nset ssid x"
            .iter()
            .map(|byte| {
                line.push(*byte);
                line.is_secret()
            })
            .collect();
        // From the space before the value to the end of that line.
        let first = secret.iter().position(|hidden| *hidden);
        let last = secret.iter().rposition(|hidden| *hidden);
        assert_eq!((first, last), (Some(10), Some(11)));
    }

    #[test]
    fn puts_lines_together() {
        let mut line = Line::default();
        let mut lines =
            |bytes: &[u8]| -> Vec<Typed> { bytes.iter().filter_map(|byte| line.push(*byte)).collect() };
        assert_eq!(lines(b"shoq\x08w\r\n"), [Ok("show".into())]);
        // A character of two bytes, taken back and typed again.
        assert_eq!(lines("set ssid Café\x08é\n".as_bytes()), [Ok("set ssid Café".into())]);
        assert_eq!(lines(b"\xFFhelp\nhelp\n"), [Err("the line is not UTF-8"), Ok("help".into())]);
        let long = [&[b'x'; 201][..], b"\nhelp\n"].concat();
        assert_eq!(lines(&long), [Err("the line is too long: at most 200 bytes"), Ok("help".into())]);
    }

    #[test]
    fn spaces_at_the_end_belong_to_the_value() {
        let Answer::Save(settings) = answer("set ssid two  ", &Settings::default()) else { panic!() };
        assert_eq!(settings.ssid, "two  ");
    }
}
