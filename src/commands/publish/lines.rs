//! `pub -l` and its kin: a message for each line. Reads no faster than it sends, keeps on through a restart of the broker,
//! and ends only when every message is acknowledged.

use std::io;

use tokio::time::{Duration, Instant, sleep_until};

use super::progress::PublishProgress;
use super::source::{LineInput, Lines, Meaning, message};
use super::{
    CONNECTION_LOST, Failure, INPUT, MessageTemplate, PUBLISH_REFUSED, Plan, SUCCESS, Status, Teller,
};
use crate::cli::connect::Dialect;
use crate::client::{Event, Refusal};
use crate::codec::packet::Version;
use crate::codec::property::{Properties, Property};
use crate::codec::reason::Reason;
use crate::dial::connection::random_id;
use crate::dial::{Dial, is_worth_waiting};
use crate::message::QoS;
use crate::net::link::{Ended, Link, Opened};
use crate::text::os_error;

/// Seconds the broker keeps the session of a run that lost its connection.
const SESSION: u32 = 300;
/// So many refusals are told one by one.
const TOLD: u64 = 10;
/// After so many messages at QoS 0 the broker is asked whether it has read them.
const ASK_AFTER: u64 = 1000;

/// What is published, and how.
pub(super) struct Job {
    pub(super) input: LineInput,
    pub(super) separator: u8,
    pub(super) meaning: Meaning,
    /// With the timing of the records, so many times as fast.
    pub(super) speed: Option<f64>,
    /// Whether a lost connection is made again.
    pub(super) retry: bool,
    /// Whether messages above QoS 0 may come.
    pub(super) needs_session: bool,
}

/// Publishes each line.
pub(super) async fn run(
    mut plan: Plan,
    kind: MessageTemplate,
    job: Job,
    teller: Teller,
) -> Result<Status, Failure> {
    let settings = &mut plan.settings;
    // A session of our own, so that what is in flight survives a lost connection.
    let expiry = settings.properties.as_properties().session_expiry();
    let own_session = job.retry && job.needs_session && settings.clean_start && expiry.is_none();
    if own_session {
        if settings.client_id.is_empty() {
            settings.client_id = random_id();
        }
        settings.properties.push(Property::SessionExpiryInterval(SESSION));
        settings.clean_start = settings.version == Version::V5;
    }
    let Job { input, separator, meaning, speed, retry, needs_session: _ } = job;
    let source = match &input {
        LineInput::Stdin => "stdin".to_owned(),
        LineInput::File(path, _) => path.display().to_string(),
    };
    let mut run = LinePublisher {
        dial: plan.dial(teller),
        kind,
        teller,
        lines: Lines::new(input, separator),
        meaning,
        pace: speed.map(ReplayPace::new),
        retry,
        counts: PublishCounts::default(),
        own_session,
    };
    match run.publish_all().await {
        Ok(()) => run.finish().await,
        Err(LinesFailure::Connection(ended)) => {
            run.dial.link.abandon().await;
            run.summarise();
            let mut failure = run.dial.failure(&ended);
            let open = run.dial.link.client().in_flight();
            if open > 0 {
                failure.text = format!("{}; {open} messages were not acknowledged", failure.text);
            }
            Err(failure)
        }
        Err(LinesFailure::Input(error)) => {
            // What failed is told already.
            let _ = run.dial.link.close(Reason::SUCCESS, Properties::EMPTY).await;
            Err(Failure::new(INPUT, format!("cannot read {source}: {}", os_error(&error))))
        }
    }
}

enum LinesFailure {
    Connection(Ended),
    Input(io::Error),
}

impl From<Ended> for LinesFailure {
    fn from(ended: Ended) -> Self {
        Self::Connection(ended)
    }
}

/// What is told at the end.
#[derive(Default)]
struct PublishCounts {
    published: u64,
    refused: u64,
    /// Refused messages that made the broker end the connection.
    given_up: u64,
    /// QoS 2 messages published again in a new session.
    doubled: usize,
    /// QoS 0 messages that were on their way when the connection was lost.
    lost: u64,
    on_the_way: OnTheWay,
}

/// QoS 0 messages of which it is not known that the broker has read them. A PINGREQ behind them finds out.
#[derive(Default)]
struct OnTheWay {
    /// Before the PINGREQ that waits for its answer, and how many answers there were before it.
    asked: Option<(u64, u64)>,
    since: u64,
}

impl OnTheWay {
    /// Asks when enough has been sent for it to be worth two bytes, or all there is has been.
    fn settle(&mut self, link: &mut Link, is_all: bool) {
        if self.asked.is_some_and(|(_, pongs)| link.client().pongs() > pongs) {
            self.asked = None;
        }
        if self.asked.is_none() && (self.since >= ASK_AFTER || is_all && self.since > 0) {
            let pongs = link.client().pongs();
            let (client, now, out) = link.command();
            if client.ping(now, out) {
                self.asked = Some((std::mem::take(&mut self.since), pongs));
            }
        }
    }

    /// The connection is lost, and with it so many, or fewer.
    fn lose(&mut self) -> u64 {
        let asked = self.asked.take().map_or(0, |(count, _)| count);
        asked + std::mem::take(&mut self.since)
    }

    fn is_none(&self) -> bool {
        self.asked.is_none() && self.since == 0
    }
}

struct LinePublisher {
    dial: Dial,
    kind: MessageTemplate,
    teller: Teller,
    lines: Lines,
    meaning: Meaning,
    pace: Option<ReplayPace>,
    retry: bool,
    counts: PublishCounts,
    own_session: bool,
}

impl LinePublisher {
    async fn publish_all(&mut self) -> Result<(), LinesFailure> {
        self.dial.open().await?;
        if self.own_session {
            // From now on connections resume the session.
            self.dial.link.client_mut().settings_mut().clean_start = false;
        }
        let mut progress = PublishProgress::new();
        loop {
            match self.step(&mut progress).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(LinesFailure::Connection(ended))
                    if self.retry
                        && (is_worth_waiting(&ended) || ended.rejects_packet() && self.has_sent()) =>
                {
                    self.come_back(&ended).await?;
                }
                Err(end) => return Err(end),
            }
        }
    }

    /// Publishes what there is room for, then waits; whether all is done.
    async fn step(&mut self, progress: &mut PublishProgress) -> Result<bool, LinesFailure> {
        let due = self.fill()?;
        let link = &mut self.dial.link;
        if self.retry {
            self.counts.on_the_way.settle(link, self.lines.is_done());
        }
        let is_taken = !self.retry || self.counts.on_the_way.is_none();
        if due.is_none()
            && self.lines.is_done()
            && is_taken
            && link.is_flushed()
            && link.client().in_flight() == 0
        {
            return Ok(true);
        }
        progress.update(self.counts.published, self.lines.taken, link.client().in_flight());
        tokio::select! {
            result = link.progress() => result?,
            () = self.lines.more(), if self.lines.needs_more() => {}
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        while let Some(event) = self.dial.link.event()? {
            match event {
                Event::Acknowledged { reason, properties, .. } if reason.is_failure() => {
                    let text = properties.reason_string().map(str::to_owned);
                    refuse(self.teller, &mut self.counts, &reason, text);
                }
                Event::Disconnected { reason, properties } => {
                    let text = properties.reason_string().map(str::to_owned);
                    return Err(Ended::Disconnected { reason, text }.into());
                }
                _ => {}
            }
        }
        Ok(false)
    }

    /// Publishes what there is and what there is room for; when the next one is due, if that is what stops it.
    fn fill(&mut self) -> Result<Option<Instant>, LinesFailure> {
        let Self { dial, kind, lines, meaning, pace, counts, teller, .. } = self;
        let mut record = None;
        // Above QoS 0 a line is taken only when it can be sent; JSON may ask for any QoS.
        let needs_room = kind.qos != QoS::AtMostOnce || *meaning == Meaning::Record;
        while dial.link.is_writable()
            && !dial.link.client().holds_back()
            && (!needs_room || dial.link.client().has_room())
        {
            let Some(line) = lines.next().map_err(LinesFailure::Input)? else { return Ok(None) };
            let (message, time) = match message(*meaning, kind, line, &mut record) {
                Ok(message) => message,
                Err(_) if line.is_empty() && *meaning != Meaning::Payload => continue,
                Err(why) => {
                    let number = lines.number;
                    refuse(*teller, counts, &format_args!("line {number}: {why}"), None);
                    counts.published += 1;
                    continue;
                }
            };
            let (client, now, out) = dial.link.command();
            if let Some(due) = pace.as_mut().zip(time).and_then(|(pace, time)| pace.due(time)) {
                lines.put_back();
                return Ok(Some(due));
            }
            let is_counted = message.qos == QoS::AtMostOnce;
            match client.publish(now, &message, out) {
                Ok(_) => counts.on_the_way.since += u64::from(is_counted),
                Err(Refusal::NotConnected | Refusal::Full) => {
                    // Both were asked for just above: the line is not lost, it comes again.
                    lines.put_back();
                    return Ok(None);
                }
                Err(refusal) => {
                    let number = lines.number;
                    refuse(*teller, counts, &format_args!("line {number}: {refusal}"), None);
                }
            }
            counts.published += 1;
        }
        Ok(None)
    }

    /// Whether a message was on its way when the connection ended.
    fn has_sent(&self) -> bool {
        self.dial.link.client().had_sent() || !self.counts.on_the_way.is_none()
    }

    /// Connects again and goes on, without a message that has ended the connection too often.
    async fn come_back(&mut self, ended: &Ended) -> Result<(), LinesFailure> {
        let lost = self.counts.on_the_way.lose();
        self.counts.lost += lost;
        self.dial.link.abandon().await;
        let client = self.dial.link.client_mut();
        if ended.is_by_broker()
            && let Some(topic) = client.suspect()
        {
            self.counts.refused += 1;
            self.counts.given_up += 1;
            self.teller.tell(format_args!(
                "a message to {topic} was given up: three times in a row the connection ended when it was sent ({ended})"
            ));
        } else if ended.rejects_packet() && client.in_flight() == 0 && lost > 0 {
            refuse(self.teller, &mut self.counts, ended, None);
        }
        let Opened { again, session_present: _ } = self.dial.reopen(ended).await?;
        self.counts.doubled += again.exactly_once;
        Ok(())
    }

    async fn finish(mut self) -> Result<Status, Failure> {
        let link = &mut self.dial.link;
        let mut properties = std::mem::take(&mut self.kind.disconnect);
        let needs_cleaning = self.own_session && link.client().settings().version != Version::V5;
        if self.own_session && properties.as_properties().session_expiry().is_none() {
            properties.push(Property::SessionExpiryInterval(0));
        }
        // All that was sent has left or is acknowledged.
        let _ = link.close(Reason::SUCCESS, properties.as_properties()).await;
        if needs_cleaning {
            // Before MQTT 5 a session ends only when its client asks for a clean one.
            link.client_mut().settings_mut().clean_start = true;
            if link.open().await.is_ok() {
                let _ = link.close(Reason::SUCCESS, Properties::EMPTY).await;
            }
        }
        self.summarise();
        match self.counts.refused {
            0 => Ok(SUCCESS),
            refused => {
                let all = self.counts.published;
                // mosquitto_pub takes a refusal by an acknowledgement for a success, but not a lost connection.
                let status = match self.teller.dialect() {
                    Dialect::Mosquitto if self.counts.given_up > 0 => CONNECTION_LOST,
                    _ => PUBLISH_REFUSED,
                };
                Err(Failure::new(status, format!("{refused} of {all} messages were refused")))
            }
        }
    }

    fn summarise(&self) {
        let PublishCounts { doubled, lost, .. } = self.counts;
        if doubled > 0 {
            self.teller.tell(format_args!(
                "the broker came back without the session: {doubled} QoS 2 messages may have arrived twice"
            ));
        }
        if lost > 0 {
            self.teller.tell(format_args!("up to {lost} QoS 0 messages may be lost"));
        }
    }
}

/// The timing of a replay.
struct ReplayPace {
    speed: f64,
    /// A recorded time in microseconds and when it was due; and the last one.
    base: Option<(u64, Instant)>,
    last: u64,
}

impl ReplayPace {
    fn new(speed: f64) -> Self {
        Self { speed, base: None, last: 0 }
    }

    /// When a message of this recorded time is due, if that is not now.
    fn due(&mut self, time: u64) -> Option<Instant> {
        let now = Instant::now();
        if time < self.last {
            // The recording begins again.
            self.base = None;
        }
        self.last = time;
        let (first, began) = *self.base.get_or_insert((time, now));
        let due = began + Duration::from_micros(time.saturating_sub(first)).div_f64(self.speed);
        (due > now).then_some(due)
    }
}

fn refuse(teller: Teller, counts: &mut PublishCounts, why: &dyn std::fmt::Display, text: Option<String>) {
    counts.refused += 1;
    if counts.refused <= TOLD {
        let text = text.map_or_else(String::new, |text| format!(": {text}"));
        teller.tell(format_args!("a message was refused: {why}{text}"));
    }
}
