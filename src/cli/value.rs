//! Values that flags are made of, and how they are written.

use std::time::Duration;

/// A number of bytes: digits, with `K`, `M` or `G` for multiples of 1,024.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1 << 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1 << 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let number: usize = digits.parse().map_err(|_| "expected bytes, such as 65536, 64K or 16M".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "more bytes than this machine can count".to_owned())
}

/// Seconds, with a fraction if need be: `5`, `0.25`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "expected seconds, such as 5 or 0.25".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|_| "expected seconds, from 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{bytes, seconds};
    use std::time::Duration;

    #[test]
    fn sizes_take_units() {
        assert_eq!(bytes("0"), Ok(0));
        assert_eq!(bytes("64K"), Ok(65_536));
        assert_eq!(bytes("16m"), Ok(16 << 20));
        assert_eq!(bytes("1G"), Ok(1 << 30));
        for bad in ["", "K", "-1", "1.5M", "1T", "99999999999999999999", "18446744073709551615K"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn seconds_take_fractions_and_no_sign() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for bad in ["", "-1", "x", "nan", "inf"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
