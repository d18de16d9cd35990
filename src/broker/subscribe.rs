//! SUBSCRIBE and UNSUBSCRIBE. The retained messages that a new subscription asks for are noted here, and sent later.
//!
//! A subscription enters the index before its retained messages are read, so that no message falls between the two; one
//! that was delivered live meanwhile is not replayed (see `replay`).

use super::Broker;
use super::connection::{Connection, Phase};
use super::event::Event;
use super::record::Record;
use super::route::{Subscriber, grant};
use super::session::{Session, Subscribed};
use super::shared::Group;
use super::turn::Turn;
use crate::codec::packet::{Packet, RetainHandling, Suback, Subscribe, Subscription, Unsubscribe, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::sync::Arc;
use crate::topic::{self, TopicFilter};

impl Connection {
    pub(super) fn subscribe(&mut self, subscribe: &Subscribe<'_>, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let id = subscribe.properties.subscription_ids().next();
        let mut reasons = Vec::with_capacity(subscribe.filters.len());
        // One after the other, answered together [MQTT-3.8.4-5].
        for subscription in &subscribe.filters {
            let mut subscription = subscription.clone();
            subscription.options.qos = subscription.options.qos.min(open.max_qos);
            if open.bridge && !subscription.filter.starts_with("$share/") {
                // A bridge keeps RETAIN as it was and is not sent back what it brought.
                subscription.options.no_local = true;
                subscription.options.retain_as_published = true;
            }
            if let Some(mount_point) = &open.mount_point {
                subscription.filter = mounted(&subscription.filter, mount_point).into();
            }
            let reason = self.broker.subscribe(&open.session, &subscription, id, turn);
            reasons.push(match open.version {
                Version::V5 => reason,
                _ if reason.is_failure() => Reason::UNSPECIFIED_ERROR, // [v3 MQTT-3.9.3-2]
                _ => reason,
            });
        }
        if open.version == Version::V3_1 && reasons.iter().any(|reason| reason.is_failure()) {
            // Its SUBACK has no way to say so.
            return self.fault(
                Reason::TOPIC_FILTER_INVALID,
                "a subscription is refused, which 3.1 cannot be told",
                turn,
            );
        }
        if open.session.lock().replays.is_some() {
            turn.wakes.extend(self.waker.clone());
        }
        let (packet_id, properties) = (subscribe.packet_id, Properties::EMPTY);
        let ticket = turn.rests_on();
        let suback = Packet::Suback(Suback { packet_id, properties, reasons });
        self.promise(&suback, (false, 0), ticket, turn); // [MQTT-3.8.4-1]
    }

    pub(super) fn unsubscribe(&mut self, unsubscribe: &Unsubscribe<'_>, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let session = &open.session;
        let reasons = unsubscribe.filters.iter().map(|filter| match &open.mount_point {
            Some(mount_point) => self.broker.unsubscribe(session, &mounted(filter, mount_point), turn),
            None => self.broker.unsubscribe(session, filter, turn),
        });
        let (packet_id, properties, reasons) = (unsubscribe.packet_id, Properties::EMPTY, reasons.collect());
        let ticket = turn.rests_on();
        let unsuback = Packet::Unsuback(Suback { packet_id, properties, reasons });
        self.promise(&unsuback, (false, 0), ticket, turn); // [MQTT-3.10.4-4]
    }
}

/// A filter behind a mount point. The share, if there is one, stays in front.
fn mounted(filter: &str, mount_point: &str) -> String {
    match TopicFilter::new(filter) {
        Ok(parsed) => {
            let share = &filter[..filter.len() - parsed.filter().len()];
            [share, mount_point, parsed.filter()].concat()
        }
        // What is no filter must not become one.
        Err(_) => filter.to_owned(),
    }
}

impl Broker {
    fn subscribe(
        &self,
        session: &Arc<Session>,
        subscription: &Subscription<'_>,
        id: Option<u32>,
        turn: &mut Turn,
    ) -> Reason {
        let (options, text, limits) = (subscription.options, &*subscription.filter, turn.limits.clone());
        let reason = match TopicFilter::new(text) {
            Err(_) => Reason::TOPIC_FILTER_INVALID,
            Ok(_) if !limits.control_characters && topic::refusable_character(text).is_some() => {
                Reason::TOPIC_FILTER_INVALID
            }
            Ok(filter) if topic::is_deeper(filter.filter(), limits.filter_levels) => {
                turn.counters.filters_refused.add(1);
                Reason::QUOTA_EXCEEDED
            }
            Ok(filter) if self.is_unreadable(session, filter.filter(), turn) => Reason::NOT_AUTHORIZED,
            Ok(filter) => match self.enter(session, filter, Subscribed { options, id }, turn) {
                Err(reason) => reason,
                Ok(()) => Reason(options.qos.bits()), // [MQTT-3.8.4-7]
            },
        };
        let (client, filter) = (session.client.clone(), text.into());
        turn.events.push(Event::Subscribed { client, filter, reason });
        reason
    }

    /// Puts a subscription into its session and the index, in place of one to the same filter [MQTT-3.8.4-3], and
    /// notes whether retained messages are to follow.
    fn enter(
        &self,
        session: &Arc<Session>,
        filter: TopicFilter<'_>,
        subscribed: Subscribed,
        turn: &mut Turn,
    ) -> Result<(), Reason> {
        let mut state = session.lock();
        let existed = state.filters.contains(filter.as_str());
        if !existed && state.filters.len() >= turn.limits.subscriptions {
            return Err(Reason::QUOTA_EXCEEDED);
        }
        if state.kept {
            if turn.journal.failing_since().is_some() {
                return Err(Reason::QUOTA_EXCEEDED);
            }
            let (session, filter) = (session.key, filter.as_str().into());
            turn.record(Record::Subscribe { session, filter, subscribed: subscribed.clone() });
        }
        state.filters.insert(filter.as_str());
        if filter.share().is_none() {
            let wanted = match subscribed.options.retain_handling {
                RetainHandling::Send => true,          // [MQTT-3.3.1-9]
                RetainHandling::SendIfNew => !existed, // [MQTT-3.3.1-10]
                RetainHandling::DoNotSend => false,    // [MQTT-3.3.1-11]
            };
            if wanted {
                let grant = grant(subscribed.options, subscribed.id);
                state.replays.get_or_insert_default().begin(filter.filter(), grant);
            }
            drop(state);
            let subscriber = Subscriber::Session(session.clone(), subscribed.options, subscribed.id);
            self.index.subscribe(session.key, filter.filter(), subscriber);
            return Ok(());
        }
        drop(state);
        let group = self.join(session, filter, &subscribed, turn);
        let mut state = session.lock();
        if state.groups.iter().all(|other| other.key != group.key) {
            state.groups.push(group.clone());
        }
        drop(state);
        group.feed(turn, &turn.limits.clone());
        // A shared subscription gets no retained messages.
        Ok(())
    }

    /// Makes a session a member of a shared group, and makes the group if there is none.
    pub(super) fn join(
        &self,
        session: &Arc<Session>,
        filter: TopicFilter<'_>,
        subscribed: &Subscribed,
        turn: &mut Turn,
    ) -> Arc<Group> {
        self.directory.with_group(filter.as_str(), |group, new| {
            group.join(session, grant(subscribed.options, subscribed.id), turn);
            if new {
                self.index.subscribe(group.key, filter.filter(), Subscriber::Group(group.clone()));
            }
            group.clone()
        })
    }

    fn unsubscribe(&self, session: &Arc<Session>, filter: &str, turn: &mut Turn) -> Reason {
        if TopicFilter::new(filter).is_err() {
            return Reason::TOPIC_FILTER_INVALID;
        }
        let mut state = session.lock();
        // Byte for byte [MQTT-3.10.4-1].
        if !state.filters.remove(filter) {
            return Reason::NO_SUBSCRIPTION_EXISTED;
        }
        if state.kept {
            turn.record(Record::Unsubscribe { session: session.key, filter: filter.into() });
        }
        if let Some(replays) = &mut state.replays {
            replays.cancel(filter); // [MQTT-3.10.4-2]
        }
        let group = state.groups.iter().position(|group| *group.filter == *filter);
        let group = group.map(|position| state.groups.swap_remove(position));
        drop(state);
        match group {
            Some(group) => self.leave(session.key, &group, turn),
            None => self.forget(session.key, filter),
        }
        turn.events.push(Event::Unsubscribed { client: session.client.clone(), filter: filter.into() });
        Reason::SUCCESS
    }

    /// Takes a subscription that is not shared out of the index.
    pub(super) fn forget(&self, key: u64, filter: &str) {
        if !filter.starts_with("$share/") {
            self.index.unsubscribe(key, filter);
        }
    }

    /// Takes a member out of its group, and an empty group out of the index.
    pub(super) fn leave(&self, key: u64, group: &Arc<Group>, turn: &mut Turn) {
        let gone = self.directory.leave_group(group, || group.leave(key, turn));
        if let (true, Ok(filter)) = (gone, TopicFilter::new(&group.filter)) {
            self.index.unsubscribe(group.key, filter.filter());
        }
    }
}
