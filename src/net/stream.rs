//! An open connection of any kind, on a client and on the broker. Layers wrap one another: WebSocket over TLS over TCP.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_native_tls::TlsStream;
#[cfg(unix)]
use tokio_openssl::SslStream;

use super::listener::Attach;
use super::websocket::WebSocket;

#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    /// TLS with the system's library, on a client.
    Tls(Box<TlsStream<Stream>>),
    /// TLS with OpenSSL, on a listener, and on a client that needs more than the system's library offers.
    #[cfg(unix)]
    OpenSsl(Box<SslStream<Stream>>),
    WebSocket(Box<WebSocket<Stream>>),
    /// To the broker of this process.
    Local(DuplexStream),
    /// A socket of a kind that needs nothing special here, such as a Unix socket.
    Other(Box<dyn ByteStream>),
}

/// A socket other than TCP.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {
    /// Takes it out of this thread's runtime.
    ///
    /// # Errors
    /// The system cannot do so.
    fn detach(self: Box<Self>) -> io::Result<Attach>;
}

impl Stream {
    /// Takes an accepted socket out of this thread's runtime.
    ///
    /// # Errors
    /// The system cannot do so, or this is no accepted socket.
    pub(super) fn detach(self) -> io::Result<Attach> {
        match self {
            Self::Tcp(stream) => {
                let stream = stream.into_std()?;
                Ok(Box::new(move || TcpStream::from_std(stream).map(Self::Tcp)))
            }
            Self::Other(stream) => stream.detach(),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Lets TCP delay small packets to send them together (TCP_NODELAY off).
    pub(crate) fn delay_small_packets(&self) {
        if let Self::Tcp(stream) = self {
            // A socket that refuses the option still works.
            let _ = stream.set_nodelay(false);
        }
    }
}

/// How long a refused client may take to read the reason.
const LINGER: Duration = Duration::from_secs(1);

/// Shuts down the output and waits a while for the other side to close too: closing with unread input would reset the
/// connection, and the other side might not read the last output.
pub(super) async fn part(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    // Errors do not matter any more.
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
            Stream::Tls($stream) => $call,
            #[cfg(unix)]
            Stream::OpenSsl($stream) => $call,
            Stream::WebSocket($stream) => $call,
            Stream::Local($stream) => $call,
            Stream::Other($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf).map(explain),
            #[cfg(unix)]
            Self::OpenSsl(stream) => Pin::new(stream).poll_read(cx, buf).map(explain),
            Self::WebSocket(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Local(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Other(stream) => Pin::new(stream).poll_read(cx, buf),
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
            Self::WebSocket(stream) => stream.is_write_vectored(),
            Self::Local(stream) => stream.is_write_vectored(),
            Self::Other(stream) => stream.is_write_vectored(),
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
