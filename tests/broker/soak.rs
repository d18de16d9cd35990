//! Churn of all kinds, after which the broker holds no more memory, descriptors, threads and state than after the warm-up.
//!
//! In every run of the tests some thousand clients come and go. An hour of it:
//! `SKEETER_SOAK_SECONDS=3600 cargo test --test broker soak -- --nocapture`.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::support::{Broker, Folder, PATIENCE, Raw, packet, publish4, subscribe4, text, wait_for};

/// Who churns at the same time.
const CHURNERS: usize = 2;
/// Rounds of each before the first measurement, and after it.
const WARM_UP: usize = 40;
const ROUNDS: usize = 80;
/// How often the client of a long session comes back in one round.
const RETURNS: usize = 40;
/// What may be there at the end, for each 100 after the warm-up.
const AT_MOST: usize = 110;
/// In the hour, seconds of the broker in which it gives back what only a peak took, before memory is measured.
const CALM: u64 = 12;
/// A day, as Session Expiry Interval and as Will Delay Interval.
const DAY: [u8; 4] = 86_400_u32.to_be_bytes();

/// What the broker tells of itself that churn must leave as it was.
const GAUGES: [&str; 6] = [
    "clients/total",
    "clients/connected",
    "subscriptions/count",
    "shared_subscriptions/count",
    "retained messages/count",
    "messages/stored",
];

/// What the broker's process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    memory: usize,
    descriptors: usize,
    threads: usize,
    gauges: [usize; GAUGES.len()],
}

fn count(broker: &Broker, folder: &str) -> usize {
    std::fs::read_dir(format!("/proc/{}/{folder}", broker.child.id())).unwrap().count()
}

/// Measures when the connections of the churn are gone, the gauges are the `expected` ones, if they are known, and the
/// broker has run for `calm` seconds more.
fn held(broker: &Broker, idle: usize, expected: Option<[usize; GAUGES.len()]>, calm: u64) -> Held {
    wait_for("the end of all connections", || (count(broker, "fd") <= idle).then_some(()));
    let mut watch = enter(broker, "watch", &Login::default());
    watch.send(&subscribe4(1, "$SYS/broker/#", 0));
    let (mut gauges, mut begun) = ([usize::MAX; GAUGES.len()], 0);
    let (mut began, mut uptime) = (None, 0);
    let end = Instant::now() + PATIENCE;
    // What is retained may be older than the end of the churn: two whole rounds after it count.
    while begun < 3
        || expected.is_some_and(|expected| gauges != expected)
        || began.is_none_or(|began| uptime < began + calm)
    {
        assert!(Instant::now() < end, "{GAUGES:?} are {gauges:?} instead of {expected:?}");
        let (first, body) = watch.packet();
        let Some((topic, payload)) = (first >> 4 == 3).then(|| body[2..].split_at(usize::from(body[1])))
        else {
            continue;
        };
        let name = std::str::from_utf8(topic).unwrap().trim_start_matches("$SYS/broker/");
        if name == "uptime" {
            uptime = std::str::from_utf8(payload).unwrap().trim_end_matches(" seconds").parse().unwrap();
            began.get_or_insert(uptime);
        }
        if let Some(place) = GAUGES.iter().position(|gauge| *gauge == name) {
            gauges[place] = std::str::from_utf8(payload).unwrap().parse().unwrap();
        }
        // It is published at the beginning of each round, as it always changes; others only when they change.
        begun += usize::from(name == "uptime" && first & 1 == 0);
    }
    drop(watch);
    wait_for("the end of the last connection", || (count(broker, "fd") <= idle).then_some(()));
    Held { memory: broker.memory(), descriptors: count(broker, "fd"), threads: count(broker, "task"), gauges }
}

/// What is in a CONNECT of MQTT 5 or 3.1.1.
#[derive(Default)]
struct Login<'a> {
    is_5: bool,
    keeps: bool,
    /// Its topic, and whether it is sent at once.
    will: Option<(&'a str, bool)>,
    wrong: bool,
    unknown: bool,
}

fn login(client: &str, login: &Login<'_>) -> Vec<u8> {
    let &Login { is_5, keeps, will, wrong, unknown } = login;
    let flags = 0xC0 | u8::from(!keeps) << 1 | if will.is_some() { 0x04 } else { 0 };
    let mut body = [&text("MQTT")[..], &[if is_5 { 5 } else { 4 }, flags, 0, 0]].concat();
    if is_5 {
        body.extend(if keeps { [&[5, 0x11][..], &DAY].concat() } else { vec![0] });
    }
    body.extend(text(client));
    if let Some((topic, at_once)) = will {
        if is_5 {
            body.extend(if at_once { vec![0] } else { [&[5, 0x18][..], &DAY].concat() });
        }
        body.extend([text(topic), text("gone")].concat());
    }
    body.extend(text(if unknown { "nobody" } else { "me" }));
    body.extend(text(if wrong { "wrong" } else { "secret" }));
    packet(0x10, &[&body])
}

fn enter(broker: &Broker, client: &str, as_this: &Login<'_>) -> Raw {
    let mut raw = broker.connect();
    raw.send(&login(client, as_this));
    let connack = raw.packet();
    assert_eq!((connack.0, connack.1[1]), (0x20, 0), "{client} is let in");
    raw
}

fn leave(mut raw: Raw) {
    raw.send(&[0xE0, 0]);
    let _ = raw.0.read_to_end(&mut Vec::new());
}

/// Publishes at QoS 1 and waits for the answer.
fn publish(publisher: &mut Raw, first: u8, topic: &str, id: u16, payload: &[u8]) {
    let mut publish = publish4(topic, 1, id, payload);
    publish[0] |= first;
    publisher.send(&publish);
    while publisher.packet().0 != 0x40 {}
}

/// Everything that clients do, once. `name` is new in each round: what is kept by names must be let go of.
fn round(broker: &Broker, name: &str, number: usize) {
    let plain = Login::default();
    let long = Login { is_5: true, keeps: true, ..plain };
    // Wills: sent, taken back, and delayed for longer than the test.
    enter(broker, &format!("{name}-gone"), &Login { will: Some(("will", true)), ..plain }).shut();
    leave(enter(broker, &format!("{name}-polite"), &Login { will: Some(("will", true)), ..plain }));
    let late = format!("{name}-late");
    enter(broker, &late, &Login { will: Some(("will", false)), ..long }).shut();
    // A long session that is left, taken up, taken over, and discarded while messages wait for it.
    let kept = format!("{name}-kept");
    let mut subscriber = enter(broker, &kept, &long);
    subscriber.send(&packet(0x82, &[&[0, 1, 0], &text(format!("{name}/#")), &[2], &text("will"), &[1]]));
    while subscriber.packet().0 != 0x90 {}
    (0..RETURNS).for_each(|_| leave(enter(broker, &kept, &long)));
    let heir = enter(broker, &kept, &long);
    subscriber.0.read_to_end(&mut Vec::new()).ok();
    drop(heir);
    // Retained messages of changing lengths, which are taken back.
    let mut publisher = enter(broker, &format!("{name}-publisher"), &plain);
    for id in 1..=10 {
        publish(&mut publisher, 1, &format!("{name}/{}", id % 5), id, &vec![b'r'; 10 + usize::from(id) * 50]);
    }
    (0..5).for_each(|topic| publish(&mut publisher, 1, &format!("{name}/{topic}"), 11, b""));
    // QoS 2 that is never released.
    let mut torn = enter(broker, &format!("{name}-torn"), &Login { keeps: true, ..plain });
    torn.send(&publish4(&format!("{name}/torn"), 2, 7, b"torn"));
    while torn.packet().0 != 0x50 {}
    torn.shut();
    for client in ["kept", "late", "torn"] {
        leave(enter(broker, &format!("{name}-{client}"), &plain));
    }
    crowd(broker, name, &mut publisher);
    strangers(broker, name, number);
}

/// A shared group, and slow readers.
fn crowd(broker: &Broker, name: &str, publisher: &mut Raw) {
    let plain = Login::default();
    let mut members: Vec<_> = (0..3)
        .map(|member| {
            let mut raw = enter(broker, &format!("{name}-member-{member}"), &plain);
            raw.send(&subscribe4(1, &format!("$share/{name}/{name}/shared"), 1));
            raw.expect(&[0x90, 3, 0, 1, 1]);
            raw
        })
        .collect();
    (20..40).for_each(|id| publish(publisher, 0, &format!("{name}/shared"), id, b"to one"));
    // Who has acknowledged nothing leaves it to the others.
    members.pop();
    let mut slow = enter(broker, &format!("{name}-slow"), &plain);
    let topic = format!("{name}/flood");
    slow.send(&subscribe4(1, &topic, 0));
    slow.expect(&[0x90, 3, 0, 1, 0]);
    (0..4).for_each(|_| publisher.send(&publish4(&topic, 0, 0, &[b'f'; 100_000])));
    let _ = publisher.ping();
}

/// Those who do not come in.
fn strangers(broker: &Broker, name: &str, number: usize) {
    // Not in each round: it costs as much time as all else together.
    if number.is_multiple_of(8) {
        for (wrong, unknown) in [(true, false), (true, true)] {
            let mut stranger = broker.connect();
            stranger.send(&login(&format!("{name}-stranger"), &Login { wrong, unknown, ..Login::default() }));
            stranger.expect(&[0x20, 2, 0, 4]);
            stranger.expect_closed();
        }
    }
    let mut noise = broker.connect();
    let _ = noise.0.write_all(b"GET / HTTP/1.1\r\n\r\n");
    let _ = noise.0.read_to_end(&mut Vec::new());
    let mut half = broker.connect();
    half.send(&login(name, &Login::default())[..9]);
    drop((broker.connect(), half));
}

/// Rounds by all churners until `number` of each are done and `end` has come; the number of the last one.
fn churn(broker: &Broker, from: usize, number: usize, end: Option<Instant>) -> usize {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CHURNERS)
            .map(|churner| {
                scope.spawn(move || {
                    let mut done = from;
                    while done < from + number || end.is_some_and(|end| Instant::now() < end) {
                        round(broker, &format!("c{churner}-{done}"), done);
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap()
    })
}

fn soak(flags: &[&str]) {
    let seconds: Option<u64> = std::env::var("SKEETER_SOAK_SECONDS").ok().map(|text| text.parse().unwrap());
    let flags =
        [&["--user", "me:secret", "--max-failed-logins", "0", "--sys-interval", "1", "--quiet"], flags];
    let broker = Broker::start(&flags.concat());
    let idle = count(&broker, "fd");
    let warm =
        churn(&broker, 0, WARM_UP, seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds / 60)));
    let calm = if seconds.is_some() { CALM } else { 0 };
    let before = held(&broker, idle, None, calm);
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let rounds = churn(&broker, warm, ROUNDS, end);
    let mut after = held(&broker, idle, Some(before.gauges), calm);
    // What only a peak took is given back within seconds; what leaks is not.
    let end = Instant::now() + PATIENCE;
    while after.memory * 100 > before.memory * AT_MOST && Instant::now() < end {
        after = held(&broker, idle, Some(before.gauges), 0);
    }
    println!("{flags:?}: after {warm} rounds {before:?}, after {rounds} {after:?}");
    let within = |before: usize, after: usize| after * 100 <= before * AT_MOST;
    assert!(within(before.memory, after.memory), "memory: {before:?}, then {after:?}");
    assert!(within(before.descriptors, after.descriptors), "descriptors: {before:?}, then {after:?}");
    assert!(within(before.threads, after.threads), "threads: {before:?}, then {after:?}");
    assert!(enter(&broker, "canary", &Login::default()).ping().is_empty());
}

#[test]
fn churn_leaks_nothing() {
    soak(&[]);
}

#[test]
fn churn_leaks_nothing_with_a_store() {
    let folder = Folder::new();
    let directory = folder.file("data");
    soak(&["--data-dir", directory.to_str().unwrap(), "--durability", "interval=100ms"]);
}
