//! From a persistence file to records of the store.
//!
//! mosquitto and skeeter differ in two points that matter here. mosquitto hands a QoS 2 message on when PUBREL arrives, skeeter
//! when PUBLISH does: a message that waits for PUBREL is therefore routed by the import, and its packet identifier is kept so
//! that a repeated PUBLISH is recognised. And mosquitto identifies a session by its client ID alone, skeeter by user as well.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use super::{DbClient, DbDelivery, DbDirection, DbMessage, DbState, DbSubscription, DbUsername, MosquittoDb};
use crate::broker::{Parked, Record, Saved, SessionRecord, StoredMessage, Subscribed, Who};
use crate::codec::packet::{Options, PacketId, RetainHandling};
use crate::delivery::MAX_SESSION_ID;
use crate::message::{Message, MessageRef, QoS};
use crate::sync::Arc;
use crate::time::Instant;
use crate::topic::{TopicFilter, TopicName};

/// What an import comes to.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    pub(crate) records: Vec<Record>,
    pub(crate) sessions: usize,
    pub(crate) subscriptions: usize,
    pub(crate) retained: usize,
    pub(crate) queued: usize,
    pub(crate) in_flight: usize,
    /// Sessions and messages that had expired.
    pub(crate) expired: usize,
    /// Client IDs of sessions that the store had already; they were not changed.
    pub(crate) skipped: Vec<String>,
    /// Sessions whose username is not in the file, so that only a client without a username resumes them.
    pub(crate) without_username: usize,
    /// What could not be imported, one line each.
    pub(crate) rejected: Vec<String>,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, subscriptions, retained, queued, in_flight, expired, without_username, .. } =
            self;
        write!(
            f,
            "{retained} retained messages, {sessions} sessions with {subscriptions} subscriptions, {queued} queued and \
             {in_flight} in-flight messages"
        )?;
        if *expired > 0 {
            write!(f, "; {expired} sessions or messages had expired")?;
        }
        if *without_username > 0 {
            write!(
                f,
                "; {without_username} sessions have no reliable username in the file, so only clients without a username \
                 resume them"
            )?;
        }
        Ok(())
    }
}

/// Converts a file to records. The store's time begins at [`Instant::ZERO`] now.
///
/// `there`: what the store has already; a session or a retained message that is there is not replaced. `now`: Unix time in
/// seconds. `listener` gives the number of the listener with a port.
pub(crate) fn import(db: &MosquittoDb, there: &Saved, now: i64, listener: impl Fn(u16) -> usize) -> Imported {
    let mut import = Import {
        db,
        now,
        messages: HashMap::new(),
        sessions: HashMap::new(),
        subscriptions: HashMap::new(),
        last_key: last_key(there),
        last_number: there.last_number,
        imported: Imported::default(),
    };
    import.messages(&listener);
    import.retained(there);
    for subscription in &db.subscriptions {
        import.subscriptions.entry(&subscription.client).or_default().push(subscription);
    }
    let mut deliveries: HashMap<&str, Vec<&DbDelivery>> = HashMap::new();
    for delivery in &db.deliveries {
        deliveries.entry(&delivery.client).or_default().push(delivery);
    }
    let known: HashSet<&str> = there.sessions.iter().map(|session| &*session.record.client).collect();
    let mut received = Vec::new();
    for client in &db.clients {
        if known.contains(&*client.id) {
            import.imported.skipped.push(client.id.clone());
            continue;
        }
        let deliveries = deliveries.remove(&*client.id).unwrap_or_default();
        received.extend(import.session(client, &deliveries, listener(client.port)));
    }
    for (delivery, message) in received {
        import.route(delivery, &message);
    }
    import.imported
}

/// The greatest key of a session or group.
fn last_key(there: &Saved) -> u64 {
    let sessions = there.sessions.iter().map(|session| session.record.key);
    sessions.chain(there.groups.iter().map(|group| group.key)).max().unwrap_or(0)
}

struct Import<'a> {
    db: &'a MosquittoDb,
    now: i64,
    /// Messages that have not expired, by ID.
    messages: HashMap<u64, (Message, Arc<Who>)>,
    /// The keys of imported sessions.
    sessions: HashMap<&'a str, u64>,
    subscriptions: HashMap<&'a str, Vec<&'a DbSubscription>>,
    last_key: u64,
    last_number: u64,
    imported: Imported,
}

impl<'a> Import<'a> {
    /// Makes each message once, so that all its receivers share it.
    fn messages(&mut self, listener: &impl Fn(u16) -> usize) {
        for message in &self.db.messages {
            if message.expires != 0 && message.expires <= self.now {
                self.imported.expired += 1;
                continue;
            }
            match self.message(message) {
                Ok(made) => {
                    let DbMessage { source_client, source_username, source_port, .. } = message;
                    let username = (!source_username.is_empty()).then(|| source_username.as_str().into());
                    let client = source_client.as_str().into();
                    let source = Who { client, username, listener: listener(*source_port) };
                    self.messages.insert(message.id, (made, Arc::new(source)));
                }
                Err(why) => self.imported.rejected.push(why),
            }
        }
    }

    fn message(&self, message: &DbMessage) -> Result<Message, String> {
        let DbMessage { topic, payload, properties, retain, .. } = message;
        TopicName::new(topic)
            .map_err(|_| format!("a message with the topic {topic:?}, which is not valid"))?;
        let qos = QoS::from_bits(message.qos).ok_or_else(|| format!("a message for {topic:?} with QoS 3"))?;
        let expires = match message.expires {
            0 => Instant::NEVER,
            at => Instant::ZERO + seconds(at - self.now),
        };
        Ok(MessageRef { topic, properties, payload, qos, retain: *retain, expires }.to_message())
    }

    fn retained(&mut self, there: &Saved) {
        let known: HashSet<&str> = there.retained.iter().map(|it| it.message.as_ref().topic).collect();
        for id in &self.db.retained {
            let Some((message, source)) = self.messages.get(id) else { continue };
            if !known.contains(message.as_ref().topic) {
                self.imported.retained += 1;
                let (message, source) = (message.clone(), Some(source.clone()));
                self.imported.records.push(Record::Retain { message, source });
            }
        }
    }

    /// A session with its subscriptions and its queue; the received QoS 2 messages that are to be routed.
    fn session(
        &mut self,
        client: &'a DbClient,
        deliveries: &[&'a DbDelivery],
        listener: usize,
    ) -> Vec<(&'a DbDelivery, Message)> {
        let Some(expires) = self.expiry(client) else {
            self.imported.expired += 1;
            return Vec::new();
        };
        self.last_key += 1;
        let key = self.last_key;
        self.sessions.insert(&client.id, key);
        self.imported.sessions += 1;
        let username = match &client.username {
            DbUsername::Known(name) => Some(name.as_str().into()),
            DbUsername::Anonymous => None,
            DbUsername::Unknown => {
                self.imported.without_username += 1;
                None
            }
        };
        let is_sent = |delivery: &&&DbDelivery| {
            delivery.direction == DbDirection::ToClient && delivery.state != DbState::Queued
        };
        let sent_at_least_once =
            deliveries.iter().filter(is_sent).filter(|it| it.state == DbState::WaitForPuback);
        let record = SessionRecord {
            key,
            client: client.id.as_str().into(),
            username,
            listener,
            owner: None,
            expiry: client.expiry_interval,
            will: None,
            parked: Some(Parked { expires, will_due: Instant::NEVER }),
            sent_below: self.last_number + 1 + sent_at_least_once.count() as u64,
        };
        self.imported.records.push(Record::Session(Box::new(record)));
        for subscription in self.subscriptions.get(&*client.id).cloned().unwrap_or_default() {
            self.subscription(key, subscription);
        }
        // Those of QoS 1 first: their numbers say that they were sent.
        let (first, others): (Vec<&DbDelivery>, Vec<&DbDelivery>) =
            deliveries.iter().partition(|it| it.state == DbState::WaitForPuback);
        let mut session = ImportedSession { key, last_sequence: None };
        let mut received = Vec::new();
        for delivery in first.into_iter().chain(others) {
            received.extend(self.delivery(&mut session, delivery));
        }
        received
    }

    /// When a session expires; nothing if it has.
    fn expiry(&self, client: &DbClient) -> Option<Instant> {
        match (client.expiry_interval, client.expires) {
            (u32::MAX, _) => Some(Instant::NEVER),
            (0, _) => None,
            // It was connected when the file was written.
            (interval, 0) => Some(Instant::ZERO + Duration::from_secs(interval.into())),
            (_, at) if at <= self.now => None,
            (_, at) => Some(Instant::ZERO + seconds(at - self.now)),
        }
    }

    fn subscription(&mut self, session: u64, subscription: &DbSubscription) {
        let DbSubscription { client, filter, qos, options, identifier } = subscription;
        let (Ok(_), Some(qos)) = (TopicFilter::new(filter), QoS::from_bits(*qos)) else {
            self.imported
                .rejected
                .push(format!("the subscription of {client:?} to {filter:?}, which is not valid"));
            return;
        };
        let options = Options {
            qos,
            no_local: options & 0x04 != 0,
            retain_as_published: options & 0x08 != 0,
            retain_handling: match options >> 4 & 3 {
                0 => RetainHandling::Send,
                1 => RetainHandling::SendIfNew,
                _ => RetainHandling::DoNotSend,
            },
        };
        let subscribed = Subscribed { options, id: Some(*identifier).filter(|id| *id != 0) };
        self.imported.subscriptions += 1;
        self.imported.records.push(Record::Subscribe { session, filter: filter.as_str().into(), subscribed });
    }

    /// A message queued or in flight; returned if it is to be routed.
    fn delivery(
        &mut self,
        session: &mut ImportedSession,
        delivery: &'a DbDelivery,
    ) -> Option<(&'a DbDelivery, Message)> {
        let key = session.key;
        let found = self.messages.get(&delivery.message).map(|(message, _)| message.clone());
        let id = PacketId::new(delivery.packet_id);
        match (delivery.direction, delivery.state, id) {
            (DbDirection::FromClient, DbState::WaitForPubrel, Some(id)) => {
                self.imported.in_flight += 1;
                self.imported.records.push(Record::Hold { session: key, id });
                return found.map(|message| (delivery, message));
            }
            // The client has no PUBREC yet, and sends the message again.
            (DbDirection::FromClient, ..) => {}
            (DbDirection::ToClient, state, id) => {
                let is_released = state == DbState::WaitForPubcomp;
                let message = found.or_else(|| is_released.then(released))?;
                let entry = self.entry(message, delivery)?;
                let number = entry.number;
                let is_sent = is_released || state == DbState::WaitForPubrec;
                let sent = id.filter(|_| is_sent).and_then(|id| Some((id, session.sequence(id)?)));
                if is_released && sent.is_none() {
                    return None;
                }
                self.imported.records.push(Record::Enqueue { owner: key, entry });
                if let Some((id, sequence)) = sent {
                    self.imported.records.push(Record::Send { session: key, id, sequence, number });
                    if is_released {
                        self.imported.records.push(Record::Received { session: key, id, sequence });
                    }
                }
                match state {
                    DbState::Queued => self.imported.queued += 1,
                    _ => self.imported.in_flight += 1,
                }
            }
        }
        None
    }

    fn entry(&mut self, message: Message, delivery: &DbDelivery) -> Option<StoredMessage> {
        let qos = QoS::from_bits(delivery.qos)?;
        self.last_number += 1;
        let ids = (!delivery.identifiers.is_empty()).then(|| {
            let mut ids = delivery.identifiers.clone();
            ids.sort_unstable();
            ids.into()
        });
        Some(StoredMessage { number: self.last_number, message, qos, retain: delivery.retain, ids })
    }

    /// Delivers a received QoS 2 message to the imported sessions that subscribe to its topic, and retains it if it says so.
    fn route(&mut self, delivery: &DbDelivery, message: &Message) {
        let MessageRef { topic, payload, retain, .. } = message.as_ref();
        if retain && payload.is_empty() {
            self.imported.records.push(Record::ClearRetained { topic: topic.into() });
        } else if retain {
            let source = self.messages.get(&delivery.message).map(|(_, source)| source.clone());
            self.imported.records.push(Record::Retain { message: message.clone(), source });
        }
        let mut receivers: Vec<(u64, StoredMessage)> = Vec::new();
        for (client, session) in &self.sessions {
            let all = self.subscriptions.get(client).into_iter().flatten();
            let matching = all.filter(|it| crate::topic::matches(&it.filter, topic));
            let matching: Vec<_> =
                matching.filter(|it| it.options & 0x04 == 0 || *client != delivery.client).collect();
            let Some(qos) = matching.iter().filter_map(|it| QoS::from_bits(it.qos)).max() else { continue };
            let mut ids: Vec<u32> = matching.iter().map(|it| it.identifier).filter(|id| *id != 0).collect();
            ids.sort_unstable();
            let retain = retain && matching.iter().any(|it| it.options & 0x08 != 0);
            let ids = (!ids.is_empty()).then(|| ids.into());
            let qos = qos.min(message.qos());
            receivers
                .push((*session, StoredMessage { number: 0, message: message.clone(), qos, retain, ids }));
        }
        receivers.sort_unstable_by_key(|(session, _)| *session);
        for (owner, mut entry) in receivers {
            self.last_number += 1;
            entry.number = self.last_number;
            self.imported.queued += 1;
            self.imported.records.push(Record::Enqueue { owner, entry });
        }
    }
}

/// A session while its deliveries are converted.
struct ImportedSession {
    key: u64,
    /// The sequence number of the QoS 2 message in flight that was converted last.
    last_sequence: Option<u64>,
}

impl ImportedSession {
    /// The sequence number under which a packet identifier is in flight: sequence numbers ascend, and the identifier follows
    /// from them. Nothing for an identifier that the broker never gives; such a message is sent again under another.
    fn sequence(&mut self, id: PacketId) -> Option<u64> {
        let cycle = u64::from(MAX_SESSION_ID);
        let mut sequence = u64::from(id.get() - 1);
        if sequence >= cycle {
            return None;
        }
        if let Some(last) = self.last_sequence
            && sequence <= last
        {
            sequence += (last - sequence) / cycle * cycle + cycle;
        }
        self.last_sequence = Some(sequence);
        Some(sequence)
    }
}

/// Stands for the message of a delivery that waits for PUBCOMP, if the file does not have it any more: nobody receives it.
pub(super) fn released() -> Message {
    let (topic, properties, payload) = ("released", &[][..], &[][..]);
    let (qos, retain, expires) = (QoS::ExactlyOnce, false, Instant::NEVER);
    MessageRef { topic, properties, payload, qos, retain, expires }.to_message()
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap_or(0))
}
