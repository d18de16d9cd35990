//! What a server is that does not speak MQTT, by the first bytes it sends.

use std::fmt;

/// A server of another protocol than MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForeignService {
    Http,
    Tls,
    Ssh,
    Nats,
    Amqp,
    /// SMTP or FTP, which greet alike.
    Mail,
}

impl ForeignService {
    /// Recognizes a server by the first bytes it has sent; none of them begins a CONNACK, whose first byte is 0x20.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        // An alert or a handshake, of TLS 1.0 or later.
        let is_tls = matches!(bytes, [0x15 | 0x16, 3, 0..=4, ..]);
        let greetings: [(&[u8], Self); 5] = [
            (b"HTTP/", Self::Http),
            (b"SSH-", Self::Ssh),
            (b"INFO {", Self::Nats),
            (b"AMQP", Self::Amqp),
            (b"220", Self::Mail),
        ];
        let greeted = greetings.iter().find(|(start, _)| bytes.starts_with(start));
        is_tls.then_some(Self::Tls).or(greeted.map(|(_, service)| *service))
    }
}

impl fmt::Display for ForeignService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "an HTTP server",
            Self::Tls => "a TLS server",
            Self::Ssh => "an SSH server",
            Self::Nats => "the client port of a NATS server",
            Self::Amqp => "an AMQP server",
            Self::Mail => "a mail or FTP server",
        })
    }
}
