//! Threads on which passwords are verified, as that takes milliseconds and the workers have others to serve.
//!
//! They are few, begin with the first password, and give way to everything else on the machine. Which password comes next
//! is the core's to say.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::worker::Clock;
use crate::broker::{Broker, Memory};

#[derive(Debug)]
pub(super) struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    broker: Arc<Broker>,
    clock: Clock,
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Raised whenever there may be something to do.
    calls: u64,
    threads: usize,
}

/// Half of the processors, so that the other half serves; each thread may hold the memory of one hash.
fn most() -> usize {
    std::thread::available_parallelism().map_or(1, |count| (count.get() / 2).clamp(1, 4))
}

impl Pool {
    pub(super) fn new(broker: Arc<Broker>, clock: Clock) -> Self {
        Self(Arc::new(Inner { broker, clock, state: Mutex::default(), more: Condvar::new() }))
    }

    /// There may be something to do.
    pub(super) fn wake(&self) {
        let mut state = self.0.lock();
        state.calls += 1;
        if state.threads < most() {
            let inner = self.0.clone();
            let thread = std::thread::Builder::new().name("passwords".into());
            // Where the system gives no thread those that wait are told when their time runs out.
            if thread.spawn(move || inner.work()).is_ok() {
                state.threads += 1;
            }
        }
        self.0.more.notify_one();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A number that was raised is right whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        give_way();
        // Kept from one to the next: what the allocator does with so large pieces is its own affair.
        let (mut seen, mut memory) = (0, Memory::default());
        loop {
            while let Some(verification) = self.broker.next_verification(self.clock.now()) {
                // One that fails an assertion keeps its own connection waiting, and no other.
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

/// Lets every other thread run first.
#[cfg(target_os = "linux")]
fn give_way() {
    // On Linux that is this thread alone. Where it is refused, the thread is one like others.
    let _ = rustix::process::setpriority_process(None, 10);
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}
