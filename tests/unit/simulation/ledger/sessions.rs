//! What the broker should remember of each device, and when wills are due.

use std::time::Duration;

use super::{Checked, Fate, Ledger, Memory, Opened, Will};
use crate::broker::Ending;
use crate::codec::reason::Reason;
use crate::time::Instant;

impl Ledger {
    /// The broker accepted a connection.
    pub(in crate::simulation) fn opened(&mut self, opened: Opened, will: Option<usize>) -> Checked {
        let Opened { device, connection, clean, resumed } = opened;
        let (now, step) = (self.now, self.step);
        let session = &mut self.sessions[device];
        let expected = match session.memory {
            Memory::Nothing => Some(false),
            Memory::Open { connection: other } => {
                return Err(format!("c{device}: connection {connection} opens while {other} is open"));
            }
            Memory::Parked { .. } if clean => Some(false),
            Memory::Parked { until } if now < until => Some(true),
            // It has expired, and nobody has looked yet.
            Memory::Parked { .. } => None,
            Memory::Unsure if clean => Some(false),
            Memory::Unsure => None,
        };
        if expected.is_some_and(|expected| expected != resumed) {
            return Err(format!(
                "c{device}: the session is {} [MQTT-3.1.2-23] [MQTT-3.1.2-4]",
                if resumed { "resumed, and should be a new one" } else { "new, and should be resumed" }
            ));
        }
        session.confused |= resumed && session.memory == Memory::Unsure;
        session.memory = Memory::Open { connection };
        if !resumed {
            self.forgotten(device);
            let session = &mut self.sessions[device];
            session.generation += 1;
            (session.began, session.confused, session.forgetful) = (step, false, false);
        }
        for old in self.wills.iter_mut().filter(|will| will.device == device) {
            if let Fate::Waits { due } = old.fate {
                old.fate = match resumed {
                    // [MQTT-3.1.3-9]
                    true if now < due => Fate::Cancelled,
                    true => Fate::Either,
                    // The session ended: at once.
                    false => Fate::Waits { due: due.min(now) },
                };
            }
        }
        if let Some(will) = will {
            self.wills[will].fate = Fate::Armed;
        }
        Ok(())
    }

    /// The broker is done with a connection whose session outlives it for `lives` seconds.
    pub(in crate::simulation) fn closed(
        &mut self,
        device: usize,
        connection: usize,
        why: &Ending,
        lives: u32,
    ) {
        if self.sessions[device].memory != (Memory::Open { connection }) {
            // It waited for another one, or was never opened.
            return;
        }
        let now = self.now;
        let after = |seconds: u32| match seconds {
            u32::MAX => Instant::NEVER,
            seconds => now + Duration::from_secs(seconds.into()),
        };
        self.sessions[device].memory = match lives {
            0 => Memory::Nothing,
            lives => Memory::Parked { until: after(lives) },
        };
        if lives == 0 {
            self.forgotten(device);
        }
        for will in self.wills.iter_mut().filter(|will| will.connection == connection) {
            if will.fate == Fate::Armed {
                will.fate = match why {
                    Ending::Left(Reason::SUCCESS) => Fate::Cancelled, // [MQTT-3.14.4-3]
                    _ => Fate::Waits { due: after(will.delay.min(lives)) },
                };
            }
        }
    }

    pub(in crate::simulation) fn expired(&mut self, device: usize) -> Checked {
        match self.sessions[device].memory {
            Memory::Parked { until } if until <= self.now => {
                self.sessions[device].memory = Memory::Nothing;
                self.forgotten(device);
                Ok(())
            }
            Memory::Unsure => {
                self.sessions[device].memory = Memory::Nothing;
                self.forgotten(device);
                Ok(())
            }
            memory => Err(format!("c{device}: the session expired, and is {memory:?}")),
        }
    }

    /// A session is gone: what its client has unfinished may be routed again, as nobody remembers it.
    fn forgotten(&mut self, device: usize) {
        self.ended.push((device, self.step));
        self.mistaken(device);
    }

    /// What the device has unfinished will be published anew.
    pub(in crate::simulation) fn mistaken(&mut self, device: usize) {
        for message in &mut self.messages {
            if message.publisher == device && message.taken.is_none() {
                (message.anew, message.doubled) = (true, true);
            }
        }
    }

    /// The broker crashed. Without a store it forgot everything; with one it has what it acknowledged, and may have more.
    /// `lives` says how long the sessions outlive their connections.
    pub(in crate::simulation) fn restarted(&mut self, lives: &[u32]) {
        self.restarted = self.step;
        if self.durable {
            return self.restored(lives);
        }
        for device in 0..self.sessions.len() {
            self.sessions[device].memory = Memory::Nothing;
            self.forgotten(device);
        }
        for will in &mut self.wills {
            if matches!(will.fate, Fate::Armed | Fate::Waits { .. }) {
                will.fate = Fate::Cancelled;
            }
        }
        let step = self.step;
        self.retained.values_mut().for_each(|history| history.push((step, None)));
    }

    fn restored(&mut self, lives: &[u32]) {
        let after = |now: Instant, seconds: u32| match seconds {
            u32::MAX => Instant::NEVER,
            seconds => now + Duration::from_secs(seconds.into()),
        };
        for will in &mut self.wills {
            let lives = lives[will.device];
            will.fate = match will.fate {
                // Its time runs from the restart.
                Fate::Armed if will.told && lives > 0 => {
                    Fate::Waits { due: after(self.now, will.delay.min(lives)) }
                }
                _ => Fate::Either,
            };
        }
        for (session, lives) in self.sessions.iter_mut().zip(lives) {
            let is_known = session.known == session.generation;
            session.memory = match session.memory {
                Memory::Open { connection } if session.told == connection && *lives > 0 => {
                    Memory::Parked { until: after(self.now, *lives) }
                }
                // Nobody acknowledges a DISCONNECT, so that what it asked for may be lost.
                Memory::Parked { until } if is_known => Memory::Parked {
                    until: session.unkept.map_or(until, |lives| until.min(after(self.now, lives))),
                },
                _ => Memory::Unsure,
            };
        }
        for message in self.messages.iter_mut().filter(|message| message.taken.is_none()) {
            message.anew = true;
        }
        for (topic, history) in &self.retained {
            let is_sure = history
                .last()
                .is_some_and(|(_, value)| value.is_some_and(|index| self.messages[index].taken.is_some()));
            if !is_sure {
                self.unsure.insert(topic.clone());
            }
        }
    }

    /// The device knows nothing any more: neither what it has published nor what it has received.
    pub(in crate::simulation) fn lost_memory(&mut self, device: usize) {
        self.mistaken(device);
        let session = &mut self.sessions[device];
        (session.confused, session.forgetful) = (true, true);
    }

    /// The client was told whether its session is there.
    pub(in crate::simulation) fn told(&mut self, device: usize, connection: usize, present: bool) {
        for will in self.wills.iter_mut().filter(|will| will.connection == connection) {
            will.told = true;
        }
        let session = &mut self.sessions[device];
        session.confused |= present && session.known != session.generation;
        (session.known, session.told) = (session.generation, connection);
    }

    pub(super) fn will_routed(&mut self, index: usize) -> Checked {
        let now = self.now;
        let Some(will) = self.wills.iter_mut().find(|will| will.message == index) else {
            return Err(format!("will {index} of nobody"));
        };
        let fate = std::mem::replace(&mut will.fate, Fate::Published);
        match fate {
            Fate::Waits { due } if due <= now => Ok(()),
            Fate::Either => Ok(()),
            fate => Err(format!("will {index} is published [MQTT-3.1.2-8], and it was {fate:?}")),
        }
    }

    /// A will was not published, as its client had lost the right to its topic.
    pub(in crate::simulation) fn will_refused(&mut self, device: usize, topic: &str) -> Checked {
        let (now, messages) = (self.now, &self.messages);
        let is_its = |will: &Will| will.device == device && messages[will.message].topic == topic;
        let is_due = |will: &Will| matches!(will.fate, Fate::Waits { due } if due <= now);
        // After a crash an older one may be meant.
        let place = self.wills.iter().position(|will| is_its(will) && is_due(will));
        let place =
            place.or_else(|| self.wills.iter().position(|will| is_its(will) && will.fate == Fate::Either));
        place
            .map(|place| self.wills[place].fate = Fate::Cancelled)
            .ok_or_else(|| format!("a will of c{device} on {topic} is refused, and none was due"))
    }
}
