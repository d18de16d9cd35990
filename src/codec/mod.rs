//! Bytes and packets: the only place that asks how a version of MQTT writes something.
//!
//! [`frame`] cuts one frame off a stream, [`decode`] reads it, [`encode`] writes one; [`head`] writes the part of a
//! PUBLISH that differs from receiver to receiver. "Not yet" is `Ok(None)`, never an error; what is malformed is a
//! [`Malformed`] with the reason code that MQTT 5 gives it. Whether a packet may be sent by this side at this moment is
//! not asked here.

#[cfg(test)]
#[path = "../../tests/unit/codec/arbitrary.rs"]
pub(crate) mod arbitrary;
mod connect;
mod encode;
#[cfg(test)]
#[path = "../../tests/unit/codec/faults.rs"]
pub(crate) mod faults;
pub mod fence;
pub mod frame;
pub mod head;
pub mod packet;
#[cfg(test)]
#[path = "../../tests/unit/codec/proofs.rs"]
mod proofs;
pub mod property;
mod publish;
mod read;
pub mod reason;
pub mod v3;
mod v5;
mod write;

pub use connect::{decode_connect, refusal_version};
pub use encode::encode;
pub use publish::{decode_publish, plain_puback};

use frame::Frame;
use packet::{Packet, Version};
use read::malformed;
use reason::Reason;

/// Bytes that are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// [`Reason::MALFORMED_PACKET`], [`Reason::PROTOCOL_ERROR`], or the more exact one that the standard names.
    pub reason: Reason,
    /// For the log: what is wrong.
    pub detail: &'static str,
}

/// Checks the type and flags of a packet, which are its first byte. What they rule out need not be waited for.
///
/// # Errors
/// When no packet of this version, other than CONNECT, begins so.
pub fn check_first(version: Version, first: u8) -> Result<(), Malformed> {
    let (kind, flags) = (first >> 4, first & 0x0F);
    match kind {
        0 => Err(malformed("a packet type of 0")),
        15 if version != Version::V5 => Err(malformed("a packet type of 15")),
        3 if flags & 0b0110 == 0b0110 => Err(malformed("a QoS of 3")), // [MQTT-3.3.1-4]
        3 if flags & 0b1110 == 0b1000 => Err(malformed("DUP with QoS 0")), // [MQTT-3.3.1-2]
        // 3.1 has flags that are not used, but none that are reserved.
        3 => Ok(()),
        _ if version == Version::V3_1 || flags == reserved_flags(kind) => Ok(()),
        _ => Err(malformed("reserved flags are set")), // [MQTT-2.1.3-1]
    }
}

/// The flags that a packet other than PUBLISH has from 3.1.1 on.
const fn reserved_flags(kind: u8) -> u8 {
    match kind {
        6 | 8 | 10 => 0b0010,
        _ => 0,
    }
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

/// As [`decode`], for a client that shows what servers send although the standard forbids it: a PUBLISH whose topic has
/// wildcards, and codes in acknowledgements that this version does not define.
///
/// # Errors
/// When the frame is not a packet of that version apart from that.
pub fn decode_leniently(version: Version, frame: Frame<'_>) -> Result<Packet<'_>, Malformed> {
    match (frame.first(), version) {
        (0x30..=0x3F, _) => publish::decode_any_topic(version, frame).map(Packet::Publish),
        (_, Version::V3_1 | Version::V3_1_1) => match v3::decode_undefined_code(frame) {
            Some(packet) => Ok(packet),
            None => v3::decode(version, frame),
        },
        (_, Version::V5) => v5::decode_any_code(frame),
    }
}
