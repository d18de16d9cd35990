//! The index of subscriptions: from a topic to whoever subscribed to a filter that matches it.
//!
//! Filters without a wildcard stand in a hash map, the others in a tree of levels, so that a topic is looked up in time
//! that depends on its own levels and not on how many subscriptions there are. It must agree with
//! [`crate::topic::TopicFilter::matches`]. What a subscriber is, it does not know; shares and No Local are not its
//! business. Filters come without `$share/NAME/`.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::sync::{AtomicU64, Ordering, RwLock};
use crate::table::{self, is_sparse};

/// Subscribers by filter; `V` is what one gets back.
#[derive(Debug)]
pub struct SubscriptionIndex<V> {
    filters: RwLock<FilterTable<V>>,
    /// Raised by every change, before others can read what changed.
    generation: AtomicU64,
}

#[derive(Debug)]
struct FilterTable<V> {
    exact: HashMap<Box<str>, Subscribers<V>, FixedState>,
    tree: FilterTree<V>,
    count: usize,
}

/// Those who subscribed to one filter. Most filters have one; the popular ones are read in the order of keys.
#[derive(Debug)]
enum Subscribers<V> {
    One(u64, V),
    Many(BTreeMap<u64, V>),
}

/// Filters with wildcards, level by level.
#[derive(Debug)]
struct FilterTree<V> {
    /// Node 0 is the root. Free nodes are listed in `free`.
    nodes: Vec<Node<V>>,
    free: Vec<usize>,
    /// The levels that stand for themselves, of all nodes: one table is smaller than one for each node.
    edges: HashTable<Edge>,
    hasher: FixedState,
}

#[derive(Debug)]
struct Edge {
    parent: usize,
    child: usize,
    level: Box<str>,
}

#[derive(Debug)]
struct Node<V> {
    /// The child for `+`; [`ROOT`], which is nobody's child, if there is none.
    plus: usize,
    /// How many edges begin here.
    edges: usize,
    /// Filters that end here.
    here: NodeSubscribers<V>,
    /// Filters that end here with `#`.
    below: NodeSubscribers<V>,
}

type NodeSubscribers<V> = Option<Box<Subscribers<V>>>;

const ROOT: usize = 0;

impl<V> SubscriptionIndex<V> {
    /// `seed` must be known to nobody outside, so that nobody can choose topics that collide.
    pub fn new(seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        let exact = HashMap::with_hasher(hasher.clone());
        let filters = FilterTable { exact, tree: FilterTree::new(hasher), count: 0 };
        Self { filters: RwLock::new(filters), generation: AtomicU64::new(1) }
    }

    /// A number that changes whenever a subscription does; never 0.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Makes those who remember what topics matched ask again.
    pub(crate) fn touch(&self) {
        self.generation.fetch_add(1, Ordering::Release);
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
        let replaced = if filter.contains(['+', '#']) {
            match filters.tree.ending(filter) {
                Some(subscribers) => subscribers.put(key, value),
                vacant => {
                    *vacant = Some(Box::new(Subscribers::One(key, value)));
                    false
                }
            }
        } else {
            match filters.exact.get_mut(filter) {
                Some(subscribers) => subscribers.put(key, value),
                None => filters.exact.insert(filter.into(), Subscribers::One(key, value)).is_some(),
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
        if removed {
            filters.count -= 1;
            self.generation.fetch_add(1, Ordering::Release);
        }
        removed
    }

    /// Visits every subscriber whose filter matches `topic`, in an order that depends on nothing but the subscriptions:
    /// filter by filter, and the subscribers of one filter by their keys.
    pub fn matching(&self, topic: &str, mut visit: impl FnMut(&V)) {
        let filters = self.filters.read();
        if let Some(subscribers) = filters.exact.get(topic) {
            subscribers.visit(&mut visit);
        }
        filters.tree.visit(topic, &mut visit);
    }
}

impl<V> FilterTable<V> {
    fn remove(&mut self, key: u64, filter: &str) -> bool {
        if filter.contains(['+', '#']) {
            return self.tree.remove(key, filter);
        }
        let Some(subscribers) = self.exact.get_mut(filter) else { return false };
        let removed = subscribers.remove(key);
        if subscribers.is_empty() {
            self.exact.remove(filter);
            table::give_back(&mut self.exact);
        }
        removed
    }
}

impl<V> Subscribers<V> {
    const NOBODY: Self = Self::Many(BTreeMap::new());

    fn is_empty(&self) -> bool {
        matches!(self, Self::Many(many) if many.is_empty())
    }

    /// Whether it replaced another value.
    fn put(&mut self, key: u64, value: V) -> bool {
        let mut many = match std::mem::replace(self, Self::NOBODY) {
            Self::One(own, _) if own == key => {
                *self = Self::One(key, value);
                return true;
            }
            Self::One(own, old) => BTreeMap::from([(own, old)]),
            Self::Many(many) => many,
        };
        let replaced = many.insert(key, value).is_some();
        *self = Self::Many(many);
        replaced
    }

    fn remove(&mut self, key: u64) -> bool {
        match self {
            Self::One(own, _) if *own == key => {
                *self = Self::NOBODY;
                true
            }
            Self::One(..) => false,
            Self::Many(many) => {
                let removed = many.remove(&key).is_some();
                if many.len() == 1
                    && let Some((own, value)) = many.pop_first()
                {
                    *self = Self::One(own, value);
                }
                removed
            }
        }
    }

    fn visit(&self, visit: &mut impl FnMut(&V)) {
        match self {
            Self::One(_, value) => visit(value),
            Self::Many(many) => many.values().for_each(visit),
        }
    }
}

impl<V> Node<V> {
    const EMPTY: Self = Self { plus: ROOT, edges: 0, here: None, below: None };

    fn is_empty(&self) -> bool {
        self.plus == ROOT && self.edges == 0 && self.here.is_none() && self.below.is_none()
    }
}

impl<V> FilterTree<V> {
    fn new(hasher: FixedState) -> Self {
        Self { nodes: vec![Node::EMPTY], free: Vec::new(), edges: HashTable::new(), hasher }
    }

    /// The child of `parent` for `level`, which may be `+`.
    fn child(&self, parent: usize, level: &str) -> Option<usize> {
        let node = &self.nodes[parent];
        if level == "+" {
            return (node.plus != ROOT).then_some(node.plus);
        }
        self.named(parent, node, level)
    }

    /// The child of `parent` for a level that stands for itself.
    fn named(&self, parent: usize, node: &Node<V>, level: &str) -> Option<usize> {
        if node.edges == 0 {
            return None;
        }
        let hash = self.hasher.hash_one((parent, level));
        let edge = self.edges.find(hash, |edge| edge.parent == parent && *edge.level == *level);
        edge.map(|edge| edge.child)
    }

    /// Where the subscribers of `filter` stand, made if there is no such place.
    fn ending(&mut self, filter: &str) -> &mut NodeSubscribers<V> {
        let (levels, below) = split(filter);
        let mut position = ROOT;
        for level in levels {
            position = self.child(position, level).unwrap_or_else(|| self.grow(position, level));
        }
        let node = &mut self.nodes[position];
        if below { &mut node.below } else { &mut node.here }
    }

    fn grow(&mut self, parent: usize, level: &str) -> usize {
        let child = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::EMPTY);
            self.nodes.len() - 1
        });
        if level == "+" {
            self.nodes[parent].plus = child;
            return child;
        }
        self.nodes[parent].edges += 1;
        let (hash, edge) =
            (self.hasher.hash_one((parent, level)), Edge { parent, child, level: level.into() });
        self.edges.insert_unique(hash, edge, |edge| self.hasher.hash_one((edge.parent, &*edge.level)));
        child
    }

    /// Takes the empty child of `parent` for `level` out.
    fn prune(&mut self, parent: usize, child: usize, level: &str) {
        self.nodes[child] = Node::EMPTY;
        self.free.push(child);
        if level == "+" {
            self.nodes[parent].plus = ROOT;
            return;
        }
        self.nodes[parent].edges -= 1;
        let hash = self.hasher.hash_one((parent, level));
        if let Ok(edge) = self.edges.find_entry(hash, |edge| edge.child == child) {
            edge.remove();
        }
    }

    fn remove(&mut self, key: u64, filter: &str) -> bool {
        let (levels, below) = split(filter);
        let (mut path, mut position) = (Vec::new(), ROOT);
        for level in levels {
            let Some(child) = self.child(position, level) else { return false };
            path.push((position, level));
            position = child;
        }
        let node = &mut self.nodes[position];
        let ending = if below { &mut node.below } else { &mut node.here };
        let Some(subscribers) = ending else { return false };
        let removed = subscribers.remove(key);
        if subscribers.is_empty() {
            *ending = None;
        }
        // Nodes that lead nowhere now go, from the leaf upward.
        while let Some((parent, level)) = path.pop()
            && self.nodes[position].is_empty()
        {
            self.prune(parent, position, level);
            position = parent;
        }
        self.give_back();
        removed
    }

    /// Gives back what a crowd has left behind.
    fn give_back(&mut self) {
        if is_sparse(self.edges.len(), self.edges.capacity()) {
            self.edges.shrink_to_fit(|edge| self.hasher.hash_one((edge.parent, &*edge.level)));
        }
        if self.free.len() + 1 == self.nodes.len() && self.nodes.len() > 1 {
            self.nodes.truncate(1);
            self.nodes.shrink_to_fit();
            self.free = Vec::new();
        }
    }

    /// Each node is visited at most once, as only one path leads to it; nothing is allocated before two paths part.
    fn visit(&self, topic: &str, visit: &mut impl FnMut(&V)) {
        // A filter that begins with a wildcard does not match a topic that begins with `$` [MQTT-4.7.2-1].
        let hidden = topic.starts_with('$');
        // Where in the tree, and what of the topic is left; `None` when all its levels are used up.
        let (mut at, mut others) = (Some((ROOT, Some(topic))), Vec::new());
        while let Some((position, rest)) = at {
            let node = &self.nodes[position];
            let wild = !(hidden && position == ROOT);
            if let (true, Some(subscribers)) = (wild, &node.below) {
                subscribers.visit(visit);
            }
            let next = match rest {
                None => {
                    node.here.iter().for_each(|subscribers| subscribers.visit(visit));
                    None
                }
                Some(_) if node.edges == 0 && node.plus == ROOT => None,
                Some(rest) => {
                    // Not with `split_once`, whose searcher takes longer than a level is long.
                    let (level, rest) = match memchr::memchr(b'/', rest.as_bytes()) {
                        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
                        None => (rest, None),
                    };
                    let plus = (wild && node.plus != ROOT).then_some((node.plus, rest));
                    let named = self.named(position, node, level).map(|child| (child, rest));
                    if let (Some(_), Some(plus)) = (named, plus) {
                        others.push(plus);
                    }
                    named.or(plus)
                }
            };
            at = next.or_else(|| others.pop());
        }
    }
}

/// The levels of a filter, and whether it ends with `#`, which is no level here.
fn split(filter: &str) -> (impl Iterator<Item = &str>, bool) {
    let below = filter.ends_with('#');
    (filter.split('/').take_while(|level| *level != "#"), below)
}

#[cfg(test)]
#[path = "../../../tests/unit/broker/index.rs"]
mod tests;
