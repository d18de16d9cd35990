//! The store flags of `skeeter broker`, and the flags of `skeeter store`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::value;
use crate::broker::Durability;

#[derive(Args, Debug)]
#[command(next_help_heading = "Store")]
pub(crate) struct StoreArgs {
    /// Keep sessions, queued messages, retained messages and wills in this directory, across restarts and crashes.
    ///
    /// The directory is created if it does not exist. Without it nothing is written to disk and all state is lost when the
    /// broker stops.
    #[arg(long, value_name = "DIR", env = "SKEETER_DATA_DIR", hide_env_values = true)]
    pub(crate) data_dir: Option<PathBuf>,

    /// What a crash or power failure may lose: acks, interval=TIME or none.
    ///
    /// acks: nothing that was acknowledged; each acknowledgement waits until its message is on disk. interval=TIME, such as
    /// interval=100ms: what arrived within that time. none: anything that had not reached the disk by then.
    #[arg(long, value_name = "MODE", value_parser = durability, default_value = "acks", requires = "data_dir")]
    pub(crate) durability: Durability,

    /// Make each sync take this many milliseconds longer, so that benchmarks of different disks are comparable.
    #[arg(long, value_name = "MS", hide = true, default_value_t = 0)]
    pub(crate) sync_delay: u64,
}

const EXAMPLES: &str = "\
Examples:
  skeeter store check /var/lib/skeeter
  skeeter store export /var/lib/skeeter > backup.ndjson
  skeeter store export --messages /var/lib/skeeter | skeeter pub --json
  skeeter store import /var/lib/new < backup.ndjson
  skeeter store import --mosquitto /var/lib/mosquitto/mosquitto.db /var/lib/skeeter
  skeeter store export --mosquitto mosquitto.db /var/lib/skeeter
  skeeter store dump /var/lib/mosquitto/mosquitto.db

";

/// Check, export, import or repair the data directory of a broker.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct StoreCommandArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Verify the store and summarize its contents; changes nothing.
    ///
    /// The exit status is 1 if the store is damaged. It also counts as damaged if synced commits, and with them acknowledged
    /// messages, are missing.
    Check(DirectoryArgs),
    /// Write sessions and messages to stdout, one JSON object per line.
    ///
    /// `skeeter pub --json` accepts the lines of messages. In a queued message, "for" is the client ID or the shared
    /// subscription it is queued for. Each session is a line with its subscriptions and its will. Messages in flight are
    /// exported as queued messages.
    Export(ExportArgs),
    /// Read the output of `skeeter store export`, or mosquitto's persistence file, into a data directory.
    ///
    /// Everything is imported, or nothing if there is an error. Sessions that already exist in the store are reported and left as
    /// they are.
    Import(ImportArgs),
    /// Print mosquitto's persistence file, as mosquitto_db_dump does.
    ///
    /// Without a flag, each entry is one line of text.
    Dump(DumpArgs),
    /// Accept the loss of commits, so that the broker starts again with what is left.
    ///
    /// A broker refuses to start if damage has undone synced commits. This command accepts the loss and changes nothing else;
    /// other kinds of damage are not repaired. Make a copy of the file first if you want to examine the damage.
    Repair(DirectoryArgs),
}

#[derive(Args, Debug)]
pub(crate) struct DirectoryArgs {
    /// Data directory of a broker that is not running, or the database file in it.
    #[arg(value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) directory: DirectoryArgs,

    /// Export only messages: retained and queued ones.
    #[arg(long, conflicts_with = "mosquitto")]
    pub(crate) messages: bool,

    /// Write a new persistence file of mosquitto instead of lines of JSON.
    ///
    /// mosquitto 2.0 and 2.1 start from it. What the file cannot hold is listed on stderr: shared subscriptions, wills, packet
    /// identifiers that wait for PUBREL, and a second session with the same client ID. An existing file is not overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) mosquitto: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) directory: DirectoryArgs,

    /// Import this persistence file of mosquitto (mosquitto.db, format versions 3 to 6).
    ///
    /// Retained messages, sessions, subscriptions, and queued and in-flight messages are imported; the file is not changed. A
    /// broker does the same when it starts for the first time with a data directory that contains a mosquitto.db.
    #[arg(long, value_name = "FILE")]
    pub(crate) mosquitto: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct DumpArgs {
    /// Persistence file of mosquitto (mosquitto.db, format versions 3 to 6); it is not changed.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Print JSON with the keys of mosquitto_db_dump 2.1; payloads are in base64.
    #[arg(long, conflicts_with_all = ["stats", "client_stats"])]
    json: bool,

    /// Print the number of entries of each type only.
    #[arg(long, conflicts_with = "client_stats")]
    stats: bool,

    /// Print the subscriptions and messages of each client, and their sizes in bytes, only.
    #[arg(long)]
    client_stats: bool,
}

impl DumpArgs {
    pub(crate) fn format(&self) -> DumpFormat {
        match (self.json, self.stats, self.client_stats) {
            (true, _, _) => DumpFormat::Json,
            (_, true, _) => DumpFormat::Counts,
            (_, _, true) => DumpFormat::Clients,
            (false, false, false) => DumpFormat::Text,
        }
    }
}

/// What `skeeter store dump` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DumpFormat {
    Text,
    Json,
    Counts,
    Clients,
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
    fn durability_is_acks_an_interval_or_none() {
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
