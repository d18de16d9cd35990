//! Requests to the control interface, and its HTTP connections, on their way from the workers to the thread that answers
//! them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::admission::AdmissionPermit;
use crate::broker::ControlRequest;
use crate::net::listener::DetachedConnection;

/// Requests that wait; one more is refused. Answering takes microseconds to milliseconds.
const CAPACITY: usize = 256;

/// The answer while too many requests wait.
pub(super) const BUSY: &[u8] =
    br#"{"error":{"code":"busy","message":"too many control requests are waiting; try again later"}}"#;

/// What the control thread has to do.
pub(super) enum ControlJob {
    Request(ControlRequest),
    /// An HTTP connection was accepted.
    Connection(DetachedConnection, AdmissionPermit),
}

#[derive(Default)]
pub(super) struct ControlQueue {
    jobs: Mutex<VecDeque<ControlJob>>,
    arrived: Notify,
}

impl fmt::Debug for ControlQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlQueue").finish_non_exhaustive()
    }
}

impl ControlQueue {
    /// # Errors
    /// The request, if too many wait.
    pub(super) fn push(&self, request: ControlRequest) -> Result<(), ControlRequest> {
        let mut jobs = self.lock();
        if jobs.len() >= CAPACITY {
            return Err(request);
        }
        jobs.push_back(ControlJob::Request(request));
        drop(jobs);
        // One is stored if nobody waits yet.
        self.arrived.notify_one();
        Ok(())
    }

    /// Leaves a connection to the control thread; its listener limits how many there are.
    pub(super) fn push_connection(&self, connection: DetachedConnection, permit: AdmissionPermit) {
        self.lock().push_back(ControlJob::Connection(connection, permit));
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<ControlJob>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to do, and leaves it there.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
        self.arrived.notify_one();
    }

    /// The next thing to do.
    pub(super) async fn next(&self) -> ControlJob {
        loop {
            let job = self.lock().pop_front();
            if let Some(job) = job {
                return job;
            }
            self.arrived.notified().await;
        }
    }
}
