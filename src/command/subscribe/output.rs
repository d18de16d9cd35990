//! What `sub` writes to stdout: payload bytes as they are, gathered for a burst and then written at once.

use std::fs::File;
use std::io::{self, Write};

use crate::codec::packet::Publish;

/// So much is gathered before it is written.
const BUFFER: usize = 256 * 1024;

/// How a message looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) with_topic: bool,
    pub(super) newline: bool,
}

/// Stdout without the line buffering of the standard library.
pub(super) struct Output {
    layout: Layout,
    buffer: Vec<u8>,
    stdout: File,
}

impl Output {
    pub(super) fn new(layout: Layout) -> io::Result<Self> {
        Ok(Self { layout, buffer: Vec::new(), stdout: stdout()? })
    }

    /// Adds a message. As with mosquitto_sub an empty one shows only when its topic does.
    pub(super) fn message(&mut self, publish: &Publish<'_>) -> io::Result<()> {
        let Self { layout, buffer, .. } = self;
        if layout.with_topic {
            if publish.payload.is_empty() && !layout.newline {
                return Ok(());
            }
            buffer.extend_from_slice(publish.topic.as_bytes());
            buffer.push(b' ');
            let empty = publish.payload.is_empty();
            buffer.extend_from_slice(if empty { b"(null)" } else { publish.payload });
        } else if publish.payload.is_empty() {
            return Ok(());
        } else {
            buffer.extend_from_slice(publish.payload);
        }
        if layout.newline {
            buffer.push(b'\n');
        }
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        let result = self.stdout.write_all(&self.buffer);
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER * 2);
        result
    }
}

#[cfg(unix)]
fn stdout() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn stdout() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}
