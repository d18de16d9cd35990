//! The subcommands, one file or folder each: what is done about the flags.

mod arguments;
#[cfg(unix)]
mod authority;
mod bench;
mod broker;
#[cfg(unix)]
mod cert;
mod connection;
pub(crate) mod exit;
mod files;
#[cfg(test)]
mod generated;
mod json;
mod passwd;
mod publish;
mod record;
mod request;
mod store;
mod subscribe;
mod target;

use std::future::Future;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches};

use crate::cli::connect::{ConnectArgs, Dialect};
use crate::cli::{Cli, Command};
use arguments::Arguments;
use exit::{FAILURE, Failure};

/// Runs the subcommand that the arguments ask for and returns the status to exit with.
pub fn run(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let Arguments { words, dialect } = match Arguments::new(arguments) {
        Ok(arguments) => arguments,
        Err(failure) => {
            eprintln!("skeeter: {}", failure.text);
            return failure.code;
        }
    };
    let mut command = Cli::command();
    if dialect == Dialect::Mosquitto {
        // Under its names only what it reads itself is read from the environment.
        command = command.mut_subcommands(|command| command.mut_args(|arg| arg.env(Resettable::Reset)));
    }
    let parsed = command.try_get_matches_from(words).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to stdout; that it is closed is no reason to fail.
            let _ = error.print();
            return match (dialect, error.use_stderr()) {
                // There also help and version end so.
                (Dialect::Mosquitto, _) => FAILURE.code,
                (Dialect::Skeeter, true) => exit::USAGE.code,
                (Dialect::Skeeter, false) => exit::SUCCESS.code,
            };
        }
    };
    let with = |connect: &mut ConnectArgs| connect.dialect = dialect;
    match cli.command {
        Command::Bench(mut args) => {
            with(&mut args.connect);
            bench::run(&args)
        }
        Command::Broker(args) => broker::run(&args),
        Command::Passwd(mut args) => {
            args.dialect = dialect;
            passwd::run(&args)
        }
        Command::Cert(args) => cert::run(&args),
        Command::Pub(mut args) => {
            with(&mut args.connect);
            publish::run(&args)
        }
        Command::Sub(mut args) => {
            with(&mut args.connect);
            subscribe::run(&args)
        }
        Command::Rr(mut args) => {
            with(&mut args.connect);
            request::run(&args)
        }
        Command::Store(args) => store::run(&args),
    }
}

/// Runs a client subcommand on one thread.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(FAILURE, format!("cannot wait for events: {error}")))?;
    let result = runtime.block_on(future);
    // A look-up or a read of stdin may still be blocked: nobody waits for it any more.
    runtime.shutdown_background();
    result
}
