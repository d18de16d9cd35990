//! The clock of an open loop: it says when messages are due. The runtime's timers tick in milliseconds, too coarse for
//! this, so a thread sleeps by the system's own.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use tokio::sync::Notify;

use super::run::Run;
use crate::bench::plan::{count_before, time_of};

/// Messages that are due within so much are sent together.
const GRAIN: u64 = 50;

/// Lets each message leave when it is due, until the run is finished.
///
/// # Errors
/// When the system gives no thread.
pub(super) async fn pace(run: &Run, rate: f64) -> io::Result<()> {
    let timer = Timer::new()?;
    let mut granted = 0;
    loop {
        let now = run.now();
        let count = count_before(rate, (now + 1).min(run.finish()));
        run.grant(granted, count);
        granted = count;
        let next = time_of(count, rate);
        if next >= run.finish() {
            return Ok(());
        }
        let wait = next.saturating_sub(run.now()).max(GRAIN);
        timer.sleep(Duration::from_micros(wait)).await;
    }
}

/// A thread that does nothing but sleep.
struct Timer {
    spans: Sender<Duration>,
    ended: Arc<Notify>,
}

impl Timer {
    fn new() -> io::Result<Self> {
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

    async fn sleep(&self, span: Duration) {
        // The thread ends with this value and not before.
        if self.spans.send(span).is_ok() {
            self.ended.notified().await;
        }
    }
}
