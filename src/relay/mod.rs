//! A bridge between two brokers as a value: what comes from one is handed on to the other.
//!
//! It keeps no message. Each broker has a session of the bridge, and the identifier that the sending broker gave a message
//! goes on to the receiving one, and each acknowledgement comes back under it:
//!
//! ```text
//!   near broker ── PUBLISH 7 ──▶ relay ── PUBLISH 7 ──▶ far broker
//!               ◀── PUBREC 7 ──        ◀── PUBREC 7 ──
//!               ── PUBREL 7 ──▶        ── PUBREL 7 ──▶
//!               ◀── PUBCOMP 7 ─        ◀── PUBCOMP 7 ─
//! ```
//!
//! So nothing is acknowledged that the other side does not have, and QoS 2 is kept from end to end, also when a connection,
//! or this process, ends in the middle: the sessions of the two brokers know all there is to know, and go on with each
//! other. The windows of the two are what bounds it.
//!
//! [`topics`] says which topics go which way, and by what name; [`pace`] when to connect again, and where. What it leaves
//! out: connections, which two [`Client`]s in the mode that relays have; and time.

mod doubt;
mod flow;
mod pace;
#[cfg(test)]
#[path = "../../tests/unit/relay/tests.rs"]
mod tests;
mod topics;

use doubt::Doubt;
use flow::Flow;
pub(crate) use pace::{Pause, Places};
pub(crate) use topics::{Direction, Rule, Topics};

use crate::client::{Client, Event, Refusal};
use crate::codec::packet::{Ack, Packet, Publish};
use crate::codec::reason::Reason;
use crate::delivery::MAX_SESSION_ID;
use crate::message::QoS;
use crate::time::Instant;
use crate::topic::TopicName;

/// One of the two brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Ours.
    Near,
    /// The other one.
    Far,
}

/// What an event of one side has come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// What its own broker is to be answered.
    pub(crate) answer: Option<Packet<'static>>,
    pub(crate) news: Option<News>,
}

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A message was handed on.
    Message,
    /// No rule asks for this topic: a subscription of earlier days, as a rule.
    Unasked(String),
    /// The receiver takes no packet as large as this message would be.
    TooLarge { topic: String, most: usize },
    /// The receiver did not take a message.
    Refused(Reason),
    /// The topic has a wildcard, so that nobody may publish to it.
    BadTopic(String),
    /// The other broker ended the connection three times in a row when it was sent this message.
    GivenUp(String),
}

/// What goes on between two connections, and after them between the next two.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    topics: Topics,
    /// Whether what is retained here may be retained there.
    retains: bool,
    outward: Flow,
    inward: Flow,
    /// Which message makes the other broker end the connection.
    doubt: Doubt,
}

impl Relay {
    /// Two connections begin; whether each of the brokers still has the bridge's session.
    pub(crate) fn begin(&mut self, topics: Topics, retains: bool, near_resumes: bool, far_resumes: bool) {
        (self.topics, self.retains) = (topics, retains);
        self.outward.begin(near_resumes, far_resumes);
        self.inward.begin(far_resumes, near_resumes);
        self.doubt.begin(near_resumes);
    }

    /// The other broker has ended the connection; a message may be why.
    pub(crate) fn suspect(&mut self) {
        self.doubt.ended();
    }

    /// Whether messages go to the other broker one at a time, to find out which one ends the connection.
    pub(crate) fn is_careful(&self) -> bool {
        self.doubt.is_careful()
    }

    /// Whether the next message has to wait until the other broker has answered the last one.
    pub(crate) fn holds_back(&self) -> bool {
        self.doubt.holds_back()
    }

    /// Hands on what came from `from`. `to` is the client of the other side.
    pub(crate) fn pass(
        &mut self,
        from: Side,
        event: &Event<'_>,
        (to, now, out): (&mut Client, Instant, &mut Vec<u8>),
    ) -> Passed {
        match event {
            Event::Message(publish) => self.message(from, publish, (to, now, out)),
            Event::Relayed(packet) => self.acknowledgement(from, packet, (to, now, out)),
            _ => Passed::default(),
        }
    }

    fn message(
        &mut self,
        from: Side,
        publish: &Publish<'_>,
        (to, now, out): (&mut Client, Instant, &mut Vec<u8>),
    ) -> Passed {
        let (topic, flow, retains) = match from {
            Side::Near => (self.topics.outward(publish.topic), &mut self.outward, self.retains),
            Side::Far => (self.topics.inward(publish.topic), &mut self.inward, true),
        };
        let Some(topic) = topic.filter(|topic| TopicName::new(topic).is_ok()) else {
            return finished(publish, Reason::SUCCESS, Some(left_out(publish.topic)));
        };
        if from == Side::Near
            && let Some(id) = publish.packet_id
            && self.doubt.gives_up(id)
        {
            if publish.qos == QoS::ExactlyOnce {
                flow.release(id);
                let _ = to.relay(now, &Packet::Pubrel(Ack::new(id, Reason::SUCCESS)), out);
            }
            let news = News::GivenUp(topic.into_owned());
            return finished(publish, Reason::IMPLEMENTATION_SPECIFIC_ERROR, Some(news));
        }
        let limits = to.negotiated();
        let qos = publish.qos.min(limits.maximum_qos);
        let packet_id = publish.packet_id.filter(|_| qos != QoS::AtMostOnce);
        let mut scratch = Vec::new();
        let properties = publish.properties.without_link(&mut scratch);
        // What its broker sent before may never have come here; what an earlier process sent on, the broker alone knows.
        // [MQTT-3.3.1-3]
        let sent = packet_id.is_some_and(|id| flow.sends(id));
        let handed_on = Packet::Publish(Publish {
            dup: (publish.dup || sent) && qos != QoS::AtMostOnce,
            qos,
            retain: publish.retain && retains && limits.retain_available,
            topic: &topic,
            packet_id,
            properties,
            payload: publish.payload,
        });
        if let Some(id) = packet_id.filter(|_| qos == QoS::ExactlyOnce)
            && flow.must_release(id)
        {
            // It is as small as a packet can be.
            let _ = to.relay(now, &Packet::Pubrel(Ack::new(id, Reason::SUCCESS)), out);
        }
        match to.relay(now, &handed_on, out) {
            Err(Refusal::TooLarge(most)) => {
                let news = News::TooLarge { topic: publish.topic.to_owned(), most };
                finished(publish, Reason::IMPLEMENTATION_SPECIFIC_ERROR, Some(news))
            }
            // The connection has gone; what its sender keeps comes again.
            Err(_) => Passed::default(),
            Ok(()) => {
                if let Some(id) = publish.packet_id.filter(|_| qos < publish.qos) {
                    flow.lowered(id);
                }
                if from == Side::Near
                    && let Some(id) = packet_id
                {
                    self.doubt.sent(id);
                }
                match packet_id {
                    Some(_) => Passed { answer: None, news: Some(News::Message) },
                    None => finished(publish, Reason::SUCCESS, Some(News::Message)),
                }
            }
        }
    }

    fn acknowledgement(
        &mut self,
        from: Side,
        packet: &Packet<'_>,
        (to, now, out): (&mut Client, Instant, &mut Vec<u8>),
    ) -> Passed {
        // PUBREL goes the way of its message; the others come back.
        let flow = match (from, matches!(packet, Packet::Pubrel(_))) {
            (Side::Near, true) | (Side::Far, false) => &mut self.outward,
            (Side::Far, true) | (Side::Near, false) => &mut self.inward,
        };
        if let (Side::Far, Packet::Puback(ack) | Packet::Pubrec(ack)) = (from, packet) {
            self.doubt.answered(ack.packet_id);
        }
        let mut passed = Passed::default();
        match packet {
            Packet::Puback(ack) => flow.acknowledged(ack.packet_id),
            Packet::Pubrec(ack) if ack.reason.is_failure() => flow.acknowledged(ack.packet_id),
            Packet::Pubrel(ack) => flow.is_received(ack.packet_id),
            _ => {}
        }
        let (bare, reason) = match packet {
            // What the bridge said for itself.
            Packet::Puback(ack) if from == Side::Far && ack.packet_id.get() > MAX_SESSION_ID => {
                return passed;
            }
            Packet::Puback(ack) if flow.is_lowered(ack.packet_id) => {
                if ack.reason.is_failure() {
                    flow.finished(ack.packet_id);
                }
                (Packet::Pubrec(Ack::new(ack.packet_id, ack.reason)), ack.reason)
            }
            Packet::Puback(ack) => (Packet::Puback(Ack::new(ack.packet_id, proper(ack.reason))), ack.reason),
            Packet::Pubrec(ack) => {
                flow.answered(ack.packet_id);
                (Packet::Pubrec(Ack::new(ack.packet_id, proper(ack.reason))), ack.reason)
            }
            Packet::Pubrel(ack) if flow.finished(ack.packet_id) => {
                passed.answer = Some(Packet::Pubcomp(Ack::new(ack.packet_id, Reason::SUCCESS)));
                return passed;
            }
            Packet::Pubrel(ack) => (Packet::Pubrel(Ack::new(ack.packet_id, ack.reason)), Reason::SUCCESS),
            Packet::Pubcomp(ack) if flow.answered(ack.packet_id) => return passed,
            Packet::Pubcomp(ack) => (Packet::Pubcomp(Ack::new(ack.packet_id, ack.reason)), Reason::SUCCESS),
            _ => return passed,
        };
        // It fits: it has no properties. If the connection has gone, it comes again.
        let _ = to.relay(now, &bare, out);
        passed.news = reason.is_failure().then_some(News::Refused(reason));
        passed
    }
}

/// Why a message is not handed on.
fn left_out(topic: &str) -> News {
    match TopicName::new(topic) {
        Ok(_) => News::Unasked(topic.to_owned()),
        Err(_) => News::BadTopic(topic.to_owned()),
    }
}

/// A reason that PUBACK and PUBREC may give [MQTT-3.4.2-1] [MQTT-3.5.2-1].
fn proper(reason: Reason) -> Reason {
    if reason == Reason::PACKET_TOO_LARGE { Reason::IMPLEMENTATION_SPECIFIC_ERROR } else { reason }
}

/// The answer to a message that goes no further.
fn finished(publish: &Publish<'_>, reason: Reason, news: Option<News>) -> Passed {
    let answer = publish.packet_id.map(|id| match publish.qos {
        QoS::ExactlyOnce => Packet::Pubrec(Ack::new(id, reason)),
        QoS::AtLeastOnce | QoS::AtMostOnce => Packet::Puback(Ack::new(id, reason)),
    });
    Passed { answer, news }
}
