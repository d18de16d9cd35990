//! A connection that carries bytes: TCP, TLS, WebSocket or a Unix socket. The client's side is here, the broker's in
//! [`door`]. It knows nothing of MQTT.

pub mod door;
pub(crate) mod listener;
#[cfg(unix)]
mod material;
mod stream;
mod tls;
pub mod websocket;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

pub(crate) use stream::Stream;
pub(crate) use tls::{Tls, TlsVersion};

/// Where to connect to, and how.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// A name or an address, an IPv6 one without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The local address to connect from.
    pub(crate) from: Option<IpAddr>,
    pub(crate) tls: Option<Tls>,
    /// A Unix socket in place of host and port.
    #[cfg(unix)]
    pub(crate) unix: Option<PathBuf>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(unix)]
        if let Some(path) = &self.unix {
            return write!(f, "{}", path.display());
        }
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The name has no address.
    Lookup(io::Error),
    /// Nobody answered there.
    Connect(io::Error),
    /// What was asked of TLS cannot be: a file, or a combination. Trying again does not help.
    TlsSetting(String),
    Handshake(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => write!(f, "the name was not found: {error}"),
            Self::Connect(error) => write!(f, "{error}"),
            Self::TlsSetting(text) => f.write_str(text),
            Self::Handshake(text) => write!(f, "TLS failed: {text}"),
        }
    }
}

/// Connects.
pub(crate) async fn connect(target: &Target) -> Result<Stream, Failure> {
    connect_timed(target).await.map(|(stream, _)| stream)
}

/// Connects, and says how long the TLS handshake took, if there was one.
pub(crate) async fn connect_timed(target: &Target) -> Result<(Stream, Option<Duration>), Failure> {
    #[cfg(unix)]
    if let Some(path) = &target.unix {
        let stream = UnixStream::connect(path).await.map_err(Failure::Connect)?;
        return Ok((Stream::Unix(stream), None));
    }
    let tcp = connect_tcp(target).await?;
    // What is sent was put together in one piece: waiting for more would only delay it.
    tcp.set_nodelay(true).map_err(Failure::Connect)?;
    match &target.tls {
        None => Ok((Stream::Tcp(tcp), None)),
        Some(tls) => {
            let began = Instant::now();
            let stream = tls.handshake(&target.host, Stream::Tcp(tcp)).await?;
            Ok((Stream::Tls(Box::new(stream)), Some(began.elapsed())))
        }
    }
}

async fn connect_tcp(target: &Target) -> Result<TcpStream, Failure> {
    let addresses = lookup_host((target.host.as_str(), target.port)).await.map_err(Failure::Lookup)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match connect_address(address, target.from).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(Failure::Connect(last))
}

async fn connect_address(address: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect(address).await };
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(address).await
}
