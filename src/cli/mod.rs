//! Every flag of every subcommand, as types: the one definition that help, completions and man pages come from.
//!
//! No behaviour: what a value means is checked here, what is done about it is in [`crate::command`].

pub(crate) mod bench;
pub(crate) mod broker;
pub(crate) mod cert;
pub(crate) mod connect;
pub(crate) mod door;
pub(crate) mod passwd;
pub(crate) mod property;
pub(crate) mod publish;
pub(crate) mod request;
pub(crate) mod store;
pub(crate) mod subscribe;
pub(crate) mod transport;
pub(crate) mod value;

use clap::Parser;

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
    Passwd(passwd::PasswdArgs),
    Pub(publish::PublishArgs),
    Sub(subscribe::SubscribeArgs),
    Rr(request::RequestArgs),
    Store(store::StoreCommandArgs),
}
