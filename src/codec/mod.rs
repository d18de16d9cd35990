//! Bytes and packets: the only module that knows how each version of MQTT encodes them.
//!
//! [`frame`] cuts one frame off a stream, [`decode`] reads it, [`encode`] writes one; [`head`] writes the part of a PUBLISH
//! that differs between receivers, and [`describe`] writes a packet as text. [`packet`] has a file for each family of
//! packets, [`property`] the table of the properties. An incomplete frame is `Ok(None)`, never an error; an invalid one is a
//! [`Malformed`] with the reason code of MQTT 5. Whether this side may send a packet at this moment is not checked here.

#[cfg(test)]
#[path = "../../tests/unit/codec/arbitrary.rs"]
pub(crate) mod arbitrary;
pub mod describe;
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
mod read;
pub mod reason;
mod write;

pub use packet::{
    connack_code, decode, decode_connect, decode_leniently, decode_publish, encode, plain_puback, refusal,
    refusal_version,
};

use packet::Version;
use read::malformed;
use reason::Reason;

/// Why bytes are not a valid packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// [`Reason::MALFORMED_PACKET`], [`Reason::PROTOCOL_ERROR`], or the more exact one that the standard names.
    pub reason: Reason,
    /// For the log: what is wrong.
    pub detail: &'static str,
}

/// Checks the type and flags of a packet, which are its first byte, so that an invalid packet is refused before it is complete.
///
/// # Errors
/// When no packet of this version other than CONNECT can begin with this byte.
pub fn check_first(version: Version, first: u8) -> Result<(), Malformed> {
    let (kind, flags) = (first >> 4, first & 0x0F);
    match kind {
        0 => Err(malformed("a packet type of 0")),
        15 if version != Version::V5 => Err(malformed("a packet type of 15")),
        3 if flags & 0b0110 == 0b0110 => Err(malformed("a QoS of 3")), // [MQTT-3.3.1-4]
        3 if flags & 0b1110 == 0b1000 => Err(malformed("DUP with QoS 0")), // [MQTT-3.3.1-2]
        // 3.1 has unused flags, but no reserved ones.
        3 => Ok(()),
        _ if version == Version::V3_1 || flags == reserved_flags(kind) => Ok(()),
        _ => Err(malformed("reserved flags are set")), // [MQTT-2.1.3-1]
    }
}

/// The flags of a packet other than PUBLISH, from 3.1.1 on.
const fn reserved_flags(kind: u8) -> u8 {
    match kind {
        6 | 8 | 10 => 0b0010,
        _ => 0,
    }
}
