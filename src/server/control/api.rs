//! The operations of the control interface. Each is a row of [`OPERATIONS`]; skeeter-control(7) documents them.

use std::rc::Rc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::ListenerReport;
use super::answer::{Answer, ControlError, encode};
use super::report::{self, Payload, ReportClock};
use crate::broker::{ControlRequest, SessionQuery, Who};
use crate::codec::reason::Reason;
use crate::server::log::LogEvent;
use crate::server::worker::Worker;
use crate::system::process::own;
use crate::text::Quoted;
use crate::text::os_error;
use crate::topic::{TopicFilter, TopicName};

/// Sessions or messages in one answer, unless the request says how many, and at most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1_000;

/// Whether an operation changes anything; those that do are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Reads,
    Changes,
}

struct Operation {
    name: &'static str,
    purpose: &'static str,
    effect: Effect,
    run: fn(&ControlApi, &[u8]) -> Answer,
}

const OPERATIONS: [Operation; 11] = [
    Operation {
        name: "operations",
        purpose: "list all operations",
        effect: Effect::Reads,
        run: |_, arguments| {
            let NoArguments {} = parse(arguments)?;
            let operations = OPERATIONS.iter().map(|operation| {
                json!({ "name": operation.name, "purpose": operation.purpose, "changes": operation.effect == Effect::Changes })
            });
            Ok(json!({ "operations": operations.collect::<Vec<_>>() }))
        },
    },
    Operation {
        name: "broker",
        purpose: "describe the broker: version, uptime, memory, totals",
        effect: Effect::Reads,
        run: ControlApi::broker,
    },
    Operation {
        name: "listeners",
        purpose: "list the listeners with their URLs",
        effect: Effect::Reads,
        run: ControlApi::list_listeners,
    },
    Operation {
        name: "clients",
        purpose: "list clients and disconnected sessions",
        effect: Effect::Reads,
        run: ControlApi::clients,
    },
    Operation {
        name: "client",
        purpose: "describe one client with its subscriptions",
        effect: Effect::Reads,
        run: ControlApi::client,
    },
    Operation {
        name: "disconnect",
        purpose: "close the connection of a client",
        effect: Effect::Changes,
        run: ControlApi::disconnect,
    },
    Operation {
        name: "end-session",
        purpose: "end the session of a client, with its subscriptions and queued messages",
        effect: Effect::Changes,
        run: ControlApi::end_session,
    },
    Operation {
        name: "unsubscribe",
        purpose: "remove a subscription of a client",
        effect: Effect::Changes,
        run: ControlApi::unsubscribe,
    },
    Operation {
        name: "retained",
        purpose: "list retained messages",
        effect: Effect::Reads,
        run: ControlApi::retained,
    },
    Operation {
        name: "delete-retained",
        purpose: "delete retained messages",
        effect: Effect::Changes,
        run: ControlApi::delete_retained,
    },
    Operation {
        name: "explain",
        purpose: "tell whether a user may publish to a topic or read it, and which ACL rule decides",
        effect: Effect::Reads,
        run: ControlApi::explain,
    },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ClientsArguments {
    /// Only client IDs that contain this.
    contains: Option<String>,
    username: Option<String>,
    /// Only clients that are connected, or only sessions of clients that are not.
    connected: Option<bool>,
    /// The `next` of the page before.
    after: u64,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientArguments {
    client_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DisconnectArguments {
    client_id: String,
    /// The reason code of DISCONNECT, for MQTT 5 clients.
    reason_code: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnsubscribeArguments {
    client_id: String,
    topic_filter: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RetainedArguments {
    #[serde(default = "all_topics")]
    topic_filter: String,
    #[serde(default)]
    limit: Option<usize>,
    /// The last topic of the page before.
    #[serde(default)]
    after: Option<String>,
    /// Whether payloads are part of the answer.
    #[serde(default)]
    payload: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeleteRetainedArguments {
    topic_filter: String,
    /// Counts the messages and deletes none.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Action {
    Publish,
    Subscribe,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExplainArguments {
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    client_id: String,
    /// The number of the listener, from 0.
    #[serde(default)]
    listener: usize,
    action: Action,
    topic: String,
}

fn all_topics() -> String {
    "#".to_owned()
}

/// Reads the arguments; nothing stands for none.
fn parse<T: DeserializeOwned>(arguments: &[u8]) -> Result<T, ControlError> {
    let arguments = if arguments.is_empty() { b"{}" } else { arguments };
    serde_json::from_slice(arguments).map_err(|error| {
        ControlError::bad_request(format!("the arguments are not valid: {}", os_error(&error)))
    })
}

/// How many entries an answer has.
fn page(limit: Option<usize>) -> Result<usize, ControlError> {
    match limit.unwrap_or(PAGE) {
        limit @ 1..=LONGEST_PAGE => Ok(limit),
        _ => Err(ControlError::bad_request(format!("limit must be from 1 to {LONGEST_PAGE}"))),
    }
}

/// Who sends a request.
pub(super) struct Caller<'a> {
    pub(super) who: &'a Who,
    /// Where it is connected from.
    pub(super) address: &'a str,
}

/// Answers requests.
pub(super) struct ControlApi {
    worker: Rc<Worker>,
    listeners: Vec<ListenerReport>,
    /// The URLs of each listener.
    urls: Vec<Vec<String>>,
}

impl ControlApi {
    pub(super) fn new(worker: Rc<Worker>, listeners: Vec<ListenerReport>) -> Self {
        let urls = listeners.iter().map(|listener| listener.urls.clone()).collect();
        Self { worker, listeners, urls }
    }

    /// The answer to a request over MQTT.
    pub(super) fn answer(&self, request: &ControlRequest) -> Vec<u8> {
        let caller = Caller { who: &request.who, address: &request.peer };
        encode(&self.call(&request.operation, &request.arguments, &caller))
    }

    /// Whether an operation changes anything; `None` if there is no such operation.
    pub(super) fn changes(operation: &str) -> Option<bool> {
        let found = OPERATIONS.iter().find(|known| known.name == operation);
        found.map(|operation| operation.effect == Effect::Changes)
    }

    pub(super) fn listeners(&self) -> &[ListenerReport] {
        &self.listeners
    }

    /// Carries out an operation. A request for a change is logged with its outcome.
    pub(super) fn call(&self, operation: &str, arguments: &[u8], caller: &Caller<'_>) -> Answer {
        let Some(operation) = OPERATIONS.iter().find(|known| known.name == operation) else {
            return Err(ControlError {
                code: "unknown_operation",
                message: format!("there is no operation {operation:?}; see the operation operations"),
            });
        };
        let answer = (operation.run)(self, arguments);
        if operation.effect == Effect::Changes {
            let arguments = String::from_utf8_lossy(arguments);
            self.worker.log().write(&LogEvent::ControlRequested {
                client_id: Quoted(&caller.who.client),
                username: caller.who.username.as_deref().map(Quoted),
                remote_address: caller.address,
                operation: operation.name,
                arguments: Quoted(&arguments),
                error: answer.as_ref().err().map(|error| &*error.message),
            });
        }
        answer
    }

    fn clock(&self) -> ReportClock {
        ReportClock::at(self.worker.state.now())
    }

    fn broker(&self, arguments: &[u8]) -> Answer {
        let NoArguments {} = parse(arguments)?;
        let state = &self.worker.state;
        let (broker, now) = (&state.broker, state.now());
        let (usage, counts) = (own(), state.counts());
        let totals = broker.totals(&counts).map(|(name, value)| (name.to_owned(), value.into()));
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "uptime_seconds": now.as_micros() / 1_000_000,
            "cpu_seconds": usage.map(|usage| report::seconds(usage.cpu)),
            "memory_bytes": usage.map(|usage| usage.memory),
            "connections": broker.connections(),
            "store": {
                "durability": broker.journal().durability().to_string(),
                "failing": broker.journal().failing_since().is_some(),
            },
            "totals": Value::Object(totals.collect()),
        }))
    }

    fn list_listeners(&self, arguments: &[u8]) -> Answer {
        let NoArguments {} = parse(arguments)?;
        let listeners = self.listeners.iter().enumerate();
        let listeners = listeners.map(|(number, listener)| {
            let connections = listener.active.open_connections();
            json!({
                "number": number, "urls": listener.urls, "anonymous": listener.anonymous, "connections": connections,
            })
        });
        Ok(json!({ "listeners": listeners.collect::<Vec<_>>() }))
    }

    fn clients(&self, arguments: &[u8]) -> Answer {
        let arguments: ClientsArguments = parse(arguments)?;
        let page = self.worker.state.broker.sessions(&SessionQuery {
            contains: arguments.contains.as_deref(),
            username: arguments.username.as_deref(),
            connected: arguments.connected,
            after: arguments.after,
            limit: page(arguments.limit)?,
        });
        let next = page.sessions.last().filter(|_| page.has_more).map(|session| session.key);
        let clock = self.clock();
        let clients = page.sessions.iter().map(|session| report::session(session, &self.urls, clock));
        Ok(json!({ "clients": clients.collect::<Vec<_>>(), "next": next }))
    }

    fn client(&self, arguments: &[u8]) -> Answer {
        let ClientArguments { client_id } = parse(arguments)?;
        let broker = &self.worker.state.broker;
        let clock = self.clock();
        let sessions = broker.sessions_of(&client_id).into_iter().map(|session| {
            let mut report = report::session(&session, &self.urls, clock);
            report["topic_filters"] = json!(broker.filters_of(&client_id, session.key));
            report
        });
        let sessions: Vec<_> = sessions.collect();
        match sessions.is_empty() {
            true => Err(no_client(&client_id)),
            // More than one if several users have chosen this client ID.
            false => Ok(json!({ "sessions": sessions })),
        }
    }

    fn disconnect(&self, arguments: &[u8]) -> Answer {
        let DisconnectArguments { client_id, reason_code } = parse(arguments)?;
        let reason = reason_code.map_or(Reason::ADMINISTRATIVE_ACTION, Reason);
        if !reason.is_failure() {
            let message = "reason_code must be one of an error, from 128 to 255; 152 is the default";
            return Err(ControlError::bad_request(message));
        }
        let mut turn = self.worker.begin();
        let disconnected = self.worker.state.broker.disconnect(&client_id, reason, &mut turn);
        self.worker.finish(turn);
        match disconnected {
            0 => Err(ControlError::not_found(format!("client {client_id:?} is not connected"))),
            disconnected => Ok(json!({ "disconnected": disconnected })),
        }
    }

    fn end_session(&self, arguments: &[u8]) -> Answer {
        let ClientArguments { client_id } = parse(arguments)?;
        let mut turn = self.worker.begin();
        let ended = self.worker.state.broker.end_sessions(&client_id, &mut turn);
        self.worker.finish(turn);
        match ended {
            0 => Err(no_client(&client_id)),
            ended => Ok(json!({ "ended": ended })),
        }
    }

    fn unsubscribe(&self, arguments: &[u8]) -> Answer {
        let UnsubscribeArguments { client_id, topic_filter } = parse(arguments)?;
        let mut turn = self.worker.begin();
        let removed = self.worker.state.broker.remove_subscription(&client_id, &topic_filter, &mut turn);
        self.worker.finish(turn);
        match removed {
            0 => {
                let message = format!("client {client_id:?} has no subscription to {topic_filter:?}");
                Err(ControlError::not_found(message))
            }
            removed => Ok(json!({ "removed": removed })),
        }
    }

    fn retained(&self, arguments: &[u8]) -> Answer {
        let RetainedArguments { topic_filter, limit, after, payload } = parse(arguments)?;
        check_filter(&topic_filter)?;
        let (limit, clock) = (page(limit)?, self.clock());
        let payload = if payload { Payload::Shown } else { Payload::Omitted };
        let (mut messages, mut has_more) = (Vec::new(), false);
        let state = &self.worker.state;
        state.broker.retained_messages(&topic_filter, after.as_deref(), state.now(), |message| {
            has_more = messages.len() == limit;
            if !has_more {
                messages.push(report::retained(&message, payload, clock));
            }
            !has_more
        });
        let next = messages.last().filter(|_| has_more).map(|message| message["topic"].clone());
        Ok(json!({ "messages": messages, "next": next }))
    }

    fn delete_retained(&self, arguments: &[u8]) -> Answer {
        let DeleteRetainedArguments { topic_filter, dry_run } = parse(arguments)?;
        check_filter(&topic_filter)?;
        let (state, mut topics) = (&self.worker.state, Vec::new());
        state.broker.retained_messages(&topic_filter, None, state.now(), |message| {
            topics.push(Box::<str>::from(message.message.as_ref().topic));
            true
        });
        if !dry_run {
            // In turns, so that the workers are woken in between.
            for some in topics.chunks(PAGE) {
                let mut turn = self.worker.begin();
                some.iter().for_each(|topic| state.broker.delete_retained(topic, &mut turn));
                self.worker.finish(turn);
            }
        }
        Ok(json!({ "topics": topics.len(), "dry_run": dry_run }))
    }

    fn explain(&self, arguments: &[u8]) -> Answer {
        let ExplainArguments { username, client_id, listener, action, topic } = parse(arguments)?;
        if let Err(why) = TopicName::new(&topic) {
            return Err(ControlError::bad_request(format!("the topic {topic:?} is not valid: {why}")));
        }
        if listener >= self.listeners.len() {
            let message = format!("there is no listener {listener}; see the operation listeners");
            return Err(ControlError::not_found(message));
        }
        let who = Who { client: client_id.into(), username: username.map(Into::into), listener };
        let broker = &self.worker.state.broker;
        let decision = match action {
            Action::Publish => broker.explain_publish(&who, &topic),
            Action::Subscribe => broker.explain_read(&who, &topic),
        };
        Ok(report::decision(&decision))
    }
}

fn check_filter(filter: &str) -> Result<(), ControlError> {
    let check = TopicFilter::new(filter);
    check
        .map(drop)
        .map_err(|why| ControlError::bad_request(format!("the topic filter {filter:?} is not valid: {why}")))
}

fn no_client(client_id: &str) -> ControlError {
    ControlError::not_found(format!("there is no client or session with the client ID {client_id:?}"))
}
