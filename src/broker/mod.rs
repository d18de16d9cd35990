//! The broker's core: values that turn packets into packets, with time passed in.
//!
//! There is no single broker lock. [`Broker`] only holds together what connections share, each part with its own: the
//! [`index`] of subscriptions, [`retained`] messages, the directory of sessions. A [`Connection`] is the door: bytes go
//! in, bytes come out, and a [`Turn`] says whom to wake. Reading order: `connection`, `connect`, `publish`, `route`,
//! `session`, `link`.
//!
//! ```text
//! publisher's Connection ─▶ rights ─▶ retained slot ─▶ index ─▶ FanOut ─▶ each receiver's Session ─▶ Link (output)
//! ```
//!
//! Locks are taken in this order and never the other way: gate of the journal, retained shard, shared group, session,
//! journal. Nobody holds two sessions, and nobody waits for another connection under a lock.
//!
//! What must outlive a crash is recorded in the [`journal`], which a store empties; what the peer acts on waits for its
//! record.
//!
//! What it leaves out: sockets, tasks, files, the clock.

mod acknowledge;
mod addresses;
mod admission;
mod authenticate;
mod backlog;
mod bridge;
mod connect;
mod connection;
mod counters;
mod directory;
mod drops;
mod entitle;
mod event;
mod filters;
mod first_byte;
mod held;
mod hold;
pub mod index;
mod journal;
mod lifecycle;
mod limits;
mod link;
#[cfg(test)]
pub(crate) mod model;
mod output;
mod owner;
mod peer;
mod promise;
mod publish;
mod queue;
mod record;
mod replay;
mod restore;
mod retained;
mod rights;
mod route;
mod schedule;
mod sending;
mod session;
mod shared;
mod snapshot;
mod subscribe;
mod sys;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transcripts;
mod turn;
mod unfinished;
mod verification;
mod will;

pub use connection::Connection;
pub use counters::{Counters, Counts};
pub use drops::{DropReason, Recipient};
pub use event::{Ending, Event};
pub use journal::{Batch, Durability, Journal, Ticket};
pub use limits::Limits;
pub use output::{Output, SLICES};
pub use owner::{OwnerUser, SessionOwner};
pub use peer::{Address, Kind, Peer};
pub use record::{Entry, Page, Parked, Record, SessionRecord};
pub use restore::{Saved, SavedGroup, SavedQueue, SavedRetained, SavedSent, SavedSession};
pub use rights::{Accounts, Acl, Cost, Denial, Fault, Memory, Method, Policy, Rights, Secret, Who};
pub use session::Subscribed;
pub use sys::{Load, Usage};
pub use turn::Turn;
pub use verification::Verification;
pub use will::Will;

use crate::sync::{Arc, AtomicU64, AtomicUsize, Ordering};
use crate::time::Instant;
use addresses::Addresses;
use directory::Directory;
use index::Index;
use owner::SessionName;
use retained::Retained;
use route::Subscriber;
use schedule::Schedule;
use snapshot::Snapshot;
use verification::Line;

/// What all connections share.
#[derive(Debug)]
pub struct Broker {
    limits: Snapshot<Limits>,
    pub(crate) rights: Snapshot<Rights>,
    /// Readers made so far: see [`rights::Reader`].
    stamps: AtomicU64,
    addresses: Addresses,
    line: Line,
    /// Bytes of CONNECT packets that wait for their passwords.
    waiting_bytes: AtomicUsize,
    pub(crate) journal: Arc<Journal>,
    pub(crate) index: Index<Subscriber>,
    pub(crate) retained: Retained,
    pub(crate) directory: Directory,
    schedule: Schedule,
    connections: AtomicUsize,
    /// For client identifiers that the broker gives.
    seed: u64,
    assigned: AtomicU64,
}

/// What a person asks about a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    pub client: Arc<str>,
    /// Where it is connected from, and since when; `None` when it is not connected.
    pub connected: Option<(Arc<str>, Instant)>,
    pub subscriptions: usize,
    /// Messages that wait, and those in flight.
    pub queued: usize,
    pub in_flight: usize,
}

impl Broker {
    /// `seed` must differ from one start to the next, and be known to nobody.
    pub fn new(limits: Limits, rights: Rights, durability: Durability, seed: u64) -> Self {
        Self {
            journal: Arc::new(Journal::new(durability)),
            index: Index::new(seed),
            retained: Retained::new(seed, limits.retained_messages, limits.retained_bytes),
            directory: Directory::new(seed),
            schedule: Schedule::default(),
            connections: AtomicUsize::new(0),
            assigned: AtomicU64::new(0),
            limits: Snapshot::new(limits),
            rights: Snapshot::new(rights),
            stamps: AtomicU64::new(0),
            addresses: Addresses::new(seed),
            line: Line::new(seed),
            waiting_bytes: AtomicUsize::new(0),
            seed,
        }
    }

    /// From now on these limits hold: what is announced in CONNACK for those who come, everything else for all.
    pub fn set_limits(&self, mut limits: Limits) {
        limits.memory_is_full = self.limits.load().memory_is_full;
        self.limits.store(limits);
        // Whom a topic is offered to may depend on them.
        self.index.touch();
    }

    /// The limits as they are now.
    pub fn limits(&self) -> Arc<Limits> {
        self.limits.load()
    }

    /// Says whether the process uses as much memory as it may; whether that is news.
    pub fn set_memory_full(&self, is_full: bool) -> bool {
        let old = self.limits.load();
        let changes = old.memory_is_full != is_full;
        if changes {
            self.limits.store(Limits { memory_is_full: is_full, ..Limits::clone(&old) });
        }
        changes
    }

    /// Open connections that said CONNECT and were accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Every client there is a session of, in the order in which the sessions began.
    pub fn clients(&self) -> Vec<ClientInfo> {
        let sessions = self.directory.sessions();
        let info = sessions.iter().map(|session| {
            let state = session.lock();
            ClientInfo {
                client: session.client.clone(),
                connected: state.link.as_ref().map(|link| (link.peer.clone(), link.since)),
                subscriptions: state.filters.len(),
                queued: state.queue.len(),
                in_flight: state.outbox.in_flight(),
            }
        });
        info.collect()
    }

    /// A client identifier that no session has [MQTT-3.2.2-16].
    pub(crate) fn assign_client_id(&self, prefix: &str, owner: &SessionOwner) -> String {
        loop {
            let count = self.assigned.fetch_add(1, Ordering::Relaxed);
            let (high, low) = (mix(self.seed ^ count), mix(mix(self.seed).wrapping_add(count)));
            let id = format!("{prefix}{high:016x}{low:016x}");
            if !self.directory.has(SessionName { client: &id, owner }) {
                return id;
            }
        }
    }
}

/// Spreads the bits of a number (the finalizer of splitmix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
