//! `--stats`: message rates below the output, on terminals only.

use std::io::{self, IsTerminal};
use std::time::Instant;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Counters, and the line that shows their rates.
pub(crate) struct Stats {
    /// `None` if stderr is not a terminal.
    bar: Option<ProgressBar>,
    messages: u64,
    bytes: u64,
    /// When the rates were last shown, and the counters at that time.
    last: (Instant, u64, u64),
}

impl Stats {
    pub(crate) fn new(wanted: bool) -> Self {
        let is_shown = wanted && io::stderr().is_terminal();
        let bar = is_shown.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is valid.
            ProgressStyle::with_template("{msg}").map_or(bar.clone(), |style| bar.with_style(style))
        });
        Self { bar, messages: 0, bytes: 0, last: (Instant::now(), 0, 0) }
    }

    pub(super) fn is_shown(&self) -> bool {
        self.bar.is_some()
    }

    pub(super) fn count(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    /// Called about each second.
    pub(super) fn tell(&mut self) {
        let Some(bar) = &self.bar else { return };
        let (then, messages, bytes) = self.last;
        let seconds = then.elapsed().as_secs_f64().max(1e-3);
        let rate = (self.messages - messages) as f64 / seconds;
        let flow = HumanBytes(((self.bytes - bytes) as f64 / seconds) as u64);
        let (all, volume) = (self.messages, HumanBytes(self.bytes));
        bar.set_message(format!("{all} messages, {volume}; {rate:.0}/s, {flow}/s"));
        bar.tick();
        self.last = (Instant::now(), self.messages, self.bytes);
    }

    /// Hides the line while `write` prints something else.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Stats {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
