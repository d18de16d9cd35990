//! What of the database is in memory: which entries an owner has, in the order of its queue, and what is in flight.
//!
//! Entries are stored by their numbers, which ascend over all owners, because a database writes neighbours together: by
//! owner it cost five to eight times as much. So who has which is here, 8 bytes an entry, and is made anew at each start.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::codec::packet::PacketId;
use crate::table;

#[derive(Debug, Default)]
pub(super) struct Index {
    /// Numbers of the entries of a queue, ascending, by owner.
    queues: HashMap<u64, VecDeque<u64>>,
    /// Whose entry it is, of those that are removed by number alone.
    flights: HashMap<u64, BTreeMap<PacketId, u64>>,
    /// How many entries share a body.
    pub(super) bodies: HashMap<u64, u32>,
    /// Entries whose owner has gone, to be deleted little by little.
    pub(super) doomed: VecDeque<u64>,
}

impl Index {
    /// An entry is in its owner's queue. Numbers come ascending but for those that a restored one brings back.
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

    /// An entry is in its owner's queue no more. Near the front, mostly.
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

    /// The entry that is in flight there.
    pub(super) fn flight(&self, session: u64, id: PacketId) -> Option<u64> {
        self.flights.get(&session)?.get(&id).copied()
    }

    /// An owner has gone: its entries are to be deleted.
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
