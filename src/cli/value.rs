//! Parsers for the values of flags.

use std::time::Duration;

use crate::client::MAX_PACKET_SIZE;
use crate::message::QoS;
use crate::net::{Proxy, Secret};

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

/// Bytes of a packet, up to what MQTT allows.
pub(crate) fn packet_size(text: &str) -> Result<usize, String> {
    match bytes(text)? {
        0 => Err("expected bytes above 0, such as 65536, 64K or 16M".to_owned()),
        number => Ok(number.min(MAX_PACKET_SIZE)),
    }
}

/// Seconds, with a fraction if need be: `5`, `0.25`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "expected seconds, such as 5 or 0.25".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|_| "expected seconds, from 0".to_owned())
}

/// Seconds as [`seconds`], or `forever`, which is [`Duration::MAX`].
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    match text {
        "forever" => Ok(Duration::MAX),
        _ => seconds(text).map_err(|_| "expected seconds, such as 5 or 0.25, or forever".to_owned()),
    }
}

/// Seconds above 0, with a fraction if need be.
pub(crate) fn time_limit(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("expected seconds above 0".to_owned()),
        limit => Ok(limit),
    }
}

/// A session expiry interval in seconds, decimal or `0x`; `-1` or `∞` for a session that never expires.
pub(crate) fn expiry(text: &str) -> Result<u32, String> {
    let number = match text {
        "-1" | "∞" => return Ok(u32::MAX),
        _ => match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        },
    };
    number.map_err(|_| "expected seconds from 0 to 4294967295, or -1 for ever".to_owned())
}

/// A share in percent, above 0 and up to 100.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.1..=100.0).contains(&share) => Ok(share),
        _ => Err("expected a share in percent, from 0.1 to 100".to_owned()),
    }
}

/// One character of ASCII; `\\t` and `\\0` are those.
pub(crate) fn byte(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        [b'\\', b't'] => Ok(b'\t'),
        [b'\\', b'0'] => Ok(0),
        _ => Err("expected one character of ASCII".to_owned()),
    }
}

/// A factor above 0.
pub(crate) fn factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if factor > 0.0 && factor < 1e9 => Ok(factor),
        _ => Err("expected a factor above 0".to_owned()),
    }
}

/// Permissions of a file, in octal digits.
pub(crate) fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| "expected permissions in octal digits, such as 660".to_owned())
}

/// A path that starts with a slash.
pub(crate) fn resource(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.starts_with('/') && plain {
        Ok(text.to_owned())
    } else {
        Err("expected a path such as /mqtt".to_owned())
    }
}

/// `NAME: VALUE` of HTTP.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let expected = || "expected a header such as 'Authorization: Bearer x'".to_owned();
    let (name, value) = text.split_once(':').ok_or_else(expected)?;
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    let is_value = !value.bytes().any(|byte| byte.is_ascii_control());
    if is_name && is_value { Ok((name.to_owned(), value.trim().to_owned())) } else { Err(expected()) }
}

/// A key given in hexadecimal; not shown by `Debug`.
#[derive(Clone)]
pub(crate) struct Key(pub(crate) Vec<u8>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

pub(crate) fn key(text: &str) -> Result<Key, String> {
    let digits = text.as_bytes().chunks(2).map(|pair| {
        let pair =
            std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        pair.filter(|pair| pair.len() == 2).and_then(|pair| u8::from_str_radix(pair, 16).ok())
    });
    let key: Option<Vec<u8>> = digits.collect();
    // The value is not quoted: it is a secret.
    key.filter(|key| !key.is_empty())
        .map(Key)
        .ok_or_else(|| "expected pairs of hexadecimal digits".to_owned())
}

/// A type without values.
#[derive(Clone, Debug)]
pub(crate) enum Never {}

/// TLS engines are refused.
pub(crate) fn engine(_: &str) -> Result<Never, String> {
    Err("TLS engines are not supported: OpenSSL has replaced them by providers; give the key in a file"
        .to_owned())
}

/// `socks5h://[USER[:PASSWORD]@]HOST[:PORT]`; the port is 1080 unless given.
pub(crate) fn proxy(text: &str) -> Result<Proxy, String> {
    let expected = || "expected socks5h://[USER[:PASSWORD]@]HOST[:PORT]".to_owned();
    let (scheme, authority) = text.split_once("://").ok_or_else(expected)?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "socks5h" | "socks5") {
        return Err(expected());
    }
    let (credentials, place) = match authority.trim_end_matches('/').rsplit_once('@') {
        None => (None, authority.trim_end_matches('/')),
        Some((user, place)) => {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            if name.is_empty() {
                return Err(expected());
            }
            (Some((decode_percent(name)?, Secret(decode_percent(password)?))), place)
        }
    };
    let (host, port) = split_port(place).ok_or_else(expected)?;
    let port = port.unwrap_or(1080);
    if host.is_empty() || port == 0 {
        return Err(expected());
    }
    Ok(Proxy { host: host.to_owned(), port, credentials })
}

/// 0, 1 or 2.
pub(crate) fn qos(text: &str) -> Result<QoS, String> {
    text.parse().ok().and_then(QoS::from_bits).ok_or_else(|| "expected 0, 1 or 2".to_owned())
}

/// The transport of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Tcp,
    WebSocket,
    /// A Unix socket.
    Unix,
}

/// The parts of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) carrier: Carrier,
    pub(crate) tls: bool,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    /// Without brackets; the path of a Unix socket.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// Everything after the first slash, not decoded, as a topic may contain any character.
    pub(crate) topic: Option<String>,
}

impl Url {
    /// `SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC]`, or `unix://PATH`. Percent signs encode bytes in user and password
    /// only.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let expected =
            || "expected SCHEME://HOST:PORT/TOPIC with mqtt, mqtts, ws or wss, or unix://PATH".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(expected)?;
        let (carrier, tls) = match scheme.to_ascii_lowercase().as_str() {
            "mqtt" => (Carrier::Tcp, false),
            "mqtts" => (Carrier::Tcp, true),
            "ws" => (Carrier::WebSocket, false),
            "wss" => (Carrier::WebSocket, true),
            "unix" if cfg!(unix) && !rest.is_empty() => {
                let host = rest.to_owned();
                return Ok(Self {
                    carrier: Carrier::Unix,
                    tls: false,
                    username: None,
                    password: None,
                    host,
                    port: None,
                    topic: None,
                });
            }
            _ => return Err(expected()),
        };
        let (authority, topic) = match rest.split_once('/') {
            Some((authority, topic)) => (authority, (!topic.is_empty()).then(|| topic.to_owned())),
            None => (rest, None),
        };
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (username, password) = match user.map(|user| user.split_once(':').ok_or(user)) {
            None => (None, None),
            Some(Err(name)) => (Some(decode_percent(name)?), None),
            Some(Ok((name, password))) => (Some(decode_percent(name)?), Some(decode_percent(password)?)),
        };
        let (host, port) = split_port(place).ok_or_else(expected)?;
        if host.is_empty() {
            return Err("the URL holds no host".to_owned());
        }
        Ok(Self { carrier, tls, username, password, host: host.to_owned(), port, topic })
    }
}

/// `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
fn split_port(place: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    match port {
        None => Some((host, None)),
        Some(port) => Some((host, Some(port.parse().ok()?))),
    }
}

fn decode_percent(text: &str) -> Result<String, String> {
    let bad =
        || "a percent sign in user or password begins two hexadecimal digits of a UTF-8 byte".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (Some(high), Some(low)) =
            (rest.first().copied().and_then(digit), rest.get(1).copied().and_then(digit))
        else {
            return Err(bad());
        };
        // Two hexadecimal digits fit.
        bytes.push((high * 16 + low) as u8);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::{Carrier, Url, bytes, header, key, proxy, seconds};
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

    #[test]
    fn proxies_headers_and_keys() {
        let found = proxy("socks5h://me%40home:p%3Aw@[::1]:1081").unwrap();
        let (user, password) = found.credentials.unwrap();
        assert_eq!((found.host.as_str(), found.port, user.as_str()), ("::1", 1081, "me@home"));
        assert_eq!(password.0, "p:w");
        assert_eq!(proxy("socks5h://proxy").unwrap().port, 1080);
        for bad in ["", "proxy", "http://proxy", "socks5h://", "socks5h://:x@proxy", "socks5h://proxy:0"] {
            assert!(proxy(bad).is_err(), "{bad}");
        }
        assert_eq!(header("A-b: c:d "), Ok(("A-b".to_owned(), "c:d".to_owned())));
        for bad in ["", "a", ": b", "a b: c", "a: b\r\nc: d"] {
            assert!(header(bad).is_err(), "{bad}");
        }
        assert_eq!(key("0aFF").unwrap().0, [0x0A, 0xFF]);
        for bad in ["", "0", "0x", "é0"] {
            assert!(key(bad).is_err_and(|why| !why.contains("é")), "{bad}");
        }
    }

    #[test]
    fn urls_are_split_into_their_parts() {
        let url = Url::parse("MQTTS://me%40home:p%3Aw:x@broker.example:8884/a/b+%23/#").unwrap();
        assert!(url.tls);
        assert_eq!((url.username.as_deref(), url.password.as_deref()), (Some("me@home"), Some("p:w:x")));
        assert_eq!((url.host.as_str(), url.port), ("broker.example", Some(8884)));
        assert_eq!(url.topic.as_deref(), Some("a/b+%23/#"));
        let url = Url::parse("mqtt://[::1]:1884/").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.topic), ("::1", Some(1884), None));
        let url = Url::parse("wss://[::1]/a").unwrap();
        assert_eq!((url.carrier, url.tls, url.topic.as_deref()), (Carrier::WebSocket, true, Some("a")));
        let url = Url::parse("unix:///run/mqtt.sock").unwrap();
        assert_eq!((url.carrier, url.host.as_str(), url.topic), (Carrier::Unix, "/run/mqtt.sock", None));
        let url = Url::parse("mqtt://localhost").unwrap();
        assert_eq!((url.tls, url.port, url.username), (false, None, None));
        for bad in [
            "",
            "localhost",
            "http://x",
            "mqtt://",
            "mqtt:///t",
            "mqtt://h:x",
            "mqtt://h:70000",
            "mqtt://%zz@h",
            "mqtt://[::1",
        ] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
}
