//! Opening connections: all of a side as fast as they are let in or at a rate, and those that come and go.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

use super::client::{Identity, Opened, Refusal, Session};
use super::connection::Connection;
use super::pace::Timer;
use super::run::Role;
use super::shard::Shard;
use super::worker::{Side, Worker};
use crate::bench::plan::Scenario;
use crate::bench::times::Kind;
use crate::codec::packet::RetainHandling;
use crate::command::exit::{FAILURE, Failure};

/// Connections that all threads open at the same time, where no rate is given.
const OPENING: usize = 64;
/// Failures in a row after which nobody will be let in any more.
const HOPELESS: u64 = 1_000;

/// The filter of a subscriber.
pub(super) fn filter(shard: &Shard, number: usize) -> String {
    let (run, publisher) = (&*shard.run, Role::Publisher(number));
    let topics = &run.topics;
    match run.plan.scenario {
        Scenario::PubSub => {
            let identity = run.clients.identity(publisher);
            topics.filter(Some(crate::bench::topic::Of {
                number,
                client_id: &identity.client_id,
                username: identity.username.as_deref().unwrap_or_default(),
                sequence: 0,
            }))
        }
        Scenario::Shared => format!("$share/bench/{}", topics.filter(None)),
        _ => topics.filter(None),
    }
}

/// A client that is to be let in, and what came of it.
struct Attempt {
    role: Role,
    identity: Identity,
    result: Result<Opened, Refusal>,
    /// When it was due, and when it was let in.
    due: u64,
    at: u64,
}

/// Connects a client, and subscribes where it is a subscriber.
async fn attempt(shard: Rc<Shard>, role: Role, session: Session, due: Option<u64>) -> Attempt {
    let run = shard.run.clone();
    let clients = &run.clients;
    let (began, identity) = (std::time::Instant::now(), clients.identity(role));
    let due = due.unwrap_or_else(|| run.now());
    let mut result = clients.connect(&shard, role, &identity, session).await;
    let at = if run.is_started() { run.now() } else { super::run::micros(began.elapsed()) };
    if let (Ok(opened), Role::Subscriber(number)) = (&mut result, role) {
        // A session that goes on has its subscription.
        if session != Session::Resume || !opened.session_present {
            let filter = filter(&shard, number);
            let granted = clients.subscribe(&shard, opened, &filter, run.qos, RetainHandling::Send).await;
            if let Err(refusal) = granted {
                result = Err(refusal);
            }
        }
    }
    Attempt { role, identity, result, due, at }
}

/// Opens this thread's share of a side.
pub(super) async fn open(
    worker: &mut Worker,
    side: Side,
    session: Session,
    counts: bool,
) -> Result<(), Failure> {
    let shard = worker.shard.clone();
    let run = shard.run.clone();
    let most = (OPENING / run.plan.threads).max(1);
    let mut waiting = run.plan.share(side.count(&run), shard.thread);
    let timer = run.connect_rate.map(|_| Timer::new()).transpose();
    let timer = timer.map_err(|error| Failure::new(FAILURE, format!("no timer: {error}")))?;
    let (origin, mut opening) = (run.now(), JoinSet::new());
    let began = std::time::Instant::now();
    let mut failed_in_row = 0;
    loop {
        let number = waiting.next().filter(|_| !run.is_stopped());
        if let Some(number) = number {
            let due = match (&timer, run.connect_rate) {
                (Some(timer), Some(rate)) => {
                    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 clients")]
                    let due = Duration::from_secs_f64(number as f64 / rate);
                    let left = due.saturating_sub(began.elapsed());
                    if !left.is_zero() {
                        timer.sleep(left).await;
                    }
                    Some(origin + super::run::micros(due)).filter(|_| run.is_started())
                }
                // All at once: each waits from the beginning.
                _ => counts.then_some(origin).filter(|_| run.plan.scenario == Scenario::Reconnect),
            };
            if counts {
                shard.seen.count(|counts| counts.sent += 1);
            }
            opening.spawn_local(attempt(shard.clone(), side.role(number), session, due));
        }
        // At a rate nobody waits for those before.
        while let Some(joined) = match number {
            Some(_) if timer.is_some() => opening.try_join_next(),
            Some(_) if opening.len() < most => None,
            _ => opening.join_next().await,
        } {
            let attempt = joined.map_err(|error| Failure::new(FAILURE, error))?;
            failed_in_row = if attempt.result.is_ok() { 0 } else { failed_in_row + 1 };
            if attempt.result.as_ref().is_err_and(|refusal| refusal.is_exhausted) {
                settle_others(worker, &mut opening, counts).await?;
            }
            settle(worker, attempt, counts, failed_in_row >= HOPELESS)?;
        }
        if number.is_none() && opening.is_empty() {
            return Ok(());
        }
    }
}

/// When nothing more can be opened, lets those come in that are on their way: so many is the number reached.
async fn settle_others(
    worker: &mut Worker,
    opening: &mut JoinSet<Attempt>,
    counts: bool,
) -> Result<(), Failure> {
    while let Some(joined) = opening.join_next().await {
        let attempt = joined.map_err(|error| Failure::new(FAILURE, error))?;
        if attempt.result.is_ok() {
            settle(worker, attempt, counts, false)?;
        }
    }
    Ok(())
}

/// Lets an open connection work, or says why there is none.
fn settle(worker: &mut Worker, attempt: Attempt, counts: bool, is_hopeless: bool) -> Result<(), Failure> {
    let (shard, Attempt { role, identity, result, due, at }) = (worker.shard.clone(), attempt);
    match result {
        Ok(opened) => {
            if counts {
                shard.done(Kind::Connect, due, at, true);
            } else {
                shard.seen.record(Kind::Connect, at.saturating_sub(due));
            }
            worker.spawn(role, opened, identity);
            Ok(())
        }
        Err(refusal) if !counts || refusal.is_exhausted || is_hopeless => {
            let open = shard.run.open.load(Ordering::Relaxed);
            let text = refusal.text;
            Err(Failure::new(
                FAILURE,
                format!("{}: {text} ({open} connections were open)", shard.run.clients.target),
            ))
        }
        Err(refusal) => {
            failed(&shard, role, &refusal);
            Ok(())
        }
    }
}

fn failed(shard: &Shard, role: Role, refusal: &Refusal) {
    shard.seen.count(|counts| counts.unopened += 1);
    shard.run.tell(format!("{role} was not let in: {}", refusal.text));
}

/// Those of this thread's clients that take turns, and when the next is due.
struct Turns {
    shard: Rc<Shard>,
    next: Cell<u64>,
    /// Where their number is what ends it.
    visits: Option<u64>,
    timer: Timer,
}

/// Work that begins when it is due, by as many clients at once as this thread has.
async fn take_turns<F: Future<Output = Result<(), Refusal>> + 'static>(
    worker: &Worker,
    clients: usize,
    visits: Option<u64>,
    work: impl Fn(Rc<Shard>, usize, u64) -> F + Clone + 'static,
) -> Result<(), Failure> {
    let shard = worker.shard.clone();
    let no_timer = |error| Failure::new(FAILURE, format!("no timer: {error}"));
    let next = Cell::new(shard.thread as u64);
    let timer = Timer::new().map_err(no_timer)?;
    let turns = Rc::new(Turns { shard: shard.clone(), next, visits, timer });
    let lock = Rc::new(tokio::sync::Mutex::new(()));
    let mut slots = JoinSet::new();
    for client in shard.run.plan.share(clients, shard.thread) {
        let (turns, lock, work) = (turns.clone(), lock.clone(), work.clone());
        slots.spawn_local(async move {
            loop {
                // One after the other takes the next number and waits until it is due.
                let turn = lock.lock().await;
                let Some((number, due)) = turns.next().await else { return Ok(()) };
                drop(turn);
                if !turns.shard.run.plan.scenario.has_messages() {
                    turns.shard.seen.count(|counts| {
                        counts.sent += 1;
                        counts.sent_measured += u64::from(turns.shard.run.schedule.is_measured(due));
                    });
                }
                // Where each comes only once, the number says who.
                let client = match visits == Some(clients as u64) {
                    true => usize::try_from(number).unwrap_or(client),
                    false => client,
                };
                if let Err(refusal) = work(turns.shard.clone(), client, due).await {
                    failed(&turns.shard, Role::Publisher(client), &refusal);
                    if refusal.is_exhausted {
                        return Err(refusal);
                    }
                }
            }
        });
    }
    while let Some(joined) = slots.join_next().await {
        let result = joined.map_err(|error| Failure::new(FAILURE, error))?;
        let open = shard.seen.counts.get().open;
        let target = &shard.run.clients.target;
        result.map_err(|refusal| {
            Failure::new(FAILURE, format!("{target}: {} ({open} connections were open)", refusal.text))
        })?;
    }
    Ok(())
}

impl Turns {
    /// The next number of this thread and when it is due; nothing when the schedule is over.
    async fn next(&self) -> Option<(u64, u64)> {
        let run = &*self.shard.run;
        let number = self.next.get();
        if run.now() >= run.limit() || self.visits.is_some_and(|visits| number >= visits) {
            return None;
        }
        self.next.set(number + run.plan.threads as u64);
        if matches!(run.pace, super::run::Loop::Arrivals(_)) {
            return Some((number, run.now()));
        }
        let due = run.schedule.time_of(number);
        if due >= run.limit() {
            return None;
        }
        loop {
            let left = due.saturating_sub(run.now());
            if run.is_stopped() {
                return None;
            }
            if left == 0 {
                return Some((number, due));
            }
            self.timer.sleep(Duration::from_micros(left.min(50_000))).await;
        }
    }
}

/// Connects, subscribes and leaves.
pub(super) async fn churn(worker: &Worker) -> Result<(), Failure> {
    let clients = worker.shard.run.plan.publishers;
    take_turns(worker, clients, worker.shard.run.most, |shard, client, due| async move {
        let run = shard.run.clone();
        let role = Role::Publisher(client);
        let identity = run.clients.identity(role);
        shard.seen.count(|counts| counts.open += 1);
        let visit = async {
            let mut opened = run.clients.connect(&shard, role, &identity, Session::AsSet).await?;
            shard.done(Kind::Connect, due, run.now(), run.schedule.is_measured(due));
            let filter = format!("{}/{client}", topic_of_churn(&shard, client, &identity));
            run.clients.subscribe(&shard, &mut opened, &filter, run.qos, RetainHandling::DoNotSend).await?;
            run.clients.leave(opened).await;
            Ok(())
        };
        let result = visit.await;
        shard.seen.count(|counts| counts.open -= 1);
        result
    })
    .await
}

fn topic_of_churn(shard: &Shard, number: usize, identity: &Identity) -> String {
    shard.run.topics.of(crate::bench::topic::Of {
        number,
        client_id: &identity.client_id,
        username: identity.username.as_deref().unwrap_or_default(),
        sequence: 0,
    })
}

/// Subscribes to all that is retained, and takes it.
pub(super) async fn replay(worker: &Worker, patience: Duration) -> Result<(), Failure> {
    let subscribers = worker.shard.run.plan.subscribers;
    take_turns(worker, subscribers, Some(subscribers as u64), move |shard, client, due| async move {
        let (run, role) = (shard.run.clone(), Role::Subscriber(client));
        let identity = run.clients.identity(role);
        let mut opened = run.clients.connect(&shard, role, &identity, Session::AsSet).await?;
        let filter = filter(&shard, client);
        run.clients.subscribe(&shard, &mut opened, &filter, run.qos, RetainHandling::Send).await?;
        let mut connection = Connection::new(shard.clone(), role, opened, identity);
        loop {
            let before = shard.received_by(client);
            match tokio::time::timeout(patience, &mut connection).await {
                Ok(Ok(())) => break,
                Ok(Err(error)) => return Err(error.to_string().into()),
                // What does not come any more, is lost.
                Err(_) if shard.received_by(client) == before => return Ok(()),
                Err(_) => {}
            }
        }
        shard.replayed(due);
        Ok(())
    })
    .await
}
