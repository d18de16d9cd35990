//! The report as JSON, described by `report.schema.json`.

use serde_json::{Map, Value, json};

use super::{PERCENTILES, Report};
use crate::bench::model::times::{Percentile, Times};
use crate::system::process::Machine;

/// Version of the format, raised when a field is renamed, removed or changes its meaning.
pub(crate) const SCHEMA: u32 = 2;
/// The JSON schema.
pub(crate) const DOCUMENT: &str = include_str!("report.schema.json");

/// The document with all runs of a command.
pub(crate) fn document(command: &str, runs: &[Value], more: Map<String, Value>) -> Value {
    let Machine { system, processor, processors, memory } = Machine::this();
    let mut document = json!({
        "schema": SCHEMA,
        "version": env!("CARGO_PKG_VERSION"),
        "command": command,
        "machine": { "system": system, "processor": processor, "processors": processors, "memory_bytes": memory },
        "runs": runs,
    });
    if let Some(fields) = document.as_object_mut() {
        fields.extend(more);
    }
    document
}

impl Report {
    pub(crate) fn json(&self) -> Value {
        let settings = &self.settings;
        let spread =
            |spread: Option<(u64, u64)>| spread.map(|(least, most)| json!({ "min": least, "max": most }));
        let broker = self.broker.as_ref().map(|broker| {
            json!({
                "cpu_seconds": broker.cpu.map(|(cpu, _)| cpu),
                "cpu_share": broker.cpu.map(|(cpu, seconds)| cpu / seconds),
                "cpu_seconds_per_million": self.broker_cost(),
                "memory_bytes": broker.memory,
                "memory": broker.memory.map(|_| if broker.is_heap { "heap" } else { "resident" }), "version": broker.version, "source": broker.source,
            })
        });
        let conditions = self
            .conditions
            .iter()
            .map(|(condition, holds)| json!({ "condition": condition.text, "met": holds }))
            .collect::<Vec<_>>();
        let mut value = json!({
            "settings": {
                "scenario": settings.name, "target": settings.target, "mqtt": settings.version,
                "publishers": settings.publishers, "subscribers": settings.subscribers, "qos": settings.qos,
                "size": settings.size, "topic": settings.topic, "rate": settings.rate,
                "window": settings.rate.is_none().then_some(settings.window),
                "connect_rate": settings.connect_rate, "count": settings.count,
                "duration": settings.duration, "warm_up": settings.warm_up, "keep_alive": settings.keep_alive,
                "threads": settings.threads,
            },
            "sent": self.counts.sent, "expected": self.expected, "received": self.received, "lost": self.lost(),
            "duplicates": self.duplicates, "reordered": self.reordered, "corrupt": self.corrupt,
            "refused": self.counts.refused, "acknowledged": self.counts.acknowledged,
            "connections": { "failed": self.counts.unopened, "lost": self.counts.lost_connections },
            "rate_sent": self.rates.sent, "rate_received": self.rates.received,
            "fairness": { "sent": spread(self.sent_by), "received": spread(self.received_by) },
            "seconds": self.seconds, "setup_seconds": self.before,
            "generator": {
                "cpu_seconds": self.generator.iter().sum::<f64>(), "threads": self.generator,
                "memory_bytes": self.memory, "sent_late": self.counts.late, "delayed_by_broker": self.counts.held_up,
                "blocked_writes": self.counts.blocked,
            },
            "broker": broker,
            "bottleneck": self.bottleneck.name(),
            "interrupted": self.is_interrupted,
            "thresholds": conditions,
            "failures": self.told,
        });
        for (_, key, times) in self.rows() {
            value[key] = of(times);
        }
        value
    }
}

fn of(times: &Times) -> Value {
    let mut fields = json!({ "count": times.count(), "mean": times.mean(), "max": number(times.max()) });
    for (name, percent) in PERCENTILES {
        fields[name] = number(times.percentile(percent));
    }
    fields
}

/// Microseconds; `"lost"`, or nothing where there are too few samples.
fn number(percentile: Percentile) -> Value {
    match percentile {
        Percentile::Micros(micros) => json!(micros),
        Percentile::Lost => json!("lost"),
        Percentile::TooFew => Value::Null,
    }
}
