//! The listeners of `skeeter broker`: their flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connect::TlsVersionArg;
use super::value;
use crate::transport::listener::{Host, Network};

#[derive(Args, Debug)]
#[command(next_help_heading = "Listeners")]
pub(crate) struct DoorArgs {
    /// Port to listen on, 1883 unless given; 0 takes a free one and reports it.
    #[arg(short, long, value_name = "PORT")]
    pub(crate) port: Option<u16>,

    /// Address or name to listen on (repeatable); 0.0.0.0, :: or * opens the broker to the network.
    ///
    /// Without it the broker listens on the loopback addresses 127.0.0.1 and, where there is one, ::1.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Vec<Host>,

    /// Listens on the addresses of this network interface alone.
    #[arg(long, value_name = "NAME")]
    pub(crate) bind_interface: Option<String>,

    /// Listens on a Unix socket as well.
    #[arg(long, value_name = "PATH")]
    pub(crate) unix: Option<PathBuf>,

    /// Permissions of the Unix socket in octal digits, such as 660.
    #[arg(long, value_name = "MODE", requires = "unix", value_parser = value::mode)]
    pub(crate) unix_mode: Option<u32>,

    /// Speaks MQTT over WebSocket as well, on port 9001 unless given.
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true)]
    pub(crate) ws: Option<Option<u16>>,

    /// Speaks MQTT over WebSocket with TLS as well, on port 9443 unless given.
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true)]
    pub(crate) wss: Option<Option<u16>>,

    /// Leaves out the listeners without TLS.
    #[arg(long)]
    pub(crate) no_plain: bool,

    /// Pages from this origin may open a WebSocket (repeatable); any may unless given.
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Vec<String>,

    /// Believes what X-Forwarded-For says when the connection comes from this address or network (repeatable).
    #[arg(long, value_name = "NETWORK")]
    pub(crate) trusted_proxy: Vec<Network>,

    /// Expects the header of the PROXY protocol on every TCP connection: version 1 or 2.
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) proxy_protocol: Option<u8>,

    /// Seconds that TLS, WebSocket and the header of a proxy may take together.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = value::seconds)]
    pub(crate) handshake_timeout: Duration,

    #[command(flatten)]
    pub(crate) tls: DoorTlsArgs,
}

impl DoorArgs {
    /// Whether a flag but -p says where to listen.
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
pub(crate) struct DoorTlsArgs {
    /// Speaks TLS with certificates that are made once for this machine, and says how to use them.
    #[arg(long, value_name = "HOW", value_enum, conflicts_with_all = ["cert", "psk_file"])]
    pub(crate) tls: Option<TlsMode>,

    /// Speaks TLS with this certificate, in PEM with those of its authorities.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// The key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// The pass phrase of an encrypted key stands in the first line of this file.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) key_pass_file: Option<PathBuf>,

    /// Port for MQTT over TLS, 8883 unless given.
    #[arg(long, value_name = "PORT")]
    pub(crate) tls_port: Option<u16>,

    /// Clients that show a certificate of these authorities, in PEM, are known.
    #[arg(long, value_name = "FILE")]
    pub(crate) cafile: Option<PathBuf>,

    /// The same with a directory of such files, named by hash as `openssl rehash` does.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) capath: Option<PathBuf>,

    /// Certificates that are revoked, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) crlfile: Option<PathBuf>,

    /// Refuses clients without a certificate.
    #[arg(long)]
    pub(crate) require_certificate: bool,

    /// Takes the user name from the common name of the client's certificate, or from the identity of its key.
    #[arg(long, conflicts_with = "use_subject_as_username")]
    pub(crate) use_identity_as_username: bool,

    /// Takes the user name from the whole subject of the client's certificate.
    #[arg(long)]
    pub(crate) use_subject_as_username: bool,

    /// Lowest version of TLS.
    #[arg(long, value_name = "VERSION", value_enum, default_value = "tlsv1.2")]
    pub(crate) tls_version: TlsVersionArg,

    /// Ciphers of TLS 1.2, in the words of OpenSSL.
    #[arg(long, value_name = "LIST")]
    pub(crate) ciphers: Option<String>,

    /// Ciphers of TLS 1.3.
    #[arg(long, value_name = "LIST")]
    pub(crate) ciphers_tls13: Option<String>,

    /// Takes one of these application protocols of those a client offers (repeatable).
    #[arg(long, value_name = "NAME")]
    pub(crate) tls_alpn: Vec<String>,

    /// Appends the secrets of every connection to this file, with which Wireshark reads them.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_keylog: Option<PathBuf>,

    /// Speaks TLS with keys that clients share: one IDENTITY:HEXADECIMAL a line.
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    pub(crate) psk_file: Option<PathBuf>,
}

/// Where certificates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsMode {
    /// They are made once.
    Auto,
}
