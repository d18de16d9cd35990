//! Options of one listener, and those that belong to a listener or to the whole broker.

use std::path::PathBuf;

use super::option::ValueKind::{File, Flag, Folder, Number, OneOf, Text, Words};
use super::option::{Most, OptionField, Value, options};
use crate::net::listener::Protocol;

options! {
    /// Options of one listener; the defaults are those of mosquitto 2.1.
    struct ListenerOptions;
    port: Option<u16> = None, ["port"], Number(1, 65_535), Last, Restart,
        "Port of the default listener: the old form of listener PORT.";
    bind_address: Option<String> = None, ["bind_address"], Text, Last, Restart,
        "Address of the default listener: the old form of listener PORT ADDRESS.";
    bind_interface: Option<String> = None, ["bind_interface"], Text, Last, Restart,
        "Listens on the addresses of this network interface only.";
    accept_protocol_versions: Versions = Versions::default(), ["accept_protocol_versions"], Words("3,4,5"), Last, Next,
        "Accepted versions of MQTT, separated by commas or spaces: 3 for 3.1, 4 for 3.1.1, 5 for 5.0.";
    enable_proxy_protocol: Option<u8> = None, ["enable_proxy_protocol"], Number(1, 2), Last, Restart,
        "Requires a PROXY protocol header of this version on every connection.";
    proxy_protocol_v2_require_tls: bool = false, ["proxy_protocol_v2_require_tls"], Flag, Last, Restart,
        "Refuses clients that did not connect to the proxy over TLS.";
    allow_anonymous: Option<bool> = None, ["listener_allow_anonymous"], Flag, Last, Next,
        "Whether anonymous clients are allowed on this listener; overrides allow_anonymous.";
    auto_id_prefix: Option<String> = None, ["listener_auto_id_prefix"], Text, Reject, Next,
        "Prefix of client IDs assigned on this listener, at most 50 bytes; auto_id_prefix by default.";
    max_connections: Most = Most::UNLIMITED, ["max_connections"], Number(-2_147_483_648, 2_147_483_647), Last, Next,
        "Maximum number of connections of this listener.";
    max_qos: u8 = 2, ["max_qos", "maximum_qos"], Number(0, 2), Last, Next,
        "Maximum QoS of messages published by clients of this listener.";
    max_topic_alias: u16 = 10, ["max_topic_alias"], Number(0, 65_535), Last, Next,
        "Maximum number of topic aliases that a client may set.";
    max_topic_alias_broker: u16 = 10, ["max_topic_alias_broker"], Number(0, 65_535), Last, Next,
        "Maximum number of topic aliases that the broker sets; a lower limit set by the client takes precedence.";
    mount_point: Option<String> = None, ["mount_point"], Text, Last, Next,
        "Prefix added to the topics that clients of this listener publish and subscribe to, and removed from the topics of messages sent to them. Each mount point has separate sessions: see DIFFERENCES FROM MOSQUITTO.";
    protocol: Protocol = Protocol::Mqtt, ["protocol"], OneOf(&["mqtt", "websockets", "http_api"]), Last, Restart,
        "Protocol: MQTT, or MQTT over WebSocket. http_api is refused.";
    socket_mode: Option<SocketMode> = None, ["socket_mode"], Words("OCTAL"), Last, Restart,
        "Permissions of the Unix socket of this listener; 770 by default, as in mosquitto. Not in mosquitto.";
    socket_owner: Option<String> = None, ["socket_owner"], Text, Last, Restart,
        "Owner of the Unix socket, by name or number; by default the user that the broker runs as. Not in mosquitto.";
    socket_group: Option<String> = None, ["socket_group"], Text, Last, Restart,
        "Group of the Unix socket, by name or number; by default that of the user that the broker runs as. Not in mosquitto.";
    socket_domain: Option<String> = None, ["socket_domain"], OneOf(&["ipv4", "ipv6"]), Last, Restart,
        "Listens on addresses of this family only.";
    use_username_as_clientid: bool = false, ["use_username_as_clientid"], Flag, Last, Next,
        "The username replaces the client ID; clients without a username are refused.";
    websockets_origins: Vec<String> = Vec::new(), ["websockets_origin"], Text, Adds, Next,
        "Accepts WebSocket connections from pages of this origin only; repeatable. Any origin by default.";
    cafile: Option<PathBuf> = None, ["cafile"], File, Last, Restart,
        "PEM file with the CAs used to verify client certificates.";
    capath: Option<PathBuf> = None, ["capath"], Folder, Reject, Restart,
        "Directory of CA files with the hashed names that openssl rehash creates.";
    certfile: Option<PathBuf> = None, ["certfile"], File, Last, Next,
        "PEM file with the server's certificate chain. Enables TLS, together with keyfile.";
    keyfile: Option<PathBuf> = None, ["keyfile"], File, Last, Next,
        "PEM file with the server's private key.";
    ciphers: Option<String> = None, ["ciphers"], Text, Reject, Restart,
        "Ciphers up to TLS 1.2, as an OpenSSL cipher list.";
    ciphers_tls13: Option<String> = None, ["ciphers_tls1.3"], Text, Reject, Restart,
        "Cipher suites of TLS 1.3.";
    crlfile: Option<PathBuf> = None, ["crlfile"], File, Last, Next,
        "PEM file with certificate revocation lists (CRL).";
    disable_client_cert_date_checks: bool = false, ["disable_client_cert_date_checks"], Flag, Last, Next,
        "Accepts client certificates that have expired or are not yet valid.";
    require_certificate: bool = false, ["require_certificate"], Flag, Last, Next,
        "Refuses clients without a certificate.";
    psk_hint: Option<String> = None, ["psk_hint"], Text, Reject, Restart,
        "PSK identity hint sent to clients. Enables TLS with pre-shared keys from psk_file. At most 256 bytes, or 128 if the client or the broker uses an OpenSSL older than 3.0.";
    tls_keyform: Option<String> = None, ["tls_keyform"], OneOf(&["pem", "engine"]), Reject, Restart,
        "Format of keyfile. engine is refused.";
    tls_version: Option<String> = None, ["tls_version"], OneOf(&["tlsv1.3", "tlsv1.2", "tlsv1.1"]), Reject, Restart,
        "Minimum version of TLS; tlsv1.2 by default.";
    use_identity_as_username: bool = false, ["use_identity_as_username"], Flag, Last, Next,
        "Takes the username from the Common Name of the client certificate, or from the PSK identity.";
    use_subject_as_username: bool = false, ["use_subject_as_username"], Flag, Last, Next,
        "Takes the username from the whole subject of the client certificate.";
}

options! {
    /// Authentication and permissions: of one listener with `per_listener_settings true`, else of the whole broker.
    struct Security;
    acl_file: Option<PathBuf> = None, ["acl_file"], File, Last, Now,
        "File with the ACL rules.";
    password_file: Option<PathBuf> = None, ["password_file"], File, Last, Now,
        "File with usernames and password hashes, as written by skeeter passwd or mosquitto_passwd.";
    psk_file: Option<PathBuf> = None, ["psk_file"], File, Last, Now,
        "File with pre-shared keys, one IDENTITY:HEX per line.";
    allow_anonymous: Option<bool> = None, ["allow_anonymous"], Flag, Last, Next,
        "Whether anonymous clients are allowed: false by default, but true if no listener is defined.";
    allow_zero_length_clientid: bool = true, ["allow_zero_length_clientid"], Flag, Last, Next,
        "Whether a client may connect with an empty client ID; the broker then assigns one.";
    auto_id_prefix: String = "auto-".into(), ["auto_id_prefix"], Text, Reject, Next,
        "Prefix of assigned client IDs, at most 50 bytes.";
}

/// The permissions of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketMode(pub(crate) u32);

impl Default for SocketMode {
    /// That of mosquitto.
    fn default() -> Self {
        Self(0o770)
    }
}

impl OptionField for SocketMode {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected an octal number".into()) };
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        self.0 = mode.ok_or_else(|| format!("{text:?} is not an octal number up to 777"))?;
        Ok(())
    }

    fn show(&self) -> String {
        format!("{:o}", self.0)
    }
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

impl OptionField for Versions {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected versions".into()) };
        *self = Self { v3_1: false, v3_1_1: false, v5: false };
        for version in text.split([',', ' ', '\t']).filter(|version| !version.is_empty()) {
            match version {
                "3" => self.v3_1 = true,
                "4" => self.v3_1_1 = true,
                "5" => self.v5 = true,
                _ => return Err(format!("{version:?} is not a version: expected 3, 4 or 5")),
            }
        }
        Ok(())
    }

    fn show(&self) -> String {
        let versions = [("3", self.v3_1), ("4", self.v3_1_1), ("5", self.v5)];
        versions.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect::<Vec<_>>().join(",")
    }
}

impl OptionField for Protocol {
    fn put(&mut self, value: Value<'_>) -> Result<(), String> {
        let Value::Text(text) = value else { return Err("expected a protocol".into()) };
        let known = Self::ALL.iter().find(|(name, _)| *name == text);
        let unsupported = "the HTTP API is not supported: remove the listener; the counters are under $SYS";
        *self = known.map(|(_, protocol)| *protocol).ok_or(unsupported)?;
        Ok(())
    }

    fn show(&self) -> String {
        self.name().to_owned()
    }
}
