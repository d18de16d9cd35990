//! What the broker keeps, and how safely; and `skeeter store`, which looks after it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::value;
use crate::broker::Durability;

#[derive(Args, Debug)]
#[command(next_help_heading = "Store")]
pub(crate) struct StoreArgs {
    /// Keeps sessions, their messages, retained messages and wills in this directory, through restarts and crashes.
    ///
    /// It is made if it is not there. Without it nothing is written to disk, and all ends with the process.
    #[arg(long, value_name = "DIR", env = "SKEETER_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// What may be lost in a crash: `acks`, `interval=TIME` or `none`.
    ///
    /// acks: nothing that was acknowledged, not even when the power fails; each acknowledgement waits until its record is
    /// on the disk. interval=100ms: what came within that time. none: anything; the files are written all the same.
    #[arg(long, value_name = "WHAT", value_parser = durability, default_value = "acks", requires = "data_dir")]
    pub(crate) durability: Durability,

    /// Makes each sync take so many milliseconds longer, so that benchmarks compare on any disk.
    #[arg(long, value_name = "MS", hide = true, default_value_t = 0)]
    pub(crate) sync_delay: u64,
}

const EXAMPLES: &str = "\
Examples:
  skeeter store check /var/lib/skeeter
  skeeter store export /var/lib/skeeter > backup.ndjson
  skeeter store export --messages /var/lib/skeeter | skeeter pub --json
  skeeter store import /var/lib/new < backup.ndjson

";

/// Checks, saves and restores what a broker has kept in a data directory.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct StoreCommandArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Tells whether all is sound, and what there is; changes nothing.
    ///
    /// Damaged is also a file in which commits are missing that had been synced, and so messages that were acknowledged.
    /// The status is 1 then.
    Check(DirectoryArgs),
    /// Writes what there is as lines of JSON.
    ///
    /// A message is a line that `skeeter pub --json` takes; "for" names the client, or the shared group, that it waits for.
    /// A session is a line of its own, with its subscriptions and its will. What is in flight becomes a message that
    /// waits.
    Export(ExportArgs),
    /// Reads such lines into a data directory, from stdin.
    ///
    /// A session that is there already is not touched, and told.
    Import(DirectoryArgs),
    /// Accepts that commits are missing, so that a broker starts again with what is left.
    ///
    /// A broker refuses to start if damage has taken back commits that had been synced. This command accepts that loss; save
    /// a copy of the file first if somebody may want to examine it. Nothing else is changed, and a file that is damaged in
    /// another way stays as it is.
    Repair(DirectoryArgs),
}

#[derive(Args, Debug)]
pub(crate) struct DirectoryArgs {
    /// The data directory of a broker that does not run, or the file of messages in it.
    #[arg(value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) directory: DirectoryArgs,

    /// Messages only: retained ones, and those that wait.
    #[arg(long)]
    pub(crate) messages: bool,
}

fn durability(text: &str) -> Result<Durability, String> {
    match text.split_once('=') {
        None if text == "acks" => Ok(Durability::Acks),
        None if text == "none" => Ok(Durability::None),
        Some(("interval", span)) => {
            let span = match span.strip_suffix("ms") {
                Some(number) => number.parse().map(Duration::from_millis).map_err(|_| NO_TIME.to_owned())?,
                None => value::seconds(span.trim_end_matches('s'))?,
            };
            if span.is_zero() || span > Duration::from_secs(60) {
                return Err("an interval is between 1ms and 60s".to_owned());
            }
            Ok(Durability::Interval(span))
        }
        _ => Err("expected acks, interval=TIME or none".to_owned()),
    }
}

const NO_TIME: &str = "expected a time such as 100ms or 2s";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::durability;
    use crate::broker::Durability;

    #[test]
    fn a_durability_is_one_of_three() {
        assert_eq!(durability("acks"), Ok(Durability::Acks));
        assert_eq!(durability("none"), Ok(Durability::None));
        for (text, millis) in [("interval=100ms", 100), ("interval=2s", 2_000), ("interval=0.5", 500)] {
            assert_eq!(durability(text), Ok(Durability::Interval(Duration::from_millis(millis))), "{text}");
        }
        for text in
            ["", "off", "interval", "interval=", "interval=0", "interval=0ms", "interval=2h", "acks=1"]
        {
            assert!(durability(text).is_err(), "{text}");
        }
    }
}
