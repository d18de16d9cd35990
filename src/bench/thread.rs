//! One thread of the load generator: performs the steps of a run for its share of the clients, and reports what it measures.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::client::SessionMode;
use super::role::ClientSide;
use super::run::{Loop, Run};
use super::shard::{LoadCounts, Shard};
use super::worker::LoadWorker;
use super::{open, pace};
use crate::bench::model::tally::Tally;
use crate::bench::model::times::{Times, Timing};
use crate::cli::exit::{FAILURE, Failure};
use crate::sync::Arc;
use crate::system::process;
use crate::text::os_error;

/// How often a thread reports.
pub(super) const TICK: Duration = Duration::from_millis(50);
/// Times are part of every fifth report.
const TIMES: u32 = 5;

/// A step that all threads perform.
#[derive(Clone, Copy, Debug)]
pub(super) enum RunStep {
    /// Opens the connections of a side. With `counts` this is what is measured, and a failure does not end the run.
    Open { side: ClientSide, session: SessionMode, counts: bool },
    /// Disconnects all clients of a side with DISCONNECT.
    Close(ClientSide),
    /// Drops all connections of a side without DISCONNECT.
    Cut(ClientSide),
    /// Sends until the end of the schedule; if sending waits for acknowledgements only, just starts it.
    Send,
    /// Connects, subscribes and disconnects, at the rate of the schedule.
    Churn,
    /// Subscribers connect at the rate of the schedule and receive the retained messages, until none has arrived for this long.
    Replay(Duration),
}

/// What a thread reports.
pub(super) enum Said {
    Tick(Tick),
    Done(Result<(), Failure>),
    End(Box<Outcome>),
}

/// The totals of a thread so far.
pub(super) struct Tick {
    pub(super) thread: usize,
    pub(super) counts: LoadCounts,
    pub(super) last_arrival: u64,
    /// Latencies since the last report that had any.
    pub(super) times: Option<Box<Times>>,
}

/// The final results of a thread.
pub(super) struct Outcome {
    pub(super) thread: usize,
    pub(super) counts: LoadCounts,
    pub(super) tallies: Vec<Tally>,
    pub(super) received_by: Vec<u64>,
    pub(super) times: Vec<Option<Box<Times>>>,
    /// Since the first message was due: CPU seconds of this thread, seconds it waited for a CPU, and seconds it was stalled.
    pub(super) cpu: f64,
    pub(super) waited: f64,
    pub(super) stood_still: f64,
}

/// Performs steps until the channel closes.
pub(super) fn run(
    run: Arc<Run>,
    thread: usize,
    mut steps: UnboundedReceiver<RunStep>,
    stopped: watch::Receiver<bool>,
    say: UnboundedSender<Said>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::new(FAILURE, format!("cannot wait for events: {}", os_error(&error)));
            let _ = say.send(Said::Done(Err(failure)));
            return;
        }
    };
    let shard = Rc::new(Shard::new(run, thread));
    let mut worker = LoadWorker::new(shard.clone(), stopped);
    runtime.block_on(LocalSet::new().run_until(async {
        let ticker = tokio::task::spawn_local(tick(shard.clone(), say.clone()));
        let mut began: Option<(u64, process::Busy)> = None;
        while let Some(step) = steps.recv().await {
            if shard.run.epoch() != began.map(|(epoch, _)| epoch) {
                began = shard.run.epoch().map(|epoch| (epoch, process::Busy::now()));
                shard.seen.stood_still.take();
            }
            // The receiver is gone if the run was aborted.
            let _ = say.send(Said::Done(perform(&mut worker, step).await));
        }
        ticker.abort();
        let busy = began.map_or(process::Busy::default(), |(_, began)| process::Busy::now().since(began));
        let seen = &shard.seen;
        let outcome = Outcome {
            thread,
            counts: seen.counts.get(),
            tallies: seen.tallies.take(),
            received_by: seen.received_by.take(),
            times: seen.times.take(),
            cpu: busy.cpu.as_secs_f64(),
            waited: busy.waited.as_secs_f64(),
            stood_still: seen.stood_still.get().as_secs_f64(),
        };
        let _ = say.send(Said::End(Box::new(outcome)));
    }));
    runtime.shutdown_background();
}

/// Reports periodically, and keeps connections alive.
async fn tick(shard: Rc<Shard>, say: UnboundedSender<Said>) {
    let keep_alive = Duration::from_secs(u64::from(shard.run.clients.settings.keep_alive)) / 2;
    // The pings are spread over the interval.
    let rounds = usize::try_from(keep_alive.as_millis() / TICK.as_millis()).unwrap_or(0);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut last = Instant::now();
    for number in 0_u32.. {
        ticks.tick().await;
        // A sleeping thread wakes up in time, unless it is stopped, starved or overloaded.
        let missed = last.elapsed().saturating_sub(TICK);
        last = Instant::now();
        if missed > TICK / 2 {
            shard.seen.stood_still.set(shard.seen.stood_still.get() + missed);
        }
        if let Some(round) = (number as usize).checked_rem(rounds).filter(|_| number as usize >= rounds) {
            shard.ping(round, rounds);
        }
        let mut recent = shard.seen.recent.borrow_mut();
        let times = (number % TIMES == 0 && recent.count() > 0).then(|| Box::new(recent.clone()));
        if times.is_some() {
            recent.clear();
        }
        let (counts, last_arrival) = (shard.seen.counts.get(), shard.seen.last_arrival.get());
        let tick = Tick { thread: shard.thread, counts, last_arrival, times };
        if say.send(Said::Tick(tick)).is_err() {
            return;
        }
    }
}

async fn perform(worker: &mut LoadWorker, step: RunStep) -> Result<(), Failure> {
    let run = worker.shard.run.clone();
    match step {
        RunStep::Open { side, session, counts } => open::open(worker, side, session, counts).await,
        RunStep::Close(side) => {
            worker.close(side).await;
            Ok(())
        }
        RunStep::Cut(side) => {
            worker.cut(side).await;
            Ok(())
        }
        RunStep::Send if run.pace == Loop::Open => {
            let paced = pace::pace(&worker.shard).await;
            paced.map_err(|error| Failure::new(FAILURE, format!("no timer: {}", os_error(&error))))
        }
        RunStep::Send => {
            worker.shard.wake_all();
            if matches!(run.pace, Loop::Arrivals(_)) {
                worker.hold().await;
            }
            Ok(())
        }
        RunStep::Churn => open::churn(worker).await,
        RunStep::Replay(patience) => open::replay(worker, patience).await,
    }
}

impl Timing {
    /// The times of this kind in a list of all.
    pub(super) fn of(self, times: &[Option<Box<Times>>]) -> Option<&Times> {
        times.get(self as usize)?.as_deref()
    }
}
