//! Flags of `skeeter broker` that define its listeners.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connect::TlsVersionArg;
use super::value;
use crate::net::listener::{Host, Network};

#[derive(Args, Debug)]
#[command(next_help_heading = "Listeners")]
pub(crate) struct ListenerArgs {
    /// Port for MQTT over TCP (default: 1883); 0 picks a free port and reports it.
    ///
    /// With 0, every other listener whose port is not given gets a free port too.
    #[arg(short, long, value_name = "PORT", env = "SKEETER_PORT", hide_env_values = true)]
    pub(crate) port: Option<u16>,

    /// Address or host name to listen on (repeatable, or with commas); 0.0.0.0, :: or * for all interfaces.
    ///
    /// By default the broker listens on the loopback addresses only: 127.0.0.1 and, if the machine has IPv6, ::1.
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', env = "SKEETER_BIND", hide_env_values = true)]
    pub(crate) bind: Vec<Host>,

    /// Listen on the addresses of this network interface only.
    #[arg(long, value_name = "NAME")]
    pub(crate) bind_interface: Option<String>,

    /// Also listen on a Unix domain socket.
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Option<PathBuf>,

    /// File mode of the Unix domain socket in octal, such as 660.
    #[arg(long, value_name = "MODE", requires = "unix", value_parser = value::mode)]
    pub(crate) unix_mode: Option<u32>,

    /// Also accept MQTT over WebSocket (default port: 9001).
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true)]
    pub(crate) ws: Option<Option<u16>>,

    /// Also accept MQTT over WebSocket with TLS (default port: 9443); requires --tls, --cert or --psk-file.
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true)]
    pub(crate) wss: Option<Option<u16>>,

    /// Also answer HTTP: /healthz, /readyz, /metrics and the control interface under /api/v1/ (default port: 9883).
    ///
    /// Uses TLS if the broker has a certificate. See skeeter-control(7).
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true)]
    pub(crate) http: Option<Option<u16>>,

    /// Address to answer HTTP on (repeatable; default: the loopback addresses); others require authentication.
    #[arg(long, value_name = "ADDRESS", requires = "http")]
    pub(crate) http_bind: Vec<Host>,

    /// Do not listen without TLS, except on the Unix domain socket.
    #[arg(long)]
    pub(crate) no_plain: bool,

    /// Accept WebSocket connections from pages of this origin only (repeatable; default: any origin).
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Vec<String>,

    /// Trust the X-Forwarded-For header of WebSocket connections from this address or network (repeatable).
    #[arg(long, value_name = "NETWORK")]
    pub(crate) trusted_proxy: Vec<Network>,

    /// Require a PROXY protocol header of this version, 1 or 2, on every TCP connection.
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) proxy_protocol: Option<u8>,

    /// Time for the PROXY header, the TLS handshake and the WebSocket handshake together, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = value::seconds)]
    pub(crate) handshake_timeout: Duration,

    #[command(flatten)]
    pub(crate) tls: ListenerTlsArgs,
}

impl ListenerArgs {
    /// Whether a flag other than -p defines a listener.
    pub(crate) fn is_given(&self) -> bool {
        let tls = &self.tls;
        !self.bind.is_empty()
            || [self.unix.is_some(), self.ws.is_some(), self.wss.is_some(), self.bind_interface.is_some()]
                .contains(&true)
            || [tls.tls.is_some(), tls.tls_port.is_some(), tls.cert.is_some(), tls.psk_file.is_some()]
                .contains(&true)
    }
}

#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
pub(crate) struct ListenerTlsArgs {
    /// Accept TLS, with a CA and a server certificate that are generated for this machine on first use.
    ///
    /// They are kept in tls/ in the data directory or, without --data-dir, in skeeter/tls in $XDG_STATE_HOME or
    /// ~/.local/state. The broker prints how clients connect. `skeeter cert` issues client certificates.
    #[arg(long, value_name = "MODE", value_enum, conflicts_with_all = ["cert", "psk_file"])]
    pub(crate) tls: Option<TlsMode>,

    /// Accept TLS, with the certificate chain in this PEM file.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// PEM file with the private key of the certificate.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// File whose first line is the passphrase of the private key.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) key_pass_file: Option<PathBuf>,

    /// Port for MQTT over TLS (default: 8883).
    #[arg(long, value_name = "PORT")]
    pub(crate) tls_port: Option<u16>,

    /// PEM file with the CAs used to verify client certificates.
    #[arg(long, value_name = "FILE")]
    pub(crate) cafile: Option<PathBuf>,

    /// Directory with the CAs used to verify client certificates, prepared with `openssl rehash`.
    #[arg(long, value_name = "DIR")]
    pub(crate) capath: Option<PathBuf>,

    /// PEM file with certificate revocation lists (CRLs).
    #[arg(long, value_name = "FILE")]
    pub(crate) crlfile: Option<PathBuf>,

    /// Refuse clients without a valid certificate.
    #[arg(long)]
    pub(crate) require_certificate: bool,

    /// Use the common name of the client certificate, or the PSK identity, as the username.
    #[arg(long, conflicts_with = "use_subject_as_username")]
    pub(crate) use_identity_as_username: bool,

    /// Use the subject of the client certificate as the username.
    #[arg(long)]
    pub(crate) use_subject_as_username: bool,

    /// Minimum TLS version.
    #[arg(long, value_name = "VERSION", value_enum, default_value = "tlsv1.2")]
    pub(crate) tls_version: TlsVersionArg,

    /// Ciphers for TLS 1.2, as an OpenSSL cipher list.
    #[arg(long, value_name = "LIST")]
    pub(crate) ciphers: Option<String>,

    /// Cipher suites for TLS 1.3, separated by colons.
    #[arg(long, value_name = "LIST")]
    pub(crate) ciphers_tls13: Option<String>,

    /// ALPN protocol to accept, in order of preference (repeatable).
    #[arg(long, value_name = "NAME")]
    pub(crate) tls_alpn: Vec<String>,

    /// Append the TLS secrets of every connection to this file, so that Wireshark can decrypt it.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_keylog: Option<PathBuf>,

    /// Accept TLS with the pre-shared keys (PSK) in this file, one IDENTITY:KEY per line, the key in hexadecimal.
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    pub(crate) psk_file: Option<PathBuf>,
}

/// Where the server certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsMode {
    /// Generate it on first use.
    Auto,
}
