//! Publishing a message: the retained message is stored, then all receivers are asked.
use crate::broker::cx::Cx;
use crate::broker::durability::record::Record;
use crate::broker::identity::Who;
use crate::broker::limits::Limits;
use crate::broker::routing::hold::SlowDown;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::routing::retained::RetainedSlot;
use crate::broker::routing::route::Lookup;
use crate::broker::routing::route::RouteTarget;
use crate::broker::routing::route::Routed;
use crate::broker::routing::route::{FanOut, FanOutProgress};
use crate::broker::session::Session;
use crate::broker::state::Broker;
use crate::broker::state::turn::Turn;
use crate::message::MessageRef;
use crate::message::QoS;
use crate::sync::Arc;

/// Who publishes a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublishSource<'a> {
    /// The key of the session; 0 is the broker itself.
    pub(crate) key: u64,
    pub(crate) who: Option<&'a Arc<Who>>,
}

impl PublishSource<'_> {
    /// The broker itself.
    pub(crate) const BROKER: Self = Self { key: 0, who: None };
}

impl Broker {
    /// Publishes what no connection published: wills and `$SYS`. In one go, as nobody waits for it.
    pub(crate) fn publish(&self, message: &RoutedMessage<'_>, source: PublishSource<'_>, turn: &mut Turn) {
        let limits = turn.limits.clone();
        self.route(message, source, usize::MAX, &mut SlowDown::default(), &limits, turn);
    }

    /// Stores a retained message and offers the message to its first receivers; the rest is left to the caller, who
    /// goes on with [`FanOut::proceed`]. A retained message goes to all at once: its topic's slot is held until a
    /// concurrent SUBSCRIBE cannot miss or double it.
    pub(crate) fn route(
        &self,
        message: &RoutedMessage<'_>,
        source: PublishSource<'_>,
        most: usize,
        asked: &mut SlowDown<Session>,
        limits: &Limits,
        turn: &mut Turn,
    ) -> Routed<Session> {
        let Turn { cx, matches, .. } = turn;
        let (lookup, topic) = (self.lookup(limits), message.view.topic);
        if message.view.retain {
            let mut slot = self.retained.lock(topic);
            let sequence = retain(&mut slot, message, source.who, cx);
            let receivers = matches.receivers(&lookup, topic);
            FanOut::begin(
                receivers,
                FanOutProgress::new(source.key, sequence),
                message,
                usize::MAX,
                asked,
                limits,
                cx,
            )
        } else {
            let receivers = matches.receivers(&lookup, topic);
            FanOut::begin(receivers, FanOutProgress::new(source.key, None), message, most, asked, limits, cx)
        }
    }

    fn lookup(&self, limits: &Limits) -> Lookup<'_, Session> {
        Lookup { index: &self.index, rights: &self.rights, duplicates: limits.duplicates }
    }

    /// Whether a message above QoS 0 must be kept in the store.
    pub(crate) fn must_keep(&self, message: &MessageRef<'_>, publisher_kept: bool, turn: &mut Turn) -> bool {
        let Turn { cx, matches, .. } = turn;
        let receivers = matches.receivers(&self.lookup(&cx.limits), message.topic);
        let kept = receivers.list.iter().any(|receiver| match receiver {
            RouteTarget::Session(session, grant) => grant.qos != QoS::AtMostOnce && session.is_kept(),
            RouteTarget::Group(group) => group.is_kept(),
        });
        // To clear a retained message makes room.
        let is_retained =
            message.retain && (!message.payload.is_empty() || cx.journal.failing_since().is_some());
        kept || is_retained || (publisher_kept && message.qos == QoS::ExactlyOnce)
    }
}

/// Stores or clears the retained message of a topic; the sequence number of what is stored.
fn retain(
    slot: &mut RetainedSlot<'_>,
    message: &RoutedMessage<'_>,
    source: Option<&Arc<Who>>,
    cx: &mut Cx,
) -> Option<u64> {
    let topic = message.view.topic;
    let sequence = if message.view.payload.is_empty() {
        slot.clear(); // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
        None
    } else {
        slot.set(message.message().clone(), source.cloned(), cx.now) // [MQTT-3.3.1-5]
    };
    // What the broker says about itself is said anew after a crash. At QoS 0 nothing was promised, so that a store
    // that fails for long does not fill the memory; of wills neither, while the disk is full.
    let has_room = sequence.is_none() || !cx.journal.disk_is_full();
    let is_stored =
        message.is_promised || has_room && (message.view.qos != QoS::AtMostOnce || !cx.journal.is_full());
    if cx.journal.is_on() && is_stored && !topic.starts_with("$SYS/") {
        cx.record(match sequence {
            Some(_) => Record::Retain { message: message.message().clone(), source: source.cloned() },
            None => Record::ClearRetained { topic: topic.into() },
        });
    }
    sequence
}
