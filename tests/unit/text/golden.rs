//! Golden bytes: every packet of the standards, its bytes written by hand from their text, beside what it says.
//!
//! Each row is read and written, so it proves the codec in both directions, and this module with it. What is malformed
//! stands beside the codec. Between quotes are ASCII letters, the rest is hexadecimal.

use super::full;
use super::parse::parse;
use crate::codec::faults::bytes;
use crate::codec::packet::Version::{self, V3_1, V3_1_1, V5};
use crate::codec::{decode, frame};

/// Version, bytes, and the line that says the same; read and written.
const BOTH: &[(Version, &str, &str)] = &[
    // CONNECT. The flags say which fields follow, and those follow in their order.
    // [v3 MQTT-3.1.2-18] [v3 MQTT-3.1.2-20] [v3 MQTT-3.1.3-3]
    (V3_1_1, "10 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'", "CONNECT v=3.1.1 id=a clean=1 keep=60"),
    // [v3 MQTT-3.1.3-6]: an empty client identifier is well formed, with Clean Session and without.
    (V3_1_1, "10 0C 00 04 'MQTT' 04 02 00 00 00 00", "CONNECT v=3.1.1 id=\"\" clean=1"),
    (V3_1_1, "10 0C 00 04 'MQTT' 04 00 00 00 00 00", "CONNECT v=3.1.1 id=\"\""),
    (V3_1, "10 0F 00 06 'MQIsdp' 03 02 FF FF 00 01 'a'", "CONNECT v=3.1 id=a clean=1 keep=65535"),
    (V3_1, "10 0F 00 06 'MQIsdp' 83 00 00 0A 00 01 'a'", "CONNECT v=3.1 bridge=1 id=a keep=10"),
    (V3_1_1, "10 0D 00 04 'MQTT' 84 00 00 0A 00 01 'a'", "CONNECT v=3.1.1 bridge=1 id=a keep=10"),
    // [v3 MQTT-3.1.3-1] [v3 MQTT-3.1.2-9] [v3 MQTT-3.1.2-19] [v3 MQTT-3.1.2-21]
    (
        V3_1_1,
        "10 1B 00 04 'MQTT' 04 EC 00 0A 00 01 'i' 00 01 't' 00 02 'go' 00 01 'u' 00 02 00 FF",
        "CONNECT v=3.1.1 id=i keep=10 will.topic=t will.q=1 will.retain=1 will.payload=go username=u \
         password=hex:00ff",
    ),
    // [v3 MQTT-3.1.2-14]
    (
        V3_1_1,
        "10 12 00 04 'MQTT' 04 16 00 0A 00 01 'i' 00 01 't' 00 00",
        "CONNECT v=3.1.1 id=i clean=1 keep=10 will.topic=t will.q=2",
    ),
    // [v5 MQTT-3.1.3-3] [v5 MQTT-3.1.2-16] [v5 MQTT-3.1.2-18] [v5 MQTT-2.2.2-1]
    (V5, "10 0E 00 04 'MQTT' 05 02 00 3C 00 00 01 'a'", "CONNECT v=5 id=a clean=1 keep=60"),
    // [v5 MQTT-3.1.3-1] [v5 MQTT-3.1.2-9] [v5 MQTT-3.1.2-17] [v5 MQTT-3.1.2-19] [v5 MQTT-3.1.2-12]
    (
        V5,
        "10 22 00 04 'MQTT' 05 F6 00 0A 00 00 01 'i' 05 18 00 00 00 05 00 01 't' 00 02 'go' 00 01 'u' 00 02 'pw'",
        "CONNECT v=5 id=i clean=1 keep=10 will.topic=t will.q=2 will.retain=1 will.will-delay=5 \
         will.payload=go username=u password=pw",
    ),
    // A password without a user name, which MQTT 5 allows.
    (V5, "10 10 00 04 'MQTT' 05 40 00 0A 00 00 00 00 01 'p'", "CONNECT v=5 id=\"\" keep=10 password=p"),
    // Every property of CONNECT, and of the will.
    (
        V5,
        "10 36 00 04 'MQTT' 05 02 00 00 29 11 00 00 00 0A 21 00 14 27 00 01 00 00 22 00 05 19 01 17 00 \
         26 00 01 'k' 00 01 'v' 15 00 01 'm' 16 00 02 01 FF 26 00 00 00 00 00 00",
        "CONNECT v=5 id=\"\" clean=1 session-expiry=10 receive-maximum=20 maximum-packet-size=65536 \
         topic-alias-maximum=5 request-response-information=1 request-problem-information=0 \
         user-property=k=v authentication-method=m authentication-data=hex:01ff user-property=\"\"=\"\"",
    ),
    (
        V5,
        "10 32 00 04 'MQTT' 05 04 00 00 00 00 00 1F 18 00 00 00 01 01 01 02 00 00 00 02 03 00 01 'c' \
         08 00 01 'r' 09 00 01 00 26 00 01 'k' 00 01 'v' 00 01 't' 00 00",
        "CONNECT v=5 id=\"\" will.topic=t will.will-delay=1 will.payload-format=1 will.message-expiry=2 \
         will.content-type=c will.response-topic=r will.correlation-data=\"\\0\" will.user-property=k=v",
    ),
    // CONNACK.
    (V3_1_1, "20 02 01 00", "CONNACK present=1 rc=0x00"),
    (V3_1, "20 02 00 00", "CONNACK rc=0x00"),
    (V3_1_1, "20 02 00 01", "CONNACK rc=0x84"),
    (V3_1_1, "20 02 00 02", "CONNACK rc=0x85"),
    (V3_1_1, "20 02 00 03", "CONNACK rc=0x88"),
    (V3_1_1, "20 02 00 04", "CONNACK rc=0x86"),
    (V3_1_1, "20 02 00 05", "CONNACK rc=0x87"),
    (V5, "20 03 00 00 00", "CONNACK rc=0x00"),
    (V5, "20 03 01 00 00", "CONNACK present=1 rc=0x00"),
    (V5, "20 09 00 8C 06 1F 00 03 'why'", "CONNACK rc=0x8C reason-string=why"),
    // Every property of CONNACK.
    (
        V5,
        "20 3F 00 00 3C 11 00 00 00 0A 21 00 14 24 01 25 00 27 00 00 01 00 12 00 01 'i' 22 00 05 1F 00 01 'r' \
         26 00 01 'k' 00 01 'v' 28 00 29 00 2A 00 13 00 1E 1A 00 01 'x' 1C 00 01 's' 15 00 01 'm' 16 00 01 'd'",
        "CONNACK rc=0x00 session-expiry=10 receive-maximum=20 maximum-qos=1 retain-available=0 \
         maximum-packet-size=256 assigned-client-id=i topic-alias-maximum=5 reason-string=r user-property=k=v \
         wildcard-subscription-available=0 subscription-identifiers-available=0 \
         shared-subscription-available=0 server-keep-alive=30 response-information=x server-reference=s \
         authentication-method=m authentication-data=d",
    ),
    // PUBLISH. [v3 MQTT-3.3.2-1] [v3 MQTT-2.3.1-5]: the topic is the first field, QoS 0 has no identifier.
    (V3_1_1, "30 07 00 03 'a/b' 'hi'", "PUBLISH topic=a/b payload=hi"),
    (V3_1_1, "3D 08 00 03 'a/b' 00 0A 'x'", "PUBLISH topic=a/b q=2 retain=1 dup=1 m=10 payload=x"),
    (V3_1, "32 07 00 03 'a/b' FF FF", "PUBLISH topic=a/b q=1 m=65535"),
    // [v5 MQTT-3.3.2-1] [v5 MQTT-2.2.1-2]
    (V5, "30 08 00 03 'a/b' 00 'hi'", "PUBLISH topic=a/b payload=hi"),
    (V5, "3B 09 00 03 'a/b' 00 0A 00 'x'", "PUBLISH topic=a/b q=1 retain=1 dup=1 m=10 payload=x"),
    // A payload is any bytes, U+0000 and what is no text among them.
    (V5, "30 06 00 01 'a' 00 00 FF", "PUBLISH topic=a payload=hex:00ff"),
    // An alias for the topic.
    (V5, "30 06 00 00 03 23 00 05", "PUBLISH topic=\"\" topic-alias=5"),
    // Every property of PUBLISH, identifiers and user properties more than once and in their order.
    (
        V5,
        "30 2E 00 01 'a' 2A 01 01 02 00 00 00 0A 23 00 05 08 00 01 'r' 09 00 02 00 FF 26 00 01 'b' 00 01 'c' \
         0B 80 01 03 00 01 't' 0B 01 26 00 01 'a' 00 01 'b'",
        "PUBLISH topic=a payload-format=1 message-expiry=10 topic-alias=5 response-topic=r \
         correlation-data=hex:00ff user-property=b=c subscription-id=128 content-type=t subscription-id=1 \
         user-property=a=b",
    ),
    // [v3 MQTT-1.5.3-3] [v5 MQTT-1.5.4-3]: U+FEFF stays.
    (V3_1_1, "30 06 00 04 EF BB BF 'a'", "PUBLISH topic=\"\\u{feff}a\""),
    (V5, "30 07 00 04 EF BB BF 'a' 00", "PUBLISH topic=\"\\u{feff}a\""),
    // The largest and the least code points of UTF-8's lengths.
    (V5, "30 0C 00 09 C2 80 EF BF BD F4 8F BF BF 00", "PUBLISH topic=\"\\u{80}\u{fffd}\\u{10ffff}\""),
    // What answers it. [v3 MQTT-2.2.2-1] [v5 MQTT-2.1.3-1]: the reserved flags are written as they must be.
    (V3_1_1, "40 02 00 0A", "PUBACK m=10"),
    (V3_1_1, "50 02 00 0A", "PUBREC m=10"),
    (V3_1_1, "62 02 00 0A", "PUBREL m=10"),
    (V3_1_1, "70 02 00 0A", "PUBCOMP m=10"),
    (V5, "40 02 00 0A", "PUBACK m=10"),
    (V5, "50 03 00 0A 10", "PUBREC m=10 rc=0x10"),
    (V5, "62 02 00 0A", "PUBREL m=10"),
    (V5, "70 03 00 0A 92", "PUBCOMP m=10 rc=0x92"),
    (V5, "40 08 00 0A 97 04 1F 00 01 'f'", "PUBACK m=10 rc=0x97 reason-string=f"),
    (
        V5,
        "62 0F 00 0A 92 0B 1F 00 01 'f' 26 00 01 'k' 00 01 'v'",
        "PUBREL m=10 rc=0x92 reason-string=f user-property=k=v",
    ),
    (V5, "50 0B 00 0A 00 07 26 00 01 'k' 00 01 'v'", "PUBREC m=10 user-property=k=v"),
    // SUBSCRIBE and SUBACK.
    (V3_1_1, "82 0E 00 0A 00 03 'a/b' 01 00 03 'c/d' 02", "SUBSCRIBE m=10 filter=a/b q=1 filter=c/d q=2"),
    (V3_1, "82 06 00 0A 00 01 '#' 00", "SUBSCRIBE m=10 filter=#"),
    (
        V5,
        "82 11 00 0A 03 0B 80 01 00 01 'a' 2E 00 04 'b/+/' 11",
        "SUBSCRIBE m=10 subscription-id=128 filter=a q=2 no-local=1 retain-as-published=1 retain-handling=2 \
         filter=b/+/ q=1 retain-handling=1",
    ),
    (V5, "82 0E 00 0A 07 26 00 01 'k' 00 01 'v' 00 01 'a' 00", "SUBSCRIBE m=10 user-property=k=v filter=a"),
    // [v3 MQTT-3.9.3-1]: in the order of the filters.
    (V3_1_1, "90 06 00 0A 00 01 02 80", "SUBACK m=10 rc=0x00 rc=0x01 rc=0x02 rc=0x80"),
    // [v5 MQTT-3.9.3-1]
    (V5, "90 06 00 0A 00 02 87 00", "SUBACK m=10 rc=0x02 rc=0x87 rc=0x00"),
    (
        V5,
        "90 0F 00 0A 0B 1F 00 01 'f' 26 00 01 'k' 00 01 'v' A2",
        "SUBACK m=10 reason-string=f user-property=k=v rc=0xA2",
    ),
    // UNSUBSCRIBE and UNSUBACK.
    (V3_1_1, "A2 0C 00 0A 00 03 'a/b' 00 03 'c/d'", "UNSUBSCRIBE m=10 filter=a/b filter=c/d"),
    (V5, "A2 0D 00 0A 07 26 00 01 'k' 00 01 'v' 00 01 'a'", "UNSUBSCRIBE m=10 user-property=k=v filter=a"),
    (V3_1_1, "B0 02 00 0A", "UNSUBACK m=10"),
    // [v5 MQTT-3.11.3-1]
    (V5, "B0 05 00 0A 00 00 11", "UNSUBACK m=10 rc=0x00 rc=0x11"),
    // The rest.
    (V3_1_1, "C0 00", "PINGREQ"),
    (V3_1_1, "D0 00", "PINGRESP"),
    (V5, "C0 00", "PINGREQ"),
    (V5, "D0 00", "PINGRESP"),
    (V3_1_1, "E0 00", "DISCONNECT"),
    (V3_1, "E0 00", "DISCONNECT"),
    (V5, "E0 00", "DISCONNECT"),
    (V5, "E0 01 04", "DISCONNECT rc=0x04"),
    (
        V5,
        "E0 17 9D 15 11 00 00 00 0A 1F 00 01 'f' 26 00 01 'k' 00 01 'v' 1C 00 02 'hi'",
        "DISCONNECT rc=0x9D session-expiry=10 reason-string=f user-property=k=v server-reference=hi",
    ),
    (V5, "F0 00", "AUTH"),
    (
        V5,
        "F0 15 18 13 15 00 01 'm' 16 00 01 'd' 1F 00 01 'f' 26 00 01 'k' 00 01 'v'",
        "AUTH rc=0x18 authentication-method=m authentication-data=d reason-string=f user-property=k=v",
    ),
    (V5, "F0 06 19 04 15 00 01 'm'", "AUTH rc=0x19 authentication-method=m"),
];

/// Longer ways to say the same, which are read but not written.
const READ: &[(Version, &str, &str)] = &[
    (V5, "40 03 00 0A 00", "PUBACK m=10"),
    (V5, "40 04 00 0A 00 00", "PUBACK m=10"),
    (V5, "70 04 00 0A 92 00", "PUBCOMP m=10 rc=0x92"),
    (V5, "E0 01 00", "DISCONNECT"),
    (V5, "E0 02 00 00", "DISCONNECT"),
    (V5, "E0 02 8E 00", "DISCONNECT rc=0x8E"),
    // 3.1 has DUP on what is sent again.
    (V3_1, "6A 02 00 0A", "PUBREL m=10"),
    (V3_1, "8A 06 00 0A 00 01 'a' 01", "SUBSCRIBE m=10 filter=a q=1"),
    (V3_1, "AA 05 00 0A 00 01 'a'", "UNSUBSCRIBE m=10 filter=a"),
    // 3.1 reserves the byte in which 3.1.1 tells of the session.
    (V3_1, "20 02 01 00", "CONNACK rc=0x00"),
];

/// Lines of which a version has no more than these bytes.
const WRITTEN: &[(Version, &str, &str)] = &[
    (V3_1, "CONNACK present=1 rc=0x00", "20 02 00 00"),
    (V3_1_1, "PUBACK m=10 rc=0x87 reason-string=f", "40 02 00 0A"),
    (V3_1_1, "PUBLISH topic=a user-property=k=v payload=x", "30 04 00 01 'a' 'x'"),
    (V3_1_1, "SUBSCRIBE m=10 filter=a q=1 no-local=1 retain-handling=2", "82 06 00 0A 00 01 'a' 01"),
    // [v3 MQTT-3.9.3-2]: one code for all failures.
    (V3_1_1, "SUBACK m=10 rc=0x01 rc=0x87 rc=0x8F", "90 05 00 0A 01 80 80"),
    (V3_1_1, "UNSUBACK m=10 rc=0x11", "B0 02 00 0A"),
    (V3_1_1, "DISCONNECT rc=0x8E", "E0 00"),
    (V3_1_1, "AUTH rc=0x18 authentication-method=m", ""),
];

fn read(version: Version, bytes: &[u8]) -> Result<String, String> {
    let frame =
        frame::cut(bytes, usize::MAX).map_err(|fault| format!("{fault:?}"))?.ok_or("not all there")?;
    if frame.len() != bytes.len() {
        return Err("bytes are left".into());
    }
    let packet = decode(version, frame).map_err(|fault| format!("{fault:?}"))?;
    Ok(full(&packet).to_string())
}

#[test]
fn packets_are_read() {
    for (version, row, line) in BOTH.iter().chain(READ) {
        assert_eq!(read(*version, &bytes(row)).as_deref(), Ok(*line), "{row}");
    }
}

#[test]
fn packets_are_written() {
    let written = WRITTEN.iter().map(|(version, line, row)| (version, row, line));
    for (version, row, line) in BOTH.iter().map(|(version, row, line)| (version, row, line)).chain(written) {
        assert_eq!(parse(*version, line), Ok(bytes(row)), "{line}");
    }
}

#[test]
fn a_part_of_a_packet_is_not_yet_one() {
    for (_, row, _) in BOTH.iter().chain(READ) {
        let bytes = bytes(row);
        for len in 0..bytes.len() {
            assert_eq!(frame::cut(&bytes[..len], usize::MAX), Ok(None), "{len} bytes of {row}");
        }
    }
}

/// The length has one to four bytes, as little as it needs.
#[test]
fn the_length_is_as_short_as_can_be() {
    for (payload, header) in [
        (124, "30 7F"),
        (125, "30 80 01"),
        (16_380, "30 FF 7F"),
        (16_381, "30 80 80 01"),
        (2_097_148, "30 FF FF 7F"),
        (2_097_149, "30 80 80 80 01"),
    ] {
        let line = format!("PUBLISH topic=a payload={}", "x".repeat(payload));
        let written = parse(V3_1_1, &line).unwrap();
        // [v5 MQTT-1.5.5-1]
        assert!(written.starts_with(&bytes(header)), "{payload} bytes");
        assert_eq!(written.len(), bytes(header).len() + 3 + payload);
        assert_eq!(read(V3_1_1, &written).as_deref(), Ok(line.as_str()));
    }
}
