//! What one side of a connection may send above QoS 0, in the words of section 4: a small second model of the handshake,
//! written from the standard and not from `delivery`. It watches packets as they leave one side and the answers as they
//! reach it, across the connections of one session.

use super::ledger::{Step, index_of};
use crate::codec::packet::{Packet, PacketId, Publish};
use crate::message::QoS;

#[derive(Debug, Default)]
pub(super) struct Hop {
    /// In the order of their first sending.
    open: Vec<Exchange>,
    /// The receiver's Receive Maximum.
    window: usize,
    /// When the connection was accepted.
    since: Step,
}

#[derive(Debug)]
struct Exchange {
    id: PacketId,
    qos: QoS,
    topic: Box<str>,
    message: Option<usize>,
    /// The receiver could not read it for a while, so that it need not be sent again: at QoS 1 nothing is said of it any
    /// more, at QoS 2 PUBREL gives it up. If the sender had it in its output before, it is sent all the same, in its place.
    is_withdrawn: bool,
    /// PUBREC has come.
    released: bool,
    /// PUBREL has left.
    let_go: bool,
    /// A crash came between PUBREC and PUBREL: it may be known, or not.
    is_unsure: bool,
    /// Its PUBLISH, or its PUBREL, was sent on this connection.
    sent_now: bool,
    /// Its PUBLISH was, and so counts against the Receive Maximum.
    counts: bool,
}

impl Exchange {
    /// Whether this PUBLISH, under its identifier, shows that it was given up without a word, as QoS 1 may be.
    fn is_over(&self, publish: &Publish<'_>, message: Option<usize>) -> bool {
        let is_other = self.message != message || *self.topic != *publish.topic;
        self.is_withdrawn && self.qos == QoS::AtLeastOnce && (!publish.dup || is_other)
    }
}

impl Hop {
    /// A connection begins.
    pub(super) fn connected(&mut self, resumed: bool, window: Option<u16>, step: Step) {
        if !resumed {
            self.open.clear();
        }
        self.window = window.map_or(usize::MAX, usize::from);
        self.since = step;
        for exchange in &mut self.open {
            (exchange.sent_now, exchange.counts) = (false, false);
        }
    }

    /// The sender crashed, and has what it had written down: QoS 1 comes as if it were new, and of a PUBREC nothing
    /// may be known that no PUBREL has answered.
    pub(super) fn crashed(&mut self) {
        self.open.retain(|exchange| exchange.qos == QoS::ExactlyOnce);
        for exchange in &mut self.open {
            exchange.is_unsure |= exchange.released && !exchange.let_go;
        }
    }

    /// What was not sent again so far need not be if `was_denied` says that the receiver could not read its topic at
    /// some time since this connection was accepted.
    pub(super) fn withdraw(&mut self, was_denied: impl Fn(&str, Step) -> bool) {
        let waits = self.open.iter_mut().filter(|exchange| !exchange.sent_now && !exchange.released);
        for exchange in waits.filter(|exchange| was_denied(&exchange.topic, self.since)) {
            exchange.is_withdrawn = true;
        }
    }

    fn find(&self, id: PacketId) -> Option<usize> {
        self.open.iter().position(|exchange| exchange.id == id)
    }

    /// A packet leaves; a PUBLISH with its topic in full.
    pub(super) fn sends(&mut self, packet: &Packet<'_>) -> Result<(), String> {
        match packet {
            Packet::Publish(publish) => {
                let Some(id) = publish.packet_id else { return Ok(()) };
                let message = index_of(publish.payload);
                if let Some(at) = self.find(id)
                    && self.open[at].is_over(publish, message)
                {
                    self.open.remove(at);
                }
                match (self.find(id), publish.dup) {
                    (Some(_), false) => return Err(format!("identifier {id} is in use [MQTT-2.2.1-4]")),
                    (Some(at), true) => self.again(at, publish.qos)?,
                    (None, dup) => {
                        let waits = |exchange: &Exchange| !exchange.sent_now && !exchange.is_withdrawn;
                        if !dup && self.open.iter().any(waits) {
                            return Err(
                                "a new PUBLISH overtakes what is to be sent again [MQTT-4.6.0-1]".into()
                            );
                        }
                        let qos = publish.qos;
                        self.open.push(Exchange {
                            id,
                            qos,
                            topic: publish.topic.into(),
                            message,
                            is_withdrawn: false,
                            released: false,
                            let_go: false,
                            is_unsure: false,
                            sent_now: true,
                            counts: true,
                        });
                    }
                }
                let unfinished = self.open.iter().filter(|exchange| exchange.counts).count();
                if unfinished > self.window {
                    return Err(format!(
                        "{unfinished} messages, and the Receive Maximum is {} [MQTT-3.3.4-9]",
                        self.window
                    ));
                }
                Ok(())
            }
            Packet::Pubrel(ack) => {
                let Some(at) = self.find(ack.packet_id) else { return Ok(()) };
                if !self.open[at].released && !self.open[at].is_withdrawn && !ack.reason.is_failure() {
                    return Err(format!("PUBREL {} before its PUBREC [MQTT-4.3.3-5]", ack.packet_id));
                }
                self.open[at].let_go = true;
                if !self.open[at].sent_now {
                    if !self.open[at].is_withdrawn {
                        self.in_order(at)?;
                    }
                    self.open[at].sent_now = true;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn again(&mut self, at: usize, qos: QoS) -> Result<(), String> {
        let exchange = &self.open[at];
        let id = exchange.id;
        if exchange.released && !exchange.is_unsure {
            return Err(format!("PUBLISH {id} again after its PUBREC [MQTT-4.3.3-6]"));
        }
        if exchange.let_go {
            return Err(format!("PUBLISH {id} again after its PUBREL [MQTT-4.3.3-6]"));
        }
        if exchange.sent_now {
            return Err(format!("PUBLISH {id} twice on one connection [MQTT-4.4.0-1]"));
        }
        if exchange.qos != qos {
            return Err(format!("PUBLISH {id} again with another QoS"));
        }
        self.in_order(at)?;
        (self.open[at].sent_now, self.open[at].counts, self.open[at].is_withdrawn) = (true, true, false);
        Ok(())
    }

    fn in_order(&self, at: usize) -> Result<(), String> {
        match self.open[at..].iter().find(|later| later.sent_now) {
            Some(later) => {
                Err(format!("{} is sent again after {} [MQTT-4.6.0-1]", self.open[at].id, later.id))
            }
            None => Ok(()),
        }
    }

    /// An answer has come.
    pub(super) fn hears(&mut self, packet: &Packet<'_>) {
        let (Packet::Puback(ack) | Packet::Pubrec(ack) | Packet::Pubcomp(ack)) = packet else { return };
        let Some(at) = self.find(ack.packet_id) else { return };
        let exchange = &mut self.open[at];
        let ends = match packet {
            Packet::Puback(_) => exchange.qos == QoS::AtLeastOnce,
            Packet::Pubrec(_) if exchange.qos == QoS::ExactlyOnce => {
                exchange.released |= !ack.reason.is_failure();
                ack.reason.is_failure() && !exchange.released
            }
            Packet::Pubcomp(_) => exchange.released || exchange.is_withdrawn && exchange.let_go,
            _ => false,
        };
        if ends {
            self.open.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Hop;
    use crate::codec::packet::{Ack, Packet, PacketId, Publish};
    use crate::codec::property::Properties;
    use crate::codec::reason::Reason;
    use crate::message::QoS::{self, AtLeastOnce, ExactlyOnce};

    fn publish(id: u16, dup: bool, qos: QoS, topic: &str) -> Packet<'_> {
        let (packet_id, properties) = (PacketId::new(id), Properties::EMPTY);
        Packet::Publish(Publish { dup, qos, retain: false, topic, packet_id, properties, payload: b"" })
    }

    fn pubrel(id: u16) -> Packet<'static> {
        Packet::Pubrel(Ack::new(PacketId::new(id).unwrap(), Reason::SUCCESS))
    }

    /// Messages 1 on `a` and 2 on `b` were sent; on the next connection, accepted at step 10, `a` was denied for a while.
    fn denied(qos: QoS) -> Hop {
        let mut hop = Hop::default();
        hop.connected(false, None, 1);
        hop.sends(&publish(1, false, qos, "a")).unwrap();
        hop.sends(&publish(2, false, qos, "b")).unwrap();
        hop.connected(true, None, 10);
        hop.withdraw(|topic, since| topic == "a" && since == 10);
        hop
    }

    #[test]
    fn what_was_denied_for_a_while_may_be_sent_again_in_its_place() {
        let mut hop = denied(AtLeastOnce);
        hop.connected(true, None, 20);
        hop.sends(&publish(1, true, AtLeastOnce, "a")).unwrap();
        hop.sends(&publish(2, true, AtLeastOnce, "b")).unwrap();

        let mut hop = denied(AtLeastOnce);
        hop.sends(&publish(2, true, AtLeastOnce, "b")).unwrap();
        hop.sends(&publish(1, true, AtLeastOnce, "a")).unwrap_err();
    }

    #[test]
    fn what_was_denied_for_a_while_may_be_given_up() {
        let mut hop = denied(AtLeastOnce);
        hop.sends(&publish(3, false, AtLeastOnce, "a")).unwrap_err();
        hop.sends(&publish(2, true, AtLeastOnce, "b")).unwrap();
        hop.sends(&publish(3, false, AtLeastOnce, "a")).unwrap();
        hop.sends(&publish(1, false, AtLeastOnce, "a")).unwrap();
        hop.sends(&publish(1, false, AtLeastOnce, "a")).unwrap_err();

        let mut hop = denied(ExactlyOnce);
        hop.sends(&pubrel(2)).unwrap_err();
        hop.sends(&publish(1, false, ExactlyOnce, "a")).unwrap_err();
        hop.sends(&pubrel(1)).unwrap();
        hop.connected(true, None, 20);
        hop.sends(&publish(1, true, ExactlyOnce, "a")).unwrap_err();
    }
}
