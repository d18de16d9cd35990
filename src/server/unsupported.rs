//! Options that this broker knows and cannot honour: each is refused by name rather than ignored.

use crate::config::fault::{ConfigError, FilePosition};
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
pub(super) fn errors(config: &Config) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    given(&config.global, GLOBAL, &mut errors);
    for bridge in &config.bridges {
        given(&bridge.options, BRIDGE, &mut errors);
    }
    errors
}

fn given<T: crate::config::Table>(section: &Section<T>, names: &[&str], errors: &mut Vec<ConfigError>) {
    for (name, place) in section.given().iter().filter(|(name, _)| names.contains(*name)) {
        refuse(place, name, errors);
    }
}

fn refuse(place: &FilePosition, name: &str, errors: &mut Vec<ConfigError>) {
    errors.push(ConfigError::new(place, format!("{name} is not supported")));
}
