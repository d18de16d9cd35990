//! One thread of the generator: it takes its share of the clients through the steps of a run, and tells what it sees.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use super::client::{Identity, Opened, Session};
use super::connection::Connection;
use super::run::{Loop, Role, Run};
use super::shard::{Counts, Shard};
use super::{open, pace};
use crate::bench::tally::Tally;
use crate::bench::times::{Kind, Times};
use crate::command::exit::{FAILURE, Failure};
use crate::command::process;
use crate::sync::Arc;

/// How often a thread tells what it saw.
pub(super) const TICK: Duration = Duration::from_millis(50);
/// Every so many ticks the times are told too.
const TIMES: u32 = 5;

/// The two sides of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Publishers,
    Subscribers,
}

impl Side {
    pub(super) fn role(self, number: usize) -> Role {
        match self {
            Self::Publishers => Role::Publisher(number),
            Self::Subscribers => Role::Subscriber(number),
        }
    }

    pub(super) fn count(self, run: &Run) -> usize {
        match self {
            Self::Publishers => run.plan.publishers,
            Self::Subscribers => run.plan.subscribers,
        }
    }
}

/// What all threads do next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Opens the connections of a side. `counts`: that is what is measured, and a failure does not end the run.
    Open { side: Side, session: Session, counts: bool },
    /// Says DISCONNECT on all connections of a side.
    Close(Side),
    /// Drops all connections of a side without a word.
    Cut(Side),
    /// Sends until the end of the schedule; where only acknowledgements hold it up, it is begun.
    Send,
    /// Connects, subscribes and leaves, at the rate of the schedule.
    Churn,
    /// Subscribers come at the rate of the schedule and take what is retained, until nothing has come for so long.
    Replay(Duration),
}

/// What a thread says.
pub(super) enum Said {
    Tick(Tick),
    Done(Result<(), Failure>),
    End(Box<Outcome>),
}

/// What a thread saw so far.
pub(super) struct Tick {
    pub(super) thread: usize,
    pub(super) counts: Counts,
    pub(super) last_arrival: u64,
    /// Times since the last one that had any.
    pub(super) times: Option<Box<Times>>,
}

/// What a thread saw in all.
pub(super) struct Outcome {
    pub(super) thread: usize,
    pub(super) counts: Counts,
    pub(super) tallies: Vec<Tally>,
    pub(super) received_by: Vec<u64>,
    pub(super) times: Vec<Option<Box<Times>>>,
    /// Since the first message was due: CPU-seconds of this thread, seconds in which it waited for a processor, and seconds
    /// in which it did nothing though it wanted to.
    pub(super) cpu: f64,
    pub(super) waited: f64,
    pub(super) stood_still: f64,
}

pub(super) struct Worker {
    pub(super) shard: Rc<Shard>,
    pub(super) stopped: watch::Receiver<bool>,
    connections: [JoinSet<()>; 2],
}

/// Runs until no more steps come.
pub(super) fn run(
    run: Arc<Run>,
    thread: usize,
    mut steps: UnboundedReceiver<Step>,
    stopped: watch::Receiver<bool>,
    say: UnboundedSender<Said>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::new(FAILURE, format!("cannot wait for events: {error}"));
            let _ = say.send(Said::Done(Err(failure)));
            return;
        }
    };
    let shard = Rc::new(Shard::new(run, thread));
    let mut worker = Worker { shard: shard.clone(), stopped, connections: [JoinSet::new(), JoinSet::new()] };
    runtime.block_on(LocalSet::new().run_until(async {
        let ticker = tokio::task::spawn_local(tick(shard.clone(), say.clone()));
        let mut began: Option<(u64, process::Busy)> = None;
        while let Some(step) = steps.recv().await {
            if shard.run.epoch() != began.map(|(epoch, _)| epoch) {
                began = shard.run.epoch().map(|epoch| (epoch, process::Busy::now()));
                shard.seen.stood_still.take();
            }
            // Whoever does not listen any more has given up.
            let _ = say.send(Said::Done(worker.perform(step).await));
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

/// Tells what was seen, and keeps connections alive.
async fn tick(shard: Rc<Shard>, say: UnboundedSender<Said>) {
    let keep_alive = Duration::from_secs(u64::from(shard.run.clients.settings.keep_alive)) / 2;
    // Spread over the time there is, so that pings do not come all at once.
    let rounds = usize::try_from(keep_alive.as_millis() / TICK.as_millis()).unwrap_or(0);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut last = Instant::now();
    for number in 0_u32.. {
        ticks.tick().await;
        // A thread that sleeps wakes in time, unless it is stopped, starved, or has too much to do.
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

impl Worker {
    async fn perform(&mut self, step: Step) -> Result<(), Failure> {
        let run = self.shard.run.clone();
        match step {
            Step::Open { side, session, counts } => open::open(self, side, session, counts).await,
            Step::Close(side) => {
                self.shard.close(side == Side::Publishers, true);
                while self.connections[side as usize].join_next().await.is_some() {}
                self.shard.close(side == Side::Publishers, false);
                Ok(())
            }
            Step::Cut(side) => {
                self.connections[side as usize].shutdown().await;
                Ok(())
            }
            Step::Send if run.pace == Loop::Open => {
                let paced = pace::pace(&self.shard).await;
                paced.map_err(|error| Failure::new(FAILURE, format!("no timer: {error}")))
            }
            Step::Send => {
                self.shard.wake_all();
                if matches!(run.pace, Loop::Arrivals(_)) {
                    self.hold().await;
                }
                Ok(())
            }
            Step::Churn => open::churn(self).await,
            Step::Replay(patience) => open::replay(self, patience).await,
        }
    }

    /// Waits until sending ends.
    async fn hold(&mut self) {
        let run = self.shard.run.clone();
        let left = Duration::from_micros(run.limit().saturating_sub(run.now()));
        // A number of messages has no time at which it is reached; the coordinator stops it.
        let _ = tokio::time::timeout(left, self.stopped.wait_for(|stopped| *stopped)).await;
    }

    /// Lets a connection work beside the others until it ends.
    pub(super) fn spawn(&mut self, role: Role, opened: Opened, identity: Identity) {
        let (shard, side) = (self.shard.clone(), usize::from(matches!(role, Role::Subscriber(_))));
        let connection = Connection::new(shard.clone(), role, opened, identity);
        shard.seen.count(|counts| counts.open += 1);
        shard.run.open.fetch_add(1, Ordering::Relaxed);
        let open = OpenConnection(shard.clone());
        self.connections[side].spawn_local(async move {
            let _open = open;
            if let Err(error) = connection.await
                && !shard.run.is_over()
            {
                shard.seen.count(|counts| counts.lost_connections += 1);
                shard.run.tell(format!("the connection of {role} was lost: {error}"));
            }
        });
    }
}

/// Counts a connection for as long as it is open.
struct OpenConnection(Rc<Shard>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.seen.count(|counts| counts.open -= 1);
        self.0.run.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Kind {
    /// Its place in a list of all.
    pub(super) fn of(self, times: &[Option<Box<Times>>]) -> Option<&Times> {
        times.get(self as usize)?.as_deref()
    }
}
