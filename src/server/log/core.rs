//! Events of the broker's core as log events.

use super::event::LogEvent;
use super::throttle::Subject;
use crate::broker::{Denial, DropReason, Ending, Event, Recipient, Who};
use crate::codec::reason::Reason;
use crate::message::QoS;
use crate::text::Quoted;

impl<'a> LogEvent<'a> {
    pub(super) fn of(event: &'a Event) -> Self {
        match event {
            Event::Connected {
                client,
                peer,
                username,
                version: spoken,
                clean_start,
                resumed,
                keep_alive,
            } => Self::ClientConnected {
                client_id: Quoted(client),
                username: username.as_deref().map(Quoted),
                remote_address: peer,
                mqtt_version: spoken.name(),
                clean_start: *clean_start,
                session_present: *resumed,
                keep_alive: *keep_alive,
            },
            Event::Refused { client, peer, username, reason, detail } => Self::ClientRefused {
                client_id: (!client.is_empty()).then_some(Quoted(client)),
                username: username.as_deref().map(Quoted),
                remote_address: peer,
                reason_code: *reason,
                reason: reason.text(),
                detail,
            },
            Event::Disconnected { client, peer, why } => {
                let (reason_code, reason, detail) = disconnection(why);
                let (client_id, remote_address) = (Quoted(client), &**peer);
                Self::ClientDisconnected { client_id, remote_address, reason_code, reason, detail }
            }
            Event::HandshakeFailed { peer, why } => Self::HandshakeFailed {
                remote_address: peer,
                reason: match why {
                    Ending::Left(_) | Ending::Closed => "the client closed it before CONNECT",
                    Ending::Lost(error) => error,
                    Ending::Fault(_, detail) => detail,
                },
            },
            Event::Subscribed { client, filter, reason } if reason.is_failure() => {
                Self::SubscriptionRefused {
                    client_id: Quoted(client),
                    filter: Quoted(filter),
                    reason_code: *reason,
                    reason: reason.text(),
                }
            }
            Event::Subscribed { client, filter, reason } => Self::ClientSubscribed {
                client_id: Quoted(client),
                filter: Quoted(filter),
                reason_code: *reason,
            },
            Event::Unsubscribed { client, filter } => {
                Self::ClientUnsubscribed { client_id: Quoted(client), filter: Quoted(filter) }
            }
            Event::Forbidden { who, topic, qos, will: true, denial, .. } => {
                Self::will_denied(who, topic, *qos, denial)
            }
            Event::Forbidden { who, peer, topic, qos, denial, .. } => {
                Self::publish_denied(who, peer.as_deref(), topic, *qos, denial)
            }
            Event::Unreadable { who, topic, denial } => Self::delivery_denied(who, topic, denial),
            Event::Dropping { recipient, reason } => Self::drop_started(recipient, *reason),
            Event::Dropped { recipient, count } => Self::messages_dropped(recipient, *count),
            Event::Expired { client } => Self::SessionExpired { client_id: Quoted(client) },
        }
    }

    fn will_denied(who: &'a Who, topic: &'a str, qos: QoS, reason: &'a Denial) -> Self {
        let (client_id, username) = (Quoted(&who.client), who.username.as_deref().map(Quoted));
        Self::WillDenied { client_id, username, topic: Quoted(topic), qos: qos.bits(), reason }
    }

    fn publish_denied(
        who: &'a Who,
        remote_address: Option<&'a str>,
        topic: &'a str,
        qos: QoS,
        reason: &'a Denial,
    ) -> Self {
        let (client_id, username) = (Quoted(&who.client), who.username.as_deref().map(Quoted));
        let (topic, qos) = (Quoted(topic), qos.bits());
        Self::PublishDenied { client_id, username, remote_address, topic, qos, reason }
    }

    fn delivery_denied(who: &'a Who, topic: &'a str, reason: &'a Denial) -> Self {
        let (client_id, username) = (Quoted(&who.client), who.username.as_deref().map(Quoted));
        Self::DeliveryDenied { client_id, username, topic: Quoted(topic), reason }
    }

    fn messages_dropped(recipient: &'a Recipient, count: u64) -> Self {
        let (client_id, shared_subscription, publisher) = names(recipient);
        Self::MessagesDropped { client_id, shared_subscription, publisher, count }
    }

    fn drop_started(recipient: &'a Recipient, reason: DropReason) -> Self {
        let (client_id, shared_subscription, publisher) = names(recipient);
        Self::DropStarted { client_id, shared_subscription, publisher, reason: drop_reason(reason) }
    }

    /// Whether `connection_messages false` silences it.
    pub(super) const fn is_connection_message(&self) -> bool {
        matches!(
            self,
            Self::ClientConnected { .. } | Self::ClientDisconnected { .. } | Self::HandshakeFailed { .. }
        )
    }

    /// The address whose budget of log lines it counts against, and which budget that is.
    pub(super) fn budget(&self) -> Option<(&'a str, Subject)> {
        match self {
            Self::ClientConnected { remote_address, .. }
            | Self::ClientDisconnected { remote_address, .. } => Some((*remote_address, Subject::Connection)),
            Self::ClientRefused { remote_address, .. } | Self::HandshakeFailed { remote_address, .. } => {
                Some((*remote_address, Subject::Refusal))
            }
            // The address is not known of a will.
            Self::PublishDenied { remote_address, .. } => {
                Some((remote_address.unwrap_or_default(), Subject::Refusal))
            }
            Self::WillDenied { .. } => Some(("", Subject::Refusal)),
            // Before CONNECT anybody can cause these.
            Self::PacketReceived { client_id: None, remote_address, .. }
            | Self::PacketSent { client_id: None, remote_address, .. } => {
                Some((*remote_address, Subject::Refusal))
            }
            _ => None,
        }
    }
}

/// The reason code, its name or what happened, and details.
fn disconnection(ending: &Ending) -> (Option<Reason>, &str, Option<&str>) {
    match ending {
        // In a DISCONNECT 0x00 has another name than in other packets.
        Ending::Left(Reason::SUCCESS) => (Some(Reason::SUCCESS), "normal disconnection", None),
        Ending::Left(reason) => (Some(*reason), reason.text(), Some("sent by the client")),
        Ending::Closed => (None, "connection closed without DISCONNECT", None),
        Ending::Lost(error) => (None, "connection lost", Some(error)),
        Ending::Fault(reason, detail) => (Some(*reason), reason.text(), Some(detail)),
    }
}

/// The receiving client, the shared subscription, or the publisher whose subscribers get nothing.
fn names(recipient: &Recipient) -> (Option<Quoted<'_>>, Option<Quoted<'_>>, Option<Quoted<'_>>) {
    match recipient {
        Recipient::Client(client) => (Some(Quoted(client)), None, None),
        Recipient::Group(filter) => (None, Some(Quoted(filter)), None),
        Recipient::SubscribersOf(client) => (None, None, Some(Quoted(client))),
    }
}

fn drop_reason(reason: DropReason) -> &'static str {
    match reason {
        DropReason::TooLarge => "larger than the client's Maximum Packet Size",
        DropReason::PayloadTooLarge => "payload larger than the limit",
        DropReason::QueueFull => "queue full",
        DropReason::MemoryFull => "memory_limit reached",
        DropReason::Expired => "expired",
        DropReason::StoreFailing => "store failing",
        DropReason::DiskFull => "disk full",
        DropReason::NoMember => "last member left the shared subscription",
    }
}
