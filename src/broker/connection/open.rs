//! A connection that has a session. Its handlers own the state they use; what is wrong with a packet is returned as a
//! [`Close`].

use std::time::Duration;

use crate::broker::connection::ack_queue::{AckQueue, Reply};
use crate::broker::connection::endpoint::{Close, Endpoint};
use crate::broker::connection::unfinished::Unfinished;
use crate::broker::cx::Cx;
use crate::broker::durability::journal::{BatchId, PATIENCE};
use crate::broker::identity::Who;
use crate::broker::limits::Limits;
use crate::broker::observe::drop_series::DropSeries;
use crate::broker::observe::event::Ending;
use crate::broker::routing::hold::Hold;
use crate::broker::session::Session;
use crate::broker::state::turn::Turn;
use crate::codec;
use crate::codec::packet::{Disconnect, Packet, Version};
use crate::codec::reason::Reason;
use crate::delivery::Inbox;
use crate::message::QoS;
use crate::sync::Arc;
use crate::time::Instant;

#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) session: Arc<Session>,
    pub(crate) epoch: u32,
    /// The client as it was authenticated.
    pub(crate) who: Arc<Who>,
    /// What the listener puts before its topics.
    pub(crate) mount_point: Option<Arc<str>>,
    pub(crate) version: Version,
    pub(crate) inbox: Inbox,
    /// Keep alive in seconds; 0 disables it.
    pub(crate) keep_alive: u16,
    /// Topic aliases the client has set; the position is the alias less one.
    pub(crate) aliases: Vec<Option<Arc<str>>>,
    /// The greatest alias it may set.
    pub(crate) alias_maximum: u16,
    /// The highest QoS of messages to and from it.
    pub(crate) max_qos: QoS,
    /// Whether the client called itself a bridge, in 3.1 or 3.1.1.
    pub(crate) bridge: bool,
    /// Bytes of the largest packet the client takes.
    pub(crate) maximum_packet: usize,
    /// The session expiry of its CONNECT: DISCONNECT may not raise one of 0.
    pub(crate) expiry: u32,
    /// Acknowledgements that wait; CONNACK is the first.
    pub(crate) acks: AckQueue,
    /// The batch that the last PUBREL is recorded in: PUBCOMP depends on it.
    pub(crate) released: BatchId,
    /// The batch that the last PUBLISH at QoS 2 is recorded in: PUBREC depends on it.
    pub(crate) received: BatchId,
    /// Whether CONNACK has been sent: nothing is sent before it.
    pub(crate) greeted: bool,
    /// Since when the client is not read because the store fails and its version has no reason code for that.
    pub(crate) unanswerable: Option<Instant>,
    /// A packet that was interrupted so that other connections run.
    pub(crate) unfinished: Option<Box<Unfinished>>,
    /// Whether this publisher is slowed down.
    pub(crate) hold: Hold<Session>,
    /// Messages of this publisher that were dropped before they were routed.
    pub(crate) drops: DropSeries,
}

impl Open {
    /// Handles DISCONNECT.
    pub(crate) fn disconnect(&mut self, disconnect: &Disconnect<'_>, limits: &Limits) -> Result<(), Close> {
        if let Some(expiry) = disconnect.properties.session_expiry() {
            if self.expiry == 0 && expiry != 0 {
                let detail = "DISCONNECT sets a session expiry where CONNECT set none";
                return Err(Close::new(Reason::PROTOCOL_ERROR, detail));
            }
            self.session.lock().expiry = expiry.min(limits.session_expiry);
        }
        Ok(())
    }

    /// Sends a packet that waits for nothing. One that the client does not take closes the connection [MQTT-3.1.2-24].
    pub(crate) fn send(
        &self,
        packet: &Packet<'_>,
        endpoint: &mut Endpoint,
        cx: &mut Cx,
    ) -> Result<(), Close> {
        let (version, most) = (self.version, self.maximum_packet);
        endpoint.output.lend(|| cx.buffer());
        let mut fits = true;
        endpoint.output.write(|out| {
            let before = out.len();
            codec::encode(version, packet, out);
            fits = out.len() - before <= most;
            if !fits {
                out.truncate(before);
            }
        });
        if !fits {
            let detail = "the answer is larger than the client's Maximum Packet Size";
            return Err(Close::new(Reason::PACKET_TOO_LARGE, detail));
        }
        cx.counters.packets_sent.add(1);
        Ok(())
    }

    /// Whether an acknowledgement that depends on this batch can be sent at once.
    pub(crate) fn can_reply(&self, after: BatchId, cx: &Cx) -> bool {
        self.acks.is_empty() && !self.hold.is_on() && cx.journal.is_synced(after)
    }

    /// Sends an acknowledgement, or queues it behind others.
    pub(crate) fn reply(
        &mut self,
        reply: &Reply<'_>,
        endpoint: &mut Endpoint,
        cx: &mut Cx,
    ) -> Result<(), Close> {
        if self.can_reply(reply.after, cx) {
            if let Packet::Puback(_) = reply.packet {
                self.inbox.puback_sent();
            }
            return self.send(&reply.packet, endpoint, cx);
        }
        self.acks.push(reply, self.version);
        if self.acks.len() == 1 {
            self.acks.wait_for_first(endpoint.waker.as_ref(), &cx.journal);
        }
        Ok(())
    }

    /// Sends those acknowledgements that need not wait any more.
    pub(crate) fn send_acks(&mut self, endpoint: &mut Endpoint, cx: &mut Cx) {
        if self.acks.is_empty() || self.hold.is_on() {
            return;
        }
        endpoint.output.lend(|| cx.buffer());
        while let Some(ack) = self.acks.pop_ready(&cx.journal) {
            self.greeted = true;
            if ack.is_puback {
                self.inbox.puback_sent();
            }
            endpoint.output.write(|out| out.extend_from_slice(&ack.frame));
            cx.counters.packets_sent.add(1);
            // The keep alive does not run while the client is not read.
            endpoint.heard = cx.now;
        }
        self.acks.wait_for_first(endpoint.waker.as_ref(), &cx.journal);
    }

    /// Takes what others have written for this client. The ending that somebody else asked for, if any.
    pub(crate) fn take_output(&mut self, endpoint: &mut Endpoint, cx: &mut Cx) -> Option<Ending> {
        let mut state = self.session.lock();
        let link = state.link.as_mut()?;
        link.woken = false;
        let fence = link.fence.take();
        if endpoint.output.is_empty() && self.greeted {
            state.wrote(0);
            state.write_held(cx, &endpoint.limits);
            let link = state.link.as_mut()?;
            std::mem::swap(&mut endpoint.output, &mut link.output);
            link.unwritten = endpoint.output.len();
            self.session.pump(&mut state, cx, &endpoint.limits);
        }
        self.session.feed_groups(state, cx, &endpoint.limits);
        fence.map(|ending| *ending)
    }

    /// Whether more packets are taken now.
    pub(crate) fn reads(&self, endpoint: &Endpoint) -> bool {
        let high = endpoint.limits.output_high;
        self.greeted
            && self.unfinished.is_none()
            && self.unanswerable.is_none()
            && if self.hold.is_on() {
                // What it is to receive, and with that other publishers, may wait for acknowledgements of its own.
                self.owes()
            } else {
                self.acks.has_room(high)
            }
            && (endpoint.output.len() <= high || endpoint.peer.kind.is_bridge())
    }

    /// Whether this client's own window is full, so that what it is to receive waits for its acknowledgements.
    fn owes(&self) -> bool {
        let state = self.session.lock();
        state.outbox.in_flight() > 0 && !state.outbox.has_room()
    }

    /// Goes on with a packet that was interrupted.
    pub(crate) fn proceed(&mut self, endpoint: &mut Endpoint, turn: &mut Turn) -> Result<(), Close> {
        let Some(work) = self.unfinished.take() else { return Ok(()) };
        turn.take_batch();
        let proceeded = match *work {
            Unfinished::Publish(work) => self.proceed_publish(work, endpoint, turn),
            Unfinished::Filters(work) => self.proceed_filters(work, endpoint, turn),
        };
        // There is more to do: the rest of it, or packets that waited for it.
        turn.is_unfinished = true;
        turn.wakes.extend(endpoint.waker.clone());
        proceeded
    }

    /// Closes the connection when an acknowledgement has waited too long for a store that fails or a disk that is full, so
    /// that the client sends again what was not acknowledged.
    pub(crate) fn check_patience(&self, cx: &Cx) -> Result<(), Close> {
        let failing_since = cx.journal.failing_since();
        let is_over = match self.unanswerable {
            // It can send again at once, and is answered.
            Some(_) if !cx.journal.refuses_messages() => true,
            Some(since) => cx.now.since(since) >= PATIENCE,
            None => {
                !self.acks.is_empty() && failing_since.is_some_and(|since| cx.now.since(since) >= PATIENCE)
            }
        };
        if is_over {
            let detail = "the store has not kept what it sent; the client may send it again";
            return Err(Close::new(Reason::QUOTA_EXCEEDED, detail));
        }
        Ok(())
    }

    /// Until when the connection waits for a store that fails.
    pub(crate) fn patience(&self, failing_since: Option<Instant>) -> Instant {
        match (self.unanswerable, failing_since) {
            (Some(since), _) => since + PATIENCE,
            (None, Some(since)) if !self.acks.is_empty() => since + PATIENCE,
            (None, _) => Instant::NEVER,
        }
    }

    /// For how long the client may send nothing while it is read: one and a half times its keep alive.
    pub(crate) fn silence(&self, endpoint: &Endpoint) -> Option<Duration> {
        let runs = self.keep_alive > 0 && !self.hold.is_on() && self.reads(endpoint);
        runs.then(|| Duration::from_millis(u64::from(self.keep_alive) * 1_500))
    }
}
