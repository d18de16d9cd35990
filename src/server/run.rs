//! Starts the broker, and serves until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::task::LocalSet;

use super::bridge::Bridges;
use super::control;
use super::listeners::accept::{self, OpenListener, Workers};
use super::listeners::announce::{self, Announcement};
use super::log::{Log, LogEvent, LogTopicPublisher};
use super::periodic::{self, Intervals};
use super::permissions::OnFault;
use super::process::{self, PidFile, TargetUser};
use super::reload::{self, ReloadParts, Reloader};
use super::settings::{BrokerSettings, Process};
use super::signals::BrokerSignals;
use super::state::ServerState;
use super::store_thread::{self, OpenStore};
use super::systemd::{self, ServiceState};
use super::worker::{self, Worker};
use super::{check, exec, heap, permissions, watchdog};
use crate::broker::{Broker, Rights};
use crate::cli::broker::BrokerArgs;
use crate::cli::exit;
use crate::net::listener::{InheritedSockets, Listener, Protocol};
use crate::text::os_error;

/// How long connections may take to send their output when the broker stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs the broker until it is told to stop; the exit status.
pub(crate) fn run(args: &BrokerArgs) -> u8 {
    if let (Some(path), true) = (&args.config_file, args.check.is_given()) {
        return check::run(path, args);
    }
    let read = match reload::read(args) {
        Ok(read) => read,
        Err((status, errors)) => {
            errors.iter().for_each(|why| eprintln!("{}: {why}", args.dialect.with_names("skeeter broker")));
            return status;
        }
    };
    if let Some(path) = &args.ports_file {
        announce::remove_stale_ports(path);
    }
    let log = Arc::new(Log::new(read.settings.log.clone()));
    let status = start(args, read, &log).unwrap_or_else(|why| {
        eprintln!("{}: {why}", args.dialect.with_names("skeeter broker"));
        exit::FAILURE.code
    });
    log.close();
    status
}

fn listen_for_signals() -> Result<BrokerSignals, String> {
    BrokerSignals::new().map_err(|error| format!("cannot listen for signals: {}", os_error(&error)))
}

/// The user to become, if there is one.
fn target_user(settings: &BrokerSettings) -> Result<Option<TargetUser>, String> {
    let user = settings.process.user.as_ref().map(|name| TargetUser::find(name.as_deref()));
    Ok(user.transpose()?.flatten())
}

fn start(args: &BrokerArgs, read: reload::ReadSettings, log: &Arc<Log>) -> Result<u8, String> {
    let settings = &read.settings;
    let inherited = InheritedSockets::take()?;
    heap::settle();
    crate::system::files::raise_limit();
    let runtime = worker::runtime().map_err(|error| format!("cannot start: {}", os_error(&error)))?;
    let worker_count = settings.process.workers.map_or_else(processors, usize::from);
    let mut warnings = Vec::new();
    let rights = load_rights(settings, &mut warnings)?;
    let anonymous = anonymous_listeners(settings, &rights);
    check_http(settings, &anonymous)?;
    let user = target_user(settings)?;
    let store = open_store(settings, user.as_ref())?;
    let state = new_state(settings, rights, log, worker_count);
    LocalSet::new().block_on(&runtime, async {
        // Before anything shows that the broker runs, and a signal may be sent to it.
        let signals = listen_for_signals()?;
        let listeners = accept::open(owned_listeners(settings, user.as_ref()), inherited)?;
        // Until here there is one thread, with the privileges to open files and ports.
        let pid_file = settle(&settings.process, user.as_ref(), log)?;
        let all_warnings = settings.warnings.iter().chain(&warnings);
        all_warnings.for_each(|reason| log.write(&LogEvent::ConfigurationWarning { reason }));
        // Before any client connects.
        let store_thread = store.map(|store| store_thread::start(store, &state)).transpose()?;
        let worker = Worker::start(state.clone(), 0);
        let workers = Workers::start(worker.clone(), worker_count)?;
        // Complete before the line that says that the broker is ready.
        let ports_file = args.ports_file.as_ref().map(|path| announce::write_ports(path, &listeners));
        let ports_file = ports_file.transpose()?;
        print_listeners(args, &listeners, &anonymous, log);
        if store_thread.is_none() {
            log.write(&LogEvent::PersistenceDisabled {});
        }
        let command_environment = args.exec.as_ref().map(|_| exec::environment(&listeners)).transpose()?;
        control::start(&state, &listeners, &anonymous);
        let active = listeners.iter().map(|open| open.active.clone()).collect();
        let accepting = accept::accept_all(listeners, &workers);
        let intervals = periodic::start(&worker, Intervals::of(settings));
        let bridges = Bridges::start(worker.clone(), &settings.bridge_plans());
        let reloader = Reloader::new(ReloadParts {
            args,
            settings: settings.clone(),
            stamps: read.stamps.clone(),
            listeners: active,
            intervals,
            bridges: bridges.clone(),
        });
        log.write(&LogEvent::BrokerStarted { version: env!("CARGO_PKG_VERSION"), pid: std::process::id() });
        systemd::notify(ServiceState::Ready);
        watchdog::start(&workers);
        let (status, reason) = match (&args.exec, command_environment) {
            (Some(command), Some(environment)) => {
                serve_command(command, environment, signals.wait(&worker, reloader)).await?
            }
            _ => (exit::SUCCESS.code, signals.wait(&worker, reloader).await),
        };
        log.write(&LogEvent::BrokerStopping { reason });
        systemd::notify(ServiceState::Stopping);
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        bridges.stop().await;
        worker.shut_down();
        // Clients that do not read their last packets by then are disconnected.
        let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, state.all_closed()).await;
        drop((pid_file, ports_file));
        match store_thread.is_none_or(store_thread::StoreThread::finish) {
            true => Ok(status),
            false => Ok(exit::FAILURE.code),
        }
    })
}

fn new_state(settings: &BrokerSettings, rights: Rights, log: &Arc<Log>, workers: usize) -> Arc<ServerState> {
    let durability = store_thread::durability(settings.store.as_ref());
    let broker = Broker::new(settings.limits.clone(), rights, durability, seed());
    let state = Arc::new(ServerState::new(broker, log.clone(), workers));
    state.nodelay.store(settings.nodelay, Ordering::Relaxed);
    log.attach(LogTopicPublisher { broker: state.broker.clone(), clock: state.clock });
    state
}

/// Writes to stdout where the broker listens, unless stdout belongs to the command of --exec or to the log.
fn print_listeners(args: &BrokerArgs, listeners: &[OpenListener], anonymous: &[bool], log: &Log) {
    let out: &mut dyn std::io::Write = match args.exec.is_some() || log.has_json_on_stdout() {
        true => &mut std::io::sink(),
        false => &mut std::io::stdout(),
    };
    let pairs = listeners.iter().zip(anonymous);
    let announcements: Vec<_> =
        pairs.map(|(listener, anonymous)| Announcement { listener, anonymous: *anonymous }).collect();
    announce::announce(&announcements, log, out);
    if args.listeners.tls.tls.is_some() {
        announce::explain_tls(listeners, out);
    }
}

/// Who may connect, and what they may do; lines of the files that cannot be read become warnings.
fn load_rights(settings: &BrokerSettings, warnings: &mut Vec<String>) -> Result<Rights, String> {
    let BrokerSettings { permissions, bridge_permissions, .. } = settings;
    let mut warn = |warning: &str| warnings.push(warning.to_owned());
    permissions::load(permissions, bridge_permissions, OnFault::FailClosed, &mut warn)
}

/// Opens the store; its files then belong to the user that the broker becomes.
fn open_store(settings: &BrokerSettings, user: Option<&TargetUser>) -> Result<Option<OpenStore>, String> {
    let Some(location) = &settings.store else { return Ok(None) };
    let is_new = !location.directory.exists();
    let store = store_thread::open(location, |port| settings.listener_with_port(port))?;
    if let Some(user) = user {
        store.files().iter().for_each(|path| user.give(path));
        if is_new {
            user.give(&location.directory);
        }
    }
    Ok(Some(store))
}

/// The listeners, with Unix sockets that belong to the user that the broker becomes.
fn owned_listeners(settings: &BrokerSettings, user: Option<&TargetUser>) -> Vec<Listener> {
    let mut listeners = settings.listeners.clone();
    if let Some(user) = user {
        for listener in &mut listeners {
            listener.address = listener.address.clone().owned_by(user.uid, user.gid);
        }
    }
    listeners
}

/// For each listener, whether it accepts clients without authentication.
fn anonymous_listeners(settings: &BrokerSettings, rights: &Rights) -> Vec<bool> {
    let listeners = settings.listeners.iter().enumerate();
    listeners.map(|(number, listener)| rights.policy(number).is_open() && !listener.knows_clients()).collect()
}

/// # Errors
/// Other machines can reach a listener for HTTP, and no authentication is asked of them.
fn check_http(settings: &BrokerSettings, anonymous: &[bool]) -> Result<(), String> {
    let mut listeners = settings.listeners.iter().zip(anonymous);
    let is_open = |(listener, anonymous): (&Listener, &bool)| {
        listener.protocol == Protocol::Http && !listener.is_local() && *anonymous
    };
    match listeners.any(is_open) {
        true => {
            Err("the HTTP listener can be reached by other machines, so clients must be authenticated: add \
                     --password-file or --user NAME:PASSWORD"
                .to_owned())
        }
        false => Ok(()),
    }
}

/// Sets umask and user, goes to the background and writes the PID file as configured, and starts the log.
fn settle(process: &Process, user: Option<&TargetUser>, log: &Log) -> Result<Option<PidFile>, String> {
    let Process { pid_file, user: _, workers: _, background } = process;
    process::set_umask()?;
    user.map_or(Ok(()), TargetUser::become_it)?;
    if *background {
        process::daemonize()?;
    }
    let pid_file = pid_file.as_deref().map(PidFile::write).transpose()?;
    log.start();
    if let Some(note) = user.and_then(|user| user.note.as_deref()) {
        log.write(&LogEvent::ConfigurationWarning { reason: note });
    }
    Ok(pid_file)
}

/// Serves until a signal stops the broker or the command of --exec ends; the exit status, and the reason to stop.
async fn serve_command(
    command: &str,
    environment: exec::CommandEnvironment,
    stopped: impl Future<Output = &'static str>,
) -> Result<(u8, &'static str), String> {
    let mut child = exec::start(command, environment)?;
    tokio::select! {
        ended = child.wait() => {
            let status = ended.map_err(|error| format!("cannot wait for the command of --exec: {}", os_error(&error)))?;
            Ok((exec::status(status), "the command of --exec ended"))
        }
        signal = stopped => Ok((exit::SUCCESS.code, signal)),
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// A random number, from the keys of the standard library's hasher.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one((SystemTime::now(), std::process::id()))
}
