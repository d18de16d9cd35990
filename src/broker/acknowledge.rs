//! PUBACK, PUBREC, PUBREL and PUBCOMP from a client.

use super::connection::{Connection, Phase};
use super::record::Record;
use super::session::State;
use super::turn::Turn;
use crate::codec::packet::{Ack, Packet};
use crate::codec::reason::Reason;

impl Connection {
    pub(super) fn puback(&mut self, ack: &Ack<'_>, turn: &mut Turn) {
        self.settle(turn, |state, turn| state.puback(ack.packet_id, turn));
    }

    pub(super) fn pubcomp(&mut self, ack: &Ack<'_>, turn: &mut Turn) {
        self.settle(turn, |state, turn| state.pubcomp(ack.packet_id, turn));
    }

    pub(super) fn pubrec(&mut self, ack: &Ack<'_>, turn: &mut Turn) {
        let mut fault = None;
        self.settle(turn, |state, turn| fault = state.pubrec(ack.packet_id, ack.reason, turn));
        if let Some(reason) = fault {
            // [MQTT-4.3.3-4]. It does not wait for publishers that are slowed down, or two clients could wait for each
            // other.
            self.write(&Packet::Pubrel(Ack::new(ack.packet_id, reason)), turn);
        }
    }

    pub(super) fn pubrel(&mut self, ack: &Ack<'_>, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let reason = if open.inbox.release(ack.packet_id) {
            if open.session.is_kept() {
                open.let_go = turn.record(Record::LetGo { session: open.session.key, id: ack.packet_id });
            }
            Reason::SUCCESS
        } else {
            Reason::PACKET_IDENTIFIER_NOT_FOUND
        };
        // [MQTT-4.3.3-11]; also where the first PUBREL let go of it.
        let ticket = open.let_go;
        self.promise(&Packet::Pubcomp(Ack::new(ack.packet_id, reason)), (false, 0), ticket, turn);
    }

    /// Changes what is in flight, then sends what the window lets through now.
    fn settle(&mut self, turn: &mut Turn, change: impl FnOnce(&mut State, &mut Turn)) {
        let Phase::Open(open) = &self.phase else { return };
        let limits = &self.limits;
        let mut state = open.session.lock();
        change(&mut state, turn);
        open.session.pump(&mut state, turn, limits);
        let groups = open.session.waiting_groups(&state);
        drop(state);
        for group in groups {
            group.feed(turn, limits);
        }
    }
}
