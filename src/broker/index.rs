//! The index of subscriptions: from a topic to whoever subscribed to a filter that matches it.
//!
//! Filters without a wildcard stand in a hash map, the others in a tree of levels, so that a topic is looked up in time
//! that depends on its own levels and not on how many subscriptions there are. It must agree with
//! [`crate::topic::TopicFilter::matches`]. What a subscriber is, it does not know; shares and No Local are not its
//! business. Filters come without `$share/NAME/`.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::sync::{AtomicU64, Ordering, RwLock};

type Map<T> = HashMap<Box<str>, T, FixedState>;

/// Subscribers by filter; `V` is what one gets back.
#[derive(Debug)]
pub struct Index<V> {
    filters: RwLock<Filters<V>>,
    /// Raised by every change, after it.
    generation: AtomicU64,
}

#[derive(Debug)]
struct Filters<V> {
    exact: Map<Subscribers<V>>,
    /// A tree; node 0 is the root. Free nodes are listed in `free`.
    nodes: Vec<Node<V>>,
    free: Vec<usize>,
    hasher: FixedState,
    count: usize,
}

/// Those who subscribed to one filter, in no order that counts.
type Subscribers<V> = Vec<(u64, V)>;

#[derive(Debug)]
struct Node<V> {
    /// Levels that stand for themselves, and `+`.
    children: Map<usize>,
    /// Filters that end here.
    here: Subscribers<V>,
    /// Filters that end here with `#`.
    below: Subscribers<V>,
}

impl<V> Node<V> {
    fn new(hasher: FixedState) -> Self {
        Self { children: HashMap::with_hasher(hasher), here: Vec::new(), below: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.children.is_empty() && self.here.is_empty() && self.below.is_empty()
    }
}

impl<V> Index<V> {
    /// `seed` must be known to nobody outside, so that nobody can choose topics that collide.
    pub fn new(seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        let exact = HashMap::with_hasher(hasher.clone());
        let nodes = vec![Node::new(hasher.clone())];
        Self {
            filters: RwLock::new(Filters { exact, nodes, free: Vec::new(), hasher, count: 0 }),
            generation: AtomicU64::new(1),
        }
    }

    /// A number that changes whenever a subscription does; never 0.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Subscriptions in all.
    pub fn len(&self) -> usize {
        self.filters.read().count
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `value` under `filter`; whether it replaced what `key` had there.
    pub fn subscribe(&self, key: u64, filter: &str, value: V) -> bool {
        let mut filters = self.filters.write();
        let subscribers = filters.entry(filter);
        let replaced = match subscribers.iter_mut().find(|(other, _)| *other == key) {
            Some(entry) => {
                entry.1 = value;
                true
            }
            None => {
                subscribers.push((key, value));
                false
            }
        };
        filters.count += usize::from(!replaced);
        self.generation.fetch_add(1, Ordering::Release);
        replaced
    }

    /// Takes out what `key` has under `filter`; whether there was anything.
    pub fn unsubscribe(&self, key: u64, filter: &str) -> bool {
        let mut filters = self.filters.write();
        let removed = filters.remove(key, filter);
        filters.count -= usize::from(removed);
        self.generation.fetch_add(1, Ordering::Release);
        removed
    }

    /// Visits every subscriber whose filter matches `topic`, in no particular order.
    pub fn matching(&self, topic: &str, mut visit: impl FnMut(&V)) {
        let filters = self.filters.read();
        if let Some(subscribers) = filters.exact.get(topic) {
            subscribers.iter().for_each(|(_, value)| visit(value));
        }
        filters.visit_tree(topic, visit);
    }
}

impl<V> Filters<V> {
    fn entry(&mut self, filter: &str) -> &mut Subscribers<V> {
        if !filter.contains(['+', '#']) {
            return self.exact.entry(filter.into()).or_default();
        }
        let (mut node, mut below) = (0, false);
        for level in filter.split('/') {
            if level == "#" {
                below = true;
                break;
            }
            node = match self.nodes[node].children.get(level) {
                Some(child) => *child,
                None => {
                    let child = self.grow();
                    self.nodes[node].children.insert(level.into(), child);
                    child
                }
            };
        }
        let node = &mut self.nodes[node];
        if below { &mut node.below } else { &mut node.here }
    }

    fn grow(&mut self) -> usize {
        let node = Node::new(self.hasher.clone());
        match self.free.pop() {
            Some(free) => {
                self.nodes[free] = node;
                free
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        }
    }

    fn remove(&mut self, key: u64, filter: &str) -> bool {
        if !filter.contains(['+', '#']) {
            let Some(subscribers) = self.exact.get_mut(filter) else { return false };
            let removed = take_out(subscribers, key);
            if subscribers.is_empty() {
                self.exact.remove(filter);
            }
            return removed;
        }
        let (mut path, mut node, mut below) = (Vec::new(), 0, false);
        for level in filter.split('/') {
            if level == "#" {
                below = true;
                break;
            }
            path.push((node, level));
            match self.nodes[node].children.get(level) {
                Some(child) => node = *child,
                None => return false,
            }
        }
        let last = &mut self.nodes[node];
        let removed = take_out(if below { &mut last.below } else { &mut last.here }, key);
        // Nodes that lead nowhere now go, from the leaf upward.
        while let Some((parent, level)) = path.pop() {
            if !self.nodes[node].is_empty() {
                break;
            }
            self.nodes[parent].children.remove(level);
            self.free.push(node);
            node = parent;
        }
        removed
    }

    fn visit_tree(&self, topic: &str, mut visit: impl FnMut(&V)) {
        // A filter that begins with a wildcard does not match a topic that begins with `$` [MQTT-4.7.2-1].
        let hidden = topic.starts_with('$');
        // Where in the tree, and what of the topic is left; `None` when all its levels are used up.
        let mut open = vec![(0, Some(topic))];
        while let Some((position, rest)) = open.pop() {
            let node = &self.nodes[position];
            let wild = !(hidden && position == 0);
            if wild {
                node.below.iter().for_each(|(_, value)| visit(value));
            }
            let Some(rest) = rest else {
                node.here.iter().for_each(|(_, value)| visit(value));
                continue;
            };
            if node.children.is_empty() {
                continue;
            }
            let (level, rest) = match rest.split_once('/') {
                Some((level, rest)) => (level, Some(rest)),
                None => (rest, None),
            };
            // Topic names hold no wildcards, so a level never meets `+` by its own name.
            open.extend(node.children.get(level).map(|child| (*child, rest)));
            if wild {
                open.extend(node.children.get("+").map(|child| (*child, rest)));
            }
        }
    }
}

fn take_out<V>(subscribers: &mut Subscribers<V>, key: u64) -> bool {
    let position = subscribers.iter().position(|(other, _)| *other == key);
    position.map(|position| subscribers.swap_remove(position)).is_some()
}

#[cfg(test)]
mod tests {
    use super::Index;
    use crate::topic::TopicFilter;

    const LEVELS: [&str; 5] = ["a", "b", "", "$x", "c"];

    /// A small generator of numbers; the same seed gives the same run.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 = super::super::mix(self.0);
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
            let index = Index::new(seed);
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
            assert_eq!(filters.nodes.len() - filters.free.len(), 1, "only the root is left, seed {seed}");
            assert!(filters.exact.is_empty() && filters.count == 0);
        }
    }

    #[test]
    fn the_deepest_topic_is_matched_without_recursion() {
        let index = Index::new(1);
        let topic = "/".repeat(65_535);
        let filter = format!("{}#", "+/".repeat(30_000));
        index.subscribe(1, &filter, ());
        let mut found = 0;
        index.matching(&topic, |()| found += 1);
        assert_eq!(found, 1);
    }

    #[test]
    fn the_generation_changes_with_every_change() {
        let index = Index::new(1);
        let first = index.generation();
        index.subscribe(1, "a", ());
        let second = index.generation();
        assert!(first > 0 && second != first);
        index.unsubscribe(1, "a");
        assert_ne!(index.generation(), second);
    }
}
