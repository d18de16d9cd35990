//! Text from peers and errors in log lines: shortened, escaped and quoted, so that none can pass for something else.
//!
//! Packets are described by [`crate::codec::describe`].

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

pub use crate::codec::describe::{brief, full};

/// How many characters of a name a log line shows.
const LONGEST: usize = 200;

/// Whether a character is not displayed as itself: it controls the terminal, ends the line, or changes the text direction.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{61C}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The beginning of a text from a peer, short enough for a log line.
pub fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// A text with unprintable characters escaped.
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

/// A client ID, username, topic or filter in a log line: shortened, escaped, and quoted unless it is one word, so that it
/// can neither begin a line nor be confused with the words around it.
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
