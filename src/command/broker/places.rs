//! The listeners of a configuration, in the transport's terms.

use std::net::IpAddr;

use crate::config::listener::{Listener as Options, Protocol as Spoken, Security};
use crate::config::{Address, Config};
use crate::transport::TlsVersion;
use crate::transport::listener::{
    Family, Host, Listener, ListenerTls, NameFrom, Place, Proof, Protocol, ProxyProtocol, Web,
};

/// All listeners that the configuration names, in its order.
pub(super) fn of(config: &Config) -> Vec<Listener> {
    let request = usize::from(config.global.values.packet_buffer_size);
    let own = &config.default_listener.values;
    let default = config.has_default_listener().then(|| {
        let address = Address::Tcp { port: own.port.unwrap_or(1883), host: own.bind_address.clone() };
        listener(&address, own, &config.security.values, request)
    });
    let named = config.listeners.iter().map(|section| {
        let security = if config.global.values.per_listener_settings {
            &section.security.values
        } else {
            &config.security.values
        };
        listener(&section.address, &section.options.values, security, request)
    });
    default.into_iter().chain(named).collect()
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
        (_, _, Some(_), Some(file)) => Proof::PreSharedKey { file: file.clone() },
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
