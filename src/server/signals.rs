//! BrokerSignals: to stop the broker, to reload its configuration, and to list its sessions.

#[cfg(unix)]
use super::log::LogEvent;
#[cfg(unix)]
use super::reload;
use super::reload::Reloader;
use super::worker::Worker;
#[cfg(unix)]
use crate::text::Quoted;

/// The signals that the broker handles.
#[cfg(unix)]
pub(super) struct BrokerSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    list: tokio::signal::unix::Signal,
    reload: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl BrokerSignals {
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            list: signal(SignalKind::user_defined1())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    /// Until a signal stops the broker; its name. Meanwhile SIGUSR1 and SIGHUP are answered.
    pub(super) async fn wait(mut self, worker: &Worker, mut reload: Reloader<'_>) -> &'static str {
        let mut ticks = tokio::time::interval(reload::INTERVAL);
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.list.recv() => list_clients(worker),
                _ = self.reload.recv() => reload.run(worker),
                _ = ticks.tick(), if reload.has_files() => reload.look(worker),
            }
        }
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

/// Logs all sessions.
#[cfg(unix)]
fn list_clients(worker: &Worker) {
    let state = &worker.state;
    let clients = state.broker.clients();
    let connected = clients.iter().filter(|client| client.connected.is_some()).count();
    state.log.write(&LogEvent::SessionsListed { sessions: clients.len(), connected });
    for client in clients {
        let connected = client.connected.as_ref();
        state.log.write(&LogEvent::SessionListed {
            client_id: Quoted(&client.client),
            remote_address: connected.map(|(peer, _)| &**peer),
            connected_seconds: connected.map(|(_, since)| state.now().since(*since).as_secs()),
            subscriptions: client.subscriptions,
            queued_messages: client.queued,
            in_flight_messages: client.in_flight,
        });
    }
}
