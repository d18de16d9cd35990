//! BrokerSignals: to stop the broker, to reload its configuration, to reopen its log files, and to list sessions and
//! subscriptions.

#[cfg(unix)]
use std::io::IsTerminal;
#[cfg(unix)]
use std::sync::Arc;
#[cfg(unix)]
use std::time::Duration;

#[cfg(unix)]
use tokio::signal::unix::Signal;

#[cfg(unix)]
use super::log::LogEvent;
#[cfg(unix)]
use super::reload;
use super::reload::Reloader;
#[cfg(unix)]
use super::state::ServerState;
use super::worker::Worker;
#[cfg(unix)]
use crate::broker::ClientSubscription;
#[cfg(unix)]
use crate::text::Quoted;

/// The signals that the broker handles: all that mosquitto documents, so that none of them ends the process by default.
#[cfg(unix)]
pub(super) struct BrokerSignals {
    interrupt: Signal,
    terminate: Signal,
    list_sessions: Signal,
    list_subscriptions: Signal,
    reload: Signal,
    reopen_logs: Option<Signal>,
    /// Whether the broker was started on a terminal.
    has_terminal: bool,
}

#[cfg(unix)]
impl BrokerSignals {
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            list_sessions: signal(SignalKind::user_defined1())?,
            list_subscriptions: signal(SignalKind::user_defined2())?,
            reload: signal(SignalKind::hangup())?,
            #[cfg(target_os = "linux")]
            reopen_logs: Some(signal(SignalKind::from_raw(nix::libc::SIGRTMIN()))?),
            #[cfg(not(target_os = "linux"))]
            reopen_logs: None,
            has_terminal: std::io::stdin().is_terminal(),
        })
    }

    /// Until a signal stops the broker; its name. Meanwhile the others are answered.
    pub(super) async fn wait(mut self, worker: &Worker, mut reload: Reloader<'_>) -> &'static str {
        let mut ticks = tokio::time::interval(reload::INTERVAL);
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.reload.recv() => match self.is_terminal_closed(&reload) {
                    true => return "SIGHUP, the terminal was closed",
                    false => reload.run(worker),
                },
                _ = self.list_sessions.recv() => list_clients(worker.state.clone()),
                _ = self.list_subscriptions.recv() => list_subscriptions(worker.state.clone()),
                Some(()) = recv(&mut self.reopen_logs) => worker.log().reopen(),
                _ = ticks.tick(), if reload.has_files() => reload.look(worker),
            }
        }
    }

    /// Whether SIGHUP means that the terminal from which the broker was started has closed, and not that it is to reload: the
    /// terminal is gone, or there is nothing to reload.
    fn is_terminal_closed(&self, reload: &Reloader<'_>) -> bool {
        self.has_terminal && (!std::io::stdin().is_terminal() || !reload.has_files())
    }
}

/// Waits for a signal, for ever if the system does not have it.
#[cfg(unix)]
async fn recv(signal: &mut Option<Signal>) -> Option<()> {
    match signal {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    }
}

#[cfg(not(unix))]
pub(super) struct BrokerSignals;

#[cfg(not(unix))]
impl BrokerSignals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn wait(self, _: &Worker, _: Reloader<'_>) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "interrupt"
    }
}

/// Lines of a list that are logged before others run; fewer than a log destination queues.
#[cfg(unix)]
const LINES_AT_ONCE: usize = 1_000;

/// How long the destinations of the log then have to write them.
#[cfg(unix)]
const PAUSE: Duration = Duration::from_millis(50);

/// Logs all sessions.
#[cfg(unix)]
fn list_clients(state: Arc<ServerState>) {
    let clients = state.broker.clients();
    let connected = clients.iter().filter(|client| client.connected.is_some()).count();
    state.log.write(&LogEvent::SessionsListed { sessions: clients.len(), connected });
    log_slowly(clients, move |client| {
        let connected = client.connected.as_ref();
        state.log.write(&LogEvent::SessionListed {
            client_id: Quoted(&client.client),
            remote_address: connected.map(|(peer, _)| &**peer),
            connected_seconds: connected.map(|(_, since)| state.now().since(*since).as_secs()),
            subscriptions: client.subscriptions,
            queued_messages: client.queued,
            in_flight_messages: client.in_flight,
        });
    });
}

/// Logs all subscriptions.
#[cfg(unix)]
fn list_subscriptions(state: Arc<ServerState>) {
    let all = state.broker.subscriptions();
    state.log.write(&LogEvent::SubscriptionsListed { subscriptions: all.len() });
    log_slowly(all, move |ClientSubscription { filter, client }| {
        state
            .log
            .write(&LogEvent::SubscriptionListed { filter: Quoted(&filter), client_id: Quoted(&client) });
    });
}

/// Logs a list of any length: it neither delays connections for long nor fills the queues of the log.
#[cfg(unix)]
fn log_slowly<T: 'static>(list: Vec<T>, log: impl Fn(T) + 'static) {
    tokio::task::spawn_local(async move {
        for (number, entry) in list.into_iter().enumerate() {
            if number > 0 && number % LINES_AT_ONCE == 0 {
                tokio::time::sleep(PAUSE).await;
            }
            log(entry);
        }
    });
}
