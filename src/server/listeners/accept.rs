//! Opens the listeners, and gives each connection to the worker with the fewest.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, LocalSet};

use super::upgrade;
use crate::net::listener::upgrade::LoadedListener;
use crate::net::listener::{Accepted, DetachedConnection, Endpoint, InheritedSockets, Listener, Protocol};
use crate::server::admission::{ActiveListener, AdmissionPermit};
use crate::server::heap;
use crate::server::log::LogEvent;
use crate::server::run_queue::Runnable;
use crate::server::state::ServerState;
use crate::server::worker::{self, Worker};
use crate::text::os_error;

/// How long to wait after the system could not give a connection.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// A listener and its sockets.
pub(in crate::server) struct OpenListener {
    pub(in crate::server) active: Arc<ActiveListener>,
    pub(in crate::server) sockets: Vec<Box<dyn Endpoint>>,
}

impl OpenListener {
    pub(super) fn scheme(&self) -> &'static str {
        self.active.loaded().listener.scheme()
    }

    /// The URL of each socket.
    pub(in crate::server) fn urls(&self) -> impl Iterator<Item = (String, &dyn Endpoint)> {
        let scheme = self.scheme();
        self.sockets.iter().map(move |socket| (socket.url(scheme), &**socket))
    }
}

/// Reads the files of all listeners and opens their sockets, but for those that have inherited some.
///
/// # Errors
/// One line: which file or address, why, and what to do.
pub(in crate::server) fn open(
    listeners: Vec<Listener>,
    inherited: InheritedSockets,
) -> Result<Vec<OpenListener>, String> {
    let inherited = inherited.assign(&listeners)?;
    // An error in a certificate is reported before any socket is open.
    let loaded = listeners.into_iter().map(LoadedListener::load).collect::<Result<Vec<_>, _>>()?;
    let opened = loaded.into_iter().zip(inherited).enumerate().map(|(number, (loaded, inherited))| {
        let sockets = match inherited.is_empty() {
            true => loaded.listener.address.bind()?,
            false => inherited,
        };
        Ok(OpenListener { active: ActiveListener::new(number, loaded), sockets })
    });
    opened.collect()
}

/// Sends requests to the thread of a worker.
type RequestSender = mpsc::UnboundedSender<WorkerRequest>;

/// What other threads ask a worker for.
enum WorkerRequest {
    Serve(DetachedConnection, AdmissionPermit),
    Enqueue(Arc<dyn Runnable<Worker>>),
}

/// All workers: the one of this thread, and the way to the threads of the others.
pub(in crate::server) struct Workers {
    local: Rc<Worker>,
    /// By number; nothing for the local one.
    senders: Vec<Option<RequestSender>>,
}

impl Workers {
    /// Starts the threads of all workers but the local one, which is number 0.
    ///
    /// # Errors
    /// The system has no thread or no runtime to give.
    pub(in crate::server) fn start(local: Rc<Worker>, count: usize) -> Result<Rc<Self>, String> {
        let mut senders = vec![None];
        for number in 1..count {
            let sender = start_thread(local.state.clone(), number);
            let sender = sender.map_err(|error| {
                format!("cannot start worker threads: {}; use fewer, see --workers", os_error(&error))
            })?;
            senders.push(Some(sender));
        }
        Ok(Rc::new(Self { local, senders }))
    }

    fn serve(&self, accepted: Accepted, permit: AdmissionPermit) -> std::io::Result<()> {
        if permit.listener().loaded().listener.protocol == Protocol::Http {
            self.local.state.control.push_connection(accepted.detach()?, permit);
            return Ok(());
        }
        match &self.senders[self.local.state.least_loaded()] {
            None => upgrade::serve(&self.local, accepted, permit),
            // A worker ends only with the broker.
            Some(sender) => drop(sender.send(WorkerRequest::Serve(accepted.detach()?, permit))),
        }
        Ok(())
    }

    /// Lets a task run on every worker.
    pub(in crate::server) fn enqueue_everywhere(&self, task: &Arc<dyn Runnable<Worker>>) {
        for sender in &self.senders {
            match sender {
                None => self.local.enqueue(task.clone()),
                Some(sender) => drop(sender.send(WorkerRequest::Enqueue(task.clone()))),
            }
        }
    }
}

fn start_thread(state: Arc<ServerState>, number: usize) -> std::io::Result<RequestSender> {
    let (sender, mut requests) = mpsc::unbounded_channel();
    let runtime = worker::runtime()?;
    std::thread::Builder::new().name(format!("worker {number}")).spawn(move || {
        LocalSet::new().block_on(&runtime, async {
            let worker = Worker::start(state, number);
            tokio::task::spawn_local(heap::give_back_own_end());
            while let Some(request) = requests.recv().await {
                match request {
                    WorkerRequest::Serve(connection, permit) => serve(&worker, connection, permit),
                    WorkerRequest::Enqueue(task) => worker.enqueue(task),
                }
            }
        });
    })?;
    Ok(sender)
}

fn serve(worker: &Rc<Worker>, connection: DetachedConnection, permit: AdmissionPermit) {
    match connection.attach() {
        Ok(accepted) => upgrade::serve(worker, accepted, permit),
        Err(error) => worker.log().write(&LogEvent::ConnectionFailed { reason: &os_error(&error) }),
    }
}

/// Accepts connections on all sockets, each in a task.
pub(in crate::server) fn accept_all(
    listeners: Vec<OpenListener>,
    workers: &Rc<Workers>,
) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    for listener in listeners {
        let scheme = listener.scheme();
        for socket in listener.sockets {
            let url = socket.url(scheme);
            let task = accept(socket, url, listener.active.clone(), workers.clone());
            tasks.push(tokio::task::spawn_local(task));
        }
    }
    tasks
}

async fn accept(socket: Box<dyn Endpoint>, url: String, listener: Arc<ActiveListener>, workers: Rc<Workers>) {
    let state = &workers.local.state;
    let log = &state.log;
    let (mut failing, mut full) = (false, false);
    loop {
        match poll_fn(|cx| socket.poll_accept(cx)).await {
            Ok(accepted) => {
                failing = false;
                if !state.nodelay.load(Ordering::Relaxed) {
                    accepted.stream.delay_small_packets();
                }
                let permit = listener.admit();
                if permit.is_none() && !full {
                    log.write(&LogEvent::ConnectionLimitReached { listener: &url });
                }
                full = permit.is_none();
                if let Some(permit) = permit
                    && let Err(error) = workers.serve(accepted, permit)
                {
                    log.write(&LogEvent::ConnectionFailed { reason: &os_error(&error) });
                }
            }
            Err(error) => {
                if !failing {
                    log.write(&LogEvent::AcceptFailed { reason: &os_error(&error) });
                    failing = true;
                }
                // The connection stays in the queue of the system until a file descriptor is free.
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        }
    }
}
