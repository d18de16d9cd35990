//! `skeeter broker`: its flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::door::DoorArgs;
use super::store::StoreArgs;
use super::value;

const EXAMPLES: &str = "\
Examples:
  skeeter broker                                 port 1883, this machine only
  skeeter broker --bind 0.0.0.0 --user me:secret open to the network, with a password
  skeeter broker -p 0 --ports-file ports.json    a free port, told in a file
  skeeter broker --data-dir /var/lib/skeeter     sessions and messages survive a crash
  skeeter broker --tls auto --ws --wss           TLS and WebSocket as well, with certificates made once
  skeeter broker --exec 'pytest'                 a broker for one command, gone after it
  skeeter broker -c mosquitto.conf --check-config  every fault of a configuration, with its line

";

/// Runs an MQTT broker for 3.1, 3.1.1 and 5.0.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_version_flag = true)]
pub(crate) struct BrokerArgs {
    /// The configuration, in mosquitto's language: see skeeter.conf(5).
    ///
    /// Flags go over what it says. Where it names a listener, -p is not asked.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) check: CheckArgs,

    #[command(flatten)]
    pub(crate) doors: DoorArgs,

    /// Lets this user in, and no longer those without a name (repeatable).
    ///
    /// The environment variable takes one NAME:PASSWORD a line. It is better there, as others on this machine can
    /// see a command line.
    #[arg(long = "user", value_name = "NAME:PASSWORD", env = "SKEETER_USERS", hide_env_values = true)]
    users: Vec<Users>,

    #[command(flatten)]
    pub(crate) rights: RightsArgs,

    #[command(flatten)]
    pub(crate) store: StoreArgs,

    /// Writes process id and listeners to this file as JSON, once they are ready.
    #[arg(long, value_name = "FILE")]
    pub(crate) ports_file: Option<PathBuf>,

    /// Runs a shell command with MQTT_HOST, MQTT_PORT and MQTT_URL set, stops with it and exits with its status.
    ///
    /// The broker then takes a free port unless -p says otherwise.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) exec: Option<String>,

    /// Goes on in the background, without stdin, stdout and stderr.
    #[arg(short, long, conflicts_with = "exec")]
    pub(crate) daemon: bool,

    /// How the log is written; human unless given.
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub(crate) log_format: Option<LogFormat>,

    /// Logs errors only.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Logs everything: subscriptions as well.
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Threads that serve connections; as many as there are processors by default.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    /// Shows the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}

impl BrokerArgs {
    /// All users of all `--user` flags, or of the environment, in order.
    pub(crate) fn users(&self) -> impl Iterator<Item = &User> {
        self.users.iter().flat_map(|users| &users.0)
    }
}

/// Who may come in, and what they may do.
#[derive(Args, Debug)]
#[command(next_help_heading = "Rights")]
pub(crate) struct RightsArgs {
    /// Lets in the users of this file, one NAME:HASH a line, made by `skeeter passwd` or mosquitto_passwd.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// Allows what the rules of this file say, in mosquitto's format, and nothing else.
    ///
    /// `user NAME` begins the rules of a user; `topic [read|write|readwrite|deny] FILTER` is a rule; `pattern`, in its
    /// place, is one for everybody, where %c is the client identifier and %u the user name. Rules before the first
    /// user are for clients without a name. A subscription is granted whatever the rules say; what may not be read is
    /// kept back when it is delivered.
    #[arg(long, value_name = "FILE")]
    pub(crate) acl_file: Option<PathBuf>,

    /// Lets clients without a user name in, though there are users.
    #[arg(long, overrides_with = "no_anonymous")]
    anonymous: bool,

    /// Keeps out who is not a user, and so everybody where there are no users.
    #[arg(long, overrides_with = "anonymous")]
    no_anonymous: bool,

    /// Refuses a subscription (0x87, in 3.1.1 0x80) to whose filter the rules allow no topic at all.
    #[arg(long, requires = "acl_file")]
    pub(crate) refuse_unreadable: bool,

    /// Keeps a retained message back when the client that published it may not publish there any more.
    #[arg(long, requires = "acl_file")]
    pub(crate) check_retain_source: bool,
}

impl RightsArgs {
    /// Whether clients without a user name come in, if that is said.
    pub(crate) fn anonymous(&self) -> Option<bool> {
        match (self.anonymous, self.no_anonymous) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            (false, false) => None,
        }
    }
}

#[derive(Args, Debug)]
#[group(id = "check", multiple = false)]
pub(crate) struct CheckArgs {
    /// Names every fault of the configuration and of the files it names, touches nothing, and ends.
    #[arg(long, requires = "config_file")]
    pub(crate) check_config: bool,

    /// The same for the configuration alone, as mosquitto does it: the files it names are not opened.
    #[arg(long, requires = "config_file")]
    pub(crate) test_config: bool,
}

impl CheckArgs {
    /// Whether there is nothing to do but to check.
    pub(crate) fn is_given(&self) -> bool {
        self.check_config || self.test_config
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
// The defaults are in the text and not in the flags, as they are others where there is a configuration.
pub(crate) struct LimitArgs {
    /// Connections at once; 100,000 unless given.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_connections: Option<usize>,

    /// Connections at once from one address, or one IPv6 network of 64 bits; any number unless given.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_connections_per_address: Option<usize>,

    /// Failed logins from one address after which it must wait, a second first, up to five minutes; 20 unless given.
    ///
    /// Who has been in before is not asked to wait. After 15 minutes without one, failures are forgiven. 0 never lets
    /// anybody wait.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_failed_logins: Option<u32>,

    /// Passwords that wait to be verified; 16,384 unless given.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_waiting_logins: Option<usize>,

    /// Bytes of a CONNECT, the one packet that anybody can send; 256K unless given.
    #[arg(long, value_name = "BYTES", value_parser = value::bytes)]
    pub(crate) max_connect_size: Option<usize>,

    /// Levels of one topic filter or topic name; 201 unless given.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_filter_levels: Option<usize>,

    /// Bytes of one packet from a client; 16M unless given.
    #[arg(long, value_name = "BYTES", value_parser = value::bytes)]
    pub(crate) max_packet_size: Option<usize>,

    /// Messages that wait for one session; 100,000 unless given.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_queued_messages: Option<usize>,

    /// Bytes of the messages that wait for one session; 64M unless given.
    #[arg(long, value_name = "BYTES", value_parser = value::bytes)]
    pub(crate) max_queued_bytes: Option<usize>,

    /// Messages above QoS 0 that a client may have in flight towards the broker (Receive Maximum); 1,024 unless given.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) receive_maximum: Option<u16>,

    /// Messages above QoS 0 in flight towards one client, if it does not ask for fewer; 1,024 unless given.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_inflight: Option<u16>,

    /// Topic aliases of one connection, in each direction; 64 unless given.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_topic_alias: Option<u16>,

    /// Longest keep alive in seconds; 0, as it is unless given, permits any, and clients that ask for none.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_keep_alive: Option<u16>,

    /// Seconds that a connection may take to send its CONNECT; 10 unless given.
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds)]
    pub(crate) connect_timeout: Option<Duration>,

    /// Longest time in seconds that a session is kept without a connection; without it sessions may be kept for ever.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_session_expiry: Option<u32>,

    /// Subscriptions of one session; 100,000 unless given.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_subscriptions: Option<usize>,

    /// Accepts control characters and non-characters in topics, client IDs and usernames.
    ///
    /// Unless given they are refused, as section 1.5.4 of MQTT 5 allows: U+0001 to U+001F, U+007F to U+009F, and code
    /// points such as U+FFFF that are no characters. Payloads may contain anything.
    #[arg(long)]
    pub(crate) allow_control_characters: bool,

    /// Seconds between publications under $SYS, 10 unless given; 0 publishes none.
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds)]
    pub(crate) sys_interval: Option<Duration>,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Someone who may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// One `NAME:PASSWORD` a line.
#[derive(Clone, Debug)]
struct Users(Vec<User>);

impl std::str::FromStr for Users {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(user).collect::<Result<_, _>>().map(Self)
    }
}

fn user(line: &str) -> Result<User, String> {
    match line.split_once(':') {
        Some((name, password)) if !name.is_empty() => {
            Ok(User { name: name.to_owned(), password: password.to_owned() })
        }
        // The value is not repeated: it may be a password.
        _ => Err("expected NAME:PASSWORD, with a name before the colon".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Users;

    #[test]
    fn users_come_one_a_line_and_a_password_may_hold_colons() {
        let Users(users) = "ann:a:b\n\nbob:\n".parse().unwrap();
        let pairs: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.password.as_str())).collect();
        assert_eq!(pairs, [("ann", "a:b"), ("bob", "")]);
        assert!(":secret".parse::<Users>().is_err());
        assert!("secret".parse::<Users>().is_err_and(|error| !error.contains("secret")));
    }
}
