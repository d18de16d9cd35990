//! The will: a message that its client left to be published when the client is gone.

use std::time::Duration;

use super::Broker;
use super::event::Event;
use super::link::Shared;
use super::session::Session;
use super::turn::Turn;
use crate::codec::packet;
use crate::message::{MessageRef, QoS};
use crate::time::Instant;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    pub topic: Box<str>,
    /// Without delay and expiry.
    pub properties: Box<[u8]>,
    pub payload: Box<[u8]>,
    pub qos: QoS,
    pub retain: bool,
    /// Seconds the message lives once it is published.
    pub expiry: Option<u32>,
    /// Seconds between the end of the connection and the publication.
    pub delay: u32,
}

impl Will {
    /// Copies the will out of its CONNECT [MQTT-3.1.2-7].
    pub(crate) fn new(will: &packet::Will<'_>, mount_point: Option<&str>) -> Self {
        let mut properties = Vec::new();
        let own = will.properties.without_hop(&mut properties);
        Self {
            topic: [mount_point.unwrap_or_default(), will.topic].concat().into(),
            properties: own.into(),
            payload: will.payload.into(),
            qos: will.qos,
            retain: will.retain,
            expiry: will.properties.message_expiry(),
            delay: will.properties.will_delay().unwrap_or(0),
        }
    }
}

impl Will {
    /// Bytes of its content.
    pub(crate) fn len(&self) -> usize {
        self.topic.len() + self.properties.len() + self.payload.len()
    }
}

impl Broker {
    /// Publishes a will, unless its client has lost, or never had, the right to its topic.
    pub(crate) fn publish_will(&self, will: &Will, session: &Session, turn: &mut Turn) {
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
        self.publish(&Shared::new(view), session.key, Some(&who), turn);
    }
}
