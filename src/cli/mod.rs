//! The flags of every subcommand, as types. Help, completions and man pages are generated from them.
//!
//! This module only parses and checks values; [`crate::commands`] acts on them.

pub(crate) mod bench;
pub(crate) mod broker;
pub(crate) mod cert;
pub(crate) mod connect;
pub(crate) mod control;
pub(crate) mod exit;
pub(crate) mod limits;
pub(crate) mod listener;
pub(crate) mod migrate;
pub(crate) mod passwd;
pub(crate) mod payload;
pub(crate) mod print;
pub(crate) mod property;
pub(crate) mod publish;
pub(crate) mod request;
#[cfg(unix)]
pub(crate) mod signal;
pub(crate) mod store;
pub(crate) mod subscribe;
pub(crate) mod summary;
pub(crate) mod transport;
pub(crate) mod value;

use clap::{Args, CommandFactory, Parser};

/// An MQTT toolkit in one binary.
#[derive(Debug, Parser)]
#[command(name = "skeeter", version, about, max_term_width = 100, args_override_self = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Bench(Box<bench::BenchArgs>),
    Broker(Box<broker::BrokerArgs>),
    Cert(cert::CertArgs),
    Ctl(Box<control::ControlArgs>),
    Migrate(migrate::MigrateArgs),
    Passwd(passwd::PasswdArgs),
    Pub(publish::PublishArgs),
    Sub(subscribe::SubscribeArgs),
    Rr(request::RequestArgs),
    #[cfg(unix)]
    Signal(signal::SignalArgs),
    Store(store::StoreCommandArgs),
}

impl Cli {
    /// The definition of `pub`, `sub` or `rr` alone if that is the subcommand, and of all subcommands otherwise. Building the
    /// flags of all subcommands takes longer than publishing a message.
    pub(crate) fn definition(name: Option<&str>) -> clap::Command {
        let (name, augment): (_, fn(clap::Command) -> clap::Command) = match name {
            Some("pub") => ("pub", publish::PublishArgs::augment_args),
            Some("sub") => ("sub", subscribe::SubscribeArgs::augment_args),
            Some("rr") => ("rr", request::RequestArgs::augment_args),
            _ => return Self::command(),
        };
        // The settings of `Cli` that affect a subcommand.
        let all = clap::Command::new("skeeter")
            .max_term_width(100)
            .args_override_self(true)
            .subcommand_required(true);
        all.subcommand(augment(clap::Command::new(name)))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn a_single_subcommand_has_the_same_help_as_among_all() {
        for name in ["pub", "sub", "rr"] {
            let help = |mut all: clap::Command| {
                all.build();
                all.find_subcommand_mut(name).unwrap().render_long_help().to_string()
            };
            assert_eq!(help(Cli::definition(Some(name))), help(Cli::command()), "{name}");
        }
    }
}
