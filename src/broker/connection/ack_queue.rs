//! Acknowledgements in the order of the packets they answer. Each is sent when the batch that it depends on is synced and
//! nobody slows the publisher down; while one waits, all behind it do.

use std::collections::VecDeque;
use std::task::Waker;

use crate::broker::durability::journal::{BatchId, Journal};
use crate::codec;
use crate::codec::packet::{Packet, Version};

/// Acknowledgements that may wait before the client is read no further.
const MOST_ACKS: usize = 4_096;

/// The answer to a packet of the client.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) packet: Packet<'a>,
    /// Bytes of the PUBLISH it answers, 0 for other packets.
    pub(crate) request_bytes: usize,
    /// The batch that must be synced before it is sent.
    pub(crate) after: BatchId,
}

/// An acknowledgement that waits.
#[derive(Debug)]
pub(crate) struct QueuedAck {
    pub(crate) frame: Vec<u8>,
    /// Whether it ends a QoS 1 exchange, which counts against the client's quota.
    pub(crate) is_puback: bool,
    request_bytes: usize,
    after: BatchId,
}

#[derive(Debug)]
pub(crate) struct AckQueue {
    acks: VecDeque<QueuedAck>,
    /// Bytes of the packets they answer.
    request_bytes: usize,
    /// The batch for which this connection waits in the journal already.
    awaits: BatchId,
}

impl AckQueue {
    pub(crate) fn new() -> Self {
        Self { acks: VecDeque::new(), request_bytes: 0, awaits: BatchId::NONE }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.acks.is_empty()
    }

    /// Whether another packet may be read that adds one.
    pub(crate) fn has_room(&self, most_bytes: usize) -> bool {
        self.acks.len() < MOST_ACKS && self.request_bytes <= most_bytes
    }

    pub(crate) fn push(&mut self, reply: &Reply<'_>, version: Version) {
        let mut frame = Vec::new();
        codec::encode(version, &reply.packet, &mut frame);
        self.request_bytes += reply.request_bytes;
        self.acks.push_back(QueuedAck {
            frame,
            is_puback: matches!(reply.packet, Packet::Puback(_)),
            request_bytes: reply.request_bytes,
            after: reply.after,
        });
    }

    /// The first one, if it may be sent now.
    pub(crate) fn pop_ready(&mut self, journal: &Journal) -> Option<QueuedAck> {
        let ready = |ack: &mut QueuedAck| journal.is_synced(ack.after);
        let ack = self.acks.pop_front_if(ready)?;
        self.request_bytes -= ack.request_bytes;
        Some(ack)
    }

    /// Has the connection woken when the first one may be sent.
    pub(crate) fn wait_for_first(&mut self, waker: Option<&Waker>, journal: &Journal) {
        if let (Some(ack), Some(waker)) = (self.acks.front(), waker)
            && ack.after != self.awaits
        {
            self.awaits = ack.after;
            journal.wait(ack.after, waker);
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.acks.len()
    }
}
