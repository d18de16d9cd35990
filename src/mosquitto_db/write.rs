//! Writes a persistence file in the format of version 6, which mosquitto 2.0 and 2.1 read.

use std::collections::HashMap;

use super::{
    CURRENT, DbClient, DbDelivery, DbDirection, DbMessage, DbSubscription, DbUsername, MAGIC, MosquittoDb,
    chunk,
};
use crate::codec::property::{PropertiesBuf, Property};

impl MosquittoDb {
    /// The bytes of the file.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&0_u32.to_be_bytes());
        out.extend_from_slice(&CURRENT.to_be_bytes());
        let mut configuration = Output::default();
        configuration.native(self.last_id);
        // Whether mosquitto was shut down, the size of a message ID, and padding.
        configuration.0.extend_from_slice(&[1, 8, 0, 0, 0, 0, 0, 0]);
        configuration.chunk(chunk::CONFIGURATION, &mut out);
        self.messages.iter().for_each(|message| write_message(message, &mut out));
        let mut deliveries: HashMap<&str, Vec<&DbDelivery>> = HashMap::new();
        for delivery in &self.deliveries {
            deliveries.entry(&delivery.client).or_default().push(delivery);
        }
        for client in &self.clients {
            write_client(client, &mut out);
            let own = deliveries.remove(&*client.id).unwrap_or_default();
            own.into_iter().for_each(|delivery| write_delivery(delivery, &mut out));
        }
        self.subscriptions.iter().for_each(|subscription| write_subscription(subscription, &mut out));
        for id in &self.retained {
            let mut content = Output::default();
            content.native(*id);
            content.chunk(chunk::RETAINED, &mut out);
        }
        out
    }
}

fn write_message(message: &DbMessage, out: &mut Vec<u8>) {
    let mut content = Output::default();
    content.native(message.id);
    content.native(message.expires.cast_unsigned());
    content.u32(message.payload.len());
    content.u16(message.source_packet_id);
    content.len(&message.source_client);
    content.len(&message.source_username);
    content.len(&message.topic);
    content.u16(message.source_port);
    content.0.extend_from_slice(&[message.qos, message.retain.into()]);
    content.0.extend_from_slice(message.source_client.as_bytes());
    content.0.extend_from_slice(message.source_username.as_bytes());
    content.0.extend_from_slice(message.topic.as_bytes());
    content.0.extend_from_slice(&message.payload);
    content.properties(&message.properties);
    content.chunk(chunk::MESSAGE, out);
}

fn write_client(client: &DbClient, out: &mut Vec<u8>) {
    let username = match &client.username {
        DbUsername::Known(name) => name.as_str(),
        DbUsername::Anonymous | DbUsername::Unknown => "",
    };
    let mut content = Output::default();
    content.native(client.expires.cast_unsigned());
    content.0.extend_from_slice(&client.expiry_interval.to_be_bytes());
    content.u16(client.last_packet_id);
    content.len(&client.id);
    content.u16(client.port);
    content.len(username);
    content.0.extend_from_slice(&[0; 4]);
    content.0.extend_from_slice(client.id.as_bytes());
    content.0.extend_from_slice(username.as_bytes());
    content.chunk(chunk::CLIENT, out);
}

fn write_delivery(delivery: &DbDelivery, out: &mut Vec<u8>) {
    let mut content = Output::default();
    content.native(delivery.message);
    content.u16(delivery.packet_id);
    content.len(&delivery.client);
    let flags = u8::from(delivery.retain) << 4 | u8::from(delivery.dup);
    let direction = match delivery.direction {
        DbDirection::FromClient => 0,
        DbDirection::ToClient => 1,
    };
    content.0.extend_from_slice(&[delivery.qos, delivery.state as u8, flags, direction]);
    content.0.extend_from_slice(delivery.client.as_bytes());
    let mut properties = PropertiesBuf::default();
    delivery.identifiers.iter().for_each(|id| properties.push(Property::SubscriptionIdentifier(*id)));
    content.properties(properties.as_properties().as_bytes());
    content.chunk(chunk::DELIVERY, out);
}

fn write_subscription(subscription: &DbSubscription, out: &mut Vec<u8>) {
    let mut content = Output::default();
    content.0.extend_from_slice(&subscription.identifier.to_be_bytes());
    content.len(&subscription.client);
    content.len(&subscription.filter);
    content.0.extend_from_slice(&[subscription.qos, subscription.options, 0, 0]);
    content.0.extend_from_slice(subscription.client.as_bytes());
    content.0.extend_from_slice(subscription.filter.as_bytes());
    content.chunk(chunk::SUBSCRIPTION, out);
}

/// The content of a chunk.
#[derive(Default)]
struct Output(Vec<u8>);

impl Output {
    fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    /// The length of a text of MQTT, which has at most 65,535 bytes.
    fn len(&mut self, text: &str) {
        self.u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
    }

    /// The length of a payload, which has at most 268,435,455 bytes.
    fn u32(&mut self, len: usize) {
        self.0.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn native(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Properties behind their length; nothing if there are none.
    fn properties(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut len = bytes.len();
        loop {
            // Seven bits, so it fits.
            let low = u8::try_from(len & 0x7F).unwrap_or(0);
            len >>= 7;
            self.0.push(if len == 0 { low } else { low | 0x80 });
            if len == 0 {
                break;
            }
        }
        self.0.extend_from_slice(bytes);
    }

    fn chunk(self, kind: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&u32::try_from(self.0.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(&self.0);
    }
}
