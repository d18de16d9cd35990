//! `skeeter pub`: its flags.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::connect::ConnectArgs;
use super::value;

const EXAMPLES: &str = "\
Examples:
  skeeter pub -t greeting -m hello              to the broker on this machine
  skeeter pub -t state -m on -r -q 1            retained, and acknowledged before the end
  skeeter pub mqtts://me@example.org/log -f log.txt
  seq 1000000 | skeeter pub -t numbers -l       a message for each line

";

/// Publishes messages.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_help_flag = true, disable_version_flag = true)]
#[command(group(ArgGroup::new("what").required(true).args(["message", "file", "null_message", "stdin_line", "stdin_file"])))]
pub(crate) struct PublishArgs {
    /// Topic to publish to; the URL may hold it instead.
    #[arg(short, long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,

    /// Publishes this text.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<std::ffi::OsString>,

    /// Publishes the content of this file as one message.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Publishes a message without payload; with -r it clears the retained one.
    #[arg(short, long)]
    pub(crate) null_message: bool,

    /// Publishes a message for each line of stdin.
    #[arg(short = 'l', long)]
    pub(crate) stdin_line: bool,

    /// Publishes all of stdin as one message.
    #[arg(short, long)]
    pub(crate) stdin_file: bool,

    /// Quality of service: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = value::qos)]
    pub(crate) qos: crate::message::QoS,

    /// Asks the broker to keep the message for later subscribers.
    #[arg(short, long)]
    pub(crate) retain: bool,

    #[command(flatten)]
    pub(crate) connect: ConnectArgs,

    /// Shows this help.
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Options")]
    help: Option<bool>,

    /// Shows the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}
