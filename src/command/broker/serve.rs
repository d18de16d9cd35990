//! When the [`Wire`] of a connection is looked after, and by whom.
//!
//! ```text
//!   bytes came, room to write, a timer, something for the client ─▶ Post::wake ─▶ Line ─▶ drive ─▶ Post::turn
//! ```
//!
//! A connection is a [`Post`], which is its own waker: no task of the runtime, which would weigh as much as what it wakes.
//! Whoever wakes it puts it in the [`Line`] of its worker, whose one task takes them from there in turn. From a worker of
//! another thread, the little that is to be written is written then and there, as waking that thread would cost more than
//! the write.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::time::Sleep;

use super::wire::{Transport, Wire};
use super::worker::{Home, Worker};
use crate::broker::Ending;
use crate::time::Instant;

thread_local! {
    /// The worker of this thread, if it has one.
    static HERE: RefCell<Weak<Worker>> = const { RefCell::new(Weak::new()) };
    /// Whether connections of other workers that are woken now may be written to from this thread.
    static WRITES_THROUGH: Cell<bool> = const { Cell::new(false) };
}

/// Turns of connections after which sockets, timers and newcomers are asked for: as many as the runtime takes of tasks.
const TURNS: usize = 61;

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

/// Serves the connections of this thread's worker, for ever.
pub(super) async fn drive(worker: Rc<Worker>) {
    let turns = async {
        let mut posts = VecDeque::new();
        loop {
            poll_fn(|cx| worker.home.line.take(&mut posts, cx)).await;
            for post in posts.drain(..posts.len().min(TURNS)) {
                // What panics outside of the connection itself must not stop all others.
                let _ = catch_unwind(AssertUnwindSafe(|| post.turn(&worker)));
            }
            if !posts.is_empty() || !worker.home.line.is_empty() {
                tokio::task::yield_now().await;
            }
        }
    };
    // The runtime lets a task read and write so many times, and this is the task of all connections.
    tokio::task::coop::unconstrained(turns).await
}

/// The connections of a worker that are to be looked after next, in the order in which they were woken.
#[derive(Default)]
pub(super) struct Line(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    posts: VecDeque<Arc<dyn Turns>>,
    /// Wakes the worker's task, while it waits for a connection.
    driver: Option<Waker>,
}

impl Line {
    fn push(&self, post: Arc<dyn Turns>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.posts.push_back(post);
        let driver = waiting.driver.take();
        drop(waiting);
        driver.into_iter().for_each(Waker::wake);
    }

    /// Gives all that wait to `posts`, unless it has some left. Pending while there is none.
    fn take(&self, posts: &mut VecDeque<Arc<dyn Turns>>, cx: &Context<'_>) -> Poll<()> {
        if posts.is_empty() {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut waiting.posts, posts);
            if posts.is_empty() {
                waiting.driver = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).posts.is_empty()
    }
}

/// What can be looked after.
trait Turns: Send + Sync {
    fn turn(self: Arc<Self>, worker: &Worker);
}

/// Where what is for a connection is handed in, and the connection itself. Until it has ended it lives by the waker that
/// the connection has of it.
pub(super) struct Post<S> {
    /// Held by one thread at a time, and never while it waits for another connection. Empty once it has ended.
    served: Mutex<Option<Served<S>>>,
    home: Arc<Home>,
    /// Whether it is in the line, or will be looked after before anything that it was not told of yet.
    lined_up: AtomicBool,
}

struct Served<S> {
    wire: Wire<S>,
    /// While something is due.
    timer: Option<Pin<Box<Sleep>>>,
}

/// Why a connection ends whose turn panicked.
const FAILED_ASSERTION: &str = "a failed assertion in the broker";

impl<S: Transport> Post<S> {
    /// Serves a connection on this thread from now on.
    pub(super) fn open(wire: Wire<S>, home: &Arc<Home>) {
        home.shared.enters(home.number);
        let served = Mutex::new(Some(Served { wire, timer: None }));
        let post = Arc::new(Self { served, home: home.clone(), lined_up: AtomicBool::new(false) });
        let waker = Waker::from(post.clone());
        post.lock().iter_mut().for_each(|served| served.wire.connection.set_waker(&waker));
        waker.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Served<S>>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes at once what waits for the client, if this thread may and that is all there is to do.
    fn write_through(&self) -> bool {
        let Some(worker) = HERE.with(|here| here.borrow().upgrade()) else { return false };
        // Its own turns see to what is logged of each packet.
        if worker.home.number == self.home.number || worker.log().traces() {
            return false;
        }
        // Whoever holds it may have looked already, so it is to be looked at again.
        let Ok(mut served) = self.served.try_lock() else { return false };
        let Some(Served { wire, .. }) = served.as_mut() else { return false };
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

impl<S: Transport> Turns for Post<S> {
    /// One turn of the connection, on its own thread.
    fn turn(self: Arc<Self>, worker: &Worker) {
        // Whoever wakes it from now on may have something that this turn does not see.
        self.lined_up.swap(false, Ordering::AcqRel);
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        let mut guard = self.lock();
        let Some(served) = guard.as_mut() else { return };
        let mut turn = worker.begin();
        // A failed assertion closes this connection and no other; the session goes on with the next one.
        let done = catch_unwind(AssertUnwindSafe(|| served.wire.turn(&mut cx, worker, &mut turn)))
            .unwrap_or_else(|_| {
                served.wire.connection.end(Ending::Lost(FAILED_ASSERTION.into()), &mut turn);
                Poll::Ready(())
            });
        if done.is_ready() {
            let ended = guard.take();
            drop(guard);
            drop(ended);
            self.home.shared.leaves(self.home.number);
        } else {
            served.arm(worker, &mut cx);
            drop(guard);
        }
        worker.finish(turn);
    }
}

impl<S: Transport> Served<S> {
    /// Sets the timer to when the next turn is due though nothing happens. A later time is left to the timer's next end.
    fn arm(&mut self, worker: &Worker, cx: &mut Context<'_>) {
        let due = self.wire.deadline();
        if due == Instant::NEVER {
            self.timer = None;
            return;
        }
        let at = worker.shared.timer(due);
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

impl<S: Transport> Wake for Post<S> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if S::DIRECT && WRITES_THROUGH.get() && self.write_through() {
            return;
        }
        if !self.lined_up.swap(true, Ordering::AcqRel) {
            self.home.line.push(self.clone());
        }
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use tokio::net::TcpStream;

    use super::Post;

    /// Of each connection, however idle.
    #[test]
    fn a_connection_stays_small() {
        assert!(size_of::<Post<TcpStream>>() <= 264);
    }
}
