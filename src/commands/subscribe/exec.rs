//! `--exec`: a command for each message, so many at once.
//!
//! The payload is on its stdin, the rest in its environment; nothing of a message is ever part of the command itself. A
//! message above QoS 0 is acknowledged when its command has ended, and in the order in which they came [MQTT-4.6.0-2]. When
//! as many run as may, nothing more is taken from the broker.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::cli::exit::Teller;
use crate::codec::packet::{PacketId, Publish};
use crate::codec::property::{Form, PROPERTIES, PacketSet, Property, PropertyInfo, PropertyValue};
use crate::message::QoS;
use crate::text::{Quoted, os_error};

/// QoS 1 messages of a connection that are remembered, so that one that is sent again runs no second command.
const REMEMBERED: usize = 1_000;

/// What a QoS 1 message means that may have been received before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redelivery {
    /// It is not known.
    New,
    /// Its command runs; the message is acknowledged when it ends.
    Running,
    /// Its command has ended.
    Ended,
}

/// The commands that run, and what is acknowledged after them.
pub(super) struct Jobs {
    command: String,
    limit: usize,
    running: JoinSet<(u64, Result<(), String>)>,
    /// Acknowledgements that wait, from that of job `first` on; those of jobs that are done wait for earlier ones.
    waiting: VecDeque<Acknowledgement>,
    first: u64,
    /// QoS 1 messages of this connection, the last ones: packet identifier, and a hash of topic and payload.
    received: VecDeque<(PacketId, u64)>,
    pub(super) failed: u64,
    teller: Teller,
}

#[derive(Default)]
struct Acknowledgement {
    /// Of a QoS 1 message.
    packet_id: Option<PacketId>,
    bytes: Vec<u8>,
    is_done: bool,
}

impl Jobs {
    pub(super) fn new(command: &str, limit: u16, teller: Teller) -> Self {
        Self {
            command: command.to_owned(),
            limit: limit.into(),
            running: JoinSet::new(),
            waiting: VecDeque::new(),
            first: 0,
            received: VecDeque::new(),
            failed: 0,
            teller,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.running.len() >= self.limit
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether a message was received before on this connection. NATS 2.14 sends a QoS 1 message again, with DUP, each 30 s
    /// (`ack_wait`) until it is acknowledged, so a command that takes longer would be run again and again.
    ///
    /// A message with DUP is the same one if the last message with its packet identifier had the same topic and payload: a
    /// sender uses the identifier for another message only after the acknowledgement, and then without DUP at first.
    pub(super) fn redelivery(&self, publish: &Publish<'_>) -> Redelivery {
        let (Some(id), true) = (at_least_once(publish), publish.dup) else { return Redelivery::New };
        let last = self.received.iter().rev().find(|(other, _)| *other == id);
        if last.is_none_or(|(_, hash)| *hash != hash_of(publish)) {
            Redelivery::New
        } else if self.waiting.iter().any(|waiting| waiting.packet_id == Some(id)) {
            Redelivery::Running
        } else {
            Redelivery::Ended
        }
    }

    /// Begins a command.
    pub(super) fn start(&mut self, publish: &Publish<'_>) {
        let number = self.first + self.waiting.len() as u64;
        let packet_id = at_least_once(publish);
        if let Some(id) = packet_id {
            if self.received.len() == REMEMBERED {
                self.received.pop_front();
            }
            self.received.push_back((id, hash_of(publish)));
        }
        self.waiting.push_back(Acknowledgement { packet_id, ..Acknowledgement::default() });
        let mut command = shell(&self.command);
        // This may itself be a command of `sub --exec`: what its message had is not part of this one.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_optional(name)) {
            command.env_remove(name);
        }
        let MessageVariables { variables, omitted, .. } = MessageVariables::of(publish);
        if omitted > 0 {
            let topic = Quoted(publish.topic);
            self.teller.tell(format_args!(
                "message on {topic}: {omitted} of its properties left out of the command's environment: too large"
            ));
        }
        command.envs(variables).stdin(Stdio::piped());
        let payload = publish.payload.to_vec();
        self.running.spawn(async move { (number, run(command, &payload).await) });
    }

    /// These bytes are given back when the last command that was begun, and all before it, have ended.
    pub(super) fn acknowledge_later(&mut self, bytes: Vec<u8>) {
        if let Some(last) = self.waiting.back_mut() {
            last.bytes = bytes;
        }
    }

    /// Waits for one to end; the acknowledgements that may be sent now. Never ready when none runs.
    pub(super) async fn next(&mut self) -> Vec<u8> {
        let (number, result) = match self.running.join_next().await {
            Some(Ok(done)) => done,
            // None is ever cancelled or panics.
            Some(Err(_)) | None => return std::future::pending().await,
        };
        if let Err(why) = result {
            self.failed += 1;
            self.teller.tell(format_args!("the command {why}"));
        }
        let at = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        if let Some(acknowledgement) = self.waiting.get_mut(at) {
            acknowledgement.is_done = true;
        }
        let mut bytes = Vec::new();
        while self.waiting.front().is_some_and(|front| front.is_done) {
            bytes.extend(self.waiting.pop_front().map(|front| front.bytes).unwrap_or_default());
            self.first += 1;
        }
        bytes
    }

    /// The connection is gone, and with it what could be acknowledged; the broker sends those messages again.
    pub(super) fn forget_acknowledgements(&mut self) {
        for waiting in &mut self.waiting {
            waiting.bytes.clear();
            waiting.packet_id = None;
        }
        self.received.clear();
    }
}

/// The packet identifier of a QoS 1 message.
fn at_least_once(publish: &Publish<'_>) -> Option<PacketId> {
    publish.packet_id.filter(|_| publish.qos == QoS::AtLeastOnce)
}

fn hash_of(publish: &Publish<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (publish.topic, publish.payload).hash(&mut hasher);
    hasher.finish()
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]);
    shell
}

#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]);
    shell
}

/// Runs a command to its end; how it failed, if it did.
async fn run(mut command: Command, payload: &[u8]) -> Result<(), String> {
    let mut child = command.spawn().map_err(|error| format!("cannot be started: {}", os_error(&error)))?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(payload).await {
            // It need not read what it is given.
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                return Err(format!("takes no payload: {}", os_error(&error)));
            }
            _ => {}
        }
    }
    match child.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("failed: {status}")),
        Err(error) => Err(format!("cannot be waited for: {}", os_error(&error))),
    }
}

/// Begins the name of the variable of a user property, so that a publisher cannot choose one that means something to a shell.
const USER_PROPERTY: &str = "MQTT_USER_PROPERTY_";
/// How many properties did not fit into the environment.
const OMITTED: &str = "MQTT_OMITTED_PROPERTIES";

/// Bytes of a variable, name and NUL included, with which a command can be started.
#[cfg(not(windows))]
const MAX_VARIABLE: usize = 131_072;
#[cfg(windows)]
const MAX_VARIABLE: usize = 32_767;

/// Bytes of all variables of a message. With the usual limits, Linux starts a command with 2 MiB of arguments and environment.
const MAX_ENVIRONMENT: usize = 1 << 20;

/// The variables that tell a command of all of a message but its payload.
#[derive(Debug, Default)]
struct MessageVariables {
    variables: Vec<(String, OsString)>,
    bytes: usize,
    omitted: usize,
}

impl MessageVariables {
    fn of(publish: &Publish<'_>) -> Self {
        let mut all = Self::default();
        all.add("MQTT_TOPIC".to_owned(), publish.topic.into());
        all.add("MQTT_QOS".to_owned(), publish.qos.bits().to_string().into());
        all.add("MQTT_RETAIN".to_owned(), u8::from(publish.retain).to_string().into());
        if let Some(id) = publish.packet_id {
            all.add("MQTT_MID".to_owned(), id.to_string().into());
        }
        // User properties come last, so that they displace no other.
        let is_pair = |property: &Property<'_>| property.info().form == Form::Pair;
        let all_properties = || publish.properties.iter();
        for property in all_properties().filter(|it| !is_pair(it)).chain(all_properties().filter(is_pair)) {
            let name = variable(property.info());
            match property.value() {
                // The client has put the topic in its place.
                _ if matches!(property, Property::TopicAlias(_)) => {}
                PropertyValue::Number(number) => all.add(name, number.to_string().into()),
                PropertyValue::Text(text) => all.add(name, text.into()),
                PropertyValue::Binary(bytes) => {
                    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    all.add(name, digits.into());
                }
                PropertyValue::Pair(name, value) => {
                    all.add(format!("{USER_PROPERTY}{}", identifier(name)), value.into());
                }
            }
        }
        if all.omitted > 0 {
            all.variables.push((OMITTED.to_owned(), all.omitted.to_string().into()));
        }
        all
    }

    /// Adds a variable if it fits.
    fn add(&mut self, name: String, value: OsString) {
        // With `=`, NUL and the pointer to it.
        let len = name.len() + value.len() + 2;
        let bytes = self.bytes + len + size_of::<usize>();
        if len > MAX_VARIABLE || bytes > MAX_ENVIRONMENT {
            self.omitted += 1;
            return;
        }
        self.bytes = bytes;
        self.variables.push((name, value));
    }
}

/// The variable of a property other than user properties.
fn variable(info: &PropertyInfo) -> String {
    format!("MQTT_{}", identifier(info.name))
}

fn identifier(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Whether a message sets this variable, but not each message does.
fn is_optional(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let mut published = PROPERTIES.iter().filter(|info| info.packets.intersects(PacketSet::PUBLISH));
    name.starts_with(USER_PROPERTY)
        || ["MQTT_MID", OMITTED].contains(&name)
        || published.any(|info| variable(info) == name)
}

#[cfg(test)]
mod tests {
    use super::{MAX_ENVIRONMENT, MessageVariables, is_optional};
    use crate::codec::packet::Publish;
    use crate::codec::property::{PropertiesBuf, Property};
    use crate::message::QoS;

    #[test]
    fn the_environment_tells_all_but_the_payload() {
        let mut properties = PropertiesBuf::default();
        properties.push(Property::CorrelationData(b"\x00\xFF"));
        properties.push(Property::ContentType("text/plain"));
        properties.push(Property::UserProperty(("ld.preload=x", "evil")));
        let publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: true,
            topic: "a/b",
            packet_id: None,
            properties: properties.as_properties(),
            payload: b"",
        };
        let expected = [
            ("MQTT_TOPIC", "a/b"),
            ("MQTT_QOS", "0"),
            ("MQTT_RETAIN", "1"),
            ("MQTT_CORRELATION_DATA", "00ff"),
            ("MQTT_CONTENT_TYPE", "text/plain"),
            ("MQTT_USER_PROPERTY_LD_PRELOAD_X", "evil"),
        ];
        let found = MessageVariables::of(&publish);
        assert_eq!(found.variables, expected.map(|(name, value)| (name.to_owned(), value.into())));
        assert!(found.variables.iter().skip(3).all(|(name, _)| is_optional(name.as_ref())));
    }

    #[test]
    fn what_no_command_could_be_started_with_is_left_out_and_counted() {
        let long = "x".repeat(65_535);
        let mut properties = PropertiesBuf::default();
        properties.push(Property::CorrelationData(long.as_bytes()));
        properties.push(Property::UserProperty((&long, &long)));
        for _ in 0..60 {
            properties.push(Property::UserProperty(("k", &long)));
        }
        properties.push(Property::ContentType("text/plain"));
        let publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "a/b",
            packet_id: None,
            properties: properties.as_properties(),
            payload: b"",
        };
        let found = MessageVariables::of(&publish);
        assert!(found.bytes <= MAX_ENVIRONMENT, "{} bytes", found.bytes);
        let value = |wanted: &str| found.variables.iter().find(|(name, _)| name == wanted).map(|it| &it.1);
        // Both long variables are too long by themselves; 15 of the others fit together.
        assert_eq!(value("MQTT_OMITTED_PROPERTIES"), Some(&"47".into()));
        assert_eq!(value("MQTT_CORRELATION_DATA"), None);
        assert_eq!(value("MQTT_CONTENT_TYPE"), Some(&"text/plain".into()));
        assert_eq!(value("MQTT_USER_PROPERTY_K"), Some(&long.clone().into()));
    }
}
