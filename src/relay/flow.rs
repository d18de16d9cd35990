//! One direction of a relay: what must be known of identifiers beyond what the two brokers know.

use std::collections::BTreeSet;

use crate::codec::packet::PacketId;

/// The way of the messages from one broker to the other.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// The sender has lost its session once and the receiver has not, so that the receiver may hold identifiers of QoS 2
    /// messages that nobody will ever release: under them a new message would be taken for an old one. These were released
    /// since.
    released: Option<BTreeSet<PacketId>>,
    /// Released by us, and not answered yet.
    releasing: BTreeSet<PacketId>,
    /// QoS 2 messages that the receiver gets at a lower QoS, as it takes no higher one.
    lowered: BTreeSet<PacketId>,
}

impl Flow {
    /// The next pair of connections begins: whether the sender still has its session, and the receiver. What an earlier
    /// loss has left stays to be done, as long as the receiver has its session.
    pub(crate) fn begin(&mut self, sender_resumes: bool, receiver_resumes: bool) {
        if !receiver_resumes {
            self.released = None;
        } else if !sender_resumes {
            self.released = Some(BTreeSet::new());
        }
        self.releasing.clear();
        self.lowered.clear();
    }

    /// Whether the receiver must be told first that it is done with this identifier.
    pub(super) fn must_release(&mut self, id: PacketId) -> bool {
        let must = self.released.as_mut().is_some_and(|released| released.insert(id));
        if must {
            self.releasing.insert(id);
        }
        must
    }

    /// A message under this identifier was given up: the receiver, if it has it, is told that it is over.
    pub(super) fn release(&mut self, id: PacketId) {
        self.releasing.insert(id);
    }

    /// The receiver has answered: PUBREC, or the PUBCOMP before it that nobody else waits for. Whether it was that.
    pub(super) fn answered(&mut self, id: PacketId) -> bool {
        self.releasing.remove(&id)
    }

    pub(super) fn lowered(&mut self, id: PacketId) {
        self.lowered.insert(id);
    }

    pub(super) fn is_lowered(&self, id: PacketId) -> bool {
        self.lowered.contains(&id)
    }

    /// An exchange that was lowered ends; whether there was one.
    pub(super) fn finished(&mut self, id: PacketId) -> bool {
        self.lowered.remove(&id)
    }
}
