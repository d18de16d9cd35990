//! `--watch`: one line of the screen per topic.

use std::collections::HashMap;
use std::io::Write;

/// The line of each topic.
#[derive(Debug, Default)]
pub(super) struct Screen {
    lines: HashMap<Box<str>, usize>,
}

/// The first line shows the broker.
const FIRST: usize = 2;

impl Screen {
    /// Clears the screen and shows the broker.
    pub(super) fn begin(broker: &str, out: &mut Vec<u8>) -> Self {
        // Writing to a vector does not fail.
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
        // Writing to a vector does not fail.
        let _ = write!(out, "\x1b[{line};1H\x1b[2K");
        // Control characters are shown as spaces.
        out.extend(text.iter().map(|byte| if byte.is_ascii_control() { b' ' } else { *byte }));
    }

    /// Moves the cursor below the last line.
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
