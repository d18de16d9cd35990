//! Keep alive and answers that do not come [chapter 3.1.2.10].

use super::Talk;
use crate::client::Settings;
use crate::codec::reason::Reason;
use crate::time::Instant;

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
fn without_a_keep_alive_an_answer_that_is_due_is_not_waited_for_for_ever() {
    let mut talk = Talk::v5("20 06 00 00 03 13 00 00");
    talk.publish(1, "x").unwrap();
    talk.says();
    talk.later(45);
    talk.tick().unwrap();
    assert_eq!(talk.says(), "c0 00");
    talk.later(59);
    talk.tick().unwrap();
    talk.later(1);
    assert_eq!(talk.tick().unwrap_err().reason, Reason::KEEP_ALIVE_TIMEOUT);
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
