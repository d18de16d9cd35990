//! The thread that writes to the store: it takes batches from the journal, commits them, and reports when they are durable.
//!
//! A store that fails is tried again until it works; meanwhile the core refuses what would have to be stored. The core
//! decides what is written, and the store how.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::disk_space::{DiskSpace, StoreLoad};
use super::heap;
use super::log::{LogEvent, TextOnly};
use super::state::ServerState;
use crate::broker::{Durability, Page, Turn};
use crate::mosquitto_db::Imported;
use crate::store::{
    Access, Changes, Database, Directory, QueueHead, SyncMode, SystemClocks, disk_is_full, import_mosquitto,
};
use crate::text::os_error;

/// The time between two attempts while the store fails.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
/// How long a broker that stops goes on trying to write.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest time until a commit that nobody waits for is synced.
const LAZY_SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// How often the thread checks that the file still has its name, besides at each commit.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A data directory that this process has locked, and its database.
pub(super) struct OpenStore {
    directory: Directory,
    database: Database,
    /// What mosquitto had left in the directory, if this is the first start.
    imported: Option<(PathBuf, Imported)>,
}

impl OpenStore {
    /// The files that this process may have created.
    pub(super) fn files(&self) -> [PathBuf; 2] {
        [self.directory.lock_file(), self.directory.file()]
    }
}

/// Where sessions and messages are stored, and how durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoreLocation {
    pub(super) directory: PathBuf,
    /// The name of the file in it, unless it is the default one.
    pub(super) file: Option<String>,
    pub(super) durability: Durability,
    /// Time added to each sync.
    pub(super) sync_delay: Duration,
}

/// Opens the data directory. The first start in a directory with mosquitto's persistence file imports
/// that file; `listener` gives the number of the listener with a port.
///
/// # Errors
/// One line.
pub(super) fn open(location: &StoreLocation, listener: impl Fn(u16) -> usize) -> Result<OpenStore, String> {
    let StoreLocation { directory, file, durability: _, sync_delay } = location;
    let directory = Directory::take(directory, file.as_deref(), Access::Write);
    let directory = directory.map_err(|error| error.to_string())?;
    let mut imported = None;
    let database = directory.open_or_fill(*sync_delay, |database| {
        if let Some(file) = directory.mosquitto_file() {
            let content = import_mosquitto(database, &file, listener)?;
            imported = Some((file, content));
        }
        Ok(())
    });
    let database = database.map_err(|error| error.to_string())?;
    Ok(OpenStore { directory, database, imported })
}

/// How durable an acknowledged message is.
pub(super) fn durability(location: Option<&StoreLocation>) -> Durability {
    location.map_or(Durability::Off, |location| location.durability)
}

/// The running thread.
pub(super) struct StoreThread {
    state: Arc<ServerState>,
    thread: JoinHandle<bool>,
}

/// Restores sessions and messages, then starts the thread.
///
/// # Errors
/// One line: the store cannot be read, or the system gives no thread.
pub(super) fn start(store: OpenStore, state: &Arc<ServerState>) -> Result<StoreThread, String> {
    let OpenStore { directory, mut database, imported } = store;
    log_import(&directory, imported.as_ref(), state);
    let limits = &state.broker.limits();
    let head = QueueHead { messages: limits.head_messages, bytes: limits.head_bytes };
    let began = Instant::now();
    let clock = database.clock(state.now(), SystemClocks::now());
    let loaded = database.load(head, clock);
    let saved = loaded.map_err(|error| directory.open_error(&error).to_string())?;
    let (sessions, retained) = (saved.sessions.len(), saved.retained.len());
    let queues = saved
        .sessions
        .iter()
        .map(|session| &session.queue)
        .chain(saved.groups.iter().map(|group| &group.queue));
    let waiting: usize = queues.map(|queue| queue.head.len() + queue.rest).sum();
    let mut turn = Turn::new(state.spare_counters(), &state.broker);
    turn.now = state.now();
    state.broker.restore(saved, &mut turn);
    let path = directory.file().display().to_string();
    state.log.write(&LogEvent::StoreOpened {
        path: &path,
        durability: &state.broker.journal().durability().to_string(),
        sessions,
        queued_messages: waiting,
        retained_messages: retained,
        milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    if database.mark_is_damaged() {
        state.log.write(&LogEvent::StoreMarkDamaged { path: &path });
    }
    let space = DiskSpace::new(&directory, state);
    let writer = StoreWriter {
        directory,
        space,
        database,
        state: state.clone(),
        turn,
        synced: Instant::now(),
        dirty: false,
        checked: Instant::now(),
        tidy_at: None,
    };
    let thread = std::thread::Builder::new().name("store".into()).spawn(move || run_to_end(writer));
    let thread = thread.map_err(|error| format!("cannot start the store thread: {}", os_error(&error)))?;
    Ok(StoreThread { state: state.clone(), thread })
}

/// Logs what was imported from mosquitto's file, or that it was written after the store and is ignored.
fn log_import(directory: &Directory, imported: Option<&(PathBuf, Imported)>, state: &ServerState) {
    if let Some((file, imported)) = imported {
        let path = &*file.display().to_string();
        state.log.write(&LogEvent::StoreImported {
            path,
            sessions: imported.sessions,
            subscriptions: imported.subscriptions,
            queued_messages: imported.queued,
            in_flight_messages: imported.in_flight,
            retained_messages: imported.retained,
            summary: TextOnly(&imported.to_string()),
        });
        for reason in &imported.rejected {
            state.log.write(&LogEvent::StoreImportIncomplete { path, reason });
        }
    } else if let Some(file) = directory.mosquitto_file()
        && let (Ok(theirs), Ok(ours)) = (modified(&file), modified(&directory.file()))
        && theirs > ours
    {
        state.log.write(&LogEvent::StoreImportSkipped {
            path: &file.display().to_string(),
            store_path: &directory.file().display().to_string(),
        });
    }
}

fn modified(file: &Path) -> std::io::Result<std::time::SystemTime> {
    file.metadata()?.modified()
}

impl StoreThread {
    /// Writes the rest after the last connection has closed; whether that succeeded.
    pub(super) fn finish(self) -> bool {
        self.state.broker.journal().close();
        self.thread.join().unwrap_or(false)
    }
}

fn run_to_end(mut writer: StoreWriter) -> bool {
    let state = writer.state.clone();
    // After a failed assertion here the store must not seem merely slow.
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.run()));
    ended.unwrap_or_else(|_| {
        state.log.write(&LogEvent::StoreCrashed {});
        state.broker.journal().failed(state.now());
        false
    })
}

struct StoreWriter {
    directory: Directory,
    database: Database,
    space: DiskSpace,
    state: Arc<ServerState>,
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

impl StoreWriter {
    /// Runs until the journal is closed; whether everything is written.
    fn run(&mut self) -> bool {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let broker = self.state.broker.clone();
        let journal = broker.journal();
        // Until then a crash and a wall clock that is set could make deadlines pass.
        if self.database.clock_is_outdated(self.state.now(), SystemClocks::now())
            && !self.write(&mut Changes::default(), SyncMode::Now)
        {
            return false;
        }
        loop {
            let closed = journal.is_closed();
            let Some(mut batch) = journal.take(&waker) else {
                if closed {
                    return !self.dirty || self.write(&mut Changes::default(), SyncMode::Now);
                }
                if !self.idle() {
                    return false;
                }
                continue;
            };
            let records = std::mem::take(&mut batch.records);
            let clock = self.database.clock(self.state.now(), SystemClocks::now());
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
            self.check_space(StoreLoad::Busy);
            self.tidy();
            if let Durability::Interval(span) = journal.durability()
                && !closed
            {
                std::thread::sleep(span);
            }
        }
    }

    /// There is no batch: deletes expired data, syncs earlier commits, or sleeps.
    fn idle(&mut self) -> bool {
        if self.database.sweeps() {
            return self.write(&mut Changes::default(), self.sync());
        }
        if self.checked.elapsed() >= CHECK_INTERVAL && !(self.check_in_place() && self.check_clock()) {
            return false;
        }
        self.check_space(StoreLoad::Idle);
        let mut sleep = CHECK_INTERVAL;
        if self.dirty || self.database.mark_is_unsynced() {
            let left = LAZY_SYNC_INTERVAL.saturating_sub(self.synced.elapsed());
            match self.dirty {
                true if left.is_zero() => return self.write(&mut Changes::default(), SyncMode::Now),
                false if left.is_zero() => self.database.sync_mark(),
                _ => sleep = sleep.min(left),
            }
        }
        std::thread::park_timeout(self.tidy().map_or(sleep, |left| left.min(sleep)));
        true
    }

    /// Gives back the end of this thread's heap if that is due; the time until then if it is not.
    fn tidy(&mut self) -> Option<Duration> {
        let left = self.tidy_at?.saturating_duration_since(Instant::now());
        if left.is_zero() {
            heap::give_back_end();
            self.tidy_at = None;
        }
        (!left.is_zero()).then_some(left)
    }

    /// Whether the next commit must be synced before it returns.
    fn sync(&self) -> SyncMode {
        match self.state.broker.journal().durability() {
            Durability::None if self.synced.elapsed() < LAZY_SYNC_INTERVAL => SyncMode::Later,
            _ => SyncMode::Now,
        }
    }

    /// Writes until it succeeds, or the broker has stopped and the shutdown timeout is over. A commit to a file that was
    /// moved or deleted meanwhile does not count.
    fn write(&mut self, changes: &mut Changes, sync: SyncMode) -> bool {
        let written = self.check_in_place()
            && self.persist(|database| database.commit(changes, sync)).is_some()
            && self.check_in_place();
        match sync {
            SyncMode::Now => (self.synced, self.dirty) = (Instant::now(), false),
            SyncMode::Later => self.dirty = true,
        }
        self.tidy_at.get_or_insert_with(|| Instant::now() + heap::INTERVAL);
        written
    }

    /// Reads a page of a queue for the core.
    fn read(&mut self, page: &Page) -> bool {
        let clock = self.database.clock(self.state.now(), SystemClocks::now());
        let Some((entries, complete)) = self.persist(|database| database.page(page, clock)) else {
            return false;
        };
        self.turn.now = self.state.now();
        self.state.broker.page(page, entries, complete, &mut self.turn);
        self.turn.events.drain(..).for_each(|event| self.state.log.event(&event));
        self.turn.wake();
        true
    }

    /// Whether the file still has its name; waits until it has, or the shutdown timeout is over.
    fn check_in_place(&mut self) -> bool {
        let directory = &self.directory;
        let found = retry(&self.state, || {
            directory.check_in_place().map_err(|why| format!("{why} while the broker was running"))
        });
        self.checked = Instant::now();
        found.is_some()
    }

    /// Stores the clocks after the wall clock was set, so that the next start knows how much time has passed.
    fn check_clock(&mut self) -> bool {
        let step = self.database.clock_step(self.state.now(), SystemClocks::now());
        if step == 0 {
            return true;
        }
        self.state.log.write(&LogEvent::ClockSet { seconds: step / 1_000 });
        self.write(&mut Changes::default(), SyncMode::Now)
    }

    fn check_space(&mut self, load: StoreLoad) {
        let Self { space, database, directory, state, turn, .. } = self;
        space.check(database, directory, load, state, turn);
    }

    fn persist<T>(&mut self, mut work: impl FnMut(&mut Database) -> Result<T, redb::Error>) -> Option<T> {
        let Self { database, directory, space, state, .. } = self;
        let file = directory.file();
        let describe = |error: &redb::Error| format!("cannot write {}: {}", file.display(), os_error(error));
        retry(state, || {
            work(database)
                .or_else(|error| {
                    if disk_is_full(&error) && space.use_reserve(&describe(&error), state) {
                        work(database)
                    } else {
                        Err(error)
                    }
                })
                .map_err(|error| describe(&error))
        })
    }
}

/// Tries until it succeeds, or the broker has stopped and the shutdown timeout is over.
fn retry<T>(state: &ServerState, mut work: impl FnMut() -> Result<T, String>) -> Option<T> {
    let (journal, log) = (state.broker.journal(), &state.log);
    let (mut failing, mut closed) = (false, None);
    loop {
        match work() {
            Ok(done) => {
                if failing {
                    journal.recovered();
                    log.write(&LogEvent::StoreRecovered {});
                }
                return Some(done);
            }
            Err(error) if !failing => {
                failing = true;
                journal.failed(state.now());
                log.write(&LogEvent::StoreFailed { reason: &error });
            }
            Err(_) => {}
        }
        if journal.is_closed() && closed.get_or_insert_with(Instant::now).elapsed() > SHUTDOWN_TIMEOUT {
            log.write(&LogEvent::StoreIncomplete {});
            return None;
        }
        std::thread::sleep(RETRY_INTERVAL);
    }
}
