//! What is typed on the serial console.

use crate::settings::{KEYS, Settings};
use alloc::format;
use alloc::string::{String, ToString};

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
    let line = line.trim();
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
        _ => Answer::Say(format!("{word:?} is no command; try help")),
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

/// Lines out of single bytes, with backspace; a line longer than 200 bytes is cut.
#[derive(Debug, Default)]
pub struct Line(String);

impl Line {
    /// What is being typed is a password, and is not to be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        ["set password ", "set secret "].iter().any(|start| self.0.trim_start().starts_with(start))
    }

    pub fn push(&mut self, byte: u8) -> Option<String> {
        match byte {
            b'\r' | b'\n' => Some(core::mem::take(&mut self.0)).filter(|line| !line.is_empty()),
            8 | 127 => {
                self.0.pop();
                None
            }
            b' '..=b'~' if self.0.len() < 200 => {
                self.0.push(byte.into());
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
        let lines: Vec<_> = b"shoq\x08w\r\n\xFFhelp\n".iter().filter_map(|byte| line.push(*byte)).collect();
        assert_eq!(lines, ["show", "help"]);
    }
}
