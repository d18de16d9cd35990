//! QoS 1 and 2, written once: what one side sends ([`Outbox`]) and what it receives ([`Inbox`]).
//!
//! MQTT is the same handshake twice, publisher to broker and broker to subscriber, so the broker's sessions and the
//! clients use these same two values. They hold packet identifiers and who owes whom an answer; they know no bytes, no
//! time and no queue of what is not yet sent.
//!
//! ```text
//!   QoS 1 sender     publish ──▶ Publish ── PUBACK ──▶ gone
//!   QoS 2 sender     publish ──▶ Publish ── PUBREC ──▶ Release ── PUBCOMP ──▶ gone
//!                                   └────── PUBREC, 0x80 or above ──▶ gone
//!   QoS 2 receiver   PUBLISH ──▶ held ── PUBREL ──▶ gone
//! ```
//!
//! The DUP flag is never consulted, only the identifier: an unseen QoS 2 PUBLISH that says DUP is new.

mod inbox;
mod outbox;
mod suspicion;

pub use inbox::{Arrival, Inbox};
pub use outbox::{Outbox, Received, Resend, Withdrawn};
pub use suspicion::Suspicion;

/// The greatest packet identifier there is.
pub const MAX_PACKET_ID: u16 = u16::MAX;
/// The greatest one of a session in the broker. Those above it are for what a bridge says for itself among the messages of
/// its session, which it hands on with their identifiers.
pub const MAX_SESSION_ID: u16 = 65_471;
