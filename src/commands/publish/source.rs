//! Reads messages from the lines of stdin or a file.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;

use tokio::sync::mpsc;

use super::MessageTemplate;
use crate::client::Outgoing;
use crate::commands::record::MessageRecord;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// Maximum length of a payload; longer lines are refused, so that they do not fill the memory.
const LONGEST: usize = 268_435_455;

/// What a line contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Payload,
    /// A topic, this byte (or a tab or a space), a payload.
    TopicAndPayload(Option<u8>),
    /// A message as JSON.
    Record,
}

/// The message of a line, and when it was recorded. Most borrow from the line, one in JSON is read into `scratch`.
pub(super) fn message<'a>(
    meaning: Meaning,
    kind: &'a MessageTemplate,
    line: &'a [u8],
    scratch: &'a mut Option<MessageRecord>,
) -> Result<(Outgoing<'a>, Option<u64>), String> {
    match meaning {
        Meaning::Payload => Ok((kind.message(line), None)),
        Meaning::TopicAndPayload(delimiter) => {
            let end = match delimiter {
                Some(byte) => memchr::memchr(byte, line),
                None => memchr::memchr2(b'\t', b' ', line),
            };
            let (topic, payload) = match end {
                Some(end) => (&line[..end], &line[end + 1..]),
                None => (line, &[][..]),
            };
            let topic = std::str::from_utf8(topic).map_err(|_| "the topic is not UTF-8".to_owned())?;
            Ok((Outgoing { topic, ..kind.message(payload) }, None))
        }
        Meaning::Record => {
            let record = MessageRecord::read(line, &kind.message(&[]))?;
            let time = record.time;
            Ok((scratch.insert(record).message(), time))
        }
    }
}

/// Where lines are read from.
pub(super) enum LineInput {
    Stdin,
    /// A file; repeated endlessly if the flag is set.
    File(PathBuf, bool),
}

/// Reads lines with a thread that is at most one chunk ahead.
pub(super) struct Lines {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    separator: u8,
    chunk: Vec<u8>,
    at: usize,
    /// Start of the last line.
    before: usize,
    failed: Option<io::Error>,
    ended: bool,
    /// Total bytes read.
    pub(super) taken: u64,
    /// Total lines read.
    pub(super) number: u64,
}

impl Lines {
    pub(super) fn new(input: LineInput, separator: u8) -> Self {
        let (sender, chunks) = mpsc::channel(1);
        // The thread blocks in a read that cannot be interrupted; it ends with the process.
        std::thread::spawn(move || {
            if let Err(error) = read(&input, separator, &sender) {
                // The receiver is gone.
                let _ = sender.blocking_send(Err(error));
            }
        });
        let (chunk, failed) = (Vec::new(), None);
        Self { chunks, separator, chunk, at: 0, before: 0, failed, ended: false, taken: 0, number: 0 }
    }

    /// The next line without its terminator; `None` if there is none yet or no more.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if self.at == self.chunk.len() {
            if let Ok(chunk) = self.chunks.try_recv() {
                self.take(Some(chunk));
            }
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
        }
        let rest = &self.chunk[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let (line, len) = match memchr::memchr(self.separator, rest) {
            Some(end) => (&rest[..end], end + 1),
            // Only the last line can lack a terminator.
            None => (rest, rest.len()),
        };
        self.before = self.at;
        self.at += len;
        self.taken += len as u64;
        self.number += 1;
        Ok(Some(line))
    }

    /// Makes `next` return the last line again.
    pub(super) fn put_back(&mut self) {
        self.taken -= (self.at - self.before) as u64;
        self.number -= 1;
        self.at = self.before;
    }

    fn take(&mut self, chunk: Option<io::Result<Vec<u8>>>) {
        match chunk {
            Some(Ok(chunk)) => (self.chunk, self.at) = (chunk, 0),
            Some(Err(error)) => self.failed = Some(error),
            None => self.ended = true,
        }
    }

    pub(super) fn needs_more(&self) -> bool {
        !self.ended && self.failed.is_none() && self.at == self.chunk.len()
    }

    pub(super) async fn more(&mut self) {
        let chunk = self.chunks.recv().await;
        self.take(chunk);
    }

    pub(super) fn is_done(&self) -> bool {
        self.ended && self.at == self.chunk.len()
    }
}

fn read(input: &LineInput, separator: u8, sender: &mpsc::Sender<io::Result<Vec<u8>>>) -> io::Result<()> {
    match input {
        LineInput::Stdin => read_chunks(io::stdin(), separator, sender).map(drop),
        LineInput::File(path, again) => {
            let mut file = File::open(path)?;
            while read_chunks(&file, separator, sender)? && *again {
                if file.stream_position()? == 0 {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is empty"));
                }
                file.rewind()?;
            }
            Ok(())
        }
    }
}

/// Sends whole lines on, as soon as they are there, up to the end; whether anybody took them.
fn read_chunks(
    mut input: impl Read,
    separator: u8,
    sender: &mpsc::Sender<io::Result<Vec<u8>>>,
) -> io::Result<bool> {
    let mut buffer = Vec::with_capacity(CHUNK);
    loop {
        let filled = buffer.len();
        buffer.resize((filled + CHUNK / 2).max(buffer.capacity()), 0);
        let count = loop {
            match input.read(&mut buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        buffer.truncate(filled + count);
        if count == 0 {
            return Ok(buffer.is_empty() || sender.blocking_send(Ok(buffer)).is_ok());
        }
        if let Some(last) = memchr::memrchr(separator, &buffer[filled..]) {
            let mut rest = Vec::with_capacity(CHUNK);
            rest.extend_from_slice(&buffer[filled + last + 1..]);
            buffer.truncate(filled + last + 1);
            if sender.blocking_send(Ok(std::mem::replace(&mut buffer, rest))).is_err() {
                return Ok(false);
            }
        } else if buffer.len() > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is longer than a message can be"));
        }
    }
}
