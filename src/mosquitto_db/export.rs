//! From what the store has to a persistence file: the way back to mosquitto.

use std::collections::{HashMap, HashSet};

use super::import::released;
use super::{
    CURRENT, DbClient, DbDelivery, DbDirection, DbMessage, DbState, DbSubscription, DbUsername, MosquittoDb,
};
use crate::broker::{Saved, SavedSession, StoredMessage, Who};
use crate::codec::packet::Options;
use crate::delivery::MAX_SESSION_ID;
use crate::message::{Message, MessageRef, QoS};
use crate::time::Instant;

/// A persistence file, and what it cannot hold.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    pub(crate) db: MosquittoDb,
    /// Queued and in-flight messages.
    pub(crate) messages: usize,
    /// What mosquitto does not get, one line each.
    pub(crate) left_out: Vec<String>,
}

/// Converts what the store has. The store's time begins at [`Instant::ZERO`] now, which is the Unix time `now` in seconds.
pub(crate) fn export(saved: &Saved, now: i64) -> Exported {
    let db = MosquittoDb { version: CURRENT, ..MosquittoDb::default() };
    let mut export = Export { now, blocks: HashMap::new(), exported: Exported { db, ..Exported::default() } };
    for retained in &saved.retained {
        let id = export.message(&retained.message, true, retained.source.as_deref());
        export.exported.db.retained.push(id);
    }
    let mut known = HashSet::new();
    for session in &saved.sessions {
        let client = &*session.record.client;
        if session.record.expiry == 0 {
            continue;
        }
        if known.insert(client) {
            export.session(session);
        } else {
            export.left_out(format!(
                "the session {client:?} of another user: mosquitto has one session for each client ID"
            ));
        }
    }
    for group in &saved.groups {
        let waiting = group.queue.head.len() + group.queue.rest;
        if waiting > 0 {
            export
                .left_out(format!("{waiting} messages queued for the shared subscription {}", group.filter));
        }
    }
    export.exported
}

struct Export {
    now: i64,
    /// The ID of each message in the file, by its block and whether it is a retained one.
    blocks: HashMap<(usize, bool), u64>,
    exported: Exported,
}

impl Export {
    fn left_out(&mut self, what: String) {
        self.exported.left_out.push(what);
    }

    /// The ID of a message, which is added to the file if it is new.
    fn message(&mut self, message: &Message, retained: bool, source: Option<&Who>) -> u64 {
        let (db, now) = (&mut self.exported.db, self.now);
        *self.blocks.entry((message.block(), retained)).or_insert_with(|| {
            db.last_id += 1;
            let MessageRef { topic, properties, payload, qos, retain, expires } = message.as_ref();
            db.messages.push(DbMessage {
                id: db.last_id,
                expires: unix(expires, now),
                source_client: source.map(|source| source.client.to_string()).unwrap_or_default(),
                source_username: source
                    .and_then(|source| source.username.as_deref())
                    .unwrap_or_default()
                    .to_owned(),
                source_port: 0,
                source_packet_id: 0,
                topic: topic.to_owned(),
                payload: payload.to_vec(),
                qos: qos.bits(),
                retain: retain || retained,
                properties: properties.to_vec(),
            });
            db.last_id
        })
    }

    fn session(&mut self, session: &SavedSession) {
        let record = &session.record;
        let expires = match (record.expiry, record.parked) {
            (u32::MAX, _) => 0,
            (_, Some(parked)) => unix(parked.expires, self.now),
            (interval, None) => self.now + i64::from(interval),
        };
        let client = record.client.to_string();
        self.subscriptions(session);
        if !session.held.is_empty() {
            let count = session.held.len();
            self.left_out(format!(
                "{count} packet identifiers of QoS 2 messages from {client:?} that wait for PUBREL: if that client repeats \
                 such a PUBLISH, it is delivered twice"
            ));
        }
        if record.will.is_some() {
            self.left_out(format!("the will of {client:?}"));
        }
        let deliveries = self.deliveries(session);
        let last_packet_id = deliveries.last().map_or(0, |delivery| delivery.packet_id);
        self.exported.messages += deliveries.len();
        self.exported.db.deliveries.extend(deliveries);
        self.exported.db.clients.push(DbClient {
            id: client,
            username: record
                .username
                .as_deref()
                .map_or(DbUsername::Anonymous, |name| DbUsername::Known(name.into())),
            port: 0,
            last_packet_id,
            expiry_interval: record.expiry,
            expires,
        });
    }

    fn subscriptions(&mut self, session: &SavedSession) {
        for (filter, subscribed) in &session.subscriptions {
            let client = session.record.client.to_string();
            if filter.starts_with("$share/") {
                self.left_out(format!(
                    "the shared subscription {filter} of {client:?}: mosquitto does not store any"
                ));
                continue;
            }
            let Options { qos, no_local, retain_as_published, retain_handling } = subscribed.options;
            let options =
                u8::from(no_local) << 2 | u8::from(retain_as_published) << 3 | (retain_handling as u8) << 4;
            self.exported.db.subscriptions.push(DbSubscription {
                client,
                filter: filter.to_string(),
                qos: qos.bits(),
                options,
                identifier: subscribed.id.unwrap_or(0),
            });
        }
    }

    /// What is in flight, then what is queued.
    fn deliveries(&mut self, session: &SavedSession) -> Vec<DbDelivery> {
        let mut deliveries = Vec::new();
        let mut used = HashSet::new();
        for sent in &session.sent {
            let id = sent.sequence % u64::from(MAX_SESSION_ID) + 1;
            // At most MAX_SESSION_ID.
            let id = u16::try_from(id).unwrap_or(MAX_SESSION_ID);
            used.insert(id);
            let (message, state) = match &sent.entry {
                Some(entry) => (self.message(&entry.message, false, None), DbState::WaitForPubrec),
                // mosquitto wants a message for each delivery.
                None => (self.message(&released(), false, None), DbState::WaitForPubcomp),
            };
            deliveries.push(DbDelivery {
                client: session.record.client.to_string(),
                message,
                packet_id: id,
                qos: QoS::ExactlyOnce.bits(),
                retain: sent.entry.as_ref().is_some_and(|entry| entry.retain),
                dup: true,
                direction: DbDirection::ToClient,
                state,
                identifiers: identifiers(sent.entry.as_ref()),
            });
        }
        let mut free = (1..=u16::MAX).cycle().filter(|id| !used.contains(id));
        for entry in &session.queue.head {
            let message = self.message(&entry.message, false, None);
            deliveries.push(DbDelivery {
                client: session.record.client.to_string(),
                message,
                // The iterator never ends: not all identifiers are in flight.
                packet_id: free.next().unwrap_or(1),
                qos: entry.qos.bits(),
                retain: entry.retain,
                dup: entry.qos == QoS::AtLeastOnce && entry.number < session.record.sent_below,
                direction: DbDirection::ToClient,
                state: DbState::Queued,
                identifiers: identifiers(Some(entry)),
            });
        }
        deliveries
    }
}

fn identifiers(entry: Option<&StoredMessage>) -> Vec<u32> {
    entry.and_then(|entry| entry.ids.as_deref()).unwrap_or_default().to_vec()
}

/// A moment of the store as Unix time; 0: never.
fn unix(at: Instant, now: i64) -> i64 {
    if at == Instant::NEVER {
        return 0;
    }
    let seconds = at.as_micros().div_ceil(1_000_000);
    now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX))
}
