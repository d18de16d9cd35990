//! Flags of `skeeter migrate`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  skeeter migrate /etc/mosquitto/mosquitto.conf            report what skeeter does with each line
  skeeter migrate /etc/mosquitto/mosquitto.conf --apply    and write skeeter.conf beside it

";

/// Report what becomes of a mosquitto configuration, line by line.
///
/// The file, the files that it includes, and the files that these name are read; nothing is changed. Each line is `same`, `differs`
/// or `refused`, with the reason; a problem in a password, ACL or certificate file is an `error`. The exit status is 0 if
/// skeeter starts with the configuration as it is, and 3 if anything is refused or an error. See skeeter-from-mosquitto(7).
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct MigrateArgs {
    /// Configuration file of mosquitto.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Print lines that differ or are refused only.
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Also write a configuration that skeeter starts with: the same lines, without those that are refused.
    ///
    /// A listener or bridge that works only by a refused line is left out as a whole. Nothing is written if it is not safe to
    /// leave a line out, as with a plugin that may decide who is allowed to do what.
    #[arg(long)]
    pub(crate) apply: bool,

    /// File that --apply writes; it must not exist (default: skeeter.conf beside FILE).
    #[arg(short, long, value_name = "FILE", requires = "apply")]
    pub(crate) output: Option<PathBuf>,
}
