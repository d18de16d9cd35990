//! `log_type debug`: each packet as it comes and goes, in the words of mosquitto, which people and scripts search for.
//!
//! It reads the bytes of a connection a second time, so that nobody who does not ask for it pays for it.

use std::io::IoSlice;

use super::log::Log;
use crate::codec::packet::{Connect, Packet, Version};
use crate::codec::{decode, decode_connect, frame};
use crate::command::trace::described;

/// What is known of one connection.
pub(super) struct Packets {
    client: String,
    version: Version,
    /// Of each way, the beginning of a packet.
    received: Vec<u8>,
    sent: Vec<u8>,
}

impl Packets {
    /// Those of a connection from `peer`, which says who it is.
    pub(super) fn from(peer: &str) -> Self {
        Self { client: peer.to_owned(), version: Version::V3_1_1, received: Vec::new(), sent: Vec::new() }
    }

    /// What is known from elsewhere: the identifier may be one that the broker gave.
    pub(super) fn is_of(&mut self, client: &str, version: Version) {
        self.version = version;
        if *self.client != *client {
            client.clone_into(&mut self.client);
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
                lines(&came(&packet, &self.client), log);
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
                lines(&goes(&packet, &self.client), log);
            }
        }
        taken.drain(..at);
        self.sent = taken;
    }

    fn connect(&mut self, connect: &Connect<'_>, log: &Log) {
        let peer = std::mem::take(&mut self.client);
        self.version = connect.version;
        let version = match connect.version {
            Version::V3_1 => 1,
            Version::V3_1_1 => 2,
            Version::V5 => 5,
        };
        let clean = u8::from(connect.clean_start);
        let (id, keep_alive) = (connect.client_id, connect.keep_alive);
        let mut text = format!("Received CONNECT from {peer} as {id} (p{version}, c{clean}, k{keep_alive})");
        if let Some(will) = &connect.will {
            let (bytes, retain, qos) = (will.payload.len(), u8::from(will.retain), will.qos.bits());
            text += &format!("\n\tWill {} ({bytes} bytes) (r{retain}, q{qos})", will.topic);
        }
        lines(&text, log);
        self.client = if id.is_empty() { peer } else { id.to_owned() };
    }
}

/// A line each: what belongs to a packet stands below it.
fn lines(text: &str, log: &Log) {
    text.split('\n').for_each(|line| log.debug(line));
}

fn came(packet: &Packet<'_>, client: &str) -> String {
    let name = crate::text::name(packet);
    let head = format!("Received {name} from {client}");
    match packet {
        Packet::Publish(publish) => format!("{head} {}", described(publish)),
        Packet::Puback(ack) | Packet::Pubcomp(ack) => {
            format!("{head} (Mid: {}, RC:{})", ack.packet_id, ack.reason.0)
        }
        Packet::Pubrec(ack) | Packet::Pubrel(ack) => format!("{head} (Mid: {})", ack.packet_id),
        Packet::Subscribe(subscribe) => subscribe.filters.iter().fold(head, |text, wanted| {
            format!("{text}\n\t{} (QoS {})", wanted.filter, wanted.options.qos.bits())
        }),
        Packet::Unsubscribe(unsubscribe) => {
            unsubscribe.filters.iter().fold(head, |text, filter| format!("{text}\n\t{filter}"))
        }
        _ => head,
    }
}

fn goes(packet: &Packet<'_>, client: &str) -> String {
    let name = crate::text::name(packet);
    let head = format!("Sending {name} to {client}");
    match packet {
        Packet::Connack(connack) => {
            format!("{head} ({}, {})", u8::from(connack.session_present), connack.reason.0)
        }
        Packet::Publish(publish) => format!("{head} {}", described(publish)),
        Packet::Puback(ack) | Packet::Pubrec(ack) => {
            format!("{head} (m{}, rc{})", ack.packet_id, ack.reason.0)
        }
        Packet::Pubrel(ack) | Packet::Pubcomp(ack) => format!("{head} (m{})", ack.packet_id),
        Packet::Disconnect(disconnect) => format!("{head} (rc{})", disconnect.reason.0),
        _ => head,
    }
}
