//! When the [`ConnectionIo`] of a connection runs, and on which thread.
//!
//! ```text
//!   bytes arrived, room to write, timer, output for the client ─▶ ConnectionTask::wake ─▶ RunQueue ─▶ ConnectionTask::run
//!                                                on another thread └─▶ RemoteQueue ───────┘
//! ```
//!
//! A worker of another thread that has little output for the connection writes it directly, as waking the connection's own
//! worker would cost more than the write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Wake, Waker};

use tokio::time::Sleep;

use super::admission::AdmissionPermit;
use super::connection_io::{ConnectionIo, Transport};
use super::run_queue::Runnable;
use super::worker::{Worker, WorkerHandle, WriteThrough};
use crate::broker::{Connection, Ending, Peer};
use crate::time::Instant;

/// A connection that runs on one worker. Until it has ended it is kept alive by the waker that its [`Connection`] has of
/// it.
pub(super) struct ConnectionTask<S> {
    /// Held by one thread at a time, and never while it waits for another connection. Empty once it has ended.
    inner: Mutex<Option<TaskState<S>>>,
    handle: Arc<WorkerHandle>,
    /// Whether it is queued, or will run before anything that it was not told of yet.
    is_queued: AtomicBool,
}

struct TaskState<S> {
    io: ConnectionIo<S>,
    /// While something is due.
    timer: Option<Pin<Box<Sleep>>>,
}

/// Why a connection ends whose turn panicked.
const FAILED_ASSERTION: &str = "a failed assertion in the broker";

impl<S: Transport> ConnectionTask<S> {
    /// Serves MQTT on `stream` on this thread from now on. `permit` is of the listener that accepted the connection.
    pub(super) fn spawn(worker: &Worker, stream: S, peer: Peer, permit: Option<AdmissionPermit>) {
        let (state, handle) = (&worker.state, worker.handle.clone());
        let connection = Connection::new(state.broker.clone(), peer, state.now());
        state.add_connection(handle.number);
        let io = ConnectionIo::new(stream, connection, permit);
        let inner = Mutex::new(Some(TaskState { io, timer: None }));
        let task = Arc::new(Self { inner, handle, is_queued: AtomicBool::new(false) });
        let waker = Waker::from(task.clone());
        task.lock().iter_mut().for_each(|inner| inner.io.connection.set_waker(&waker));
        waker.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Option<TaskState<S>>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the output for the client on this thread, if it may and there is nothing else to do.
    fn write_through(&self) -> bool {
        let Some(worker) = Worker::current() else { return false };
        // Packets are logged by the connection's own worker.
        if worker.handle.number == self.handle.number || worker.log().logs_packets() {
            return false;
        }
        // Whichever thread holds it may have looked already, so it must run again.
        let Ok(mut inner) = self.inner.try_lock() else { return false };
        let Some(TaskState { io, .. }) = inner.as_mut() else { return false };
        // Connections that are woken because of this are left to their own workers.
        WriteThrough::Forbidden.set();
        let mut turn = worker.begin();
        let done = catch_unwind(AssertUnwindSafe(|| io.write_through(&mut turn))).unwrap_or_else(|_| {
            io.connection.end(Ending::Lost(FAILED_ASSERTION.into()), &mut turn);
            false
        });
        worker.finish_within(turn);
        WriteThrough::Allowed.set();
        done
    }
}

impl<S: Transport> Runnable<Worker> for ConnectionTask<S> {
    fn run(self: Arc<Self>, worker: &Worker) {
        // What it is woken for from now on may be something that this turn does not see.
        self.is_queued.swap(false, Ordering::AcqRel);
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        let mut guard = self.lock();
        let Some(inner) = guard.as_mut() else { return };
        let mut turn = worker.begin();
        // A failed assertion closes this connection and no other; the session goes on with the next one.
        let done = catch_unwind(AssertUnwindSafe(|| inner.io.turn(&mut cx, worker, &mut turn)))
            .unwrap_or_else(|_| {
                inner.io.connection.end(Ending::Lost(FAILED_ASSERTION.into()), &mut turn);
                std::task::Poll::Ready(())
            });
        if done.is_pending() {
            inner.arm(worker, &mut cx);
        }
        drop(guard);
        if turn.is_unfinished && done.is_pending() {
            waker.wake_by_ref();
            worker.finish_unfinished(turn);
        } else {
            worker.finish(turn);
        }
        if done.is_ready() {
            // After its events are logged: when the last connection has closed, the broker may end.
            self.abandon();
        }
    }

    fn abandon(&self) {
        // It holds its own waker, which holds it.
        let ended = self.lock().take();
        if ended.is_some() {
            self.handle.state.remove_connection(self.handle.number);
        }
    }
}

impl<S: Transport> TaskState<S> {
    /// Sets the timer to when the next turn is due though nothing happens. A later time is left to the timer's next end.
    fn arm(&mut self, worker: &Worker, cx: &mut Context<'_>) {
        let due = self.io.deadline();
        if due == Instant::NEVER {
            self.timer = None;
            return;
        }
        let at = worker.state.timer(due);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if at < timer.deadline() {
            timer.as_mut().reset(at);
        }
        if timer.as_mut().poll(cx).is_ready() {
            self.timer = None;
            cx.waker().wake_by_ref();
        }
    }
}

impl<S: Transport> Wake for ConnectionTask<S> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if S::DIRECT && WriteThrough::current() == WriteThrough::Allowed && self.write_through() {
            return;
        }
        if !self.is_queued.swap(true, Ordering::AcqRel) {
            match Worker::current().filter(|worker| worker.handle.number == self.handle.number) {
                Some(worker) => worker.enqueue(self.clone()),
                None => self.handle.remote_queue.push(self.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    /// Of each connection, however idle.
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[test]
    fn a_connection_stays_small() {
        assert!(size_of::<super::ConnectionTask<tokio::net::TcpStream>>() <= 264);
    }
}
