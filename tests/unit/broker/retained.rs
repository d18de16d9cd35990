//! Retained messages against the specification of matching, limits, expiry and contention.

use super::{Cursor, PAGE, Retained, SWEEP};
use crate::message::{Message, MessageRef, QoS};
use crate::time::Instant;
use crate::topic::TopicFilter;

fn until(topic: &str, payload: &[u8], expires: Instant) -> Message {
    MessageRef { topic, properties: b"", payload, qos: QoS::AtMostOnce, retain: true, expires }.to_message()
}

fn store(retained: &Retained, topic: &str) -> Option<u64> {
    retained.lock(topic).set(until(topic, b"x", Instant::NEVER), None, Instant::ZERO)
}

/// The topics of a replay, and how many pages it took.
fn replay_at(retained: &Retained, filter: &str, now: Instant) -> (Vec<String>, usize) {
    let (mut cursor, mut found, mut pages) = (Cursor::new(filter), Vec::new(), 1);
    while retained.next(&mut cursor, now, |message, _, _| found.push(message.as_ref().topic.to_owned())) {
        pages += 1;
        assert!(pages < 10_000, "the replay of {filter} does not end");
    }
    (found, pages)
}

fn replay(retained: &Retained, filter: &str) -> Vec<String> {
    replay_at(retained, filter, Instant::ZERO).0
}

#[test]
fn a_replay_finds_what_the_specification_says_in_the_order_of_levels() {
    const LEVELS: [&str; 7] = ["a", "b", "", "$x", "a\u{1}", "a!", "ab"];
    const PARTS: [&str; 7] = ["a", "b", "", "$x", "+", "+", "ab"];
    for seed in 0..100_u64 {
        let mut state = seed;
        let mut roll = |sides: usize| {
            state = crate::broker::state::mix(state);
            usize::try_from(state % sides as u64).unwrap()
        };
        let retained = Retained::new(seed, usize::MAX, usize::MAX);
        let mut topics: Vec<String> = Vec::new();
        for _ in 0..120 {
            let levels: Vec<_> = (0..=roll(4)).map(|_| LEVELS[roll(LEVELS.len())]).collect();
            let topic = levels.join("/");
            if roll(4) == 0 {
                retained.lock(&topic).clear();
                topics.retain(|other| *other != topic);
            } else if !topic.is_empty() {
                store(&retained, &topic).unwrap();
                topics.retain(|other| *other != topic);
                topics.push(topic);
            }
        }
        topics.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        assert_eq!(retained.len(), topics.len());
        assert_eq!(retained.bytes(), topics.iter().map(|topic| topic.len() + 1).sum::<usize>());
        for _ in 0..60 {
            let mut parts: Vec<_> = (0..=roll(4)).map(|_| PARTS[roll(PARTS.len())]).collect();
            if roll(3) == 0 {
                parts.push("#");
            }
            let text = parts.join("/");
            let Ok(filter) = TopicFilter::new(&text) else { continue };
            let mut expected = topics.clone();
            expected.retain(|topic| filter.matches(topic));
            assert_eq!(replay(&retained, &text), expected, "seed {seed}, filter {text:?}");
        }
        topics.iter().for_each(|topic| retained.lock(topic).clear());
        assert_eq!((retained.len(), retained.bytes()), (0, 0));
        assert!(retained.keys.read().is_empty());
    }
}

#[test]
fn a_replay_seeks_and_does_not_read_all() {
    let retained = Retained::new(1, usize::MAX, usize::MAX);
    for number in 0..20_000 {
        store(&retained, &format!("site/{number}/noise"));
    }
    store(&retained, "site/77/status");
    let pages = |filter| replay_at(&retained, filter, Instant::ZERO);
    assert_eq!(pages("other/#"), (vec![], 1), "nothing under other/ has to be looked at");
    assert_eq!(pages("site/77/+").0, ["site/77/noise", "site/77/status"]);
    assert_eq!(pages("site/77/status"), (vec!["site/77/status".into()], 1));
    let (found, pages) = pages("+/+/status");
    assert_eq!(found, ["site/77/status"]);
    assert!(pages <= 2 * 20_001 / PAGE + 1, "at most two looks a site: {pages} pages");
}

#[test]
fn a_page_is_bounded_and_a_replay_survives_what_changes_meanwhile() {
    let retained = Retained::new(1, usize::MAX, usize::MAX);
    let name = |number: usize| format!("t/{number:04}");
    (0..200).for_each(|number| assert!(store(&retained, &name(number)).is_some()));
    let (mut cursor, mut found) = (Cursor::new("t/+"), Vec::new());
    let mut next = |found: &mut Vec<String>| {
        retained.next(&mut cursor, Instant::ZERO, |message, _, _| {
            found.push(message.as_ref().topic.to_owned());
        })
    };
    assert!(next(&mut found));
    assert_eq!(found.len(), PAGE);
    // Both sides of the cursor: the one it stands on, the one after it, and new ones.
    retained.lock(&name(PAGE - 1)).clear();
    retained.lock(&name(PAGE)).clear();
    store(&retained, "t/0000a");
    store(&retained, "t/0100a");
    while next(&mut found) {}
    let mut expected: Vec<_> = (0..200).filter(|number| *number != PAGE).map(name).collect();
    expected.insert(100, "t/0100a".into());
    assert_eq!(found, expected);
}

#[test]
fn limits_are_kept() {
    let retained = Retained::new(1, 2, usize::MAX);
    assert_eq!(store(&retained, "a"), Some(1));
    assert_eq!(store(&retained, "b"), Some(2));
    assert_eq!(store(&retained, "c"), None);
    assert_eq!(store(&retained, "b"), Some(3));
    retained.lock("b").clear();
    assert_eq!((retained.len(), retained.bytes()), (1, 2));
    let retained = Retained::new(1, usize::MAX, 10);
    let put = |payload: &[u8]| {
        let message = until("t", payload, Instant::NEVER);
        retained.lock("t").set(message, None, Instant::ZERO).is_some()
    };
    assert!(put(b"12345678") && put(b"123456789"));
    assert!(!put(b"1234567890"));
    assert_eq!((retained.len(), retained.bytes()), (0, 0), "what was there is not the last message any more");
}

#[test]
fn a_crowd_of_topics_leaves_no_room_behind() {
    let retained = Retained::new(1, usize::MAX, usize::MAX);
    let topics: Vec<_> = (0..5_000).map(|number| format!("crowd/{number}")).collect();
    assert!(topics.iter().all(|topic| store(&retained, topic).is_some()));
    topics[1..].iter().for_each(|topic| retained.lock(topic).clear());
    let room: usize = retained.shards.iter().map(|shard| shard.lock().entries.capacity()).sum();
    assert!(room < 100, "there is still room for {room}");
    assert_eq!(replay(&retained, "#"), topics[..1]);
}

#[test]
fn expired_messages_are_not_seen_and_go() {
    let retained = Retained::new(1, usize::MAX, usize::MAX);
    let at = Instant::from_micros;
    let put =
        |topic: &str, expires, now| retained.lock(topic).set(until(topic, b"", at(expires)), None, at(now));
    let count = 2 * SWEEP;
    (0..count).for_each(|number| assert!(put(&format!("t/{number}"), 10, 0).is_some()));
    put("t/later", 20, 0);
    put("t/0", 20, 0);
    assert_eq!(replay_at(&retained, "t/#", at(9)).0.len(), count + 1);
    retained.expire(at(9));
    assert_eq!(retained.len(), count + 1);
    // Met by a replay of one topic.
    assert!(replay_at(&retained, "t/1", at(10)).0.is_empty());
    assert_eq!(retained.len(), count);
    // Whoever stores something makes room.
    put("t/0", 20, 10);
    assert!(retained.len() < count);
    while retained.len() > 2 {
        retained.expire(at(10));
    }
    assert_eq!(replay_at(&retained, "t/#", at(10)).0, ["t/0", "t/later"]);
    retained.expire(at(20));
    assert_eq!((retained.len(), retained.bytes()), (0, 0));
    assert!(retained.shards.iter().all(|shard| shard.lock().expiring.is_empty()));
}

#[test]
fn the_newest_message_is_never_lost_or_overtaken_under_contention() {
    const WRITERS: u64 = 4;
    const ROUNDS: u64 = 2_000;
    let retained = Retained::new(1, usize::MAX, usize::MAX);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let retained = &retained;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let own = format!("own/{writer}/{}", round % 7);
                    for topic in ["shared/topic", &own] {
                        let message = until(topic, &round.to_be_bytes(), Instant::NEVER);
                        assert!(retained.lock(topic).set(message, None, Instant::ZERO).is_some());
                    }
                    if round % 5 == 0 {
                        retained.lock(&own).clear();
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut last = 0;
            for _ in 0..ROUNDS {
                let mut cursor = Cursor::new("shared/+");
                retained.next(&mut cursor, Instant::ZERO, |_, _, sequence| {
                    assert!(sequence >= last, "a replay went back in time");
                    last = sequence;
                });
            }
        });
    });
    let mut found = Vec::new();
    while retained.next(&mut Cursor::new("shared/topic"), Instant::ZERO, |message, _, _| {
        found.push(message.as_ref().payload.to_vec());
    }) {}
    assert_eq!(found, [(ROUNDS - 1).to_be_bytes()], "the last to write is a writer's last round");
    let expected: usize =
        (0..WRITERS).map(|_| (0..7).filter(|slot| !last_of(*slot).is_multiple_of(5)).count()).sum();
    assert_eq!(retained.len(), expected + 1);
    assert_eq!(replay(&retained, "own/#").len(), expected);

    /// The last round that wrote this slot.
    fn last_of(slot: u64) -> u64 {
        (0..ROUNDS).rev().find(|round| round % 7 == slot).unwrap_or_default()
    }
}
