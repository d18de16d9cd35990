//! Which connections of a worker run next.
//!
//! ```text
//!   woken on the worker's own thread ─▶ RunQueue ─────────┐
//!   woken on another thread ─▶ RemoteQueue ─▶ RunQueue ───┴▶ Runnable::run
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A task of worker `W`.
pub(super) trait Runnable<W>: Send + Sync {
    /// Runs once, on the worker's own thread.
    fn run(self: Arc<Self>, worker: &W);

    /// Drops the task's connection, in whatever state it is.
    fn abandon(&self);
}

type Tasks<W> = VecDeque<Arc<dyn Runnable<W>>>;

/// Which tasks run first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Local,
    Remote,
}

/// The tasks of a worker that are to run, as its own thread sees them.
pub(super) struct RunQueue<W> {
    /// In the order in which this thread has woken them.
    local: RefCell<Tasks<W>>,
    /// In the order in which other threads have.
    remote: RefCell<Tasks<W>>,
    /// Wakes the worker while it waits for a task.
    worker: RefCell<Option<Waker>>,
}

/// The tasks of a worker that other threads have woken, until its own thread takes them.
pub(super) struct RemoteQueue<W>(Mutex<RemoteTasks<W>>);

struct RemoteTasks<W> {
    tasks: Tasks<W>,
    /// Wakes the worker while it waits for a task.
    worker: Option<Waker>,
}

impl<W> Default for RunQueue<W> {
    fn default() -> Self {
        Self { local: RefCell::default(), remote: RefCell::default(), worker: RefCell::default() }
    }
}

impl<W> Default for RemoteQueue<W> {
    fn default() -> Self {
        Self(Mutex::new(RemoteTasks { tasks: VecDeque::new(), worker: None }))
    }
}

impl<W> RunQueue<W> {
    pub(super) fn push(&self, task: Arc<dyn Runnable<W>>) {
        self.local.borrow_mut().push_back(task);
        let worker = self.worker.borrow_mut().take();
        worker.into_iter().for_each(Waker::wake);
    }

    /// The next task.
    pub(super) fn next(&self, first: First, remote: &RemoteQueue<W>) -> Option<Arc<dyn Runnable<W>>> {
        let local = || self.local.borrow_mut().pop_front();
        let remote = || {
            let mut taken = self.remote.borrow_mut();
            if taken.is_empty() {
                let mut woken = remote.lock();
                std::mem::swap(&mut woken.tasks, &mut *taken);
                // The worker runs.
                woken.worker = None;
            }
            taken.pop_front()
        };
        match first {
            First::Local => local().or_else(remote),
            First::Remote => remote().or_else(local),
        }
    }

    /// Pending while there is no task.
    pub(super) fn wait(&self, remote: &RemoteQueue<W>, cx: &Context<'_>) -> Poll<()> {
        if !self.local.borrow().is_empty() || !self.remote.borrow().is_empty() {
            return Poll::Ready(());
        }
        let mut woken = remote.lock();
        if !woken.tasks.is_empty() {
            return Poll::Ready(());
        }
        woken.worker = Some(cx.waker().clone());
        *self.worker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<W> RemoteQueue<W> {
    pub(super) fn push(&self, task: Arc<dyn Runnable<W>>) {
        let mut woken = self.lock();
        woken.tasks.push_back(task);
        let worker = woken.worker.take();
        drop(woken);
        worker.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, RemoteTasks<W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::{First, RemoteQueue, RunQueue, Runnable};

    /// Not zero-sized, so that each has an address of its own.
    struct Task(#[expect(dead_code)] u8);

    impl Runnable<()> for Task {
        fn run(self: Arc<Self>, (): &()) {}

        fn abandon(&self) {}
    }

    #[test]
    fn local_tasks_run_first_unless_it_is_the_turn_of_remote_ones() {
        let (queue, remote) = (RunQueue::default(), RemoteQueue::default());
        let cx = Context::from_waker(Waker::noop());
        assert_eq!(queue.wait(&remote, &cx), Poll::Pending);
        let (own, foreign): (Arc<dyn Runnable<()>>, Arc<dyn Runnable<()>>) =
            (Arc::new(Task(0)), Arc::new(Task(1)));
        let next = |first| queue.next(first, &remote).map(|task| Arc::ptr_eq(&task, &own));
        remote.push(foreign);
        assert_eq!(queue.wait(&remote, &cx), Poll::Ready(()));
        queue.push(own.clone());
        assert_eq!(next(First::Local), Some(true));
        queue.push(own.clone());
        assert_eq!(next(First::Remote), Some(false));
        assert_eq!(next(First::Remote), Some(true));
        assert_eq!(next(First::Local), None);
        assert_eq!(queue.wait(&remote, &cx), Poll::Pending);
    }
}
