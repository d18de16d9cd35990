//! `kill -9` again and again, under load, also while it starts: everything acknowledged arrives, nothing at QoS 2 twice,
//! and in order.
//!
//! Some seconds by default; `SKEETER_CRASH_SECONDS` makes it longer. The clients keep their own session state, as the
//! standard asks of them, and speak bytes by hand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::{
    Folder, Lines, PATIENCE, Raw, connect4, packet, publish4, skeeter, subscribe4, wait_for,
};

const PUBLISHERS: u16 = 4;
const WINDOW: usize = 12;

/// What everybody knows: where the broker is, and when to stop.
#[derive(Default)]
struct World {
    port: AtomicU16,
    enough: AtomicBool,
    over: AtomicBool,
    /// The last message that was acknowledged, by publisher and QoS.
    acknowledged: Mutex<BTreeMap<(u16, u8), u32>>,
}

impl World {
    fn connect(&self) -> Option<Raw> {
        let stream = TcpStream::connect(("127.0.0.1", self.port.load(Ordering::Acquire))).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Raw(stream))
    }

    /// Connects until it succeeds; nothing once all is over.
    fn session(&self, client: &str) -> Option<(Raw, bool)> {
        while !self.over.load(Ordering::Acquire) {
            if let Some(mut raw) = self.connect()
                && write(&mut raw, &connect4(client, false))
                && let Some((0x20, body)) = raw.try_packet()
            {
                assert_eq!(body[1], 0, "{client} is let in");
                return Some((raw, body[0] == 1));
            }
            std::thread::park_timeout(Duration::from_millis(3));
        }
        None
    }
}

fn write(raw: &mut Raw, bytes: &[u8]) -> bool {
    std::io::Write::write_all(&mut raw.0, bytes).is_ok()
}

/// One message of a publisher that is not finished.
struct Open {
    id: u16,
    qos: u8,
    number: u32,
    /// Whether PUBREC has come.
    received: bool,
}

fn publish(world: &World, me: u16) {
    let (mut open, mut numbers, mut id) = (VecDeque::<Open>::new(), [0_u32; 3], 0_u16);
    let topic = |qos: u8| format!("c/{me}/{qos}");
    let mut first = true;
    'connections: while let Some((mut raw, resumed)) = world.session(&format!("p{me}")) {
        assert!(first || resumed, "the session of p{me} is lost");
        first = false;
        for Open { id, qos, number, received } in &open {
            let mut bytes = match received {
                true => packet(0x62, &[&id.to_be_bytes()]),
                false => publish4(&topic(*qos), *qos, *id, number.to_string().as_bytes()),
            };
            bytes[0] |= if *received { 0 } else { 8 };
            if !write(&mut raw, &bytes) {
                continue 'connections;
            }
        }
        loop {
            while open.len() < WINDOW && !world.enough.load(Ordering::Acquire) {
                id = id % 60_000 + 1;
                let qos = 1 + u8::from(id % 2 == 0);
                numbers[usize::from(qos)] += 1;
                let number = numbers[usize::from(qos)];
                open.push_back(Open { id, qos, number, received: false });
                if !write(&mut raw, &publish4(&topic(qos), qos, id, number.to_string().as_bytes())) {
                    continue 'connections;
                }
            }
            if open.is_empty() {
                return;
            }
            let Some((kind, body)) = raw.try_packet() else { continue 'connections };
            let answered = u16::from_be_bytes([body[0], body[1]]);
            let Some(position) = open.iter().position(|open| open.id == answered) else { continue };
            if kind == 0x50 {
                open[position].received = true;
                if !write(&mut raw, &packet(0x62, &[&body[..2]])) {
                    continue 'connections;
                }
            }
            let done = matches!(kind, 0x40 | 0x70);
            let Open { qos, number, .. } = open[position];
            // PUBREC already is a promise.
            if done || kind == 0x50 {
                let mut acknowledged = world.acknowledged.lock().unwrap();
                let last = acknowledged.entry((me, qos)).or_default();
                *last = (*last).max(number);
            }
            if done {
                open.remove(position);
            }
        }
    }
}

/// What a subscriber got, by topic, in order.
type Got = Arc<Mutex<BTreeMap<String, Vec<u32>>>>;

fn subscribe(world: &World, client: &str, got: &Got) {
    let (mut held, mut subscribed) = (BTreeSet::<u16>::new(), false);
    while let Some((mut raw, resumed)) = world.session(client) {
        if !subscribed {
            if !write(&mut raw, &subscribe4(1, "c/#", 2)) {
                continue;
            }
        } else {
            assert!(resumed, "the session of {client} is lost");
        }
        while let Some((first, body)) = raw.try_packet() {
            let id_of = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
            let answer = match first >> 4 {
                9 => {
                    subscribed = true;
                    got.lock().unwrap().entry(String::new()).or_default();
                    continue;
                }
                3 => {
                    let end = 2 + usize::from(id_of(&body));
                    let topic = String::from_utf8(body[2..end].to_vec()).unwrap();
                    let (qos, id) = (first >> 1 & 3, id_of(&body[end..]));
                    let number = std::str::from_utf8(&body[end + 2..]).unwrap().parse().unwrap();
                    if qos == 1 || held.insert(id) {
                        got.lock().unwrap().entry(topic).or_default().push(number);
                    }
                    packet(if qos == 1 { 0x40 } else { 0x50 }, &[&id.to_be_bytes()])
                }
                6 => {
                    held.remove(&id_of(&body));
                    packet(0x70, &[&body[..2]])
                }
                _ => panic!("{client} got {first:02x} {body:02x?}"),
            };
            if !write(&mut raw, &answer) {
                break;
            }
        }
    }
}

/// Starts a broker; with `patience` it becomes ready, without it is killed at some moment of its start.
fn start(directory: &Path, patience: Option<&World>, millis: u64) -> Option<Child> {
    let mut child = skeeter()
        .args(["broker", "-p", "0", "-q", "--data-dir", directory.to_str().unwrap()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let Some(world) = patience else {
        std::thread::park_timeout(Duration::from_millis(millis));
        child.kill().unwrap();
        child.wait().unwrap();
        return None;
    };
    let lines = Lines::of(child.stdout.take().unwrap());
    let line = lines.wait_line("listening on");
    world.port.store(line.rsplit(':').next().unwrap().parse().unwrap(), Ordering::Release);
    Some(child)
}

#[test]
fn everything_acknowledged_survives_kill_after_kill() {
    let seconds = std::env::var("SKEETER_CRASH_SECONDS").map_or(8, |text| text.parse().unwrap());
    let (folder, world) = (Folder::new(), Arc::new(World::default()));
    let directory = folder.file("data");
    let got: Vec<(String, Got)> = ["s1", "s2"].map(|client| (client.to_owned(), Got::default())).into();
    let mut broker = start(&directory, Some(&world), 0).unwrap();
    let subscribers: Vec<_> = got
        .iter()
        .cloned()
        .map(|(client, got)| {
            let world = world.clone();
            std::thread::spawn(move || subscribe(&world, &client, &got))
        })
        .collect();
    wait_for("the subscriptions", || {
        got.iter().all(|(_, got)| !got.lock().unwrap().is_empty()).then_some(())
    });
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|me| {
            let world = world.clone();
            std::thread::spawn(move || publish(&world, me))
        })
        .collect();
    let (end, mut kills, mut random) = (Instant::now() + Duration::from_secs(seconds), 0, 7_u64);
    while Instant::now() < end {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::park_timeout(Duration::from_millis(40 + (random >> 33) % 300));
        broker.kill().unwrap();
        broker.wait().unwrap();
        if random >> 40 & 3 == 0 {
            start(&directory, None, (random >> 20) % 30);
        }
        broker = start(&directory, Some(&world), 0).unwrap();
        kills += 1;
    }
    world.enough.store(true, Ordering::Release);
    publishers.into_iter().for_each(|publisher| publisher.join().unwrap());
    let acknowledged = world.acknowledged.lock().unwrap().clone();
    let all: u32 = acknowledged.values().sum();
    for (client, got) in &got {
        wait_for(&format!("the last messages for {client}"), || {
            let got = got.lock().unwrap();
            let arrived = |((me, qos), last): (&(u16, u8), &u32)| {
                got.get(&format!("c/{me}/{qos}")).is_some_and(|numbers| numbers.contains(last))
            };
            acknowledged.iter().all(arrived).then_some(())
        });
    }
    world.over.store(true, Ordering::Release);
    broker.kill().unwrap();
    broker.wait().unwrap();
    subscribers.into_iter().for_each(|subscriber| subscriber.join().unwrap());
    for (client, got) in &got {
        let got = got.lock().unwrap();
        for ((me, qos), last) in &acknowledged {
            let numbers = &got[&format!("c/{me}/{qos}")];
            let what = format!("{client}, topic c/{me}/{qos}");
            let mut seen = BTreeSet::new();
            let firsts: Vec<u32> = numbers.iter().copied().filter(|number| seen.insert(*number)).collect();
            assert!(*qos == 1 || firsts.len() == numbers.len(), "{what}: something came twice: {numbers:?}");
            let expected: Vec<u32> = (1..=*last).collect();
            assert_eq!(firsts, expected, "{what}: something is missing or out of order");
        }
    }
    println!("{kills} kills, {all} messages acknowledged and received twice");
    assert!(kills >= seconds && all > 100, "{kills} kills, {all} messages: too little to prove anything");
}
