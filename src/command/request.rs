//! `skeeter rr`: one request, one response.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::connection::{Dial, Plan};
use super::exit::{
    Failure, INPUT, PUBLISH_REFUSED, SUBSCRIBE_REFUSED, SUCCESS, Status, TIMEOUT, Teller, USAGE,
};
use super::publish::payload;
use super::subscribe::output::{Layout, Output, stdout};
use super::subscribe::retain_handling;
use crate::cli::property::{self, Carrier};
use crate::cli::request::RequestArgs;
use crate::client::{Event, Outgoing};
use crate::codec::packet::Options;
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
    let mut plan = Plan::new(&args.connect)?;
    plan.tell_packets(args.debug, teller);
    let topic = args.payload.topic.clone().or_else(|| plan.topic.clone());
    let topic = topic.ok_or_else(|| usage("there is no topic: add -t TOPIC".to_owned()))?;
    for topic in [&topic, &args.response_topic] {
        TopicName::new(topic).map_err(|why| usage(format!("the topic {topic:?} is not valid: {why}")))?;
    }
    let mut properties = property::of(&args.connect.properties, Carrier::Publish).map_err(usage)?;
    if properties.as_properties().response_topic().is_some() {
        return Err(usage("the response topic is given twice".to_owned()));
    }
    properties.push(Property::ResponseTopic(&args.response_topic));
    let layout = Layout::new(&args.print, teller)?;
    let request = Request {
        args,
        topic,
        payload: payload(&args.payload)?,
        properties,
        subscribe: property::of(&args.connect.properties, Carrier::Subscribe).map_err(usage)?,
    };
    let mut output = Output::new(layout, !args.print.no_newline, stdout()?, teller);
    super::block_on(async move {
        let broker = plan.target.to_string();
        let mut dial = plan.dial();
        let limit = args.print.timeout.unwrap_or(Duration::MAX);
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
        let options = options(args);
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
                    Event::Message(publish) if !(args.print.no_retained && publish.retain) => {
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
                    qos: args.payload.qos,
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

fn options(args: &RequestArgs) -> Options {
    Options {
        qos: args.payload.qos,
        no_local: false,
        retain_as_published: args.print.retain_as_published,
        retain_handling: retain_handling(&args.print),
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
