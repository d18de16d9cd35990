//! The control interface: what an operator asks a running broker and tells it to do, as JSON over MQTT and HTTP.
//!
//! ```text
//! PUBLISH $CONTROL/skeeter/v1/OPERATION ─▶ ControlQueue ─▶ this thread: ControlApi ─▶ Broker::respond ─▶ the client
//! HTTP connection ─────────────────────▶ ControlQueue ─▶ this thread: http::serve ─▶ ControlApi
//! ```
//!
//! Requests are answered on a thread of their own, which starts with the first of them: a list of ten thousand clients takes
//! milliseconds in which a worker could serve connections.

mod answer;
mod api;
mod http;
mod metrics;
mod query;
mod report;

use std::rc::Rc;
use std::sync::Arc;

use tokio::task::LocalSet;

use api::ControlApi;

use super::admission::ActiveListener;
use super::control_queue::ControlJob;
use super::listeners::accept::OpenListener;
use super::log::LogEvent;
use super::state::ServerState;
use super::worker::{self, Worker};
use crate::text::os_error;

/// A listener, as the control interface reports it.
#[derive(Clone)]
struct ListenerReport {
    active: Arc<ActiveListener>,
    urls: Vec<String>,
    anonymous: bool,
}

impl ListenerReport {
    /// The reports of all listeners, by their numbers.
    fn of_all(listeners: &[OpenListener], anonymous: &[bool]) -> Vec<Self> {
        let pairs = listeners.iter().zip(anonymous);
        let report = pairs.map(|(listener, anonymous)| Self {
            active: listener.active.clone(),
            urls: listener.urls().map(|(url, _)| url).collect(),
            anonymous: *anonymous,
        });
        report.collect()
    }
}

/// Answers requests from now on; `anonymous` says of each listener whether it accepts clients without authentication.
pub(super) fn start(state: &Arc<ServerState>, listeners: &[OpenListener], anonymous: &[bool]) {
    let reports = ListenerReport::of_all(listeners, anonymous);
    tokio::task::spawn_local(run(state.clone(), reports));
}

/// Starts the thread with the first request.
async fn run(state: Arc<ServerState>, listeners: Vec<ListenerReport>) {
    state.control.arrived().await;
    let serving = state.clone();
    let thread = std::thread::Builder::new().name("control".into());
    if let Err(error) = thread.spawn(move || serve(&serving, listeners)) {
        let reason = format!("cannot start the thread of the control interface: {}", os_error(&error));
        state.log.write(&LogEvent::ConfigurationWarning { reason: &reason });
    }
}

/// The life of the thread.
fn serve(state: &Arc<ServerState>, listeners: Vec<ListenerReport>) {
    let Ok(runtime) = worker::runtime() else { return };
    LocalSet::new().block_on(&runtime, async {
        let worker = Worker::start(state.clone(), state.control_worker());
        let api = Rc::new(ControlApi::new(worker.clone(), listeners));
        loop {
            match state.control.next().await {
                ControlJob::Request(request) => {
                    let response = api.answer(&request);
                    let mut turn = worker.begin();
                    state.broker.respond(&request, &response, &mut turn);
                    worker.finish(turn);
                }
                ControlJob::Connection(connection, permit) => {
                    let serving = http::serve(worker.clone(), api.clone(), connection, permit);
                    tokio::task::spawn_local(serving);
                }
            }
        }
    });
}
