//! `skeeter sub`: subscribes and prints what arrives.

mod condition;
mod exec;
pub(super) mod format;
pub(super) mod output;
mod printable;
mod retained;
mod screen;
mod selection;
mod signals;
mod stats;
mod take;

use std::fs;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::cli::connect::Dialect;
use crate::cli::exit::{
    COMMAND_FAILED, FAILURE, Failure, IDLE, INPUT, SUBSCRIBE_REFUSED, SUCCESS, Status, TIMEOUT, Teller,
    UNMET, USAGE,
};
use crate::cli::print::{PrintArgs, RetainHandlingArg};
use crate::cli::property::{self, PropertyCarrier};
use crate::cli::subscribe::SubscribeArgs;
use crate::codec::packet::{Options, RetainHandling};
use crate::codec::property::{PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::dial::connection::{Plan, random};
use crate::dial::{Dial, is_worth_waiting};
use crate::net::link::{Ended, Link};
use crate::text::os_error;
use crate::topic::TopicFilter;
use condition::Conditions;
use exec::Jobs;
use output::{Layout, MessageOutput, stdout};
use retained::Clearing;
use selection::Selection;
use signals::Signals;
use stats::Stats;
use take::Desk;

pub(super) fn run(args: &SubscribeArgs) -> u8 {
    let teller = Teller::new("sub", &args.connect);
    teller.finish(prepare(args, teller))
}

fn prepare(args: &SubscribeArgs, teller: Teller) -> Result<Status, Failure> {
    let usage = |text: String| Failure::new(USAGE, text);
    let mut plan = Plan::new(&args.connect)?;
    plan.tell_packets(args.debug, teller);
    args.ignored(plan.settings.version).iter().for_each(|line| teller.warn(line));
    let filters: Vec<String> = plan.topic.take().into_iter().chain(args.topics.iter().cloned()).collect();
    if filters.is_empty() && args.unsubscribe.is_empty() {
        return Err(usage("there is no topic filter: add -t FILTER".to_owned()));
    }
    for filter in filters.iter().chain(&args.unsubscribe).chain(&args.filter_out) {
        TopicFilter::new(filter)
            .map_err(|why| usage(format!("the filter {filter:?} is not valid: {why}")))?;
    }
    if let Some(most) = unacknowledged(args)
        && plan.settings.properties.as_properties().receive_maximum().is_none()
    {
        // What is not wanted, or not yet, is not sent.
        plan.settings.properties.push(Property::ReceiveMaximum(most));
    }
    let properties = |carrier| property::of(&args.connect.properties, carrier).map_err(usage);
    let properties = Carried {
        subscribe: properties(PropertyCarrier::Subscribe)?,
        unsubscribe: properties(PropertyCarrier::Unsubscribe)?,
        disconnect: properties(PropertyCarrier::Disconnect)?,
    };
    let conditions = Conditions::new(args.only_where.as_deref(), args.until.as_deref()).map_err(usage)?;
    let output = output(args, teller)?;
    crate::dial::block_on(async move {
        let title = args.watch.then(|| plan.target.to_string());
        let desk = Desk {
            args,
            filters,
            selection: Selection::new(args, random()),
            conditions,
            output,
            jobs: args.exec.as_ref().map(|command| Jobs::new(command, args.jobs, teller)),
            left: args.count.filter(|_| !args.message_rate),
            clearing: Clearing::default(),
            last_message: Instant::now(),
            teller,
            has_seen_wildcard: false,
        };
        let mut run = SubscriberRun { dial: plan.dial(teller), desk, args, properties };
        if let Some(title) = title {
            run.desk.output.watch(&title);
        }
        let mut signals = Signals::new().map_err(|error| {
            Failure::new(FAILURE, format!("cannot wait for signals: {}", os_error(&error)))
        })?;
        let end = run.until_told(&mut signals).await;
        run.end(end, &mut signals).await
    })
}

/// So many messages above QoS 0 may come before one is acknowledged, if that is bounded by what is done with them.
fn unacknowledged(args: &SubscribeArgs) -> Option<u16> {
    match (args.count, &args.exec) {
        (Some(count @ 1..20), None) => Some(count as u16),
        // As many wait as run, so that the next one is there when one has ended.
        (_, Some(_)) => Some(args.jobs.saturating_mul(2)),
        _ => None,
    }
}

fn output(args: &SubscribeArgs, teller: Teller) -> Result<MessageOutput, Failure> {
    let layout = match args.json || args.record.is_some() {
        _ if args.message_rate => Layout::Rate,
        true => Layout::Record,
        false => Layout::new(&args.print, teller)?,
    };
    let file = match &args.record {
        Some(path) => fs::File::create(path).map_err(|error| {
            Failure::new(INPUT, format!("cannot write {}: {}", path.display(), os_error(&error)))
        })?,
        None => stdout()?,
    };
    let output = MessageOutput::new(layout, !args.print.no_newline, file, teller);
    Ok(output.with_stats(Stats::new(args.stats)).eager(args.debug))
}

/// How retained messages are asked for.
pub(super) fn retain_handling(args: &PrintArgs) -> RetainHandling {
    match args.retain_handling {
        // What is left out need not be sent.
        _ if args.no_retained => RetainHandling::DoNotSend,
        RetainHandlingArg::Always => RetainHandling::Send,
        RetainHandlingArg::New => RetainHandling::SendIfNew,
        RetainHandlingArg::Never => RetainHandling::DoNotSend,
    }
}

/// The properties that `-D` gives to packets after CONNECT.
struct Carried {
    subscribe: PropertiesBuf,
    unsubscribe: PropertiesBuf,
    disconnect: PropertiesBuf,
}

/// Why it is over.
enum SubscribeEnd {
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

impl From<Ended> for SubscribeEnd {
    fn from(ended: Ended) -> Self {
        Self::Connection(ended)
    }
}

struct SubscriberRun<'a> {
    dial: Dial,
    desk: Desk<'a>,
    args: &'a SubscribeArgs,
    properties: Carried,
}

impl SubscriberRun<'_> {
    /// Goes on until a signal, the time or the count ends it.
    async fn until_told(&mut self, signals: &mut Signals) -> SubscribeEnd {
        let deadline = self.args.print.timeout.map(|timeout| Instant::now() + timeout);
        tokio::select! {
            biased;
            end = self.go_on() => end,
            () = signals.any() => SubscribeEnd::Done,
            () = async { sleep_until(deadline.unwrap_or_else(Instant::now)).await }, if deadline.is_some() => SubscribeEnd::TimedOut,
        }
    }

    /// Connects, subscribes and prints; again whenever the connection was lost.
    async fn go_on(&mut self) -> SubscribeEnd {
        let mut opened = self.dial.open().await;
        loop {
            if let Err(ended) = opened {
                return ended.into();
            }
            let end = match self.subscribe() {
                Ok(()) => self.print_all().await,
                Err(end) => end,
            };
            match end {
                SubscribeEnd::Connection(ended) if is_worth_waiting(&ended) => {
                    if let Some(jobs) = &mut self.desk.jobs {
                        jobs.forget_acknowledgements();
                    }
                    opened = self.dial.reopen(&ended).await;
                }
                end => return end,
            }
        }
    }

    fn subscribe(&mut self) -> Result<(), SubscribeEnd> {
        let args = self.args;
        let options = Options {
            qos: args.qos,
            no_local: false,
            retain_as_published: args.print.retain_as_published || args.json || args.record.is_some(),
            retain_handling: retain_handling(&args.print),
        };
        let filters: Vec<_> = self.desk.filters.iter().map(|filter| (filter.as_str(), options)).collect();
        let (client, now, out) = self.dial.link.command();
        let refused =
            |why| SubscribeEnd::Failed(Failure::new(SUBSCRIBE_REFUSED, format!("cannot subscribe: {why}")));
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

    /// Deals with all that has come, as far as it can be dealt with now; why it is over, if it is.
    fn take_events(&mut self) -> Result<Option<SubscribeEnd>, SubscribeEnd> {
        let Self { dial, desk, .. } = self;
        while !desk.is_full() {
            let mark = dial.link.mark();
            let Some(event) = dial.link.event()? else { break };
            let taken = desk.take(event);
            if taken.has_begun
                && let Some(jobs) = &mut desk.jobs
            {
                jobs.acknowledge_later(dial.link.take_back(mark));
            }
            if taken.is_acknowledged_later {
                dial.link.take_back(mark);
            }
            if taken.end.is_some() {
                return Ok(taken.end);
            }
        }
        Ok(None)
    }

    async fn print_all(&mut self) -> SubscribeEnd {
        let mut second = Instant::now() + Duration::from_secs(1);
        self.desk.last_message = Instant::now();
        loop {
            // Acknowledgements leave after what they acknowledge is written.
            let taken = self.take_events();
            if let Err(error) = self.desk.output.flush() {
                return unwritable(&error);
            }
            match taken {
                Err(end) => return end,
                Ok(Some(end)) => return self.clear_the_rest(end).await,
                Ok(None) => {}
            }
            self.clear();
            let idle = self.args.idle_timeout.map(|timeout| self.desk.last_message + timeout);
            let has_rate = self.desk.output.has_rate();
            let (is_full, is_busy) = (self.desk.is_full(), self.desk.is_busy());
            let Self { dial, desk, .. } = self;
            let mut acknowledged = None;
            tokio::select! {
                biased;
                bytes = ended_job(&mut desk.jobs), if is_busy => acknowledged = Some(bytes),
                result = go_on(&mut dial.link, is_full) => if let Err(ended) = result {
                    return ended.into();
                },
                () = async { sleep_until(idle.unwrap_or(second)).await }, if idle.is_some() && !is_busy => return SubscribeEnd::Idle,
                () = sleep_until(second), if has_rate => {
                    second += Duration::from_secs(1);
                    if let Err(error) = desk.output.tell_rate() {
                        return unwritable(&error);
                    }
                }
            }
            if let Some(bytes) = acknowledged {
                self.dial.link.give(&bytes);
                self.desk.last_message = Instant::now();
            }
        }
    }

    async fn end(mut self, end: SubscribeEnd, signals: &mut Signals) -> Result<Status, Failure> {
        self.wait_for_jobs(signals).await;
        // The reason tells the broker to publish our will, if we have one: nobody asked us to go.
        let reason = match end {
            SubscribeEnd::TimedOut | SubscribeEnd::Idle => Reason::DISCONNECT_WITH_WILL,
            _ => Reason::SUCCESS,
        };
        let properties = self.properties.disconnect.as_properties();
        match end {
            SubscribeEnd::Connection(_) => self.dial.link.abandon().await,
            // All that was taken is written: there is nothing to lose.
            _ => drop(self.dial.link.close(reason, properties).await),
        }
        if let Err(error) = self.desk.output.end()
            && !matches!(end, SubscribeEnd::Unread)
            && let SubscribeEnd::Failed(failure) = unwritable(&error)
        {
            return Err(failure);
        }
        match end {
            SubscribeEnd::Done | SubscribeEnd::Unread => self.status(),
            SubscribeEnd::TimedOut => {
                self.desk.teller.tell("timed out");
                Ok(TIMEOUT)
            }
            SubscribeEnd::Idle => {
                self.desk.teller.tell("no message came in time");
                Ok(IDLE)
            }
            SubscribeEnd::Connection(ended) => Err(self.dial.failure(&ended)),
            SubscribeEnd::Failed(failure) => Err(failure),
        }
    }

    /// The commands that run are waited for, unless a signal says otherwise; what they have done is acknowledged.
    async fn wait_for_jobs(&mut self, signals: &mut Signals) {
        let Self { dial, desk, .. } = self;
        while desk.is_busy() {
            tokio::select! {
                biased;
                bytes = ended_job(&mut desk.jobs) => dial.link.give(&bytes),
                () = signals.any() => return,
                _ = dial.link.hold() => return drain(desk, signals).await,
            }
        }
    }

    /// The status of a run that came to its end.
    fn status(&self) -> Result<Status, Failure> {
        if let Some(unmet) = self.desk.conditions.unmet() {
            return Err(Failure::new(UNMET, unmet));
        }
        match self.desk.jobs.as_ref().map_or(0, |jobs| jobs.failed) {
            0 => Ok(SUCCESS),
            failed => Err(Failure::new(COMMAND_FAILED, format!("{failed} commands failed"))),
        }
    }
}

/// The acknowledgements that may be sent when a command has ended.
async fn ended_job(jobs: &mut Option<Jobs>) -> Vec<u8> {
    match jobs {
        Some(jobs) => jobs.next().await,
        None => std::future::pending().await,
    }
}

/// Moves what is to be moved; while nothing more can be taken, only what keeps the connection alive.
async fn go_on(link: &mut Link, is_full: bool) -> Result<(), Ended> {
    if is_full { Err(link.hold().await) } else { link.progress().await }
}

/// Waits for commands of which nobody is told any more.
async fn drain(desk: &mut Desk<'_>, signals: &mut Signals) {
    while desk.is_busy() {
        tokio::select! {
            _ = ended_job(&mut desk.jobs) => {}
            () = signals.any() => return,
        }
    }
}

/// A closed pipe is no failure: the reader has had enough.
fn unwritable(error: &std::io::Error) -> SubscribeEnd {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => SubscribeEnd::Unread,
        _ => {
            SubscribeEnd::Failed(Failure::new(INPUT, format!("cannot write to stdout: {}", os_error(&error))))
        }
    }
}
