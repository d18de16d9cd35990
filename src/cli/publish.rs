//! `skeeter pub`: its flags.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::connect::ConnectArgs;
use super::payload::PayloadArgs;
use super::value;

const EXAMPLES: &str = "\
Examples:
  skeeter pub -t greeting -m hello              to the broker on this machine
  skeeter pub -t state -m on -r -q 1            retained, and acknowledged before the end
  skeeter pub mqtts://me@example.org/log -f log.txt
  seq 1000000 | skeeter pub -t numbers -l       a message for each line
  skeeter sub --json -t '#' | skeeter pub --json -h other

";

/// Publishes messages.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_help_flag = true, disable_version_flag = true)]
#[command(group(ArgGroup::new("what").required(true).args(["message", "file", "null_message", "stdin_line", "stdin_file", "lines_with_topic", "json", "replay", "ping"])))]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(crate) payload: PayloadArgs,

    /// Publishes a message for each line of stdin.
    #[arg(short = 'l', long)]
    pub(crate) stdin_line: bool,

    /// Publishes a message for each line of stdin, which begins with its topic: TOPIC, a tab or a space, PAYLOAD.
    #[arg(long)]
    pub(crate) lines_with_topic: bool,

    /// The character between topic and payload with --lines-with-topic; a tab or a space by default.
    #[arg(long, value_name = "CHARACTER", requires = "lines_with_topic", value_parser = value::byte)]
    pub(crate) delimiter: Option<u8>,

    /// Publishes a message for each JSON object on stdin, one a line, as sub --json prints them.
    #[arg(long)]
    pub(crate) json: bool,

    /// Lines of stdin end with NUL instead of a newline.
    #[arg(short = '0', long = "null", conflicts_with_all = ["message", "file", "null_message", "stdin_file", "replay", "ping"])]
    pub(crate) nul: bool,

    /// Publishes what sub --record has written to this file, with its timing.
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,

    /// Replays so many times as fast as it was recorded.
    #[arg(long, value_name = "FACTOR", default_value = "1", requires = "replay", value_parser = value::factor)]
    pub(crate) speed: f64,

    /// Replays without its timing.
    #[arg(long, requires = "replay", conflicts_with = "speed")]
    pub(crate) as_fast_as_possible: bool,

    /// Begins the replay again at its end, for ever.
    #[arg(long = "loop", requires = "replay")]
    pub(crate) again: bool,

    /// Publishes nothing: only asks whether the broker answers, for health checks.
    #[arg(long)]
    pub(crate) ping: bool,

    /// Ends when the connection is lost; -l, --json and --replay otherwise reconnect and go on.
    ///
    /// A message that makes the broker close the connection three times in a row is then reported as refused, and the next
    /// one is sent. A single message of QoS 1 is sent up to three times before it is reported.
    #[arg(long, overrides_with = "retry")]
    pub(crate) no_retry: bool,

    /// Takes --no-retry back.
    #[arg(long, overrides_with = "no_retry")]
    retry: bool,

    /// Asks the broker to keep the message for later subscribers.
    #[arg(short, long)]
    pub(crate) retain: bool,

    /// Publishes the message so many times; not with -l.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) repeat: u64,

    /// Seconds between one message and the next with --repeat.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = value::seconds)]
    pub(crate) repeat_delay: std::time::Duration,

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
