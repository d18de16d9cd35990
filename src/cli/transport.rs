//! The flags of the clients for what lies under MQTT beside host and port: WebSocket, proxies, and TLS beyond the
//! ordinary.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::value;
use crate::transport::Proxy;

#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct TransportArgs {
    /// Speaks MQTT over WebSocket, as ws:// and wss:// do.
    #[arg(long)]
    pub(crate) ws: bool,

    /// Path that the WebSocket is asked for with.
    #[arg(long, value_name = "PATH", default_value = "/mqtt", value_parser = value::resource)]
    pub(crate) ws_path: String,

    /// A header of the request for the WebSocket, such as 'Authorization: Bearer x' (repeatable).
    #[arg(long, value_name = "HEADER", value_parser = value::header)]
    pub(crate) ws_header: Vec<(String, String)>,

    /// Connects through a proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT].
    #[arg(long, value_name = "URL", value_parser = value::proxy)]
    pub(crate) proxy: Option<Proxy>,

    /// Asks the DNS for the broker of the domain given as host: its SRV record for _mqtt._tcp, or _secure-mqtt._tcp.
    #[cfg(unix)]
    #[arg(short = 'S', long)]
    pub(crate) srv: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
pub(crate) struct SpecialTlsArgs {
    /// The pass phrase of an encrypted key stands in the first line of this file; without it the terminal is asked.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key_pass_file: Option<PathBuf>,

    /// The form of the key: PEM, the only one.
    #[arg(long, value_name = "FORM", value_enum, requires = "key")]
    keyform: Option<KeyForm>,

    /// Ciphers in the words of OpenSSL: suites of TLS 1.3 if that is the version, else ciphers of TLS 1.2.
    #[arg(long, value_name = "LIST")]
    pub(crate) ciphers: Option<String>,

    /// Speaks TLS with a key that the broker knows too, in hexadecimal digits.
    #[arg(long, value_name = "KEY", value_parser = value::key, requires = "psk_identity",
          conflicts_with_all = ["cafile", "capath", "cert"])]
    pub(crate) psk: Option<value::Key>,

    /// Which key that is.
    #[arg(long, value_name = "NAME")]
    pub(crate) psk_identity: Option<String>,

    /// Appends the secrets of the connection to this file, with which Wireshark reads it.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_keylog: Option<PathBuf>,

    /// Refused: OpenSSL has replaced engines by providers, which need no flag.
    #[arg(long, value_name = "ENGINE", value_parser = value::engine)]
    tls_engine: Option<value::Never>,

    /// Refused as well.
    #[arg(long, value_name = "HASH", value_parser = value::engine)]
    tls_engine_kpass_sha1: Option<value::Never>,
}

/// The forms of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeyForm {
    Pem,
}
