//! `pub -l`: a message for each line. Reads no faster than it sends, keeps on through a restart of the broker, and ends
//! only when every message is acknowledged.

use std::io::{self, Read};

use tokio::sync::mpsc;

use super::progress::Progress;
use super::{Failure, INPUT, Kind, PUBLISH_REFUSED, Plan, SUCCESS, Status, Teller};
use crate::client::{Event, Refusal};
use crate::codec::packet::Version;
use crate::codec::property::{Properties, Property};
use crate::codec::reason::Reason;
use crate::command::connection::{Dial, is_worth_waiting, random_id};
use crate::link::{Ended, Opened};
use crate::message::QoS;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// The longest payload there can be; a line that is longer is refused before it fills the memory.
const LONGEST: usize = 268_435_455;
/// Seconds the broker keeps the session of a run that lost its connection.
const SESSION: u32 = 300;
/// So many refusals are told one by one.
const TOLD: u64 = 10;

/// Publishes each line of stdin.
pub(super) async fn run(mut plan: Plan, kind: Kind, teller: Teller) -> Result<Status, Failure> {
    let broker = plan.target.to_string();
    let settings = &mut plan.settings;
    // A session of our own, so that what is in flight survives a lost connection.
    let own_session = settings.clean_start && kind.qos != QoS::AtMostOnce;
    if own_session {
        if settings.client_id.is_empty() {
            settings.client_id = random_id();
        }
        settings.properties.push(Property::SessionExpiryInterval(SESSION));
        settings.clean_start = settings.version == Version::V5;
    }
    let mut run =
        Run { dial: plan.dial(), kind, teller, lines: Lines::new(), counts: Counts::default(), own_session };
    match run.publish_all().await {
        Ok(()) => run.finish().await,
        Err(End::Connection(ended)) => {
            run.dial.link.abandon().await;
            run.summarise();
            let mut failure = Failure::ended(&ended, run.dial.version(), broker);
            let open = run.dial.link.client().in_flight();
            if open > 0 {
                failure.text = format!("{}; {open} messages were not acknowledged", failure.text);
            }
            Err(failure)
        }
        Err(End::Input(error)) => {
            run.dial.link.close(Reason::SUCCESS, Properties::EMPTY).await;
            Err(Failure::new(INPUT, format!("cannot read stdin: {error}")))
        }
    }
}

enum End {
    Connection(Ended),
    Input(io::Error),
}

impl From<Ended> for End {
    fn from(ended: Ended) -> Self {
        Self::Connection(ended)
    }
}

/// What is told at the end.
#[derive(Default)]
struct Counts {
    published: u64,
    refused: u64,
    /// QoS 2 messages published again in a new session.
    doubled: usize,
    /// QoS 0 messages that were on their way when the connection was lost.
    lost: u64,
    /// QoS 0 messages since the output was last empty.
    on_the_way: u64,
}

struct Run {
    dial: Dial,
    kind: Kind,
    teller: Teller,
    lines: Lines,
    counts: Counts,
    own_session: bool,
}

impl Run {
    async fn publish_all(&mut self) -> Result<(), End> {
        self.dial.open().await?;
        if self.own_session {
            // From now on connections resume the session.
            self.dial.link.client_mut().settings_mut().clean_start = false;
        }
        let mut progress = Progress::new();
        loop {
            match self.step(&mut progress).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(End::Connection(ended)) if is_worth_waiting(&ended) => self.come_back(&ended).await?,
                Err(end) => return Err(end),
            }
        }
    }

    /// Publishes what there is room for, then waits; whether all is done.
    async fn step(&mut self, progress: &mut Progress) -> Result<bool, End> {
        self.fill()?;
        let link = &mut self.dial.link;
        if link.is_flushed() {
            self.counts.on_the_way = 0;
        }
        if self.lines.is_done() && link.is_flushed() && link.client().in_flight() == 0 {
            return Ok(true);
        }
        progress.update(self.counts.published, self.lines.taken, link.client().in_flight());
        tokio::select! {
            result = link.progress() => result?,
            () = self.lines.more(), if self.lines.needs_more() => {}
        }
        while let Some(event) = self.dial.link.event()? {
            match event {
                Event::Acknowledged { reason, properties, .. } if reason.is_failure() => {
                    let text = properties.reason_string().map(str::to_owned);
                    refuse(self.teller, &mut self.counts, &reason, text);
                }
                Event::Disconnected { reason, properties } => {
                    let text = properties.reason_string().map(str::to_owned);
                    return Err(Ended::Disconnected { reason, text }.into());
                }
                _ => {}
            }
        }
        Ok(false)
    }

    fn fill(&mut self) -> Result<(), End> {
        let Self { dial, kind, lines, counts, teller, .. } = self;
        let is_counted = kind.qos == QoS::AtMostOnce;
        while dial.link.is_writable() && (is_counted || dial.link.client().has_room()) {
            let Some(line) = lines.next().map_err(End::Input)? else { return Ok(()) };
            let (client, now, out) = dial.link.command();
            match client.publish(now, &kind.message(line), out) {
                Ok(_) => counts.on_the_way += u64::from(is_counted),
                Err(Refusal::NotConnected | Refusal::Full) => {
                    // Both were asked for just above: the line is not lost, it comes again.
                    lines.put_back();
                    return Ok(());
                }
                Err(refusal) => refuse(*teller, counts, &refusal, None),
            }
            counts.published += 1;
        }
        Ok(())
    }

    /// Connects again and goes on.
    async fn come_back(&mut self, ended: &Ended) -> Result<(), End> {
        self.counts.lost += std::mem::take(&mut self.counts.on_the_way);
        self.teller.tell(format_args!("{ended}; trying again"));
        let Opened { again } = self.dial.reopen().await?;
        self.counts.doubled += again.exactly_once;
        self.teller.tell("connected again");
        Ok(())
    }

    async fn finish(mut self) -> Result<Status, Failure> {
        let link = &mut self.dial.link;
        let mut properties = crate::codec::property::PropertiesBuf::default();
        let needs_cleaning = self.own_session && link.client().settings().version != Version::V5;
        if self.own_session {
            properties.push(Property::SessionExpiryInterval(0));
        }
        link.close(Reason::SUCCESS, properties.as_properties()).await;
        if needs_cleaning {
            // Before MQTT 5 a session ends only when its client asks for a clean one.
            link.client_mut().settings_mut().clean_start = true;
            if link.open().await.is_ok() {
                link.close(Reason::SUCCESS, Properties::EMPTY).await;
            }
        }
        self.summarise();
        match self.counts.refused {
            0 => Ok(SUCCESS),
            refused => {
                let all = self.counts.published;
                Err(Failure::new(PUBLISH_REFUSED, format!("{refused} of {all} messages were refused")))
            }
        }
    }

    fn summarise(&self) {
        let Counts { doubled, lost, .. } = self.counts;
        if doubled > 0 {
            self.teller.tell(format_args!(
                "the broker came back without the session: {doubled} QoS 2 messages may have arrived twice"
            ));
        }
        if lost > 0 {
            self.teller.tell(format_args!("up to {lost} QoS 0 messages may be lost"));
        }
    }
}

fn refuse(teller: Teller, counts: &mut Counts, why: &dyn std::fmt::Display, text: Option<String>) {
    counts.refused += 1;
    if counts.refused <= TOLD {
        let text = text.map_or_else(String::new, |text| format!(": {text}"));
        teller.tell(format_args!("a message was refused: {why}{text}"));
    }
}

/// Lines of stdin, read by a thread of its own that is at most a chunk ahead.
struct Lines {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    at: usize,
    /// Where the last line began.
    before: usize,
    failed: Option<io::Error>,
    ended: bool,
    /// Bytes taken in all.
    taken: u64,
}

impl Lines {
    fn new() -> Self {
        let (sender, chunks) = mpsc::channel(1);
        // Blocks in a read that nothing can interrupt; it ends with the process.
        std::thread::spawn(move || read_chunks(io::stdin(), &sender));
        Self { chunks, chunk: Vec::new(), at: 0, before: 0, failed: None, ended: false, taken: 0 }
    }

    /// The next line without its newline; `None` if there is none yet, or none any more.
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
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
        let (line, len) = match memchr::memchr(b'\n', rest) {
            Some(end) => (&rest[..end], end + 1),
            // Only the last line of all has no newline.
            None => (rest, rest.len()),
        };
        self.before = self.at;
        self.at += len;
        self.taken += len as u64;
        Ok(Some(line))
    }

    fn put_back(&mut self) {
        self.taken -= (self.at - self.before) as u64;
        self.at = self.before;
    }

    fn take(&mut self, chunk: Option<io::Result<Vec<u8>>>) {
        match chunk {
            Some(Ok(chunk)) => (self.chunk, self.at) = (chunk, 0),
            Some(Err(error)) => self.failed = Some(error),
            None => self.ended = true,
        }
    }

    fn needs_more(&self) -> bool {
        !self.ended && self.failed.is_none() && self.at == self.chunk.len()
    }

    async fn more(&mut self) {
        let chunk = self.chunks.recv().await;
        self.take(chunk);
    }

    fn is_done(&self) -> bool {
        self.ended && self.at == self.chunk.len()
    }
}

/// Sends whole lines on, as soon as they are there.
fn read_chunks(mut input: impl Read, sender: &mpsc::Sender<io::Result<Vec<u8>>>) {
    let mut buffer = Vec::with_capacity(CHUNK);
    loop {
        let filled = buffer.len();
        buffer.resize((filled + CHUNK / 2).max(buffer.capacity()), 0);
        let count = match input.read(&mut buffer[filled..]) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => {
                let _ = sender.blocking_send(Err(error));
                return;
            }
        };
        buffer.truncate(filled + count);
        if count == 0 {
            if !buffer.is_empty() {
                let _ = sender.blocking_send(Ok(buffer));
            }
            return;
        }
        if let Some(last) = memchr::memrchr(b'\n', &buffer[filled..]) {
            let mut rest = Vec::with_capacity(CHUNK);
            rest.extend_from_slice(&buffer[filled + last + 1..]);
            buffer.truncate(filled + last + 1);
            if sender.blocking_send(Ok(std::mem::replace(&mut buffer, rest))).is_err() {
                return;
            }
        } else if buffer.len() > LONGEST {
            let error = io::Error::new(io::ErrorKind::InvalidData, "a line is longer than a message can be");
            let _ = sender.blocking_send(Err(error));
            return;
        }
    }
}
