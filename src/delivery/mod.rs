//! QoS 1 and 2, written once: what one side sends ([`Outbox`]) and what it receives ([`Inbox`]).
//!
//! MQTT is the same handshake twice, publisher to broker and broker to subscriber, so the broker's sessions and the
//! clients share these two types. They keep packet identifiers and which side has to answer next; they have no part in
//! encoding, time, or queues of messages not yet sent.
//!
//! ```text
//!   QoS 1 sender     publish ──▶ Publish ── PUBACK ──▶ gone
//!   QoS 2 sender     publish ──▶ Publish ── PUBREC ──▶ Release ── PUBCOMP ──▶ gone
//!                                   └────── PUBREC, 0x80 or above ──▶ gone
//!   QoS 2 receiver   PUBLISH ──▶ in use ── PUBREL ──▶ gone
//! ```
//!
//! The DUP flag is ignored: a QoS 2 PUBLISH with DUP whose identifier is not in use is new.

mod inbox;
mod outbox;
mod suspicion;

pub use inbox::{Arrival, Inbox};
pub use outbox::{Outbox, Received, Resend, Withdrawn};
pub use suspicion::Suspicion;

/// The greatest packet identifier.
pub const MAX_PACKET_ID: u16 = u16::MAX;
/// The greatest packet identifier in a session of the broker. A bridge forwards the messages of its session with their
/// identifiers, and uses those above for messages of its own.
pub const MAX_SESSION_ID: u16 = 65_471;
