//! Requests that clients publish under `$CONTROL/skeeter/v1/`: collected for the shell, which knows the process around the
//! core, and answered by a message to the client alone.
//!
//! A request is not routed, so that nobody can subscribe to the requests of others. Its response is not routed either: it goes
//! to the session that asked, if that has subscribed to the topic of the response. So a request cannot be used to publish
//! somewhere in the name of the broker.

use std::time::Duration;

use crate::broker::identity::Who;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::routing::receiver::{Grant, Receiver};
use crate::broker::session::Session;
use crate::broker::state::Broker;
use crate::broker::state::turn::Turn;
use crate::codec::packet::Publish;
use crate::codec::property::{PropertiesBuf, Property};
use crate::message::{MessageRef, QoS};
use crate::sync::Arc;
use crate::topic::{self, TopicFilter};

/// How long a response waits for a client that is slow to take it.
const RESPONSE_EXPIRY: Duration = Duration::from_secs(60);

/// One request.
#[derive(Debug)]
pub struct ControlRequest {
    /// The rest of its topic.
    pub operation: Box<str>,
    /// Its payload.
    pub arguments: Box<[u8]>,
    pub who: Arc<Who>,
    /// Where its client is connected from.
    pub peer: Arc<str>,
    session: Arc<Session>,
    response_topic: Box<str>,
    correlation_data: Option<Box<[u8]>>,
    qos: QoS,
}

impl ControlRequest {
    /// The request that this PUBLISH is, if its topic says so. `topic` is the one that an alias stands for.
    pub(crate) fn new(
        topic: &str,
        publish: &Publish<'_>,
        session: &Arc<Session>,
        who: &Arc<Who>,
        peer: &Arc<str>,
    ) -> Option<Self> {
        let operation = topic.strip_prefix(topic::CONTROL)?;
        let properties = publish.properties;
        let response_topic =
            properties.response_topic().map_or_else(|| format!("{topic}/response"), str::to_owned);
        Some(Self {
            operation: operation.into(),
            arguments: publish.payload.into(),
            who: who.clone(),
            peer: peer.clone(),
            session: session.clone(),
            response_topic: response_topic.into(),
            correlation_data: properties.correlation_data().map(Into::into),
            qos: publish.qos,
        })
    }
}

impl Broker {
    /// Sends the response to a request, JSON, to the client that asked, if it has subscribed to the topic of the response and
    /// may read it.
    pub fn respond(&self, request: &ControlRequest, response: &[u8], turn: &mut Turn) {
        let session = &request.session;
        let filters = session.lock().filters.to_sorted();
        let is_awaited = filters.iter().any(|filter| {
            TopicFilter::new(filter).is_ok_and(|filter| filter.matches(&request.response_topic))
        });
        if !is_awaited {
            return;
        }
        let mut properties = PropertiesBuf::default();
        properties.push(Property::PayloadFormatIndicator(1));
        properties.push(Property::ContentType("application/json"));
        if let Some(data) = &request.correlation_data {
            properties.push(Property::CorrelationData(data));
        }
        let view = MessageRef {
            topic: &request.response_topic,
            properties: properties.as_properties().as_bytes(),
            payload: response,
            qos: request.qos,
            retain: false,
            expires: turn.now + RESPONSE_EXPIRY,
        };
        let grant = Grant { qos: request.qos, retain_as_published: false, ids: None, verdict: None };
        let limits = turn.limits.clone();
        Receiver::offer(&**session, &RoutedMessage::new(view), &grant, None, turn, &limits);
    }
}
