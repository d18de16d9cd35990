//! MQTT over WebSocket: the step that answers the HTTP request.

use std::net::SocketAddr;

use super::upgrade::{PeerInfo, Upgrade, UpgradeFuture};
use super::{Listener, Protocol, WebSocketOptions};
use crate::net::Stream;
use crate::net::websocket::{WebSocket, handshake};

struct WebSocketStep(WebSocketOptions);

pub(super) fn step(listener: &Listener) -> Result<Option<Box<dyn Upgrade>>, String> {
    let wanted = listener.protocol == Protocol::WebSocket;
    Ok(wanted.then(|| Box::new(WebSocketStep(listener.websocket.clone())) as Box<dyn Upgrade>))
}

impl Upgrade for WebSocketStep {
    fn upgrade<'a>(&'a self, mut stream: Stream, peer: &'a mut PeerInfo) -> UpgradeFuture<'a> {
        Box::pin(async move {
            let from = peer.from.map(|from| from.ip());
            let upgraded = handshake::accept(&mut stream, &self.0, from).await?;
            if let Some(client) = upgraded.forwarded {
                peer.forwarded_for(SocketAddr::new(client, 0));
            }
            Ok(Stream::WebSocket(Box::new(WebSocket::server(stream, upgraded.early))))
        })
    }
}
