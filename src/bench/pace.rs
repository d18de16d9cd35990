//! The timer of an open loop, which wakes publishers when a message is due. The runtime's timers have a resolution of a
//! millisecond, which is too coarse, so a thread sleeps instead.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use tokio::sync::Notify;

use super::shard::Shard;
use crate::sync::Arc;

/// Microseconds within which due messages are sent together.
const GRAIN: u64 = 50;
/// Maximum sleep in microseconds, so that an early end is noticed.
const LONGEST: u64 = 50_000;

/// Wakes this thread's publishers when a message of theirs is due, until sending ends.
///
/// # Errors
/// When the thread cannot be started.
pub(super) async fn pace(shard: &Shard) -> io::Result<()> {
    let (timer, run) = (Timer::new()?, &*shard.run);
    let (mut woken, publishers) = (0, run.topology.publishers as u64);
    loop {
        let now = run.now();
        let count = run.schedule.count_before((now + 1).min(run.limit()));
        // One wake-up per publisher is enough: it sends everything that is due.
        for number in woken.max(count.saturating_sub(publishers))..count {
            let publisher = usize::try_from(number % publishers).unwrap_or(0);
            if publisher % run.topology.threads == shard.thread {
                shard.wake(publisher);
            }
        }
        woken = count;
        let next = run.schedule.time_of(count);
        if next >= run.limit() && now >= run.limit() || count >= run.schedule.count() {
            return Ok(());
        }
        timer.sleep(Duration::from_micros(next.saturating_sub(run.now()).clamp(GRAIN, LONGEST))).await;
    }
}

/// A thread that sleeps on request.
pub(super) struct Timer {
    spans: Sender<Duration>,
    ended: Arc<Notify>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let (spans, asked) = channel::<Duration>();
        let ended = Arc::new(Notify::new());
        let notify = ended.clone();
        std::thread::Builder::new().name("timer".into()).spawn(move || {
            // Linux lets sleeps end 50 us late unless it is told otherwise; if it refuses, they do.
            #[cfg(target_os = "linux")]
            let _ = rustix::thread::set_current_timer_slack(std::num::NonZero::new(1));
            for span in asked {
                std::thread::sleep(span);
                notify.notify_one();
            }
        })?;
        Ok(Self { spans, ended })
    }

    pub(super) async fn sleep(&self, span: Duration) {
        // The thread lives as long as this value.
        if self.spans.send(span).is_ok() {
            self.ended.notified().await;
        }
    }
}
