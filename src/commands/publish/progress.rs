//! PublishProgress of a long publication: on a terminal, and only there.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What takes less long than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two looks at the clock is counted in updates.
const STRIDE: u32 = 16;

/// The line on stderr.
pub(super) struct PublishProgress {
    /// Not on a terminal: nothing is ever shown.
    is_shown: bool,
    began: Instant,
    updates: u32,
    bar: Option<ProgressBar>,
}

impl PublishProgress {
    pub(super) fn new() -> Self {
        // Someone who types the lines wants no bar between them.
        let is_shown = io::stderr().is_terminal() && !io::stdin().is_terminal();
        Self { is_shown, began: Instant::now(), updates: 0, bar: None }
    }

    pub(super) fn update(&mut self, messages: u64, bytes: u64, in_flight: usize) {
        if !self.is_shown {
            return;
        }
        self.updates = self.updates.wrapping_add(1);
        if !self.updates.is_multiple_of(STRIDE) || self.began.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(bar);
        bar.set_position(bytes);
        let rate = messages as f64 / self.began.elapsed().as_secs_f64();
        bar.set_message(format!("{messages} messages, {rate:.0}/s, {in_flight} in flight"));
    }
}

impl Drop for PublishProgress {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let (len, template) = match stdin_len() {
        Some(len) => (Some(len), "{bar:30} {percent}% {msg}, {eta} left"),
        None => (None, "{spinner} {bytes} {msg}"),
    };
    let bar = ProgressBar::with_draw_target(len, target);
    // The templates above are well formed.
    ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}

/// Bytes of stdin, if it is a file.
#[cfg(unix)]
fn stdin_len() -> Option<u64> {
    use std::os::fd::AsFd;
    let file = std::fs::File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    let metadata = file.metadata().ok()?;
    metadata.is_file().then_some(metadata.len())
}

#[cfg(not(unix))]
fn stdin_len() -> Option<u64> {
    None
}
