//! What a connection has in every phase: its peer, the limits, and the bytes to be written.

use std::task::Waker;
use std::time::Duration;

use crate::broker::cx::Cx;
use crate::broker::identity::Peer;
use crate::broker::limits::Limits;
use crate::broker::session::output::OutputBuffer;
use crate::broker::state::Broker;
use crate::codec::Malformed;
use crate::codec::reason::Reason;
use crate::sync::Arc;
use crate::time::Instant;

/// Why a connection is closed, or a CONNECT refused: the reason code, and the detail for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) reason: Reason,
    pub(crate) detail: &'static str,
}

impl Close {
    pub(crate) const fn new(reason: Reason, detail: &'static str) -> Self {
        Self { reason, detail }
    }
}

impl From<Malformed> for Close {
    fn from(malformed: Malformed) -> Self {
        Self::new(malformed.reason, malformed.detail)
    }
}

/// This end of a connection.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) broker: Arc<Broker>,
    /// As the turn had them when this connection last ran.
    pub(crate) limits: Arc<Limits>,
    pub(crate) peer: Peer,
    pub(crate) waker: Option<Waker>,
    /// When the last packet was received; when the connection was opened, if none was.
    pub(crate) heard: Instant,
    /// Bytes to be written to the client.
    pub(crate) output: OutputBuffer,
}

impl Endpoint {
    /// Whether the client has sent nothing for too long.
    pub(crate) fn check_silence(&self, most: Duration, detail: &'static str, cx: &Cx) -> Result<(), Close> {
        let is_over = cx.now.since(self.heard) >= most;
        if is_over { Err(Close::new(Reason::KEEP_ALIVE_TIMEOUT, detail)) } else { Ok(()) }
    }
}
