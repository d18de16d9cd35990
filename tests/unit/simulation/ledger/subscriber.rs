//! The second hop: what was asked for, and what was heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Checked, Delivery, Ledger, Step, Subscription, index_of, unknown};
use crate::codec::packet::{Publish, RetainHandling};
use crate::message::QoS;
use crate::time::Instant;

impl Ledger {
    /// The device sends UNSUBSCRIBE, or another SUBSCRIBE, for a filter: which subscriptions end when it is answered.
    pub(in crate::simulation) fn leave(&mut self, device: usize, filter: &str) -> Vec<usize> {
        let (step, generation) = (self.step, self.sessions[device].generation);
        let mut ends = Vec::new();
        for (at, one) in self.subscriptions.iter_mut().enumerate() {
            if one.device == device
                && one.generation == generation
                && one.filter == filter
                && one.left.is_none()
            {
                one.leaving.get_or_insert(step);
                ends.push(at);
            }
        }
        ends
    }

    /// A device heard a message.
    pub(in crate::simulation) fn heard(
        &mut self,
        device: usize,
        connection: usize,
        began: Instant,
        publish: &Publish<'_>,
        is_v5: bool,
    ) -> Checked {
        let generation = self.sessions[device].generation;
        let Some(index) = index_of(publish.payload) else {
            return if publish.payload.is_empty() { Ok(()) } else { unknown(publish) };
        };
        let Some(message) = self.messages.get(index) else { return unknown(publish) };
        let complain = |what: &str| Err(format!("c{device} got message {index}: {what}"));
        if message.topic != publish.topic || message.payload != publish.payload {
            return complain("it was changed on its way");
        }
        if is_v5 && message.content_type != publish.properties.content_type().is_some() {
            return complain("its properties were changed on their way [MQTT-3.3.2-20]");
        }
        let step = self.step;
        let delivery = Delivery {
            device,
            generation,
            connection,
            message: index,
            qos: publish.qos,
            retain: publish.retain,
            step,
        };
        self.was_asked_for(&delivery, publish)?;
        if let Some(expiry) = message.expiry
            && !publish.dup
        {
            // It waited for this connection at least from when it was taken.
            let waited = message.taken.map_or(Duration::ZERO, |taken| began.since(taken));
            let left = Duration::from_secs(expiry.into()).saturating_sub(waited);
            if left.is_zero() {
                return complain("it had expired [MQTT-3.3.2-5]");
            }
            let told = publish.properties.message_expiry().map(u64::from);
            if is_v5 && told.is_none_or(|told| told > left.as_secs() + 1 || told == 0) {
                return complain("its expiry was not counted down [MQTT-3.3.2-6]");
            }
        }
        self.is_not_twice(&delivery)?;
        self.is_in_order(&delivery)?;
        self.deliveries.push(delivery);
        Ok(())
    }

    fn was_asked_for(&self, delivery: &Delivery, publish: &Publish<'_>) -> Checked {
        let Delivery { device, generation, message: index, qos, retain, step, .. } = *delivery;
        let message = &self.messages[index];
        let complain = |what: &str| Err(format!("c{device} got message {index}: {what}"));
        let asked: Vec<&Subscription> = self
            .subscriptions
            .iter()
            .filter(|one| {
                (one.covers(device, generation, message.topic)
                    || self.sessions[device].confused && one.covers(device, one.generation, message.topic))
                    && one.may_hold(message.sent, step)
                    && !(one.options.no_local && message.publisher == device && !retain)
            })
            .collect();
        if asked.is_empty() {
            return complain("it had not subscribed to it, or not to its own");
        }
        if !asked.iter().any(|one| one.options.qos.min(message.qos) == qos) {
            return complain("no subscription grants this QoS [MQTT-3.8.4-8]");
        }
        if !publish.properties.subscription_ids().all(|id| asked.iter().any(|one| one.id == Some(id))) {
            return complain("an identifier that no subscription has [MQTT-3.3.4-3]");
        }
        if retain && !message.retain {
            return complain("RETAIN is set, and was not");
        }
        if retain && !asked.iter().any(|one| one.options.retain_as_published) {
            let was = |one: &&Subscription| {
                one.options.retain_handling != RetainHandling::DoNotSend
                    && self.was_retained(message.topic, index, one.sent)
            };
            // A crash may bring an older value back, if the newer one was not acknowledged.
            if !(asked.iter().any(was) || self.durable && self.restarted > 0) {
                return complain("it is not what was retained when it subscribed [MQTT-3.3.1-8]");
            }
        }
        if message.retain && !retain && asked.iter().all(|one| one.options.retain_as_published) {
            return complain("RETAIN is not as published [MQTT-3.3.1-13]");
        }
        Ok(())
    }

    /// Whether this was the retained value at some time since `from`.
    fn was_retained(&self, topic: &str, index: usize, from: Step) -> bool {
        let Some(history) = self.retained.get(topic) else { return false };
        history.iter().enumerate().any(|(at, (_, value))| {
            *value == Some(index) && history.get(at + 1).is_none_or(|(until, _)| *until >= from)
        })
    }

    fn is_not_twice(&self, delivery: &Delivery) -> Checked {
        let message = &self.messages[delivery.message];
        let same = |other: &&Delivery| {
            other.device == delivery.device
                && other.generation == delivery.generation
                && other.message == delivery.message
                // At QoS 1 a broken connection may double it; at the others nothing may.
                && match delivery.qos {
                    QoS::AtLeastOnce => other.connection == delivery.connection,
                    _ => other.qos != QoS::AtLeastOnce,
                }
        };
        let before = self.deliveries.iter().filter(same).count();
        // Each SUBSCRIBE may ask for it once more, where it was retained.
        let replays = self.subscriptions.iter().filter(|one| {
            message.retain
                && one.covers(delivery.device, delivery.generation, message.topic)
                && one.options.retain_handling != RetainHandling::DoNotSend
        });
        // Each shared group that it is a member of gives it one copy.
        let groups: BTreeSet<&str> = self
            .subscriptions
            .iter()
            .filter(|one| one.is_shared() && one.covers(delivery.device, delivery.generation, message.topic))
            .map(|one| one.filter)
            .collect();
        // With a store a crash doubles nothing: what was routed and not kept reached nobody.
        let is_exact = self.durable && message.qos == QoS::ExactlyOnce && !message.doubled;
        let routed = if is_exact { 1 } else { message.routed.len() };
        let most = routed * groups.len().max(1) + replays.count();
        // Of a message that is published anew the witness may not have heard the first one yet.
        let is_open = self.durable && message.doubled;
        if before < most || is_open || self.sessions[delivery.device].confused {
            return Ok(());
        }
        Err(format!(
            "c{} got message {} of QoS {} again, at QoS {} [MQTT-4.3.3-10]",
            delivery.device,
            delivery.message,
            message.qos.bits(),
            delivery.qos.bits()
        ))
    }

    fn is_in_order(&mut self, delivery: &Delivery) -> Checked {
        let Delivery { device, generation, message: index, qos, retain, .. } = *delivery;
        let message = &self.messages[index];
        let is_first = self.heard.insert((device, generation, index));
        // Replays come when they come, what is routed again comes late, and members of a group share their order.
        let is_again = retain || message.routed.len() > 1 || self.may_be_late(message);
        if !is_first || is_again || message.is_will || message.topic.starts_with("s/") {
            return Ok(());
        }
        let key = (device, generation, message.publisher, message.topic, message.qos, qos);
        match self.last_heard.insert(key, index) {
            Some(last) if last > index => {
                Err(format!("c{device} got message {index} after {last} [MQTT-4.6.0-5]"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a crash leaves open what is retained there.
    pub(in crate::simulation) fn is_unsure(&self, topic: &str) -> bool {
        self.unsure.contains(topic)
    }

    /// What a new subscription to everything would get now: topics and messages; those that may have expired apart.
    pub(in crate::simulation) fn retained_now(&self) -> BTreeMap<String, (usize, bool)> {
        let sure = self.retained.iter().filter(|(topic, _)| !self.unsure.contains(*topic));
        let last = sure.filter_map(|(topic, history)| {
            let (_, index) = history.last()?;
            let message = &self.messages[(*index)?];
            Some((topic.clone(), ((*index)?, message.expiry.is_some())))
        });
        last.collect()
    }
}
