//! The rows of the database: their types and encoding.
//!
//! A deadline is stored as the time left and the store's clock at that time, so that no change of a clock can extend it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::clock::StoreClock;
use crate::broker::{
    OwnerUser, Parked, Rights, SavedRetained, SessionOwner, SessionRecord, StoredMessage, StoredWill,
    Subscribed, Who,
};
use crate::codec::packet::{Options, PacketId, RetainHandling};
use crate::message::{Message, MessageRef, QoS};
use crate::time::Instant;

impl StoreClock {
    fn deadline(self, at: Instant) -> Option<Deadline> {
        let left = u64::try_from(at.since(self.now).as_millis()).unwrap_or(u64::MAX);
        (at != Instant::NEVER).then_some(Deadline { written: self.time, left })
    }

    fn instant(self, deadline: Option<Deadline>) -> Instant {
        deadline.map_or(Instant::NEVER, |Deadline { written, left }| {
            self.now + Duration::from_millis(left.saturating_sub(self.time.saturating_sub(written)))
        })
    }
}

/// A moment on the clock of the store.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Deadline {
    /// Milliseconds of that clock.
    written: u64,
    /// Milliseconds from there.
    left: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MessageRow<'a> {
    topic: &'a str,
    #[serde(with = "serde_bytes")]
    properties: &'a [u8],
    #[serde(with = "serde_bytes")]
    payload: &'a [u8],
    qos: u8,
    retain: bool,
    expires: Option<Deadline>,
}

impl<'a> MessageRow<'a> {
    pub(super) fn new(message: &'a Message, clock: StoreClock) -> Self {
        let MessageRef { topic, properties, payload, qos, retain, expires } = message.as_ref();
        Self { topic, properties, payload, qos: qos.bits(), retain, expires: clock.deadline(expires) }
    }

    pub(super) fn message(&self, clock: StoreClock) -> Option<Message> {
        let Self { topic, properties, payload, qos, retain, expires } = *self;
        let (qos, expires) = (QoS::from_bits(qos)?, clock.instant(expires));
        Some(MessageRef { topic, properties, payload, qos, retain, expires }.to_message())
    }

    /// Bytes of content.
    pub(super) fn len(&self) -> usize {
        self.topic.len() + self.properties.len() + self.payload.len()
    }
}

/// A retained message, and who published it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RetainedRow<'a> {
    #[serde(borrow)]
    message: MessageRow<'a>,
    #[serde(borrow)]
    source: Option<WhoRow<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WhoRow<'a> {
    client: &'a str,
    username: Option<&'a str>,
    listener: u32,
}

impl<'a> RetainedRow<'a> {
    pub(super) fn new(message: &'a Message, source: Option<&'a Who>, clock: StoreClock) -> Self {
        let source = source.map(|Who { client, username, listener }| WhoRow {
            client,
            username: username.as_deref(),
            listener: stored_listener(*listener),
        });
        Self { message: MessageRow::new(message, clock), source }
    }

    pub(super) fn saved(&self, clock: StoreClock) -> Option<SavedRetained> {
        let source = match &self.source {
            None => None,
            Some(WhoRow { client, username, listener }) => {
                let (client, username) = ((*client).into(), username.map(Into::into));
                Some(Arc::new(Who { client, username, listener: listener_of(*listener)? }))
            }
        };
        Some(SavedRetained { message: self.message.message(clock)?, source })
    }
}

/// How far the delivery of an entry has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum EntryState {
    /// In its owner's queue, or in flight at QoS 1.
    Queue,
    /// In flight at QoS 2, in the session that owns it.
    Sent { id: PacketId, sequence: u64 },
    /// The same once PUBREC has come.
    Received { id: PacketId, sequence: u64 },
}

/// The content of an entry.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Content<'a> {
    Here(#[serde(borrow)] MessageRow<'a>),
    /// The number of a body that entries share, and its size in bytes.
    Body(u64, u64),
    /// No longer needed.
    Gone,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct EntryRow<'a> {
    pub(super) owner: u64,
    pub(super) state: EntryState,
    qos: u8,
    retain: bool,
    ids: Vec<u32>,
    #[serde(borrow)]
    pub(super) content: Content<'a>,
}

impl<'a> EntryRow<'a> {
    pub(super) fn new(owner: u64, state: EntryState, entry: &StoredMessage, content: Content<'a>) -> Self {
        let ids = entry.ids.as_deref().unwrap_or_default().to_vec();
        Self { owner, state, qos: entry.qos.bits(), retain: entry.retain, ids, content }
    }

    /// A QoS 2 exchange after PUBREC, which needs its message no longer.
    pub(super) fn received(owner: u64, id: PacketId, sequence: u64) -> Self {
        let state = EntryState::Received { id, sequence };
        Self { owner, state, qos: 2, retain: false, ids: Vec::new(), content: Content::Gone }
    }

    pub(super) fn entry(&self, number: u64, message: Message) -> Option<StoredMessage> {
        let qos = QoS::from_bits(self.qos)?;
        let ids = (!self.ids.is_empty()).then(|| self.ids.as_slice().into());
        Some(StoredMessage { number, message, qos, retain: self.retain, ids })
    }
}

/// A session. In the same row follow an [`OwnerRow`], except in rows of older versions, and `sent_below` if the session was
/// connected when the broker stopped.
#[derive(Debug, Serialize, Deserialize)]
struct SessionRow<'a> {
    client: &'a str,
    username: Option<&'a str>,
    listener: u32,
    expiry: u32,
    will: Option<WillRow<'a>>,
    parked: Option<ParkedRow>,
}

/// The owner of a session; the name of its user is the username of the session.
#[derive(Debug, Serialize, Deserialize)]
struct OwnerRow<'a> {
    user: OwnerKind,
    mount_point: Option<&'a str>,
}

#[derive(Debug, Serialize, Deserialize)]
enum OwnerKind {
    Anonymous,
    Unverified,
    User,
    Bridge,
}

#[derive(Debug, Serialize, Deserialize)]
struct WillRow<'a> {
    topic: &'a str,
    #[serde(with = "serde_bytes")]
    properties: &'a [u8],
    #[serde(with = "serde_bytes")]
    payload: &'a [u8],
    qos: u8,
    retain: bool,
    expiry: Option<u32>,
    delay: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct ParkedRow {
    expires: Option<Deadline>,
    will_due: Option<Deadline>,
    sent_below: u64,
}

impl<'a> SessionRow<'a> {
    fn new(record: &'a SessionRecord, clock: StoreClock) -> Self {
        let SessionRecord { key: _, client, username, listener, owner: _, expiry, will, parked, sent_below } =
            record;
        let will = will.as_ref().map(|will| {
            let StoredWill { topic, properties, payload, qos, retain, expiry, delay } = will;
            let (qos, retain, expiry, delay) = (qos.bits(), *retain, *expiry, *delay);
            WillRow { topic, properties, payload, qos, retain, expiry, delay }
        });
        let parked = parked.map(|Parked { expires, will_due }| ParkedRow {
            expires: clock.deadline(expires),
            will_due: clock.deadline(will_due),
            sent_below: *sent_below,
        });
        let listener = stored_listener(*listener);
        Self { client, username: username.as_deref(), listener, expiry: *expiry, will, parked }
    }

    fn record(self, key: u64, clock: StoreClock) -> Option<SessionRecord> {
        let Self { client, username, listener, expiry, will, parked } = self;
        let will = match will {
            None => None,
            Some(WillRow { topic, properties, payload, qos, retain, expiry, delay }) => {
                let (topic, properties, payload) = (topic.into(), properties.into(), payload.into());
                Some(StoredWill {
                    topic,
                    properties,
                    payload,
                    qos: QoS::from_bits(qos)?,
                    retain,
                    expiry,
                    delay,
                })
            }
        };
        let sent_below = parked.as_ref().map_or(u64::MAX, |parked| parked.sent_below);
        let parked = parked.map(|ParkedRow { expires, will_due, sent_below: _ }| Parked {
            expires: clock.instant(expires),
            will_due: clock.instant(will_due),
        });
        let (client, username) = (client.into(), username.map(Into::into));
        let listener = listener_of(listener)?;
        Some(SessionRecord { key, client, username, listener, owner: None, expiry, will, parked, sent_below })
    }
}

impl<'a> OwnerRow<'a> {
    fn new(owner: &'a SessionOwner) -> Self {
        let user = match owner.user {
            OwnerUser::Anonymous => OwnerKind::Anonymous,
            OwnerUser::Unverified(_) => OwnerKind::Unverified,
            OwnerUser::User(_) => OwnerKind::User,
            OwnerUser::Bridge => OwnerKind::Bridge,
        };
        Self { user, mount_point: owner.mount_point.as_deref() }
    }

    fn owner(self, username: Option<&Arc<str>>) -> Option<SessionOwner> {
        let user = match self.user {
            OwnerKind::Anonymous => OwnerUser::Anonymous,
            OwnerKind::Unverified => OwnerUser::Unverified(username?.clone()),
            OwnerKind::User => OwnerUser::User(username?.clone()),
            OwnerKind::Bridge => OwnerUser::Bridge,
        };
        Some(SessionOwner { user, mount_point: self.mount_point.map(Into::into) })
    }
}

/// The row of a session.
pub(super) fn encode_session(record: &SessionRecord, clock: StoreClock) -> Vec<u8> {
    let mut bytes = encode(&SessionRow::new(record, clock));
    if let Some(owner) = &record.owner {
        bytes.extend(encode(&OwnerRow::new(owner)));
        if record.parked.is_none() && record.sent_below < u64::MAX {
            bytes.extend(encode(&record.sent_below));
        }
    }
    bytes
}

/// The session of a row.
pub(super) fn decode_session(bytes: &[u8], key: u64, clock: StoreClock) -> Option<SessionRecord> {
    let (row, rest) = postcard::take_from_bytes::<SessionRow<'_>>(bytes).ok()?;
    let mut record = row.record(key, clock)?;
    if !rest.is_empty() {
        let (owner, rest) = postcard::take_from_bytes::<OwnerRow<'_>>(rest).ok()?;
        record.owner = Some(owner.owner(record.username.as_ref())?);
        if !rest.is_empty() {
            record.sent_below = decode(rest)?;
        }
    }
    Some(record)
}

/// The number of a listener as stored. Those of this broker's bridges count down from `u32::MAX`.
fn stored_listener(listener: usize) -> u32 {
    match listener.checked_sub(Rights::BRIDGES) {
        Some(bridge) => u32::MAX - u32::try_from(bridge).unwrap_or(0),
        None => u32::try_from(listener).unwrap_or(0),
    }
}

fn listener_of(stored: u32) -> Option<usize> {
    match usize::try_from(u32::MAX - stored).ok()? {
        bridge @ ..16 => Some(Rights::BRIDGES + bridge),
        _ => usize::try_from(stored).ok(),
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SubscriptionRow {
    qos: u8,
    no_local: bool,
    retain_as_published: bool,
    retain_handling: u8,
    id: Option<u32>,
}

impl SubscriptionRow {
    pub(super) fn new(subscribed: &Subscribed) -> Self {
        let Subscribed { options, id } = subscribed;
        let Options { qos, no_local, retain_as_published, retain_handling } = *options;
        let (qos, retain_handling) = (qos.bits(), retain_handling as u8);
        Self { qos, no_local, retain_as_published, retain_handling, id: *id }
    }

    pub(super) fn subscribed(&self) -> Option<Subscribed> {
        let Self { qos, no_local, retain_as_published, retain_handling, id } = *self;
        let retain_handling = match retain_handling {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return None,
        };
        let qos = QoS::from_bits(qos)?;
        Some(Subscribed { options: Options { qos, no_local, retain_as_published, retain_handling }, id })
    }
}

/// The bytes of a row.
pub(super) fn encode(row: &impl Serialize) -> Vec<u8> {
    // Writing to memory cannot fail, and every row can be encoded.
    postcard::to_allocvec(row).unwrap_or_default()
}

/// Decodes a row; `None` if the bytes are not one.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::{
        SessionRow, StoreClock, decode_session, encode, encode_session, listener_of, stored_listener,
    };
    use crate::broker::{OwnerUser, Rights, SessionOwner, SessionRecord};
    use crate::time::Instant;

    #[test]
    fn sessions_written_before_they_had_owners_are_read_and_the_owner_of_others_is_kept() {
        let owner = SessionOwner { user: OwnerUser::User("ann".into()), mount_point: Some("site/".into()) };
        let record = SessionRecord {
            key: 7,
            client: "c".into(),
            username: Some("ann".into()),
            listener: 2,
            owner: Some(owner),
            expiry: 60,
            will: None,
            parked: None,
            sent_below: u64::MAX,
        };
        let clock = StoreClock { time: 0, now: Instant::ZERO };
        let (old, new) = (encode(&SessionRow::new(&record, clock)), encode_session(&record, clock));
        assert!(new.starts_with(&old), "an older program reads what it knows of a newer row");
        assert_eq!(decode_session(&new, 7, clock), Some(record.clone()));
        assert_eq!(decode_session(&old, 7, clock), Some(SessionRecord { owner: None, ..record.clone() }));
        let stopped = SessionRecord { sent_below: 300, ..record };
        assert_eq!(decode_session(&encode_session(&stopped, clock), 7, clock), Some(stopped));
        assert_eq!(decode_session(&new[..new.len() - 1], 7, clock), None);
    }

    #[test]
    fn listeners_of_bridges_stay_such() {
        for listener in [0, 1, 1_000, Rights::BRIDGES, Rights::BRIDGES + 2] {
            assert_eq!(listener_of(stored_listener(listener)), Some(listener));
        }
    }
}
