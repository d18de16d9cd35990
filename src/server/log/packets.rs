//! `log_type debug`: a line for each packet, in the form of mosquitto's, which people and scripts search for.
//!
//! It decodes the bytes of a connection a second time, so that it costs nothing while it is off.

use std::io::IoSlice;

use super::{Log, LogEvent, TextOnly};
use crate::codec::packet::{Connect, Packet, Version};
use crate::codec::{decode, decode_connect, frame};
use crate::dial::trace::described;
use crate::text::{Quoted, shortened};

/// The most lines for one packet.
const LINES: usize = 100;

/// The packets of one connection.
pub(in crate::server) struct Packets {
    /// The client ID as the log shows it, or the remote address until CONNECT came.
    client: String,
    remote_address: String,
    /// The client ID once CONNECT was accepted.
    accepted: Option<String>,
    version: Version,
    /// For each direction, the beginning of an incomplete packet.
    received: Vec<u8>,
    sent: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Direction {
    Received,
    Sent,
}

impl Packets {
    pub(in crate::server) fn from(remote_address: &str) -> Self {
        let (client, remote_address) = (remote_address.to_owned(), remote_address.to_owned());
        let version = Version::V3_1_1;
        Self { client, remote_address, accepted: None, version, received: Vec::new(), sent: Vec::new() }
    }

    /// Sets the client ID, which the broker may have assigned, once CONNECT was accepted.
    pub(in crate::server) fn accept(&mut self, client_id: &str, version: Version) {
        self.version = version;
        if self.accepted.is_none() {
            self.accepted = Some(client_id.to_owned());
            self.client = Quoted(client_id).to_string();
        }
    }

    pub(in crate::server) fn received(&mut self, bytes: &[u8], log: &Log) {
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
                self.write(Direction::Received, packet.name(), received(&packet, &self.client), log);
            }
        }
        taken.drain(..at);
        self.received = taken;
    }

    /// Logs packets that are complete with the first `count` bytes of these.
    pub(in crate::server) fn sent(&mut self, slices: &[IoSlice<'_>], mut count: usize, log: &Log) {
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
                self.write(Direction::Sent, packet.name(), vec![sent(&packet, &self.client)], log);
            }
        }
        taken.drain(..at);
        self.sent = taken;
    }

    fn connect(&mut self, connect: &Connect<'_>, log: &Log) {
        let peer = &self.remote_address;
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
        self.write(Direction::Received, "CONNECT", lines, log);
    }

    /// Writes the lines of a packet: its own, and one for each filter or will that belongs to it.
    fn write(&self, direction: Direction, packet: &str, lines: Vec<String>, log: &Log) {
        let more = lines.len().saturating_sub(LINES);
        let more = (more > 0).then(|| format!("\tand {more} more"));
        let client_id = self.accepted.as_deref().map(Quoted);
        let remote_address = &self.remote_address;
        for line in lines.into_iter().take(LINES).chain(more) {
            let line = TextOnly(&line);
            log.write(&match direction {
                Direction::Received => LogEvent::PacketReceived { client_id, remote_address, packet, line },
                Direction::Sent => LogEvent::PacketSent { client_id, remote_address, packet, line },
            });
        }
    }
}

fn received(packet: &Packet<'_>, client: &str) -> Vec<String> {
    let head = format!("Received {} from {client}", packet.name());
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

fn sent(packet: &Packet<'_>, client: &str) -> String {
    let head = format!("Sending {} to {client}", packet.name());
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
