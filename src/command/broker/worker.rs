//! A worker: one thread that serves its share of the connections.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;

use super::log::Log;
use super::serve::Serve;
use crate::broker::{Broker, Connection, Counters, Counts, Ending, Turn};
use crate::codec::reason::Reason;
use crate::time::Instant;

/// Bytes read from a socket at once.
pub(super) const READ: usize = 64 * 1024;

/// What all workers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) broker: Arc<Broker>,
    pub(super) log: Arc<Log>,
    /// One for each worker.
    pub(super) counters: Vec<Arc<Counters>>,
    /// Open connections of each worker.
    loads: Vec<AtomicUsize>,
    /// Told when the last connection has gone.
    idle: Notify,
    origin: std::time::Instant,
}

impl Shared {
    pub(super) fn new(broker: Broker, log: Arc<Log>, workers: usize) -> Self {
        Self {
            broker: Arc::new(broker),
            log,
            counters: (0..workers).map(|_| Arc::default()).collect(),
            loads: (0..workers).map(|_| AtomicUsize::new(0)).collect(),
            idle: Notify::new(),
            origin: std::time::Instant::now(),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.counters.iter().for_each(|counters| counters.add_to(&mut sum));
        sum
    }

    /// The worker with the fewest connections.
    pub(super) fn least_loaded(&self) -> usize {
        let loads = self.loads.iter().map(|load| load.load(Ordering::Relaxed)).enumerate();
        loads.min_by_key(|(_, load)| *load).map_or(0, |(worker, _)| worker)
    }

    /// Waits until no connection is open.
    pub(super) async fn all_gone(&self) {
        loop {
            let notified = self.idle.notified();
            if self.loads.iter().all(|load| load.load(Ordering::Acquire) == 0) {
                return;
            }
            notified.await;
        }
    }

    pub(super) fn now(&self) -> Instant {
        let micros = self.origin.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The same moment for the timers of the runtime.
    pub(super) fn timer(&self, at: Instant) -> tokio::time::Instant {
        (self.origin + std::time::Duration::from_micros(at.as_micros())).into()
    }
}

/// One thread's part.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    number: usize,
    turn: RefCell<Turn>,
    /// All connections of the thread read into this; what is not a whole packet is copied out.
    pub(super) buffer: RefCell<Box<[u8]>>,
    stopping: Cell<bool>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, number: usize) -> Rc<Self> {
        let turn = RefCell::new(Turn::new(shared.counters[number].clone(), &shared.broker));
        let buffer = RefCell::new(vec![0; READ].into());
        Rc::new(Self { shared, number, turn, buffer, stopping: Cell::new(false) })
    }

    /// Begins a turn: one time for all that happens in it.
    pub(super) fn begin(&self) -> RefMut<'_, Turn> {
        let mut turn = self.turn.borrow_mut();
        turn.now = self.shared.now();
        turn
    }

    /// Ends a turn: the log hears what happened, others are woken.
    pub(super) fn finish(&self, mut turn: RefMut<'_, Turn>) {
        for event in turn.events.drain(..) {
            self.shared.log.event(&event);
        }
        turn.wake();
    }

    /// Serves one connection on this thread.
    pub(super) fn serve(self: &Rc<Self>, stream: tokio::net::TcpStream) {
        // Without it small packets wait for the acknowledgement of others; a socket that refuses still works.
        let _ = stream.set_nodelay(true);
        let peer: Arc<str> =
            stream.peer_addr().map_or_else(|_| "unknown".into(), |peer| peer.to_string().into());
        self.shared.counters[self.number].count_socket();
        self.shared.loads[self.number].fetch_add(1, Ordering::Relaxed);
        let connection = Connection::new(self.shared.broker.clone(), peer, self.shared.now());
        let (worker, serve) = (self.clone(), Serve::new(stream, connection, self.clone()));
        tokio::task::spawn_local(async move {
            serve.await;
            worker.gone();
        });
    }

    fn gone(&self) {
        if self.shared.loads[self.number].fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.idle.notify_waiters();
        }
    }

    /// Ends every connection of the broker, with 0x8B where there is a way to say so.
    pub(super) fn shut_down(&self) {
        self.stopping.set(true);
        let mut turn = self.begin();
        let ending = Ending::Fault(Reason::SERVER_SHUTTING_DOWN, "the broker shuts down");
        self.shared.broker.end_all(&ending, &mut turn);
        self.finish(turn);
    }
}

/// The way to a worker's thread.
pub(super) type Door = mpsc::UnboundedSender<std::net::TcpStream>;

/// Starts the thread of worker `number`.
///
/// # Errors
/// When the system gives no thread or no runtime.
pub(super) fn start(shared: Arc<Shared>, number: usize) -> std::io::Result<Door> {
    let (door, mut arrivals) = mpsc::unbounded_channel::<std::net::TcpStream>();
    let runtime = runtime()?;
    std::thread::Builder::new().name(format!("worker {number}")).spawn(move || {
        let worker = Worker::new(shared, number);
        LocalSet::new().block_on(&runtime, async {
            while let Some(stream) = arrivals.recv().await {
                match tokio::net::TcpStream::from_std(stream) {
                    Ok(stream) => worker.serve(stream),
                    Err(error) => {
                        worker.shared.log.error(&format!("a connection could not be served: {error}"))
                    }
                }
            }
        });
    })?;
    Ok(door)
}

/// A runtime for one thread.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
