//! What a session sends above QoS 0, from the first time to the last answer.
//!
//! Of a kept session each step is recorded as it is taken, and what the client acts on waits for its record (see
//! `journal`). What it leaves out: whether a message is taken at all, which is `session`'s.

use crate::broker::access::rights::may_read;
use crate::broker::cx::Cx;
use crate::broker::durability::record::Ids;
use crate::broker::durability::record::Record;
use crate::broker::limits::Limits;
use crate::broker::observe::drops::DropReason;
use crate::broker::queue::QueuedMessage;
use crate::broker::routing::message::{Delivery, RoutedMessage};
use crate::broker::routing::receiver::Origin;
use crate::broker::session::Session;
use crate::broker::session::held::Gone;
use crate::broker::session::link::SessionLink;
use crate::broker::session::state::{InFlight, Kept, SessionState};
use crate::codec::packet::{Ack, Packet, PacketId};
use crate::codec::reason::Reason;
use crate::delivery::{Received, Resend, Withdrawn};
use crate::message::QoS;

impl SessionState {
    /// Writes what has become safe, and ends the exchanges of what must not be sent any more.
    pub(crate) fn write_held(&mut self, cx: &mut Cx, limits: &Limits) {
        let Some(link) = &mut self.link else { return };
        let Gone { ids, expired } = link.write_held(&self.reader, cx, limits);
        self.drop_messages(expired, DropReason::Expired, cx);
        self.give_up(ids, cx);
    }

    /// Keeps a message of this session's own in the store; its number, 0 where nothing is kept.
    pub(crate) fn keep(&mut self, waiting: &QueuedMessage, cx: &mut Cx) -> u64 {
        if !self.kept {
            return 0;
        }
        let number = cx.journal.number();
        cx.record(Record::Enqueue { owner: self.key, entry: waiting.stored(number) });
        number
    }

    /// Sends a message above QoS 0 for the first time, as far as we know.
    pub(crate) fn start(
        &mut self,
        message: &RoutedMessage<'_>,
        (delivery, ids): (Delivery<'_>, &Ids),
        origin: Origin<'_, Session>,
        cx: &mut Cx,
        limits: &Limits,
    ) {
        let Origin { mut number, sent, group, group_is_kept } = origin;
        // A session that ends with its connection never resends; only a group may want the message back, and a limit of
        // bytes must know how many they are.
        let counted = limits.in_flight_bytes < usize::MAX;
        let kept = (self.expiry > 0 || self.kept || group.is_some() || counted).then(|| {
            self.in_flight_bytes += message.view.payload.len();
            let mut waiting = QueuedMessage {
                message: message.message().clone(),
                qos: delivery.qos,
                retain: delivery.retain,
                ids: ids.clone(),
                number,
                after: message.after,
                sent,
            };
            if number == 0 {
                number = match group {
                    // Kept before it is sent, so that a member that never acknowledges it loses nothing.
                    Some(group) if group_is_kept => group.record(message, cx),
                    Some(_) => 0,
                    None => self.keep(&waiting, cx),
                };
                waiting.number = number;
            }
            Box::new(InFlight { waiting, group: group.cloned() })
        });
        let id = self.outbox.publish(delivery.qos, kept);
        let mut batch = crate::broker::durability::journal::BatchId::NONE;
        if delivery.qos == QoS::ExactlyOnce {
            batch = message.after;
            if self.kept {
                let sequence = self.outbox.last_sequence();
                batch = batch.max(cx.record(Record::Send { session: self.key, id, sequence, number }));
            } else if number > 0 {
                // A group's. Once sent it belongs to this client, and to nobody after a crash [MQTT-4.8.2-4].
                batch = batch.max(cx.record(Record::Remove { number }));
            }
        }
        if let Some(link) = &mut self.link {
            link.deliver(message, (delivery, ids), (Some(id), sent), batch, cx, limits);
        }
    }

    /// Sends a message at QoS 0. One that was kept leaves when that it has left is kept, so that it comes no second time
    /// after a crash.
    pub(crate) fn send_at_most_once(
        &mut self,
        message: &RoutedMessage<'_>,
        deliver: (Delivery<'_>, &Ids),
        number: u64,
        cx: &mut Cx,
        limits: &Limits,
    ) {
        let batch = message.after.max(cx.remove(number));
        if let Some(link) = &mut self.link {
            link.deliver(message, deliver, (None, false), batch, cx, limits);
        }
    }

    /// Sends what waits, as far as the window and the output allow.
    pub(crate) fn send_queued(&mut self, cx: &mut Cx, limits: &Limits) {
        self.resend(cx, limits);
        while !self.queue.is_empty() && self.may_send_now(limits) {
            let Some(waiting) = self.queue.pop() else { return };
            self.took_message(waiting.message.len());
            let mut message = RoutedMessage::of(&waiting.message);
            message.after = waiting.after;
            let ids = waiting.ids.as_deref().unwrap_or_default();
            let delivery = Delivery { qos: waiting.qos, retain: waiting.retain, ids };
            // The window was asked above, so there is a link.
            let Some(link) = &self.link else { return };
            if !may_read(&self.reader, &waiting.message) || !link.sees(message.view.topic) {
                // The right to it has been taken since it came.
                cx.counters.publish_unreadable.add(1);
                cx.remove(waiting.number);
                continue;
            }
            match link.admit(&message.view, delivery, cx.now) {
                Ok(()) if waiting.qos == QoS::AtMostOnce => {
                    self.send_at_most_once(&message, (delivery, &waiting.ids), waiting.number, cx, limits);
                }
                Ok(()) => {
                    let origin = Origin { number: waiting.number, sent: waiting.sent, ..Origin::default() };
                    self.start(&message, (delivery, &waiting.ids), origin, cx, limits);
                }
                Err(reason) => {
                    self.drop_messages(1, reason, cx);
                    cx.remove(waiting.number);
                }
            }
        }
    }

    /// Sends again what was in flight when the connection broke, under the same identifiers [MQTT-4.4.0-1]. Its records
    /// are older than that of the CONNECT, whose answer goes before it.
    fn resend(&mut self, cx: &mut Cx, limits: &Limits) {
        while let Some(link) = &mut self.link
            && !link.only_subscribes
            && let Some(packet) = self.outbox.next_resend()
        {
            let (id, kept) = match packet {
                Resend::Publish(id, _, kept) => (id, kept),
                Resend::Pubrel(id) => {
                    link.send(&Packet::Pubrel(Ack::new(id, Reason::SUCCESS)), cx);
                    continue;
                }
            };
            let waiting = kept.as_ref().map(|kept| &kept.waiting);
            let readable = |waiting: &QueuedMessage| {
                may_read(&self.reader, &waiting.message) && link.sees(waiting.message.as_ref().topic)
            };
            if waiting.is_some_and(|waiting| !readable(waiting)) {
                cx.counters.publish_unreadable.add(1);
            } else if waiting.is_some_and(|waiting| send_again(link, id, waiting, cx, limits)) {
                continue;
            } else {
                self.drop_messages(1, DropReason::TooLarge, cx);
            }
            self.withdraw(id, cx);
        }
    }

    /// Gives up a message that was sent and is not to be sent again.
    fn withdraw(&mut self, id: PacketId, cx: &mut Cx) {
        match self.outbox.withdraw(id) {
            Withdrawn::Over(kept) => self.finish(id, kept.flatten().as_deref(), cx),
            Withdrawn::Release(content) => self.let_go(id, content, cx),
        }
    }

    /// Ends exchanges whose message was never sent: it expired, or its right was taken, before its record was written.
    pub(crate) fn give_up(&mut self, ids: Vec<PacketId>, cx: &mut Cx) {
        for id in ids {
            let kept = self.outbox.forget(id).flatten();
            self.finish(id, kept.as_deref(), cx);
        }
    }

    /// The end of an exchange that does not end with PUBCOMP: its message is not needed any more, its identifier is free.
    fn finish(&mut self, id: PacketId, kept: Option<&InFlight>, cx: &mut Cx) {
        let Some(InFlight { waiting, group: _ }) = kept else { return };
        self.landed(kept);
        if waiting.qos == QoS::AtLeastOnce {
            cx.remove(waiting.number);
        } else if self.kept {
            cx.record(Record::Complete { session: self.key, id });
        }
    }

    /// A message needs not be sent again any more.
    fn landed(&mut self, kept: Option<&InFlight>) {
        let bytes = kept.map_or(0, |kept| kept.waiting.message.as_ref().payload.len());
        self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
    }

    /// PUBACK from the client. It need not be synced: after a crash the message is sent again.
    pub(crate) fn puback(&mut self, id: PacketId, cx: &mut Cx) {
        let kept = self.outbox.puback(id).flatten();
        self.finish(id, kept.as_deref(), cx);
    }

    /// PUBREC from the client, answered with PUBREL; the fault that it is answered with instead, if any. A refused
    /// message goes to nobody else [MQTT-4.8.2-6].
    pub(crate) fn pubrec(&mut self, id: PacketId, reason: Reason, cx: &mut Cx) -> Option<Reason> {
        match self.outbox.pubrec(id, reason) {
            Received::Release(content) => {
                self.let_go(id, content, cx);
                None
            }
            Received::Refused(kept) => {
                self.finish(id, kept.as_deref(), cx);
                None
            }
            Received::Unknown if reason.is_failure() => None,
            Received::Unknown => Some(Reason::PACKET_IDENTIFIER_NOT_FOUND),
        }
    }

    /// PUBREL, for a message that need not be sent again. `content`: what was kept of it, if it was needed until now.
    fn let_go(&mut self, id: PacketId, content: Option<Kept>, cx: &mut Cx) {
        self.landed(content.as_ref().and_then(|kept| kept.as_deref()));
        // The PUBREC is a fact that the store must know before PUBREL leaves [MQTT-4.3.3-4].
        if self.kept && content.is_some() {
            let sequence = self.outbox.sequence(id);
            self.received = cx.record(Record::Received { session: self.key, id, sequence });
        }
        let batch = self.received;
        if let Some(link) = &mut self.link {
            link.release(id, batch, cx);
        }
    }

    /// PUBCOMP from the client.
    pub(crate) fn pubcomp(&mut self, id: PacketId, cx: &mut Cx) {
        if self.outbox.pubcomp(id) && self.kept {
            cx.record(Record::Complete { session: self.key, id });
        }
    }
}

/// Sends a message again under its identifier, if the client takes it.
fn send_again(
    link: &mut SessionLink,
    id: PacketId,
    waiting: &QueuedMessage,
    cx: &mut Cx,
    limits: &Limits,
) -> bool {
    let ids = waiting.ids.as_deref().unwrap_or_default();
    let delivery = Delivery { qos: waiting.qos, retain: waiting.retain, ids };
    // Expiry is not applied to what has been sent once [MQTT-4.3.3-7].
    let fits = link.fits(&waiting.message.as_ref(), delivery, cx.now);
    if fits {
        // DUP is 1 because this is a second sending [MQTT-3.3.1-1]. A bridge adds that itself, for what it has sent on; what
        // an earlier process may have sent, it cannot know.
        let dup = waiting.sent || !link.is_bridge;
        link.publish(&RoutedMessage::of(&waiting.message), delivery, (Some(id), dup), cx, limits);
    }
    fits
}
