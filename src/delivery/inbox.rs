//! What comes and is not finished: QoS 2 identifiers that are held, and our own window.

use crate::codec::packet::PacketId;
use crate::message::QoS;

/// What was received above QoS 0 and is not answered to the end.
#[derive(Debug)]
pub struct Inbox {
    /// QoS 2 identifiers whose PUBREL has not come, in ascending order.
    held: Vec<PacketId>,
    /// Those of them whose PUBLISH came on an earlier connection alone: they do not count against the Receive Maximum of
    /// this one [MQTT-4.9.0-1], and a peer that has forgotten them may never release them.
    stale: Vec<PacketId>,
    /// QoS 1 messages whose PUBACK has not left.
    unanswered: usize,
    /// Our own Receive Maximum, as told to the peer.
    window: u16,
}

/// What an arriving PUBLISH above QoS 0 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    New,
    /// A QoS 2 identifier that is held already: answer PUBREC again, deliver to nobody [MQTT-4.3.3-10].
    Again,
    /// More than the Receive Maximum allows [MQTT-3.3.4-7].
    TooMany,
}

impl Inbox {
    /// An empty inbox. `window` is our Receive Maximum, from 1.
    pub fn new(window: u16) -> Self {
        assert!(window > 0, "limits start at 1");
        Self { held: Vec::new(), stale: Vec::new(), unanswered: 0, window }
    }

    /// An inbox that holds these QoS 2 identifiers.
    pub fn restore(window: u16, mut held: Vec<PacketId>) -> Self {
        held.sort_unstable();
        Self { held, ..Self::new(window) }
    }

    /// A PUBLISH of this QoS and identifier arrived.
    pub fn publish(&mut self, qos: QoS, id: PacketId) -> Arrival {
        let is_full = self.open() >= usize::from(self.window);
        let position = match qos {
            QoS::ExactlyOnce => match self.held.binary_search(&id) {
                Ok(_) => match self.stale.iter().position(|stale| *stale == id) {
                    Some(_) if is_full => return Arrival::TooMany,
                    Some(stale) => {
                        self.stale.remove(stale);
                        return Arrival::Again;
                    }
                    None => return Arrival::Again,
                },
                Err(position) => position,
            },
            QoS::AtMostOnce | QoS::AtLeastOnce => self.held.len(),
        };
        if is_full {
            return Arrival::TooMany;
        }
        match qos {
            QoS::ExactlyOnce => self.held.insert(position, id),
            QoS::AtLeastOnce => self.unanswered += 1,
            QoS::AtMostOnce => {}
        }
        Arrival::New
    }

    /// Our PUBACK left: the peer may send one more.
    pub fn puback_sent(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// PUBREL arrived, or we refused with a PUBREC of 0x80 or above [MQTT-4.3.3-9]: whether the identifier was held.
    pub fn release(&mut self, id: PacketId) -> bool {
        match self.held.binary_search(&id) {
            Ok(position) => {
                self.held.remove(position);
                self.stale.retain(|stale| *stale != id);
                true
            }
            Err(_) => false,
        }
    }

    /// A new connection begins, with this Receive Maximum of ours.
    pub fn resume(&mut self, window: u16) {
        assert!(window > 0, "limits start at 1");
        (self.window, self.unanswered) = (window, 0);
        self.stale.clone_from(&self.held);
    }

    /// Messages that the peer counts against our Receive Maximum.
    pub fn open(&self) -> usize {
        self.held.len() - self.stale.len() + self.unanswered
    }

    /// QoS 2 identifiers whose PUBREL has not come, ascending.
    pub fn held(&self) -> &[PacketId] {
        &self.held
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Inbox};
    use crate::codec::packet::PacketId;
    use crate::message::QoS;

    fn id(number: u16) -> PacketId {
        PacketId::new(number).unwrap()
    }

    #[test]
    fn what_an_earlier_connection_left_counts_when_it_is_sent_again() {
        let mut inbox = Inbox::new(1);
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(7)), Arrival::New);
        inbox.resume(1);
        // [v5 MQTT-4.9.0-1]: the quota is new with each connection, whoever forgot what of the one before.
        assert_eq!(inbox.publish(QoS::AtLeastOnce, id(1)), Arrival::New);
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(7)), Arrival::TooMany);
        inbox.puback_sent();
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(7)), Arrival::Again);
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(8)), Arrival::TooMany);
        assert!(inbox.release(id(7)));
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(8)), Arrival::New);
    }

    #[test]
    fn a_qos_2_identifier_is_new_once_until_it_is_released() {
        let mut inbox = Inbox::new(2);
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(7)), Arrival::New);
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(7)), Arrival::Again); // [v5 MQTT-4.3.3-10]
        assert_eq!(inbox.publish(QoS::AtLeastOnce, id(7)), Arrival::New);
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(8)), Arrival::TooMany);
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(7)), Arrival::Again, "a repeat takes no room");
        inbox.puback_sent();
        assert!(inbox.release(id(7)));
        assert!(!inbox.release(id(7)));
        assert_eq!(inbox.publish(QoS::ExactlyOnce, id(7)), Arrival::New); // [v5 MQTT-4.3.3-12]
    }
}
