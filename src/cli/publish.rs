//! Flags of `skeeter pub`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::connect::{ConnectArgs, ENVIRONMENT};
use super::payload::PayloadArgs;
use super::value;

const EXAMPLES: &str = "\
Examples:
  skeeter pub -t greeting -m hello              publish to the broker on this machine
  skeeter pub -t state -m on -r -q 1            retained; exits once it is acknowledged
  skeeter pub mqtts://me@example.org/log -f log.txt
  seq 1000000 | skeeter pub -t numbers -l       one message per line
  skeeter sub --json -t '#' | skeeter pub --json -h other

";

/// Publish messages.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, after_help = ENVIRONMENT, version, disable_help_flag = true, disable_version_flag = true)]
#[command(group(ArgGroup::new("what").required(true).args(["message", "file", "null_message", "stdin_line", "stdin_file", "lines_with_topic", "json", "replay", "ping"])))]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(crate) payload: PayloadArgs,

    /// Retain the message.
    #[arg(short, long, help_heading = "Message")]
    pub(crate) retain: bool,

    /// Publish the message this many times; ignored with -l, --lines-with-topic, --json and --replay.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Message")]
    pub(crate) repeat: u64,

    /// Pause between the repetitions of --repeat in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = value::seconds, help_heading = "Message")]
    pub(crate) repeat_delay: std::time::Duration,

    /// Publish each line of stdin as a message.
    #[arg(short = 'l', long, help_heading = "Streams of messages")]
    pub(crate) stdin_line: bool,

    /// Publish each line of stdin as a message that starts with its topic: TOPIC, a tab or space, PAYLOAD.
    #[arg(long, help_heading = "Streams of messages")]
    pub(crate) lines_with_topic: bool,

    /// Character between topic and payload with --lines-with-topic (default: a tab or a space).
    #[arg(long, value_name = "CHARACTER", requires = "lines_with_topic", value_parser = value::byte, help_heading = "Streams of messages")]
    pub(crate) delimiter: Option<u8>,

    /// Publish each line of stdin as a message in JSON, as printed by sub --json.
    #[arg(long, help_heading = "Streams of messages")]
    pub(crate) json: bool,

    /// Lines of stdin end with NUL instead of newline.
    #[arg(short = '0', long = "null", conflicts_with_all = ["message", "file", "null_message", "stdin_file", "replay", "ping"], help_heading = "Streams of messages")]
    pub(crate) nul: bool,

    /// Replay a file recorded by sub --record, with the original timing.
    #[arg(long, value_name = "FILE", help_heading = "Streams of messages")]
    pub(crate) replay: Option<PathBuf>,

    /// Replay this many times as fast.
    #[arg(long, value_name = "FACTOR", default_value = "1", requires = "replay", value_parser = value::factor, help_heading = "Streams of messages")]
    pub(crate) speed: f64,

    /// Replay without the original timing.
    #[arg(long, requires = "replay", conflicts_with = "speed", help_heading = "Streams of messages")]
    pub(crate) as_fast_as_possible: bool,

    /// Replay in an endless loop.
    #[arg(long = "loop", requires = "replay", help_heading = "Streams of messages")]
    pub(crate) again: bool,

    /// Publish nothing and check that the broker accepts a connection and answers, as a health check.
    #[arg(long, help_heading = "Message")]
    pub(crate) ping: bool,

    #[command(flatten)]
    pub(crate) connect: ConnectArgs,

    /// Exit when the connection is lost, instead of reconnecting as -l, --json and --replay do by default.
    ///
    /// When reconnecting, a message after which the broker closes the connection three times in a row is reported as refused
    /// and skipped. A single QoS 1 message is sent up to three times before it is reported.
    #[arg(long, overrides_with = "retry", help_heading = "Connection")]
    pub(crate) no_retry: bool,

    /// Undo an earlier --no-retry.
    #[arg(long, overrides_with = "no_retry", help_heading = "Connection")]
    retry: bool,

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

impl PublishArgs {
    /// Why each flag is ignored that is.
    pub(crate) fn ignored(&self) -> Vec<&'static str> {
        let is_stream = self.stdin_line || self.lines_with_topic || self.json || self.replay.is_some();
        let mut lines = Vec::new();
        if is_stream && self.repeat > 1 {
            lines.push("--repeat is ignored with more than one message");
        } else if self.repeat == 1 && !self.repeat_delay.is_zero() {
            lines.push("--repeat-delay is ignored without --repeat");
        }
        lines
    }
}
