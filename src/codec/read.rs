//! Reads the data types of section 1.5 from the front of a slice.

use super::Malformed;
use super::packet::PacketId;
use super::reason::Reason;

/// The bytes left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

pub(super) const fn malformed(detail: &'static str) -> Malformed {
    Malformed { reason: Reason::MALFORMED_PACKET, detail }
}

pub(super) const fn protocol_error(detail: &'static str) -> Malformed {
    Malformed { reason: Reason::PROTOCOL_ERROR, detail }
}

const SHORT: Malformed = malformed("the packet ends too early");

impl<'a> Reader<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        let (byte, rest) = self.0.split_first().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    /// A Variable Byte Integer in its shortest form [MQTT-1.5.5-1].
    pub(super) fn variable(&mut self) -> Result<u32, Malformed> {
        match variable(self.0)? {
            Some((value, count)) => {
                self.0 = &self.0[count..];
                Ok(value)
            }
            None => Err(SHORT),
        }
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u16()?;
        self.take(len.into())
    }

    /// A UTF-8 Encoded String [MQTT-1.5.4-1] [MQTT-1.5.4-2].
    pub(super) fn string(&mut self) -> Result<&'a str, Malformed> {
        let bytes = self.binary()?;
        if bytes.contains(&0) {
            return Err(malformed("a string contains U+0000"));
        }
        std::str::from_utf8(bytes).map_err(|_| malformed("a string is not UTF-8"))
    }

    /// A packet identifier, which is never 0 [MQTT-2.2.1-3].
    pub(super) fn packet_id(&mut self) -> Result<PacketId, Malformed> {
        PacketId::new(self.u16()?).ok_or(protocol_error("the packet identifier is 0"))
    }

    /// Bytes after their number as a Variable Byte Integer.
    pub(super) fn counted(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.variable()?;
        self.take(len as usize)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(malformed("bytes follow after the end of the packet")) }
    }
}

/// The Variable Byte Integer at the front of `bytes`, and its length; `None` if it is incomplete.
pub(super) fn variable(bytes: &[u8]) -> Result<Option<(u32, usize)>, Malformed> {
    let mut value = 0;
    for (position, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * position);
        if byte & 0x80 == 0 {
            if *byte == 0 && position > 0 {
                return Err(malformed("a length is not in its shortest form")); // [MQTT-1.5.5-1]
            }
            return Ok(Some((value, position + 1)));
        }
    }
    if bytes.len() >= 4 { Err(malformed("a length has more than four bytes")) } else { Ok(None) }
}
