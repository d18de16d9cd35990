//! What `sub` writes: payload bytes as they are, or laid out, gathered for a burst and then written at once.

use std::fs::File;
use std::io::{self, Write};
use std::time::SystemTime;

use super::format::Format;
use crate::codec::packet::Publish;
use crate::command::exit::Teller;
use crate::command::record;

/// So much is gathered before it is written.
const BUFFER: usize = 256 * 1024;

/// How a message looks.
#[derive(Clone, Debug)]
pub(in crate::command) enum Layout {
    Payload,
    TopicAndPayload,
    Format(Format),
    /// One JSON object.
    Record,
    /// Only counted, and told each second.
    Rate,
}

/// Stdout without the line buffering of the standard library, or a file.
pub(in crate::command) struct Output {
    layout: Layout,
    newline: bool,
    buffer: Vec<u8>,
    file: File,
    teller: Teller,
    /// Messages since the rate was told.
    count: u64,
}

impl Output {
    pub(in crate::command) fn new(layout: Layout, newline: bool, file: File, teller: Teller) -> Self {
        Self { layout, newline, buffer: Vec::new(), file, teller, count: 0 }
    }

    /// Adds a message. As with mosquitto_sub an empty one shows only when more than its payload does.
    pub(in crate::command) fn message(&mut self, publish: &Publish<'_>) -> io::Result<()> {
        let Self { layout, newline, buffer, teller, count, .. } = self;
        match layout {
            Layout::Payload if publish.payload.is_empty() => return Ok(()),
            Layout::Payload => buffer.extend_from_slice(publish.payload),
            Layout::TopicAndPayload if publish.payload.is_empty() && !*newline => return Ok(()),
            Layout::TopicAndPayload => {
                buffer.extend_from_slice(publish.topic.as_bytes());
                buffer.push(b' ');
                let empty = publish.payload.is_empty();
                buffer.extend_from_slice(if empty { b"(null)" } else { publish.payload });
            }
            Layout::Format(format) => {
                if let Err(error) = format.write(publish, buffer) {
                    teller.tell(error);
                }
            }
            Layout::Record => record::write(publish, SystemTime::now(), buffer),
            Layout::Rate => {
                *count += 1;
                return Ok(());
            }
        }
        if *newline {
            buffer.push(b'\n');
        }
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Adds a line that is no message.
    pub(in crate::command) fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // A vector takes all that is written.
        let _ = writeln!(self.buffer, "{text}");
    }

    /// Whether a rate is to be told each second.
    pub(in crate::command) fn has_rate(&self) -> bool {
        matches!(self.layout, Layout::Rate)
    }

    /// A second has passed.
    pub(in crate::command) fn tell_rate(&mut self) -> io::Result<()> {
        let count = std::mem::take(&mut self.count);
        self.line(format_args!("{count} msgs/s"));
        self.flush()
    }

    pub(in crate::command) fn flush(&mut self) -> io::Result<()> {
        let result = self.file.write_all(&self.buffer);
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER * 2);
        result
    }
}

#[cfg(unix)]
pub(in crate::command) fn stdout() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
pub(in crate::command) fn stdout() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}
