//! The subcommands, one file or directory each.

mod arguments;
#[cfg(unix)]
mod cert;
mod control;
#[cfg(test)]
#[path = "../../tests/unit/commands/generated.rs"]
mod generated;
mod json;
mod migrate;
mod order;
mod passwd;
mod publish;
mod record;
mod request;
#[cfg(unix)]
mod signal;
mod store;
mod subscribe;

use std::ffi::OsString;
use std::io::Write;

use clap::error::ErrorKind;
use clap::{ArgMatches, FromArgMatches};

use crate::bench;
use crate::cli::connect::{ConnectArgs, Dialect, ProtocolVersion};
use crate::cli::exit::{self, FAILURE};
use crate::cli::{self, Cli, Command};
use crate::server;
use crate::system;
use crate::text::Escaped;
use arguments::Arguments;

/// Runs the subcommand that the arguments ask for and returns the status to exit with.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    system::names::settle();
    let words: Vec<_> = arguments.into_iter().collect();
    if let Some(text) = summary(&words) {
        print!("{text}");
        return exit::SUCCESS.code;
    }
    let program = || arguments::program(&words);
    let Arguments { words, dialect, mut definition } = match Arguments::new(words.iter().cloned()) {
        Ok(arguments) => arguments,
        Err(failure) => {
            eprintln!("{}: {}", program(), failure.text);
            return failure.code;
        }
    };
    definition = definition.mut_subcommands(|command| match command.get_name() {
        "pub" | "sub" | "rr" | "ctl" => command.mut_args(with_any_value),
        _ => command,
    });
    let command = words.get(1).cloned();
    let parsed = definition
        .try_get_matches_from(words)
        .and_then(|matches| Cli::from_arg_matches(&matches).map(|cli| (cli, matches)));
    let (cli, mut matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            complain(&program(), &error, dialect);
            return status_of(&error, dialect, command.as_deref());
        }
    };
    // clap requires a subcommand.
    let matches = matches.remove_subcommand().map(|(_, matches)| matches).unwrap_or_default();
    run_command(cli.command, &matches, dialect)
}

fn run_command(command: Command, matches: &ArgMatches, dialect: Dialect) -> u8 {
    let with = |connect: &mut ConnectArgs| {
        connect.dialect = dialect;
        order::settle(matches, connect);
    };
    match command {
        Command::Bench(mut args) => {
            with(&mut args.connect);
            bench::run(&args)
        }
        Command::Broker(mut args) => {
            args.dialect = dialect;
            server::run(&args)
        }
        Command::Passwd(mut args) => {
            args.dialect = dialect;
            passwd::run(&args)
        }
        Command::Cert(args) => cert::run(&args),
        Command::Ctl(mut args) => {
            with(&mut args.connect);
            control::run(&args)
        }
        Command::Migrate(args) => migrate::run(&args),
        Command::Pub(mut args) => {
            with(&mut args.connect);
            order::settle_topic(matches, &args.connect, &mut args.payload);
            publish::run(&args)
        }
        Command::Sub(mut args) => {
            with(&mut args.connect);
            subscribe::run(&args)
        }
        Command::Rr(mut args) => {
            with(&mut args.connect);
            order::settle_topic(matches, &args.connect, &mut args.payload);
            if dialect == Dialect::Mosquitto {
                // mosquitto_rr, unlike the others, uses MQTT 5 by default.
                args.connect.protocol_version.get_or_insert(ProtocolVersion::V5);
            }
            request::run(&args)
        }
        #[cfg(unix)]
        Command::Signal(mut args) => {
            args.dialect = dialect;
            signal::run(&args)
        }
        Command::Store(args) => store::run(&args, dialect),
    }
}

/// The status to exit with when there is nothing to run: flags that are wrong, help or the version.
fn status_of(error: &clap::Error, dialect: Dialect, command: Option<&std::ffi::OsStr>) -> u8 {
    match (dialect, error.use_stderr()) {
        // mosquitto's programs exit with these statuses after help and version too.
        (Dialect::Mosquitto, _) if command.is_some_and(|command| command == "broker") => {
            exit::CONFIGURATION.code
        }
        (Dialect::Mosquitto, _) => FAILURE.code,
        (Dialect::Skeeter, true) => exit::USAGE.code,
        (Dialect::Skeeter, false) => exit::SUCCESS.code,
    }
}

/// The help of `skeeter pub -h`, where nothing follows that could be a host.
fn summary(words: &[OsString]) -> Option<String> {
    let [_, name, flag] = words else { return None };
    let name = name.to_str().filter(|_| flag == "-h")?;
    cli::summary::of(Cli::definition(Some(name)).find_subcommand(name)?)
}

/// Values such as passwords, topics and payloads may start with a hyphen, as in mosquitto's clients.
fn with_any_value(arg: clap::Arg) -> clap::Arg {
    let takes_any = arg.get_action().takes_values() && !arg.is_positional();
    arg.allow_hyphen_values(takes_any)
}

/// Tells what is wrong with the flags, in one line, or the help.
fn complain(program: &str, error: &clap::Error, dialect: Dialect) {
    let text = error.render().to_string();
    if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return eprintln!("{program}: {}; see {program} --help", Escaped(&one_line(&text)));
    }
    if dialect == Dialect::Mosquitto {
        // That stdout is closed is no reason to fail.
        let _ = std::io::stdout().write_all(dialect.with_names(&text).as_bytes());
    } else {
        let _ = error.print();
    }
}

/// An error of clap without its label, the usage and the advice to ask for help; what it suggests follows a semicolon.
fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|mark| text.find(mark)).min();
    let mut line = String::new();
    for part in text[..end.unwrap_or(text.len())].lines().map(str::trim).filter(|part| !part.is_empty()) {
        match part.strip_prefix("tip: ") {
            Some(tip) => line += &format!("; {tip}"),
            None if line.is_empty() => line += part,
            None => line += &format!(" {part}"),
        }
    }
    line
}
