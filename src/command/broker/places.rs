//! The listeners of a configuration, in the terms of the transport and of the broker's rights.

use std::net::IpAddr;

use super::rights::Source;
use crate::broker::Policy;
use crate::config::listener::{Listener as Options, Protocol as Spoken, Security, Versions};
use crate::config::{Address, Config};
use crate::message::QoS;
use crate::transport::TlsVersion;
use crate::transport::listener::{
    Family, Host, Listener, ListenerTls, NameFrom, Place, Proof, Protocol, ProxyProtocol, Web,
};

/// All listeners that the configuration names, in its order, and who may come in there.
pub(super) fn of(config: &Config) -> Vec<(Listener, Source)> {
    let request = usize::from(config.global.values.packet_buffer_size);
    let own = &config.default_listener.values;
    let default = config.has_default_listener().then(|| {
        let address = Address::Tcp { port: own.port.unwrap_or(1883), host: own.bind_address.clone() };
        let security = &config.security.values;
        (listener(&address, own, security, request), source(config, own, security))
    });
    let named = config.listeners.iter().map(|section| {
        let security = if config.global.values.per_listener_settings {
            &section.security.values
        } else {
            &config.security.values
        };
        let options = &section.options.values;
        (listener(&section.address, options, security, request), source(config, options, security))
    });
    default.into_iter().chain(named).collect()
}

/// Who may come in by the listeners that nobody names: anybody, unless it is said.
pub(super) fn local(config: &Config) -> Source {
    let mut source = source(config, &Options::default(), &config.security.values);
    source.anonymous = Some(config.security.values.allow_anonymous.unwrap_or(true));
    source.policy.topic_aliases = None;
    source
}

fn source(config: &Config, options: &Options, security: &Security) -> Source {
    // Taken apart without `..`, so that no option is read and forgotten; the keys of TLS are `tls`'s.
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
    Source {
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

fn listener(address: &Address, options: &Options, security: &Security, request: usize) -> Listener {
    let place = match address {
        Address::Unix(path) => Place::Unix { path: path.clone(), mode: None },
        Address::Tcp { port, host } => {
            let family = match options.socket_domain.as_deref() {
                Some("ipv4") => Some(Family::V4),
                Some(_) => Some(Family::V6),
                None => None,
            };
            let host = match host {
                None => Host::Any(family),
                Some(host) => match host.parse::<IpAddr>() {
                    Ok(address) => Host::Address(address),
                    Err(_) => Host::Name(host.clone(), family),
                },
            };
            Place::Tcp { hosts: vec![host], port: *port, interface: options.bind_interface.clone() }
        }
    };
    let name = match (options.use_identity_as_username, options.use_subject_as_username) {
        (true, _) => NameFrom::Identity,
        (false, true) => NameFrom::Subject,
        (false, false) => NameFrom::Connect,
    };
    let version_2 = ProxyProtocol::V2 { require_tls: options.proxy_protocol_v2_require_tls };
    Listener {
        protocol: match options.protocol {
            Spoken::Mqtt => Protocol::Mqtt,
            Spoken::WebSockets => Protocol::WebSocket,
        },
        tls: tls(options, security),
        proxy: options.enable_proxy_protocol.map(|version| match version {
            1 => ProxyProtocol::V1,
            _ => version_2,
        }),
        require_certificate: options.require_certificate,
        name,
        web: Web {
            origins: options.websockets_origins.clone(),
            max_request: request.max(Web::default().max_request),
            ..Web::default()
        },
        max_connections: options.max_connections.0,
        ..Listener::plain(place)
    }
}

fn tls(options: &Options, security: &Security) -> Option<ListenerTls> {
    let proof = match (&options.certfile, &options.keyfile, &options.psk_hint, &security.psk_file) {
        (Some(chain), Some(key), _, _) => {
            Proof::Certificate { chain: chain.clone(), key: key.clone(), pass_phrase: None }
        }
        (_, _, Some(hint), Some(file)) => {
            Proof::PreSharedKey { file: file.clone(), hint: Some(hint.clone()) }
        }
        _ => return None,
    };
    Some(ListenerTls {
        ca_file: options.cafile.clone(),
        ca_path: options.capath.clone(),
        crl_file: options.crlfile.clone(),
        check_dates: !options.disable_client_cert_date_checks,
        least: match options.tls_version.as_deref() {
            Some("tlsv1.1") => TlsVersion::V1_1,
            Some("tlsv1.3") => TlsVersion::V1_3,
            _ => TlsVersion::V1_2,
        },
        ciphers: options.ciphers.clone(),
        ciphers_1_3: options.ciphers_tls13.clone(),
        ..ListenerTls::new(proof)
    })
}
