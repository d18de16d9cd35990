//! `skeeter sub`: subscribes and prints what arrives.

pub(super) mod format;
pub(super) mod output;
mod selection;
mod signals;

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::connection::{Dial, Plan, is_worth_waiting, random};
use super::exit::{
    FAILURE, Failure, IDLE, INPUT, SUBSCRIBE_REFUSED, SUCCESS, Status, TIMEOUT, Teller, USAGE,
};
use crate::cli::property::{self, Carrier};
use crate::cli::subscribe::{RetainHandlingArg, SubscribeArgs};
use crate::client::{Event, Outgoing};
use crate::codec::packet::{Options, RetainHandling};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::link::Ended;
use crate::message::QoS;
use crate::topic::TopicFilter;
use format::Format;
use output::{Layout, Output, stdout};
use selection::{Selection, Verdict};
use signals::Signals;

pub(super) fn run(args: &SubscribeArgs) -> u8 {
    let teller = Teller::new("skeeter sub", &args.connect);
    teller.finish(prepare(args, teller))
}

fn prepare(args: &SubscribeArgs, teller: Teller) -> Result<Status, Failure> {
    let usage = |text: String| Failure::new(USAGE, text);
    let mut plan = Plan::new(&args.connect)?;
    let filters: Vec<String> = plan.topic.take().into_iter().chain(args.topics.iter().cloned()).collect();
    if filters.is_empty() && args.unsubscribe.is_empty() {
        return Err(usage("there is no topic filter: add -t FILTER".to_owned()));
    }
    for filter in filters.iter().chain(&args.unsubscribe).chain(&args.filter_out) {
        TopicFilter::new(filter)
            .map_err(|why| usage(format!("the filter {filter:?} is not valid: {why}")))?;
    }
    if let Some(count @ 1..20) = args.count
        && plan.settings.properties.as_properties().receive_maximum().is_none()
    {
        // What is not wanted is not sent.
        plan.settings.properties.push(Property::ReceiveMaximum(count as u16));
    }
    let properties = |carrier| property::of(&args.connect.properties, carrier).map_err(usage);
    let properties = Carried {
        subscribe: properties(Carrier::Subscribe)?,
        unsubscribe: properties(Carrier::Unsubscribe)?,
        disconnect: properties(Carrier::Disconnect)?,
    };
    let output = output(args, teller)?;
    super::block_on(async move {
        let broker = plan.target.to_string();
        let mut run = Run {
            dial: plan.dial(),
            args,
            filters,
            properties,
            selection: Selection::new(args, random()),
            teller,
            output,
            left: args.count,
            connected: false,
            to_clear: VecDeque::new(),
            last_message: Instant::now(),
        };
        let result = run.until_told().await;
        run.end(result, &broker).await
    })
}

fn output(args: &SubscribeArgs, teller: Teller) -> Result<Output, Failure> {
    let layout = match &args.format {
        _ if args.message_rate => Layout::Rate,
        _ if args.json || args.record.is_some() => Layout::Record,
        Some(format) => {
            let format = Format::parse(format, args.pretty);
            Layout::Format(format.map_err(|why| Failure::new(USAGE, format!("-F: {why}")))?)
        }
        None if args.verbose => Layout::TopicAndPayload,
        None => Layout::Payload,
    };
    let file = match &args.record {
        Some(path) => fs::File::create(path)
            .map_err(|error| Failure::new(INPUT, format!("cannot write {}: {error}", path.display())))?,
        None => stdout().map_err(|error| Failure::new(INPUT, format!("stdout: {error}")))?,
    };
    Ok(Output::new(layout, !args.no_newline, file, teller))
}

/// The properties that `-D` gives to packets after CONNECT.
struct Carried {
    subscribe: PropertiesBuf,
    unsubscribe: PropertiesBuf,
    disconnect: PropertiesBuf,
}

/// Why it is over.
enum End {
    /// All that was asked for is done, or a signal came.
    Done,
    TimedOut,
    /// No message came for as long as `--idle-timeout` says.
    Idle,
    /// Nobody reads stdout any more.
    Unread,
    Connection(Ended),
    Failed(Failure),
}

impl From<Ended> for End {
    fn from(ended: Ended) -> Self {
        Self::Connection(ended)
    }
}

struct Run<'a> {
    dial: Dial,
    args: &'a SubscribeArgs,
    filters: Vec<String>,
    properties: Carried,
    selection: Selection<'a>,
    teller: Teller,
    output: Output,
    /// Messages that are still wanted, if that is limited.
    left: Option<u64>,
    connected: bool,
    /// Topics whose retained message is to be cleared, when the window has room.
    to_clear: VecDeque<String>,
    last_message: Instant,
}

impl Run<'_> {
    /// Prints until a signal, the time or the count ends it.
    async fn until_told(&mut self) -> End {
        let deadline = self.args.timeout.map(|timeout| Instant::now() + timeout);
        let mut signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => {
                return End::Failed(Failure::new(FAILURE, format!("cannot wait for signals: {error}")));
            }
        };
        tokio::select! {
            biased;
            end = self.go_on() => end,
            () = signals.any() => End::Done,
            () = async { sleep_until(deadline.unwrap_or_else(Instant::now)).await }, if deadline.is_some() => End::TimedOut,
        }
    }

    /// Connects, subscribes and prints; again whenever the connection was lost.
    async fn go_on(&mut self) -> End {
        loop {
            let opened = if self.connected { self.dial.reopen().await } else { self.dial.open().await };
            if let Err(ended) = opened {
                return ended.into();
            }
            self.connected = true;
            let end = match self.subscribe() {
                Ok(()) => self.print_all().await,
                Err(end) => end,
            };
            match end {
                End::Connection(ended) if is_worth_waiting(&ended) => {
                    self.teller.tell(format_args!("{ended}; trying again"));
                }
                end => return end,
            }
        }
    }

    fn subscribe(&mut self) -> Result<(), End> {
        let args = self.args;
        let options = Options {
            qos: args.qos,
            no_local: false,
            retain_as_published: args.retain_as_published || args.json || args.record.is_some(),
            retain_handling: match args.retain_handling {
                // What is left out need not be sent.
                _ if args.no_retained => RetainHandling::DoNotSend,
                RetainHandlingArg::Always => RetainHandling::Send,
                RetainHandlingArg::New => RetainHandling::SendIfNew,
                RetainHandlingArg::Never => RetainHandling::DoNotSend,
            },
        };
        let filters: Vec<_> = self.filters.iter().map(|filter| (filter.as_str(), options)).collect();
        let (client, now, out) = self.dial.link.command();
        let refused = |why| End::Failed(Failure::new(SUBSCRIBE_REFUSED, format!("cannot subscribe: {why}")));
        if !filters.is_empty() {
            let properties = self.properties.subscribe.as_properties();
            client.subscribe(now, &filters, properties, out).map_err(refused)?;
        }
        for filter in &args.unsubscribe {
            let properties = self.properties.unsubscribe.as_properties();
            client.unsubscribe(now, &[filter], properties, out).map_err(refused)?;
        }
        Ok(())
    }

    async fn print_all(&mut self) -> End {
        let mut second = Instant::now() + Duration::from_secs(1);
        self.last_message = Instant::now();
        loop {
            // Acknowledgements leave after what they acknowledge is written.
            let taken = self.take_events();
            if let Err(error) = self.output.flush() {
                return unwritable(&error);
            }
            match taken {
                Err(end) => return end,
                Ok(Some(end)) => return self.clear_the_rest(end).await,
                Ok(None) => {}
            }
            self.clear();
            let idle = self.args.idle_timeout.map(|timeout| self.last_message + timeout);
            let has_rate = self.output.has_rate();
            tokio::select! {
                biased;
                result = self.dial.link.progress() => if let Err(ended) = result {
                    return ended.into();
                },
                () = async { sleep_until(idle.unwrap_or(second)).await }, if idle.is_some() => return End::Idle,
                () = sleep_until(second), if has_rate => {
                    second += Duration::from_secs(1);
                    if let Err(error) = self.output.tell_rate() {
                        return unwritable(&error);
                    }
                }
            }
        }
    }

    fn take_events(&mut self) -> Result<Option<End>, End> {
        while let Some(event) = self.dial.link.event()? {
            match event {
                Event::Message(publish) => {
                    if self.args.idle_timeout.is_some() {
                        self.last_message = Instant::now();
                    }
                    match self.selection.judge(&publish) {
                        Verdict::Skip => continue,
                        Verdict::End => return Ok(Some(End::Done)),
                        Verdict::Print => {}
                    }
                    if self.args.remove_retained && publish.retain && !publish.payload.is_empty() {
                        if self.args.dry_run {
                            self.output.line(format_args!("would clear {}", publish.topic));
                            continue;
                        }
                        self.to_clear.push_back(publish.topic.to_owned());
                    }
                    self.output.message(&publish).map_err(|error| unwritable(&error))?;
                    if let Some(left) = &mut self.left {
                        *left -= 1;
                        if *left == 0 {
                            return Ok(Some(End::Done));
                        }
                    }
                }
                Event::Subscribed(suback) => {
                    let refused: Vec<_> = self
                        .filters
                        .iter()
                        .zip(&suback.reasons)
                        .filter(|(_, reason)| reason.is_failure())
                        .map(|(filter, reason)| format!("{filter}: {reason}"))
                        .collect();
                    if !refused.is_empty() {
                        let text = format!("the broker refused to subscribe to {}", refused.join(", "));
                        return Ok(Some(End::Failed(Failure::new(SUBSCRIBE_REFUSED, text))));
                    }
                    if let Some(end) = self.subscribed() {
                        return Ok(Some(end));
                    }
                }
                Event::Unsubscribed(_) if self.filters.is_empty() => return Ok(Some(End::Done)),
                Event::Acknowledged { reason, .. } if reason.is_failure() => {
                    self.teller.tell(format_args!("a retained message was not cleared: {reason}"));
                }
                Event::Disconnected { reason, properties } => {
                    let text = properties.reason_string().map(str::to_owned);
                    return Ok(Some(End::Connection(Ended::Disconnected { reason, text })));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// The subscriptions are granted.
    fn subscribed(&self) -> Option<End> {
        if let Some(path) = &self.args.ready_file
            && let Err(error) = write_whole(path, b"ready\n")
        {
            let text = format!("cannot write {}: {error}", path.display());
            return Some(End::Failed(Failure::new(INPUT, text)));
        }
        self.args.end_when_subscribed.then_some(End::Done)
    }

    /// Clears retained messages as far as the window has room.
    fn clear(&mut self) {
        while self.dial.link.client().has_room()
            && let Some(topic) = self.to_clear.pop_front()
        {
            let message = Outgoing {
                topic: &topic,
                payload: b"",
                qos: QoS::AtLeastOnce,
                retain: true,
                properties: Properties::EMPTY,
            };
            let (client, now, out) = self.dial.link.command();
            if let Err(refusal) = client.publish(now, &message, out) {
                self.teller.tell(format_args!("the retained message of {topic} was not cleared: {refusal}"));
            }
        }
    }

    /// Waits until all that was to be cleared is acknowledged, and then ends.
    async fn clear_the_rest(&mut self, end: End) -> End {
        while !self.to_clear.is_empty() || self.dial.link.client().in_flight() > 0 {
            self.clear();
            if let Err(ended) = self.dial.link.progress().await {
                return ended.into();
            }
            loop {
                match self.dial.link.event() {
                    Ok(Some(Event::Disconnected { reason, .. })) => {
                        return Ended::Disconnected { reason, text: None }.into();
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(ended) => return ended.into(),
                }
            }
        }
        end
    }

    async fn end(mut self, end: End, broker: &str) -> Result<Status, Failure> {
        // The reason tells the broker to publish our will, if we have one: nobody asked us to go.
        let reason = match end {
            End::TimedOut | End::Idle => Reason::DISCONNECT_WITH_WILL,
            _ => Reason::SUCCESS,
        };
        let properties = self.properties.disconnect.as_properties();
        match end {
            End::Connection(_) => self.dial.link.abandon().await,
            // All that was taken is written: there is nothing to lose.
            _ => drop(self.dial.link.close(reason, properties).await),
        }
        match end {
            End::Done | End::Unread => Ok(SUCCESS),
            End::TimedOut => {
                self.teller.tell("timed out");
                Ok(TIMEOUT)
            }
            End::Idle => {
                self.teller.tell("no message came in time");
                Ok(IDLE)
            }
            End::Connection(ended) => Err(Failure::ended(&ended, self.dial.version(), broker)),
            End::Failed(failure) => Err(failure),
        }
    }
}

/// A closed pipe is no failure: the reader has had enough.
fn unwritable(error: &std::io::Error) -> End {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => End::Unread,
        _ => End::Failed(Failure::new(INPUT, format!("cannot write to stdout: {error}"))),
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
