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
//! A witness subscribes to everything over a connection that never fails, and hears of each message in the moment it is
//! routed: so the two hops can be judged one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::authority::{Access, Authority};
use crate::broker::Ending;
use crate::codec::packet::{Options, Publish, RetainHandling};
use crate::codec::reason::Reason;
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

    // The first hop.

    /// The publisher was told that its message is taken.
    pub(super) fn taken(&mut self, index: usize) -> Checked {
        let (now, message) = (self.now, &mut self.messages[index]);
        if message.taken.is_none() {
            (message.taken, message.taken_at) = (Some(now), self.step);
        }
        let routed = if message.payload.is_empty() {
            let history = self.retained.get(message.topic).map_or(&[][..], |history| history);
            history.iter().any(|(step, value)| *step >= message.sent && value.is_none())
                || self.restarted >= message.sent
        } else {
            !message.routed.is_empty()
        };
        // The broker holds a QoS 2 identifier that its client has forgotten, and must take it for the same message.
        let excused = message.qos == QoS::ExactlyOnce && self.sessions[message.publisher].forgetful;
        message.mistaken |= excused;
        // With a store the witness's copies of QoS 2 messages wait for each other.
        let is_late = self.durable && message.qos == QoS::ExactlyOnce;
        // Before MQTT 5 a refusal cannot be told.
        let is_denied = message.was_denied
            || message.payload.is_empty()
                && self.authority.has_denied(message.publisher, Access::Write, message.topic, message.sent);
        if routed || excused || is_late || is_denied {
            Ok(())
        } else {
            Err(format!("message {index} is acknowledged and was not routed"))
        }
    }

    /// The witness heard a message.
    pub(super) fn routed(&mut self, publish: &Publish<'_>) -> Checked {
        let index = index_of(publish.payload);
        if publish.retain {
            let history = self.retained.entry(publish.topic.into()).or_default();
            history.push((self.step, index));
            self.unsure.remove(publish.topic);
        }
        let Some(index) = index else {
            return if publish.payload.is_empty() && publish.retain { Ok(()) } else { unknown(publish) };
        };
        let step = self.step;
        let Some(message) = self.messages.get_mut(index) else { return unknown(publish) };
        message.routed.push(step);
        if message.topic != publish.topic
            || message.payload != publish.payload
            || message.retain != publish.retain
        {
            return Err(format!("message {index} was changed on its way to the witness"));
        }
        if message.is_will {
            // With a store the witness's copies of QoS 2 messages wait for each other.
            let is_late = self.durable && message.qos == QoS::ExactlyOnce;
            if !is_late && self.authority.denies(message.publisher, Access::Write, message.topic) {
                return Err(format!("will {index} is published without the right to {}", message.topic));
            }
            return self.will_routed(index);
        }
        if !message.was_allowed {
            return Err(format!("message {index} is routed without the right to {}", message.topic));
        }
        if message.routed.len() > 1 && message.qos != QoS::AtLeastOnce && !message.anew {
            return Err(format!("message {index} of QoS {} is routed twice", message.qos.bits()));
        }
        let key = (message.publisher, message.topic, message.qos);
        if message.routed.len() == 1
            && let Some(last) = self.last_routed.insert(key, index)
            && last > index
            // It may have been refused at first, and the answer was lost.
            && message.sent > self.refused
        {
            return Err(format!("message {index} is routed after {last} [MQTT-4.6.0-5]"));
        }
        Ok(())
    }

    // Sessions and wills.

    /// The broker accepted a connection.
    pub(super) fn opened(&mut self, opened: Opened, will: Option<usize>) -> Checked {
        let Opened { device, connection, clean, resumed } = opened;
        let (now, step) = (self.now, self.step);
        let session = &mut self.sessions[device];
        let expected = match session.memory {
            Memory::Nothing => Some(false),
            Memory::Open { connection: other } => {
                return Err(format!("c{device}: connection {connection} opens while {other} is open"));
            }
            Memory::Parked { .. } if clean => Some(false),
            Memory::Parked { until } if now < until => Some(true),
            // It has expired, and nobody has looked yet.
            Memory::Parked { .. } => None,
            Memory::Unsure if clean => Some(false),
            Memory::Unsure => None,
        };
        if expected.is_some_and(|expected| expected != resumed) {
            return Err(format!(
                "c{device}: the session is {} [MQTT-3.1.2-23] [MQTT-3.1.2-4]",
                if resumed { "resumed, and should be a new one" } else { "new, and should be resumed" }
            ));
        }
        session.confused |= resumed && session.memory == Memory::Unsure;
        session.memory = Memory::Open { connection };
        if !resumed {
            self.forgotten(device);
            let session = &mut self.sessions[device];
            session.generation += 1;
            (session.began, session.confused, session.forgetful) = (step, false, false);
        }
        for old in self.wills.iter_mut().filter(|will| will.device == device) {
            if let Fate::Waits { due } = old.fate {
                old.fate = match resumed {
                    // [MQTT-3.1.3-9]
                    true if now < due => Fate::Cancelled,
                    true => Fate::Either,
                    // The session ended: at once.
                    false => Fate::Waits { due: due.min(now) },
                };
            }
        }
        if let Some(will) = will {
            self.wills[will].fate = Fate::Armed;
        }
        Ok(())
    }

    /// The broker is done with a connection whose session outlives it for `lives` seconds.
    pub(super) fn closed(&mut self, device: usize, connection: usize, why: &Ending, lives: u32) {
        if self.sessions[device].memory != (Memory::Open { connection }) {
            // It waited for another one, or was never opened.
            return;
        }
        let now = self.now;
        let after = |seconds: u32| match seconds {
            u32::MAX => Instant::NEVER,
            seconds => now + Duration::from_secs(seconds.into()),
        };
        self.sessions[device].memory = match lives {
            0 => Memory::Nothing,
            lives => Memory::Parked { until: after(lives) },
        };
        if lives == 0 {
            self.forgotten(device);
        }
        for will in self.wills.iter_mut().filter(|will| will.connection == connection) {
            if will.fate == Fate::Armed {
                will.fate = match why {
                    Ending::Left(Reason::SUCCESS) => Fate::Cancelled, // [MQTT-3.14.4-3]
                    _ => Fate::Waits { due: after(will.delay.min(lives)) },
                };
            }
        }
    }

    pub(super) fn expired(&mut self, device: usize) -> Checked {
        match self.sessions[device].memory {
            Memory::Parked { until } if until <= self.now => {
                self.sessions[device].memory = Memory::Nothing;
                self.forgotten(device);
                Ok(())
            }
            Memory::Unsure => {
                self.sessions[device].memory = Memory::Nothing;
                self.forgotten(device);
                Ok(())
            }
            memory => Err(format!("c{device}: the session expired, and is {memory:?}")),
        }
    }

    /// A session is gone: what its client has unfinished may be routed again, as nobody remembers it.
    fn forgotten(&mut self, device: usize) {
        self.ended.push((device, self.step));
        self.mistaken(device);
    }

    /// What the device has unfinished will be published anew.
    pub(super) fn mistaken(&mut self, device: usize) {
        for message in &mut self.messages {
            if message.publisher == device && message.taken.is_none() {
                (message.anew, message.doubled) = (true, true);
            }
        }
    }

    /// The broker crashed. Without a store it forgot everything; with one it has what it acknowledged, and may have more.
    /// `lives` says how long the sessions outlive their connections.
    pub(super) fn restarted(&mut self, lives: &[u32]) {
        self.restarted = self.step;
        if self.durable {
            return self.restored(lives);
        }
        for device in 0..self.sessions.len() {
            self.sessions[device].memory = Memory::Nothing;
            self.forgotten(device);
        }
        for will in &mut self.wills {
            if matches!(will.fate, Fate::Armed | Fate::Waits { .. }) {
                will.fate = Fate::Cancelled;
            }
        }
        let step = self.step;
        self.retained.values_mut().for_each(|history| history.push((step, None)));
    }

    fn restored(&mut self, lives: &[u32]) {
        let after = |now: Instant, seconds: u32| match seconds {
            u32::MAX => Instant::NEVER,
            seconds => now + Duration::from_secs(seconds.into()),
        };
        for will in &mut self.wills {
            let lives = lives[will.device];
            will.fate = match will.fate {
                // Its time runs from the restart.
                Fate::Armed if will.told && lives > 0 => {
                    Fate::Waits { due: after(self.now, will.delay.min(lives)) }
                }
                _ => Fate::Either,
            };
        }
        for (session, lives) in self.sessions.iter_mut().zip(lives) {
            let is_known = session.known == session.generation;
            session.memory = match session.memory {
                Memory::Open { connection } if session.told == connection && *lives > 0 => {
                    Memory::Parked { until: after(self.now, *lives) }
                }
                Memory::Parked { until } if is_known => Memory::Parked { until },
                _ => Memory::Unsure,
            };
        }
        for message in self.messages.iter_mut().filter(|message| message.taken.is_none()) {
            message.anew = true;
        }
        for (topic, history) in &self.retained {
            let is_sure = history
                .last()
                .is_some_and(|(_, value)| value.is_some_and(|index| self.messages[index].taken.is_some()));
            if !is_sure {
                self.unsure.insert(topic.clone());
            }
        }
    }

    /// The device knows nothing any more: neither what it has published nor what it has received.
    pub(super) fn lost_memory(&mut self, device: usize) {
        self.mistaken(device);
        let session = &mut self.sessions[device];
        (session.confused, session.forgetful) = (true, true);
    }

    /// The client was told whether its session is there.
    pub(super) fn told(&mut self, device: usize, connection: usize, present: bool) {
        for will in self.wills.iter_mut().filter(|will| will.connection == connection) {
            will.told = true;
        }
        let session = &mut self.sessions[device];
        session.confused |= present && session.known != session.generation;
        (session.known, session.told) = (session.generation, connection);
    }

    fn will_routed(&mut self, index: usize) -> Checked {
        let now = self.now;
        let Some(will) = self.wills.iter_mut().find(|will| will.message == index) else {
            return Err(format!("will {index} of nobody"));
        };
        let fate = std::mem::replace(&mut will.fate, Fate::Published);
        match fate {
            Fate::Waits { due } if due <= now => Ok(()),
            Fate::Either => Ok(()),
            fate => Err(format!("will {index} is published [MQTT-3.1.2-8], and it was {fate:?}")),
        }
    }

    /// A will was not published, as its client had lost the right to its topic.
    pub(super) fn will_refused(&mut self, device: usize, topic: &str) -> Checked {
        let (now, messages) = (self.now, &self.messages);
        let is_its = |will: &Will| will.device == device && messages[will.message].topic == topic;
        let is_due = |will: &Will| matches!(will.fate, Fate::Waits { due } if due <= now);
        // After a crash an older one may be meant.
        let place = self.wills.iter().position(|will| is_its(will) && is_due(will));
        let place =
            place.or_else(|| self.wills.iter().position(|will| is_its(will) && will.fate == Fate::Either));
        place
            .map(|place| self.wills[place].fate = Fate::Cancelled)
            .ok_or_else(|| format!("a will of c{device} on {topic} is refused, and none was due"))
    }

    // Subscriptions.

    /// The device sends UNSUBSCRIBE, or another SUBSCRIBE, for a filter: which subscriptions end when it is answered.
    pub(super) fn leave(&mut self, device: usize, filter: &str) -> Vec<usize> {
        let (step, generation) = (self.step, self.sessions[device].generation);
        let mut ends = Vec::new();
        for (at, one) in self.subscriptions.iter_mut().enumerate() {
            if one.device == device
                && one.generation == generation
                && one.filter == filter
                && one.left.is_none()
            {
                one.leaving.get_or_insert(step);
                ends.push(at);
            }
        }
        ends
    }

    // The second hop.

    /// A device heard a message.
    pub(super) fn heard(
        &mut self,
        device: usize,
        connection: usize,
        began: Instant,
        publish: &Publish<'_>,
        is_v5: bool,
    ) -> Checked {
        let generation = self.sessions[device].generation;
        let Some(index) = index_of(publish.payload) else {
            return if publish.payload.is_empty() { Ok(()) } else { unknown(publish) };
        };
        let Some(message) = self.messages.get(index) else { return unknown(publish) };
        let complain = |what: &str| Err(format!("c{device} got message {index}: {what}"));
        if message.topic != publish.topic || message.payload != publish.payload {
            return complain("it was changed on its way");
        }
        if is_v5 && message.content_type != publish.properties.content_type().is_some() {
            return complain("its properties were changed on their way [MQTT-3.3.2-20]");
        }
        let step = self.step;
        let delivery = Delivery {
            device,
            generation,
            connection,
            message: index,
            qos: publish.qos,
            retain: publish.retain,
            step,
        };
        self.was_asked_for(&delivery, publish)?;
        if let Some(expiry) = message.expiry
            && !publish.dup
        {
            // It waited for this connection at least from when it was taken.
            let waited = message.taken.map_or(Duration::ZERO, |taken| began.since(taken));
            let left = Duration::from_secs(expiry.into()).saturating_sub(waited);
            if left.is_zero() {
                return complain("it had expired [MQTT-3.3.2-5]");
            }
            let told = publish.properties.message_expiry().map(u64::from);
            if is_v5 && told.is_none_or(|told| told > left.as_secs() + 1 || told == 0) {
                return complain("its expiry was not counted down [MQTT-3.3.2-6]");
            }
        }
        self.is_not_twice(&delivery)?;
        self.is_in_order(&delivery)?;
        self.deliveries.push(delivery);
        Ok(())
    }

    fn was_asked_for(&self, delivery: &Delivery, publish: &Publish<'_>) -> Checked {
        let Delivery { device, generation, message: index, qos, retain, step, .. } = *delivery;
        let message = &self.messages[index];
        let complain = |what: &str| Err(format!("c{device} got message {index}: {what}"));
        let asked: Vec<&Subscription> = self
            .subscriptions
            .iter()
            .filter(|one| {
                (one.covers(device, generation, message.topic)
                    || self.sessions[device].confused && one.covers(device, one.generation, message.topic))
                    && one.may_hold(message.sent, step)
                    && !(one.options.no_local && message.publisher == device && !retain)
            })
            .collect();
        if asked.is_empty() {
            return complain("it had not subscribed to it, or not to its own");
        }
        if !asked.iter().any(|one| one.options.qos.min(message.qos) == qos) {
            return complain("no subscription grants this QoS [MQTT-3.8.4-8]");
        }
        if !publish.properties.subscription_ids().all(|id| asked.iter().any(|one| one.id == Some(id))) {
            return complain("an identifier that no subscription has [MQTT-3.3.4-3]");
        }
        if retain && !message.retain {
            return complain("RETAIN is set, and was not");
        }
        if retain && !asked.iter().any(|one| one.options.retain_as_published) {
            let was = |one: &&Subscription| {
                one.options.retain_handling != RetainHandling::DoNotSend
                    && self.was_retained(message.topic, index, one.sent)
            };
            // A crash may bring an older value back, if the newer one was not acknowledged.
            if !(asked.iter().any(was) || self.durable && self.restarted > 0) {
                return complain("it is not what was retained when it subscribed [MQTT-3.3.1-8]");
            }
        }
        if message.retain && !retain && asked.iter().all(|one| one.options.retain_as_published) {
            return complain("RETAIN is not as published [MQTT-3.3.1-13]");
        }
        Ok(())
    }

    /// Whether this was the retained value at some time since `from`.
    fn was_retained(&self, topic: &str, index: usize, from: Step) -> bool {
        let Some(history) = self.retained.get(topic) else { return false };
        history.iter().enumerate().any(|(at, (_, value))| {
            *value == Some(index) && history.get(at + 1).is_none_or(|(until, _)| *until >= from)
        })
    }

    fn is_not_twice(&self, delivery: &Delivery) -> Checked {
        let message = &self.messages[delivery.message];
        let same = |other: &&Delivery| {
            other.device == delivery.device
                && other.generation == delivery.generation
                && other.message == delivery.message
                // At QoS 1 a broken connection may double it; at the others nothing may.
                && match delivery.qos {
                    QoS::AtLeastOnce => other.connection == delivery.connection,
                    _ => other.qos != QoS::AtLeastOnce,
                }
        };
        let before = self.deliveries.iter().filter(same).count();
        // Each SUBSCRIBE may ask for it once more, where it was retained.
        let replays = self.subscriptions.iter().filter(|one| {
            message.retain
                && one.covers(delivery.device, delivery.generation, message.topic)
                && one.options.retain_handling != RetainHandling::DoNotSend
        });
        // Each shared group that it is a member of gives it one copy.
        let groups: BTreeSet<&str> = self
            .subscriptions
            .iter()
            .filter(|one| one.is_shared() && one.covers(delivery.device, delivery.generation, message.topic))
            .map(|one| one.filter)
            .collect();
        // With a store a crash doubles nothing: what was routed and not kept reached nobody.
        let is_exact = self.durable && message.qos == QoS::ExactlyOnce && !message.doubled;
        let routed = if is_exact { 1 } else { message.routed.len() };
        let most = routed * groups.len().max(1) + replays.count();
        // Of a message that is published anew the witness may not have heard the first one yet.
        let is_open = self.durable && message.doubled;
        if before < most || is_open || self.sessions[delivery.device].confused {
            return Ok(());
        }
        Err(format!(
            "c{} got message {} of QoS {} again, at QoS {} [MQTT-4.3.3-10]",
            delivery.device,
            delivery.message,
            message.qos.bits(),
            delivery.qos.bits()
        ))
    }

    fn is_in_order(&mut self, delivery: &Delivery) -> Checked {
        let Delivery { device, generation, message: index, qos, retain, .. } = *delivery;
        let message = &self.messages[index];
        let is_first = self.heard.insert((device, generation, index));
        // Replays come when they come, what is routed again, or was refused at first, comes late, and members of a group
        // share their order.
        let is_again = retain || message.routed.len() > 1 || message.sent <= self.refused;
        if !is_first || is_again || message.is_will || message.topic.starts_with("s/") {
            return Ok(());
        }
        let key = (device, generation, message.publisher, message.topic, message.qos, qos);
        match self.last_heard.insert(key, index) {
            Some(last) if last > index => {
                Err(format!("c{device} got message {index} after {last} [MQTT-4.6.0-5]"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a crash leaves open what is retained there.
    pub(super) fn is_unsure(&self, topic: &str) -> bool {
        self.unsure.contains(topic)
    }

    /// What a new subscription to everything would get now: topics and messages; those that may have expired apart.
    pub(super) fn retained_now(&self) -> BTreeMap<String, (usize, bool)> {
        let sure = self.retained.iter().filter(|(topic, _)| !self.unsure.contains(*topic));
        let last = sure.filter_map(|(topic, history)| {
            let (_, index) = history.last()?;
            let message = &self.messages[(*index)?];
            Some((topic.clone(), ((*index)?, message.expiry.is_some())))
        });
        last.collect()
    }
}

fn unknown(publish: &Publish<'_>) -> Checked {
    Err(format!("a message that nobody published: {:?} on {}", publish.payload, publish.topic))
}

// What must hold in the end, when the faults have stopped and everything has come to rest.
impl Ledger {
    /// When a message was routed for the last time, at the latest.
    fn routed_at(&self, message: &Message) -> Option<Step> {
        // A crash may have come between its acknowledgement and the witness.
        let is_known = self.durable && !message.mistaken && !message.was_denied;
        let taken = message.taken.filter(|_| is_known && message.qos == QoS::ExactlyOnce);
        message.routed.last().copied().or(taken.map(|_| message.taken_at))
    }

    /// The witness must have heard by now what was acknowledged, unless a crash came between.
    pub(super) fn unheard(&self) -> Checked {
        let is_unheard = |message: &&Message| {
            message.taken.is_some()
                && message.routed.is_empty()
                && !message.payload.is_empty()
                // It may have expired before it was kept.
                && message.expiry.is_none()
                && message.sent > self.restarted
                && !message.mistaken
                && !message.was_denied
        };
        match self.messages.iter().find(is_unheard) {
            Some(message) => Err(format!(
                "{:?} is acknowledged and was not routed",
                String::from_utf8_lossy(&message.payload)
            )),
            None => Ok(()),
        }
    }

    /// Messages that had to arrive and did not: one line each.
    pub(super) fn missing(&self, calm: bool, fits: impl Fn(usize, &Message) -> bool) -> Vec<String> {
        let mut missing = Vec::new();
        for (device, session) in self.sessions.iter().enumerate() {
            let generation = session.generation;
            if session.confused || !matches!(session.memory, Memory::Open { .. }) {
                continue;
            }
            for (index, message) in self.messages.iter().enumerate() {
                let Some(step) = self.routed_at(message).filter(|step| *step > session.began) else {
                    continue;
                };
                // What was routed before a crash is there if it was acknowledged before.
                let is_lost = self.durable && step <= self.restarted && !message.was_taken(self.restarted);
                // The witness hears QoS 2 when it is kept, and not when it is routed.
                let from = if self.durable { message.sent } else { step };
                let owed = !is_lost
                    && self.subscriptions.iter().any(|one| {
                        one.covers(device, generation, message.topic)
                            && one.held_at(step)
                            && one.held_at(from)
                            && !one.is_shared()
                            && (calm || one.options.qos.min(message.qos) != QoS::AtMostOnce)
                            && !(one.options.no_local && message.publisher == device)
                    });
                if owed
                    && !self.authority.has_denied(device, Access::Read, message.topic, message.sent)
                    && message.expiry.is_none()
                    && fits(device, message)
                    && !self.heard.contains(&(device, generation, index))
                {
                    missing.push(format!(
                        "c{device} never got message {index} on {}, routed at step {step}",
                        message.topic
                    ));
                }
            }
        }
        missing
    }

    /// The same for shared groups: somebody of the group must have got it.
    pub(super) fn missing_shared(&self, calm: bool, fits: impl Fn(usize, &Message) -> bool) -> Vec<String> {
        let filters: BTreeSet<&'static str> =
            self.subscriptions.iter().filter(|one| one.is_shared()).map(|one| one.filter).collect();
        let mut missing = Vec::new();
        for filter in filters {
            for (index, message) in self.messages.iter().enumerate() {
                let Some(step) = message.routed.first().copied() else { continue };
                let is_lost = self.restarted >= step && !(self.durable && message.was_taken(self.restarted));
                if !matches(filter, message.topic) || message.expiry.is_some() || is_lost {
                    continue;
                }
                let could = |one: &&Subscription| one.filter == filter && one.may_hold(step, self.step);
                let all: Vec<&Subscription> = self.subscriptions.iter().filter(could).collect();
                let lowest = all.iter().map(|one| one.options.qos.min(message.qos)).min();
                if !calm && lowest.is_none_or(|qos| qos == QoS::AtMostOnce) {
                    continue;
                }
                let stays = |one: &&&Subscription| {
                    let session = &self.sessions[one.device];
                    one.held_at(step)
                        && one.held_at(if self.durable { message.sent } else { step })
                        && one.leaving.is_none()
                        && one.generation == session.generation
                        && !session.confused
                        && matches!(session.memory, Memory::Open { .. })
                };
                // A QoS 2 message belongs to the member that it was sent to, and ends with its session.
                let ended = self.ended.iter().any(|(_, at)| *at >= step) && message.qos == QoS::ExactlyOnce;
                let fit = all.iter().all(|one| {
                    fits(one.device, message)
                        && !self.authority.has_denied(one.device, Access::Read, message.topic, message.sent)
                });
                let got = self.heard.iter().any(|(_, _, heard)| *heard == index);
                if all.iter().any(|one| stays(&one)) && !ended && fit && !got {
                    missing.push(format!("{filter}: nobody got message {index}, routed at step {step}"));
                }
            }
        }
        missing
    }

    /// Wills that were to be published by now and were not.
    pub(super) fn owed_wills(&self) -> Checked {
        match self.wills.iter().find(|will| matches!(will.fate, Fate::Waits { due } if due <= self.now)) {
            Some(will) => Err(format!("the will {} was not published [MQTT-3.1.2-8]", will.message)),
            None => Ok(()),
        }
    }
}
