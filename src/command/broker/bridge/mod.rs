//! Bridges: clients that carry topics between this broker and others.
//!
//! Each is one task with two connections, whose packets a [`crate::relay::Relay`] hands on: to the other broker by the
//! transports of the clients, and to this one by a stream within the process. So its session here is one like any other:
//! what waits for a broker that is not there waits in it, within the limits of all, and is kept where sessions are kept.

mod local;
mod plan;
mod run;
mod talk;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(super) use local::Standing;
pub(super) use plan::Plan;

use super::worker::Worker;
use crate::codec::packet::{Options, RetainHandling};
use crate::link::{Way, Witness};
use crate::message::QoS;
use crate::text;

/// How long all bridges together may take to say farewell when the broker stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the task of a bridge is told.
#[derive(Clone, Debug)]
struct Order {
    plan: Rc<Plan>,
    /// Raised by what is not to wait for the next connection.
    urgent: u32,
    stop: Option<Stop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The broker ends.
    Shutdown,
    /// The configuration has it no more: neither has this broker.
    Removed,
    /// The same, but another bridge has its session from now on.
    Replaced,
}

/// How a bridge subscribes: what it brought is not sent back, and what is retained stays so. Nobody can subscribe to a share
/// and keep away what he published himself [MQTT-3.8.3-4].
fn asks(filter: &str, qos: QoS, retain_handling: RetainHandling) -> Options {
    let no_local = !filter.starts_with("$share/");
    Options { qos, no_local, retain_as_published: true, retain_handling }
}

/// What a bridge says in the log.
#[derive(Clone)]
struct Voice {
    worker: Rc<Worker>,
    name: String,
}

impl Voice {
    fn info(&self, text: &str) {
        self.worker.shared.log.info(&format!("bridge {}: {text}", self.name));
    }

    /// Logs each packet to and from the other broker.
    fn witness(&self) -> Witness {
        let voice = self.clone();
        Box::new(move |way, packet| {
            let way = if way == Way::Out { "sent" } else { "received" };
            let text = format!("bridge {}: {way} {}", voice.name, text::brief(packet));
            voice.worker.shared.log.debug(&text);
        })
    }

    fn warning(&self, text: &str) {
        self.worker.shared.log.warning(&format!("bridge {}: {text}", self.name));
    }
}

/// All bridges of the broker.
pub(super) struct Bridges {
    worker: Rc<Worker>,
    running: RefCell<Vec<Running>>,
}

struct Running {
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl Bridges {
    /// Starts them on this worker.
    pub(super) fn start(worker: Rc<Worker>, plans: &[Plan]) -> Rc<Self> {
        let bridges = Rc::new(Self { worker, running: RefCell::default() });
        bridges.apply(plans);
        bridges
    }

    /// From now on there are these: others end, and those that have changed do what they are told now, or with their next
    /// connection.
    pub(super) fn apply(&self, plans: &[Plan]) {
        let mut running = self.running.borrow_mut();
        running.retain(|bridge| {
            let old = bridge.orders.borrow().plan.clone();
            let stays = plans.iter().any(|plan| plan.name == old.name);
            if !stays {
                let goes_on = plans.iter().any(|plan| plan.near.client_id == old.near.client_id);
                let stop = if goes_on { Stop::Replaced } else { Stop::Removed };
                bridge.orders.send_modify(|order| order.stop = Some(stop));
            }
            stays
        });
        for plan in plans {
            let found = running.iter().find(|bridge| bridge.orders.borrow().plan.name == plan.name);
            let Some(bridge) = found else {
                let order = Order { plan: Rc::new(plan.clone()), urgent: 0, stop: None };
                let (orders, receiver) = watch::channel(order);
                let task = tokio::task::spawn_local(run::run(self.worker.clone(), receiver));
                running.push(Running { orders, task });
                continue;
            };
            if !bridge.orders.borrow().plan.is_same(plan) {
                bridge.orders.send_modify(|order| {
                    order.plan = Rc::new(plan.clone());
                    order.urgent += u32::from(plan.at_once);
                });
            }
        }
    }

    /// Lets all of them say farewell, for a while.
    pub(super) async fn stop(&self) {
        let running = std::mem::take(&mut *self.running.borrow_mut());
        for bridge in &running {
            bridge.orders.send_modify(|order| order.stop = Some(Stop::Shutdown));
        }
        let _ = tokio::time::timeout(FAREWELL, async {
            for bridge in running {
                // One that has failed is gone as well.
                let _ = bridge.task.await;
            }
        })
        .await;
    }
}
