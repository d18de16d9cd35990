//! The bridge as a client of its own broker, connected by a stream within the process.

use std::rc::Rc;

use super::plan::BridgePlan;
use super::plan::subscription_options;
use crate::broker::{Peer, PeerKind, Rights};
use crate::client::{Client, Event, Refusal, Settings};
use crate::codec::packet::{RetainHandling, Version};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::message::QoS;
use crate::net::Stream;
use crate::net::link::{Ended, Link, Opened};
use crate::server::connection_task::ConnectionTask;
use crate::server::worker::Worker;

/// Capacity in bytes of the stream within the process, in each direction.
const PIPE: usize = 64 * 1024;
/// Filters per packet.
const FILTERS: usize = 256;

/// The permissions of a bridge on this broker: the index of its policy among those of bridges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Without a username: unrestricted.
    Free,
    /// The permissions of its user, who needs no password.
    Named,
    /// The permissions of its user, whose password is verified.
    Proven,
}

/// Opens a connection to this broker, for at most `window` messages in flight to the bridge.
pub(super) async fn open(
    worker: &Rc<Worker>,
    plan: &BridgePlan,
    window: u16,
) -> Result<(Link, Opened), Ended> {
    let near = &plan.near;
    let mut properties = PropertiesBuf::default();
    if near.is_kept {
        properties.push(Property::SessionExpiryInterval(u32::MAX));
    }
    properties.push(Property::ReceiveMaximum(window.max(1)));
    let start = LocalStart { clean_start: !near.is_kept, only_subscribes: false, properties };
    connect(worker, plan, start).await
}

/// How a connection to this broker starts.
struct LocalStart {
    clean_start: bool,
    /// Whether the connection only subscribes and receives no messages.
    only_subscribes: bool,
    properties: PropertiesBuf,
}

async fn connect(worker: &Rc<Worker>, plan: &BridgePlan, start: LocalStart) -> Result<(Link, Opened), Ended> {
    let LocalStart { clean_start, only_subscribes, properties } = start;
    let near = &plan.near;
    let standing = match (&near.username, &near.password) {
        (None, _) => Standing::Free,
        (Some(_), None) => Standing::Named,
        (Some(_), Some(_)) => Standing::Proven,
    };
    let settings = Settings {
        version: Version::V5,
        relays: true,
        clean_start,
        // A connection within the process does not break.
        keep_alive: 0,
        client_id: near.client_id.clone(),
        username: near.username.clone(),
        password: near.password.clone().map(String::into_bytes),
        properties,
        ..Settings::default()
    };
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let peer = Peer {
        name: format!("the bridge {}", plan.name).into(),
        address: None,
        listener: Rights::BRIDGES + standing as usize,
        identity: near.username.as_deref().filter(|_| standing == Standing::Named).map(Into::into),
        kind: PeerKind::Bridge { queues_at_most_once: plan.is_lazy(), only_subscribes },
    };
    ConnectionTask::spawn(worker, theirs, peer, None);
    let mut link = Link::local(Client::new(settings));
    let opened = link.open_on(Stream::Local(ours)).await?;
    Ok((link, opened))
}

/// Subscribes to the topics that the plan forwards, and unsubscribes from all others. Returns how many acknowledgements are
/// to be expected.
pub(super) fn subscribe(
    worker: &Worker,
    link: &mut Link,
    plan: &BridgePlan,
    retained: impl Fn(QoS) -> RetainHandling,
) -> Result<usize, Refusal> {
    let wanted = plan.topics.local();
    let existing = worker.state.broker.filters(&plan.near.client_id);
    let unwanted: Vec<&str> = existing
        .iter()
        .map(|filter| &**filter)
        .filter(|filter| wanted.iter().all(|(wanted, _)| wanted != filter))
        .collect();
    let filters: Vec<_> = wanted
        .into_iter()
        .map(|(filter, qos)| (filter, subscription_options(filter, qos, retained(qos))))
        .collect();
    let (client, now, out) = link.command();
    let mut answers = 0;
    for unwanted in unwanted.chunks(FILTERS) {
        client.unsubscribe(now, unwanted, Properties::EMPTY, out)?;
        answers += 1;
    }
    for filters in filters.chunks(FILTERS) {
        client.subscribe(now, filters, Properties::EMPTY, out)?;
        answers += 1;
    }
    Ok(answers)
}

/// Creates the session with its subscriptions, so that messages are queued for it from now on. Returns whether the session
/// existed, and the reasons of refused subscriptions.
pub(super) async fn prepare(worker: &Rc<Worker>, plan: &BridgePlan) -> Result<(bool, Vec<Reason>), Ended> {
    let mut properties = PropertiesBuf::default();
    if plan.near.is_kept {
        properties.push(Property::SessionExpiryInterval(u32::MAX));
    }
    let start = LocalStart { clean_start: !plan.near.is_kept, only_subscribes: true, properties };
    let (mut link, opened) = connect(worker, plan, start).await?;
    let mut refused = Vec::new();
    let mut answers = subscribe(worker, &mut link, plan, |_| RetainHandling::SendIfNew).unwrap_or_default();
    while answers > 0 {
        match link.event()? {
            None => link.progress().await?,
            Some(Event::Subscribed(suback)) => {
                refused.extend(suback.reasons.iter().filter(|reason| reason.is_failure()));
                answers -= 1;
            }
            Some(Event::Unsubscribed(_)) => answers -= 1,
            Some(Event::Disconnected { reason, properties }) => {
                let text = properties.reason_string().map(str::to_owned);
                return Err(Ended::Disconnected { reason, text });
            }
            Some(_) => {}
        }
    }
    link.close(Reason::SUCCESS, Properties::EMPTY).await?;
    Ok((opened.session_present, refused))
}

/// Ends the session.
pub(super) async fn forget(worker: &Rc<Worker>, plan: &BridgePlan) -> Result<(), Ended> {
    let start = LocalStart { clean_start: true, only_subscribes: true, properties: PropertiesBuf::default() };
    let (mut link, _) = connect(worker, plan, start).await?;
    link.close(Reason::SUCCESS, Properties::EMPTY).await
}
