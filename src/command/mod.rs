//! The subcommands, one file or folder each: what is done about the flags.

mod broker;
mod connection;
pub(crate) mod exit;
#[cfg(test)]
mod generated;
mod json;
mod publish;
mod record;
mod subscribe;

use std::future::Future;

use clap::Parser;

use crate::cli::{Cli, Command, property};
use exit::{FAILURE, Failure, Status};

/// Runs the subcommand that the arguments ask for and returns the status to exit with.
pub fn run(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let cli = match Cli::try_parse_from(property::join(arguments)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to stdout; that it is closed is no reason to fail.
            let _ = error.print();
            return if error.use_stderr() { exit::USAGE.code } else { exit::SUCCESS.code };
        }
    };
    match cli.command {
        Command::Broker(args) => broker::run(&args),
        Command::Pub(args) => publish::run(&args),
        Command::Sub(args) => subscribe::run(&args),
    }
}

/// Runs a client subcommand on one thread.
fn block_on(future: impl Future<Output = Result<Status, Failure>>) -> Result<Status, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(FAILURE, format!("cannot wait for events: {error}")))?;
    let result = runtime.block_on(future);
    // A look-up or a read of stdin may still be blocked: nobody waits for it any more.
    runtime.shutdown_background();
    result
}
