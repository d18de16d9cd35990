//! What all threads of the server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::clock::BrokerClock;
use super::control_queue::ControlQueue;
use super::log::Log;
use super::password_pool::PasswordPool;
use crate::broker::{Broker, Counters, Counts};
use crate::time::Instant;

#[derive(Debug)]
pub(super) struct ServerState {
    pub(super) broker: Arc<Broker>,
    pub(super) password_pool: PasswordPool,
    pub(super) log: Arc<Log>,
    /// Requests to the control interface.
    pub(super) control: ControlQueue,
    /// Whether TCP sends small packets at once.
    pub(super) nodelay: AtomicBool,
    /// One for each worker, one for the control thread, and one for the other threads.
    pub(super) counters: Vec<Arc<Counters>>,
    /// Open connections of each worker, those before MQTT included; the last is the control thread.
    loads: Vec<AtomicUsize>,
    /// Connections of all workers that carry MQTT.
    connections: AtomicUsize,
    /// Notified when the last of them has closed.
    idle: Notify,
    pub(super) clock: BrokerClock,
}

impl ServerState {
    pub(super) fn new(broker: Broker, log: Arc<Log>, workers: usize) -> Self {
        let (broker, clock) = (Arc::new(broker), BrokerClock::start());
        Self {
            password_pool: PasswordPool::new(broker.clone(), clock),
            broker,
            log,
            control: ControlQueue::default(),
            nodelay: AtomicBool::new(true),
            counters: (0..workers + 2).map(|_| Arc::default()).collect(),
            loads: (0..=workers).map(|_| AtomicUsize::new(0)).collect(),
            connections: AtomicUsize::new(0),
            idle: Notify::new(),
            clock,
        }
    }

    /// The counters of threads that are no workers.
    pub(super) fn spare_counters(&self) -> Arc<Counters> {
        self.counters.last().cloned().unwrap_or_default()
    }

    /// The sum of all counters.
    pub(super) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.counters.iter().for_each(|counters| counters.add_to(&mut sum));
        sum
    }

    /// The number that the control thread has as a worker; no client is given to it.
    pub(super) fn control_worker(&self) -> usize {
        self.loads.len() - 1
    }

    /// The number of the worker with the fewest connections.
    pub(super) fn least_loaded(&self) -> usize {
        let workers = &self.loads[..self.control_worker()];
        let loads = workers.iter().map(|load| load.load(Ordering::Relaxed)).enumerate();
        loads.min_by_key(|(_, load)| *load).map_or(0, |(worker, _)| worker)
    }

    /// Counts a connection of this worker on which a handshake begins.
    pub(super) fn add_pending(&self, worker: usize) {
        self.loads[worker].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_pending(&self, worker: usize) {
        self.loads[worker].fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts a connection of this worker that carries MQTT.
    pub(super) fn add_connection(&self, worker: usize) {
        self.loads[worker].fetch_add(1, Ordering::Relaxed);
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_connection(&self, worker: usize) {
        self.loads[worker].fetch_sub(1, Ordering::Relaxed);
        if self.connections.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_waiters();
        }
    }

    /// Waits until no connection carries MQTT.
    pub(super) async fn all_closed(&self) {
        loop {
            let notified = self.idle.notified();
            if self.connections.load(Ordering::Acquire) == 0 {
                return;
            }
            notified.await;
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The same moment for the timers of the runtime.
    pub(super) fn timer(&self, at: Instant) -> tokio::time::Instant {
        self.clock.timer(at)
    }
}
