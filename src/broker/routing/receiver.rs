//! What a receiver of messages is granted, and what it answers when a message is offered to it.

use std::fmt::Debug;

use crate::broker::access::rights::ReadVerdict;
use crate::broker::cx::Cx;
use crate::broker::durability::record::Ids;
use crate::broker::limits::Limits;
use crate::broker::observe::drops::DropReason;
use crate::broker::queue::backlog::Slow;
use crate::broker::routing::group::Group;
use crate::broker::routing::message::RoutedMessage;
use crate::message::QoS;
use crate::sync::Arc;

/// What a subscription grants: the greatest QoS, whether RETAIN is kept, and the identifiers.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) qos: QoS,
    pub(crate) retain_as_published: bool,
    pub(crate) ids: Ids,
    /// Whether the client may read the one topic that this was made for, if somebody has asked.
    pub(crate) verdict: Option<ReadVerdict>,
}

impl Grant {
    /// The QoS of a delivery: the lower of the published and the granted one [MQTT-3.8.4-8], unless it is upgraded.
    pub(crate) fn delivered(&self, published: QoS, limits: &Limits) -> QoS {
        if limits.upgrade_qos { self.qos } else { published.min(self.qos) }
    }
}

/// Which members of a shared group are asked to take a QoS 0 message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Those for which little waits.
    Ready,
    /// All that are not lagging.
    Any,
}

/// What became of a message offered to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is on its way, or waits.
    Taken,
    /// Taken; but so much waits there that publishers should slow down.
    SlowDown(Slow),
    Dropped(DropReason),
    /// Nobody is there to take it: QoS 0 for an absent client, or a session that has ended.
    Absent,
    /// Its client may not read it.
    Denied,
    /// A member of a shared group has no room now.
    NoRoom,
}

/// A session, as the fan-out and the shared groups see it.
pub(crate) trait Receiver: Debug + Sized + Send + Sync + 'static {
    /// Tells receivers apart.
    fn key(&self) -> u64;

    /// Whether it is kept in the store.
    fn is_kept(&self) -> bool;

    fn is_connected(&self) -> bool;

    /// What its client may read of this topic, to be remembered; `None` if it may read everything.
    fn read_verdict(&self, topic: &str) -> Option<ReadVerdict>;

    /// Offers a message that matched its own subscriptions. `retained`: the sequence number, if the message was retained.
    fn offer(
        &self,
        message: &RoutedMessage<'_>,
        grant: &Grant,
        retained: Option<u64>,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer;

    /// Offers a message of a shared group: taken only if it can be sent at once.
    fn offer_shared(
        &self,
        message: &RoutedMessage<'_>,
        grant: &Grant,
        origin: Origin<'_, Self>,
        choice: Choice,
        cx: &mut Cx,
        limits: &Limits,
    ) -> Offer;

    /// Whether the publisher in `cx`, which was asked to slow down, still should.
    fn still_slows(&self, cx: &mut Cx, limits: &Limits) -> bool;

    /// Tells it that messages wait in one of its groups.
    fn group_waits(&self);
}

/// Where a message that is sent comes from.
#[derive(Debug)]
pub(crate) struct Origin<'a, R> {
    /// Its number in the store, 0 if it has none yet.
    pub(crate) number: u64,
    /// Whether it may have been sent before.
    pub(crate) sent: bool,
    pub(crate) group: Option<&'a Arc<Group<R>>>,
    /// Whether the group's messages are kept in the store.
    pub(crate) group_is_kept: bool,
}

impl<R> Clone for Origin<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Origin<'_, R> {}

impl<R> Default for Origin<'_, R> {
    fn default() -> Self {
        Self { number: 0, sent: false, group: None, group_is_kept: false }
    }
}
