//! What a running bridge is told, and how it writes to the log.

use std::rc::Rc;

use super::plan::BridgePlan;
use crate::net::link::{Way, Witness};
use crate::server::log::{LogEvent, TextOnly};
use crate::server::worker::Worker;
use crate::text;

/// What the task of a bridge is told.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) plan: Rc<BridgePlan>,
    /// Raised by what is not to wait for the next connection.
    pub(super) urgent: u32,
    pub(super) stop: Option<StopReason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// The broker ends.
    Shutdown,
    /// The configuration has it no more: neither has this broker.
    Removed,
    /// The same, but another bridge has its session from now on.
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

    /// Logs each packet to and from the other broker.
    pub(super) fn witness(&self) -> Witness {
        let log = self.clone();
        Box::new(move |way, packet| {
            let line = text::brief(packet).to_string();
            let (sent, line) = (way == Way::Out, TextOnly(&line));
            log.write(&LogEvent::BridgePacket { bridge: &log.name, sent, line });
        })
    }
}
