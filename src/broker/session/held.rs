//! Frames for a client that rest on a record which is not synced yet: PUBREL, copies of messages that were published at
//! QoS 2, and QoS 0 copies of what was kept until then.
//!
//! They stand beside the output, so that what rests on nothing may pass them, and become bytes when their record is
//! synced, since aliases are given in the order of the bytes. Tickets ascend, so one line is enough.

use std::collections::VecDeque;

use crate::broker::access::rights::ReadPermissions;
use crate::broker::access::rights::may_read;
use crate::broker::cx::Cx;
use crate::broker::durability::journal::BatchId;
use crate::broker::durability::record::Ids;
use crate::broker::limits::Limits;
use crate::broker::routing::message::{Delivery, RoutedMessage};
use crate::broker::session::link::SessionLink;
use crate::codec::packet::{Ack, Packet, PacketId};
use crate::codec::reason::Reason;
use crate::message::{Message, QoS};
use crate::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct DurableOutbox {
    line: VecDeque<(BatchId, DelayedPacket)>,
    /// Bytes of the messages among them.
    pub(crate) bytes: usize,
    /// How many messages there are, by the QoS at which they were published.
    publishes: [usize; 3],
    /// How many of them have a packet identifier.
    identified: usize,
    /// The batch that wakes this connection already.
    awaits: BatchId,
}

#[derive(Debug)]
enum DelayedPacket {
    Pubrel(PacketId),
    Publish { message: Message, qos: QoS, retain: bool, ids: Ids, id: Option<PacketId>, dup: bool },
}

/// What is not written after all.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    /// The identifiers that were given to it.
    pub(crate) ids: Vec<PacketId>,
    /// How many messages expired.
    pub(crate) expired: usize,
}

impl SessionLink {
    /// Writes a PUBLISH once `batch` is synced. Messages keep their order among those that were published at the same QoS
    /// [MQTT-4.6.0-5], and with an identifier among all that have one, since that is the order in which they would be sent
    /// again [MQTT-4.6.0-1].
    pub(crate) fn deliver(
        &mut self,
        message: &RoutedMessage<'_>,
        (delivery, ids): (Delivery<'_>, &Ids),
        (id, dup): (Option<PacketId>, bool),
        batch: BatchId,
        cx: &mut Cx,
        limits: &Limits,
    ) {
        let published = usize::from(message.view.qos.bits());
        let behind = self
            .held
            .as_ref()
            .is_some_and(|held| held.publishes[published] > 0 || id.is_some() && held.identified > 0);
        if !behind && cx.journal.is_synced(batch) {
            return self.publish(message, delivery, (id, dup), cx, limits);
        }
        let (qos, retain) = (delivery.qos, delivery.retain);
        let message = message.message().clone();
        let held = self.held.get_or_insert_default();
        held.bytes += message.len();
        held.publishes[published] += 1;
        held.identified += usize::from(id.is_some());
        held.line
            .push_back((batch, DelayedPacket::Publish { message, qos, retain, ids: ids.clone(), id, dup }));
        self.wake(cx);
    }

    /// Sends PUBREL once `batch`, the PUBREC it answers, is synced.
    pub(crate) fn release(&mut self, id: PacketId, batch: BatchId, cx: &mut Cx) {
        // In the order of the PUBRECs [MQTT-4.6.0-4].
        if self.held.is_none() && cx.journal.is_synced(batch) {
            return self.send(&Packet::Pubrel(Ack::new(id, Reason::SUCCESS)), cx);
        }
        self.held.get_or_insert_default().line.push_back((batch, DelayedPacket::Pubrel(id)));
        self.wake(cx);
    }

    /// Writes what has become safe; the connection is woken for the rest. What has expired meanwhile is not sent for a first
    /// time [MQTT-3.3.2-5], nor what `reader` may not read any more.
    pub(crate) fn write_held(
        &mut self,
        reader: &Option<Arc<ReadPermissions>>,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Gone {
        let mut gone = Gone::default();
        let Some(mut held) = self.held.take() else { return gone };
        while let Some((_, frame)) = held.line.pop_front_if(|(batch, _)| cx.journal.is_synced(*batch)) {
            match frame {
                DelayedPacket::Pubrel(id) => self.send(&Packet::Pubrel(Ack::new(id, Reason::SUCCESS)), cx),
                DelayedPacket::Publish { message, qos, retain, ids, id, dup } => {
                    held.bytes -= message.len();
                    held.publishes[usize::from(message.qos().bits())] -= 1;
                    held.identified -= usize::from(id.is_some());
                    if !may_read(reader, &message) {
                        cx.counters.publish_unreadable.add(1);
                        gone.ids.extend(id);
                        continue;
                    }
                    if !dup && message.expires() <= cx.now {
                        gone.expired += 1;
                        gone.ids.extend(id);
                        continue;
                    }
                    let delivery = Delivery { qos, retain, ids: ids.as_deref().unwrap_or_default() };
                    self.publish(&RoutedMessage::of(&message), delivery, (id, dup), cx, limits);
                }
            }
        }
        let Some((batch, _)) = held.line.front() else { return gone };
        if held.awaits != *batch
            && let Some(waker) = &self.waker
        {
            held.awaits = *batch;
            cx.journal.wait(*batch, waker);
        }
        self.held = Some(held);
        gone
    }
}
