//! `skeeter cert`: its flags.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  skeeter broker --tls auto --require-certificate   only clients with a certificate come in
  skeeter cert sensor-7                             one for the client sensor-7, and how to use it

";

/// Makes a client certificate with the authority of `skeeter broker --tls auto`.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_version_flag = true)]
pub(crate) struct CertArgs {
    /// The common name in the certificate; it is the user name where the broker takes it from there.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// The data directory of the broker; without it the authority is in skeeter/tls in $XDG_STATE_HOME or
    /// ~/.local/state.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Shows the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}
