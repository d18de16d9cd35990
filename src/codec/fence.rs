//! A fence round `mqttrs`: it lets one whole, well-shaped MQTT 3.1.1 frame through, and nothing else.
//!
//! `mqttrs` 0.4.1 indexes past the end of short frames, reads on into the next frame, and takes several packets that the
//! standard refuses. So the shape of a frame is checked here first. This file needs `core` and `mqttrs` alone, without
//! `std`, so that the firmware stands behind the same fence. CONNECT is checked for what a server must refuse.

use core::fmt;
use core::mem::size_of;

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The fixed header's length is not that of the frame.
    Length,
    /// Flags that are reserved are not as the standard wants them.
    Flags,
    /// The packet ends too early, or goes on after its end.
    Shape,
    /// A packet identifier is 0.
    PacketId,
    /// A string is not UTF-8 or contains U+0000.
    String,
    /// One publishes to a topic name without wildcards.
    Topic,
    /// A QoS of 3, or a return code that is reserved.
    Value,
    /// SUBSCRIBE or UNSUBSCRIBE without a filter, SUBACK without a return code.
    Empty,
    /// The protocol name and level are none that this side knows.
    Protocol,
    /// A topic filter has more bytes than `mqttrs` has room for without `std`.
    TooLong,
    /// `mqttrs` refused what the fence let through.
    Refused,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl Fault {
    /// The fault in words.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::Length => "the length is not that of the packet",
            Self::Flags => "reserved flags are set",
            Self::Shape => "the packet ends too early, or goes on after its end",
            Self::PacketId => "the packet identifier is 0",
            Self::String => "a string is not UTF-8 or contains U+0000",
            Self::Topic => "the topic is not a topic name",
            Self::Value => "a value is reserved",
            Self::Empty => "there is no topic filter, or no return code",
            Self::Protocol => "the protocol is unknown",
            Self::TooLong => "a topic filter is longer than this side has room for",
            Self::Refused => "the packet is malformed",
        }
    }
}

/// Decodes exactly one frame, its fixed header included.
///
/// # Errors
/// When the frame is not one well-formed packet of MQTT 3.1.1.
pub(crate) fn decode(frame: &[u8]) -> Result<mqttrs::Packet<'_>, Fault> {
    let (first, mut body) = split(frame)?;
    check(first, &mut body)?;
    match mqttrs::decode_slice(frame) {
        Ok(Some(packet)) => Ok(packet),
        Err(mqttrs::Error::InvalidString(_)) => Err(Fault::String),
        Ok(None) | Err(_) => Err(Fault::Refused),
    }
}

/// The first byte and the body, if the length between them is right.
fn split(frame: &[u8]) -> Result<(u8, &[u8]), Fault> {
    let (first, rest) = frame.split_first().ok_or(Fault::Length)?;
    let mut len = 0_usize;
    for (position, byte) in rest.iter().take(4).enumerate() {
        len |= usize::from(byte & 0x7F) << (7 * position);
        if byte & 0x80 == 0 {
            let body = rest.get(position + 1..).unwrap_or_default();
            let shortest = position == 0 || *byte != 0;
            return if body.len() == len && shortest { Ok((*first, body)) } else { Err(Fault::Length) };
        }
    }
    Err(Fault::Length)
}

fn check(first: u8, body: &mut &[u8]) -> Result<(), Fault> {
    let flags = first & 0x0F;
    let wanted = match first >> 4 {
        3 => flags,
        6 | 8 | 10 => 0b0010,
        _ => 0,
    };
    if flags != wanted {
        return Err(Fault::Flags); // [v3 MQTT-2.2.2-2]
    }
    match first >> 4 {
        1 => connect(body)?,
        2 => connack(body)?,
        3 => return publish(flags, body),
        4..=7 | 11 => packet_id(body)?,
        8 => {
            packet_id(body)?;
            filters(body, true)?;
        }
        9 => {
            packet_id(body)?;
            if body.is_empty() {
                return Err(Fault::Empty);
            }
            // [v3 MQTT-3.9.3-2]
            if !core::mem::take(body).iter().all(|code| matches!(code, 0..=2 | 0x80)) {
                return Err(Fault::Value);
            }
        }
        10 => {
            packet_id(body)?;
            filters(body, false)?;
        }
        12..=14 => {}
        _ => return Err(Fault::Value),
    }
    if body.is_empty() { Ok(()) } else { Err(Fault::Shape) }
}

fn take<'a>(body: &mut &'a [u8], count: usize) -> Result<&'a [u8], Fault> {
    let (head, rest) = body.split_at_checked(count).ok_or(Fault::Shape)?;
    *body = rest;
    Ok(head)
}

fn number(body: &mut &[u8]) -> Result<u16, Fault> {
    let bytes = take(body, 2)?;
    Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn binary<'a>(body: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let len = number(body)?;
    take(body, len.into())
}

fn string<'a>(body: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let bytes = binary(body)?;
    // mqttrs looks at the UTF-8, but not at this [v3 MQTT-1.5.3-2].
    if bytes.contains(&0) { Err(Fault::String) } else { Ok(bytes) }
}

fn packet_id(body: &mut &[u8]) -> Result<(), Fault> {
    if number(body)? == 0 { Err(Fault::PacketId) } else { Ok(()) }
}

/// Without `std` mqttrs keeps a filter in an array of 256 bytes and panics on a longer one. Its features cannot be asked
/// from here, but the array shows in the size of what holds it.
const LONGEST_FILTER: usize = if size_of::<mqttrs::SubscribeTopic>() > 256 { 256 } else { u16::MAX as usize };

fn filters(body: &mut &[u8], with_qos: bool) -> Result<(), Fault> {
    if body.is_empty() {
        return Err(Fault::Empty); // [v3 MQTT-3.8.3-3] [v3 MQTT-3.10.3-2]
    }
    while !body.is_empty() {
        if string(body)?.len() > LONGEST_FILTER {
            return Err(Fault::TooLong);
        }
        // [v3 MQTT-3.8.3-4]
        if with_qos && take(body, 1)?[0] > 2 {
            return Err(Fault::Value);
        }
    }
    Ok(())
}

fn publish(flags: u8, body: &mut &[u8]) -> Result<(), Fault> {
    let qos = (flags >> 1) & 3;
    // [v3 MQTT-3.3.1-4]; DUP with QoS 0 [v3 MQTT-3.3.1-2].
    if qos == 3 || (qos == 0 && flags & 0b1000 != 0) {
        return Err(Fault::Value);
    }
    let topic = string(body)?;
    if topic.is_empty() || topic.iter().any(|byte| matches!(byte, b'+' | b'#')) {
        return Err(Fault::Topic); // [v3 MQTT-3.3.2-2] [v3 MQTT-4.7.3-1]
    }
    if qos > 0 { packet_id(body) } else { Ok(()) }
}

fn connack(body: &mut &[u8]) -> Result<(), Fault> {
    let bytes = take(body, 2)?;
    if bytes[0] > 1 || bytes[1] > 5 { Err(Fault::Value) } else { Ok(()) }
}

fn connect(body: &mut &[u8]) -> Result<(), Fault> {
    let name = string(body)?;
    let level = take(body, 1)?[0];
    if !matches!((name, level), (b"MQTT", 4) | (b"MQIsdp", 3)) {
        return Err(Fault::Protocol);
    }
    let flags = take(body, 1)?[0];
    let (will, name, password) = (flags & 0x04 != 0, flags & 0x80 != 0, flags & 0x40 != 0);
    if flags & 0x01 != 0 || (password && !name) || (!will && flags & 0x38 != 0) || flags & 0x18 == 0x18 {
        return Err(Fault::Flags);
    }
    number(body)?;
    string(body)?;
    if will {
        string(body)?;
        binary(body)?;
    }
    if name {
        string(body)?;
    }
    if password {
        binary(body)?;
    }
    Ok(())
}
