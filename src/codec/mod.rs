//! Bytes and packets: the only place that asks how a version of MQTT writes something.
//!
//! [`frame`] cuts one frame off a stream, [`decode`] reads it, [`encode`] writes one. "Not yet" is `Ok(None)`, never
//! an error; what is malformed is a [`Malformed`] with the reason code that MQTT 5 gives it. Whether a packet may be
//! sent by this side at this moment is not asked here.

pub mod packet;
pub mod property;
pub mod reason;

use reason::Reason;

/// Bytes that are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// [`Reason::MALFORMED_PACKET`], [`Reason::PROTOCOL_ERROR`], or the more exact one that the standard names.
    pub reason: Reason,
    /// For the log: what is wrong.
    pub detail: &'static str,
}
