//! `skeeter broker`: listeners, workers and signals round the broker's core.

mod check;
mod doors;
mod exec;
mod gate;
mod listen;
mod log;
mod refresh;
mod serve;
mod worker;

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use tokio::task::LocalSet;

use super::exit;
use crate::broker::{Broker, Durability, Limits, Load, Rights};
use crate::cli::broker::{BrokerArgs, LimitArgs};
use crate::transport::door::{Raw, Socket};
use gate::{Gate, Ticket};
use log::{Level, Log};
use worker::{Arrival, Shared, Way, Worker};

/// How long connections may take to be written out when the broker stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// Runs the broker until it is told to stop; the status to exit with.
pub(crate) fn run(args: &BrokerArgs) -> u8 {
    if let Some(path) = &args.config_file {
        return check::run(path, &args.check);
    }
    let level = match (args.quiet, args.verbose) {
        (true, _) => Level::Error,
        (_, true) => Level::Detail,
        _ => Level::Info,
    };
    let log = Arc::new(Log::new(args.log_format, level));
    let status = match start(args, &log) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("skeeter broker: {error}");
            exit::FAILURE.code
        }
    };
    if let Ok(log) = Arc::try_unwrap(log) {
        log.close();
    }
    status
}

fn start(args: &BrokerArgs, log: &Arc<Log>) -> Result<u8, String> {
    super::files::raise_limit();
    let runtime = worker::runtime().map_err(|error| format!("cannot start: {error}"))?;
    let workers = args.workers.map_or_else(processors, usize::from);
    let users = args.users().map(|user| (user.name.as_str().into(), user.password.as_bytes().into()));
    let rights = Rights::new(users);
    let open_to_all = rights.is_open();
    let broker = Broker::new(limits(&args.limits), rights, Durability::Off, seed());
    let shared = Arc::new(Shared::new(broker, log.clone(), workers));
    let listeners = doors::listeners(args)?;
    LocalSet::new().block_on(&runtime, async {
        let stop = Stop::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
        let listeners = gate::open(listeners)?;
        let own = Worker::new(shared.clone(), 0);
        let ways = (1..workers)
            .map(|number| worker::start(shared.clone(), number).map(Some))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("cannot start worker threads: {error}; fewer may do, see --workers"))?;
        let ways: Rc<[Option<Way>]> = std::iter::once(None).chain(ways).collect();
        // The file is there before the line that says that the broker is ready.
        if let Some(path) = &args.ports_file {
            listen::write_ports(path, &listeners)?;
        }
        match args.exec {
            // The command's output is the only one on stdout.
            Some(_) => listen::announce(&listeners, open_to_all, &mut std::io::sink()),
            None => listen::announce(&listeners, open_to_all, &mut std::io::stdout()),
        }
        let for_exec = args.exec.as_ref().map(|_| exec::environment(&listeners)).transpose()?;
        let gates: Rc<[Arc<Gate>]> = listeners.iter().map(|open| open.gate.clone()).collect();
        if gates.iter().any(|gate| gate.door.settings().listener.tls.is_some()) {
            tokio::task::spawn_local(refresh::watch(gates.clone(), log.clone()));
        }
        let mut accepting = Vec::new();
        for gate::Open { gate, sockets } in listeners {
            for socket in sockets {
                let task = accept(socket, gate.clone(), own.clone(), ways.clone());
                accepting.push(tokio::task::spawn_local(task));
            }
        }
        tokio::task::spawn_local(keep_time(own.clone()));
        if args.limits.sys_interval > Duration::ZERO {
            tokio::task::spawn_local(publish_sys(own.clone(), args.limits.sys_interval));
        }
        let status = match &args.exec {
            None => {
                stop.wait(&own, &gates).await;
                exit::SUCCESS.code
            }
            Some(command) => {
                let mut child = exec::start(command, for_exec.unwrap_or_default())?;
                tokio::select! {
                    ended = child.wait() => {
                        ended.map(exec::status).map_err(|error| format!("cannot wait for --exec: {error}"))?
                    }
                    () = stop.wait(&own, &gates) => exit::SUCCESS.code,
                }
            }
        };
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        own.shut_down();
        // Whoever does not take its bytes by then has had its chance.
        let _ = tokio::time::timeout(FAREWELL, shared.all_gone()).await;
        Ok(status)
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn limits(args: &LimitArgs) -> Limits {
    // Taken apart without `..`, so that no flag is parsed and forgotten.
    let LimitArgs {
        max_connections,
        max_packet_size,
        max_queued_messages,
        max_queued_bytes,
        receive_maximum,
        max_inflight,
        max_topic_alias,
        max_keep_alive,
        connect_timeout,
        max_session_expiry,
        max_subscriptions,
        sys_interval: _,
    } = *args;
    Limits {
        connections: max_connections,
        packet_size: u32::try_from(max_packet_size).unwrap_or(u32::MAX),
        queued_messages: max_queued_messages,
        queued_bytes: max_queued_bytes,
        receive_maximum,
        in_flight: max_inflight,
        topic_aliases_in: max_topic_alias,
        topic_aliases_out: max_topic_alias,
        keep_alive: max_keep_alive,
        connect_timeout,
        session_expiry: max_session_expiry.unwrap_or(u32::MAX),
        subscriptions: max_subscriptions,
        ..Limits::default()
    }
}

/// A number that nobody outside knows: the standard library's own random keys.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one((SystemTime::now(), std::process::id()))
}

/// Accepts connections and gives each to the worker with the fewest.
async fn accept(socket: Socket, gate: Arc<Gate>, own: Rc<Worker>, ways: Rc<[Option<Way>]>) {
    let log = &own.shared.log;
    let (mut told, mut full) = (false, false);
    loop {
        match socket.accept().await {
            Ok(raw) => {
                told = false;
                let ticket = gate.admit();
                if ticket.is_none() && !full {
                    log.error("a listener is full: further connections are closed at once until one ends");
                }
                full = ticket.is_none();
                if let Some(ticket) = ticket
                    && let Err(error) = hand_over(raw, ticket, &own, &ways)
                {
                    log.error(&format!("a connection could not be served: {error}"));
                }
            }
            Err(error) => {
                if !told {
                    log.error(&format!(
                        "cannot accept a connection: {error}; raise `ulimit -n`, or see --max-connections"
                    ));
                    told = true;
                }
                // The connection stays in the system's queue until a file is free.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn hand_over(raw: Raw, ticket: Ticket, own: &Rc<Worker>, ways: &[Option<Way>]) -> std::io::Result<()> {
    match &ways[own.shared.least_loaded()] {
        None => own.arrive(raw, ticket),
        // A worker ends only with the broker.
        Some(way) => drop(way.send((Arrival::new(raw)?, ticket))),
    }
    Ok(())
}

/// Lets the core do what has become due.
async fn keep_time(worker: Rc<Worker>) {
    loop {
        let mut sleep: Option<std::pin::Pin<Box<tokio::time::Sleep>>> = None;
        poll_fn(|cx| {
            let next = worker.shared.broker.next_tick(cx.waker());
            if next <= worker.shared.now() {
                return Poll::Ready(());
            }
            if next == crate::time::Instant::NEVER {
                return Poll::Pending;
            }
            let at = worker.shared.timer(next);
            let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            sleep.as_mut().reset(at);
            sleep.as_mut().poll(cx)
        })
        .await;
        let mut turn = worker.begin();
        worker.shared.broker.tick(&mut turn);
        worker.finish(turn);
    }
}

async fn publish_sys(worker: Rc<Worker>, interval: Duration) {
    let (mut ticks, mut load) = (tokio::time::interval(interval), Load::default());
    loop {
        ticks.tick().await;
        let mut turn = worker.begin();
        worker.shared.broker.publish_sys(&worker.shared.counts(), &mut load, &mut turn);
        worker.finish(turn);
    }
}

/// The signals.
#[cfg(unix)]
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    who: tokio::signal::unix::Signal,
    reload: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            who: signal(SignalKind::user_defined1())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    /// Until the broker is told to stop; meanwhile SIGUSR1 and SIGHUP are answered.
    async fn wait(mut self, worker: &Worker, gates: &[Arc<Gate>]) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.who.recv() => list_clients(worker),
                _ = self.reload.recv() => refresh::refresh(gates, &worker.shared.log),
            }
        }
    }
}

#[cfg(not(unix))]
struct Stop;

#[cfg(not(unix))]
impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn wait(self, _: &Worker, _: &[Arc<Gate>]) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Logs who is connected.
#[cfg(unix)]
fn list_clients(worker: &Worker) {
    let shared = &worker.shared;
    let clients = shared.broker.clients();
    let connected = clients.iter().filter(|client| client.connected.is_some()).count();
    shared.log.info(&format!("{} sessions, {connected} of them connected", clients.len()));
    for client in clients {
        let place = match &client.connected {
            Some((peer, since)) => {
                format!("connected from {peer} for {} s", shared.now().since(*since).as_secs())
            }
            None => "not connected".to_owned(),
        };
        let (subscriptions, queued, in_flight) = (client.subscriptions, client.queued, client.in_flight);
        shared.log.info(&format!(
            "{}: {place}, {subscriptions} subscriptions, {queued} messages queued, {in_flight} in flight",
            client.client
        ));
    }
}
