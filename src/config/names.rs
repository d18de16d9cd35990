//! Options that begin a section, and options of mosquitto that are refused or ignored.

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
        help: "Defines a listener on a TCP port, on all addresses or the one given, or on a Unix socket. Port 0 with an IP \
            address picks a free port; see --ports-file. The listener options below this line apply to it.",
    },
    Opener {
        name: "connection",
        form: "NAME",
        help: "Defines a bridge. The bridge options below this line apply to it; address and topic are required.",
    },
    Opener {
        name: "include_dir",
        form: "DIRECTORY",
        help: "Reads all files in the directory whose names end in .conf, in alphabetical order, as if their lines were \
            here. The options of a listener or bridge cannot continue in another file.",
    },
    Opener {
        name: "secrets_file",
        form: "FILE",
        help: "Reads variables from a file with one NAME=VALUE per line. ${NAME} in a value below is replaced by the variable from \
            the file or, if the file lacks it, from the environment; an undefined variable is an error. $${ stands for ${.",
    },
];

/// Options that are refused: the name, or its beginning if it ends with `*`, and the reason.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("plugin_opt_*", "plugins are not supported"),
    ("auth_opt_*", "plugins are not supported"),
    ("plugin", PLUGIN),
    ("auth_plugin", PLUGIN),
    ("global_plugin", PLUGIN),
    ("plugin_load", PLUGIN),
    ("plugin_use", PLUGIN),
    ("auth_plugin_deny_special_chars", "plugins are not supported"),
    ("tls_engine", "OpenSSL engines are not supported; put the key in keyfile"),
    ("tls_engine_kpass_sha1", "OpenSSL engines are not supported; put the key in keyfile"),
    ("http_dir", "the HTTP API is not supported; serve files with a web server"),
];

const PLUGIN: &str = "this plugin is not supported; use password_file and acl_file, which are built in";

/// Options that mosquitto itself ignores.
pub(crate) const IGNORED: &[(&str, &str)] = &[
    ("retry_interval", "ignored: messages are resent when a client reconnects"),
    ("dhparamfile", "ignored: DHE ciphers use a standard group"),
    ("websockets_log_level", "ignored: see log_type"),
];

/// Options of mosquitto that have another default or meaning here, and which.
pub(crate) const DIFFERENT: &[(&str, &str)] = &[
    ("autosave_interval", "no effect: what was acknowledged is on disk already"),
    ("autosave_on_changes", "no effect: what was acknowledged is on disk already"),
    (
        "bridge_session_expiry_interval",
        "by default the session never expires; in mosquitto it ends with the connection",
    ),
    ("local_username", "the permissions of this user apply to the bridge"),
    ("mount_point", "sessions are separate for each mount point"),
    (
        "persistence_file",
        "the store has .redb appended to this name; the file of mosquitto is imported once and not changed",
    ),
    (
        "persistence_location",
        "the store is skeeter.redb in this directory; mosquitto.db in it is imported once and not changed",
    ),
    ("set_tcp_nodelay", "true by default"),
];

/// What differs from mosquitto in an option, if anything does.
pub(crate) fn difference(name: &str) -> Option<&'static str> {
    DIFFERENT.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
}

/// Options that mosquitto 2.1 accepts below a line that begins a listener only; others of a listener may stand above it.
pub(crate) const NEEDS_LISTENER: &[&str] = &[
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
