//! The end of a connection, and what is left of it for the next [chapters 3.14, 4.1, 4.4].

use super::{ACCEPTED, Talk, bytes};
use crate::client::{Again, Refusal, Settings};
use crate::codec::packet::Version;
use crate::codec::property::Properties;
use crate::codec::reason::Reason;

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
fn at_qos_2_what_has_become_too_large_frees_its_identifier_on_both_sides() {
    let settings = Settings { clean_start: false, client_id: "c".into(), ..Settings::default() };
    let mut talk = Talk::connected(settings, ACCEPTED);
    talk.publish(2, "a long payload").unwrap();
    talk.client.closed();
    talk.connect();
    talk.says();
    // The server may have it, and would take the next message under this identifier for the same one.
    talk.hears("20 08 01 00 05 27 00 00 00 0c");
    assert_eq!(talk.says(), "62 02 00 01");
    talk.publish(2, "b").unwrap();
    assert_eq!(talk.says(), "34 07 00 01 74 00 02 00 62");
    assert_eq!(talk.hears("70 02 00 01"), ["done 1 packet too large (0x95)"]);
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

#[test]
fn a_message_upon_which_connections_end_is_found_and_given_up() {
    let settings = Settings { clean_start: false, client_id: "c".into(), ..Settings::default() };
    let mut talk = Talk::connected(settings, ACCEPTED);
    talk.publish(1, "a").unwrap();
    talk.publish(1, "b").unwrap();
    talk.says();
    let again = |talk: &mut Talk| {
        talk.client.closed();
        let given_up = talk.client.suspect();
        talk.connect();
        talk.says();
        talk.hears("20 03 01 00 00");
        (given_up, talk.says())
    };
    let [first, second] = ["3a 07 00 01 74 00 01 00 61", "3a 07 00 01 74 00 02 00 62"];
    assert_eq!(again(&mut talk), (None, format!("{first} {second}")));
    // From now on a PINGREQ shows that the connection holds. One that ends before its answer is not the fault of a message.
    for _ in 0..3 {
        assert_eq!(again(&mut talk), (None, "c0 00".to_owned()));
        assert!(talk.client.holds_back() && !talk.client.has_room());
    }
    talk.hears("d0 00");
    assert_eq!(talk.says(), first, "alone");
    assert!(talk.client.holds_back() && !talk.client.has_room());
    assert_eq!(again(&mut talk), (Some("t".to_owned()), "c0 00".to_owned()));
    talk.hears("d0 00");
    assert_eq!(talk.says(), second);
    assert_eq!(talk.hears("40 02 00 02"), ["done 2 success (0x00)"]);
    assert!(!talk.client.holds_back() && talk.client.has_room());
    assert_eq!(talk.client.in_flight(), 0);
}
