//! Conversations, with the bytes of both sides written by hand.

use std::time::Duration;

use super::{Again, Client, Event, Fault, Outgoing, Refusal, Settings};
use crate::codec::packet::{Options, Version};
use crate::codec::property::{Properties, PropertiesBuf, Property};
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

#[test]
fn connect_is_the_first_thing_said() {
    let mut talk = Talk::new(Settings { client_id: "c".into(), ..Settings::default() });
    assert_eq!(talk.publish(0, "x"), Err(Refusal::NotConnected)); // [v5 MQTT-3.1.0-1] [v3 MQTT-3.1.0-1]
    assert_eq!(talk.subscribe(&["a"]), Err(Refusal::NotConnected));
    talk.connect();
    assert_eq!(talk.publish(0, "x"), Err(Refusal::NotConnected)); // [v5 MQTT-3.1.2-30]
    // [v5 MQTT-3.1.3-1] [v5 MQTT-3.1.3-3]
    assert_eq!(talk.says(), "10 0e 00 04 4d 51 54 54 05 02 00 3c 00 00 01 63");
}

#[test]
fn connect_carries_its_fields_in_their_order() {
    let mut talk = Talk::new(Settings {
        version: Version::V3_1_1,
        client_id: "c".into(),
        username: Some("u".into()),
        password: Some(b"p".to_vec()),
        will: Some(super::Will {
            topic: "w".into(),
            payload: b"x".to_vec(),
            qos: QoS::AtLeastOnce,
            retain: true,
            properties: PropertiesBuf::default(),
        }),
        ..Settings::default()
    });
    talk.connect();
    // [v3 MQTT-3.1.3-1] [v3 MQTT-3.1.3-3] [v3 MQTT-3.1.2-11]
    assert_eq!(
        talk.says(),
        "10 19 00 04 4d 51 54 54 04 ee 00 3c 00 01 63 00 01 77 00 01 78 00 01 75 00 01 70"
    );
}

#[test]
fn settings_that_no_connect_may_carry_are_refused() {
    let v3 = || Settings { version: Version::V3_1_1, client_id: "c".into(), ..Settings::default() };
    assert!(v3().check().is_ok());
    assert!(Settings { password: Some(vec![]), ..v3() }.check().is_err()); // [v3 MQTT-3.1.2-22]
    assert!(Settings { client_id: String::new(), clean_start: false, ..v3() }.check().is_err()); // [v3 MQTT-3.1.3-7]
    assert!(Settings { client_id: "a\0".into(), ..Settings::default() }.check().is_err()); // [v5 MQTT-1.5.4-2] [v3 MQTT-1.5.3-2]
    assert!(Settings { username: Some("\0".into()), ..Settings::default() }.check().is_err());
    assert!(Settings { password: Some(vec![]), ..Settings::default() }.check().is_ok());
}

#[test]
fn nothing_comes_before_connack_and_no_second_one_after() {
    let mut talk = Talk::new(Settings::default());
    talk.connect();
    talk.says();
    assert_eq!(talk.fails("d0 00"), Reason::PROTOCOL_ERROR); // [v5 MQTT-3.2.0-1] [v3 MQTT-3.2.0-1]
    let mut talk = Talk::v5(ACCEPTED);
    assert_eq!(talk.fails(ACCEPTED), Reason::PROTOCOL_ERROR); // [v5 MQTT-3.2.0-2]
    assert_eq!(talk.says(), "e0 01 82"); // [v5 MQTT-4.13.1-1]
}

#[test]
fn a_refused_connection_is_told_with_its_reason() {
    let mut talk = Talk::new(Settings::default());
    talk.connect();
    assert_eq!(talk.hears("20 03 00 87 00"), ["refused not authorized (0x87)"]);
    assert!(!talk.client.is_connected()); // [v5 MQTT-4.13.2-1]
    let mut talk = Talk::new(Settings::default());
    talk.connect();
    assert_eq!(talk.hears("20 02 00 01"), ["refused unsupported protocol version (0x84)"]);
    let mut talk = Talk::new(Settings { version: Version::V3_1_1, ..Settings::default() });
    talk.connect();
    assert_eq!(talk.hears("20 02 00 05"), ["refused not authorized (0x87)"]);
}

#[test]
fn session_present_must_make_sense() {
    let mut talk = Talk::new(Settings::default());
    talk.connect();
    assert_eq!(talk.fails("20 03 01 00 00"), Reason::PROTOCOL_ERROR); // [v5 MQTT-3.2.2-2] [v5 MQTT-3.2.2-4]
    let mut talk = Talk::new(Settings { version: Version::V3_1_1, ..Settings::default() });
    talk.connect();
    assert_eq!(talk.fails("20 02 01 00"), Reason::PROTOCOL_ERROR); // [v3 MQTT-3.2.2-1]
    let mut talk = Talk::new(Settings { clean_start: false, ..Settings::default() });
    talk.connect();
    assert_eq!(talk.fails("20 03 01 87 00"), Reason::PROTOCOL_ERROR); // [v5 MQTT-3.2.2-6]
}

#[test]
fn the_server_says_how_long_silence_may_last() {
    let mut talk = Talk::v5("20 06 00 00 03 13 00 08");
    assert_eq!(talk.client.negotiated().keep_alive, 8); // [v5 MQTT-3.1.2-21] [v5 MQTT-3.2.2-21]
    talk.later(5);
    talk.tick().unwrap();
    assert_eq!(talk.says(), "");
    talk.later(1);
    talk.tick().unwrap();
    assert_eq!(talk.says(), "c0 00"); // [v5 MQTT-3.1.2-20] [v3 MQTT-3.1.2-23]
    assert!(talk.hears("d0 00").is_empty());
    talk.later(6);
    talk.tick().unwrap();
    assert_eq!(talk.says(), "c0 00");
    talk.later(8);
    assert_eq!(talk.tick().unwrap_err().reason, Reason::KEEP_ALIVE_TIMEOUT);
    assert!(!talk.client.is_connected());
}

#[test]
fn a_keep_alive_of_zero_asks_for_nothing() {
    let talk = Talk::v5("20 06 00 00 03 13 00 00");
    assert_eq!(talk.client.deadline(), Instant::NEVER);
}

#[test]
fn a_server_that_does_not_answer_connect_is_given_up() {
    let mut talk = Talk::new(Settings::default());
    talk.connect();
    talk.later(29);
    assert!(talk.tick().is_ok());
    talk.later(1);
    assert!(talk.tick().is_err());
}

#[test]
fn a_publish_carries_what_its_qos_needs() {
    let mut talk = Talk::v5(ACCEPTED);
    assert_eq!(talk.publish(0, "x"), Ok(None));
    // [v5 MQTT-2.2.1-2] [v5 MQTT-4.3.1-1] [v5 MQTT-3.3.1-2] [v5 MQTT-2.2.2-1]
    assert_eq!(talk.says(), "30 05 00 01 74 00 78");
    assert_eq!(talk.publish(1, "x"), Ok(Some(1)));
    // [v5 MQTT-4.3.2-1] [v5 MQTT-4.3.2-2] [v5 MQTT-2.2.1-3]
    assert_eq!(talk.says(), "32 07 00 01 74 00 01 00 78");
    assert_eq!(talk.publish(2, "x"), Ok(Some(2)));
    // [v5 MQTT-4.3.3-1] [v5 MQTT-4.3.3-2]
    assert_eq!(talk.says(), "34 07 00 01 74 00 02 00 78");
    assert_eq!(talk.client.in_flight(), 2);
    assert_eq!(talk.hears("40 02 00 01"), ["done 1 success (0x00)"]);
    assert_eq!(talk.client.in_flight(), 1);
    let mut talk = Talk::v3();
    talk.publish(0, "x").unwrap();
    assert_eq!(talk.says(), "30 04 00 01 74 78"); // [v3 MQTT-4.3.1-1] [v3 MQTT-2.3.1-5]
    talk.publish(1, "x").unwrap();
    assert_eq!(talk.says(), "32 06 00 01 74 00 01 78"); // [v3 MQTT-4.3.2-1] [v3 MQTT-2.3.1-1]
    talk.publish(2, "x").unwrap();
    assert_eq!(talk.says(), "34 06 00 01 74 00 02 78"); // [v3 MQTT-4.3.3-1] [v3 MQTT-2.3.1-2]
}

#[test]
fn qos_2_goes_through_its_four_steps() {
    let mut talk = Talk::v5(ACCEPTED);
    talk.publish(2, "a").unwrap();
    talk.publish(2, "b").unwrap();
    talk.says();
    assert!(talk.hears("50 02 00 01 50 02 00 02").is_empty());
    // [v5 MQTT-4.3.3-4] [v5 MQTT-4.6.0-4] [v3 MQTT-4.6.0-4] [v5 MQTT-2.2.1-5]
    assert_eq!(talk.says(), "62 02 00 01 62 02 00 02");
    assert_eq!(talk.client.in_flight(), 2); // [v5 MQTT-4.3.3-5]
    assert_eq!(talk.hears("70 02 00 02 70 02 00 01"), ["done 2 success (0x00)", "done 1 success (0x00)"]);
    assert_eq!(talk.client.in_flight(), 0);
    // A PUBREC for nothing is answered, so that the server can forget it.
    talk.hears("50 02 00 09");
    assert_eq!(talk.says(), "62 03 00 09 92");
}

#[test]
fn refused_messages_are_finished() {
    let mut talk = Talk::v5(ACCEPTED);
    talk.publish(1, "a").unwrap();
    talk.publish(2, "b").unwrap();
    talk.says();
    let events = talk.hears("40 03 00 01 87 50 03 00 02 97");
    assert_eq!(events, ["done 1 not authorized (0x87)", "done 2 quota exceeded (0x97)"]);
    assert_eq!(talk.says(), "", "no PUBREL follows a refusal");
    assert_eq!(talk.client.in_flight(), 0);
}

#[test]
fn the_window_of_the_server_holds_publishes_back_and_nothing_else() {
    let mut talk = Talk::v5("20 06 00 00 03 21 00 02");
    talk.publish(1, "a").unwrap();
    talk.publish(2, "b").unwrap();
    assert!(!talk.client.has_room());
    assert_eq!(talk.publish(1, "c"), Err(Refusal::Full)); // [v5 MQTT-3.3.4-7] [v5 MQTT-4.9.0-1] [v5 MQTT-4.9.0-2]
    assert_eq!(talk.publish(0, "d"), Ok(None));
    assert!(talk.subscribe(&["a"]).is_ok()); // [v5 MQTT-3.3.4-8]
    talk.says();
    assert_eq!(talk.hears("30 05 00 01 6d 00 78"), ["m x"]); // [v5 MQTT-4.9.0-3]
    talk.hears("50 02 00 02");
    assert!(!talk.client.has_room(), "until PUBCOMP");
    talk.hears("40 02 00 01");
    assert!(talk.client.has_room());
}

#[test]
fn what_the_server_does_not_take_is_not_sent() {
    // Maximum QoS 1, no retained messages, packets up to 12 bytes.
    let mut talk = Talk::v5("20 0c 00 00 09 24 01 25 00 27 00 00 00 0c");
    assert_eq!(talk.publish(2, "x"), Err(Refusal::QoS(QoS::AtLeastOnce))); // [v5 MQTT-3.2.2-11]
    assert_eq!(talk.publish_with(0, true, "x", Properties::EMPTY), Err(Refusal::Retain)); // [v5 MQTT-3.2.2-14]
    assert_eq!(talk.publish(0, "1234567"), Err(Refusal::TooLarge(12))); // [v5 MQTT-3.2.2-15]
    assert_eq!(talk.subscribe(&["long/filter"]), Err(Refusal::TooLarge(12))); // [v5 MQTT-3.2.2-15]
    assert_eq!(talk.says(), "");
    assert_eq!(talk.client.in_flight(), 0);
    assert_eq!(talk.publish(0, "123456"), Ok(None));
}

#[test]
fn what_no_client_may_send_is_not_sent() {
    let mut talk = Talk::v5(ACCEPTED);
    let wildcard = Outgoing {
        topic: "a/#",
        payload: b"",
        qos: QoS::AtMostOnce,
        retain: false,
        properties: Properties::EMPTY,
    };
    let result = talk.client.publish(talk.now, &wildcard, &mut talk.out);
    assert!(matches!(result, Err(Refusal::Topic(_)))); // [v5 MQTT-3.3.2-2] [v3 MQTT-3.3.2-2] [v5 MQTT-4.7.0-1]
    let mut properties = PropertiesBuf::default();
    properties.push(Property::SubscriptionIdentifier(1));
    let result = talk.publish_with(0, false, "", properties.as_properties());
    assert_eq!(result, Err(Refusal::SubscriptionIdInPublish)); // [v5 MQTT-3.3.4-6]
    assert!(matches!(talk.subscribe(&["a#"]), Err(Refusal::Topic(_)))); // [v5 MQTT-4.7.1-1] [v3 MQTT-4.7.1-2]
    assert!(matches!(talk.subscribe(&[""]), Err(Refusal::Topic(_)))); // [v5 MQTT-4.7.3-1] [v3 MQTT-4.7.3-1]
    assert_eq!(talk.says(), "");
}

#[test]
fn our_aliases_stay_below_the_servers_maximum() {
    let mut properties = PropertiesBuf::default();
    properties.push(Property::TopicAlias(2));
    let mut talk = Talk::v5(ACCEPTED);
    let result = talk.publish_with(0, false, "x", properties.as_properties());
    assert_eq!(result, Err(Refusal::Alias(0))); // [v5 MQTT-3.2.2-18]
    let mut talk = Talk::v5("20 06 00 00 03 22 00 01");
    let result = talk.publish_with(0, false, "x", properties.as_properties());
    assert_eq!(result, Err(Refusal::Alias(1))); // [v5 MQTT-3.2.2-17] [v5 MQTT-3.3.2-9]
    let mut talk = Talk::v5("20 06 00 00 03 22 00 02");
    talk.publish_with(1, false, "x", properties.as_properties()).unwrap();
    assert_eq!(talk.says(), "32 0a 00 01 74 00 01 03 23 00 02 78");
    talk.publish_with(0, false, "y", properties.as_properties()).unwrap();
    assert_eq!(talk.says(), "30 07 00 00 03 23 00 02 79");
    // The next connection knows no alias: what is sent again says its topic.
    talk.client.settings_mut().clean_start = false;
    talk.client.closed();
    talk.connect();
    talk.says();
    talk.hears("20 06 01 00 03 22 00 02");
    assert_eq!(talk.says(), "3a 07 00 01 74 00 01 00 78"); // [v5 MQTT-3.3.2-7]
}

#[test]
fn messages_are_acknowledged_in_their_order() {
    let mut talk = Talk::v5(ACCEPTED);
    let events = talk.hears("32 07 00 01 61 00 07 00 31 30 05 00 01 62 00 32 32 07 00 01 63 00 03 00 33");
    assert_eq!(events, ["a 1", "b 2", "c 3"]);
    // [v5 MQTT-4.6.0-2] [v3 MQTT-4.6.0-2] [v5 MQTT-4.3.2-4] [v3 MQTT-4.3.2-2] [v5 MQTT-4.5.0-2] [v3 MQTT-4.5.0-2]
    assert_eq!(talk.says(), "40 02 00 07 40 02 00 03");
    let events = talk.hears("34 07 00 01 61 00 07 00 31 34 07 00 01 62 00 03 00 32");
    assert_eq!(events, ["a 1", "b 2"]);
    // [v5 MQTT-4.6.0-3] [v3 MQTT-4.6.0-3] [v5 MQTT-4.3.3-8] [v3 MQTT-4.3.3-2] [v3 MQTT-3.3.4-1]
    assert_eq!(talk.says(), "50 02 00 07 50 02 00 03");
    let events = talk.hears("3c 07 00 01 61 00 07 00 31");
    assert!(events.is_empty()); // [v5 MQTT-4.3.3-10]
    assert_eq!(talk.says(), "50 02 00 07");
    assert!(talk.hears("62 02 00 07").is_empty());
    assert_eq!(talk.says(), "70 02 00 07"); // [v5 MQTT-4.3.3-11]
    assert_eq!(talk.hears("3c 07 00 01 61 00 07 00 31"), ["a 1"]); // [v5 MQTT-4.3.3-12]
    talk.says();
    talk.hears("62 02 00 63");
    assert_eq!(talk.says(), "70 03 00 63 92");
    // After PUBACK the identifier is free: the same one brings a new message, whatever DUP says.
    assert_eq!(talk.hears("3a 07 00 01 61 00 03 00 31"), ["a 1"]); // [v5 MQTT-4.3.2-5]
}

#[test]
fn the_server_keeps_to_our_limits() {
    let limited = |property: Property<'_>| {
        let mut settings = Settings { client_id: "c".into(), ..Settings::default() };
        settings.properties.push(property);
        Talk::connected(settings, ACCEPTED)
    };
    let mut talk = limited(Property::ReceiveMaximum(1));
    talk.hears("34 07 00 01 61 00 01 00 31");
    talk.says();
    // [v5 MQTT-3.3.4-9]
    assert_eq!(talk.fails("34 07 00 01 61 00 02 00 31"), Reason::RECEIVE_MAXIMUM_EXCEEDED);
    assert_eq!(talk.says(), "e0 01 93");
    let mut talk = limited(Property::MaximumPacketSize(8));
    assert_eq!(talk.fails("30 07"), Reason::PACKET_TOO_LARGE); // [v5 MQTT-3.1.2-24]
    let mut talk = limited(Property::TopicAliasMaximum(1));
    assert_eq!(talk.hears("30 08 00 01 61 03 23 00 01 31 30 07 00 00 03 23 00 01 32"), ["a 1", "a 2"]); // [v5 MQTT-3.3.2-10]
    assert_eq!(talk.fails("30 08 00 01 61 03 23 00 02 31"), Reason::TOPIC_ALIAS_INVALID); // [v5 MQTT-3.1.2-26] [v5 MQTT-3.3.2-11]
    let mut talk = limited(Property::TopicAliasMaximum(1));
    assert_eq!(talk.fails("30 07 00 00 03 23 00 01 32"), Reason::PROTOCOL_ERROR);
    let mut talk = Talk::v5(ACCEPTED);
    assert_eq!(talk.fails("30 08 00 01 61 03 23 00 01 31"), Reason::TOPIC_ALIAS_INVALID); // [v5 MQTT-3.1.2-27]
}

#[test]
fn subscriptions_are_answered_one_by_one() {
    let mut talk = Talk::v5(ACCEPTED);
    assert_eq!(talk.subscribe(&["a", "b"]), Ok(1));
    assert_eq!(talk.says(), "82 0b 00 01 00 00 01 61 00 00 01 62 00");
    assert_eq!(talk.hears("90 05 00 01 00 01 87"), ["subscribed [Reason(1), Reason(135)]"]);
    let id = talk.client.unsubscribe(talk.now, &["a"], Properties::EMPTY, &mut talk.out).unwrap();
    assert_eq!(id.get(), 2); // [v5 MQTT-2.2.1-3]
    assert_eq!(talk.says(), "a2 06 00 02 00 00 01 61");
    assert_eq!(talk.hears("b0 04 00 02 00 11"), ["unsubscribed [Reason(17)]"]);
    talk.subscribe(&["a", "b"]).unwrap();
    assert_eq!(talk.fails("90 04 00 03 00 01"), Reason::PROTOCOL_ERROR); // [v5 MQTT-3.8.4-6] [v3 MQTT-3.8.4-5]
    let mut talk = Talk::v5(ACCEPTED);
    assert_eq!(talk.fails("90 04 00 03 00 01"), Reason::PROTOCOL_ERROR); // [v5 MQTT-2.2.1-6]
}

#[test]
fn what_only_clients_send_is_a_fault() {
    for said in [
        "c0 00",
        "82 06 00 01 00 00 01 61 00",
        "a2 06 00 01 00 00 01 61",
        "10 0d 00 04 4d 51 54 54 05 02 00 3c 00 00 00",
    ] {
        let mut talk = Talk::v5(ACCEPTED);
        talk.fails(said);
    }
    let mut talk = Talk::v3();
    talk.fails("e0 00"); // [v3 MQTT-4.8.0-1]
    assert_eq!(talk.says(), "", "before MQTT 5 a client says nothing about it");
    let mut talk = Talk::v3();
    talk.fails("36 06 00 01 61 00 01 31"); // [v3 MQTT-3.3.1-4]
    let mut talk = Talk::v5(ACCEPTED);
    assert_eq!(talk.fails("36 07 00 01 61 00 01 00 31"), Reason::MALFORMED_PACKET); // [v5 MQTT-3.3.1-4]
    let mut talk = Talk::v3();
    talk.fails("30 05 00 01 c0 31 31"); // [v3 MQTT-1.5.3-1]
    let mut talk = Talk::v3();
    talk.fails("30 04 00 01 00 31"); // [v3 MQTT-1.5.3-2]
    let mut talk = Talk::v3();
    talk.fails("42 02 00 01"); // [v3 MQTT-2.2.2-2]
}

#[test]
fn nobody_authenticates_who_did_not_ask_for_it() {
    let mut talk = Talk::new(Settings::default());
    talk.connect();
    talk.says();
    assert_eq!(talk.fails("f0 06 18 04 15 00 01 78"), Reason::PROTOCOL_ERROR); // [v5 MQTT-4.12.0-6]
    assert_eq!(talk.says(), ""); // [v5 MQTT-4.12.0-7]
    let mut talk = Talk::new(Settings::default());
    talk.connect();
    talk.says();
    assert_eq!(talk.fails("20 07 00 00 04 15 00 01 78"), Reason::PROTOCOL_ERROR);
}

#[test]
fn nothing_follows_disconnect() {
    let mut talk = Talk::v5(ACCEPTED);
    talk.client.disconnect(Reason::DISCONNECT_WITH_WILL, Properties::EMPTY, &mut talk.out);
    assert_eq!(talk.says(), "e0 01 04");
    assert_eq!(talk.publish(0, "x"), Err(Refusal::NotConnected)); // [v5 MQTT-3.14.4-1] [v3 MQTT-3.14.4-2]
    assert!(talk.hears("32 07 00 01 61 00 07 00 31").is_empty());
    assert_eq!(talk.says(), "");
    let mut talk = Talk::v5(ACCEPTED);
    assert_eq!(talk.hears("e0 01 8e 30 05 00 01 61 00 31"), ["disconnected session taken over (0x8E)"]);
}

#[test]
fn a_resumed_session_is_sent_again_in_its_order() {
    for (version, accepted, present) in
        [(Version::V5, ACCEPTED, "20 03 01 00 00"), (Version::V3_1_1, "20 02 00 00", "20 02 01 00")]
    {
        let settings = Settings { version, clean_start: false, client_id: "c".into(), ..Settings::default() };
        let mut talk = Talk::connected(settings, accepted);
        talk.publish(1, "a").unwrap();
        talk.publish(2, "b").unwrap();
        talk.publish(2, "c").unwrap();
        talk.hears("50 02 00 02");
        talk.says();
        talk.client.closed();
        assert_eq!(talk.client.in_flight(), 3); // [v5 MQTT-3.1.2-23] [v5 MQTT-4.3.2-3] [v5 MQTT-4.3.3-3]
        talk.connect();
        talk.says();
        talk.hears(present);
        let again = talk.says();
        // [v5 MQTT-4.4.0-1] [v3 MQTT-4.4.0-1] [v5 MQTT-4.6.0-1] [v3 MQTT-4.6.0-1] [v5 MQTT-3.3.1-1] [v3 MQTT-3.3.1-1]
        // [v5 MQTT-4.3.3-6] [v3 MQTT-2.3.1-3]
        match version {
            Version::V5 => {
                assert_eq!(again, "3a 07 00 01 74 00 01 00 61 62 02 00 02 3c 07 00 01 74 00 03 00 63")
            }
            _ => assert_eq!(again, "3a 06 00 01 74 00 01 61 62 02 00 02 3c 06 00 01 74 00 03 63"),
        }
        let events = talk.hears("40 02 00 01 70 02 00 02 50 02 00 03 70 02 00 03");
        assert_eq!(events.len(), 3);
        assert_eq!(talk.client.in_flight(), 0);
    }
}

#[test]
fn a_server_of_3_1_is_taken_to_have_kept_the_session() {
    // Its CONNACK cannot say so. Else a QoS 2 message would be taken twice, and one of ours under a new identifier
    // could meet the one that the server still holds.
    let settings =
        Settings { version: Version::V3_1, clean_start: false, client_id: "c".into(), ..Settings::default() };
    let mut talk = Talk::connected(settings, "20 02 00 00");
    talk.publish(2, "a").unwrap();
    assert_eq!(talk.hears("34 06 00 01 61 00 07 31"), ["a 1"]);
    talk.says();
    talk.client.closed();
    talk.connect();
    talk.says();
    talk.hears("20 02 00 00");
    assert_eq!(talk.says(), "3c 06 00 01 74 00 01 61", "under its identifier, not as a new message");
    assert!(talk.hears("3c 06 00 01 61 00 07 31").is_empty(), "it was taken before");
    assert_eq!(talk.says(), "50 02 00 07");
}

#[test]
fn what_a_lost_session_left_is_published_anew() {
    let settings = Settings { clean_start: false, client_id: "c".into(), ..Settings::default() };
    let mut talk = Talk::connected(settings, ACCEPTED);
    talk.publish(1, "a").unwrap();
    talk.publish(2, "b").unwrap();
    talk.publish(2, "c").unwrap();
    talk.hears("50 02 00 02");
    talk.hears("34 07 00 01 61 00 07 00 31");
    talk.client.closed();
    talk.connect();
    talk.says();
    let again = Again { at_least_once: 1, exactly_once: 1, released: 1 };
    // A window of one: what is left waits, and nothing new overtakes it.
    assert_eq!(talk.hears("20 06 00 00 03 21 00 01"), [format!("connected false {again:?}")]);
    // [v5 MQTT-3.2.2-5]
    assert_eq!(talk.says(), "32 07 00 01 74 00 04 00 61");
    assert_eq!(talk.publish(1, "d"), Err(Refusal::Full));
    assert_eq!(talk.hears("40 02 00 04"), ["done 4 success (0x00)"]);
    assert_eq!(talk.says(), "34 07 00 01 74 00 05 00 63");
    // QoS 2 identifiers of the lost session are new again.
    assert_eq!(talk.hears("34 07 00 01 61 00 07 00 31"), ["a 1"]);
}

#[test]
fn what_has_become_too_large_is_given_up_and_told() {
    let settings = Settings { clean_start: false, client_id: "c".into(), ..Settings::default() };
    let mut talk = Talk::connected(settings, ACCEPTED);
    talk.publish(1, "a long payload").unwrap();
    talk.publish(1, "b").unwrap();
    talk.client.closed();
    talk.connect();
    talk.says();
    let events = talk.hears("20 08 01 00 05 27 00 00 00 0c");
    assert_eq!(events[1..], ["done 1 packet too large (0x95)"]);
    assert_eq!(talk.says(), "3a 07 00 01 74 00 02 00 62"); // [v5 MQTT-3.2.2-15]
}

#[test]
fn packets_may_come_in_pieces() {
    let mut talk = Talk::v5(ACCEPTED);
    let message = bytes("30 05 00 01 61 00 31");
    for end in 0..message.len() {
        let mut rest = &message[..end];
        let result = talk.client.next(talk.now, &mut rest, &mut talk.out);
        assert_eq!(result, Ok(None));
        assert_eq!(rest.len(), end, "nothing is taken before it is whole");
    }
}
