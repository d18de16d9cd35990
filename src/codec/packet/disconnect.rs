//! DISCONNECT, and AUTH, which has the same form.

use std::fmt;

use super::{ReasonCodes, Version, framed, read_properties, write_properties};
use crate::codec::Malformed;
use crate::codec::describe::Fields;
use crate::codec::property::{PacketSet, Properties};
use crate::codec::read::{Reader, protocol_error};
use crate::codec::reason::Reason;

const DISCONNECT: &[u8] = &[
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x8F, 0x90, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xA2,
];
const AUTH: &[u8] = &[0x00, 0x18, 0x19];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    pub reason: Reason,
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    pub(super) const SUCCESS: Self = Self { reason: Reason::SUCCESS, properties: Properties::EMPTY };

    pub(super) fn read(reader: &mut Reader<'a>, codes: ReasonCodes) -> Result<Self, Malformed> {
        if reader.is_empty() {
            return Ok(Self::SUCCESS);
        }
        let reason = codes.read(reader, DISCONNECT)?;
        if reader.is_empty() {
            return Ok(Self { reason, properties: Properties::EMPTY });
        }
        Ok(Self { reason, properties: read_properties(reader, PacketSet::DISCONNECT)? })
    }

    pub(super) fn encode(self, version: Version, out: &mut Vec<u8>) {
        if version != Version::V5 || self == Self::SUCCESS {
            return out.extend_from_slice(&[0xE0, 0]);
        }
        framed(0xE0, out, |out| {
            out.push(self.reason.0);
            if !self.properties.is_empty() {
                write_properties(version, self.properties, out);
            }
        });
    }

    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        fields.failure(self.reason)?;
        fields.properties("", self.properties)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auth<'a> {
    pub reason: Reason,
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    const SUCCESS: Self = Self { reason: Reason::SUCCESS, properties: Properties::EMPTY };

    /// Section 3.15.2.1: there are a reason and properties, or neither.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        if reader.is_empty() {
            return Ok(Self::SUCCESS);
        }
        let reason = ReasonCodes::Defined.read(reader, AUTH)?;
        let properties = read_properties(reader, PacketSet::AUTH)?;
        if properties.authentication_method().is_none() {
            return Err(protocol_error("no authentication method")); // section 3.15.2.2.2
        }
        Ok(Self { reason, properties })
    }

    pub(super) fn encode(self, out: &mut Vec<u8>) {
        if self == Self::SUCCESS {
            return out.extend_from_slice(&[0xF0, 0]);
        }
        framed(0xF0, out, |out| {
            out.push(self.reason.0);
            write_properties(Version::V5, self.properties, out);
        });
    }

    pub(super) fn describe(&self, fields: &mut Fields<'_, '_>) -> fmt::Result {
        fields.failure(self.reason)?;
        fields.properties("", self.properties)
    }
}
