//! `skeeter broker`: listeners, workers and signals round the broker's core.

mod bridge;
mod check;
#[cfg(unix)]
mod dlt;
mod doors;
mod exec;
mod gate;
mod heap;
mod keep;
mod listen;
mod log;
mod packets;
mod periodic;
mod places;
mod process;
mod reload;
mod rights;
mod serve;
mod settings;
mod sink;
mod throttle;
mod unsupported;
mod verify;
mod wire;
mod worker;

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use tokio::task::LocalSet;

use super::exit;
use crate::broker::{Broker, Rights};
use crate::cli::broker::BrokerArgs;
use crate::text::Quoted;
use crate::transport::door::{Raw, Socket};
use bridge::Bridges;
use gate::{Gate, Ticket};
use log::Log;
use periodic::Pace;
use process::PidFile;
use reload::{Marks, Reload};
use settings::{Process, Settings};
use sink::Audience;
use worker::{Arrival, Shared, Way, Worker};

/// How long connections may take to be written out when the broker stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// Runs the broker until it is told to stop; the status to exit with.
pub(crate) fn run(args: &BrokerArgs) -> u8 {
    if let (Some(path), true) = (&args.config_file, args.check.is_given()) {
        return check::run(path, args);
    }
    let (settings, marks) = match reload::read(args) {
        Ok(read) => read,
        Err((status, faults)) => {
            faults.iter().for_each(|fault| eprintln!("skeeter broker: {fault}"));
            return status;
        }
    };
    let log = Arc::new(Log::new(settings.log.clone()));
    let status = match start(args, (&settings, marks), &log) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("skeeter broker: {error}");
            exit::FAILURE.code
        }
    };
    log.close();
    status
}

fn start(args: &BrokerArgs, (settings, marks): (&Settings, Marks), log: &Arc<Log>) -> Result<u8, String> {
    heap::settle();
    super::files::raise_limit();
    let runtime = worker::runtime().map_err(|error| format!("cannot start: {error}"))?;
    let workers = settings.process.workers.map_or_else(processors, usize::from);
    let mut warnings = Vec::new();
    let rights = rights::load(settings, &mut |warning| warnings.push(warning.to_owned()))?;
    let is_open = who_is_open(settings, &rights);
    let kept = keep::open(settings.kept.as_ref())?;
    let broker =
        Broker::new(settings.limits.clone(), rights, keep::durability(settings.kept.as_ref()), seed());
    let shared = Arc::new(Shared::new(broker, log.clone(), workers, settings.nodelay));
    log.attach(Audience { broker: shared.broker.clone(), clock: shared.clock });
    LocalSet::new().block_on(&runtime, async {
        // Before anybody can see that the broker is there, and send it a signal.
        let stop = Stop::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
        let listeners = gate::open(settings.listeners.clone())?;
        // The file is there before the line that says that the broker is ready.
        let out: &mut dyn std::io::Write = match args.exec {
            // The command's output is the only one on stdout.
            Some(_) => &mut std::io::sink(),
            None => &mut std::io::stdout(),
        };
        // Until here there is one thread, and the rights to open whatever is to be opened.
        let pid_file = settle(&settings.process, log)?;
        settings.warnings.iter().chain(&warnings).for_each(|warning| log.warning(warning));
        // Before anybody connects.
        let keeping = kept.map(|kept| keep::start(kept, &shared)).transpose()?;
        let own = Worker::new(shared.clone(), 0);
        let ways = start_workers(&shared, workers)?;
        if let Some(path) = &args.ports_file {
            listen::write_ports(path, &listeners)?;
        }
        listen::announce(&listeners, &is_open, out);
        if keeping.is_none() {
            log.info(
                "nothing is written to disk: sessions and messages end with this process, see --data-dir",
            );
        }
        if args.doors.tls.tls.is_some() {
            listen::explain_tls(&listeners, out);
        }
        let for_exec = args.exec.as_ref().map(|_| exec::environment(&listeners)).transpose()?;
        let gates: Rc<[Arc<Gate>]> = listeners.iter().map(|open| open.gate.clone()).collect();
        let accepting = accept_all(listeners, &own, &ways);
        tokio::task::spawn_local(keep_time(own.clone()));
        let (pace, paces) = tokio::sync::watch::channel(Pace::of(settings));
        tokio::task::spawn_local(periodic::publish_sys(own.clone(), paces.clone()));
        tokio::task::spawn_local(periodic::sweep(own.clone(), paces.clone()));
        tokio::task::spawn_local(periodic::watch_memory(own.clone(), paces));
        tokio::task::spawn_local(periodic::give_back());
        tokio::task::spawn_local(periodic::tell_left_out(own.clone()));
        let bridges = Bridges::start(own.clone(), &settings.bridges);
        let reload = Reload::new(args, (settings.clone(), marks), gates, (pace, bridges.clone()));
        process::notify("READY=1");
        let status = serve_until_told(args, for_exec, stop, (&own, reload)).await?;
        process::notify("STOPPING=1");
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        bridges.stop().await;
        own.shut_down();
        // Whoever does not take its bytes by then has had its chance.
        let _ = tokio::time::timeout(FAREWELL, shared.all_gone()).await;
        drop(pid_file);
        match keeping.is_none_or(keep::Keeping::finish) {
            true => Ok(status),
            false => Ok(exit::FAILURE.code),
        }
    })
}

/// Of each listener, whether anybody may come in.
fn who_is_open(settings: &Settings, rights: &Rights) -> Vec<bool> {
    let listeners = settings.listeners.iter().enumerate();
    listeners.map(|(number, of)| rights.policy(number).is_open() && !of.knows_clients()).collect()
}

/// Starts all workers but the own one; the way to each.
fn start_workers(shared: &Arc<Shared>, workers: usize) -> Result<Rc<[Option<Way>]>, String> {
    let ways = (1..workers)
        .map(|number| worker::start(shared.clone(), number).map(Some))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("cannot start worker threads: {error}; fewer may do, see --workers"))?;
    Ok(std::iter::once(None).chain(ways).collect())
}

/// Settles the broker in the system, and starts the log.
fn settle(process: &Process, log: &Log) -> Result<Option<PidFile>, String> {
    let Process { pid_file, user, workers: _, background } = process;
    process::set_umask()?;
    let note = user.as_ref().map_or(Ok(None), |user| process::drop_privileges(user.as_deref()))?;
    if *background {
        process::daemonize()?;
    }
    let pid_file = pid_file.as_deref().map(PidFile::write).transpose()?;
    log.start();
    if let Some(note) = note {
        log.warning(&note);
    }
    Ok(pid_file)
}

/// Serves until a signal comes, or the command of `--exec` ends; the status to exit with.
async fn serve_until_told(
    args: &BrokerArgs,
    environment: Option<exec::Environment>,
    stop: Stop,
    (own, reload): (&Worker, Reload<'_>),
) -> Result<u8, String> {
    let Some(command) = &args.exec else {
        stop.wait(own, reload).await;
        return Ok(exit::SUCCESS.code);
    };
    let mut child = exec::start(command, environment.unwrap_or_default())?;
    tokio::select! {
        ended = child.wait() => ended.map(exec::status).map_err(|error| format!("cannot wait for --exec: {error}")),
        () = stop.wait(own, reload) => Ok(exit::SUCCESS.code),
    }
}

/// Takes connections from all sockets.
fn accept_all(
    listeners: Vec<gate::Open>,
    own: &Rc<Worker>,
    ways: &Rc<[Option<Way>]>,
) -> Vec<tokio::task::JoinHandle<()>> {
    let mut accepting = Vec::new();
    for gate::Open { gate, sockets } in listeners {
        for socket in sockets {
            let task = accept(socket, gate.clone(), own.clone(), ways.clone());
            accepting.push(tokio::task::spawn_local(task));
        }
    }
    accepting
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
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
                if let (false, Raw::Tcp(stream, _)) = (own.shared.nodelay.load(Ordering::Relaxed), &raw) {
                    // As somebody has asked for; a socket that refuses still works.
                    let _ = stream.set_nodelay(false);
                }
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
    async fn wait(mut self, worker: &Worker, mut reload: Reload<'_>) {
        let mut ticks = tokio::time::interval(reload::INTERVAL);
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.who.recv() => list_clients(worker),
                _ = self.reload.recv() => reload.run(worker),
                _ = ticks.tick(), if reload.has_files() => reload.look(worker),
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

    async fn wait(self, _: &Worker, _: Reload<'_>) {
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
            Quoted(&client.client)
        ));
    }
}
