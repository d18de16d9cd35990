//! Flags of every client command: how to connect.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::property::{PropertyArg, PropertyParser};
use super::transport::{SpecialTlsArgs, TransportArgs};
use super::value;
use crate::message::QoS;

/// What the help of each client command says about the environment.
pub(crate) const ENVIRONMENT: &str = "\
Environment:
  The flags under Connection, Authentication, Session, Will and TLS, and --quiet, can also be set by
  environment variables: MQTT_ followed by the name of the flag, such as MQTT_URL, MQTT_HOST,
  MQTT_PASSWORD or MQTT_CAFILE. The man page lists them.
";

#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectArgs {
    /// URL of the broker: {mqtt|mqtts|ws|wss}://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC] or unix://PATH.
    #[arg(value_name = "URL", value_parser = value::Url::parse, help_heading = None::<&'static str>)]
    pub(crate) address: Option<value::Url>,

    /// URL of the broker, as a flag.
    #[arg(short = 'L', long, value_name = "URL", value_parser = value::Url::parse, overrides_with = "address", env = "MQTT_URL")]
    pub(crate) url: Option<value::Url>,

    /// Host name or address of the broker (default: localhost).
    #[arg(short = 'h', long, value_name = "HOST", env = "MQTT_HOST")]
    pub(crate) host: Option<String>,

    /// Port of the broker (default: 1883, 8883 with TLS).
    #[arg(short, long, value_name = "PORT", env = "MQTT_PORT")]
    pub(crate) port: Option<u16>,

    /// Connect through this Unix domain socket instead of over TCP.
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", overrides_with_all = ["host", "port"], env = "MQTT_UNIX")]
    pub(crate) unix: Option<PathBuf>,

    /// Local address to connect from.
    #[arg(short = 'A', long, value_name = "ADDRESS", env = "MQTT_FROM")]
    pub(crate) from: Option<IpAddr>,

    /// Time to keep trying if the broker cannot be reached or does not answer, in seconds; or forever.
    ///
    /// Applies to the first connection only. By default the command fails at once.
    #[arg(long, value_name = "SECONDS", value_parser = value::wait, env = "MQTT_WAIT")]
    pub(crate) wait: Option<Duration>,

    /// Accepted for compatibility; small packets are always sent immediately.
    #[arg(long, env = "MQTT_NODELAY")]
    nodelay: bool,

    #[command(flatten)]
    pub(crate) transport: TransportArgs,

    /// Username.
    #[arg(short, long, value_name = "NAME", help_heading = "Authentication", env = "MQTT_USERNAME")]
    pub(crate) username: Option<String>,

    /// Password; other users of this machine can see it, so prefer MQTT_PASSWORD or one of the flags below.
    #[arg(
        short = 'P',
        long = "pw",
        visible_alias = "password",
        value_name = "PASSWORD",
        help_heading = "Authentication",
        env = "MQTT_PASSWORD"
    )]
    pub(crate) password: Option<String>,

    /// Read the password from the first line of this file.
    #[arg(
        long,
        value_name = "FILE",
        overrides_with = "password",
        help_heading = "Authentication",
        env = "MQTT_PASSWORD_FILE"
    )]
    pub(crate) password_file: Option<PathBuf>,

    /// Read the password from this file descriptor.
    #[cfg(unix)]
    #[arg(long, value_name = "NUMBER", overrides_with_all = ["password", "password_file"], help_heading = "Authentication", env = "MQTT_PASSWORD_FD")]
    pub(crate) password_fd: Option<u32>,

    /// Prompt for the password without echoing it.
    #[arg(long, overrides_with_all = ["password", "password_file"], help_heading = "Authentication", env = "MQTT_ASK_PASSWORD")]
    pub(crate) ask_password: bool,

    /// Client ID (default: assigned by the broker).
    #[arg(short, long, value_name = "ID", help_heading = "Session", env = "MQTT_ID")]
    pub(crate) id: Option<String>,

    /// Prefix of the client ID, to which the process ID is appended.
    #[arg(
        short = 'I',
        long,
        value_name = "PREFIX",
        overrides_with = "id",
        help_heading = "Session",
        env = "MQTT_ID_PREFIX"
    )]
    pub(crate) id_prefix: Option<String>,

    /// Resume the session of this client ID, and keep it when disconnecting; requires -i.
    #[arg(short = 'c', long, help_heading = "Session", env = "MQTT_DISABLE_CLEAN_SESSION")]
    pub(crate) disable_clean_session: bool,

    /// Session expiry interval in seconds (MQTT 5); -1 for a session that never expires.
    #[arg(short = 'x', long, value_name = "SECONDS", value_parser = value::expiry, help_heading = "Session", env = "MQTT_SESSION_EXPIRY")]
    pub(crate) session_expiry: Option<u32>,

    /// Keep alive in seconds; 0 disables it.
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        help_heading = "Session",
        env = "MQTT_KEEPALIVE"
    )]
    pub(crate) keepalive: u16,

    /// MQTT version (default: 5, or 3.1.1 if the broker does not support 5).
    #[arg(
        short = 'V',
        long,
        value_name = "VERSION",
        value_enum,
        help_heading = "Session",
        env = "MQTT_VERSION"
    )]
    pub(crate) protocol_version: Option<ProtocolVersion>,

    /// Maximum number of QoS 1 and 2 messages in flight; the broker may set a lower limit.
    #[arg(short = 'M', long, value_name = "NUMBER", default_value_t = 1024, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Session", env = "MQTT_MAX_INFLIGHT")]
    pub(crate) max_inflight: u16,

    /// Maximum size of a packet from the broker in bytes; K, M and G are units (default: 64M).
    ///
    /// The broker is told with MQTT 5, and a larger packet ends the connection. MQTT allows 256M. If -V is not given, the default
    /// is not told, as some brokers without MQTT 5 do not answer a CONNECT with properties.
    #[arg(long, value_name = "BYTES", value_parser = value::packet_size, help_heading = "Session", env = "MQTT_MAX_PACKET_SIZE")]
    pub(crate) max_packet_size: Option<usize>,

    /// MQTT 5 property of a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable).
    ///
    /// Examples: -D publish content-type text/plain; -D connect user-property KEY VALUE.
    #[arg(short = 'D', long = "property", value_name = "PACKET PROPERTY VALUE", value_parser = PropertyParser, help_heading = "Session", env = "MQTT_PROPERTY")]
    pub(crate) properties: Vec<PropertyArg>,

    #[command(flatten)]
    pub(crate) will: WillArgs,

    #[command(flatten)]
    pub(crate) tls: TlsArgs,

    /// Read options from this file, one per line; the command line and the environment override it.
    ///
    /// By default options are read from skeeter/COMMAND or mosquitto_COMMAND in $XDG_CONFIG_HOME or ~/.config, whichever
    /// exists.
    #[arg(short = 'o', value_name = "FILE", help_heading = "Options")]
    options_file: Option<PathBuf>,

    /// Print nothing to stderr except usage errors.
    #[arg(long, help_heading = "Options", env = "MQTT_QUIET")]
    pub(crate) quiet: bool,

    /// The name the program was called by.
    #[arg(skip)]
    pub(crate) dialect: Dialect,
}

/// The name the program was called by, which decides about defaults and exit statuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[default]
    Skeeter,
    /// A name of one of mosquitto's programs. The clients then use MQTT 3.1.1 by default, their exit statuses, and no
    /// environment variables.
    Mosquitto,
}

/// The names of mosquitto's programs, and the subcommands that take their place.
pub(crate) const MOSQUITTO_NAMES: &[(&str, &str)] = &[
    ("mosquitto", "broker"),
    ("mosquitto_pub", "pub"),
    ("mosquitto_sub", "sub"),
    ("mosquitto_rr", "rr"),
    ("mosquitto_passwd", "passwd"),
    ("mosquitto_db_dump", "store dump"),
    ("mosquitto_signal", "signal"),
];

impl Dialect {
    /// A text that names a subcommand as the user calls it.
    pub(crate) fn with_names(self, text: &str) -> String {
        let names = MOSQUITTO_NAMES.iter().filter(|_| self == Self::Mosquitto);
        names.fold(text.to_owned(), |text, (name, command)| text.replace(&format!("skeeter {command}"), name))
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Will")]
pub(crate) struct WillArgs {
    /// Topic of the will message, which the broker publishes if the connection is lost.
    #[arg(long, value_name = "TOPIC", env = "MQTT_WILL_TOPIC")]
    pub(crate) will_topic: Option<String>,

    /// Payload of the will message (default: empty).
    #[arg(long, value_name = "TEXT", requires = "will_topic", env = "MQTT_WILL_PAYLOAD")]
    pub(crate) will_payload: Option<OsString>,

    /// QoS of the will message: 0, 1 or 2.
    #[arg(long, value_name = "QOS", default_value = "0", value_parser = value::qos, env = "MQTT_WILL_QOS")]
    pub(crate) will_qos: QoS,

    /// Retain the will message.
    #[arg(long, requires = "will_topic", env = "MQTT_WILL_RETAIN")]
    pub(crate) will_retain: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsArgs {
    /// PEM file with the CAs to trust instead of the system's; enables TLS.
    #[arg(long, value_name = "FILE", env = "MQTT_CAFILE")]
    pub(crate) cafile: Option<PathBuf>,

    /// Directory of PEM files with the CAs to trust instead of the system's; enables TLS.
    #[arg(long, value_name = "DIR", env = "MQTT_CAPATH")]
    pub(crate) capath: Option<PathBuf>,

    /// Enable TLS and trust the system's CAs.
    #[arg(long, env = "MQTT_TLS_USE_OS_CERTS")]
    pub(crate) tls_use_os_certs: bool,

    /// Disable TLS, even if the URL or another flag enables it.
    #[arg(long, env = "MQTT_NO_TLS")]
    pub(crate) no_tls: bool,

    /// Client certificate: PEM file with the certificate chain, or PKCS#12 file that includes the key.
    #[arg(long, value_name = "FILE", env = "MQTT_CERT")]
    pub(crate) cert: Option<PathBuf>,

    /// PEM file with the private key of the client certificate.
    #[arg(long, value_name = "FILE", requires = "cert", env = "MQTT_KEY")]
    pub(crate) key: Option<PathBuf>,

    /// Accept a server certificate that was issued for another host name.
    #[arg(long, env = "MQTT_INSECURE")]
    pub(crate) insecure: bool,

    /// ALPN protocol to offer.
    #[arg(long, value_name = "NAME", env = "MQTT_TLS_ALPN")]
    pub(crate) tls_alpn: Option<String>,

    /// TLS version to use (default: 1.2 or 1.3).
    #[arg(long, value_name = "VERSION", value_enum, env = "MQTT_TLS_VERSION")]
    pub(crate) tls_version: Option<TlsVersionArg>,

    #[command(flatten)]
    pub(crate) special: SpecialTlsArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProtocolVersion {
    #[value(name = "5", aliases = ["mqttv5", "mqttv50", "5.0"])]
    V5,
    #[value(name = "311", aliases = ["mqttv311", "3.1.1", "4"])]
    V311,
    #[value(name = "31", aliases = ["mqttv31", "3.1", "3"])]
    V31,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsVersionArg {
    #[value(name = "tlsv1.2")]
    V12,
    #[value(name = "tlsv1.3")]
    V13,
}
