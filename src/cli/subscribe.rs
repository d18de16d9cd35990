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

    /// Output format, as in mosquitto_sub: %t topic, %p payload, %j JSON and more; see the man page.
    #[arg(short = 'F', value_name = "FORMAT", allow_hyphen_values = true)]
    pub(crate) format: Option<String>,

    /// Lays out the JSON of %j and %J for people.
    #[arg(long)]
    pub(crate) pretty: bool,

    /// Prints one JSON object a line, which pub --json can read.
    #[arg(long, conflicts_with_all = ["format", "verbose", "no_newline"])]
    pub(crate) json: bool,

    /// Writes one JSON object a line to this file instead of printing, for pub --replay.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "verbose", "no_newline"])]
    pub(crate) record: Option<PathBuf>,

    /// Prints the rate of messages each second instead of the messages.
    #[arg(long)]
    pub(crate) message_rate: bool,

    /// Prints no newline after each message.
    #[arg(short = 'N')]
    pub(crate) no_newline: bool,

    /// Ends after so many messages.
    #[arg(short = 'C', value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Ends after so many seconds, with exit status 27.
    #[arg(short = 'W', value_name = "SECONDS", value_parser = value::seconds)]
    pub(crate) timeout: Option<Duration>,

    /// Unsubscribes from this filter (repeatable), for a session that is resumed with -c.
    #[arg(short = 'U', long, value_name = "FILTER")]
    pub(crate) unsubscribe: Vec<String>,

    /// Leaves out messages whose topic matches this filter (repeatable).
    #[arg(short = 'T', long, value_name = "FILTER")]
    pub(crate) filter_out: Vec<String>,

    /// Leaves out retained messages.
    #[arg(short = 'R', conflicts_with = "retained_only")]
    pub(crate) no_retained: bool,

    /// Prints retained messages only, and ends at the first that is not.
    #[arg(long)]
    pub(crate) retained_only: bool,

    /// Clears the retained messages that arrive, by an empty retained message to each topic.
    #[arg(long)]
    pub(crate) remove_retained: bool,

    /// Only tells which retained messages --remove-retained would clear.
    #[arg(long, requires = "remove_retained")]
    pub(crate) dry_run: bool,

    /// Asks for the retain flag as it was published. MQTT 5.
    #[arg(long)]
    pub(crate) retain_as_published: bool,

    /// When retained messages are sent on subscribing. MQTT 5.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = RetainHandlingArg::Always)]
    pub(crate) retain_handling: RetainHandlingArg,

    /// Prints only this share of the messages, in percent, picked at random.
    #[arg(long, value_name = "PERCENT", value_parser = value::percent)]
    pub(crate) random_filter: Option<f64>,

    /// Ends once the subscriptions are granted.
    #[arg(short = 'E')]
    pub(crate) end_when_subscribed: bool,

    /// Ends after so many seconds without a message, with exit status 66.
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds)]
    pub(crate) idle_timeout: Option<Duration>,

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

/// Which retained messages a subscription asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RetainHandlingArg {
    /// All that match.
    Always,
    /// Those that match if the subscription is new.
    New,
    /// None.
    Never,
}
