//! The two connections of a bridge, while both are open.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use tokio::time::Instant;

use super::orders::BridgeLog;
use super::plan::BridgePlan;
use super::plan::subscription_options;
use crate::client::{Event, Refusal};
use crate::codec::packet::{Options, Packet, PacketId, Publish, RetainHandling, Suback, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::message::QoS;
use crate::net::link::{Ended, Link};
use crate::relay::{News, Passed, Relay, Side};
use crate::server::log::LogEvent;
use crate::text::Quoted;

/// Filters per packet to the remote broker: some brokers accept no more.
const FILTERS: usize = 8;

/// Which of the two connections has ended, and why.
pub(super) enum Over {
    Near(Ended),
    Far(Ended),
}

/// The session of the bridge at the remote broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemoteSession {
    New,
    /// Resumed, with subscriptions that this process made.
    Resumed,
    /// Resumed, with subscriptions of an earlier process.
    Unknown,
}

/// A request to the remote broker.
enum BridgeRequest {
    Subscribe(Vec<(String, Options)>),
    Unsubscribe(Vec<String>),
}

/// The subscriptions of the bridge's session at the remote broker.
pub(super) type Asked = BTreeMap<String, QoS>;

pub(super) struct Talk {
    near: Link,
    far: Link,
    pub(super) relay: Relay,
    requests: VecDeque<BridgeRequest>,
    /// Filters of the SUBSCRIBE packets without a SUBACK yet.
    waiting: Vec<(PacketId, Vec<(String, QoS)>)>,
    pub(super) asked: Asked,
    /// When the last message was forwarded.
    pub(super) last: Rc<Cell<Instant>>,
    log: BridgeLog,
    /// Messages that could not be forwarded.
    lost: u64,
    /// Number of PINGRESP packets that must have arrived before messages are sent. While the bridge is finding out which
    /// message ends the connection, the first PINGRESP shows that the connection holds without any.
    probe: u64,
}

impl Talk {
    pub(super) fn new(near: Link, far: Link, relay: Relay, asked: Asked, log: BridgeLog) -> Self {
        Self {
            near,
            far,
            relay,
            requests: VecDeque::new(),
            waiting: Vec::new(),
            asked,
            last: Rc::new(Cell::new(Instant::now())),
            log,
            lost: 0,
            probe: 0,
        }
    }

    /// Sends a PINGREQ if the connection must prove itself before a message is sent.
    fn probe(&mut self) {
        if self.relay.is_careful() {
            let (client, now, out) = self.far.command();
            self.probe = client.pongs() + u64::from(client.ping(now, out));
        }
    }

    /// Whether no further message may be taken from this broker until the remote one has answered.
    fn holds_back(&self) -> bool {
        self.relay.holds_back() || self.far.client().pongs() < self.probe
    }

    /// Subscribes at the remote broker to what the plan forwards from it, and unsubscribes from the rest.
    pub(super) fn ask(&mut self, plan: &BridgePlan, session: RemoteSession) {
        let is_v5 = self.far.client().settings().version == Version::V5;
        let wanted = plan.topics.remote();
        if session != RemoteSession::New {
            let former = self.asked.keys().filter(|filter| wanted.iter().all(|(wanted, _)| wanted != filter));
            let mut unwanted: Vec<String> = former.cloned().collect();
            if plan.unsubscribes && session == RemoteSession::Unknown {
                unwanted.extend(plan.topics.only_out().into_iter().map(str::to_owned));
            }
            self.requests
                .extend(unwanted.chunks(FILTERS).map(|filters| BridgeRequest::Unsubscribe(filters.to_vec())));
        } else {
            self.asked.clear();
        }
        let filters = wanted.into_iter().filter(|(filter, qos)| {
            // Before MQTT 5, each SUBSCRIBE makes the broker send all retained messages again. An existing subscription at
            // QoS 1 or 2 does not need it, as changes were queued meanwhile.
            is_v5 || *qos == QoS::AtMostOnce || self.asked.get(*filter) != Some(qos)
        });
        let filters: Vec<_> = filters
            .map(|(filter, qos)| {
                let retain_handling = match qos {
                    // Changes were not queued meanwhile.
                    QoS::AtMostOnce => RetainHandling::Send,
                    QoS::AtLeastOnce | QoS::ExactlyOnce => RetainHandling::SendIfNew,
                };
                (filter.to_owned(), subscription_options(filter, qos, retain_handling))
            })
            .collect();
        self.requests
            .extend(filters.chunks(FILTERS).map(|filters| BridgeRequest::Subscribe(filters.to_vec())));
    }

    /// Publishes the connection state at the remote broker.
    pub(super) fn announce(&mut self, topic: &str, payload: &str, qos: QoS, retain: bool) {
        let (client, now, out) = self.far.command();
        let limits = client.negotiated();
        let qos = qos.min(limits.maximum_qos);
        let publish = Publish {
            dup: false,
            qos,
            retain: retain && limits.retain_available,
            topic,
            packet_id: (qos != QoS::AtMostOnce).then_some(PacketId::MAX),
            properties: Properties::EMPTY,
            payload: payload.as_bytes(),
        };
        // A remote broker that does not accept even this small message goes without it.
        let _ = client.relay(now, &Packet::Publish(publish), out);
    }

    /// Forwards messages until one of the connections ends. Cancel safe.
    pub(super) async fn go(&mut self) -> Over {
        self.send_requests();
        // After the bridge's own requests.
        self.probe();
        loop {
            if let Err(over) = self.exchange() {
                return over;
            }
            // A connection is not read while the other one cannot be written to, so that each broker queues the messages
            // and slows its publishers down.
            let near = Reading::while_true(self.far.is_writable() && !self.holds_back());
            let far = Reading::while_true(self.near.is_writable());
            tokio::select! {
                moved = run_side(&mut self.near, near) => if let Err(ended) = moved { return Over::Near(ended) },
                moved = run_side(&mut self.far, far) => if let Err(ended) = moved { return Over::Far(ended) },
            }
        }
    }

    /// Forwards everything that has arrived and may be forwarded.
    fn exchange(&mut self) -> Result<(), Over> {
        self.send_requests();
        loop {
            let out = self.step(Side::Near)?;
            let into = self.step(Side::Far)?;
            if !out && !into {
                return Ok(());
            }
        }
    }

    fn step(&mut self, from: Side) -> Result<bool, Over> {
        if from == Side::Near && self.holds_back() {
            return Ok(false);
        }
        let Self { near, far, relay, .. } = self;
        let (source, target) = match from {
            Side::Near => (near, far),
            Side::Far => (far, near),
        };
        if !target.is_writable() {
            return Ok(false);
        }
        let over = |ended| match from {
            Side::Near => Over::Near(ended),
            Side::Far => Over::Far(ended),
        };
        let mut answered = None;
        let passed = match source.event().map_err(over)? {
            None => return Ok(false),
            Some(Event::Disconnected { reason, properties }) => {
                let text = properties.reason_string().map(str::to_owned);
                return Err(over(Ended::Disconnected { reason, text }));
            }
            Some(Event::Subscribed(suback)) => {
                let Suback { packet_id, reasons, properties: _ } = suback;
                answered = Some((packet_id, reasons));
                Passed::default()
            }
            Some(event) => relay.pass(from, &event, target.command()),
        };
        if let Some(answer) = passed.answer {
            let (client, now, out) = source.command();
            // Without properties it fits any Maximum Packet Size.
            let _ = client.relay(now, &answer, out);
        }
        if let Some((packet_id, reasons)) = answered {
            self.subscribed(from, packet_id, &reasons);
            self.send_requests();
        }
        if let Some(news) = passed.news {
            self.tell(from, news);
        }
        Ok(true)
    }

    fn send_requests(&mut self) {
        while let Some(request) = self.requests.front() {
            let (client, now, out) = self.far.command();
            let sent = match request {
                BridgeRequest::Subscribe(filters) => {
                    let filters: Vec<_> =
                        filters.iter().map(|(filter, options)| (filter.as_str(), *options)).collect();
                    client.subscribe(now, &filters, Properties::EMPTY, out)
                }
                BridgeRequest::Unsubscribe(filters) => {
                    let filters: Vec<_> = filters.iter().map(String::as_str).collect();
                    client.unsubscribe(now, &filters, Properties::EMPTY, out)
                }
            };
            match (sent, self.requests.pop_front()) {
                (Err(Refusal::Full), Some(request)) => return self.requests.push_front(request),
                (Ok(id), Some(BridgeRequest::Subscribe(filters))) => {
                    let filters = filters.into_iter().map(|(filter, options)| (filter, options.qos));
                    self.waiting.push((id, filters.collect()));
                }
                (Ok(_), Some(BridgeRequest::Unsubscribe(filters))) => {
                    self.asked.retain(|asked, _| filters.iter().all(|filter| filter != asked));
                }
                (Err(why), Some(BridgeRequest::Subscribe(filters))) => {
                    let reason = &format!("cannot send SUBSCRIBE: {why}");
                    for (filter, _) in &filters {
                        self.log_refused_subscription(Side::Far, Some(filter), reason);
                    }
                }
                (Err(_), _) | (_, None) => {}
            }
        }
    }

    fn subscribed(&mut self, from: Side, id: PacketId, reasons: &[Reason]) {
        if from == Side::Near {
            if let Some(reason) = reasons.iter().find(|reason| reason.is_failure()) {
                self.log_refused_subscription(Side::Near, None, &reason.to_string());
            }
            return;
        }
        let Some(position) = self.waiting.iter().position(|(waiting, _)| *waiting == id) else { return };
        let (_, filters) = self.waiting.swap_remove(position);
        for ((filter, qos), reason) in filters.into_iter().zip(reasons) {
            if !reason.is_grant() {
                self.log_refused_subscription(Side::Far, Some(&filter), &reason.to_string());
            } else {
                self.asked.insert(filter, qos);
            }
        }
    }

    fn log_refused_subscription(&self, by: Side, filter: Option<&str>, reason: &str) {
        let (bridge, remote, filter) = (&self.log.name, by == Side::Far, filter.map(Quoted));
        self.log.write(&LogEvent::BridgeSubscriptionRefused { bridge, remote, filter, reason });
    }

    fn tell(&mut self, from: Side, news: News) {
        let (receiver, source) = match from {
            Side::Near => ("the remote broker", "this broker"),
            Side::Far => ("this broker", "the remote broker"),
        };
        let is_first = self.lost == 0;
        let (topic, reason) = match &news {
            News::Message => return self.last.set(Instant::now()),
            // No subscription asked for it, so nobody misses it.
            News::Unasked(_) => return,
            News::TooLarge { topic, most } => {
                (Some(topic), format!("larger than the Maximum Packet Size of {receiver}, {most} bytes"))
            }
            News::BadTopic(topic) => (Some(topic), format!("{source} sent an invalid topic name")),
            News::GivenUp(topic) => {
                (Some(topic), format!("{receiver} closed the connection three times when it was sent"))
            }
            // The acknowledgement comes from the receiver of the message.
            News::Refused(reason) => (None, format!("refused by {source}: {reason}")),
        };
        self.lost += 1;
        if is_first || matches!(news, News::GivenUp(_)) {
            let (bridge, topic) = (&*self.log.name, topic.map(|topic| Quoted(topic)));
            self.log.write(&LogEvent::BridgeDropStarted { bridge, topic, reason: &reason });
        }
    }

    /// Number of messages that could not be forwarded.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Disconnects from both brokers, after publishing the state 0 at the remote one if `last` names a topic for it.
    pub(super) async fn farewell(mut self, last: Option<(&str, bool)>) {
        if let Some((topic, retain)) = last {
            self.announce(topic, "0", QoS::AtMostOnce, retain);
        }
        // A connection on which this fails has ended as well.
        let _ = self.far.close(Reason::SUCCESS, Properties::EMPTY).await;
        let _ = self.near.close(Reason::SUCCESS, Properties::EMPTY).await;
    }

    /// Closes what is left after one connection was lost.
    pub(super) async fn abandon(mut self) {
        self.far.abandon().await;
        let _ = self.near.close(Reason::SUCCESS, Properties::EMPTY).await;
    }
}

/// Whether packets are read from a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Continues,
    Paused,
}

impl Reading {
    fn while_true(condition: bool) -> Self {
        if condition { Self::Continues } else { Self::Paused }
    }
}

async fn run_side(link: &mut Link, reading: Reading) -> Result<(), Ended> {
    match reading {
        Reading::Continues => link.progress().await,
        Reading::Paused => Err(link.hold().await),
    }
}
