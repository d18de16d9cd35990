//! Topic templates, such as `site/%i/data`.

/// The values of the placeholders of a topic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopicValues<'a> {
    /// Number of the publisher.
    pub(crate) number: usize,
    pub(crate) client_id: &'a str,
    pub(crate) username: &'a str,
    pub(crate) sequence: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Number,
    ClientId,
    Username,
    Sequence,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicTemplate(Vec<Part>);

impl TopicTemplate {
    /// `%i`: number of the publisher; `%c`: its client ID; `%u`: its username; `%s`: number of the message; `%r`: ID of the run;
    /// `%%`: a percent sign.
    ///
    /// # Errors
    /// When a placeholder is unknown.
    pub(crate) fn parse(template: &str, run: &str) -> Result<Self, String> {
        let (mut parts, mut text) = (Vec::new(), String::new());
        let mut rest = template.chars();
        while let Some(letter) = rest.next() {
            if letter != '%' {
                text.push(letter);
                continue;
            }
            let code = rest.next();
            let part = match code {
                Some('i') => Part::Number,
                Some('c') => Part::ClientId,
                Some('u') => Part::Username,
                Some('s') => Part::Sequence,
                Some('r') => {
                    text.push_str(run);
                    continue;
                }
                Some('%') => {
                    text.push('%');
                    continue;
                }
                _ => {
                    let code = code.map_or(String::new(), String::from);
                    return Err(format!(
                        "unknown placeholder %{code} in the topic; use %i (publisher), %c (client ID), %u (username), %s \
                         (message), %r (run) or %%"
                    ));
                }
            };
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(part);
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self(parts))
    }

    /// Whether each message has a topic of its own.
    pub(crate) fn changes(&self) -> bool {
        self.0.contains(&Part::Sequence)
    }

    pub(crate) fn write(&self, of: TopicValues<'_>, out: &mut String) {
        use std::fmt::Write as _;
        for part in &self.0 {
            // Writing to a string does not fail.
            let _ = match part {
                Part::Text(text) => out.write_str(text),
                Part::Number => write!(out, "{}", of.number),
                Part::ClientId => out.write_str(of.client_id),
                Part::Username => out.write_str(of.username),
                Part::Sequence => write!(out, "{}", of.sequence),
            };
        }
    }

    pub(crate) fn of(&self, of: TopicValues<'_>) -> String {
        let mut topic = String::new();
        self.write(of, &mut topic);
        topic
    }

    /// What matches the topics of all publishers; of one alone, if `of` says which.
    pub(crate) fn filter(&self, of: Option<TopicValues<'_>>) -> String {
        // No topic holds this character, so it marks what differs.
        const OPEN: &str = "\0";
        let mut filter = String::new();
        for part in &self.0 {
            match (part, of) {
                (Part::Text(text), _) => filter += text,
                (Part::Sequence, _) | (_, None) => filter += OPEN,
                (part, Some(of)) => Self(vec![part.clone()]).write(of, &mut filter),
            }
        }
        let levels = filter.split('/').map(|level| if level.contains(OPEN) { "+" } else { level });
        levels.collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::{TopicTemplate, TopicValues};

    #[test]
    fn codes_are_filled_in_and_filters_follow() {
        let topics = TopicTemplate::parse("a/%r/x%i/%c/%u/100%%/%s", "run").unwrap();
        let of = TopicValues { number: 3, client_id: "me", username: "joe", sequence: 7 };
        assert_eq!(topics.of(of), "a/run/x3/me/joe/100%/7");
        assert_eq!(topics.filter(Some(of)), "a/run/x3/me/joe/100%/+");
        assert_eq!(topics.filter(None), "a/run/+/+/+/100%/+");
        assert!(topics.changes() && !TopicTemplate::parse("a/%i", "r").unwrap().changes());
        assert!(TopicTemplate::parse("a/%x", "r").is_err_and(|error| error.contains("%x")));
        assert!(TopicTemplate::parse("a/%", "r").is_err());
    }
}
