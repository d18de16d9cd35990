//! The listeners of the broker: from flags and configuration to sockets that accept connections.

pub(super) mod accept;
pub(super) mod announce;
pub(super) mod from_file;
pub(super) mod from_flags;
mod upgrade;
