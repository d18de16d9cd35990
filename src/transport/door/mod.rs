//! The doors of the broker: from a connection that was accepted to one that carries MQTT. On the way lie the header of a
//! proxy, TLS and WebSocket, as the listener asks for them; what comes after is the broker's.

#[cfg(unix)]
mod hint;
mod open;
mod proxy;
#[cfg(unix)]
mod tls;

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use open::{Raw, Socket, open};
pub use proxy::{Introduction, parse_v1, parse_v2};

use super::Stream;
use super::listener::{Listener, NameFrom, Protocol, ProxyProtocol};
use super::websocket::{WebSocket, handshake};

/// A listener with its files read: what a reload replaces as a whole.
pub(crate) struct Settings {
    pub(crate) listener: Listener,
    #[cfg(unix)]
    tls: Option<openssl::ssl::SslContext>,
}

impl Settings {
    /// Reads the listener's files.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub(crate) fn load(listener: Listener) -> Result<Self, String> {
        #[cfg(unix)]
        let tls = listener.tls.as_ref().map(|tls| tls::context(&listener, tls)).transpose()?;
        #[cfg(not(unix))]
        if listener.tls.is_some() {
            return Err("listeners with TLS need OpenSSL, which this build does not have".to_owned());
        }
        Ok(Self {
            listener,
            #[cfg(unix)]
            tls,
        })
    }
}

/// One listener's way in.
pub(crate) struct Door {
    settings: RwLock<Arc<Settings>>,
}

/// One that came through a door.
pub(crate) struct Guest {
    pub(crate) stream: Stream,
    /// How the log calls it.
    pub(crate) name: Arc<str>,
    /// Where it comes from, as a proxy says if there is one; nothing on a Unix socket.
    pub(crate) address: Option<std::net::IpAddr>,
    /// The user name that its certificate or key has proven, where the listener takes it from there.
    pub(crate) identity: Option<Arc<str>>,
}

impl Door {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings: RwLock::new(Arc::new(settings)) }
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        // Nothing is done under the lock that could fail halfway.
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on new connections are taken so.
    pub(crate) fn replace(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// Does what comes before MQTT, in the time that the listener gives.
    ///
    /// # Errors
    /// Who was not let in, and why.
    pub(crate) async fn enter(
        &self,
        stream: Stream,
        from: Option<SocketAddr>,
    ) -> Result<Guest, (Arc<str>, String)> {
        let settings = self.settings();
        let mut visit = Visit { from, via: None, introduced: None, proven: None };
        let most = settings.listener.handshake_timeout;
        let result = tokio::time::timeout(most, visit.pass(&settings, stream)).await;
        let late = || Err("it took too long to begin".to_owned());
        match result.unwrap_or_else(|_| late()) {
            Ok(stream) => Ok(Guest {
                stream,
                name: visit.name(),
                address: visit.from.map(|from| from.ip()),
                identity: visit.proven.map(Into::into),
            }),
            Err(why) => Err((visit.name(), why)),
        }
    }
}

/// What is known of one on his way in.
struct Visit {
    from: Option<SocketAddr>,
    /// The proxy it came through.
    via: Option<SocketAddr>,
    introduced: Option<Introduction>,
    proven: Option<String>,
}

impl Visit {
    fn name(&self) -> Arc<str> {
        match (self.from, self.via) {
            (None, _) => "a Unix socket".into(),
            (Some(from), None) => from.to_string().into(),
            // A port that no proxy tells is 0.
            (Some(from), Some(via)) if from.port() == 0 => format!("{} via {via}", from.ip()).into(),
            (Some(from), Some(via)) => format!("{from} via {via}").into(),
        }
    }

    fn came_from(&mut self, client: SocketAddr) {
        self.via = self.via.or(self.from);
        self.from = Some(client);
    }

    async fn pass(&mut self, settings: &Settings, mut stream: Stream) -> Result<Stream, String> {
        let listener = &settings.listener;
        if let Some(version) = listener.proxy {
            let introduction = proxy::read(&mut stream, version).await?;
            if let Some(client) = introduction.source {
                self.came_from(client);
            }
            self.introduced = Some(introduction);
        }
        #[cfg(unix)]
        if let Some(context) = &settings.tls {
            (stream, self.proven) = tls::accept(context, listener.name, stream).await?;
        }
        if listener.tls.is_none() {
            self.believe_the_proxy(listener)?;
        }
        if listener.protocol == Protocol::WebSocket {
            let from = self.from.map(|from| from.ip());
            let upgraded = handshake::accept(&mut stream, &listener.web, from).await?;
            if let Some(client) = upgraded.forwarded {
                self.came_from(SocketAddr::new(client, 0));
            }
            stream = Stream::WebSocket(Box::new(WebSocket::server(stream, upgraded.early)));
        }
        Ok(stream)
    }

    /// Where TLS ends at the proxy, it is the proxy that has seen the certificate.
    fn believe_the_proxy(&mut self, listener: &Listener) -> Result<(), String> {
        let Some(ProxyProtocol::V2 { require_tls }) = listener.proxy else { return Ok(()) };
        let said = self.introduced.take().unwrap_or_default();
        if require_tls && !said.by_tls {
            return Err("the client did not come to the proxy by TLS".to_owned());
        }
        if listener.require_certificate && !said.verified {
            return Err("the proxy tells of no certificate that it has verified".to_owned());
        }
        if listener.name != NameFrom::Connect {
            self.proven = said.common_name.filter(|name| !name.is_empty());
        }
        Ok(())
    }
}
