//! Why the other broker may not want a bridge, and which option to set: the defaults are mosquitto's, and do not suit every broker.

use std::io::ErrorKind;

use super::plan::BridgePlan;
use crate::codec::reason::Reason;
use crate::net::Failure;
use crate::net::link::{Ended, ForeignService};

/// What is told of a connection to the other broker that could not be made: the reason, and what to set.
pub(super) fn connecting(ended: &Ended, plan: &BridgePlan) -> String {
    let hint = match ended {
        Ended::Refused { reason, .. } => refused(*reason, plan),
        Ended::RefusedWith(_) => will(plan),
        Ended::Unanswered(error) if error.kind() != ErrorKind::TimedOut => will(plan),
        Ended::Unreachable(Failure::Handshake(why)) => handshake(why),
        Ended::NotMqtt(ForeignService::Tls) => {
            Some("for TLS, set bridge_cafile, or bridge_tls_use_os_certs true".to_owned())
        }
        _ => None,
    };
    with(ended, hint)
}

/// The same of a connection that ended soon after it was made.
pub(super) fn soon_ended(ended: &Ended, plan: &BridgePlan) -> String {
    let hint = if ended.is_by_broker() { notice(plan) } else { None };
    with(ended, hint)
}

fn with(ended: &Ended, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{ended}; {hint}"),
        None => ended.to_string(),
    }
}

fn refused(reason: Reason, plan: &BridgePlan) -> Option<String> {
    match reason {
        Reason::CLIENT_IDENTIFIER_NOT_VALID => Some(identifier(plan)),
        Reason::BAD_USER_NAME_OR_PASSWORD | Reason::NOT_AUTHORIZED if plan.far.username.is_none() => {
            Some("set remote_username and remote_password".to_owned())
        }
        Reason::BAD_USER_NAME_OR_PASSWORD | Reason::NOT_AUTHORIZED => {
            Some("check remote_username and remote_password".to_owned())
        }
        Reason::UNSUPPORTED_PROTOCOL_VERSION => Some("set bridge_protocol_version".to_owned()),
        Reason::TOPIC_NAME_INVALID | Reason::UNSPECIFIED_ERROR => will(plan),
        _ => None,
    }
}

/// NATS accepts no dot, and the default is the host name, a dot and the name of the bridge.
fn identifier(plan: &BridgePlan) -> String {
    let id = &plan.far.client_id;
    match id.contains('.') {
        true => format!("set remote_clientid: the broker may not accept the dot in {id}"),
        false => format!("set remote_clientid to something else than {id}, such as letters and digits"),
    }
}

/// Brokers that reserve $SYS refuse a will there, and NATS one whose topic has a dot.
fn will(plan: &BridgePlan) -> Option<String> {
    let will = plan.far.will.as_ref()?;
    let dot = if plan.far.client_id.contains('.') { ", or remote_clientid without a dot" } else { "" };
    Some(format!(
        "the broker may not accept the will topic {}: set notifications_local_only true{dot}",
        will.topic
    ))
}

fn notice(plan: &BridgePlan) -> Option<String> {
    let notice = plan.notice.as_ref().filter(|notice| notice.tells_far)?;
    let topic = &notice.topic;
    Some(format!("the broker may not accept messages on {topic}: set notifications_local_only true"))
}

fn handshake(why: &str) -> Option<String> {
    let why = why.to_ascii_lowercase();
    let hint = if why.contains("mismatch") {
        "set address to a name in the certificate, or bridge_insecure true"
    } else if ["self-signed", "self signed", "local issuer"].iter().any(|part| why.contains(part)) {
        "set bridge_cafile to the CA of the broker"
    } else {
        return None;
    };
    Some(hint.to_owned())
}
