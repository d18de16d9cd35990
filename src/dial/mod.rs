//! When a client connects, and when it connects again: the fallback to MQTT 3.1.1, `--wait`, the pauses between attempts,
//! and what is told on stderr meanwhile.

pub(crate) mod connection;
mod failure;
mod ignored;
pub(crate) mod target;
pub(crate) mod trace;

use std::io::ErrorKind;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::cli::exit::{FAILURE, Failure, Teller};
use crate::codec::packet::Version;
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::dial::connection::random;
use crate::net::Failure as TransportFailure;
use crate::net::link::{Ended, Link, Opened};
use crate::text::os_error;

/// The first pause before a new attempt, and the longest. A client is back within about a second after an outage, and two
/// clients with the same client ID take the session from each other less than twice a second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause in the first [`SOON`] of `--wait`: a broker that is just starting is found at once.
const SHORT_PAUSE: Duration = Duration::from_millis(250);
const SOON: Duration = Duration::from_secs(10);
/// A connection that ended before this time counts as a failed attempt.
const STABLE: Duration = Duration::from_secs(5);
/// Time between two lines about connections that are lost again and again: the first, and the longest.
const FIRST_SILENCE: Duration = Duration::from_secs(10);
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

/// How long the first connection is tried for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// There is one attempt.
    No,
    For(Duration),
    Forever,
}

impl Waits {
    /// From the value of `--wait`, where [`Duration::MAX`] stands for `forever`.
    pub(crate) fn new(wait: Option<Duration>) -> Self {
        match wait {
            None | Some(Duration::ZERO) => Self::No,
            Some(Duration::MAX) => Self::Forever,
            Some(time) => Self::For(time),
        }
    }
}

/// A link, and how it is opened.
pub(crate) struct Dial {
    pub(crate) link: Link,
    /// What to call the broker.
    broker: String,
    falls_back: bool,
    wait: Waits,
    teller: Teller,
    /// When the last connection was accepted.
    opened: Option<Instant>,
    backoff: Backoff,
    losses: Losses,
}

impl Dial {
    pub(crate) fn new(link: Link, broker: String, falls_back: bool, wait: Waits, teller: Teller) -> Self {
        let (backoff, losses) = (Backoff::new(), Losses::default());
        Self { link, broker, falls_back, wait, teller, opened: None, backoff, losses }
    }

    pub(crate) fn version(&self) -> Version {
        self.link.client().settings().version
    }

    /// How a command fails of which the connection has ended, or could not be made.
    pub(crate) fn failure(&self, ended: &Ended) -> Failure {
        let dialect = self.teller.dialect();
        let text = match self.link.target() {
            Some(target) => failure::line(ended, target, self.link.client().settings(), dialect),
            None => format!("{}: {ended}", self.broker),
        };
        Failure::ended(ended, self.version(), text)
    }

    /// Connects for the first time: waits for the broker as long as `--wait` says, and falls back to 3.1.1 if need be.
    pub(crate) async fn open(&mut self) -> Result<Opened, Ended> {
        let began = Instant::now();
        let end = match self.wait {
            Waits::No => {
                let opened = self.open_in_some_version().await?;
                self.opened = Some(Instant::now());
                return Ok(opened);
            }
            Waits::For(time) => began.checked_add(time),
            Waits::Forever => None,
        };
        let (mut backoff, mut last, mut is_told) = (Backoff::new(), None, false);
        loop {
            let result = match end {
                None => self.open_in_some_version().await,
                Some(end) => match timeout_at(end, self.open_in_some_version()).await {
                    Ok(result) => result,
                    Err(_) => {
                        self.link.abandon().await;
                        return Err(last.unwrap_or_else(Ended::no_answer));
                    }
                },
            };
            let ended = match result {
                Err(ended) if is_worth_waiting(&ended) && end.is_none_or(|end| Instant::now() < end) => ended,
                result => {
                    self.opened = Some(Instant::now());
                    return result;
                }
            };
            if !is_told && began.elapsed() >= LONGEST_PAUSE {
                self.teller.tell(format_args!("{}: {ended}; waiting for the broker", self.broker));
                is_told = true;
            }
            last = Some(ended);
            let most = if began.elapsed() < SOON { SHORT_PAUSE } else { LONGEST_PAUSE };
            let pause = backoff.next(random()).min(most);
            sleep(end.map_or(pause, |end| pause.min(end.saturating_duration_since(Instant::now())))).await;
        }
    }

    /// Connects to find out which version the broker speaks: 5, or else 3.1.1.
    ///
    /// # Errors
    /// When the broker does not answer. Other failures are left to the connections that follow.
    pub(crate) async fn find_version(mut self) -> Result<Version, Failure> {
        match self.open().await {
            Ok(_) => drop(self.link.close(Reason::SUCCESS, Properties::EMPTY).await),
            Err(ended) if ended.is_silence() => {
                return Err(self.failure(&ended));
            }
            Err(_) => {}
        }
        if self.version() != Version::V5 {
            self.teller.tell("the broker does not speak MQTT 5; MQTT 3.1.1 is used");
        }
        Ok(self.version())
    }

    async fn open_in_some_version(&mut self) -> Result<Opened, Ended> {
        match self.open_once().await {
            Err(ended) if self.falls_back && may_not_know_5(&ended) => {
                self.link.client_mut().settings_mut().version = Version::V3_1_1;
                if self.link.client().settings().check().is_err() {
                    self.link.client_mut().settings_mut().version = Version::V5;
                    return Err(ended);
                }
                let result = self.open_once().await;
                if result.is_err() {
                    // It may have been something else.
                    self.link.client_mut().settings_mut().version = Version::V5;
                }
                self.falls_back = result.is_err();
                result
            }
            result => {
                self.falls_back &= result.is_err();
                result
            }
        }
    }

    async fn open_once(&mut self) -> Result<Opened, Ended> {
        let result = self.link.open().await;
        if result.is_err() {
            self.link.abandon().await;
        }
        result
    }

    /// Connects again after the connection ended as `ended` says, however long it takes; fails if the broker refuses for
    /// good. A connection that did not last, or that brought nothing, counts as a failed attempt.
    pub(crate) async fn reopen(&mut self, ended: &Ended) -> Result<Opened, Ended> {
        let is_first = self.prepare_to_reopen(ended).await;
        loop {
            sleep(self.backoff.next(random())).await;
            match self.open_once().await {
                Err(ended) if is_worth_waiting(&ended) => self.tell_loss(&ended),
                Err(ended) => return Err(ended),
                Ok(opened) => {
                    self.reopened(is_first);
                    return Ok(opened);
                }
            }
        }
    }

    /// Makes one attempt to connect again, and a short one.
    pub(crate) async fn reopen_once(&mut self, ended: &Ended) -> Result<Opened, Ended> {
        let is_first = self.prepare_to_reopen(ended).await;
        sleep(self.backoff.next(random())).await;
        self.link.client_mut().settings_mut().connect_timeout = STABLE;
        let opened = self.open_once().await?;
        self.reopened(is_first);
        Ok(opened)
    }

    /// Ends what is left of the lost connection, and judges it; whether it is the first of a series.
    async fn prepare_to_reopen(&mut self, ended: &Ended) -> bool {
        let was_good = self.opened.is_some_and(|at| at.elapsed() >= STABLE) && self.link.client().has_heard();
        self.link.abandon().await;
        if was_good {
            self.backoff = Backoff::new();
        } else {
            self.backoff.grow_to_longest();
        }
        let settings = self.link.client_mut().settings_mut();
        if settings.keep_alive > 0 {
            // A short keep alive limits this wait as well.
            let keep_alive = Duration::from_secs(settings.keep_alive.into());
            settings.connect_timeout = settings.connect_timeout.min(keep_alive.max(STABLE));
        }
        let is_first = self.losses.connection(was_good);
        self.tell_loss(ended);
        is_first
    }

    fn reopened(&mut self, is_first: bool) {
        self.opened = Some(Instant::now());
        if is_first {
            self.teller.tell("connected again");
        }
    }

    fn tell_loss(&mut self, ended: &Ended) {
        match self.losses.news(Instant::now()) {
            None => {}
            Some(1) => self.teller.tell(format_args!("{}: {ended}; trying again", self.broker)),
            Some(attempts) => {
                let broker = &self.broker;
                self.teller.tell(format_args!("{broker}: {ended}; still trying after {attempts} attempts"));
            }
        }
    }
}

/// The pauses between attempts: they double up to [`LONGEST_PAUSE`], and are shortened by chance to as little as half, so
/// that the clients of a broker do not all come back at the same moment.
#[derive(Debug)]
struct Backoff {
    pause: Duration,
}

impl Backoff {
    fn new() -> Self {
        Self { pause: FIRST_PAUSE }
    }

    fn grow_to_longest(&mut self) {
        self.pause = LONGEST_PAUSE;
    }

    /// The next pause; `random` is any number.
    fn next(&mut self, random: u64) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause.mul_f64(0.5 + (random % 1024) as f64 / 2046.0)
    }
}

/// Which of the connections that are lost again and again are told: the first, and others less and less often.
#[derive(Debug, Default)]
struct Losses {
    /// When the last was told, and how long the next ones are not.
    told: Option<(Instant, Duration)>,
    attempts: u64,
}

impl Losses {
    /// A connection was lost; `was_good`: after it had lasted. Whether it is the first of a series.
    fn connection(&mut self, was_good: bool) -> bool {
        if was_good {
            *self = Self::default();
        }
        self.told.is_none()
    }

    /// An attempt has failed; how many have in this series, if that is to be told.
    fn news(&mut self, now: Instant) -> Option<u64> {
        self.attempts += 1;
        let silence = match self.told {
            None => FIRST_SILENCE,
            Some((at, silence)) if now >= at + silence => (silence * 2).min(LONGEST_SILENCE),
            Some(_) => return None,
        };
        self.told = Some((now, silence));
        Some(self.attempts)
    }
}

/// Whether a broker that is only starting, or restarting, looks like this; one that is silent is as good as gone.
pub(crate) fn is_worth_waiting(ended: &Ended) -> bool {
    match ended {
        Ended::Unreachable(TransportFailure::TlsSetting(_))
        | Ended::RefusedWith(_)
        | Ended::NotMqtt(_)
        | Ended::Fault(_) => false,
        Ended::Unreachable(_) | Ended::Unanswered(_) | Ended::Lost(_) | Ended::Silent(_) => true,
        Ended::Refused { reason, .. } | Ended::Disconnected { reason, .. } => matches!(
            *reason,
            Reason::SERVER_UNAVAILABLE
                | Reason::SERVER_BUSY
                | Reason::SERVER_SHUTTING_DOWN
                | Reason::KEEP_ALIVE_TIMEOUT
                | Reason::CONNECTION_RATE_EXCEEDED
                | Reason::MAXIMUM_CONNECT_TIME
                | Reason::UNSPECIFIED_ERROR
        ),
    }
}

/// How brokers of 3.1.1 react to a CONNECT of 5: as the standard says, or by closing.
fn may_not_know_5(ended: &Ended) -> bool {
    match ended {
        Ended::Refused { reason, .. } => *reason == Reason::UNSUPPORTED_PROTOCOL_VERSION,
        Ended::Unanswered(error) => error.kind() != ErrorKind::TimedOut,
        Ended::Unreachable(_)
        | Ended::RefusedWith(_)
        | Ended::NotMqtt(_)
        | Ended::Lost(_)
        | Ended::Disconnected { .. }
        | Ended::Silent(_)
        | Ended::Fault(_) => false,
    }
}

/// Runs a client subcommand on one thread.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::new(FAILURE, format!("cannot wait for events: {}", os_error(&error))))?;
    let result = runtime.block_on(future);
    // A look-up or a read of stdin may still be blocked: nobody waits for it any more.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Backoff, LONGEST_PAUSE, Losses};

    #[test]
    fn pauses_grow_to_a_second_and_are_never_less_than_half_of_it_then() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.next(0), Duration::from_millis(25));
        assert_eq!(backoff.next(1023), Duration::from_millis(100));
        for random in 0..1_000 {
            assert!(backoff.next(random) <= LONGEST_PAUSE);
        }
        backoff.grow_to_longest();
        for random in (0..u64::MAX).step_by(usize::MAX / 1_000) {
            // Two clients with one client ID: each connects after the pause of both.
            assert!(backoff.next(random) >= LONGEST_PAUSE / 2);
        }
    }

    #[test]
    fn of_a_series_of_lost_connections_few_are_told() {
        let (mut losses, began) = (Losses::default(), Instant::now());
        let mut told = Vec::new();
        for attempt in 0..3_600_u64 {
            losses.connection(false);
            told.extend(losses.news(began + Duration::from_secs(attempt)));
        }
        assert_eq!(told, [1, 11, 31, 71, 151, 311, 631, 1231, 1831, 2431, 3031]);
        assert!(losses.connection(true), "after a connection that lasted a series begins");
        assert_eq!(losses.news(began), Some(1));
    }
}
