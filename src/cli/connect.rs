//! The flags with which every client subcommand connects.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::property::PropertyArg;
use super::transport::{SpecialTlsArgs, TransportArgs};
use super::value;
use crate::message::QoS;

#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectArgs {
    /// Broker: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], or mqtts, ws, wss; or unix://PATH. [env: MQTT_URL]
    #[arg(value_name = "URL", value_parser = value::Url::parse)]
    pub(crate) address: Option<value::Url>,

    /// The same as a flag.
    #[arg(short = 'L', long, value_name = "URL", value_parser = value::Url::parse, overrides_with = "address")]
    pub(crate) url: Option<value::Url>,

    /// Host of the broker; localhost by default. [env: MQTT_HOST]
    #[arg(short = 'h', long, value_name = "HOST")]
    pub(crate) host: Option<String>,

    /// Port of the broker; 1883 by default, 8883 with TLS. [env: MQTT_PORT]
    #[arg(short, long, value_name = "PORT")]
    pub(crate) port: Option<u16>,

    /// Connects to this Unix socket instead.
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", overrides_with_all = ["host", "port"])]
    pub(crate) unix: Option<PathBuf>,

    /// Sends small packets at once; always so, the flag is there for scripts that give it.
    #[arg(long)]
    nodelay: bool,

    /// Local address to connect from.
    #[arg(short = 'A', long, value_name = "ADDRESS")]
    pub(crate) from: Option<IpAddr>,

    /// User name. [env: MQTT_USERNAME]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) username: Option<String>,

    /// Password. Others on this machine can see it; the environment hides it. [env: MQTT_PASSWORD]
    #[arg(short = 'P', long = "pw", visible_alias = "password", value_name = "PASSWORD")]
    pub(crate) password: Option<String>,

    /// Reads the password from the first line of this file.
    #[arg(long, value_name = "FILE", overrides_with = "password")]
    pub(crate) password_file: Option<PathBuf>,

    /// Reads the password from this file descriptor.
    #[cfg(unix)]
    #[arg(long, value_name = "NUMBER", overrides_with_all = ["password", "password_file"])]
    pub(crate) password_fd: Option<u32>,

    /// Asks for the password on the terminal, without showing it.
    #[arg(long, overrides_with_all = ["password", "password_file"])]
    pub(crate) ask_password: bool,

    /// Client identifier; the broker assigns one by default.
    #[arg(short, long, value_name = "ID")]
    pub(crate) id: Option<String>,

    /// Client identifier that begins with this and ends with the process id.
    #[arg(short = 'I', long, value_name = "PREFIX", overrides_with = "id")]
    pub(crate) id_prefix: Option<String>,

    /// Seconds between signs of life when nothing else is said; 0 turns them off.
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) keepalive: u16,

    /// Resumes the session of this client identifier and keeps it afterwards; needs -i.
    #[arg(short = 'c', long)]
    pub(crate) disable_clean_session: bool,

    /// Seconds the broker keeps the session when the connection ends; -1 for ever. MQTT 5.
    #[arg(short = 'x', long, value_name = "SECONDS", value_parser = value::expiry)]
    pub(crate) session_expiry: Option<u32>,

    /// A property of MQTT 5 for a packet: connect, publish, subscribe, unsubscribe, disconnect or will (repeatable).
    ///
    /// A user-property takes a key and a value.
    #[arg(short = 'D', long = "property", value_name = "PACKET PROPERTY VALUE", value_parser = PropertyArg::parse)]
    pub(crate) properties: Vec<PropertyArg>,

    /// Version of MQTT; without it 5, and 3.1.1 where the broker does not know 5.
    #[arg(short = 'V', long, value_name = "VERSION", value_enum)]
    pub(crate) protocol_version: Option<ProtocolVersion>,

    /// Messages above QoS 0 in flight at once; the broker may allow fewer.
    #[arg(short = 'M', long, value_name = "NUMBER", default_value_t = 1024, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_inflight: u16,

    /// How long to wait for the broker when it cannot be reached or does not answer: seconds, or forever.
    ///
    /// Applies to the first connection.
    #[arg(long, value_name = "SECONDS", value_parser = value::wait)]
    pub(crate) wait: Option<Duration>,

    /// Reads options from this file, one a line; those of the command line win.
    ///
    /// Without it from skeeter/COMMAND or mosquitto_COMMAND in $XDG_CONFIG_HOME or ~/.config, whichever is there.
    #[arg(short = 'o', value_name = "FILE")]
    options_file: Option<PathBuf>,

    /// Tells nothing on stderr but errors in the flags.
    #[arg(long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) will: WillArgs,

    #[command(flatten)]
    pub(crate) transport: TransportArgs,

    #[command(flatten)]
    pub(crate) tls: TlsArgs,

    /// Whose habits apply.
    #[arg(skip)]
    pub(crate) dialect: Dialect,
}

/// The name by which the binary was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[default]
    Skeeter,
    /// As `mosquitto_pub`, `mosquitto_sub` or `mosquitto_rr`: 3.1.1 by default, their exit statuses, no environment.
    Mosquitto,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Will")]
pub(crate) struct WillArgs {
    /// The broker publishes a message to this topic when this client is lost.
    #[arg(long, value_name = "TOPIC")]
    pub(crate) will_topic: Option<String>,

    /// Payload of that message; none by default.
    #[arg(long, value_name = "TEXT", requires = "will_topic")]
    pub(crate) will_payload: Option<OsString>,

    /// Quality of service of that message: 0, 1 or 2.
    #[arg(long, value_name = "QOS", default_value = "0", value_parser = value::qos)]
    pub(crate) will_qos: QoS,

    /// Retains that message.
    #[arg(long, requires = "will_topic")]
    pub(crate) will_retain: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsArgs {
    /// Trusts the authorities in this PEM file instead of those of the system; turns TLS on.
    #[arg(long, value_name = "FILE")]
    pub(crate) cafile: Option<PathBuf>,

    /// Trusts the authorities in the PEM files of this directory; turns TLS on.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) capath: Option<PathBuf>,

    /// Our certificate with its chain in PEM, or with its key as PKCS#12.
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// The key of our certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// Accepts a certificate that is made out to another host.
    #[arg(long)]
    pub(crate) insecure: bool,

    /// Turns TLS on with the authorities that the system trusts.
    #[arg(long)]
    pub(crate) tls_use_os_certs: bool,

    /// Turns TLS off, whatever else says on.
    #[arg(long)]
    pub(crate) no_tls: bool,

    /// Offers this application protocol (ALPN).
    #[arg(long, value_name = "NAME")]
    pub(crate) tls_alpn: Option<String>,

    /// Exactly this version of TLS; 1.2 and 1.3 otherwise.
    #[arg(long, value_name = "VERSION", value_enum)]
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
