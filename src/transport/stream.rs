//! An open connection of any kind, for both ends. Layers lie on one another: a WebSocket on TLS on TCP.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_native_tls::TlsStream;
#[cfg(unix)]
use tokio_openssl::SslStream;

use super::websocket::WebSocket;

#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    /// TLS by the system's library, on a client.
    Tls(Box<TlsStream<Stream>>),
    /// TLS by OpenSSL, on a listener, and on a client that asks for more than the system's library has words for.
    #[cfg(unix)]
    OpenSsl(Box<SslStream<Stream>>),
    WebSocket(Box<WebSocket<Stream>>),
    /// To the broker of this process.
    Local(DuplexStream),
}

/// How long one that is refused may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// Closes the way to the other side, and waits a while until it has closed too: closing with unread input would reset the
/// connection, and what was said last might not be read.
pub(super) async fn part(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    // Whoever does not listen has had its chance.
    let _ = tokio::time::timeout(LINGER, async {
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

/// The other side refused our certificate, or its absence, after the handshake was over for us, as TLS 1.3 has it.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the other side refused: {}", self.0)
    }
}

impl std::error::Error for Refused {}

/// Finds such a refusal in an error of the library. An end that TLS does not announce is an end like any other: MQTT
/// itself knows where it stops.
fn explain(result: io::Result<()>) -> io::Result<()> {
    let Err(error) = result else { return Ok(()) };
    let text = error.to_string();
    if text.contains("unexpected eof") {
        return Ok(());
    }
    match text.split_once("alert ").map(|(_, alert)| alert.split(':').next().unwrap_or(alert)) {
        Some(alert) => Err(io::Error::new(io::ErrorKind::PermissionDenied, Refused(alert.to_owned()))),
        None => Err(error),
    }
}

/// Calls the same method of whatever stream it is.
macro_rules! each {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp($stream) => $call,
            #[cfg(unix)]
            Stream::Unix($stream) => $call,
            Stream::Tls($stream) => $call,
            #[cfg(unix)]
            Stream::OpenSsl($stream) => $call,
            Stream::WebSocket($stream) => $call,
            Stream::Local($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf).map(explain),
            #[cfg(unix)]
            Self::OpenSsl(stream) => Pin::new(stream).poll_read(cx, buf).map(explain),
            Self::WebSocket(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Local(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::WebSocket(stream) => stream.is_write_vectored(),
            Self::Local(stream) => stream.is_write_vectored(),
            Self::Tls(_) => false,
            #[cfg(unix)]
            Self::OpenSsl(_) => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
