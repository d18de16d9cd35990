//! When a session asks publishers to slow down: what is queued for its client, and how fast the client takes it.
use crate::broker::cx::Cx;
use crate::broker::limits::Limits;
use crate::broker::queue::backlog::Backlog;
use crate::broker::queue::backlog::BacklogCause;
use crate::broker::queue::backlog::Slow;
use crate::broker::routing::receiver::Offer;
use crate::broker::session::link::SessionLink;
use crate::broker::session::state::SessionState;

impl SessionState {
    /// Whether publishers should slow down because of what waits here, now that a message was added. The backlog of an
    /// absent client slows nobody down.
    #[inline]
    pub(crate) fn back_pressure(&mut self, cx: &mut Cx, limits: &Limits) -> Offer {
        let Some(slow) = self.high(limits) else { return Offer::Taken };
        let waits = self.waits(limits);
        let backlog = self.backlog.get_or_insert_with(|| Backlog::new(cx.now));
        if backlog.slows(waits, cx, limits) { Offer::SlowDown(slow) } else { Offer::Taken }
    }

    /// Whether the turn's publisher, which was asked to slow down, still should: until little waits.
    pub(crate) fn still_slows(&mut self, cx: &mut Cx, limits: &Limits) -> bool {
        let waits = self.waits(limits);
        self.backlog.as_mut().is_some_and(|backlog| backlog.slows(waits, cx, limits))
    }

    /// Which publishers should slow down, if the queue or the output is above its high mark and the client is there.
    fn high(&self, limits: &Limits) -> Option<Slow> {
        let pending = self.link.as_ref()?.pending();
        // Asked for each delivery, and nearly always so.
        if pending <= limits.output_high && self.queue.is_empty() {
            return None;
        }
        let slow = if pending / 3 > limits.queued_bytes / 4 { Slow::All } else { Slow::Fast };
        self.queue.slows(limits).max((pending > limits.output_high).then_some(slow))
    }

    fn waits(&self, limits: &Limits) -> BacklogCause {
        let unsent = self.link.as_ref().map_or(0, SessionLink::unsent);
        if !self.queue.is_low(limits) {
            if self.queue.waits_for_page() { BacklogCause::Store } else { BacklogCause::Acknowledgements }
        } else if unsent > limits.output_low {
            BacklogCause::Socket
        } else {
            BacklogCause::Store
        }
    }

    pub(crate) fn is_lagging(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| backlog.is_lagging())
    }

    /// A message of `bytes` bytes has left the queue.
    pub(crate) fn took_message(&mut self, bytes: usize) {
        if let Some(backlog) = &mut self.backlog {
            backlog.took_message(bytes);
        }
    }

    /// Of what the connection took to write, `left` bytes are not written yet.
    pub(crate) fn wrote(&mut self, left: usize) {
        let Some(link) = &mut self.link else { return };
        if let Some(backlog) = &mut self.backlog {
            backlog.took_output(link.unwritten.saturating_sub(left));
        }
        link.unwritten = left;
    }

    /// Lets those publishers go on that were slowed down because of this session.
    pub(crate) fn end_backlog(&mut self, cx: &mut Cx) {
        if let Some(backlog) = self.backlog.take() {
            backlog.end(cx);
        }
    }

    /// Whether so little waits here that publishers may go on.
    pub(crate) fn is_low(&self, limits: &Limits) -> bool {
        self.queue.is_low(limits) && self.link.as_ref().is_none_or(|link| link.pending() <= limits.output_low)
    }
}
