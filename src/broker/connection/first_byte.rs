//! Packets that are refused by their first byte, before the rest of them has been received.

use crate::broker::connection::endpoint::Close;
use crate::codec;
use crate::codec::packet::Version;
use crate::codec::reason::Reason;

pub(crate) const SECOND_CONNECT: Close = Close::new(Reason::PROTOCOL_ERROR, "a second CONNECT");
pub(crate) const OF_SERVERS: Close = Close::new(Reason::PROTOCOL_ERROR, "a packet that only a server sends");
pub(crate) const AUTH_WITHOUT_METHOD: Close =
    Close::new(Reason::PROTOCOL_ERROR, "AUTH without an authentication method");

/// Whether a packet will be refused, as far as its first byte tells.
pub(crate) fn check_first(version: Version, first: u8) -> Result<(), Close> {
    codec::check_first(version, first)?;
    match first >> 4 {
        1 => Err(SECOND_CONNECT),
        2 | 9 | 11 | 13 => Err(OF_SERVERS),
        15 => Err(AUTH_WITHOUT_METHOD),
        _ => Ok(()),
    }
}
