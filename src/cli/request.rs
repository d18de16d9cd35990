//! `skeeter rr`: its flags.

use clap::{ArgGroup, Args};

use super::connect::ConnectArgs;
use super::payload::PayloadArgs;
use super::print::PrintArgs;

const EXAMPLES: &str = "\
Examples:
  skeeter rr -t lamp/get -e lamp/answer -n -W 5
  skeeter rr -t calc -e calc/me -m '1+1' -v

";

/// Publishes a request and prints the response.
///
/// The response is the first message to the response topic that arrives after the request was sent. Retained messages that
/// were there before do not count; in MQTT 5 the correlation data of the request, if it has any, must come back. When the
/// connection is lost, the request is sent again; at QoS 2 only if the broker cannot have it.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_help_flag = true, disable_version_flag = true)]
#[command(group(ArgGroup::new("what").required(true).args(["message", "file", "null_message", "stdin_file"])))]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    pub(crate) payload: PayloadArgs,

    /// Topic to wait for the response on; in MQTT 5 the request carries it as its response topic.
    #[arg(short = 'e', long, value_name = "TOPIC", required = true)]
    pub(crate) response_topic: String,

    #[command(flatten)]
    pub(crate) print: PrintArgs,

    /// Prints how long the response took.
    #[arg(long)]
    pub(crate) latency: bool,

    /// Tells each packet that is sent or received, on stderr.
    #[arg(short, long)]
    pub(crate) debug: bool,

    #[command(flatten)]
    pub(crate) connect: ConnectArgs,

    /// Shows this help.
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Options")]
    help: Option<bool>,

    /// Shows the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}
