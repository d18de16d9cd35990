//! The subcommands, one file or folder each: what is done about the flags.

mod broker;
pub(crate) mod exit;

use clap::Parser;

use crate::cli::{Cli, Command};

/// Runs the subcommand that the arguments ask for and returns the status to exit with.
pub fn run(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to stdout; that it is closed is no reason to fail.
            let _ = error.print();
            return if error.use_stderr() { exit::USAGE.code } else { exit::SUCCESS.code };
        }
    };
    match cli.command {
        Command::Broker(args) => broker::run(&args),
    }
}
