//! The subject of a certificate as text.

use openssl::x509::X509NameRef;

/// The subject as RFC 2253 writes it, and as OpenSSL does for mosquitto: the last part first, `CN=x,O=y`, and `+` between
/// attributes that stand together.
pub(super) fn subject(name: &X509NameRef) -> String {
    let parts = name.entries().map(|entry| {
        let kind =
            entry.object().nid().short_name().map_or_else(|_| entry.object().to_string(), str::to_owned);
        let value = entry.data().to_string().unwrap_or_default();
        format!("{kind}={}", escape(&value))
    });
    let mut parts: Vec<String> = parts.collect();
    let mut sets = name.to_der().ok().and_then(|der| attribute_counts(&der)).unwrap_or_default();
    if sets.iter().sum::<usize>() != parts.len() {
        sets = vec![1; parts.len()];
    }
    let mut text: Vec<String> = Vec::new();
    for count in sets.into_iter().rev() {
        let mut together = parts.split_off(parts.len() - count);
        together.reverse();
        text.push(together.join("+"));
    }
    text.join(",")
}

/// How many attributes stand together in each part of a name in DER: a sequence of sets of them.
fn attribute_counts(der: &[u8]) -> Option<Vec<usize>> {
    let (mut sets, _) = der_content(der)?;
    let mut counts = Vec::new();
    while !sets.is_empty() {
        let (mut set, rest) = der_content(sets)?;
        let mut count = 0;
        while !set.is_empty() {
            set = der_content(set)?.1;
            count += 1;
        }
        counts.push(count);
        sets = rest;
    }
    Some(counts)
}

/// The content of the first value in DER, and what follows it.
fn der_content(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = der.get(1..)?.split_first()?;
    let (length, rest) = match length {
        short @ ..0x80 => (usize::from(short), rest),
        long => {
            let (bytes, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
            if bytes.len() > size_of::<u32>() {
                return None;
            }
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
    };
    rest.split_at_checked(length)
}

fn escape(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (at, c) in value.chars().enumerate() {
        match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => text.extend(['\\', c]),
            '#' if at == 0 => text += "\\#",
            ' ' if at == 0 || at == last => text += "\\ ",
            c if c.is_ascii() && !c.is_control() => text.push(c),
            c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| text += &format!("\\{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{attribute_counts, escape};

    #[test]
    fn subjects_are_escaped() {
        assert_eq!(escape("Doe, \"J\" <j+x>;\\"), "Doe\\, \\\"J\\\" \\<j\\+x\\>\\;\\\\");
        assert_eq!(escape(" #a "), "\\ #a\\ ");
        assert_eq!(escape("#a\n"), "\\#a\\0A");
        assert_eq!(escape("Zo\u{eb}"), "Zo\\C3\\AB");
    }

    #[test]
    fn attributes_that_stand_together_are_counted() {
        // O=x, CN=y+OU=z; the attributes are shortened, as nobody looks into them.
        let der = [0x30, 14, 0x31, 4, 0x30, 2, 5, 0, 0x31, 6, 0x30, 1, 5, 0x30, 1, 5];
        assert_eq!(attribute_counts(&der), Some(vec![1, 2]));
        assert_eq!(attribute_counts(&der[..9]), None);
        let long = [&[0x30, 0x81, 0x84, 0x31, 0x81, 0x81, 0x30, 0x7F][..], &[0; 0x7F]].concat();
        assert_eq!(attribute_counts(&long), Some(vec![1]));
    }
}
