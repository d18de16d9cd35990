//! Inherited sockets on systems that have none.

use super::{Endpoint, Listener};

#[derive(Debug)]
pub(crate) struct InheritedSockets;

impl InheritedSockets {
    pub(crate) fn take() -> Result<Self, String> {
        Ok(Self)
    }

    pub(crate) fn assign(self, listeners: &[Listener]) -> Result<Vec<Vec<Box<dyn Endpoint>>>, String> {
        Ok(listeners.iter().map(|_| Vec::new()).collect())
    }
}
