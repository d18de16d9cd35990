//! What is counted by the address that connections come from: how many are open, and how many logins failed.
//!
//! After `Limits::failed_logins` failures an address must wait before its next login is looked at, a second first and
//! twice as long after each further failure; what it got wrong is forgiven when nothing failed for a while. A login that
//! was verified before is not asked to wait, so that whoever guesses passwords keeps nobody out who is in the same house.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::FixedState;

use crate::broker::identity::AddressKey;
use crate::broker::limits::Limits;
use crate::sync::{Arc, Mutex};
use crate::table;
use crate::time::Instant;

/// Failures are forgiven when none came for so long.
const FORGIVEN: Duration = Duration::from_secs(15 * 60);
/// The longest that an address waits.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// Addresses from which on those with nothing to remember are looked for and forgotten.
const MANY: usize = 4_096;

#[derive(Debug)]
pub(crate) struct AddressTable(Mutex<AddressMap>);

#[derive(Debug)]
struct AddressMap {
    map: HashMap<AddressKey, AddressRecord, FixedState>,
    /// How many there may be before the next look.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct AddressRecord {
    connections: usize,
    failures: u32,
    /// The last failure.
    failed: Option<Instant>,
}

/// One connection's place among those of its address.
#[derive(Debug)]
pub(crate) struct AddressPermit {
    addresses: Arc<AddressTable>,
    address: AddressKey,
}

impl AddressPermit {
    /// A place, if there is one left.
    pub(crate) fn take(addresses: &Arc<AddressTable>, address: AddressKey, limits: &Limits) -> Option<Self> {
        let entered = addresses.enter(address, limits);
        entered.then(|| Self { addresses: addresses.clone(), address })
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        self.addresses.leave(self.address);
    }
}

impl AddressRecord {
    fn blocked_until(&self, limits: &Limits) -> Option<Instant> {
        let beyond = self.failures.checked_sub(limits.failed_logins.max(1))?;
        let pause = Duration::from_secs(1_u64.checked_shl(beyond).unwrap_or(u64::MAX)).min(LONGEST);
        self.failed.map(|at| at + pause)
    }

    fn forgive(&mut self, now: Instant) {
        if self.failed.is_some_and(|at| now.since(at) >= FORGIVEN) {
            (self.failures, self.failed) = (0, None);
        }
    }
}

impl AddressTable {
    /// `seed` must be known to nobody outside, so that nobody can choose addresses that collide.
    pub(crate) fn new(seed: u64) -> Self {
        let map = HashMap::with_hasher(FixedState::with_seed(seed));
        Self(Mutex::new(AddressMap { map, sweep_at: MANY }))
    }

    /// A connection opens; whether it may. Who may not has not entered.
    pub(crate) fn enter(&self, address: AddressKey, limits: &Limits) -> bool {
        let mut entries = self.0.lock();
        let entry = entries.map.entry(address).or_default();
        let may = entry.connections < limits.connections_per_address;
        entry.connections += usize::from(may);
        may
    }

    /// A connection that had entered is closed.
    pub(crate) fn leave(&self, address: AddressKey) {
        let mut entries = self.0.lock();
        if let Some(entry) = entries.map.get_mut(&address) {
            entry.connections = entry.connections.saturating_sub(1);
            if entry.connections == 0 && entry.failures == 0 {
                entries.map.remove(&address);
                table::give_back(&mut entries.map);
            }
        }
    }

    /// A login failed.
    pub(crate) fn failed(&self, address: AddressKey, now: Instant) {
        let mut entries = self.0.lock();
        let entry = entries.map.entry(address).or_default();
        entry.forgive(now);
        entry.failures = entry.failures.saturating_add(1);
        entry.failed = Some(now);
        if entries.map.len() >= entries.sweep_at {
            entries.map.values_mut().for_each(|entry| entry.forgive(now));
            entries.map.retain(|_, entry| entry.connections > 0 || entry.failures > 0);
            table::give_back(&mut entries.map);
            entries.sweep_at = (entries.map.len() * 2).max(MANY);
        }
    }

    /// Whether logins from there are not looked at now.
    pub(crate) fn is_blocked(&self, address: AddressKey, now: Instant, limits: &Limits) -> bool {
        let mut entries = self.0.lock();
        let Some(entry) = entries.map.get_mut(&address).filter(|_| limits.failed_logins > 0) else {
            return false;
        };
        entry.forgive(now);
        entry.blocked_until(limits).is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressTable, FORGIVEN, Limits};
    use crate::time::Instant;
    use std::time::Duration;

    #[test]
    fn failures_cost_time_and_are_forgiven() {
        let limits = Limits { failed_logins: 3, connections_per_address: 1, ..Limits::default() };
        let (addresses, mut now) = (AddressTable::new(7), Instant::from_micros(1));
        (0..2).for_each(|_| addresses.failed(1, now));
        assert!(!addresses.is_blocked(1, now, &limits));
        for pause in [1, 2, 4, 8] {
            addresses.failed(1, now);
            assert!(addresses.is_blocked(1, now + Duration::from_millis(pause * 1_000 - 1), &limits));
            assert!(!addresses.is_blocked(2, now, &limits));
            now = now + Duration::from_secs(pause);
            assert!(!addresses.is_blocked(1, now, &limits));
        }
        (0..200).for_each(|_| addresses.failed(1, now));
        assert!(addresses.is_blocked(1, now + Duration::from_secs(299), &limits));
        assert!(!addresses.is_blocked(1, now + Duration::from_secs(300), &limits));
        now = now + FORGIVEN;
        addresses.failed(1, now);
        assert!(!addresses.is_blocked(1, now, &limits), "one failure after all were forgiven");
        assert!(addresses.enter(1, &limits) && !addresses.enter(1, &limits) && addresses.enter(2, &limits));
        addresses.leave(1);
        assert!(addresses.enter(1, &limits), "one has left");
    }
}
