//! Which topics go over a bridge, which way, and how they are called on the other side: mosquitto's rules of prefixes.

use std::borrow::Cow;

use crate::message::QoS;
use crate::topic::{TopicFilter, matches};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Out,
    In,
    Both,
}

/// What is carried. The names begin with the prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) direction: Direction,
    pub(crate) qos: QoS,
    /// The filters on both sides, with their prefixes.
    pub(crate) local: String,
    pub(crate) remote: String,
    pub(crate) local_prefix: String,
    pub(crate) remote_prefix: String,
}

impl Rule {
    fn goes_out(&self) -> bool {
        self.direction != Direction::In
    }

    fn comes_in(&self) -> bool {
        self.direction != Direction::Out
    }

    fn renames(&self) -> bool {
        !self.local_prefix.is_empty() || !self.remote_prefix.is_empty()
    }
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topics(Vec<Rule>);

impl Topics {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// What is subscribed to here, each filter once and at its greatest QoS.
    pub(crate) fn local(&self) -> Vec<(&str, QoS)> {
        once(self.0.iter().filter(|rule| rule.goes_out()).map(|rule| (rule.local.as_str(), rule.qos)))
    }

    /// What is subscribed to there.
    pub(crate) fn remote(&self) -> Vec<(&str, QoS)> {
        once(self.0.iter().filter(|rule| rule.comes_in()).map(|rule| (rule.remote.as_str(), rule.qos)))
    }

    /// What of this goes there only, and may have come from there once.
    pub(crate) fn only_out(&self) -> Vec<&str> {
        let wanted = self.remote();
        let out =
            once(self.0.iter().filter(|rule| rule.goes_out()).map(|rule| (rule.remote.as_str(), rule.qos)));
        let names = out.into_iter().map(|(filter, _)| filter);
        names.filter(|filter| wanted.iter().all(|(wanted, _)| wanted != filter)).collect()
    }

    /// What a topic of ours is called there, if it is carried.
    pub(crate) fn outward<'a>(&self, topic: &'a str) -> Option<Cow<'a, str>> {
        let rules = self.0.iter().filter(|rule| rule.goes_out());
        renamed(topic, rules.map(|rule| (rule, &*rule.local, &*rule.local_prefix, &*rule.remote_prefix)))
    }

    /// What a topic of theirs is called here, if it is carried.
    pub(crate) fn inward<'a>(&self, topic: &'a str) -> Option<Cow<'a, str>> {
        let rules = self.0.iter().filter(|rule| rule.comes_in());
        renamed(topic, rules.map(|rule| (rule, &*rule.remote, &*rule.remote_prefix, &*rule.local_prefix)))
    }
}

fn once<'a>(filters: impl Iterator<Item = (&'a str, QoS)>) -> Vec<(&'a str, QoS)> {
    let mut all: Vec<(&str, QoS)> = Vec::new();
    for (filter, qos) in filters {
        match all.iter_mut().find(|(other, _)| *other == filter) {
            Some((_, other)) => *other = qos.max(*other),
            None => all.push((filter, qos)),
        }
    }
    all
}

/// By the first rule that renames and matches; if none does, it keeps its name where any rule matches.
fn renamed<'a, 'r>(
    topic: &'a str,
    rules: impl Iterator<Item = (&'r Rule, &'r str, &'r str, &'r str)>,
) -> Option<Cow<'a, str>> {
    let mut carried = None;
    for (rule, filter, from, to) in rules {
        // It was checked when it was read.
        let Ok(parsed) = TopicFilter::new(filter) else { continue };
        if !matches(parsed.filter(), topic) {
            continue;
        }
        if !rule.renames() {
            carried = Some(Cow::Borrowed(topic));
            continue;
        }
        // A share is no part of a topic.
        let share = filter.len() - parsed.filter().len();
        let prefix = from.get(share..).unwrap_or_default();
        let rest = topic.strip_prefix(prefix).unwrap_or(topic);
        return Some(if to.is_empty() { Cow::Borrowed(rest) } else { Cow::Owned([to, rest].concat()) });
    }
    carried
}

#[cfg(test)]
mod tests {
    use super::{Direction, Rule, Topics};
    use crate::message::QoS;

    fn rule(direction: Direction, pattern: &str, local: &str, remote: &str) -> Rule {
        Rule {
            direction,
            qos: QoS::AtLeastOnce,
            local: [local, pattern].concat(),
            remote: [remote, pattern].concat(),
            local_prefix: local.to_owned(),
            remote_prefix: remote.to_owned(),
        }
    }

    #[test]
    fn topics_change_their_prefix() {
        use Direction::{Both, In, Out};
        for (direction, pattern, local, remote, here, there) in [
            (Both, "#", "", "", "a/b", "a/b"),
            (Both, "#", "l/", "r/", "l/a", "r/a"),
            (Both, "a/+", "", "r/", "a/b", "r/a/b"),
            (Both, "a/+", "l/", "", "l/a/b", "a/b"),
            (Both, "", "local/topic", "remote/topic", "local/topic", "remote/topic"),
            (In, "clients/total", "test/", "$SYS/broker/", "test/clients/total", "$SYS/broker/clients/total"),
            (In, "x", "l/", "$share/g/", "l/x", "x"),
            (In, "x", "l/", "$share/g/r/", "l/x", "r/x"),
        ] {
            let topics = Topics::new(vec![rule(direction, pattern, local, remote)]);
            if direction != In {
                assert_eq!(topics.outward(here).as_deref(), Some(there), "{pattern} {local} {remote}");
            }
            if direction != Out {
                assert_eq!(topics.inward(there).as_deref(), Some(here), "{pattern} {local} {remote}");
            }
        }
    }

    #[test]
    fn only_what_is_asked_for_is_carried() {
        let topics = Topics::new(vec![
            rule(Direction::Out, "a/#", "l/", "r/"),
            rule(Direction::In, "b", "", ""),
            rule(Direction::Both, "#", "both/", "both/"),
        ]);
        for (here, there) in
            [("l/a/1", Some("r/a/1")), ("l/x", None), ("b", None), ("both/x", Some("both/x")), ("a/1", None)]
        {
            assert_eq!(topics.outward(here).as_deref(), there, "{here}");
        }
        for (there, here) in [("b", Some("b")), ("r/a/1", None), ("both/x", Some("both/x"))] {
            assert_eq!(topics.inward(there).as_deref(), here, "{there}");
        }
        assert_eq!(topics.only_out(), ["r/a/#"]);
    }

    #[test]
    fn the_first_rule_that_renames_counts() {
        let topics = Topics::new(vec![
            rule(Direction::Both, "#", "", ""),
            rule(Direction::Both, "a/#", "", "one/"),
            rule(Direction::Both, "a/b", "", "two/"),
        ]);
        assert_eq!(topics.outward("a/b").as_deref(), Some("one/a/b"));
        assert_eq!(topics.outward("c").as_deref(), Some("c"));
    }

    #[test]
    fn a_filter_is_subscribed_to_once() {
        let mut twice = rule(Direction::Out, "a", "", "x/");
        twice.qos = QoS::ExactlyOnce;
        let topics = Topics::new(vec![rule(Direction::Both, "a", "", ""), twice]);
        assert_eq!(topics.local(), [("a", QoS::ExactlyOnce)]);
        assert_eq!(topics.remote(), [("a", QoS::AtLeastOnce)]);
        assert_eq!(topics.only_out(), ["x/a"]);
    }
}
