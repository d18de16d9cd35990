//! Flags of `skeeter ctl`.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::connect::{ConnectArgs, ENVIRONMENT};
use super::value;

const EXAMPLES: &str = "\
Examples:
  skeeter ctl clients
  skeeter ctl client sensor-7
  skeeter ctl kick sensor-7
  skeeter ctl retained 'homeassistant/#'
  skeeter ctl delete-retained --dry-run 'old/#'
  skeeter ctl explain --user ann publish sensors/1
  skeeter ctl -h broker.example -u admin --ask-password --json clients | jq '.clients[].client_id'

";

/// Look into a running broker, and control it.
///
/// Requests are MQTT messages under $CONTROL/skeeter/v1/, and the permissions of a user are ACL rules on these topics. Without an
/// ACL, only clients that connect through a loopback address or a Unix domain socket are allowed. skeeter-control(7) describes
/// the requests and responses.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, after_help = ENVIRONMENT, version, disable_help_flag = true, disable_version_flag = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct ControlArgs {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: ControlCommand,

    /// Print the response as JSON.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,

    /// Time to wait for a response, in seconds.
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "10", value_parser = value::seconds, help_heading = "Options")]
    pub(crate) timeout: Duration,

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

#[derive(Debug, Subcommand)]
pub(crate) enum ControlCommand {
    /// Describe the broker: version, uptime, memory, totals.
    Broker,
    /// List the listeners with their URLs.
    Listeners,
    /// List clients, connected or not.
    Clients(ClientsArgs),
    /// Describe one client and its subscriptions.
    Client {
        /// Client ID.
        #[arg(value_name = "ID")]
        client_id: String,
    },
    /// Close the connection of a client; its session stays, and its will is published.
    Kick {
        /// Client ID.
        #[arg(value_name = "ID")]
        client_id: String,
        /// Reason code that MQTT 5 clients are sent, from 128 to 255 (default: 152, administrative action).
        #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u8).range(128..))]
        reason_code: Option<u8>,
    },
    /// End the session of a client, with its subscriptions and queued messages.
    EndSession {
        /// Client ID.
        #[arg(value_name = "ID")]
        client_id: String,
    },
    /// Remove a subscription of a client.
    Unsubscribe {
        /// Client ID.
        #[arg(value_name = "ID")]
        client_id: String,
        /// Topic filter, exactly as the client subscribed to it.
        #[arg(value_name = "FILTER")]
        topic_filter: String,
    },
    /// List retained messages.
    Retained {
        /// Topic filter; # does not match topics that begin with $.
        #[arg(value_name = "FILTER", default_value = "#")]
        topic_filter: String,
        /// Also print the payloads.
        #[arg(long)]
        payload: bool,
    },
    /// Delete retained messages.
    DeleteRetained {
        /// Topic filter.
        #[arg(value_name = "FILTER")]
        topic_filter: String,
        /// Print how many messages there are, and delete none.
        #[arg(long)]
        dry_run: bool,
    },
    /// Tell whether a user may publish to a topic, or read it, and which ACL rule decides.
    Explain(ExplainArgs),
    /// Send any request: the operation and its arguments as JSON.
    Call {
        /// Name of the operation; `call operations` lists all of them.
        #[arg(value_name = "OPERATION")]
        operation: String,
        /// Arguments as a JSON object.
        #[arg(value_name = "JSON", default_value = "{}")]
        arguments: String,
    },
}

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("state").args(["connected", "disconnected"])))]
pub(crate) struct ClientsArgs {
    /// Only clients whose client ID contains this text.
    #[arg(value_name = "TEXT")]
    pub(crate) contains: Option<String>,

    /// Only clients with this username.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// Only clients that are connected.
    #[arg(long)]
    pub(crate) connected: bool,

    /// Only sessions of clients that are not connected.
    #[arg(long)]
    pub(crate) disconnected: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Username (default: a client without a username).
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// Client ID, for rules with %c.
    #[arg(long, value_name = "ID", default_value = "")]
    pub(crate) id: String,

    /// Number of the listener that the client connects to, as `ctl listeners` prints it.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) listener: usize,

    /// What the user wants to do.
    #[arg(value_name = "ACTION", value_enum)]
    pub(crate) action: ExplainAction,

    /// Topic name.
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExplainAction {
    Publish,
    Subscribe,
}

impl ExplainAction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
        }
    }
}
