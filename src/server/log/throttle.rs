//! A rate limit on log lines that anybody can cause without a password.
//!
//! Each address has a budget of lines for connections and one for refusals, both refilled over time (token buckets). Lines
//! beyond it are suppressed and counted. Refusals of all addresses together have a budget as well.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a line is about, which decides its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A client that has connected or disconnected.
    Connection,
    /// What was refused: a connection, or a message.
    Refusal,
}

/// Lines that may be written at once, and lines added to the budget each second.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: f64,
    per_second: f64,
}

impl Subject {
    /// Of one address.
    const fn rate(self) -> Rate {
        match self {
            Self::Connection => Rate { burst: 20_000.0, per_second: 100.0 },
            Self::Refusal => Rate { burst: 100.0, per_second: 1.0 },
        }
    }
}

/// Of all addresses, for refusals.
const ALL: Rate = Rate { burst: 1_000.0, per_second: 20.0 };
/// Addresses with their own budget; further ones share one.
const ADDRESSES: usize = 4_096;

/// Whose budget it is: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    Address(IpAddr),
    /// No address, as on a Unix socket.
    None,
    /// All addresses beyond [`ADDRESSES`].
    Others,
}

impl Source {
    /// `peer` is an address as the log shows it, possibly followed by ` via PROXY`.
    fn of(peer: &str) -> Self {
        let peer = peer.split(' ').next().unwrap_or_default();
        let address = peer.parse::<SocketAddr>().map(|peer| peer.ip()).or_else(|_| peer.parse());
        match address.map(|address: IpAddr| address.to_canonical()) {
            Ok(IpAddr::V6(address)) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                Self::Address(IpAddr::V6(network.into()))
            }
            Ok(address) => Self::Address(address),
            Err(_) => Self::None,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Address(IpAddr::V6(network)) => format!("{network}/64"),
            Self::Address(address) => address.to_string(),
            Self::None => "connections without an address".to_owned(),
            Self::Others => "other addresses".to_owned(),
        }
    }
}

/// A budget of lines.
#[derive(Debug)]
struct Bucket {
    lines: f64,
    filled: Instant,
}

impl Bucket {
    fn new(rate: Rate, now: Instant) -> Self {
        Self { lines: rate.burst, filled: now }
    }

    fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * rate.per_second;
        (self.lines, self.filled) = ((self.lines + gained).min(rate.burst), now);
        let has_one = self.lines >= 1.0;
        if has_one {
            self.lines -= 1.0;
        }
        has_one
    }
}

#[derive(Debug)]
struct Budget {
    connections: Bucket,
    refusals: Bucket,
    suppressed: u64,
    reported: Instant,
}

#[derive(Debug, Default)]
struct Budgets {
    sources: HashMap<Source, Budget>,
    all: Option<Bucket>,
}

/// The budgets of all addresses.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<Budgets>);

impl Throttle {
    /// Whether a line about `peer` may be written; if not, it is counted.
    pub(super) fn admits(&self, peer: &str, subject: Subject, now: Instant) -> bool {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Budgets { sources, all } = &mut *budgets;
        let mut source = Source::of(peer);
        if sources.len() >= ADDRESSES && !sources.contains_key(&source) {
            // An address with a full budget again needs no entry.
            let idle = Duration::from_secs(200);
            sources.retain(|_, budget| budget.suppressed > 0 || now < budget.refusals.filled + idle);
            if sources.len() >= ADDRESSES {
                source = Source::Others;
            }
        }
        let budget = sources.entry(source).or_insert_with(|| Budget {
            connections: Bucket::new(Subject::Connection.rate(), now),
            refusals: Bucket::new(Subject::Refusal.rate(), now),
            suppressed: 0,
            reported: now,
        });
        let admitted = match subject {
            Subject::Connection => budget.connections.take(subject.rate(), now),
            Subject::Refusal => {
                let all = all.get_or_insert_with(|| Bucket::new(ALL, now));
                budget.refusals.take(subject.rate(), now) && all.take(ALL, now)
            }
        };
        budget.suppressed += u64::from(!admitted);
        admitted
    }

    /// For which addresses lines were suppressed since the last call, how many, and in how many seconds.
    pub(super) fn suppressed(&self, now: Instant) -> Vec<(String, u64, u64)> {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut report = Vec::new();
        for (source, budget) in &mut budgets.sources {
            let since = now.saturating_duration_since(std::mem::replace(&mut budget.reported, now));
            if budget.suppressed > 0 {
                report.push((source.name(), std::mem::take(&mut budget.suppressed), since.as_secs()));
            }
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{ADDRESSES, Subject, Throttle};

    #[test]
    fn lines_beyond_the_budget_of_an_address_are_counted() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let admitted = (0..1_000).filter(|port| {
            let peer = format!("192.0.2.1:{}", 1_000 + port);
            throttle.admits(&peer, Subject::Refusal, start)
        });
        assert_eq!(admitted.count(), 100);
        // Other addresses and other subjects are not affected.
        assert!(throttle.admits("192.0.2.2:1", Subject::Refusal, start));
        assert!(throttle.admits("192.0.2.1:1", Subject::Connection, start));
        assert!(!throttle.admits("192.0.2.1 via 127.0.0.1:2", Subject::Refusal, start));
        let later = start + Duration::from_secs(10);
        assert_eq!(throttle.suppressed(later), [("192.0.2.1".to_owned(), 901, 10)]);
        assert!(throttle.suppressed(later + Duration::from_secs(10)).is_empty());
        // A line a second is added.
        let admitted = (0..1_000).filter(|_| throttle.admits("192.0.2.1:1", Subject::Refusal, later));
        assert_eq!(admitted.count(), 10);
    }

    #[test]
    fn any_number_of_addresses_share_a_budget_and_bounded_memory() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let admitted = (0..100_000_u32).filter(|number| {
            let peer = format!("[2001:db8:{:x}:{:x}::1]:1883", number >> 16, number & 0xFFFF);
            throttle.admits(&peer, Subject::Refusal, start)
        });
        assert_eq!(admitted.count(), 1_000);
        assert!(throttle.0.lock().unwrap().sources.len() <= ADDRESSES + 1);
        // Addresses of one /64 network count as one.
        let report = throttle.suppressed(start + Duration::from_secs(10));
        let mut networks = report.iter().map(|(name, ..)| name);
        assert!(networks.all(|name| name.ends_with("::/64") || name == "other addresses"));
    }
}
