//! Coordinates the threads of a run: performs its steps, observes it, and ends it when it is complete, interrupted or failed.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::client::SessionMode;
use super::role::ClientSide;
use super::run::{Loop, Run};
use super::settings::BenchSettings;
use super::thread::{self, Outcome, RunStep, Said};
use super::usage::{BrokerUsage, UsageSource};
use super::watch::Watch;
use crate::bench::model::topology::Scenario;
use crate::cli::exit::{FAILURE, Failure};
use crate::sync::Arc;
use crate::system::memory::Left;
use crate::system::process;
use crate::text::os_error;

/// In a closed loop, time without an arrival after which messages on their way count as lost.
const LOST: Duration = Duration::from_secs(1);

/// Interval at which free memory is checked, and how much of it must be left.
const LOOK: Duration = Duration::from_millis(100);
const RESERVE: u64 = 64 << 20;

/// The results of a run.
pub(super) struct Finished {
    pub(super) run: Arc<Run>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) watch: Watch,
    /// Seconds of the measurement.
    pub(super) seconds: f64,
    /// Seconds until everything had arrived.
    pub(super) total: f64,
    pub(super) before: f64,
    pub(super) broker: Option<BrokerUsage>,
    /// Number of this machine's CPUs that were idle.
    pub(super) idle: Option<f64>,
    /// Whether the run was interrupted.
    pub(super) is_interrupted: bool,
}

pub(super) struct Drive {
    run: Arc<Run>,
    steps: Vec<UnboundedSender<RunStep>>,
    said: UnboundedReceiver<Said>,
    stop: watch::Sender<bool>,
    watch: Watch,
    broker: UsageSource,
    /// When this run started, and how long the CPUs had been idle then.
    began: (Instant, Option<f64>),
    drain: Duration,
    /// When free memory was last checked, and how much of it must be left.
    looked: Instant,
    reserve: u64,
    interrupts: u32,
}

/// Performs a run and returns its results.
///
/// # Errors
/// When not all clients can connect.
pub(super) async fn drive(
    settings: &BenchSettings,
    run: Run,
    broker: UsageSource,
    watch: Watch,
) -> Result<Finished, Failure> {
    let (run, (say, said), (stop, stopped)) = (Arc::new(run), unbounded_channel(), watch::channel(false));
    let (mut steps, mut threads) = (Vec::new(), Vec::new());
    for thread in 0..run.topology.threads {
        let (step, taken) = unbounded_channel();
        let (run, stopped, say) = (run.clone(), stopped.clone(), say.clone());
        let spawned = std::thread::Builder::new()
            .name(format!("load {thread}"))
            .spawn(move || thread::run(run, thread, taken, stopped, say));
        threads.push(
            spawned.map_err(|error| Failure::new(FAILURE, format!("no thread: {}", os_error(&error))))?,
        );
        steps.push(step);
    }
    drop(say);
    let (began, drain) = ((Instant::now(), None), settings.drain);
    let reserve = Left::now().map_or(0, |left| (left.bytes / 8).min(RESERVE));
    let looked = Instant::now();
    let mut drive =
        Drive { run, steps, said, stop, watch, broker, began, drain, looked, reserve, interrupts: 0 };
    match drive.steps().await {
        Ok((seconds, before)) => {
            let finished = drive.finish(seconds, before).await;
            for thread in threads {
                // It has sent its results and is about to end.
                let _ = thread.join();
            }
            Ok(finished)
        }
        Err(failure) => {
            // The threads are not joined, as some may still be waiting for the broker.
            drive.watch.end();
            Err(failure)
        }
    }
}

impl Drive {
    /// Performs all steps of the scenario. Returns the seconds of the measurement and of the preparations.
    async fn steps(&mut self) -> Result<(f64, f64), Failure> {
        let open = |side, session, counts| RunStep::Open { side, session, counts };
        let (subscribers, publishers) = (ClientSide::Subscribers, ClientSide::Publishers);
        let mut before = 0.0;
        match self.run.topology.scenario {
            Scenario::Connect => {
                self.start().await;
                self.step(open(publishers, SessionMode::AsSet, true)).await?;
                self.run.all_open();
                self.hold().await?;
                return Ok((self.seconds(), before));
            }
            Scenario::Churn => {
                self.start().await;
                self.step(RunStep::Churn).await?;
                return Ok((self.seconds(), before));
            }
            Scenario::Ping => {
                self.step(open(publishers, SessionMode::AsSet, false)).await?;
                self.send().await?;
            }
            Scenario::Reconnect => {
                self.step(open(subscribers, SessionMode::AsSet, false)).await?;
                self.start().await;
                self.step(RunStep::Cut(subscribers)).await?;
                self.restart(false);
                self.step(open(subscribers, SessionMode::AsSet, true)).await?;
                self.run.all_open();
                return Ok((self.seconds(), before));
            }
            Scenario::Retained => {
                self.step(open(publishers, SessionMode::AsSet, false)).await?;
                before = self.publish().await?;
                self.step(RunStep::Replay(self.drain)).await?;
                let seconds = self.seconds();
                self.run.clear();
                self.step(RunStep::Send).await?;
                self.wait(|drive| drive.watch.sum().acknowledged >= 2 * drive.run.most.unwrap_or(0)).await?;
                return Ok((seconds, before));
            }
            Scenario::Offline => {
                self.step(open(subscribers, SessionMode::Keep, false)).await?;
                self.step(RunStep::Close(subscribers)).await?;
                self.step(open(publishers, SessionMode::AsSet, false)).await?;
                before = self.publish().await?;
                self.step(open(subscribers, SessionMode::Resume, false)).await?;
                self.wait(Self::is_complete).await?;
                let seconds = self.seconds();
                // Delete the sessions.
                self.step(RunStep::Close(subscribers)).await?;
                self.step(open(subscribers, SessionMode::Drop, false)).await?;
                return Ok((seconds, before));
            }
            Scenario::PubSub | Scenario::FanIn | Scenario::FanOut | Scenario::Shared => {
                // Subscribers first, so that they receive every message.
                self.step(open(subscribers, SessionMode::AsSet, false)).await?;
                self.step(open(publishers, SessionMode::AsSet, false)).await?;
                self.send().await?;
            }
        }
        let seconds = self.seconds();
        self.wait(Self::is_complete).await?;
        Ok((seconds, before))
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
    fn seconds(&self) -> f64 {
        self.run.now() as f64 / 1e6
    }

    async fn start(&mut self) {
        self.broker.begin().await;
        self.began = (Instant::now(), process::idle());
        self.run.start();
        self.watch.start();
    }

    fn restart(&mut self, marks: bool) {
        self.began = (Instant::now(), process::idle());
        self.run.restart(marks);
        self.watch.start();
    }

    /// Sends from the first due message to the last.
    async fn send(&mut self) -> Result<(), Failure> {
        self.start().await;
        self.step(RunStep::Send).await?;
        self.run.stop();
        Ok(())
    }

    /// Publishes the messages that the broker is to retain or queue, then starts the measurement. Returns the seconds it took.
    async fn publish(&mut self) -> Result<f64, Failure> {
        self.start().await;
        self.step(RunStep::Send).await?;
        self.wait(|drive| drive.watch.sum().acknowledged >= drive.run.most.unwrap_or(0)).await?;
        let (seconds, counts) = (self.seconds(), self.watch.sum());
        let missing = self.run.most.unwrap_or(0).saturating_sub(counts.acknowledged);
        if missing > 0 && self.interrupts == 0 {
            let told = self.run.told().first().map_or(String::new(), |text| format!("; {text}"));
            return Err(Failure::new(FAILURE, format!("{missing} messages were not acknowledged{told}")));
        }
        self.broker.begin().await;
        self.restart(true);
        Ok(seconds)
    }

    /// Waits until the end of the schedule, or until no connection is open.
    async fn hold(&mut self) -> Result<(), Failure> {
        let end = self.run.now() + self.run.schedule.end();
        let is_over = |drive: &Self| drive.run.now() >= end || drive.run.open.load(Ordering::Relaxed) == 0;
        self.wait_for(Duration::MAX, is_over).await
    }

    /// Has all threads perform a step.
    async fn step(&mut self, step: RunStep) -> Result<(), Failure> {
        for thread in &self.steps {
            // A thread that has ended has reported why.
            let _ = thread.send(step);
        }
        let mut done = 0;
        while done < self.steps.len() {
            if let Some(result) = self.event().await {
                result?;
                done += 1;
            }
            let sends = matches!(step, RunStep::Send | RunStep::Churn | RunStep::Replay(_));
            if sends && self.ends() {
                self.halt();
            }
        }
        Ok(())
    }

    /// Whether sending is to end before its time.
    fn ends(&self) -> bool {
        let (run, counts) = (&self.run, self.watch.sum());
        let is_enough = matches!(run.pace, Loop::Arrivals(_))
            && run.most.is_some_and(|most| counts.sent >= most)
            && run.topology.scenario != Scenario::Churn;
        is_enough || counts.lost_connections > 0 && run.topology.scenario != Scenario::Retained
    }

    fn halt(&mut self) {
        self.run.stop();
        self.stop.send_replace(true);
    }

    /// Waits for what is on its way, until nothing has come for as long as is given to it.
    async fn wait(&mut self, is_done: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        self.wait_for(self.drain, is_done).await
    }

    async fn wait_for(&mut self, patience: Duration, is_done: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        let (began, interrupts) = (Instant::now(), self.interrupts);
        let mut last = (self.watch.sum(), Instant::now());
        while !is_done(self) && self.interrupts == interrupts {
            self.event().await.transpose()?;
            let now = self.watch.sum();
            if (now.received, now.acknowledged) != (last.0.received, last.0.acknowledged) {
                last = (now, Instant::now());
            }
            let is_broken = now.lost_connections > 0 && self.run.topology.scenario.has_messages();
            if last.1.elapsed().min(began.elapsed()) > patience || is_broken {
                break;
            }
        }
        Ok(())
    }

    /// Whether all that was due is sent, answered and received.
    fn is_complete(&self) -> bool {
        let (run, counts) = (&self.run, self.watch.sum());
        let answered = run.qos == crate::message::QoS::AtMostOnce
            || run.topology.scenario == Scenario::Ping
            || counts.acknowledged >= counts.sent;
        counts.sent >= run.due() && answered && counts.received >= counts.sent * run.topology.copies()
    }

    /// The next thing that happens; what a thread says at the end of a step is given back.
    async fn event(&mut self) -> Option<Result<(), Failure>> {
        tokio::select! {
            said = self.said.recv() => match said {
                Some(Said::Tick(tick)) => {
                    self.watch.tick(tick, &self.run, &mut self.broker);
                    if matches!(self.run.pace, Loop::Arrivals(_)) && self.watch.silence(&self.run) > LOST {
                        self.run.forgive();
                    }
                    self.look_at_memory().err().map(Err)
                }
                Some(Said::Done(result)) => Some(result),
                Some(Said::End(_)) => None,
                None => Some(Err(Failure::new(FAILURE, "a thread ended too early"))),
            },
            // Ended by hand: what there is, is reported.
            _ = tokio::signal::ctrl_c() => {
                self.interrupts += 1;
                self.halt();
                None
            }
        }
    }

    /// Ends with a line while there is memory for one: when an allocation fails it is too late.
    fn look_at_memory(&mut self) -> Result<(), Failure> {
        if self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Instant::now();
        match Left::now().filter(|left| left.bytes < self.reserve) {
            None => Ok(()),
            Some(left) => {
                let (open, hint) = (self.watch.sum().open, left.bound.hint());
                let text = format!("out of memory; {hint} ({open} connections were open)");
                Err(Failure::new(FAILURE, text))
            }
        }
    }

    /// Closes the connections and collects the results.
    async fn finish(mut self, seconds: f64, published_in: f64) -> Finished {
        let broker = self.broker.end().await;
        let total = self.seconds();
        let (began, before) = self.began;
        let idle =
            process::idle().zip(before).map(|(now, before)| (now - before) / began.elapsed().as_secs_f64());
        self.run.end();
        for side in [ClientSide::Publishers, ClientSide::Subscribers] {
            // Some connections may be lost already; that is not a failure here.
            let _ = self.step(RunStep::Close(side)).await;
        }
        self.steps.clear();
        let mut outcomes: Vec<Outcome> = Vec::new();
        while let Some(said) = self.said.recv().await {
            if let Said::End(outcome) = said {
                outcomes.push(*outcome);
            }
        }
        outcomes.sort_by_key(|outcome| outcome.thread);
        self.watch.end();
        let Self { run, watch, interrupts, .. } = self;
        Finished {
            run,
            outcomes,
            watch,
            seconds,
            total,
            before: published_in,
            broker,
            idle,
            is_interrupted: interrupts > 0,
        }
    }
}
