//! The output of `sub` and `rr`, which is buffered for messages that arrive together.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::time::SystemTime;

use super::format::Format;
use super::printable;
use super::screen::Screen;
use super::stats::Stats;
use crate::cli::connect::Dialect;
use crate::cli::exit::{Failure, INPUT, Teller, USAGE};
use crate::cli::print::PrintArgs;
use crate::codec::packet::Publish;
use crate::commands::record;
use crate::text::os_error;

/// Bytes that are buffered before they are written.
const BUFFER: usize = 256 * 1024;

/// How messages are printed.
#[derive(Clone, Debug)]
pub(crate) enum Layout {
    Payload,
    /// In colour or not.
    TopicAndPayload(bool),
    Format(Format),
    /// One JSON object.
    Record,
    /// Messages are counted, and their number is printed each second.
    Rate,
}

impl Layout {
    /// The layout that the flags ask for.
    ///
    /// # Errors
    /// When the format is not valid.
    pub(crate) fn new(args: &PrintArgs, teller: Teller) -> Result<Self, Failure> {
        Ok(match &args.format {
            Some(format) => {
                let format = Format::parse(format, args.pretty);
                Self::Format(format.map_err(|why| Failure::new(USAGE, format!("-F: {why}")))?)
            }
            None if args.verbose => Self::TopicAndPayload(has_colour(teller)),
            None => Self::Payload,
        })
    }
}

/// Whether to use colour: on terminals only, not under the names of mosquitto's clients, and not with NO_COLOR.
fn has_colour(teller: Teller) -> bool {
    teller.dialect() == Dialect::Skeeter
        && anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Stdout without the line buffering of the standard library, or a file.
pub(crate) struct MessageOutput {
    layout: Layout,
    newline: bool,
    buffer: Vec<u8>,
    file: File,
    teller: Teller,
    /// Messages since the rate was last printed.
    count: u64,
    screen: Option<Screen>,
    stats: Stats,
    /// Whether each message is written at once, because other output is interleaved.
    is_eager: bool,
    /// Whether control characters are escaped.
    is_terminal: bool,
}

impl MessageOutput {
    pub(crate) fn new(layout: Layout, newline: bool, file: File, teller: Teller) -> Self {
        let (stats, screen, is_terminal) = (Stats::new(false), None, file.is_terminal());
        let (buffer, count, is_eager) = (Vec::new(), 0, false);
        Self { layout, newline, buffer, file, teller, count, screen, stats, is_eager, is_terminal }
    }

    pub(crate) fn with_stats(self, stats: Stats) -> Self {
        Self { stats, ..self }
    }

    pub(crate) fn eager(self, is_eager: bool) -> Self {
        Self { is_eager, ..self }
    }

    /// Shows one line per topic from now on.
    pub(super) fn watch(&mut self, broker: &str) {
        self.screen = Some(Screen::begin(broker, &mut self.buffer));
    }

    /// Adds a message.
    pub(crate) fn message(&mut self, publish: &Publish<'_>) -> io::Result<()> {
        self.stats.count(publish.payload.len());
        let start = self.buffer.len();
        if !self.lay_out(publish) {
            return Ok(());
        }
        if let Some(screen) = &mut self.screen {
            let text = self.buffer.split_off(start);
            screen.place(publish.topic, &text, &mut self.buffer);
        } else if self.newline {
            self.buffer.push(b'\n');
        }
        if self.buffer.len() >= BUFFER || self.is_eager { self.flush() } else { Ok(()) }
    }

    /// Whether the message is printed. As in mosquitto_sub, an empty payload alone prints nothing.
    fn lay_out(&mut self, publish: &Publish<'_>) -> bool {
        let Self { layout, newline, buffer, teller, count, is_terminal, .. } = self;
        match layout {
            Layout::Payload if publish.payload.is_empty() => return false,
            Layout::Payload if *is_terminal => printable::payload(publish.payload, buffer),
            Layout::Payload => buffer.extend_from_slice(publish.payload),
            Layout::TopicAndPayload(_) if publish.payload.is_empty() && !*newline => return false,
            Layout::TopicAndPayload(in_colour) => {
                let (before, after) = if *in_colour { ("\x1b[36m", "\x1b[0m") } else { ("", "") };
                buffer.extend_from_slice(before.as_bytes());
                let topic = if *is_terminal { printable::text(publish.topic) } else { publish.topic.into() };
                buffer.extend_from_slice(topic.as_bytes());
                buffer.extend_from_slice(after.as_bytes());
                buffer.push(b' ');
                match publish.payload {
                    [] => buffer.extend_from_slice(b"(null)"),
                    payload if *is_terminal => printable::payload(payload, buffer),
                    payload => buffer.extend_from_slice(payload),
                }
            }
            Layout::Format(format) => {
                if let Err(error) = format.write(publish, *is_terminal, buffer) {
                    teller.tell(error);
                }
            }
            Layout::Record if *is_terminal => {
                let mut object = Vec::new();
                record::write(publish, SystemTime::now(), &mut object);
                printable::json(&object, buffer);
            }
            Layout::Record => record::write(publish, SystemTime::now(), buffer),
            Layout::Rate => {
                *count += 1;
                return false;
            }
        }
        true
    }

    /// Adds a line that is not a message.
    pub(crate) fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a vector does not fail.
        let _ = writeln!(self.buffer, "{text}");
    }

    /// Whether something is printed each second.
    pub(crate) fn has_rate(&self) -> bool {
        matches!(self.layout, Layout::Rate) || self.stats.is_shown()
    }

    /// Called each second.
    pub(crate) fn tell_rate(&mut self) -> io::Result<()> {
        if matches!(self.layout, Layout::Rate) {
            let count = std::mem::take(&mut self.count);
            self.line(format_args!("{count} msgs/s"));
        }
        self.stats.tell();
        self.flush()
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let Self { stats, file, buffer, .. } = self;
        let result = stats.aside(|| file.write_all(buffer));
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER * 2);
        result
    }

    /// Called at the end.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if let Some(screen) = &self.screen {
            screen.end(&mut self.buffer);
        }
        self.flush()
    }
}

/// A duplicate of stdout.
///
/// # Errors
/// When there is none.
pub(crate) fn stdout() -> Result<File, Failure> {
    raw_stdout().map_err(|error| Failure::new(INPUT, format!("stdout: {}", os_error(&error))))
}

#[cfg(unix)]
fn raw_stdout() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn raw_stdout() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}
