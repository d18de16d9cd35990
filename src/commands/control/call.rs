//! One request after the other over one connection.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::cli::exit::{FAILURE, Failure, PUBLISH_REFUSED, SUBSCRIBE_REFUSED, TIMEOUT, Teller};
use crate::client::{Event, Outgoing};
use crate::codec::packet::{Options, RetainHandling, Version};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::dial::Dial;
use crate::dial::connection::Plan;
use crate::message::QoS;
use crate::net::link::Ended;
use crate::text::os_error;
use crate::topic;

/// A connection to a broker for requests.
pub(super) struct Caller {
    pub(super) dial: Dial,
    broker: String,
    /// How long a response may take.
    limit: Duration,
    /// The number of the last request, which is its correlation data.
    requests: u32,
    /// The response topic that is subscribed to.
    subscribed: Option<String>,
}

impl Caller {
    /// Connects.
    ///
    /// # Errors
    /// There is no connection.
    pub(super) async fn open(plan: Plan, limit: Duration, teller: Teller) -> Result<Self, Failure> {
        let broker = plan.target.to_string();
        let mut dial = plan.dial(teller);
        if let Err(ended) = dial.open().await {
            dial.link.abandon().await;
            return Err(dial.failure(&ended));
        }
        Ok(Self { dial, broker, limit, requests: 0, subscribed: None })
    }

    /// The result of an operation.
    ///
    /// # Errors
    /// The connection is lost, the request is not permitted, or the broker answers with an error.
    pub(super) async fn call(&mut self, operation: &str, arguments: &Value) -> Result<Value, Failure> {
        let response = timeout(self.limit, self.exchange(operation, arguments)).await.unwrap_or_else(|_| {
            Err(Failure::new(
                TIMEOUT,
                format!(
                    "{}: no response within {} s; is it a skeeter broker, and may the user publish to and read {}{operation}?",
                    self.broker,
                    self.limit.as_secs(),
                    topic::CONTROL,
                ),
            ))
        })?;
        let mut response: Value = serde_json::from_slice(&response).map_err(|error| {
            Failure::new(FAILURE, format!("the response is not JSON: {}", os_error(&error)))
        })?;
        match response["error"]["message"].as_str() {
            Some(message) => Err(Failure::new(FAILURE, message)),
            None => Ok(response["result"].take()),
        }
    }

    /// Subscribes, publishes the request once that is granted, and waits for the response.
    async fn exchange(&mut self, operation: &str, arguments: &Value) -> Result<Vec<u8>, Failure> {
        let topic = format!("{}{operation}", topic::CONTROL);
        let response_topic = format!("{topic}/response");
        self.requests += 1;
        let correlation_data = self.requests.to_be_bytes();
        let mut is_ready = self.subscribed.as_ref() == Some(&response_topic);
        if is_ready {
            self.publish(&topic, arguments, &correlation_data)?;
        } else {
            self.subscribe(&response_topic)?;
        }
        loop {
            let progress = self.dial.link.progress().await;
            progress.map_err(|ended| self.lost(&ended))?;
            loop {
                let event = match self.dial.link.event() {
                    Ok(Some(event)) => event,
                    Ok(None) => break,
                    Err(ended) => return Err(self.lost(&ended)),
                };
                match event {
                    Event::Subscribed(suback) => match suback.reasons.first() {
                        Some(reason) if !reason.is_grant() => {
                            let text = format!(
                                "{}: subscribing to {response_topic} was refused: {reason}",
                                self.broker
                            );
                            return Err(Failure::new(SUBSCRIBE_REFUSED, text));
                        }
                        _ => is_ready = true,
                    },
                    Event::Acknowledged { reason, .. } => self.check_acknowledgement(reason, &topic)?,
                    Event::Message(publish) if publish.topic == response_topic => {
                        let correlated = publish.properties.correlation_data();
                        if correlated.is_none_or(|data| data == correlation_data) {
                            return Ok(publish.payload.to_vec());
                        }
                    }
                    Event::Disconnected { reason, properties } => {
                        let text = properties.reason_string().map(str::to_owned);
                        return Err(self.lost(&Ended::Disconnected { reason, text }));
                    }
                    _ => {}
                }
            }
            if is_ready && self.subscribed.as_ref() != Some(&response_topic) {
                self.subscribed = Some(response_topic.clone());
                self.publish(&topic, arguments, &correlation_data)?;
            }
        }
    }

    fn subscribe(&mut self, filter: &str) -> Result<(), Failure> {
        let options = Options {
            qos: QoS::AtLeastOnce,
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::DoNotSend,
        };
        let (client, now, out) = self.dial.link.command();
        let subscribed = client.subscribe(now, &[(filter, options)], Properties::EMPTY, out);
        subscribed
            .map(drop)
            .map_err(|why| Failure::new(SUBSCRIBE_REFUSED, format!("cannot subscribe: {why}")))
    }

    fn publish(&mut self, topic: &str, arguments: &Value, correlation_data: &[u8]) -> Result<(), Failure> {
        let mut properties = PropertiesBuf::default();
        if self.dial.version() == Version::V5 {
            properties.push(Property::CorrelationData(correlation_data));
        }
        let payload = arguments.to_string();
        let message = Outgoing {
            topic,
            payload: payload.as_bytes(),
            qos: QoS::AtLeastOnce,
            retain: false,
            properties: properties.as_properties(),
        };
        let (client, now, out) = self.dial.link.command();
        let published = client.publish(now, &message, out);
        published.map(drop).map_err(|why| Failure::new(PUBLISH_REFUSED, format!("cannot publish: {why}")))
    }

    /// # Errors
    /// The request was refused, or nobody takes it.
    fn check_acknowledgement(&self, reason: Reason, topic: &str) -> Result<(), Failure> {
        let broker = &self.broker;
        match reason {
            Reason::NOT_AUTHORIZED => Err(Failure::new(
                PUBLISH_REFUSED,
                format!(
                    "{broker}: not authorized; the ACL must allow this user to write and read {topic}, or, without an ACL, \
                     connect through a loopback address or a Unix domain socket"
                ),
            )),
            Reason::NO_MATCHING_SUBSCRIBERS => Err(Failure::new(
                FAILURE,
                format!("{broker}: nobody takes the request; is it a skeeter broker?"),
            )),
            reason if reason.is_failure() => {
                Err(Failure::new(PUBLISH_REFUSED, format!("{broker}: the request was refused: {reason}")))
            }
            _ => Ok(()),
        }
    }

    fn lost(&self, ended: &Ended) -> Failure {
        self.dial.failure(ended)
    }
}
