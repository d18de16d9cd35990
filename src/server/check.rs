//! `--check-config` and `--test-config`: what is wrong with a configuration, and nothing else.

use std::path::Path;

use super::permissions;
use super::settings::BrokerSettings;
use crate::cli::broker::{BrokerArgs, CheckArgs};
use crate::cli::exit;
use crate::config::fault::{ConfigError, FilePosition};
use crate::config::{self, Config, check};
use crate::net::listener::upgrade::LoadedListener;

/// Tells every fault on stderr; the status to exit with.
pub(super) fn run(path: &Path, args: &BrokerArgs) -> u8 {
    let CheckArgs { check_config, test_config: _ } = args.check;
    let faults = match config::load(path) {
        Ok(config) => {
            config.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            if check_config { of_files(&config, args) } else { Vec::new() }
        }
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    };
    faults.iter().for_each(|fault| eprintln!("error: {fault}"));
    if !faults.is_empty() {
        return exit::CONFIGURATION.code;
    }
    println!("Configuration file is OK.");
    exit::SUCCESS.code
}

/// What cannot be done, and what is wrong with the files that the configuration names: they are read as the broker would
/// read them.
fn of_files(config: &Config, args: &BrokerArgs) -> Vec<String> {
    let missing = check::files(config);
    if !missing.is_empty() {
        let unsupported = super::unsupported::errors(config);
        return unsupported.iter().chain(&missing).map(ToString::to_string).collect();
    }
    let settings = match BrokerSettings::defaults().with_file(Some(config)) {
        Ok(settings) => settings,
        Err(faults) => return faults.iter().map(ToString::to_string).collect(),
    };
    let mut faults = Vec::new();
    if let Err(fault) =
        permissions::load(&settings.permissions, &settings.bridge_permissions, &mut |warning| {
            eprintln!("warning: {warning}")
        })
    {
        faults.extend(fault.lines().map(str::to_owned));
    }
    for (bridge, section) in settings.bridge_plans().iter().zip(&config.bridges) {
        faults.extend(bridge.check().err().map(|fault| ConfigError::new(&section.place, fault).to_string()));
    }
    // Those of flags stand in no line, and take the place of all others.
    let places = if args.listeners.is_given() { Vec::new() } else { places(config) };
    for (number, listener) in settings.listeners.into_iter().enumerate() {
        let Err(fault) = LoadedListener::load(listener) else { continue };
        let place = places.get(number).copied().flatten();
        faults.push(place.map_or(fault.clone(), |place| ConfigError::new(place, fault).to_string()));
    }
    faults
}

/// Where each listener stands, in their order.
fn places(config: &Config) -> Vec<Option<&FilePosition>> {
    let default = config.has_default_listener().then(|| config.default_listener.given().values().min());
    default.into_iter().chain(config.listeners.iter().map(|listener| Some(&listener.place))).collect()
}
