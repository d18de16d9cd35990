//! PUBACK, PUBREC, PUBREL and PUBCOMP.

use std::fmt;

use super::{PacketId, ReasonCodes, Version, framed, read_properties, write_properties};
use crate::codec::Malformed;
use crate::codec::describe::Fields;
use crate::codec::frame::Frame;
use crate::codec::property::{PacketSet, Properties};
use crate::codec::read::Reader;
use crate::codec::reason::Reason;

/// Codes of PUBACK and PUBREC. 0x95 is not among those of the standard, but mosquitto answers with it to a payload above its
/// limit, and so do we.
pub(super) const PUBACK: &[u8] = &[0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x95, 0x97, 0x99];
/// Codes of PUBREL and PUBCOMP.
pub(super) const PUBREL: &[u8] = &[0x00, 0x92];

/// PUBACK, PUBREC, PUBREL and PUBCOMP, which only differ in their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    pub packet_id: PacketId,
    pub reason: Reason,
    pub properties: Properties<'a>,
}

/// The packet identifier of a PUBACK that says success in the fewest bytes, which are the same in every version.
pub fn plain_puback(frame: Frame<'_>) -> Option<PacketId> {
    match frame.bytes() {
        [0x40, 2, high, low] => PacketId::new(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// In 3.1 and 3.1.1 the body is the packet identifier.
pub(super) fn decode_v3(frame: Frame<'_>) -> Result<Ack<'static>, Malformed> {
    let mut reader = Reader(frame.body());
    let packet_id = reader.packet_id()?;
    reader.end()?;
    Ok(Ack::new(packet_id, Reason::SUCCESS))
}

impl<'a> Ack<'a> {
    /// An acknowledgement without properties.
    pub const fn new(packet_id: PacketId, reason: Reason) -> Self {
        Self { packet_id, reason, properties: Properties::EMPTY }
    }

    pub(super) fn read(
        reader: &mut Reader<'a>,
        codes: ReasonCodes,
        defined: &[u8],
    ) -> Result<Self, Malformed> {
        let packet_id = reader.packet_id()?;
        if reader.is_empty() {
            return Ok(Self::new(packet_id, Reason::SUCCESS));
        }
        let reason = codes.read(reader, defined)?;
        if reader.is_empty() {
            return Ok(Self::new(packet_id, reason));
        }
        Ok(Self { packet_id, reason, properties: read_properties(reader, PacketSet::ACK)? })
    }

    pub(super) fn encode(&self, first: u8, version: Version, out: &mut Vec<u8>) {
        let [high, low] = self.packet_id.get().to_be_bytes();
        if version != Version::V5 || (self.reason == Reason::SUCCESS && self.properties.is_empty()) {
            return out.extend_from_slice(&[first, 2, high, low]);
        }
        if self.properties.is_empty() {
            return out.extend_from_slice(&[first, 3, high, low, self.reason.0]);
        }
        framed(first, out, |out| {
            out.extend_from_slice(&[high, low, self.reason.0]);
            write_properties(version, self.properties, out);
        });
    }

    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        fields.field("m", self.packet_id)?;
        fields.failure(self.reason)?;
        fields.properties("", self.properties)
    }
}
