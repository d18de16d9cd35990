//! `skeeter pub`: publishes a message, or one for each line of stdin, and ends when all are acknowledged.

mod lines;
mod progress;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::connection::{Dial, Plan};
use super::exit::{Failure, INPUT, PUBLISH_REFUSED, SUCCESS, Status, Teller, USAGE};
use crate::cli::publish::PublishArgs;
use crate::client::{Event, Outgoing};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::link::Ended;
use crate::message::QoS;
use crate::topic::TopicName;

pub(super) fn run(args: &PublishArgs) -> u8 {
    let teller = Teller { program: "skeeter pub", quiet: args.connect.quiet };
    teller.finish(prepare(args, teller))
}

fn prepare(args: &PublishArgs, teller: Teller) -> Result<Status, Failure> {
    let plan = Plan::new(&args.connect)?;
    let topic = args.topic.clone().or_else(|| plan.topic.clone());
    let topic = topic.ok_or_else(|| Failure::new(USAGE, "there is no topic: add -t TOPIC"))?;
    TopicName::new(&topic)
        .map_err(|why| Failure::new(USAGE, format!("the topic {topic:?} is not valid: {why}")))?;
    let kind = Kind { topic, qos: args.qos, retain: args.retain };
    if args.stdin_line {
        return super::block_on(lines::run(plan, kind, teller));
    }
    let payload = payload(args)?;
    super::block_on(one(plan, kind, &payload))
}

/// What all messages of a run have in common.
struct Kind {
    topic: String,
    qos: QoS,
    retain: bool,
}

impl Kind {
    fn message<'a>(&'a self, payload: &'a [u8]) -> Outgoing<'a> {
        let Self { topic, qos, retain } = self;
        Outgoing { topic, payload, qos: *qos, retain: *retain, properties: Properties::EMPTY }
    }
}

fn payload(args: &PublishArgs) -> Result<Vec<u8>, Failure> {
    if let Some(text) = &args.message {
        return Ok(text.as_encoded_bytes().to_vec());
    }
    if let Some(path) = &args.file {
        return read_file(path);
    }
    let mut payload = Vec::new();
    if args.stdin_file {
        let read = io::stdin().lock().read_to_end(&mut payload);
        read.map_err(|error| Failure::new(INPUT, format!("cannot read stdin: {error}")))?;
    }
    Ok(payload)
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::new(INPUT, format!("cannot read {}: {error}", path.display())))
}

/// Publishes one message.
async fn one(plan: Plan, kind: Kind, payload: &[u8]) -> Result<Status, Failure> {
    let broker = plan.target.to_string();
    let mut dial = plan.dial();
    let result = match dial.open().await {
        Ok(_) => publish_one(&mut dial, &kind.message(payload)).await,
        Err(ended) => Err(End::Connection(ended)),
    };
    match result {
        Ok(()) => {
            dial.link.close(Reason::SUCCESS, Properties::EMPTY).await;
            Ok(SUCCESS)
        }
        Err(End::Connection(ended)) => {
            dial.link.abandon().await;
            Err(Failure::ended(&ended, dial.version(), broker))
        }
        Err(End::Refused(text)) => {
            dial.link.close(Reason::SUCCESS, Properties::EMPTY).await;
            Err(Failure::new(PUBLISH_REFUSED, text))
        }
    }
}

/// Why a message was not taken.
enum End {
    Connection(Ended),
    Refused(String),
}

impl From<Ended> for End {
    fn from(ended: Ended) -> Self {
        Self::Connection(ended)
    }
}

async fn publish_one(dial: &mut Dial, message: &Outgoing<'_>) -> Result<(), End> {
    let link = &mut dial.link;
    let (client, now, out) = link.command();
    let refused = |why: &dyn std::fmt::Display| End::Refused(format!("the message was not published: {why}"));
    let Some(id) = client.publish(now, message, out).map_err(|why| refused(&why))? else {
        // DISCONNECT goes with it in one piece.
        return Ok(());
    };
    loop {
        link.progress().await?;
        while let Some(event) = link.event()? {
            match event {
                Event::Acknowledged { packet_id, reason, properties } if packet_id == id => {
                    let text =
                        properties.reason_string().map_or_else(String::new, |text| format!(": {text}"));
                    return if reason.is_failure() {
                        Err(refused(&format!("{reason}{text}")))
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
