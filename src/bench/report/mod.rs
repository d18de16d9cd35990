//! The report of a run, and the formats in which it is written.

pub(super) mod csv;
pub(super) mod html;
pub(super) mod json;
mod table;
pub(super) mod words;

use super::drive::Finished;
use super::run::{Loop, Run};
use super::settings::BenchSettings;
use super::shard::LoadCounts;
use super::thread::Outcome;
use super::usage::BrokerUsage;
use super::watch::Second;
use crate::bench::model::bottleneck::{Bottleneck, Evidence};
use crate::bench::model::tally::Tally;
use crate::bench::model::threshold::{Measure, Measured, Threshold};
use crate::bench::model::times::{Percentile, Times, Timing};
use crate::bench::model::topology::Scenario;
use crate::system::process;

/// Percentiles of a report.
pub(super) const PERCENTILES: [(&str, f64); 6] =
    [("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("p99.99", 99.99), ("p99.999", 99.999)];

pub(super) struct Report {
    settings: Described,
    counts: LoadCounts,
    pub(super) expected: u64,
    pub(super) received: u64,
    pub(super) duplicates: u64,
    /// In a shared group there is no order to keep; neither is there where messages are counted only.
    reordered: Option<u64>,
    corrupt: u64,
    pub(super) rates: Rates,
    /// The fewest and the most messages of one publisher, and of one subscriber.
    sent_by: Option<(u64, u64)>,
    received_by: Option<(u64, u64)>,
    /// In the order of [`Timing`].
    times: Vec<Times>,
    /// What the scenario is about.
    pub(super) main: Timing,
    /// Seconds of the run, and of what had to be published before.
    pub(super) seconds: f64,
    before: f64,
    /// Seconds until all had arrived, which is what CPU time is over.
    total: f64,
    /// CPU-seconds of each thread.
    generator: Vec<f64>,
    /// Bytes of resident memory, with all connections open.
    memory: Option<u64>,
    pub(super) broker: Option<BrokerUsage>,
    pub(super) bottleneck: Bottleneck,
    conditions: Vec<(Threshold, bool)>,
    pub(super) told: Vec<String>,
    pub(super) series: Vec<Second>,
    pub(super) is_interrupted: bool,
}

/// Messages (or connections, or pings) per second of the measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) sent: f64,
    pub(super) received: f64,
}

/// The settings of the run, as far as the report shows them.
pub(super) struct Described {
    pub(super) name: String,
    scenario: Scenario,
    publishers: usize,
    subscribers: usize,
    qos: u8,
    /// Bytes of a payload, where all are as long.
    size: Option<usize>,
    are_stamped: bool,
    /// Of an open loop.
    rate: Option<f64>,
    connect_rate: Option<f64>,
    window: u64,
    duration: f64,
    warm_up: f64,
    phases: usize,
    count: Option<u64>,
    version: &'static str,
    keep_alive: u16,
    topic: String,
    threads: usize,
    target: String,
}

impl Described {
    fn new(settings: &BenchSettings, finished: &Finished) -> Self {
        use crate::codec::packet::Version;
        let run = &finished.run;
        Self {
            name: settings.name.clone(),
            scenario: settings.scenario,
            publishers: settings.publishers,
            subscribers: settings.subscribers,
            qos: settings.qos.bits(),
            size: settings.size(),
            are_stamped: run.payloads.are_stamped(),
            rate: None,
            connect_rate: settings.connect_rate,
            window: settings.window,
            duration: settings.duration.as_secs_f64(),
            warm_up: settings.warm_up.as_secs_f64(),
            phases: settings.phases.len(),
            count: settings.count,
            version: match settings.version() {
                Version::V3_1 => "3.1",
                Version::V3_1_1 => "3.1.1",
                Version::V5 => "5.0",
            },
            keep_alive: settings.keep_alive(),
            topic: settings.topic.clone(),
            threads: settings.threads,
            target: run.clients.target.to_string(),
        }
    }
}

/// What the scenario is about.
fn main_of(scenario: Scenario) -> Timing {
    match scenario {
        Scenario::Connect | Scenario::Churn | Scenario::Reconnect => Timing::Connect,
        Scenario::Ping => Timing::Ping,
        Scenario::Retained => Timing::Replay,
        _ => Timing::Latency,
    }
}

fn spread(counts: impl Iterator<Item = u64>) -> Option<(u64, u64)> {
    counts.fold(None, |spread, count| match spread {
        None => Some((count, count)),
        Some((least, most)) => Some((count.min(least), count.max(most))),
    })
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
impl Report {
    pub(super) fn new(
        settings: &BenchSettings,
        rate: Option<f64>,
        conditions: &[Threshold],
        finished: Finished,
    ) -> Self {
        let mut described = Described::new(settings, &finished);
        described.rate = rate.filter(|rate| *rate > 0.0);
        let Finished { run, outcomes, watch, seconds, total, before, broker, idle, is_interrupted } =
            finished;
        let (scenario, topology) = (settings.scenario, &run.topology);
        let counts = outcomes.iter().fold(LoadCounts::default(), |sum, outcome| sum + outcome.counts);
        let mut times = times(&outcomes);
        let received_by = spread(outcomes.iter().flat_map(|outcome| outcome.received_by.iter().copied()));
        let generator: Vec<f64> = outcomes.iter().map(|outcome| outcome.cpu).collect();
        let evidence = evidence(&run, &outcomes, total, &counts, broker.as_ref());
        let tallies = tallies(scenario, outcomes);
        let sum = |read: fn(&Tally) -> u64| tallies.iter().map(read).sum::<u64>();
        let (expected, received) = match scenario {
            Scenario::Retained => (run.most.unwrap_or(0) * run.schedule.count(), sum(Tally::received)),
            _ if scenario.has_messages() => (counts.sent * topology.copies(), sum(Tally::received)),
            _ => (counts.sent, counts.received),
        };
        let main = main_of(scenario);
        let missing = expected.saturating_sub(received);
        times[main as usize].lost = match scenario {
            Scenario::Retained => run.schedule.count().saturating_sub(times[main as usize].count()),
            _ => missing,
        };
        let evidence = Evidence { idle, matters: matters(&times, main), ..evidence };
        let rates = rates(&run, seconds, before, &counts);
        // Each retained message has a topic of its own.
        let is_ordered =
            !matches!(scenario, Scenario::Shared | Scenario::Retained) && scenario.has_messages();
        let has_order = is_ordered && described.are_stamped && !run.topics.changes();
        let mut report = Self {
            expected,
            received,
            duplicates: sum(|tally| tally.duplicates),
            reordered: has_order.then(|| sum(|tally| tally.reordered)),
            corrupt: sum(|tally| tally.corrupt),
            rates,
            sent_by: spread((0..topology.publishers).map(|publisher| run.sent_by(publisher)))
                .filter(|_| scenario.has_messages()),
            received_by: received_by.filter(|_| scenario.has_messages()),
            times,
            main,
            seconds,
            before,
            total,
            generator,
            memory: watch.memory,
            bottleneck: Bottleneck::new(evidence),
            broker,
            conditions: Vec::new(),
            told: run.told(),
            series: watch.seconds,
            is_interrupted,
            settings: described,
            counts,
        };
        let judge =
            |condition: &Threshold| (condition.clone(), condition.holds(report.measured(condition.measure)));
        report.conditions = conditions.iter().map(judge).collect();
        report
    }

    fn measured(&self, measure: Measure) -> Measured {
        let main = self.main();
        Measured::Number(match measure {
            Measure::Latency(percent) if percent >= 100.0 => return Measured::Percentile(main.max()),
            Measure::Latency(percent) => return Measured::Percentile(main.percentile(percent)),
            Measure::Loss => self.lost() as f64,
            Measure::LossPercent => self.loss_percent(),
            Measure::Duplicates => self.duplicates as f64,
            Measure::Reordered => self.reordered.unwrap_or(0) as f64,
            Measure::Corrupt => self.corrupt as f64,
            Measure::Rate => self.rates.received,
            Measure::Failures => self.counts.failures() as f64,
        })
    }

    /// The times that the scenario is about.
    pub(super) fn main(&self) -> &Times {
        &self.times[self.main as usize]
    }

    pub(super) fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.received)
    }

    fn loss_percent(&self) -> f64 {
        if self.expected == 0 { 0.0 } else { self.lost() as f64 * 100.0 / self.expected as f64 }
    }

    pub(super) fn failed(&self) -> u64 {
        self.counts.failures()
    }

    /// Whether connections are what is measured, and the broker accepted none.
    pub(super) fn has_no_connection(&self) -> bool {
        self.counts.unopened > 0 && self.counts.unopened >= self.counts.sent
    }

    /// Connections that were lost.
    pub(super) fn lost_connections(&self) -> u64 {
        self.counts.lost_connections
    }

    /// CPU-seconds of the broker for a million of what was received.
    pub(super) fn broker_cost(&self) -> Option<f64> {
        let broker = self.broker.as_ref()?;
        let (cpu, seconds) = broker.cpu?;
        // Over all the time in which messages arrived, as many come only after the last was sent.
        (self.received > 0 && seconds > 0.0)
            .then(|| cpu / seconds * broker.seconds * 1e6 / self.received as f64)
    }

    /// The conditions that were not met, as they were written.
    pub(super) fn broken(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().filter(|(_, holds)| !holds).map(|(condition, _)| condition.text.as_str())
    }

    /// What has times, with its names.
    fn rows(&self) -> impl Iterator<Item = (&'static str, &'static str, &Times)> {
        let rows = Timing::ALL.into_iter().map(|kind| {
            let (name, key) = kind.names();
            (name, key, &self.times[kind as usize])
        });
        rows.filter(|(_, _, times)| times.count() + times.lost > 0)
    }
}

/// What was seen by each receiver; by a shared group as one.
fn tallies(scenario: Scenario, outcomes: Vec<Outcome>) -> Vec<Tally> {
    let tallies = outcomes.into_iter().flat_map(|outcome| outcome.tallies);
    if scenario != Scenario::Shared {
        return tallies.collect();
    }
    let mut group = Tally::default();
    tallies.for_each(|tally| group.merge(tally));
    vec![group]
}

/// What the threads of the load generator know about the bottleneck.
fn evidence(
    run: &Run,
    outcomes: &[Outcome],
    seconds: f64,
    counts: &LoadCounts,
    broker: Option<&BrokerUsage>,
) -> Evidence {
    let most = |share: fn(&Outcome) -> f64| outcomes.iter().map(share).fold(0.0, f64::max) / seconds;
    let of_open_loop = |count| if run.pace == Loop::Open { count } else { 0 };
    Evidence {
        busiest: most(|outcome| outcome.cpu),
        wanted: most(|outcome| outcome.cpu + outcome.waited),
        waited: most(|outcome| outcome.waited),
        stood_still: most(|outcome| outcome.stood_still),
        generator: outcomes.iter().map(|outcome| outcome.cpu).sum::<f64>() / seconds,
        broker: broker.and_then(|broker| broker.cpu).map(|(cpu, seconds)| cpu / seconds),
        processors: process::processors(),
        idle: None,
        sent: counts.sent,
        late: of_open_loop(counts.late),
        held_up: of_open_loop(counts.held_up),
        matters: true,
    }
}

/// Whether what the generator was late by is a part of the latency that counts.
fn matters(times: &[Times], main: Timing) -> bool {
    let p99 = |kind: Timing| times[kind as usize].percentile(99.0);
    match (p99(Timing::Lateness), p99(main)) {
        (Percentile::Micros(lateness), Percentile::Micros(latency)) => lateness * 10 >= latency,
        // Where messages are lost the broker does worse than that; where there are few, nobody knows.
        (_, Percentile::Lost) => false,
        _ => true,
    }
}

/// The times of all threads, in the order of [`Timing`].
fn times(outcomes: &[Outcome]) -> Vec<Times> {
    let of = |kind: Timing| {
        let mut all = Times::new();
        outcomes.iter().filter_map(|outcome| kind.of(&outcome.times)).for_each(|times| all.add(times));
        (kind as usize, all)
    };
    let mut all: Vec<(usize, Times)> = Timing::ALL.into_iter().map(of).collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, times)| times).collect()
}

/// `seconds` is the duration of the measurement, `before` that of publishing what it needs.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn rates(run: &Run, seconds: f64, before: f64, counts: &LoadCounts) -> Rates {
    let per = |count: u64, seconds: f64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "microseconds of a run")]
    let measured = run.schedule.measured_seconds((seconds * 1e6) as u64);
    let (sent, received) = match run.topology.scenario {
        // The messages are sent before the measurement and received during it.
        Scenario::Offline | Scenario::Retained => (per(counts.sent, before), per(counts.received, seconds)),
        Scenario::Connect | Scenario::Reconnect => {
            let opened = run.opened_in().unwrap_or(seconds);
            (per(counts.sent, opened), per(counts.received, opened))
        }
        _ => (per(counts.sent_measured, measured), per(counts.received_measured, measured)),
    };
    Rates { sent, received }
}
