//! The thread that keeps what must outlive a crash: it takes batches from the journal, has them written, and says when
//! they are safe.
//!
//! A store that fails is tried again until it works; meanwhile the core refuses what would have to be kept. What it leaves
//! out: what is written, which is the core's, and how, which is the store's.

use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::heap;
use super::periodic::GIVE_BACK;
use super::worker::Shared;
use crate::broker::{Durability, Page, Turn};
use crate::store::{Access, Changes, Database, Directory, Head, Reading, Sync};

/// Between two tries of a store that fails.
const RETRY: Duration = Duration::from_millis(250);
/// How long a broker that stops tries to write what is left.
const FAREWELL: Duration = Duration::from_secs(5);
/// The longest time until what is written without a promise is synced.
const AT_LEISURE: Duration = Duration::from_secs(1);
/// How often the file is looked for under its name, beside each commit.
const CHECK: Duration = Duration::from_secs(1);

/// A data directory that this process has taken, and what is in it.
pub(super) struct Opened {
    directory: Directory,
    database: Database,
}

/// Where sessions and messages are kept, and how safely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) directory: PathBuf,
    /// The name of the file in it, if it is not our own.
    pub(super) file: Option<String>,
    pub(super) durability: Durability,
    /// How much longer each sync takes.
    pub(super) sync_delay: Duration,
}

/// Opens the data directory, if there is to be one.
///
/// # Errors
/// One line for people.
pub(super) fn open(place: Option<&Place>) -> Result<Option<Opened>, String> {
    let Some(Place { directory, file, durability: _, sync_delay }) = place else { return Ok(None) };
    let directory = Directory::take(directory, file.as_deref(), Access::Write);
    let directory = directory.map_err(|refusal| refusal.to_string())?;
    let database = directory.open(*sync_delay).map_err(|refusal| refusal.to_string())?;
    Ok(Some(Opened { directory, database }))
}

/// What the broker may promise.
pub(super) fn durability(place: Option<&Place>) -> Durability {
    place.map_or(Durability::Off, |place| place.durability)
}

/// The thread, while it runs.
pub(super) struct Keeping {
    shared: Arc<Shared>,
    thread: JoinHandle<bool>,
}

/// Takes up what was kept, then keeps what comes.
///
/// # Errors
/// One line for people: what was kept cannot be read, or there is no thread to be had.
pub(super) fn start(opened: Opened, shared: &Arc<Shared>) -> Result<Keeping, String> {
    let Opened { directory, mut database } = opened;
    let limits = &shared.broker.limits();
    let head = Head { messages: limits.head_messages, bytes: limits.head_bytes };
    let began = Instant::now();
    let clock = database.clock(shared.now(), Reading::now());
    let loaded = database.load(head, clock);
    let saved = loaded.map_err(|error| directory.refusal(&error).to_string())?;
    let (sessions, retained) = (saved.sessions.len(), saved.retained.len());
    let queues = saved
        .sessions
        .iter()
        .map(|session| &session.queue)
        .chain(saved.groups.iter().map(|group| &group.queue));
    let waiting: usize = queues.map(|queue| queue.head.len() + queue.rest).sum();
    let mut turn = Turn::new(shared.spare_counters(), &shared.broker);
    turn.now = shared.now();
    shared.broker.restore(saved, &mut turn);
    shared.log.info(&format!(
        "keeping sessions and messages in {}, durability {}; took up {sessions} sessions, {waiting} waiting and \
         {retained} retained messages in {} ms",
        directory.file().display(),
        shared.broker.journal().durability(),
        began.elapsed().as_millis()
    ));
    if database.mark_is_damaged() {
        shared.log.warning(&format!(
            "{}: the mark of the last synced commit is damaged, so it is not known whether that commit is missing",
            directory.file().display()
        ));
    }
    let keeper = Keeper {
        directory,
        database,
        shared: shared.clone(),
        turn,
        synced: Instant::now(),
        dirty: false,
        checked: Instant::now(),
        tidy_at: None,
    };
    let thread = std::thread::Builder::new().name("store".into()).spawn(move || keep(keeper));
    let thread = thread.map_err(|error| format!("cannot start the thread of the store: {error}"))?;
    Ok(Keeping { shared: shared.clone(), thread })
}

impl Keeping {
    /// Writes what is left, when no connection is open any more; whether all could be written.
    pub(super) fn finish(self) -> bool {
        self.shared.broker.journal().close();
        self.thread.join().unwrap_or(false)
    }
}

fn keep(mut keeper: Keeper) -> bool {
    let shared = keeper.shared.clone();
    // A failed assertion here must not look like a store that is merely slow.
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| keeper.run()));
    ended.unwrap_or_else(|_| {
        shared.log.error("the store has failed an assertion: nothing more is kept; restart the broker");
        shared.broker.journal().failed(shared.now());
        false
    })
}

struct Keeper {
    directory: Directory,
    database: Database,
    shared: Arc<Shared>,
    turn: Turn,
    /// When the database was last synced, and whether something was written since.
    synced: Instant,
    dirty: bool,
    /// When the file was last looked for under its name.
    checked: Instant,
    /// When the end of this thread's heap is given back, if something was written since it last was.
    tidy_at: Option<Instant>,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Keeper {
    /// Until the journal is closed and everything is written; whether it is.
    fn run(&mut self) -> bool {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let broker = self.shared.broker.clone();
        let journal = broker.journal();
        loop {
            let closed = journal.is_closed();
            let Some(mut batch) = journal.take(&waker) else {
                if closed {
                    return !self.dirty || self.write(&mut Changes::default(), Sync::Now);
                }
                if !self.idle() {
                    return false;
                }
                continue;
            };
            let records = std::mem::take(&mut batch.records);
            let clock = self.database.clock(self.shared.now(), Reading::now());
            let mut changes = self.database.changes(records, clock);
            if !self.write(&mut changes, self.sync()) {
                return false;
            }
            journal.done(&batch);
            for page in changes.pages() {
                if !self.read(&page) {
                    return false;
                }
            }
            self.tidy();
            if let Durability::Interval(span) = journal.durability()
                && !closed
            {
                std::thread::sleep(span);
            }
        }
    }

    /// Nothing has come: deletes what is left of the past, or syncs what was written at leisure, or sleeps.
    fn idle(&mut self) -> bool {
        if self.database.sweeps() {
            return self.write(&mut Changes::default(), self.sync());
        }
        if self.checked.elapsed() >= CHECK && !(self.check_in_place() && self.check_clock()) {
            return false;
        }
        let mut sleep = CHECK;
        if self.dirty || self.database.mark_is_unsynced() {
            let left = AT_LEISURE.saturating_sub(self.synced.elapsed());
            match self.dirty {
                true if left.is_zero() => return self.write(&mut Changes::default(), Sync::Now),
                false if left.is_zero() => self.database.sync_mark(),
                _ => sleep = sleep.min(left),
            }
        }
        std::thread::park_timeout(self.tidy().map_or(sleep, |left| left.min(sleep)));
        true
    }

    /// Gives back the end of this thread's heap when it is time to; how long until then, if it is not.
    fn tidy(&mut self) -> Option<Duration> {
        let left = self.tidy_at?.saturating_duration_since(Instant::now());
        if left.is_zero() {
            heap::give_back_end();
            self.tidy_at = None;
        }
        (!left.is_zero()).then_some(left)
    }

    /// Whether the next commit must be safe when it returns.
    fn sync(&self) -> Sync {
        match self.shared.broker.journal().durability() {
            Durability::None if self.synced.elapsed() < AT_LEISURE => Sync::Later,
            _ => Sync::Now,
        }
    }

    /// Writes until it succeeds, or the broker has stopped and waited long enough. Nothing is said to be kept in a file
    /// that is not in its place any more.
    fn write(&mut self, changes: &mut Changes, sync: Sync) -> bool {
        let written = self.check_in_place()
            && self.persist(|database| database.commit(changes, sync)).is_some()
            && self.check_in_place();
        match sync {
            Sync::Now => (self.synced, self.dirty) = (Instant::now(), false),
            Sync::Later => self.dirty = true,
        }
        self.tidy_at.get_or_insert_with(|| Instant::now() + GIVE_BACK);
        written
    }

    /// Reads a page of a queue for the core.
    fn read(&mut self, page: &Page) -> bool {
        let clock = self.database.clock(self.shared.now(), Reading::now());
        let Some((entries, complete)) = self.persist(|database| database.page(page, clock)) else {
            return false;
        };
        self.turn.now = self.shared.now();
        self.shared.broker.page(page, entries, complete, &mut self.turn);
        self.turn.events.drain(..).for_each(|event| self.shared.log.event(&event));
        self.turn.wake();
        true
    }

    /// Whether the file is where it was opened; waits until it is, or the broker has stopped and waited long enough.
    fn check_in_place(&mut self) -> bool {
        let directory = &self.directory;
        let found = retry(&self.shared, || {
            directory.check_in_place().map_err(|why| {
                format!("{why} while the broker was running: what is in it would be lost, so nothing more is acknowledged")
            })
        });
        self.checked = Instant::now();
        found.is_some()
    }

    /// Stores the clocks when the wall clock was set, so that the next start knows how much time has passed.
    fn check_clock(&mut self) -> bool {
        let step = self.database.clock_step(self.shared.now(), Reading::now());
        if step == 0 {
            return true;
        }
        let way = if step < 0 { "back" } else { "forward" };
        self.shared.log.info(&format!(
            "the system clock was set {way} by {} s; nothing in the store expires sooner or later for it",
            step.unsigned_abs() / 1_000
        ));
        self.write(&mut Changes::default(), Sync::Now)
    }

    fn persist<T>(&mut self, mut work: impl FnMut(&mut Database) -> Result<T, redb::Error>) -> Option<T> {
        let (database, directory) = (&mut self.database, &self.directory);
        retry(&self.shared, || {
            work(database).map_err(|error| format!("cannot write {}: {error}", directory.file().display()))
        })
    }
}

/// Tries until it succeeds, or the broker has stopped and waited long enough.
fn retry<T>(shared: &Shared, mut work: impl FnMut() -> Result<T, String>) -> Option<T> {
    let (journal, log) = (shared.broker.journal(), &shared.log);
    let (mut failing, mut closed) = (false, None);
    loop {
        match work() {
            Ok(done) => {
                if failing {
                    journal.recovered();
                    log.info("the store works again");
                }
                return Some(done);
            }
            Err(error) if !failing => {
                failing = true;
                journal.failed(shared.now());
                log.error(&format!("{error}; what would have to be kept is refused until it can be"));
            }
            Err(_) => {}
        }
        if journal.is_closed() && closed.get_or_insert_with(Instant::now).elapsed() > FAREWELL {
            log.error("the store has not kept what came last");
            return None;
        }
        std::thread::sleep(RETRY);
    }
}
