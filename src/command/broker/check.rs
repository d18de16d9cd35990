//! `--check-config` and `--test-config`: what is wrong with a configuration, and nothing else.

use std::path::Path;

use crate::cli::broker::CheckArgs;
use crate::command::exit;
use crate::config::fault::Fault;
use crate::config::{self, check};

/// Tells every fault on stderr; the status to exit with.
pub(super) fn run(path: &Path, args: &CheckArgs) -> u8 {
    let CheckArgs { check_config, test_config: _ } = *args;
    let (mut faults, warnings) = match config::load(path) {
        Ok(config) => (Vec::new(), Some(config)),
        Err(faults) => (faults, None),
    };
    if let Some(config) = warnings {
        config.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        if check_config {
            faults = super::unsupported::faults(&config);
            faults.extend(check::files(&config));
        }
    }
    tell(&faults);
    if !faults.is_empty() {
        return exit::CONFIGURATION.code;
    }
    println!("Configuration file is OK.");
    exit::SUCCESS.code
}

/// A line for each fault.
pub(super) fn tell(faults: &[Fault]) {
    faults.iter().for_each(|fault| eprintln!("error: {fault}"));
}
