//! Orders to a running bridge, and its log.

use std::rc::Rc;

use super::plan::BridgePlan;
use crate::net::link::{Way, Witness};
use crate::server::log::{LogEvent, TextOnly};
use crate::server::worker::Worker;
use crate::text;

/// What the task of a bridge is to do.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) plan: Rc<BridgePlan>,
    /// Incremented by a change that takes effect before the next connection.
    pub(super) urgent: u32,
    pub(super) stop: Option<StopReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// The broker is stopping.
    Shutdown,
    /// The bridge was removed from the configuration; its session on this broker is deleted.
    Removed,
    /// The bridge was removed from the configuration, and another bridge takes over its session.
    Replaced,
}

/// The log of one bridge.
#[derive(Clone)]
pub(super) struct BridgeLog {
    pub(super) worker: Rc<Worker>,
    pub(super) name: String,
}

impl BridgeLog {
    pub(super) fn write(&self, event: &LogEvent<'_>) {
        self.worker.log().write(event);
    }

    /// Logs every packet to and from the remote broker.
    pub(super) fn witness(&self) -> Witness {
        let log = self.clone();
        Box::new(move |way, packet| {
            let line = text::brief(packet).to_string();
            let (sent, line) = (way == Way::Out, TextOnly(&line));
            log.write(&LogEvent::BridgePacket { bridge: &log.name, sent, line });
        })
    }
}
