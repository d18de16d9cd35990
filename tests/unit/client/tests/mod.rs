//! Conversations, with the bytes of both sides written by hand: what they are made of.

mod connect;
mod keep_alive;
mod publish;
mod receive;
mod session;

use std::time::Duration;

use super::{Client, Event, Fault, Outgoing, Refusal, Settings};
use crate::codec::packet::{Options, Version};
use crate::codec::property::Properties;
use crate::codec::reason::Reason;
use crate::message::QoS;
use crate::time::Instant;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

struct Talk {
    client: Client,
    now: Instant,
    out: Vec<u8>,
}

impl Talk {
    fn new(settings: Settings) -> Self {
        settings.check().unwrap();
        Self { client: Client::new(settings), now: Instant::ZERO, out: Vec::new() }
    }

    /// Connected, and its CONNECT taken off.
    fn connected(settings: Settings, connack: &str) -> Self {
        let mut talk = Self::new(settings);
        talk.connect();
        assert_eq!(talk.says()[..2], *"10");
        assert_eq!(talk.hears(connack).len(), 1);
        talk.says();
        talk
    }

    fn v5(connack: &str) -> Self {
        Self::connected(Settings { client_id: "c".into(), ..Settings::default() }, connack)
    }

    fn v3() -> Self {
        let settings = Settings { version: Version::V3_1_1, client_id: "c".into(), ..Settings::default() };
        Self::connected(settings, "20 02 00 00")
    }

    fn connect(&mut self) {
        self.client.connect(self.now, &mut self.out);
    }

    /// What has been said since the last time, in hexadecimal digits.
    fn says(&mut self) -> String {
        hex(&std::mem::take(&mut self.out))
    }

    fn tries(&mut self, said: &str) -> Result<Vec<String>, Fault> {
        let said = bytes(said);
        let (mut rest, mut events) = (&said[..], Vec::new());
        while let Some(event) = self.client.next(self.now, &mut rest, &mut self.out)? {
            events.push(match event {
                Event::Connected { session_present, again, .. } => {
                    format!("connected {session_present} {again:?}")
                }
                Event::Refused { reason, .. } => format!("refused {reason}"),
                Event::Message(publish) => {
                    format!("{} {}", publish.topic, String::from_utf8_lossy(publish.payload))
                }
                Event::Acknowledged { packet_id, reason, .. } => format!("done {packet_id} {reason}"),
                Event::Subscribed(suback) => format!("subscribed {:?}", suback.reasons),
                Event::Unsubscribed(unsuback) => format!("unsubscribed {:?}", unsuback.reasons),
                Event::Relayed(packet) => format!("relayed {packet:?}"),
                Event::Disconnected { reason, .. } => format!("disconnected {reason}"),
            });
        }
        Ok(events)
    }

    fn hears(&mut self, said: &str) -> Vec<String> {
        self.tries(said).unwrap()
    }

    /// The fault, which must have ended the connection.
    fn fails(&mut self, said: &str) -> Reason {
        let fault = self.tries(said).unwrap_err();
        assert!(!self.client.is_connected());
        fault.reason
    }

    fn publish(&mut self, qos: u8, payload: &str) -> Result<Option<u16>, Refusal> {
        self.publish_with(qos, false, payload, Properties::EMPTY)
    }

    fn publish_with(
        &mut self,
        qos: u8,
        retain: bool,
        payload: &str,
        properties: Properties<'_>,
    ) -> Result<Option<u16>, Refusal> {
        let qos = QoS::from_bits(qos).unwrap();
        let message = Outgoing { topic: "t", payload: payload.as_bytes(), qos, retain, properties };
        let id = self.client.publish(self.now, &message, &mut self.out)?;
        Ok(id.map(|id| id.get()))
    }

    fn subscribe(&mut self, filters: &[&str]) -> Result<u16, Refusal> {
        let filters: Vec<_> = filters.iter().map(|filter| (*filter, Options::default())).collect();
        let id = self.client.subscribe(self.now, &filters, Properties::EMPTY, &mut self.out)?;
        Ok(id.get())
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn tick(&mut self) -> Result<(), Fault> {
        self.client.tick(self.now, &mut self.out)
    }
}

const ACCEPTED: &str = "20 03 00 00 00";
