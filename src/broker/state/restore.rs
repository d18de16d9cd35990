//! From the store into memory: what a broker was when it stopped, and pages of queues that are longer than memory should
//! hold.
//!
//! Restored before the first connection, so nobody waits for anything here. What it leaves out: how it was read.

use crate::broker::durability::record::Subscribed;
use crate::broker::durability::record::{Page, SessionRecord, StoredMessage};
use crate::broker::durability::saved::Saved;
use crate::broker::durability::saved::SavedGroup;
use crate::broker::durability::saved::SavedQueue;
use crate::broker::durability::saved::SavedRetained;
use crate::broker::durability::saved::SavedSent;
use crate::broker::durability::saved::SavedSession;
use crate::broker::identity::Who;
use crate::broker::queue::{Queue, QueuedMessage};
use crate::broker::routing::group::Group;
use crate::broker::routing::route::Subscriber;
use crate::broker::session::Session;
use crate::broker::session::state::{InFlight, Kept, SessionState};
use crate::broker::state::Broker;
use crate::broker::state::lifecycle::after;
use crate::broker::state::turn::Turn;
use crate::codec::packet::PacketId;
use crate::delivery::{Inbox, Outbox};
use crate::message::QoS;
use crate::sync::Arc;
use crate::topic::TopicFilter;

/// `sent_below`: messages below this number may have been sent before.
fn restore_queue(queue: SavedQueue, sent_below: u64) -> Queue {
    let SavedQueue { head, rest, rest_bytes } = queue;
    let head = head.into_iter().map(|stored| {
        let sent = stored.number < sent_below && stored.qos == QoS::AtLeastOnce;
        QueuedMessage { sent, ..QueuedMessage::from(stored) }
    });
    Queue::restore(head.collect(), rest, rest_bytes)
}

impl Broker {
    /// Takes up what a store has, before anybody connects. The time of sessions that were connected begins now.
    pub fn restore(&self, saved: Saved, turn: &mut Turn) {
        let Saved { last_number, sessions, groups, retained } = saved;
        self.journal.number_after(last_number);
        for SavedRetained { message, source } in retained {
            let topic = message.as_ref().topic;
            self.retained.lock(topic).set(message.clone(), source, turn.now);
        }
        // Before the sessions, which join them.
        let mut restored = Vec::new();
        for SavedGroup { key, filter, queue } in groups {
            let group = self.directory.restore_group(key, &filter);
            group.restore(restore_queue(queue, u64::MAX));
            if let Ok(filter) = TopicFilter::new(&filter) {
                self.index.subscribe(key, filter.filter(), Subscriber::Group(group.clone()));
            }
            restored.push(group);
        }
        for session in sessions {
            self.restore_session(session, turn);
        }
        for group in restored {
            // Nobody of those who made it kept is left.
            if group.is_deserted() {
                self.leave(group.key, &group, turn);
            }
        }
    }

    fn restore_session(&self, saved: SavedSession, turn: &mut Turn) {
        let SavedSession { record, subscriptions, held, sent, queue } = saved;
        let (client, username) = (record.client.clone(), record.username.clone());
        let who = Who { client: client.clone(), username, listener: record.listener };
        let owner = record.owner.clone();
        let owner = owner.unwrap_or_else(|| self.rights.load().owner_of_stored(&who));
        let session = self.directory.restore_session(record.key, client, owner, &turn.limits);
        let mut state = session.lock();
        session.keep(&mut state);
        self.entitle(&mut state, Arc::new(who));
        self.restore_state(&mut state, &record, (held, sent, queue), turn);
        for (filter, _) in &subscriptions {
            state.filters.insert(filter);
        }
        if record.parked.is_none() {
            session.record(&state, turn);
        }
        if record.expiry > 0 {
            self.schedule.add(&session, &mut state);
        }
        drop(state);
        for (filter, subscribed) in subscriptions {
            self.restore_subscription(&session, &filter, &subscribed, turn);
        }
        if record.expiry == 0 {
            // It was to end with its connection.
            self.end(&session, turn);
        }
    }

    fn restore_state(
        &self,
        state: &mut SessionState,
        record: &SessionRecord,
        (held, sent, queue): (Vec<PacketId>, Vec<SavedSent>, SavedQueue),
        turn: &Turn,
    ) {
        let limits = &turn.limits;
        let in_flight = |entry: StoredMessage| -> (QoS, Kept) {
            let waiting = QueuedMessage { sent: true, ..QueuedMessage::from(entry) };
            (waiting.qos, Some(Box::new(InFlight { waiting, group: None })))
        };
        let entries = sent.iter().filter_map(|sent| sent.entry.as_ref());
        state.in_flight_bytes = entries.map(|entry| entry.message.as_ref().payload.len()).sum();
        let sent = sent.into_iter().map(|sent| (sent.sequence, sent.entry.map(in_flight)));
        state.outbox = Outbox::restore(limits.in_flight, limits.packet_id, sent.collect());
        state.inbox = Some(Box::new(Inbox::restore(limits.receive_maximum, held)));
        state.expiry = record.expiry;
        state.will = record.will.clone().map(Box::new);
        state.queue = restore_queue(queue, record.sent_below);
        match &record.parked {
            Some(parked) => {
                (state.expires, state.will_due) = (parked.expires, parked.will_due);
            }
            None => {
                state.expires = after(turn.now, record.expiry);
                let due = |will: &crate::broker::durability::will::StoredWill| after(turn.now, will.delay);
                state.will_due = record.will.as_ref().map_or(crate::time::Instant::NEVER, due);
            }
        }
    }

    fn restore_subscription(
        &self,
        session: &Arc<Session>,
        filter: &str,
        subscribed: &Subscribed,
        turn: &mut Turn,
    ) {
        // It was granted, so it is one.
        let Ok(filter) = TopicFilter::new(filter) else { return };
        if filter.share().is_some() {
            let group = self.join(session, filter, subscribed, turn);
            session.lock().groups.insert(group.key, group);
            session.group_waits();
        } else {
            let subscriber = Subscriber::Session(session.clone(), subscribed.options, subscribed.id);
            self.index.subscribe(session.key, filter.filter(), subscriber);
        }
    }

    /// The answer of the store to a page that was asked for. `complete`: there was no more when it answered.
    pub fn page(&self, page: &Page, entries: Vec<StoredMessage>, complete: bool, turn: &mut Turn) {
        let limits = turn.limits.clone();
        match page.reader.clone().downcast::<Session>() {
            Ok(session) => session.page(entries, complete, turn, &limits),
            Err(reader) => {
                if let Ok(group) = reader.downcast::<Group<Session>>() {
                    group.page(entries, complete, turn, &limits);
                }
            }
        }
    }

    /// Where records go.
    pub fn journal(&self) -> &Arc<crate::broker::durability::journal::Journal> {
        &self.journal
    }
}
