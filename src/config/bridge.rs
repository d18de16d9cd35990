//! Options of one bridge: a client that forwards topics between this broker and another.

use std::net::IpAddr;
use std::path::PathBuf;

use super::option::ValueKind::{File, Flag, Folder, Number, OneOf, Secret, Text, Words};
use super::option::{OptionField, Value, options};
use crate::message::QoS;
use crate::topic::TopicFilter;

/// Default port of a bridge's address.
const PORT: u16 = 1883;

options! {
    /// Options of one bridge; the defaults are mosquitto 2.1's.
    struct BridgeOptions;
    addresses: BridgeAddresses = BridgeAddresses::default(), ["address", "addresses"], Words("HOST[:PORT] ..."), Reject, Next,
        "Addresses of the remote broker, tried in this order.";
    topics: Vec<Topic> = Vec::new(), ["topic"],
        Words("PATTERN [out|in|both [QOS [LOCAL-PREFIX [REMOTE-PREFIX]]]]"), Adds, Next,
        "Topic filter to forward, with its direction and maximum QoS; repeatable. Each prefix is prepended to the topics on its side; \"\" stands for no prefix.";
    attempt_unsubscribe: bool = true, ["bridge_attempt_unsubscribe"], Flag, Last, Next,
        "Unsubscribes at the remote broker from topics that are only forwarded to it, in case an earlier configuration subscribed to them.";
    bind_address: Option<String> = None, ["bridge_bind_address"], Text, Reject, Next,
        "Local IP address to connect from.";
    max_packet_size: i64 = 0, ["bridge_max_packet_size"], Number(-2_147_483_648, 2_147_483_647), Last, Next,
        "Maximum size of a packet sent to the remote broker, in bytes; 0 means no limit.";
    max_topic_alias: u16 = 10, ["bridge_max_topic_alias"], Number(0, 65_535), Last, Next,
        "Maximum number of topic aliases that the remote broker may set, with MQTT 5.";
    outgoing_retain: bool = true, ["bridge_outgoing_retain"], Flag, Last, Next,
        "Whether retained messages of this broker are retained at the remote broker.";
    protocol_version: Option<String> = None, ["bridge_protocol_version"], OneOf(&["mqttv31", "mqttv311", "mqttv50"]),
        Reject, Next,
        "MQTT version; mqttv311 by default.";
    receive_maximum: Option<u16> = None, ["bridge_receive_maximum"], Number(1, 65_535), Last, Next,
        "Maximum number of QoS 1 and 2 messages in flight from the remote broker; max_inflight_messages by default.";
    reload_type: Option<String> = None, ["bridge_reload_type"], OneOf(&["lazy", "immediate"]), Last, Now,
        "When a reload takes effect: lazy, at the next connection (the default), or immediate.";
    session_expiry_interval: Option<u32> = None, ["bridge_session_expiry_interval"], Number(0, 4_294_967_295), Last, Next,
        "Session expiry interval at the remote broker in seconds, with MQTT 5. By default the session never expires, or, with cleansession true, ends with the connection. mosquitto's default is 0.";
    tcp_keepalive: Option<Keepalive> = None, ["bridge_tcp_keepalive"], Words("IDLE INTERVAL COUNT"), Last, Next,
        "TCP keepalive: seconds without traffic before the first probe, seconds between probes, and number of probes.";
    tcp_user_timeout: Option<u32> = None, ["bridge_tcp_user_timeout"], Number(0, 2_147_483_647), Last, Next,
        "Milliseconds after which TCP closes the connection if sent data is not acknowledged.";
    cleansession: bool = false, ["cleansession"], Flag, Last, Next,
        "Whether the session at the remote broker ends with the connection.";
    local_cleansession: Option<bool> = None, ["local_cleansession"], Flag, Last, Next,
        "Whether the session at this broker ends with the connection; the value of cleansession by default.";
    keepalive_interval: u16 = 60, ["keepalive_interval"], Number(0, 65_535), Last, Next,
        "Keep alive in seconds, at least 5.";
    idle_timeout: Positive = Positive(60), ["idle_timeout"], Number(-2_147_483_648, 2_147_483_647), Last, Next,
        "Seconds without a message after which a lazy bridge disconnects.";
    threshold: Positive = Positive(10), ["threshold"], Number(-2_147_483_648, 2_147_483_647), Last, Next,
        "Number of queued messages at which a lazy bridge connects.";
    local_clientid: Option<String> = None, ["local_clientid"], Text, Reject, Next,
        "Client ID at this broker; by default remote_clientid with the prefix local.";
    local_username: Option<String> = None, ["local_username"], Text, Reject, Next,
        "Username at this broker; the bridge has the permissions of this user.";
    local_password: Option<String> = None, ["local_password"], Secret, Reject, Next,
        "Password at this broker.";
    remote_clientid: Option<String> = None, ["remote_clientid", "clientid"], Text, Reject, Next,
        "Client ID at the remote broker; HOSTNAME.CONNECTION by default.";
    remote_username: Option<String> = None, ["remote_username", "username"], Text, Reject, Next,
        "Username at the remote broker.";
    remote_password: Option<String> = None, ["remote_password", "password"], Secret, Reject, Next,
        "Password at the remote broker.";
    notifications: bool = true, ["notifications"], Flag, Last, Next,
        "Whether the connection state, 1 or 0, is published as a retained message on both brokers.";
    notifications_local_only: bool = false, ["notifications_local_only"], Flag, Last, Next,
        "Whether the connection state is published on this broker only.";
    notification_topic: Option<String> = None, ["notification_topic"], Text, Reject, Next,
        "Topic of the connection state; $SYS/broker/connection/CLIENTID/state by default.";
    restart_timeout: Restart = Restart::default(), ["restart_timeout"], Words("SECONDS | BASE CAP [STABLE]"), Last, Next,
        "Delay before reconnecting, in seconds: constant, or growing from BASE to CAP and reset once a connection has lasted STABLE seconds.";
    round_robin: bool = false, ["round_robin"], Flag, Last, Next,
        "Whether the bridge stays with the address it is connected to. If false, it returns to the first address once that is reachable again.";
    start_type: StartType = StartType::Automatic, ["start_type"], OneOf(&["automatic", "lazy", "once", "manual"]), Last, Next,
        "automatic connects at start and reconnects; lazy connects when enough messages are queued (threshold); once connects at start and does not reconnect. manual is refused, as in mosquitto.";
    try_private: bool = true, ["try_private"], Flag, Last, Next,
        "Identifies the bridge as such to the remote broker, so that messages are not sent back, if that broker supports it.";
    alpn: Option<String> = None, ["bridge_alpn"], Text, Reject, Next,
        "Application protocol to negotiate (ALPN).";
    cafile: Option<PathBuf> = None, ["bridge_cafile"], File, Reject, Next,
        "PEM file with the CAs to trust. Enables TLS.";
    capath: Option<PathBuf> = None, ["bridge_capath"], Folder, Reject, Next,
        "Directory of CA files with the hashed names that openssl rehash creates. Enables TLS.";
    certfile: Option<PathBuf> = None, ["bridge_certfile"], File, Reject, Next,
        "PEM file with the client certificate chain.";
    keyfile: Option<PathBuf> = None, ["bridge_keyfile"], File, Last, Next,
        "PEM file with the private key of the client certificate.";
    ciphers: Option<String> = None, ["bridge_ciphers"], Text, Reject, Next,
        "Ciphers up to TLS 1.2, as an OpenSSL cipher list.";
    ciphers_tls13: Option<String> = None, ["bridge_ciphers_tls1.3"], Text, Reject, Next,
        "Cipher suites of TLS 1.3.";
    identity: Option<String> = None, ["bridge_identity"], Text, Reject, Next,
        "PSK identity.";
    psk: Option<String> = None, ["bridge_psk"], Secret, Reject, Next,
        "Pre-shared key in hexadecimal. Enables TLS.";
    insecure: bool = false, ["bridge_insecure"], Flag, Last, Next,
        "Accepts a server certificate that was issued for another host name.";
    require_ocsp: bool = false, ["bridge_require_ocsp"], Flag, Last, Next,
        "Requires a stapled OCSP response confirming that the certificate is not revoked.";
    tls_use_os_certs: bool = false, ["bridge_tls_use_os_certs"], Flag, Last, Next,
        "Trusts the CAs of the operating system. Enables TLS.";
    tls_version: Option<String> = None, ["bridge_tls_version"], OneOf(&["tlsv1.3", "tlsv1.2"]), Reject, Next,
        "Minimum version of TLS; tlsv1.2 by default.";
}

/// Addresses of the remote broker, in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BridgeAddresses(pub(crate) Vec<(String, u16)>);

impl OptionField for BridgeAddresses {
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
    // A link-local address may have a zone, which is left to the system.
    let without_zone = word.split_once('%').map_or(word, |(address, _)| address);
    if without_zone.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()) {
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
    if host.is_empty() { Err(format!("{word:?} has no host name")) } else { Ok((host.to_owned(), port)) }
}

/// In which direction a topic is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TopicDirection {
    #[default]
    Out,
    In,
    Both,
}

/// A topic filter that a bridge forwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    /// The filter; `None` if it consists of the prefixes only.
    pub(crate) pattern: Option<String>,
    pub(crate) direction: TopicDirection,
    pub(crate) qos: QoS,
    pub(crate) local_prefix: String,
    pub(crate) remote_prefix: String,
    /// What mosquitto reads over, and the writer may have meant otherwise.
    pub(crate) warning: Option<String>,
}

impl Default for Topic {
    fn default() -> Self {
        Self {
            pattern: None,
            direction: TopicDirection::Out,
            qos: QoS::AtMostOnce,
            local_prefix: String::new(),
            remote_prefix: String::new(),
            warning: None,
        }
    }
}

impl Topic {
    /// The filter at this broker.
    pub(crate) fn local(&self) -> String {
        format!("{}{}", self.local_prefix, self.pattern.as_deref().unwrap_or_default())
    }

    /// Reads a QoS as mosquitto does: a word that does not begin with a digit is 0, and not a prefix.
    fn read_qos(&mut self, word: &str) -> Result<QoS, String> {
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        if digits < word.len() {
            let read = if digits == 0 { "0" } else { &word[..digits] };
            self.warning = Some(format!(
                "topic: {word:?} stands where the QoS belongs and is read as QoS {read}; write the QoS in front of prefixes"
            ));
        }
        match &word[..digits] {
            "" | "0" => Ok(QoS::AtMostOnce),
            "1" => Ok(QoS::AtLeastOnce),
            "2" => Ok(QoS::ExactlyOnce),
            _ => Err(format!("{word:?} is not a QoS: expected 0, 1 or 2")),
        }
    }

    /// The filter at the remote broker.
    pub(crate) fn remote(&self) -> String {
        format!("{}{}", self.remote_prefix, self.pattern.as_deref().unwrap_or_default())
    }
}

impl OptionField for Topic {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected a pattern".into()) };
        let (pattern, rest) = quoted(text)?;
        let mut words = rest.split_whitespace().take_while(|word| *word != "#");
        let mut prefix = || words.next();
        self.direction = match prefix() {
            None => TopicDirection::Out,
            Some(word) => match word.to_ascii_lowercase().as_str() {
                "out" => TopicDirection::Out,
                "in" => TopicDirection::In,
                "both" => TopicDirection::Both,
                _ => return Err(format!("{word:?} is not a direction: expected out, in or both")),
            },
        };
        if let Some(word) = prefix() {
            self.qos = self.read_qos(word)?;
        }
        let unquoted =
            |word: Option<&str>| word.filter(|word| *word != "\"\"").unwrap_or_default().to_owned();
        self.local_prefix = unquoted(prefix());
        self.remote_prefix = unquoted(prefix());
        if let Some(more) = words.next() {
            self.warning = Some(format!("topic: {more:?} after the remote prefix is ignored"));
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
                return Err(format!("{filter:?} is not a topic filter"));
            }
        }
        Ok(())
    }

    fn show(&self) -> String {
        self.local()
    }
}

/// The first word, which may be in double quotes, and the rest.
fn quoted(text: &str) -> Result<(&str, &str), String> {
    match text.strip_prefix('"') {
        Some(inner) => inner.split_once('"').ok_or_else(|| "the closing quote is missing".to_owned()),
        None => Ok(text.split_once([' ', '\t']).unwrap_or((text, ""))),
    }
}

/// A number below 1 is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Positive(pub(crate) u32);

impl OptionField for Positive {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Number(number) = value else { return Err("expected a whole number".into()) };
        self.0 = u32::try_from(number.max(1)).map_err(|_| format!("{number} is out of range"))?;
        Ok(())
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// TCP keepalive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keepalive {
    /// Seconds.
    pub(crate) idle: u32,
    /// Seconds.
    pub(crate) interval: u32,
    pub(crate) count: u32,
}

impl OptionField for Keepalive {
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
        .map(|word| word.parse().map_err(|_| format!("{word:?} is not a whole number of at least 0")))
        .collect()
}

/// Seconds before a bridge connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restart {
    pub(crate) base: u32,
    /// Equal to `base` if the delay is constant.
    pub(crate) cap: u32,
    pub(crate) stable: u32,
}

impl Default for Restart {
    fn default() -> Self {
        Self { base: 5, cap: 30, stable: 0 }
    }
}

impl OptionField for Restart {
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
pub(crate) enum StartType {
    Automatic,
    Lazy,
    Once,
}

impl OptionField for StartType {
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
