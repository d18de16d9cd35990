//! Lines by hand, and any packet written and read back.

use super::parse::parse;
use super::{brief, full};
use crate::codec::arbitrary::{any_parts, with_packet};
use crate::codec::packet::{Packet, Version};
use crate::codec::{decode, encode, frame};

fn packet(version: Version, bytes: &[u8]) -> Packet<'_> {
    decode(version, frame::cut(bytes, usize::MAX).unwrap().unwrap()).unwrap()
}

/// Lines in the full form: they are read and written as they stand, and what they mean in the brief form.
const LINES: &[(&str, &str)] = &[
    ("CONNECT v=5 id=a clean=1 keep=60", "CONNECT v=5 id=a clean=1 keep=60"),
    (
        "CONNECT v=5 id=\"\" session-expiry=10 will.topic=w will.q=1 will.retain=1 will.will-delay=5 \
         will.payload=\"good bye\" username=u password=hex:ff",
        "CONNECT v=5 id=\"\" session-expiry=10 will.topic=w will.q=1 will.retain=1 will.will-delay=5 \
         will.payload: 8 bytes username=u password=***",
    ),
    ("CONNACK present=1 rc=0x00 receive-maximum=10", "CONNACK present=1 rc=0x00 receive-maximum=10"),
    ("CONNACK rc=0x87", "CONNACK rc=0x87 (not authorized)"),
    (
        "PUBLISH topic=a/b q=1 retain=1 dup=1 m=7 user-property=\"a b\"=c payload=x",
        "PUBLISH topic=a/b q=1 retain=1 dup=1 m=7 user-property=\"a b\"=c payload: 1 byte",
    ),
    ("PUBLISH topic=\"a \\u{1}\\\"\"", "PUBLISH topic=\"a \\u{1}\\\"\" payload: 0 bytes"),
    ("PUBACK m=7", "PUBACK m=7"),
    ("PUBREC m=7 rc=0x97 reason-string=full", "PUBREC m=7 rc=0x97 (quota exceeded) reason-string=full"),
    (
        "SUBSCRIBE m=1 subscription-id=9 filter=a/# q=1 no-local=1 filter=\"b c\" retain-as-published=1 retain-handling=2",
        "SUBSCRIBE m=1 subscription-id=9 filter=a/# q=1 no-local=1 filter=\"b c\" retain-as-published=1 retain-handling=2",
    ),
    ("SUBACK m=1 rc=0x00 rc=0x8F", "SUBACK m=1 rc=0x00 rc=0x8F (topic filter invalid)"),
    ("UNSUBSCRIBE m=1 filter=a filter=b", "UNSUBSCRIBE m=1 filter=a filter=b"),
    ("PINGREQ", "PINGREQ"),
    ("DISCONNECT", "DISCONNECT"),
    (
        "AUTH rc=0x18 authentication-method=m authentication-data=secret",
        "AUTH rc=0x18 (continue authentication) authentication-method=m authentication-data=***",
    ),
];

#[test]
fn lines_are_read_and_written() {
    for (line, short) in LINES {
        let bytes = parse(Version::V5, line).unwrap();
        let packet = packet(Version::V5, &bytes);
        assert_eq!(full(&packet).to_string(), *line);
        assert_eq!(brief(&packet).to_string(), *short);
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    for (line, why) in [
        ("HELLO", "there is no packet HELLO"),
        ("PINGREQ m=1 x=2", "PINGREQ has no field x"),
        ("PUBACK", "PUBACK needs m="),
        ("PUBACK m=0", "m=0 is no packet identifier"),
        ("PUBACK m=65536", "m=65536 is too large"),
        ("PUBLISH topic=\"a", "a quote is not closed"),
        ("PUBLISH topic=a q=3", "q is 0, 1 or 2"),
        ("SUBSCRIBE m=1 q=1", "q before a filter"),
        ("hex:0g", "not hexadecimal"),
    ] {
        assert_eq!(parse(Version::V5, line), Err(why.to_owned()), "{line}");
    }
    assert_eq!(parse(Version::V5, "hex:c0 00"), Ok(vec![0xC0, 0]));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..proptest::prelude::ProptestConfig::default()
    })]

    #[test]
    fn any_packet_is_written_and_read((version, parts) in any_parts()) {
        with_packet(version, &parts, |packet| {
            let mut bytes = Vec::new();
            encode(version, packet, &mut bytes);
            let line = full(packet).to_string();
            proptest::prop_assert!(!line.contains('\n'));
            proptest::prop_assert_eq!(parse(version, &line), Ok(bytes), "{}", line);
            proptest::prop_assert!(!brief(packet).to_string().contains('\n'));
            Ok(())
        })?;
    }

    #[test]
    fn any_line_is_read_or_refused(line in "([A-Z]{4,9} )?[ -~]{0,60}") {
        let _ = parse(Version::V5, &line);
    }
}
