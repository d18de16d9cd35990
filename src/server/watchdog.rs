//! Pings for the watchdog of systemd. A ping says that each worker accepts connections and runs its queue: a probe takes
//! the way of a connection to the worker and then that of its wake-ups. If one worker hangs there are no more pings, and
//! systemd restarts the service.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::listeners::accept::Workers;
use super::run_queue::Runnable;
use super::systemd::{self, ServiceState};
use super::worker::Worker;

/// Pings in the time after which systemd restarts the service.
const PINGS_PER_TIMEOUT: u32 = 3;

/// Starts to ping on this thread, if systemd asks for it.
pub(super) fn start(workers: &Rc<Workers>) {
    if let Some(timeout) = systemd::watchdog_timeout() {
        tokio::task::spawn_local(ping(workers.clone(), timeout / PINGS_PER_TIMEOUT));
    }
}

async fn ping(workers: Rc<Workers>, interval: Duration) {
    loop {
        all_answer(&workers).await;
        systemd::notify(ServiceState::Alive);
        tokio::time::sleep(interval).await;
    }
}

/// Waits until each worker has run a task.
async fn all_answer(workers: &Workers) {
    let (answer, mut answers) = mpsc::channel(1);
    workers.enqueue_everywhere(&(Arc::new(Probe { _answer: answer }) as Arc<dyn Runnable<Worker>>));
    // The channel closes when the last worker has let go of the probe.
    let _ = answers.recv().await;
}

/// A task that does nothing but end.
struct Probe {
    _answer: mpsc::Sender<()>,
}

impl Runnable<Worker> for Probe {
    fn run(self: Arc<Self>, _: &Worker) {}

    fn abandon(&self) {}
}
