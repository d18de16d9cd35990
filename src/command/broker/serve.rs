//! When the [`Wire`] of a connection is looked after, and by whom.
//!
//! ```text
//!   bytes came, room to write, a timer, something for the client ─▶ Post::wake ─▶ Line ─▶ run ─▶ Post::turn
//!                                                 by another thread └─▶ Abroad ──┘
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
use std::time::Duration;

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
/// Every so many turns one that another thread has woken comes first. Otherwise they come last: they mostly have bytes to
/// write, and the later the more at once.
const ABROAD: usize = 31;

/// Makes `worker` the one of this thread.
pub(super) fn work_here(worker: &Rc<Worker>) {
    HERE.with(|here| *here.borrow_mut() = Rc::downgrade(worker));
}

fn here() -> Option<Rc<Worker>> {
    HERE.with(|here| here.borrow().upgrade())
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
        let mut due = Duration::ZERO;
        loop {
            poll_fn(|cx| worker.line.wait(&worker.home.abroad, cx)).await;
            if !run(due, &worker) {
                due = Duration::ZERO;
                continue;
            }
            let left = worker.shared.now();
            tokio::task::yield_now().await;
            due = worker.shared.now().since(left);
        }
    };
    // The runtime lets a task read and write so many times, and this is the task of all connections.
    tokio::task::coop::unconstrained(turns).await
}

/// Gives turns to those in the line, for as long as other tasks of this thread had theirs (`due`), or so many; whether
/// there may be more.
fn run(due: Duration, worker: &Worker) -> bool {
    let began = worker.shared.now();
    let mut turns = 0;
    while let Some(post) = worker.line.next(turns % ABROAD == ABROAD - 1, &worker.home.abroad) {
        // What panics outside of the connection itself must not stop all others.
        if catch_unwind(AssertUnwindSafe(|| post.clone().turn(worker))).is_err() {
            post.abandon();
        }
        turns += 1;
        if turns >= TURNS && worker.shared.now().since(began) >= due {
            return true;
        }
    }
    false
}

type Posts = VecDeque<Arc<dyn Turns>>;

/// The connections of a worker that are to be looked after next, as its own thread sees them.
#[derive(Default)]
pub(super) struct Line {
    /// In the order in which this thread has woken them.
    own: RefCell<Posts>,
    /// In the order in which others have.
    foreign: RefCell<Posts>,
    /// Wakes the worker's task, while that waits for a connection.
    driver: RefCell<Option<Waker>>,
}

/// Those that other threads have woken, until their own thread takes them over.
#[derive(Default)]
pub(super) struct Abroad(Mutex<Woken>);

#[derive(Default)]
struct Woken {
    posts: Posts,
    /// As that of [`Line`].
    driver: Option<Waker>,
}

impl Line {
    fn push(&self, post: Arc<dyn Turns>) {
        self.own.borrow_mut().push_back(post);
        let driver = self.driver.borrow_mut().take();
        driver.into_iter().for_each(Waker::wake);
    }

    /// The next one: of `abroad` if there is none of this thread, or if that comes first.
    fn next(&self, abroad_first: bool, abroad: &Abroad) -> Option<Arc<dyn Turns>> {
        let own = || self.own.borrow_mut().pop_front();
        let foreign = || {
            let mut foreign = self.foreign.borrow_mut();
            if foreign.is_empty() {
                let mut woken = abroad.lock();
                std::mem::swap(&mut woken.posts, &mut *foreign);
                // It does not wait any more.
                woken.driver = None;
            }
            foreign.pop_front()
        };
        if abroad_first { foreign().or_else(own) } else { own().or_else(foreign) }
    }

    /// Pending while there is none.
    fn wait(&self, abroad: &Abroad, cx: &Context<'_>) -> Poll<()> {
        if !self.own.borrow().is_empty() || !self.foreign.borrow().is_empty() {
            return Poll::Ready(());
        }
        let mut woken = abroad.lock();
        if !woken.posts.is_empty() {
            return Poll::Ready(());
        }
        woken.driver = Some(cx.waker().clone());
        *self.driver.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Abroad {
    fn push(&self, post: Arc<dyn Turns>) {
        let mut woken = self.lock();
        woken.posts.push_back(post);
        let driver = woken.driver.take();
        drop(woken);
        driver.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What can be looked after.
trait Turns: Send + Sync {
    /// One turn, on its own thread.
    fn turn(self: Arc<Self>, worker: &Worker);

    /// Drops the connection, whatever state it is in.
    fn abandon(&self);
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
        let Some(worker) = here() else { return false };
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
        if done.is_pending() {
            served.arm(worker, &mut cx);
        }
        drop(guard);
        worker.finish(turn);
        if done.is_ready() {
            // After the log has heard of it: when the last has left, the broker may end.
            self.abandon();
        }
    }

    fn abandon(&self) {
        // It knows its own waker, which owns it.
        let ended = self.lock().take();
        if ended.is_some() {
            self.home.shared.leaves(self.home.number);
        }
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
            match here().filter(|worker| worker.home.number == self.home.number) {
                Some(worker) => worker.line.push(self.clone()),
                None => self.home.abroad.push(self.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::{ABROAD, Abroad, Line, Turns, Worker};

    /// With a number, so that each has a place of its own in memory.
    struct Named(#[expect(dead_code)] u8);

    impl Turns for Named {
        fn turn(self: Arc<Self>, _: &Worker) {}

        fn abandon(&self) {}
    }

    /// Of each connection, however idle.
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[test]
    fn a_connection_stays_small() {
        assert!(size_of::<super::Post<tokio::net::TcpStream>>() <= 264);
    }

    #[test]
    fn those_of_other_threads_wait_for_the_own_ones_but_not_for_ever() {
        let (line, abroad) = (Line::default(), Abroad::default());
        let cx = Context::from_waker(Waker::noop());
        assert_eq!(line.wait(&abroad, &cx), Poll::Pending);
        let (own, foreign): (Arc<dyn Turns>, Arc<dyn Turns>) = (Arc::new(Named(0)), Arc::new(Named(1)));
        let next = |abroad_first| line.next(abroad_first, &abroad).map(|post| Arc::ptr_eq(&post, &own));
        abroad.push(foreign);
        assert_eq!(line.wait(&abroad, &cx), Poll::Ready(()));
        line.push(own.clone());
        assert_eq!(next(false), Some(true));
        line.push(own.clone());
        assert_eq!(next(true), Some(false), "one in {ABROAD} turns is theirs");
        assert_eq!(next(true), Some(true));
        assert_eq!(next(false), None);
        assert_eq!(line.wait(&abroad, &cx), Poll::Pending);
    }
}
