//! The report as a table that fits into 80 columns.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::words::{cell, many, seconds, size, span};
use super::{Described, PERCENTILES, Rates, Report};
use crate::bench::model::bottleneck::Bottleneck;
use crate::bench::model::times::Times;
use crate::bench::model::topology::Scenario;

/// Width of the histogram of latencies in columns.
const COLUMNS: u32 = 58;
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl Described {
    /// Who takes part.
    fn who(&self) -> String {
        match self.scenario {
            Scenario::Connect | Scenario::Churn | Scenario::Ping => many(self.publishers, "client"),
            Scenario::Reconnect => many(self.subscribers, "client"),
            _ => format!("{}, {}", many(self.publishers, "publisher"), many(self.subscribers, "subscriber")),
        }
    }

    pub(super) fn what(&self) -> String {
        let size = self.size.map_or("payload template".to_owned(), |size| format!("{size} bytes"));
        let what =
            if self.scenario.has_messages() { format!(", QoS {}, {size}", self.qos) } else { String::new() };
        format!("{}: {}{what}, MQTT {}", self.name, self.who(), self.version)
    }

    pub(super) fn pace(&self) -> String {
        let unit = self.scenario.unit();
        let pace = match (self.scenario, self.rate) {
            (Scenario::Connect | Scenario::Reconnect, _) => match self.connect_rate {
                Some(rate) => format!("open loop, {rate} {unit}"),
                None => "closed loop, 64 connections opened at a time".to_owned(),
            },
            (Scenario::Offline, _) => {
                "published as fast as acknowledged, while the subscribers are disconnected".to_owned()
            }
            (_, Some(rate)) if self.phases > 0 => {
                format!("open loop, {} from {rate} {unit}", many(self.phases, "phase"))
            }
            (_, Some(rate)) => format!("open loop, {rate} {unit}"),
            (Scenario::Churn, None) => "closed loop, as fast as possible".to_owned(),
            (_, None) => format!("closed loop, window {}", self.window),
        };
        match (self.scenario, self.count) {
            (Scenario::Retained, Some(count)) => format!("{pace}, {count} retained messages"),
            (_, Some(count)) => format!("{pace}, {count} in total"),
            (Scenario::Reconnect, None) => pace,
            _ if self.phases > 0 => pace,
            _ if self.warm_up > 0.0 => {
                format!("{pace}, {} s after a warm-up of {} s", self.duration, self.warm_up)
            }
            _ => format!("{pace}, {} s", self.duration),
        }
    }
}

impl Report {
    /// # Errors
    /// When stdout cannot be written. A closed pipe is not an error.
    pub(crate) fn print(&self) -> io::Result<()> {
        match io::stdout().write_all(self.table().as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// The run in one line: its rate, latency and loss, and whether the conditions were met.
    pub(crate) fn line(&self, rate: f64) -> String {
        let broken: Vec<&str> = self.broken().collect();
        let result = match self.told.first() {
            _ if self.conditions.is_empty() => String::new(),
            Some(failure) => format!(": {failure}"),
            None if broken.is_empty() => ": conditions met".to_owned(),
            None => {
                let why = Bottleneck::short(self.bottleneck.name()).map(|why| format!("; {why}"));
                format!(": not met: {}{}", broken.join(", "), why.unwrap_or_default())
            }
        };
        let (p99, max) = (cell(self.main().percentile(99.0)), cell(self.main().max()));
        let lost = if self.lost() > 0 { format!(", {} lost", self.lost()) } else { String::new() };
        format!("{rate:.0}/s: p99 {p99}, max {max}{lost}{result}")
    }

    fn table(&self) -> String {
        let mut text = format!("{}\n{}\n\n", self.settings.what(), self.settings.pace());
        self.write_counts(&mut text);
        text += "\n                ";
        PERCENTILES.iter().take(5).for_each(|(name, _)| text += &format!("{name:>10}"));
        text += "       max\n";
        self.rows().for_each(|(name, _, times)| text += &row(name, times));
        text += &picture(self.main());
        self.write_costs(&mut text);
        if self.is_interrupted {
            text += "interrupted: the figures cover the time until then\n";
        }
        let _ = writeln!(text, "{}", self.bottleneck.text());
        for (condition, holds) in &self.conditions {
            let _ = writeln!(text, "{} {}", if *holds { "met:    " } else { "NOT MET:" }, condition.text);
        }
        text
    }

    fn write_counts(&self, text: &mut String) {
        let scenario = self.settings.scenario;
        let (Rates { sent, received }, (one, other)) = (self.rates, scenario.units());
        let refused = if scenario.has_messages() {
            let warm_up = self.counts.sent.saturating_sub(self.counts.sent_measured);
            let warm_up = match self.settings.warm_up > 0.0 && self.settings.phases == 0 {
                true => format!("   {warm_up} during warm-up"),
                false => String::new(),
            };
            format!("   refused {}{warm_up}", self.counts.refused)
        } else {
            String::new()
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{one:<10}{:>12} {sent:>12.1}/s{refused}", self.counts.sent);
        let _ = writeln!(
            text,
            "{other:<10}{:>12} {received:>12.1}/s   {} {} ({:.3} %)",
            self.received,
            if scenario.has_messages() { "lost" } else { "missing" },
            self.lost(),
            self.loss_percent()
        );
        if scenario.has_messages() {
            let reordered = self.reordered.map_or("-".to_owned(), |count| count.to_string());
            let duplicates =
                if self.settings.are_stamped { self.duplicates.to_string() } else { "-".to_owned() };
            let _ =
                writeln!(text, "duplicates {duplicates}, reordered {reordered}, corrupt {}", self.corrupt);
            if !self.settings.are_stamped {
                *text += "payloads do not identify messages, so messages are only counted\n";
            }
        }
        if self.counts.unopened + self.counts.lost_connections > 0 {
            let _ = writeln!(
                text,
                "connections failed {}, lost {}",
                self.counts.unopened, self.counts.lost_connections
            );
        }
        let fair = |who: &str, (least, most): (u64, u64)| match least == most {
            true => format!("{who} {least}"),
            false => format!("{who} {least} to {most}"),
        };
        let fairness = [
            self.sent_by
                .filter(|_| self.settings.publishers > 1)
                .map(|spread| fair("publisher sent", spread)),
            self.received_by
                .filter(|_| self.settings.subscribers > 1)
                .map(|spread| fair("subscriber received", spread)),
        ];
        let fairness: Vec<String> = fairness.into_iter().flatten().collect();
        if !fairness.is_empty() {
            let _ = writeln!(text, "each {}", fairness.join(", each "));
        }
    }

    fn write_costs(&self, text: &mut String) {
        let share = |cpu: f64| cpu * 100.0 / self.total.max(1e-9);
        let all: f64 = self.generator.iter().sum();
        if self.before > 0.0 {
            let _ = write!(text, "\npublished in {} s before the measurement", seconds(self.before));
        }
        let busiest = self.generator.iter().copied().fold(0.0, f64::max);
        let threads = match self.generator.len() {
            1 => String::new(),
            threads => format!("; {threads} threads, the busiest {:.0} %", share(busiest)),
        };
        let memory = self.memory.map_or(String::new(), |memory| format!(", {}", size(memory)));
        let _ = writeln!(
            text,
            "\ngenerator {all:.2} CPU-s in {} s ({:.0} % of a CPU{threads}){memory}",
            seconds(self.total),
            share(all)
        );
        let Some(broker) = &self.broker else { return };
        let mut said = Vec::new();
        if let Some((cpu, seconds)) = broker.cpu {
            said.push(format!("{cpu:.2} CPU-s ({:.0} % of a CPU)", cpu * 100.0 / seconds));
        }
        said.extend(self.broker_cost().map(|cost| format!("{cost:.2} CPU-s per million")));
        said.extend(broker.memory.map(|memory| match broker.is_heap {
            true => format!("heap {}", size(memory)),
            false => size(memory),
        }));
        if broker.is_rare {
            said.push("CPU time unknown: run longer".to_owned());
        }
        if !said.is_empty() {
            let _ = writeln!(text, "broker    {} ({})", said.join(", "), broker.source);
        }
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

/// A histogram of the times as a row of block characters, on a logarithmic scale.
fn picture(times: &Times) -> String {
    let Some((least, most, counts)) = times.shape(COLUMNS) else { return String::new() };
    let highest = counts.iter().max().copied().unwrap_or(0).max(1);
    let blocks = counts.iter().map(|count| {
        let height = (count * 8).div_ceil(highest);
        BLOCKS[usize::try_from(height).unwrap_or(8)]
    });
    format!("\n{:>9} {} {}\n", span(least), blocks.collect::<String>(), span(most))
}
