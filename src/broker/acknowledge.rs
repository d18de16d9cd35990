//! PUBACK, PUBREC, PUBREL and PUBCOMP from a client.

use super::connection::{Connection, Phase};
use super::session::State;
use super::turn::Turn;
use crate::codec::packet::{Ack, Packet};
use crate::codec::reason::Reason;

impl Connection {
    pub(super) fn puback(&mut self, ack: &Ack<'_>, turn: &mut Turn) {
        self.settle(turn, |state| state.puback(ack.packet_id));
    }

    pub(super) fn pubcomp(&mut self, ack: &Ack<'_>, turn: &mut Turn) {
        self.settle(turn, |state| {
            state.outbox.pubcomp(ack.packet_id);
        });
    }

    pub(super) fn pubrec(&mut self, ack: &Ack<'_>, turn: &mut Turn) {
        let mut answer = None;
        self.settle(turn, |state| answer = state.pubrec(ack.packet_id, ack.reason));
        if let Some(reason) = answer {
            // [MQTT-4.3.3-4]: the PUBREC is a fact that the store must know before this leaves. It does not wait for
            // publishers that are slowed down, or two clients could wait for each other.
            self.write(&Packet::Pubrel(Ack::new(ack.packet_id, reason)), turn);
        }
    }

    pub(super) fn pubrel(&mut self, ack: &Ack<'_>, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let reason = if open.inbox.release(ack.packet_id) {
            Reason::SUCCESS
        } else {
            Reason::PACKET_IDENTIFIER_NOT_FOUND
        };
        // [MQTT-4.3.3-11]
        self.promise(&Packet::Pubcomp(Ack::new(ack.packet_id, reason)), false, turn);
    }

    /// Changes what is in flight, then sends what the window lets through now.
    fn settle(&mut self, turn: &mut Turn, change: impl FnOnce(&mut State)) {
        let Phase::Open(open) = &self.phase else { return };
        let limits = &self.broker.limits;
        let mut state = open.session.lock();
        change(&mut state);
        open.session.pump(&mut state, turn, limits);
        let groups: Vec<_> = state.groups.iter().filter(|group| group.has_waiting()).cloned().collect();
        drop(state);
        for group in groups {
            group.feed(turn, limits);
        }
    }
}
