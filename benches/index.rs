//! What a lookup in the index of subscriptions costs beside few and many others, and what a subscription weighs.
//!
//! `cargo bench --bench index`. Each figure is the best of several rounds, so that what else the machine does counts
//! little. Nothing here passes or fails.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use skeeter::broker::index::SubscriptionIndex;

/// As large as what the broker keeps for a subscription: a shared session, options and an identifier.
type Subscriber = (Arc<u64>, u32, Option<u32>);

const OTHERS: [u64; 3] = [0, 1_000, 100_000];
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(30);

/// How the others subscribe.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `site/7/room/3/status`
    Exact,
    /// `site/7/+/3/#`
    Wildcard,
    /// `+/+/7/#`: they share the levels that every topic passes.
    Leading,
}

impl Kind {
    fn filter(self, number: u64) -> String {
        let (site, room) = (number / 100, number % 100);
        match self {
            Self::Exact => format!("site/{site}/room/{room}/status"),
            Self::Wildcard => format!("site/{site}/+/{room}/#"),
            Self::Leading => format!("+/+/{number}/#"),
        }
    }
}

fn main() {
    for kind in [Kind::Exact, Kind::Wildcard, Kind::Leading] {
        for others in OTHERS {
            beside(kind, others);
        }
    }
    fan_out();
    churn();
    for kind in [Kind::Exact, Kind::Wildcard, Kind::Leading] {
        weight(kind);
    }
}

fn subscriber() -> Subscriber {
    (Arc::new(0), 0, None)
}

fn filled(kind: Kind, count: u64) -> SubscriptionIndex<Subscriber> {
    let (index, subscriber) = (SubscriptionIndex::new(count), subscriber());
    for number in 0..count {
        index.subscribe(number, &kind.filter(number), subscriber.clone());
    }
    index
}

/// Nanoseconds that one `step` takes.
fn measure(mut step: impl FnMut()) -> f64 {
    let round = |_| {
        let (began, mut steps) = (Instant::now(), 0);
        while began.elapsed() < ROUND {
            (0..64).for_each(|_| step());
            steps += 64;
        }
        began.elapsed().as_secs_f64() * 1e9 / f64::from(steps)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

fn look_up(index: &SubscriptionIndex<Subscriber>, topic: &str) -> usize {
    let mut found = 0;
    index.matching(black_box(topic), |subscriber| found += usize::from(black_box(subscriber).2.is_none()));
    found
}

fn beside(kind: Kind, others: u64) {
    let index = filled(kind, others);
    index.subscribe(u64::MAX, "my/own/exact/topic/here", subscriber());
    index.subscribe(u64::MAX, "my/own/+/topic/#", subscriber());
    let both = measure(|| assert_eq!(look_up(&index, "my/own/exact/topic/here"), 2));
    let neither = measure(|| assert_eq!(look_up(&index, "your/own/exact/topic/here"), 0));
    let topics: Vec<_> = (0..others).map(|number| Kind::Exact.filter(number)).collect();
    let mut turn = 0;
    let theirs = measure(|| {
        // Far from one another, so that what is looked up is seldom in a cache.
        turn += 7_919;
        look_up(
            &index,
            topics.get(turn % topics.len().max(1)).map_or("site/0/room/0/status", String::as_str),
        );
    });
    println!(
        "beside {others:>6} {kind:?}: {both:4.0} ns for a topic with 2 matches, {neither:4.0} ns for one with none, \
         {theirs:4.0} ns for theirs in turn"
    );
}

fn fan_out() {
    for filter in ["a/b/c", "a/+/c"] {
        let (index, subscriber) = (SubscriptionIndex::new(1), subscriber());
        (0..1_000).for_each(|key| assert!(!index.subscribe(key, filter, subscriber.clone())));
        let took = measure(|| assert_eq!(look_up(&index, "a/b/c"), 1_000));
        println!("1,000 subscribers of {filter}: {took:.0} ns, {:.1} ns each", took / 1_000.0);
    }
}

/// Subscribing to and leaving one crowded filter, and a filter of one's own.
fn churn() {
    for (name, filter) in
        [("a crowded filter", "a/b"), ("a crowded filter", "a/+"), ("one's own", "my/+/own")]
    {
        let (index, subscriber) = (SubscriptionIndex::new(1), subscriber());
        (0..100_000).for_each(|key| assert!(!index.subscribe(key, "a/b", subscriber.clone())));
        (0..100_000).for_each(|key| assert!(!index.subscribe(key, "a/+", subscriber.clone())));
        let took = measure(|| {
            assert!(!index.subscribe(u64::MAX, filter, subscriber.clone()));
            assert!(index.unsubscribe(u64::MAX, filter));
        });
        println!("subscribing to {filter} ({name}) and leaving it: {took:.0} ns");
    }
}

fn weight(kind: Kind) {
    const COUNT: u64 = 200_000;
    let Some(before) = resident() else { return };
    let index = filled(kind, COUNT);
    let after = resident().unwrap_or(before);
    println!("{COUNT} {kind:?}: {} bytes a subscription", after.saturating_sub(before) / index.len() as u64);
    // Kept until the end, so that the next one does not find its memory.
    std::mem::forget(index);
}

/// Bytes of memory in use, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
