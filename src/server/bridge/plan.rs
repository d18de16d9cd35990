//! What a bridge does, from its options: where it connects to, with which client IDs, and which topics it forwards.

use std::time::Duration;

use crate::broker::Limits;
use crate::client::{DEFAULT_MAX_PACKET_SIZE, Settings, Will};
use crate::codec::packet::{Options, RetainHandling, Version};
use crate::codec::property::{PropertiesBuf, Property};
use crate::config::BridgeSection;
use crate::config::bridge::{
    BridgeAddresses, BridgeOptions, Keepalive, Restart, StartType, Topic, TopicDirection as Way,
};
use crate::message::QoS;
use crate::net::{Identity, SharedKey, Target, TcpOptions, Tls, TlsVersion};
use crate::relay::{Direction, Pause, Places, Rule, Topics};

/// Options of a bridge's subscriptions: its own messages are not sent back (No Local), and retained messages stay retained.
/// No Local is not allowed for shared subscriptions [MQTT-3.8.3-4].
pub(super) fn subscription_options(filter: &str, qos: QoS, retain_handling: RetainHandling) -> Options {
    let no_local = !filter.starts_with("$share/");
    Options { qos, no_local, retain_as_published: true, retain_handling }
}

/// What a bridge does.
#[derive(Clone, Debug)]
pub(crate) struct BridgePlan {
    pub(super) name: String,
    /// What the plan was made from, to find out whether a reload changes it.
    source: (BridgeOptions, u16, u32),
    pub(super) topics: Topics,
    pub(super) near: Near,
    /// Client settings at the remote broker.
    pub(super) far: Settings,
    /// Addresses of the remote broker; at least one.
    pub(super) targets: Vec<Target>,
    round_robin: bool,
    pub(super) start: StartType,
    /// How long a lazy bridge stays connected without a message, and how many must be queued for it to connect.
    pub(super) idle: Duration,
    pub(super) threshold: usize,
    restart: Restart,
    /// Whether retained messages of this broker are retained at the remote one.
    pub(super) retains: bool,
    /// Whether it unsubscribes at the remote broker from topics that are only forwarded to it.
    pub(super) unsubscribes: bool,
    /// Whether a reload takes effect at once (`bridge_reload_type immediate`).
    pub(super) at_once: bool,
    pub(super) notice: Option<Notice>,
}

/// The bridge as a client of this broker.
#[derive(Clone, Debug)]
pub(super) struct Near {
    pub(super) client_id: String,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    /// Whether its session outlives its connection.
    pub(super) is_kept: bool,
    /// Maximum number of QoS 1 and 2 messages in flight to it.
    pub(super) window: u16,
}

/// Where the connection state is published.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) topic: String,
    /// Whether it is published at the remote broker too.
    pub(super) tells_far: bool,
}

impl BridgePlan {
    pub(crate) fn new(section: &BridgeSection, limits: &Limits) -> Self {
        let options = &section.options.values;
        let (near, far, notice) = clients(&section.name, options, limits);
        // Destructured without `..`, so that no option is forgotten. `_` marks those that the functions below use.
        let BridgeOptions {
            addresses: _,
            topics,
            attempt_unsubscribe,
            bind_address: _,
            max_packet_size: _,
            max_topic_alias: _,
            outgoing_retain,
            protocol_version: _,
            receive_maximum: _,
            reload_type,
            session_expiry_interval: _,
            tcp_keepalive: _,
            tcp_user_timeout: _,
            cleansession: _,
            local_cleansession: _,
            keepalive_interval: _,
            idle_timeout,
            threshold,
            local_clientid: _,
            local_username: _,
            local_password: _,
            remote_clientid: _,
            remote_username: _,
            remote_password: _,
            notifications: _,
            notifications_local_only: _,
            notification_topic: _,
            restart_timeout,
            round_robin,
            start_type,
            try_private: _,
            alpn: _,
            cafile: _,
            capath: _,
            certfile: _,
            keyfile: _,
            ciphers: _,
            ciphers_tls13: _,
            identity: _,
            psk: _,
            insecure: _,
            require_ocsp: _,
            tls_use_os_certs: _,
            tls_version: _,
        } = options.clone();
        Self {
            name: section.name.clone(),
            source: (options.clone(), limits.in_flight, limits.packet_size),
            topics: Topics::new(topics.into_iter().map(rule).collect()),
            near,
            far,
            notice,
            targets: targets(options),
            round_robin,
            start: start_type,
            idle: Duration::from_secs(idle_timeout.0.into()),
            threshold: threshold.0 as usize,
            restart: restart_timeout,
            retains: outgoing_retain,
            unsubscribes: attempt_unsubscribe,
            at_once: reload_type.as_deref() == Some("immediate"),
        }
    }

    /// Reads the certificate and key files.
    ///
    /// # Errors
    /// One line that names the bridge and says what is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        let tls = self.targets.first().and_then(|target| target.tls.as_ref());
        tls.map_or(Ok(()), Tls::check).map_err(|fault| format!("bridge {}: {fault}", self.name))
    }

    /// Whether the other plan was made from the same options.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.source) == (&other.name, &other.source)
    }

    pub(super) fn pause(&self) -> Pause {
        let seconds = |number: u32| Duration::from_secs(number.into());
        Pause::new(seconds(self.restart.base), seconds(self.restart.cap))
    }

    /// How long a connection must last for the delay before reconnecting to be reset.
    pub(super) fn stable(&self) -> Duration {
        Duration::from_secs(self.restart.stable.into())
    }

    pub(super) fn places(&self) -> Places {
        Places::new(self.targets.len(), self.round_robin)
    }

    pub(super) fn is_lazy(&self) -> bool {
        self.start == StartType::Lazy
    }
}

/// The bridge as a client of this broker and of the remote one, and where its connection state is published.
fn clients(name: &str, options: &BridgeOptions, limits: &Limits) -> (Near, Settings, Option<Notice>) {
    let client_id = options.remote_clientid.clone().unwrap_or_else(|| format!("{}.{name}", host_name()));
    let near = Near {
        client_id: options.local_clientid.clone().unwrap_or_else(|| format!("local.{client_id}")),
        username: options.local_username.clone(),
        password: options.local_password.clone(),
        // A lazy bridge connects when messages are queued, so it needs a persistent session.
        is_kept: !options.local_cleansession.unwrap_or(options.cleansession)
            || options.start_type == StartType::Lazy,
        window: limits.in_flight,
    };
    let topic = options.notification_topic.clone();
    let topic = topic.unwrap_or_else(|| format!("$SYS/broker/connection/{client_id}/state"));
    let tells_far = !options.notifications_local_only;
    let notice = options.notifications.then_some(Notice { topic, tells_far });
    (near, far(client_id, options, notice.as_ref(), limits), notice)
}

fn far(client_id: String, options: &BridgeOptions, notice: Option<&Notice>, limits: &Limits) -> Settings {
    let version = match options.protocol_version.as_deref() {
        Some("mqttv31") => Version::V3_1,
        Some("mqttv50") => Version::V5,
        _ => Version::V3_1_1,
    };
    let plain = Settings::default();
    Settings {
        version,
        bridge: options.try_private && version != Version::V5,
        relays: true,
        clean_start: options.cleansession,
        keep_alive: options.keepalive_interval.max(5),
        client_id,
        username: options.remote_username.clone(),
        password: options.remote_password.clone().map(String::into_bytes),
        will: notice.filter(|notice| notice.tells_far).map(|notice| Will {
            topic: notice.topic.clone(),
            payload: b"0".to_vec(),
            qos: QoS::AtLeastOnce,
            retain: options.outgoing_retain,
            properties: PropertiesBuf::default(),
        }),
        properties: properties(options, limits),
        // A message that is larger than this broker accepts is skipped later, with a line in the log.
        max_packet_size: DEFAULT_MAX_PACKET_SIZE.max(limits.packet_size as usize),
        max_packet_sent: match usize::try_from(options.max_packet_size) {
            Ok(0) | Err(_) => plain.max_packet_sent,
            Ok(bytes) => bytes.min(plain.max_packet_sent),
        },
        ..plain
    }
}

/// Properties of CONNECT in MQTT 5.
fn properties(options: &BridgeOptions, limits: &Limits) -> PropertiesBuf {
    let mut properties = PropertiesBuf::default();
    // Without bridge_session_expiry_interval, cleansession decides.
    let unsaid = if options.cleansession { 0 } else { u32::MAX };
    let expiry = options.session_expiry_interval.unwrap_or(unsaid);
    if expiry > 0 {
        properties.push(Property::SessionExpiryInterval(expiry));
    }
    properties.push(Property::ReceiveMaximum(options.receive_maximum.unwrap_or(limits.receive_maximum)));
    properties.push(Property::MaximumPacketSize(limits.packet_size));
    if options.max_topic_alias > 0 {
        properties.push(Property::TopicAliasMaximum(options.max_topic_alias));
    }
    properties
}

fn rule(topic: Topic) -> Rule {
    Rule {
        local: topic.local(),
        remote: topic.remote(),
        direction: match topic.direction {
            Way::Out => Direction::Out,
            Way::In => Direction::In,
            // Topics that begin with $ are the broker's own and are only forwarded out.
            Way::Both if topic.local().starts_with('$') => Direction::Out,
            Way::Both => Direction::Both,
        },
        qos: topic.qos,
        local_prefix: topic.local_prefix,
        remote_prefix: topic.remote_prefix,
    }
}

fn targets(options: &BridgeOptions) -> Vec<Target> {
    let BridgeAddresses(addresses) = &options.addresses;
    let tls = tls(options);
    let seconds = |number: u32| Duration::from_secs(number.into());
    let keepalive = options
        .tcp_keepalive
        .map(|Keepalive { idle, interval, count }| (seconds(idle), seconds(interval), count));
    let target = |(host, port): &(String, u16)| Target {
        host: host.clone(),
        port: *port,
        finds_service: false,
        // Verified when the configuration was read.
        from: options.bind_address.as_ref().and_then(|address| address.parse().ok()),
        proxy: None,
        tcp: TcpOptions { keepalive, user_timeout: options.tcp_user_timeout },
        tls: tls.clone(),
        web: None,
        #[cfg(unix)]
        unix: None,
    };
    addresses.iter().map(target).collect()
}

/// TLS, if any of its options is set.
fn tls(options: &BridgeOptions) -> Option<Tls> {
    let shared_key = options.identity.clone().zip(options.psk.as_deref());
    let asked = shared_key.is_some()
        || options.cafile.is_some()
        || options.capath.is_some()
        || options.certfile.is_some()
        || options.tls_use_os_certs;
    asked.then(|| Tls {
        ca_file: options.cafile.clone(),
        ca_path: options.capath.clone(),
        trusts_system: options.tls_use_os_certs,
        identity: options.certfile.clone().map(|certificate| Identity {
            certificate,
            key: options.keyfile.clone(),
            pass_phrase: None,
        }),
        any_name: options.insecure,
        asks_ocsp: options.require_ocsp,
        // With the highest version, the minimum is the only one.
        version: (options.tls_version.as_deref() == Some("tlsv1.3")).then_some(TlsVersion::V1_3),
        alpn: options.alpn.clone(),
        shared_key: shared_key.map(|(identity, key)| SharedKey { identity, key: bytes(key) }),
        ciphers: options.ciphers.clone(),
        suites: options.ciphers_tls13.clone(),
        key_log: None,
        made: None,
    })
}

/// Decodes hexadecimal digits, which were verified when the configuration was read.
fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "localhost".to_owned())
}
