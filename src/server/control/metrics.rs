//! What `$SYS` tells, as metrics for Prometheus.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::ListenerReport;
use crate::broker::{Counts, Holdings};
use crate::server::state::ServerState;
use crate::system::process::own;

/// The formats of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetricsFormat {
    /// That of Prometheus before OpenMetrics, version 0.0.4, which every tool reads.
    Plain,
    OpenMetrics,
}

impl MetricsFormat {
    /// The format that an Accept header asks for.
    pub(super) fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Plain }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// All metrics as text. They are read from the broker when they are asked for, so that they cost nothing otherwise.
pub(super) fn text(state: &ServerState, listeners: &[ListenerReport], format: MetricsFormat) -> String {
    let text = open_metrics(state, listeners);
    if format == MetricsFormat::Plain { plain(&text) } else { text }
}

/// OpenMetrics in the older format, in which the name of a counter ends with `_total` also where it is described.
fn plain(text: &str) -> String {
    let counters: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut out = String::with_capacity(text.len());
    for line in text.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(kind), Some(name), Some(rest)) if counters.contains(&name) => {
                out += &format!("# {kind} {name}_total {rest}\n");
            }
            _ => {
                out += line;
                out.push('\n');
            }
        }
    }
    out
}

fn open_metrics(state: &ServerState, listeners: &[ListenerReport]) -> String {
    let mut registry = Registry::with_prefix("skeeter");
    registry.register_collector(Box::new(Reading::of(state, listeners)));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
    text
}

/// What the broker says at one moment.
#[derive(Debug)]
struct Reading {
    counts: Counts,
    holdings: Holdings,
    uptime_seconds: f64,
    cpu_seconds: Option<f64>,
    memory_bytes: Option<u64>,
    is_store_failing: bool,
    /// The URL of each listener, and its open connections.
    listeners: Vec<(String, usize)>,
}

impl Reading {
    fn of(state: &ServerState, listeners: &[ListenerReport]) -> Self {
        let usage = own();
        let listeners = listeners.iter().map(|listener| {
            let url = listener.urls.first().cloned().unwrap_or_default();
            (url, listener.active.open_connections())
        });
        Self {
            counts: state.counts(),
            holdings: state.broker.holdings(),
            uptime_seconds: state.now().as_micros() as f64 / 1e6,
            cpu_seconds: usage.map(|usage| usage.cpu.as_secs_f64()),
            memory_bytes: usage.map(|usage| usage.memory),
            is_store_failing: state.broker.journal().failing_since().is_some(),
            listeners: listeners.collect(),
        }
    }
}

type Counter = (&'static str, &'static str, fn(&Counts) -> u64);

const COUNTERS: [Counter; 15] = [
    ("bytes_received", "Bytes received from clients", |counts| counts.bytes_received),
    ("bytes_sent", "Bytes sent to clients", |counts| counts.bytes_sent),
    ("packets_received", "MQTT packets received", |counts| counts.packets_received),
    ("packets_sent", "MQTT packets sent", |counts| counts.packets_sent),
    ("publish_received", "PUBLISH packets received", |counts| counts.publish_received),
    ("publish_sent", "PUBLISH packets sent", |counts| counts.publish_sent),
    ("publish_payload_bytes_received", "Payload bytes received", |counts| counts.publish_bytes_received),
    ("publish_payload_bytes_sent", "Payload bytes sent", |counts| counts.publish_bytes_sent),
    ("publish_denied", "Messages refused because the publisher has no permission", |counts| {
        counts.publish_refused
    }),
    ("deliveries_denied", "Deliveries refused because the subscriber has no permission", |counts| {
        counts.publish_unreadable
    }),
    ("sockets_accepted", "Connections accepted", |counts| counts.sockets),
    ("connects", "CONNECT packets accepted", |counts| counts.connects),
    ("logins_failed", "Logins with a wrong username or password", |counts| counts.logins_failed),
    ("logins_refused", "Logins refused because of limits", |counts| counts.logins_refused),
    ("sessions_expired", "Sessions that have expired", |counts| counts.sessions_expired),
];

type Gauge = (&'static str, &'static str, fn(&Holdings) -> usize);

const GAUGES: [Gauge; 8] = [
    ("sessions", "Sessions, of connected and disconnected clients", |holdings| holdings.sessions),
    ("clients_connected", "Connected clients", |holdings| holdings.connected),
    ("subscriptions", "Subscriptions of all sessions", |holdings| holdings.subscriptions),
    ("shared_subscriptions", "Shared subscriptions", |holdings| holdings.shared_subscriptions),
    ("messages_queued", "Messages queued for sessions, beyond those in flight", |holdings| holdings.queued),
    ("messages_in_flight", "QoS 1 and 2 messages in flight to clients", |holdings| holdings.in_flight),
    ("retained_messages", "Retained messages", |holdings| holdings.retained),
    ("retained_bytes", "Bytes of the topics and payloads of retained messages", |holdings| {
        holdings.retained_bytes
    }),
];

type DroppedCounter = (&'static str, fn(&Counts) -> u64);

const DROPPED: [DroppedCounter; 7] = [
    ("too_large", |counts| counts.dropped_too_large),
    ("queue_full", |counts| counts.dropped_queue_full),
    ("expired", |counts| counts.dropped_expired),
    ("memory_full", |counts| counts.dropped_memory_full),
    ("store_failing", |counts| counts.dropped_store_failing),
    ("disk_full", |counts| counts.dropped_disk_full),
    ("no_member", |counts| counts.dropped_no_member),
];

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, read) in COUNTERS {
            let counter = ConstCounter::new(read(&self.counts));
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let kind = ConstCounter::new(0_u64).metric_type();
        let mut dropped: MetricEncoder<'_> = encoder.encode_descriptor(
            "messages_dropped",
            "Messages that were not delivered, by reason",
            None,
            kind,
        )?;
        for (reason, read) in DROPPED {
            let counter = ConstCounter::new(read(&self.counts));
            counter.encode(dropped.encode_family(&[("reason", reason)])?)?;
        }
        for (name, help, read) in GAUGES {
            let gauge = ConstGauge::new(i64::try_from(read(&self.holdings)).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let failing = ConstGauge::new(i64::from(self.is_store_failing));
        failing.encode(encoder.encode_descriptor(
            "store_failing",
            "1 while the store cannot be written",
            None,
            failing.metric_type(),
        )?)?;
        let uptime = ConstGauge::new(self.uptime_seconds);
        uptime.encode(encoder.encode_descriptor(
            "uptime_seconds",
            "Time since the broker started",
            None,
            uptime.metric_type(),
        )?)?;
        if let (Some(cpu), Some(memory)) = (self.cpu_seconds, self.memory_bytes) {
            let counter = ConstCounter::new(cpu);
            let kind = counter.metric_type();
            counter.encode(encoder.encode_descriptor(
                "cpu_seconds",
                "CPU time of the process",
                None,
                kind,
            )?)?;
            let gauge = ConstGauge::new(i64::try_from(memory).unwrap_or(i64::MAX));
            let kind = gauge.metric_type();
            let help = "Resident memory of the process";
            gauge.encode(encoder.encode_descriptor("resident_memory_bytes", help, None, kind)?)?;
        }
        let kind = ConstGauge::new(0_i64).metric_type();
        let mut open = encoder.encode_descriptor(
            "listener_connections",
            "Open connections of a listener",
            None,
            kind,
        )?;
        for (url, connections) in &self.listeners {
            let gauge = ConstGauge::new(i64::try_from(*connections).unwrap_or(i64::MAX));
            gauge.encode(open.encode_family(&[("listener", url.as_str())])?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn the_older_format_names_counters_as_their_samples() {
        let text =
            "# HELP a_b Help of it.\n# TYPE a_b counter\na_b_total{x=\"1\"} 5\n# TYPE g gauge\ng 1\n# EOF\n";
        let expected = "# HELP a_b_total Help of it.\n# TYPE a_b_total counter\na_b_total{x=\"1\"} 5\n# TYPE g gauge\ng 1\n";
        assert_eq!(plain(text), expected);
    }
}
