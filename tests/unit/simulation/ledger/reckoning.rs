//! What must hold in the end, when the faults have stopped and everything has come to rest.

use std::collections::BTreeSet;

use super::{Checked, Fate, Ledger, Memory, Message, Step, Subscription, matches};
use crate::message::QoS;
use crate::simulation::authority::Access;

impl Ledger {
    /// When a message was routed for the last time, at the latest.
    fn routed_at(&self, message: &Message) -> Option<Step> {
        // A crash may have come between its acknowledgement and the witness.
        let is_known = self.durable && !message.mistaken && !message.was_denied;
        let taken = message.taken.filter(|_| is_known && message.qos == QoS::ExactlyOnce);
        message.routed.last().copied().or(taken.map(|_| message.taken_at))
    }

    /// The witness must have heard by now what was acknowledged, unless a crash came between.
    pub(in crate::simulation) fn unheard(&self) -> Checked {
        let is_unheard = |message: &&Message| {
            message.taken.is_some()
                && message.routed.is_empty()
                && !message.payload.is_empty()
                // It may have expired before it was kept.
                && message.expiry.is_none()
                && message.sent > self.restarted
                && !message.mistaken
                && !message.was_denied
        };
        match self.messages.iter().find(is_unheard) {
            Some(message) => Err(format!(
                "{:?} is acknowledged and was not routed",
                String::from_utf8_lossy(&message.payload)
            )),
            None => Ok(()),
        }
    }

    /// Messages that had to arrive and did not: one line each.
    pub(in crate::simulation) fn missing(
        &self,
        calm: bool,
        fits: impl Fn(usize, &Message) -> bool,
    ) -> Vec<String> {
        let mut missing = Vec::new();
        for (device, session) in self.sessions.iter().enumerate() {
            let generation = session.generation;
            if session.confused || !matches!(session.memory, Memory::Open { .. }) {
                continue;
            }
            for (index, message) in self.messages.iter().enumerate() {
                let Some(step) = self.routed_at(message).filter(|step| *step > session.began) else {
                    continue;
                };
                // What was routed before a crash is there if it was acknowledged before.
                let is_lost = self.durable && step <= self.restarted && !message.was_taken(self.restarted);
                // The witness hears QoS 2 when it is kept, and not when it is routed.
                let from = if self.durable { message.sent } else { step };
                let owed = !is_lost
                    && self.subscriptions.iter().any(|one| {
                        one.covers(device, generation, message.topic)
                            && one.held_at(step)
                            && one.held_at(from)
                            && !one.is_shared()
                            && (calm || one.options.qos.min(message.qos) != QoS::AtMostOnce)
                            && !(one.options.no_local && message.publisher == device)
                    });
                if owed
                    && !self.authority.has_denied(device, Access::Read, message.topic, message.sent)
                    && message.expiry.is_none()
                    && fits(device, message)
                    && !self.heard.contains(&(device, generation, index))
                {
                    missing.push(format!(
                        "c{device} never got message {index} on {}, routed at step {step}",
                        message.topic
                    ));
                }
            }
        }
        missing
    }

    /// The same for shared groups: somebody of the group must have got it.
    pub(in crate::simulation) fn missing_shared(
        &self,
        calm: bool,
        fits: impl Fn(usize, &Message) -> bool,
    ) -> Vec<String> {
        let filters: BTreeSet<&'static str> =
            self.subscriptions.iter().filter(|one| one.is_shared()).map(|one| one.filter).collect();
        let mut missing = Vec::new();
        for filter in filters {
            for (index, message) in self.messages.iter().enumerate() {
                let Some(step) = message.routed.first().copied() else { continue };
                let is_lost = self.restarted >= step && !(self.durable && message.was_taken(self.restarted));
                if !matches(filter, message.topic) || message.expiry.is_some() || is_lost {
                    continue;
                }
                let could = |one: &&Subscription| one.filter == filter && one.may_hold(step, self.step);
                let all: Vec<&Subscription> = self.subscriptions.iter().filter(could).collect();
                let lowest = all.iter().map(|one| one.options.qos.min(message.qos)).min();
                if !calm && lowest.is_none_or(|qos| qos == QoS::AtMostOnce) {
                    continue;
                }
                let stays = |one: &&&Subscription| {
                    let session = &self.sessions[one.device];
                    one.held_at(step)
                        && one.held_at(if self.durable { message.sent } else { step })
                        && one.leaving.is_none()
                        && one.generation == session.generation
                        && !session.confused
                        && matches!(session.memory, Memory::Open { .. })
                };
                // A QoS 2 message belongs to the member that it was sent to, and ends with its session.
                let ended = self.ended.iter().any(|(_, at)| *at >= step) && message.qos == QoS::ExactlyOnce;
                let fit = all.iter().all(|one| {
                    fits(one.device, message)
                        && !self.authority.has_denied(one.device, Access::Read, message.topic, message.sent)
                });
                let got = self.heard.iter().any(|(_, _, heard)| *heard == index);
                if all.iter().any(|one| stays(&one)) && !ended && fit && !got {
                    missing.push(format!("{filter}: nobody got message {index}, routed at step {step}"));
                }
            }
        }
        missing
    }

    /// Wills that were to be published by now and were not.
    pub(in crate::simulation) fn owed_wills(&self) -> Checked {
        match self.wills.iter().find(|will| matches!(will.fate, Fate::Waits { due } if due <= self.now)) {
            Some(will) => Err(format!("the will {} was not published [MQTT-3.1.2-8]", will.message)),
            None => Ok(()),
        }
    }
}
