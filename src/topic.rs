//! Topic names and topic filters: which are valid, and which filter matches which name.
//!
//! [`TopicFilter::matches`] is the specification that the broker's index must agree with; the broker does not route with it.
//! Names and filters are compared byte for byte and never normalised [MQTT-4.7.3-4].

use std::fmt;

/// Maximum length of a topic name or filter in bytes [MQTT-4.7.3-3].
pub const MAX_LEN: usize = 65_535;

/// What the topics of requests to the broker's control interface begin with.
pub const CONTROL: &str = "$CONTROL/skeeter/v1/";

/// Why a topic name or filter is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTopic {
    Empty,
    TooLong,
    Nul,
    WildcardInName,
    HashNotLast,
    WildcardNotAlone,
    ShareName,
}

impl fmt::Display for BadTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::TooLong => "it is longer than 65,535 bytes",
            Self::Nul => "it contains a NUL character",
            Self::WildcardInName => "one publishes to a name without wildcards (+ or #)",
            Self::HashNotLast => "# must be the last level",
            Self::WildcardNotAlone => "+ and # must stand alone in their level",
            Self::ShareName => "a shared subscription is $share/NAME/FILTER, with no wildcard in NAME",
        })
    }
}

fn check_string(text: &str) -> Result<(), BadTopic> {
    if text.is_empty() {
        return Err(BadTopic::Empty); // [MQTT-4.7.3-1]
    }
    if text.len() > MAX_LEN {
        return Err(BadTopic::TooLong); // [MQTT-4.7.3-3]
    }
    if text.as_bytes().contains(&0) {
        return Err(BadTopic::Nul); // [MQTT-4.7.3-2]
    }
    Ok(())
}

/// A topic name, without wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicName<'a>(&'a str);

impl<'a> TopicName<'a> {
    /// # Errors
    /// When the name is empty, too long, or contains NUL or a wildcard.
    pub fn new(name: &'a str) -> Result<Self, BadTopic> {
        check_string(name)?;
        if name.bytes().any(|byte| byte == b'+' || byte == b'#') {
            return Err(BadTopic::WildcardInName); // [MQTT-3.3.2-2], [MQTT-4.7.0-1]
        }
        Ok(Self(name))
    }

    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// The topic filter of a subscription, shared (`$share/NAME/FILTER`) or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicFilter<'a> {
    whole: &'a str,
    share: Option<&'a str>,
    filter: &'a str,
}

impl<'a> TopicFilter<'a> {
    /// # Errors
    /// When the filter or the share name is not valid.
    pub fn new(whole: &'a str) -> Result<Self, BadTopic> {
        check_string(whole)?;
        let (share, filter) = match whole.strip_prefix("$share/") {
            None => (None, whole),
            Some(rest) => {
                // [MQTT-4.8.2-1], [MQTT-4.8.2-2]
                let (name, filter) = rest.split_once('/').ok_or(BadTopic::ShareName)?;
                if name.is_empty() || filter.is_empty() || name.contains(['+', '#']) {
                    return Err(BadTopic::ShareName);
                }
                (Some(name), filter)
            }
        };
        check_wildcards(filter)?;
        Ok(Self { whole, share, filter })
    }

    /// As in SUBSCRIBE, including the share.
    pub fn as_str(self) -> &'a str {
        self.whole
    }

    /// The share name, if the subscription is shared.
    pub fn share(self) -> Option<&'a str> {
        self.share
    }

    /// The filter without `$share/NAME/`.
    pub fn filter(self) -> &'a str {
        self.filter
    }

    pub fn has_wildcard(self) -> bool {
        self.filter.contains(['+', '#'])
    }

    /// Whether the filter matches this topic name.
    pub fn matches(self, name: &str) -> bool {
        matches(self.filter, name)
    }
}

/// [`TopicFilter::matches`] for a valid filter without its share.
pub(crate) fn matches(filter: &str, name: &str) -> bool {
    matches_by(filter, name, |part, level| part == level)
}

/// The same; `is_level` says whether a level of the filter matches a level of the name.
pub(crate) fn matches_by(filter: &str, name: &str, is_level: impl Fn(&str, &str) -> bool) -> bool {
    // [MQTT-4.7.2-1]
    if name.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = name.split('/');
    for part in filter.split('/') {
        match (part, levels.next()) {
            // `#` matches the rest, and the parent level.
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (part, Some(level)) if is_level(part, level) => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// The filter that matches the topics which both of these filters match; `None` if there are none.
pub(crate) fn intersection(one: &str, other: &str) -> Option<String> {
    let hides = |wild: &str, named: &str| wild.starts_with(['+', '#']) && named.starts_with('$');
    if hides(one, other) || hides(other, one) {
        return None; // [MQTT-4.7.2-1]
    }
    let (mut left, mut right) = (one.split('/'), other.split('/'));
    let mut both = Vec::new();
    loop {
        let (level, rest) = match (left.next(), right.next()) {
            (None, None) | (Some("#"), None) | (None, Some("#")) => break,
            (Some("#"), Some(level)) => (level, Some(right.clone())),
            (Some(level), Some("#")) => (level, Some(left.clone())),
            (Some("+"), Some(level)) | (Some(level), Some("+")) => (level, None),
            (Some(level), Some(same)) if level == same => (level, None),
            _ => return None,
        };
        both.push(level);
        if let Some(rest) = rest {
            both.extend(rest);
            break;
        }
    }
    Some(both.join("/"))
}

/// Whether `wide` matches every topic that `narrow` matches. May be false although it does, if they differ in form.
pub(crate) fn covers(wide: &str, narrow: &str) -> bool {
    intersection(wide, narrow).is_some_and(|both| both == narrow)
}

/// The first character that a broker may refuse in topics and client IDs: a control character or a non-character (MQTT 5,
/// section 1.5.4).
pub(crate) fn refusable_character(text: &str) -> Option<char> {
    // Nearly every topic is ASCII without control characters, which one pass without branches finds out.
    if text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~')) {
        return None;
    }
    let is_non_character = |c: char| u32::from(c) & 0xFFFE == 0xFFFE || matches!(c, '\u{FDD0}'..='\u{FDEF}');
    text.chars().find(|c| c.is_control() || is_non_character(*c))
}

/// Whether a topic or filter has more than `most` levels.
pub(crate) fn is_deeper(topic: &str, most: usize) -> bool {
    // A level beyond the first takes at least one byte.
    topic.len() >= most && topic.bytes().filter(|byte| *byte == b'/').count() >= most
}

fn check_wildcards(filter: &str) -> Result<(), BadTopic> {
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level == "#" && levels.peek().is_some() {
            return Err(BadTopic::HashNotLast); // [MQTT-4.7.1-1]
        }
        if level.len() > 1 && level.contains(['+', '#']) {
            return Err(BadTopic::WildcardNotAlone); // [MQTT-4.7.1-1], [MQTT-4.7.1-2]
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BadTopic, TopicFilter, TopicName, is_deeper, refusable_character};

    /// Filter, name, and whether they match; from the examples of section 4.7 and the corners beside them.
    const MATCHES: &[(&str, &str, bool)] = &[
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/#", "sport", true),
        ("#", "a", true),
        ("#", "/a", true),
        ("#", "$SYS/a", false),
        ("+/a", "$SYS/a", false),
        ("$SYS/#", "$SYS/a", true),
        ("$SYS/+", "$SYS/a", true),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+", "/finance", false),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+/tennis/#", "a/tennis", true),
        ("a/b", "a/b", true),
        ("a/b", "a/B", false),
        ("a/b", "a/b/", false),
        ("a/b/", "a/b", false),
        ("a//b", "a//b", true),
        ("a/+/b", "a//b", true),
        ("a/#", "b", false),
        ("$share/group/a/+", "a/b", true),
        ("$share/group/#", "$SYS/a", false),
    ];

    #[test]
    fn filters_match_as_section_4_7_says() {
        for (filter, name, expected) in MATCHES {
            let filter = TopicFilter::new(filter).unwrap();
            assert_eq!(filter.matches(name), *expected, "{} against {name}", filter.as_str());
        }
    }

    #[test]
    fn bad_filters_are_refused() {
        for (filter, why) in [
            ("", BadTopic::Empty),
            ("a\0", BadTopic::Nul),
            ("a/#/b", BadTopic::HashNotLast),
            ("a#", BadTopic::WildcardNotAlone),
            ("a+/b", BadTopic::WildcardNotAlone),
            ("a/+b", BadTopic::WildcardNotAlone),
            ("##", BadTopic::WildcardNotAlone),
            ("$share/a", BadTopic::ShareName),
            ("$share//a", BadTopic::ShareName),
            ("$share/a+/b", BadTopic::ShareName),
            ("$share/a/", BadTopic::ShareName),
        ] {
            assert_eq!(TopicFilter::new(filter), Err(why), "{filter:?}");
        }
        assert_eq!(TopicFilter::new(&"a".repeat(65_536)), Err(BadTopic::TooLong)); // [v3 MQTT-4.7.3-3] [v5 MQTT-4.7.3-3]
        assert!(TopicFilter::new(&"a".repeat(65_535)).is_ok());
    }

    #[test]
    fn control_characters_and_non_characters_may_be_refused() {
        for c in ['\u{1}', '\n', '\u{1F}', '\u{7F}', '\u{80}', '\u{9F}', '\u{FDD0}', '\u{FFFE}', '\u{10FFFF}']
        {
            assert_eq!(refusable_character(&format!("a/ü{c}/b")), Some(c), "{c:?}");
        }
        for text in ["", "a/b c~", "Küche/温度", "\u{A0}", "\u{FDCF}\u{FDF0}\u{FFFD}\u{1F600}"] {
            assert_eq!(refusable_character(text), None, "{text:?}");
        }
    }

    #[test]
    fn levels_are_counted_by_their_separators() {
        for (topic, most, deeper) in [("a", 1, false), ("/", 1, true), ("/", 2, false), ("a/b/c", 2, true)] {
            assert_eq!(is_deeper(topic, most), deeper, "{topic} {most}");
        }
    }

    #[test]
    fn bad_names_are_refused() {
        assert_eq!(TopicName::new("a/+"), Err(BadTopic::WildcardInName));
        assert_eq!(TopicName::new("#"), Err(BadTopic::WildcardInName));
        assert_eq!(TopicName::new(""), Err(BadTopic::Empty));
        assert_eq!(TopicName::new(&"a".repeat(65_536)), Err(BadTopic::TooLong)); // [v3 MQTT-4.7.3-3] [v5 MQTT-4.7.3-3]
        assert_eq!(TopicName::new("/").map(TopicName::as_str), Ok("/"));
    }
}
