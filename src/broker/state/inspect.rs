//! What an operator may know of the sessions and retained messages of a running broker, and may do to them.

use crate::broker::access::decision::Decision;
use crate::broker::access::rights::LoginProof;
use crate::broker::identity::{OwnerUser, SessionOwner, Who};
use crate::broker::observe::event::Ending;
use crate::broker::routing::message::RoutedMessage;
use crate::broker::routing::retained::Cursor;
use crate::broker::session::Session;
use crate::broker::state::Broker;
use crate::broker::state::publish::PublishSource;
use crate::broker::state::turn::Turn;
use crate::codec::packet::Version;
use crate::codec::reason::Reason;
use crate::message::{Message, MessageRef, QoS};
use crate::sync::Arc;
use crate::time::Instant;

/// One session.
#[derive(Clone, Debug)]
pub struct SessionReport {
    pub client_id: Arc<str>,
    /// Tells apart sessions of one client ID with different owners; ascends with the age of the session.
    pub key: u64,
    pub owner: SessionOwner,
    pub username: Option<Arc<str>>,
    /// The number of the listener that the client connected through last.
    pub listener: Option<usize>,
    /// `None` if the client is not connected.
    pub connection: Option<ConnectionReport>,
    /// Seconds that the session outlives its connection; `u32::MAX`: it never expires.
    pub expiry: u32,
    /// When a disconnected session expires; [`Instant::NEVER`] if it does not.
    pub expires: Instant,
    /// Whether the session survives a restart.
    pub is_stored: bool,
    pub subscriptions: usize,
    pub queued_messages: usize,
    pub queued_bytes: usize,
    pub in_flight_messages: usize,
    /// Topic of the will message.
    pub will_topic: Option<Box<str>>,
}

/// The open connection of a session.
#[derive(Clone, Debug)]
pub struct ConnectionReport {
    /// Address of the client, as in the log.
    pub peer: Arc<str>,
    pub since: Instant,
    pub version: Version,
    /// Seconds; 0 if there is none.
    pub keep_alive: u16,
    pub authentication: Authentication,
    /// Bytes that wait to be written to the client.
    pub unsent_bytes: usize,
    /// Whether so much waits for the client, without progress, that it slows no publisher down any more.
    pub is_lagging: bool,
}

/// How a client was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// It was not: it has no username, or the listener believes every name.
    None,
    Password,
    /// By its certificate or pre-shared key.
    Tls,
}

/// Which sessions are listed.
#[derive(Clone, Debug, Default)]
pub struct SessionQuery<'a> {
    /// Only those whose client ID contains this.
    pub contains: Option<&'a str>,
    /// Only those of this username.
    pub username: Option<&'a str>,
    /// Only those that are connected, or only those that are not.
    pub connected: Option<bool>,
    /// Only those after the one with this key.
    pub after: u64,
    /// At most so many.
    pub limit: usize,
}

/// Sessions in the order in which they began.
#[derive(Clone, Debug)]
pub struct SessionPage {
    pub sessions: Vec<SessionReport>,
    /// Whether there are more.
    pub has_more: bool,
}

/// One retained message.
#[derive(Debug)]
pub struct RetainedReport {
    pub message: Message,
    /// Who published it, if that is known and it was not the broker itself.
    pub publisher: Option<Arc<str>>,
}

impl Broker {
    /// The sessions that a query selects.
    pub fn sessions(&self, query: &SessionQuery<'_>) -> SessionPage {
        let mut page = SessionPage { sessions: Vec::new(), has_more: false };
        let contains = query.contains.unwrap_or_default();
        let candidates = self.directory.sessions();
        for session in candidates.iter().filter(|session| session.key > query.after) {
            if !session.client.contains(contains) {
                continue;
            }
            let Some(report) = report(session) else { continue };
            let is_connected = report.connection.is_some();
            if query.connected.is_some_and(|connected| connected != is_connected)
                || query.username.is_some_and(|username| report.username.as_deref() != Some(username))
            {
                continue;
            }
            if page.sessions.len() == query.limit {
                page.has_more = true;
                break;
            }
            page.sessions.push(report);
        }
        page
    }

    /// The sessions with this client ID: more than one if several users have chosen it.
    pub fn sessions_of(&self, client_id: &str) -> Vec<SessionReport> {
        self.named(client_id).iter().filter_map(|session| report(session)).collect()
    }

    /// The topic filters that a session has subscribed to, in ascending order.
    pub fn filters_of(&self, client_id: &str, key: u64) -> Vec<Box<str>> {
        let sessions = self.named(client_id);
        let session = sessions.iter().find(|session| session.key == key);
        session.map(|session| session.lock().filters.to_sorted()).unwrap_or_default()
    }

    /// Closes the connections of a client, with this reason code for MQTT 5; how many there were.
    pub fn disconnect(&self, client_id: &str, reason: Reason, turn: &mut Turn) -> usize {
        let sessions = self.named(client_id);
        sessions.iter().filter(|session| fence(session, reason, turn)).count()
    }

    /// Ends the sessions of a client, with all that is queued there; how many there were. Sessions of bridges stay, as the
    /// bridge would lose messages.
    pub fn end_sessions(&self, client_id: &str, turn: &mut Turn) -> usize {
        let sessions = self.named(client_id);
        let ends = sessions.iter().filter(|session| session.owner.user != OwnerUser::Bridge);
        let ended = ends.filter(|session| {
            let mut state = session.lock();
            if state.ended {
                return false;
            }
            if state.link.is_some() {
                // It ends with its connection.
                state.expiry = 0;
                drop(state);
                fence(session, Reason::ADMINISTRATIVE_ACTION, turn);
            } else {
                drop(state);
                self.end(session, turn);
            }
            true
        });
        ended.count()
    }

    /// Removes a subscription from the sessions of a client; how many had it.
    pub fn remove_subscription(&self, client_id: &str, filter: &str, turn: &mut Turn) -> usize {
        let sessions = self.named(client_id);
        let removed =
            sessions.iter().filter(|session| self.unsubscribe(session, filter, turn) == Reason::SUCCESS);
        removed.count()
    }

    /// Shows the retained messages whose topic matches `filter`, in the order of their topics' levels, from behind the topic
    /// `after` on, until `visit` returns false.
    pub fn retained_messages(
        &self,
        filter: &str,
        after: Option<&str>,
        now: Instant,
        mut visit: impl FnMut(RetainedReport) -> bool,
    ) {
        let mut cursor = after.map_or_else(|| Cursor::new(filter), |after| Cursor::after(filter, after));
        let mut goes_on = true;
        let mut found = Vec::new();
        while goes_on {
            // Collected first: a shard is locked while its messages are shown.
            let has_more = self.retained.next(&mut cursor, now, |message, publisher, _| {
                let publisher = publisher.map(|publisher| publisher.client.clone());
                found.push(RetainedReport { message: message.clone(), publisher });
            });
            goes_on = found.drain(..).all(&mut visit) && has_more;
        }
    }

    /// Deletes the retained message of a topic, as a retained PUBLISH with an empty payload does.
    pub fn delete_retained(&self, topic: &str, turn: &mut Turn) {
        let view = MessageRef {
            topic,
            properties: &[],
            payload: &[],
            qos: QoS::AtLeastOnce,
            retain: true,
            expires: Instant::NEVER,
        };
        self.publish(&RoutedMessage::new(view), PublishSource::BROKER, turn);
    }

    /// Whether a client may publish to a topic, and which rule decides.
    pub fn explain_publish(&self, who: &Who, topic: &str) -> Decision {
        self.rights.load().decide_publish(who, topic)
    }

    /// Whether a client may read a topic, and which rule decides.
    pub fn explain_read(&self, who: &Who, topic: &str) -> Decision {
        self.rights.load().decide_read(who, topic)
    }

    fn named(&self, client_id: &str) -> Vec<Arc<Session>> {
        self.directory.sessions_of(client_id)
    }
}

/// Closes the connection of a session; whether there was one.
fn fence(session: &Session, reason: Reason, turn: &mut Turn) -> bool {
    let mut state = session.lock();
    let Some(link) = &mut state.link else { return false };
    if link.fence.is_none() {
        link.fence = Some(Box::new(Ending::Fault(reason, "an operator disconnected it")));
    }
    link.wake(turn);
    true
}

fn report(session: &Session) -> Option<SessionReport> {
    let state = session.lock();
    // A session without a user is being opened.
    if state.ended || state.who.is_none() && state.link.is_none() && state.inbox.is_none() {
        return None;
    }
    let who = state.who.as_ref();
    Some(SessionReport {
        client_id: session.client.clone(),
        key: session.key,
        owner: SessionOwner::clone(&session.owner),
        username: who.and_then(|who| who.username.clone()),
        listener: who.map(|who| who.listener),
        connection: state.link.as_ref().map(|link| ConnectionReport {
            peer: link.peer.clone(),
            since: link.since,
            version: link.version,
            keep_alive: link.keep_alive,
            authentication: match link.proof {
                LoginProof::None => Authentication::None,
                LoginProof::Password(_) => Authentication::Password,
                LoginProof::Certificate => Authentication::Tls,
            },
            unsent_bytes: link.pending(),
            is_lagging: state.is_lagging(),
        }),
        expiry: state.expiry,
        expires: if state.link.is_some() { Instant::NEVER } else { state.expires },
        is_stored: state.kept,
        subscriptions: state.filters.len(),
        queued_messages: state.queue.len(),
        queued_bytes: state.queue.bytes(),
        in_flight_messages: state.outbox.in_flight(),
        will_topic: state.will.as_ref().map(|will| will.topic.clone()),
    })
}
