//! What precedes MQTT on an accepted connection.

use std::rc::Rc;

use crate::broker::{Ending, Event};
use crate::net::Stream;
use crate::net::listener::Accepted;
use crate::net::listener::upgrade::LoadedListener;
use crate::server::admission::AdmissionPermit;
use crate::server::connection_task::ConnectionTask;
use crate::server::worker::Worker;

/// Serves an accepted connection on this thread: MQTT at once where nothing precedes it, after the upgrade otherwise.
pub(super) fn serve(worker: &Rc<Worker>, accepted: Accepted, permit: AdmissionPermit) {
    worker.state.counters[worker.handle.number].count_socket();
    let loaded = permit.listener().loaded();
    match accepted {
        // Most connections are plain TCP, and need no more memory than this.
        Accepted { stream: Stream::Tcp(stream), from: Some(from) } if loaded.listener.is_plain() => {
            let peer = permit.plain_peer(from);
            ConnectionTask::spawn(worker, stream, peer, Some(permit));
        }
        accepted => {
            let pending = PendingUpgrade::new(worker.clone());
            tokio::task::spawn_local(upgrade(accepted, loaded, pending, permit));
        }
    }
}

/// Upgrades the connection, and serves MQTT in a task that needs no memory for that any more.
async fn upgrade(
    accepted: Accepted,
    loaded: std::sync::Arc<LoadedListener>,
    pending: PendingUpgrade,
    permit: AdmissionPermit,
) {
    match loaded.upgrade(accepted.stream, accepted.from).await {
        Ok(connected) => {
            let peer = permit.upgraded_peer(&connected);
            ConnectionTask::spawn(&pending.worker, connected.stream, peer, Some(permit));
        }
        Err(refused) => {
            let mut turn = pending.worker.begin();
            turn.events.push(Event::HandshakeFailed {
                peer: refused.name,
                why: Ending::Lost(refused.reason.into()),
            });
            pending.worker.finish(turn);
        }
    }
}

/// A connection that is not ready for MQTT yet, in the count of its worker.
struct PendingUpgrade {
    worker: Rc<Worker>,
}

impl PendingUpgrade {
    fn new(worker: Rc<Worker>) -> Self {
        worker.state.add_pending(worker.handle.number);
        Self { worker }
    }
}

impl Drop for PendingUpgrade {
    fn drop(&mut self) {
        self.worker.state.remove_pending(self.worker.handle.number);
    }
}
