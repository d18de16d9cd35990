//! What is kept of sessions and messages: each change, as one value that says it in the standard's words.
//!
//! What it leaves out: how a record looks in a file. Moments are the core's; the store adds the wall clock.

use crate::broker::durability::will::StoredWill;
use crate::broker::identity::SessionOwner;
use crate::broker::identity::Who;
use std::any::Any;

use crate::codec::packet::{Options, PacketId};
use crate::message::{Message, QoS};
use crate::sync::Arc;
use crate::time::Instant;

/// Bytes a record takes beside its content, about.
const OVERHEAD: usize = 64;

/// One change. An owner is the key of a session, or of a shared group, whose queue the entry belongs to.
#[derive(Clone, Debug)]
pub enum Record {
    /// A session begins, or is another than before.
    Session(Box<SessionRecord>),
    /// A session ends, with all that belongs to it.
    EndSession {
        key: u64,
    },
    Subscribe {
        session: u64,
        filter: Box<str>,
        subscribed: Subscribed,
    },
    Unsubscribe {
        session: u64,
        filter: Box<str>,
    },
    /// A QoS 2 message was received: its identifier is held until PUBREL.
    Hold {
        session: u64,
        id: PacketId,
    },
    /// PUBREL came.
    LetGo {
        session: u64,
        id: PacketId,
    },
    /// A message waits, or is in flight, for an owner.
    Enqueue {
        owner: u64,
        entry: StoredMessage,
    },
    /// It waits no more: acknowledged, refused, expired, or dropped.
    Remove {
        number: u64,
    },
    /// A QoS 2 PUBLISH takes its identifier: the entry leaves its owner's queue and is the session's, in flight.
    /// `sequence` orders what is.
    Send {
        session: u64,
        id: PacketId,
        sequence: u64,
        number: u64,
    },
    /// PUBREC came: the message is not needed any more, the identifier is until PUBCOMP.
    Received {
        session: u64,
        id: PacketId,
        sequence: u64,
    },
    /// PUBCOMP came, or a PUBREC that refused: the identifier is free.
    Complete {
        session: u64,
        id: PacketId,
    },
    /// A shared group that a kept session is a member of.
    Group {
        key: u64,
        filter: Box<str>,
    },
    EndGroup {
        key: u64,
    },
    Retain {
        message: Message,
        /// Who published it, for `check_retain_source`.
        source: Option<Arc<Who>>,
    },
    ClearRetained {
        topic: Box<str>,
    },
    /// Not a change: what waits behind an owner's entries in memory is wanted there.
    Page(Page),
}

/// A session, apart from its messages and subscriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    pub key: u64,
    pub client: Arc<str>,
    /// The user name its last connection came in with, whose rights it has.
    pub username: Option<Arc<str>>,
    /// The listener that was through.
    pub listener: usize,
    /// `None` in a store written before sessions had owners, and in imported sessions that do not say.
    pub owner: Option<SessionOwner>,
    /// Seconds it outlives its connection; `u32::MAX`: for ever. 0: it ends with the connection it has.
    pub expiry: u32,
    pub will: Option<StoredWill>,
    /// Nothing while it is connected, or was connected when the broker stopped.
    pub parked: Option<Parked>,
    /// Entries below this number may have been sent before, at QoS 1. `u64::MAX` while it is connected.
    pub sent_below: u64,
}

/// What a subscription is, but for its filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    pub options: Options,
    pub id: Option<u32>,
}

/// What became fixed when the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parked {
    pub expires: Instant,
    pub will_due: Instant,
}

/// A message in a queue. Numbers are given once in all; those of one owner ascend in the order of its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    pub number: u64,
    pub message: Message,
    /// Of this delivery, as are the next two.
    pub qos: QoS,
    pub retain: bool,
    pub ids: Ids,
}

/// Subscription identifiers of one delivery, ascending; shared, because one list serves many messages.
pub(crate) type Ids = Option<Arc<[u32]>>;

/// A request for entries that are in the store alone.
#[derive(Clone, Debug)]
pub struct Page {
    pub(crate) owner: u64,
    /// The session or shared group itself. The journal hands it back to whoever asked, and knows nothing of it.
    pub(crate) reader: Arc<dyn Any + Send + Sync>,
    /// The first entry wanted.
    pub from: u64,
    /// Entries wanted at most.
    pub most: usize,
}

impl Page {
    /// The key of the session or shared group whose messages they are.
    pub fn owner(&self) -> u64 {
        self.owner
    }
}

impl Record {
    /// Bytes it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Enqueue { entry, .. } => entry.message.len(),
                Self::Retain { message, .. } => message.len(),
                Self::Session(record) => record.will.as_ref().map_or(0, StoredWill::len),
                Self::Subscribe { filter, .. }
                | Self::Unsubscribe { filter, .. }
                | Self::Group { filter, .. }
                | Self::ClearRetained { topic: filter } => filter.len(),
                Self::EndSession { .. }
                | Self::Hold { .. }
                | Self::LetGo { .. }
                | Self::Remove { .. }
                | Self::Send { .. }
                | Self::Received { .. }
                | Self::Complete { .. }
                | Self::EndGroup { .. }
                | Self::Page(_) => 0,
            }
    }
}
