//! The report of a run: a table for people, or JSON.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::{Value, json};

use super::run::Run;
use crate::bench::plan::Scenario;
use crate::bench::tally::{Percentile, Times};
use crate::bench::threshold::{Measure, Measured, Threshold};
use crate::bench::verdict::{Evidence, Verdict};

/// The version of the JSON; raised when a field changes its meaning or goes.
pub(super) const SCHEMA: u32 = 1;
const PERCENTILES: [(&str, f64); 6] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99), ("p99.999", 99.999)];
/// Columns of the picture of the latencies.
const COLUMNS: u32 = 60;
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What the run cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub(super) seconds: f64,
    /// CPU-seconds.
    pub(super) generator: f64,
    /// CPU-seconds, and bytes of resident memory at the end.
    pub(super) broker: Option<(f64, u64)>,
}

pub(super) struct Report {
    settings: Settings,
    sent: u64,
    expected: u64,
    received: u64,
    duplicates: u64,
    /// In a shared group there is no order to keep.
    reordered: Option<u64>,
    corrupt: u64,
    refused: u64,
    /// Messages a second, sent and received while it was measured.
    rates: (f64, f64),
    latency: Times,
    acknowledgement: Times,
    lateness: Option<Times>,
    connect: Times,
    used: Used,
    verdict: Verdict,
    conditions: Vec<(Threshold, bool)>,
    pub(super) failures: Vec<String>,
    pub(super) failed: u64,
}

/// What was asked for.
struct Settings {
    scenario: &'static str,
    publishers: usize,
    subscribers: usize,
    qos: u8,
    size: usize,
    rate: Option<f64>,
    window: u64,
    duration: f64,
    warm_up: f64,
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
impl Report {
    pub(super) fn new(run: &Run, conditions: &[Threshold], connect: Times, used: Used) -> Self {
        let seen = &run.seen;
        let seconds = used.seconds.min(run.finish() as f64 / 1e6) - run.warm_up.as_secs_f64();
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let sum = |read: fn(&crate::bench::tally::Tally) -> u64| -> u64 {
            seen.tallies.iter().map(|tally| read(&tally.borrow())).sum()
        };
        let (expected, received) = (run.expected(), run.received());
        let mut latency = seen.latency.borrow().clone();
        latency.lost = expected - received.min(expected);
        let evidence = Evidence {
            generator: used.generator / used.seconds,
            broker: used.broker.map(|(cpu, _)| cpu / used.seconds),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            sent: run.sent(),
            late: seen.late.get(),
            blocked: seen.blocked.get(),
        };
        let mut report = Self {
            settings: Settings::of(run),
            sent: run.sent(),
            expected,
            received,
            duplicates: sum(|tally| tally.duplicates),
            reordered: (run.plan.scenario != Scenario::Shared).then(|| sum(|tally| tally.reordered)),
            corrupt: sum(|tally| tally.corrupt),
            refused: seen.refused.get(),
            rates: (rate(seen.sent_measured.get()), rate(seen.received_measured.get())),
            latency,
            acknowledgement: seen.acknowledgement.borrow().clone(),
            lateness: run.plan.rate.map(|_| seen.lateness.borrow().clone()),
            connect,
            used,
            verdict: Verdict::new(evidence),
            conditions: Vec::new(),
            failures: seen.failures.borrow().clone(),
            failed: seen.failed.get(),
        };
        report.conditions = conditions
            .iter()
            .cloned()
            .map(|condition| {
                let holds = condition.holds(report.measured(condition.measure));
                (condition, holds)
            })
            .collect();
        report
    }

    fn measured(&self, measure: Measure) -> Measured {
        Measured::Number(match measure {
            Measure::Latency(percent) if percent >= 100.0 => return Measured::Percentile(self.latency.max()),
            Measure::Latency(percent) => return Measured::Percentile(self.latency.percentile(percent)),
            Measure::Loss => self.latency.lost as f64,
            Measure::LossPercent => self.loss_percent(),
            Measure::Duplicates => self.duplicates as f64,
            Measure::Reordered => self.reordered.unwrap_or(0) as f64,
            Measure::Corrupt => self.corrupt as f64,
            Measure::Rate => self.rates.1,
        })
    }

    fn loss_percent(&self) -> f64 {
        if self.expected == 0 { 0.0 } else { self.latency.lost as f64 * 100.0 / self.expected as f64 }
    }

    /// The conditions that do not hold, as they were written.
    pub(super) fn broken(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().filter(|(_, holds)| !holds).map(|(condition, _)| condition.text.as_str())
    }

    pub(super) fn print(&self, as_json: bool) -> io::Result<()> {
        let text = if as_json { self.json().to_string() + "\n" } else { self.table() };
        match io::stdout().write_all(text.as_bytes()) {
            // Nobody reads it any more.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// A run in one line.
    pub(super) fn line(&self, rate: f64, holds: bool) -> String {
        let broken: Vec<&str> = self.broken().collect();
        let result = match self.failures.first() {
            _ if holds => "holds".to_owned(),
            Some(failure) => failure.clone(),
            None => format!("{} broken; {}", broken.join(", "), self.verdict.text()),
        };
        let (p99, max) = (cell(self.latency.percentile(99.0)), cell(self.latency.max()));
        format!("{rate:.0}/s: p99 {p99}, max {max}, {} lost: {result}", self.latency.lost)
    }

    fn table(&self) -> String {
        let settings = &self.settings;
        let pace = match settings.rate {
            Some(rate) => format!("open loop, {rate} messages/s"),
            None => format!("closed loop, window {}", settings.window),
        };
        let mut text = format!(
            "{}: {}, {}, QoS {}, {} bytes\n{pace}, {} s after {} s\n\n",
            settings.scenario,
            many(settings.publishers, "publisher"),
            many(settings.subscribers, "subscriber"),
            settings.qos,
            settings.size,
            settings.duration,
            settings.warm_up
        );
        let reordered = self.reordered.map_or("-".to_owned(), |count| count.to_string());
        let (sent, received) = self.rates;
        let _ = writeln!(text, "sent     {:>12} {sent:>12.1}/s   refused {}", self.sent, self.refused);
        let _ = writeln!(
            text,
            "received {:>12} {received:>12.1}/s   lost {} ({:.3} %)",
            self.received,
            self.latency.lost,
            self.loss_percent()
        );
        let _ = writeln!(
            text,
            "duplicates {}, reordered {reordered}, corrupt {}\n",
            self.duplicates, self.corrupt
        );
        text += "                ";
        PERCENTILES.iter().take(5).for_each(|(name, _)| text += &format!("{name:>10}"));
        text += "       max\n";
        self.times().iter().for_each(|(name, _, times)| text += &row(name, times));
        text += &picture(&self.latency);
        let Used { seconds, generator, broker } = self.used;
        let share = |cpu: f64| cpu * 100.0 / seconds;
        let _ = writeln!(text, "\ngenerator {generator:.2} CPU-s ({:.0} % of one)", share(generator));
        if let Some((cpu, memory)) = broker {
            let million = if self.received > 0 { cpu * 1e6 / self.received as f64 } else { 0.0 };
            let _ = writeln!(
                text,
                "broker    {cpu:.2} CPU-s ({:.0} % of one), {million:.2} a million messages, {:.1} MB",
                share(cpu),
                memory as f64 / 1e6
            );
        }
        let _ = writeln!(text, "{}", self.verdict.text());
        for (condition, holds) in &self.conditions {
            let _ = writeln!(text, "{} {}", if *holds { "holds: " } else { "BROKEN:" }, condition.text);
        }
        text
    }

    /// What has a row of times, where there are any.
    fn times(&self) -> Vec<(&'static str, &'static str, &Times)> {
        let all = [
            ("latency", "latency", Some(&self.latency)),
            ("acknowledged", "acknowledgement", Some(&self.acknowledgement)),
            ("sent late by", "lateness", self.lateness.as_ref()),
            ("connect", "connect", Some(&self.connect)),
        ];
        let some = all.into_iter().filter_map(|(name, key, times)| Some((name, key, times?)));
        some.filter(|(_, _, times)| times.count() + times.lost > 0).collect()
    }

    pub(super) fn json(&self) -> Value {
        let Settings { scenario, publishers, subscribers, qos, size, rate, window, duration, warm_up } =
            &self.settings;
        let mut value = json!({
            "schema": SCHEMA,
            "version": env!("CARGO_PKG_VERSION"),
            "settings": { "scenario": scenario, "publishers": publishers, "subscribers": subscribers, "qos": qos,
                "size": size, "rate": rate, "window": rate.is_none().then_some(window), "duration": duration,
                "warm_up": warm_up },
            "sent": self.sent, "expected": self.expected, "received": self.received, "lost": self.latency.lost,
            "duplicates": self.duplicates, "reordered": self.reordered, "corrupt": self.corrupt,
            "refused": self.refused,
            "rate_sent": self.rates.0, "rate_received": self.rates.1,
            "seconds": self.used.seconds,
            "generator": { "cpu_seconds": self.used.generator },
            "broker": self.used.broker.map(|(cpu, memory)| json!({ "cpu_seconds": cpu, "memory_bytes": memory })),
            "verdict": self.verdict.name(),
            "thresholds": self.conditions.iter()
                .map(|(condition, holds)| json!({ "condition": condition.text, "holds": holds }))
                .collect::<Vec<_>>(),
            "failures": self.failures,
        });
        for (_, key, times) in self.times() {
            let mut fields =
                json!({ "count": times.count(), "mean": times.mean(), "max": number(times.max()) });
            for (name, percent) in PERCENTILES {
                fields[name] = number(times.percentile(percent));
            }
            value[format!("{key}_us")] = fields;
        }
        value
    }
}

impl Settings {
    fn of(run: &Run) -> Self {
        let scenario = match run.plan.scenario {
            Scenario::PubSub => "pub-sub",
            Scenario::FanIn => "fan-in",
            Scenario::FanOut => "fan-out",
            Scenario::Shared => "shared",
        };
        Self {
            scenario,
            publishers: run.plan.publishers,
            subscribers: run.plan.subscribers,
            qos: run.qos.bits(),
            size: run.size,
            rate: run.plan.rate,
            window: run.window,
            duration: run.duration.as_secs_f64(),
            warm_up: run.warm_up.as_secs_f64(),
        }
    }
}

fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Microseconds; `"lost"`, or nothing where there are too few samples.
fn number(percentile: Percentile) -> Value {
    match percentile {
        Percentile::Micros(micros) => json!(micros),
        Percentile::Lost => json!("lost"),
        Percentile::TooFew => Value::Null,
    }
}

fn row(name: &str, times: &Times) -> String {
    let mut text = format!("{name:<16}");
    for (_, percent) in PERCENTILES.iter().take(5) {
        let _ = write!(text, "{:>10}", cell(times.percentile(*percent)));
    }
    let _ = writeln!(text, "{:>10}", cell(times.max()));
    text
}

fn cell(percentile: Percentile) -> String {
    match percentile {
        Percentile::Micros(micros) => span(micros),
        Percentile::Lost => "lost".to_owned(),
        Percentile::TooFew => "-".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn span(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{:.2} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

/// The latencies as a row of blocks, from the least to the greatest, each column as much wider than the one before.
fn picture(times: &Times) -> String {
    let Some((least, most, counts)) = times.shape(COLUMNS) else { return String::new() };
    let highest = counts.iter().max().copied().unwrap_or(0).max(1);
    let blocks = counts.iter().map(|count| {
        let height = (count * 8).div_ceil(highest);
        BLOCKS[usize::try_from(height).unwrap_or(8)]
    });
    format!("\n{:>8} {} {}\n", span(least), blocks.collect::<String>(), span(most))
}
