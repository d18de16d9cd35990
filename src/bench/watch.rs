//! A run in progress: totals of all threads, one row per second, and the progress shown on stderr.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use indicatif::{ProgressBar, ProgressStyle};

use super::report::words::{cell, rate};
use super::run::Run;
use super::shard::LoadCounts;
use super::thread::Tick;
use super::usage::UsageSource;
use crate::bench::model::times::{Percentile, Times};
use crate::bench::model::topology::Scenario;

/// Between two lines, where there is no terminal.
const QUIET: Duration = Duration::from_secs(5);
/// Between two looks of a person.
const LOOK: Duration = Duration::from_millis(200);

/// One second of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Second {
    /// Seconds since the start, at its end.
    pub(super) at: f64,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) failures: u64,
    pub(super) open: u64,
    pub(super) p50: Percentile,
    pub(super) p99: Percentile,
    pub(super) max: Percentile,
    /// CPU-seconds of the broker a second, and its memory in bytes.
    pub(super) broker_cpu: Option<f64>,
    pub(super) broker_memory: Option<u64>,
}

/// Whom progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    Nobody,
    Bars,
    Lines,
}

impl Show {
    pub(super) fn new(is_quiet: bool) -> Self {
        match (is_quiet, io::stderr().is_terminal()) {
            (true, _) => Self::Nobody,
            (false, true) => Self::Bars,
            (false, false) => Self::Lines,
        }
    }
}

pub(super) struct Watch {
    show: Show,
    /// Of each thread.
    threads: Vec<LoadCounts>,
    /// Bytes of resident memory of this process, at its most.
    pub(super) memory: Option<u64>,
    last_arrival: u64,
    pub(super) seconds: Vec<Second>,
    /// What was when the current second began.
    before: LoadCounts,
    cpu_before: Option<(f64, Instant)>,
    at: u64,
    times: Times,
    so_far: Times,
    shown: Instant,
    bars: Option<[ProgressBar; 2]>,
    log: Option<HistogramLog>,
    scenario: Scenario,
}

impl Watch {
    pub(super) fn new(run: &Run, show: Show, log: Option<HistogramLog>) -> Self {
        Self {
            show,
            threads: vec![LoadCounts::default(); run.topology.threads],
            memory: None,
            last_arrival: 0,
            seconds: Vec::new(),
            before: LoadCounts::default(),
            cpu_before: None,
            at: 0,
            times: Times::new(),
            so_far: Times::new(),
            shown: Instant::now(),
            bars: None,
            log,
            scenario: run.topology.scenario,
        }
    }

    /// What is measured begins.
    pub(super) fn start(&mut self) {
        self.seconds.clear();
        (self.before, self.at) = (self.sum(), 0);
        (self.last_arrival, self.cpu_before) = (0, None);
        self.times.clear();
        self.so_far.clear();
        if let Some(log) = &mut self.log {
            log.began = Instant::now();
        }
    }

    pub(super) fn sum(&self) -> LoadCounts {
        self.threads.iter().fold(LoadCounts::default(), |sum, counts| sum + *counts)
    }

    /// How long nothing has arrived.
    pub(super) fn silence(&self, run: &Run) -> Duration {
        Duration::from_micros(run.now().saturating_sub(self.last_arrival))
    }

    pub(super) fn tick(&mut self, tick: Tick, run: &Run, broker: &mut UsageSource) {
        self.threads[tick.thread] = tick.counts;
        self.last_arrival = self.last_arrival.max(tick.last_arrival);
        if let Some(times) = &tick.times {
            self.times.add(times);
            self.so_far.add(times);
        }
        let now = run.now();
        if run.is_started() && now / 1_000_000 > self.at {
            self.at = now / 1_000_000;
            self.end_second(broker);
        }
        let pause = if self.show == Show::Lines { QUIET } else { LOOK };
        if self.show != Show::Nobody && self.shown.elapsed() >= pause {
            self.shown = Instant::now();
            self.look(run);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    fn end_second(&mut self, broker: &mut UsageSource) {
        let (sum, before, reading) = (self.sum(), self.before, broker.now());
        let cpu = reading.cpu;
        // What is not news, says nothing of this second.
        let used = cpu.zip(self.cpu_before).filter(|(now, before)| now.1 > before.1);
        self.memory = self.memory.max(crate::system::process::own_memory());
        self.seconds.push(Second {
            at: self.at as f64,
            sent: sum.sent - before.sent,
            received: sum.received - before.received,
            failures: sum.failures() - before.failures(),
            open: sum.open,
            p50: self.times.percentile(50.0),
            p99: self.times.percentile(99.0),
            max: self.times.max(),
            broker_cpu: used.map(|(now, before)| (now.0 - before.0) / (now.1 - before.1).as_secs_f64()),
            broker_memory: reading.memory,
        });
        if let Some(log) = &mut self.log {
            log.write(&self.times, Duration::from_secs(self.at.saturating_sub(1)), Duration::from_secs(1));
        }
        (self.before, self.cpu_before) = (sum, cpu);
        self.times.clear();
    }

    fn look(&mut self, run: &Run) {
        let (sum, now) = (self.sum(), run.now());
        let (sent, received) = self.scenario.units();
        let last = self.seconds.last();
        let flow = match last {
            Some(second) if run.is_started() => {
                format!("{sent} {}, {received} {}", rate(second.sent), rate(second.received))
            }
            _ => format!(
                "{} of {} clients connected",
                sum.open,
                run.topology.publishers + run.topology.subscribers
            ),
        };
        let (p50, p99) = (cell(self.so_far.percentile(50.0)), cell(self.so_far.percentile(99.0)));
        let errors = errors(&sum);
        let end = run.limit();
        if self.show == Show::Lines {
            eprintln!("{} s: {flow}, p50 {p50}, p99 {p99}{errors}", now / 1_000_000);
            return;
        }
        let bars = self.bars.get_or_insert_with(|| {
            let bars = [ProgressBar::new(end), ProgressBar::no_length()];
            let group = indicatif::MultiProgress::new();
            let bars = bars.map(|bar| group.add(bar));
            // The templates are constants.
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent:>3} %  ETA {eta}  {msg}") {
                bars[0].set_style(style);
            }
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bars[1].set_style(style);
            }
            bars
        });
        match run.most {
            Some(most) if end > 100_000_000_000 => {
                bars[0].set_length(most);
                bars[0].set_position(sum.sent.min(most));
            }
            _ => {
                bars[0].set_length(end);
                bars[0].set_position(now.min(end));
            }
        }
        bars[0].set_message(flow);
        bars[1].set_message(format!("p50 {p50}  p99 {p99}{errors}"));
    }

    /// The last second, and the last of what a person sees.
    pub(super) fn end(&mut self) {
        self.memory = self.memory.max(crate::system::process::own_memory());
        for bar in self.bars.iter().flatten() {
            bar.finish_and_clear();
        }
        self.bars = None;
        if let Some(log) = &mut self.log
            && self.times.count() > 0
        {
            log.write(&self.times, Duration::from_secs(self.at), Duration::from_secs(1));
        }
    }

    /// Whether the log was written, and why not.
    pub(super) fn log_error(&mut self) -> Option<io::Error> {
        let log = self.log.as_mut()?;
        log.error.take().or_else(|| log.file.flush().err())
    }
}

/// Errors by kind, where there are any.
fn errors(sum: &LoadCounts) -> String {
    let kinds = [
        (sum.unopened, "connections failed"),
        (sum.lost_connections, "connections lost"),
        (sum.refused, "messages refused"),
    ];
    let told = kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("  {count} {kind}"));
    told.collect()
}

/// A log of histograms, as HdrHistogram's other tools read it.
pub(super) struct HistogramLog {
    file: BufWriter<File>,
    serializer: V2DeflateSerializer,
    began: Instant,
    error: Option<io::Error>,
    is_empty: bool,
}

impl HistogramLog {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(File::create(path)?),
            serializer: V2DeflateSerializer::new(),
            began: Instant::now(),
            error: None,
            is_empty: true,
        })
    }

    fn write(&mut self, times: &Times, start: Duration, took: Duration) {
        let mut builder = IntervalLogWriterBuilder::new();
        if std::mem::take(&mut self.is_empty) {
            builder.add_comment("skeeter bench: latency in microseconds, one interval per second");
            builder.with_start_time(std::time::SystemTime::now() - self.began.elapsed());
        }
        let result = builder
            .begin_log_with(&mut self.file, &mut self.serializer)
            .map_err(io::Error::other)
            .and_then(|mut log| {
                let written = log.write_histogram(times.histogram(), start, took, Tag::new("latency"));
                written.map_err(|error| io::Error::other(error.to_string()))
            });
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }
}

impl LoadCounts {
    pub(super) fn failures(&self) -> u64 {
        self.unopened + self.lost_connections + self.refused
    }
}

impl std::ops::Add for LoadCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            received: self.received + other.received,
            acknowledged: self.acknowledged + other.acknowledged,
            refused: self.refused + other.refused,
            unopened: self.unopened + other.unopened,
            lost_connections: self.lost_connections + other.lost_connections,
            sent_measured: self.sent_measured + other.sent_measured,
            received_measured: self.received_measured + other.received_measured,
            late: self.late + other.late,
            held_up: self.held_up + other.held_up,
            blocked: self.blocked + other.blocked,
            open: self.open + other.open,
        }
    }
}
