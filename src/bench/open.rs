//! Opens connections: those of a side as fast as they are accepted or at a rate, and those that come and go.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

use super::client::{ClientIdentity, ConnectFailure, Connected, SessionMode};
use super::connection::LoadConnection;
use super::pace::Timer;
use super::role::{ClientSide, Role, micros};
use super::shard::Shard;
use super::worker::LoadWorker;
use crate::bench::model::times::Timing;
use crate::bench::model::topology::Scenario;
use crate::cli::exit::{FAILURE, Failure};
use crate::codec::packet::RetainHandling;
use crate::text::os_error;

/// Connections that all threads together open concurrently, unless a rate is given.
const OPENING: usize = 64;
/// Consecutive failures after which the run is aborted.
const HOPELESS: u64 = 1_000;

/// The topic filter of a subscriber.
pub(super) fn filter(shard: &Shard, number: usize) -> String {
    let (run, publisher) = (&*shard.run, Role::Publisher(number));
    let topics = &run.topics;
    match run.topology.scenario {
        Scenario::PubSub => {
            let identity = run.clients.identity(publisher);
            topics.filter(Some(crate::bench::model::topic::TopicValues {
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

/// An attempt to connect a client, and its result.
struct Attempt {
    role: Role,
    identity: ClientIdentity,
    result: Result<Connected, ConnectFailure>,
    /// When it was due, and when the connection was accepted.
    due: u64,
    at: u64,
}

/// Connects a client and records the time of its TLS handshake.
async fn connect(
    shard: &Shard,
    role: Role,
    identity: &ClientIdentity,
    session: SessionMode,
) -> Result<Connected, ConnectFailure> {
    let connected = shard.run.clients.connect(role, identity, session).await?;
    if let Some(took) = connected.handshake {
        shard.seen.record(Timing::Handshake, micros(took));
    }
    Ok(connected)
}

/// Subscribes a client and records the time until SUBACK.
async fn subscribe(
    shard: &Shard,
    connected: &mut Connected,
    filter: &str,
    retained: RetainHandling,
) -> Result<(), ConnectFailure> {
    let run = &shard.run;
    let took = run.clients.subscribe(connected, filter, run.qos, retained).await?;
    shard.seen.record(Timing::Subscribe, micros(took));
    Ok(())
}

/// Connects a client, and subscribes where it is a subscriber.
async fn attempt(shard: Rc<Shard>, role: Role, session: SessionMode, due: Option<u64>) -> Attempt {
    let run = shard.run.clone();
    let clients = &run.clients;
    let (began, identity) = (std::time::Instant::now(), clients.identity(role));
    let due = due.unwrap_or_else(|| run.now());
    let mut result = connect(&shard, role, &identity, session).await;
    let at = if run.is_started() { run.now() } else { micros(began.elapsed()) };
    if let (Ok(opened), Role::Subscriber(number)) = (&mut result, role) {
        // A resumed session already has its subscription.
        if session != SessionMode::Resume || !opened.session_present {
            let filter = filter(&shard, number);
            let granted = subscribe(&shard, opened, &filter, RetainHandling::Send).await;
            if let Err(refusal) = granted {
                result = Err(refusal);
            }
        }
    }
    Attempt { role, identity, result, due, at }
}

/// Opens this thread's share of the connections of a side.
pub(super) async fn open(
    worker: &mut LoadWorker,
    side: ClientSide,
    session: SessionMode,
    counts: bool,
) -> Result<(), Failure> {
    let shard = worker.shard.clone();
    let run = shard.run.clone();
    let most = (OPENING / run.topology.threads).max(1);
    let mut waiting = run.topology.share(side.count(&run.topology), shard.thread);
    let timer = run.connect_rate.map(|_| Timer::new()).transpose();
    let timer = timer.map_err(|error| Failure::new(FAILURE, format!("no timer: {}", os_error(&error))))?;
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
                    Some(origin + micros(due)).filter(|_| run.is_started())
                }
                // All reconnect at once, so each is due at the start.
                _ => counts.then_some(origin).filter(|_| run.topology.scenario == Scenario::Reconnect),
            };
            if counts {
                shard.seen.count(|counts| counts.sent += 1);
            }
            opening.spawn_local(attempt(shard.clone(), side.role(number), session, due));
        }
        // With a rate, earlier attempts are not waited for.
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

/// When no more connections can be opened, completes the pending ones, so that the number reached can be reported.
async fn settle_others(
    worker: &mut LoadWorker,
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

/// Starts an open connection, or reports why it failed.
fn settle(worker: &mut LoadWorker, attempt: Attempt, counts: bool, is_hopeless: bool) -> Result<(), Failure> {
    let (shard, Attempt { role, identity, result, due, at }) = (worker.shard.clone(), attempt);
    match result {
        Ok(opened) => {
            if counts {
                shard.done(Timing::Connect, due, at, true);
            } else {
                shard.seen.record(Timing::Connect, at.saturating_sub(due));
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

fn failed(shard: &Shard, role: Role, refusal: &ConnectFailure) {
    shard.seen.count(|counts| counts.unopened += 1);
    shard.run.tell(format!("{role} could not connect: {}", refusal.text));
}

/// Numbers visits and waits until each is due.
struct VisitSchedule {
    shard: Rc<Shard>,
    next: Cell<u64>,
    /// Number of visits, if it is limited.
    visits: Option<u64>,
    timer: Timer,
}

/// Performs `work` whenever it is due, by up to as many clients concurrently as this thread has.
async fn take_turns<F: Future<Output = Result<(), ConnectFailure>> + 'static>(
    worker: &LoadWorker,
    clients: usize,
    visits: Option<u64>,
    work: impl Fn(Rc<Shard>, usize, u64) -> F + Clone + 'static,
) -> Result<(), Failure> {
    let shard = worker.shard.clone();
    let no_timer = |error| Failure::new(FAILURE, format!("no timer: {}", os_error(&error)));
    let next = Cell::new(shard.thread as u64);
    let timer = Timer::new().map_err(no_timer)?;
    let turns = Rc::new(VisitSchedule { shard: shard.clone(), next, visits, timer });
    let lock = Rc::new(tokio::sync::Mutex::new(()));
    let mut slots = JoinSet::new();
    for client in shard.run.topology.share(clients, shard.thread) {
        let (turns, lock, work) = (turns.clone(), lock.clone(), work.clone());
        slots.spawn_local(async move {
            loop {
                // The lock is held until the visit is due, so that clients take numbers in order.
                let turn = lock.lock().await;
                let Some((number, due)) = turns.next().await else { return Ok(()) };
                drop(turn);
                if !turns.shard.run.topology.scenario.has_messages() {
                    turns.shard.seen.count(|counts| {
                        counts.sent += 1;
                        counts.sent_measured += u64::from(turns.shard.run.schedule.is_measured(due));
                    });
                }
                // If each client visits only once, the number identifies the client.
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

impl VisitSchedule {
    /// The next number of this thread and its due time; `None` when the schedule has ended.
    async fn next(&self) -> Option<(u64, u64)> {
        let run = &*self.shard.run;
        let number = self.next.get();
        if run.now() >= run.limit() || self.visits.is_some_and(|visits| number >= visits) {
            return None;
        }
        self.next.set(number + run.topology.threads as u64);
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

/// Connects, subscribes and disconnects.
pub(super) async fn churn(worker: &LoadWorker) -> Result<(), Failure> {
    let clients = worker.shard.run.topology.publishers;
    take_turns(worker, clients, worker.shard.run.most, |shard, client, due| async move {
        let run = shard.run.clone();
        let role = Role::Publisher(client);
        let identity = run.clients.identity(role);
        shard.seen.count(|counts| counts.open += 1);
        let visit = async {
            let mut opened = connect(&shard, role, &identity, SessionMode::AsSet).await?;
            shard.done(Timing::Connect, due, run.now(), run.schedule.is_measured(due));
            let filter = format!("{}/{client}", topic_of_churn(&shard, client, &identity));
            subscribe(&shard, &mut opened, &filter, RetainHandling::DoNotSend).await?;
            run.clients.leave(opened).await;
            Ok(())
        };
        let result = visit.await;
        shard.seen.count(|counts| counts.open -= 1);
        result
    })
    .await
}

fn topic_of_churn(shard: &Shard, number: usize, identity: &ClientIdentity) -> String {
    shard.run.topics.of(crate::bench::model::topic::TopicValues {
        number,
        client_id: &identity.client_id,
        username: identity.username.as_deref().unwrap_or_default(),
        sequence: 0,
    })
}

/// Subscribes to all retained messages and receives them.
pub(super) async fn replay(worker: &LoadWorker, patience: Duration) -> Result<(), Failure> {
    let subscribers = worker.shard.run.topology.subscribers;
    take_turns(worker, subscribers, Some(subscribers as u64), move |shard, client, due| async move {
        let (run, role) = (shard.run.clone(), Role::Subscriber(client));
        let identity = run.clients.identity(role);
        let mut opened = connect(&shard, role, &identity, SessionMode::AsSet).await?;
        let filter = filter(&shard, client);
        subscribe(&shard, &mut opened, &filter, RetainHandling::Send).await?;
        let mut connection = LoadConnection::new(shard.clone(), role, opened, identity);
        loop {
            let before = shard.received_by(client);
            match tokio::time::timeout(patience, &mut connection).await {
                Ok(Ok(())) => break,
                Ok(Err(error)) => return Err(os_error(&error).into()),
                // Messages that have not arrived by now are lost.
                Err(_) if shard.received_by(client) == before => return Ok(()),
                Err(_) => {}
            }
        }
        shard.replayed(due);
        Ok(())
    })
    .await
}
