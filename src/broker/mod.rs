//! The broker's core: values that turn packets into packets, with time passed in.
//!
//! ```text
//! identity | limits | snapshot < access < observe < durability < cx < queue < routing < session < state < connection
//! ```
//!
//! A module uses only what is to its left, never a neighbour separated by `|`; `tests/house` checks it.
//!
//! There is no single broker lock. [`Broker`] holds what connections share, each part with its own lock: the
//! [`index`] of subscriptions, retained messages, the directory of sessions. The shell hands a [`Connection`] the bytes
//! that it received and writes those that the connection returns; a [`Turn`] says which connections to wake.
//!
//! ```text
//! publisher's Connection ─▶ permissions ─▶ retained message ─▶ index ─▶ FanOut ─▶ each Session ─▶ SessionLink (output)
//! ```
//!
//! Locks are taken in this order and never the other way: gate of the journal, retained shard, shared group, session,
//! journal. Nobody holds two sessions, and nobody waits for another connection under a lock.
//!
//! What must survive a crash is recorded in the journal (`durability`), which a store empties in batches. A packet that
//! tells the client that something is stored is not sent before the batch is synced.
//!
//! What it leaves out: sockets, tasks, files, the clock.

mod access;
mod connection;
mod cx;
mod durability;
mod identity;
mod limits;
#[cfg(test)]
#[path = "../../tests/unit/broker/model.rs"]
pub(crate) mod model;
mod observe;
mod queue;
mod routing;
mod session;
mod snapshot;
mod state;
#[cfg(test)]
#[path = "../../tests/unit/broker/tests.rs"]
mod tests;
#[cfg(test)]
#[path = "../../tests/unit/broker/transcripts/mod.rs"]
mod transcripts;

pub use access::accounts::Accounts;
pub use access::acl::Acl;
pub use access::decision::{AccessFileError, Decision, Denial};
pub use access::password::{Cost, Memory, Method, StoredPassword};
pub use access::rights::{Policy, Rights};
pub use access::verification::Verification;
pub use connection::Connection;
pub use cx::Cx;
pub use durability::journal::{Batch, BatchId, Durability, Journal};
pub use durability::record::{Page, Parked, Record, SessionRecord, StoredMessage, Subscribed};
pub use durability::saved::{Saved, SavedGroup, SavedQueue, SavedRetained, SavedSent, SavedSession};
pub use durability::will::StoredWill;
pub use identity::{AddressKey, OwnerUser, Peer, PeerKind, SessionOwner, Who};
pub(crate) use limits::{INT_MAX, INT_MIN, limits_table};
pub use limits::{Limit, LimitForm, LimitUnit, Limits};
pub use observe::counters::{Counters, Counts};
pub use observe::drops::{DropReason, Recipient};
pub use observe::event::{Ending, Event};
pub use routing::index;
pub use session::output::{OutputBuffer, SLICES};
pub use state::control::ControlRequest;
pub use state::inspect::{
    Authentication, ConnectionReport, RetainedReport, SessionPage, SessionQuery, SessionReport,
};
pub use state::sys::{Holdings, Load, Usage};
pub use state::turn::Turn;
pub use state::{Broker, ClientInfo, ClientSubscription};
