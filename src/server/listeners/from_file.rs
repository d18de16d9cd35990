//! The listeners of a configuration file.

use crate::broker::Policy;
use crate::config::Config;
use crate::config::listener::{ListenerOptions, Security, Versions};
use crate::message::QoS;
use crate::net::TlsVersion;
use crate::net::listener::{
    Family, ListenAddress, Listener, ListenerTls, ProxyProtocol, ServerCredentials, SocketAccess,
    UsernameSource, WebSocketOptions,
};
use crate::server::permissions::PermissionSource;

/// All listeners of the configuration, in its order, with their permissions.
pub(in crate::server) fn listeners(config: &Config) -> Vec<(Listener, PermissionSource)> {
    let request = usize::from(config.global.values.packet_buffer_size);
    let own = &config.default_listener.values;
    let default = config.has_default_listener().then(|| {
        let address = ListenAddress::tcp(own.port.unwrap_or(1883), own.bind_address.as_deref());
        let security = &config.security.values;
        (listener(address, own, security, request), source(config, own, security))
    });
    let named = config.listeners.iter().map(|section| {
        let security = if config.global.values.per_listener_settings {
            &section.security.values
        } else {
            &config.security.values
        };
        let options = &section.options.values;
        (listener(section.address.clone(), options, security, request), source(config, options, security))
    });
    default.into_iter().chain(named).collect()
}

/// The permissions of listeners that the configuration does not name: anonymous clients are allowed by default.
pub(in crate::server) fn unnamed_permissions(config: &Config) -> PermissionSource {
    let mut source = source(config, &ListenerOptions::default(), &config.security.values);
    source.anonymous = Some(config.security.values.allow_anonymous.unwrap_or(true));
    source.policy.topic_aliases = None;
    source
}

fn source(config: &Config, options: &ListenerOptions, security: &Security) -> PermissionSource {
    // Destructured without `..`, so that no option is read and then forgotten; `tls` uses psk_file.
    let Security {
        acl_file,
        password_file,
        psk_file: _,
        allow_anonymous,
        allow_zero_length_clientid,
        auto_id_prefix,
    } = security;
    let global = &config.global.values;
    let Versions { v3_1, v3_1_1, v5 } = options.accept_protocol_versions;
    PermissionSource {
        users: Vec::new(),
        password_file: password_file.clone(),
        acl_file: acl_file.clone(),
        anonymous: Some(options.allow_anonymous.or(*allow_anonymous).unwrap_or(false)),
        policy: Policy {
            certificate: options.use_identity_as_username || options.use_subject_as_username,
            username_as_client_id: options.use_username_as_clientid,
            client_id_prefix: global.clientid_prefixes.as_deref().map(Into::into),
            empty_client_id: *allow_zero_length_clientid,
            auto_id_prefix: options.auto_id_prefix.as_deref().unwrap_or(auto_id_prefix).into(),
            versions: [v3_1, v3_1_1, v5],
            max_qos: QoS::from_bits(options.max_qos).unwrap_or(QoS::ExactlyOnce),
            topic_aliases: Some((options.max_topic_alias, options.max_topic_alias_broker)),
            mount_point: options.mount_point.as_deref().map(Into::into),
            check_retain_source: global.check_retain_source,
            ..Policy::default()
        },
    }
}

fn listener(
    address: ListenAddress,
    options: &ListenerOptions,
    security: &Security,
    max_request: usize,
) -> Listener {
    let family = options.socket_domain.as_deref().map(|domain| match domain {
        "ipv4" => Family::V4,
        _ => Family::V6,
    });
    let username = match (options.use_identity_as_username, options.use_subject_as_username) {
        (true, _) => UsernameSource::Identity,
        (false, true) => UsernameSource::Subject,
        (false, false) => UsernameSource::Connect,
    };
    let access = SocketAccess {
        mode: Some(options.socket_mode.unwrap_or_default().0),
        owner: options.socket_owner.as_deref().map(Into::into),
        group: options.socket_group.as_deref().map(Into::into),
    };
    let version_2 = ProxyProtocol::V2 { require_tls: options.proxy_protocol_v2_require_tls };
    Listener {
        protocol: options.protocol,
        tls: tls(options, security),
        proxy: options.enable_proxy_protocol.map(|version| match version {
            1 => ProxyProtocol::V1,
            _ => version_2,
        }),
        require_certificate: options.require_certificate,
        username,
        websocket: WebSocketOptions {
            origins: options.websockets_origins.clone(),
            max_request: max_request.max(WebSocketOptions::default().max_request),
            ..WebSocketOptions::default()
        },
        max_connections: options.max_connections.0,
        ..Listener::plain(address.restricted_to(family, options.bind_interface.clone()).with_access(access))
    }
}

fn tls(options: &ListenerOptions, security: &Security) -> Option<ListenerTls> {
    let credentials = match (&options.certfile, &options.keyfile, &options.psk_hint, &security.psk_file) {
        (Some(chain), Some(key), _, _) => {
            ServerCredentials::Certificate { chain: chain.clone(), key: key.clone(), pass_phrase: None }
        }
        (_, _, Some(hint), Some(file)) => {
            ServerCredentials::PreSharedKey { file: file.clone(), hint: Some(hint.clone()) }
        }
        _ => return None,
    };
    Some(ListenerTls {
        ca_file: options.cafile.clone(),
        ca_path: options.capath.clone(),
        crl_file: options.crlfile.clone(),
        check_dates: !options.disable_client_cert_date_checks,
        min_version: match options.tls_version.as_deref() {
            Some("tlsv1.1") => TlsVersion::V1_1,
            Some("tlsv1.3") => TlsVersion::V1_3,
            _ => TlsVersion::V1_2,
        },
        ciphers: options.ciphers.clone(),
        ciphers_1_3: options.ciphers_tls13.clone(),
        ..ListenerTls::new(credentials)
    })
}
