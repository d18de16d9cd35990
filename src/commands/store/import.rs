//! `skeeter store import`: lines of JSON become sessions and messages of a data directory.
//!
//! All of the input or nothing of it: it is read before anything is written.

use std::collections::{HashMap, HashSet};
use std::io::BufRead;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{failed, load, take};
use crate::broker::{
    OwnerUser, Parked, Record, Saved, SessionOwner, SessionRecord, StoredMessage, StoredWill, Subscribed,
};
use crate::cli::exit::{Failure, INPUT};
use crate::client::Outgoing;
use crate::codec::packet::{Options, RetainHandling};
use crate::codec::property::{Properties, PropertiesBuf};
use crate::commands::record;
use crate::message::{Message, MessageRef, QoS};
use crate::store::{Access, SyncMode, SystemClocks};
use crate::text::os_error;
use crate::time::Instant;
use crate::topic::{TopicFilter, TopicName};

pub(super) fn run(path: &std::path::Path) -> Result<(), Failure> {
    let directory = take(path, Access::Write)?;
    let mut database = directory.open(Duration::ZERO).map_err(failed)?;
    let mut import = NdjsonImport::new(load(&directory, &mut database)?);
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line =
            line.map_err(|error| Failure::new(INPUT, format!("cannot read stdin: {}", os_error(&error))))?;
        if !line.trim().is_empty() {
            import.line(&line).map_err(|why| Failure::new(INPUT, format!("line {}: {why}", number + 1)))?;
        }
    }
    let NdjsonImport { records, sessions, messages, skipped, .. } = import;
    let clock = database.clock(Instant::ZERO, SystemClocks::now());
    let mut changes = database.changes(records, clock);
    let written = database.commit(&mut changes, SyncMode::Now);
    written.map_err(|error| {
        failed(format!("cannot write {}: {}", directory.file().display(), os_error(&error)))
    })?;
    for client in skipped {
        eprintln!(
            "skeeter store: session {client:?} already exists; it was not changed, and its messages were not imported"
        );
    }
    println!("imported {sessions} sessions and {messages} messages into {}", directory.file().display());
    Ok(())
}

/// What the lines so far come to.
struct NdjsonImport {
    records: Vec<Record>,
    /// The client ID and owner of every session, those that were there before among them.
    names: HashSet<(String, Option<SessionOwner>)>,
    /// Who a message can wait for: the key, or nothing for a session that was there before. Of sessions with one client ID,
    /// the one whose line came last.
    owners: HashMap<String, Option<u64>>,
    keys: u64,
    numbers: u64,
    sessions: usize,
    messages: usize,
    skipped: Vec<String>,
}

impl NdjsonImport {
    fn new(there: Saved) -> Self {
        let records = there.sessions.iter().map(|session| &session.record);
        let names = records.map(|record| (record.client.to_string(), record.owner.clone())).collect();
        let sessions = there.sessions.iter().map(|session| (session.record.client.to_string(), None));
        let groups = there.groups.iter().map(|group| (group.filter.to_string(), Some(group.key)));
        let keys = there.sessions.iter().map(|session| session.record.key);
        let keys = keys.chain(there.groups.iter().map(|group| group.key)).max().unwrap_or(0);
        Self {
            records: Vec::new(),
            names,
            owners: sessions.chain(groups).collect(),
            keys,
            numbers: there.last_number,
            sessions: 0,
            messages: 0,
            skipped: Vec::new(),
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        match value.get("session") {
            Some(client) => {
                self.session(client.as_str().ok_or("\"session\" is a client identifier")?, &value)
            }
            None => {
                let message = message(line.as_bytes())?;
                match value.get("for") {
                    None => {
                        self.messages += 1;
                        self.records.push(Record::Retain { message, source: None });
                        Ok(())
                    }
                    Some(owner) => {
                        self.waiting(owner.as_str().ok_or("\"for\" is a client identifier")?, message)
                    }
                }
            }
        }
    }

    fn session(&mut self, client: &str, value: &Value) -> Result<(), String> {
        let username: Option<Arc<str>> = value.get("user").and_then(Value::as_str).map(Into::into);
        let owner = owner(value, username.as_ref())?;
        if !self.names.insert((client.to_owned(), owner.clone())) {
            self.owners.insert(client.to_owned(), None);
            self.skipped.push(client.to_owned());
            return Ok(());
        }
        self.keys += 1;
        let (key, number) = (self.keys, |value: Option<&Value>| value.and_then(Value::as_u64));
        let expiry = number(value.get("expiry")).and_then(|expiry| u32::try_from(expiry).ok());
        let expiry =
            expiry.filter(|expiry| *expiry > 0).ok_or("\"expiry\" is missing, or not a number from 1")?;
        let ends = match expiry {
            u32::MAX => Instant::NEVER,
            seconds => Instant::ZERO + Duration::from_secs(seconds.into()),
        };
        let will = value.get("will").map(will).transpose()?;
        let delay = Duration::from_secs(will.as_ref().map_or(0, |will: &StoredWill| will.delay).into());
        let will_due = if will.is_some() { Instant::ZERO + delay } else { Instant::NEVER };
        let parked = Some(Parked { expires: ends, will_due });
        let client_id = client.into();
        let record = SessionRecord {
            key,
            client: client_id,
            username,
            listener: 0,
            owner,
            expiry,
            will,
            parked,
            sent_below: 0,
        };
        self.records.push(Record::Session(Box::new(record)));
        for subscription in value.get("subscriptions").and_then(Value::as_array).into_iter().flatten() {
            self.subscription(key, subscription)?;
        }
        self.owners.insert(client.to_owned(), Some(key));
        self.sessions += 1;
        Ok(())
    }

    fn subscription(&mut self, session: u64, value: &Value) -> Result<(), String> {
        let text = value.get("filter").and_then(Value::as_str).ok_or("a subscription without \"filter\"")?;
        let filter = TopicFilter::new(text).map_err(|_| format!("{text:?} is no topic filter"))?;
        let small = |name: &str| value.get(name).and_then(Value::as_u64).and_then(|it| u8::try_from(it).ok());
        let flag = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or(false);
        let qos = small("qos").and_then(QoS::from_bits).ok_or("a subscription without \"qos\"")?;
        let retain_handling = match small("retain-handling").unwrap_or(0) {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return Err("\"retain-handling\" is 0, 1 or 2".to_owned()),
        };
        let options = Options {
            qos,
            no_local: flag("no-local"),
            retain_as_published: flag("retain-as-published"),
            retain_handling,
        };
        let id = value.get("identifier").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        if filter.share().is_some() && !self.owners.contains_key(text) {
            self.keys += 1;
            self.owners.insert(text.to_owned(), Some(self.keys));
            self.records.push(Record::Group { key: self.keys, filter: text.into() });
        }
        let subscribed = Subscribed { options, id };
        self.records.push(Record::Subscribe { session, filter: text.into(), subscribed });
        Ok(())
    }

    fn waiting(&mut self, owner: &str, message: Message) -> Result<(), String> {
        let owner = match self.owners.get(owner) {
            Some(Some(key)) => *key,
            // It was told already.
            Some(None) => return Ok(()),
            None if owner.starts_with("$share/") => {
                self.keys += 1;
                self.owners.insert(owner.to_owned(), Some(self.keys));
                self.records.push(Record::Group { key: self.keys, filter: owner.into() });
                self.keys
            }
            None => return Err(format!("no session {owner:?} comes before this message")),
        };
        self.numbers += 1;
        self.messages += 1;
        let (number, qos, retain) = (self.numbers, message.qos(), message.as_ref().retain);
        self.records.push(Record::Enqueue {
            owner,
            entry: StoredMessage { number, message, qos, retain, ids: None },
        });
        Ok(())
    }
}

/// The owner of a session, if its line names one.
fn owner(session: &Value, username: Option<&Arc<str>>) -> Result<Option<SessionOwner>, String> {
    let Some(kind) = session.get("owner") else { return Ok(None) };
    let user = match (kind.as_str(), username) {
        (Some("anonymous"), _) => OwnerUser::Anonymous,
        (Some("bridge"), _) => OwnerUser::Bridge,
        (Some("user"), Some(name)) => OwnerUser::User(name.clone()),
        (Some("unverified"), Some(name)) => OwnerUser::Unverified(name.clone()),
        _ => return Err("\"owner\" is anonymous, bridge, or user or unverified with a \"user\"".to_owned()),
    };
    let mount_point = session.get("mount-point").and_then(Value::as_str).map(Into::into);
    Ok(Some(SessionOwner { user, mount_point }))
}

/// The message of a line.
fn message(line: &[u8]) -> Result<Message, String> {
    let properties = Properties::EMPTY;
    let default = Outgoing { topic: "", payload: b"", qos: QoS::AtMostOnce, retain: false, properties };
    let record = record::MessageRecord::read(line, &default)?;
    TopicName::new(&record.topic).map_err(|_| format!("{:?} is no topic name", record.topic))?;
    let (properties, expires) = kept(&record.properties);
    let view = MessageRef {
        topic: &record.topic,
        properties: &properties,
        payload: &record.payload,
        qos: record.qos,
        retain: record.retain,
        expires: expires
            .map_or(Instant::NEVER, |seconds| Instant::ZERO + Duration::from_secs(seconds.into())),
    };
    Ok(view.to_message())
}

/// Properties as they are kept, and the seconds the message lives.
fn kept(properties: &PropertiesBuf) -> (Vec<u8>, Option<u32>) {
    let (properties, mut scratch) = (properties.as_properties(), Vec::new());
    let kept = properties.without_hop(&mut scratch).to_vec();
    (kept, properties.message_expiry())
}

fn will(value: &Value) -> Result<StoredWill, String> {
    let mut line = value.clone();
    let delay = line.as_object_mut().and_then(|will| will.remove("delay")).and_then(|delay| delay.as_u64());
    let message = message(line.to_string().as_bytes())?;
    let MessageRef { topic, properties, payload, qos, retain, expires } = message.as_ref();
    let seconds = expires.since(Instant::ZERO).as_secs();
    Ok(StoredWill {
        topic: topic.into(),
        properties: properties.into(),
        payload: payload.into(),
        qos,
        retain,
        expiry: if expires == Instant::NEVER { None } else { u32::try_from(seconds).ok() },
        delay: delay.and_then(|delay| u32::try_from(delay).ok()).unwrap_or(0),
    })
}
