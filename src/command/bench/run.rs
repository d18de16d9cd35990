//! What all threads of one run share: what is settled before it begins, its clock, and how much each publisher has sent.
//!
//! Between threads go only the numbers that close a loop. Times are microseconds since the first message, or the first
//! connection, was due.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::client::Clients;
use crate::bench::payload::Payloads;
use crate::bench::plan::Plan;
use crate::bench::schedule::Schedule;
use crate::bench::topic::Topics;
use crate::codec::property::PropertiesBuf;
use crate::message::QoS;
use crate::sync::Mutex;

/// A message that leaves so much after it was due is late.
pub(super) const LATE: u64 = 1_000;
/// Failures that are told; the others are counted.
const TOLD: usize = 5;

/// Which side a connection is on, and the how manieth it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Publisher(usize),
    Subscriber(usize),
}

/// What lets the next message leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loop {
    /// Its due time.
    Open,
    /// The arrivals of those before: so many of a publisher may be on their way.
    Arrivals(u64),
    /// Their acknowledgements alone, as nobody receives yet.
    Acknowledgements,
}

/// What is settled before the first connection.
pub(super) struct Setup {
    pub(super) plan: Plan,
    pub(super) pace: Loop,
    pub(super) schedule: Schedule,
    /// Messages in all, in a closed loop.
    pub(super) most: Option<u64>,
    pub(super) payloads: Payloads,
    pub(super) topics: Topics,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    /// Of each PUBLISH, in MQTT 5.
    pub(super) properties: PropertiesBuf,
    pub(super) clients: Clients,
    /// Connections a second, where they are paced.
    pub(super) connect_rate: Option<f64>,
}

impl Setup {
    /// In a closed loop, messages of a publisher of which it is known when they left.
    fn ring(&self) -> u64 {
        match self.pace {
            // Receivers may lie this far behind the mean of all before their latency is only a lower bound.
            Loop::Arrivals(window) => (window * 16).next_power_of_two(),
            Loop::Open | Loop::Acknowledgements => 0,
        }
    }

    /// Bytes that the publishers keep for as long as they run: for their windows, and for a payload that is made and one
    /// that is sent.
    pub(super) fn memory(&self) -> (u64, u64) {
        let (publishers, payload) = (self.plan.publishers as u64, self.payloads.len().unwrap_or(0) as u64);
        let of_each = if self.plan.scenario.has_messages() { 2 * payload } else { 0 };
        (publishers * self.ring() * 8, publishers.saturating_mul(of_each))
    }
}

/// What all threads share.
pub(super) struct Run {
    setup: Setup,
    origin: OnceLock<Instant>,
    /// Messages that are due from here on are not sent.
    limit: AtomicU64,
    /// Microseconds after the origin at which time begins anew.
    shift: AtomicU64,
    /// Whether latency counts from there, and not from the due time.
    is_marked: AtomicBool,
    /// Whether what was retained is being taken back.
    clears: AtomicBool,
    /// Whether all is done, and connections may end.
    is_over: AtomicBool,
    /// Connections of all threads that are open.
    pub(super) open: AtomicU64,
    /// When all connections that are measured were open.
    opened: AtomicU64,
    pub(super) streams: Box<[Stream]>,
    told: Mutex<Vec<String>>,
}

impl std::ops::Deref for Run {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}

/// What one publisher sends. Each has cache lines of its own, so that threads do not slow each other down.
#[repr(align(128))]
pub(super) struct Stream {
    pub(super) sent: AtomicU64,
    pub(super) arrivals: AtomicU64,
    /// Messages that are waited for no longer, in a closed loop.
    forgiven: AtomicU64,
    /// In a closed loop, when the last messages left, by sequence number.
    times: Box<[AtomicU64]>,
    /// Whether it waits for the window, and who is to be woken then.
    pub(super) waits: AtomicBool,
    pub(super) waker: Mutex<Option<Waker>>,
}

pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

impl Run {
    pub(super) fn new(setup: Setup) -> Self {
        let ring = setup.ring();
        let streams = (0..setup.plan.publishers).map(|_| Stream {
            sent: AtomicU64::new(0),
            arrivals: AtomicU64::new(0),
            forgiven: AtomicU64::new(0),
            times: (0..ring).map(|_| AtomicU64::new(0)).collect(),
            waits: AtomicBool::new(false),
            waker: Mutex::default(),
        });
        Self {
            origin: OnceLock::new(),
            limit: AtomicU64::new(u64::MAX),
            shift: AtomicU64::new(0),
            is_marked: AtomicBool::new(false),
            clears: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            open: AtomicU64::new(0),
            opened: AtomicU64::new(0),
            streams: streams.collect(),
            told: Mutex::default(),
            setup,
        }
    }

    /// The first is due now.
    pub(super) fn start(&self) {
        self.origin.get_or_init(Instant::now);
    }

    pub(super) fn is_started(&self) -> bool {
        self.origin.get().is_some()
    }

    /// Time since the start, or before it 0.
    pub(super) fn now(&self) -> u64 {
        let since = self.origin.get().map_or(0, |origin| micros(origin.elapsed()));
        since.saturating_sub(self.shift.load(Ordering::Relaxed))
    }

    /// What is measured begins now, after what had to be done before; with `marks` latency counts from here.
    pub(super) fn restart(&self, marks: bool) {
        self.shift.fetch_add(self.now(), Ordering::Relaxed);
        self.is_marked.store(marks, Ordering::Relaxed);
    }

    /// Differs after each beginning.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.origin.get().map(|_| self.shift.load(Ordering::Relaxed))
    }

    /// Nothing more is sent but what is due already.
    pub(super) fn stop(&self) {
        self.limit.fetch_min(self.now(), Ordering::Relaxed);
    }

    /// Where sending ends.
    pub(super) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed).min(self.schedule.end())
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.limit.load(Ordering::Relaxed) != u64::MAX
    }

    /// All is done: that a connection ends from now on is no loss.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// All connections that are measured are open.
    pub(super) fn all_open(&self) {
        self.opened.store(self.now(), Ordering::Relaxed);
    }

    /// Seconds in which they were opened.
    #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
    pub(super) fn opened_in(&self) -> Option<f64> {
        let micros = self.opened.load(Ordering::Relaxed);
        (micros > 0).then(|| micros as f64 / 1e6)
    }

    pub(super) fn is_marked(&self) -> bool {
        self.is_marked.load(Ordering::Relaxed)
    }

    /// Publishers take back what they have retained: they begin anew, with empty payloads.
    pub(super) fn clear(&self) {
        self.clears.store(true, Ordering::Relaxed);
        self.streams.iter().for_each(|stream| stream.sent.store(0, Ordering::Relaxed));
    }

    pub(super) fn clears(&self) -> bool {
        self.clears.load(Ordering::Relaxed)
    }

    /// Messages that were due before sending ended; in a closed loop those that left.
    pub(super) fn due(&self) -> u64 {
        match self.pace {
            Loop::Open => self.schedule.count_before(self.limit()),
            Loop::Arrivals(_) | Loop::Acknowledgements => self.sent(),
        }
    }

    pub(super) fn sent(&self) -> u64 {
        self.streams.iter().map(|stream| stream.sent.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn sent_by(&self, publisher: usize) -> u64 {
        self.streams[publisher].sent.load(Ordering::Relaxed)
    }

    /// A failure for people; of many only the first are kept.
    pub(super) fn tell(&self, text: String) {
        let mut told = self.told.lock();
        if told.len() < TOLD {
            told.push(text);
        }
    }

    pub(super) fn told(&self) -> Vec<String> {
        self.told.lock().clone()
    }

    /// Messages of one publisher, where their number ends the run.
    pub(super) fn most_of(&self, publisher: usize) -> Option<u64> {
        let most = self.most?;
        let publishers = self.plan.publishers as u64;
        Some(most / publishers + u64::from((publisher as u64) < most % publishers))
    }

    /// In a closed loop, waits no longer for what has been on its way while nothing arrived.
    pub(super) fn forgive(&self) {
        for stream in &self.streams {
            if stream.waits.load(Ordering::Relaxed) {
                stream.forgiven.fetch_add(stream.outstanding(self.plan.copies()), Ordering::Relaxed);
                stream.go_on();
            }
        }
    }
}

impl Stream {
    /// Messages on their way, by the mean of all receivers.
    pub(super) fn outstanding(&self, copies: u64) -> u64 {
        let arrived = self.arrivals.load(Ordering::Relaxed) / copies.max(1);
        self.sent.load(Ordering::Relaxed).saturating_sub(arrived + self.forgiven.load(Ordering::Relaxed))
    }

    pub(super) fn slot(&self, sequence: u64) -> &AtomicU64 {
        &self.times[usize::try_from(sequence).unwrap_or(0) & (self.times.len() - 1)]
    }

    /// When a message left; the earliest time that is still known, if it has left longer ago.
    pub(super) fn left(&self, sequence: u64) -> u64 {
        let oldest = self.sent.load(Ordering::Relaxed).saturating_sub(self.times.len() as u64);
        self.slot(sequence.max(oldest)).load(Ordering::Relaxed)
    }

    pub(super) fn go_on(&self) {
        if self.waits.swap(false, Ordering::AcqRel)
            && let Some(waker) = self.waker.lock().as_ref()
        {
            waker.wake_by_ref();
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Publisher(number) => write!(f, "publisher {number}"),
            Self::Subscriber(number) => write!(f, "subscriber {number}"),
        }
    }
}
