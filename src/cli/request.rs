//! `skeeter rr`: its flags.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args};

use super::connect::ConnectArgs;
use super::value;

const EXAMPLES: &str = "\
Examples:
  skeeter rr -t lamp/get -e lamp/answer -n -W 5
  skeeter rr -t calc -e calc/me -m '1+1' -v

";

/// Publishes a request and prints the response.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_help_flag = true, disable_version_flag = true)]
#[command(group(ArgGroup::new("what").required(true).args(["message", "file", "null_message", "stdin_file"])))]
pub(crate) struct RequestArgs {
    /// Topic to publish the request to; the URL may hold it instead.
    #[arg(short, long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,

    /// Topic to wait for the response on; in MQTT 5 the request carries it as its response topic.
    #[arg(short = 'e', value_name = "TOPIC", required = true)]
    pub(crate) response_topic: String,

    /// The request is this text.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) message: Option<OsString>,

    /// The request is the content of this file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// The request has no payload.
    #[arg(short, long)]
    pub(crate) null_message: bool,

    /// The request is all of stdin.
    #[arg(short, long)]
    pub(crate) stdin_file: bool,

    /// Quality of service of both: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = value::qos)]
    pub(crate) qos: crate::message::QoS,

    /// Prints the topic before the payload.
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Output format, as in skeeter sub.
    #[arg(short = 'F', value_name = "FORMAT", allow_hyphen_values = true)]
    pub(crate) format: Option<String>,

    /// Lays out the JSON of %j and %J for people.
    #[arg(long)]
    pub(crate) pretty: bool,

    /// Prints no newline after the response.
    #[arg(short = 'N')]
    pub(crate) no_newline: bool,

    /// Leaves out retained messages.
    #[arg(short = 'R')]
    pub(crate) no_retained: bool,

    /// Prints how long the response took.
    #[arg(long)]
    pub(crate) latency: bool,

    /// Ends after so many seconds, with exit status 27.
    #[arg(short = 'W', value_name = "SECONDS", value_parser = value::seconds)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) connect: ConnectArgs,

    /// Shows this help.
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Options")]
    help: Option<bool>,

    /// Shows the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}
