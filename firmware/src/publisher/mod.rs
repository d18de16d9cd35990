//! The publisher: measures by the clock, keeps what it measured, and hands it to the broker in order.
//!
//! It is a value: [`Publisher::poll`] tells what to do next, and what happened is told to it. Sockets, sensor and
//! clock are the caller's, who writes out [`Publisher::take_output`] before each step. One PUBLISH is in flight at a
//! time: order is kept without further thought, and a reading leaves the queue only when it is acknowledged.

mod incoming;
mod packets;
mod retained;
#[cfg(test)]
mod tests;

use crate::backoff::Backoff;
use crate::dht::{Fault, Sample};
use crate::queue::{Queue, Reading, When};
use crate::settings::Settings;
use crate::wire::Inbox;
use crate::{discovery, fence};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A broker that does not answer for so long is given up, in milliseconds.
const PATIENCE: u64 = 10_000;
/// Joining the Wi-Fi, finding the broker and connecting may take this long.
const CONNECTING: u64 = 30_000;
const PING: u64 = 30_000;
/// In seconds, for CONNECT: the broker waits half as long again.
const KEEP_ALIVE: u16 = 60;
const DIAGNOSTICS: u64 = 300_000;
/// Readings whose time is not known wait for it this long once the broker is there.
const DATE_WAIT: u64 = 15_000;
/// In sleep mode: with or without the broker, after this the board sleeps again.
const AWAKE: u64 = 45_000;
/// In sleep mode: the longest time without an attempt to reach the broker.
const QUIET: u64 = 3_600_000;
/// In sleep mode Home Assistant is told again so long after it was told, not each time the board wakes.
const ANNOUNCE: u64 = 3_600_000;
/// A connection that has lasted this long counts as stable: the next back-off starts with the shortest wait.
const HOLDS: u64 = 60_000;
/// After so many connections in a row that ended before they held, the console says why that may be.
const QUICK_ENDS: u8 = 3;
/// The time of day is asked for again after this.
const DATED: u64 = 3_600_000;
/// In sleep mode: how long the answer of the time server is waited for once the broker is there.
const DATE_WAIT_ASLEEP: u64 = 2_000;
/// The sensor is asked again after this, as soon as it can answer, so many times.
const RETRY: u64 = 2_100;
const RETRIES: u8 = 2;
/// Readings that wait so long are kept in flash, and again each time this has passed: a power cut then costs no more,
/// and a flash of 100,000 erasures and two sectors in turn lasts for years of absence.
const SAVE: u64 = 900_000;

/// What the caller is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this time.
    Wait(u64),
    /// Read the sensor, then call [`Publisher::measured`].
    Measure,
    /// Open a connection, then call [`Publisher::connected`] or [`Publisher::closed`].
    Connect,
    /// Close the connection. No call follows.
    Close,
    /// Keep the settings in flash.
    SaveSettings,
    /// Keep the queue in flash.
    SaveQueue,
    /// Keep [`Publisher::suspend`] where a restart leaves it alone, then start anew.
    Reboot,
    /// Keep [`Publisher::suspend`] where sleep leaves it alone, close the connection once all is written, then sleep
    /// for so many milliseconds.
    Sleep(u64),
}

/// What only the board knows of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Diagnostics {
    /// In dBm.
    pub rssi: Option<i32>,
    /// Free bytes.
    pub heap: Option<usize>,
    /// Why the board started.
    pub reset: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Away { until: u64 },
    Connecting { until: u64 },
    Greeting { until: u64 },
    Online { since: u64 },
    Asleep,
}

/// What an acknowledgement is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Subscription,
    Birth,
    Entity(usize),
    Reading(u32),
    Diagnostics,
    Asleep,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    item: Item,
    pid: u16,
    until: u64,
}

/// The publisher of one board. All times are milliseconds of the caller's clock, which never goes back.
#[derive(Debug)]
pub struct Publisher {
    settings: Settings,
    queue: Queue,
    /// The number of the next reading.
    seq: u32,
    /// Milliseconds since 1970 when the caller's clock was 0.
    epoch: Option<u64>,
    state: State,
    backoff: Backoff,
    /// Whether the present connection has held.
    holds: bool,
    /// Connections in a row that ended before they held.
    quick_ends: u8,
    /// When the time of day was last learned, by the caller's clock.
    dated_at: Option<u64>,
    inbox: Inbox,
    out: Vec<u8>,
    flight: Option<Flight>,
    pid: u16,
    /// What is to be said first on each connection, and how far that has come.
    greeted: usize,
    /// Sleep mode counts from here how long the board is awake.
    awake_since: u64,
    next_measure: u64,
    next_diagnostics: u64,
    quiet_since: u64,
    ping_until: Option<u64>,
    fault: Option<Fault>,
    /// Answers of the sensor in a row that were none.
    misses: u8,
    save_settings: bool,
    /// The flash holds readings, which are to be cleared once they are sent.
    stored: bool,
    next_save: u64,
    /// Lives in sleep mode that did not reach the broker, and until when no other tries.
    failed: u8,
    quiet_until: u64,
    /// In sleep mode Home Assistant need not be told again before this.
    announce_at: u64,
    reboot: bool,
    news: Vec<String>,
}

impl Publisher {
    /// `seq` is the number of the next reading, `seed` differs between boards.
    #[must_use]
    pub fn new(settings: Settings, now: u64, seq: u32, seed: u32) -> Self {
        Self {
            settings,
            queue: Queue::default(),
            seq,
            epoch: None,
            state: State::Away { until: now },
            backoff: Backoff::new(seed),
            holds: false,
            quick_ends: 0,
            dated_at: None,
            inbox: Inbox::default(),
            out: Vec::new(),
            flight: None,
            pid: 0,
            greeted: 0,
            awake_since: now,
            next_measure: now,
            next_diagnostics: now,
            quiet_since: now,
            ping_until: None,
            fault: None,
            misses: 0,
            save_settings: false,
            stored: false,
            next_save: now.saturating_add(SAVE),
            failed: 0,
            quiet_until: 0,
            announce_at: 0,
            reboot: false,
            news: Vec::new(),
        }
    }

    /// Takes back the readings that were kept in flash. `clock_kept`: the caller's clock ran on meanwhile.
    pub fn restore(&mut self, bytes: &[u8], clock_kept: bool) {
        if let Some((queue, seq)) = Queue::from_bytes(bytes, clock_kept) {
            self.stored = !queue.is_empty();
            self.queue = queue;
            self.seq = self.seq.max(seq);
        }
    }

    /// The readings to keep in flash.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.queue.to_bytes(self.seq)
    }

    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The number of the next reading.
    #[must_use]
    pub fn seq(&self) -> u32 {
        self.seq
    }

    /// Whether the time of day is known.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        self.epoch.is_some()
    }

    /// How many readings wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The bytes to be written to the broker.
    pub fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.out)
    }

    /// Lines for the console.
    pub fn take_news(&mut self) -> Vec<String> {
        core::mem::take(&mut self.news)
    }

    /// The time of day: at `now` it is `unix` milliseconds since 1970.
    pub fn dated(&mut self, unix: u64, now: u64) {
        self.epoch = unix.checked_sub(now);
        self.dated_at = Some(now);
    }

    /// Whether the time of day is to be asked for: it is not known, or was learned an hour ago. A clock that runs through
    /// deep sleep drifts by a per cent.
    #[must_use]
    pub fn wants_date(&self, now: u64) -> bool {
        !self.settings.ntp.is_empty() && self.dated_at.is_none_or(|at| now.saturating_sub(at) >= DATED)
    }

    /// What the sensor gave.
    pub fn measured(&mut self, result: Result<Sample, Fault>, now: u64) {
        self.fault = result.err();
        match result {
            Ok(sample) => {
                self.misses = 0;
                let when = self.epoch.map_or(When::Local(now), |epoch| When::Unix(epoch + now));
                self.queue.push(Reading { seq: self.seq, when, sample });
                self.seq = self.seq.wrapping_add(1);
            }
            Err(fault) => {
                self.misses = self.misses.saturating_add(1);
                if self.is_retrying() {
                    self.next_measure = self.next_measure.min(now + RETRY);
                } else {
                    self.tell(format!("{fault}"));
                }
            }
        }
    }

    /// One disturbed answer is no fault of the sensor; it is asked again before the interval is over.
    fn is_retrying(&self) -> bool {
        (1..=RETRIES).contains(&self.misses)
    }

    /// The connection is open.
    pub fn connected(&mut self, now: u64) {
        if matches!(self.state, State::Connecting { .. }) {
            self.holds = false;
            self.state = State::Greeting { until: now + PATIENCE };
            self.inbox = Inbox::default();
            self.out.clear();
            self.quiet_since = now;
            packets::connect(&self.settings, KEEP_ALIVE, &mut self.out);
        }
    }

    /// The connection is closed, or could not be opened: `why` in words.
    pub fn closed(&mut self, why: &str, now: u64) {
        if matches!(self.state, State::Connecting { .. } | State::Greeting { .. } | State::Online { .. }) {
            self.retreat(why, now);
        }
    }

    /// Bytes from the broker.
    pub fn received(&mut self, bytes: &[u8], now: u64) -> Result<(), String> {
        self.inbox.push(bytes);
        loop {
            let frame = match self.inbox.frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(()),
                Err(()) => return Err("the broker sent something other than MQTT".into()),
            };
            let packet = fence::decode(&frame)
                .map_err(|fault| format!("the broker sent something other than MQTT: {fault}"))?;
            self.take(&packet, now)?;
        }
    }

    /// What is to be done now. The output is to be written before the step is taken.
    pub fn poll(&mut self, now: u64, diagnostics: &Diagnostics) -> Step {
        if core::mem::take(&mut self.save_settings) {
            return Step::SaveSettings;
        }
        if self.reboot {
            return Step::Reboot;
        }
        if self.stored && self.queue.is_empty() {
            self.stored = false;
            return Step::SaveQueue;
        }
        if self.queue.is_empty() {
            self.next_save = now + SAVE;
        } else if now >= self.next_save {
            self.next_save = now + SAVE;
            self.stored = true;
            return Step::SaveQueue;
        }
        if now >= self.next_measure {
            let interval = u64::from(self.settings.interval) * 1000;
            // Measurements missed while the board was busy are not made up for.
            self.next_measure += ((now - self.next_measure) / interval + 1) * interval;
            return Step::Measure;
        }
        self.doze(now);
        let until = match self.state {
            State::Asleep => return Step::Sleep(self.next_measure.saturating_sub(now)),
            State::Away { until } if self.settings.missing().is_some() => until.max(now + 1_000),
            State::Away { until } if now < until => until,
            State::Away { .. } => {
                self.state = State::Connecting { until: now + CONNECTING };
                return Step::Connect;
            }
            State::Connecting { until } | State::Greeting { until } if now < until => until,
            State::Connecting { .. } | State::Greeting { .. } => {
                self.retreat("the broker does not answer", now);
                return Step::Close;
            }
            State::Online { since } => match self.online(since, now, diagnostics) {
                Some(until) => until,
                None => return Step::Close,
            },
        };
        if self.state == State::Asleep {
            return Step::Sleep(self.next_measure.saturating_sub(now));
        }
        let awake = if self.settings.sleep { self.awake_since + AWAKE } else { u64::MAX };
        Step::Wait(until.min(self.next_measure).min(awake))
    }

    /// In sleep mode: nothing is tried while it is quiet, nor after the time to be awake has passed.
    fn doze(&mut self, now: u64) {
        if !self.settings.sleep || self.state == State::Asleep {
            return;
        }
        if matches!(self.state, State::Away { .. }) && now < self.quiet_until && !self.is_retrying() {
            self.state = State::Asleep;
        } else if now >= self.awake_since + AWAKE {
            let interval = u64::from(self.settings.interval) * 1000;
            // A radio that finds nobody empties the battery: the next attempt is further off each time.
            self.quiet_until = now + (interval << self.failed.min(10)).min(QUIET);
            self.failed = self.failed.saturating_add(1);
            let waiting = self.queue.len();
            self.tell(format!("the broker did not acknowledge everything in time; going to sleep with {waiting} readings queued"));
            self.state = State::Asleep;
        }
    }

    /// Sends what is due; the time of the next thing to do, or nothing when the broker is given up.
    fn online(&mut self, since: u64, now: u64, diagnostics: &Diagnostics) -> Option<u64> {
        if self.ping_until.is_some_and(|until| now >= until) || self.flight.is_some_and(|f| now >= f.until) {
            self.retreat("the broker does not answer", now);
            return None;
        }
        if now >= since + HOLDS {
            self.held();
        }
        if self.flight.is_none()
            && let Some(item) = self.next_item(since, now)
        {
            self.send(item, now, diagnostics);
        }
        if self.ping_until.is_none() && now >= self.quiet_since + PING {
            packets::ping(&mut self.out);
            self.ping_until = Some(now + PATIENCE);
        }
        let wait = [self.ping_until, self.flight.map(|f| f.until)].into_iter().flatten().min();
        let date = match self.queue.is_empty() {
            true => since + DATE_WAIT_ASLEEP,
            false => since + DATE_WAIT,
        };
        let date = Some(date).filter(|date| now < *date);
        let next = [Some(self.next_diagnostics.max(now + 1)), date, wait].into_iter().flatten().min();
        Some(next.unwrap_or(now + PING).min(self.quiet_since.max(now) + PING))
    }

    fn next_item(&mut self, since: u64, now: u64) -> Option<Item> {
        match self.greeted {
            0 => return Some(Item::Subscription),
            1 => return Some(Item::Birth),
            2 if self.settings.sleep && now < self.announce_at => self.greeted = 2 + discovery::COUNT,
            stage if stage < 2 + discovery::COUNT => return Some(Item::Entity(stage - 2)),
            _ => {}
        }
        if let Some(reading) = self.queue.front() {
            let undated = matches!(reading.when, When::Local(_)) && self.epoch.is_none();
            // Without a time server the date never comes.
            let undated = undated && !self.settings.ntp.is_empty();
            // Order is worth more than haste: what follows waits for the date too.
            return (!undated || now >= since + DATE_WAIT).then_some(Item::Reading(reading.seq));
        }
        if now >= self.next_diagnostics {
            return Some(Item::Diagnostics);
        }
        let is_undated = self.wants_date(now) && now < since + DATE_WAIT_ASLEEP;
        (self.settings.sleep && !self.is_retrying() && !is_undated).then_some(Item::Asleep)
    }

    fn send(&mut self, item: Item, now: u64, diagnostics: &Diagnostics) {
        self.pid = if self.pid == u16::MAX { 1 } else { self.pid + 1 };
        let pid = self.pid;
        let device = &self.settings.device;
        let status = format!("sensors/{device}/status");
        let (topic, payload, retain) = match item {
            Item::Subscription => {
                packets::subscribe(&format!("sensors/{device}/set/+"), pid, &mut self.out);
                self.flight = Some(Flight { item, pid, until: now + PATIENCE });
                return;
            }
            Item::Birth => (status, "online".into(), true),
            Item::Asleep => (status, "asleep".into(), true),
            Item::Entity(number) => {
                let (topic, payload) = discovery::entity(&self.settings, number);
                (topic, payload, true)
            }
            Item::Reading(_) => {
                let Some(reading) = self.queue.front() else { return };
                (format!("sensors/{device}/climate"), packets::climate(reading, self.epoch), false)
            }
            Item::Diagnostics => {
                let payload = packets::diagnostics(diagnostics, now, &self.queue, self.fault);
                (format!("sensors/{device}/diagnostics"), payload, false)
            }
        };
        packets::publish(&topic, payload.as_bytes(), retain, pid, &mut self.out);
        self.quiet_since = now;
        self.flight = Some(Flight { item, pid, until: now + PATIENCE });
    }

    /// The connection is a good one.
    fn held(&mut self) {
        self.holds = true;
        self.quick_ends = 0;
        self.backoff.reset();
    }

    fn retreat(&mut self, why: &str, now: u64) {
        if matches!(self.state, State::Online { .. }) && !self.holds {
            self.quick_ends = self.quick_ends.saturating_add(1);
            if self.quick_ends == QUICK_ENDS {
                let device = &self.settings.device;
                self.tell(format!(
                    "the broker keeps closing the connection: perhaps another board is named {device} too (set device), or \
                     this board is not allowed to publish"
                ));
            }
        }
        let wait = self.backoff.next_wait();
        self.state = State::Away { until: now + wait };
        self.flight = None;
        self.ping_until = None;
        self.out.clear();
        let waiting = self.queue.len();
        self.tell(format!(
            "{why}; retrying in {}.{} s, readings queued: {waiting}",
            wait / 1000,
            wait % 1000 / 100
        ));
    }

    fn tell(&mut self, line: String) {
        self.news.push(line);
    }
}
