//! `--watch`: a screen on which each topic has a line of its own.

use std::collections::HashMap;
use std::io::Write;

/// Which topic stands where.
#[derive(Debug, Default)]
pub(super) struct Screen {
    lines: HashMap<Box<str>, usize>,
}

/// The first line is the broker's.
const FIRST: usize = 2;

impl Screen {
    /// Clears the screen and names the broker.
    pub(super) fn begin(broker: &str, out: &mut Vec<u8>) -> Self {
        // A vector takes all that is written.
        let _ = writeln!(out, "\x1b[2J\x1b[1;1HBroker: {broker}");
        Self::default()
    }

    /// Writes `text` on the line of its topic.
    pub(super) fn place(&mut self, topic: &str, text: &[u8], out: &mut Vec<u8>) {
        let next = self.lines.len() + FIRST;
        let line = match self.lines.get(topic) {
            Some(line) => *line,
            None => *self.lines.entry(topic.into()).or_insert(next),
        };
        // A vector takes all that is written.
        let _ = write!(out, "\x1b[{line};1H\x1b[2K");
        // What would move the cursor, or do worse, is shown as a blank.
        out.extend(text.iter().map(|byte| if byte.is_ascii_control() { b' ' } else { *byte }));
    }

    /// Below the last line, where the shell goes on.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        let line = self.lines.len() + FIRST;
        let _ = write!(out, "\x1b[{line};1H");
    }
}

#[cfg(test)]
mod tests {
    use super::Screen;

    #[test]
    fn each_topic_keeps_its_line() {
        let mut out = Vec::new();
        let mut screen = Screen::begin("localhost:1883", &mut out);
        for (topic, text) in [("a", "1"), ("b", "2\x1b[2J\n"), ("a", "3")] {
            screen.place(topic, text.as_bytes(), &mut out);
        }
        screen.end(&mut out);
        let expected = "\x1b[2J\x1b[1;1HBroker: localhost:1883\n\x1b[2;1H\x1b[2K1\x1b[3;1H\x1b[2K2 [2J \x1b[2;1H\x1b[2K3\x1b[4;1H";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
