//! What we publish, and what the server lets us [chapters 3.3 to 3.7, 4.3].

use super::{ACCEPTED, Talk};
use crate::client::{Outgoing, Refusal};
use crate::codec::property::{Properties, PropertiesBuf, Property};
use crate::message::QoS;

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
