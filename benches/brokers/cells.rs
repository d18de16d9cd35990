//! The cells: what is measured of each broker.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Options;
use crate::broker::{Broker, Door, Kind, certificate};
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
    /// The same, for the megabytes that are resident at most.
    Flood(Vec<String>),
    /// What another generator sends, at this QoS.
    Foreign(u8),
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

/// Which run of this benchmark has a cell: the set that takes minutes, all that is named, the whole product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Set {
    Small,
    All,
    Every,
}

pub(crate) struct Cell {
    pub(crate) name: String,
    /// Empty for CPU-seconds per million messages.
    pub(crate) unit: &'static str,
    pub(crate) set: Set,
    /// Which of our own are compared, where it is not with others.
    pub(crate) own: &'static [Kind],
    door: Door,
    work: Work,
}

/// What more workers cost.
const WORKERS: &[Kind] = &[Kind::Workers(1), Kind::Workers(2)];

/// Every load at every QoS, size, door and version, in 3.1.1 with 16 bytes through a plain door unless its name says
/// otherwise. All that differ from that in one thing are of the second set.
fn loads(cells: &mut Vec<Cell>) {
    let loads = [
        ("1 pair", "pub-sub --clients 1"),
        ("10 pairs", "pub-sub --clients 10"),
        ("100 pairs", "pub-sub --clients 100"),
        ("fan-in 100:1", "fan-in"),
        ("fan-out 1:100", "fan-out"),
        ("fan-out 1:1000", "fan-out --subscribers 1000 --window 50"),
        ("shared 10:10", "shared"),
    ];
    let doors = [(Door::Plain, ""), (Door::Tls, ", TLS"), (Door::WebSocket, ", WebSocket")];
    for (load, words) in loads {
        for qos in 0..=2 {
            for (size, size_name) in [(16, ""), (256, ", 256 B"), (4096, ", 4 KiB")] {
                for (door, door_name) in doors {
                    for version in ["311", "5"] {
                        // Shared subscriptions are of MQTT 5; others have them in 3.1.1 only by an extension.
                        let is_usual = (version == "5") == load.starts_with("shared");
                        let differs = [size != 16, door != Door::Plain, !is_usual];
                        let differs = differs.iter().filter(|differs| **differs).count();
                        let is_small = match load {
                            "10 pairs" => qos < 2 || door == Door::Plain && is_usual,
                            "fan-in 100:1" | "shared 10:10" => qos == 1 && differs == 0,
                            "fan-out 1:100" => qos == 0 && differs == 0,
                            _ => false,
                        };
                        let set = match differs {
                            0 if is_small => Set::Small,
                            1 if is_small && door != Door::Plain && qos == 0 => Set::Small,
                            0 => Set::All,
                            1 if load == "10 pairs"
                                || door != Door::Plain && load.starts_with("fan-out 1:100") =>
                            {
                                Set::All
                            }
                            _ => Set::Every,
                        };
                        let version_name = match (is_usual, version) {
                            (true, _) => "",
                            (false, "5") => ", MQTT 5",
                            _ => ", MQTT 3.1.1",
                        };
                        cells.push(Cell {
                            name: format!("{load} QoS {qos}{size_name}{door_name}{version_name}"),
                            door,
                            set,
                            ..of_bench(&format!("{words} -q {qos} -V {version} -s {size}"), None)
                        });
                    }
                }
            }
        }
    }
}

fn split(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

fn of_bench(words: &str, others: Option<(Others, usize)>) -> Cell {
    Cell {
        name: String::new(),
        unit: "",
        set: Set::All,
        own: &[],
        door: Door::Plain,
        work: Work::Load(split(words), others),
    }
}

pub(crate) fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    loads(&mut cells);
    for (count, spoken) in [(1_000, "1,000"), (100_000, "100,000")] {
        for (others, kind) in [(Others::Exact, "exact"), (Others::Wildcard, "wildcard")] {
            let set = if count == 100_000 { Set::Small } else { Set::All };
            let cell = of_bench("pub-sub -V 311", Some((others, count)));
            cells.push(Cell { name: format!("10 pairs QoS 0 beside {spoken} {kind} filters"), set, ..cell });
        }
    }
    for (rate, spoken) in [(1_000, "1k"), (5_000, "5k"), (10_000, "10k")] {
        let cell = of_bench(&format!("pub-sub -V 311 --rate {rate}"), None);
        cells.push(Cell { name: format!("10 pairs QoS 0 at {spoken}/s"), set: Set::Small, ..cell });
    }
    for (load, words) in [("10 pairs", "pub-sub"), ("fan-out 1:100", "fan-out")] {
        for qos in 0..=1 {
            let set = if qos == 0 && load == "10 pairs" { Set::Small } else { Set::All };
            let cell = of_bench(&format!("{words} -q {qos} -V 311"), None);
            cells.push(Cell { name: format!("workers, {load} QoS {qos}"), set, own: WORKERS, ..cell });
        }
    }
    let mut other = |name: &str, unit, set, work| {
        let name = name.to_owned();
        cells.push(Cell { name, unit, set, own: &[], door: Door::Plain, work });
    };
    for qos in 0..=1 {
        let work = Work::Foreign(qos);
        other(&format!("another generator, QoS {qos}"), "", Set::All, work);
        let work = Work::Flood(split(&format!("fan-in -q {qos} -V 311 -s 256")));
        other(&format!("memory in a flood, fan-in 100:1 QoS {qos}"), "MB most", Set::All, work);
    }
    other("idle, with a subscription", "B each", Set::Small, Work::Idle(10_000, true));
    other("idle, without one", "B each", Set::Small, Work::Idle(10_000, false));
    other("idle, 18,000 with a subscription", "B each", Set::All, Work::Idle(18_000, true));
    other("idle, 18,000 without one", "B each", Set::All, Work::Idle(18_000, false));
    other("10,000 idle for 10 s", "CPU-s", Set::All, Work::Still(10_000));
    other("18,000 idle for 10 s", "CPU-s", Set::All, Work::Still(18_000));
    other("10,000 connects", "CPU-s", Set::Small, Work::Connects(10_000));
    other("start to accepting", "ms", Set::Small, Work::Start);
    other("resident without clients", "MB", Set::Small, Work::Empty);
    other("size of the program", "MB", Set::Small, Work::Size);
    cells
}

impl Cell {
    /// Whether another generator than ours is to be given for it.
    pub(crate) fn needs_generator(&self) -> bool {
        matches!(self.work, Work::Foreign(_))
    }

    /// One measurement, with a broker of its own; nothing where the broker has no such door, or there is no generator.
    pub(crate) fn measure(&self, kind: &Kind, options: &Options) -> Option<Figures> {
        if let Work::Size = self.work {
            return kind.size().map(|size| Figures::only(size as f64 / 1e6));
        }
        if !kind.has(self.door) || matches!(self.work, Work::Foreign(_)) && options.generator.is_none() {
            return None;
        }
        let broker = Broker::start(kind, self.door, matches!(self.work, Work::Foreign(_)));
        match &self.work {
            Work::Load(words, others) => load(&broker, self.door, words, *others, options),
            Work::Flood(words) => {
                let figures = load(&broker, self.door, words, None, options)?;
                Some(Figures { cost: broker.most_memory() / 1e6, ..figures })
            }
            Work::Foreign(qos) => foreign(&broker, *qos, options),
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
            Work::Connects(count) => Some(connects(&broker, *count)),
            Work::Start => Some(Figures::only(broker.took.as_secs_f64() * 1e3)),
            Work::Empty => Some(Figures::only(broker.memory() / 1e6)),
            Work::Size => None,
        }
    }
}

/// Connects and leaves, four at a time.
fn connects(broker: &Broker, count: usize) -> Figures {
    let (before, began, port, each) = (broker.cpu(), Instant::now(), broker.port, count / 4);
    let threads = (0..4).map(|thread| {
        std::thread::spawn(move || {
            (0..each).for_each(|number| drop(raw::client(port, &format!("c{thread}-{number}"))));
        })
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    let rate = count as f64 / began.elapsed().as_secs_f64();
    Figures { rate, ..Figures::only(broker.cpu() - before) }
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
    door: Door,
    words: &[String],
    others: Option<(Others, usize)>,
    options: &Options,
) -> Option<Figures> {
    let others = others.map(|(others, count)| beside(broker, others, count));
    let mut command = Command::new(env!("CARGO_BIN_EXE_skeeter"));
    command
        .args(["bench", "--rate", "max", "--window", "1000", "--quiet", "--json", "--no-sys"])
        .args(["--warm-up", "500ms"])
        .args(words)
        .args(["-L", &broker.url, "-d", &options.seconds.to_string()])
        .args(["--broker-pid", &broker.pid().to_string()]);
    if door == Door::Tls {
        command.arg("--cafile").arg(&certificate().0);
    }
    let output = command.stderr(Stdio::inherit()).output().unwrap();
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

/// A run of another generator: the broker's CPU time over the messages that it says it delivered.
fn foreign(broker: &Broker, qos: u8, options: &Options) -> Option<Figures> {
    let line = options.generator.as_ref()?;
    let line = line.replace("{port}", &broker.port.to_string()).replace("{qos}", &qos.to_string());
    let line = line.replace("{seconds}", &options.seconds.ceil().to_string());
    let (cpu, before, began) = (broker.cpu(), raw::delivered(broker.port), Instant::now());
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec {line}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // One that does not end by itself is ended.
    let end = began + Duration::from_secs_f64(options.seconds.ceil() + 10.0);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let (cpu, seconds) = (broker.cpu() - cpu, began.elapsed().as_secs_f64());
    let delivered = raw::delivered(broker.port) - before;
    let million = delivered / 1e6;
    Some(Figures { rate: delivered / seconds, ..Figures::only(cpu / million) })
}
