//! Bytes and packets: the only place that asks how a version of MQTT writes something.
//!
//! [`frame`] cuts one frame off a stream, [`decode`] reads it, [`encode`] writes one; [`head`] writes the part of a
//! PUBLISH that differs from receiver to receiver. "Not yet" is `Ok(None)`, never an error; what is malformed is a
//! [`Malformed`] with the reason code that MQTT 5 gives it. Whether a packet may be sent by this side at this moment is
//! not asked here.

#[cfg(test)]
pub(crate) mod arbitrary;
mod connect;
mod encode;
#[cfg(test)]
pub(crate) mod faults;
pub mod fence;
pub mod frame;
pub mod head;
pub mod packet;
#[cfg(test)]
mod proofs;
pub mod property;
mod publish;
mod read;
pub mod reason;
pub mod v3;
mod v5;
mod write;

pub use connect::{connect_version, decode_connect};
pub use encode::encode;

use frame::Frame;
use packet::{Packet, Version};
use reason::Reason;

/// Bytes that are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// [`Reason::MALFORMED_PACKET`], [`Reason::PROTOCOL_ERROR`], or the more exact one that the standard names.
    pub reason: Reason,
    /// For the log: what is wrong.
    pub detail: &'static str,
}

/// Decodes one packet of a connection that speaks `version`.
///
/// # Errors
/// When the frame is not a well-formed packet of that version.
pub fn decode(version: Version, frame: Frame<'_>) -> Result<Packet<'_>, Malformed> {
    match version {
        Version::V3_1 | Version::V3_1_1 => v3::decode(version, frame),
        Version::V5 => v5::decode(frame),
    }
}
