//! What a relay hands on, with the bytes of both brokers written by hand.

use super::{Direction, News, Relay, Rule, Side, Topics};
use crate::client::{Client, Settings};
use crate::codec::packet::{Ack, Packet, PacketId, Version};
use crate::codec::reason::Reason;
use crate::message::QoS;
use crate::time::Instant;

fn client(version: Version, connack: &[u8]) -> Client {
    let settings =
        Settings { version, relays: true, client_id: "c".into(), clean_start: false, ..Settings::default() };
    let mut client = Client::new(settings);
    let mut out = Vec::new();
    client.connect(Instant::ZERO, &mut out);
    let mut rest = connack;
    client.next(Instant::ZERO, &mut rest, &mut out).unwrap().unwrap();
    client
}

struct Pair {
    near: Client,
    far: Client,
    relay: Relay,
    news: Vec<News>,
}

impl Pair {
    fn new(far: Client, near_resumes: bool, far_resumes: bool) -> Self {
        let rule = Rule {
            direction: Direction::Both,
            qos: QoS::ExactlyOnce,
            local: "l/#".into(),
            remote: "r/#".into(),
            local_prefix: "l/".into(),
            remote_prefix: "r/".into(),
        };
        let near = client(Version::V5, &[0x20, 3, 0, 0, 0]);
        let mut relay = Relay::default();
        relay.begin(Topics::new(vec![rule]), true, near_resumes, far_resumes);
        Self { near, far, relay, news: Vec::new() }
    }

    fn plain() -> Self {
        Self::new(client(Version::V3_1_1, &[0x20, 2, 0, 0]), true, true)
    }

    /// What goes to the near broker, and to the far one, when `from` sends `bytes`.
    fn hears(&mut self, from: Side, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut to_near, mut to_far) = (Vec::new(), Vec::new());
        let Self { near, far, relay, news } = self;
        let (source, back, target, on) = match from {
            Side::Near => (near, &mut to_near, far, &mut to_far),
            Side::Far => (far, &mut to_far, near, &mut to_near),
        };
        let mut rest = bytes;
        while let Some(event) = source.next(Instant::ZERO, &mut rest, back).unwrap() {
            let passed = relay.pass(from, &event, (target, Instant::ZERO, on));
            news.extend(passed.news);
            if let Some(answer) = passed.answer {
                source.relay(Instant::ZERO, &answer, back).unwrap();
            }
        }
        (to_near, to_far)
    }

    #[track_caller]
    fn hands_on(&mut self, from: Side, bytes: &[u8], expected: &[u8]) {
        let (to_near, to_far) = self.hears(from, bytes);
        let (back, on) = if from == Side::Near { (to_near, to_far) } else { (to_far, to_near) };
        assert_eq!((&back[..], &on[..]), (&[][..], expected));
    }

    #[track_caller]
    fn answers(&mut self, from: Side, bytes: &[u8], expected: &[u8]) {
        let (to_near, to_far) = self.hears(from, bytes);
        let (back, on) = if from == Side::Near { (to_near, to_far) } else { (to_far, to_near) };
        assert_eq!((&back[..], &on[..]), (expected, &[][..]));
    }
}

#[test]
fn identifiers_and_acknowledgements_are_those_of_the_brokers() {
    let mut pair = Pair::plain();
    // From version 5 to 3.1.1 and back: properties go, reasons come.
    pair.hands_on(Side::Near, b"\x3A\x0E\0\x03l/a\0\x07\x05\x02\0\0\0\x09x", b"\x3A\x08\0\x03r/a\0\x07x");
    pair.hands_on(Side::Far, &[0x40, 2, 0, 7], &[0x40, 2, 0, 7]);
    pair.hands_on(Side::Far, b"\x34\x08\0\x03r/b\0\x09y", b"\x34\x09\0\x03l/b\0\x09\0y");
    pair.hands_on(Side::Near, &[0x50, 3, 0, 9, 0x10], &[0x50, 2, 0, 9]);
    pair.hands_on(Side::Far, &[0x62, 2, 0, 9], &[0x62, 2, 0, 9]);
    pair.hands_on(Side::Near, &[0x70, 2, 0, 9], &[0x70, 2, 0, 9]);
    // What the bridge itself has said there is its own.
    pair.hands_on(Side::Far, &[0x40, 2, 0xFF, 0xFF], &[]);
    assert_eq!(pair.news, [News::Message, News::Message]);
    pair.hands_on(Side::Near, &[0x40, 3, 0, 1, 0x87], &[0x40, 2, 0, 1]);
    assert_eq!(pair.news[2..], [News::Refused(Reason::NOT_AUTHORIZED)]);
}

#[test]
fn what_is_not_asked_for_is_acknowledged_and_goes_no_further() {
    let mut pair = Pair::plain();
    pair.answers(Side::Far, b"\x32\x06\0\x01x\0\x05y", &[0x40, 2, 0, 5]);
    pair.answers(Side::Far, b"\x34\x06\0\x01x\0\x06y", &[0x50, 2, 0, 6]);
    pair.answers(Side::Far, b"\x30\x04\0\x01xy", &[]);
    assert_eq!(pair.news, vec![News::Unasked("x".into()); 3]);
}

#[test]
fn a_receiver_that_may_hold_identifiers_of_a_lost_session_releases_them_first() {
    let far = client(Version::V3_1_1, &[0x20, 2, 1, 0]);
    let mut pair = Pair::new(far, false, true);
    let publish = b"\x34\x09\0\x03l/a\0\x07\0x";
    pair.hands_on(Side::Near, publish, b"\x62\x02\0\x07\x34\x08\0\x03r/a\0\x07x");
    // Its PUBCOMP is nobody's; then all goes its way.
    pair.hands_on(Side::Far, &[0x70, 2, 0, 7], &[]);
    pair.hands_on(Side::Far, &[0x50, 2, 0, 7], &[0x50, 2, 0, 7]);
    pair.hands_on(Side::Near, &[0x62, 2, 0, 7], &[0x62, 2, 0, 7]);
    pair.hands_on(Side::Far, &[0x70, 2, 0, 7], &[0x70, 2, 0, 7]);
    // Once is enough, also on the next connection; and one that answers no unknown PUBREL does not take the PUBCOMP of the message away.
    let topics = pair.relay.topics.clone();
    pair.relay.begin(topics, true, true, true);
    pair.hands_on(Side::Near, publish, b"\x34\x08\0\x03r/a\0\x07x");
    let other = b"\x34\x09\0\x03l/a\0\x08\0x";
    pair.hands_on(Side::Near, other, b"\x62\x02\0\x08\x34\x08\0\x03r/a\0\x08x");
    pair.hands_on(Side::Far, &[0x50, 2, 0, 8], &[0x50, 2, 0, 8]);
    pair.hands_on(Side::Far, &[0x70, 2, 0, 8], &[0x70, 2, 0, 8]);
}

#[test]
fn a_message_goes_at_the_quality_that_the_receiver_takes() {
    // Maximum QoS 1, no retained messages.
    let far = client(Version::V5, &[0x20, 7, 0, 0, 4, 0x24, 1, 0x25, 0]);
    let mut pair = Pair::new(far, true, true);
    pair.hands_on(Side::Near, b"\x35\x09\0\x03l/a\0\x07\0x", b"\x32\x09\0\x03r/a\0\x07\0x");
    pair.hands_on(Side::Far, &[0x40, 2, 0, 7], &[0x50, 2, 0, 7]);
    pair.answers(Side::Near, &[0x62, 2, 0, 7], &[0x70, 2, 0, 7]);
    // Maximum QoS 0: taken when it is sent.
    let far = client(Version::V5, &[0x20, 5, 0, 0, 2, 0x24, 0]);
    let mut pair = Pair::new(far, true, true);
    let (to_near, to_far) = pair.hears(Side::Near, b"\x34\x09\0\x03l/a\0\x07\0x");
    assert_eq!((&to_near[..], &to_far[..]), (&[0x50, 2, 0, 7][..], &b"\x30\x07\0\x03r/a\0x"[..]));
    pair.answers(Side::Near, &[0x62, 2, 0, 7], &[0x70, 2, 0, 7]);
}

#[test]
fn a_message_that_is_too_large_is_refused() {
    let far = client(Version::V5, &[0x20, 8, 0, 0, 5, 0x27, 0, 0, 0, 10]);
    let mut pair = Pair::new(far, true, true);
    pair.answers(Side::Near, b"\x32\x0A\0\x03l/a\0\x07\0xx", &[0x40, 3, 0, 7, 0x83]);
    assert_eq!(pair.news, [News::TooLarge { topic: "l/a".into(), most: 10 }]);
}

#[test]
fn what_means_something_on_one_connection_only_does_not_go_on() {
    let far = client(Version::V5, &[0x20, 3, 0, 0, 0]);
    let mut pair = Pair::new(far, true, true);
    // A subscription identifier goes, the expiry stays.
    pair.hands_on(
        Side::Near,
        b"\x30\x0E\0\x03l/a\x07\x0B\x05\x02\0\0\0\x09x",
        b"\x30\x0C\0\x03r/a\x05\x02\0\0\0\x09x",
    );
}

#[test]
fn requests_have_identifiers_that_no_message_has() {
    let mut far = client(Version::V3_1_1, &[0x20, 2, 0, 0]);
    let mut out = Vec::new();
    let id =
        far.subscribe(Instant::ZERO, &[("a", Default::default())], Default::default(), &mut out).unwrap();
    let next = far.unsubscribe(Instant::ZERO, &["b"], Default::default(), &mut out).unwrap();
    assert_eq!((id.get(), next.get()), (65_472, 65_473));
    let mut rest = &[0x90, 3, 0xFF, 0xC0, 0][..];
    assert!(far.next(Instant::ZERO, &mut rest, &mut out).unwrap().is_some());
    let again = far.unsubscribe(Instant::ZERO, &["b"], Default::default(), &mut out).unwrap();
    assert_eq!(again, id);
    let ack = Packet::Puback(Ack::new(PacketId::MIN, Reason::SUCCESS));
    far.closed();
    assert!(far.relay(Instant::ZERO, &ack, &mut out).is_err());
}

#[test]
fn dup_tells_what_was_sent_on_and_not_what_only_came_to_the_relay() {
    let mut pair = Pair::plain();
    let near = |first: u8, id: u8| [&[first, 9, 0, 3], &b"l/a"[..], &[0, id, 0, b'x']].concat();
    let far = |first: u8, id: u8| [&[first, 8, 0, 3], &b"r/a"[..], &[0, id, b'x']].concat();
    pair.hands_on(Side::Near, &near(0x32, 1), &far(0x32, 1));
    pair.hands_on(Side::Near, &near(0x32, 2), &far(0x32, 2));
    pair.hands_on(Side::Far, &[0x40, 2, 0, 2], &[0x40, 2, 0, 2]);
    // The connections break. Our broker has sent 3 as well, which never came to the relay, and has not heard of the
    // acknowledgement of 2.
    let topics = pair.relay.topics.clone();
    pair.relay.begin(topics.clone(), true, true, true);
    for (id, first) in [(1, 0x3A), (2, 0x3A), (3, 0x32)] {
        pair.hands_on(Side::Near, &near(0x32, id), &far(first, id));
    }
    // An earlier process may have sent it: the broker says so.
    pair.hands_on(Side::Near, &near(0x3A, 4), &far(0x3A, 4));
    // A new session of our broker starts its packet identifiers again from 1.
    pair.relay.begin(topics, true, false, true);
    pair.hands_on(Side::Near, &near(0x32, 1), &far(0x32, 1));
}
