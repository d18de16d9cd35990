//! `--remove-retained`: an empty retained message to each topic that had one, as fast as they are acknowledged.

use std::collections::VecDeque;

use super::{SubscribeEnd, SubscriberRun};
use crate::client::{Event, Outgoing};
use crate::codec::property::Properties;
use crate::message::QoS;
use crate::net::link::Ended;

/// Topics whose retained message is to be cleared, when the window has room.
#[derive(Debug, Default)]
pub(super) struct Clearing(VecDeque<String>);

impl Clearing {
    pub(super) fn add(&mut self, topic: &str) {
        self.0.push_back(topic.to_owned());
    }
}

impl SubscriberRun<'_> {
    /// Clears retained messages as far as the window has room.
    pub(super) fn clear(&mut self) {
        while self.dial.link.client().has_room()
            && let Some(topic) = self.desk.clearing.0.pop_front()
        {
            let message = Outgoing {
                topic: &topic,
                payload: b"",
                qos: QoS::AtLeastOnce,
                retain: true,
                properties: Properties::EMPTY,
            };
            let (client, now, out) = self.dial.link.command();
            if let Err(refusal) = client.publish(now, &message, out) {
                let teller = self.desk.teller;
                teller.tell(format_args!("the retained message of {topic} was not cleared: {refusal}"));
            }
        }
    }

    /// Waits until all that was to be cleared is acknowledged, and then ends.
    pub(super) async fn clear_the_rest(&mut self, end: SubscribeEnd) -> SubscribeEnd {
        if self.desk.clearing.0.is_empty() && self.dial.link.client().in_flight() == 0 {
            // Taking another message would acknowledge it, though it is not printed.
            return end;
        }
        loop {
            // What has come already is not waited for: with the last message there may be the acknowledgements of a full window.
            loop {
                match self.dial.link.event() {
                    Ok(Some(Event::Disconnected { reason, .. })) => {
                        return Ended::Disconnected { reason, text: None }.into();
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(ended) => return ended.into(),
                }
            }
            self.clear();
            if self.desk.clearing.0.is_empty() && self.dial.link.client().in_flight() == 0 {
                return end;
            }
            if let Err(ended) = self.dial.link.progress().await {
                return ended.into();
            }
        }
    }
}
