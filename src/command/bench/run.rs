//! What all connections of one run share: how much may be sent, what arrived, and when.
//!
//! Everything is on one thread, so cells do. Times are microseconds since the first message was due.

use std::cell::{Cell, RefCell};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::bench::plan::Plan;
use crate::bench::stamp::Stamp;
use crate::bench::tally::{Arrival, Tally, Times};
use crate::codec::packet::Version;
use crate::codec::reason::Reason;
use crate::message::QoS;

/// A message that leaves so much after it was due is late.
const LATE: u64 = 1_000;
/// Failures that are told; the others are counted.
const TOLD: usize = 5;

/// Which side a connection is on, and the how manieth it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Publisher(usize),
    Subscriber(usize),
}

/// What is settled before the first connection.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) plan: Plan,
    pub(super) qos: QoS,
    pub(super) size: usize,
    pub(super) version: Version,
    /// Differs from one run to the next.
    pub(super) key: u64,
    pub(super) warm_up: Duration,
    pub(super) duration: Duration,
    /// In a closed loop, messages of one publisher on their way.
    pub(super) window: u64,
}

pub(super) struct Run {
    setup: Setup,
    origin: Cell<Instant>,
    warm_up: u64,
    streams: Vec<Stream>,
    wakers: RefCell<Vec<Option<Waker>>>,
    stopped: Cell<bool>,
    over: Cell<bool>,
    pings: Cell<u64>,
    pub(super) seen: Seen,
}

impl std::ops::Deref for Run {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}

/// What one publisher sends.
struct Stream {
    sent: Cell<u64>,
    /// Messages that are due, in an open loop.
    allowed: Cell<u64>,
    arrivals: Cell<u64>,
    /// Receivers that each message reaches.
    copies: u64,
    /// Messages that are waited for no longer, in a closed loop.
    forgiven: Cell<u64>,
    /// In a closed loop, when the last messages left, by sequence number.
    times: RefCell<Vec<u64>>,
    /// Whether it waits for the window.
    waits: Cell<bool>,
}

/// What was seen of the run.
pub(super) struct Seen {
    pub(super) tallies: Vec<RefCell<Tally>>,
    /// From due time to arrival.
    pub(super) latency: RefCell<Times>,
    /// From due time to PUBACK, or PUBREC.
    pub(super) acknowledgement: RefCell<Times>,
    /// From due time to when the message was written.
    pub(super) lateness: RefCell<Times>,
    pub(super) late: Cell<u64>,
    pub(super) blocked: Cell<u64>,
    pub(super) acknowledged: Cell<u64>,
    /// Messages that the broker refused in their acknowledgement.
    pub(super) refused: Cell<u64>,
    /// Messages sent and received after the warm-up and before the end.
    pub(super) sent_measured: Cell<u64>,
    pub(super) received_measured: Cell<u64>,
    last_arrival: Cell<u64>,
    /// The first failures of connections, and how many there were.
    pub(super) failures: RefCell<Vec<String>>,
    pub(super) failed: Cell<u64>,
}

fn add(cell: &Cell<u64>, count: u64) {
    cell.set(cell.get() + count);
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

impl Run {
    pub(super) fn new(setup: Setup) -> Self {
        let plan = &setup.plan;
        let ring = match plan.rate {
            Some(_) => 0,
            // Receivers may lie this far behind the mean of all before their latency is only a lower bound.
            None => (setup.window * 16).next_power_of_two(),
        };
        let streams = (0..plan.publishers).map(|publisher| Stream {
            sent: Cell::new(0),
            allowed: Cell::new(0),
            arrivals: Cell::new(0),
            copies: (0..plan.tallies()).filter(|tally| plan.reaches(publisher, *tally)).count().max(1) as u64,
            forgiven: Cell::new(0),
            times: RefCell::new(vec![0; usize::try_from(ring).unwrap_or(0)]),
            waits: Cell::new(false),
        });
        let times = || RefCell::new(Times::new());
        let seen = Seen {
            tallies: (0..plan.tallies()).map(|_| RefCell::default()).collect(),
            latency: times(),
            acknowledgement: times(),
            lateness: times(),
            late: Cell::new(0),
            blocked: Cell::new(0),
            acknowledged: Cell::new(0),
            refused: Cell::new(0),
            sent_measured: Cell::new(0),
            received_measured: Cell::new(0),
            last_arrival: Cell::new(0),
            failures: RefCell::default(),
            failed: Cell::new(0),
        };
        Self {
            origin: Cell::new(Instant::now()),
            warm_up: micros(setup.warm_up),
            streams: streams.collect(),
            wakers: RefCell::new(vec![None; plan.publishers + plan.subscribers]),
            stopped: Cell::new(true),
            over: Cell::new(false),
            pings: Cell::new(0),
            seen,
            setup,
        }
    }

    /// The first message is due now.
    pub(super) fn start(&self) {
        self.origin.set(Instant::now());
        self.stopped.set(false);
        self.wake_all();
    }

    /// Nothing more is sent but what is due already.
    pub(super) fn stop(&self) {
        self.stopped.set(true);
    }

    /// All connections end.
    pub(super) fn end(&self) {
        self.over.set(true);
        self.wake_all();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.get()
    }

    pub(super) fn now(&self) -> u64 {
        micros(self.origin.get().elapsed())
    }

    /// Where the measured time ends.
    pub(super) fn finish(&self) -> u64 {
        self.warm_up + micros(self.setup.duration)
    }

    fn is_measured(&self, at: u64) -> bool {
        at >= self.warm_up && at < self.finish()
    }

    pub(super) fn register(&self, role: Role, waker: &Waker) {
        let mut wakers = self.wakers.borrow_mut();
        let slot = match role {
            Role::Publisher(number) => &mut wakers[number],
            Role::Subscriber(number) => &mut wakers[self.plan.publishers + number],
        };
        if slot.as_ref().is_none_or(|old| !old.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    fn wake_all(&self) {
        self.wakers.borrow().iter().flatten().for_each(Waker::wake_by_ref);
    }

    fn wake(&self, publisher: usize) {
        if let Some(waker) = &self.wakers.borrow()[publisher] {
            waker.wake_by_ref();
        }
    }

    /// All connections send a ping.
    pub(super) fn ping(&self) {
        add(&self.pings, 1);
        self.wake_all();
    }

    pub(super) fn pings(&self) -> u64 {
        self.pings.get()
    }

    /// Messages from `granted` up to `count`, counted over all publishers, have become due.
    pub(super) fn grant(&self, granted: u64, count: u64) {
        let publishers = self.plan.publishers as u64;
        for number in granted..count {
            let publisher = usize::try_from(number % publishers).unwrap_or(0);
            add(&self.streams[publisher].allowed, 1);
            if number + publishers >= count {
                self.wake(publisher);
            }
        }
    }

    /// The next message of this publisher and when it was due, if it may leave now.
    pub(super) fn next(&self, publisher: usize) -> Option<(u64, u64)> {
        let stream = &self.streams[publisher];
        let sequence = stream.sent.get();
        let now = self.now();
        let due = match self.plan.rate {
            Some(rate) => {
                if sequence >= stream.allowed.get() {
                    return None;
                }
                let due = self.plan.due(rate, publisher, sequence);
                let lateness = now.saturating_sub(due);
                if self.is_measured(due) {
                    self.seen.lateness.borrow_mut().record(lateness);
                }
                add(&self.seen.late, u64::from(lateness > LATE));
                due
            }
            None => {
                if self.stopped.get() {
                    return None;
                }
                if stream.outstanding() >= self.setup.window {
                    stream.waits.set(true);
                    return None;
                }
                let mut times = stream.times.borrow_mut();
                let slot = stream.slot(sequence, times.len());
                times[slot] = now;
                now
            }
        };
        stream.sent.set(sequence + 1);
        add(&self.seen.sent_measured, u64::from(self.is_measured(now)));
        Some((sequence, due))
    }

    /// A subscriber got a message; `None`: not as it was sent.
    pub(super) fn arrived(&self, subscriber: usize, stamp: Option<Stamp>) {
        let number = self.plan.tally(subscriber);
        let mut tally = self.seen.tallies[number].borrow_mut();
        let known = stamp.filter(|stamp| {
            let publisher = stamp.publisher as usize;
            self.streams.get(publisher).is_some_and(|stream| stamp.sequence < stream.sent.get())
                && self.plan.reaches(publisher, number)
        });
        let Some(Stamp { publisher, sequence }) = known else {
            tally.corrupt += 1;
            return;
        };
        if tally.arrive(publisher, sequence) == Arrival::Duplicate {
            return;
        }
        let (now, publisher) = (self.now(), publisher as usize);
        let stream = &self.streams[publisher];
        let due = match self.plan.rate {
            Some(rate) => self.plan.due(rate, publisher, sequence),
            None => stream.left(sequence),
        };
        if self.is_measured(due) {
            self.seen.latency.borrow_mut().record(now.saturating_sub(due));
        }
        add(&self.seen.received_measured, u64::from(self.is_measured(now)));
        self.seen.last_arrival.set(now);
        add(&stream.arrivals, 1);
        if stream.waits.get() && stream.outstanding() <= self.setup.window / 2 {
            stream.waits.set(false);
            self.wake(publisher);
        }
    }

    pub(super) fn acknowledged(&self, due: u64, reason: Reason) {
        add(&self.seen.acknowledged, 1);
        add(&self.seen.refused, u64::from(reason.is_failure()));
        if self.is_measured(due) {
            self.seen.acknowledgement.borrow_mut().record(self.now().saturating_sub(due));
        }
    }

    pub(super) fn blocked(&self) {
        add(&self.seen.blocked, 1);
    }

    pub(super) fn failed(&self, text: String) {
        add(&self.seen.failed, 1);
        let mut failures = self.seen.failures.borrow_mut();
        if failures.len() < TOLD {
            failures.push(text);
        }
    }

    pub(super) fn sent(&self) -> u64 {
        self.streams.iter().map(|stream| stream.sent.get()).sum()
    }

    /// Messages that should arrive of what was sent.
    pub(super) fn expected(&self) -> u64 {
        self.streams.iter().map(|stream| stream.sent.get() * stream.copies).sum()
    }

    /// Different messages that arrived.
    pub(super) fn received(&self) -> u64 {
        self.seen.tallies.iter().map(|tally| tally.borrow().received()).sum()
    }

    /// Whether all that was due is sent, answered and received.
    pub(super) fn is_complete(&self) -> bool {
        let unsent = self.streams.iter().any(|stream| stream.sent.get() < stream.allowed.get());
        let unanswered = self.qos != QoS::AtMostOnce && self.seen.acknowledged.get() < self.sent();
        !unsent && !unanswered && self.received() == self.expected()
    }

    /// How long nothing has arrived.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_micros(self.now().saturating_sub(self.seen.last_arrival.get()))
    }

    /// In a closed loop, waits no longer for what has been on its way while nothing arrived.
    pub(super) fn forgive(&self) {
        for (publisher, stream) in self.streams.iter().enumerate() {
            if stream.waits.replace(false) {
                add(&stream.forgiven, stream.outstanding());
                self.wake(publisher);
            }
        }
    }
}

impl Stream {
    /// Messages on their way, by the mean of all receivers.
    fn outstanding(&self) -> u64 {
        self.sent.get().saturating_sub(self.arrivals.get() / self.copies + self.forgiven.get())
    }

    fn slot(&self, sequence: u64, ring: usize) -> usize {
        usize::try_from(sequence).unwrap_or(0) & (ring - 1)
    }

    /// When a message left; the earliest time that is still known, if it has left longer ago.
    fn left(&self, sequence: u64) -> u64 {
        let times = self.times.borrow();
        let oldest = self.sent.get().saturating_sub(times.len() as u64);
        times[self.slot(sequence.max(oldest), times.len())]
    }
}
