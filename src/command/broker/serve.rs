//! The task of one connection: when its [`Wire`] is looked after, and by whom.
//!
//! The task lives on one worker, as its socket does, and holds a timer only while something is due. Whoever has
//! something for the client wakes it by its [`Post`]: from a worker of another thread, the little that is to be
//! written is written then and there, as waking that thread would cost more than the write.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::time::Sleep;

use super::wire::{Transport, Wire};
use super::worker::{Presence, Worker};
use crate::broker::{Ending, Turn};
use crate::time::Instant;

thread_local! {
    /// The worker of this thread, if it has one.
    static HERE: RefCell<Weak<Worker>> = const { RefCell::new(Weak::new()) };
    /// Whether connections of other workers that are woken now may be written to from this thread.
    static WRITES_THROUGH: Cell<bool> = const { Cell::new(false) };
}

/// Makes `worker` the one of this thread.
pub(super) fn work_here(worker: &Rc<Worker>) {
    HERE.with(|here| *here.borrow_mut() = Rc::downgrade(worker));
}

/// Wakes all that a turn of this thread's worker has something for; `write_through`: what little they are to be sent may
/// be written from here.
pub(super) fn wake(wakes: &mut Vec<Waker>, write_through: bool) {
    WRITES_THROUGH.set(write_through);
    wakes.drain(..).for_each(Waker::wake);
    WRITES_THROUGH.set(false);
}

pub(super) struct Serve<S: Transport> {
    post: Arc<Post<S>>,
    timer: Option<Pin<Box<Sleep>>>,
    presence: Presence,
}

/// Where what is for a connection is handed in, and the connection itself.
struct Post<S> {
    /// Held by one thread at a time, and never while it waits for another connection. Empty once the task is gone.
    wire: Mutex<Option<Wire<S>>>,
    /// Wakes the task: the same waker all its life.
    task: OnceLock<Waker>,
    /// The worker of the task.
    worker: usize,
}

impl<S: Transport> Post<S> {
    /// Writes at once what waits for the client, if this thread may and that is all there is to do.
    fn write_through(&self) -> bool {
        let Some(worker) = HERE.with(|here| here.borrow().upgrade()) else { return false };
        // Its own turns see to what is logged of each packet.
        if worker.number == self.worker || worker.log().traces() {
            return false;
        }
        // Whoever holds it may have looked already, so the task is to look again.
        let Ok(mut wire) = self.wire.try_lock() else { return false };
        let Some(wire) = wire.as_mut() else { return false };
        // Those who are woken because of this are left to their own workers.
        WRITES_THROUGH.set(false);
        let mut turn = worker.begin();
        let done = catch_unwind(AssertUnwindSafe(|| wire.write_through(&mut turn))).unwrap_or_else(|_| {
            wire.connection.end(Ending::Lost(FAILED_ASSERTION.into()), &mut turn);
            false
        });
        worker.finish_within(turn);
        WRITES_THROUGH.set(true);
        done
    }
}

impl<S: Transport> Post<S> {
    /// One turn of the connection on its own thread; when the next is due though nothing happened.
    fn turn(self: &Arc<Self>, cx: &mut Context<'_>, worker: &Worker, turn: &mut Turn) -> (Poll<()>, Instant) {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wire) = wire.as_mut() else { return (Poll::Ready(()), Instant::NEVER) };
        if self.task.get().is_none() && self.task.set(cx.waker().clone()).is_ok() {
            wire.connection.set_waker(&Waker::from(self.clone()));
        }
        // A failed assertion closes this connection and no other; the session goes on with the next one.
        let done = catch_unwind(AssertUnwindSafe(|| wire.turn(cx, worker, turn))).unwrap_or_else(|_| {
            wire.connection.end(Ending::Lost(FAILED_ASSERTION.into()), turn);
            Poll::Ready(())
        });
        (done, wire.deadline())
    }
}

/// Why a connection ends whose turn panicked.
const FAILED_ASSERTION: &str = "a failed assertion in the broker";

impl<S: Transport> Wake for Post<S> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !(S::DIRECT && WRITES_THROUGH.get() && self.write_through())
            && let Some(task) = self.task.get()
        {
            task.wake_by_ref();
        }
    }
}

impl<S: Transport> Serve<S> {
    pub(super) fn new(wire: Wire<S>, presence: Presence) -> Self {
        presence.worker.shared.enters();
        let wire = Mutex::new(Some(wire));
        let post = Arc::new(Post { wire, task: OnceLock::new(), worker: presence.worker.number });
        Self { post, timer: None, presence }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let worker = self.presence.worker.clone();
        let mut turn = worker.begin();
        let (done, due) = self.post.turn(cx, &worker, &mut turn);
        if done.is_pending() {
            self.arm(due, cx);
        }
        worker.finish(turn);
        done
    }

    /// Sets the timer to when something is due. A later time is left to the timer's next end.
    fn arm(&mut self, due: Instant, cx: &mut Context<'_>) {
        if due == Instant::NEVER {
            self.timer = None;
            return;
        }
        let at = self.presence.worker.shared.timer(due);
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

impl<S: Transport> Future for Serve<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().turn(cx)
    }
}

impl<S: Transport> Drop for Serve<S> {
    fn drop(&mut self) {
        // The connection knows its own waker, which owns it.
        self.post.wire.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.presence.worker.shared.leaves();
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use tokio::net::TcpStream;

    use super::{Post, Serve};

    /// Of each connection, however idle: the runtime adds 104 bytes to a task and rounds up to a multiple of 128.
    #[test]
    fn a_connection_stays_small() {
        assert!(size_of::<Serve<TcpStream>>() <= 24);
        assert!(size_of::<Post<TcpStream>>() <= 272);
    }
}
