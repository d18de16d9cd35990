//! `--check-config` and `--test-config`: what is wrong with a configuration, and nothing else.

use std::path::{Path, PathBuf};

use super::permissions::{self, OnFault};
use super::settings::BrokerSettings;
use crate::cli::broker::{BrokerArgs, CheckArgs};
use crate::cli::exit;
use crate::config::bridge::BridgeOptions;
use crate::config::fault::{ConfigError, FilePosition};
use crate::config::{self, Config, check};
use crate::net::listener::upgrade::LoadedListener;
use crate::net::listener::{ListenerTls, chain};

/// A configuration, and what is wrong with it and with the files that it names.
pub(crate) struct CheckedConfig {
    pub(crate) config: Config,
    /// By line.
    pub(crate) errors: Vec<ConfigError>,
    /// Errors in files that the configuration names.
    pub(crate) content_errors: Vec<String>,
    pub(crate) content_warnings: Vec<String>,
}

/// Reads a configuration and the files that it names as the broker would.
pub(crate) fn check_config(path: &Path) -> CheckedConfig {
    let mut checked = CheckedConfig::read(path);
    checked.read_files(places);
    checked
}

/// Tells every fault on stderr; the status to exit with.
pub(super) fn run(path: &Path, args: &BrokerArgs) -> u8 {
    let CheckArgs { check_config, test_config: _ } = args.check;
    let mut checked = CheckedConfig::read(path);
    if check_config {
        // Those of flags stand in no line, and take the place of all others.
        let no_places = |_: &Config| Vec::new();
        checked.read_files(if args.listeners.is_given() { no_places } else { places });
    }
    let CheckedConfig { config, errors, content_errors, content_warnings } = checked;
    let warnings = config.warnings.iter().map(ToString::to_string).chain(content_warnings);
    warnings.for_each(|warning| eprintln!("warning: {warning}"));
    let errors: Vec<_> = errors.iter().map(ToString::to_string).chain(content_errors).collect();
    errors.iter().for_each(|why| eprintln!("error: {why}"));
    if !errors.is_empty() {
        return exit::CONFIGURATION.code;
    }
    println!("Configuration file is OK.");
    exit::SUCCESS.code
}

impl CheckedConfig {
    fn read(path: &Path) -> Self {
        let (config, errors) = config::read(path);
        Self { config, errors, content_errors: Vec::new(), content_warnings: Vec::new() }
    }

    /// Reads the files that the configuration names, also if it has errors: whoever corrects them wants to know all. `places`
    /// tells where each listener stands.
    fn read_files(&mut self, places: fn(&Config) -> Vec<Option<FilePosition>>) {
        self.errors.extend(check::files(&self.config));
        self.errors.extend(check::written(&self.config));
        self.errors.sort_by(|one, other| one.place.cmp(&other.place));
        let told: Vec<_> = self.errors.iter().map(ToString::to_string).collect();
        let mut warnings = Vec::new();
        self.content_errors =
            of_files(&self.config, &places(&self.config), &told.join("\n"), &mut |warning| {
                warnings.push(warning.to_owned());
            });
        self.content_warnings = warnings;
    }
}

/// What cannot be done, and what is wrong with the files that the configuration names: they are read as the broker would
/// read them. Of those that have been told in `told`, with the lines that name them, it says nothing more.
fn of_files(
    config: &Config,
    places: &[Option<FilePosition>],
    told: &str,
    warn: &mut dyn FnMut(&str),
) -> Vec<String> {
    let settings = match BrokerSettings::defaults().with_file(Some(config)) {
        Ok(settings) => settings,
        Err(unsupported) => return unsupported.iter().map(ToString::to_string).collect(),
    };
    let mut faults = Vec::new();
    let is_told = |path: Option<&PathBuf>| path.is_some_and(|path| told.contains(&*path.to_string_lossy()));
    if let Err(fault) =
        permissions::load(&settings.permissions, &settings.bridge_permissions, OnFault::Reject, warn)
    {
        let of_files = settings.permissions.iter().chain(&settings.bridge_permissions);
        let is_missing = |line: &str| {
            let mut named = of_files.clone().flat_map(|source| [&source.password_file, &source.acl_file]);
            line.starts_with("cannot read") && named.any(|path| is_told(path.as_ref()))
        };
        faults.extend(fault.lines().filter(|line| !is_missing(line)).map(str::to_owned));
    }
    for (bridge, section) in settings.bridge_plans().iter().zip(&config.bridges) {
        let BridgeOptions { cafile, capath, certfile, keyfile, .. } = &section.options.values;
        let mut files = [cafile, capath, certfile, keyfile].into_iter();
        if !files.any(|file| is_told(file.as_ref())) {
            let fault = bridge.check().err().map(|fault| ConfigError::new(&section.place, fault).to_string());
            faults.extend(fault);
        }
    }
    for (number, listener) in settings.listeners.into_iter().enumerate() {
        let place = places.get(number).and_then(Option::as_ref);
        let at_place = |text: String| match place {
            Some(place) => ConfigError::new(place, text).to_string(),
            None => text,
        };
        let gap = listener.tls.as_ref().and_then(chain::gap);
        let is_missing = |fault: &str| {
            let mut files = listener.tls.iter().flat_map(ListenerTls::files);
            files.any(|file| is_told(Some(file)) && fault.contains(&*file.to_string_lossy()))
        };
        match LoadedListener::load(listener.clone()) {
            Ok(_) => gap.into_iter().for_each(|gap| warn(&at_place(gap))),
            Err(fault) if is_missing(&fault) => {}
            Err(fault) => faults.push(at_place(fault)),
        }
    }
    faults
}

/// Where each listener stands, in their order.
fn places(config: &Config) -> Vec<Option<FilePosition>> {
    let default =
        config.has_default_listener().then(|| config.default_listener.given().values().min().cloned());
    default.into_iter().chain(config.listeners.iter().map(|listener| Some(listener.place.clone()))).collect()
}
