//! What the standards refuse, as bytes written by hand, with the reason code that is due.
//!
//! Each row is one fault in a packet that is right otherwise. Between quotes are ASCII letters, the rest is hexadecimal.

use super::packet::Version::{self, V3_1, V3_1_1, V5};
use super::reason::Reason;
use super::{decode, decode_connect, frame};

/// The bytes of a row.
pub(crate) fn bytes(row: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (position, part) in row.split('\'').enumerate() {
        if position % 2 == 1 {
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        bytes.extend(part.split_whitespace().map(|pair| u8::from_str_radix(pair, 16).unwrap()));
    }
    bytes
}

const MALFORMED: Reason = Reason::MALFORMED_PACKET;
const PROTOCOL: Reason = Reason::PROTOCOL_ERROR;
const VERSION: Reason = Reason::UNSUPPORTED_PROTOCOL_VERSION;
const TOPIC: Reason = Reason::TOPIC_NAME_INVALID;
const ALIAS: Reason = Reason::TOPIC_ALIAS_INVALID;

/// CONNECT, which names its version itself.
const CONNECT: &[(&str, Reason)] = &[
    // Another packet first.
    ("C0 00", PROTOCOL),
    // [v3 MQTT-2.2.2-2]
    ("11 0D 00 04 'MQTT' 04 02 00 3C 00 01 'a'", MALFORMED),
    // [v3 MQTT-3.1.2-2]
    ("10 0D 00 04 'MQTT' 03 02 00 3C 00 01 'a'", VERSION),
    ("10 0F 00 06 'MQIsdp' 04 02 00 3C 00 01 'a'", VERSION),
    // [v5 MQTT-3.1.2-2]
    ("10 0E 00 04 'MQTT' 06 02 00 3C 00 00 01 'a'", VERSION),
    // MQTT 5 has no bit for bridges.
    ("10 0E 00 04 'MQTT' 85 02 00 3C 00 00 01 'a'", VERSION),
    // [v3 MQTT-3.1.2-1]
    ("10 0D 00 04 'MQXX' 04 02 00 3C 00 01 'a'", PROTOCOL),
    ("10 0D 00 04 'mqtt' 04 02 00 3C 00 01 'a'", PROTOCOL),
    // [v5 MQTT-3.1.2-1]
    ("10 0E 00 04 'MQXX' 05 02 00 3C 00 00 01 'a'", PROTOCOL),
    // [v3 MQTT-3.1.2-3]
    ("10 0D 00 04 'MQTT' 04 03 00 3C 00 01 'a'", MALFORMED),
    // [v5 MQTT-3.1.2-3]
    ("10 0E 00 04 'MQTT' 05 03 00 3C 00 00 01 'a'", MALFORMED),
    // [v3 MQTT-3.1.2-13] [v3 MQTT-3.1.2-11]
    ("10 0D 00 04 'MQTT' 04 0A 00 3C 00 01 'a'", MALFORMED),
    // [v3 MQTT-3.1.2-15]
    ("10 0D 00 04 'MQTT' 04 22 00 3C 00 01 'a'", MALFORMED),
    // [v3 MQTT-3.1.2-14]
    ("10 12 00 04 'MQTT' 04 1E 00 0A 00 01 'i' 00 01 't' 00 00", MALFORMED),
    // [v5 MQTT-3.1.2-11]
    ("10 0E 00 04 'MQTT' 05 12 00 3C 00 00 01 'a'", MALFORMED),
    // [v5 MQTT-3.1.2-13]
    ("10 0E 00 04 'MQTT' 05 22 00 3C 00 00 01 'a'", MALFORMED),
    // [v5 MQTT-3.1.2-12]
    ("10 13 00 04 'MQTT' 05 1E 00 0A 00 00 01 'i' 00 00 01 't' 00", MALFORMED),
    // [v3 MQTT-3.1.2-22]: a password without a user name, in 3.1.1 and 3.1.
    ("10 10 00 04 'MQTT' 04 42 00 3C 00 01 'a' 00 01 'p'", MALFORMED),
    ("10 12 00 06 'MQIsdp' 03 42 00 3C 00 01 'a' 00 01 'p'", MALFORMED),
    // [v3 MQTT-3.1.2-9]: the will is announced and missing.
    ("10 0D 00 04 'MQTT' 04 06 00 3C 00 01 'a'", MALFORMED),
    ("10 10 00 04 'MQTT' 04 06 00 3C 00 01 'a' 00 01 't'", MALFORMED),
    // [v5 MQTT-3.1.2-9]
    ("10 0E 00 04 'MQTT' 05 06 00 3C 00 00 01 'a'", MALFORMED),
    ("10 0F 00 04 'MQTT' 05 06 00 3C 00 00 01 'a' 00", MALFORMED),
    // [v3 MQTT-3.1.2-19]
    ("10 0D 00 04 'MQTT' 04 82 00 3C 00 01 'a'", MALFORMED),
    // [v3 MQTT-3.1.2-21]
    ("10 10 00 04 'MQTT' 04 C2 00 3C 00 01 'a' 00 01 'u'", MALFORMED),
    // [v3 MQTT-3.1.2-18] [v3 MQTT-3.1.2-20]: fields that no flag announces.
    ("10 10 00 04 'MQTT' 04 02 00 3C 00 01 'a' 00 01 'u'", MALFORMED),
    // [v5 MQTT-3.1.2-17]
    ("10 0E 00 04 'MQTT' 05 82 00 3C 00 00 01 'a'", MALFORMED),
    // [v5 MQTT-3.1.2-19]
    ("10 0E 00 04 'MQTT' 05 42 00 3C 00 00 01 'a'", MALFORMED),
    // [v5 MQTT-3.1.2-16] [v5 MQTT-3.1.2-18]
    ("10 11 00 04 'MQTT' 05 02 00 3C 00 00 01 'a' 00 01 'u'", MALFORMED),
    // [v3 MQTT-3.1.3-3]
    ("10 0A 00 04 'MQTT' 04 02 00 3C", MALFORMED),
    // [v5 MQTT-3.1.3-3]
    ("10 0B 00 04 'MQTT' 05 02 00 3C 00", MALFORMED),
    // [v3 MQTT-3.1.3-4]
    ("10 0D 00 04 'MQTT' 04 02 00 3C 00 01 FF", MALFORMED),
    // [v5 MQTT-3.1.3-4]
    ("10 0E 00 04 'MQTT' 05 02 00 3C 00 00 01 FF", MALFORMED),
    // [v3 MQTT-3.1.3-10]
    ("10 12 00 04 'MQTT' 04 06 00 0A 00 01 'i' 00 01 FF 00 00", MALFORMED),
    // [v5 MQTT-3.1.3-11]
    ("10 14 00 04 'MQTT' 05 06 00 0A 00 00 01 'i' 00 00 01 FF 00 00", MALFORMED),
    // [v3 MQTT-3.1.3-11]
    ("10 10 00 04 'MQTT' 04 82 00 3C 00 01 'a' 00 01 FF", MALFORMED),
    // [v5 MQTT-3.1.3-12]
    ("10 11 00 04 'MQTT' 05 82 00 3C 00 00 01 'a' 00 01 FF", MALFORMED),
    // [v3 MQTT-1.5.3-2]
    ("10 0D 00 04 'MQTT' 04 02 00 3C 00 01 00", MALFORMED),
    // Authentication data without a method.
    ("10 12 00 04 'MQTT' 05 02 00 3C 04 16 00 01 'd' 00 01 'a'", PROTOCOL),
    // A property of another packet, and the will's among those of CONNECT and the other way round.
    ("10 10 00 04 'MQTT' 05 02 00 3C 02 01 01 00 01 'a'", MALFORMED),
    ("10 13 00 04 'MQTT' 05 02 00 3C 05 18 00 00 00 01 00 01 'a'", MALFORMED),
    ("10 19 00 04 'MQTT' 05 06 00 0A 00 00 01 'i' 05 11 00 00 00 01 00 01 't' 00 00", MALFORMED),
    // The property length passes the packet.
    ("10 0E 00 04 'MQTT' 05 02 00 3C 7F 00 01 'a'", MALFORMED),
    // Values that are not allowed: Receive Maximum, Maximum Packet Size, the two requests.
    ("10 11 00 04 'MQTT' 05 02 00 3C 03 21 00 00 00 01 'a'", PROTOCOL),
    ("10 13 00 04 'MQTT' 05 02 00 3C 05 27 00 00 00 00 00 01 'a'", PROTOCOL),
    ("10 10 00 04 'MQTT' 05 02 00 3C 02 17 02 00 01 'a'", PROTOCOL),
    ("10 10 00 04 'MQTT' 05 02 00 3C 02 19 02 00 01 'a'", PROTOCOL),
    // Once only.
    ("10 18 00 04 'MQTT' 05 02 00 3C 0A 11 00 00 00 01 11 00 00 00 01 00 01 'a'", PROTOCOL),
    // [v5 MQTT-1.5.5-1]: a property length of 0 in two bytes.
    ("10 0F 00 04 'MQTT' 05 02 00 3C 80 00 00 01 'a'", MALFORMED),
];

/// The other packets of 3.1 and 3.1.1.
const V3: &[(Version, &str, Reason)] = &[
    // Types that do not exist.
    (V3_1_1, "00 00", MALFORMED),
    (V3_1_1, "F0 00", MALFORMED),
    // [v3 MQTT-2.2.2-2]: flags that are reserved, packet by packet.
    (V3_1_1, "21 02 00 00", MALFORMED),
    (V3_1_1, "41 02 00 0A", MALFORMED),
    (V3_1_1, "52 02 00 0A", MALFORMED),
    (V3_1_1, "71 02 00 0A", MALFORMED),
    (V3_1_1, "91 03 00 0A 00", MALFORMED),
    (V3_1_1, "B1 02 00 0A", MALFORMED),
    (V3_1_1, "C1 00", MALFORMED),
    (V3_1_1, "D1 00", MALFORMED),
    // [v3 MQTT-3.6.1-1]: DUP too, which only 3.1 has.
    (V3_1_1, "60 02 00 0A", MALFORMED),
    (V3_1_1, "6A 02 00 0A", MALFORMED),
    // [v3 MQTT-3.8.1-1]
    (V3_1_1, "80 06 00 0A 00 01 'a' 00", MALFORMED),
    (V3_1_1, "8A 06 00 0A 00 01 'a' 00", MALFORMED),
    // [v3 MQTT-3.10.1-1]
    (V3_1_1, "A0 05 00 0A 00 01 'a'", MALFORMED),
    (V3_1_1, "AA 05 00 0A 00 01 'a'", MALFORMED),
    // [v3 MQTT-3.14.1-1]
    (V3_1_1, "E1 00", MALFORMED),
    (V3_1_1, "E8 00", MALFORMED),
    // Too short and too long; mqttrs panics on some of these.
    (V3_1_1, "20 00", MALFORMED),
    (V3_1_1, "20 01 00", MALFORMED),
    (V3_1_1, "20 03 00 00 00", MALFORMED),
    (V3_1_1, "40 00", MALFORMED),
    (V3_1_1, "40 01 00", MALFORMED),
    (V3_1_1, "40 03 00 0A 00", MALFORMED),
    (V3_1_1, "82 00", MALFORMED),
    (V3_1_1, "82 05 00 0A 00 01 'a'", MALFORMED),
    (V3_1_1, "82 06 00 0A 00 03 'a' 01", MALFORMED),
    (V3_1_1, "90 00", MALFORMED),
    (V3_1_1, "A2 04 00 0A 00 01", MALFORMED),
    (V3_1_1, "B0 00", MALFORMED),
    (V3_1_1, "C0 01 00", MALFORMED),
    (V3_1_1, "D0 01 00", MALFORMED),
    (V3_1_1, "E0 01 00", MALFORMED),
    (V3_1_1, "30 00", MALFORMED),
    (V3_1_1, "30 03 00 02 'a'", MALFORMED),
    (V3_1_1, "32 03 00 01 'a'", MALFORMED),
    // [v3 MQTT-2.3.1-1]: packet identifier 0.
    (V3_1_1, "32 05 00 01 'a' 00 00", PROTOCOL),
    (V3_1_1, "34 05 00 01 'a' 00 00", PROTOCOL),
    (V3_1_1, "82 06 00 00 00 01 'a' 00", PROTOCOL),
    (V3_1_1, "A2 05 00 00 00 01 'a'", PROTOCOL),
    (V3_1_1, "40 02 00 00", PROTOCOL),
    (V3_1_1, "62 02 00 00", PROTOCOL),
    (V3_1_1, "90 03 00 00 00", PROTOCOL),
    // [v3 MQTT-3.3.1-4]
    (V3_1_1, "36 05 00 01 'a' 00 0A", MALFORMED),
    // [v3 MQTT-3.3.1-2]
    (V3_1_1, "38 03 00 01 'a'", MALFORMED),
    // [v3 MQTT-3.3.2-2] [v3 MQTT-4.7.1-1]
    (V3_1_1, "30 03 00 01 '#'", TOPIC),
    (V3_1_1, "30 05 00 03 'a/+'", TOPIC),
    // [v3 MQTT-4.7.3-1]
    (V3_1_1, "30 02 00 00", PROTOCOL),
    // [v3 MQTT-3.3.2-1] [v3 MQTT-1.5.3-1]: no UTF-8; a surrogate; a code point in more bytes than it needs.
    (V3_1_1, "30 03 00 01 FF", MALFORMED),
    (V3_1_1, "30 05 00 03 ED A0 80", MALFORMED),
    (V3_1_1, "30 04 00 02 C0 AF", MALFORMED),
    // [v3 MQTT-1.5.3-2] [v3 MQTT-4.7.3-2]
    (V3_1_1, "30 05 00 03 'a' 00 'b'", MALFORMED),
    (V3_1_1, "82 08 00 0A 00 03 'a' 00 'b' 00", MALFORMED),
    (V3_1_1, "A2 07 00 0A 00 03 'a' 00 'b'", MALFORMED),
    // [v3 MQTT-3.8.3-1]
    (V3_1_1, "82 06 00 0A 00 01 FF 00", MALFORMED),
    // [v3 MQTT-3.10.3-1]
    (V3_1_1, "A2 05 00 0A 00 01 FF", MALFORMED),
    // [v3 MQTT-3.8.3-3]
    (V3_1_1, "82 02 00 0A", PROTOCOL),
    (V3_1, "8A 02 00 0A", PROTOCOL),
    // [v3 MQTT-3.10.3-2]
    (V3_1_1, "A2 02 00 0A", PROTOCOL),
    // [v3 MQTT-3.8.3-4]
    (V3_1_1, "82 06 00 0A 00 01 'a' 03", MALFORMED),
    (V3_1_1, "82 06 00 0A 00 01 'a' 04", MALFORMED),
    (V3_1_1, "82 06 00 0A 00 01 'a' 81", MALFORMED),
    // [v3 MQTT-3.9.3-2]
    (V3_1_1, "90 03 00 0A 03", MALFORMED),
    (V3_1_1, "90 03 00 0A 87", MALFORMED),
    (V3_1_1, "90 02 00 0A", PROTOCOL),
    // Return codes and flags of CONNACK that are reserved.
    (V3_1_1, "20 02 00 06", MALFORMED),
    (V3_1_1, "20 02 02 00", MALFORMED),
];

/// The other packets of MQTT 5.
const FIVE: &[(&str, Reason)] = &[
    ("00 00", MALFORMED),
    // [v5 MQTT-2.1.3-1]
    ("21 03 00 00 00", MALFORMED),
    ("41 02 00 0A", MALFORMED),
    ("52 02 00 0A", MALFORMED),
    ("71 02 00 0A", MALFORMED),
    ("91 04 00 0A 00 00", MALFORMED),
    ("B1 04 00 0A 00 00", MALFORMED),
    ("C1 00", MALFORMED),
    ("D1 00", MALFORMED),
    // [v5 MQTT-3.6.1-1]
    ("60 02 00 0A", MALFORMED),
    ("6A 02 00 0A", MALFORMED),
    // [v5 MQTT-3.8.1-1]
    ("80 07 00 0A 00 00 01 'a' 00", MALFORMED),
    ("8A 07 00 0A 00 00 01 'a' 00", MALFORMED),
    // [v5 MQTT-3.10.1-1]
    ("A0 06 00 0A 00 00 01 'a'", MALFORMED),
    // [v5 MQTT-3.14.1-1]
    ("E1 00", MALFORMED),
    // [v5 MQTT-3.15.1-1]
    ("F1 00", MALFORMED),
    // Too short and too long. [v5 MQTT-2.2.2-1]: a property length is always there.
    ("20 02 00 00", MALFORMED),
    ("20 04 00 00 00 00", MALFORMED),
    ("30 03 00 01 'a'", MALFORMED),
    ("30 04 00 01 'a' 01", MALFORMED),
    ("32 05 00 01 'a' 00 0A", MALFORMED),
    ("40 00", MALFORMED),
    ("40 01 00", MALFORMED),
    ("40 05 00 0A 00 00 00", MALFORMED),
    ("82 02 00 0A", MALFORMED),
    ("82 06 00 0A 00 00 01 'a'", MALFORMED),
    ("90 02 00 0A", MALFORMED),
    ("A2 02 00 0A", MALFORMED),
    ("B0 02 00 0A", MALFORMED),
    ("C0 01 00", MALFORMED),
    ("D0 01 00", MALFORMED),
    ("E0 03 00 00 00", MALFORMED),
    ("F0 01 18", MALFORMED),
    // [v5 MQTT-2.2.1-3]: packet identifier 0.
    ("32 06 00 01 'a' 00 00 00", PROTOCOL),
    ("40 02 00 00", PROTOCOL),
    ("82 07 00 00 00 00 01 'a' 00", PROTOCOL),
    ("A2 06 00 00 00 00 01 'a'", PROTOCOL),
    // [v5 MQTT-3.3.1-4]
    ("36 06 00 01 'a' 00 0A 00", MALFORMED),
    // [v5 MQTT-3.3.1-2]
    ("38 04 00 01 'a' 00", MALFORMED),
    // [v5 MQTT-3.3.2-2] [v5 MQTT-4.7.0-1]
    ("30 04 00 01 '#' 00", TOPIC),
    ("30 06 00 03 'a/+' 00", TOPIC),
    // [v5 MQTT-4.7.3-1]: neither topic nor alias.
    ("30 03 00 00 00", PROTOCOL),
    // [v5 MQTT-3.3.2-8]
    ("30 07 00 01 'a' 03 23 00 00", ALIAS),
    // [v5 MQTT-3.3.2-1] [v5 MQTT-1.5.4-1]
    ("30 04 00 01 FF 00", MALFORMED),
    ("30 06 00 03 ED A0 80 00", MALFORMED),
    ("30 06 00 03 ED BF BF 00", MALFORMED),
    ("30 05 00 02 C0 AF 00", MALFORMED),
    ("30 07 00 04 F4 90 80 80 00", MALFORMED),
    // [v5 MQTT-1.5.4-2] [v5 MQTT-4.7.3-2]
    ("30 06 00 03 'a' 00 'b' 00", MALFORMED),
    ("82 08 00 0A 00 00 02 'a' 00 00", MALFORMED),
    // [v5 MQTT-3.3.2-13]
    ("30 08 00 01 'a' 04 08 00 01 FF", MALFORMED),
    // [v5 MQTT-3.3.2-14]
    ("30 08 00 01 'a' 04 08 00 01 '#'", PROTOCOL),
    ("30 07 00 01 'a' 03 08 00 00", PROTOCOL),
    // [v5 MQTT-3.3.2-19]
    ("30 08 00 01 'a' 04 03 00 01 FF", MALFORMED),
    // [v5 MQTT-1.5.7-1]: the name and the value of a user property.
    ("30 0B 00 01 'a' 07 26 00 01 FF 00 01 'v'", MALFORMED),
    ("30 0B 00 01 'a' 07 26 00 01 'k' 00 01 00", MALFORMED),
    // Values, repetition, unknown properties, and those of other packets.
    ("30 06 00 01 'a' 02 01 02", PROTOCOL),
    ("30 08 00 01 'a' 04 01 00 01 00", PROTOCOL),
    ("30 06 00 01 'a' 02 0B 00", PROTOCOL),
    ("30 05 00 01 'a' 01 04", MALFORMED),
    ("30 06 00 01 'a' 02 81 00", MALFORMED),
    ("30 09 00 01 'a' 05 11 00 00 00 01", MALFORMED),
    ("30 08 00 01 'a' 04 02 00 00 00", MALFORMED),
    // [v5 MQTT-1.5.5-1]
    ("30 05 00 01 'a' 80 00", MALFORMED),
    ("30 07 00 01 'a' 03 0B 81 00", MALFORMED),
    ("30 0A 00 01 'a' 06 0B 80 80 80 80 01", MALFORMED),
    // Each reason code in its packet: [v5 MQTT-3.2.2-8]
    ("20 03 00 01 00", PROTOCOL),
    // [v5 MQTT-3.4.2-1]
    ("40 03 00 0A 92", PROTOCOL),
    // [v5 MQTT-3.5.2-1]
    ("50 03 00 0A 01", PROTOCOL),
    // [v5 MQTT-3.6.2-1]
    ("62 03 00 0A 10", PROTOCOL),
    // [v5 MQTT-3.7.2-1]
    ("70 03 00 0A 80", PROTOCOL),
    // [v5 MQTT-3.9.3-2]
    ("90 04 00 0A 00 03", PROTOCOL),
    // [v5 MQTT-3.11.3-2]
    ("B0 04 00 0A 00 01", PROTOCOL),
    // [v5 MQTT-3.14.2-1]
    ("E0 01 01", PROTOCOL),
    // [v5 MQTT-3.15.2-1]
    ("F0 06 01 04 15 00 01 'm'", PROTOCOL),
    // SUBACK and UNSUBACK without a code.
    ("90 03 00 0A 00", PROTOCOL),
    ("B0 03 00 0A 00", PROTOCOL),
    // [v5 MQTT-3.2.2-1]
    ("20 03 02 00 00", MALFORMED),
    // CONNACK: Maximum QoS is 0 or 1; Receive Maximum is not 0.
    ("20 05 00 00 02 24 02", PROTOCOL),
    ("20 06 00 00 03 21 00 00", PROTOCOL),
    // [v5 MQTT-3.8.3-1]
    ("82 07 00 0A 00 00 01 FF 00", MALFORMED),
    // [v5 MQTT-3.8.3-2]
    ("82 03 00 0A 00", PROTOCOL),
    // [v5 MQTT-3.8.3-4]
    ("82 10 00 0A 00 00 0A '$share/g/a' 04", PROTOCOL),
    // [v5 MQTT-3.8.3-5]
    ("82 07 00 0A 00 00 01 'a' 40", MALFORMED),
    ("82 07 00 0A 00 00 01 'a' 80", MALFORMED),
    // QoS 3, Retain Handling 3, two identifiers.
    ("82 07 00 0A 00 00 01 'a' 03", PROTOCOL),
    ("82 07 00 0A 00 00 01 'a' 30", PROTOCOL),
    ("82 0B 00 0A 04 0B 01 0B 02 00 01 'a' 00", PROTOCOL),
    // [v5 MQTT-3.10.3-1]
    ("A2 06 00 0A 00 00 01 FF", MALFORMED),
    // [v5 MQTT-3.10.3-2]
    ("A2 03 00 0A 00", PROTOCOL),
    // AUTH names its method.
    ("F0 02 18 00", PROTOCOL),
];

fn reason(version: Version, row: &str) -> Option<Reason> {
    let bytes = bytes(row);
    let frame = frame::cut(&bytes, usize::MAX).unwrap().expect(row);
    assert_eq!(frame.len(), bytes.len(), "{row}");
    decode(version, frame).err().map(|fault| fault.reason)
}

#[test]
fn a_malformed_connect_is_refused() {
    for (row, due) in CONNECT {
        let bytes = bytes(row);
        let frame = frame::cut(&bytes, usize::MAX).unwrap().expect(row);
        assert_eq!(frame.len(), bytes.len(), "{row}");
        let reason = decode_connect(frame).err().map(|fault| fault.reason);
        assert_eq!(reason, Some(*due), "{row}");
    }
}

#[test]
fn malformed_packets_of_3_are_refused() {
    for (version, row, due) in V3 {
        assert_eq!(reason(*version, row), Some(*due), "{row}");
    }
}

#[test]
fn malformed_packets_of_5_are_refused() {
    for (row, due) in FIVE {
        assert_eq!(reason(V5, row), Some(*due), "{row}");
    }
}
