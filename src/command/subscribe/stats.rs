//! `--stats`: rates, below what is printed, on a terminal and only there.

use std::io::{self, IsTerminal};
use std::time::Instant;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What came, and the line that tells it.
pub(in crate::command) struct Stats {
    /// Not there where nobody would see it.
    bar: Option<ProgressBar>,
    messages: u64,
    bytes: u64,
    /// When the rates were last told, and what had come by then.
    last: (Instant, u64, u64),
}

impl Stats {
    pub(in crate::command) fn new(wanted: bool) -> Self {
        let is_shown = wanted && io::stderr().is_terminal();
        let bar = is_shown.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is well formed.
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

    /// A second has passed, or about one.
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

    /// Writes what is not the line while the line is away.
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
