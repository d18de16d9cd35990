//! What the server publishes, grants and must not send [chapters 3.3, 3.9, 3.11, 3.15].

use super::{ACCEPTED, Talk};
use crate::client::Settings;
use crate::codec::property::{Properties, Property};
use crate::codec::reason::Reason;

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
