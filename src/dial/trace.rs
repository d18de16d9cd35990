//! `-d`: each packet as it goes. On stderr in our words; under mosquitto's names on stdout and in theirs, because scripts
//! look for them there.

use std::io::{self, Write};

use crate::cli::connect::Dialect;
use crate::cli::exit::Teller;
use crate::codec;
use crate::codec::packet::{Packet, Publish, Version};
use crate::codec::reason::Reason;
use crate::net::link::{Way, Witness};
use crate::text::{self, Escaped};

/// What shows packets in these habits.
pub(crate) fn witness(teller: Teller) -> Witness {
    if teller.dialect() == Dialect::Mosquitto {
        let mut client = Client { id: "(null)".to_owned(), version: Version::V3_1_1 };
        return Box::new(move |way, packet| {
            let text = match way {
                Way::Out => client.sending(packet),
                Way::In => client.received(packet),
            };
            // As with their clients: a closed stdout is noticed at the next message.
            let _ = io::stdout().lock().write_all(text.as_bytes());
        });
    }
    Box::new(move |way, packet| {
        let way = match way {
            Way::Out => "sent",
            Way::In => "received",
        };
        teller.tell(format_args!("{way} {}", text::brief(packet)));
    })
}

/// What mosquitto's clients know when they log.
struct Client {
    id: String,
    version: Version,
}

impl Client {
    fn sending(&mut self, packet: &Packet<'_>) -> String {
        if let Packet::Connect(connect) = packet {
            self.version = connect.version;
            if !connect.client_id.is_empty() {
                connect.client_id.clone_into(&mut self.id);
            }
        }
        let client = format!("Client {} sending", self.id);
        match packet {
            Packet::Publish(publish) => format!("{client} PUBLISH {}\n", described(publish, publish.topic)),
            Packet::Puback(ack) => format!("{client} PUBACK (m{}, rc{})\n", ack.packet_id, ack.reason.0),
            Packet::Pubrec(ack) => format!("{client} PUBREC (m{}, rc{})\n", ack.packet_id, ack.reason.0),
            Packet::Pubrel(ack) => format!("{client} PUBREL (m{})\n", ack.packet_id),
            Packet::Pubcomp(ack) => format!("{client} PUBCOMP (m{})\n", ack.packet_id),
            Packet::Subscribe(subscribe) => subscribe
                .filters
                .iter()
                .map(|subscription| {
                    let options = subscription.options;
                    format!(
                        "{client} SUBSCRIBE (Mid: {}, Topic: {}, QoS: {}, Options: 0x{:02x})\n",
                        subscribe.packet_id,
                        Escaped(&subscription.filter),
                        options.qos.bits(),
                        u8::from(options.no_local) << 2
                            | u8::from(options.retain_as_published) << 3
                            | (options.retain_handling as u8) << 4,
                    )
                })
                .collect(),
            Packet::Unsubscribe(unsubscribe) => {
                let id = unsubscribe.packet_id;
                let line = |filter: &std::borrow::Cow<'_, str>| {
                    format!("{client} UNSUBSCRIBE (Mid: {id}, Topic: {})\n", Escaped(filter))
                };
                unsubscribe.filters.iter().map(line).collect()
            }
            other => format!("{client} {}\n", other.name()),
        }
    }

    fn received(&mut self, packet: &Packet<'_>) -> String {
        if let Packet::Connack(connack) = packet
            && let Some(id) = connack.properties.assigned_client_id()
        {
            id.clone_into(&mut self.id);
        }
        let client = format!("Client {} received", self.id);
        match packet {
            Packet::Connack(connack) => format!("{client} CONNACK ({})\n", self.code(connack.reason)),
            Packet::Publish(publish) => format!("{client} PUBLISH {}\n", described(publish, publish.topic)),
            Packet::Puback(ack) => {
                format!("{client} PUBACK (Mid: {}, RC:{})\n", ack.packet_id, ack.reason.0)
            }
            Packet::Pubrec(ack) => format!("{client} PUBREC (Mid: {})\n", ack.packet_id),
            Packet::Pubrel(ack) => format!("{client} PUBREL (Mid: {})\n", ack.packet_id),
            Packet::Pubcomp(ack) => {
                format!("{client} PUBCOMP (Mid: {}, RC:{})\n", ack.packet_id, ack.reason.0)
            }
            Packet::Suback(suback) => {
                let granted: Vec<_> =
                    suback.reasons.iter().map(|reason| self.code(*reason).to_string()).collect();
                let id = suback.packet_id;
                format!("{client} SUBACK\nSubscribed (mid: {id}): {}\n", granted.join(", "))
            }
            Packet::Disconnect(disconnect) => format!("Received DISCONNECT ({})\n", disconnect.reason.0),
            other => format!("{client} {}\n", other.name()),
        }
    }

    /// The code as it stood in the packet.
    fn code(&self, reason: Reason) -> u8 {
        match self.version {
            Version::V5 => reason.0,
            Version::V3_1 | Version::V3_1_1 if reason.is_failure() => {
                codec::connack_code(reason).unwrap_or(0x80)
            }
            Version::V3_1 | Version::V3_1_1 => reason.0,
        }
    }
}

/// A PUBLISH in mosquitto's words, with its topic, or the beginning of it.
pub(crate) fn described(publish: &Publish<'_>, topic: &str) -> String {
    format!(
        "(d{}, q{}, r{}, m{}, '{}', ... ({} bytes))",
        u8::from(publish.dup),
        publish.qos.bits(),
        u8::from(publish.retain),
        publish.packet_id.map_or(0, |id| id.get()),
        Escaped(topic),
        publish.payload.len(),
    )
}
