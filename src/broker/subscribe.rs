//! SUBSCRIBE and UNSUBSCRIBE. The retained messages that a new subscription asks for are noted here, and sent later.
//!
//! A subscription enters the index before its retained messages are read, so that no message falls between the two; one
//! that was delivered live meanwhile is not replayed (see `replay`).

use super::Broker;
use super::connection::{Connection, Phase};
use super::event::Event;
use super::journal::Ticket;
use super::record::Record;
use super::route::{Subscriber, grant};
use super::session::{Session, Subscribed};
use super::shared::Group;
use super::turn::Turn;
use super::unfinished::Unfinished;
use crate::codec::packet::{
    Packet, PacketId, RetainHandling, Suback, Subscribe, Subscription, Unsubscribe, Version,
};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::sync::Arc;
use crate::topic::{self, TopicFilter};

/// Filters of one packet; one with more is refused, as it would cost memory without a limit.
const MOST_FILTERS: usize = 131_072;

/// A SUBSCRIBE or UNSUBSCRIBE that has many filters, of which not all have been looked at.
#[derive(Debug)]
pub(super) struct FilterWork {
    rest: Rest,
    answer: FilterAnswer,
}

#[derive(Debug)]
enum Rest {
    Subscribe(std::vec::IntoIter<Subscription<'static>>, Option<u32>),
    Unsubscribe(std::vec::IntoIter<Box<str>>),
}

/// SUBACK or UNSUBACK, as far as it is known.
#[derive(Debug)]
struct FilterAnswer {
    packet_id: PacketId,
    reasons: Vec<Reason>,
    /// What it rests on so far.
    ticket: Ticket,
}

impl Connection {
    pub(super) fn subscribe(&mut self, subscribe: &Subscribe<'_>, turn: &mut Turn) {
        if subscribe.filters.len() > MOST_FILTERS {
            return self.fault(Reason::PACKET_TOO_LARGE, "too many topic filters in one SUBSCRIBE", turn);
        }
        let id = subscribe.properties.subscription_ids().next();
        let mut answer = FilterAnswer::new(subscribe.packet_id, subscribe.filters.len());
        let (now, later) = subscribe.filters.split_at(self.slice(subscribe.filters.len()));
        // One after the other, answered together [MQTT-3.8.4-5].
        for subscription in now {
            answer.reasons.extend(self.subscribe_one(subscription.clone(), id, turn));
        }
        if later.is_empty() {
            return self.suback(answer, turn);
        }
        let owned = |subscription: &Subscription<'_>| Subscription {
            filter: subscription.filter.as_ref().to_owned().into(),
            options: subscription.options,
        };
        let later: Vec<_> = later.iter().map(owned).collect();
        self.interrupt_filters(Rest::Subscribe(later.into_iter(), id), answer, turn);
    }

    fn subscribe_one(
        &self,
        mut subscription: Subscription<'_>,
        id: Option<u32>,
        turn: &mut Turn,
    ) -> Option<Reason> {
        let Phase::Open(open) = &self.phase else { return None };
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
        Some(match open.version {
            Version::V5 => reason,
            _ if reason.is_failure() => Reason::UNSPECIFIED_ERROR, // [v3 MQTT-3.9.3-2]
            _ => reason,
        })
    }

    fn suback(&mut self, answer: FilterAnswer, turn: &mut Turn) {
        let Phase::Open(open) = &mut self.phase else { return };
        let FilterAnswer { packet_id, reasons, ticket } = answer;
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
        let ticket = ticket.max(turn.rests_on());
        let suback = Packet::Suback(Suback { packet_id, properties: Properties::EMPTY, reasons });
        self.promise(&suback, (false, 0), ticket, turn); // [MQTT-3.8.4-1]
    }

    pub(super) fn unsubscribe(&mut self, unsubscribe: &Unsubscribe<'_>, turn: &mut Turn) {
        if unsubscribe.filters.len() > MOST_FILTERS {
            return self.fault(Reason::PACKET_TOO_LARGE, "too many topic filters in one UNSUBSCRIBE", turn);
        }
        let mut answer = FilterAnswer::new(unsubscribe.packet_id, unsubscribe.filters.len());
        let (now, later) = unsubscribe.filters.split_at(self.slice(unsubscribe.filters.len()));
        for filter in now {
            answer.reasons.extend(self.unsubscribe_one(filter, turn));
        }
        if later.is_empty() {
            return self.unsuback(answer, turn);
        }
        let later: Vec<Box<str>> = later.iter().map(|filter| filter.as_ref().into()).collect();
        self.interrupt_filters(Rest::Unsubscribe(later.into_iter()), answer, turn);
    }

    fn unsubscribe_one(&self, filter: &str, turn: &mut Turn) -> Option<Reason> {
        let Phase::Open(open) = &self.phase else { return None };
        Some(match &open.mount_point {
            Some(mount_point) => self.broker.unsubscribe(&open.session, &mounted(filter, mount_point), turn),
            None => self.broker.unsubscribe(&open.session, filter, turn),
        })
    }

    fn unsuback(&mut self, answer: FilterAnswer, turn: &mut Turn) {
        let FilterAnswer { packet_id, reasons, ticket } = answer;
        let ticket = ticket.max(turn.rests_on());
        let unsuback = Packet::Unsuback(Suback { packet_id, properties: Properties::EMPTY, reasons });
        self.promise(&unsuback, (false, 0), ticket, turn); // [MQTT-3.10.4-4]
    }

    /// How many of this many filters are processed before other connections run.
    fn slice(&self, filters: usize) -> usize {
        filters.min(self.limits.fan_out.max(1))
    }

    fn interrupt_filters(&mut self, rest: Rest, mut answer: FilterAnswer, turn: &mut Turn) {
        answer.ticket = answer.ticket.max(turn.rests_on());
        if let Phase::Open(open) = &mut self.phase {
            open.unfinished = Some(Box::new(Unfinished::Filters(FilterWork { rest, answer })));
            turn.wakes.extend(self.waker.clone());
        }
    }

    /// Looks at the next filters of a packet that was interrupted.
    pub(super) fn proceed_filters(&mut self, work: FilterWork, turn: &mut Turn) {
        let FilterWork { rest, mut answer } = work;
        match rest {
            Rest::Subscribe(mut filters, id) => {
                for subscription in filters.by_ref().take(self.limits.fan_out.max(1)) {
                    answer.reasons.extend(self.subscribe_one(subscription, id, turn));
                }
                if filters.len() == 0 {
                    return self.suback(answer, turn);
                }
                self.interrupt_filters(Rest::Subscribe(filters, id), answer, turn);
            }
            Rest::Unsubscribe(mut filters) => {
                for filter in filters.by_ref().take(self.limits.fan_out.max(1)) {
                    answer.reasons.extend(self.unsubscribe_one(&filter, turn));
                }
                if filters.len() == 0 {
                    return self.unsuback(answer, turn);
                }
                self.interrupt_filters(Rest::Unsubscribe(filters), answer, turn);
            }
        }
    }
}

impl FilterAnswer {
    fn new(packet_id: PacketId, filters: usize) -> Self {
        Self { packet_id, reasons: Vec::with_capacity(filters), ticket: Ticket::NONE }
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
        if !existed && !state.filters.has_room(filter.as_str(), &turn.limits) {
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
        state.groups.insert(group.key, group.clone());
        drop(state);
        session.group_waits();
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
        drop(state);
        let group = filter.starts_with("$share/").then(|| self.directory.group(filter)).flatten();
        match group {
            Some(group) => {
                session.lock().groups.remove(&group.key);
                self.leave(session.key, &group, turn);
            }
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
