//! A subscriber to everything whose connection never fails and never waits: it hears of a message in the moment it is
//! routed.

use super::ledger::Checked;
use super::server::Socket;
use crate::broker::{Broker, Turn};
use crate::codec::frame;
use crate::sync::Arc;
use crate::time::Instant;

/// CONNECT of MQTT 5 as `name`, a new session; SUBSCRIBE to `#` at QoS 0, RETAIN as published.
fn hello(name: &str, replay: bool) -> Vec<u8> {
    let mut bytes = vec![0x10, 13 + name.len() as u8, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 0, 0, 0];
    bytes.push(name.len() as u8);
    bytes.extend(name.as_bytes());
    let options = if replay { 0x08 } else { 0x28 };
    bytes.extend([0x82, 7, 0, 1, 0, 0, 1, b'#', options]);
    bytes
}

#[derive(Debug)]
pub(super) struct Witness {
    socket: Socket,
    input: Vec<u8>,
}

impl Witness {
    /// Hears what is routed from now on.
    pub(super) fn new(broker: &Arc<Broker>, name: &str, now: Instant) -> Self {
        Self::with(broker, name, now, false)
    }

    /// Hears what is retained, too.
    pub(super) fn observer(broker: &Arc<Broker>, name: &str, now: Instant) -> Self {
        Self::with(broker, name, now, true)
    }

    fn with(broker: &Arc<Broker>, name: &str, now: Instant, replay: bool) -> Self {
        let mut this =
            Self { socket: Socket::new(broker, usize::MAX, name, 0, usize::MAX, now), input: Vec::new() };
        this.say(&hello(name, replay));
        this
    }

    fn say(&mut self, bytes: &[u8]) {
        self.socket.up.write(bytes);
        self.socket.up.arrive(bytes.len());
        self.socket.flag.raise();
    }

    pub(super) fn ping(&mut self) {
        self.say(&[0xC0, 0]);
    }

    /// Lets its connection go on until it has nothing to do; the packets that came.
    pub(super) fn settle(&mut self, turn: &mut Turn) -> Result<Vec<Vec<u8>>, String> {
        let mut packets = Vec::new();
        while self.socket.flag.is_up() {
            self.socket.turn(turn);
            self.socket.packets.clear();
            turn.wake();
            let count = self.socket.down.flying();
            self.socket.down.arrive(count);
            self.input.extend(self.socket.down.read(usize::MAX));
            self.socket.wires_changed();
            while let Ok(Some(frame)) = frame::cut(&self.input, usize::MAX) {
                let length = frame.len();
                packets.push(self.input.drain(..length).collect());
            }
        }
        match self.socket.done {
            true => Err("the broker closed the witness".into()),
            false => Ok(packets),
        }
    }

    pub(super) fn leave(mut self, turn: &mut Turn) -> Checked {
        self.say(&[0xE0, 0]);
        // It is closed now, as it should be.
        let _ = self.settle(turn);
        Ok(())
    }
}
