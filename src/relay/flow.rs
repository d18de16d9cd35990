//! One direction of a relay: what must be known of identifiers beyond what the two brokers know.

use std::collections::{BTreeSet, VecDeque};

use crate::codec::packet::PacketId;

/// Identifiers that are remembered after their message was acknowledged, in case the sender has not heard of it: more than
/// can be on their way, and fewer than are used before one comes again.
const ACKNOWLEDGED: usize = 1_024;

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
    /// Identifiers under which the receiver was sent a message that it may be sent again.
    sent: BTreeSet<PacketId>,
    /// Those of them that were acknowledged, oldest first.
    acknowledged: VecDeque<PacketId>,
}

impl Flow {
    /// The next pair of connections begins: whether the sender still has its session, and the receiver. What an earlier
    /// loss has left stays to be done, as long as the receiver has its session.
    pub(crate) fn begin(&mut self, sender_resumes: bool, receiver_resumes: bool) {
        if !sender_resumes {
            // Its identifiers start again from 1.
            self.sent.clear();
            self.acknowledged.clear();
        }
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

    /// A message under this identifier was given up; PUBREL tells the receiver, if it has it.
    pub(super) fn release(&mut self, id: PacketId) {
        self.releasing.insert(id);
    }

    /// The receiver has answered: PUBREC, or the PUBCOMP before it that nobody else waits for. Whether it was that.
    pub(super) fn answered(&mut self, id: PacketId) -> bool {
        self.releasing.remove(&id)
    }

    /// A message is sent to the receiver; whether it was before. The sender cannot know: what it sent may have ended on its
    /// way to the relay.
    pub(super) fn sends(&mut self, id: PacketId) -> bool {
        !self.sent.insert(id)
    }

    /// The sender knows that the receiver has a message at QoS 2, and does not send it again.
    pub(super) fn is_received(&mut self, id: PacketId) {
        self.sent.remove(&id);
    }

    /// The receiver has acknowledged a message, or refused it.
    pub(super) fn acknowledged(&mut self, id: PacketId) {
        self.acknowledged.push_back(id);
        if self.acknowledged.len() > ACKNOWLEDGED
            && let Some(oldest) = self.acknowledged.pop_front()
        {
            self.sent.remove(&oldest);
        }
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
