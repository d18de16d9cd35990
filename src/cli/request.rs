//! Flags of `skeeter rr`.

use clap::{ArgGroup, Args};

use super::connect::{ConnectArgs, ENVIRONMENT};
use super::payload::PayloadArgs;
use super::print::PrintArgs;

const EXAMPLES: &str = "\
Examples:
  skeeter rr -t lamp/get -e lamp/answer -n -W 5
  skeeter rr -t calc -e calc/me -m '1+1' -v

";

/// Publish a request and print the response.
///
/// The response is the first message received on the response topic after the request was sent. Retained messages do not count;
/// with MQTT 5, a response must carry the correlation data of the request, if it has any. If the connection is lost, the
/// request is sent again; at QoS 2, only if the broker cannot have received it.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, after_help = ENVIRONMENT, version, disable_help_flag = true, disable_version_flag = true)]
#[command(group(ArgGroup::new("what").required(true).args(["message", "file", "null_message", "stdin_file"])))]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    pub(crate) payload: PayloadArgs,

    /// Topic to subscribe to for the response; with MQTT 5, also the Response Topic property of the request.
    #[arg(short = 'e', long, value_name = "TOPIC", required = true, help_heading = "Message")]
    pub(crate) response_topic: String,

    #[command(flatten)]
    pub(crate) print: PrintArgs,

    /// Print the time between request and response.
    #[arg(long, help_heading = "Output")]
    pub(crate) latency: bool,

    #[command(flatten)]
    pub(crate) connect: ConnectArgs,

    /// Print each packet sent or received to stderr.
    #[arg(short, long, help_heading = "Options")]
    pub(crate) debug: bool,

    /// Print help.
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Options")]
    help: Option<bool>,

    /// Print the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}
