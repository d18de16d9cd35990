//! PUBACK, PUBREC, PUBREL and PUBCOMP from a client.

use crate::broker::connection::ack_queue::Reply;
use crate::broker::connection::endpoint::{Close, Endpoint};
use crate::broker::connection::open::Open;
use crate::broker::cx::Cx;
use crate::broker::durability::record::Record;
use crate::broker::session::state::SessionState;
use crate::codec::packet::{Ack, Packet, PacketId};
use crate::codec::reason::Reason;

impl Open {
    pub(crate) fn puback(&mut self, packet_id: PacketId, endpoint: &Endpoint, cx: &mut Cx) {
        self.settle(endpoint, cx, |state, cx| state.puback(packet_id, cx));
    }

    pub(crate) fn pubcomp(&mut self, ack: &Ack<'_>, endpoint: &Endpoint, cx: &mut Cx) {
        self.settle(endpoint, cx, |state, cx| state.pubcomp(ack.packet_id, cx));
    }

    pub(crate) fn pubrec(
        &mut self,
        ack: &Ack<'_>,
        endpoint: &mut Endpoint,
        cx: &mut Cx,
    ) -> Result<(), Close> {
        let failure = self.settle(endpoint, cx, |state, cx| state.pubrec(ack.packet_id, ack.reason, cx));
        match failure {
            // [MQTT-4.3.3-4]. It does not wait for publishers that are slowed down, or two clients could wait for each
            // other.
            Some(reason) => self.send(&Packet::Pubrel(Ack::new(ack.packet_id, reason)), endpoint, cx),
            None => Ok(()),
        }
    }

    pub(crate) fn pubrel(
        &mut self,
        ack: &Ack<'_>,
        endpoint: &mut Endpoint,
        cx: &mut Cx,
    ) -> Result<(), Close> {
        let reason = if self.inbox.release(ack.packet_id) {
            if self.session.is_kept() {
                self.released = cx.record(Record::LetGo { session: self.session.key, id: ack.packet_id });
            }
            Reason::SUCCESS
        } else {
            Reason::PACKET_IDENTIFIER_NOT_FOUND
        };
        // [MQTT-4.3.3-11]; also where the first PUBREL released it.
        let packet = Packet::Pubcomp(Ack::new(ack.packet_id, reason));
        self.reply(&Reply { packet, request_bytes: 0, after: self.released }, endpoint, cx)
    }

    /// Changes what is in flight, then sends what the window lets through now.
    fn settle<T>(
        &self,
        endpoint: &Endpoint,
        cx: &mut Cx,
        change: impl FnOnce(&mut SessionState, &mut Cx) -> T,
    ) -> T {
        let limits = &endpoint.limits;
        let mut state = self.session.lock();
        let changed = change(&mut state, cx);
        self.session.pump(&mut state, cx, limits);
        self.session.feed_groups(state, cx, limits);
        changed
    }
}
