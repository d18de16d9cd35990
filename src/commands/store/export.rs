//! `skeeter store export`: sessions and messages as lines of JSON.

use std::io::Write;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::{failed, load, open};
use crate::broker::{OwnerUser, SavedRetained, SavedSession, StoredMessage, StoredWill};
use crate::cli::exit::{Failure, INPUT};
use crate::codec::packet::{Options, Publish};
use crate::codec::property::{PacketSet, Properties, PropertiesBuf, Property};
use crate::commands::record;
use crate::message::{MessageRef, QoS};
use crate::store::Access;
use crate::text::os_error;
use crate::time::Instant;

pub(super) fn run(path: &std::path::Path, messages_only: bool) -> Result<(), Failure> {
    let (directory, mut database) = open(path, Access::Read)?;
    let saved = load(&directory, &mut database)?;
    if let Some(lost) = database.lost() {
        eprintln!("skeeter store: {}: {lost}; what is left is written", directory.file().display());
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut lines = Vec::new();
    for SavedRetained { message, source: _ } in &saved.retained {
        lines.push(line(message.as_ref(), message.qos(), true, None)?);
    }
    let groups = saved.groups.iter().map(|group| (&group.filter, &group.queue.head));
    for (filter, entries) in groups {
        lines.extend(waiting(entries, filter)?);
    }
    for session in &saved.sessions {
        if !messages_only {
            lines.push(described(session)?.to_string());
        }
        let client = &*session.record.client;
        let in_flight: Vec<_> = session.sent.iter().filter_map(|sent| sent.entry.clone()).collect();
        lines.extend(waiting(&in_flight, client)?);
        lines.extend(waiting(&session.queue.head, client)?);
    }
    let written = lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
    match written {
        // Who reads no further has what it wants.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written
            .map_err(|error| Failure::new(INPUT, format!("cannot write to stdout: {}", os_error(&error)))),
    }
}

fn waiting(entries: &[StoredMessage], owner: &str) -> Result<Vec<String>, Failure> {
    entries.iter().map(|entry| line(entry.message.as_ref(), entry.qos, entry.retain, Some(owner))).collect()
}

/// The line of a message, as `pub --json` takes it.
fn line(message: MessageRef<'_>, qos: QoS, retain: bool, owner: Option<&str>) -> Result<String, Failure> {
    let mut line = Vec::new();
    let properties = properties(message.properties, message.expires)?;
    let publish = Publish {
        dup: false,
        qos,
        retain,
        topic: message.topic,
        packet_id: None,
        properties: properties.as_properties(),
        payload: message.payload,
    };
    record::write(&publish, SystemTime::now(), &mut line);
    let mut text = String::from_utf8(line).map_err(failed)?;
    if let Some(owner) = owner {
        text.truncate(text.len() - 1);
        text += &format!(",\"for\":{}}}", Value::from(owner));
    }
    Ok(text)
}

/// Properties as they are published, with the expiry that is left.
fn properties(bytes: &[u8], expires: Instant) -> Result<PropertiesBuf, Failure> {
    let properties = Properties::check(bytes, PacketSet::PUBLISH).map_err(|why| failed(why.detail))?;
    let mut all = PropertiesBuf::default();
    if expires != Instant::NEVER {
        // The clock of the load began at zero.
        let seconds = expires.as_micros().div_ceil(1_000_000);
        all.push(Property::MessageExpiryInterval(u32::try_from(seconds).unwrap_or(u32::MAX)));
    }
    properties.iter().for_each(|property| all.push(property));
    Ok(all)
}

fn described(session: &SavedSession) -> Result<Value, Failure> {
    let subscriptions = session.subscriptions.iter().map(|(filter, subscribed)| {
        let Options { qos, no_local, retain_as_published, retain_handling } = subscribed.options;
        json!({
            "filter": filter, "qos": qos.bits(), "no-local": no_local, "retain-as-published": retain_as_published,
            "retain-handling": retain_handling as u8, "identifier": subscribed.id,
        })
    });
    let mut about = Map::new();
    about.insert("session".to_owned(), Value::from(&*session.record.client));
    about.insert("user".to_owned(), json!(session.record.username.as_deref()));
    if let Some(owner) = &session.record.owner {
        let user = match owner.user {
            OwnerUser::Anonymous => "anonymous",
            OwnerUser::Unverified(_) => "unverified",
            OwnerUser::User(_) => "user",
            OwnerUser::Bridge => "bridge",
        };
        about.insert("owner".to_owned(), Value::from(user));
        about.insert("mount-point".to_owned(), json!(owner.mount_point.as_deref()));
    }
    about.insert("expiry".to_owned(), Value::from(session.record.expiry));
    about.insert("subscriptions".to_owned(), Value::Array(subscriptions.collect()));
    if let Some(will) = &session.record.will {
        about.insert("will".to_owned(), described_will(will)?);
    }
    Ok(Value::Object(about))
}

fn described_will(will: &StoredWill) -> Result<Value, Failure> {
    let StoredWill { topic, properties: bytes, payload, qos, retain, expiry, delay } = will;
    let expires =
        expiry.map_or(Instant::NEVER, |seconds| Instant::from_micros(u64::from(seconds) * 1_000_000));
    let message = MessageRef { topic, properties: bytes, payload, qos: *qos, retain: *retain, expires };
    let text = line(message, *qos, *retain, None)?;
    let mut value: Value = serde_json::from_str(&text).map_err(failed)?;
    value["delay"] = Value::from(*delay);
    Ok(value)
}
