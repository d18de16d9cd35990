//! `skeeter pub`: publishes a message, or one for each line of stdin, and ends when all are acknowledged.

mod lines;
mod progress;
mod source;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use tokio::time::{Duration, Instant, sleep_until};

use crate::cli::connect::Dialect;
use crate::cli::exit::{CONNECTION_LOST, Failure, INPUT, PUBLISH_REFUSED, SUCCESS, Status, Teller, USAGE};
use crate::cli::payload::PayloadArgs;
use crate::cli::property::{self, PropertyCarrier};
use crate::cli::publish::PublishArgs;
use crate::client::{Event, Outgoing};
use crate::codec::property::{Properties, PropertiesBuf};
use crate::codec::reason::Reason;
use crate::dial::Dial;
use crate::dial::connection::Plan;
use crate::message::QoS;
use crate::net::link::{Ended, Link};
use crate::text::os_error;
use crate::topic::TopicName;
use lines::Job;
use source::{LineInput, Meaning};

pub(super) fn run(args: &PublishArgs) -> u8 {
    let teller = Teller::new("pub", &args.connect);
    teller.finish(prepare(args, teller))
}

fn prepare(args: &PublishArgs, teller: Teller) -> Result<Status, Failure> {
    let usage = |text: String| Failure::new(USAGE, text);
    let mut plan = Plan::new(&args.connect)?;
    plan.tell_packets(args.debug, teller);
    args.ignored().iter().for_each(|line| teller.warn(line));
    if args.ping {
        return crate::dial::block_on(ping(plan, teller));
    }
    let topic = args.payload.topic.clone().or_else(|| plan.topic.clone());
    let has_topics = args.lines_with_topic || args.json || args.replay.is_some();
    match &topic {
        Some(topic) => {
            TopicName::new(topic).map_err(|why| usage(format!("the topic {topic:?} is not valid: {why}")))?;
        }
        None if has_topics => {}
        None => return Err(usage("there is no topic: add -t TOPIC".to_owned())),
    }
    let kind = MessageTemplate {
        topic: topic.unwrap_or_default(),
        qos: args.payload.qos,
        retain: args.retain,
        properties: property::of(&args.connect.properties, PropertyCarrier::Publish).map_err(usage)?,
        disconnect: property::of(&args.connect.properties, PropertyCarrier::Disconnect).map_err(usage)?,
    };
    if let Some(job) = job(args) {
        return crate::dial::block_on(lines::run(plan, kind, job, teller));
    }
    if args.nul {
        return Err(usage("-0 goes with -l, --lines-with-topic and --json".to_owned()));
    }
    let payload = payload(&args.payload)?;
    crate::dial::block_on(repeated(plan, kind, &payload, args, teller))
}

/// Many messages, if that is what is asked for.
fn job(args: &PublishArgs) -> Option<Job> {
    let meaning = match &args.replay {
        None if args.stdin_line => Meaning::Payload,
        None if args.lines_with_topic => Meaning::TopicAndPayload(args.delimiter),
        None if !args.json => return None,
        _ => Meaning::Record,
    };
    Some(Job {
        input: args.replay.clone().map_or(LineInput::Stdin, |path| LineInput::File(path, args.again)),
        separator: if args.nul { 0 } else { b'\n' },
        meaning,
        speed: (args.replay.is_some() && !args.as_fast_as_possible).then_some(args.speed),
        retry: !args.no_retry,
        needs_session: args.payload.qos != QoS::AtMostOnce || meaning == Meaning::Record,
    })
}

/// What all messages of a run have in common.
struct MessageTemplate {
    /// Empty where each message has its own.
    topic: String,
    qos: QoS,
    retain: bool,
    properties: PropertiesBuf,
    /// The properties of the DISCONNECT at the end.
    disconnect: PropertiesBuf,
}

impl MessageTemplate {
    fn message<'a>(&'a self, payload: &'a [u8]) -> Outgoing<'a> {
        let Self { topic, qos, retain, properties, disconnect: _ } = self;
        let properties = properties.as_properties();
        Outgoing { topic, payload, qos: *qos, retain: *retain, properties }
    }
}

/// Connects and goes away again.
async fn ping(plan: Plan, teller: Teller) -> Result<Status, Failure> {
    let mut dial = plan.dial(teller);
    if let Err(ended) = dial.open().await {
        return Err(dial.failure(&ended));
    }
    // It has answered: that is all that was asked.
    let _ = dial.link.close(Reason::SUCCESS, Properties::EMPTY).await;
    Ok(SUCCESS)
}

/// The one payload; without a flag that says where it comes from it is empty.
pub(super) fn payload(args: &PayloadArgs) -> Result<Vec<u8>, Failure> {
    if let Some(text) = &args.message {
        return Ok(text.as_encoded_bytes().to_vec());
    }
    if let Some(path) = &args.file {
        return read_file(path);
    }
    let mut payload = Vec::new();
    if args.stdin_file {
        let read = io::stdin().lock().read_to_end(&mut payload);
        read.map_err(|error| Failure::new(INPUT, format!("cannot read stdin: {}", os_error(&error))))?;
        if payload.is_empty() {
            // What should have written to it has failed, most likely: clear nothing by accident.
            return Err(Failure::new(INPUT, "stdin is empty; -n publishes a message without payload"));
        }
    }
    Ok(payload)
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::new(INPUT, format!("cannot read {}: {}", path.display(), os_error(&error))))
}

/// Publishes one message, again and again if asked.
async fn repeated(
    plan: Plan,
    kind: MessageTemplate,
    payload: &[u8],
    args: &PublishArgs,
    teller: Teller,
) -> Result<Status, Failure> {
    let mut dial = plan.dial(teller);
    let mut result = dial.open().await.map(drop).map_err(PublishFailure::Connection);
    let message = kind.message(payload);
    for count in 0..args.repeat {
        if result.is_err() {
            break;
        }
        if count > 0 {
            result = pause(&mut dial.link, args.repeat_delay).await.map_err(PublishFailure::Connection);
        }
        if result.is_ok() {
            result = publish_one(&mut dial, &message, !args.no_retry).await;
        }
    }
    let disconnect = kind.disconnect.as_properties();
    match result {
        Ok(()) => {
            let closed = dial.link.close(Reason::SUCCESS, disconnect).await;
            // Above QoS 0 all was acknowledged before.
            match closed {
                Err(ended) if kind.qos == QoS::AtMostOnce => Err(dial.failure(&ended)),
                _ => Ok(SUCCESS),
            }
        }
        Err(PublishFailure::Connection(ended)) => {
            dial.link.abandon().await;
            Err(dial.failure(&ended))
        }
        Err(PublishFailure::Refused(text)) => {
            // What failed is told already.
            let _ = dial.link.close(Reason::SUCCESS, disconnect).await;
            Err(Failure::new(PUBLISH_REFUSED, text))
        }
        Err(PublishFailure::GivenUp(ended)) => {
            // mosquitto_pub ends with the status of a lost connection.
            let status = match teller.dialect() {
                Dialect::Mosquitto => CONNECTION_LOST,
                Dialect::Skeeter => PUBLISH_REFUSED,
            };
            let text = format!(
                "the message to {} was not published: three times in a row the connection ended when it was sent ({ended})",
                message.topic
            );
            Err(Failure::new(status, text))
        }
    }
}

/// Keeps the connection alive for a while.
async fn pause(link: &mut Link, delay: Duration) -> Result<(), Ended> {
    let end = Instant::now() + delay;
    while !link.is_writable() || Instant::now() < end {
        tokio::select! {
            biased;
            result = link.progress() => result?,
            () = sleep_until(end), if link.is_writable() => {}
        }
        while let Some(event) = link.event()? {
            if let Event::Disconnected { reason, properties } = event {
                let text = properties.reason_string().map(str::to_owned);
                return Err(Ended::Disconnected { reason, text });
            }
        }
    }
    Ok(())
}

/// Why a message was not taken.
enum PublishFailure {
    Connection(Ended),
    Refused(String),
    /// The connection ended each time it was sent.
    GivenUp(Ended),
}

impl From<Ended> for PublishFailure {
    fn from(ended: Ended) -> Self {
        Self::Connection(ended)
    }
}

/// Publishes a message and waits until it is acknowledged. If the broker ends the connection before, a message of QoS 1 is
/// sent again, twice at most: that tells a message which the broker does not take from a connection that was lost. One of
/// QoS 2 could arrive twice.
async fn publish_one(dial: &mut Dial, message: &Outgoing<'_>, retries: bool) -> Result<(), PublishFailure> {
    let (client, now, out) = dial.link.command();
    let published = client.publish(now, message, out);
    if published.map_err(|why| not_published(&why))?.is_none() {
        // DISCONNECT goes with it in one piece.
        return Ok(());
    }
    let mut result = acknowledged(&mut dial.link).await;
    while let Err(PublishFailure::Connection(ended)) = result {
        dial.link.abandon().await;
        if ended.rejects_packet() {
            return Err(not_published(&ended));
        }
        if !retries || message.qos != QoS::AtLeastOnce || !ended.is_by_broker() {
            return Err(PublishFailure::Connection(ended));
        }
        if dial.link.client_mut().suspect().is_some() {
            return Err(PublishFailure::GivenUp(ended));
        }
        if dial.reopen_once(&ended).await.is_err() {
            return Err(PublishFailure::Connection(ended));
        }
        result = acknowledged(&mut dial.link).await;
    }
    result
}

fn not_published(why: &dyn std::fmt::Display) -> PublishFailure {
    PublishFailure::Refused(format!("the message was not published: {why}"))
}

/// Waits until the one message that is in flight is acknowledged.
async fn acknowledged(link: &mut Link) -> Result<(), PublishFailure> {
    loop {
        link.progress().await?;
        while let Some(event) = link.event()? {
            match event {
                Event::Acknowledged { reason, properties, .. } => {
                    let text =
                        properties.reason_string().map_or_else(String::new, |text| format!(": {text}"));
                    return if reason.is_failure() {
                        Err(not_published(&format!("{reason}{text}")))
                    } else {
                        Ok(())
                    };
                }
                Event::Disconnected { reason, properties } => {
                    let text = properties.reason_string().map(str::to_owned);
                    return Err(Ended::Disconnected { reason, text }.into());
                }
                _ => {}
            }
        }
    }
}
