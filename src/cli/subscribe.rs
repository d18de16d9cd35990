//! `skeeter sub`: its flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::connect::ConnectArgs;
use super::print::PrintArgs;
use super::value;

const EXAMPLES: &str = "\
Examples:
  skeeter sub -t 'sensors/#' -v                 topic and payload, a line each
  skeeter sub -t state -C 1 -W 5                one message, within five seconds
  skeeter sub mqtts://me@example.org/log        from a broker elsewhere, with TLS
  skeeter sub -t door --until 'state == \"open\"'  until a field of its JSON says so
  skeeter sub -t jobs -q 1 --exec ./work        a command for each message

";

/// Subscribes to topics and prints the messages that arrive.
///
/// The conditions of --where and --until are written in CEL, the Common Expression Language. They know topic, qos and
/// retain; payload, read as JSON where it is JSON and as text otherwise; and the fields of a JSON object by their names.
/// A condition that does not apply to a message, such as one on a field it does not have, is not true.
///
/// The command of --exec finds the payload on its stdin and the rest in its environment: MQTT_TOPIC, MQTT_QOS, MQTT_RETAIN,
/// MQTT_MID, MQTT_CONTENT_TYPE, MQTT_RESPONSE_TOPIC, MQTT_CORRELATION_DATA (in hexadecimal digits),
/// MQTT_PAYLOAD_FORMAT_INDICATOR, MQTT_MESSAGE_EXPIRY_INTERVAL, MQTT_SUBSCRIPTION_IDENTIFIER and, for each user property,
/// MQTT_USER_PROPERTY_ with its name in capitals. A message above QoS 0 is acknowledged when its command has ended.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct SubscribeArgs {
    /// Topic filter to subscribe to (repeatable); the URL may hold one more.
    #[arg(short, long = "topic", value_name = "FILTER")]
    pub(crate) topics: Vec<String>,

    /// Quality of service to ask for: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = value::qos)]
    pub(crate) qos: crate::message::QoS,

    #[command(flatten)]
    pub(crate) print: PrintArgs,

    /// Prints one JSON object a line, which pub --json can read.
    #[arg(long, conflicts_with_all = ["format", "verbose", "no_newline"])]
    pub(crate) json: bool,

    /// Writes one JSON object a line to this file instead of printing, for pub --replay.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "verbose", "no_newline"])]
    pub(crate) record: Option<PathBuf>,

    /// Gives each topic a line of the screen, where its last message stands.
    #[arg(short, long, conflicts_with_all = ["json", "record"])]
    pub(crate) watch: bool,

    /// Runs this command in a shell for each message instead of printing it.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["format", "verbose", "no_newline", "json", "record", "watch", "message_rate"])]
    pub(crate) exec: Option<String>,

    /// So many commands of --exec run at once; with more than one their order is open.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "exec", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: u16,

    /// Prints the rate of messages each second instead of the messages.
    #[arg(long)]
    pub(crate) message_rate: bool,

    /// Shows rates below the messages, if stderr is a terminal.
    #[arg(long)]
    pub(crate) stats: bool,

    /// Leaves out messages for which this is not true, such as 'temperature > 30'; 68 if none was left at the end.
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) only_where: Option<String>,

    /// Ends after the message for which this is true; with exit status 68 if it never was at another end.
    #[arg(long, value_name = "CONDITION")]
    pub(crate) until: Option<String>,

    /// Ends after so many messages.
    #[arg(short = 'C', long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,

    /// Ends after so many seconds without a message, with exit status 66.
    #[arg(long, value_name = "SECONDS", value_parser = value::time_limit)]
    pub(crate) idle_timeout: Option<Duration>,

    /// Unsubscribes from this filter (repeatable), for a session that is resumed with -c.
    #[arg(short = 'U', long, value_name = "FILTER")]
    pub(crate) unsubscribe: Vec<String>,

    /// Leaves out messages whose topic matches this filter (repeatable).
    #[arg(short = 'T', long, value_name = "FILTER")]
    pub(crate) filter_out: Vec<String>,

    /// Prints retained messages only, and ends at the first that is not.
    #[arg(long, conflicts_with = "no_retained")]
    pub(crate) retained_only: bool,

    /// Clears the retained messages that arrive, by an empty retained message to each topic.
    #[arg(long)]
    pub(crate) remove_retained: bool,

    /// Only tells which retained messages --remove-retained would clear.
    #[arg(long, requires = "remove_retained")]
    pub(crate) dry_run: bool,

    /// Prints only this share of the messages, in percent, picked at random.
    #[arg(long, value_name = "PERCENT", value_parser = value::percent)]
    pub(crate) random_filter: Option<f64>,

    /// Ends once the subscriptions are granted.
    #[arg(short = 'E', long)]
    pub(crate) end_when_subscribed: bool,

    /// Creates this file once the broker has granted the subscriptions.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,

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
