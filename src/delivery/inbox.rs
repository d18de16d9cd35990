//! Messages received and not finished: QoS 2 identifiers in use, and our own Receive Maximum.

use crate::codec::packet::PacketId;
use crate::message::QoS;

/// The QoS 1 and 2 messages that were received and are not finished.
#[derive(Debug)]
pub struct Inbox {
    /// QoS 2 identifiers that wait for PUBREL, in ascending order.
    held: Vec<PacketId>,
    /// Those whose PUBLISH was only received on an earlier connection: they do not count against the Receive Maximum of this
    /// one [MQTT-4.9.0-1], and a peer that has forgotten them may never release them.
    stale: Vec<PacketId>,
    /// QoS 1 messages whose PUBACK has not been sent.
    unanswered: usize,
    /// Our own Receive Maximum, as told to the peer.
    window: u16,
}

/// What to do with a QoS 1 or 2 PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    New,
    /// A QoS 2 identifier in use: send PUBREC again and deliver nothing [MQTT-4.3.3-10].
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

    /// An inbox with these QoS 2 identifiers in use.
    pub fn restore(window: u16, mut held: Vec<PacketId>) -> Self {
        held.sort_unstable();
        Self { held, ..Self::new(window) }
    }

    /// A PUBLISH with this QoS and identifier was received.
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

    /// Our PUBACK was sent: the peer may send one more.
    pub fn puback_sent(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// PUBREL was received, or a PUBREC with 0x80 or above was sent [MQTT-4.3.3-9]. Whether the identifier was in use.
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

    /// A new connection begins, on which this is our Receive Maximum.
    pub fn resume(&mut self, window: u16) {
        assert!(window > 0, "limits start at 1");
        (self.window, self.unanswered) = (window, 0);
        self.stale.clone_from(&self.held);
    }

    /// Messages that the peer counts against our Receive Maximum.
    pub fn open(&self) -> usize {
        self.held.len() - self.stale.len() + self.unanswered
    }

    /// QoS 2 identifiers that wait for PUBREL, ascending.
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
        // [v5 MQTT-4.9.0-1]: the quota starts anew with each connection, whatever either side remembers of the last one.
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
