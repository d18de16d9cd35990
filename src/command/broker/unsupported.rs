//! Options that this broker knows and cannot honour: each is refused by name rather than ignored.

use crate::config::fault::{Fault, Place};
use crate::config::{Config, Section};

/// Options of the whole broker that are refused.
const GLOBAL: &[&str] = &[
    #[cfg(not(target_os = "linux"))]
    "memory_limit",
];

/// Options of bridges that are refused.
const BRIDGE: &[&str] = &[
    #[cfg(not(target_os = "linux"))]
    "bridge_tcp_user_timeout",
];

/// A fault for each of them that is given.
pub(super) fn faults(config: &Config) -> Vec<Fault> {
    let mut faults = Vec::new();
    given(&config.global, GLOBAL, &mut faults);
    for bridge in &config.bridges {
        given(&bridge.options, BRIDGE, &mut faults);
    }
    faults
}

fn given<T: crate::config::Table>(section: &Section<T>, names: &[&str], faults: &mut Vec<Fault>) {
    for (name, place) in section.given().iter().filter(|(name, _)| names.contains(*name)) {
        refuse(place, name, faults);
    }
}

fn refuse(place: &Place, name: &str, faults: &mut Vec<Fault>) {
    faults.push(Fault::new(place, format!("{name} is not supported")));
}
