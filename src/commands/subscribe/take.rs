//! What is done with what comes: a message is judged, then printed or given to a command.

use std::fs;
use std::path::Path;

use tokio::time::Instant;

use super::condition::Conditions;
use super::exec::{Jobs, Redelivery};
use super::output::MessageOutput;
use super::retained::Clearing;
use super::selection::{Selected, Selection};
use super::{Dialect, Failure, INPUT, SUBSCRIBE_REFUSED, SubscribeArgs, SubscribeEnd, Teller, unwritable};
use crate::client::Event;
use crate::codec::packet::{Publish, Suback};
use crate::net::link::Ended;
use crate::text::os_error;

/// All of a run but its connection.
pub(super) struct Desk<'a> {
    pub(super) args: &'a SubscribeArgs,
    pub(super) filters: Vec<String>,
    pub(super) selection: Selection<'a>,
    pub(super) conditions: Conditions,
    pub(super) output: MessageOutput,
    /// With `--exec`, instead of the output.
    pub(super) jobs: Option<Jobs>,
    /// Messages that are still wanted, if that is limited.
    pub(super) left: Option<u64>,
    pub(super) clearing: Clearing,
    pub(super) last_message: Instant,
    pub(super) teller: Teller,
    /// A message came whose topic has a wildcard, and was told.
    pub(super) has_seen_wildcard: bool,
}

/// What an event led to.
#[derive(Default)]
pub(super) struct Taken {
    /// A command was begun: the acknowledgement waits for it.
    pub(super) has_begun: bool,
    /// It was received before, and is acknowledged when its command ends.
    pub(super) is_acknowledged_later: bool,
    /// It is over.
    pub(super) end: Option<SubscribeEnd>,
}

impl From<SubscribeEnd> for Taken {
    fn from(end: SubscribeEnd) -> Self {
        Self { end: Some(end), ..Self::default() }
    }
}

impl Desk<'_> {
    /// Whether as many commands run as may.
    pub(super) fn is_full(&self) -> bool {
        self.jobs.as_ref().is_some_and(Jobs::is_full)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| !jobs.is_idle())
    }

    pub(super) fn take(&mut self, event: Event<'_>) -> Taken {
        match event {
            Event::Message(publish) => self.message(&publish),
            Event::Subscribed(suback) => self.subscribed(&suback).map(Taken::from).unwrap_or_default(),
            Event::Unsubscribed(_) if self.filters.is_empty() => SubscribeEnd::Done.into(),
            Event::Acknowledged { reason, .. } if reason.is_failure() => {
                self.teller.tell(format_args!("a retained message was not cleared: {reason}"));
                Taken::default()
            }
            Event::Disconnected { reason, properties } => {
                let text = properties.reason_string().map(str::to_owned);
                SubscribeEnd::Connection(Ended::Disconnected { reason, text }).into()
            }
            _ => Taken::default(),
        }
    }

    fn message(&mut self, publish: &Publish<'_>) -> Taken {
        match self.jobs.as_ref().map_or(Redelivery::New, |jobs| jobs.redelivery(publish)) {
            Redelivery::New => {}
            Redelivery::Running => return Taken { is_acknowledged_later: true, ..Taken::default() },
            Redelivery::Ended => return Taken::default(),
        }
        if !self.has_seen_wildcard && memchr::memchr2(b'+', b'#', publish.topic.as_bytes()).is_some() {
            self.has_seen_wildcard = true;
            self.teller.tell(format_args!(
                "the broker sent a message to {:?}, which is no valid topic name; it is printed all the same",
                publish.topic
            ));
        }
        if self.args.idle_timeout.is_some() {
            self.last_message = Instant::now();
        }
        match self.selection.judge(publish) {
            Selected::Skip => return Taken::default(),
            Selected::End => return SubscribeEnd::Done.into(),
            Selected::Print => {}
        }
        let answer = self.conditions.ask(publish);
        if !answer.wanted {
            return Taken::default();
        }
        if self.args.remove_retained && publish.retain && !publish.payload.is_empty() {
            if self.args.dry_run {
                self.output.line(format_args!("would clear {}", publish.topic));
                return Taken::default();
            }
            self.clearing.add(publish.topic);
        }
        let mut taken = Taken::default();
        match &mut self.jobs {
            Some(jobs) => {
                jobs.start(publish);
                taken.has_begun = true;
            }
            None => {
                if let Err(error) = self.output.message(publish) {
                    return unwritable(&error).into();
                }
            }
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        taken.end = (answer.last || self.left == Some(0)).then_some(SubscribeEnd::Done);
        taken
    }

    /// The broker has answered SUBSCRIBE.
    fn subscribed(&self, suback: &Suback<'_>) -> Option<SubscribeEnd> {
        let both = self.filters.iter().zip(&suback.reasons);
        let refused: Vec<_> = both
            .filter(|(_, reason)| !reason.is_grant())
            .map(|(filter, reason)| format!("{filter}: {reason}"))
            .collect();
        // mosquitto_sub goes on with what it was granted.
        let is_failure = match self.teller.dialect() {
            Dialect::Mosquitto => refused.len() == self.filters.len(),
            Dialect::Skeeter => !refused.is_empty(),
        };
        if is_failure {
            let text = format!("the broker refused to subscribe to {}", refused.join(", "));
            return Some(SubscribeEnd::Failed(Failure::new(SUBSCRIBE_REFUSED, text)));
        }
        if let Some(path) = &self.args.ready_file
            && let Err(error) = write_whole(path, b"ready\n")
        {
            let text = format!("cannot write {}: {}", path.display(), os_error(&error));
            return Some(SubscribeEnd::Failed(Failure::new(INPUT, text)));
        }
        self.args.end_when_subscribed.then_some(SubscribeEnd::Done)
    }
}

/// Writes a file so that it is there whole or not at all.
fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    fs::write(&beside, content)?;
    fs::rename(&beside, path).inspect_err(|_| {
        // The name is ours alone.
        let _ = fs::remove_file(&beside);
    })
}
