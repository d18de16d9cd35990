//! What this broker's own bridges ask of it beside what they do as clients.

use crate::broker::identity::{SessionName, SessionOwner};
use crate::broker::routing::message::RoutedMessage;
use crate::broker::state::Broker;
use crate::broker::state::publish::PublishSource;
use crate::broker::state::turn::Turn;
use crate::message::{MessageRef, QoS};
use crate::time::Instant;

impl Broker {
    /// The filters that the session of a bridge with this client ID is subscribed to.
    pub fn filters(&self, client: &str) -> Vec<Box<str>> {
        let session = self.directory.find(SessionName { client, owner: &SessionOwner::BRIDGE });
        session.map_or_else(Vec::new, |session| session.lock().filters.to_sorted())
    }

    /// How many messages wait for the bridge with this client ID, those in flight among them.
    pub fn waiting(&self, client: &str) -> usize {
        let session = self.directory.find(SessionName { client, owner: &SessionOwner::BRIDGE });
        session.map_or(0, |session| {
            let state = session.lock();
            state.queue.len() + state.outbox.in_flight()
        })
    }

    /// A bridge hands its session with this client ID over to another one, which does not know what it has sent on: all
    /// that is in flight may have been.
    pub fn hand_over(&self, client: &str) {
        let session = self.directory.find(SessionName { client, owner: &SessionOwner::BRIDGE });
        if let Some(session) = session {
            let mut state = session.lock();
            state.outbox.contents_mut().flatten().for_each(|kept| kept.waiting.sent = true);
        }
    }

    /// Retains a message of the broker's own.
    pub fn announce(&self, topic: &str, payload: &str, turn: &mut Turn) {
        let view = MessageRef {
            topic,
            properties: &[],
            payload: payload.as_bytes(),
            qos: QoS::AtLeastOnce,
            retain: true,
            expires: Instant::NEVER,
        };
        self.publish(&RoutedMessage::new(view), PublishSource::BROKER, turn);
    }
}
