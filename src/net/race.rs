//! Connecting to a host that has several addresses: the next is tried when the one before does not answer (RFC 8305).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::sleep;

/// Time after which the next address is tried in parallel if an attempt has neither succeeded nor failed (RFC 8305, section
/// 8).
const STAGGER: Duration = Duration::from_millis(250);
/// While no address answers, all are tried again after this time: the system waits longer and longer before it sends a SYN
/// again, so that a host that is back after half a minute would be noticed a quarter of a minute later.
const AGAIN: Duration = Duration::from_secs(1);

/// The result of the first attempt that succeeds. Each begins when the previous one has failed or has taken [`STAGGER`]. The
/// error is that of the last failure; `None` without any attempt.
pub(super) async fn first<T, E, F>(attempts: impl IntoIterator<Item = F>) -> Option<Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = attempts.into_iter().peekable();
    let (mut running, mut last) = (Vec::new(), None);
    loop {
        match waiting.next() {
            Some(attempt) => running.push(Box::pin(attempt)),
            None if running.is_empty() => return last,
            None => {}
        }
        tokio::select! {
            biased;
            result = any(&mut running) => match result {
                Ok(found) => return Some(Ok(found)),
                Err(error) => last = Some(Err(error)),
            },
            () = sleep(STAGGER), if waiting.peek().is_some() => {}
        }
    }
}

/// Waits for the first attempt to end and removes it.
async fn any<F: Future>(running: &mut Vec<Pin<Box<F>>>) -> F::Output {
    poll_fn(|cx| {
        for at in 0..running.len() {
            if let Poll::Ready(result) = running[at].as_mut().poll(cx) {
                drop(running.remove(at));
                return Poll::Ready(result);
            }
        }
        Poll::Pending
    })
    .await
}

/// As [`first`], of attempts that `begin` makes and that may be repeated while none answers.
pub(super) async fn first_again<T, E, F, I>(begin: impl Fn() -> I) -> Option<Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
    I: IntoIterator<Item = F>,
{
    let mut oldest = Box::pin(first(begin()));
    let mut newest = None;
    loop {
        tokio::select! {
            biased;
            result = &mut oldest => return result,
            // It knows more than the oldest, whose last SYN may have been lost.
            Some(result) = async { Some(newest.as_mut()?.await) }, if newest.is_some() => return result,
            () = sleep(AGAIN) => newest = Some(Box::pin(first(begin()))),
        }
    }
}

/// The addresses in the order in which they are tried: as they are, but families take turns (RFC 8305, section 4).
pub(super) fn in_turns(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = addresses.collect();
    let Some(prefers_v4) = addresses.first().map(SocketAddr::is_ipv4) else { return addresses };
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.drain(..).partition(|address| address.is_ipv4() == prefers_v4);
    while !one.is_empty() || !other.is_empty() {
        addresses.extend(one.pop_front());
        addresses.extend(other.pop_front());
    }
    addresses
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;
    use std::time::Instant;

    use super::{AGAIN, STAGGER, first, first_again, in_turns};

    #[test]
    fn families_take_turns() {
        let addresses =
            |text: &str| text.split(' ').map(|address| address.parse().unwrap()).collect::<Vec<_>>();
        for (given, tried) in [
            ("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1", "[::1]:1 1.1.1.1:1 [::2]:1 [::3]:1"),
            ("1.1.1.1:1 2.2.2.2:1 [::1]:1", "1.1.1.1:1 [::1]:1 2.2.2.2:1"),
            ("1.1.1.1:1", "1.1.1.1:1"),
        ] {
            assert_eq!(in_turns(addresses(given).into_iter()), addresses(tried));
        }
        assert!(in_turns(std::iter::empty()).is_empty());
    }

    /// What becomes of an attempt, if anything.
    async fn attempt(result: Option<Result<u32, u32>>) -> Result<u32, u32> {
        match result {
            None => pending().await,
            Some(result) => result,
        }
    }

    #[tokio::test]
    async fn the_next_is_tried_after_a_failure_or_when_there_is_no_answer() {
        for (attempts, expected, pauses) in [
            (vec![Some(Ok(1)), None], Some(Ok(1)), 0),
            (vec![Some(Err(1)), Some(Ok(2))], Some(Ok(2)), 0),
            (vec![Some(Err(1)), Some(Err(2))], Some(Err(2)), 0),
            (vec![None, Some(Ok(2)), None], Some(Ok(2)), 1),
            (vec![None, None, Some(Ok(3))], Some(Ok(3)), 2),
            (vec![], None, 0),
        ] {
            let began = Instant::now();
            assert_eq!(first(attempts.into_iter().map(attempt)).await, expected);
            assert!(began.elapsed() >= STAGGER * pauses, "{:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn all_are_tried_anew_while_none_answers() {
        let (began, tried) = (Instant::now(), Cell::new(0));
        let result = first_again(|| {
            tried.set(tried.get() + 1);
            [attempt((tried.get() == 3).then_some(Ok(3)))]
        });
        assert_eq!((result.await, tried.get()), (Some(Ok(3)), 3));
        assert!(began.elapsed() >= AGAIN * 2, "{:?}", began.elapsed());
    }
}
