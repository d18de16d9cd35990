//! What the broker does now and then: publish `$SYS`, let go of expired retained messages, look at its memory and give
//! back what is free of it. A reload changes how often.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch::Receiver;

use super::heap;
use super::settings::Settings;
use super::worker::Worker;
use crate::broker::Load;
use crate::command::process::own;

/// How often the memory is looked at.
const MEMORY: Duration = Duration::from_secs(1);
/// How often log lines that were left out are told.
const LEFT_OUT: Duration = Duration::from_secs(10);
/// How often free memory is given back.
pub(super) const GIVE_BACK: Duration = Duration::from_secs(10);

/// How often, and up to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Between publications under `$SYS`; zero for none.
    sys: Duration,
    /// Between searches for expired retained messages; `None` for none beside those that happen anyway.
    sweep: Option<Duration>,
    /// Bytes of memory from which on nothing is added.
    memory: Option<usize>,
}

impl Pace {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { sys: settings.sys_interval, sweep: settings.sweep_interval, memory: settings.memory_limit }
    }
}

/// Waits until the interval is over, or until the pace has changed; whether it is over. Without an interval it waits for
/// the change.
async fn pause(interval: Option<Duration>, paces: &mut Receiver<Pace>) -> bool {
    let over = async {
        match interval {
            Some(interval) => tokio::time::sleep(interval).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over => true,
        changed = paces.changed() => {
            if changed.is_err() {
                // The broker ends.
                std::future::pending::<()>().await;
            }
            false
        }
    }
}

pub(super) async fn publish_sys(worker: Rc<Worker>, mut paces: Receiver<Pace>) {
    let mut load = Load::default();
    loop {
        let interval = paces.borrow_and_update().sys;
        let publishes = interval > Duration::ZERO;
        if publishes {
            let mut turn = worker.begin();
            let usage = own();
            worker.shared.broker.publish_sys(&worker.shared.counts(), usage, &mut load, &mut turn);
            worker.finish(turn);
        }
        pause(publishes.then_some(interval), &mut paces).await;
    }
}

pub(super) async fn sweep(worker: Rc<Worker>, mut paces: Receiver<Pace>) {
    loop {
        let interval = paces.borrow_and_update().sweep;
        if pause(interval, &mut paces).await {
            let mut turn = worker.begin();
            worker.shared.broker.tick(&mut turn);
            worker.finish(turn);
        }
    }
}

/// Tells the core when the process uses as much memory as it may, and when it does no more.
pub(super) async fn watch_memory(worker: Rc<Worker>, mut paces: Receiver<Pace>) {
    loop {
        let most = paces.borrow_and_update().memory;
        let is_full = most.is_some_and(exceeds);
        let broker = &worker.shared.broker;
        if broker.set_memory_full(is_full) {
            match is_full {
                true => worker
                    .shared
                    .log
                    .warning("memory_limit is reached: nobody new comes in, nothing more is kept"),
                false => worker.shared.log.info("memory is below memory_limit again"),
            }
        }
        pause(most.map(|_| MEMORY), &mut paces).await;
    }
}

/// Whether the process needs more memory than this. What it needs no more, and only has still, does not count.
fn exceeds(most: usize) -> bool {
    resident() > most && {
        heap::give_back();
        resident() > most
    }
}

/// Gives back what only a peak took: the holes in all heaps, and the end of that of the main thread, which runs this.
pub(super) async fn give_back() {
    loop {
        tokio::time::sleep(GIVE_BACK).await;
        heap::give_back();
    }
}

/// Tells which addresses caused more log lines than one may.
pub(super) async fn tell_left_out(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(LEFT_OUT).await;
        worker.shared.log.tell_left_out();
    }
}

/// For every other thread: the end of its heap.
pub(super) async fn give_back_end() {
    loop {
        tokio::time::sleep(GIVE_BACK).await;
        heap::give_back_end();
    }
}

/// Bytes of memory that the process has; 0 where the system does not tell, where a limit on it is refused.
fn resident() -> usize {
    own().map_or(0, |usage| usize::try_from(usage.memory).unwrap_or(usize::MAX))
}
