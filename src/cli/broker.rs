//! Flags of `skeeter broker`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connect::Dialect;
use super::limits::LimitArgs;
use super::listener::ListenerArgs;
use super::store::StoreArgs;
use super::value;

const EXAMPLES: &str = "\
Examples:
  skeeter broker                                   port 1883, loopback only
  skeeter broker --bind 0.0.0.0 --user ann:secret  reachable from the network, with a password
  skeeter broker -p 0 --ports-file ports.json      on a free port, which is written to a file
  skeeter broker --data-dir /var/lib/skeeter       sessions and messages survive a crash
  skeeter broker --tls auto --ws --wss             TLS with a generated certificate, and WebSocket
  skeeter broker --exec 'pytest'                   run one command with a broker of its own
  skeeter broker -c mosquitto.conf --check-config  report every error in a configuration

";

/// Run an MQTT broker (MQTT 3.1, 3.1.1 and 5.0).
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct BrokerArgs {
    /// Configuration file in the format of mosquitto.conf; see skeeter.conf(5).
    ///
    /// Flags override the file. -p is ignored if the file defines a listener; --bind, --bind-interface, --unix, --ws, --wss,
    /// --tls, --tls-port, --cert and --psk-file replace all listeners of the file.
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "SKEETER_CONFIG_FILE",
        hide_env_values = true,
        help_heading = "Configuration"
    )]
    pub(crate) config_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) check: CheckArgs,

    #[command(flatten)]
    pub(crate) listeners: ListenerArgs,

    /// Add a user (repeatable); anonymous clients are then denied, unless --anonymous is given.
    ///
    /// Other users of this machine can see a command line: prefer the environment variable, which holds one NAME:PASSWORD per
    /// line, or --password-file.
    #[arg(
        long = "user",
        value_name = "NAME:PASSWORD",
        env = "SKEETER_USERS",
        hide_env_values = true,
        help_heading = "Access control"
    )]
    users: Vec<Users>,

    #[command(flatten)]
    pub(crate) rights: RightsArgs,

    #[command(flatten)]
    pub(crate) store: StoreArgs,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    /// Interval at which $SYS topics are published, in seconds; 0 disables them (default: 10).
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds, help_heading = "Limits")]
    pub(crate) sys_interval: Option<Duration>,

    /// Run a shell command once the broker is ready, stop when it ends, and exit with its status.
    ///
    /// The environment of the command contains MQTT_HOST, MQTT_PORT, MQTT_URL and, as SKEETER, the path of this program. Unless -p is given, the broker listens on a free
    /// port.
    #[arg(long, value_name = "COMMAND", help_heading = "Running")]
    pub(crate) exec: Option<String>,

    /// Write the process ID and the listeners to this file as JSON once the broker is ready; it is removed at exit.
    #[arg(long, value_name = "FILE", help_heading = "Running")]
    pub(crate) ports_file: Option<PathBuf>,

    /// Run in the background, detached from stdin, stdout and stderr.
    #[arg(short, long, conflicts_with = "exec", help_heading = "Running")]
    pub(crate) daemon: bool,

    /// Number of threads that serve connections (default: one per CPU).
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Running")]
    pub(crate) workers: Option<u16>,

    /// Format of the log (default: human).
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        env = "SKEETER_LOG_FORMAT",
        hide_env_values = true,
        help_heading = "Log"
    )]
    pub(crate) log_format: Option<LogFormat>,

    /// Log errors only.
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Log")]
    pub(crate) quiet: bool,

    /// Log everything, including subscriptions and each packet sent or received.
    #[arg(short, long, help_heading = "Log")]
    pub(crate) verbose: bool,

    #[arg(skip)]
    pub(crate) dialect: Dialect,

    /// Print help; -h prints a summary.
    #[arg(short, long, action = clap::ArgAction::Help, help_heading = "Options")]
    help: Option<bool>,

    /// Print the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}

impl BrokerArgs {
    /// The users of all `--user` flags, or of the environment variable, in order.
    pub(crate) fn users(&self) -> impl Iterator<Item = &User> {
        self.users.iter().flat_map(|users| &users.0)
    }
}

/// Who may connect, and what they may publish and subscribe to.
#[derive(Args, Debug)]
#[command(next_help_heading = "Access control")]
pub(crate) struct RightsArgs {
    /// Password file with one NAME:HASH per line, written by `skeeter passwd` or mosquitto_passwd.
    ///
    /// Anonymous clients are then denied, unless --anonymous is given.
    #[arg(long, value_name = "FILE", env = "SKEETER_PASSWORD_FILE", hide_env_values = true)]
    pub(crate) password_file: Option<PathBuf>,

    /// ACL file in mosquitto's format; whatever it does not allow is denied.
    ///
    /// `user NAME` starts the rules of a user; rules before the first `user` apply to anonymous clients. `topic
    /// [read|write|readwrite|deny] FILTER` is a rule. `pattern` instead of `topic` makes it a rule for all clients, in which
    /// %c stands for the client ID and %u for the username. Subscriptions are accepted whatever the rules say; messages
    /// that a client may not read are withheld on delivery.
    #[arg(long, value_name = "FILE", env = "SKEETER_ACL_FILE", hide_env_values = true)]
    pub(crate) acl_file: Option<PathBuf>,

    /// Allow clients without a username even if users are defined.
    #[arg(long, overrides_with = "no_anonymous")]
    anonymous: bool,

    /// Deny clients without a username, even if no users are defined.
    #[arg(long, overrides_with = "anonymous")]
    no_anonymous: bool,

    /// Refuse subscriptions to filters under which the ACL allows no topic (SUBACK 0x87; MQTT 3.1.1: 0x80).
    #[arg(long, requires = "acl_file")]
    pub(crate) refuse_unreadable: bool,

    /// Withhold a retained message if its publisher is no longer allowed to publish to the topic.
    #[arg(long, requires = "acl_file")]
    pub(crate) check_retain_source: bool,
}

impl RightsArgs {
    /// Whether anonymous clients are allowed, if a flag says so.
    pub(crate) fn anonymous(&self) -> Option<bool> {
        match (self.anonymous, self.no_anonymous) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            (false, false) => None,
        }
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Configuration")]
#[group(id = "check", multiple = false)]
pub(crate) struct CheckArgs {
    /// Check the configuration and the files it names, report every error, and exit.
    #[arg(long, requires = "config_file")]
    pub(crate) check_config: bool,

    /// Check the configuration file only, as mosquitto does; the files it names are not opened.
    #[arg(long, requires = "config_file")]
    pub(crate) test_config: bool,
}

impl CheckArgs {
    /// Whether the configuration is only checked.
    pub(crate) fn is_given(&self) -> bool {
        self.check_config || self.test_config
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Plain text.
    Human,
    /// One JSON object per line.
    Json,
}

/// A user given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// One `NAME:PASSWORD` per line.
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
        // Not quoted in the error: it may be a password.
        _ => Err("expected NAME:PASSWORD, with a name before the colon".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Users;

    #[test]
    fn users_are_one_per_line_and_passwords_may_contain_colons() {
        let Users(users) = "ann:a:b\n\nbob:\n".parse().unwrap();
        let pairs: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.password.as_str())).collect();
        assert_eq!(pairs, [("ann", "a:b"), ("bob", "")]);
        assert!(":secret".parse::<Users>().is_err());
        assert!("secret".parse::<Users>().is_err_and(|error| !error.contains("secret")));
    }
}
