//! What goes wrong: connections that break or vanish, links that stand still, a clock that jumps, rules that change, devices
//! and brokers that forget.

use std::time::Duration;

use super::Kind;
use super::device::Device;
use super::hop::Hop;
use super::ledger::{Checked, Memory};
use super::wire::End;
use super::witness::Witness;
use super::world::World;
use crate::broker::{Broker, Turn};
use crate::sync::Arc;
use crate::time::Instant;

impl World {
    pub(super) fn fault(&mut self) -> Checked {
        let faults = self.plan.faults;
        let mut strikes = |often: usize| self.random.below(1_000) < often;
        let (cut, vanish, stall) = (strikes(faults.cut), strikes(faults.vanish), strikes(faults.stall));
        let (jump, restart) = (strikes(faults.jump), strikes(faults.restart));
        let (strikes_memory, strikes_store) = (strikes(faults.memory), strikes(faults.store));
        let reload = strikes(faults.reload);
        let number = self.random.below(self.devices.len());
        if let Some(name) = self.devices[number].socket {
            if cut {
                self.cut(number, name);
            } else if vanish {
                self.happened.count(Kind::Vanished);
                self.detach(number, End::Silence);
            } else if stall {
                self.stall(name);
            }
        }
        if strikes_store {
            self.happened.count(Kind::StoreFailed);
            self.ledger.store_failed = true;
            let span = Duration::from_millis(self.random.range(1, 3_000) as u64);
            self.store.fails_until = Some(self.ledger.now + span);
            self.store.flag.raise();
            self.say(|_| format!("! the store fails for {span:?}"));
        }
        if strikes_memory {
            self.lose_memory(number);
        }
        if jump {
            self.happened.count(Kind::Jump);
            let span = self.random.pick(&[1_000, 3_000, 10_000, 100_000]);
            let due = self.next_due();
            // Often to the very moment at which something is due.
            let span = match self.random.chance(50) && due > self.ledger.now && due != Instant::NEVER {
                true => due.since(self.ledger.now),
                false => Duration::from_millis(span),
            };
            self.say(|_| format!("! the clock jumps by {span:?}"));
            self.pass(span)?;
        }
        if reload {
            self.reload()?;
        }
        if restart {
            self.restart()?;
        }
        Ok(())
    }

    /// The connection breaks: what flies is lost, and each side hears of it in its own time.
    fn cut(&mut self, number: usize, name: usize) {
        let end = if self.random.chance(50) { End::Failed } else { End::Closed };
        let Some(socket) = self.sockets.get_mut(&name) else { return };
        self.happened.count(if socket.up.flying() + socket.down.flying() > 0 {
            Kind::CutInFlight
        } else {
            Kind::Cut
        });
        socket.up.cut(end);
        socket.down.cut(end);
        socket.wires_changed();
        self.say(|_| format!("! #{name} of c{number} is cut: {end:?}"));
    }

    fn stall(&mut self, name: usize) {
        let span = Duration::from_millis(self.random.range(1, 3_000) as u64);
        let is_up = self.random.chance(50);
        let Some(socket) = self.sockets.get_mut(&name) else { return };
        if is_up { &mut socket.up } else { &mut socket.down }.stalled = true;
        self.stalls.push((self.ledger.now + span, name, is_up));
        self.happened.count(if is_up { Kind::StalledUp } else { Kind::StalledDown });
        self.say(|_| format!("! #{name} stands still, {}", if is_up { "up" } else { "down" }));
    }

    /// A device starts anew, and knows nothing of the session that the broker keeps.
    fn lose_memory(&mut self, number: usize) {
        self.happened.count(Kind::LostMemory);
        self.say(|_| format!("! c{number} loses its memory"));
        self.detach(number, End::Failed);
        let role = self.devices[number].role.clone();
        self.devices[number] = Device::new(number, role, self.transcript.clone());
        self.ledger.lost_memory(number);
    }

    /// How long the session of each device outlives the connection it has.
    fn lives(&self) -> Vec<u32> {
        let lives = |number: usize| match self.ledger.sessions[number].memory {
            Memory::Open { connection } => self.sockets.get(&connection).map_or(0, |socket| socket.lives),
            _ => 0,
        };
        (0..self.devices.len()).map(lives).collect()
    }

    /// The broker crashes, and comes back with what its store has.
    pub(super) fn restart(&mut self) -> Checked {
        self.happened.count(if self.plan.durable { Kind::Restored } else { Kind::Restarted });
        self.say(|_| "! the broker crashes".into());
        let wrote = self.random.chance(50);
        if self.broker.journal().failing_since().is_some() {
            self.ledger.refused = self.ledger.step;
        }
        self.ledger.restarted(&self.lives());
        self.hops.iter_mut().for_each(Hop::crashed);
        let seed = self.seed ^ self.ledger.step;
        let rights = self.ledger.authority.rights(self.devices.len());
        self.broker = Arc::new(Broker::new(self.plan.limits.clone(), rights, self.plan.durability(), seed));
        for turn in &mut self.turns {
            *turn = Turn::new(turn.counters.clone(), &self.broker);
        }
        for (_, mut socket) in std::mem::take(&mut self.sockets) {
            socket.down.cut(End::Failed);
        }
        for number in 0..self.devices.len() {
            self.devices[number].detach();
        }
        self.witness = Witness::new(&self.broker, "witness", self.ledger.now);
        self.settle_witness()?;
        if self.plan.durable {
            let turn = &mut self.turns[0];
            turn.now = self.ledger.now;
            self.store.crash(wrote, &self.broker, turn);
            self.after_turn(0)?;
        }
        self.time_has_passed()?;
        self.settle_witness()
    }
}
