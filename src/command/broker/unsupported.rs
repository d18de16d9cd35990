//! Options that this broker knows and cannot honour: each is refused by name rather than ignored.

use crate::config::fault::{Fault, Place};
use crate::config::{Config, Section};

/// Options of listeners that are refused.
const LISTENER: &[&str] = &[
    "accept_protocol_versions",
    "listener_allow_anonymous",
    "listener_auto_id_prefix",
    "max_qos",
    "max_topic_alias",
    "max_topic_alias_broker",
    "mount_point",
    "use_username_as_clientid",
    "use_identity_as_username",
    "use_subject_as_username",
];

const SECURITY: &[&str] = &["acl_file", "password_file", "allow_zero_length_clientid", "auto_id_prefix"];

const GLOBAL: &[&str] = &[
    "check_retain_source",
    "clientid_prefixes",
    "global_max_clients",
    "max_inflight_bytes",
    "memory_limit",
    "message_size_limit",
    "per_listener_settings",
    "queue_qos0_messages",
    "retain_available",
    "upgrade_outgoing_qos",
];

/// A fault for each of them that is given.
pub(super) fn faults(config: &Config) -> Vec<Fault> {
    let mut faults = Vec::new();
    given(&config.global, GLOBAL, &mut faults);
    given(&config.security, SECURITY, &mut faults);
    given(&config.default_listener, LISTENER, &mut faults);
    for listener in &config.listeners {
        given(&listener.options, LISTENER, &mut faults);
    }
    if config.persistence.values.enabled
        && let Some(place) = config.persistence.place("persistence")
    {
        refuse(place, "persistence", &mut faults);
    }
    for bridge in &config.bridges {
        refuse(&bridge.place, "connection", &mut faults);
    }
    faults
}

fn given<T: crate::config::Table>(section: &Section<T>, names: &[&str], faults: &mut Vec<Fault>) {
    for (name, place) in section.given().iter().filter(|(name, _)| names.contains(*name)) {
        refuse(place, name, faults);
    }
}

fn refuse(place: &Place, name: &str, faults: &mut Vec<Fault>) {
    faults.push(Fault::new(place, format!("{name} is not supported yet")));
}
