//! Bridges: clients that forward topics between this broker and others.
//!
//! Each bridge is one task with two connections, between which a [`crate::relay::Relay`] forwards packets: one to the remote
//! broker, and one to this broker by a stream within the process. So its session on this broker is like any other: messages
//! for an unreachable broker are queued in it, within the usual limits, and stored like those of other sessions.

mod hint;
mod local;
mod orders;
mod plan;
mod run;
mod talk;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::worker::Worker;
pub(super) use local::Standing;
use orders::{Order, StopReason};
pub(super) use plan::BridgePlan;

/// How long all bridges together may take to disconnect when the broker stops.
const FAREWELL: Duration = Duration::from_secs(2);

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
    /// Starts the bridges on this worker.
    pub(super) fn start(worker: Rc<Worker>, plans: &[BridgePlan]) -> Rc<Self> {
        let bridges = Rc::new(Self { worker, running: RefCell::default() });
        bridges.apply(plans);
        bridges
    }

    /// Applies a configuration: removed bridges end, new ones start, and changed ones change at once or with their next
    /// connection.
    pub(super) fn apply(&self, plans: &[BridgePlan]) {
        let mut running = self.running.borrow_mut();
        running.retain(|bridge| {
            let old = bridge.orders.borrow().plan.clone();
            let stays = plans.iter().any(|plan| plan.name == old.name);
            if !stays {
                let goes_on = plans.iter().any(|plan| plan.near.client_id == old.near.client_id);
                let stop = if goes_on { StopReason::Replaced } else { StopReason::Removed };
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

    /// Disconnects all bridges, waiting for at most [`FAREWELL`].
    pub(super) async fn stop(&self) {
        let running = std::mem::take(&mut *self.running.borrow_mut());
        for bridge in &running {
            bridge.orders.send_modify(|order| order.stop = Some(StopReason::Shutdown));
        }
        let _ = tokio::time::timeout(FAREWELL, async {
            for bridge in running {
                // A task that panicked has ended too.
                let _ = bridge.task.await;
            }
        })
        .await;
    }
}
