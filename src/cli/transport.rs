//! Flags of the client commands for WebSocket, proxies, DNS SRV records and less common TLS settings.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::value;
use crate::net::Proxy;

#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct TransportArgs {
    /// Connect over WebSocket, as with a ws:// or wss:// URL.
    #[arg(long, env = "MQTT_WS")]
    pub(crate) ws: bool,

    /// Path of the WebSocket endpoint.
    #[arg(long, value_name = "PATH", default_value = "/mqtt", value_parser = value::resource, env = "MQTT_WS_PATH")]
    pub(crate) ws_path: String,

    /// Header to add to the WebSocket request, such as 'Authorization: Bearer TOKEN' (repeatable).
    #[arg(long, value_name = "HEADER", value_parser = value::header, env = "MQTT_WS_HEADER")]
    pub(crate) ws_header: Vec<(String, String)>,

    /// Connect through a SOCKS5 proxy: socks5h://[USER[:PASSWORD]@]HOST[:PORT].
    #[arg(long, value_name = "URL", value_parser = value::proxy, env = "MQTT_PROXY")]
    pub(crate) proxy: Option<Proxy>,

    /// Look up the broker of the domain given as the host in DNS: SRV record _mqtt._tcp, or _secure-mqtt._tcp with TLS.
    #[cfg(unix)]
    #[arg(short = 'S', long, env = "MQTT_SRV")]
    pub(crate) srv: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
pub(crate) struct SpecialTlsArgs {
    /// File whose first line is the passphrase of the private key (default: prompt for it).
    #[arg(long, value_name = "FILE", requires = "cert", env = "MQTT_KEY_PASS_FILE")]
    pub(crate) key_pass_file: Option<PathBuf>,

    /// Accepted for compatibility: format of the private key, always PEM.
    #[arg(long, value_name = "FORMAT", value_enum, requires = "key", env = "MQTT_KEYFORM")]
    keyform: Option<KeyForm>,

    /// OpenSSL cipher list: TLS 1.3 cipher suites with --tls-version tlsv1.3, TLS 1.2 ciphers otherwise.
    #[arg(long, value_name = "LIST", env = "MQTT_CIPHERS")]
    pub(crate) ciphers: Option<String>,

    /// Pre-shared key (PSK) in hexadecimal; enables TLS and requires --psk-identity.
    #[arg(long, value_name = "KEY", value_parser = value::key, requires = "psk_identity",
          conflicts_with_all = ["cafile", "capath", "cert"], env = "MQTT_PSK")]
    pub(crate) psk: Option<value::Key>,

    /// PSK identity.
    #[arg(long, value_name = "IDENTITY", env = "MQTT_PSK_IDENTITY")]
    pub(crate) psk_identity: Option<String>,

    /// Append the TLS secrets of the connection to this file, so that Wireshark can decrypt it.
    #[arg(long, value_name = "FILE", env = "MQTT_TLS_KEYLOG")]
    pub(crate) tls_keylog: Option<PathBuf>,

    /// Not supported: OpenSSL has replaced engines by providers.
    #[arg(long, value_name = "ENGINE", value_parser = value::engine, hide = true)]
    tls_engine: Option<value::Never>,

    /// Not supported: OpenSSL has replaced engines by providers.
    #[arg(long, value_name = "HASH", value_parser = value::engine, hide = true)]
    tls_engine_kpass_sha1: Option<value::Never>,
}

/// The format of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeyForm {
    Pem,
}
