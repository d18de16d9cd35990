//! What was said, what was heard, and the promises between the two. They are written down here once, per hop:
//!
//! - **publisher to broker**: what the publisher was told is taken has been routed; at QoS 0 and 2 it is routed at most
//!   once; per publisher, topic and QoS in the order of publishing.
//! - **broker to subscriber**: what was routed while a subscription held arrives, if both hops are QoS 1 or 2; at QoS 0
//!   and 2 once for each routing, at QoS 1 twice only over a broken connection; per publisher, topic and QoS in order;
//!   nothing that was not subscribed to, not expired, not changed, with a granted QoS and the right identifiers.
//! - **retained**: what a new subscription gets is the last value.
//! - **sessions** live as long as they should; **wills** are published exactly when they should.
//!
//! Here stand the books; [`publisher`], [`sessions`] and [`subscriber`] write them, and [`reckoning`] closes them.
//!
//! A witness subscribes to everything over a connection that never fails, and hears of each message in the moment it is
//! routed: so the two hops can be judged one by one.

mod publisher;
mod reckoning;
mod sessions;
mod subscriber;

use std::collections::{BTreeMap, BTreeSet};

use super::authority::Authority;
use crate::codec::packet::{Options, Publish};
use crate::message::QoS;
use crate::time::Instant;
use crate::topic::TopicFilter;

/// Steps of the simulation count what comes before what.
pub(super) type Step = u64;
pub(super) type Checked = Result<(), String>;

#[derive(Debug)]
pub(super) struct Message {
    pub(super) publisher: usize,
    pub(super) topic: &'static str,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) payload: Vec<u8>,
    pub(super) expiry: Option<u32>,
    pub(super) content_type: bool,
    pub(super) is_will: bool,
    pub(super) sent: Step,
    /// When the publisher heard that the broker has it.
    pub(super) taken: Option<Instant>,
    pub(super) taken_at: Step,
    /// The broker lost the publisher's session while this was unfinished: it may be published twice.
    pub(super) anew: bool,
    /// Not for a crash alone, after which nobody has it twice.
    pub(super) doubled: bool,
    /// The broker read it while its publisher had the right to its topic; while it had not.
    pub(super) was_allowed: bool,
    pub(super) was_denied: bool,
    /// When its publisher was told that it is taken, the broker may have taken it for one that the publisher has forgotten.
    pub(super) mistaken: bool,
    /// When the witness heard it.
    pub(super) routed: Vec<Step>,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) device: usize,
    pub(super) generation: u64,
    pub(super) filter: &'static str,
    pub(super) options: Options,
    pub(super) id: Option<u32>,
    pub(super) sent: Step,
    /// When SUBACK came.
    pub(super) granted: Option<Step>,
    /// When UNSUBSCRIBE, or a SUBSCRIBE in its place, was sent; and when that was answered.
    pub(super) leaving: Option<Step>,
    pub(super) left: Option<Step>,
}

#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) device: usize,
    pub(super) generation: u64,
    pub(super) connection: usize,
    pub(super) message: usize,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) step: Step,
}

/// What the broker should remember of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    Nothing,
    /// The broker crashed, and nobody was told what it had made of it.
    Unsure,
    Open {
        connection: usize,
    },
    Parked {
        until: Instant,
    },
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) memory: Memory,
    /// Tells one session of a device from the next.
    pub(super) generation: u64,
    pub(super) began: Step,
    /// The device was never told that its session is a new one: what it holds of the old one misleads it.
    pub(super) confused: bool,
    /// The device forgot this session: its identifiers may be taken for old ones.
    pub(super) forgetful: bool,
    /// The generation that the device knows of, and the last connection that it knows was accepted.
    pub(super) known: u64,
    pub(super) told: usize,
    /// Seconds it lived before a DISCONNECT asked for more, while the store may not have that DISCONNECT.
    pub(super) unkept: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its connection is open.
    Armed,
    Waits {
        due: Instant,
    },
    /// Its session came back in the moment it was due.
    Either,
    Cancelled,
    Published,
}

#[derive(Debug)]
pub(super) struct Will {
    pub(super) message: usize,
    pub(super) connection: usize,
    pub(super) device: usize,
    pub(super) delay: u32,
    pub(super) fate: Fate,
    /// CONNACK came: the broker has it.
    pub(super) told: bool,
}

/// What the broker did to one connection of a device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) device: usize,
    pub(super) connection: usize,
    pub(super) clean: bool,
    pub(super) resumed: bool,
}

#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) step: Step,
    pub(super) now: Instant,
    pub(super) messages: Vec<Message>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) sessions: Vec<Session>,
    pub(super) wills: Vec<Will>,
    /// Sessions that ended: device and step.
    pub(super) ended: Vec<(usize, Step)>,
    /// What was retained since when, by topic.
    retained: BTreeMap<String, Vec<(Step, Option<usize>)>>,
    /// The last message of a publisher, topic and QoS: as routed, and as delivered.
    last_routed: BTreeMap<(usize, &'static str, QoS), usize>,
    last_heard: BTreeMap<(usize, u64, usize, &'static str, QoS, QoS), usize>,
    heard: BTreeSet<(usize, u64, usize)>,
    pub(super) restarted: Step,
    durable: bool,
    pub(super) store_failed: bool,
    pub(super) authority: Authority,
    /// When the broker last refused what it would have had to keep.
    pub(super) refused: Step,
    /// What a crash may have left of what was retained without being acknowledged.
    unsure: BTreeSet<String>,
}

fn matches(filter: &str, topic: &str) -> bool {
    TopicFilter::new(filter).is_ok_and(|filter| filter.matches(topic))
}

/// `m17:...` is the content of message 17.
pub(super) fn index_of(payload: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(payload).ok()?;
    text.strip_prefix('m')?.split(':').next()?.parse().ok()
}

impl Message {
    fn was_taken(&self, before: Step) -> bool {
        self.taken.is_some() && self.taken_at <= before
    }
}

impl Subscription {
    fn covers(&self, device: usize, generation: u64, topic: &str) -> bool {
        self.device == device && self.generation == generation && matches(self.filter, topic)
    }

    /// It held at this step, whatever was on its way then.
    fn held_at(&self, step: Step) -> bool {
        self.granted.is_some_and(|granted| granted < step)
            && self.leaving.is_none_or(|leaving| leaving > step)
    }

    /// It may have held at some time from `from` to `to`.
    fn may_hold(&self, from: Step, to: Step) -> bool {
        self.sent <= to && self.left.is_none_or(|left| left >= from)
    }

    fn is_shared(&self) -> bool {
        self.filter.starts_with("$share/")
    }
}

impl Ledger {
    pub(super) fn new(devices: usize, durable: bool) -> Self {
        let session = || Session {
            memory: Memory::Nothing,
            generation: 0,
            began: 0,
            confused: false,
            forgetful: false,
            known: 0,
            told: usize::MAX,
            unkept: None,
        };
        Self {
            step: 0,
            now: Instant::ZERO,
            messages: Vec::new(),
            subscriptions: Vec::new(),
            deliveries: Vec::new(),
            sessions: (0..devices).map(|_| session()).collect(),
            wills: Vec::new(),
            ended: Vec::new(),
            retained: BTreeMap::new(),
            last_routed: BTreeMap::new(),
            last_heard: BTreeMap::new(),
            heard: BTreeSet::new(),
            restarted: 0,
            durable,
            store_failed: false,
            authority: Authority::default(),
            refused: 0,
            unsure: BTreeSet::new(),
        }
    }
}

impl Ledger {
    /// Whether a message may be routed after those that were published behind it, as far as the witness knows: the broker
    /// has received it before, its publisher never heard the answer, and sends it again after them.
    fn may_be_late(&self, message: &Message) -> bool {
        // The store could not write it, or the rules denied it; either may be over.
        let was_refused = message.sent <= self.refused || message.was_denied;
        // It was kept, but the witness did not get its copy: a crash came before, or it expired while it waited for the
        // store. Then its session was lost.
        let was_unheard = self.durable
            && message.qos == QoS::ExactlyOnce
            && message.doubled
            && (message.sent <= self.restarted || message.expiry.is_some());
        was_refused || was_unheard
    }
}

fn unknown(publish: &Publish<'_>) -> Checked {
    Err(format!("a message that nobody published: {:?} on {}", publish.payload, publish.topic))
}
