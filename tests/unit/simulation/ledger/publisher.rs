//! The first hop: what publishers were told, and what was routed.

use super::{Checked, Ledger, index_of, unknown};
use crate::codec::packet::Publish;
use crate::message::QoS;
use crate::simulation::authority::Access;

impl Ledger {
    /// The publisher was told that its message is taken.
    pub(in crate::simulation) fn taken(&mut self, index: usize) -> Checked {
        let (now, message) = (self.now, &mut self.messages[index]);
        if message.taken.is_none() {
            (message.taken, message.taken_at) = (Some(now), self.step);
        }
        let routed = if message.payload.is_empty() {
            let history = self.retained.get(message.topic).map_or(&[][..], |history| history);
            history.iter().any(|(step, value)| *step >= message.sent && value.is_none())
                || self.restarted >= message.sent
        } else {
            !message.routed.is_empty()
        };
        // The broker holds a QoS 2 identifier that its client has forgotten, and must take it for the same message.
        let excused = message.qos == QoS::ExactlyOnce && self.sessions[message.publisher].forgetful;
        message.mistaken |= excused;
        // PUBCOMP adds nothing to PUBREC, although the broker may have forgotten both by then.
        let excused = message.mistaken;
        // With a store the witness's copies of QoS 2 messages wait for each other.
        let is_late = self.durable && message.qos == QoS::ExactlyOnce;
        // Before MQTT 5 a refusal cannot be told.
        let is_denied = message.was_denied
            || message.payload.is_empty()
                && self.authority.has_denied(message.publisher, Access::Write, message.topic, message.sent);
        if routed || excused || is_late || is_denied {
            Ok(())
        } else {
            Err(format!("message {index} is acknowledged and was not routed"))
        }
    }

    /// The witness heard a message.
    pub(in crate::simulation) fn routed(&mut self, publish: &Publish<'_>) -> Checked {
        let index = index_of(publish.payload);
        if publish.retain {
            let history = self.retained.entry(publish.topic.into()).or_default();
            history.push((self.step, index));
            self.unsure.remove(publish.topic);
        }
        let Some(index) = index else {
            return if publish.payload.is_empty() && publish.retain { Ok(()) } else { unknown(publish) };
        };
        let step = self.step;
        let may_be_late = self.messages.get(index).is_some_and(|message| self.may_be_late(message));
        let Some(message) = self.messages.get_mut(index) else { return unknown(publish) };
        message.routed.push(step);
        if message.topic != publish.topic
            || message.payload != publish.payload
            || message.retain != publish.retain
        {
            return Err(format!("message {index} was changed on its way to the witness"));
        }
        if message.is_will {
            // With a store the witness's copies of QoS 2 messages wait for each other.
            let is_late = self.durable && message.qos == QoS::ExactlyOnce;
            if !is_late && self.authority.denies(message.publisher, Access::Write, message.topic) {
                return Err(format!("will {index} is published without the right to {}", message.topic));
            }
            return self.will_routed(index);
        }
        if !message.was_allowed {
            return Err(format!("message {index} is routed without the right to {}", message.topic));
        }
        if message.routed.len() > 1 && message.qos != QoS::AtLeastOnce && !message.anew {
            return Err(format!("message {index} of QoS {} is routed twice", message.qos.bits()));
        }
        let key = (message.publisher, message.topic, message.qos);
        if message.routed.len() == 1
            && let Some(last) = self.last_routed.insert(key, index)
            && last > index
            && !may_be_late
        {
            return Err(format!("message {index} is routed after {last} [MQTT-4.6.0-5]"));
        }
        Ok(())
    }
}
