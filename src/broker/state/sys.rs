//! `$SYS`: what the broker tells about itself, under mosquitto's names.

use std::collections::BTreeMap;

use crate::broker::observe::counters::Counts;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::state::Broker;
use crate::broker::state::publish::PublishSource;
use crate::broker::state::turn::Turn;
use crate::message::{MessageRef, QoS};
use crate::time::Instant;

/// Averages per minute over the last 1, 5 and 15 minutes, as `$SYS/broker/load` gives them.
#[derive(Clone, Debug, Default)]
pub struct Load {
    last: Counts,
    at: Option<Instant>,
    averages: [[f64; 3]; LOADS.len()],
    maximum_connections: usize,
    maximum_memory: u64,
    /// The values that were published last: those that have not changed are not published again.
    published: BTreeMap<String, String>,
}

/// What the process uses, as its system tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// CPU time since it began.
    pub cpu: std::time::Duration,
    /// Bytes of resident memory.
    pub memory: u64,
}

/// What the broker holds at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Of clients that are connected, and of those that are not.
    pub sessions: usize,
    pub connected: usize,
    /// Of all sessions.
    pub subscriptions: usize,
    pub shared_subscriptions: usize,
    /// Messages queued for sessions, beyond those in flight.
    pub queued: usize,
    pub in_flight: usize,
    /// Retained messages, and the bytes of their topics and payloads.
    pub retained: usize,
    pub retained_bytes: usize,
}

type Read = fn(&Counts) -> u64;

const LOADS: [(&str, Read); 9] = [
    ("messages/received", |counts| counts.packets_received),
    ("messages/sent", |counts| counts.packets_sent),
    ("publish/received", |counts| counts.publish_received),
    ("publish/sent", |counts| counts.publish_sent),
    ("publish/dropped", |counts| counts.publish_dropped),
    ("bytes/received", |counts| counts.bytes_received),
    ("bytes/sent", |counts| counts.bytes_sent),
    ("sockets", |counts| counts.sockets),
    ("connections", |counts| counts.connects),
];

const TOTALS: [(&str, Read); 10] = [
    ("messages/received", |counts| counts.packets_received),
    ("messages/sent", |counts| counts.packets_sent),
    ("publish/messages/received", |counts| counts.publish_received),
    ("publish/messages/sent", |counts| counts.publish_sent),
    ("publish/messages/dropped", |counts| counts.publish_dropped),
    ("publish/bytes/received", |counts| counts.publish_bytes_received),
    ("publish/bytes/sent", |counts| counts.publish_bytes_sent),
    ("bytes/received", |counts| counts.bytes_received),
    ("bytes/sent", |counts| counts.bytes_sent),
    ("clients/expired", |counts| counts.sessions_expired),
];

/// Our own, where mosquitto has no name.
const OWN: [(&str, Read); 12] = [
    ("publish/messages/dropped/too_large", |counts| counts.dropped_too_large),
    ("publish/messages/dropped/queue_full", |counts| counts.dropped_queue_full),
    ("publish/messages/dropped/expired", |counts| counts.dropped_expired),
    ("publish/messages/dropped/memory_full", |counts| counts.dropped_memory_full),
    ("publish/messages/dropped/store_failing", |counts| counts.dropped_store_failing),
    ("publish/messages/dropped/disk_full", |counts| counts.dropped_disk_full),
    ("publish/messages/dropped/no_member", |counts| counts.dropped_no_member),
    ("publish/messages/refused", |counts| counts.publish_refused),
    ("logins/failed", |counts| counts.logins_failed),
    ("logins/refused", |counts| counts.logins_refused),
    ("subscriptions/refused/levels", |counts| counts.filters_refused),
    ("publish/messages/unreadable", |counts| counts.publish_unreadable),
];

impl Broker {
    /// Publishes `$SYS`; to be called every interval. `counts` is the sum over all workers; `usage` is what the process uses,
    /// where that is known.
    pub fn publish_sys(&self, counts: &Counts, usage: Option<Usage>, load: &mut Load, turn: &mut Turn) {
        load.advance(counts, turn.now);
        // The gauges count what can still be seen.
        self.retained.expire(turn.now);
        let uptime = format!("{} seconds", turn.now.as_micros() / 1_000_000);
        let mut values = vec![
            ("version".to_owned(), concat!("skeeter version ", env!("CARGO_PKG_VERSION")).to_owned()),
            ("uptime".to_owned(), uptime),
            ("store/durability".to_owned(), self.journal.durability().to_string()),
            ("store/failing".to_owned(), u8::from(self.journal.failing_since().is_some()).to_string()),
            ("store/full".to_owned(), u8::from(self.journal.disk_is_full()).to_string()),
        ];
        let mut add = |name: &str, value: String| values.push((name.to_owned(), value));
        if let Some(Usage { cpu, memory }) = usage {
            load.maximum_memory = load.maximum_memory.max(memory);
            add("cpu/seconds", format!("{:.3}", cpu.as_secs_f64()));
            add("heap/current", memory.to_string());
            add("heap/maximum", load.maximum_memory.to_string());
            add("memory/resident", memory.to_string());
        }
        self.gauges(load).into_iter().for_each(|(name, value)| add(name, value.to_string()));
        for (name, total) in self.totals(counts) {
            add(name, total.to_string());
        }
        for ((name, _), averages) in LOADS.iter().zip(load.averages) {
            for (minutes, average) in ["1min", "5min", "15min"].into_iter().zip(averages) {
                add(&format!("load/{name}/{minutes}"), format!("{average:.2}"));
            }
        }
        for (name, value) in values {
            // Who measures CPU time needs to know that none was used.
            if load.published.get(&name) != Some(&value) || name == "cpu/seconds" {
                self.tell(&name, &value, true, turn);
                load.published.insert(name, value);
            }
        }
    }

    /// What the broker has counted since it started, by the names under `$SYS/broker/`.
    pub fn totals(&self, counts: &Counts) -> impl Iterator<Item = (&'static str, u64)> {
        TOTALS.into_iter().chain(OWN).map(|(name, read)| (name, read(counts)))
    }

    /// What the broker holds now.
    pub fn holdings(&self) -> Holdings {
        let clients = self.clients();
        Holdings {
            sessions: clients.len(),
            connected: clients.iter().filter(|client| client.connected.is_some()).count(),
            subscriptions: clients.iter().map(|client| client.subscriptions).sum(),
            shared_subscriptions: self.directory.groups(),
            queued: clients.iter().map(|client| client.queued).sum(),
            in_flight: clients.iter().map(|client| client.in_flight).sum(),
            retained: self.retained.len(),
            retained_bytes: self.retained.bytes(),
        }
    }

    fn gauges(&self, load: &mut Load) -> [(&'static str, usize); 12] {
        let holdings = self.holdings();
        let Holdings { sessions, connected, subscriptions, shared_subscriptions, .. } = holdings;
        let stored = holdings.retained + holdings.queued + holdings.in_flight;
        load.maximum_connections = load.maximum_connections.max(connected);
        [
            ("clients/total", sessions),
            ("clients/connected", connected),
            ("clients/active", connected),
            ("clients/disconnected", sessions - connected),
            ("clients/inactive", sessions - connected),
            ("clients/maximum", load.maximum_connections),
            ("subscriptions/count", subscriptions),
            ("shared_subscriptions/count", shared_subscriptions),
            ("retained messages/count", holdings.retained),
            ("messages/stored", stored),
            ("store/messages/count", stored),
            ("store/messages/bytes", holdings.retained_bytes),
        ]
    }

    /// Publishes a line of the log under mosquitto's name for its type.
    pub fn publish_log(&self, kind: &str, line: &str, turn: &mut Turn) {
        self.tell(&format!("log/{kind}"), line, false, turn);
    }

    fn tell(&self, name: &str, value: &str, retain: bool, turn: &mut Turn) {
        let topic = format!("$SYS/broker/{name}");
        let view = MessageRef {
            topic: &topic,
            properties: &[],
            payload: value.as_bytes(),
            qos: if retain { QoS::AtMostOnce } else { QoS::ExactlyOnce },
            retain,
            expires: Instant::NEVER,
        };
        self.publish(&RoutedMessage::new(view), PublishSource::BROKER, turn);
    }
}

impl Load {
    fn advance(&mut self, counts: &Counts, now: Instant) {
        if let Some(at) = self.at {
            let minutes = now.since(at).as_secs_f64() / 60.0;
            if minutes > 0.0 {
                for ((_, read), averages) in LOADS.iter().zip(&mut self.averages) {
                    #[allow(clippy::cast_precision_loss, reason = "an average for people")]
                    let rate = (read(counts) - read(&self.last)) as f64 / minutes;
                    for (average, window) in averages.iter_mut().zip([1.0, 5.0, 15.0]) {
                        let weight = (-minutes / window).exp();
                        *average = rate + weight * (*average - rate);
                    }
                }
            }
        }
        (self.last, self.at) = (*counts, Some(now));
    }
}
