//! Periodic tasks of the broker: publishing `$SYS`, removing expired retained messages, checking memory use and returning
//! free memory. A reload changes the intervals.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch::{Receiver, Sender};

use super::heap;
use super::log::LogEvent;
use super::settings::BrokerSettings;
use super::worker::Worker;
use crate::broker::Load;
use crate::system::process::own;

/// How often memory use is checked.
const MEMORY: Duration = Duration::from_secs(1);
/// How often the number of suppressed log lines is logged.
const SUPPRESSED: Duration = Duration::from_secs(10);

/// How often periodic tasks run, and the memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intervals {
    /// Between publications under `$SYS`; zero for none.
    sys: Duration,
    /// Between searches for expired retained messages; `None` for no additional ones.
    sweep: Option<Duration>,
    /// Bytes of memory at which nothing more is stored.
    memory: Option<usize>,
}

impl Intervals {
    pub(super) fn of(settings: &BrokerSettings) -> Self {
        Self { sys: settings.sys_interval, sweep: settings.sweep_interval, memory: settings.memory_limit }
    }
}

/// Starts all periodic tasks on this thread; what changes their intervals.
pub(super) fn start(worker: &Rc<Worker>, initial: Intervals) -> Sender<Intervals> {
    let (sender, intervals) = tokio::sync::watch::channel(initial);
    tokio::task::spawn_local(tick_core(worker.clone()));
    tokio::task::spawn_local(publish_sys(worker.clone(), intervals.clone()));
    tokio::task::spawn_local(sweep(worker.clone(), intervals.clone()));
    tokio::task::spawn_local(watch_memory(worker.clone(), intervals));
    tokio::task::spawn_local(give_back());
    tokio::task::spawn_local(write_suppressed(worker.clone()));
    sender
}

/// Waits until the interval is over, or until the pace has changed; whether it is over. Without an interval it waits for
/// the change.
async fn pause(interval: Option<Duration>, intervals: &mut Receiver<Intervals>) -> bool {
    let over = async {
        match interval {
            Some(interval) => tokio::time::sleep(interval).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over => true,
        changed = intervals.changed() => {
            if changed.is_err() {
                // The broker ends.
                std::future::pending::<()>().await;
            }
            false
        }
    }
}

/// Calls the core when something is due.
async fn tick_core(worker: Rc<Worker>) {
    loop {
        let mut sleep: Option<std::pin::Pin<Box<tokio::time::Sleep>>> = None;
        poll_fn(|cx| {
            let next = worker.state.broker.next_tick(cx.waker());
            if next <= worker.state.now() {
                return Poll::Ready(());
            }
            if next == crate::time::Instant::NEVER {
                return Poll::Pending;
            }
            let at = worker.state.timer(next);
            let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            sleep.as_mut().reset(at);
            sleep.as_mut().poll(cx)
        })
        .await;
        let mut turn = worker.begin();
        worker.state.broker.tick(&mut turn);
        worker.finish(turn);
    }
}

async fn publish_sys(worker: Rc<Worker>, mut intervals: Receiver<Intervals>) {
    let mut load = Load::default();
    loop {
        let interval = intervals.borrow_and_update().sys;
        let publishes = interval > Duration::ZERO;
        if publishes {
            let mut turn = worker.begin();
            let usage = own();
            worker.state.broker.publish_sys(&worker.state.counts(), usage, &mut load, &mut turn);
            worker.finish(turn);
        }
        pause(publishes.then_some(interval), &mut intervals).await;
    }
}

async fn sweep(worker: Rc<Worker>, mut intervals: Receiver<Intervals>) {
    loop {
        let interval = intervals.borrow_and_update().sweep;
        if pause(interval, &mut intervals).await {
            let mut turn = worker.begin();
            worker.state.broker.tick(&mut turn);
            worker.finish(turn);
        }
    }
}

/// Tells the core when the process uses as much memory as it may, and when it does no more.
async fn watch_memory(worker: Rc<Worker>, mut intervals: Receiver<Intervals>) {
    loop {
        let most = intervals.borrow_and_update().memory;
        let is_full = most.is_some_and(exceeds);
        let broker = &worker.state.broker;
        if broker.set_memory_full(is_full) {
            match is_full {
                true => worker.log().write(&LogEvent::MemoryLimitReached {}),
                false => worker.log().write(&LogEvent::MemoryLimitCleared {}),
            }
        }
        pause(most.map(|_| MEMORY), &mut intervals).await;
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
async fn give_back() {
    loop {
        tokio::time::sleep(heap::INTERVAL).await;
        heap::give_back();
    }
}

/// Logs which addresses caused too many log lines.
async fn write_suppressed(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(SUPPRESSED).await;
        worker.log().write_suppressed();
    }
}

/// Bytes of memory that the process has; 0 where the system does not tell, where a limit on it is refused.
fn resident() -> usize {
    own().map_or(0, |usage| usize::try_from(usage.memory).unwrap_or(usize::MAX))
}
