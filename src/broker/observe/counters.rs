//! What the broker counts. Each worker counts for itself; `$SYS` and the log read the sum.

use crate::broker::observe::drops::DropReason;
use crate::sync::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one worker; they only grow.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub(crate) $name: Counter,)*
        }

        /// A reading of counters.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// A connection was accepted.
            pub fn count_socket(&self) {
                self.sockets.add(1);
            }

            /// Messages were dropped for this reason.
            pub(crate) fn count_dropped(&self, count: usize, reason: DropReason) {
                self.publish_dropped.add(count as u64);
                let of_reason = match reason {
                    DropReason::TooLarge | DropReason::PayloadTooLarge => &self.dropped_too_large,
                    DropReason::QueueFull => &self.dropped_queue_full,
                    DropReason::MemoryFull => &self.dropped_memory_full,
                    DropReason::Expired => &self.dropped_expired,
                    DropReason::StoreFailing => &self.dropped_store_failing,
                    DropReason::DiskFull => &self.dropped_disk_full,
                    DropReason::NoMember => &self.dropped_no_member,
                };
                of_reason.add(count as u64);
            }

            /// Adds this worker's counts to `sum`.
            pub fn add_to(&self, sum: &mut Counts) {
                $(sum.$name += self.$name.get();)*
            }
        }
    };
}

counters! {
    /// Bytes read from clients.
    bytes_received,
    /// Bytes written to clients.
    bytes_sent,
    /// Packets of all kinds read from clients.
    packets_received,
    /// Packets of all kinds written to clients.
    packets_sent,
    /// PUBLISH packets read from clients.
    publish_received,
    /// PUBLISH packets written to clients.
    publish_sent,
    /// Payload bytes in PUBLISH packets read.
    publish_bytes_received,
    /// Payload bytes in PUBLISH packets written.
    publish_bytes_sent,
    /// Messages not delivered to somebody who had subscribed to them, whatever the reason.
    publish_dropped,
    /// Of those: too large for the receiver.
    dropped_too_large,
    /// Of those: the receiver's queue was full.
    dropped_queue_full,
    /// Of those: expired before they were sent.
    dropped_expired,
    /// Of those: the broker used as much memory as it may.
    dropped_memory_full,
    /// Of those: the store failed, and they would have had to be stored.
    dropped_store_failing,
    /// Of those: the disk was full, and they would have had to be stored.
    dropped_disk_full,
    /// Of those: queued for a shared group whose last member left.
    dropped_no_member,
    /// PUBLISH packets, and wills, that the sender had no right to.
    publish_refused,
    /// Messages kept from a client that had subscribed to them and may not read them.
    publish_unreadable,
    /// Connections accepted.
    sockets,
    /// CONNECT packets refused because of their user name or password.
    logins_failed,
    /// CONNECT packets refused without a look at their password: too many from their address have failed, or too many wait.
    logins_refused,
    /// Filters refused because they have too many levels.
    filters_refused,
    /// CONNECT packets answered with success.
    connects,
    /// Sessions that expired.
    sessions_expired,
    /// Connections closed because of what the client sent.
    faults,
}

/// One counter: written by one worker, read by all.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds `count`. Only the owning worker may: it is a load and a store, not a locked instruction.
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counters, Counts};

    #[test]
    fn the_sum_is_over_all_workers() {
        let (one, two) = (Counters::default(), Counters::default());
        one.publish_sent.add(3);
        two.publish_sent.add(4);
        let mut sum = Counts::default();
        one.add_to(&mut sum);
        two.add_to(&mut sum);
        assert_eq!(sum, Counts { publish_sent: 7, ..Counts::default() });
    }
}
