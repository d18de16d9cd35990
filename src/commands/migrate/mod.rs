//! `skeeter migrate`: what becomes of a mosquitto configuration, and a configuration for skeeter.

mod apply;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::cli::exit::{self, CONFIGURATION, Failure};
use crate::cli::migrate::MigrateArgs;
use crate::config::fault::ConfigError;
use crate::config::{Config, ConfigLine, difference};
use crate::mosquitto_db::MosquittoDb;
use crate::server::{CheckedConfig, check_config};
use crate::text::os_error;

/// What becomes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    Differs(String),
    Refused(String),
}

impl Verdict {
    fn of(line: &ConfigLine, checked: &CheckedConfig) -> Self {
        let here = |all: &[ConfigError]| -> Vec<String> {
            let here = all.iter().filter(|error| error.place == line.place);
            here.map(|error| match &error.hint {
                Some(hint) => format!("{}; {hint}", error.what),
                None => error.what.clone(),
            })
            .collect()
        };
        let refused = here(&checked.errors);
        if !refused.is_empty() {
            return Self::Refused(refused.join("; "));
        }
        let mut differences = here(&checked.config.warnings);
        differences.extend(difference(&line.name).map(str::to_owned));
        if differences.is_empty() { Self::Same } else { Self::Differs(differences.join("; ")) }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("same"),
            Self::Differs(why) => write!(f, "differs: {why}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

/// Runs the subcommand; the status to exit with.
pub(super) fn run(args: &MigrateArgs) -> u8 {
    match migrate(args) {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("skeeter migrate: {}", failure.text);
            failure.code
        }
    }
}

fn migrate(args: &MigrateArgs) -> Result<u8, Failure> {
    let checked = check_config(&args.file);
    let verdicts: Vec<Verdict> =
        checked.config.lines.iter().map(|line| Verdict::of(line, &checked)).collect();
    for (line, verdict) in checked.config.lines.iter().zip(&verdicts) {
        if !args.quiet || *verdict != Verdict::Same {
            println!("{}: {}: {verdict}", line.place, line.shown());
        }
    }
    let lines = &checked.config.lines;
    // Those of a file that cannot be read, for example, belong to no line.
    let elsewhere = checked.errors.iter().filter(|error| lines.iter().all(|line| line.place != error.place));
    let errors: Vec<String> =
        elsewhere.map(ToString::to_string).chain(checked.content_errors.iter().cloned()).collect();
    errors.iter().for_each(|error| println!("error: {}", os_error(&error)));
    checked.content_warnings.iter().for_each(|warning| println!("warning: {warning}"));
    if let Some(path) = mosquitto_file(&checked.config) {
        println!("{}", state(&path));
    }
    let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
    let refused = count(|verdict| matches!(verdict, Verdict::Refused(_)));
    println!(
        "{} lines: {} same, {} differ, {refused} refused; {} errors in other files",
        verdicts.len(),
        count(|verdict| *verdict == Verdict::Same),
        count(|verdict| matches!(verdict, Verdict::Differs(_))),
        errors.len()
    );
    println!("what differs without a line of its own is in skeeter-from-mosquitto(7)");
    if args.apply {
        let output = match &args.output {
            Some(path) => path.clone(),
            None => args.file.with_file_name("skeeter.conf"),
        };
        apply::write(&args.file, &output, lines, &verdicts)?;
        println!("wrote {}; check it with: skeeter broker -c {0} --check-config", output.display());
    }
    Ok(if refused == 0 && errors.is_empty() { exit::SUCCESS.code } else { CONFIGURATION.code })
}

/// The persistence file of mosquitto that the first start imports, if there is one.
fn mosquitto_file(config: &Config) -> Option<PathBuf> {
    let persistence = &config.persistence.values;
    let directory = persistence.location.as_deref().unwrap_or(Path::new("."));
    let file = directory.join(persistence.file.as_deref().unwrap_or("mosquitto.db"));
    Some(file).filter(|file| persistence.enabled && file.is_file())
}

/// What the first start does with a persistence file.
fn state(path: &Path) -> String {
    let shown = path.display();
    let read = std::fs::read(path).map_err(|error| error.to_string());
    match read.and_then(|bytes| MosquittoDb::read(&bytes).map_err(|fault| fault.to_string())) {
        Ok(db) => format!(
            "{shown}: the first start imports {} retained messages, {} sessions, {} subscriptions and {} queued messages",
            db.retained.len(),
            db.clients.len(),
            db.subscriptions.len(),
            db.deliveries.len()
        ),
        Err(why) => format!("warning: {shown} cannot be imported: {why}"),
    }
}
