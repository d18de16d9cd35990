//! SUBSCRIBE and UNSUBSCRIBE. The retained messages that a new subscription asks for are noted here, and sent later (see
//! `replay`).

use crate::broker::connection::ack_queue::Reply;
use crate::broker::connection::endpoint::{Close, Endpoint};
use crate::broker::connection::open::Open;
use crate::broker::connection::unfinished::{FilterAnswer, FilterWork, RemainingFilters, Unfinished};
use crate::broker::cx::Cx;
use crate::broker::limits::Limits;
use crate::broker::state::turn::Turn;
use crate::codec::packet::{Packet, Suback, Subscribe, Subscription, Unsubscribe, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::topic::TopicFilter;

/// Filters of one packet; one with more is refused, as it would cost memory without a limit.
const MOST_FILTERS: usize = 131_072;

impl Open {
    pub(crate) fn subscribe(
        &mut self,
        subscribe: &Subscribe<'_>,
        endpoint: &mut Endpoint,
        turn: &mut Turn,
    ) -> Result<(), Close> {
        let count = subscribe.filters.len();
        if count > MOST_FILTERS {
            return Err(Close::new(Reason::PACKET_TOO_LARGE, "too many topic filters in one SUBSCRIBE"));
        }
        let id = subscribe.properties.subscription_ids().next();
        let mut answer = FilterAnswer::new(subscribe.packet_id, count);
        let (now, later) = subscribe.filters.split_at(count.min(slice(&endpoint.limits)));
        // One after the other, answered together [MQTT-3.8.4-5].
        for subscription in now {
            answer.reasons.push(self.subscribe_one(subscription.clone(), id, endpoint, turn));
        }
        if later.is_empty() {
            return self.suback(answer, endpoint, turn);
        }
        let owned = |subscription: &Subscription<'_>| Subscription {
            filter: subscription.filter.as_ref().to_owned().into(),
            options: subscription.options,
        };
        let later: Vec<_> = later.iter().map(owned).collect();
        self.interrupt_filters(RemainingFilters::Subscribe(later.into_iter(), id), answer, endpoint, turn);
        Ok(())
    }

    fn subscribe_one(
        &self,
        mut subscription: Subscription<'_>,
        id: Option<u32>,
        endpoint: &Endpoint,
        turn: &mut Turn,
    ) -> Reason {
        subscription.options.qos = subscription.options.qos.min(self.max_qos);
        if self.bridge && !subscription.filter.starts_with("$share/") {
            // A bridge keeps RETAIN as it was and is not sent back what it brought.
            subscription.options.no_local = true;
            subscription.options.retain_as_published = true;
        }
        if let Some(mount_point) = &self.mount_point {
            subscription.filter = mounted(&subscription.filter, mount_point).into();
        }
        let reason = endpoint.broker.subscribe(&self.session, &subscription, id, turn);
        match self.version {
            Version::V5 => reason,
            _ if reason.is_failure() => Reason::UNSPECIFIED_ERROR, // [v3 MQTT-3.9.3-2]
            _ => reason,
        }
    }

    fn suback(&mut self, answer: FilterAnswer, endpoint: &mut Endpoint, cx: &mut Cx) -> Result<(), Close> {
        let FilterAnswer { packet_id, reasons, after } = answer;
        if self.version == Version::V3_1 && reasons.iter().any(|reason| reason.is_failure()) {
            // Its SUBACK has no way to say so.
            let detail = "a subscription is refused, which 3.1 cannot be told";
            return Err(Close::new(Reason::TOPIC_FILTER_INVALID, detail));
        }
        if self.session.lock().replays.is_some() {
            cx.wakes.extend(endpoint.waker.clone());
        }
        let after = after.max(cx.take_batch());
        let packet = Packet::Suback(Suback { packet_id, properties: Properties::EMPTY, reasons });
        self.reply(&Reply { packet, request_bytes: 0, after }, endpoint, cx) // [MQTT-3.8.4-1]
    }

    pub(crate) fn unsubscribe(
        &mut self,
        unsubscribe: &Unsubscribe<'_>,
        endpoint: &mut Endpoint,
        turn: &mut Turn,
    ) -> Result<(), Close> {
        let count = unsubscribe.filters.len();
        if count > MOST_FILTERS {
            return Err(Close::new(Reason::PACKET_TOO_LARGE, "too many topic filters in one UNSUBSCRIBE"));
        }
        let mut answer = FilterAnswer::new(unsubscribe.packet_id, count);
        let (now, later) = unsubscribe.filters.split_at(count.min(slice(&endpoint.limits)));
        for filter in now {
            answer.reasons.push(self.unsubscribe_one(filter, endpoint, turn));
        }
        if later.is_empty() {
            return self.unsuback(answer, endpoint, turn);
        }
        let later: Vec<Box<str>> = later.iter().map(|filter| filter.as_ref().into()).collect();
        self.interrupt_filters(RemainingFilters::Unsubscribe(later.into_iter()), answer, endpoint, turn);
        Ok(())
    }

    fn unsubscribe_one(&self, filter: &str, endpoint: &Endpoint, turn: &mut Turn) -> Reason {
        match &self.mount_point {
            Some(mount_point) => {
                endpoint.broker.unsubscribe(&self.session, &mounted(filter, mount_point), turn)
            }
            None => endpoint.broker.unsubscribe(&self.session, filter, turn),
        }
    }

    fn unsuback(&mut self, answer: FilterAnswer, endpoint: &mut Endpoint, cx: &mut Cx) -> Result<(), Close> {
        let FilterAnswer { packet_id, reasons, after } = answer;
        let after = after.max(cx.take_batch());
        let packet = Packet::Unsuback(Suback { packet_id, properties: Properties::EMPTY, reasons });
        self.reply(&Reply { packet, request_bytes: 0, after }, endpoint, cx) // [MQTT-3.10.4-4]
    }

    fn interrupt_filters(
        &mut self,
        rest: RemainingFilters,
        mut answer: FilterAnswer,
        endpoint: &Endpoint,
        cx: &mut Cx,
    ) {
        answer.after = answer.after.max(cx.take_batch());
        self.unfinished = Some(Box::new(Unfinished::Filters(FilterWork { rest, answer })));
        cx.wakes.extend(endpoint.waker.clone());
    }

    /// Processes the next filters of a packet that was interrupted.
    pub(crate) fn proceed_filters(
        &mut self,
        work: FilterWork,
        endpoint: &mut Endpoint,
        turn: &mut Turn,
    ) -> Result<(), Close> {
        let FilterWork { rest, mut answer } = work;
        let most = slice(&endpoint.limits);
        match rest {
            RemainingFilters::Subscribe(mut filters, id) => {
                for subscription in filters.by_ref().take(most) {
                    answer.reasons.push(self.subscribe_one(subscription, id, endpoint, turn));
                }
                if filters.len() == 0 {
                    return self.suback(answer, endpoint, turn);
                }
                self.interrupt_filters(RemainingFilters::Subscribe(filters, id), answer, endpoint, turn);
            }
            RemainingFilters::Unsubscribe(mut filters) => {
                for filter in filters.by_ref().take(most) {
                    answer.reasons.push(self.unsubscribe_one(&filter, endpoint, turn));
                }
                if filters.len() == 0 {
                    return self.unsuback(answer, endpoint, turn);
                }
                self.interrupt_filters(RemainingFilters::Unsubscribe(filters), answer, endpoint, turn);
            }
        }
        Ok(())
    }
}

/// How many filters are processed before other connections run.
fn slice(limits: &Limits) -> usize {
    limits.fan_out.max(1)
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
