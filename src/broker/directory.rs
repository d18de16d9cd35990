//! Sessions by client identifier, shared groups by filter.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::limits::Limits;
use super::session::Session;
use super::shared::Group;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::table;

/// Locks of the directory; more than there are workers, so that they seldom meet.
const SHARDS: usize = 16;

type Shard = Mutex<HashMap<Arc<str>, Arc<Session>, FixedState>>;

#[derive(Debug)]
pub(crate) struct Directory {
    shards: [Shard; SHARDS],
    groups: Mutex<HashMap<Box<str>, Arc<Group>, FixedState>>,
    keys: AtomicU64,
}

impl Directory {
    /// `seed` must be known to nobody outside, so that nobody can choose identifiers that collide.
    pub(crate) fn new(seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        Self {
            shards: std::array::from_fn(|_| Mutex::new(HashMap::with_hasher(hasher.clone()))),
            groups: Mutex::new(HashMap::with_hasher(hasher.clone())),
            // 0 is the broker itself.
            keys: AtomicU64::new(1),
        }
    }

    fn shard(&self, client: &str) -> &Shard {
        let sum = client.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        &self.shards[sum % SHARDS]
    }

    fn key(&self) -> u64 {
        self.keys.fetch_add(1, Ordering::Relaxed)
    }

    /// Sessions in all.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// The session of this client, made if there is none. It may have ended meanwhile: then ask again.
    pub(crate) fn session(&self, client: &str, limits: &Limits) -> Arc<Session> {
        let mut shard = self.shard(client).lock();
        if let Some(session) = shard.get(client) {
            return session.clone();
        }
        let session = Arc::new(Session::new(self.key(), client.into(), limits));
        shard.insert(session.client.clone(), session.clone());
        session
    }

    /// Puts in a session that the store has. New ones get greater keys.
    pub(crate) fn restore_session(&self, key: u64, client: Arc<str>, limits: &Limits) -> Arc<Session> {
        self.keys.fetch_max(key + 1, Ordering::Relaxed);
        let session = Arc::new(Session::new(key, client, limits));
        self.shard(&session.client).lock().insert(session.client.clone(), session.clone());
        session
    }

    /// Puts in a group that the store has.
    pub(crate) fn restore_group(&self, key: u64, filter: &str) -> Arc<Group> {
        self.keys.fetch_max(key + 1, Ordering::Relaxed);
        let group = Arc::new(Group::new(key, filter));
        self.groups.lock().insert(filter.into(), group.clone());
        group
    }

    /// The session of this client, if there is one.
    pub(crate) fn find(&self, client: &str) -> Option<Arc<Session>> {
        self.shard(client).lock().get(client).cloned()
    }

    /// Whether a session has this client identifier.
    pub(crate) fn has(&self, client: &str) -> bool {
        self.shard(client).lock().contains_key(client)
    }

    /// Whether a session that is kept in the store has this client identifier.
    pub(crate) fn keeps(&self, client: &str) -> bool {
        self.shard(client).lock().get(client).is_some_and(|session| session.is_kept())
    }

    /// Takes a session out, unless another has its place already.
    pub(crate) fn remove(&self, session: &Session) {
        let mut shard = self.shard(&session.client).lock();
        if shard.get(&*session.client).is_some_and(|other| other.key == session.key) {
            shard.remove(&*session.client);
            table::give_back(&mut shard);
        }
    }

    /// All sessions, in the order in which they began.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        let mut sessions: Vec<_> =
            self.shards.iter().flat_map(|shard| shard.lock().values().cloned().collect::<Vec<_>>()).collect();
        sessions.sort_by_key(|session| session.key);
        sessions
    }

    /// Works on the group of a shared filter, made if there is none, while no other can make or remove it.
    pub(crate) fn with_group<T>(&self, filter: &str, work: impl FnOnce(&Arc<Group>, bool) -> T) -> T {
        let mut groups = self.groups.lock();
        let mut new = false;
        let group = groups
            .entry(filter.into())
            .or_insert_with(|| {
                new = true;
                Arc::new(Group::new(self.key(), filter))
            })
            .clone();
        work(&group, new)
    }

    /// Removes a group for which `is_empty` says so, while no other can join it; whether it was removed.
    pub(crate) fn leave_group(&self, group: &Group, is_empty: impl FnOnce() -> bool) -> bool {
        let mut groups = self.groups.lock();
        let empty = is_empty();
        if empty {
            groups.remove(&group.filter);
            table::give_back(&mut groups);
        }
        empty
    }

    /// Shared groups.
    pub(crate) fn groups(&self) -> usize {
        self.groups.lock().len()
    }
}
