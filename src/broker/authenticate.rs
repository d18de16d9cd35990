//! As whom a client comes in: whom its certificate names, nobody, or a user whose password is right.
//!
//! A password that takes long to verify is put in line (`verification`), and CONNECT is looked at again when there is an
//! answer. Until then nothing else is read, and nothing of the client's session is touched.

use super::connect::Refusal;
use super::connection::{Connection, Phase};
use super::peer::Address;
use super::rights::{Answer, Known, Memory, Policy, Rights, Secret, Ticket, Who};
use super::turn::Turn;
use super::verification::Verification;
use crate::codec::packet::{Connect, Version};
use crate::codec::reason::Reason;
use crate::codec::{self, frame};
use crate::sync::Arc;

/// Bytes of all CONNECT packets that wait for their passwords.
const WAITING_BYTES: usize = 64 * 1024 * 1024;

/// How a client has shown who it is. It must stand when rights change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By its certificate, or its pre-shared key.
    Certificate,
    /// By this password.
    Password(Arc<Secret>),
    /// Not at all.
    None,
}

/// As whom a client comes in, and how that was shown.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) username: Option<Arc<str>>,
    pub(super) proof: Proof,
}

/// A CONNECT that waits for its password to be verified.
#[derive(Debug)]
pub(super) struct Held {
    bytes: Box<[u8]>,
    pub(super) ticket: Arc<Ticket>,
    /// The rights that were asked; if others hold when the answer comes, they are asked again.
    rights: Arc<Rights>,
    named: Named,
    broker: Arc<super::Broker>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.broker.waiting_bytes.fetch_sub(self.bytes.len(), crate::sync::Ordering::Relaxed);
    }
}

const WRONG: Refusal = (Reason::BAD_USER_NAME_OR_PASSWORD, "wrong user name or password");

impl Policy {
    /// Whether who came in so would still be let in.
    pub(crate) fn admits(&self, who: &Who, proof: &Proof) -> bool {
        match (proof, &who.username, &self.accounts) {
            (Proof::Certificate, ..) => self.certificate,
            (_, None, _) => self.anonymous && !self.certificate,
            (_, Some(_), None) => !self.certificate,
            (Proof::Password(secret), Some(name), Some(accounts)) => {
                !self.certificate && accounts.secret(name).is_some_and(|kept| kept == secret)
            }
            (Proof::None, Some(_), Some(_)) => false,
        }
    }
}

impl Connection {
    /// Lets the client in, or makes it wait until its password is verified.
    pub(super) fn admit(
        &mut self,
        connect: &Connect<'_>,
        bytes: &[u8],
        turn: &mut Turn,
    ) -> Result<(), Refusal> {
        let rights = self.broker.rights.load();
        let policy = rights.policy(self.peer.listener);
        if policy.certificate {
            let detail = "the client's certificate gives it no user name, which is needed here";
            let username = self.peer.identity.clone().ok_or((Reason::NOT_AUTHORIZED, detail))?;
            return self.enter(connect, Named { username: Some(username), proof: Proof::Certificate }, turn);
        }
        let Some(name) = connect.username else {
            return match policy.anonymous {
                true => self.enter(connect, Named { username: None, proof: Proof::None }, turn),
                false => Err((Reason::NOT_AUTHORIZED, "a user name is needed here")),
            };
        };
        let username = Some(name.into());
        let Some(accounts) = &policy.accounts else {
            return self.enter(connect, Named { username, proof: Proof::None }, turn);
        };
        let password = connect.password.unwrap_or_default();
        let (secret, known) = accounts.to_verify(name).ok_or(WRONG)?;
        let named = Named { username, proof: Proof::Password(secret.clone()) };
        if !secret.is_costly() {
            self.check_blocked(connect.version, turn)?;
            return match secret.verify(password, &mut Memory::default()) & known {
                true => self.enter(connect, named, turn),
                false => Err(self.wrong(turn)),
            };
        }
        let digest = rights.logins.digest(secret, known, password);
        let (secret, password, address) = (secret.clone(), password.into(), self.peer.address);
        let wanted = Verification { rights: rights.clone(), digest, secret, known, password, address };
        match self.ticket(wanted, bytes.len(), connect.version, turn)? {
            None => self.enter(connect, named, turn),
            Some(ticket) => {
                ticket.set_waker(self.waker.as_ref());
                let (bytes, broker) = (bytes.into(), self.broker.clone());
                self.phase = Phase::Verifying(Box::new(Held { bytes, ticket, rights, named, broker }));
                Ok(())
            }
        }
    }

    /// A place among those who wait for this password; none if it was verified before. What it holds must be given back
    /// by a [`Held`].
    fn ticket(
        &self,
        wanted: Verification,
        bytes: usize,
        version: Version,
        turn: &mut Turn,
    ) -> Result<Option<Arc<Ticket>>, Refusal> {
        let rights = wanted.rights.clone();
        let logins = &rights.logins;
        let mut known = logins.look_up(&wanted.digest);
        if let Known::Nothing = known {
            self.check_blocked(version, turn)?;
            let digest = wanted.digest;
            known = match logins.wait(digest) {
                Err(known) => known,
                Ok(ticket) if self.broker.line.push(wanted, &self.limits).is_ok() => {
                    turn.verifications += 1;
                    Known::Joined(ticket)
                }
                Ok(_) => {
                    logins.settle(&digest, Answer::Blocked);
                    return Err(busy(version, turn));
                }
            };
        }
        match known {
            Known::Verified => Ok(None),
            Known::Joined(ticket) => {
                let held = self.broker.waiting_bytes.fetch_add(bytes, crate::sync::Ordering::Relaxed);
                if held + bytes > WAITING_BYTES {
                    self.broker.waiting_bytes.fetch_sub(bytes, crate::sync::Ordering::Relaxed);
                    return Err(busy(version, turn));
                }
                Ok(Some(ticket))
            }
            // It was settled between the two looks.
            Known::Nothing => Err(busy(version, turn)),
        }
    }

    /// Looks whether the password has been verified, and goes on with CONNECT.
    pub(super) fn verified(&mut self, turn: &mut Turn) {
        let Phase::Verifying(held) = &self.phase else { return };
        let answer = held.ticket.answer();
        let late = turn.now.since(self.heard) >= self.limits.connect_timeout;
        if answer.is_none() && !late {
            return;
        }
        let Phase::Verifying(held) = std::mem::replace(&mut self.phase, Phase::New) else { return };
        let Ok(Some(frame)) = frame::cut(&held.bytes, usize::MAX) else { return };
        // It was decoded once already.
        let Ok(connect) = codec::decode_connect(frame) else { return };
        let admitted = match answer {
            None => Err(busy(connect.version, turn)),
            Some(Answer::Blocked) => Err(blocked(connect.version, turn)),
            Some(Answer::Wrong) => Err(self.wrong(turn)),
            Some(Answer::Right) => self.check(&connect).and_then(|()| {
                if Arc::ptr_eq(&held.rights, &self.broker.rights.load()) {
                    self.enter(&connect, held.named.clone(), turn)
                } else {
                    self.admit(&connect, &held.bytes, turn)
                }
            }),
        };
        if let Err(refusal) = admitted {
            self.reject(&connect, refusal, turn);
        }
    }

    fn wrong(&self, turn: &mut Turn) -> Refusal {
        turn.counters.logins_failed.add(1);
        if let Some(address) = self.peer.address {
            self.broker.addresses.failed(address, turn.now);
        }
        WRONG
    }

    fn check_blocked(&self, version: Version, turn: &Turn) -> Result<(), Refusal> {
        let blocked_at = |address: Address| self.broker.addresses.is_blocked(address, turn.now, &self.limits);
        if self.peer.address.is_some_and(blocked_at) { Err(blocked(version, turn)) } else { Ok(()) }
    }
}

fn busy(version: Version, turn: &Turn) -> Refusal {
    turn.counters.logins_refused.add(1);
    let detail = "too many logins wait to be verified";
    (if version == Version::V5 { Reason::SERVER_BUSY } else { Reason::SERVER_UNAVAILABLE }, detail)
}

fn blocked(version: Version, turn: &Turn) -> Refusal {
    turn.counters.logins_refused.add(1);
    let detail = "too many logins from this address have failed; it must wait";
    (
        if version == Version::V5 { Reason::CONNECTION_RATE_EXCEEDED } else { Reason::SERVER_UNAVAILABLE },
        detail,
    )
}
