//! The will: a message that its client left to be published when the client is gone.

use crate::broker::durability::will::StoredWill;
use crate::broker::state::publish::PublishSource;
use std::time::Duration;

use crate::broker::observe::event::Event;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::session::Session;
use crate::broker::state::Broker;
use crate::broker::state::turn::Turn;
use crate::message::MessageRef;
use crate::time::Instant;

impl Broker {
    /// Publishes a will, unless its client has lost, or never had, the right to its topic.
    pub(crate) fn publish_will(&self, will: &StoredWill, session: &Session, turn: &mut Turn) {
        let Some(who) = session.lock().who.clone() else { return };
        if let Some(denial) = self.rights.get(&mut turn.rights).deny_publish(&who, &will.topic) {
            turn.counters.publish_refused.add(1);
            let (topic, qos) = (will.topic.clone(), will.qos);
            turn.events.push(Event::Forbidden { who, peer: None, topic, qos, will: true, denial });
            return;
        }
        let expires =
            will.expiry.map_or(Instant::NEVER, |seconds| turn.now + Duration::from_secs(seconds.into()));
        let view = MessageRef {
            topic: &will.topic,
            properties: &will.properties,
            payload: &will.payload,
            qos: will.qos,
            retain: will.retain, // [MQTT-3.1.2-14] [MQTT-3.1.2-15]
            expires,
        };
        self.publish(&RoutedMessage::new(view), PublishSource { key: session.key, who: Some(&who) }, turn);
    }
}
