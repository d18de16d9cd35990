//! The state that all threads of a run share: its setup, its clock, and the number of messages each publisher has sent.
//!
//! Threads exchange only the counters that a closed loop needs. Times are microseconds since the first message, or the first
//! connection, was due.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Instant;

use super::client::Clients;
use super::role::micros;
use crate::bench::model::payload::Payloads;
use crate::bench::model::schedule::Schedule;
use crate::bench::model::topic::TopicTemplate;
use crate::bench::model::topology::Topology;
use crate::codec::property::PropertiesBuf;
use crate::message::QoS;
use crate::sync::Mutex;

/// Microseconds after its due time from which a message counts as late.
pub(super) const LATE: u64 = 1_000;
/// Maximum number of failures that are reported with their text; further ones are only counted.
const TOLD: usize = 5;

/// What a publisher waits for before it sends the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loop {
    /// Its due time.
    Open,
    /// Earlier messages to arrive: at most this many of a publisher are on their way.
    Arrivals(u64),
    /// Earlier messages to be acknowledged, as no subscriber is connected.
    Acknowledgements,
}

/// The setup of a run.
pub(super) struct Setup {
    pub(super) topology: Topology,
    pub(super) pace: Loop,
    pub(super) schedule: Schedule,
    /// Total number of messages, in a closed loop.
    pub(super) most: Option<u64>,
    pub(super) payloads: Payloads,
    pub(super) topics: TopicTemplate,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    /// Properties of each PUBLISH (MQTT 5).
    pub(super) properties: PropertiesBuf,
    pub(super) clients: Clients,
    /// Connections per second, if limited.
    pub(super) connect_rate: Option<f64>,
}

impl Setup {
    /// In a closed loop, number of messages of a publisher whose send time is remembered.
    fn ring(&self) -> u64 {
        match self.pace {
            // A receiver may lag this far behind the mean of all before its latency becomes a lower bound.
            Loop::Arrivals(window) => (window * 16).next_power_of_two(),
            Loop::Open | Loop::Acknowledgements => 0,
        }
    }

    /// Bytes that the publishers need throughout the run: for their windows, and for two payloads each, one being made and
    /// one being sent.
    pub(super) fn memory(&self) -> (u64, u64) {
        let (publishers, payload) =
            (self.topology.publishers as u64, self.payloads.len().unwrap_or(0) as u64);
        let of_each = if self.topology.scenario.has_messages() { 2 * payload } else { 0 };
        (publishers * self.ring() * 8, publishers.saturating_mul(of_each))
    }
}

/// The shared state of a run.
pub(super) struct Run {
    setup: Setup,
    origin: OnceLock<Instant>,
    /// Time from which on due messages are not sent.
    limit: AtomicU64,
    /// Microseconds between the origin and the start of the measurement.
    shift: AtomicU64,
    /// Whether latency is measured from that start instead of the due time.
    is_marked: AtomicBool,
    /// Whether retained messages are being deleted.
    clears: AtomicBool,
    /// Whether the run is over, so that connections may end.
    is_over: AtomicBool,
    /// Connections of all threads that are open.
    pub(super) open: AtomicU64,
    /// When all measured connections were open.
    opened: AtomicU64,
    pub(super) streams: Box<[PublisherStream]>,
    told: Mutex<Vec<String>>,
}

impl std::ops::Deref for Run {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.setup
    }
}

/// The counters of one publisher, in cache lines of their own to avoid false sharing between threads.
#[repr(align(128))]
pub(super) struct PublisherStream {
    pub(super) sent: AtomicU64,
    pub(super) arrivals: AtomicU64,
    /// Messages given up as lost, in a closed loop.
    forgiven: AtomicU64,
    /// In a closed loop, send times of the last messages by sequence number.
    times: Box<[AtomicU64]>,
    /// Whether the publisher waits for room in its window, and the task to wake.
    pub(super) waits: AtomicBool,
    pub(super) waker: Mutex<Option<Waker>>,
}

impl Run {
    pub(super) fn new(setup: Setup) -> Self {
        let ring = setup.ring();
        let streams = (0..setup.topology.publishers).map(|_| PublisherStream {
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

    /// Starts the clock: the first message is due now.
    pub(super) fn start(&self) {
        self.origin.get_or_init(Instant::now);
    }

    pub(super) fn is_started(&self) -> bool {
        self.origin.get().is_some()
    }

    /// Time since the start; 0 before it.
    pub(super) fn now(&self) -> u64 {
        let since = self.origin.get().map_or(0, |origin| micros(origin.elapsed()));
        since.saturating_sub(self.shift.load(Ordering::Relaxed))
    }

    /// Starts the measurement after the preparations; with `marks`, latency is measured from now on.
    pub(super) fn restart(&self, marks: bool) {
        self.shift.fetch_add(self.now(), Ordering::Relaxed);
        self.is_marked.store(marks, Ordering::Relaxed);
    }

    /// A number that changes with each start of the clock.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.origin.get().map(|_| self.shift.load(Ordering::Relaxed))
    }

    /// Stops sending, except for messages that are due already.
    pub(super) fn stop(&self) {
        self.limit.fetch_min(self.now(), Ordering::Relaxed);
    }

    /// Time at which sending ends.
    pub(super) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed).min(self.schedule.end())
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.limit.load(Ordering::Relaxed) != u64::MAX
    }

    /// Ends the run: a connection that ends from now on is not lost.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Records that all measured connections are open.
    pub(super) fn all_open(&self) {
        self.opened.store(self.now(), Ordering::Relaxed);
    }

    /// Seconds it took to open them.
    #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
    pub(super) fn opened_in(&self) -> Option<f64> {
        let micros = self.opened.load(Ordering::Relaxed);
        (micros > 0).then(|| micros as f64 / 1e6)
    }

    pub(super) fn is_marked(&self) -> bool {
        self.is_marked.load(Ordering::Relaxed)
    }

    /// Deletes the retained messages: publishers start over with empty payloads.
    pub(super) fn clear(&self) {
        self.clears.store(true, Ordering::Relaxed);
        self.streams.iter().for_each(|stream| stream.sent.store(0, Ordering::Relaxed));
    }

    pub(super) fn clears(&self) -> bool {
        self.clears.load(Ordering::Relaxed)
    }

    /// Messages that were due before sending ended; in a closed loop, messages sent.
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

    /// Records the text of a failure; only the first few are kept.
    pub(super) fn tell(&self, text: String) {
        let mut told = self.told.lock();
        if told.len() < TOLD {
            told.push(text);
        }
    }

    pub(super) fn told(&self) -> Vec<String> {
        self.told.lock().clone()
    }

    /// Number of messages of one publisher, if the run ends after a number of messages.
    pub(super) fn most_of(&self, publisher: usize) -> Option<u64> {
        let most = self.most?;
        let publishers = self.topology.publishers as u64;
        Some(most / publishers + u64::from((publisher as u64) < most % publishers))
    }

    /// In a closed loop, gives up messages that have not arrived.
    pub(super) fn forgive(&self) {
        for stream in &self.streams {
            if stream.waits.load(Ordering::Relaxed) {
                stream.forgiven.fetch_add(stream.outstanding(self.topology.copies()), Ordering::Relaxed);
                stream.go_on();
            }
        }
    }
}

impl PublisherStream {
    /// Messages on their way, averaged over all receivers.
    pub(super) fn outstanding(&self, copies: u64) -> u64 {
        let arrived = self.arrivals.load(Ordering::Relaxed) / copies.max(1);
        self.sent.load(Ordering::Relaxed).saturating_sub(arrived + self.forgiven.load(Ordering::Relaxed))
    }

    pub(super) fn slot(&self, sequence: u64) -> &AtomicU64 {
        &self.times[usize::try_from(sequence).unwrap_or(0) & (self.times.len() - 1)]
    }

    /// Send time of a message, or the earliest one still remembered.
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
