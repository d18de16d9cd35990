//! `skeeter rr`: one request, one response.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::connection::{Dial, Plan};
use super::exit::{
    Failure, INPUT, PUBLISH_REFUSED, SUBSCRIBE_REFUSED, SUCCESS, Status, TIMEOUT, Teller, USAGE,
};
use super::publish::{Payload, payload};
use super::subscribe::format::Format;
use super::subscribe::output::{Layout, Output, stdout};
use crate::cli::property::{self, Carrier};
use crate::cli::request::RequestArgs;
use crate::client::{Event, Outgoing};
use crate::codec::packet::{Options, RetainHandling};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::link::Ended;
use crate::topic::TopicName;

pub(super) fn run(args: &RequestArgs) -> u8 {
    let teller = Teller::new("skeeter rr", &args.connect);
    teller.finish(prepare(args, teller))
}

fn prepare(args: &RequestArgs, teller: Teller) -> Result<Status, Failure> {
    let usage = |text: String| Failure::new(USAGE, text);
    let plan = Plan::new(&args.connect)?;
    let topic = args.topic.clone().or_else(|| plan.topic.clone());
    let topic = topic.ok_or_else(|| usage("there is no topic: add -t TOPIC".to_owned()))?;
    for topic in [&topic, &args.response_topic] {
        TopicName::new(topic).map_err(|why| usage(format!("the topic {topic:?} is not valid: {why}")))?;
    }
    let mut properties = property::of(&args.connect.properties, Carrier::Publish).map_err(usage)?;
    if properties.as_properties().response_topic().is_some() {
        return Err(usage("the response topic is given twice".to_owned()));
    }
    properties.push(Property::ResponseTopic(&args.response_topic));
    let layout = match &args.format {
        Some(format) => {
            Layout::Format(Format::parse(format, args.pretty).map_err(|why| usage(format!("-F: {why}")))?)
        }
        None if args.verbose => Layout::TopicAndPayload,
        None => Layout::Payload,
    };
    let file = stdout().map_err(|error| Failure::new(INPUT, format!("stdout: {error}")))?;
    let request = Request {
        args,
        topic,
        payload: payload(&Payload {
            message: args.message.as_deref(),
            file: args.file.as_deref(),
            stdin: args.stdin_file,
        })?,
        properties,
        subscribe: property::of(&args.connect.properties, Carrier::Subscribe).map_err(usage)?,
    };
    let mut output = Output::new(layout, !args.no_newline, file, teller);
    super::block_on(async move {
        let broker = plan.target.to_string();
        let mut dial = plan.dial();
        let limit = args.timeout.unwrap_or(Duration::MAX);
        match timeout(limit, request.ask(&mut dial, &mut output)).await {
            Ok(Ok(())) => {
                // The response is there: that is all that was asked.
                let _ = dial.link.close(Reason::SUCCESS, Properties::EMPTY).await;
                Ok(SUCCESS)
            }
            Ok(Err(End::Connection(ended))) => {
                dial.link.abandon().await;
                Err(Failure::ended(&ended, dial.version(), broker))
            }
            Ok(Err(End::Failed(failure))) => {
                // What failed is told already.
                let _ = dial.link.close(Reason::SUCCESS, Properties::EMPTY).await;
                Err(failure)
            }
            Err(_) => {
                let _ = dial.link.close(Reason::DISCONNECT_WITH_WILL, Properties::EMPTY).await;
                teller.tell("timed out");
                Ok(TIMEOUT)
            }
        }
    })
}

enum End {
    Connection(Ended),
    Failed(Failure),
}

impl From<Ended> for End {
    fn from(ended: Ended) -> Self {
        Self::Connection(ended)
    }
}

struct Request<'a> {
    args: &'a RequestArgs,
    topic: String,
    payload: Vec<u8>,
    properties: PropertiesBuf,
    subscribe: PropertiesBuf,
}

impl Request<'_> {
    /// Subscribes, publishes once that is granted, and prints the first message that comes.
    async fn ask(&self, dial: &mut Dial, output: &mut Output) -> Result<(), End> {
        dial.open().await?;
        let args = self.args;
        let handling = if args.no_retained { RetainHandling::DoNotSend } else { RetainHandling::Send };
        let options = Options { qos: args.qos, retain_handling: handling, ..Options::default() };
        let refused = |status, why: &dyn std::fmt::Display| End::Failed(Failure::new(status, why));
        let (client, now, out) = dial.link.command();
        client
            .subscribe(now, &[(&args.response_topic, options)], self.subscribe.as_properties(), out)
            .map_err(|why| refused(SUBSCRIBE_REFUSED, &format!("cannot subscribe: {why}")))?;
        let (mut asked, mut is_granted) = (Instant::now(), false);
        loop {
            dial.link.progress().await?;
            while let Some(event) = dial.link.event()? {
                match event {
                    Event::Subscribed(suback) => match suback.reasons.first() {
                        Some(reason) if reason.is_failure() => {
                            let text = format!(
                                "the broker refused to subscribe to {}: {reason}",
                                args.response_topic
                            );
                            return Err(refused(SUBSCRIBE_REFUSED, &text));
                        }
                        _ => is_granted = true,
                    },
                    Event::Acknowledged { reason, .. } if reason.is_failure() => {
                        return Err(refused(
                            PUBLISH_REFUSED,
                            &format!("the request was not published: {reason}"),
                        ));
                    }
                    Event::Message(publish) if !(args.no_retained && publish.retain) => {
                        let took = asked.elapsed();
                        let written = output.message(&publish).and_then(|()| {
                            if args.latency {
                                output.line(format_args!("Latency: {}", latency(took)));
                            }
                            output.flush()
                        });
                        return match written {
                            // Nobody reads it any more: no failure of ours.
                            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                                Err(refused(INPUT, &format!("cannot write to stdout: {error}")))
                            }
                            _ => Ok(()),
                        };
                    }
                    Event::Disconnected { reason, properties } => {
                        let text = properties.reason_string().map(str::to_owned);
                        return Err(Ended::Disconnected { reason, text }.into());
                    }
                    _ => {}
                }
            }
            if std::mem::take(&mut is_granted) {
                asked = Instant::now();
                let (client, now, out) = dial.link.command();
                let message = Outgoing {
                    topic: &self.topic,
                    payload: &self.payload,
                    qos: args.qos,
                    retain: false,
                    properties: self.properties.as_properties(),
                };
                client.publish(now, &message, out).map_err(|why| {
                    refused(PUBLISH_REFUSED, &format!("the request was not published: {why}"))
                })?;
            }
        }
    }
}

/// As mosquitto_rr writes it.
fn latency(took: Duration) -> String {
    match took.as_nanos() {
        nanos @ 0..1_000 => format!("{nanos}ns"),
        nanos @ 1_000..1_000_000 => format!("{:.6}µs", nanos as f64 / 1e3),
        nanos @ 1_000_000..1_000_000_000 => format!("{:.6}ms", nanos as f64 / 1e6),
        _ => format!("{}.{:09}s", took.as_secs(), took.subsec_nanos()),
    }
}
