//! What happened that a person may want to read: the core says it, the shell writes it down.

use crate::broker::access::decision::Denial;
use crate::broker::identity::Who;
use crate::broker::observe::drops::{DropReason, Recipient};
use crate::codec::packet::Version;
use crate::codec::reason::Reason;
use crate::message::QoS;
use crate::sync::Arc;

/// One thing that happened, in the client's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// CONNECT was answered with success.
    Connected {
        client: Arc<str>,
        peer: Arc<str>,
        username: Option<Arc<str>>,
        version: Version,
        clean_start: bool,
        resumed: bool,
        keep_alive: u16,
    },
    /// CONNECT was refused. The client identifier is empty where it is not known.
    Refused {
        client: Arc<str>,
        peer: Arc<str>,
        username: Option<Box<str>>,
        reason: Reason,
        detail: &'static str,
    },
    /// A connection that had been accepted ended.
    Disconnected { client: Arc<str>, peer: Arc<str>, why: Ending },
    /// A connection was closed before a CONNECT was received on it.
    HandshakeFailed { peer: Arc<str>, why: Ending },
    /// A filter was subscribed to, or refused.
    Subscribed { client: Arc<str>, filter: Box<str>, reason: Reason },
    /// A filter was unsubscribed from.
    Unsubscribed { client: Arc<str>, filter: Box<str> },
    /// A client published what it may not; or its will would have. The peer is not known of a will.
    Forbidden { who: Arc<Who>, peer: Option<Arc<str>>, topic: Box<str>, qos: QoS, will: bool, denial: Denial },
    /// The first message that was kept from a client because it may not read it. Others are counted only, until rights
    /// change or the client comes again.
    Unreadable { who: Arc<Who>, topic: Box<str>, denial: Denial },
    /// The first message that is dropped for this reason since there was last room.
    Dropping { recipient: Recipient, reason: DropReason },
    /// There is room again, or the recipient is gone; `count` messages were dropped.
    Dropped { recipient: Recipient, count: u64 },
    /// A session ended because its time ran out.
    Expired { client: Arc<str> },
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client sent DISCONNECT with this reason.
    Left(Reason),
    /// The client closed the connection without DISCONNECT.
    Closed,
    /// The transport failed.
    Lost(Box<str>),
    /// We closed it, for this reason.
    Fault(Reason, &'static str),
}
