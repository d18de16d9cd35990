//! Flags of `skeeter cert`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  skeeter broker --tls auto --require-certificate   accept only clients with a certificate
  skeeter cert sensor-7                             issue a certificate to the client sensor-7

";

/// Issue a client certificate, signed by the CA of `skeeter broker --tls auto`.
///
/// Prints the paths of the certificate and its private key, and a command that connects with them.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_version_flag = true)]
pub(crate) struct CertArgs {
    /// Common name of the certificate, which is the username with `skeeter broker --use-identity-as-username`.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// Data directory of the broker; by default the CA is in skeeter/tls in $XDG_STATE_HOME or ~/.local/state.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Print the version.
    #[arg(long, action = clap::ArgAction::Version)]
    version: Option<bool>,
}
