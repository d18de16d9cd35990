//! Instructions that the path of a message takes: decode, match, route and encode, counted by callgrind, so that the figures
//! do not move with what else the machine does.
//!
//! `cargo bench --bench instructions`; needs valgrind. Each step runs some thousand times and twice as often; the difference,
//! over the number, is one step without what surrounds it. Nothing here passes or fails.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first thing that fails")]

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;

use skeeter::broker::index::SubscriptionIndex;
use skeeter::broker::{Broker, Connection, Counters, Durability, Limits, Rights, Turn};
use skeeter::codec::head::PublishHead;
use skeeter::codec::packet::{Ack, Packet, PacketId, Version};
use skeeter::codec::reason::Reason;
use skeeter::codec::{self, frame};
use skeeter::message::QoS;
use skeeter::time::Instant;

const TIMES: u64 = 2_000;
const TOPIC: &str = "site/7/room/3/status";

/// Its name, and what it does so many times.
type Step = (&'static str, fn(u64));

const STEPS: [Step; 12] = [
    ("decode PUBLISH 3.1.1, QoS 0, 16 B", |times| decode(Version::V3_1_1, QoS::AtMostOnce, times)),
    ("decode PUBLISH 5, QoS 1, 16 B", |times| decode(Version::V5, QoS::AtLeastOnce, times)),
    ("decode PUBACK 5", decode_puback),
    ("encode head 3.1.1, QoS 0", |times| head(Version::V3_1_1, QoS::AtMostOnce, times)),
    ("encode head 5, QoS 1", |times| head(Version::V5, QoS::AtLeastOnce, times)),
    ("encode PUBACK 5", encode_puback),
    ("match 1 of 1", |times| matching(0, times)),
    ("match 2 beside 100,000", |times| matching(100_000, times)),
    ("route 1:1 QoS 0, one in a burst", |times| route(1, 1, QoS::AtMostOnce, times)),
    ("route 1:1 QoS 0, of a burst of 100", |times| route(1, 100, QoS::AtMostOnce, times)),
    ("route 1:1 QoS 1, of a burst of 20", |times| route(1, 20, QoS::AtLeastOnce, times)),
    ("route 1:100 QoS 0, of a burst of 10", |times| route(100, 10, QoS::AtMostOnce, times)),
];

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, run, name, times] = &words[..]
        && run == "--run"
    {
        let (_, step) = STEPS.iter().find(|(step, _)| step == name).unwrap();
        step(times.parse().unwrap());
        return;
    }
    let valgrind = Command::new("valgrind").arg("--version").output();
    assert!(valgrind.is_ok(), "valgrind is not installed: apt-get install valgrind");
    println!("{:<40}{:>14}", "step", "instructions");
    for (name, _) in STEPS {
        let (once, twice) = (count(name, TIMES), count(name, 2 * TIMES));
        println!("{name:<40}{:>14.0}", (twice as f64 - once as f64) / TIMES as f64);
    }
}

/// Instructions of this program while it does a step so many times.
fn count(name: &str, times: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--run", name, &times.to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {text}");
    let line = text.lines().find(|line| line.contains("Collected :")).unwrap_or_else(|| panic!("{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn publish(version: Version, qos: QoS, id: u16) -> Vec<u8> {
    let mut out = Vec::new();
    let packet_id = (qos != QoS::AtMostOnce).then(|| PacketId::new(id).unwrap());
    head_of(version, qos, packet_id).write(&[], 16, &mut out);
    out.extend([b'x'; 16]);
    out
}

fn head_of(version: Version, qos: QoS, packet_id: Option<PacketId>) -> PublishHead<'static> {
    PublishHead {
        version,
        dup: false,
        qos,
        retain: false,
        topic: TOPIC,
        alias: None,
        packet_id,
        expiry: None,
        subscription_ids: &[],
    }
}

fn decode(version: Version, qos: QoS, times: u64) {
    let bytes = publish(version, qos, 7);
    for _ in 0..times {
        let frame = frame::cut(black_box(&bytes), 1 << 20).unwrap().unwrap();
        black_box(codec::decode(version, frame).unwrap());
    }
}

fn puback() -> Packet<'static> {
    Packet::Puback(Ack::new(PacketId::new(7).unwrap(), Reason::SUCCESS))
}

fn decode_puback(times: u64) {
    let mut bytes = Vec::new();
    codec::encode(Version::V5, &puback(), &mut bytes);
    for _ in 0..times {
        let frame = frame::cut(black_box(&bytes), 1 << 20).unwrap().unwrap();
        black_box(codec::decode(Version::V5, frame).unwrap());
    }
}

fn encode_puback(times: u64) {
    let mut out = Vec::with_capacity(64);
    for _ in 0..times {
        out.clear();
        codec::encode(Version::V5, black_box(&puback()), &mut out);
        black_box(&out);
    }
}

fn head(version: Version, qos: QoS, times: u64) {
    let mut out = Vec::with_capacity(256);
    let id = (qos != QoS::AtMostOnce).then(|| PacketId::new(7).unwrap());
    for _ in 0..times {
        out.clear();
        black_box(head_of(version, qos, id)).write(&[], 16, &mut out);
        black_box(&out);
    }
}

fn matching(others: u64, times: u64) {
    let index = SubscriptionIndex::new(7);
    for number in 0..others {
        index.subscribe(number, &format!("site/{}/+/{}/#", number / 100, number % 100), number);
    }
    index.subscribe(u64::MAX, TOPIC, 1);
    for _ in 0..times {
        index.matching(black_box(TOPIC), |subscriber| {
            black_box(subscriber);
        });
    }
}

/// A client of 3.1.1 that is let in; what it is sent is thrown away.
struct Client(Connection);

impl Client {
    fn new(broker: &Arc<Broker>, name: &str, turn: &mut Turn) -> Self {
        let mut client = Self(Connection::new(broker.clone(), "bench".into(), turn.now));
        let mut connect = vec![0x10, 12 + name.len() as u8, 0, 4];
        connect.extend(b"MQTT\x04\x02\0\0\0");
        connect.push(name.len() as u8);
        connect.extend(name.as_bytes());
        client.send(&connect, turn);
        client
    }

    fn send(&mut self, bytes: &[u8], turn: &mut Turn) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.0.receive(rest, turn);
            rest = &rest[used..];
            self.0.poll(turn);
            self.drain(turn);
        }
    }

    fn drain(&mut self, turn: &mut Turn) {
        let len = self.0.output().len();
        self.0.written(len, turn);
    }
}

fn route(subscribers: usize, burst: u64, qos: QoS, times: u64) {
    let broker = Arc::new(Broker::new(Limits::default(), Rights::new(Vec::new()), Durability::Off, 7));
    let mut turn = Turn::new(Arc::new(Counters::default()), &broker);
    turn.now = Instant::from_micros(1_000_000);
    let mut receivers: Vec<Client> = (0..subscribers)
        .map(|number| {
            let mut client = Client::new(&broker, &format!("s{number}"), &mut turn);
            let mut subscribe = vec![0x82, 5 + TOPIC.len() as u8, 0, 1, 0, TOPIC.len() as u8];
            subscribe.extend(TOPIC.as_bytes());
            subscribe.push(qos.bits());
            client.send(&subscribe, &mut turn);
            client
        })
        .collect();
    let mut publisher = Client::new(&broker, "p", &mut turn);
    let bytes: Vec<u8> =
        (1..=burst).flat_map(|id| publish(Version::V3_1_1, qos, u16::try_from(id).unwrap())).collect();
    let mut id = 0_u16;
    for _ in 0..times / burst {
        publisher.send(&bytes, &mut turn);
        for client in &mut receivers {
            client.0.poll(&mut turn);
            client.drain(&mut turn);
            if qos == QoS::AtLeastOnce {
                // Identifiers of what was sent go up one by one.
                let mut answers = Vec::new();
                for _ in 0..burst {
                    id = if id == u16::MAX { 1 } else { id + 1 };
                    answers.extend([0x40, 2]);
                    answers.extend(id.to_be_bytes());
                }
                client.send(&answers, &mut turn);
            }
        }
        turn.wake();
        turn.events.clear();
    }
}
