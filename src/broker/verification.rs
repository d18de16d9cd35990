//! Passwords that wait to be verified. The core puts them in line; the shell takes them out on threads of its own, as
//! each takes milliseconds, and the connection hears the answer.
//!
//! The line is fair: each address has its own, and they take turns, so that a flood from one keeps nobody else waiting.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;

use super::Broker;
use super::limits::Limits;
use super::peer::Address;
use super::rights::{Answer, Digest, Memory, Rights, Secret};
use crate::sync::{Arc, Mutex};
use crate::time::Instant;

/// One password to verify.
#[derive(Debug)]
pub struct Verification {
    /// Under these the answer counts.
    pub(super) rights: Arc<Rights>,
    pub(super) digest: Digest,
    pub(super) secret: Arc<Secret>,
    /// Whether there is such a user; if not, it is computed all the same, and wrong.
    pub(super) known: bool,
    pub(super) password: Box<[u8]>,
    pub(super) address: Option<Address>,
}

impl Verification {
    /// Computes, which takes milliseconds of one processor, and tells those who wait.
    pub fn run(self, memory: &mut Memory) {
        let right = self.secret.verify(&self.password, memory) & self.known;
        self.rights.logins.settle(&self.digest, if right { Answer::Right } else { Answer::Wrong });
    }
}

#[derive(Debug)]
pub(crate) struct Line(Mutex<Lines>);

#[derive(Debug)]
struct Lines {
    of: HashMap<Option<Address>, VecDeque<Verification>, FixedState>,
    /// Addresses with somebody in line, in the order of their turns.
    turns: VecDeque<Option<Address>>,
    waiting: usize,
}

impl Line {
    /// `seed` must be known to nobody outside, so that nobody can choose addresses that collide.
    pub(crate) fn new(seed: u64) -> Self {
        let of = HashMap::with_hasher(FixedState::with_seed(seed));
        Self(Mutex::new(Lines { of, turns: VecDeque::new(), waiting: 0 }))
    }

    /// Puts one at the end of its address's line, unless too many wait already.
    pub(crate) fn push(&self, verification: Verification, limits: &Limits) -> Result<(), Verification> {
        let mut lines = self.0.lock();
        if lines.waiting >= limits.logins_waiting {
            return Err(verification);
        }
        lines.waiting += 1;
        let address = verification.address;
        let line = lines.of.entry(address).or_default();
        line.push_back(verification);
        if line.len() == 1 {
            lines.turns.push_back(address);
        }
        Ok(())
    }

    fn pop(&self) -> Option<Verification> {
        let mut lines = self.0.lock();
        let address = lines.turns.pop_front()?;
        let line = lines.of.get_mut(&address)?;
        let verification = line.pop_front();
        if line.is_empty() {
            lines.of.remove(&address);
        } else {
            lines.turns.push_back(address);
        }
        lines.waiting -= 1;
        verification
    }
}

impl Broker {
    /// The next password to verify: to be run where nobody waits for it. Those whose address has become blocked are
    /// told, those whose connections have gone are left out.
    pub fn next_verification(&self, now: Instant) -> Option<Verification> {
        loop {
            let next = self.line.pop()?;
            let logins = &next.rights.logins;
            if logins.is_abandoned(&next.digest) {
                continue;
            }
            if next
                .address
                .is_some_and(|address| self.addresses.is_blocked(address, now, &self.limits.load()))
            {
                logins.settle(&next.digest, Answer::Blocked);
                continue;
            }
            return Some(next);
        }
    }
}
