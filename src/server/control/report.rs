//! Sessions, retained messages and decisions as JSON.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use crate::broker::{Authentication, Decision, Denial, OwnerUser, RetainedReport, SessionReport};
use crate::codec::packet::Version;
use crate::time::Instant;

/// Turns times of the core into times of the calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReportClock {
    now: Instant,
    wall: SystemTime,
}

impl ReportClock {
    /// `now` of the core is this moment.
    pub(super) fn at(now: Instant) -> Self {
        Self { now, wall: SystemTime::now() }
    }

    /// RFC 3339, in UTC and with seconds.
    fn time(self, at: Instant) -> Value {
        if at == Instant::NEVER {
            return Value::Null;
        }
        let time = match at > self.now {
            true => self.wall.checked_add(at.since(self.now)),
            false => self.wall.checked_sub(self.now.since(at)),
        };
        time.map_or(Value::Null, |time| humantime::format_rfc3339_seconds(time).to_string().into())
    }

    fn seconds_since(self, at: Instant) -> u64 {
        self.now.since(at).as_secs()
    }
}

/// A session; `listeners` are the URLs of each listener by its number.
pub(super) fn session(session: &SessionReport, listeners: &[Vec<String>], clock: ReportClock) -> Value {
    let listener = session.listener.and_then(|number| listeners.get(number)?.first());
    let connection = session.connection.as_ref();
    let owner = match &session.owner.user {
        OwnerUser::Anonymous => "anonymous",
        OwnerUser::Unverified(_) => "unverified",
        OwnerUser::User(_) => "user",
        OwnerUser::Bridge => "bridge",
    };
    json!({
        "client_id": &*session.client_id,
        "key": session.key,
        "connected": connection.is_some(),
        "username": session.username.as_deref(),
        "owner": owner,
        "mount_point": session.owner.mount_point.as_deref(),
        "address": connection.map(|connection| &*connection.peer),
        "listener": listener,
        "protocol_version": connection.map(|connection| version(connection.version)),
        "connected_since": connection.map(|connection| clock.time(connection.since)),
        "connected_seconds": connection.map(|connection| clock.seconds_since(connection.since)),
        "keep_alive_seconds": connection.map(|connection| connection.keep_alive),
        "authentication": connection.map(|connection| match connection.authentication {
            Authentication::None => "none",
            Authentication::Password => "password",
            Authentication::Tls => "tls",
        }),
        "lagging": connection.is_some_and(|connection| connection.is_lagging),
        "unsent_bytes": connection.map_or(0, |connection| connection.unsent_bytes),
        "subscriptions": session.subscriptions,
        "queued_messages": session.queued_messages,
        "queued_bytes": session.queued_bytes,
        "in_flight_messages": session.in_flight_messages,
        "session_expiry_seconds": (session.expiry != u32::MAX).then_some(session.expiry),
        "expires": clock.time(session.expires),
        "stored": session.is_stored,
        "will_topic": session.will_topic,
    })
}

fn version(version: Version) -> &'static str {
    match version {
        Version::V3_1 => "3.1",
        Version::V3_1_1 => "3.1.1",
        Version::V5 => "5.0",
    }
}

/// Whether the payload of a retained message is part of its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Shown,
    Omitted,
}

/// A retained message. A payload that is not UTF-8 is shown in base64.
pub(super) fn retained(retained: &RetainedReport, payload: Payload, clock: ReportClock) -> Value {
    let view = retained.message.as_ref();
    let mut report = Map::new();
    report.insert("topic".into(), view.topic.into());
    report.insert("qos".into(), view.qos.bits().into());
    report.insert("payload_bytes".into(), view.payload.len().into());
    report.insert("expires".into(), clock.time(view.expires));
    report.insert("publisher".into(), retained.publisher.as_deref().into());
    if payload == Payload::Shown {
        match std::str::from_utf8(view.payload) {
            Ok(text) => report.insert("payload".into(), text.into()),
            Err(_) => report.insert("payload_base64".into(), BASE64_STANDARD.encode(view.payload).into()),
        };
    }
    report.into()
}

/// What an ACL says.
pub(super) fn decision(decision: &Decision) -> Value {
    match decision {
        Decision::NoRules => {
            json!({ "allowed": true, "reason": "the listener has no ACL, so everything is allowed" })
        }
        Decision::Allowed { file, line, rule } => json!({
            "allowed": true,
            "reason": format!("{file}:{line}: {rule}"),
            "file": &**file,
            "line": line,
            "rule": &**rule,
        }),
        Decision::Denied(denial) => {
            let mut report = json!({ "allowed": false, "reason": denial.to_string() });
            if let Denial::Rule { file, line, rule } = denial {
                report["file"] = (&**file).into();
                report["line"] = (*line).into();
                report["rule"] = (&**rule).into();
            }
            report
        }
    }
}

/// Seconds with milliseconds.
pub(super) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}
