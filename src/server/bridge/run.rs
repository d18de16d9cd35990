//! The life of one bridge: when it connects, to which of its addresses, and what it does when a connection ends.

use std::cell::Cell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, sleep_until};

use super::orders::{BridgeLog, Order, StopReason};
use super::plan::BridgePlan;
use super::talk::{Asked, Over, RemoteSession, Talk};
use super::{hint, local};
use crate::client::Client;
use crate::codec::packet::{RetainHandling, Version};
use crate::codec::reason::Reason;
use crate::config::bridge::StartType;
use crate::dial::connection::random;
use crate::message::QoS;
use crate::net::link::{Ended, Link, Opened};
use crate::net::{self, Target};
use crate::relay::{Pause, Places, Relay};
use crate::server::log::{LogEvent, Retry};
use crate::server::worker::Worker;
use crate::text::Quoted;

/// A connection that the other broker ends within this time may have ended because of what the bridge sent first.
const SOON: Duration = Duration::from_secs(5);
/// How often a lazy bridge checks how many messages are queued for it.
const LOOK: Duration = Duration::from_millis(250);

struct BridgeTask {
    worker: Rc<Worker>,
    log: BridgeLog,
    orders: Receiver<Order>,
    plan: Rc<BridgePlan>,
    /// [`Order::urgent`] of the last order carried out.
    urgent: u32,
    places: Places,
    pause: Pause,
    /// Whether the session on this broker has the subscriptions of the plan.
    is_prepared: bool,
    /// Whether that session was created since the last connection, so that the remote broker knows none of its messages.
    is_new: bool,
    /// The state of the relay between two connections.
    relay: Relay,
    /// Whether the remote broker refuses connections with the bridge bit.
    is_unmarked: bool,
    /// The subscriptions at the remote broker and the index of its address, if there was a connection.
    asked: Option<(usize, Asked)>,
}

/// What follows an attempt to connect.
enum Next {
    /// Another attempt at once.
    Again,
    /// Another attempt after this time.
    After(Duration),
    /// No attempt until a reload changes the bridge.
    Rest,
}

pub(super) async fn run(worker: Rc<Worker>, orders: Receiver<Order>) {
    let Order { plan, urgent, stop: _ } = orders.borrow().clone();
    let mut bridge = BridgeTask {
        log: BridgeLog { worker: worker.clone(), name: plan.name.clone() },
        worker,
        orders,
        places: plan.places(),
        pause: plan.pause(),
        plan,
        urgent,
        is_prepared: false,
        is_new: false,
        relay: Relay::default(),
        is_unmarked: false,
        asked: None,
    };
    loop {
        bridge.take_over().await;
        let stop = bridge.orders.borrow().stop;
        if let Some(stop) = stop {
            return bridge.stop(stop).await;
        }
        match bridge.attempt().await {
            Next::Again => {}
            Next::After(pause) => {
                tokio::select! {
                    () = sleep(pause) => {}
                    () = interrupted(&mut bridge.orders, bridge.urgent) => {}
                }
            }
            Next::Rest => {
                if bridge.orders.changed().await.is_err() {
                    std::future::pending().await
                }
            }
        }
    }
}

/// Waits for an order that takes effect before the next connection: to stop, or an urgent change.
async fn interrupted(orders: &mut Receiver<Order>, seen: u32) {
    loop {
        let is_new = {
            let order = orders.borrow_and_update();
            order.stop.is_some() || order.urgent != seen
        };
        if is_new {
            return;
        }
        if orders.changed().await.is_err() {
            // The broker is stopping; this task ends with it.
            std::future::pending().await
        }
    }
}

impl BridgeTask {
    /// Adopts the plan of the last order.
    async fn take_over(&mut self) {
        let Order { plan, urgent, stop: _ } = self.orders.borrow_and_update().clone();
        self.urgent = urgent;
        if Rc::ptr_eq(&plan, &self.plan) {
            return;
        }
        let old = std::mem::replace(&mut self.plan, plan);
        if old.near.client_id != self.plan.near.client_id || old.near.is_kept && !self.plan.near.is_kept {
            self.forget(&old).await;
        }
        if old.far.client_id != self.plan.far.client_id || old.targets.len() != self.plan.targets.len() {
            self.asked = None;
        }
        (self.places, self.pause) = (self.plan.places(), self.plan.pause());
        (self.is_prepared, self.is_unmarked) = (false, false);
        self.log.write(&LogEvent::BridgeReloaded { bridge: &self.log.name });
    }

    async fn forget(&self, plan: &BridgePlan) {
        if let Err(ended) = local::forget(&self.worker, plan).await {
            let (bridge, client_id) = (&*self.log.name, Quoted(&plan.near.client_id));
            let reason = &ended.to_string();
            self.log.write(&LogEvent::BridgeSessionLeft { bridge, client_id, reason });
        }
    }

    async fn stop(self, stop: StopReason) {
        match stop {
            StopReason::Shutdown => {}
            StopReason::Removed => {
                self.forget(&self.plan).await;
                self.log.write(&LogEvent::BridgeRemoved { bridge: &self.log.name, session_kept: false });
            }
            StopReason::Replaced => {
                self.worker.state.broker.hand_over(&self.plan.near.client_id);
                self.log.write(&LogEvent::BridgeRemoved { bridge: &self.log.name, session_kept: true });
            }
        }
    }

    /// Publishes the connection state on this broker.
    fn announce(&self, state: &str) {
        if let Some(notice) = &self.plan.notice {
            let mut turn = self.worker.begin();
            self.worker.state.broker.announce(&notice.topic, state, &mut turn);
            self.worker.finish(turn);
        }
    }

    /// Prepares the session on this broker if necessary, connects when there is a reason to, and forwards messages until the
    /// connection ends.
    async fn attempt(&mut self) -> Next {
        if !self.is_prepared {
            if let Err(ended) = self.prepare().await {
                return self.refused_here(&ended);
            }
            self.is_prepared = true;
        }
        let (worker, plan, mut orders) = (self.worker.clone(), self.plan.clone(), self.orders.clone());
        if plan.is_lazy() {
            tokio::select! {
                () = enough_waits(&worker, &plan) => {}
                // A change that is not urgent counts too: it may change the subscriptions of the local session.
                changed = orders.changed() => {
                    if changed.is_err() {
                        std::future::pending().await
                    }
                    return Next::Again;
                }
            }
        }
        let urgent = self.urgent;
        let connected = tokio::select! {
            connected = self.connect() => connected,
            () = interrupted(&mut orders, urgent) => return Next::Again,
        };
        match connected {
            Ok(talk) => self.serve(talk).await,
            Err(next) => next,
        }
    }

    async fn prepare(&mut self) -> Result<(), Ended> {
        self.announce("0");
        let near = &self.plan.near;
        let existing = self.worker.state.broker.filters(&near.client_id);
        let wanted = self.plan.topics.local();
        let is_there = existing.len() == wanted.len()
            && wanted.iter().all(|(wanted, _)| existing.iter().any(|filter| **filter == **wanted));
        // A connection just to prepare the session would be sent the queued QoS 0 messages, and lose them.
        if !near.is_kept || is_there && self.plan.is_lazy() {
            return Ok(());
        }
        let (was_there, refused) = local::prepare(&self.worker, &self.plan).await?;
        self.is_new |= !was_there;
        if let Some(reason) = refused.first() {
            self.log_refused_subscription(&reason.to_string());
        }
        Ok(())
    }

    /// Connects to both brokers, to the remote one first: its Receive Maximum limits the local connection too.
    async fn connect(&mut self) -> Result<Talk, Next> {
        let plan = self.plan.clone();
        let place = self.places.current();
        let target = &plan.targets[place];
        let (mut far, opened) = match self.reach(target).await {
            Ok(reached) => reached,
            Err(ended) => return Err(self.unreachable(target, &ended)),
        };
        let window = far.client().negotiated().receive_maximum.min(plan.near.window);
        let (near, at_home) = match local::open(&self.worker, &plan, window).await {
            Ok(opened) => opened,
            Err(ended) => {
                far.abandon().await;
                return Err(self.refused_here(&ended));
            }
        };
        self.places.answered();
        Ok(self.begin(near, at_home, far, opened, place))
    }

    fn begin(&mut self, mut near: Link, at_home: Opened, far: Link, opened: Opened, place: usize) -> Talk {
        let plan = self.plan.clone();
        let version = far.client().settings().version;
        // CONNACK of MQTT 3.1 has no Session Present: without Clean Session, the session is assumed to be resumed.
        let resumed = opened.session_present || version == Version::V3_1 && !plan.far.clean_start;
        let former = self.asked.take().filter(|(at, _)| *at == place);
        // A remote broker that has lost the session may have lost the retained messages as well: they are sent again.
        let forgot = former.is_some() && !resumed;
        let retained = |qos| match qos {
            QoS::AtLeastOnce | QoS::ExactlyOnce if !forgot => RetainHandling::SendIfNew,
            _ => RetainHandling::Send,
        };
        let subscribed = local::subscribe(&self.worker, &mut near, &plan, retained);
        if let Err(refusal) = subscribed {
            self.log_refused_subscription(&format!("cannot send SUBSCRIBE: {refusal}"));
        }
        let mut relay = std::mem::take(&mut self.relay);
        let is_new = std::mem::take(&mut self.is_new) || !at_home.session_present;
        relay.begin(plan.topics.clone(), plan.retains, !is_new, resumed);
        let is_first = former.is_none();
        let asked = former.map(|(_, asked)| asked).unwrap_or_default();
        let mut talk = Talk::new(near, far, relay, asked, self.log.clone());
        let session = match (resumed, is_first) {
            (false, _) => RemoteSession::New,
            (true, false) => RemoteSession::Resumed,
            (true, true) => RemoteSession::Unknown,
        };
        talk.ask(&plan, session);
        if let Some(notice) = plan.notice.as_ref().filter(|notice| notice.tells_far) {
            talk.announce(&notice.topic, "1", QoS::AtLeastOnce, plan.retains);
        }
        self.announce("1");
        self.log.write(&LogEvent::BridgeConnected {
            bridge: &self.log.name,
            target: &plan.targets[place].to_string(),
            client_id: Quoted(&plan.far.client_id),
            mqtt_version: version.name(),
            session_present: opened.session_present,
        });
        talk
    }

    /// Connects to the remote broker.
    async fn reach(&mut self, target: &Target) -> Result<(Link, Opened), Ended> {
        let mut settings = self.plan.far.clone();
        settings.bridge &= !self.is_unmarked;
        let is_marked = settings.bridge;
        let mut link = Link::new(Client::new(settings), target.clone());
        if self.worker.state.log.logs_packets() {
            link.show_to(self.log.witness());
        }
        let mut result = link.open().await;
        if is_marked && result.as_ref().is_err_and(may_not_know_bridges) {
            link.abandon().await;
            link.client_mut().settings_mut().bridge = false;
            let plain = link.open().await;
            if plain.is_ok() {
                self.is_unmarked = true;
                self.log.write(&LogEvent::BridgeLoopPossible { bridge: &self.log.name });
            }
            result = plain;
        }
        match result {
            Ok(opened) => Ok((link, opened)),
            Err(ended) => {
                link.abandon().await;
                Err(ended)
            }
        }
    }

    fn unreachable(&mut self, target: &Target, ended: &Ended) -> Next {
        let all_failed = self.places.failed();
        let next_target = (!all_failed).then(|| self.plan.targets[self.places.current()].to_string());
        let (retry_seconds, next) = if all_failed { self.retry() } else { (Retry(None), Next::Again) };
        self.log.write(&LogEvent::BridgeConnectFailed {
            bridge: &self.log.name,
            target: &target.to_string(),
            reason: &hint::connecting(ended, &self.plan),
            next_target: next_target.as_deref(),
            retry_seconds,
        });
        next
    }

    /// Logs that this broker refused the bridge.
    fn refused_here(&mut self, ended: &Ended) -> Next {
        let pause = self.pause.next(random());
        let (bridge, reason, retry_seconds) = (&*self.log.name, &*ended.to_string(), Retry(Some(pause)));
        self.log.write(&LogEvent::BridgeRefused { bridge, reason, retry_seconds });
        Next::After(pause)
    }

    fn log_refused_subscription(&self, reason: &str) {
        let bridge = &*self.log.name;
        let event = LogEvent::BridgeSubscriptionRefused { bridge, remote: false, filter: None, reason };
        self.log.write(&event);
    }

    /// When the bridge reconnects after a failure.
    fn retry(&mut self) -> (Retry, Next) {
        if self.plan.start == StartType::Once {
            return (Retry(None), Next::Rest);
        }
        let pause = self.pause.next(random());
        (Retry(Some(pause)), Next::After(pause))
    }

    /// Forwards messages until a connection ends, or until there is a reason to end it.
    async fn serve(&mut self, mut talk: Talk) -> Next {
        let plan = self.plan.clone();
        let place = self.places.current();
        let since = Instant::now();
        let mut orders = self.orders.clone();
        let last = talk.last.clone();
        let over = tokio::select! {
            over = talk.go() => over,
            () = interrupted(&mut orders, self.urgent) => {
                self.part(talk, place).await;
                return Next::Again;
            }
            () = idle(&plan, &last) => {
                let (bridge, idle_seconds) = (&*self.log.name, plan.idle.as_secs());
                self.log.write(&LogEvent::BridgeIdle { bridge, idle_seconds });
                self.part(talk, place).await;
                return Next::Again;
            }
            () = better(&plan, self.places) => {
                let (bridge, target) = (&*self.log.name, &*plan.targets[0].to_string());
                self.log.write(&LogEvent::BridgePrimaryReachable { bridge, target });
                self.part(talk, place).await;
                self.places.lost();
                return Next::Again;
            }
        };
        self.announce("0");
        self.tell_lost(&talk);
        if matches!(&over, Over::Far(ended) if ended.is_by_broker()) {
            talk.relay.suspect();
        }
        self.keep(&mut talk, place);
        talk.abandon().await;
        let lasted = since.elapsed();
        if lasted >= plan.stable() {
            self.pause.reset();
        }
        self.places.lost();
        let (retry_seconds, next) = self.retry();
        let bridge = &*self.log.name;
        match over {
            Over::Far(ended) => {
                let target = &*plan.targets[place].to_string();
                let reason = match lasted < SOON {
                    true => hint::soon_ended(&ended, &plan),
                    false => ended.to_string(),
                };
                let reason = &*reason;
                self.log.write(&LogEvent::BridgeDisconnected { bridge, target, reason, retry_seconds });
            }
            Over::Near(ended) => {
                let reason = &ended.to_string();
                self.log.write(&LogEvent::BridgeRefused { bridge, reason, retry_seconds });
            }
        }
        next
    }

    /// Ends a connection that is good.
    async fn part(&mut self, mut talk: Talk, place: usize) {
        self.announce("0");
        self.tell_lost(&talk);
        self.keep(&mut talk, place);
        let notice = self.plan.notice.as_ref().filter(|notice| notice.tells_far);
        talk.farewell(notice.map(|notice| (notice.topic.as_str(), self.plan.retains))).await;
    }

    /// What is known for the next connection.
    fn keep(&mut self, talk: &mut Talk, place: usize) {
        self.asked = Some((place, std::mem::take(&mut talk.asked)));
        self.relay = std::mem::take(&mut talk.relay);
    }

    fn tell_lost(&self, talk: &Talk) {
        let lost = talk.lost();
        if lost > 0 {
            self.log.write(&LogEvent::BridgeMessagesDropped { bridge: &self.log.name, count: lost });
        }
    }
}

/// Until a lazy bridge has nothing to do; others never have.
async fn idle(plan: &BridgePlan, last: &Cell<Instant>) {
    if !plan.is_lazy() {
        return std::future::pending().await;
    }
    loop {
        let end = last.get() + plan.idle;
        sleep_until(end).await;
        if last.get() + plan.idle <= end {
            return;
        }
    }
}

/// Until the first address answers, where the bridge would rather be.
async fn better(plan: &BridgePlan, places: Places) {
    if !places.is_makeshift() {
        return std::future::pending().await;
    }
    let mut pause = plan.pause();
    loop {
        sleep(pause.next(random())).await;
        let limit = plan.far.connect_timeout;
        let reached = tokio::time::timeout(limit, net::connect(&plan.targets[0])).await;
        if matches!(reached, Ok(Ok(_))) {
            return;
        }
    }
}

/// Waits until enough messages are queued for a lazy bridge to connect.
async fn enough_waits(worker: &Worker, plan: &BridgePlan) {
    while worker.state.broker.waiting(&plan.near.client_id) < plan.threshold {
        sleep(LOOK).await;
    }
}

/// Whether the connection ended as it does with brokers that do not know the bridge bit: they refuse the protocol level, or
/// close the connection.
fn may_not_know_bridges(ended: &Ended) -> bool {
    match ended {
        Ended::Refused { reason, .. } => *reason == Reason::UNSUPPORTED_PROTOCOL_VERSION,
        Ended::Lost(_) => true,
        Ended::Unanswered(error) => error.kind() != ErrorKind::TimedOut,
        Ended::Unreachable(_)
        | Ended::RefusedWith(_)
        | Ended::NotMqtt(_)
        | Ended::Disconnected { .. }
        | Ended::Silent(_)
        | Ended::Fault(_) => false,
    }
}
