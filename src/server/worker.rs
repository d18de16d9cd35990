//! A worker: a thread that serves its share of the connections.
//!
//! A connection is a [`Runnable`] that is its own waker, not a task of the runtime, which would weigh as much as what it
//! wakes. Waking it puts it into the run queue of its worker, whose one task runs them in turn.

use std::cell::{Cell, RefCell, RefMut};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::control_queue;
use super::log::Log;
use super::postponed::Postponed;
use super::run_queue::{First, RemoteQueue, RunQueue, Runnable};
use super::state::ServerState;
use crate::broker::{Ending, Turn};
use crate::codec::reason::Reason;

/// Bytes read from a socket at once.
pub(super) const READ_SIZE: usize = 64 * 1024;
/// Receivers on other workers to which a turn writes directly; more are worth waking their workers.
const MAX_DIRECT_RECEIVERS: usize = 4;
/// Events of one turn for which room is kept.
const KEPT_EVENTS: usize = 4_096;
/// Turns after which sockets, timers and new connections are polled: as many as the runtime gives its own tasks.
const TURNS_PER_POLL: usize = 61;
/// Once in so many turns a task woken by another thread runs first. Otherwise they run last: they mostly have bytes to
/// write, and the later they run, the more at once.
const REMOTE_FIRST_INTERVAL: usize = 31;

thread_local! {
    /// The worker of this thread, if it has one.
    static CURRENT: RefCell<Weak<Worker>> = const { RefCell::new(Weak::new()) };
    /// Whether connections of other workers that are woken now may be written to from this thread.
    static WRITES_THROUGH: Cell<bool> = const { Cell::new(false) };
}

/// Whether a thread that wakes connections of other workers writes small output for them itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteThrough {
    Allowed,
    Forbidden,
}

impl WriteThrough {
    /// What holds on this thread now.
    pub(super) fn current() -> Self {
        if WRITES_THROUGH.get() { Self::Allowed } else { Self::Forbidden }
    }

    pub(super) fn set(self) {
        WRITES_THROUGH.set(self == Self::Allowed);
    }
}

/// What connections know of their worker, on whatever thread they are woken.
pub(super) struct WorkerHandle {
    pub(super) number: usize,
    pub(super) state: Arc<ServerState>,
    pub(super) remote_queue: RemoteQueue<Worker>,
}

pub(super) struct Worker {
    pub(super) state: Arc<ServerState>,
    pub(super) handle: Arc<WorkerHandle>,
    run_queue: RunQueue<Worker>,
    turn: RefCell<Turn>,
    postponed: Postponed,
    /// Receives what any connection of the thread reads; incomplete packets are copied out.
    pub(super) buffer: RefCell<Box<[u8]>>,
}

impl Worker {
    /// Makes this thread worker `number`, which runs its connections from now on.
    pub(super) fn start(state: Arc<ServerState>, number: usize) -> Rc<Self> {
        let turn = RefCell::new(Turn::new(state.counters[number].clone(), &state.broker));
        let buffer = RefCell::new(vec![0; READ_SIZE].into());
        let handle =
            Arc::new(WorkerHandle { number, state: state.clone(), remote_queue: RemoteQueue::default() });
        let worker = Rc::new(Self {
            state,
            handle,
            run_queue: RunQueue::default(),
            turn,
            postponed: Postponed::default(),
            buffer,
        });
        CURRENT.with(|current| *current.borrow_mut() = Rc::downgrade(&worker));
        tokio::task::spawn_local(drive(worker.clone()));
        worker
    }

    /// The worker of this thread, if it has one.
    pub(super) fn current() -> Option<Rc<Self>> {
        CURRENT.with(|current| current.borrow().upgrade())
    }

    /// Begins a turn: one time for all that happens in it.
    pub(super) fn begin(&self) -> RefMut<'_, Turn> {
        let mut turn = self.turn.borrow_mut();
        turn.begin(self.state.now(), &self.state.broker);
        turn
    }

    /// Ends a turn: logs its events and wakes its receivers. Small output for a few receivers on other workers is written
    /// from this thread.
    pub(super) fn finish(&self, turn: RefMut<'_, Turn>) {
        let few = turn.woken() <= MAX_DIRECT_RECEIVERS;
        let is_due = self.postponed.is_due(&turn);
        self.end_turn(turn, if few { WriteThrough::Allowed } else { WriteThrough::Forbidden });
        if is_due {
            self.wake_postponed();
        }
    }

    /// Ends a turn whose connection has more for the receivers of what it published; they are woken later, and at once if
    /// they have waited long enough.
    pub(super) fn finish_unfinished(&self, mut turn: RefMut<'_, Turn>) {
        self.postponed.add(&mut turn);
        self.finish(turn);
    }

    /// Wakes the receivers that were postponed; whether there were any.
    fn wake_postponed(&self) -> bool {
        let mut wakes = self.postponed.take();
        let any = !wakes.is_empty();
        wake_all(&mut wakes, WriteThrough::Forbidden);
        self.postponed.give_back(wakes);
        any
    }

    /// Ends a turn in which this thread wrote for a connection of another worker.
    pub(super) fn finish_within(&self, turn: RefMut<'_, Turn>) {
        self.end_turn(turn, WriteThrough::Forbidden);
    }

    fn end_turn(&self, mut turn: RefMut<'_, Turn>, write_through: WriteThrough) {
        for event in turn.events.drain(..) {
            self.state.log.event(&event);
        }
        if turn.events.capacity() > KEPT_EVENTS {
            turn.events = Vec::new();
        }
        if !turn.control_requests.is_empty() {
            self.pass_on_requests(&mut turn);
        }
        if std::mem::take(&mut turn.verifications) > 0 {
            self.state.password_pool.wake();
        }
        if turn.woken() == 0 {
            return;
        }
        let mut wakes = turn.take_wakes();
        drop(turn);
        wake_all(&mut wakes, write_through);
        // Its capacity serves the next turn.
        self.turn.borrow_mut().give_back_wakes(wakes);
    }

    /// Leaves requests to the control thread. One that it has no room for is answered at once.
    fn pass_on_requests(&self, turn: &mut Turn) {
        for request in std::mem::take(&mut turn.control_requests) {
            if let Err(refused) = self.state.control.push(request) {
                self.state.broker.respond(&refused, control_queue::BUSY, turn);
            }
        }
    }

    /// Lets a task of this worker run soon.
    pub(super) fn enqueue(&self, task: Arc<dyn Runnable<Self>>) {
        self.run_queue.push(task);
    }

    pub(super) fn log(&self) -> &Log {
        &self.state.log
    }

    /// Ends every connection of the broker; MQTT 5 clients get reason code 0x8B.
    pub(super) fn shut_down(&self) {
        let mut turn = self.begin();
        let ending = Ending::Fault(Reason::SERVER_SHUTTING_DOWN, "broker stopping");
        self.state.broker.end_all(&ending, &mut turn);
        self.finish(turn);
    }
}

fn wake_all(wakes: &mut Vec<Waker>, write_through: WriteThrough) {
    write_through.set();
    wakes.drain(..).for_each(Waker::wake);
    WriteThrough::Forbidden.set();
}

/// Runs the connections of this thread's worker, for ever.
async fn drive(worker: Rc<Worker>) {
    let turns = async {
        let mut due = Duration::ZERO;
        loop {
            if worker.postponed.is_empty() {
                poll_fn(|cx| worker.run_queue.wait(&worker.handle.remote_queue, cx)).await;
            }
            if !run_batch(due, &worker) {
                due = Duration::ZERO;
                continue;
            }
            let left = worker.state.now();
            tokio::task::yield_now().await;
            due = worker.state.now().since(left);
        }
    };
    // The runtime limits how often a task reads and writes before it yields, and this one task serves all connections.
    tokio::task::coop::unconstrained(turns).await
}

/// Runs tasks of the queue for as long as other tasks of this thread ran before (`due`), and for [`TURNS_PER_POLL`] turns
/// at least; whether there may be more.
fn run_batch(due: Duration, worker: &Worker) -> bool {
    let began = worker.state.now();
    let mut turns = 0;
    loop {
        let is_remote_turn = turns % REMOTE_FIRST_INTERVAL == REMOTE_FIRST_INTERVAL - 1;
        let first = if is_remote_turn { First::Remote } else { First::Local };
        let Some(task) = worker.run_queue.next(first, &worker.handle.remote_queue) else {
            if worker.wake_postponed() {
                continue;
            }
            return false;
        };
        // A panic outside of the connection itself must not stop all others.
        if catch_unwind(AssertUnwindSafe(|| task.clone().run(worker))).is_err() {
            task.abandon();
        }
        turns += 1;
        if turns >= TURNS_PER_POLL && worker.state.now().since(began) >= due {
            return true;
        }
    }
}

/// A runtime for one thread.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
