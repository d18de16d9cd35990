//! Takes the threads of a run through its steps, watches it, and ends it: after its time, by hand, or when something broke.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::broker::{Broker, Source};
use super::client::Session;
use super::run::{Loop, Run};
use super::settings::Settings;
use super::watch::Watch;
use super::worker::{self, Outcome, Said, Side, Step};
use crate::bench::plan::Scenario;
use crate::command::exit::{FAILURE, Failure};
use crate::command::memory::Left;
use crate::command::process;
use crate::sync::Arc;

/// In a closed loop, nothing arriving for so long means that what is on its way is lost.
const LOST: Duration = Duration::from_secs(1);

/// Between two looks at the memory that is left, and how much must be.
const LOOK: Duration = Duration::from_millis(100);
const RESERVE: u64 = 64 << 20;

/// What a run left.
pub(super) struct Finished {
    pub(super) run: Arc<Run>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) watch: Watch,
    /// Seconds of what was measured, and before it, of what had to be published first.
    pub(super) seconds: f64,
    /// Seconds until all had arrived.
    pub(super) total: f64,
    pub(super) before: f64,
    pub(super) broker: Option<Broker>,
    /// How many of this machine's processors had nothing to do.
    pub(super) idle: Option<f64>,
    /// Ended by hand.
    pub(super) is_interrupted: bool,
}

pub(super) struct Drive {
    run: Arc<Run>,
    steps: Vec<UnboundedSender<Step>>,
    said: UnboundedReceiver<Said>,
    stop: watch::Sender<bool>,
    watch: Watch,
    broker: Source,
    /// When this run began, and how long the processors had been idle then.
    began: (Instant, Option<f64>),
    drain: Duration,
    /// When memory was looked at, and what must be left of it.
    looked: Instant,
    reserve: u64,
    interrupts: u32,
}

/// Runs and gives what came of it.
///
/// # Errors
/// When not all of its clients are let in.
pub(super) async fn drive(
    settings: &Settings,
    run: Run,
    broker: Source,
    watch: Watch,
) -> Result<Finished, Failure> {
    let (run, (say, said), (stop, stopped)) = (Arc::new(run), unbounded_channel(), watch::channel(false));
    let (mut steps, mut threads) = (Vec::new(), Vec::new());
    for thread in 0..run.plan.threads {
        let (step, taken) = unbounded_channel();
        let (run, stopped, say) = (run.clone(), stopped.clone(), say.clone());
        let spawned = std::thread::Builder::new()
            .name(format!("load {thread}"))
            .spawn(move || worker::run(run, thread, taken, stopped, say));
        threads.push(spawned.map_err(|error| Failure::new(FAILURE, format!("no thread: {error}")))?);
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
                // It has said its last; that it ends takes no time.
                let _ = thread.join();
            }
            Ok(finished)
        }
        Err(failure) => {
            // Nobody waits for the threads: some may still wait for the broker.
            drive.watch.end();
            Err(failure)
        }
    }
}

impl Drive {
    /// All steps of the scenario. The seconds of what was measured, and of what came before.
    async fn steps(&mut self) -> Result<(f64, f64), Failure> {
        let open = |side, session, counts| Step::Open { side, session, counts };
        let (subscribers, publishers) = (Side::Subscribers, Side::Publishers);
        let mut before = 0.0;
        match self.run.plan.scenario {
            Scenario::Connect => {
                self.start().await;
                self.step(open(publishers, Session::AsSet, true)).await?;
                self.run.all_open();
                self.hold().await?;
                return Ok((self.seconds(), before));
            }
            Scenario::Churn => {
                self.start().await;
                self.step(Step::Churn).await?;
                return Ok((self.seconds(), before));
            }
            Scenario::Ping => {
                self.step(open(publishers, Session::AsSet, false)).await?;
                self.send().await?;
            }
            Scenario::Reconnect => {
                self.step(open(subscribers, Session::AsSet, false)).await?;
                self.start().await;
                self.step(Step::Cut(subscribers)).await?;
                self.restart(false);
                self.step(open(subscribers, Session::AsSet, true)).await?;
                self.run.all_open();
                return Ok((self.seconds(), before));
            }
            Scenario::Retained => {
                self.step(open(publishers, Session::AsSet, false)).await?;
                before = self.publish().await?;
                self.step(Step::Replay(self.drain)).await?;
                let seconds = self.seconds();
                self.run.clear();
                self.step(Step::Send).await?;
                self.wait(|drive| drive.watch.sum().acknowledged >= 2 * drive.run.most.unwrap_or(0)).await?;
                return Ok((seconds, before));
            }
            Scenario::Offline => {
                self.step(open(subscribers, Session::Keep, false)).await?;
                self.step(Step::Close(subscribers)).await?;
                self.step(open(publishers, Session::AsSet, false)).await?;
                before = self.publish().await?;
                self.step(open(subscribers, Session::Resume, false)).await?;
                self.wait(Self::is_complete).await?;
                let seconds = self.seconds();
                // Nothing is left behind.
                self.step(Step::Close(subscribers)).await?;
                self.step(open(subscribers, Session::Drop, false)).await?;
                return Ok((seconds, before));
            }
            Scenario::PubSub | Scenario::FanIn | Scenario::FanOut | Scenario::Shared => {
                // Subscribers first: what is published must find them.
                self.step(open(subscribers, Session::AsSet, false)).await?;
                self.step(open(publishers, Session::AsSet, false)).await?;
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

    /// From the first message that is due to the last.
    async fn send(&mut self) -> Result<(), Failure> {
        self.start().await;
        self.step(Step::Send).await?;
        self.run.stop();
        Ok(())
    }

    /// Publishes all that is to be kept, and begins what is measured. The seconds that it took.
    async fn publish(&mut self) -> Result<f64, Failure> {
        self.start().await;
        self.step(Step::Send).await?;
        self.wait(|drive| drive.watch.sum().acknowledged >= drive.run.most.unwrap_or(0)).await?;
        let (seconds, counts) = (self.seconds(), self.watch.sum());
        let missing = self.run.most.unwrap_or(0).saturating_sub(counts.acknowledged);
        if missing > 0 && self.interrupts == 0 {
            let told = self.run.told().first().map_or(String::new(), |text| format!("; {text}"));
            return Err(Failure::new(
                FAILURE,
                format!("the broker did not acknowledge {missing} messages that it was to keep{told}"),
            ));
        }
        self.broker.begin().await;
        self.restart(true);
        Ok(seconds)
    }

    /// Waits as long as the schedule takes, or until no connection is open any more.
    async fn hold(&mut self) -> Result<(), Failure> {
        let end = self.run.now() + self.run.schedule.end();
        let is_over = |drive: &Self| drive.run.now() >= end || drive.run.open.load(Ordering::Relaxed) == 0;
        self.wait_for(Duration::MAX, is_over).await
    }

    /// All threads do a step.
    async fn step(&mut self, step: Step) -> Result<(), Failure> {
        for thread in &self.steps {
            // One that has ended has said why.
            let _ = thread.send(step);
        }
        let mut done = 0;
        while done < self.steps.len() {
            if let Some(result) = self.event().await {
                result?;
                done += 1;
            }
            let sends = matches!(step, Step::Send | Step::Churn | Step::Replay(_));
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
            && run.plan.scenario != Scenario::Churn;
        is_enough || counts.lost_connections > 0 && run.plan.scenario != Scenario::Retained
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
            let is_broken = now.lost_connections > 0 && self.run.plan.scenario.has_messages();
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
            || run.plan.scenario == Scenario::Ping
            || counts.acknowledged >= counts.sent;
        counts.sent >= run.due() && answered && counts.received >= counts.sent * run.plan.copies()
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
                let text = format!("no memory is left; {hint} ({open} connections were open)");
                Err(Failure::new(FAILURE, text))
            }
        }
    }

    /// Lets the connections end and gathers what was seen.
    async fn finish(mut self, seconds: f64, published_in: f64) -> Finished {
        let broker = self.broker.end().await;
        let total = self.seconds();
        let (began, before) = self.began;
        let idle =
            process::idle().zip(before).map(|(now, before)| (now - before) / began.elapsed().as_secs_f64());
        self.run.end();
        for side in [Side::Publishers, Side::Subscribers] {
            // Some may be lost already; there is nothing to fail.
            let _ = self.step(Step::Close(side)).await;
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
