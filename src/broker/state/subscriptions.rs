//! Subscriptions, in their session and in the index.
//!
//! A subscription enters the index before its retained messages are read, so that no message falls between the two; one
//! that was delivered live meanwhile is not replayed (see `session::replay`).
use crate::broker::durability::record::Record;
use crate::broker::durability::record::Subscribed;
use crate::broker::observe::event::Event;
use crate::broker::routing::group::Group;
use crate::broker::routing::route::Subscriber;
use crate::broker::routing::route::grant;
use crate::broker::session::Session;
use crate::broker::state::Broker;
use crate::broker::state::turn::Turn;
use crate::codec::packet::{RetainHandling, Subscription};
use crate::codec::reason::Reason;
use crate::sync::Arc;
use crate::topic;
use crate::topic::TopicFilter;

impl Broker {
    pub(crate) fn subscribe(
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
            // Most clients subscribe again whenever they connect, and those are to drain what is stored for them.
            if !existed && turn.journal.disk_is_full() {
                turn.journal.count_refusal();
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
        let limits = turn.limits.clone();
        group.feed(turn, &limits);
        // A shared subscription gets no retained messages.
        Ok(())
    }

    /// Makes a session a member of a shared group, and makes the group if there is none.
    pub(crate) fn join(
        &self,
        session: &Arc<Session>,
        filter: TopicFilter<'_>,
        subscribed: &Subscribed,
        turn: &mut Turn,
    ) -> Arc<Group<Session>> {
        self.directory.with_group(filter.as_str(), |group, new| {
            group.join(session, grant(subscribed.options, subscribed.id), turn);
            if new {
                self.index.subscribe(group.key, filter.filter(), Subscriber::Group(group.clone()));
            }
            group.clone()
        })
    }

    pub(crate) fn unsubscribe(&self, session: &Arc<Session>, filter: &str, turn: &mut Turn) -> Reason {
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
    pub(crate) fn forget(&self, key: u64, filter: &str) {
        if !filter.starts_with("$share/") {
            self.index.unsubscribe(key, filter);
        }
    }

    /// Takes a member out of its group, and an empty group out of the index.
    pub(crate) fn leave(&self, key: u64, group: &Arc<Group<Session>>, turn: &mut Turn) {
        let gone = self.directory.leave_group(group, || group.leave(key, turn));
        if let (true, Ok(filter)) = (gone, TopicFilter::new(&group.filter)) {
            self.index.unsubscribe(group.key, filter.filter());
        }
    }
}
