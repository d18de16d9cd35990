//! What a seed picks before anything happens: limits, clients, and how bad the day will be.

use std::time::Duration;

use super::random::Random;
use crate::broker::{Durability, Limits};
use crate::client::{Settings, Will};
use crate::codec::packet::Version;
use crate::codec::property::{PropertiesBuf, Property};
use crate::message::QoS;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) limits: Limits,
    pub(super) workers: usize,
    pub(super) roles: Vec<Role>,
    pub(super) steps: usize,
    /// Nothing goes wrong, and nothing may be lost at any QoS.
    pub(super) calm: bool,
    /// Queues are so short that messages are dropped; then every loss must be counted.
    pub(super) narrow: bool,
    /// The broker has a store, and what it acknowledged outlives a crash.
    pub(super) durable: bool,
    /// Bytes that a direction of a connection holds.
    pub(super) capacity: usize,
    /// How often each kind of fault happens, in a thousand steps.
    pub(super) faults: Faults,
}

/// One device: what stays the same over all its connections.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) id: String,
    pub(super) version: Version,
    pub(super) expiry: u32,
    pub(super) receive_maximum: Option<u16>,
    pub(super) keep_alive: u16,
    pub(super) max_inflight: u16,
    /// The greatest packet identifier it uses.
    pub(super) packet_ids: u16,
    pub(super) aliases: u16,
    pub(super) largest: Option<u32>,
    /// How often it asks for a new session, in a hundred connections.
    pub(super) clean: usize,
    pub(super) shares: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) cut: usize,
    pub(super) vanish: usize,
    pub(super) stall: usize,
    pub(super) jump: usize,
    pub(super) restart: usize,
    pub(super) memory: usize,
    pub(super) store: usize,
    pub(super) reload: usize,
}

/// The Maximum Packet Size of devices that have one: large messages do not fit, small ones do.
pub(super) const SMALL_PACKETS: u32 = 300;

impl Plan {
    /// `keeps`: the broker has a store, whatever the seed says.
    pub(super) fn new(seed: u64, keeps: bool, random: &mut Random) -> Self {
        let calm = seed.is_multiple_of(8);
        let narrow = !calm && random.chance(20);
        let durable = random.chance(35) || keeps;
        let packet_id = random.range(6, 12) as u16;
        // From a stream of its own, so that the days of older seeds stay what they are.
        let mut back_pressure = Random::new(seed ^ 0x6261_636b);
        let limits = Limits {
            queued_messages: if narrow { random.range(1, 6) } else { 10_000 },
            receive_maximum: random.range(1, 6) as u16,
            in_flight: random.range(1, 6) as u16,
            topic_aliases_in: random.range(0, 3) as u16,
            topic_aliases_out: random.range(0, 3) as u16,
            keep_alive: if !calm && random.chance(20) { 3 } else { 0 },
            session_expiry: if random.chance(20) { 20 } else { u32::MAX },
            connect_timeout: Duration::from_secs(10),
            lagging_after: Duration::from_millis(random.pick(&[50, 1_000])),
            publish_pace: Duration::from_millis(back_pressure.pick(&[4, 1_000])),
            lagging_messages: back_pressure.pick(&[1, 1_000]),
            lagging_bytes: back_pressure.pick(&[100, 1_000_000]),
            output_high: random.pick(&[60, 300, 5_000]),
            output_low: 30,
            head_messages: random.range(1, 4),
            fan_out: random.pick(&[1, 2, 256]),
            packet_id,
            copied: random.pick(&[16, 4_096]),
            ..Limits::default()
        };
        let mut roles: Vec<_> =
            (0..random.range(2, 5)).map(|number| Role::new(number, calm, random)).collect();
        // A longer one would be refused before MQTT 5, which is not what is looked for here.
        for role in roles.iter_mut().filter(|role| role.version != Version::V5 && limits.keep_alive > 0) {
            let asked = if role.keep_alive == 0 { u16::MAX } else { role.keep_alive };
            role.keep_alive = asked.min(limits.keep_alive);
        }
        let faults = if calm {
            Faults::default()
        } else {
            Faults {
                cut: random.pick(&[0, 3, 20]),
                vanish: random.pick(&[0, 3, 10]),
                stall: random.pick(&[0, 5, 20]),
                jump: random.pick(&[0, 2, 5]),
                restart: if random.chance(if durable { 50 } else { 15 }) { 4 } else { 0 },
                memory: if random.chance(20) { 4 } else { 0 },
                store: if durable && random.chance(20) { 10 } else { 0 },
                reload: if random.chance(25) { random.pick(&[5, 30]) } else { 0 },
            }
        };
        Self {
            limits,
            workers: random.range(1, 3),
            roles,
            steps: random.range(150, 500),
            calm,
            narrow,
            durable,
            capacity: if calm { 1 << 20 } else { random.pick(&[40, 200, 2_000]) },
            faults,
        }
    }
}

impl Plan {
    pub(super) fn durability(&self) -> Durability {
        if self.durable { Durability::Acks } else { Durability::Off }
    }
}

impl Role {
    fn new(number: usize, calm: bool, random: &mut Random) -> Self {
        let version = random.pick(&[Version::V5, Version::V5, Version::V5, Version::V3_1_1, Version::V3_1]);
        Self {
            id: format!("c{number}"),
            version,
            expiry: random.pick(&[0, 5, 60, u32::MAX]),
            receive_maximum: random.chance(70).then(|| random.range(1, 6) as u16),
            keep_alive: if calm { 0 } else { random.pick(&[0, 0, 1, 5]) },
            max_inflight: random.range(1, 6) as u16,
            packet_ids: random.range(7, 12) as u16,
            aliases: random.range(0, 3) as u16,
            largest: (!calm && random.chance(20)).then_some(SMALL_PACKETS),
            clean: random.pick(&[0, 0, 10, 60]),
            shares: random.chance(30),
        }
    }

    /// Seconds that a session of this device outlives its connection.
    pub(super) fn lives(&self, clean: bool, limits: &Limits) -> u32 {
        let asked = match self.version {
            Version::V5 => self.expiry,
            _ if clean => 0,
            _ => u32::MAX,
        };
        asked.min(limits.session_expiry)
    }

    pub(super) fn settings(&self) -> Settings {
        let mut properties = PropertiesBuf::default();
        if self.expiry > 0 {
            properties.push(Property::SessionExpiryInterval(self.expiry));
        }
        if let Some(number) = self.receive_maximum {
            properties.push(Property::ReceiveMaximum(number));
        }
        if self.aliases > 0 {
            properties.push(Property::TopicAliasMaximum(self.aliases));
        }
        if let Some(bytes) = self.largest.filter(|_| self.version == Version::V5) {
            properties.push(Property::MaximumPacketSize(bytes));
        }
        Settings {
            version: self.version,
            clean_start: false,
            keep_alive: self.keep_alive,
            client_id: self.id.clone(),
            // By which the rules know it.
            username: Some(self.id.clone()),
            properties,
            max_inflight: self.max_inflight,
            ..Settings::default()
        }
    }
}

/// A will, and the seconds that it waits.
pub(super) fn will(topic: &str, payload: &str, qos: QoS, retain: bool, delay: u32) -> Will {
    let mut properties = PropertiesBuf::default();
    if delay > 0 {
        properties.push(Property::WillDelayInterval(delay));
    }
    Will { topic: topic.into(), payload: payload.into(), qos, retain, properties }
}
