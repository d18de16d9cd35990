//! `skeeter rr`: one request, one response.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::publish::payload;
use super::subscribe::output::{Layout, MessageOutput, stdout};
use super::subscribe::retain_handling;
use crate::cli::exit::{
    Failure, INPUT, PUBLISH_REFUSED, SUBSCRIBE_REFUSED, SUCCESS, Status, TIMEOUT, Teller, USAGE,
};
use crate::cli::property::{self, PropertyCarrier};
use crate::cli::request::RequestArgs;
use crate::client::{Event, Outgoing};
use crate::codec::packet::{Options, Publish, RetainHandling, Version};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::dial::connection::Plan;
use crate::dial::{Dial, is_worth_waiting};
use crate::message::QoS;
use crate::net::link::Ended;
use crate::text::os_error;
use crate::topic::TopicName;

/// A connection that ends so soon after the request was sent, or before, and so often in a row, ends because of what is sent.
const SOON: Duration = Duration::from_secs(5);
const MOST: u32 = 3;

pub(super) fn run(args: &RequestArgs) -> u8 {
    let teller = Teller::new("rr", &args.connect);
    teller.finish(prepare(args, teller))
}

fn prepare(args: &RequestArgs, teller: Teller) -> Result<Status, Failure> {
    let usage = |text: String| Failure::new(USAGE, text);
    let mut plan = Plan::new(&args.connect)?;
    plan.tell_packets(args.debug, teller);
    args.print.ignored(plan.settings.version).iter().for_each(|line| teller.warn(line));
    let topic = args.payload.topic.clone().or_else(|| plan.topic.clone());
    let topic = topic.ok_or_else(|| usage("there is no topic: add -t TOPIC".to_owned()))?;
    for topic in [&topic, &args.response_topic] {
        TopicName::new(topic).map_err(|why| usage(format!("the topic {topic:?} is not valid: {why}")))?;
    }
    let mut properties = property::of(&args.connect.properties, PropertyCarrier::Publish).map_err(usage)?;
    if properties.as_properties().response_topic().is_some() {
        return Err(usage("the response topic is given twice".to_owned()));
    }
    properties.push(Property::ResponseTopic(&args.response_topic));
    let layout = Layout::new(&args.print, teller)?;
    let request = Exchange {
        args,
        topic,
        payload: payload(&args.payload)?,
        properties,
        subscribe: property::of(&args.connect.properties, PropertyCarrier::Subscribe).map_err(usage)?,
        teller,
    };
    let mut output = MessageOutput::new(layout, !args.print.no_newline, stdout()?, teller);
    crate::dial::block_on(async move {
        let mut dial = plan.dial(teller);
        let limit = args.print.timeout.unwrap_or(Duration::MAX);
        match timeout(limit, request.ask(&mut dial, &mut output)).await {
            Ok(Ok(())) => {
                // The response is there: that is all that was asked.
                let _ = dial.link.close(Reason::SUCCESS, Properties::EMPTY).await;
                Ok(SUCCESS)
            }
            Ok(Err(RequestFailure::Connection(ended))) => {
                dial.link.abandon().await;
                Err(dial.failure(&ended))
            }
            Ok(Err(RequestFailure::Failed(failure))) => {
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

enum RequestFailure {
    Connection(Ended),
    Failed(Failure),
}

impl From<Ended> for RequestFailure {
    fn from(ended: Ended) -> Self {
        Self::Connection(ended)
    }
}

struct Exchange<'a> {
    args: &'a RequestArgs,
    topic: String,
    payload: Vec<u8>,
    properties: PropertiesBuf,
    subscribe: PropertiesBuf,
    teller: Teller,
}

impl Exchange<'_> {
    /// Asks until there is a response. When the connection is lost the request is sent again, but at QoS 2 only what the broker
    /// has certainly not taken.
    async fn ask(&self, dial: &mut Dial, output: &mut MessageOutput) -> Result<(), RequestFailure> {
        let (mut opened, mut taken, mut in_a_row) = (dial.open().await, false, 0);
        loop {
            opened?;
            let mut sent = None;
            let result = self.converse(dial, output, &mut sent, &mut taken).await;
            let Err(RequestFailure::Connection(ended)) = result else { return result };
            let is_again = ended.is_by_broker() && sent.is_none_or(|at: Instant| at.elapsed() < SOON);
            in_a_row = if is_again { in_a_row + 1 } else { 0 };
            if ended.rejects_packet() || in_a_row == MOST {
                let times = if in_a_row == MOST { " three times in a row" } else { "" };
                let (status, what) = match sent {
                    Some(_) => (PUBLISH_REFUSED, format!("the request to {}", self.topic)),
                    None => (SUBSCRIBE_REFUSED, format!("the subscription to {}", self.args.response_topic)),
                };
                let text = format!("the broker does not take {what}: the connection ended{times} ({ended})");
                return Err(RequestFailure::Failed(Failure::new(status, text)));
            }
            let is_unknown = self.args.payload.qos == QoS::ExactlyOnce && sent.is_some() && !taken;
            if is_unknown || !is_worth_waiting(&ended) {
                return Err(ended.into());
            }
            dial.link.abandon().await;
            // It is published again once the subscription is granted, and not before.
            dial.link.client_mut().forget_messages();
            opened = dial.reopen(&ended).await;
        }
    }

    /// Subscribes, publishes once that is granted, and prints the response. Says when the request was `sent`, and whether it
    /// was acknowledged.
    async fn converse(
        &self,
        dial: &mut Dial,
        output: &mut MessageOutput,
        sent: &mut Option<Instant>,
        taken: &mut bool,
    ) -> Result<(), RequestFailure> {
        let args = self.args;
        let version = dial.version();
        let (client, now, out) = dial.link.command();
        client
            .subscribe(now, &[(&args.response_topic, options(args))], self.subscribe.as_properties(), out)
            .map_err(|why| refused(SUBSCRIBE_REFUSED, &format!("cannot subscribe: {why}")))?;
        let mut is_granted = false;
        loop {
            dial.link.progress().await?;
            while let Some(event) = dial.link.event()? {
                match event {
                    Event::Subscribed(suback) => match suback.reasons.first() {
                        Some(reason) if !reason.is_grant() => {
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
                    Event::Acknowledged { reason, .. } => {
                        *taken = true;
                        if reason == Reason::NO_MATCHING_SUBSCRIBERS {
                            self.teller.tell(format_args!("nobody has subscribed to {}", self.topic));
                        }
                    }
                    Event::Message(publish) => {
                        if let Some(at) = sent.filter(|_| self.is_response(&publish, version)) {
                            return self.print(&publish, at.elapsed(), output);
                        }
                    }
                    Event::Disconnected { reason, properties } => {
                        let text = properties.reason_string().map(str::to_owned);
                        return Err(Ended::Disconnected { reason, text }.into());
                    }
                    _ => {}
                }
            }
            if std::mem::take(&mut is_granted) {
                *sent = Some(Instant::now());
                if !*taken || args.payload.qos != QoS::ExactlyOnce {
                    self.publish(dial)?;
                }
            }
        }
    }

    fn publish(&self, dial: &mut Dial) -> Result<(), RequestFailure> {
        let (client, now, out) = dial.link.command();
        let message = Outgoing {
            topic: &self.topic,
            payload: &self.payload,
            qos: self.args.payload.qos,
            retain: false,
            properties: self.properties.as_properties(),
        };
        let published = client.publish(now, &message, out);
        published
            .map(drop)
            .map_err(|why| refused(PUBLISH_REFUSED, &format!("the request was not published: {why}")))
    }

    /// Whether a message that came after the request is its response: one to the response topic that was not retained before,
    /// with the correlation data of the request if it has any.
    fn is_response(&self, publish: &Publish<'_>, version: Version) -> bool {
        let print = &self.args.print;
        // Only then may a new message say that it is retained.
        let keeps_retain = print.retain_as_published && version == Version::V5 && !print.no_retained;
        let asked = self.properties.as_properties().correlation_data();
        let is_correlated =
            version != Version::V5 || asked.is_none() || asked == publish.properties.correlation_data();
        publish.topic == self.args.response_topic && (!publish.retain || keeps_retain) && is_correlated
    }

    fn print(
        &self,
        publish: &Publish<'_>,
        took: Duration,
        output: &mut MessageOutput,
    ) -> Result<(), RequestFailure> {
        let written = output.message(publish).and_then(|()| {
            if self.args.latency {
                output.line(format_args!("Latency: {}", latency(took)));
            }
            output.flush()
        });
        match written {
            // Nobody reads it any more: no failure of ours.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(refused(INPUT, &format!("cannot write to stdout: {}", os_error(&error))))
            }
            _ => Ok(()),
        }
    }
}

fn refused(status: Status, why: &dyn std::fmt::Display) -> RequestFailure {
    RequestFailure::Failed(Failure::new(status, why))
}

fn options(args: &RequestArgs) -> Options {
    Options {
        qos: args.payload.qos,
        no_local: false,
        retain_as_published: args.print.retain_as_published,
        retain_handling: match args.print.retain_as_published {
            // They could not be told from a response.
            true => RetainHandling::DoNotSend,
            false => retain_handling(&args.print),
        },
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
