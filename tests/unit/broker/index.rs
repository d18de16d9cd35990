//! The index against the specification of matching, and what it promises beside.

use super::{FilterTable, SubscriptionIndex};
use crate::topic::TopicFilter;

const LEVELS: [&str; 5] = ["a", "b", "", "$x", "c"];

/// A small generator of numbers; the same seed gives the same run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = crate::broker::state::mix(self.0);
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    fn topic(&mut self) -> String {
        let depth = 1 + self.roll(4);
        let levels: Vec<_> = (0..depth).map(|_| LEVELS[self.roll(LEVELS.len())]).collect();
        let topic = levels.join("/");
        if topic.is_empty() { "a".into() } else { topic }
    }

    fn filter(&mut self) -> String {
        let depth = 1 + self.roll(4);
        let mut levels: Vec<_> = (0..depth)
            .map(|_| if self.roll(3) == 0 { "+" } else { LEVELS[self.roll(LEVELS.len())] })
            .collect();
        if self.roll(3) == 0 {
            levels.push("#");
        }
        let filter = levels.join("/");
        if filter.is_empty() { "+".into() } else { filter }
    }
}

#[test]
fn the_index_agrees_with_the_specification() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let index = SubscriptionIndex::new(seed);
        let mut model: Vec<(u64, String)> = Vec::new();
        for _ in 0..120 {
            let (key, filter) = (dice.roll(6) as u64, dice.filter());
            if dice.roll(3) > 0 {
                let existed = model.contains(&(key, filter.clone()));
                assert_eq!(index.subscribe(key, &filter, (key, filter.clone())), existed, "seed {seed}");
                if !existed {
                    model.push((key, filter));
                }
            } else {
                let before = model.len();
                model.retain(|entry| *entry != (key, filter.clone()));
                assert_eq!(index.unsubscribe(key, &filter), before != model.len(), "seed {seed}");
            }
            let topic = dice.topic();
            let mut found = Vec::new();
            index.matching(&topic, |entry: &(u64, String)| found.push(entry.clone()));
            let mut expected = model.clone();
            expected.retain(|(_, filter)| TopicFilter::new(filter).unwrap().matches(&topic));
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "seed {seed}, topic {topic:?}");
            assert_eq!(index.len(), model.len());
        }
        for (key, filter) in &model {
            assert!(index.unsubscribe(*key, filter));
        }
        let filters = index.filters.read();
        let FilterTable { exact, tree, count } = &*filters;
        assert!(exact.is_empty() && *count == 0, "seed {seed}");
        assert!(tree.nodes.len() == 1 && tree.nodes[0].is_empty(), "only the root is left, seed {seed}");
        assert!(tree.edges.is_empty() && tree.free.is_empty(), "seed {seed}");
    }
}

#[test]
fn the_deepest_topic_is_matched_without_recursion() {
    let index = SubscriptionIndex::new(1);
    let topic = "/".repeat(65_535);
    let filter = format!("{}#", "+/".repeat(30_000));
    index.subscribe(1, &filter, ());
    let mut found = 0;
    index.matching(&topic, |()| found += 1);
    assert_eq!(found, 1);
}

#[test]
fn the_generation_changes_with_every_change() {
    let index = SubscriptionIndex::new(1);
    let first = index.generation();
    index.subscribe(1, "a", ());
    let second = index.generation();
    assert!(first > 0 && second != first);
    index.unsubscribe(1, "a");
    assert_ne!(index.generation(), second);
}

#[test]
fn the_order_of_a_visit_does_not_depend_on_the_seed() {
    let visit = |seed| {
        let (index, mut found) = (SubscriptionIndex::new(seed), Vec::new());
        for key in [7, 3, 9, 1, 8] {
            for filter in ["a/b", "+/b", "a/+", "a/#", "#", "a/b/#"] {
                index.subscribe(key, filter, (filter, key));
            }
        }
        index.matching("a/b", |entry| found.push(*entry));
        found
    };
    let first = visit(1);
    assert_eq!(first.len(), 30);
    assert!(first.chunks(5).all(|filter| filter.is_sorted()), "{first:?}");
    assert!((2..50).all(|seed| visit(seed) == first));
}

#[test]
fn an_unsubscribe_that_removes_nothing_changes_nothing() {
    let index = SubscriptionIndex::new(1);
    index.subscribe(1, "a/+", ());
    index.subscribe(1, "a", ());
    let before = index.generation();
    for filter in ["a/#", "b/+", "b", "a/+/b", "+"] {
        assert!(!index.unsubscribe(1, filter), "{filter}");
    }
    assert!(!index.unsubscribe(2, "a/+") && !index.unsubscribe(2, "a"));
    assert_eq!((index.generation(), index.len()), (before, 2));
}

#[test]
fn what_a_crowd_has_left_behind_is_given_back() {
    let index = SubscriptionIndex::new(1);
    let filters = |number| [format!("crowd/{number}"), format!("crowd/{number}/+")];
    for number in 0..10_000 {
        filters(number).iter().for_each(|filter| assert!(!index.subscribe(number, filter, ())));
    }
    for number in 0..10_000 {
        filters(number).iter().for_each(|filter| assert!(index.unsubscribe(number, filter)));
    }
    let filters = index.filters.read();
    assert!(filters.exact.capacity() < 100 && filters.tree.edges.capacity() < 100);
    assert!(filters.tree.nodes.capacity() < 100);
}
