//! `skeeter sub`: subscribes and prints what arrives.

mod output;

use std::fs;
use std::path::Path;

use tokio::time::{Instant, sleep_until};

use super::connection::{Dial, Plan, is_worth_waiting};
use super::exit::{FAILURE, Failure, INPUT, SUBSCRIBE_REFUSED, SUCCESS, Status, TIMEOUT, Teller, USAGE};
use crate::cli::subscribe::SubscribeArgs;
use crate::client::Event;
use crate::codec::packet::Options;
use crate::codec::property::{Properties, Property};
use crate::codec::reason::Reason;
use crate::link::Ended;
use crate::topic::TopicFilter;
use output::{Layout, Output};

pub(super) fn run(args: &SubscribeArgs) -> u8 {
    let teller = Teller { program: "skeeter sub", quiet: args.connect.quiet };
    teller.finish(prepare(args, teller))
}

fn prepare(args: &SubscribeArgs, teller: Teller) -> Result<Status, Failure> {
    let mut plan = Plan::new(&args.connect)?;
    let filters: Vec<String> = plan.topic.take().into_iter().chain(args.topics.iter().cloned()).collect();
    if filters.is_empty() {
        return Err(Failure::new(USAGE, "there is no topic filter: add -t FILTER"));
    }
    for filter in &filters {
        let bad = |why| Failure::new(USAGE, format!("the filter {filter:?} is not valid: {why}"));
        TopicFilter::new(filter).map_err(bad)?;
    }
    if let Some(count @ 1..20) = args.count {
        // What is not wanted is not sent.
        plan.settings.properties.push(Property::ReceiveMaximum(count as u16));
    }
    super::block_on(async move {
        let broker = plan.target.to_string();
        let layout = Layout { with_topic: args.verbose, newline: !args.no_newline };
        let output = Output::new(layout).map_err(|error| Failure::new(INPUT, format!("stdout: {error}")))?;
        let mut run =
            Run { dial: plan.dial(), args, filters, teller, output, left: args.count, connected: false };
        let result = run.until_told().await;
        run.end(result, &broker).await
    })
}

/// Why it is over.
enum End {
    /// All that was asked for is done, or a signal came.
    Done,
    TimedOut,
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
    teller: Teller,
    output: Output,
    /// Messages that are still wanted, if that is limited.
    left: Option<u64>,
    connected: bool,
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
        let options = Options { qos: self.args.qos, ..Options::default() };
        let filters: Vec<_> = self.filters.iter().map(|filter| (filter.as_str(), options)).collect();
        let (client, now, out) = self.dial.link.command();
        let refused = |why| End::Failed(Failure::new(SUBSCRIBE_REFUSED, format!("cannot subscribe: {why}")));
        client.subscribe(now, &filters, Properties::EMPTY, out).map(drop).map_err(refused)
    }

    async fn print_all(&mut self) -> End {
        loop {
            // Acknowledgements leave after what they acknowledge is written.
            let flushed = match self.take_events() {
                Ok(None) => self.output.flush(),
                Ok(Some(end)) => match self.output.flush() {
                    Ok(()) => return end,
                    Err(error) => Err(error),
                },
                Err(end) => return end,
            };
            if let Err(error) = flushed {
                return unwritable(&error);
            }
            if let Err(ended) = self.dial.link.progress().await {
                return ended.into();
            }
        }
    }

    fn take_events(&mut self) -> Result<Option<End>, End> {
        while let Some(event) = self.dial.link.event()? {
            match event {
                Event::Message(publish) => {
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
                    if let Some(path) = &self.args.ready_file {
                        write_whole(path, b"ready\n").map_err(|error| {
                            End::Failed(Failure::new(
                                INPUT,
                                format!("cannot write {}: {error}", path.display()),
                            ))
                        })?;
                    }
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

    async fn end(mut self, end: End, broker: &str) -> Result<Status, Failure> {
        // The reason tells the broker to publish our will, if we have one: nobody asked us to go.
        let reason = match end {
            End::TimedOut => Reason::DISCONNECT_WITH_WILL,
            _ => Reason::SUCCESS,
        };
        match end {
            End::Connection(_) => self.dial.link.abandon().await,
            _ => self.dial.link.close(reason, Properties::EMPTY).await,
        }
        match end {
            End::Done | End::Unread => Ok(SUCCESS),
            End::TimedOut => {
                self.teller.tell("timed out");
                Ok(TIMEOUT)
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

/// SIGINT and SIGTERM.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn any(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
