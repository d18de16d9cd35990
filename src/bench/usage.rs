//! CPU time and memory of the broker under test: of its process if the PID is known, from its `$SYS` topics otherwise.
//!
//! mosquitto and skeeter publish their memory, skeeter also its CPU time. What a broker does not publish is not reported.

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::client::{ClientIdentity, Clients, Connected, SessionMode, next_packet};
use super::role::Role;
use super::run::Run;
use crate::codec::packet::{Packet, RetainHandling};
use crate::message::QoS;
use crate::sync::Arc;
use crate::system::process;

/// What the broker used during a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct BrokerUsage {
    /// CPU seconds, and the seconds they were measured over, which may be fewer than the run had.
    pub(super) cpu: Option<(f64, f64)>,
    /// Whether the broker publishes its CPU time, but did so only once during the run.
    pub(super) is_rare: bool,
    /// Seconds from the start of the run until everything had arrived.
    pub(super) seconds: f64,
    /// Bytes at the end.
    pub(super) memory: Option<u64>,
    /// Whether `memory` is only the heap.
    pub(super) is_heap: bool,
    /// Version of the broker, as it reports it.
    pub(super) version: Option<String>,
    /// Where the figures come from.
    pub(super) source: &'static str,
}

/// The figures known at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct UsageReading {
    /// CPU seconds so far, and when that was reported; `first` is the first report since the start of the run.
    pub(super) cpu: Option<(f64, Instant)>,
    first: Option<(f64, Instant)>,
    pub(super) memory: Option<u64>,
    version: Option<String>,
    is_heap: bool,
    /// Whether the broker publishes its CPU time.
    tells_cpu: bool,
}

/// Where the figures are read from.
pub(super) struct UsageSource {
    pid: Option<u32>,
    said: Option<(Arc<watch::Sender<UsageReading>>, JoinHandle<()>)>,
    began: (Instant, UsageReading),
}

impl UsageSource {
    pub(super) fn new(pid: Option<u32>) -> Self {
        Self { pid, said: None, began: (Instant::now(), UsageReading::default()) }
    }

    /// Subscribes to `$SYS`; not being able to is not an error.
    pub(super) async fn listen(&mut self, run: Run) {
        let run = Arc::new(run);
        let clients = &run.clients;
        let identity = ClientIdentity {
            client_id: format!("b{}sys", clients.name),
            ..clients.identity(Role::Publisher(0))
        };
        let opened = async {
            let mut opened = clients.connect(Role::Publisher(0), &identity, SessionMode::AsSet).await.ok()?;
            let (qos, retained) = (QoS::AtMostOnce, RetainHandling::Send);
            clients.subscribe(&mut opened, "$SYS/#", qos, retained).await.ok()?;
            Some(opened)
        };
        if let Ok(Some(opened)) = tokio::time::timeout(Duration::from_secs(2), opened).await {
            let said = Arc::new(watch::Sender::new(UsageReading::default()));
            self.said = Some((said.clone(), tokio::spawn(hear(run, opened, said))));
        }
    }

    pub(super) fn now(&self) -> UsageReading {
        let mut reading =
            self.said.as_ref().map_or(UsageReading::default(), |(said, _)| said.borrow().clone());
        if let Some(usage) = self.pid.and_then(|pid| process::usage(pid).ok()) {
            (reading.cpu, reading.memory) =
                (Some((usage.cpu.as_secs_f64(), Instant::now())), Some(usage.memory));
        }
        reading
    }

    pub(super) async fn begin(&mut self) {
        if let Some((said, _)) = &self.said {
            // Retained messages arrive at once.
            let mut heard = said.subscribe();
            let first = heard.wait_for(|reading| *reading != UsageReading::default());
            let _ = tokio::time::timeout(Duration::from_millis(100), first).await;
            said.send_modify(|reading| reading.first = None);
        }
        self.began = (Instant::now(), self.now());
    }

    /// The usage since the start.
    pub(super) async fn end(&mut self) -> Option<BrokerUsage> {
        let ((at, before), after) = (self.began.clone(), self.now());
        if let Some((_, task)) = self.said.take() {
            task.abort();
        }
        // $SYS must have been published twice during the run: earlier values include other work.
        let first = if self.pid.is_some() { before.cpu } else { after.first };
        let cpu = after.cpu.zip(first).filter(|(after, first)| after.1 > first.1);
        let cpu = cpu.map(|(after, first)| ((after.0 - first.0).max(0.0), (after.1 - first.1).as_secs_f64()));
        let is_rare = cpu.is_none() && after.tells_cpu;
        if cpu.is_none() && after.memory.is_none() && after.version.is_none() {
            return None;
        }
        let source = if self.pid.is_some() { "process" } else { "$SYS" };
        let seconds = at.elapsed().as_secs_f64();
        let (memory, is_heap) = (after.memory, after.is_heap && self.pid.is_none());
        Some(BrokerUsage { cpu, is_rare, seconds, memory, is_heap, version: after.version, source })
    }
}

/// Receives `$SYS` messages until the connection ends.
async fn hear(run: Arc<Run>, mut opened: Connected, tell: Arc<watch::Sender<UsageReading>>) {
    let clients: &Clients = &run.clients;
    loop {
        let heard = |packet: Packet<'_>| {
            if let Packet::Publish(publish) = packet {
                let text = String::from_utf8_lossy(publish.payload);
                tell.send_modify(|reading| reading.take(publish.topic, &text, !publish.retain));
            }
            Ok(())
        };
        if next_packet(&mut opened.stream, &clients.settings, &mut opened.rest, heard).await.is_err() {
            return;
        }
    }
}

impl UsageReading {
    /// A retained value may be of any age.
    fn take(&mut self, topic: &str, text: &str, is_fresh: bool) {
        let number = || text.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes")]
        match topic {
            "$SYS/broker/version" => self.version = Some(text.to_owned()),
            "$SYS/broker/cpu/seconds" => {
                self.tells_cpu = true;
                if let Some(seconds) = number().filter(|_| is_fresh) {
                    self.cpu = Some((seconds, Instant::now()));
                    self.first = self.first.or(self.cpu);
                }
            }
            "$SYS/broker/heap/current" | "$SYS/broker/heap/current size" | "$SYS/broker/memory/resident" => {
                let is_heap = topic.starts_with("$SYS/broker/heap");
                // Where both are known, resident memory counts.
                if !is_heap || self.is_heap || self.memory.is_none() {
                    self.memory = number().map(|bytes| bytes as u64).or(self.memory);
                    self.is_heap = is_heap;
                }
            }
            // EMQX and NanoMQ name the node.
            _ if topic.starts_with("$SYS/brokers/") && topic.ends_with("/version") => {
                self.version = Some(text.to_owned());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UsageReading;

    #[test]
    fn sys_topics_of_different_brokers_are_read() {
        let mut reading = UsageReading::default();
        reading.take("$SYS/broker/version", "mosquitto version 2.0.11", false);
        reading.take("$SYS/broker/heap/current", "47216", false);
        reading.take("$SYS/broker/cpu/seconds", "1.25", true);
        reading.take("$SYS/broker/cpu/seconds", "1.5", true);
        reading.take("$SYS/broker/uptime", "3 seconds", false);
        let seconds = [reading.first, reading.cpu].map(|cpu| cpu.map(|(seconds, _)| seconds));
        assert_eq!((seconds, reading.memory), ([Some(1.25), Some(1.5)], Some(47_216)));
        assert_eq!(reading.version.as_deref(), Some("mosquitto version 2.0.11"));
        reading.take("$SYS/broker/heap/current", "", true);
        assert_eq!(reading.memory, Some(47_216));
    }

    #[test]
    fn retained_cpu_time_is_not_used_as_a_measurement() {
        let mut reading = UsageReading::default();
        reading.take("$SYS/broker/cpu/seconds", "1.25", false);
        assert_eq!((reading.cpu, reading.tells_cpu), (None, true));
    }
}
