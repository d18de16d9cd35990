//! The listeners of a running broker as connections know them: what comes before MQTT, and how many are open.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::broker::{AddressKey, Peer, PeerKind};
use crate::net::listener::upgrade::{ConnectedPeer, LoadedListener};

/// A listener that accepts connections.
pub(super) struct ActiveListener {
    loaded: RwLock<Arc<LoadedListener>>,
    /// Its index among the listeners, and that of its policy among the permissions.
    pub(super) number: usize,
    open_connections: AtomicUsize,
}

impl ActiveListener {
    pub(super) fn new(number: usize, loaded: LoadedListener) -> Arc<Self> {
        let loaded = RwLock::new(Arc::new(loaded));
        Arc::new(Self { loaded, number, open_connections: AtomicUsize::new(0) })
    }

    /// The settings of new connections.
    pub(super) fn loaded(&self) -> Arc<LoadedListener> {
        // A value that was replaced as a whole is valid after a panic too.
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the settings of new connections.
    pub(super) fn replace(&self, loaded: LoadedListener) {
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
    }

    /// How many connections are open.
    pub(super) fn open_connections(&self) -> usize {
        self.open_connections.load(Ordering::Relaxed)
    }

    /// Counts one more connection, if `max_connections` allows one.
    pub(super) fn admit(self: &Arc<Self>) -> Option<AdmissionPermit> {
        let max = self.loaded().listener.max_connections.unwrap_or(usize::MAX);
        // The permit gives the count back, also if it is dropped here.
        let before = self.open_connections.fetch_add(1, Ordering::Relaxed);
        let permit = AdmissionPermit(self.clone());
        (before < max).then_some(permit)
    }
}

/// One connection in the count of its listener, until it is dropped.
pub(super) struct AdmissionPermit(Arc<ActiveListener>);

impl AdmissionPermit {
    pub(super) fn listener(&self) -> &ActiveListener {
        &self.0
    }

    /// A client on which no upgrade was needed, as the core knows it.
    pub(super) fn plain_peer(&self, from: std::net::SocketAddr) -> Peer {
        self.peer(from.to_string().into(), Some(from.ip()), None)
    }

    /// The client of a connection that is ready for MQTT, as the core knows it.
    pub(super) fn upgraded_peer(&self, peer: &ConnectedPeer) -> Peer {
        self.peer(peer.name.clone(), peer.address, peer.username.clone())
    }

    fn peer(&self, name: Arc<str>, address: Option<IpAddr>, identity: Option<Arc<str>>) -> Peer {
        let address = address.map(address_key);
        Peer { name, address, listener: self.0.number, identity, kind: PeerKind::Client }
    }
}

impl Drop for AdmissionPermit {
    fn drop(&mut self) {
        self.0.open_connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What limits per address count by: an IPv4 address, or the first 64 bits of an IPv6 one.
fn address_key(ip: IpAddr) -> AddressKey {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_bits().into(),
        // A subscriber chooses the other 64 bits freely.
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as AddressKey,
    }
}

#[cfg(test)]
mod tests {
    use super::address_key;

    #[test]
    fn an_ipv6_address_counts_as_its_network() {
        let of = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::7"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    }
}
