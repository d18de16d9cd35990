//! Through a proxy of SOCKS5, which finds the broker by its name.

use tokio::net::TcpStream;
use tokio_socks::tcp::Socks5Stream;

use super::listener::Secret;
use crate::text::os_error;

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User name and password.
    pub(crate) credentials: Option<(String, Secret)>,
}

/// Asks the proxy, at the other end of `stream`, for a connection to this host.
///
/// # Errors
/// What the proxy said.
pub(super) async fn connect(
    proxy: &Proxy,
    stream: TcpStream,
    host: &str,
    port: u16,
) -> Result<TcpStream, String> {
    let connected = match &proxy.credentials {
        None => Socks5Stream::connect_with_socket(stream, (host, port)).await,
        Some((user, password)) => {
            Socks5Stream::connect_with_password_and_socket(stream, (host, port), user, &password.0).await
        }
    };
    let failed =
        |error| format!("the proxy {}:{} did not connect: {}", proxy.host, proxy.port, os_error(&error));
    connected.map(Socks5Stream::into_inner).map_err(failed)
}
