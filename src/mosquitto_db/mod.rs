//! mosquitto's persistence file (`mosquitto.db`), read and written.
//!
//! ```text
//!   file ─▶ read ─▶ MosquittoDb ─▶ import ─▶ records of the store
//!   file ◀─ write ◀─ MosquittoDb ◀─ export ◀─ what the store has
//! ```
//!
//! The file is a header (15 bytes of magic, a checksum that is always 0, the format version) and a sequence of chunks, each
//! with a type and a length. Versions 2 to 4 pack fields without padding; versions 5 and 6 write C structures as they lie in
//! memory: 64-bit fields in the byte order of the machine (little-endian here), all others in network byte order.
//!
//! | chunk | holds |
//! |---|---|
//! | 1 configuration | the last message ID that was given |
//! | 2 message | a message, once, whoever waits for it; the newest message comes first |
//! | 3 delivery | a message queued or in flight for a client, in the order of its queue, behind the client's chunk |
//! | 4 retained | the ID of a message that is retained |
//! | 5 subscription | a topic filter of a client |
//! | 6 client | a session |
//!
//! Source: `src/persist.h` and `src/persist_read_v*.c` of mosquitto 2.0, and files written by mosquitto 2.0.11.
//!
//! What it leaves out: opening files, and the clock.

mod export;
mod import;
mod read;
#[cfg(test)]
#[path = "../../tests/unit/mosquitto_db/mod.rs"]
mod tests;
mod write;

pub(crate) use export::export;
pub(crate) use import::{Imported, import};

/// What each file begins with.
const MAGIC: &[u8] = b"\x00\xB5\x00mosquitto db";
/// The format that mosquitto 2.0 and 2.1 write.
const CURRENT: u32 = 6;

/// The types of chunks.
mod chunk {
    pub(super) const CONFIGURATION: u32 = 1;
    pub(super) const MESSAGE: u32 = 2;
    pub(super) const DELIVERY: u32 = 3;
    pub(super) const RETAINED: u32 = 4;
    pub(super) const SUBSCRIPTION: u32 = 5;
    pub(super) const CLIENT: u32 = 6;
}

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MosquittoDb {
    /// The format version, 2 to 6.
    pub(crate) version: u32,
    pub(crate) last_id: u64,
    /// Messages in the order of the file.
    pub(crate) messages: Vec<DbMessage>,
    pub(crate) clients: Vec<DbClient>,
    /// Deliveries in the order of the file, which for each client is the order of its queue.
    pub(crate) deliveries: Vec<DbDelivery>,
    pub(crate) subscriptions: Vec<DbSubscription>,
    /// IDs of retained messages.
    pub(crate) retained: Vec<u64>,
}

/// A stored message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DbMessage {
    pub(crate) id: u64,
    /// Unix time in seconds at which it expires; 0: never.
    pub(crate) expires: i64,
    pub(crate) source_client: String,
    pub(crate) source_username: String,
    /// The port of the listener it arrived on.
    pub(crate) source_port: u16,
    pub(crate) source_packet_id: u16,
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    /// MQTT 5 properties without their length; the message expiry interval is not among them.
    pub(crate) properties: Vec<u8>,
}

/// A session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DbClient {
    pub(crate) id: String,
    pub(crate) username: DbUsername,
    /// The port of the listener; 0 before version 6.
    pub(crate) port: u16,
    pub(crate) last_packet_id: u16,
    /// The session expiry interval in seconds; `u32::MAX`: never.
    pub(crate) expiry_interval: u32,
    /// Unix time in seconds at which it expires; 0 while the client is connected, and if it never does.
    pub(crate) expires: i64,
}

/// What the file says about the username of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum DbUsername {
    /// The format has none, or the one that it has may be that of another client: see [`read`].
    #[default]
    Unknown,
    Anonymous,
    Known(String),
}

/// Which way a delivery goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DbDirection {
    FromClient,
    ToClient,
}

impl DbState {
    /// In words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WaitForPuback => "waits for PUBACK",
            Self::WaitForPubrec => "waits for PUBREC",
            Self::WaitForPubrel => "waits for PUBREL",
            Self::WaitForPubcomp => "waits for PUBCOMP",
            Self::Queued => "queued",
        }
    }
}

/// How far a delivery has come. The numbers are those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DbState {
    WaitForPuback = 3,
    WaitForPubrec = 5,
    WaitForPubrel = 7,
    WaitForPubcomp = 9,
    Queued = 11,
}

/// A message queued or in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DbDelivery {
    pub(crate) client: String,
    pub(crate) message: u64,
    pub(crate) packet_id: u16,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) direction: DbDirection,
    pub(crate) state: DbState,
    /// The subscription identifiers of this delivery.
    pub(crate) identifiers: Vec<u32>,
}

/// A subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DbSubscription {
    pub(crate) client: String,
    pub(crate) filter: String,
    pub(crate) qos: u8,
    /// The subscription options of MQTT 5 as in SUBSCRIBE, without the QoS.
    pub(crate) options: u8,
    /// The subscription identifier; 0: none.
    pub(crate) identifier: u32,
}
