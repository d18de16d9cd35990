//! Packets that are refused by their first byte, before the rest of them has come.

use super::connection::{Connection, Phase};
use super::turn::Turn;
use crate::codec;
use crate::codec::reason::Reason;

pub(super) const SECOND_CONNECT: &str = "a second CONNECT";
pub(super) const OF_SERVERS: &str = "a packet that only a server sends";
pub(super) const AUTH_WITHOUT_METHOD: &str = "AUTH without an authentication method";

impl Connection {
    /// Ends the connection when the first byte of a packet that is not all there says that it will be refused.
    pub(super) fn check_first(&mut self, first: u8, turn: &mut Turn) {
        let Phase::Open(open) = &self.phase else { return };
        let checked = codec::check_first(open.version, first).map_err(|why| (why.reason, why.detail));
        let checked = checked.and(match first >> 4 {
            1 => Err((Reason::PROTOCOL_ERROR, SECOND_CONNECT)),
            2 | 9 | 11 | 13 => Err((Reason::PROTOCOL_ERROR, OF_SERVERS)),
            15 => Err((Reason::PROTOCOL_ERROR, AUTH_WITHOUT_METHOD)),
            _ => Ok(()),
        });
        if let Err((reason, detail)) = checked {
            self.fault(reason, detail, turn);
        }
    }
}
