//! The part of the database that is kept in memory: which entries each owner has, in queue order, and which are in flight.
//!
//! Entries are stored by number, and numbers ascend across all owners, because the database writes neighbouring rows together:
//! storing them by owner cost five to eight times as much. This index, 8 bytes for each entry, is rebuilt at each start.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::codec::packet::PacketId;
use crate::table;

#[derive(Debug, Default)]
pub(super) struct EntryIndex {
    /// Numbers of the entries of a queue, ascending, by owner.
    queues: HashMap<u64, VecDeque<u64>>,
    /// Numbers of the entries in flight at QoS 2, by session and packet identifier.
    flights: HashMap<u64, BTreeMap<PacketId, u64>>,
    /// How many entries share a body.
    pub(super) bodies: HashMap<u64, u32>,
    /// Entries of ended owners, deleted in small steps.
    pub(super) doomed: VecDeque<u64>,
}

impl EntryIndex {
    /// Adds an entry to its owner's queue. Numbers ascend, except for messages returned to a shared group.
    pub(super) fn enter(&mut self, owner: u64, number: u64) {
        let queue = self.queues.entry(owner).or_default();
        match queue.back() {
            Some(last) if *last > number => {
                if let Err(position) = queue.binary_search(&number) {
                    queue.insert(position, number);
                }
            }
            Some(last) if *last == number => {}
            _ => queue.push_back(number),
        }
    }

    /// Removes an entry from its owner's queue, usually near the front.
    pub(super) fn leave(&mut self, owner: u64, number: u64) {
        let Some(queue) = self.queues.get_mut(&owner) else { return };
        if let Ok(position) = queue.binary_search(&number) {
            queue.remove(position);
        }
        if queue.is_empty() {
            self.queues.remove(&owner);
            table::give_back(&mut self.queues);
        }
    }

    pub(super) fn fly(&mut self, session: u64, id: PacketId, number: u64) {
        self.flights.entry(session).or_default().insert(id, number);
    }

    pub(super) fn land(&mut self, session: u64, id: PacketId) {
        if let Some(flights) = self.flights.get_mut(&session) {
            flights.remove(&id);
            if flights.is_empty() {
                self.flights.remove(&session);
                table::give_back(&mut self.flights);
            }
        }
    }

    /// The entry in flight under this packet identifier.
    pub(super) fn flight(&self, session: u64, id: PacketId) -> Option<u64> {
        self.flights.get(&session)?.get(&id).copied()
    }

    /// The owner has ended; its entries will be deleted.
    pub(super) fn doom(&mut self, owner: u64) {
        self.doomed.extend(self.queues.remove(&owner).unwrap_or_default());
        self.doomed.extend(self.flights.remove(&owner).unwrap_or_default().into_values());
        table::give_back(&mut self.queues);
        table::give_back(&mut self.flights);
    }

    /// Up to `most` numbers of an owner from `from` on.
    pub(super) fn page(&self, owner: u64, from: u64, most: usize) -> Vec<u64> {
        let Some(queue) = self.queues.get(&owner) else { return Vec::new() };
        let begin = queue.partition_point(|number| *number < from);
        queue.range(begin..).take(most).copied().collect()
    }

    pub(super) fn owners(&self) -> Vec<u64> {
        let mut owners: Vec<_> = self.queues.keys().chain(self.flights.keys()).copied().collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }
}
