//! Passwords that wait to be verified. The core puts them in line; the shell takes them out on threads of its own, as
//! each takes milliseconds, and the connection hears the answer.
//!
//! The line is fair: each address has its own, and they take turns, so that a flood from one keeps nobody else waiting.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;

use crate::broker::access::logins::{Digest, LoginOutcome};
use crate::broker::access::password::{Memory, StoredPassword};
use crate::broker::access::rights::Rights;
use crate::broker::identity::AddressKey;
use crate::broker::limits::Limits;
use crate::sync::{Arc, Mutex};

/// One password to verify.
#[derive(Debug)]
pub struct Verification {
    /// Under these the answer counts.
    pub(crate) rights: Arc<Rights>,
    pub(crate) digest: Digest,
    pub(crate) secret: Arc<StoredPassword>,
    /// Whether there is such a user; if not, it is computed all the same, and wrong.
    pub(crate) known: bool,
    pub(crate) password: Box<[u8]>,
    pub(crate) address: Option<AddressKey>,
}

impl Verification {
    /// Computes, which takes milliseconds of one processor, and tells those who wait.
    pub fn run(self, memory: &mut Memory) {
        let right = self.secret.verify(&self.password, memory) & self.known;
        self.rights
            .logins
            .settle(&self.digest, if right { LoginOutcome::Right } else { LoginOutcome::Wrong });
    }
}

#[derive(Debug)]
pub(crate) struct VerificationQueue(Mutex<VerificationQueues>);

#[derive(Debug)]
struct VerificationQueues {
    of: HashMap<Option<AddressKey>, VecDeque<Verification>, FixedState>,
    /// Addresses with somebody in line, in the order of their turns.
    turns: VecDeque<Option<AddressKey>>,
    waiting: usize,
}

impl VerificationQueue {
    /// `seed` must be known to nobody outside, so that nobody can choose addresses that collide.
    pub(crate) fn new(seed: u64) -> Self {
        let of = HashMap::with_hasher(FixedState::with_seed(seed));
        Self(Mutex::new(VerificationQueues { of, turns: VecDeque::new(), waiting: 0 }))
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

    pub(crate) fn pop(&self) -> Option<Verification> {
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
