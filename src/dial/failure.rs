//! Why there is no connection, or no longer one, as a user is told: what failed, why, and what to do about it.

use std::io;
use std::net::IpAddr;

use crate::cli::connect::Dialect;
use crate::client::Settings;
use crate::codec::packet::Version;
use crate::codec::reason::Reason;
use crate::net::link::{Ended, ForeignService};
use crate::net::{Failure as TransportFailure, Target};

/// One line about the end of a connection, or of the attempt to make one.
pub(super) fn line(ended: &Ended, target: &Target, settings: &Settings, dialect: Dialect) -> String {
    let what = match ended {
        // It names the file or flag itself.
        Ended::Unreachable(TransportFailure::TlsSetting(text)) => return text.clone(),
        Ended::Unreachable(_)
        | Ended::Unanswered(_)
        | Ended::NotMqtt(_)
        | Ended::Refused { .. }
        | Ended::RefusedWith(_) => format!("cannot connect to {target}: {ended}"),
        Ended::Disconnected { .. } | Ended::Lost(_) | Ended::Silent(_) | Ended::Fault(_) => {
            format!("{target}: {ended}")
        }
    };
    match advice(ended, target, settings, dialect) {
        Some(advice) => format!("{what}; {advice}"),
        None => what,
    }
}

/// What to do about it, in terms of flags.
fn advice(ended: &Ended, target: &Target, settings: &Settings, dialect: Dialect) -> Option<String> {
    match ended {
        Ended::Unreachable(failure) => unreachable(failure, target, dialect),
        Ended::Unanswered(error) => unanswered(error, target),
        Ended::NotMqtt(service) => Some(foreign(*service, target).to_owned()),
        Ended::Refused { reason, .. } => refused(*reason, settings).map(str::to_owned),
        Ended::RefusedWith(_)
        | Ended::Disconnected { .. }
        | Ended::Lost(_)
        | Ended::Silent(_)
        | Ended::Fault(_) => None,
    }
}

fn unreachable(failure: &TransportFailure, target: &Target, dialect: Dialect) -> Option<String> {
    match failure {
        TransportFailure::Lookup(error) => lookup(error, target),
        TransportFailure::Connect(error) => connect(error, target, dialect),
        TransportFailure::Service(_) => Some("to connect to a host directly, leave out -S".to_owned()),
        TransportFailure::Handshake(text) => tls(text, target).map(str::to_owned),
        TransportFailure::WebSocket(text) => web_socket(text).map(str::to_owned),
        TransportFailure::Proxy(_) => Some("check --proxy".to_owned()),
        TransportFailure::TlsSetting(_) => None,
    }
}

fn lookup(error: &io::Error, target: &Target) -> Option<String> {
    let host = target.host.as_str();
    if let Some((scheme, rest)) = host.split_once("://") {
        return Some(format!("give a URL without -h: -L {scheme}://{rest}"));
    }
    if let Some((name, port)) = host.rsplit_once(':')
        && port.parse::<u16>().is_ok()
    {
        return Some(format!("give the port with -p: -h {name} -p {port}"));
    }
    if host.starts_with('[') {
        return Some("write an IPv6 address after -h without brackets".to_owned());
    }
    if error.to_string().contains("Temporary failure") {
        return Some("check the network connection and the name servers in /etc/resolv.conf".to_owned());
    }
    host.ends_with(".local").then(|| "names in .local need mDNS on this machine (nss-mdns)".to_owned())
}

fn connect(error: &io::Error, target: &Target, dialect: Dialect) -> Option<String> {
    use io::ErrorKind as Kind;
    #[cfg(unix)]
    if let Some(path) = &target.unix {
        let path = path.display();
        return match error.kind() {
            Kind::NotFound | Kind::ConnectionRefused => {
                Some(format!("is a broker running? (start one with: skeeter broker --unix {path})"))
            }
            Kind::PermissionDenied => Some("this user needs write permission for the socket".to_owned()),
            _ => None,
        };
    }
    let port = target.port;
    match error.kind() {
        Kind::ConnectionRefused if is_this_machine(&target.host) => Some(match dialect {
            Dialect::Skeeter => format!("is a broker running? (start one with: {})", broker_command(target)),
            Dialect::Mosquitto => "is a broker running?".to_owned(),
        }),
        Kind::ConnectionRefused => Some(format!("is a broker running there, and does it use port {port}?")),
        Kind::TimedOut => Some(format!("check the address, and whether a firewall blocks port {port}")),
        Kind::NetworkUnreachable | Kind::HostUnreachable => {
            Some("check the address and the network connection of this machine".to_owned())
        }
        Kind::AddrNotAvailable if target.from.is_some() => {
            Some("-A takes an address of this machine; `ip address` lists them".to_owned())
        }
        _ => None,
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The command that starts a broker where `target` looks for one.
fn broker_command(target: &Target) -> String {
    let port = target.port;
    match (target.tls.is_some(), target.web.is_some()) {
        (false, false) if port == 1883 => "skeeter broker".to_owned(),
        (false, false) => format!("skeeter broker -p {port}"),
        (true, false) => format!("skeeter broker --tls auto --tls-port {port}"),
        (false, true) => format!("skeeter broker --ws={port}"),
        (true, true) => format!("skeeter broker --tls auto --wss={port}"),
    }
}

fn unanswered(error: &io::Error, target: &Target) -> Option<String> {
    let port = target.port;
    if error.kind() == io::ErrorKind::TimedOut {
        return Some(format!("is port {port} one for MQTT?"));
    }
    let is_plain = target.tls.is_none() && target.web.is_none();
    is_plain.then(|| {
        format!(
            "if port {port} expects TLS, add --cafile FILE or --tls-use-os-certs; if it expects WebSocket, --ws"
        )
    })
}

fn foreign(service: ForeignService, target: &Target) -> &'static str {
    match service {
        ForeignService::Http => "for MQTT over WebSocket, add --ws",
        ForeignService::Tls if target.tls.is_none() => {
            "for MQTT over TLS, add --cafile FILE or --tls-use-os-certs"
        }
        ForeignService::Nats => "use the port of its MQTT listener",
        ForeignService::Tls | ForeignService::Ssh | ForeignService::Amqp | ForeignService::Mail => {
            "check the port; brokers usually listen on 1883, or on 8883 with TLS"
        }
    }
}

/// About a failed handshake of TLS, by what the libraries say of it.
fn tls(text: &str, target: &Target) -> Option<&'static str> {
    let has_identity = target.tls.as_ref().is_some_and(|tls| tls.identity.is_some());
    let has_key = target.tls.as_ref().is_some_and(|tls| tls.shared_key.is_some());
    let text = text.to_ascii_lowercase();
    let has = |part: &str| text.contains(part);
    if has("mismatch") {
        Some("connect by a name that is in the certificate, or skip this check with --insecure")
    } else if has("self-signed") || has("self signed") || has("local issuer") {
        Some("to trust it, give the certificate of its CA with --cafile FILE")
    } else if has("expired") && has("rejected") {
        Some("renew the certificate on the broker, or check the clock of this machine")
    } else if has("not yet valid") {
        Some("check the clocks of the broker and of this machine")
    } else if has("does not speak tls") {
        Some("for MQTT without TLS, add --no-tls or use an mqtt:// URL")
    } else if has_key && (has("refused") || has("closed")) {
        Some("check --psk and --psk-identity")
    } else if has("certificate required") || has("closed the connection") && !has_identity {
        Some(
            "if the broker requires a client certificate, add --cert and --key; if it does not use TLS, --no-tls",
        )
    } else if has("refused") && has("unknown ca") {
        Some("the broker does not know the CA that issued the client certificate given with --cert")
    } else if has("refused") && has("protocol version") {
        Some("try another version with --tls-version")
    } else if has("refused") && has("handshake failure") && !has_identity {
        Some("the broker may require a client certificate: --cert and --key")
    } else {
        None
    }
}

fn web_socket(text: &str) -> Option<&'static str> {
    let has = |part: &str| text.contains(part);
    if has("not HTTP") || has("without answering") {
        Some("for MQTT without WebSocket, use an mqtt:// URL, or leave out --ws")
    } else if has("answered 404") {
        Some("give the path of the broker's WebSocket with --ws-path")
    } else if has("answered 401") || has("answered 403") {
        Some("give credentials for the web server with --ws-header")
    } else {
        None
    }
}

fn refused(reason: Reason, settings: &Settings) -> Option<&'static str> {
    match reason {
        Reason::BAD_USER_NAME_OR_PASSWORD | Reason::NOT_AUTHORIZED if settings.username.is_none() => {
            Some("give a username and password with -u and -P")
        }
        Reason::BAD_USER_NAME_OR_PASSWORD => Some("check the username and password"),
        Reason::NOT_AUTHORIZED => Some("check the username and password, and the broker's permissions"),
        Reason::CLIENT_IDENTIFIER_NOT_VALID => {
            Some("choose another client ID with -i; some brokers take at most 23 letters and digits")
        }
        Reason::UNSUPPORTED_PROTOCOL_VERSION if settings.version == Version::V5 => Some("try -V 311"),
        Reason::UNSUPPORTED_PROTOCOL_VERSION => Some("try -V 5"),
        Reason::SERVER_UNAVAILABLE | Reason::SERVER_BUSY | Reason::CONNECTION_RATE_EXCEEDED => {
            Some("try again later, or let --wait do it")
        }
        Reason::TOPIC_NAME_INVALID => Some("check --will-topic"),
        Reason::QOS_NOT_SUPPORTED => Some("lower --will-qos"),
        Reason::RETAIN_NOT_SUPPORTED => Some("leave out --will-retain"),
        _ => None,
    }
}
