//! Options of one listener, and those that belong to a listener or to the whole broker.

use std::path::PathBuf;

use super::option::Kind::{File, Flag, Folder, Number, OneOf, Text, Words};
use super::option::{Field, Most, Value, options};

options! {
    /// Options of one listener; the defaults are mosquitto 2.1's.
    struct Listener;
    port: Option<u16> = None, ["port"], Number(1, 65_535), Last, Restart,
        "The port of the default listener: an old way to write listener PORT.";
    bind_address: Option<String> = None, ["bind_address"], Text, Last, Restart,
        "The address of the default listener: an old way to write listener PORT ADDRESS.";
    bind_interface: Option<String> = None, ["bind_interface"], Text, Last, Restart,
        "Listens on the addresses of this network interface alone.";
    accept_protocol_versions: Versions = Versions::default(), ["accept_protocol_versions"], Words("3,4,5"), Last, Next,
        "Which versions are accepted: 3 is MQTT 3.1, 4 is 3.1.1, 5 is 5.0; commas or blanks between.";
    enable_proxy_protocol: Option<u8> = None, ["enable_proxy_protocol"], Number(1, 2), Last, Restart,
        "Each connection begins with the header of version 1 or 2 of the PROXY protocol, and is refused without.";
    proxy_protocol_v2_require_tls: bool = false, ["proxy_protocol_v2_require_tls"], Flag, Last, Restart,
        "Refuses connections that did not use TLS towards the proxy.";
    allow_anonymous: Option<bool> = None, ["listener_allow_anonymous"], Flag, Last, Next,
        "Whether clients without a user name may connect here, whatever allow_anonymous says.";
    auto_id_prefix: Option<String> = None, ["listener_auto_id_prefix"], Text, Fault, Next,
        "How identifiers begin that clients of this listener are given; at most 50 bytes. auto_id_prefix unless given.";
    max_connections: Most = Most::UNLIMITED, ["max_connections"], Number(-2_147_483_648, 2_147_483_647), Last, Next,
        "Connected clients of this listener at once.";
    max_qos: u8 = 2, ["max_qos", "maximum_qos"], Number(0, 2), Last, Next,
        "The highest QoS with which clients of this listener may publish.";
    max_topic_alias: u16 = 10, ["max_topic_alias"], Number(0, 65_535), Last, Next,
        "Topic aliases that a client may set.";
    max_topic_alias_broker: u16 = 10, ["max_topic_alias_broker"], Number(0, 65_535), Last, Next,
        "Topic aliases that the broker sets towards a client that allows as many.";
    mount_point: Option<String> = None, ["mount_point"], Text, Last, Next,
        "Put before the topics of the clients of this listener, who do not see it. Sessions are separate for each mount point: \
         see DIFFERENCES FROM MOSQUITTO.";
    protocol: Protocol = Protocol::Mqtt, ["protocol"], OneOf(&["mqtt", "websockets", "http_api"]), Last, Restart,
        "What is spoken: MQTT, or MQTT over WebSocket. http_api is refused.";
    socket_domain: Option<String> = None, ["socket_domain"], OneOf(&["ipv4", "ipv6"]), Last, Restart,
        "Listens on addresses of this family alone.";
    use_username_as_clientid: bool = false, ["use_username_as_clientid"], Flag, Last, Next,
        "A client's identifier is its user name, whatever it says; without one it is refused.";
    websockets_origins: Vec<String> = Vec::new(), ["websockets_origin"], Text, Adds, Next,
        "A web page's origin that may connect by WebSocket; repeatable. Any unless given.";
    cafile: Option<PathBuf> = None, ["cafile"], File, Last, Restart,
        "Certificates of those who certify clients, as PEM.";
    capath: Option<PathBuf> = None, ["capath"], Folder, Fault, Restart,
        "The same as a folder with hashed names.";
    certfile: Option<PathBuf> = None, ["certfile"], File, Last, Next,
        "The server's certificate and its chain, as PEM. With keyfile it makes the listener speak TLS.";
    keyfile: Option<PathBuf> = None, ["keyfile"], File, Last, Next,
        "The server's key, as PEM.";
    ciphers: Option<String> = None, ["ciphers"], Text, Fault, Restart,
        "Ciphers up to TLS 1.2, as OpenSSL lists them.";
    ciphers_tls13: Option<String> = None, ["ciphers_tls1.3"], Text, Fault, Restart,
        "Cipher suites of TLS 1.3.";
    crlfile: Option<PathBuf> = None, ["crlfile"], File, Last, Next,
        "Revoked certificates, as PEM.";
    disable_client_cert_date_checks: bool = false, ["disable_client_cert_date_checks"], Flag, Last, Next,
        "Accepts certificates of clients that are expired or not yet valid.";
    require_certificate: bool = false, ["require_certificate"], Flag, Last, Next,
        "A client must show a certificate.";
    psk_hint: Option<String> = None, ["psk_hint"], Text, Fault, Restart,
        "TLS with keys shared beforehand, from psk_file, and what clients are shown to choose theirs by; at most 256 bytes, and \
         128 for clients or brokers with an OpenSSL before 3.";
    tls_keyform: Option<String> = None, ["tls_keyform"], OneOf(&["pem", "engine"]), Fault, Restart,
        "The form of keyfile. engine is refused.";
    tls_version: Option<String> = None, ["tls_version"], OneOf(&["tlsv1.3", "tlsv1.2", "tlsv1.1"]), Fault, Restart,
        "The oldest version of TLS; tlsv1.2 unless given.";
    use_identity_as_username: bool = false, ["use_identity_as_username"], Flag, Last, Next,
        "The user name is the Common Name of the client's certificate, or the identity of its shared key.";
    use_subject_as_username: bool = false, ["use_subject_as_username"], Flag, Last, Next,
        "The user name is the whole subject of the client's certificate.";
}

options! {
    /// Who may come, and what for: of one listener with `per_listener_settings true`, else of the whole broker.
    struct Security;
    acl_file: Option<PathBuf> = None, ["acl_file"], File, Last, Now,
        "Who may read and write which topics.";
    password_file: Option<PathBuf> = None, ["password_file"], File, Last, Now,
        "Users and their hashed passwords, as skeeter passwd writes them.";
    psk_file: Option<PathBuf> = None, ["psk_file"], File, Last, Now,
        "Identities and their shared keys, IDENTITY:HEX a line.";
    allow_anonymous: Option<bool> = None, ["allow_anonymous"], Flag, Last, Next,
        "Whether clients without a user name may connect: false, but true where no listener is named.";
    allow_zero_length_clientid: bool = true, ["allow_zero_length_clientid"], Flag, Last, Next,
        "Whether a client may leave its identifier to the broker.";
    auto_id_prefix: String = "auto-".into(), ["auto_id_prefix"], Text, Fault, Next,
        "How such identifiers begin; at most 50 bytes.";
}

/// Which versions of MQTT are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) v3_1: bool,
    pub(crate) v3_1_1: bool,
    pub(crate) v5: bool,
}

impl Default for Versions {
    fn default() -> Self {
        Self { v3_1: true, v3_1_1: true, v5: true }
    }
}

impl Field for Versions {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected versions".into()) };
        *self = Self { v3_1: false, v3_1_1: false, v5: false };
        for version in text.split([',', ' ', '\t']).filter(|version| !version.is_empty()) {
            match version {
                "3" => self.v3_1 = true,
                "4" => self.v3_1_1 = true,
                "5" => self.v5 = true,
                _ => return Err(format!("{version:?} is no version: expected 3, 4 or 5")),
            }
        }
        Ok(())
    }

    fn show(&self) -> String {
        let versions = [("3", self.v3_1), ("4", self.v3_1_1), ("5", self.v5)];
        versions.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect::<Vec<_>>().join(",")
    }
}

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Mqtt,
    WebSockets,
}

impl Field for Protocol {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        *self = match value {
            Value::Text("mqtt") => Self::Mqtt,
            Value::Text("websockets") => Self::WebSockets,
            _ => {
                return Err(
                    "the HTTP API is not supported: take the listener out; $SYS has the counters".into()
                );
            }
        };
        Ok(())
    }

    fn show(&self) -> String {
        match self {
            Self::Mqtt => "mqtt".into(),
            Self::WebSockets => "websockets".into(),
        }
    }
}
