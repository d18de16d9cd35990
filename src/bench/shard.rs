//! The state of one thread of a run: its connections, what to send next, and what has been received and when.
//!
//! It is not shared; the counters that a closed loop shares between threads are in [`Run`].

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use super::role::{ClientSide, Role};
use super::run::{LATE, Loop, PublisherStream, Run};
use crate::bench::model::payload::{Decoded, MessageStamp};
use crate::bench::model::tally::{ArrivalOrder, Tally};
use crate::bench::model::times::{Times, Timing};
use crate::bench::model::topology::Scenario;
use crate::codec::reason::Reason;
use crate::sync::Arc;

/// A connection of this thread: its waker, and whether it is to send PINGREQ.
#[derive(Default)]
struct Seat {
    waker: Option<Waker>,
    pings: bool,
}

/// The state of one thread.
pub(super) struct Shard {
    pub(super) run: Arc<Run>,
    pub(super) thread: usize,
    seats: RefCell<Vec<Seat>>,
    /// Whether the connections of a side are closing, by [`ClientSide`].
    closing: Cell<[bool; 2]>,
    pub(super) seen: Seen,
}

/// Totals of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LoadCounts {
    /// Messages sent, connections attempted, or pings.
    pub(super) sent: u64,
    /// Messages received without duplicates, connections established, or pings answered.
    pub(super) received: u64,
    pub(super) acknowledged: u64,
    /// Messages that the broker refused in their acknowledgement.
    pub(super) refused: u64,
    /// Connections that failed, and connections that were lost.
    pub(super) unopened: u64,
    pub(super) lost_connections: u64,
    /// The part of `sent` and `received` that falls into the measurement.
    pub(super) sent_measured: u64,
    pub(super) received_measured: u64,
    /// Messages that the generator sent late, messages that the broker delayed, and writes that the broker blocked.
    pub(super) late: u64,
    pub(super) held_up: u64,
    pub(super) blocked: u64,
    /// Open connections.
    pub(super) open: u64,
}

pub(super) struct Seen {
    pub(super) tallies: RefCell<Vec<Tally>>,
    /// Messages of each subscriber of this thread, for fairness.
    pub(super) received_by: RefCell<Vec<u64>>,
    pub(super) times: RefCell<Vec<Option<Box<Times>>>>,
    /// Latencies since the last report, measured or not.
    pub(super) recent: RefCell<Times>,
    pub(super) counts: Cell<LoadCounts>,
    pub(super) last_arrival: Cell<u64>,
    /// Time in which this thread was stalled.
    pub(super) stood_still: Cell<Duration>,
}

impl Seen {
    pub(super) fn count(&self, change: impl FnOnce(&mut LoadCounts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    pub(super) fn record(&self, kind: Timing, micros: u64) {
        let slot = &mut self.times.borrow_mut()[kind as usize];
        slot.get_or_insert_with(|| Box::new(Times::new())).record(micros);
    }
}

impl Shard {
    pub(super) fn new(run: Arc<Run>, thread: usize) -> Self {
        let plan = &run.topology;
        let (publishers, subscribers) =
            (plan.share(plan.publishers, thread).count(), plan.share(plan.subscribers, thread).count());
        let tallies = if plan.scenario == Scenario::Shared { 1 } else { subscribers };
        let seen = Seen {
            tallies: RefCell::new((0..tallies).map(|_| Tally::default()).collect()),
            received_by: RefCell::new(vec![0; subscribers]),
            times: RefCell::new((0..Timing::ALL.len()).map(|_| None).collect()),
            recent: RefCell::new(Times::new()),
            counts: Cell::default(),
            last_arrival: Cell::new(0),
            stood_still: Cell::default(),
        };
        let seats = (0..publishers + subscribers).map(|_| Seat::default()).collect();
        Self { thread, seats: RefCell::new(seats), closing: Cell::new([false; 2]), seen, run }
    }

    pub(super) fn seat(&self, role: Role) -> usize {
        let plan = &self.run.topology;
        match role {
            Role::Publisher(number) => number / plan.threads,
            Role::Subscriber(number) => {
                plan.share(plan.publishers, self.thread).count() + number / plan.threads
            }
        }
    }

    pub(super) fn register(&self, seat: usize, waker: &Waker) {
        let slot = &mut self.seats.borrow_mut()[seat].waker;
        if slot.as_ref().is_none_or(|old| !old.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Whether this connection is to send PINGREQ; resets the request.
    pub(super) fn takes_ping(&self, seat: usize) -> bool {
        std::mem::take(&mut self.seats.borrow_mut()[seat].pings)
    }

    /// Makes every `of`-th connection, starting with `first`, send PINGREQ.
    pub(super) fn ping(&self, first: usize, of: usize) {
        for seat in self.seats.borrow_mut().iter_mut().skip(first).step_by(of.max(1)) {
            if let Some(waker) = &seat.waker {
                seat.pings = true;
                waker.wake_by_ref();
            }
        }
    }

    pub(super) fn wake_all(&self) {
        self.seats.borrow().iter().filter_map(|seat| seat.waker.as_ref()).for_each(Waker::wake_by_ref);
    }

    pub(super) fn wake(&self, publisher: usize) {
        if let Some(waker) = &self.seats.borrow()[publisher / self.run.topology.threads].waker {
            waker.wake_by_ref();
        }
    }

    /// The connections of this side send DISCONNECT and end.
    pub(super) fn close(&self, side: ClientSide) {
        self.set_closing(side, true);
    }

    /// Connections of this side may be opened again.
    pub(super) fn reopen(&self, side: ClientSide) {
        self.set_closing(side, false);
    }

    fn set_closing(&self, side: ClientSide, is_closing: bool) {
        let mut closing = self.closing.get();
        closing[side as usize] = is_closing;
        self.closing.set(closing);
        self.wake_all();
    }

    pub(super) fn is_closing(&self, role: Role) -> bool {
        self.closing.get()[ClientSide::of(role) as usize]
    }

    /// The sequence number and due time of the next message of this publisher, if it may be sent now. `held` is the time since
    /// which the broker has blocked the connection.
    pub(super) fn next(
        &self,
        publisher: usize,
        now: u64,
        held: Option<u64>,
        waker: &Waker,
    ) -> Option<(u64, u64)> {
        let (run, stream) = (&*self.run, &self.run.streams[publisher]);
        if !run.is_started() {
            return None;
        }
        let sequence = stream.sent.load(Ordering::Relaxed);
        if run.most_of(publisher).is_some_and(|most| sequence >= most) {
            return None;
        }
        let due = match run.pace {
            _ if run.clears() => now,
            Loop::Open => {
                let due = run.schedule.time_of(run.topology.number(publisher, sequence));
                if due > now || due >= run.limit() {
                    return None;
                }
                due
            }
            Loop::Acknowledgements if run.is_stopped() => return None,
            Loop::Acknowledgements => now,
            Loop::Arrivals(window) => {
                if now >= run.limit() || !self.has_room(stream, window, waker) {
                    return None;
                }
                stream.slot(sequence).store(now, Ordering::Relaxed);
                now
            }
        };
        stream.sent.store(sequence + 1, Ordering::Relaxed);
        if run.clears() {
            return Some((sequence, due));
        }
        // The generator is responsible for the delay only up to the time the broker blocked the connection.
        let (lateness, is_measured) =
            (held.unwrap_or(now).saturating_sub(due), run.schedule.is_measured(due));
        if run.pace == Loop::Open && is_measured {
            self.seen.record(Timing::Lateness, lateness);
        }
        self.seen.count(|counts| {
            counts.sent += 1;
            counts.late += u64::from(lateness > LATE);
            counts.held_up += u64::from(lateness <= LATE && now.saturating_sub(due) > LATE);
            counts.sent_measured += u64::from(is_measured);
        });
        Some((sequence, due))
    }

    fn has_room(&self, stream: &PublisherStream, window: u64, waker: &Waker) -> bool {
        let copies = self.run.topology.copies();
        if stream.outstanding(copies) < window {
            return true;
        }
        *stream.waker.lock() = Some(waker.clone());
        stream.waits.store(true, Ordering::SeqCst);
        // A message that arrived on another thread meanwhile may not have seen that this publisher waits.
        stream.outstanding(copies) < window && stream.waits.swap(false, Ordering::SeqCst)
    }

    /// Handles a message that a subscriber has received.
    pub(super) fn arrived(&self, subscriber: usize, reading: Decoded, now: u64) {
        let (run, seen) = (&*self.run, &self.seen);
        let local = subscriber / run.topology.threads;
        let mut tallies = seen.tallies.borrow_mut();
        let tally =
            if run.topology.scenario == Scenario::Shared { &mut tallies[0] } else { &mut tallies[local] };
        let publisher = match reading {
            Decoded::Stamped(stamp) if self.is_known(stamp, subscriber) => {
                if tally.arrive(stamp.publisher, stamp.sequence) == ArrivalOrder::Duplicate {
                    return;
                }
                self.took(stamp, now);
                stamp.publisher as usize
            }
            Decoded::Counted => {
                tally.count();
                // Where the publisher matters, there is only one it can be from.
                if run.topology.scenario == Scenario::PubSub { subscriber } else { 0 }
            }
            Decoded::Stamped(_) | Decoded::Corrupt => {
                tally.corrupt += 1;
                return;
            }
        };
        seen.received_by.borrow_mut()[local] += 1;
        let is_measured = run.is_marked() || run.schedule.is_measured(now);
        seen.count(|counts| {
            counts.received += 1;
            counts.received_measured += u64::from(is_measured);
        });
        seen.last_arrival.set(now);
        if let Loop::Arrivals(window) = run.pace {
            let stream = &run.streams[publisher];
            stream.arrivals.fetch_add(1, Ordering::SeqCst);
            if stream.waits.load(Ordering::SeqCst) && stream.outstanding(run.topology.copies()) <= window / 2
            {
                stream.go_on();
            }
        }
    }

    fn is_known(&self, stamp: MessageStamp, subscriber: usize) -> bool {
        let publisher = stamp.publisher as usize;
        let stream = self.run.streams.get(publisher);
        stream.is_some_and(|stream| stamp.sequence < stream.sent.load(Ordering::Relaxed))
            && self.run.topology.reaches(publisher, subscriber)
    }

    /// Records the latency of a message.
    fn took(&self, stamp: MessageStamp, now: u64) {
        let (run, publisher) = (&*self.run, stamp.publisher as usize);
        let due = match run.pace {
            // Here the time until a subscriber has all messages is measured instead.
            _ if run.topology.scenario == Scenario::Retained => return,
            _ if run.is_marked() => 0,
            Loop::Arrivals(_) => run.streams[publisher].left(stamp.sequence),
            _ => run.schedule.time_of(run.topology.number(publisher, stamp.sequence)),
        };
        let took = now.saturating_sub(due);
        if run.is_marked() || run.schedule.is_measured(due) {
            self.seen.record(Timing::Latency, took);
        }
        self.seen.recent.borrow_mut().record(took);
    }

    /// Messages received by one of this thread's subscribers.
    pub(super) fn received_by(&self, subscriber: usize) -> u64 {
        self.seen.received_by.borrow()[subscriber / self.run.topology.threads]
    }

    /// Whether a subscriber has received all retained messages and can disconnect.
    pub(super) fn has_all(&self, role: Role) -> bool {
        match role {
            Role::Subscriber(number) if self.run.topology.scenario == Scenario::Retained => {
                self.received_by(number) >= self.run.most.unwrap_or(0)
            }
            _ => false,
        }
    }

    /// Records that a subscriber due at that time has received all retained messages.
    pub(super) fn replayed(&self, due: u64) {
        let took = self.run.now().saturating_sub(due);
        self.seen.record(Timing::Replay, took);
        self.seen.recent.borrow_mut().record(took);
    }

    /// Handles PUBACK or PUBREC for a message due at that time.
    pub(super) fn acknowledged(&self, due: u64, reason: Reason, now: u64) {
        let run = &*self.run;
        self.seen.count(|counts| {
            counts.acknowledged += 1;
            counts.refused += u64::from(reason.is_failure());
        });
        if !run.clears() && run.schedule.is_measured(due) {
            self.seen.record(Timing::Acknowledgement, now.saturating_sub(due));
        }
        self.seen.last_arrival.set(now);
    }

    /// Handles PINGRESP for a ping due at that time.
    pub(super) fn ponged(&self, due: u64, now: u64) {
        self.done(Timing::Ping, due, now, self.run.schedule.is_measured(due));
    }

    /// Records a success other than a message: a connection, or an answered ping.
    pub(super) fn done(&self, kind: Timing, due: u64, now: u64, is_measured: bool) {
        let took = now.saturating_sub(due);
        if is_measured {
            self.seen.record(kind, took);
        }
        self.seen.recent.borrow_mut().record(took);
        self.seen.last_arrival.set(now);
        let is_measured = is_measured && self.run.schedule.is_measured(now);
        self.seen.count(|counts| {
            counts.received += 1;
            counts.received_measured += u64::from(is_measured);
        });
    }

    pub(super) fn blocked(&self) {
        self.seen.count(|counts| counts.blocked += 1);
    }
}
