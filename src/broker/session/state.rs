//! What a session consists of, behind its lock, and whether it takes a message.

use crate::broker::access::rights::ReadPermissions;
use crate::broker::cx::Cx;
use crate::broker::durability::journal::BatchId;
use crate::broker::durability::record::Ids;
use crate::broker::durability::will::StoredWill;
use crate::broker::identity::Who;
use crate::broker::limits::Limits;
use crate::broker::observe::drop_series::DropSeries;
use crate::broker::observe::drops::{DropReason, Recipient};
use crate::broker::queue::backlog::Backlog;
use crate::broker::queue::{Queue, QueuedMessage, Room};
use crate::broker::routing::group::Group;
use crate::broker::routing::message::{Delivery, RoutedMessage};
use crate::broker::routing::receiver::Origin;
use crate::broker::routing::receiver::{Choice, Grant, Offer};
use crate::broker::session::Session;
use crate::broker::session::filters::SubscribedFilters;
use crate::broker::session::link::SessionLink;
use crate::broker::session::replay::Replays;
use crate::delivery::{Inbox, Outbox};
use crate::message::QoS;
use crate::sync::Arc;
use crate::time::Instant;
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct SessionState {
    /// The session's.
    pub(crate) key: u64,
    pub(crate) client: Arc<str>,
    /// Whether the session is kept in the store: it outlives its connection, and there is a store.
    pub(crate) kept: bool,
    /// What the last PUBREC rests on.
    pub(crate) received: BatchId,
    /// Raised by each CONNECT; what an older connection does is void.
    pub(crate) epoch: u32,
    pub(crate) ended: bool,
    /// Whom the session's last connection was opened for; `None` before the first.
    pub(crate) who: Option<Arc<Who>>,
    /// What the client may read, if that is not everything.
    pub(crate) reader: Option<Arc<ReadPermissions>>,
    /// Whether it has been told that something is kept from the client.
    pub(crate) told_unreadable: bool,
    pub(crate) link: Option<SessionLink>,
    /// What it has subscribed to; the rest of a subscription is in the index.
    pub(crate) filters: SubscribedFilters,
    /// Shared groups this session is a member of, by their keys.
    pub(crate) groups: BTreeMap<u64, Arc<Group<Session>>>,
    pub(crate) outbox: Outbox<Kept>,
    pub(crate) queue: Queue,
    /// Parked here while no connection has it.
    pub(crate) inbox: Option<Box<Inbox>>,
    /// Seconds the session outlives its connection; `u32::MAX`: for ever.
    pub(crate) expiry: u32,
    pub(crate) will: Option<Box<StoredWill>>,
    /// When the session ends unless its client comes back.
    pub(crate) expires: Instant,
    /// When the delayed will is due.
    pub(crate) will_due: Instant,
    /// When the schedule has the session looked at.
    pub(crate) scheduled: Instant,
    /// While much waits for the client.
    pub(crate) backlog: Option<Box<Backlog>>,
    /// Messages dropped since there was last room.
    pub(crate) drops: DropSeries,
    /// Bytes of the payloads in flight that are kept for a resend.
    pub(crate) in_flight_bytes: usize,
    /// Whether QoS 0 waits for the client while it is not there, whatever the limits say.
    pub(crate) queues_at_most_once: bool,
    /// While retained messages are to be replayed. A broken connection leaves it to the next one.
    pub(crate) replays: Option<Box<Replays>>,
}

/// What an in-flight message needs for a resend: nothing in a session that ends with its connection.
pub(crate) type Kept = Option<Box<InFlight>>;

#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) waiting: QueuedMessage,
    /// The shared group the message came through.
    pub(crate) group: Option<Arc<Group<Session>>>,
}

impl SessionState {
    pub(crate) fn offer(
        &mut self,
        message: &RoutedMessage<'_>,
        grant: &Grant,
        retain: bool,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer {
        let qos = grant.delivered(message.view.qos, limits);
        if self.ended {
            return Offer::Absent;
        }
        if !self.may_read(message, grant) {
            return Offer::Denied;
        }
        let ids = grant.ids.as_deref().unwrap_or_default();
        let delivery = Delivery { qos, retain, ids };
        if let Some(link) = &self.link
            && let Err(why) = link.admit(&message.view, delivery, cx.now)
        {
            return Offer::Dropped(why);
        }
        if qos == QoS::AtMostOnce {
            return self.offer_at_most_once(message, (delivery, &grant.ids), 0, cx, limits);
        }
        if self.kept && !message.is_promised && cx.journal.disk_is_full() {
            return Offer::Dropped(DropReason::DiskFull);
        }
        if self.may_send_now(limits) && self.queue.is_empty() {
            self.start(message, (delivery, &grant.ids), Origin::default(), cx, limits);
            return self.back_pressure(cx, limits);
        }
        self.enqueue(message, delivery, &grant.ids, cx, limits)
    }

    /// Drops messages for this client.
    pub(crate) fn drop_messages(&mut self, count: usize, reason: DropReason, cx: &mut Cx) {
        let Self { drops, client, .. } = self;
        cx.drop_messages(drops, count, reason, || Recipient::Client(client.clone()));
    }

    pub(crate) fn offer_at_most_once(
        &mut self,
        message: &RoutedMessage<'_>,
        (delivery, ids): (Delivery<'_>, &Ids),
        number: u64,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer {
        let Some(link) = &self.link else {
            let waits = (limits.queue_at_most_once || self.queues_at_most_once) && self.expiry > 0;
            return match waits {
                false => Offer::Absent,
                true if self.kept && cx.journal.disk_is_full() => Offer::Dropped(DropReason::DiskFull),
                true => self.enqueue(message, delivery, ids, cx, limits),
            };
        };
        if link.pending() + message.view.len() > limits.queued_bytes {
            return Offer::Dropped(DropReason::QueueFull);
        }
        self.send_at_most_once(message, (delivery, ids), number, cx, limits);
        self.back_pressure(cx, limits)
    }

    /// Puts a message behind those that wait already.
    pub(crate) fn enqueue(
        &mut self,
        message: &RoutedMessage<'_>,
        delivery: Delivery<'_>,
        ids: &Ids,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer {
        let Room { full, expired } = self.queue.make_room(message.view.len(), cx.now, limits);
        self.drop_messages(expired.len(), DropReason::Expired, cx);
        for expired in expired {
            cx.remove(expired.number);
        }
        if let Some(reason) = full {
            return Offer::Dropped(reason);
        }
        let mut waiting = QueuedMessage {
            message: message.message().clone(),
            qos: delivery.qos,
            retain: delivery.retain,
            ids: ids.clone(),
            number: 0,
            after: message.after,
            sent: false,
        };
        waiting.number = self.keep(&waiting, cx);
        self.queue.push(waiting, limits);
        self.back_pressure(cx, limits)
    }

    /// Whether a PUBLISH above QoS 0 could leave now.
    pub(crate) fn may_send_now(&self, limits: &Limits) -> bool {
        self.outbox.has_room()
            && (self.in_flight_bytes < limits.in_flight_bytes || self.outbox.in_flight() == 0)
            && self
                .link
                .as_ref()
                .is_some_and(|link| link.pending() <= limits.output_high && !link.only_subscribes)
    }

    pub(crate) fn offer_shared(
        &mut self,
        message: &RoutedMessage<'_>,
        grant: &Grant,
        origin: Origin<'_, Session>,
        choice: Choice,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer {
        let qos = grant.delivered(message.view.qos, limits);
        let retain = message.view.retain && grant.retain_as_published;
        let delivery = Delivery { qos, retain, ids: grant.ids.as_deref().unwrap_or_default() };
        if !self.may_read(message, grant) {
            self.tell_denied(message.view.topic, cx);
            return Offer::Denied;
        }
        let Some(link) = &self.link else { return Offer::Absent };
        if let Err(why) = link.admit(&message.view, delivery, cx.now) {
            return Offer::Dropped(why);
        }
        if qos == QoS::AtMostOnce {
            // Another member may take it at once.
            if link.pending() > limits.output_high && (choice == Choice::Ready || self.is_lagging()) {
                return Offer::NoRoom;
            }
            return self.offer_at_most_once(message, (delivery, &grant.ids), origin.number, cx, limits);
        }
        if !self.queue.is_empty() || !self.may_send_now(limits) {
            return Offer::NoRoom;
        }
        self.start(message, (delivery, &grant.ids), origin, cx, limits);
        self.back_pressure(cx, limits)
    }

    /// Ends the session's messages: QoS 1 ones of shared groups are given back for another member [MQTT-4.8.2-5].
    pub(crate) fn drain(&mut self) -> Vec<(Arc<Group<Session>>, QueuedMessage)> {
        self.queue = Queue::default();
        self.in_flight_bytes = 0;
        self.outbox
            .drain()
            .filter_map(|(qos, kept)| {
                let kept = kept.filter(|_| qos == QoS::AtLeastOnce)?;
                let InFlight { waiting, group } = *kept;
                group.map(|group| (group, waiting))
            })
            .collect()
    }
}
