//! A device: the production client, and what the ledger must know of what it says and hears.

use std::collections::BTreeMap;

use super::hop::Hop;
use super::ledger::{Checked, Ledger, Subscription};
use super::plan::Role;
use super::world::Transcript;
use crate::client::{Client, Event};
use crate::codec::packet::{Packet, Publish, Version};
use crate::codec::{decode, frame};
use crate::time::Instant;

/// SUBSCRIBE or UNSUBSCRIBE that was sent: the subscriptions it is about, and those that it ends.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) begins: Vec<usize>,
    pub(super) ends: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Device {
    pub(super) number: usize,
    pub(super) role: Role,
    pub(super) client: Client,
    /// The connection it uses.
    pub(super) socket: Option<usize>,
    input: Vec<u8>,
    pub(super) out: Vec<u8>,
    /// Bytes of `out` that were looked at.
    seen: usize,
    hop: Hop,
    /// What is in flight: messages by their identifiers.
    in_flight: BTreeMap<u16, usize>,
    /// Messages without content that are to be found in what is sent.
    pub(super) clears: Vec<usize>,
    pub(super) requests: BTreeMap<u16, Request>,
    transcript: Transcript,
}

impl Device {
    pub(super) fn new(number: usize, role: Role, transcript: Transcript) -> Self {
        let settings = role.settings();
        let client = Client::with_packet_ids(settings, role.packet_ids);
        Self {
            number,
            role,
            client,
            socket: None,
            input: Vec::new(),
            out: Vec::new(),
            seen: 0,
            hop: Hop::default(),
            in_flight: BTreeMap::new(),
            clears: Vec::new(),
            requests: BTreeMap::new(),
            transcript,
        }
    }

    fn tell(&mut self, ledger: &Ledger, direction: char, packet: &dyn std::fmt::Display) {
        if let (Some(lines), Some(socket)) = (&self.transcript, self.socket) {
            let seconds = ledger.now.as_micros() as f64 / 1e6;
            lines.borrow_mut().push(format!(
                "{:>4} {seconds:>9.3}  c{}#{socket}{direction} {packet}",
                ledger.step, self.number
            ));
        }
    }

    /// Looks at what the client wants to send since the last time.
    pub(super) fn look(&mut self, ledger: &mut Ledger) -> Checked {
        let out = std::mem::take(&mut self.out);
        let mut rest = &out[self.seen..];
        while let Ok(Some(frame)) = frame::cut(rest, usize::MAX) {
            rest = &rest[frame.len()..];
            if frame.bytes()[0] == 0x10 {
                let connect = crate::codec::decode_connect(frame).map_err(|fault| format!("{fault:?}"))?;
                self.tell(ledger, '>', &crate::text::full(&Packet::Connect(connect)));
                continue;
            }
            let packet =
                decode(self.role.version, frame).map_err(|fault| format!("the client wrote {fault:?}"))?;
            self.tell(ledger, '>', &crate::text::full(&packet));
            self.hop.sends(&packet).map_err(|what| format!("c{} to the broker: {what}", self.number))?;
            if let Packet::Publish(publish) = &packet {
                self.note(publish, ledger);
            }
        }
        self.seen = out.len();
        self.out = out;
        Ok(())
    }

    /// Which message goes under which identifier.
    fn note(&mut self, publish: &Publish<'_>, ledger: &Ledger) {
        let Some(id) = publish.packet_id else { return };
        let text = std::str::from_utf8(publish.payload).unwrap_or_default();
        let index = text.strip_prefix('m').and_then(|text| text.split(':').next()?.parse().ok());
        let index = index.or_else(|| {
            // A resend keeps its identifier.
            let known = self.in_flight.get(&id.get()).filter(|_| publish.dup).copied();
            known.or_else(|| {
                let fits = |index: &usize| ledger.messages[*index].qos == publish.qos;
                let at = self.clears.iter().position(fits)?;
                Some(self.clears.remove(at))
            })
        });
        if let Some(index) = index {
            self.in_flight.insert(id.get(), index);
        }
    }

    /// Sends as much as `take` takes.
    pub(super) fn flush(&mut self, take: impl FnOnce(&[u8]) -> usize) -> usize {
        let count = take(&self.out);
        self.out.drain(..count);
        self.seen = self.seen.saturating_sub(count);
        count
    }

    /// The transport is gone.
    pub(super) fn detach(&mut self) {
        self.client.closed();
        self.socket = None;
        self.input.clear();
        self.out.clear();
        self.seen = 0;
        self.requests.clear();
    }

    /// Bytes came; `began` says when the connection was asked for.
    pub(super) fn hears(&mut self, bytes: &[u8], began: Instant, ledger: &mut Ledger) -> Checked {
        self.input.extend(bytes);
        loop {
            let length = match frame::cut(&self.input, usize::MAX) {
                Ok(Some(frame)) => frame.len(),
                Ok(None) => return Ok(()),
                Err(fault) => return Err(format!("c{} cannot read the broker: {fault:?}", self.number)),
            };
            let bytes: Vec<u8> = self.input.drain(..length).collect();
            if let Ok(Some(frame)) = frame::cut(&bytes, usize::MAX)
                && let Ok(packet) = decode(self.role.version, frame)
            {
                self.tell(ledger, '<', &crate::text::full(&packet));
                self.hop.hears(&packet);
                if let Packet::Pubrec(ack) = &packet
                    && !ack.reason.is_failure()
                    && let Some(index) = self.in_flight.get(&ack.packet_id.get())
                {
                    // From here on the broker answers for it.
                    ledger.taken(*index)?;
                }
            }
            self.packet(&bytes, began, ledger)?;
        }
    }

    fn packet(&mut self, mut bytes: &[u8], began: Instant, ledger: &mut Ledger) -> Checked {
        let (number, is_v5) = (self.number, self.role.version == Version::V5);
        let connection = self.socket.unwrap_or(usize::MAX);
        loop {
            let event = match self.client.next(ledger.now, &mut bytes, &mut self.out) {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(fault) => return Err(format!("c{number} finds a fault in the broker: {fault:?}")),
            };
            match event {
                Event::Connected { session_present, .. } => {
                    // A server of 3.1 does not say; its clients take it that it kept the session they asked it to keep.
                    let kept = self.role.version == Version::V3_1 && !self.client.settings().clean_start;
                    let session_present = session_present || kept;
                    if !session_present {
                        ledger.mistaken(number);
                    }
                    ledger.told(number, connection, session_present);
                    let clears = self.in_flight.values().copied().filter(|index| {
                        let message = &ledger.messages[*index];
                        !session_present && message.payload.is_empty() && message.taken.is_none()
                    });
                    self.clears.extend(clears);
                    // They are published again in the order of their first time.
                    self.clears.sort_unstable();
                    if !session_present {
                        self.in_flight.clear();
                    }
                    let window = is_v5.then_some(self.client.negotiated().receive_maximum);
                    self.hop.connected(session_present, window, ledger.step);
                }
                Event::Message(publish) => ledger.heard(number, connection, began, &publish, is_v5)?,
                Event::Acknowledged { packet_id, reason, .. } => {
                    let index = self.in_flight.remove(&packet_id.get());
                    if let Some(index) = index.filter(|_| !reason.is_failure()) {
                        ledger.taken(index)?;
                    }
                }
                Event::Subscribed(suback) => {
                    let mut request = self.requests.remove(&suback.packet_id.get()).unwrap_or_default();
                    let step = ledger.step;
                    for (at, reason) in request.begins.into_iter().zip(&suback.reasons) {
                        if reason.is_failure() && ledger.store_failed {
                            // What it would have replaced is there still.
                            let filter = ledger.subscriptions[at].filter;
                            request.ends.retain(|old| ledger.subscriptions[*old].filter != filter);
                            continue;
                        }
                        let one = &mut ledger.subscriptions[at];
                        if reason.0 != one.options.qos.bits() {
                            return Err(format!("c{number}: {} is granted {reason}", one.filter));
                        }
                        one.granted = Some(step);
                    }
                    ends(&mut ledger.subscriptions, &request.ends, step);
                }
                Event::Unsubscribed(unsuback) => {
                    let request = self.requests.remove(&unsuback.packet_id.get()).unwrap_or_default();
                    if ledger.store_failed && unsuback.reasons.iter().any(|reason| reason.is_failure()) {
                        continue;
                    }
                    ends(&mut ledger.subscriptions, &request.ends, ledger.step);
                }
                Event::Refused { .. } if ledger.store_failed => {}
                Event::Refused { reason, .. } => return Err(format!("c{number} is refused: {reason}")),
                // Another connection of this device, or a time that ran out; the broker's events are checked.
                Event::Disconnected { .. } => {}
                Event::Relayed(packet) => return Err(format!("c{number} relays nothing: {packet:?}")),
            }
        }
        self.look(ledger)
    }
}

fn ends(subscriptions: &mut [Subscription], these: &[usize], step: u64) {
    for at in these {
        subscriptions[*at].left.get_or_insert(step);
    }
}
