//! Sessions by client ID and owner, shared groups by filter.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use foldhash::fast::FixedState;

use crate::broker::identity::{SessionName, SessionOwner};
use crate::broker::limits::Limits;
use crate::broker::routing::group::Group;
use crate::broker::session::Session;
use crate::sync::{Arc, AtomicU64, Mutex, Ordering};
use crate::table;

/// Locks of the directory; more than there are workers, so that they seldom meet.
const SHARDS: usize = 16;

type Shard = Mutex<HashMap<SessionEntry, (), FixedState>>;

/// A session in the directory, found by its name.
#[derive(Debug)]
struct SessionEntry(Arc<Session>);

/// What has the name of a session: so a session is found without a name of its own being made for the search.
trait HasName {
    fn name(&self) -> SessionName<'_>;
}

impl HasName for SessionEntry {
    fn name(&self) -> SessionName<'_> {
        self.0.name()
    }
}

impl HasName for SessionName<'_> {
    fn name(&self) -> SessionName<'_> {
        *self
    }
}

impl PartialEq for dyn HasName + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn HasName + '_ {}

impl Hash for dyn HasName + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl<'a> Borrow<dyn HasName + 'a> for SessionEntry {
    fn borrow(&self) -> &(dyn HasName + 'a) {
        self
    }
}

impl PartialEq for SessionEntry {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for SessionEntry {}

impl Hash for SessionEntry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

#[derive(Debug)]
pub(crate) struct SessionDirectory {
    shards: [Shard; SHARDS],
    groups: Mutex<HashMap<Box<str>, Arc<Group<Session>>, FixedState>>,
    keys: AtomicU64,
}

impl SessionDirectory {
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

    /// The session of this name, made if there is none. It may have ended meanwhile: then ask again.
    pub(crate) fn session(&self, name: SessionName<'_>, limits: &Limits) -> Arc<Session> {
        let mut shard = self.shard(name.client).lock();
        if let Some((SessionEntry(session), ())) = shard.get_key_value(&name as &dyn HasName) {
            return session.clone();
        }
        let session = Arc::new(Session::new(self.key(), name.client.into(), name.owner.clone(), limits));
        shard.insert(SessionEntry(session.clone()), ());
        session
    }

    /// Puts in a session that the store has. New ones get greater keys.
    pub(crate) fn restore_session(
        &self,
        key: u64,
        client: Arc<str>,
        owner: SessionOwner,
        limits: &Limits,
    ) -> Arc<Session> {
        self.keys.fetch_max(key + 1, Ordering::Relaxed);
        let session = Arc::new(Session::new(key, client, owner, limits));
        self.shard(&session.client).lock().insert(SessionEntry(session.clone()), ());
        session
    }

    /// Puts in a group that the store has.
    pub(crate) fn restore_group(&self, key: u64, filter: &str) -> Arc<Group<Session>> {
        self.keys.fetch_max(key + 1, Ordering::Relaxed);
        let group = Arc::new(Group::new(key, filter));
        self.groups.lock().insert(filter.into(), group.clone());
        group
    }

    /// The session of this name, if there is one.
    pub(crate) fn find(&self, name: SessionName<'_>) -> Option<Arc<Session>> {
        let shard = self.shard(name.client).lock();
        shard.get_key_value(&name as &dyn HasName).map(|(SessionEntry(session), ())| session.clone())
    }

    /// The sessions of this client ID, of whatever owners.
    pub(crate) fn sessions_of(&self, client: &str) -> Vec<Arc<Session>> {
        let shard = self.shard(client).lock();
        let sessions = shard.keys().map(|SessionEntry(session)| session);
        sessions.filter(|session| *session.client == *client).cloned().collect()
    }

    /// Whether there is a session of this name.
    pub(crate) fn has(&self, name: SessionName<'_>) -> bool {
        self.find(name).is_some()
    }

    /// Whether there is a session of this name that is kept in the store.
    pub(crate) fn keeps(&self, name: SessionName<'_>) -> bool {
        self.find(name).is_some_and(|session| session.is_kept())
    }

    /// Takes a session out, unless another has its place already.
    pub(crate) fn remove(&self, session: &Session) {
        let mut shard = self.shard(&session.client).lock();
        let name = session.name();
        let name = &name as &dyn HasName;
        if shard.get_key_value(name).is_some_and(|(SessionEntry(other), ())| other.key == session.key) {
            shard.remove(name);
            table::give_back(&mut shard);
        }
    }

    /// All sessions, in the order in which they began.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        let mut sessions: Vec<_> = self
            .shards
            .iter()
            .flat_map(|shard| {
                shard.lock().keys().map(|SessionEntry(session)| session.clone()).collect::<Vec<_>>()
            })
            .collect();
        sessions.sort_by_key(|session| session.key);
        sessions
    }

    /// Works on the group of a shared filter, made if there is none, while no other can make or remove it.
    pub(crate) fn with_group<T>(
        &self,
        filter: &str,
        work: impl FnOnce(&Arc<Group<Session>>, bool) -> T,
    ) -> T {
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

    /// The group with this filter.
    pub(crate) fn group(&self, filter: &str) -> Option<Arc<Group<Session>>> {
        self.groups.lock().get(filter).cloned()
    }

    /// Removes a group for which `is_empty` says so, while no other can join it; whether it was removed.
    pub(crate) fn leave_group(&self, group: &Group<Session>, is_empty: impl FnOnce() -> bool) -> bool {
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
