//! The end of the day: the faults stop, everything must come to rest, what was promised is compared with what came, and
//! when all have gone nothing must be left of them.

use std::time::Duration;

use super::Kind;
use super::ledger::{Checked, Message};
use super::wire::End;
use super::witness::Witness;
use super::world::World;
use crate::broker::Counts;
use crate::codec::packet::{Packet, Version};
use crate::codec::property::PropertiesBuf;
use crate::codec::{decode, frame};
use crate::time::Instant;

/// Steps after which something that still moves is said to move for ever.
const RESTLESS: usize = 200_000;

impl World {
    /// The faults stop: all devices come back, and everything must come to rest.
    pub(super) fn rest(&mut self) -> Checked {
        self.say(|_| "! the faults stop".into());
        for socket in self.sockets.values_mut() {
            (socket.up.stalled, socket.down.stalled) = (false, false);
        }
        self.stalls.clear();
        self.store.fails_until = None;
        self.store.flag.raise();
        for _ in 0..60 {
            for number in 0..self.devices.len() {
                if self.devices[number].socket.is_none() {
                    self.connect(number, true)?;
                }
            }
            self.until_still()?;
            if self.is_finished() {
                return Ok(());
            }
            if self.devices.iter().any(|device| device.socket.is_none()) {
                continue;
            }
            let due = self.next_due();
            if due == Instant::NEVER {
                break;
            }
            self.pass(due.since(self.ledger.now))?;
        }
        Err(format!("it does not come to rest: {}", self.unfinished()))
    }

    fn until_still(&mut self) -> Checked {
        for _ in 0..RESTLESS {
            if self.moves(false).is_empty() {
                return Ok(());
            }
            self.step(false)?;
        }
        Err("something moves for ever".into())
    }

    fn is_finished(&self) -> bool {
        self.devices.iter().all(|device| device.client.is_connected() && device.client.in_flight() == 0)
            && self.broker.clients().iter().all(|client| client.queued + client.in_flight == 0)
            && self.devices.iter().all(|device| device.requests.is_empty())
    }

    fn unfinished(&self) -> String {
        let devices = self.devices.iter().map(|device| {
            format!(
                "c{}: connected {}, {} in flight, {} requests",
                device.number,
                device.client.is_connected(),
                device.client.in_flight(),
                device.requests.len()
            )
        });
        let broker = self.broker.clients().into_iter().map(|client| {
            format!("{}: {} queued, {} in flight", client.client, client.queued, client.in_flight)
        });
        devices.chain(broker).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.turns.iter().for_each(|turn| turn.counters.add_to(&mut counts));
        counts
    }

    /// What was promised is compared with what came.
    pub(super) fn reckon(&mut self) -> Checked {
        let fits = |device: usize, message: &Message| {
            let role = &self.devices[device].role;
            role.version != Version::V5 || role.largest.is_none() || message.payload.len() < 100
        };
        let counts = self.counts();
        let mut missing = self.ledger.missing(self.plan.calm, fits);
        // A group whose members take nothing drops QoS 0, and counts it.
        let calm = self.plan.calm && counts.publish_dropped == 0;
        missing.extend(self.ledger.missing_shared(calm, fits));
        if !self.plan.narrow {
            if let Some(first) = missing.first() {
                return Err(first.clone());
            }
            let shared = self.plan.roles.iter().any(|role| role.shares);
            if counts.dropped_queue_full > 0 && !shared {
                return Err(format!("{} messages were dropped from long queues", counts.dropped_queue_full));
            }
        } else if missing.len() as u64 > counts.publish_dropped {
            return Err(format!(
                "{} messages are missing and {} were counted: {missing:?}",
                missing.len(),
                counts.publish_dropped
            ));
        }
        self.happened.add(Kind::Missed, missing.len() as u64);
        self.ledger.unheard()?;
        self.ledger.owed_wills()?;
        self.retained()
    }

    /// Somebody new asks for everything that is retained.
    fn retained(&mut self) -> Checked {
        let mut observer = Witness::observer(&self.broker, "observer", self.ledger.now);
        let turn = &mut self.turns[0];
        turn.now = self.ledger.now;
        let heard = observer.settle(turn)?;
        let mut expected = self.ledger.retained_now();
        for bytes in heard {
            let Ok(Some(frame)) = frame::cut(&bytes, usize::MAX) else { continue };
            let Ok(Packet::Publish(publish)) = decode(Version::V5, frame) else { continue };
            if self.ledger.is_unsure(publish.topic) {
                continue;
            }
            let Some((index, _)) = expected.remove(publish.topic) else {
                return Err(format!("{} is retained, and should not be [MQTT-3.3.1-6]", publish.topic));
            };
            if !publish.retain || publish.payload != self.ledger.messages[index].payload {
                return Err(format!("{} retains not its last value [MQTT-3.3.1-5]", publish.topic));
            }
        }
        if let Some((topic, (index, _))) = expected.iter().find(|(_, (_, may_expire))| !may_expire) {
            return Err(format!("{topic} does not retain message {index} [MQTT-3.3.1-5]"));
        }
        observer.leave(&mut self.turns[0])?;
        self.after_turn(0)
    }

    /// Everybody goes, time passes, and nothing must be left of them.
    pub(super) fn leave(&mut self) -> Checked {
        for number in 0..self.devices.len() {
            self.detach(number, End::Closed);
            let device = &mut self.devices[number];
            device.role.expiry = 0;
            device.role.clean = 100;
            device.client.settings_mut().properties = PropertiesBuf::default();
        }
        self.until_still()?;
        // All wills wait for at most ten seconds.
        self.pass(Duration::from_secs(11))?;
        self.until_still()?;
        self.ledger.owed_wills()?;
        for number in 0..self.devices.len() {
            self.connect(number, false)?;
        }
        self.until_still()?;
        for number in 0..self.devices.len() {
            self.detach(number, End::Closed);
        }
        self.until_still()?;
        self.pass(Duration::from_secs(11))?;
        self.until_still()?;
        self.ledger.owed_wills()?;
        let left: Vec<_> =
            self.broker.clients().into_iter().filter(|client| &*client.client != "witness").collect();
        if !left.is_empty() || self.broker.index.len() != 1 || self.broker.connections() != 1 {
            return Err(format!(
                "memory is left: {left:?}, {} subscriptions, {} connections",
                self.broker.index.len(),
                self.broker.connections()
            ));
        }
        Ok(())
    }
}
