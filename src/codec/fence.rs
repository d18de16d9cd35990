//! A fence around `mqttrs`: only one complete, well-formed MQTT 3.1.1 frame gets through.
//!
//! `mqttrs` 0.4.1 indexes past the end of short frames, reads on into the next frame, and accepts several packets that the
//! standard forbids. So frames are checked here first. This file needs only `core` and `mqttrs`, so that the firmware can use
//! it as well. CONNECT is checked for what a server must refuse.

use core::fmt;
use core::mem::size_of;

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameFault {
    /// The length in the fixed header is not that of the frame.
    Length,
    /// Reserved flags have another value than the standard requires.
    Flags,
    /// The packet is too short, or bytes follow after its end.
    Shape,
    /// A packet identifier is 0.
    PacketId,
    /// A string is not UTF-8 or contains U+0000.
    String,
    /// The topic of a PUBLISH is empty or has wildcards.
    Topic,
    /// A QoS of 3, or a return code that is reserved.
    Value,
    /// SUBSCRIBE or UNSUBSCRIBE without a filter, SUBACK without a return code.
    Empty,
    /// Protocol name and level are unknown.
    Protocol,
    /// A topic filter is longer than `mqttrs` can store without `std`.
    TooLong,
    /// `mqttrs` refused the packet.
    Refused,
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl FrameFault {
    /// A description for log lines.
    pub(crate) const fn detail(self) -> &'static str {
        match self {
            Self::Length => "the length is not that of the packet",
            Self::Flags => "reserved flags are set",
            Self::Shape => "the packet is too short, or bytes follow after its end",
            Self::PacketId => "the packet identifier is 0",
            Self::String => "a string is not UTF-8 or contains U+0000",
            Self::Topic => "the topic is not a topic name",
            Self::Value => "a value is reserved",
            Self::Empty => "there is no topic filter, or no return code",
            Self::Protocol => "the protocol is unknown",
            Self::TooLong => "a topic filter is too long",
            Self::Refused => "the packet is malformed",
        }
    }
}

/// Decodes exactly one frame, its fixed header included.
///
/// # Errors
/// When the frame is not one well-formed packet of MQTT 3.1.1.
pub(crate) fn decode(frame: &[u8]) -> Result<mqttrs::Packet<'_>, FrameFault> {
    let (first, mut body) = split(frame)?;
    check(first, &mut body)?;
    match mqttrs::decode_slice(frame) {
        Ok(Some(packet)) => Ok(packet),
        Err(mqttrs::Error::InvalidString(_)) => Err(FrameFault::String),
        Ok(None) | Err(_) => Err(FrameFault::Refused),
    }
}

/// The first byte and the body, if the length between them is right.
fn split(frame: &[u8]) -> Result<(u8, &[u8]), FrameFault> {
    let (first, rest) = frame.split_first().ok_or(FrameFault::Length)?;
    let mut len = 0_usize;
    for (position, byte) in rest.iter().take(4).enumerate() {
        len |= usize::from(byte & 0x7F) << (7 * position);
        if byte & 0x80 == 0 {
            let body = rest.get(position + 1..).unwrap_or_default();
            let shortest = position == 0 || *byte != 0;
            return if body.len() == len && shortest { Ok((*first, body)) } else { Err(FrameFault::Length) };
        }
    }
    Err(FrameFault::Length)
}

fn check(first: u8, body: &mut &[u8]) -> Result<(), FrameFault> {
    let flags = first & 0x0F;
    let wanted = match first >> 4 {
        3 => flags,
        6 | 8 | 10 => 0b0010,
        _ => 0,
    };
    if flags != wanted {
        return Err(FrameFault::Flags); // [v3 MQTT-2.2.2-2]
    }
    match first >> 4 {
        1 => connect(body)?,
        2 => connack(body)?,
        3 => return publish(flags, body),
        4..=7 | 11 => packet_id(body)?,
        8 => {
            packet_id(body)?;
            filters(body, qos)?;
        }
        9 => {
            packet_id(body)?;
            if body.is_empty() {
                return Err(FrameFault::Empty);
            }
            // [v3 MQTT-3.9.3-2]
            if !core::mem::take(body).iter().all(|code| matches!(code, 0..=2 | 0x80)) {
                return Err(FrameFault::Value);
            }
        }
        10 => {
            packet_id(body)?;
            filters(body, |_| Ok(()))?;
        }
        12..=14 => {}
        _ => return Err(FrameFault::Value),
    }
    if body.is_empty() { Ok(()) } else { Err(FrameFault::Shape) }
}

fn take<'a>(body: &mut &'a [u8], count: usize) -> Result<&'a [u8], FrameFault> {
    let (head, rest) = body.split_at_checked(count).ok_or(FrameFault::Shape)?;
    *body = rest;
    Ok(head)
}

fn number(body: &mut &[u8]) -> Result<u16, FrameFault> {
    let bytes = take(body, 2)?;
    Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn binary<'a>(body: &mut &'a [u8]) -> Result<&'a [u8], FrameFault> {
    let len = number(body)?;
    take(body, len.into())
}

fn string<'a>(body: &mut &'a [u8]) -> Result<&'a [u8], FrameFault> {
    let bytes = binary(body)?;
    // mqttrs checks the UTF-8, but not this [v3 MQTT-1.5.3-2].
    if bytes.contains(&0) { Err(FrameFault::String) } else { Ok(bytes) }
}

fn packet_id(body: &mut &[u8]) -> Result<(), FrameFault> {
    if number(body)? == 0 { Err(FrameFault::PacketId) } else { Ok(()) }
}

/// Without `std` mqttrs keeps a filter in an array of 256 bytes and panics on a longer one. Its features are not visible here,
/// but the size of the type shows whether it has the array.
const LONGEST_FILTER: usize = if size_of::<mqttrs::SubscribeTopic>() > 256 { 256 } else { u16::MAX as usize };

/// `rest` checks what follows each filter.
fn filters(body: &mut &[u8], rest: fn(&mut &[u8]) -> Result<(), FrameFault>) -> Result<(), FrameFault> {
    if body.is_empty() {
        return Err(FrameFault::Empty); // [v3 MQTT-3.8.3-3] [v3 MQTT-3.10.3-2]
    }
    while !body.is_empty() {
        if string(body)?.len() > LONGEST_FILTER {
            return Err(FrameFault::TooLong);
        }
        rest(body)?;
    }
    Ok(())
}

/// [v3 MQTT-3.8.3-4]
fn qos(body: &mut &[u8]) -> Result<(), FrameFault> {
    if take(body, 1)?[0] > 2 { Err(FrameFault::Value) } else { Ok(()) }
}

fn publish(flags: u8, body: &mut &[u8]) -> Result<(), FrameFault> {
    let qos = (flags >> 1) & 3;
    // [v3 MQTT-3.3.1-4]; DUP with QoS 0 [v3 MQTT-3.3.1-2].
    if qos == 3 || (qos == 0 && flags & 0b1000 != 0) {
        return Err(FrameFault::Value);
    }
    let topic = string(body)?;
    if topic.is_empty() || topic.iter().any(|byte| matches!(byte, b'+' | b'#')) {
        return Err(FrameFault::Topic); // [v3 MQTT-3.3.2-2] [v3 MQTT-4.7.3-1]
    }
    if qos > 0 { packet_id(body) } else { Ok(()) }
}

fn connack(body: &mut &[u8]) -> Result<(), FrameFault> {
    let bytes = take(body, 2)?;
    if bytes[0] > 1 || bytes[1] > 5 { Err(FrameFault::Value) } else { Ok(()) }
}

fn connect(body: &mut &[u8]) -> Result<(), FrameFault> {
    let name = string(body)?;
    let level = take(body, 1)?[0];
    if !matches!((name, level), (b"MQTT", 4) | (b"MQIsdp", 3)) {
        return Err(FrameFault::Protocol);
    }
    let flags = take(body, 1)?[0];
    let (will, name, password) = (flags & 0x04 != 0, flags & 0x80 != 0, flags & 0x40 != 0);
    if flags & 0x01 != 0 || (password && !name) || (!will && flags & 0x38 != 0) || flags & 0x18 == 0x18 {
        return Err(FrameFault::Flags);
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
