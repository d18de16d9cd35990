//! What arrives: one packet after the other, checked against what a server may send now.

use super::{Again, Client, Event, Fault, Negotiated, Phase};
use crate::codec::frame::{self, Frame};
use crate::codec::packet::{Ack, Auth, Connack, Packet, PacketId, Publish, Suback, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::codec::{Malformed, check_first, decode_leniently, encode, refusal};
use crate::delivery::{Arrival, Received};
use crate::message::QoS;
use crate::time::Instant;

/// What one packet gave.
enum Step<'a> {
    Nothing,
    Event(Event<'a>),
    /// A message whose topic is the one of this alias.
    Aliased(u16, Publish<'a>),
}

impl Client {
    /// Takes packets off the front of `input` until one says something, and appends the answers to `out`. `None` when no
    /// whole packet is left. Send `out` only once its events are dealt with: acknowledgements are in it.
    ///
    /// # Errors
    /// When the server breaks the rules: send `out`, then close.
    pub fn next<'a, 'b: 'a>(
        &'a mut self,
        now: Instant,
        input: &mut &'b [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'a>>, Fault> {
        if let Some(packet_id) = self.given_up.pop_front() {
            let (reason, properties) = (Reason::PACKET_TOO_LARGE, Properties::EMPTY);
            return Ok(Some(Event::Acknowledged { packet_id, reason, properties }));
        }
        while self.phase != Phase::Idle {
            if self.phase == Phase::Connecting
                && input.first().is_some_and(|first| !matches!(first, 0x20 | 0xF0))
            {
                // Known by the first byte: what is no broker may never send the rest of that "packet" [MQTT-3.2.0-1].
                return Err(self.fail(Fault::protocol("the broker sent another packet before CONNACK"), out));
            }
            let limit = self.settings.properties().maximum_packet_size();
            let limit = limit.map_or(self.settings.max_packet_size, |bytes| bytes as usize);
            // [MQTT-3.1.2-24]
            let frame = match frame::cut(input, limit) {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    let checked =
                        input.first().map_or(Ok(()), |first| check_first(self.settings.version, *first));
                    return checked.map(|()| None).map_err(|malformed| self.fail(malformed.into(), out));
                }
                Err(Malformed { reason: Reason::PACKET_TOO_LARGE, .. }) => {
                    let detail = "the broker sent a packet larger than --max-packet-size allows";
                    return Err(self.fail(Fault { reason: Reason::PACKET_TOO_LARGE, detail }, out));
                }
                Err(malformed) => return Err(self.fail(malformed.into(), out)),
            };
            *input = &input[frame.len()..];
            self.last_received = now;
            self.has_heard = self.phase == Phase::Connected;
            let before = out.len();
            let step = self.take(frame, out);
            if out.len() > before {
                self.last_sent = now;
            }
            match step {
                Ok(Step::Nothing) => {}
                Ok(Step::Event(event)) => return Ok(Some(event)),
                Ok(Step::Aliased(alias, publish)) => {
                    // `publish` has checked that it is there.
                    let topic = self.aliases_in.get(usize::from(alias) - 1).map_or("", |topic| topic);
                    return Ok(Some(Event::Message(Publish { topic, ..publish })));
                }
                Err(fault) => return Err(self.fail(fault, out)),
            }
        }
        Ok(None)
    }

    fn take<'a>(&mut self, frame: Frame<'a>, out: &mut Vec<u8>) -> Result<Step<'a>, Fault> {
        if self.phase == Phase::Connecting {
            return self.first(frame, out).map(Step::Event);
        }
        match decode_leniently(self.settings.version, frame)? {
            Packet::Publish(publish) => self.message(publish, out),
            packet @ (Packet::Puback(_) | Packet::Pubrec(_) | Packet::Pubrel(_) | Packet::Pubcomp(_))
                if self.settings.relays =>
            {
                Ok(Step::Event(Event::Relayed(packet)))
            }
            Packet::Puback(Ack { packet_id, reason, properties }) => {
                if self.outbox.puback_of_any(packet_id).is_none() {
                    return Ok(Step::Nothing);
                }
                self.answered_message();
                self.pump(out);
                Ok(Step::Event(Event::Acknowledged { packet_id, reason, properties }))
            }
            Packet::Pubrec(ack) => self.pubrec(ack, out),
            Packet::Pubrel(Ack { packet_id, .. }) => {
                // [MQTT-4.3.3-11]: PUBCOMP follows in any case.
                let reason = match self.inbox.release(packet_id) {
                    true => Reason::SUCCESS,
                    false => Reason::PACKET_IDENTIFIER_NOT_FOUND,
                };
                encode(self.settings.version, &Packet::Pubcomp(Ack::new(packet_id, reason)), out);
                Ok(Step::Nothing)
            }
            Packet::Pubcomp(ack) => self.pubcomp(ack, out),
            Packet::Suback(suback) => {
                self.answered(&suback, true)?;
                Ok(Step::Event(Event::Subscribed(suback)))
            }
            Packet::Unsuback(unsuback) => {
                self.answered(&unsuback, false)?;
                Ok(Step::Event(Event::Unsubscribed(unsuback)))
            }
            Packet::Pingresp => {
                self.ping_sent = None;
                self.pongs += 1;
                if std::mem::take(&mut self.probes) {
                    self.pump(out);
                }
                Ok(Step::Nothing)
            }
            Packet::Disconnect(disconnect) if self.is_v5() => {
                self.closed();
                let (reason, properties) = (disconnect.reason, disconnect.properties);
                Ok(Step::Event(Event::Disconnected { reason, properties }))
            }
            Packet::Auth(auth) => Err(self.auth(auth)),
            // [MQTT-3.2.0-2]
            Packet::Connack(_) => Err(Fault::protocol("a second CONNACK")),
            // [MQTT-3.14.0-1] before MQTT 5; the others come from clients only.
            Packet::Disconnect(_)
            | Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::Pingreq => Err(Fault::protocol("a packet that only clients send")),
        }
    }

    /// The answer to CONNECT.
    fn first<'a>(&mut self, frame: Frame<'a>, out: &mut Vec<u8>) -> Result<Event<'a>, Fault> {
        if self.is_v5()
            && let &[0x20, 2, 0, code] = frame.bytes()
            && let Some(reason) = refusal(code)
        {
            // How a server of 3.1 or 3.1.1 answers, whether it knows no level 5 or has another reason.
            self.closed();
            return Ok(Event::Refused { reason, properties: Properties::EMPTY });
        }
        match decode_leniently(self.settings.version, frame)? {
            Packet::Connack(connack) => self.connack(connack, out),
            Packet::Auth(auth) => Err(self.auth(auth)),
            // By the first byte it is one of the two.
            _ => Err(Fault::protocol("neither CONNACK nor AUTH")),
        }
    }

    fn connack<'a>(&mut self, connack: Connack<'a>, out: &mut Vec<u8>) -> Result<Event<'a>, Fault> {
        let Connack { session_present, reason, properties } = connack;
        if reason != Reason::SUCCESS {
            if session_present {
                // [MQTT-3.2.2-6]
                return Err(Fault::protocol("a CONNACK that refuses, with Session Present"));
            }
            self.closed();
            return Ok(Event::Refused { reason, properties });
        }
        if session_present && self.settings.clean_start {
            // [MQTT-3.2.2-2], [MQTT-3.2.2-4]
            return Err(Fault::protocol("Session Present although a clean session was asked for"));
        }
        let has_method = self.settings.properties().authentication_method().is_some();
        if properties.authentication_method().is_some() && !has_method {
            // [MQTT-4.12.0-6]
            return Err(Fault::protocol("an Authentication Method that nobody asked for"));
        }
        self.phase = Phase::Connected;
        self.negotiated = Negotiated::read(&self.settings, properties);
        // [MQTT-4.9.0-1]
        self.outbox.set_window(self.window());
        // 3.1 has no such flag: there a session that is to be kept is one that was kept.
        let is_kept =
            session_present || (self.settings.version == Version::V3_1 && !self.settings.clean_start);
        let again = if is_kept { Again::default() } else { self.lose_session() };
        if self.suspicion.is_careful() && self.in_flight() > 0 {
            self.probes = self.ping(self.last_received, out);
        }
        self.pump(out);
        Ok(Event::Connected { session_present, properties, again })
    }

    /// What PUBCOMP says of a message.
    fn completed(&mut self, packet_id: PacketId, reason: Reason) -> Reason {
        if let Some(place) = self.withdrawn.iter().position(|id| *id == packet_id) {
            self.withdrawn.remove(place);
            return Reason::PACKET_TOO_LARGE;
        }
        match reason {
            // The receiver had released it before: taken all the same.
            Reason::PACKET_IDENTIFIER_NOT_FOUND => Reason::SUCCESS,
            reason => reason,
        }
    }

    /// The server has no session: ours is discarded [MQTT-3.2.2-5]. Unfinished messages become new ones.
    fn lose_session(&mut self) -> Again {
        let mut again = Again { released: self.outbox.in_flight(), ..Again::default() };
        let orphans: Vec<_> = self.outbox.drain().collect();
        again.released -= orphans.len() + self.withdrawn.len();
        self.given_up.extend(self.withdrawn.drain(..));
        // Those of a loss before come after: they are younger.
        for orphan in orphans.into_iter().rev() {
            match orphan.0 {
                QoS::ExactlyOnce => again.exactly_once += 1,
                QoS::AtLeastOnce | QoS::AtMostOnce => again.at_least_once += 1,
            }
            self.orphans.push_front(orphan);
        }
        for id in self.inbox.held().to_vec() {
            self.inbox.release(id);
        }
        again
    }

    fn auth(&self, _: Auth<'_>) -> Fault {
        if self.settings.properties().authentication_method().is_none() {
            // [MQTT-4.12.0-6]
            return Fault::protocol("an AUTH although no authentication method was asked for");
        }
        let reason = Reason::BAD_AUTHENTICATION_METHOD;
        Fault {
            reason,
            detail: "the broker wants to go on with an authentication that this client cannot do",
        }
    }

    fn message<'a>(&mut self, publish: Publish<'a>, out: &mut Vec<u8>) -> Result<Step<'a>, Fault> {
        let alias = if self.is_v5() { publish.properties.topic_alias() } else { None };
        if let Some(alias) = alias {
            self.learn(alias, publish.topic)?;
        }
        if let Some(id) = publish.packet_id
            && !self.settings.relays
            && !self.arrived(publish.qos, id, out)?
        {
            return Ok(Step::Nothing);
        }
        Ok(match alias {
            Some(alias) if publish.topic.is_empty() => Step::Aliased(alias, publish),
            _ => Step::Event(Event::Message(publish)),
        })
    }

    fn learn(&mut self, alias: u16, topic: &str) -> Result<(), Fault> {
        let maximum = self.settings.properties().topic_alias_maximum().unwrap_or(0);
        if alias == 0 || alias > maximum {
            // [MQTT-3.1.2-26], [MQTT-3.1.2-27], [MQTT-3.3.2-8], [MQTT-3.3.2-11]
            let reason = Reason::TOPIC_ALIAS_INVALID;
            return Err(Fault { reason, detail: "a topic alias above our maximum" });
        }
        let index = usize::from(alias) - 1;
        if topic.is_empty() {
            return match self.aliases_in.get(index) {
                Some(known) if !known.is_empty() => Ok(()),
                _ => Err(Fault::protocol("a topic alias that stands for no topic")),
            };
        }
        if self.aliases_in.len() <= index {
            self.aliases_in.resize(index + 1, Box::default());
        }
        self.aliases_in[index] = topic.into();
        Ok(())
    }

    /// Answers a PUBLISH above QoS 0 [MQTT-4.5.0-2]; whether it is new.
    fn arrived(&mut self, qos: QoS, id: PacketId, out: &mut Vec<u8>) -> Result<bool, Fault> {
        let arrival = self.inbox.publish(qos, id);
        if arrival == Arrival::TooMany && self.is_v5() {
            // [MQTT-3.3.4-9]
            let reason = Reason::RECEIVE_MAXIMUM_EXCEEDED;
            return Err(Fault { reason, detail: "more messages in flight than our Receive Maximum" });
        }
        let ack = Ack::new(id, Reason::SUCCESS);
        match qos {
            QoS::ExactlyOnce => encode(self.settings.version, &Packet::Pubrec(ack), out),
            QoS::AtLeastOnce | QoS::AtMostOnce => {
                encode(self.settings.version, &Packet::Puback(ack), out);
                self.inbox.puback_sent();
            }
        }
        Ok(arrival != Arrival::Again)
    }

    fn pubrec<'a>(&mut self, ack: Ack<'a>, out: &mut Vec<u8>) -> Result<Step<'a>, Fault> {
        let Ack { packet_id, reason, properties } = ack;
        if self.outbox.qos(packet_id) == Some(QoS::AtLeastOnce) {
            // No answer that ends it would follow.
            return Err(Fault::protocol("a PUBREC for a QoS 1 message"));
        }
        let answer = match self.outbox.pubrec(packet_id, reason) {
            Received::Release(_) => {
                self.answered_message();
                Reason::SUCCESS
            }
            Received::Refused(_) => {
                self.answered_message();
                self.pump(out);
                return Ok(Step::Event(Event::Acknowledged { packet_id, reason, properties }));
            }
            Received::Unknown if reason.is_failure() => return Ok(Step::Nothing),
            Received::Unknown => Reason::PACKET_IDENTIFIER_NOT_FOUND,
        };
        // [MQTT-4.3.3-4]
        encode(self.settings.version, &Packet::Pubrel(Ack::new(packet_id, answer)), out);
        Ok(Step::Nothing)
    }

    fn pubcomp<'a>(&mut self, ack: Ack<'a>, out: &mut Vec<u8>) -> Result<Step<'a>, Fault> {
        let Ack { packet_id, reason, properties } = ack;
        if !self.outbox.pubcomp(packet_id) {
            return match self.outbox.qos(packet_id) {
                Some(_) => Err(Fault::protocol("a PUBCOMP for a message that has no PUBREC")),
                None => Ok(Step::Nothing),
            };
        }
        self.pump(out);
        let reason = self.completed(packet_id, reason);
        Ok(Step::Event(Event::Acknowledged { packet_id, reason, properties }))
    }

    /// A message was answered; the connection holds with it.
    fn answered_message(&mut self) {
        self.suspicion.answered();
        self.outbox.set_window(self.window());
    }

    /// Messages that may be in flight.
    fn window(&self) -> u16 {
        match self.suspicion.is_careful() {
            true => 1,
            false => self.negotiated.receive_maximum.min(self.settings.max_inflight).max(1),
        }
    }

    fn answered(&mut self, answer: &Suback<'_>, is_subscribe: bool) -> Result<(), Fault> {
        let position = self
            .requests
            .iter()
            .position(|request| request.id == answer.packet_id && request.is_subscribe == is_subscribe);
        let Some(position) = position else {
            return Err(Fault::protocol("an answer to no SUBSCRIBE or UNSUBSCRIBE"));
        };
        let request = self.requests.remove(position);
        if !self.settings.relays {
            self.outbox.answered(request.id);
        }
        let has_reasons = is_subscribe || self.settings.version == Version::V5;
        if has_reasons && answer.reasons.len() != request.filters {
            // [MQTT-3.8.4-6], [MQTT-3.11.3-1]
            return Err(Fault::protocol("an answer with another number of reasons than there were filters"));
        }
        Ok(())
    }
}
