//! Options of one bridge: a client that carries topics between this broker and another.

use std::net::IpAddr;
use std::path::PathBuf;

use super::option::Kind::{File, Flag, Folder, Number, OneOf, Secret, Text, Words};
use super::option::{Field, Value, options};
use crate::message::QoS;
use crate::topic::TopicFilter;

/// The port of a bridge's address that names none.
const PORT: u16 = 1883;

options! {
    /// Options of one bridge; the defaults are mosquitto 2.1's.
    struct Bridge;
    addresses: Addresses = Addresses::default(), ["address", "addresses"], Words("HOST[:PORT] ..."), Fault, Next,
        "The other broker, and others to try when it does not answer, in order.";
    topics: Vec<Topic> = Vec::new(), ["topic"],
        Words("PATTERN [out|in|both [QOS [LOCAL-PREFIX [REMOTE-PREFIX]]]]"), Adds, Next,
        "What is carried, whereto and with which QoS; repeatable. A prefix is put before the pattern on its side; \"\" is \
         none.";
    attempt_unsubscribe: bool = true, ["bridge_attempt_unsubscribe"], Flag, Last, Next,
        "Unsubscribes there from what is carried out only, in case a former configuration subscribed to it.";
    bind_address: Option<String> = None, ["bridge_bind_address"], Text, Fault, Next,
        "The IP address of this machine to connect from.";
    max_packet_size: i64 = 0, ["bridge_max_packet_size"], Number(-2_147_483_648, 2_147_483_647), Last, Next,
        "Bytes of the largest packet sent; 0 is no limit.";
    max_topic_alias: u16 = 10, ["bridge_max_topic_alias"], Number(0, 65_535), Last, Next,
        "Topic aliases that the other broker may set, with MQTT 5.";
    outgoing_retain: bool = true, ["bridge_outgoing_retain"], Flag, Last, Next,
        "Whether what is retained here is retained there.";
    protocol_version: Option<String> = None, ["bridge_protocol_version"], OneOf(&["mqttv31", "mqttv311", "mqttv50"]),
        Fault, Next,
        "The version spoken; mqttv311 unless given.";
    receive_maximum: Option<u16> = None, ["bridge_receive_maximum"], Number(1, 65_535), Last, Next,
        "Messages above QoS 0 that the other broker may have in flight; max_inflight_messages unless given.";
    reload_type: Option<String> = None, ["bridge_reload_type"], OneOf(&["lazy", "immediate"]), Last, Now,
        "When changes of a reload take effect: lazy, with the next connection, unless given; or immediate.";
    session_expiry_interval: Option<u32> = None, ["bridge_session_expiry_interval"], Number(0, 4_294_967_295), Last, Next,
        "Seconds that the other broker keeps the session, with MQTT 5; unless given for ever, or not at all with \
         cleansession true. The default differs from mosquitto's, which is 0.";
    tcp_keepalive: Option<Keepalive> = None, ["bridge_tcp_keepalive"], Words("IDLE INTERVAL COUNT"), Last, Next,
        "Seconds of silence before TCP asks whether the other side is there, between two such questions, and how many.";
    tcp_user_timeout: Option<u32> = None, ["bridge_tcp_user_timeout"], Number(0, 2_147_483_647), Last, Next,
        "Milliseconds after which TCP gives up on bytes that are not acknowledged.";
    cleansession: bool = false, ["cleansession"], Flag, Last, Next,
        "Whether the other broker forgets the bridge when the connection ends.";
    local_cleansession: Option<bool> = None, ["local_cleansession"], Flag, Last, Next,
        "Whether this broker forgets it; as cleansession unless given.";
    keepalive_interval: u16 = 60, ["keepalive_interval"], Number(0, 65_535), Last, Next,
        "Keep alive in seconds; less than 5 is 5.";
    idle_timeout: Positive = Positive(60), ["idle_timeout"], Number(-2_147_483_648, 2_147_483_647), Last, Next,
        "Seconds without a message after which a lazy bridge closes its connection.";
    threshold: Positive = Positive(10), ["threshold"], Number(-2_147_483_648, 2_147_483_647), Last, Next,
        "Messages that must wait for a lazy bridge to connect.";
    local_clientid: Option<String> = None, ["local_clientid"], Text, Fault, Next,
        "The bridge's client identifier here; local. and remote_clientid unless given.";
    local_username: Option<String> = None, ["local_username"], Text, Fault, Next,
        "The bridge's user name here, by which the rights are found.";
    local_password: Option<String> = None, ["local_password"], Secret, Fault, Next,
        "The bridge's password here.";
    remote_clientid: Option<String> = None, ["remote_clientid", "clientid"], Text, Fault, Next,
        "The bridge's client identifier there; HOSTNAME.CONNECTION unless given.";
    remote_username: Option<String> = None, ["remote_username", "username"], Text, Fault, Next,
        "The bridge's user name there.";
    remote_password: Option<String> = None, ["remote_password", "password"], Secret, Fault, Next,
        "The bridge's password there.";
    notifications: bool = true, ["notifications"], Flag, Last, Next,
        "Whether a retained 1 or 0 tells on both sides whether the bridge is connected.";
    notifications_local_only: bool = false, ["notifications_local_only"], Flag, Last, Next,
        "Whether it is told on this side only.";
    notification_topic: Option<String> = None, ["notification_topic"], Text, Fault, Next,
        "The topic for it; $SYS/broker/connection/CLIENTID/state unless given.";
    restart_timeout: Restart = Restart::default(), ["restart_timeout"], Words("SECONDS | BASE CAP [STABLE]"), Last, Next,
        "How long the bridge waits before it connects again: always so long; or from BASE up to CAP, longer from time to \
         time, until a connection has held for STABLE seconds.";
    round_robin: bool = false, ["round_robin"], Flag, Last, Next,
        "Whether the bridge stays with the address that answered, or goes back to the first when that answers again.";
    start_type: Start = Start::Automatic, ["start_type"], OneOf(&["automatic", "lazy", "once", "manual"]), Last, Next,
        "automatic connects at once and again; lazy when messages wait; once is not tried again after the connection is \
         lost. manual is refused, as in mosquitto.";
    try_private: bool = true, ["try_private"], Flag, Last, Next,
        "Tells the other broker that this is a bridge, if it listens.";
    alpn: Option<String> = None, ["bridge_alpn"], Text, Fault, Next,
        "The application protocol to name in TLS.";
    cafile: Option<PathBuf> = None, ["bridge_cafile"], File, Fault, Next,
        "TLS, trusting those whose certificates are in this file.";
    capath: Option<PathBuf> = None, ["bridge_capath"], Folder, Fault, Next,
        "The same as a folder with hashed names.";
    certfile: Option<PathBuf> = None, ["bridge_certfile"], File, Fault, Next,
        "The bridge's certificate.";
    keyfile: Option<PathBuf> = None, ["bridge_keyfile"], File, Last, Next,
        "Its key.";
    ciphers: Option<String> = None, ["bridge_ciphers"], Text, Fault, Next,
        "Ciphers up to TLS 1.2, as OpenSSL lists them.";
    ciphers_tls13: Option<String> = None, ["bridge_ciphers_tls1.3"], Text, Fault, Next,
        "Cipher suites of TLS 1.3.";
    identity: Option<String> = None, ["bridge_identity"], Text, Fault, Next,
        "The identity of a shared key.";
    psk: Option<String> = None, ["bridge_psk"], Secret, Fault, Next,
        "The shared key in hexadecimal.";
    insecure: bool = false, ["bridge_insecure"], Flag, Last, Next,
        "Does not ask whether the certificate is of that host.";
    require_ocsp: bool = false, ["bridge_require_ocsp"], Flag, Last, Next,
        "Asks for a stapled answer on whether the certificate is revoked, and refuses the connection without.";
    tls_use_os_certs: bool = false, ["bridge_tls_use_os_certs"], Flag, Last, Next,
        "TLS, trusting whom the system trusts.";
    tls_version: Option<String> = None, ["bridge_tls_version"], OneOf(&["tlsv1.3", "tlsv1.2"]), Fault, Next,
        "The oldest version of TLS; tlsv1.2 unless given.";
}

/// The other brokers, in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses(pub(crate) Vec<(String, u16)>);

impl Field for Addresses {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected addresses".into()) };
        let words = text.split_whitespace().take_while(|word| !word.starts_with('#'));
        self.0 = words.map(address).collect::<Result<_, _>>()?;
        if self.0.is_empty() { Err("expected HOST or HOST:PORT".into()) } else { Ok(()) }
    }

    fn show(&self) -> String {
        self.0.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join(" ")
    }
}

fn address(word: &str) -> Result<(String, u16), String> {
    if word.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()) {
        return Ok((word.to_owned(), PORT));
    }
    let (host, port) = match word.rsplit_once(':') {
        Some((host, port)) => {
            let port = port.parse().ok().filter(|port| *port > 0);
            (host, port.ok_or_else(|| format!("{word:?}: expected a port from 1 to 65535 after the colon"))?)
        }
        None => (word, PORT),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() { Err(format!("{word:?} names no host")) } else { Ok((host.to_owned(), port)) }
}

/// Whereto a topic is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Direction {
    #[default]
    Out,
    In,
    Both,
}

/// What a bridge carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    /// A filter; `None` where the prefixes are all of it.
    pub(crate) pattern: Option<String>,
    pub(crate) direction: Direction,
    pub(crate) qos: QoS,
    pub(crate) local_prefix: String,
    pub(crate) remote_prefix: String,
}

impl Default for Topic {
    fn default() -> Self {
        Self {
            pattern: None,
            direction: Direction::Out,
            qos: QoS::AtMostOnce,
            local_prefix: String::new(),
            remote_prefix: String::new(),
        }
    }
}

impl Topic {
    /// The filter on this side.
    pub(crate) fn local(&self) -> String {
        format!("{}{}", self.local_prefix, self.pattern.as_deref().unwrap_or_default())
    }

    /// The filter on the other side.
    pub(crate) fn remote(&self) -> String {
        format!("{}{}", self.remote_prefix, self.pattern.as_deref().unwrap_or_default())
    }
}

impl Field for Topic {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected a pattern".into()) };
        let (pattern, rest) = quoted(text)?;
        let mut words = rest.split_whitespace().take_while(|word| *word != "#");
        let mut prefix = || words.next();
        self.direction = match prefix() {
            None => Direction::Out,
            Some(word) => match word.to_ascii_lowercase().as_str() {
                "out" => Direction::Out,
                "in" => Direction::In,
                "both" => Direction::Both,
                _ => return Err(format!("{word:?} is no direction: expected out, in or both")),
            },
        };
        self.qos = match prefix() {
            None | Some("0") => QoS::AtMostOnce,
            Some("1") => QoS::AtLeastOnce,
            Some("2") => QoS::ExactlyOnce,
            Some(word) => return Err(format!("{word:?} is no QoS: expected 0, 1 or 2")),
        };
        let unquoted =
            |word: Option<&str>| word.filter(|word| *word != "\"\"").unwrap_or_default().to_owned();
        self.local_prefix = unquoted(prefix());
        self.remote_prefix = unquoted(prefix());
        if let Some(more) = words.next() {
            return Err(format!("{more:?} is one word too many"));
        }
        self.pattern = Some(pattern.to_owned()).filter(|pattern| !pattern.is_empty());
        if self.pattern.is_none() && (self.local_prefix.is_empty() || self.remote_prefix.is_empty()) {
            return Err("an empty pattern needs both prefixes".into());
        }
        for prefix in [&self.local_prefix, &self.remote_prefix] {
            if prefix.contains(['+', '#']) {
                return Err(format!("the prefix {prefix:?} has a wildcard"));
            }
        }
        for filter in [self.local(), self.remote()] {
            if TopicFilter::new(&filter).is_err() {
                return Err(format!("{filter:?} is no topic filter"));
            }
        }
        Ok(())
    }

    fn show(&self) -> String {
        self.local()
    }
}

/// The first word, which may stand in double quotes, and the rest.
fn quoted(text: &str) -> Result<(&str, &str), String> {
    match text.strip_prefix('"') {
        Some(inner) => inner.split_once('"').ok_or_else(|| "the closing quote is missing".to_owned()),
        None => Ok(text.split_once([' ', '\t']).unwrap_or((text, ""))),
    }
}

/// A number below 1 is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Positive(pub(crate) u32);

impl Field for Positive {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Number(number) = value else { return Err("expected a whole number".into()) };
        self.0 = u32::try_from(number.max(1)).map_err(|_| format!("{number} is out of range"))?;
        Ok(())
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// What TCP asks on a silent connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keepalive {
    /// Seconds.
    pub(crate) idle: u32,
    /// Seconds.
    pub(crate) interval: u32,
    pub(crate) count: u32,
}

impl Field for Keepalive {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let [idle, interval, count] = numbers(value)?[..] else {
            return Err("expected three numbers: IDLE INTERVAL COUNT".into());
        };
        if idle == 0 || interval == 0 || count == 0 {
            return Err("expected numbers above 0".into());
        }
        *self = Self { idle, interval, count };
        Ok(())
    }

    fn show(&self) -> String {
        format!("{} {} {}", self.idle, self.interval, self.count)
    }
}

fn numbers(value: Value<'_>) -> Result<Vec<u32>, String> {
    let Value::Text(text) = value else { return Err("expected numbers".into()) };
    text.split_whitespace()
        .map(|word| word.parse().map_err(|_| format!("{word:?} is no whole number from 0")))
        .collect()
}

/// Seconds before a bridge connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restart {
    pub(crate) base: u32,
    /// As `base` where the time is always the same.
    pub(crate) cap: u32,
    pub(crate) stable: u32,
}

impl Default for Restart {
    fn default() -> Self {
        Self { base: 5, cap: 30, stable: 0 }
    }
}

impl Field for Restart {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        *self = match numbers(value)?[..] {
            [same] => {
                let same = same.clamp(1, 3_600);
                Self { base: same, cap: same, stable: 0 }
            }
            [base, cap] => Self { base: base.max(1), cap, stable: 0 },
            [base, cap, stable] => Self { base: base.max(1), cap, stable },
            _ => return Err("expected one, two or three numbers of seconds".into()),
        };
        if self.cap < self.base {
            return Err("the second number is below the first".into());
        }
        self.cap = self.cap.min(7_200);
        self.base = self.base.min(self.cap);
        Ok(())
    }

    fn show(&self) -> String {
        format!("{} {}", self.base, self.cap)
    }
}

/// When a bridge connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Automatic,
    Lazy,
    Once,
}

impl Field for Start {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        *self = match value {
            Value::Text("automatic") => Self::Automatic,
            Value::Text("lazy") => Self::Lazy,
            Value::Text("once") => Self::Once,
            _ => return Err("manual is not supported: expected automatic, lazy or once".into()),
        };
        Ok(())
    }

    fn show(&self) -> String {
        match self {
            Self::Automatic => "automatic",
            Self::Lazy => "lazy",
            Self::Once => "once",
        }
        .into()
    }
}
