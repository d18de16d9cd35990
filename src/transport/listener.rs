//! Listeners as values: where the broker listens, what is spoken there, and how the transport is secured. Flags and
//! configuration files fill them in; [`super::door`] opens them. What a client may do once it is in is not said here.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::TlsVersion;

/// One listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) place: Place,
    pub(crate) protocol: Protocol,
    pub(crate) tls: Option<ListenerTls>,
    /// The proxy in front of the listener says in a header who the client is; a connection without it is refused.
    pub(crate) proxy: Option<ProxyProtocol>,
    /// Refuses a client without a certificate: one that it showed here, or to the proxy.
    pub(crate) require_certificate: bool,
    /// What of the verified certificate, or of the pre-shared key, becomes the user name.
    pub(crate) name: NameFrom,
    pub(crate) web: Web,
    /// Open connections of this listener; one more is closed at once.
    pub(crate) max_connections: Option<usize>,
    /// How long all that comes before MQTT may take: the header of a proxy, TLS and WebSocket together.
    pub(crate) handshake_timeout: Duration,
}

impl Listener {
    /// MQTT without TLS at this place.
    pub(crate) fn plain(place: Place) -> Self {
        Self {
            place,
            protocol: Protocol::Mqtt,
            tls: None,
            proxy: None,
            require_certificate: false,
            name: NameFrom::Connect,
            web: Web::default(),
            max_connections: None,
            handshake_timeout: Self::HANDSHAKE,
        }
    }

    /// Whether MQTT comes first on its connections, and nothing before it.
    pub(crate) fn is_plain(&self) -> bool {
        self.protocol == Protocol::Mqtt && self.tls.is_none() && self.proxy.is_none()
    }

    /// Whether only those come in who have a certificate, or a key that it shares, whatever CONNECT says.
    pub(crate) fn knows_clients(&self) -> bool {
        let shares_keys =
            self.tls.as_ref().is_some_and(|tls| matches!(tls.proof, Proof::PreSharedKey { .. }));
        self.require_certificate || shares_keys
    }

    /// Whether the user name of its clients is the one that TLS proves, here or at the proxy. A listener that knows nothing
    /// of TLS asks CONNECT alone.
    pub(crate) fn proves_names(&self) -> bool {
        let has_tls = self.tls.is_some() || matches!(self.proxy, Some(ProxyProtocol::V2 { .. }));
        has_tls && self.name != NameFrom::Connect
    }

    /// What a handshake may take unless it is said.
    pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
}

/// Where a listener waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At every address of these; on the loopback addresses if there are none.
    Tcp {
        hosts: Vec<Host>,
        /// 0 takes a free one, the same at all addresses.
        port: u16,
        /// The network interface whose addresses alone are listened at.
        interface: Option<String>,
    },
    /// At a Unix socket; one that nobody listens at any more is replaced.
    Unix {
        path: PathBuf,
        /// Permissions of the socket, such as 0o660; what the process's mask leaves unless given.
        mode: Option<u32>,
    },
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
}

/// The scheme of a URL that reaches a listener.
pub(crate) fn scheme(protocol: Protocol, has_tls: bool) -> &'static str {
    match (protocol, has_tls) {
        (Protocol::Mqtt, false) => "mqtt",
        (Protocol::Mqtt, true) => "mqtts",
        (Protocol::WebSocket, false) => "ws",
        (Protocol::WebSocket, true) => "wss",
    }
}

/// The version of the PROXY protocol that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyProtocol {
    V1,
    V2 {
        /// Refuses a client that did not come to the proxy by TLS.
        require_tls: bool,
    },
}

/// What is asked of the HTTP request that a WebSocket begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Web {
    /// The values of `Origin` that are let in; any, or none at all, if there are none.
    pub(crate) origins: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Bytes of the request.
    pub(crate) max_request: usize,
}

impl Default for Web {
    fn default() -> Self {
        Self { origins: Vec::new(), trusted_proxies: Vec::new(), max_request: 4096 }
    }
}

/// TLS of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenerTls {
    pub(crate) proof: Proof,
    /// Authorities of client certificates, in PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// A directory of such files, each under the hash of its subject.
    pub(crate) ca_path: Option<PathBuf>,
    /// Revoked certificates, in PEM.
    pub(crate) crl_file: Option<PathBuf>,
    /// Refuses a client certificate that is expired or not valid yet.
    pub(crate) check_dates: bool,
    /// The lowest version spoken.
    pub(crate) least: TlsVersion,
    /// Ciphers of TLS 1.2 and below, in the words of OpenSSL; those of the library unless given.
    pub(crate) ciphers: Option<String>,
    /// Cipher suites of TLS 1.3.
    pub(crate) ciphers_1_3: Option<String>,
    /// Application protocols that are taken, the preferred one first; whatever is offered is ignored if there are none.
    pub(crate) alpn: Vec<String>,
    /// Appends the secrets of each connection to this file, for Wireshark.
    pub(crate) key_log: Option<PathBuf>,
}

impl ListenerTls {
    /// TLS that proves itself so, with everything else as it is unless given.
    pub(crate) fn new(proof: Proof) -> Self {
        Self {
            proof,
            ca_file: None,
            ca_path: None,
            crl_file: None,
            check_dates: true,
            least: TlsVersion::V1_2,
            ciphers: None,
            ciphers_1_3: None,
            alpn: Vec::new(),
            key_log: None,
        }
    }
}

impl ListenerTls {
    /// All files that are read when the listener opens; a directory of authorities is read at each handshake.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let own = match &self.proof {
            Proof::Certificate { chain, key, .. } => [Some(chain), Some(key)],
            Proof::PreSharedKey { file, .. } => [Some(file), None],
        };
        own.into_iter().flatten().chain(&self.ca_file).chain(&self.crl_file)
    }
}

/// How both sides know each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Certificate {
        /// The server's certificate and those of its authorities, in PEM.
        chain: PathBuf,
        key: PathBuf,
        /// What an encrypted key is encrypted with.
        pass_phrase: Option<Secret>,
    },
    /// Keys that clients share.
    PreSharedKey {
        /// One `IDENTITY:HEXADECIMAL` a line.
        file: PathBuf,
        /// What clients are shown, to choose their key by.
        hint: Option<String>,
    },
}

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Where the user name of a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameFrom {
    /// CONNECT alone.
    Connect,
    /// The common name of the certificate's subject, or the identity of the pre-shared key.
    Identity,
    /// The whole subject of the certificate, as RFC 2253 writes it.
    Subject,
}

/// Addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    /// Bits that are compared.
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

/// An IPv4 address as the IPv6 one that stands for it, so that a socket for both families makes no difference.
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
