//! Names that begin something, and names of mosquitto's that are refused or mean nothing here.

/// A line that begins a listener, a bridge or another file.
pub(crate) struct Opener {
    pub(crate) name: &'static str,
    /// As the manual writes it.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the manual, which a test writes"))]
    pub(crate) form: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the manual, which a test writes"))]
    pub(crate) help: &'static str,
}

pub(crate) const OPENERS: &[Opener] = &[
    Opener {
        name: "listener",
        form: "PORT [ADDRESS] | 0 PATH",
        help: "Starts a listener on a TCP port, at all addresses or at this one, or on a Unix socket. Port 0 with an IP \
            address picks a free port; see --ports-file. Listener options below apply to it.",
    },
    Opener {
        name: "connection",
        form: "NAME",
        help: "Starts a bridge. Bridge options below apply to it. It needs an address and a topic.",
    },
    Opener {
        name: "include_dir",
        form: "DIRECTORY",
        help: "Reads all files in the directory whose names end in .conf, in alphabetical order, as if they were included \
            here. A listener or bridge ends with its file.",
    },
];

/// Names that are refused: the name, or its beginning where it ends with `*`, and why.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("plugin_opt_*", "plugins are not supported"),
    ("auth_opt_*", "plugins are not supported"),
    ("plugin", PLUGIN),
    ("auth_plugin", PLUGIN),
    ("global_plugin", PLUGIN),
    ("plugin_load", PLUGIN),
    ("plugin_use", PLUGIN),
    ("auth_plugin_deny_special_chars", "plugins are not supported"),
    ("tls_engine", "OpenSSL's engines are not supported: keep the key in keyfile"),
    ("tls_engine_kpass_sha1", "OpenSSL's engines are not supported: keep the key in keyfile"),
    ("http_dir", "the HTTP API is not supported: serve files with a web server"),
];

const PLUGIN: &str = "plugins are not supported: password_file and acl_file are built in";

/// Names that mosquitto itself reads and ignores.
pub(crate) const IGNORED: &[(&str, &str)] = &[
    ("retry_interval", "ignored: messages are sent again when a client reconnects"),
    ("dhparamfile", "ignored: DHE ciphers use a standard group"),
    ("websockets_log_level", "ignored: see log_type"),
];

/// Options that need a listener line above them; the others of a listener may belong to the default one.
pub(crate) const NEEDS_LISTENER: &[&str] = &[
    "accept_protocol_versions",
    "enable_proxy_protocol",
    "proxy_protocol_v2_require_tls",
    "listener_allow_anonymous",
    "listener_auto_id_prefix",
    "max_topic_alias",
    "max_topic_alias_broker",
    "mount_point",
    "websockets_origin",
    "cafile",
    "disable_client_cert_date_checks",
    "tls_version",
];

/// Why `name` is refused, if it is.
pub(crate) fn refusal(name: &str) -> Option<&'static str> {
    let is = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    REFUSED.iter().find(|(pattern, _)| is(pattern)).map(|(_, why)| *why)
}
