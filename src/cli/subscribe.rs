//! Flags of `skeeter sub`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::connect::{ConnectArgs, ENVIRONMENT};
use super::print::PrintArgs;
use super::value;
use crate::codec::packet::Version;

const EXAMPLES: &str = "\
Examples:
  skeeter sub -t 'sensors/#' -v                 print topic and payload of each message
  skeeter sub -t state -C 1 -W 5                wait up to five seconds for one message
  skeeter sub mqtts://me@example.org/log        another broker, with TLS
  skeeter sub -t door --until 'state == \"open\"'  until a field of the JSON payload has this value
  skeeter sub -t jobs -q 1 --exec ./work        run a command for each message

";

/// Subscribe to topics and print the messages received.
///
/// The conditions of --where and --until are written in CEL, the Common Expression Language. Their variables are topic, qos,
/// retain, payload (parsed if it is JSON, text otherwise) and the fields of a JSON object. A condition that cannot be
/// evaluated for a message, for example because a field is missing, counts as false.
///
/// The command of --exec receives the payload on stdin and the rest in its environment: MQTT_TOPIC, MQTT_QOS, MQTT_RETAIN,
/// MQTT_MID, MQTT_CONTENT_TYPE, MQTT_RESPONSE_TOPIC, MQTT_CORRELATION_DATA (in hexadecimal), MQTT_PAYLOAD_FORMAT_INDICATOR,
/// MQTT_MESSAGE_EXPIRY_INTERVAL, MQTT_SUBSCRIPTION_IDENTIFIER and, for each user property, MQTT_USER_PROPERTY_ followed by
/// its name in upper case. Properties too large for an environment are left out; MQTT_OMITTED_PROPERTIES is their number. QoS
/// 1 and 2 messages are acknowledged when their command has exited.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, after_help = ENVIRONMENT, version, disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct SubscribeArgs {
    /// Topic filter to subscribe to (repeatable), in addition to one in the URL.
    #[arg(short, long = "topic", value_name = "FILTER", help_heading = "Subscription")]
    pub(crate) topics: Vec<String>,

    /// Maximum QoS: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value = "0", value_parser = value::qos, help_heading = "Subscription")]
    pub(crate) qos: crate::message::QoS,

    /// Topic filter to unsubscribe from in a session resumed with -c (repeatable).
    #[arg(short = 'U', long, value_name = "FILTER", help_heading = "Subscription")]
    pub(crate) unsubscribe: Vec<String>,

    /// Create this file once the broker has accepted the subscriptions.
    #[arg(long, value_name = "FILE", help_heading = "Subscription")]
    pub(crate) ready_file: Option<PathBuf>,

    /// Delete the retained messages received, by publishing an empty retained message to their topics.
    #[arg(long, help_heading = "Subscription")]
    pub(crate) remove_retained: bool,

    /// Only print which retained messages --remove-retained would delete.
    #[arg(long, requires = "remove_retained", help_heading = "Subscription")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) print: PrintArgs,

    /// Skip messages whose topic matches this filter (repeatable).
    #[arg(short = 'T', long, value_name = "FILTER", help_heading = "Message selection")]
    pub(crate) filter_out: Vec<String>,

    /// Print retained messages only, and exit at the first message that is not retained.
    #[arg(long, conflicts_with = "no_retained", help_heading = "Message selection")]
    pub(crate) retained_only: bool,

    /// Print only messages for which this condition is true, such as 'temperature > 30'.
    ///
    /// The exit status is 68 if no message satisfied the condition.
    #[arg(long = "where", value_name = "CONDITION", help_heading = "Message selection")]
    pub(crate) only_where: Option<String>,

    /// Print this percentage of the messages, chosen at random.
    #[arg(long, value_name = "PERCENT", value_parser = value::percent, help_heading = "Message selection")]
    pub(crate) random_filter: Option<f64>,

    /// Print each message as a JSON object on one line, which pub --json can read.
    #[arg(long, conflicts_with_all = ["format", "verbose", "no_newline"], help_heading = "Output")]
    pub(crate) json: bool,

    /// Write each message as a JSON object to this file instead of printing it; pub --replay can read it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "verbose", "no_newline"], help_heading = "Output")]
    pub(crate) record: Option<PathBuf>,

    /// Show one line per topic with its latest message, updated in place.
    #[arg(short, long, conflicts_with_all = ["json", "record"], help_heading = "Output")]
    pub(crate) watch: bool,

    /// Print the number of messages per second instead of the messages; -C is ignored.
    #[arg(long, help_heading = "Output")]
    pub(crate) message_rate: bool,

    /// Show message rates below the messages if stderr is a terminal.
    #[arg(long, help_heading = "Output")]
    pub(crate) stats: bool,

    /// Run this shell command for each message instead of printing it.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["format", "verbose", "no_newline", "json", "record", "watch", "message_rate"], help_heading = "Output")]
    pub(crate) exec: Option<String>,

    /// Number of --exec commands to run in parallel; with more than one they may finish in any order.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "exec", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Output")]
    pub(crate) jobs: u16,

    /// Exit after this many messages.
    #[arg(short = 'C', long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..), help_heading = "When to exit")]
    pub(crate) count: Option<u64>,

    /// Exit after the first message for which this condition is true.
    ///
    /// The exit status is 68 if sub ends before that.
    #[arg(long, value_name = "CONDITION", help_heading = "When to exit")]
    pub(crate) until: Option<String>,

    /// Exit after this many seconds without a message, with status 66.
    #[arg(long, value_name = "SECONDS", value_parser = value::time_limit, help_heading = "When to exit")]
    pub(crate) idle_timeout: Option<Duration>,

    /// Exit once the broker has accepted the subscriptions.
    #[arg(short = 'E', long, help_heading = "When to exit")]
    pub(crate) end_when_subscribed: bool,

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

impl SubscribeArgs {
    /// Why each flag is ignored that is, in a connection of this version.
    pub(crate) fn ignored(&self, version: Version) -> Vec<&'static str> {
        let mut lines = self.print.ignored(version);
        if self.message_rate && self.count.is_some() {
            lines.push("-C is ignored with --message-rate");
        }
        lines
    }
}
