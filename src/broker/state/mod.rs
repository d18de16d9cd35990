//! The state that all connections share, and the operations on it that concern more than one session.

mod bridge;
pub(crate) mod control;
pub(crate) mod directory;
pub(crate) mod inspect;
pub(crate) mod lifecycle;
pub(crate) mod permissions;
pub(crate) mod publish;
pub(crate) mod restore;
pub(crate) mod schedule;
mod subscriptions;
pub(crate) mod sys;
pub(crate) mod turn;
pub(crate) mod will;

use crate::broker::access::addresses::AddressTable;
use crate::broker::access::logins::LoginOutcome;
use crate::broker::access::rights::Rights;
use crate::broker::access::verification::Verification;
use crate::broker::access::verification::VerificationQueue;
use crate::broker::durability::journal::{Durability, Journal};
use crate::broker::identity::{SessionName, SessionOwner};
use crate::broker::limits::Limits;
use crate::broker::routing::index::SubscriptionIndex;
use crate::broker::routing::retained::Retained;
use crate::broker::routing::route::Subscriber;
use crate::broker::session::Session;
use crate::broker::snapshot::Snapshot;
use crate::sync::{Arc, AtomicU64, AtomicUsize, Ordering};
use crate::time::Instant;
use directory::SessionDirectory;
use schedule::SessionSchedule;
use turn::Turn;

/// What all connections share.
#[derive(Debug)]
pub struct Broker {
    pub(crate) limits: Snapshot<Limits>,
    pub(crate) rights: Snapshot<Rights>,
    /// Readers made so far: see [`crate::broker::access::rights::ReadPermissions`].
    pub(crate) stamps: AtomicU64,
    pub(crate) addresses: Arc<AddressTable>,
    pub(crate) line: VerificationQueue,
    /// Bytes of CONNECT packets that wait for their passwords.
    pub(crate) waiting_bytes: AtomicUsize,
    pub(crate) journal: Arc<Journal>,
    pub(crate) index: SubscriptionIndex<Subscriber<Session>>,
    pub(crate) retained: Retained,
    pub(crate) directory: SessionDirectory,
    pub(crate) schedule: SessionSchedule,
    pub(crate) connections: AtomicUsize,
    /// For client identifiers that the broker gives.
    seed: u64,
    assigned: AtomicU64,
}

/// A topic filter, with `$share/NAME/` if it has that, and a client that subscribed to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientSubscription {
    pub filter: Box<str>,
    pub client: Arc<str>,
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
            index: SubscriptionIndex::new(seed),
            retained: Retained::new(seed, limits.retained_messages, limits.retained_bytes),
            directory: SessionDirectory::new(seed),
            schedule: SessionSchedule::default(),
            connections: AtomicUsize::new(0),
            assigned: AtomicU64::new(0),
            limits: Snapshot::new(limits),
            rights: Snapshot::new(rights),
            stamps: AtomicU64::new(0),
            addresses: Arc::new(AddressTable::new(seed)),
            line: VerificationQueue::new(seed),
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

    /// For the store: the disk has room again. Connections are woken that wait for it: those whose messages were refused, and
    /// those to which retained messages are still to be sent.
    pub fn disk_has_room(&self, turn: &mut Turn) {
        self.journal.disk_has_room();
        for session in self.directory.sessions() {
            turn.wakes.extend(session.lock().link.as_ref().and_then(|link| link.waker.clone()));
        }
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

    /// The subscriptions of all sessions, by topic filter.
    pub fn subscriptions(&self) -> Vec<ClientSubscription> {
        let mut all = Vec::new();
        for session in self.directory.sessions() {
            let filters = session.lock().filters.to_sorted();
            let client = &session.client;
            all.extend(
                filters.into_iter().map(|filter| ClientSubscription { filter, client: client.clone() }),
            );
        }
        all.sort_unstable();
        all
    }

    /// The next password to verify: to be run where nobody waits for it. Those whose address has become blocked are
    /// told, those whose connections have gone are left out.
    pub fn next_verification(&self, now: Instant) -> Option<Verification> {
        loop {
            let next = self.line.pop()?;
            let logins = &next.rights.logins;
            if logins.is_abandoned(&next.digest) {
                continue;
            }
            if next
                .address
                .is_some_and(|address| self.addresses.is_blocked(address, now, &self.limits.load()))
            {
                logins.settle(&next.digest, LoginOutcome::Blocked);
                continue;
            }
            return Some(next);
        }
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
pub(crate) fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}
