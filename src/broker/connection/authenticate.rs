//! Authentication of a client: by its certificate, by a password, or not at all.
//!
//! A password that takes long to verify is verified by the shell (`access::verification`), and CONNECT is processed when there
//! is an answer. Until then nothing else is read, and nothing of the client's session is touched.

use crate::broker::access::logins::{Known, LoginOutcome, PendingLogin};
use crate::broker::access::password::Memory;
use crate::broker::access::rights::LoginProof;
use crate::broker::access::rights::Rights;
use crate::broker::access::verification::Verification;
use crate::broker::connection::endpoint::{Close, Endpoint};
use crate::broker::cx::Cx;
use crate::broker::identity::AddressKey;
use crate::codec::packet::{Connect, Version};
use crate::codec::reason::Reason;
use crate::sync::Arc;

/// Bytes of all CONNECT packets that wait for their passwords.
const WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The user of a client, and how it was authenticated.
#[derive(Clone, Debug)]
pub(crate) struct AuthenticatedUser {
    pub(crate) username: Option<Arc<str>>,
    pub(crate) proof: LoginProof,
}

/// A CONNECT that waits for its password to be verified.
#[derive(Debug)]
pub(crate) struct PendingConnect {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) login: Arc<PendingLogin>,
    /// The permissions under which it is verified. If they have changed meanwhile, the client is authenticated again.
    rights: Arc<Rights>,
    user: AuthenticatedUser,
    broker: Arc<crate::broker::state::Broker>,
}

impl Drop for PendingConnect {
    fn drop(&mut self) {
        self.broker.waiting_bytes.fetch_sub(self.bytes.len(), crate::sync::Ordering::Relaxed);
    }
}

const WRONG: Close = Close::new(Reason::BAD_USER_NAME_OR_PASSWORD, "wrong user name or password");

/// How far the authentication of a client has come.
#[derive(Debug)]
pub(crate) enum Authentication {
    Done(AuthenticatedUser),
    /// Its password is being verified.
    Pending(Box<PendingConnect>),
}

impl Endpoint {
    /// Authenticates the client, or begins to verify its password.
    pub(crate) fn authenticate(
        &self,
        connect: &Connect<'_>,
        bytes: &[u8],
        cx: &mut Cx,
    ) -> Result<Authentication, Close> {
        let done = |username, proof| Ok(Authentication::Done(AuthenticatedUser { username, proof }));
        let rights = self.broker.rights.load();
        let policy = rights.policy(self.peer.listener);
        if policy.certificate {
            let detail = "the client's certificate gives it no user name, which is needed here";
            let username = self.peer.identity.clone();
            let username = username.ok_or(Close::new(Reason::NOT_AUTHORIZED, detail))?;
            return done(Some(username), LoginProof::Certificate);
        }
        let Some(name) = connect.username else {
            return match policy.anonymous {
                true => done(None, LoginProof::None),
                false => Err(Close::new(Reason::NOT_AUTHORIZED, "a user name is needed here")),
            };
        };
        let username = Some(name.into());
        let Some(accounts) = &policy.accounts else {
            return done(username, LoginProof::None);
        };
        let password = connect.password.unwrap_or_default();
        let (secret, known) = accounts.to_verify(name).ok_or(WRONG)?;
        let proof = LoginProof::Password(secret.clone());
        if !secret.is_costly() {
            self.check_blocked(connect.version, cx)?;
            return match secret.verify(password, &mut Memory::default()) & known {
                true => done(username, proof),
                false => Err(self.wrong(cx)),
            };
        }
        let digest = rights.logins.digest(secret, known, password);
        let (secret, password, address) = (secret.clone(), password.into(), self.peer.address);
        let wanted = Verification { rights: rights.clone(), digest, secret, known, password, address };
        match self.login(wanted, bytes.len(), connect.version, cx)? {
            None => done(username, proof),
            Some(login) => {
                login.set_waker(self.waker.as_ref());
                let user = AuthenticatedUser { username, proof };
                let (bytes, broker) = (bytes.into(), self.broker.clone());
                Ok(Authentication::Pending(Box::new(PendingConnect { bytes, login, rights, user, broker })))
            }
        }
    }

    /// A place among those who wait for this password; none if it was verified before. What it holds must be given back
    /// by a [`PendingConnect`].
    fn login(
        &self,
        wanted: Verification,
        bytes: usize,
        version: Version,
        cx: &mut Cx,
    ) -> Result<Option<Arc<PendingLogin>>, Close> {
        let rights = wanted.rights.clone();
        let logins = &rights.logins;
        let mut known = logins.look_up(&wanted.digest);
        if let Known::Nothing = known {
            self.check_blocked(version, cx)?;
            let digest = wanted.digest;
            known = match logins.wait(digest) {
                Err(known) => known,
                Ok(login) if self.broker.line.push(wanted, &self.limits).is_ok() => {
                    cx.verifications += 1;
                    Known::Joined(login)
                }
                Ok(_) => {
                    logins.settle(&digest, LoginOutcome::Blocked);
                    return Err(busy(version, cx));
                }
            };
        }
        match known {
            Known::Verified => Ok(None),
            Known::Joined(login) => {
                let held = self.broker.waiting_bytes.fetch_add(bytes, crate::sync::Ordering::Relaxed);
                if held + bytes > WAITING_BYTES {
                    self.broker.waiting_bytes.fetch_sub(bytes, crate::sync::Ordering::Relaxed);
                    return Err(busy(version, cx));
                }
                Ok(Some(login))
            }
            // It was settled between the two looks.
            Known::Nothing => Err(busy(version, cx)),
        }
    }

    /// Whether the password has been verified, or the time for that is over.
    pub(crate) fn is_answered(&self, pending: &PendingConnect, cx: &Cx) -> bool {
        let is_late = cx.now.since(self.heard) >= self.limits.connect_timeout;
        is_late || pending.login.answer().is_some()
    }

    /// Goes on with a CONNECT whose password [`Self::is_answered`].
    pub(crate) fn verified(
        &self,
        pending: &PendingConnect,
        connect: &Connect<'_>,
        cx: &mut Cx,
    ) -> Result<Authentication, Close> {
        match pending.login.answer() {
            None => Err(busy(connect.version, cx)),
            Some(LoginOutcome::Blocked) => Err(blocked(connect.version, cx)),
            Some(LoginOutcome::Wrong) => Err(self.wrong(cx)),
            Some(LoginOutcome::Right) => {
                self.check_connect(connect)?;
                if Arc::ptr_eq(&pending.rights, &self.broker.rights.load()) {
                    Ok(Authentication::Done(pending.user.clone()))
                } else {
                    self.authenticate(connect, &pending.bytes, cx)
                }
            }
        }
    }

    fn wrong(&self, cx: &mut Cx) -> Close {
        cx.counters.logins_failed.add(1);
        if let Some(address) = self.peer.address {
            self.broker.addresses.failed(address, cx.now);
        }
        WRONG
    }

    fn check_blocked(&self, version: Version, cx: &Cx) -> Result<(), Close> {
        let blocked_at =
            |address: AddressKey| self.broker.addresses.is_blocked(address, cx.now, &self.limits);
        if self.peer.address.is_some_and(blocked_at) { Err(blocked(version, cx)) } else { Ok(()) }
    }
}

fn busy(version: Version, cx: &Cx) -> Close {
    cx.counters.logins_refused.add(1);
    let reason = if version == Version::V5 { Reason::SERVER_BUSY } else { Reason::SERVER_UNAVAILABLE };
    Close::new(reason, "too many logins wait to be verified")
}

fn blocked(version: Version, cx: &Cx) -> Close {
    cx.counters.logins_refused.add(1);
    let is_v5 = version == Version::V5;
    let reason = if is_v5 { Reason::CONNECTION_RATE_EXCEEDED } else { Reason::SERVER_UNAVAILABLE };
    Close::new(reason, "too many logins from this address have failed; it must wait")
}
