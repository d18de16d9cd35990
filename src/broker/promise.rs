//! Acknowledgements, in the order of what they answer: each leaves when what it rests on is synced and nobody slows the
//! publisher down. While one waits, all behind it do.

use super::connection::{Connection, Open, Phase};
use super::journal::Ticket;
use super::turn::Turn;
use crate::codec;
use crate::codec::packet::Packet;

/// An acknowledgement that waits.
#[derive(Debug)]
pub(super) struct Promise {
    frame: Vec<u8>,
    /// Whether it ends a QoS 1 exchange, which counts against the client's quota.
    puback: bool,
    /// Bytes of the packet it answers.
    len: usize,
    /// What it rests on.
    pub(super) ticket: Ticket,
}

impl Connection {
    /// Sends an acknowledgement of a packet of `len` bytes, or lets it wait in line. `puback`: it ends a QoS 1 exchange.
    pub(super) fn promise(
        &mut self,
        packet: &Packet<'_>,
        (puback, len): (bool, usize),
        ticket: Ticket,
        turn: &mut Turn,
    ) {
        let Phase::Open(open) = &mut self.phase else { return };
        if open.promises.is_empty() && !open.hold.is_on() && turn.journal.is_synced(ticket) {
            if puback {
                open.inbox.puback_sent();
            }
            return self.write(packet, turn);
        }
        let mut frame = Vec::new();
        codec::encode(open.version, packet, &mut frame);
        open.promised_bytes += len;
        open.promises.push_back(Promise { frame, puback, len, ticket });
        if open.promises.len() == 1 {
            open.await_first(&self.waker, turn);
        }
    }

    /// Lets the line move as far as it can.
    pub(super) fn keep_promises(&mut self, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        if open.promises.is_empty() || open.hold.is_on() {
            return;
        }
        self.writing.lend(|| turn.buffer());
        let ready = |promise: &mut Promise| turn.journal.is_synced(promise.ticket);
        while let Some(promise) = open.promises.pop_front_if(ready) {
            open.promised_bytes -= promise.len;
            open.greeted = true;
            if promise.puback {
                open.inbox.puback_sent();
            }
            self.writing.write(|out| out.extend_from_slice(&promise.frame));
            turn.counters.packets_sent.add(1);
            // The keep alive does not run while the client is not read.
            self.heard = turn.now;
        }
        open.await_first(&self.waker, turn);
    }
}

impl Open {
    /// Has the connection woken when the first of the line may leave.
    fn await_first(&mut self, waker: &Option<std::task::Waker>, turn: &Turn) {
        if let (Some(promise), Some(waker)) = (self.promises.front(), waker)
            && promise.ticket != self.awaits
        {
            self.awaits = promise.ticket;
            turn.journal.wait(promise.ticket, waker);
        }
    }

    /// Whether an acknowledgement waits.
    pub(super) fn waits(&self) -> bool {
        !self.promises.is_empty()
    }
}
