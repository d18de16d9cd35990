//! `skeeter sub`: its flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::connect::ConnectArgs;
use super::value;

const EXAMPLES: &str = "\
Examples:
  skeeter sub -t 'sensors/#' -v                 topic and payload, a line each
  skeeter sub -t state -C 1 -W 5                one message, within five seconds
  skeeter sub mqtts://me@example.org/log        from a broker elsewhere, with TLS

";

/// Subscribes to topics and prints the messages that arrive.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct SubscribeArgs {
    /// Topic filter to subscribe to (repeatable); the URL may hold one more.
    #[arg(short, long = "topic", value_name = "FILTER")]
    pub(crate) topics: Vec<String>,

    /// Quality of service to ask for: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = value::qos)]
    pub(crate) qos: crate::message::QoS,

    /// Prints the topic before each payload.
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Prints no newline after each message.
    #[arg(short = 'N')]
    pub(crate) no_newline: bool,

    /// Ends after so many messages.
    #[arg(short = 'C', value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Ends after so many seconds, with exit status 27.
    #[arg(short = 'W', value_name = "SECONDS", value_parser = value::seconds)]
    pub(crate) timeout: Option<Duration>,

    /// Creates this file once the broker has granted the subscriptions.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) connect: ConnectArgs,

    /// Shows this help.
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Options")]
    help: Option<bool>,

    /// Shows the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}
