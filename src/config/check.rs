//! Checks whether the values of a configuration can be combined, and whether the files they name exist.

use std::net::IpAddr;
use std::path::Path;

use chrono::format::{Item, StrftimeItems};

use super::bridge::{BridgeOptions, TopicDirection};
use super::fault::{ConfigError, FilePosition};
use super::global::Persistence;
use super::listener::ListenerOptions;
use super::option::{Table, ValueKind};
use super::{Config, Section};
use crate::net::listener::{ListenAddress, Protocol};
use crate::text::os_error;
use crate::topic::TopicName;

/// Maximum bytes of a PSK identity hint in OpenSSL; half of that before version 3.
const LONGEST_HINT: usize = 256;

/// Checks what a single line cannot show.
pub(crate) fn together(config: &mut Config, faults: &mut Vec<ConfigError>) {
    global(config, faults);
    let mut taken: Vec<(&ListenAddress, &FilePosition)> = Vec::new();
    for listener in &config.listeners {
        check_listener(&listener.place, &listener.options, faults);
        let free = matches!(listener.address, ListenAddress::Tcp { port: 0, .. });
        if let Some((_, other)) = taken.iter().find(|(address, _)| **address == listener.address && !free) {
            faults.push(ConfigError::new(
                &listener.place,
                format!("the listener at {other} has the same address"),
            ));
        }
        taken.push((&listener.address, &listener.place));
    }
    if let Some(place) = config.default_listener.given().values().next().cloned() {
        if config.has_default_listener() {
            check_listener(&place, &config.default_listener, faults);
            let options = &config.default_listener.values;
            if options.port.is_none() && options.bind_address.is_none() {
                let what =
                    "options above the first listener line define a listener of their own on port 1883";
                let hint = "move them below a `listener PORT` line unless that is intended";
                config.warnings.push(ConfigError::new(&place, what).hint(hint));
            }
        } else {
            for (name, place) in config.default_listener.given() {
                let what = format!("{name} is above the first listener line and has no effect");
                config
                    .warnings
                    .push(ConfigError::new(place, what).hint("move it below a `listener PORT` line"));
            }
        }
    }
    keys(config, faults);
    bridges(config, faults);
}

fn global(config: &Config, faults: &mut Vec<ConfigError>) {
    let at = |name| config.global.place(name);
    if let Some(place) = at("enable_control_api").filter(|_| config.global.values.enable_control_api) {
        let what = "enable_control_api is not supported, as there are no plugins to list";
        faults.push(ConfigError::new(place, what));
    }
    let security = config.listeners.iter().map(|listener| &listener.security).chain([&config.security]);
    let prefixes = security.map(|section| (section.place("auto_id_prefix"), &section.values.auto_id_prefix));
    let own = config.listeners.iter().filter_map(|listener| {
        let prefix = listener.options.values.auto_id_prefix.as_ref()?;
        Some((listener.options.place("listener_auto_id_prefix"), prefix))
    });
    for (place, prefix) in prefixes.chain(own) {
        if let Some(place) = place.filter(|_| prefix.len() > 50) {
            faults.push(ConfigError::new(
                place,
                format!("the prefix has {} bytes; the maximum is 50", prefix.len()),
            ));
        }
    }
    if let (Some(place), Some(format)) =
        (config.logging.place("log_timestamp_format"), &config.logging.values.timestamp_format)
        && StrftimeItems::new(format).any(|item| matches!(item, Item::Error))
    {
        let what = "log_timestamp_format: unknown conversion after %; see strftime(3)";
        faults.push(ConfigError::new(place, what));
    }
    for user in &config.own.values.users {
        if let Some(place) = config.own.place("allow_user")
            && user.split_once(':').is_none_or(|(name, _)| name.is_empty())
        {
            faults.push(ConfigError::new(
                place,
                "allow_user: expected NAME:PASSWORD, with a name before the colon",
            ));
        }
    }
}

fn check_listener(place: &FilePosition, section: &Section<ListenerOptions>, faults: &mut Vec<ConfigError>) {
    let options = &section.values;
    let at = |name: &str| section.place(name).unwrap_or(place).clone();
    let mut fault = |name: &str, what: String| faults.push(ConfigError::new(&at(name), what));
    match (&options.certfile, &options.keyfile) {
        (Some(_), None) => fault("certfile", "certfile without keyfile".into()),
        (None, Some(_)) => fault("keyfile", "keyfile without certfile".into()),
        _ => {}
    }
    let certified = options.certfile.is_some();
    for (name, given) in [
        ("cafile", options.cafile.is_some()),
        ("capath", options.capath.is_some()),
        ("crlfile", options.crlfile.is_some()),
        ("require_certificate", options.require_certificate),
        ("use_subject_as_username", options.use_subject_as_username),
    ] {
        // The proxy verifies the certificate and reports it.
        let by_proxy = match name {
            "use_subject_as_username" => options.enable_proxy_protocol.is_some(),
            "require_certificate" => options.enable_proxy_protocol == Some(2),
            _ => false,
        };
        if given && !certified && !by_proxy {
            fault(name, format!("{name} without certfile and keyfile"));
        }
    }
    let verifies_itself = options.require_certificate && options.enable_proxy_protocol != Some(2);
    if verifies_itself && options.cafile.is_none() && options.capath.is_none() {
        fault(
            "require_certificate",
            "require_certificate without cafile or capath: no client could connect".into(),
        );
    }
    if options.psk_hint.is_some() && (certified || options.cafile.is_some()) {
        fault("psk_hint", "a listener cannot have both a certificate and pre-shared keys".into());
    }
    if let Some(hint) = options.psk_hint.as_ref().filter(|hint| hint.len() > LONGEST_HINT) {
        let what = format!("psk_hint: the hint has {} bytes; the maximum is {LONGEST_HINT}", hint.len());
        fault("psk_hint", what);
    }
    if options.enable_proxy_protocol == Some(2) && (certified || options.use_subject_as_username) {
        let what = "certfile and use_subject_as_username cannot be combined with enable_proxy_protocol 2: TLS ends at the proxy";
        fault("enable_proxy_protocol", what.into());
    }
    if options.tls_keyform.as_deref() == Some("engine") {
        let what = "tls_keyform: OpenSSL engines are not supported; put the key in keyfile";
        fault("tls_keyform", what.into());
    }
    if options.mount_point.as_deref().is_some_and(|prefix| prefix.contains(['+', '#'])) {
        fault("mount_point", "mount_point: wildcards are not allowed".into());
    }
    if !options.websockets_origins.is_empty() && options.protocol == Protocol::Mqtt {
        fault("websockets_origin", "websockets_origin without protocol websockets".into());
    }
}

/// PSK needs a file with keys, of the listener or of the whole broker.
fn keys(config: &Config, faults: &mut Vec<ConfigError>) {
    let of_listeners = config.global.values.per_listener_settings;
    let named = config.listeners.iter().map(|listener| {
        (&listener.options, if of_listeners { &listener.security } else { &config.security })
    });
    for (options, security) in named.chain([(&config.default_listener, &config.security)]) {
        if let Some(place) = options.place("psk_hint").filter(|_| security.values.psk_file.is_none()) {
            faults.push(ConfigError::new(place, "psk_hint without psk_file"));
        }
    }
}

fn bridges(config: &mut Config, faults: &mut Vec<ConfigError>) {
    let mut identifiers: Vec<(&str, &FilePosition)> = Vec::new();
    for bridge in &config.bridges {
        let options = &bridge.options.values;
        let at = |name: &str| bridge.options.place(name).unwrap_or(&bridge.place);
        if options.addresses.0.is_empty() {
            faults
                .push(ConfigError::new(&bridge.place, format!("the bridge {} has no address", bridge.name)));
        }
        if options.topics.is_empty() {
            let fault = ConfigError::new(&bridge.place, format!("the bridge {} has no topic", bridge.name));
            faults.push(fault.hint("add a line such as `topic # out`"));
        }
        if let Some(identifier) = &options.local_clientid {
            let place = at("local_clientid");
            if let Some((_, other)) = identifiers.iter().find(|(taken, _)| taken == identifier) {
                faults.push(ConfigError::new(
                    place,
                    format!("the bridge at {other} has the same local_clientid"),
                ));
            }
            identifiers.push((identifier, place));
        }
        check_bridge(at, options, faults);
        for topic in &options.topics {
            if topic.direction == TopicDirection::Both && topic.local().starts_with('$') {
                let what = format!(
                    "{} is a topic of the broker itself and is only sent, never received",
                    topic.local()
                );
                config.warnings.push(ConfigError::new(at("topic"), what));
            }
        }
    }
}

fn check_bridge<'a>(
    at: impl Fn(&str) -> &'a FilePosition,
    options: &BridgeOptions,
    faults: &mut Vec<ConfigError>,
) {
    let mut fault = |name: &str, what: &str| faults.push(ConfigError::new(at(name), what));
    let certificates = [
        options.cafile.is_some(),
        options.capath.is_some(),
        options.certfile.is_some(),
        options.keyfile.is_some(),
        options.tls_use_os_certs,
    ];
    match (&options.identity, &options.psk) {
        (Some(_), None) => fault("bridge_identity", "bridge_identity without bridge_psk"),
        (None, Some(_)) => fault("bridge_psk", "bridge_psk without bridge_identity"),
        (Some(_), Some(_)) if certificates.contains(&true) => {
            fault("bridge_psk", "a bridge cannot use both certificates and a pre-shared key");
        }
        _ => {}
    }
    if let Some(psk) = &options.psk
        && (psk.len() % 2 != 0 || !psk.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        fault("bridge_psk", "bridge_psk: expected pairs of hexadecimal digits");
    }
    if options.bind_address.as_deref().is_some_and(|address| address.parse::<IpAddr>().is_err()) {
        fault("bridge_bind_address", "bridge_bind_address: expected an IP address of this machine");
    }
    if options.remote_password.is_some() && options.remote_username.is_none() {
        fault("remote_password", "remote_password without remote_username");
    }
    if options.local_password.is_some() && options.local_username.is_none() {
        fault("local_password", "local_password without local_username");
    }
    if options.notification_topic.as_deref().is_some_and(|topic| TopicName::new(topic).is_err()) {
        fault("notification_topic", "notification_topic: not a valid topic name");
    }
    match (&options.certfile, &options.keyfile) {
        (Some(_), None) => fault("bridge_certfile", "bridge_certfile without bridge_keyfile"),
        (None, Some(_)) => fault("bridge_keyfile", "bridge_keyfile without bridge_certfile"),
        _ => {}
    }
}

/// Names log files and data directories that cannot be written. It creates nothing.
pub(crate) fn written(config: &Config) -> Vec<ConfigError> {
    let mut faults = Vec::new();
    if let (Some(path), Some(place)) =
        (&config.logging.values.destinations.file, config.logging.place("log_dest"))
        && let Err(error) = writable(path)
    {
        let what = format!("log_dest: cannot write {}: {}", path.display(), os_error(&error));
        faults.push(ConfigError::new(place, what));
    }
    let Persistence { enabled, location, .. } = &config.persistence.values;
    if let (true, Some(path), Some(place)) =
        (enabled, location, config.persistence.place("persistence_location"))
        && path.exists()
        && let Err(error) = std::fs::read_dir(path)
    {
        let what = format!(
            "persistence_location: cannot use the directory {}: {}",
            path.display(),
            os_error(&error)
        );
        faults.push(ConfigError::new(place, what));
    }
    faults
}

/// Whether a file can be written: an existing one is opened, and for another one the directory must be there.
fn writable(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return std::fs::OpenOptions::new().append(true).open(path).map(drop);
    }
    let directory = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    std::fs::read_dir(directory).map(drop)
}

/// Reports every file and directory that is to be read and does not exist or is not readable. Nothing else is opened or
/// changed.
pub(crate) fn files(config: &Config) -> Vec<ConfigError> {
    let mut faults = Vec::new();
    readable(&config.security, &mut faults);
    readable(&config.default_listener, &mut faults);
    for listener in &config.listeners {
        readable(&listener.options, &mut faults);
        readable(&listener.security, &mut faults);
    }
    for bridge in &config.bridges {
        readable(&bridge.options, &mut faults);
    }
    faults
}

fn readable<T: Table>(section: &Section<T>, faults: &mut Vec<ConfigError>) {
    for entry in T::TABLE.iter().filter(|entry| matches!(entry.kind, ValueKind::File | ValueKind::Folder)) {
        let Some(place) = section.place(entry.name()) else { continue };
        let path = (entry.show)(&section.values);
        let tried = match entry.kind {
            ValueKind::Folder => std::fs::read_dir(Path::new(&path)).map(drop),
            _ => std::fs::File::open(&path).and_then(|file| {
                let is_file = !file.metadata()?.is_dir();
                if is_file { Ok(()) } else { Err(std::io::ErrorKind::IsADirectory.into()) }
            }),
        };
        if let Err(error) = tried {
            let what = format!("{}: cannot read {path}: {}", entry.name(), os_error(&error));
            faults.push(ConfigError::new(place, what));
        }
    }
}
