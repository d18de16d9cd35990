//! What one thread of a run has and has seen: its connections, what may be sent next, what arrived, and when.
//!
//! Cells of its own; what closes a loop over threads is in [`Run`].

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::Duration;

use super::run::{LATE, Loop, Role, Run, Stream};
use crate::bench::payload::{Reading, Stamp};
use crate::bench::plan::Scenario;
use crate::bench::tally::{Arrival, Tally};
use crate::bench::times::{Kind, Times};
use crate::codec::reason::Reason;
use crate::sync::Arc;

/// A connection of this thread: who wakes it, and whether it is to send a ping.
#[derive(Default)]
struct Seat {
    waker: Option<Waker>,
    pings: bool,
}

/// What one thread has and saw.
pub(super) struct Shard {
    pub(super) run: Arc<Run>,
    pub(super) thread: usize,
    seats: RefCell<Vec<Seat>>,
    /// Sides whose connections end.
    closing: Cell<[bool; 2]>,
    pub(super) seen: Seen,
}

/// Sums of one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Messages sent, connections tried, pings.
    pub(super) sent: u64,
    /// Messages that arrived, connections, answers; duplicates are not among them.
    pub(super) received: u64,
    pub(super) acknowledged: u64,
    /// Messages that the broker refused in their acknowledgement.
    pub(super) refused: u64,
    /// Connections that could not be opened, and that were lost.
    pub(super) unopened: u64,
    pub(super) lost_connections: u64,
    /// Of `sent` and `received`, those while it was measured.
    pub(super) sent_measured: u64,
    pub(super) received_measured: u64,
    /// Messages that left late by this generator's doing, those that the broker held up, and times that a connection took
    /// no more bytes.
    pub(super) late: u64,
    pub(super) held_up: u64,
    pub(super) blocked: u64,
    /// Connections that are open.
    pub(super) open: u64,
}

pub(super) struct Seen {
    pub(super) tallies: RefCell<Vec<Tally>>,
    /// Messages of each subscriber of this thread, for fairness.
    pub(super) received_by: RefCell<Vec<u64>>,
    pub(super) times: RefCell<Vec<Option<Box<Times>>>>,
    /// The latency since the last tick, measured or not.
    pub(super) recent: RefCell<Times>,
    pub(super) counts: Cell<Counts>,
    pub(super) last_arrival: Cell<u64>,
    /// Time in which this thread did nothing though it wanted to.
    pub(super) stood_still: Cell<Duration>,
}

impl Seen {
    pub(super) fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    pub(super) fn record(&self, kind: Kind, micros: u64) {
        let slot = &mut self.times.borrow_mut()[kind as usize];
        slot.get_or_insert_with(|| Box::new(Times::new())).record(micros);
    }
}

impl Shard {
    pub(super) fn new(run: Arc<Run>, thread: usize) -> Self {
        let plan = &run.plan;
        let (publishers, subscribers) =
            (plan.share(plan.publishers, thread).count(), plan.share(plan.subscribers, thread).count());
        let tallies = if plan.scenario == Scenario::Shared { 1 } else { subscribers };
        let seen = Seen {
            tallies: RefCell::new((0..tallies).map(|_| Tally::default()).collect()),
            received_by: RefCell::new(vec![0; subscribers]),
            times: RefCell::new((0..Kind::ALL.len()).map(|_| None).collect()),
            recent: RefCell::new(Times::new()),
            counts: Cell::default(),
            last_arrival: Cell::new(0),
            stood_still: Cell::default(),
        };
        let seats = (0..publishers + subscribers).map(|_| Seat::default()).collect();
        Self { thread, seats: RefCell::new(seats), closing: Cell::new([false; 2]), seen, run }
    }

    pub(super) fn seat(&self, role: Role) -> usize {
        let plan = &self.run.plan;
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

    /// Whether this connection is to send a ping, once.
    pub(super) fn takes_ping(&self, seat: usize) -> bool {
        std::mem::take(&mut self.seats.borrow_mut()[seat].pings)
    }

    /// Every `of`-th connection, beginning with this one, sends a ping.
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
        if let Some(waker) = &self.seats.borrow()[publisher / self.run.plan.threads].waker {
            waker.wake_by_ref();
        }
    }

    /// The connections of a side say DISCONNECT and end, or may begin again.
    pub(super) fn close(&self, publishers: bool, close: bool) {
        let mut closing = self.closing.get();
        closing[usize::from(publishers)] = close;
        self.closing.set(closing);
        self.wake_all();
    }

    pub(super) fn is_closing(&self, role: Role) -> bool {
        self.closing.get()[usize::from(matches!(role, Role::Publisher(_)))]
    }

    /// The next message of this publisher and when it was due, if it may leave now. `held`: since when the broker has held
    /// up the connection, if it has.
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
                let due = run.schedule.time_of(run.plan.number(publisher, sequence));
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
        // Only what passed before the broker held it up is the generator's.
        let (lateness, is_measured) =
            (held.unwrap_or(now).saturating_sub(due), run.schedule.is_measured(due));
        if run.pace == Loop::Open && is_measured {
            self.seen.record(Kind::Lateness, lateness);
        }
        self.seen.count(|counts| {
            counts.sent += 1;
            counts.late += u64::from(lateness > LATE);
            counts.held_up += u64::from(lateness <= LATE && now.saturating_sub(due) > LATE);
            counts.sent_measured += u64::from(is_measured);
        });
        Some((sequence, due))
    }

    fn has_room(&self, stream: &Stream, window: u64, waker: &Waker) -> bool {
        let copies = self.run.plan.copies();
        if stream.outstanding(copies) < window {
            return true;
        }
        *stream.waker.lock() = Some(waker.clone());
        stream.waits.store(true, Ordering::SeqCst);
        // What arrived meanwhile in another thread may not have seen that it waits.
        stream.outstanding(copies) < window && stream.waits.swap(false, Ordering::SeqCst)
    }

    /// A subscriber got a message.
    pub(super) fn arrived(&self, subscriber: usize, reading: Reading, now: u64) {
        let (run, seen) = (&*self.run, &self.seen);
        let local = subscriber / run.plan.threads;
        let mut tallies = seen.tallies.borrow_mut();
        let tally = if run.plan.scenario == Scenario::Shared { &mut tallies[0] } else { &mut tallies[local] };
        let publisher = match reading {
            Reading::Stamped(stamp) if self.is_known(stamp, subscriber) => {
                if tally.arrive(stamp.publisher, stamp.sequence) == Arrival::Duplicate {
                    return;
                }
                self.took(stamp, now);
                stamp.publisher as usize
            }
            Reading::Counted => {
                tally.count();
                // Where it matters, there is only one publisher it can be of.
                if run.plan.scenario == Scenario::PubSub { subscriber } else { 0 }
            }
            Reading::Stamped(_) | Reading::Corrupt => {
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
            if stream.waits.load(Ordering::SeqCst) && stream.outstanding(run.plan.copies()) <= window / 2 {
                stream.go_on();
            }
        }
    }

    fn is_known(&self, stamp: Stamp, subscriber: usize) -> bool {
        let publisher = stamp.publisher as usize;
        let stream = self.run.streams.get(publisher);
        stream.is_some_and(|stream| stamp.sequence < stream.sent.load(Ordering::Relaxed))
            && self.run.plan.reaches(publisher, subscriber)
    }

    /// The time of a message that arrived.
    fn took(&self, stamp: Stamp, now: u64) {
        let (run, publisher) = (&*self.run, stamp.publisher as usize);
        let due = match run.pace {
            // It is the subscriber's time that counts, when all have come.
            _ if run.plan.scenario == Scenario::Retained => return,
            _ if run.is_marked() => 0,
            Loop::Arrivals(_) => run.streams[publisher].left(stamp.sequence),
            _ => run.schedule.time_of(run.plan.number(publisher, stamp.sequence)),
        };
        let took = now.saturating_sub(due);
        if run.is_marked() || run.schedule.is_measured(due) {
            self.seen.record(Kind::Latency, took);
        }
        self.seen.recent.borrow_mut().record(took);
    }

    /// Messages of one of this thread's subscribers.
    pub(super) fn received_by(&self, subscriber: usize) -> u64 {
        self.seen.received_by.borrow()[subscriber / self.run.plan.threads]
    }

    /// Whether a subscriber has all that was retained, and need not stay.
    pub(super) fn has_all(&self, role: Role) -> bool {
        match role {
            Role::Subscriber(number) if self.run.plan.scenario == Scenario::Retained => {
                self.received_by(number) >= self.run.most.unwrap_or(0)
            }
            _ => false,
        }
    }

    /// A subscriber that was due then has all that was retained.
    pub(super) fn replayed(&self, due: u64) {
        let took = self.run.now().saturating_sub(due);
        self.seen.record(Kind::Replay, took);
        self.seen.recent.borrow_mut().record(took);
    }

    /// PUBACK or PUBREC came for what was due then.
    pub(super) fn acknowledged(&self, due: u64, reason: Reason, now: u64) {
        let run = &*self.run;
        self.seen.count(|counts| {
            counts.acknowledged += 1;
            counts.refused += u64::from(reason.is_failure());
        });
        if !run.clears() && run.schedule.is_measured(due) {
            self.seen.record(Kind::Acknowledgement, now.saturating_sub(due));
        }
        self.seen.last_arrival.set(now);
    }

    /// PINGRESP came for what was due then.
    pub(super) fn ponged(&self, due: u64, now: u64) {
        self.done(Kind::Ping, due, now, self.run.schedule.is_measured(due));
    }

    /// Something other than a message was achieved: a connection, an answer.
    pub(super) fn done(&self, kind: Kind, due: u64, now: u64, is_measured: bool) {
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
