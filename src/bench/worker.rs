//! The connections of one load-generating thread.

use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::{ClientIdentity, Connected};
use super::connection::LoadConnection;
use super::role::{ClientSide, Role};
use super::shard::Shard;
use crate::text::os_error;

pub(super) struct LoadWorker {
    pub(super) shard: Rc<Shard>,
    stopped: watch::Receiver<bool>,
    /// By [`ClientSide`].
    connections: [JoinSet<()>; 2],
}

impl LoadWorker {
    pub(super) fn new(shard: Rc<Shard>, stopped: watch::Receiver<bool>) -> Self {
        Self { shard, stopped, connections: [JoinSet::new(), JoinSet::new()] }
    }

    /// Disconnects all clients of a side with DISCONNECT.
    pub(super) async fn close(&mut self, side: ClientSide) {
        self.shard.close(side);
        while self.connections[side as usize].join_next().await.is_some() {}
        self.shard.reopen(side);
    }

    /// Drops all connections of a side without DISCONNECT.
    pub(super) async fn cut(&mut self, side: ClientSide) {
        self.connections[side as usize].shutdown().await;
    }

    /// Waits until sending ends.
    pub(super) async fn hold(&mut self) {
        let run = self.shard.run.clone();
        let left = Duration::from_micros(run.limit().saturating_sub(run.now()));
        // If the run ends after a number of messages, the coordinator stops it.
        let _ = tokio::time::timeout(left, self.stopped.wait_for(|stopped| *stopped)).await;
    }

    /// Runs a connection concurrently with the others until it ends.
    pub(super) fn spawn(&mut self, role: Role, opened: Connected, identity: ClientIdentity) {
        let (shard, side) = (self.shard.clone(), ClientSide::of(role) as usize);
        let connection = LoadConnection::new(shard.clone(), role, opened, identity);
        shard.seen.count(|counts| counts.open += 1);
        shard.run.open.fetch_add(1, Ordering::Relaxed);
        let open = OpenConnection(shard.clone());
        self.connections[side].spawn_local(async move {
            let _open = open;
            if let Err(error) = connection.await
                && !shard.run.is_over()
            {
                shard.seen.count(|counts| counts.lost_connections += 1);
                shard.run.tell(format!("the connection of {role} was lost: {}", os_error(&error)));
            }
        });
    }
}

/// Counts a connection for as long as it is open.
struct OpenConnection(Rc<Shard>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.seen.count(|counts| counts.open -= 1);
        self.0.run.open.fetch_sub(1, Ordering::Relaxed);
    }
}
