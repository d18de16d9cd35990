//! `skeeter store dump`: mosquitto's persistence file for people and scripts, as mosquitto_db_dump prints it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use serde_json::json as value;

use super::failed;
use crate::cli::exit::{Failure, INPUT};
use crate::cli::store::{DumpArgs, DumpFormat};
use crate::codec::property::{PacketSet, Properties};
use crate::commands::json;
use crate::mosquitto_db::{DbDirection, DbUsername, MosquittoDb};
use crate::text::Quoted;
use crate::text::os_error;

pub(super) fn run(args: &DumpArgs) -> Result<(), Failure> {
    let path = &args.file;
    let bytes = std::fs::read(path);
    let bytes = bytes.map_err(|error| {
        Failure::new(INPUT, format!("cannot read {}: {}", path.display(), os_error(&error)))
    })?;
    let db = MosquittoDb::read(&bytes).map_err(|fault| failed(unreadable(path, &fault)))?;
    let text = match args.format() {
        DumpFormat::Text => text(&db),
        DumpFormat::Json => serde_json::to_string_pretty(&as_json(&db)).map_err(failed)? + "\n",
        DumpFormat::Counts => counts(&db),
        DumpFormat::Clients => clients(&db),
    };
    // Whoever reads it may have seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn unreadable(path: &Path, fault: &impl std::fmt::Display) -> String {
    format!("cannot read {}: {fault}", path.display())
}

/// One line for each entry, in the order of the file.
fn text(db: &MosquittoDb) -> String {
    let mut text = format!("format version {}, last message ID {}\n", db.version, db.last_id);
    // Writing to a string does not fail.
    for client in &db.clients {
        let expiry = match client.expiry_interval {
            u32::MAX => "never expires".to_owned(),
            seconds => format!("session expiry interval {seconds} s"),
        };
        let username = match &client.username {
            DbUsername::Known(name) => format!("username {}", Quoted(name)),
            DbUsername::Anonymous => "no username".to_owned(),
            DbUsername::Unknown => "username not known".to_owned(),
        };
        let _ = writeln!(text, "client {}: {username}, {expiry}, port {}", Quoted(&client.id), client.port);
    }
    for subscription in &db.subscriptions {
        let (client, filter) = (Quoted(&subscription.client), Quoted(&subscription.filter));
        let _ = writeln!(text, "subscription of {client} to {filter}: QoS {}", subscription.qos);
    }
    for message in &db.messages {
        let (topic, bytes) = (Quoted(&message.topic), message.payload.len());
        let source = Quoted(&message.source_client);
        let _ = writeln!(
            text,
            "message {}: {topic}, QoS {}, {bytes} bytes, from {source}",
            message.id, message.qos
        );
    }
    for delivery in &db.deliveries {
        let direction = match delivery.direction {
            DbDirection::FromClient => "from",
            DbDirection::ToClient => "to",
        };
        let (client, state) = (Quoted(&delivery.client), delivery.state.name());
        let _ = writeln!(
            text,
            "delivery of message {} {direction} {client}: QoS {}, packet identifier {}, {state}",
            delivery.message, delivery.qos, delivery.packet_id
        );
    }
    for id in &db.retained {
        let _ = writeln!(text, "retained: message {id}");
    }
    text
}

/// The keys are those of mosquitto_db_dump 2.1.
fn as_json(db: &MosquittoDb) -> Value {
    let messages = db.messages.iter().map(|message| {
        let mut entry = value!({
            "storeid": message.id, "expiry-time": message.expires, "source-mid": message.source_packet_id,
            "source-port": message.source_port, "qos": message.qos, "retain": u8::from(message.retain),
            "topic": message.topic,
        });
        let optional = [("clientid", &message.source_client), ("username", &message.source_username)];
        for (key, value) in optional.into_iter().filter(|(_, value)| !value.is_empty()) {
            entry[key] = value!(value);
        }
        if !message.payload.is_empty() {
            entry["payload"] = value!(BASE64.encode(&message.payload));
        }
        if let Ok(properties) = Properties::check(&message.properties, PacketSet::PUBLISH)
            && !message.properties.is_empty()
        {
            let mut object = Vec::new();
            json::properties(properties, &mut object);
            entry["properties"] = serde_json::from_slice(&object).unwrap_or_default();
        }
        entry
    });
    let clients = db.clients.iter().map(|client| {
        let mut entry = value!({
            "clientid": client.id, "session-expiry-time": client.expires,
            "session-expiry-interval": client.expiry_interval, "last-mid": client.last_packet_id,
            "listener-port": client.port,
        });
        if let DbUsername::Known(name) = &client.username {
            entry["username"] = value!(name);
        }
        entry
    });
    let deliveries = db.deliveries.iter().map(|delivery| {
        value!({
            "clientid": delivery.client, "storeid": delivery.message, "mid": delivery.packet_id,
            "qos": delivery.qos, "state": delivery.state as u8, "direction": delivery.direction as u8,
            "retain-dup": u8::from(delivery.retain) << 4 | u8::from(delivery.dup),
            "subscription-identifier": delivery.identifiers.first().copied().unwrap_or_default(),
        })
    });
    let subscriptions = db.subscriptions.iter().map(|subscription| {
        value!({
            "clientid": subscription.client, "topic": subscription.filter, "qos": subscription.qos,
            "options": subscription.options, "identifier": subscription.identifier,
        })
    });
    value!({
        "base-messages": messages.collect::<Vec<_>>(),
        "clients": clients.collect::<Vec<_>>(),
        "client-messages": deliveries.collect::<Vec<_>>(),
        "retained-messages": db.retained.iter().map(|id| value!({ "storeid": id })).collect::<Vec<_>>(),
        "subscriptions": subscriptions.collect::<Vec<_>>(),
    })
}

/// How many entries there are of each type, under mosquitto's names.
fn counts(db: &MosquittoDb) -> String {
    let MosquittoDb { version: _, last_id: _, messages, clients, deliveries, subscriptions, retained } = db;
    let rows = [
        ("CFG", 1),
        ("BASE_MSG", messages.len()),
        ("CLIENT_MSG", deliveries.len()),
        ("RETAIN", retained.len()),
        ("SUB", subscriptions.len()),
        ("CLIENT", clients.len()),
    ];
    rows.map(|(name, count)| format!("{:<20} {count}\n", format!("DB_CHUNK_{name}:"))).concat()
}

/// For each client its subscriptions and messages, and the bytes of both, as mosquitto prints them.
fn clients(db: &MosquittoDb) -> String {
    #[derive(Default)]
    struct Sums {
        subscriptions: usize,
        subscription_bytes: usize,
        messages: usize,
        message_bytes: usize,
    }
    let mut sums: BTreeMap<&str, Sums> =
        db.clients.iter().map(|client| (client.id.as_str(), Sums::default())).collect();
    for subscription in &db.subscriptions {
        let sum = sums.entry(&subscription.client).or_default();
        sum.subscriptions += 1;
        sum.subscription_bytes += subscription.filter.len();
    }
    let sizes: BTreeMap<u64, usize> =
        db.messages.iter().map(|message| (message.id, message.payload.len())).collect();
    for delivery in &db.deliveries {
        let sum = sums.entry(&delivery.client).or_default();
        sum.messages += 1;
        sum.message_bytes += sizes.get(&delivery.message).copied().unwrap_or_default();
    }
    let mut text = String::new();
    for (client, sum) in sums {
        let Sums { subscriptions, subscription_bytes, messages, message_bytes } = sum;
        let _ = writeln!(
            text,
            "SC: {subscriptions} SS: {subscription_bytes} MC: {messages} MS: {message_bytes}   {}",
            Quoted(client)
        );
    }
    text
}
