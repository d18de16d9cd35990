//! Threads that verify passwords, which takes milliseconds in which a worker could serve other connections.
//!
//! They are few, start with the first password, and run at low priority. The core decides which password is next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::clock::BrokerClock;
use crate::broker::{Broker, Memory};

#[derive(Debug)]
pub(super) struct PasswordPool(Arc<PoolInner>);

#[derive(Debug)]
struct PoolInner {
    broker: Arc<Broker>,
    clock: BrokerClock,
    state: Mutex<PoolState>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct PoolState {
    /// Raised whenever there may be something to do.
    calls: u64,
    threads: usize,
}

/// Half of the processors, so that the other half serves connections; each thread may hold the memory of one hash.
fn max_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |count| (count.get() / 2).clamp(1, 4))
}

impl PasswordPool {
    pub(super) fn new(broker: Arc<Broker>, clock: BrokerClock) -> Self {
        Self(Arc::new(PoolInner { broker, clock, state: Mutex::default(), more: Condvar::new() }))
    }

    /// There may be something to do.
    pub(super) fn wake(&self) {
        let mut state = self.0.lock();
        state.calls += 1;
        if state.threads < max_threads() {
            let inner = self.0.clone();
            let thread = std::thread::Builder::new().name("passwords".into());
            // Without a thread, the logins that wait are refused at their timeout.
            if thread.spawn(move || inner.work()).is_ok() {
                state.threads += 1;
            }
        }
        self.0.more.notify_one();
    }
}

impl PoolInner {
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        // A counter is valid after a panic too.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        lower_priority();
        // Reused, as the allocator may keep such large blocks after they are freed.
        let (mut seen, mut memory) = (0, Memory::default());
        loop {
            while let Some(verification) = self.broker.next_verification(self.clock.now()) {
                // A failed assertion delays its own connection only.
                let _ = catch_unwind(AssertUnwindSafe(|| verification.run(&mut memory)));
            }
            let mut state = self.lock();
            while state.calls == seen {
                state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            seen = state.calls;
        }
    }
}

/// Lets all other threads run first.
#[cfg(target_os = "linux")]
fn lower_priority() {
    // On Linux this is the priority of the calling thread. If it is refused, the thread keeps the normal one.
    let _ = rustix::process::setpriority_process(None, 10);
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}
