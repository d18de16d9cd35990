//! Writes the data types of section 1.5.

/// The greatest Variable Byte Integer.
pub(super) const MAX_VARIABLE: usize = 268_435_455;

/// Bytes of a Variable Byte Integer.
pub(super) const fn variable_len(value: usize) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

pub(super) fn u8(value: u8, out: &mut Vec<u8>) {
    out.push(value);
}

pub(super) fn u16(value: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

pub(super) fn u32(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// A Variable Byte Integer; callers keep to [`MAX_VARIABLE`].
pub(super) fn variable(mut value: usize, out: &mut Vec<u8>) {
    debug_assert!(value <= MAX_VARIABLE, "packets are measured before they are written");
    while value > 0x7F {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7F) as u8);
}

/// Binary data of at most 65,535 bytes, which callers have checked; the rest is cut off.
pub(super) fn binary(bytes: &[u8], out: &mut Vec<u8>) {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&bytes[..len.into()]);
}

pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    binary(text.as_bytes(), out);
}
