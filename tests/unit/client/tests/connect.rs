//! CONNECT and CONNACK [chapters 3.1 and 3.2].

use super::{ACCEPTED, Talk};
use crate::client::{Refusal, Settings};
use crate::codec::packet::Version;
use crate::codec::property::PropertiesBuf;
use crate::codec::reason::Reason;
use crate::message::QoS;

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
        will: Some(crate::client::Will {
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
