//! Requests to the control interface on their way from the workers to the thread that answers them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::broker::ControlRequest;

/// Requests that wait; one more is refused. Answering takes microseconds to milliseconds.
const CAPACITY: usize = 256;

/// The answer while too many requests wait.
pub(super) const BUSY: &[u8] =
    br#"{"error":{"code":"busy","message":"too many control requests are waiting; try again later"}}"#;

#[derive(Debug, Default)]
pub(super) struct ControlQueue {
    requests: Mutex<VecDeque<ControlRequest>>,
    arrived: Notify,
}

impl ControlQueue {
    /// # Errors
    /// The request, if too many wait.
    pub(super) fn push(&self, request: ControlRequest) -> Result<(), ControlRequest> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() >= CAPACITY {
            return Err(request);
        }
        requests.push_back(request);
        drop(requests);
        // One is stored if nobody waits yet.
        self.arrived.notify_one();
        Ok(())
    }

    fn pop(&self) -> Option<ControlRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Waits until there is a request, and leaves it there.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
        self.arrived.notify_one();
    }

    /// The next request.
    pub(super) async fn next(&self) -> ControlRequest {
        loop {
            if let Some(request) = self.pop() {
                return request;
            }
            self.arrived.notified().await;
        }
    }
}
