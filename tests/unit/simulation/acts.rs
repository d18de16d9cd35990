//! What devices do of their own accord.

use super::Kind;
use super::device::Request;
use super::ledger::{Checked, Fate, Message, Subscription, Will};
use super::plan::{SMALL_PACKETS, will};
use super::server::Socket;
use super::wire::End;
use super::world::World;
use crate::client::Outgoing;
use crate::codec::packet::{Options, RetainHandling, Version};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::message::QoS;

pub(super) const TOPICS: &[&str] = &["a", "a/b", "a/c", "b/x", "s/1", "s/2"];
pub(super) const WILL_TOPICS: &[&str] = &["a", "a/b", "w"];
const FILTERS: &[&str] = &["a", "a/b", "a/+", "a/#", "+/b", "+/x", "b/#", "+", "w"];
const SHARED: &[&str] = &["$share/g/s/+", "$share/h/s/1"];
const QOS: &[QoS] = &[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

impl World {
    pub(super) fn act(&mut self, number: usize) -> Checked {
        if self.devices[number].socket.is_none() {
            return if self.random.chance(30) { self.connect(number, false) } else { Ok(()) };
        }
        if !self.devices[number].client.is_connected() {
            return Ok(());
        }
        match self.random.below(100) {
            0..45 => self.publish(number),
            45..60 => self.subscribe(number),
            60..66 => self.unsubscribe(number),
            66..69 if !self.plan.calm => self.disconnect(number),
            _ => Ok(()),
        }
    }

    pub(super) fn connect(&mut self, number: usize, calm: bool) -> Checked {
        let name = self.next_socket;
        self.next_socket += 1;
        let worker = self.random.below(self.turns.len());
        let now = self.ledger.now;
        let peer = name.to_string();
        let mut socket = Socket::new(&self.broker, number, &peer, worker, self.plan.capacity, now);
        let role = self.devices[number].role.clone();
        socket.clean = !calm && self.random.chance(role.clean);
        socket.lives = role.lives(socket.clean, &self.plan.limits);
        let mut last = None;
        if !calm && self.random.chance(30) {
            let index = self.ledger.messages.len();
            let (topic, qos) = (self.random.pick(WILL_TOPICS), self.random.pick(QOS));
            let delay = if role.version == Version::V5 { self.random.pick(&[0, 0, 2, 10]) } else { 0 };
            let payload = format!("m{index}:");
            let retain = self.random.chance(20) && self.may_retain(qos);
            last = Some(will(topic, &payload, qos, retain, delay));
            self.ledger.messages.push(Message {
                publisher: number,
                topic,
                qos,
                retain,
                payload: payload.into(),
                expiry: None,
                content_type: false,
                is_will: true,
                sent: self.ledger.step,
                taken: None,
                taken_at: 0,
                anew: false,
                doubled: false,
                was_allowed: false,
                was_denied: false,
                mistaken: false,
                routed: Vec::new(),
            });
            socket.will = Some(self.ledger.wills.len());
            let fate = Fate::Cancelled;
            self.ledger.wills.push(Will {
                message: index,
                connection: name,
                device: number,
                delay,
                fate,
                told: false,
            });
        }
        let device = &mut self.devices[number];
        device.client.settings_mut().clean_start = socket.clean;
        device.client.settings_mut().will = last;
        device.socket = Some(name);
        self.sockets.insert(name, socket);
        let device = &mut self.devices[number];
        device.client.connect(now, &mut device.out);
        device.look(&mut self.ledger)
    }

    fn publish(&mut self, number: usize) -> Checked {
        let (topic, qos) = (self.random.pick(TOPICS), self.random.pick(QOS));
        let device = &self.devices[number];
        if qos != QoS::AtMostOnce && !device.client.has_room() {
            return Ok(());
        }
        let is_v5 = device.role.version == Version::V5;
        let aliases = device.client.negotiated().topic_alias_maximum;
        let index = self.ledger.messages.len();
        let retain = !topic.starts_with("s/") && self.random.chance(20) && self.may_retain(qos);
        let is_clear = retain && self.random.chance(20);
        let size = if self.random.chance(10) { SMALL_PACKETS as usize + 50 } else { self.random.below(20) };
        let payload = if is_clear { String::new() } else { format!("m{index}:{}", ".".repeat(size)) };
        let mut properties = PropertiesBuf::default();
        let expiry = (is_v5 && self.random.chance(10)).then(|| self.random.pick(&[1, 3, 20]));
        if let Some(seconds) = expiry {
            properties.push(Property::MessageExpiryInterval(seconds));
        }
        let content_type = is_v5 && self.random.chance(10);
        if content_type {
            properties.push(Property::ContentType("dots"));
        }
        if is_v5 && aliases > 0 && self.random.chance(30) {
            properties.push(Property::TopicAlias(self.random.range(1, aliases.into()) as u16));
        }
        self.ledger.messages.push(Message {
            publisher: number,
            topic,
            qos,
            retain,
            payload: payload.clone().into(),
            expiry,
            content_type,
            is_will: false,
            sent: self.ledger.step,
            taken: None,
            taken_at: 0,
            anew: false,
            doubled: false,
            was_allowed: false,
            was_denied: false,
            mistaken: false,
            routed: Vec::new(),
        });
        let outgoing = Outgoing {
            topic,
            payload: payload.as_bytes(),
            qos,
            retain,
            properties: properties.as_properties(),
        };
        let device = &mut self.devices[number];
        if is_clear && qos != QoS::AtMostOnce {
            device.clears.push(index);
        }
        let sent = device.client.publish(self.ledger.now, &outgoing, &mut device.out);
        sent.map_err(|refusal| format!("c{number} does not publish: {refusal}"))?;
        device.look(&mut self.ledger)
    }

    fn subscribe(&mut self, number: usize) -> Checked {
        let is_v5 = self.devices[number].role.version == Version::V5;
        let shares = self.devices[number].role.shares && self.random.chance(50);
        let id = (is_v5 && self.random.chance(50)).then(|| self.random.range(1, 9) as u32);
        let mut filters: Vec<(&'static str, Options)> = Vec::new();
        for _ in 0..self.random.range(1, 2) {
            let filter = self.random.pick(if shares { SHARED } else { FILTERS });
            let mut options = Options { qos: self.random.pick(QOS), ..Options::default() };
            if is_v5 {
                options.no_local = !shares && self.random.chance(20);
                options.retain_as_published = self.random.chance(30);
                options.retain_handling = self.random.pick(&[
                    RetainHandling::Send,
                    RetainHandling::SendIfNew,
                    RetainHandling::DoNotSend,
                ]);
            }
            if filters.iter().all(|(other, _)| *other != filter) {
                filters.push((filter, options));
            }
        }
        let mut properties = PropertiesBuf::default();
        if let Some(id) = id {
            properties.push(Property::SubscriptionIdentifier(id));
        }
        let device = &mut self.devices[number];
        let sent =
            device.client.subscribe(self.ledger.now, &filters, properties.as_properties(), &mut device.out);
        let Ok(packet_id) = sent else { return Ok(()) };
        let (step, generation) = (self.ledger.step, self.ledger.sessions[number].generation);
        let mut request = Request::default();
        for (filter, options) in filters {
            request.ends.extend(self.ledger.leave(number, filter));
            request.begins.push(self.ledger.subscriptions.len());
            self.ledger.subscriptions.push(Subscription {
                device: number,
                generation,
                filter,
                options,
                id,
                sent: step,
                granted: None,
                leaving: None,
                left: None,
            });
        }
        let device = &mut self.devices[number];
        device.requests.insert(packet_id.get(), request);
        device.look(&mut self.ledger)
    }

    fn unsubscribe(&mut self, number: usize) -> Checked {
        let filters = if self.random.chance(20) { SHARED } else { FILTERS };
        let filter = self.random.pick(filters);
        let device = &mut self.devices[number];
        let sent = device.client.unsubscribe(self.ledger.now, &[filter], Properties::EMPTY, &mut device.out);
        let Ok(packet_id) = sent else { return Ok(()) };
        let request = Request { begins: Vec::new(), ends: self.ledger.leave(number, filter) };
        let device = &mut self.devices[number];
        device.requests.insert(packet_id.get(), request);
        device.look(&mut self.ledger)
    }

    /// The device says DISCONNECT: in MQTT 5 sometimes with its will, sometimes with another expiry.
    fn disconnect(&mut self, number: usize) -> Checked {
        let device = &mut self.devices[number];
        let is_v5 = device.role.version == Version::V5;
        let mut properties = PropertiesBuf::default();
        let mut lives = None;
        if is_v5 && device.role.expiry > 0 && self.random.chance(30) {
            let expiry = self.random.pick(&[0, 2, 30]);
            properties.push(Property::SessionExpiryInterval(expiry));
            lives = Some(expiry.min(self.plan.limits.session_expiry));
        }
        let reason = match is_v5 && self.random.chance(30) {
            true => Reason::DISCONNECT_WITH_WILL,
            false => Reason::SUCCESS,
        };
        device.client.disconnect(reason, properties.as_properties(), &mut device.out);
        device.look(&mut self.ledger)?;
        // It waits until the last byte is written, and reads no more.
        let Some(name) = device.socket else { return Ok(()) };
        let Some(socket) = self.sockets.get_mut(&name) else { return Ok(()) };
        let length = device.out.len();
        if socket.up.room() < length || socket.up.write(&device.out) < length {
            // There is no room for it: the device goes without a word.
            self.detach(number, End::Failed);
            return Ok(());
        }
        if let Some(lives) = lives {
            socket.says_it_lives(lives);
        }
        self.happened.count(Kind::Left);
        self.detach(number, End::Closed);
        Ok(())
    }

    /// With a store the witness hears QoS 2 late, and could not tell what is retained last.
    fn may_retain(&self, qos: QoS) -> bool {
        !self.plan.durable || qos != QoS::ExactlyOnce
    }
}
