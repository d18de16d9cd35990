//! Packets that take long: they are processed in slices, between which other connections run.

use crate::broker::durability::journal::BatchId;
use crate::broker::routing::message::ReceivedPacket;
use crate::broker::routing::route::FanOut;
use crate::broker::session::Session;
use crate::codec::packet::{PacketId, Subscription};
use crate::codec::reason::Reason;
use crate::message::{Message, QoS};

#[derive(Debug)]
pub(crate) enum Unfinished {
    Publish(InterruptedPublish),
    Filters(FilterWork),
}

/// The acknowledgement that a PUBLISH asks for by its QoS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AwaitedAck {
    pub(crate) qos: QoS,
    /// Above QoS 0.
    pub(crate) packet_id: Option<PacketId>,
    /// Bytes of the PUBLISH.
    pub(crate) request_bytes: usize,
}

/// A message that has not been offered to all its receivers yet.
#[derive(Debug)]
pub(crate) struct InterruptedPublish {
    pub(crate) message: Message,
    pub(crate) original: Option<ReceivedPacket<Box<[u8]>>>,
    pub(crate) fan_out: FanOut<Session>,
    pub(crate) ack: AwaitedAck,
    /// The batch on which the acknowledgement depends so far.
    pub(crate) after: BatchId,
}

/// A SUBSCRIBE or UNSUBSCRIBE that has many filters, of which not all have been processed.
#[derive(Debug)]
pub(crate) struct FilterWork {
    pub(crate) rest: RemainingFilters,
    pub(crate) answer: FilterAnswer,
}

#[derive(Debug)]
pub(crate) enum RemainingFilters {
    Subscribe(std::vec::IntoIter<Subscription<'static>>, Option<u32>),
    Unsubscribe(std::vec::IntoIter<Box<str>>),
}

/// SUBACK or UNSUBACK, as far as it is known.
#[derive(Debug)]
pub(crate) struct FilterAnswer {
    pub(crate) packet_id: PacketId,
    pub(crate) reasons: Vec<Reason>,
    /// The batch on which it depends so far.
    pub(crate) after: BatchId,
}

impl FilterAnswer {
    pub(crate) fn new(packet_id: PacketId, filters: usize) -> Self {
        Self { packet_id, reasons: Vec::with_capacity(filters), after: BatchId::NONE }
    }
}
