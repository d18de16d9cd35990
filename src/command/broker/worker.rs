//! A worker: one thread that serves its share of the connections.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::DuplexStream;
use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;

use super::gate::Ticket;
use super::log::Log;
use super::periodic;
use super::serve::{self, Abroad, Line, Post};
use super::verify::Pool;
use super::wire::{Transport, Wire};
use crate::broker::{Broker, Connection, Counters, Counts, Ending, Event, Peer, Turn};
use crate::codec::reason::Reason;
use crate::time::Instant;
use crate::transport::Stream;
use crate::transport::door::Raw;

/// Bytes read from a socket at once.
pub(super) const READ: usize = 64 * 1024;
/// Receivers of one turn that are written to at once where they are of another worker; more are worth waking it.
const FEW: usize = 4;
/// Events of one turn for which room is kept.
const MANY_EVENTS: usize = 4_096;

/// What all workers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) broker: Arc<Broker>,
    /// Where passwords are verified.
    pool: Pool,
    pub(super) log: Arc<Log>,
    /// Whether small packets leave at once.
    pub(super) nodelay: AtomicBool,
    /// One for each worker, and one for who is none.
    pub(super) counters: Vec<Arc<Counters>>,
    /// Open connections of each worker, those that are still at a door among them.
    loads: Vec<AtomicUsize>,
    /// Connections of all workers that are past the door.
    inside: AtomicUsize,
    /// Told when the last of them has gone.
    idle: Notify,
    pub(super) clock: Clock,
}

/// The core's time: how long the broker has run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(std::time::Instant);

impl Clock {
    pub(super) fn now(self) -> Instant {
        let micros = self.0.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The same moment for the timers of the runtime.
    fn timer(self, at: Instant) -> tokio::time::Instant {
        (self.0 + std::time::Duration::from_micros(at.as_micros())).into()
    }
}

impl Shared {
    pub(super) fn new(broker: Broker, log: Arc<Log>, workers: usize, nodelay: bool) -> Self {
        let (broker, clock) = (Arc::new(broker), Clock(std::time::Instant::now()));
        Self {
            pool: Pool::new(broker.clone(), clock),
            broker,
            log,
            nodelay: AtomicBool::new(nodelay),
            counters: (0..=workers).map(|_| Arc::default()).collect(),
            loads: (0..workers).map(|_| AtomicUsize::new(0)).collect(),
            inside: AtomicUsize::new(0),
            idle: Notify::new(),
            clock,
        }
    }

    /// The counters of who is no worker.
    pub(super) fn spare_counters(&self) -> Arc<Counters> {
        self.counters.last().cloned().unwrap_or_default()
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

    /// A connection of this worker is past the door.
    pub(super) fn enters(&self, worker: usize) {
        self.loads[worker].fetch_add(1, Ordering::Relaxed);
        self.inside.fetch_add(1, Ordering::Relaxed);
    }

    /// It is gone.
    pub(super) fn leaves(&self, worker: usize) {
        self.loads[worker].fetch_sub(1, Ordering::Relaxed);
        if self.inside.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.notify_waiters();
        }
    }

    /// Waits until no connection is inside.
    pub(super) async fn all_gone(&self) {
        loop {
            let notified = self.idle.notified();
            if self.inside.load(Ordering::Acquire) == 0 {
                return;
            }
            notified.await;
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The same moment for the timers of the runtime.
    pub(super) fn timer(&self, at: Instant) -> tokio::time::Instant {
        self.clock.timer(at)
    }
}

/// What a worker's connections know of it, wherever they are woken.
pub(super) struct Home {
    pub(super) number: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) abroad: Abroad,
}

/// One thread's part.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) home: Arc<Home>,
    pub(super) line: Line,
    turn: RefCell<Turn>,
    /// All connections of the thread read into this; what is not a whole packet is copied out.
    pub(super) buffer: RefCell<Box<[u8]>>,
}

impl Worker {
    /// The worker of this thread, whose connections are served from now on.
    pub(super) fn new(shared: Arc<Shared>, number: usize) -> Rc<Self> {
        let turn = RefCell::new(Turn::new(shared.counters[number].clone(), &shared.broker));
        let buffer = RefCell::new(vec![0; READ].into());
        let home = Arc::new(Home { number, shared: shared.clone(), abroad: Abroad::default() });
        let worker = Rc::new(Self { shared, home, line: Line::default(), turn, buffer });
        serve::work_here(&worker);
        tokio::task::spawn_local(serve::drive(worker.clone()));
        worker
    }

    /// Begins a turn: one time for all that happens in it.
    pub(super) fn begin(&self) -> RefMut<'_, Turn> {
        let mut turn = self.turn.borrow_mut();
        turn.begin(self.shared.now(), &self.shared.broker);
        turn
    }

    /// Ends a turn: the log hears what happened, others are woken. What little a few connections of other workers are to
    /// be sent is written from here.
    pub(super) fn finish(&self, turn: RefMut<'_, Turn>) {
        let few = turn.woken() <= FEW;
        self.end_turn(turn, few);
    }

    /// Ends a turn that was another's while this thread had something for it.
    pub(super) fn finish_within(&self, turn: RefMut<'_, Turn>) {
        self.end_turn(turn, false);
    }

    fn end_turn(&self, mut turn: RefMut<'_, Turn>, write_through: bool) {
        for event in turn.events.drain(..) {
            self.shared.log.event(&event);
        }
        if turn.events.capacity() > MANY_EVENTS {
            turn.events = Vec::new();
        }
        if std::mem::take(&mut turn.verifications) > 0 {
            self.shared.pool.wake();
        }
        if turn.woken() == 0 {
            return;
        }
        let mut wakes = turn.take_wakes();
        drop(turn);
        serve::wake(&mut wakes, write_through);
        // The room that it has grown to serves the next turn.
        self.turn.borrow_mut().give_back_wakes(wakes);
    }

    /// Takes a connection that came in by a listener, and serves it on this thread.
    pub(super) fn arrive(self: &Rc<Self>, raw: Raw, ticket: Ticket) {
        self.shared.counters[self.home.number].count_socket();
        let is_plain = ticket.gate().door.settings().listener.is_plain();
        let presence = Presence::new(self.clone());
        match raw {
            // The way of most connections, which is to stay short.
            Raw::Tcp(stream, from) if is_plain => {
                let peer = ticket.peer(from.to_string().into(), Some(from.ip()), None);
                presence.serve(stream, peer, Some(ticket));
            }
            Raw::Tcp(stream, from) => {
                tokio::task::spawn_local(let_in(Stream::Tcp(stream), Some(from), presence, ticket));
            }
            #[cfg(unix)]
            Raw::Unix(stream) => {
                tokio::task::spawn_local(let_in(Stream::Unix(stream), None, presence, ticket));
            }
        }
    }

    pub(super) fn log(&self) -> &Log {
        &self.shared.log
    }

    /// Takes a connection from this process, and serves it on this thread.
    pub(super) fn enter(self: &Rc<Self>, stream: DuplexStream, peer: Peer) {
        Presence::new(self.clone()).serve(stream, peer, None);
    }

    /// Ends every connection of the broker, with 0x8B where there is a way to say so.
    pub(super) fn shut_down(&self) {
        let mut turn = self.begin();
        let ending = Ending::Fault(Reason::SERVER_SHUTTING_DOWN, "the broker shuts down");
        self.shared.broker.end_all(&ending, &mut turn);
        self.finish(turn);
    }
}

/// Does what comes before MQTT, and goes on in a task that needs no memory for it any more.
async fn let_in(stream: Stream, from: Option<std::net::SocketAddr>, presence: Presence, ticket: Ticket) {
    match ticket.gate().door.enter(stream, from).await {
        Ok(guest) => {
            let peer = ticket.peer(guest.name, guest.address, guest.identity);
            presence.serve(guest.stream, peer, Some(ticket));
        }
        Err((peer, why)) => {
            let mut turn = presence.worker.begin();
            turn.events.push(Event::Stranger { peer, why: Ending::Lost(why.into()) });
            presence.worker.finish(turn);
        }
    }
}

/// A connection that is still at the door, counted among those of its worker.
pub(super) struct Presence {
    pub(super) worker: Rc<Worker>,
}

impl Presence {
    fn new(worker: Rc<Worker>) -> Self {
        worker.shared.loads[worker.home.number].fetch_add(1, Ordering::Relaxed);
        Self { worker }
    }

    /// Speaks MQTT with it from now on. `ticket`: of the listener it came by, if it came by one.
    fn serve<S: Transport>(self, stream: S, peer: Peer, ticket: Option<Ticket>) {
        let shared = &self.worker.shared;
        let connection = Connection::new(shared.broker.clone(), peer, shared.now());
        Post::open(Wire::new(stream, connection, ticket), &self.worker.home);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.worker.shared.loads[self.worker.home.number].fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection on its way to a worker's thread.
pub(super) enum Arrival {
    Tcp(std::net::TcpStream, std::net::SocketAddr),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

impl Arrival {
    /// Takes the connection out of this thread's runtime.
    pub(super) fn new(raw: Raw) -> std::io::Result<Self> {
        match raw {
            Raw::Tcp(stream, from) => Ok(Self::Tcp(stream.into_std()?, from)),
            #[cfg(unix)]
            Raw::Unix(stream) => stream.into_std().map(Self::Unix),
        }
    }

    fn into_raw(self) -> std::io::Result<Raw> {
        match self {
            Self::Tcp(stream, from) => Ok(Raw::Tcp(tokio::net::TcpStream::from_std(stream)?, from)),
            #[cfg(unix)]
            Self::Unix(stream) => tokio::net::UnixStream::from_std(stream).map(Raw::Unix),
        }
    }
}

/// The way to a worker's thread.
pub(super) type Way = mpsc::UnboundedSender<(Arrival, Ticket)>;

/// Starts the thread of worker `number`.
///
/// # Errors
/// When the system gives no thread or no runtime.
pub(super) fn start(shared: Arc<Shared>, number: usize) -> std::io::Result<Way> {
    let (way, mut arrivals) = mpsc::unbounded_channel::<(Arrival, Ticket)>();
    let runtime = runtime()?;
    std::thread::Builder::new().name(format!("worker {number}")).spawn(move || {
        LocalSet::new().block_on(&runtime, async {
            let worker = Worker::new(shared, number);
            tokio::task::spawn_local(periodic::give_back_end());
            while let Some((arrival, ticket)) = arrivals.recv().await {
                match arrival.into_raw() {
                    Ok(raw) => worker.arrive(raw, ticket),
                    Err(error) => {
                        worker.shared.log.error(&format!("a connection could not be served: {error}"))
                    }
                }
            }
        });
    })?;
    Ok(way)
}

/// A runtime for one thread.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
