//! Connections over TCP, TLS, WebSocket and Unix sockets: the client side here, the broker's side in [`listener`]. Only
//! [`link`] knows MQTT.

#[cfg(unix)]
pub(crate) mod authority;
pub(crate) mod link;
pub mod listener;
#[cfg(unix)]
pub(crate) mod material;
mod race;
#[cfg(unix)]
mod service;
mod socks;
mod stream;
mod tls;
pub mod websocket;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
#[cfg(unix)]
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

pub(crate) use listener::Secret;
pub(crate) use socks::Proxy;
pub(crate) use stream::{Refused, Stream};
pub(crate) use tls::{Identity, SharedKey, Tls, TlsVersion};
pub(crate) use websocket::handshake::Resource;
use websocket::{WebSocket, handshake};

use crate::text::os_error;

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// A host name or an address (IPv6 without brackets), or a domain if `finds_service`.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Looks up host and port of the domain's broker in DNS.
    pub(crate) finds_service: bool,
    /// The local address to connect from.
    pub(crate) from: Option<IpAddr>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) tcp: TcpOptions,
    pub(crate) tls: Option<Tls>,
    /// Connects over WebSocket.
    pub(crate) web: Option<Resource>,
    /// A Unix socket in place of host and port.
    #[cfg(unix)]
    pub(crate) unix: Option<PathBuf>,
}

/// TCP options; the defaults of the system where not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TcpOptions {
    /// Time without traffic before the first keepalive probe, time between probes, and number of unanswered probes after
    /// which the connection is closed.
    pub(crate) keepalive: Option<(Duration, Duration, u32)>,
    /// Milliseconds after which the connection is closed if sent data is not acknowledged. Linux only.
    pub(crate) user_timeout: Option<u32>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(unix)]
        if let Some(path) = &self.unix {
            return write!(f, "{}", path.display());
        }
        if self.finds_service {
            write!(f, "the broker of {}", self.host)
        } else {
            f.write_str(&place(&self.host, self.port))
        }
    }
}

/// `HOST:PORT`, with the brackets that an IPv6 address needs.
fn place(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The name has no address.
    Lookup(io::Error),
    /// DNS has no SRV record for the domain, or could not be asked.
    Service(String),
    /// The connection was refused or not answered.
    Connect(io::Error),
    /// The proxy did not connect.
    Proxy(String),
    /// The TLS settings are invalid: a file, or a combination. Retrying does not help.
    TlsSetting(String),
    Handshake(String),
    /// There is no WebSocket.
    WebSocket(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => {
                let why = os_error(error);
                match why.strip_prefix("failed to lookup address information: ").unwrap_or(&why) {
                    "Name or service not known" | "No address associated with hostname" => {
                        f.write_str("host name not found")
                    }
                    why => write!(f, "cannot look up the host name: {}", os_error(why)),
                }
            }
            Self::Connect(error) => f.write_str(&os_error(error)),
            Self::Service(text) | Self::Proxy(text) | Self::TlsSetting(text) => f.write_str(text),
            Self::Handshake(text) => write!(f, "TLS handshake failed: {text}"),
            Self::WebSocket(text) => write!(f, "WebSocket handshake failed: {text}"),
        }
    }
}

/// Connects.
pub(crate) async fn connect(target: &Target) -> Result<Stream, Failure> {
    connect_timed(target).await.map(|(stream, _)| stream)
}

/// Connects, and says how long the TLS handshake took, if there was one.
pub(crate) async fn connect_timed(target: &Target) -> Result<(Stream, Option<Duration>), Failure> {
    let (mut stream, host) = open(target).await?;
    let mut took = None;
    if let Some(tls) = &target.tls {
        let began = Instant::now();
        stream = tls.handshake(&host, stream).await?;
        took = Some(began.elapsed());
    }
    if let Some(resource) = &target.web {
        let host = place(&host, target.port);
        let early = handshake::ask(&mut stream, &host, resource).await.map_err(Failure::WebSocket)?;
        stream = Stream::WebSocket(Box::new(WebSocket::client(stream, early)));
    }
    Ok((stream, took))
}

/// The connection below TLS and WebSocket, and the host name that was requested.
async fn open(target: &Target) -> Result<(Stream, String), Failure> {
    #[cfg(unix)]
    if let Some(path) = &target.unix {
        let stream = UnixStream::connect(path).await.map_err(Failure::Connect)?;
        return Ok((Stream::Other(Box::new(stream)), "localhost".to_owned()));
    }
    #[cfg(unix)]
    if target.finds_service {
        let places = service::find(&target.host, target.tls.is_some());
        let places = places.await.map_err(|error| Failure::Service(os_error(&error)))?;
        let attempts = places.iter().map(|place| connect_tcp(target, &place.host, place.port));
        let none = || Err(Failure::Lookup(io::ErrorKind::NotFound.into()));
        let tcp = race::first(attempts).await.unwrap_or_else(none)?;
        // The certificate must be issued for the domain that was asked for (RFC 6125).
        return Ok((Stream::Tcp(tcp), target.host.clone()));
    }
    let tcp = connect_tcp(target, &target.host, target.port).await?;
    Ok((Stream::Tcp(tcp), target.host.clone()))
}

/// A TCP connection to this host, through the proxy if there is one.
async fn connect_tcp(target: &Target, host: &str, port: u16) -> Result<TcpStream, Failure> {
    let tcp = match &target.proxy {
        None => connect_name(host, port, target.from).await?,
        Some(proxy) => {
            let to_proxy = connect_name(&proxy.host, proxy.port, target.from).await;
            let to_proxy = to_proxy.map_err(|failure| {
                Failure::Proxy(format!("the proxy {}: {failure}", place(&proxy.host, proxy.port)))
            })?;
            socks::connect(proxy, to_proxy, host, port).await.map_err(Failure::Proxy)?
        }
    };
    // Output is already collected before it is written: delaying small packets would gain nothing.
    tcp.set_nodelay(true).map_err(Failure::Connect)?;
    #[cfg(unix)]
    target.tcp.set(&tcp).map_err(|error| Failure::Connect(error.into()))?;
    Ok(tcp)
}

#[cfg(unix)]
impl TcpOptions {
    fn set(self, tcp: &TcpStream) -> rustix::io::Result<()> {
        use rustix::net::sockopt;
        if let Some((idle, interval, count)) = self.keepalive {
            sockopt::set_socket_keepalive(tcp, true)?;
            sockopt::set_tcp_keepidle(tcp, idle)?;
            sockopt::set_tcp_keepintvl(tcp, interval)?;
            sockopt::set_tcp_keepcnt(tcp, count)?;
        }
        #[cfg(target_os = "linux")]
        if let Some(milliseconds) = self.user_timeout {
            sockopt::set_tcp_user_timeout(tcp, milliseconds)?;
        }
        Ok(())
    }
}

async fn connect_name(host: &str, port: u16, from: Option<IpAddr>) -> Result<TcpStream, Failure> {
    let addresses: Vec<SocketAddr> = match host {
        // It is in a file: to read that takes less time than to start a thread which waits for a name server.
        "localhost" => (host, port).to_socket_addrs().map_or_else(|_| loopback(port), Iterator::collect),
        _ => lookup_host((host, port)).await.map_err(Failure::Lookup)?.collect(),
    };
    let addresses = race::in_turns(addresses.into_iter());
    let begin = || addresses.iter().map(|address| connect_address(*address, from));
    let none = || Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    race::first_again(begin).await.unwrap_or_else(none).map_err(Failure::Connect)
}

/// What localhost means where no file says so, as in a container with nothing but a program (RFC 6761).
fn loopback(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

async fn connect_address(address: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect(address).await };
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(address).await
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use rustix::net::sockopt;
    use tokio::net::{TcpListener, TcpStream};

    use super::TcpOptions;

    #[tokio::test]
    async fn tcp_is_told_what_is_asked_of_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        TcpOptions::default().set(&tcp).unwrap();
        assert!(!sockopt::socket_keepalive(&tcp).unwrap());
        assert_eq!(sockopt::tcp_user_timeout(&tcp).unwrap(), 0);
        let (idle, interval) = (Duration::from_secs(11), Duration::from_secs(3));
        TcpOptions { keepalive: Some((idle, interval, 4)), user_timeout: Some(5_000) }.set(&tcp).unwrap();
        assert!(sockopt::socket_keepalive(&tcp).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&tcp).unwrap(), idle);
        assert_eq!(sockopt::tcp_keepintvl(&tcp).unwrap(), interval);
        assert_eq!(sockopt::tcp_keepcnt(&tcp).unwrap(), 4);
        assert_eq!(sockopt::tcp_user_timeout(&tcp).unwrap(), 5_000);
    }
}
