//! `log_type debug`: each packet as it comes and goes, in the words of mosquitto, which people and scripts search for.
//!
//! It reads the bytes of a connection a second time, so that nobody who does not ask for it pays for it.

use std::io::IoSlice;

use super::log::Log;
use crate::codec::packet::{Connect, Packet, Version};
use crate::codec::{decode, decode_connect, frame};
use crate::command::trace::described;
use crate::text::{Quoted, shortened};

/// Lines that one packet takes at most.
const LINES: usize = 100;

/// What is known of one connection.
pub(super) struct Packets {
    /// The client ID as the log shows it; the peer, as long as there is none.
    client: String,
    peer: String,
    /// Whether the broker has accepted its CONNECT.
    is_accepted: bool,
    version: Version,
    /// Of each way, the beginning of a packet.
    received: Vec<u8>,
    sent: Vec<u8>,
}

impl Packets {
    /// Those of a connection from `peer`, which says who it is.
    pub(super) fn from(peer: &str) -> Self {
        let (client, peer, version) = (peer.to_owned(), peer.to_owned(), Version::V3_1_1);
        Self { client, peer, is_accepted: false, version, received: Vec::new(), sent: Vec::new() }
    }

    /// What is known from elsewhere: the identifier may be one that the broker gave.
    pub(super) fn is_of(&mut self, client: &str, version: Version) {
        self.version = version;
        if !std::mem::replace(&mut self.is_accepted, true) {
            self.client = Quoted(client).to_string();
        }
    }

    pub(super) fn received(&mut self, bytes: &[u8], log: &Log) {
        self.received.extend_from_slice(bytes);
        let mut taken = std::mem::take(&mut self.received);
        let mut at = 0;
        while let Ok(Some(frame)) = frame::cut(&taken[at..], usize::MAX) {
            at += frame.len();
            if frame.first() == 0x10 {
                if let Ok(connect) = decode_connect(frame) {
                    self.connect(&connect, log);
                }
            } else if let Ok(packet) = decode(self.version, frame) {
                self.write(came(&packet, &self.client), log);
            }
        }
        taken.drain(..at);
        self.received = taken;
    }

    /// `count` bytes of these were written.
    pub(super) fn sent(&mut self, slices: &[IoSlice<'_>], mut count: usize, log: &Log) {
        for slice in slices {
            let part = &slice[..count.min(slice.len())];
            count -= part.len();
            self.sent.extend_from_slice(part);
        }
        let mut taken = std::mem::take(&mut self.sent);
        let mut at = 0;
        while let Ok(Some(frame)) = frame::cut(&taken[at..], usize::MAX) {
            at += frame.len();
            if let Ok(packet) = decode(self.version, frame) {
                self.write(vec![goes(&packet, &self.client)], log);
            }
        }
        taken.drain(..at);
        self.sent = taken;
    }

    fn connect(&mut self, connect: &Connect<'_>, log: &Log) {
        let peer = &self.peer;
        self.version = connect.version;
        let version = match connect.version {
            Version::V3_1 => 1,
            Version::V3_1_1 => 2,
            Version::V5 => 5,
        };
        let clean = u8::from(connect.clean_start);
        let keep_alive = connect.keep_alive;
        let id =
            if connect.client_id.is_empty() { String::new() } else { Quoted(connect.client_id).to_string() };
        let mut lines =
            vec![format!("Received CONNECT from {peer} as {id} (p{version}, c{clean}, k{keep_alive})")];
        if let Some(will) = &connect.will {
            let (bytes, retain, qos) = (will.payload.len(), u8::from(will.retain), will.qos.bits());
            lines.push(format!("\tWill {} ({bytes} bytes) (r{retain}, q{qos})", Quoted(will.topic)));
        }
        if !id.is_empty() {
            self.client = id;
        }
        self.write(lines, log);
    }

    /// Writes the lines of a packet: its own, and below it what belongs to it.
    fn write(&self, lines: Vec<String>, log: &Log) {
        let more = lines.len().saturating_sub(LINES);
        let more = (more > 0).then(|| format!("\tand {more} more"));
        for line in lines.into_iter().take(LINES).chain(more) {
            match self.is_accepted {
                true => log.debug(&line),
                false => log.debug_stranger(&self.peer, &line),
            }
        }
    }
}

fn came(packet: &Packet<'_>, client: &str) -> Vec<String> {
    let name = crate::text::name(packet);
    let head = format!("Received {name} from {client}");
    let line = match packet {
        Packet::Publish(publish) => format!("{head} {}", described(publish, &shortened(publish.topic))),
        Packet::Puback(ack) | Packet::Pubcomp(ack) => {
            format!("{head} (Mid: {}, RC:{})", ack.packet_id, ack.reason.0)
        }
        Packet::Pubrec(ack) | Packet::Pubrel(ack) => format!("{head} (Mid: {})", ack.packet_id),
        Packet::Subscribe(subscribe) => {
            let filters = subscribe
                .filters
                .iter()
                .map(|wanted| format!("\t{} (QoS {})", Quoted(&wanted.filter), wanted.options.qos.bits()));
            return std::iter::once(head).chain(filters).collect();
        }
        Packet::Unsubscribe(unsubscribe) => {
            let filters = unsubscribe.filters.iter().map(|filter| format!("\t{}", Quoted(filter)));
            return std::iter::once(head).chain(filters).collect();
        }
        _ => head,
    };
    vec![line]
}

fn goes(packet: &Packet<'_>, client: &str) -> String {
    let name = crate::text::name(packet);
    let head = format!("Sending {name} to {client}");
    match packet {
        Packet::Connack(connack) => {
            format!("{head} ({}, {})", u8::from(connack.session_present), connack.reason.0)
        }
        Packet::Publish(publish) => format!("{head} {}", described(publish, &shortened(publish.topic))),
        Packet::Puback(ack) | Packet::Pubrec(ack) => {
            format!("{head} (m{}, rc{})", ack.packet_id, ack.reason.0)
        }
        Packet::Pubrel(ack) | Packet::Pubcomp(ack) => format!("{head} (m{})", ack.packet_id),
        Packet::Disconnect(disconnect) => format!("{head} (rc{})", disconnect.reason.0),
        _ => head,
    }
}
