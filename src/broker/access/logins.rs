//! Logins that were verified, or are about to be: so that ten thousand clients that come back at once cost one
//! computation for each user and not ten thousand.
//!
//! What was right is remembered under a keyed hash of the kept password and the given one, as long as the rights last
//! that it was found under; what was wrong is not remembered. Those who give the same while it is being verified wait
//! together.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::password::StoredPassword;
use crate::sync::{Arc, Mutex, Weak};

/// What became of a login, told to those who wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginOutcome {
    Right,
    Wrong,
    /// Not asked: too many logins from its address have failed meanwhile.
    Blocked,
}

/// One connection that waits for an answer.
#[derive(Debug, Default)]
pub(crate) struct PendingLogin(Mutex<(Option<LoginOutcome>, Option<std::task::Waker>)>);

impl PendingLogin {
    pub(crate) fn set_waker(&self, waker: Option<&std::task::Waker>) {
        self.0.lock().1 = waker.cloned();
    }

    pub(crate) fn answer(&self) -> Option<LoginOutcome> {
        self.0.lock().0
    }

    fn tell(&self, answer: LoginOutcome) {
        let mut state = self.0.lock();
        state.0 = Some(answer);
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }
}

/// Names a kept password together with a given one, and reveals neither.
pub(crate) type Digest = [u8; 32];

#[derive(Debug)]
pub(crate) struct Logins {
    key: [u8; 32],
    /// Keyed hashes need no keyed map.
    entries: Mutex<HashMap<Digest, LoginState, FixedState>>,
}

#[derive(Debug)]
enum LoginState {
    Verified,
    Waiting(Vec<Weak<PendingLogin>>),
}

/// What is known of a login.
#[derive(Debug)]
pub(crate) enum Known {
    Verified,
    /// Another waits for the same; this ticket will be told too.
    Joined(Arc<PendingLogin>),
    Nothing,
}

impl Logins {
    /// `key` must be known to nobody.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key, entries: Mutex::default() }
    }

    /// `known` tells a user's own password from that which stands for all unknown users.
    pub(crate) fn digest(&self, secret: &StoredPassword, known: bool, password: &[u8]) -> Digest {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return self.key };
        mac.update(secret.to_string().as_bytes());
        mac.update(&[0, u8::from(known)]);
        mac.update(password);
        mac.finalize().into_bytes().into()
    }

    pub(crate) fn look_up(&self, digest: &Digest) -> Known {
        match self.entries.lock().get_mut(digest) {
            Some(LoginState::Verified) => Known::Verified,
            Some(LoginState::Waiting(tickets)) => {
                let ticket = Arc::new(PendingLogin::default());
                tickets.push(Arc::downgrade(&ticket));
                Known::Joined(ticket)
            }
            None => Known::Nothing,
        }
    }

    /// The first ticket for this login, if nobody was faster.
    pub(crate) fn wait(&self, digest: Digest) -> Result<Arc<PendingLogin>, Known> {
        let ticket = Arc::new(PendingLogin::default());
        let mut entries = self.entries.lock();
        if entries.contains_key(&digest) {
            drop(entries);
            return Err(self.look_up(&digest));
        }
        entries.insert(digest, LoginState::Waiting(vec![Arc::downgrade(&ticket)]));
        Ok(ticket)
    }

    /// Whether nobody waits for this login any more; it is then forgotten.
    pub(crate) fn is_abandoned(&self, digest: &Digest) -> bool {
        let mut entries = self.entries.lock();
        let abandoned = match entries.get(digest) {
            Some(LoginState::Waiting(tickets)) => tickets.iter().all(|ticket| ticket.strong_count() == 0),
            Some(LoginState::Verified) | None => false,
        };
        if abandoned {
            entries.remove(digest);
        }
        abandoned
    }

    /// Tells all who wait.
    pub(crate) fn settle(&self, digest: &Digest, answer: LoginOutcome) {
        let mut entries = self.entries.lock();
        let entry = match answer {
            LoginOutcome::Right => entries.insert(*digest, LoginState::Verified),
            LoginOutcome::Wrong | LoginOutcome::Blocked => entries.remove(digest),
        };
        drop(entries);
        if let Some(LoginState::Waiting(tickets)) = entry {
            tickets.iter().filter_map(Weak::upgrade).for_each(|ticket| ticket.tell(answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, LoginOutcome, Logins};
    use crate::broker::access::password::StoredPassword;

    #[test]
    fn those_who_give_the_same_wait_together_and_what_was_right_is_remembered() {
        let logins = Logins::new([7; 32]);
        let secret = StoredPassword::Plain(b"secret"[..].into());
        let right = logins.digest(&secret, true, b"secret");
        let wrong = logins.digest(&secret, true, b"wrong");
        assert_ne!(right, logins.digest(&secret, false, b"secret"));
        assert_ne!(right, Logins::new([8; 32]).digest(&secret, true, b"secret"));
        let first = logins.wait(right).unwrap();
        let Known::Joined(second) = logins.look_up(&right) else { panic!("the second waits with the first") };
        let third = logins.wait(wrong).unwrap();
        logins.settle(&right, LoginOutcome::Right);
        logins.settle(&wrong, LoginOutcome::Wrong);
        let answers = [first.answer(), second.answer(), third.answer()];
        assert_eq!(
            answers,
            [Some(LoginOutcome::Right), Some(LoginOutcome::Right), Some(LoginOutcome::Wrong)]
        );
        assert!(matches!(logins.look_up(&right), Known::Verified));
        assert!(matches!(logins.look_up(&wrong), Known::Nothing));
        drop(logins.wait(wrong).unwrap());
        assert!(logins.is_abandoned(&wrong) && !logins.is_abandoned(&right));
    }
}
