//! The steps from an accepted connection to MQTT: PROXY header, TLS and WebSocket, as configured for the listener.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

#[cfg(unix)]
use super::tls;
use super::{Listener, proxy, websocket};
use crate::net::Stream;

/// One step between an accepted connection and MQTT.
pub(super) trait Upgrade: Send + Sync {
    /// Completes the step and records in `peer` what it reveals about the client.
    fn upgrade<'a>(&'a self, stream: Stream, peer: &'a mut PeerInfo) -> UpgradeFuture<'a>;
}

/// The stream above the step, or why the client was refused.
pub(super) type UpgradeFuture<'a> = Pin<Box<dyn Future<Output = Result<Stream, String>> + 'a>>;

/// Creates a step if the listener needs it, and reads the files of the step; an error is one line that names the file and
/// says what is wrong with it.
type MakeStep = fn(&Listener) -> Result<Option<Box<dyn Upgrade>>, String>;

/// All steps, in the order of their bytes on the wire.
const STEPS: &[MakeStep] = &[proxy::header_step, tls_step, proxy::identity_step, websocket::step];

#[cfg(unix)]
fn tls_step(listener: &Listener) -> Result<Option<Box<dyn Upgrade>>, String> {
    tls::step(listener)
}

#[cfg(not(unix))]
fn tls_step(listener: &Listener) -> Result<Option<Box<dyn Upgrade>>, String> {
    match listener.tls {
        Some(_) => Err("listeners with TLS need OpenSSL, which this build does not have".to_owned()),
        None => Ok(None),
    }
}

/// A listener whose files were read.
pub(crate) struct LoadedListener {
    pub(crate) listener: Listener,
    steps: Vec<Box<dyn Upgrade>>,
}

impl LoadedListener {
    /// Reads the listener's files.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub(crate) fn load(listener: Listener) -> Result<Self, String> {
        let steps = STEPS.iter().filter_map(|make| make(&listener).transpose()).collect::<Result<_, _>>()?;
        Ok(Self { listener, steps })
    }

    /// Takes all steps, within the handshake timeout of the listener.
    ///
    /// # Errors
    /// Why the client was refused.
    pub(crate) async fn upgrade(
        &self,
        stream: Stream,
        from: Option<SocketAddr>,
    ) -> Result<ConnectedPeer, RefusedPeer> {
        let mut peer = PeerInfo { from, ..PeerInfo::default() };
        let steps = async {
            let mut stream = stream;
            for step in &self.steps {
                stream = step.upgrade(stream, &mut peer).await?;
            }
            Ok(stream)
        };
        let upgraded = tokio::time::timeout(self.listener.handshake_timeout, steps).await;
        let late = || Err("it took too long to begin".to_owned());
        match upgraded.unwrap_or_else(|_| late()) {
            Ok(stream) => Ok(ConnectedPeer {
                stream,
                name: peer.name(),
                address: peer.from.map(|from| from.ip()),
                username: peer.username.map(Into::into),
            }),
            Err(reason) => Err(RefusedPeer { name: peer.name(), reason }),
        }
    }
}

/// A client that has completed all steps.
pub(crate) struct ConnectedPeer {
    pub(crate) stream: Stream,
    /// Its address in the log.
    pub(crate) name: Arc<str>,
    /// Its address, as reported by a proxy if there is one; nothing on a Unix socket.
    pub(crate) address: Option<IpAddr>,
    /// The username from its certificate or PSK identity, if the listener uses it.
    pub(crate) username: Option<Arc<str>>,
}

/// A client that was refused before MQTT.
pub(crate) struct RefusedPeer {
    /// Its address in the log.
    pub(crate) name: Arc<str>,
    pub(crate) reason: String,
}

/// What the steps have learned about a client.
#[derive(Debug, Default)]
pub(super) struct PeerInfo {
    pub(super) from: Option<SocketAddr>,
    /// The address of the proxy that forwards the connection.
    via: Option<SocketAddr>,
    pub(super) proxy_header: Option<proxy::ProxyHeader>,
    pub(super) username: Option<String>,
}

impl PeerInfo {
    fn name(&self) -> Arc<str> {
        match (self.from, self.via) {
            (None, _) => "a Unix socket".into(),
            (Some(from), None) => from.to_string().into(),
            // The port is 0 if the proxy does not report it.
            (Some(from), Some(via)) if from.port() == 0 => format!("{} via {via}", from.ip()).into(),
            (Some(from), Some(via)) => format!("{from} via {via}").into(),
        }
    }

    /// Takes the address of the client from a proxy.
    pub(super) fn forwarded_for(&mut self, client: SocketAddr) {
        self.via = self.via.or(self.from);
        self.from = Some(client);
    }
}
