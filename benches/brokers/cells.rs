//! The cells: what is measured of each broker.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Options;
use crate::broker::{Broker, Kind};
use crate::raw;

/// What one measurement gave. What it has no figure for, is not a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// In the unit of the cell.
    pub(crate) cost: f64,
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) lost: u64,
}

impl Figures {
    fn only(cost: f64) -> Self {
        Self { cost, rate: f64::NAN, p50: f64::NAN, p99: f64::NAN, lost: 0 }
    }
}

/// How others subscribe meanwhile.
#[derive(Clone, Copy, Debug)]
enum Others {
    Exact,
    Wildcard,
}

enum Work {
    /// Flags of `skeeter bench`, and how many others subscribe.
    Load(Vec<String>, Option<(Others, usize)>),
    /// Connections that do nothing, with or without a subscription: bytes of each.
    Idle(usize, bool),
    /// CPU-seconds that so many idle connections cost in ten.
    Still(usize),
    /// CPU-seconds of so many connects.
    Connects(usize),
    /// Milliseconds until it takes a connection.
    Start,
    /// Megabytes that are resident without any connection.
    Empty,
    /// Megabytes of the program.
    Size,
}

pub(crate) struct Cell {
    pub(crate) name: String,
    /// Empty for CPU-seconds per million messages.
    pub(crate) unit: &'static str,
    /// Whether it is of the set that takes minutes.
    pub(crate) is_small: bool,
    work: Work,
}

/// `{3.1.1, QoS 0, 16 B}` unless said otherwise.
pub(crate) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut load = |name: String, words: &str, is_small: bool, others| {
        let words = words.split_whitespace().map(str::to_owned).collect();
        cells.push(Cell { name, unit: "", is_small, work: Work::Load(words, others) });
    };
    for qos in 0..=2 {
        for pairs in [1, 10, 100] {
            let words = format!("pub-sub --clients {pairs} -q {qos} -V 311");
            load(format!("{pairs} pairs QoS {qos}"), &words, pairs == 10, None);
        }
        load(format!("10 pairs QoS {qos}, MQTT 5"), &format!("pub-sub -q {qos} -V 5"), false, None);
        for (size, name) in [(256, "256 B"), (4096, "4 KiB")] {
            load(
                format!("10 pairs QoS {qos}, {name}"),
                &format!("pub-sub -q {qos} -V 311 -s {size}"),
                false,
                None,
            );
        }
        load(format!("fan-in 100:1 QoS {qos}"), &format!("fan-in -q {qos} -V 311"), qos == 1, None);
        load(format!("fan-out 1:100 QoS {qos}"), &format!("fan-out -q {qos} -V 311"), qos == 0, None);
        load(
            format!("fan-out 1:1000 QoS {qos}"),
            &format!("fan-out --subscribers 1000 -q {qos} -V 311"),
            false,
            None,
        );
        load(format!("shared 10:10 QoS {qos}"), &format!("shared -q {qos} -V 5"), qos == 1, None);
    }
    for count in [1_000, 100_000] {
        for others in [Others::Exact, Others::Wildcard] {
            let name = format!("10 pairs beside {count} {others:?}");
            load(name, "pub-sub -V 311", count == 100_000, Some((others, count)));
        }
    }
    for rate in [1_000, 5_000, 10_000] {
        let words = format!("pub-sub -V 311 --rate {rate}");
        load(format!("10 pairs QoS 0 at {rate}/s"), &words, rate == 5_000, None);
    }
    let mut other =
        |name: &str, unit, is_small, work| cells.push(Cell { name: name.to_owned(), unit, is_small, work });
    other("idle, with a subscription", "B each", true, Work::Idle(10_000, true));
    other("idle, without one", "B each", true, Work::Idle(10_000, false));
    other("idle, 18,000", "B each", false, Work::Idle(18_000, false));
    other("10,000 idle for 10 s", "CPU-s", false, Work::Still(10_000));
    other("10,000 connects", "CPU-s", true, Work::Connects(10_000));
    other("start to accepting", "ms", true, Work::Start);
    other("resident without clients", "MB", true, Work::Empty);
    other("size of the program", "MB", true, Work::Size);
    cells
}

impl Cell {
    /// One measurement, with a broker of its own.
    pub(crate) fn measure(&self, kind: &Kind, options: &Options) -> Option<Figures> {
        if let Work::Size = self.work {
            return kind.size().map(|size| Figures::only(size as f64 / 1e6));
        }
        let broker = Broker::start(kind);
        match &self.work {
            Work::Load(words, others) => load(&broker, words, *others, options),
            Work::Idle(count, subscribes) => {
                // What the first connections make it set up, is not theirs.
                let warm = idle(&broker, 0..100, *subscribes);
                let before = broker.memory();
                let open = idle(&broker, 100..100 + *count, *subscribes);
                let bytes = (broker.memory() - before) / *count as f64;
                drop((warm, open));
                Some(Figures::only(bytes))
            }
            Work::Still(count) => {
                let open = idle(&broker, 0..*count, true);
                let before = broker.cpu();
                std::thread::sleep(Duration::from_secs(10));
                let cpu = broker.cpu() - before;
                drop(open);
                Some(Figures::only(cpu))
            }
            Work::Connects(count) => {
                let (before, port, each) = (broker.cpu(), broker.port, count / 4);
                let threads = (0..4).map(|thread| {
                    std::thread::spawn(move || {
                        (0..each).for_each(|number| drop(raw::client(port, &format!("c{thread}-{number}"))));
                    })
                });
                threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
                Some(Figures::only(broker.cpu() - before))
            }
            Work::Start => Some(Figures::only(broker.took.as_secs_f64() * 1e3)),
            Work::Empty => Some(Figures::only(broker.memory() / 1e6)),
            Work::Size => None,
        }
    }
}

/// Connections that have sent and received once.
fn idle(broker: &Broker, numbers: std::ops::Range<usize>, subscribes: bool) -> Vec<TcpStream> {
    let open = |number: usize| {
        let mut stream = raw::client(broker.port, &format!("idle{number}"));
        if subscribes {
            raw::subscribe(&mut stream, &[format!("idle/{number}")]);
        }
        raw::ping(&mut stream);
        stream
    };
    numbers.map(open).collect()
}

/// Subscriptions that match nothing of the load, a thousand of each client.
fn beside(broker: &Broker, others: Others, count: usize) -> Vec<TcpStream> {
    let clients = (0..count.div_ceil(1_000)).map(|client| {
        let mut stream = raw::client(broker.port, &format!("other{client}"));
        for hundred in 0..10 {
            let filters = (0..100).map(|number| {
                let number = client * 1_000 + hundred * 100 + number;
                match others {
                    Others::Exact => format!("site/{}/room/{}/status", number / 100, number % 100),
                    Others::Wildcard => format!("site/{}/+/{}/#", number / 100, number % 100),
                }
            });
            raw::subscribe(&mut stream, &filters.collect::<Vec<_>>());
        }
        stream
    });
    clients.collect()
}

/// A run of `skeeter bench`; as fast as it goes unless a rate is given.
fn load(
    broker: &Broker,
    words: &[String],
    others: Option<(Others, usize)>,
    options: &Options,
) -> Option<Figures> {
    let others = others.map(|(others, count)| beside(broker, others, count));
    let output = Command::new(env!("CARGO_BIN_EXE_skeeter"))
        .args([
            "bench",
            "--rate",
            "max",
            "--window",
            "1000",
            "--quiet",
            "--json",
            "--no-sys",
            "--warm-up",
            "500ms",
        ])
        .args(words)
        .args(["-h", "127.0.0.1", "-p", &broker.port.to_string(), "-d", &options.seconds.to_string()])
        .args(["--broker-pid", &broker.pid().to_string()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    drop(others);
    let document: Value = serde_json::from_slice(&output.stdout).ok()?;
    let run = &document["runs"][0];
    let time = |name: &str| run["latency_us"][name].as_f64().unwrap_or(f64::NAN);
    Some(Figures {
        cost: run["broker"]["cpu_seconds_per_million"].as_f64().unwrap_or(f64::NAN),
        rate: run["rate_received"].as_f64()?,
        p50: time("p50"),
        p99: time("p99"),
        lost: run["lost"].as_u64()?,
    })
}
