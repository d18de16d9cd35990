//! The bridge as a client of its own broker: it comes in by a stream within the process.

use std::rc::Rc;

use super::asks;
use super::plan::Plan;
use crate::broker::{Kind, Peer, Rights};
use crate::client::{Client, Event, Refusal, Settings};
use crate::codec::packet::{RetainHandling, Version};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::codec::reason::Reason;
use crate::command::broker::worker::Worker;
use crate::link::{Ended, Link, Opened};
use crate::message::QoS;
use crate::transport::Stream;

/// Bytes on their way within the process, each way.
const PIPE: usize = 64 * 1024;
/// Filters of one packet.
const FILTERS: usize = 256;

/// What a bridge may do here: the place of its policy among those of bridges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command::broker) enum Standing {
    /// Without a user name: everything.
    Free,
    /// What its user may, who is believed.
    Named,
    /// What its user may, whose password is asked.
    Proven,
}

/// Opens a connection to this broker, for at most `window` messages in flight to the bridge.
pub(super) async fn open(worker: &Rc<Worker>, plan: &Plan, window: u16) -> Result<(Link, Opened), Ended> {
    let near = &plan.near;
    let mut properties = PropertiesBuf::default();
    if near.is_kept {
        properties.push(Property::SessionExpiryInterval(u32::MAX));
    }
    properties.push(Property::ReceiveMaximum(window.max(1)));
    connect(worker, plan, !near.is_kept, false, properties).await
}

async fn connect(
    worker: &Rc<Worker>,
    plan: &Plan,
    clean_start: bool,
    only_subscribes: bool,
    properties: PropertiesBuf,
) -> Result<(Link, Opened), Ended> {
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
        // The connection does not break off.
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
        kind: Kind::Bridge { queues_at_most_once: plan.is_lazy(), only_subscribes },
    };
    worker.enter(theirs, peer);
    let mut link = Link::local(Client::new(settings));
    let opened = link.open_on(Stream::Local(ours)).await?;
    Ok((link, opened))
}

/// Asks for what the plan carries out, and for nothing else. How many answers are to come.
pub(super) fn subscribe(
    worker: &Worker,
    link: &mut Link,
    plan: &Plan,
    retained: impl Fn(QoS) -> RetainHandling,
) -> Result<usize, Refusal> {
    let wanted = plan.topics.local();
    let existing = worker.shared.broker.filters(&plan.near.client_id);
    let unwanted: Vec<&str> = existing
        .iter()
        .map(|filter| &**filter)
        .filter(|filter| wanted.iter().all(|(wanted, _)| wanted != filter))
        .collect();
    let filters: Vec<_> =
        wanted.into_iter().map(|(filter, qos)| (filter, asks(filter, qos, retained(qos)))).collect();
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

/// Makes the session with its subscriptions, so that messages wait there from now on. Whether the session was there, and
/// what was refused.
pub(super) async fn prepare(worker: &Rc<Worker>, plan: &Plan) -> Result<(bool, Vec<Reason>), Ended> {
    let mut properties = PropertiesBuf::default();
    if plan.near.is_kept {
        properties.push(Property::SessionExpiryInterval(u32::MAX));
    }
    let (mut link, opened) = connect(worker, plan, !plan.near.is_kept, true, properties).await?;
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
pub(super) async fn forget(worker: &Rc<Worker>, plan: &Plan) -> Result<(), Ended> {
    let (mut link, _) = connect(worker, plan, true, true, PropertiesBuf::default()).await?;
    link.close(Reason::SUCCESS, Properties::EMPTY).await
}
