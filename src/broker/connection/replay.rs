//! The replay of retained messages on the connection of the session that asked for them.

use crate::broker::connection::endpoint::Endpoint;
use crate::broker::connection::open::Open;
use crate::broker::cx::Cx;
use crate::broker::routing::message::RoutedMessage;

impl Open {
    /// Sends the next page, if the client has room for it.
    pub(crate) fn replay(&mut self, endpoint: &Endpoint, cx: &mut Cx) {
        let (session, limits) = (&self.session, &endpoint.limits);
        let mut state = session.lock();
        if state.replays.is_none() || !state.is_low(limits) {
            return;
        }
        // What is replayed to a persistent session is stored until it is acknowledged.
        if state.kept && cx.journal.disk_is_full() {
            return;
        }
        let Some((place, mut replay)) = state.replays.as_mut().and_then(|replays| replays.take_first())
        else {
            state.replays = None;
            return;
        };
        // The shards of retained messages are locked before sessions.
        drop(state);
        let (rights, listener) = (endpoint.broker.rights.load(), self.who.listener);
        let more = endpoint.broker.retained.next(&mut replay.cursor, cx.now, |message, source, sequence| {
            if !rights.stands(source, listener, message.as_ref().topic) {
                return;
            }
            let overtaken = session.lock().replays.as_ref().is_some_and(|replays| {
                replays.was_overtaken(message.as_ref().topic, sequence, replay.before)
            });
            if !overtaken {
                session.offer_retained(&RoutedMessage::of(message), &replay.grant, cx, limits);
            }
        });
        let mut state = session.lock();
        let Some(replays) = &mut state.replays else { return };
        if more {
            replays.insert(place, replay);
        }
        if replays.waiting.is_empty() {
            state.replays = None;
        } else {
            cx.wakes.extend(endpoint.waker.clone());
        }
    }
}
