//! Listeners: where the broker listens, what it accepts there, and what comes before MQTT on a connection.
//!
//! A kind of listener has two parts. An [`Endpoint`] is a listening socket (TCP, Unix); an [`upgrade::Upgrade`] is a step
//! between an accepted connection and MQTT (PROXY protocol, TLS, WebSocket). To add a kind:
//!
//! 1. a file here that implements one of the two traits,
//! 2. here: a variant of [`ListenAddress`] with its `bind`, or of [`Protocol`] with its URL schemes, and the step in
//!    [`upgrade::STEPS`],
//! 3. `cli/listener.rs`: its flag,
//! 4. `server/listeners/from_flags.rs`: the listener that the flag asks for.
//!
//! The configuration file, the ports file, log lines, `--exec` and workers use the traits.

pub(crate) mod chain;
mod endpoint;
#[cfg_attr(not(unix), path = "inherited_none.rs")]
mod inherited;
pub mod proxy;
#[cfg(unix)]
mod psk_hint;
mod subject;
mod tcp;
#[cfg(unix)]
mod tls;
#[cfg(unix)]
mod unix;
pub(crate) mod upgrade;
mod websocket;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::TlsVersion;
pub(crate) use endpoint::{Accepted, Attach, DetachedConnection, Endpoint};
pub(crate) use inherited::InheritedSockets;

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) address: ListenAddress,
    pub(crate) protocol: Protocol,
    pub(crate) tls: Option<ListenerTls>,
    /// Whether a proxy in front of the listener reports the client in a PROXY header; connections without it are refused.
    pub(crate) proxy: Option<ProxyProtocol>,
    /// Refuses a client that presented no certificate, here or to the proxy.
    pub(crate) require_certificate: bool,
    /// Which part of the verified certificate, or of the PSK, becomes the username.
    pub(crate) username: UsernameSource,
    pub(crate) websocket: WebSocketOptions,
    /// Open connections of this listener; one more is closed at once.
    pub(crate) max_connections: Option<usize>,
    /// Time limit for everything before MQTT: PROXY header, TLS and WebSocket handshake together.
    pub(crate) handshake_timeout: Duration,
}

impl Listener {
    /// MQTT without TLS at this address.
    pub(crate) fn plain(address: ListenAddress) -> Self {
        Self {
            address,
            protocol: Protocol::Mqtt,
            tls: None,
            proxy: None,
            require_certificate: false,
            username: UsernameSource::Connect,
            websocket: WebSocketOptions::default(),
            max_connections: None,
            handshake_timeout: Self::HANDSHAKE,
        }
    }

    /// The scheme of URLs that clients connect to.
    pub(crate) fn scheme(&self) -> &'static str {
        let (plain, with_tls) = self.protocol.schemes();
        if self.tls.is_some() { with_tls } else { plain }
    }

    /// Whether the first byte of a connection is MQTT.
    pub(crate) fn is_plain(&self) -> bool {
        self.protocol == Protocol::Mqtt && self.tls.is_none() && self.proxy.is_none()
    }

    /// Whether only programs of this machine can connect. Not with a proxy in front, and not by a WebSocket that any page in a
    /// browser may open.
    pub(crate) fn is_local(&self) -> bool {
        let is_direct = self.proxy.is_none() && self.websocket.trusted_proxies.is_empty();
        let is_closed_to_pages = self.protocol != Protocol::WebSocket || !self.websocket.origins.is_empty();
        is_direct && is_closed_to_pages && self.address.is_local()
    }

    /// Whether every client must have a certificate or a pre-shared key, whatever its CONNECT contains.
    pub(crate) fn knows_clients(&self) -> bool {
        let shares_keys = self
            .tls
            .as_ref()
            .is_some_and(|tls| matches!(tls.credentials, ServerCredentials::PreSharedKey { .. }));
        self.require_certificate || shares_keys
    }

    /// Whether the username comes from TLS, here or at the proxy, and not from CONNECT.
    pub(crate) fn proves_names(&self) -> bool {
        let has_tls = self.tls.is_some() || matches!(self.proxy, Some(ProxyProtocol::V2 { .. }));
        has_tls && self.username != UsernameSource::Connect
    }

    /// Default time limit for the handshake.
    pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    /// At every address of `hosts`; at the loopback addresses if there are none.
    Tcp {
        hosts: Vec<Host>,
        /// 0 takes a free one, the same at all addresses.
        port: u16,
        /// Listens only on the addresses of this network interface.
        interface: Option<String>,
    },
    /// At a Unix socket.
    Unix { path: PathBuf, access: SocketAccess },
}

/// The owner, group and permissions of the file of a Unix socket. By default they are those of any file that the process
/// creates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SocketAccess {
    /// Permissions, such as 0o660.
    pub(crate) mode: Option<u32>,
    pub(crate) owner: Option<SystemId>,
    pub(crate) group: Option<SystemId>,
}

/// A user or group of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SystemId {
    Name(String),
    Number(u32),
}

impl From<&str> for SystemId {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Number)
    }
}

impl ListenAddress {
    /// A TCP port, at one host or at all addresses.
    pub(crate) fn tcp(port: u16, host: Option<&str>) -> Self {
        let host = host.map_or(Host::Any(None), |host| match host.parse() {
            Ok(address) => Host::Address(address),
            Err(_) => Host::Name(host.to_owned(), None),
        });
        Self::Tcp { hosts: vec![host], port, interface: None }
    }

    /// What `listener PORT [ADDRESS]` in a configuration file means, `address` being the rest of the line. With port 0 it
    /// may be the path of a Unix socket.
    ///
    /// # Errors
    /// Port 0 without an address.
    pub(crate) fn from_configuration(port: u16, address: &str) -> Result<Self, String> {
        let host = address.split_whitespace().next().filter(|word| !word.starts_with('#'));
        match (port, host) {
            (0, None) => Err("a listener on port 0 needs the path of a Unix socket".to_owned()),
            (0, Some(path)) if without_zone(path).parse::<IpAddr>().is_err() => {
                Ok(Self::Unix { path: address.trim().into(), access: SocketAccess::default() })
            }
            (port, host) => Ok(Self::tcp(port, host)),
        }
    }

    /// The same, at addresses of this family and of this network interface only. It changes nothing but TCP.
    pub(crate) fn restricted_to(mut self, family: Option<Family>, only_interface: Option<String>) -> Self {
        if let Self::Tcp { hosts, interface, .. } = &mut self {
            *interface = only_interface;
            for host in hosts {
                if let Host::Name(_, wanted) | Host::Any(wanted) = host {
                    *wanted = family;
                }
            }
        }
        self
    }

    /// The same, with this access to a Unix socket. It changes nothing but that.
    pub(crate) fn with_access(mut self, wanted: SocketAccess) -> Self {
        if let Self::Unix { access, .. } = &mut self {
            *access = wanted;
        }
        self
    }

    /// The same, with a Unix socket that belongs to this user and group unless it has others.
    pub(crate) fn owned_by(mut self, user: Option<u32>, id_of_group: Option<u32>) -> Self {
        if let Self::Unix { access: SocketAccess { owner, group, mode: _ }, .. } = &mut self {
            *owner = owner.take().or(user.map(SystemId::Number));
            *group = group.take().or(id_of_group.map(SystemId::Number));
        }
        self
    }

    /// Whether only this machine can reach it.
    fn is_local(&self) -> bool {
        match self {
            Self::Unix { .. } => true,
            Self::Tcp { hosts, interface, .. } => {
                interface.is_none()
                    && hosts.iter().all(|host| match host {
                        Host::Address(address) => address.is_loopback(),
                        Host::Name(name, _) => name == "localhost",
                        Host::Any(_) => false,
                    })
            }
        }
    }

    /// The TCP port.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp { port, .. } => Some(*port),
            Self::Unix { .. } => None,
        }
    }

    /// Opens the sockets.
    ///
    /// # Errors
    /// One line: which address, why, and what to do.
    pub(crate) fn bind(&self) -> Result<Vec<Box<dyn Endpoint>>, String> {
        match self {
            Self::Tcp { hosts, port, interface } => tcp::bind(hosts, *port, interface.as_deref()),
            #[cfg(unix)]
            Self::Unix { path, access } => unix::bind(path, access).map(|socket| vec![socket]),
            #[cfg(not(unix))]
            Self::Unix { path, .. } => {
                Err(format!("cannot listen at {}: this system has no Unix sockets", path.display()))
            }
        }
    }
}

/// An address without the zone that a link-local one may have, as in `fe80::1%eth0`.
fn without_zone(address: &str) -> &str {
    address.split_once('%').map_or(address, |(address, _)| address)
}

/// An address to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Address(IpAddr),
    /// All addresses of this name, of one family if it is given.
    Name(String, Option<Family>),
    /// All addresses of this machine, IPv4 and IPv6 where there is one.
    Any(Option<Family>),
}

impl FromStr for Host {
    type Err = std::convert::Infallible;

    /// An address, a name, or `*` for all addresses.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(address) => Self::Address(address),
            Err(_) if text == "*" => Self::Any(None),
            Err(_) => Self::Name(text.to_owned(), None),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    #[default]
    Mqtt,
    /// MQTT in the binary messages of a WebSocket.
    WebSocket,
    /// HTTP of the control interface.
    Http,
}

impl Protocol {
    /// All of them, by their names in a configuration file and in the ports file.
    pub(crate) const ALL: &[(&str, Self)] =
        &[("mqtt", Self::Mqtt), ("websockets", Self::WebSocket), ("http", Self::Http)];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, protocol)| *protocol == self).map_or("", |(name, _)| name)
    }

    /// The URL scheme without TLS, and with it.
    fn schemes(self) -> (&'static str, &'static str) {
        match self {
            Self::Mqtt => ("mqtt", "mqtts"),
            Self::WebSocket => ("ws", "wss"),
            Self::Http => ("http", "https"),
        }
    }
}

/// The version of the PROXY protocol that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyProtocol {
    V1,
    V2 {
        /// Refuses a client that did not connect to the proxy over TLS.
        require_tls: bool,
    },
}

/// Requirements on the HTTP request of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebSocketOptions {
    /// Allowed values of `Origin`; if empty, any value is allowed, and none too.
    pub(crate) origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Maximum bytes of the request.
    pub(crate) max_request: usize,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self { origins: Vec::new(), trusted_proxies: Vec::new(), max_request: 4096 }
    }
}

/// TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenerTls {
    pub(crate) credentials: ServerCredentials,
    /// CAs used to verify client certificates, in PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// A directory of such files, each under the hash of its subject.
    pub(crate) ca_path: Option<PathBuf>,
    /// Revoked certificates, in PEM.
    pub(crate) crl_file: Option<PathBuf>,
    /// Refuses client certificates that are expired or not yet valid.
    pub(crate) check_dates: bool,
    /// Minimum version.
    pub(crate) min_version: TlsVersion,
    /// Ciphers up to TLS 1.2, as an OpenSSL cipher list; OpenSSL's default if not given.
    pub(crate) ciphers: Option<String>,
    /// Cipher suites of TLS 1.3.
    pub(crate) ciphers_1_3: Option<String>,
    /// Accepted application protocols (ALPN), most preferred first; if empty, ALPN is ignored.
    pub(crate) alpn: Vec<String>,
    /// Appends the TLS secrets of every connection to this file, for Wireshark.
    pub(crate) key_log: Option<PathBuf>,
}

impl ListenerTls {
    /// TLS with these credentials and defaults for everything else.
    pub(crate) fn new(credentials: ServerCredentials) -> Self {
        Self {
            credentials,
            ca_file: None,
            ca_path: None,
            crl_file: None,
            check_dates: true,
            min_version: TlsVersion::V1_2,
            ciphers: None,
            ciphers_1_3: None,
            alpn: Vec::new(),
            key_log: None,
        }
    }
}

impl ListenerTls {
    /// All files that are read when the listener opens; a CA directory is read at each handshake.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let own = match &self.credentials {
            ServerCredentials::Certificate { chain, key, .. } => [Some(chain), Some(key)],
            ServerCredentials::PreSharedKey { file, .. } => [Some(file), None],
        };
        own.into_iter().flatten().chain(&self.ca_file).chain(&self.crl_file)
    }
}

/// Credentials of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ServerCredentials {
    Certificate {
        /// The certificate chain of the server, in PEM.
        chain: PathBuf,
        key: PathBuf,
        /// Passphrase of an encrypted key.
        pass_phrase: Option<Secret>,
    },
    /// Pre-shared keys.
    PreSharedKey {
        /// One `IDENTITY:HEXADECIMAL` a line.
        file: PathBuf,
        /// PSK identity hint sent to clients.
        hint: Option<String>,
    },
}

/// A secret, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Where the username of a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsernameSource {
    /// CONNECT only.
    Connect,
    /// The common name of the certificate's subject, or the identity of the pre-shared key.
    Identity,
    /// The whole subject of the certificate, as RFC 2253 writes it.
    Subject,
}

/// An IP network: addresses with a common prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    /// Length of the prefix in bits.
    bits: u8,
}

impl Network {
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        let bits = u32::from(self.bits) + if self.address.is_ipv4() { 96 } else { 0 };
        // A shift by all 128 bits leaves nothing to compare.
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        (wide(self.address) ^ wide(address)) & mask == 0
    }
}

/// Maps an IPv4 address to IPv6, so that it does not matter whether it arrived on a dual-stack socket.
fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for Network {
    type Err = String;

    /// `ADDRESS` or `ADDRESS/BITS`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || format!("{text:?}: expected an address, or a network such as 10.0.0.0/8");
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| expected())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| expected())?;
        if bits > most { Err(expected()) } else { Ok(Self { address, bits }) }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn a_network_holds_what_begins_alike() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "203.0.113.9", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), expected, "{network:?} {address}");
        }
        for bad in ["", "x", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
