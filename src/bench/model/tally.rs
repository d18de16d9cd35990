//! Counts received, lost, duplicate and reordered messages.
//!
//! The counts are exact, as they are based on sequence numbers.

use std::collections::BTreeMap;

/// What one receiver, or one shared group, has received from one publisher.
#[derive(Debug, Default)]
struct Track {
    /// All sequence numbers below were received, except for the gaps.
    next: u64,
    /// Missing sequence numbers, as ranges from the first to the one after the last.
    gaps: BTreeMap<u64, u64>,
    received: u64,
}

/// How a message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArrivalOrder {
    InOrder,
    /// After a message that was sent later.
    Late,
    /// It had arrived before.
    Duplicate,
}

impl Track {
    fn arrive(&mut self, sequence: u64) -> ArrivalOrder {
        if sequence >= self.next {
            if sequence > self.next {
                self.gaps.insert(self.next, sequence);
            }
            self.next = sequence + 1;
            self.received += 1;
            return ArrivalOrder::InOrder;
        }
        let Some((&from, &to)) = self.gaps.range(..=sequence).next_back().filter(|(_, to)| **to > sequence)
        else {
            return ArrivalOrder::Duplicate;
        };
        self.gaps.remove(&from);
        if from < sequence {
            self.gaps.insert(from, sequence);
        }
        if sequence + 1 < to {
            self.gaps.insert(sequence + 1, to);
        }
        self.received += 1;
        ArrivalOrder::Late
    }

    /// What this one or the other got, and how many of them both.
    fn merge(&mut self, other: Self) -> u64 {
        let next = self.next.max(other.next);
        let open = |track: &Self| -> Vec<(u64, u64)> {
            let gaps = track.gaps.iter().map(|(from, to)| (*from, *to));
            gaps.chain((track.next < next).then_some((track.next, next))).collect()
        };
        let (ours, theirs) = (open(self), open(&other));
        let (mut at, mut beside, mut missing) = (0, 0, 0);
        self.gaps.clear();
        while let (Some(one), Some(two)) = (ours.get(at), theirs.get(beside)) {
            let (from, to) = (one.0.max(two.0), one.1.min(two.1));
            if from < to {
                self.gaps.insert(from, to);
                missing += to - from;
            }
            if one.1 <= two.1 { at += 1 } else { beside += 1 }
        }
        let both = self.received + other.received;
        self.next = next;
        self.received = next - missing;
        both - self.received
    }
}

/// What one receiver, or one shared group, got.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    tracks: BTreeMap<u32, Track>,
    received: u64,
    pub(crate) duplicates: u64,
    /// Messages that came after one that their publisher sent later.
    pub(crate) reordered: u64,
    /// Messages that are not as they were sent, or that nobody of this run sent.
    pub(crate) corrupt: u64,
}

impl Tally {
    pub(crate) fn arrive(&mut self, publisher: u32, sequence: u64) -> ArrivalOrder {
        let arrival = self.tracks.entry(publisher).or_default().arrive(sequence);
        self.received += u64::from(arrival != ArrivalOrder::Duplicate);
        match arrival {
            ArrivalOrder::InOrder => {}
            ArrivalOrder::Late => self.reordered += 1,
            ArrivalOrder::Duplicate => self.duplicates += 1,
        }
        arrival
    }

    /// A message arrived that cannot say what it is.
    pub(crate) fn count(&mut self) {
        self.received += 1;
    }

    /// Different messages received.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Adds what other members of a shared group got, in whatever order.
    pub(crate) fn merge(&mut self, other: Self) {
        let Self { tracks, received, duplicates, reordered, corrupt } = other;
        let mut both = 0;
        for (publisher, track) in tracks {
            both += self.tracks.entry(publisher).or_default().merge(track);
        }
        self.received += received - both;
        self.duplicates += duplicates + both;
        self.reordered += reordered;
        self.corrupt += corrupt;
    }
}

#[cfg(test)]
mod tests {
    use super::{ArrivalOrder, Tally};

    #[test]
    fn loss_order_and_duplicates_are_exact() {
        let mut tally = Tally::default();
        let arrivals = [0, 1, 5, 3, 3, 2, 5, 9, 4].map(|sequence| tally.arrive(1, sequence));
        use ArrivalOrder::{Duplicate, InOrder, Late};
        assert_eq!(arrivals, [InOrder, InOrder, InOrder, Late, Duplicate, Late, Duplicate, InOrder, Late]);
        // 6, 7 and 8 are missing.
        assert_eq!((tally.received(), tally.reordered, tally.duplicates), (7, 3, 2));
        assert_eq!(tally.arrive(2, 0), InOrder, "publishers are counted apart");
    }

    #[test]
    fn members_of_a_group_are_put_together_exactly() {
        // Whatever one of them got, each message counts once.
        for mask in 0_u32..4_096 {
            let (mut one, mut two) = (Tally::default(), Tally::default());
            for sequence in 0..6 {
                match mask >> (2 * sequence) & 3 {
                    1 => drop(one.arrive(1, sequence)),
                    2 => drop(two.arrive(1, sequence)),
                    3 => {
                        one.arrive(1, sequence);
                        two.arrive(1, sequence);
                    }
                    _ => {}
                }
            }
            let count = |bits: u32| (0..6).filter(|at| mask >> (2 * at) & 3 == bits).count() as u64;
            one.merge(two);
            assert_eq!((one.received(), one.duplicates), (6 - count(0), count(3)), "{mask:b}");
            // And goes on from there.
            let missing =
                (0..6).filter(|sequence| one.arrive(1, *sequence) != ArrivalOrder::Duplicate).count();
            assert_eq!(missing as u64, count(0), "{mask:b}");
        }
    }
}
