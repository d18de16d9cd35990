//! The listeners that flags ask for.

use std::path::{Path, PathBuf};

use crate::cli::broker::BrokerArgs;
use crate::cli::connect::TlsVersionArg;
use crate::cli::listener::{ListenerArgs, ListenerTlsArgs, TlsMode};
use crate::net::TlsVersion;
#[cfg(unix)]
use crate::net::authority::{self, Authority};
use crate::net::listener::{
    ListenAddress, Listener, ListenerTls, Protocol, ProxyProtocol, Secret, ServerCredentials, SocketAccess,
    UsernameSource, WebSocketOptions,
};
use crate::text::os_error;

/// All listeners that the flags ask for, those without TLS first.
///
/// # Errors
/// One line: which flags do not go together, or which file cannot be read.
pub(in crate::server) fn listeners(args: &BrokerArgs) -> Result<Vec<Listener>, String> {
    // Destructured without `..`, so that no flag is parsed and then forgotten.
    let ListenerArgs {
        port,
        bind,
        bind_interface,
        unix,
        unix_mode,
        ws,
        wss,
        http,
        http_bind,
        no_plain,
        origin,
        trusted_proxy,
        proxy_protocol,
        handshake_timeout,
        tls,
    } = &args.listeners;
    let secured = secured(tls, args.store.data_dir.as_deref())?;
    if secured.is_none() && (wss.is_some() || *no_plain || tls.tls_port.is_some()) {
        return Err(
            "--wss, --tls-port and --no-plain need TLS: add --tls auto, or --cert and --key".to_owned()
        );
    }
    let free = *port == Some(0) || port.is_none() && args.exec.is_some();
    // -p 0 means a free port for each listener whose port is not given.
    let number = |given: Option<u16>, standard: u16| given.unwrap_or(if free { 0 } else { standard });
    let listener = |port: u16, protocol: Protocol, tls: Option<&ListenerTls>| Listener {
        protocol,
        tls: tls.cloned(),
        proxy: proxy_protocol.map(|version| match version {
            1 => ProxyProtocol::V1,
            _ => ProxyProtocol::V2 { require_tls: false },
        }),
        require_certificate: args.listeners.tls.require_certificate,
        username: username_source(&args.listeners.tls),
        websocket: WebSocketOptions {
            origins: origin.clone(),
            trusted_proxies: trusted_proxy.clone(),
            ..WebSocketOptions::default()
        },
        handshake_timeout: *handshake_timeout,
        ..Listener::plain(ListenAddress::Tcp { hosts: bind.clone(), port, interface: bind_interface.clone() })
    };
    let mut listeners = Vec::new();
    if !no_plain {
        listeners.push(listener(number(*port, 1883), Protocol::Mqtt, None));
        listeners.extend(ws.map(|ws| listener(number(ws, 9001), Protocol::WebSocket, None)));
    }
    if let Some(secured) = &secured {
        listeners.push(listener(number(tls.tls_port, 8883), Protocol::Mqtt, Some(secured)));
        listeners.extend(wss.map(|wss| listener(number(wss, 9443), Protocol::WebSocket, Some(secured))));
    }
    listeners.extend(http.map(|http| {
        let port = number(http, 9883);
        let address = ListenAddress::Tcp { hosts: http_bind.clone(), port, interface: None };
        let proxy = None;
        Listener { address, proxy, ..listener(port, Protocol::Http, secured.as_ref()) }
    }));
    let access = SocketAccess { mode: *unix_mode, ..SocketAccess::default() };
    let socket = unix.clone().map(|path| Listener::plain(ListenAddress::Unix { path, access }));
    listeners.extend(socket);
    Ok(listeners)
}

fn username_source(args: &ListenerTlsArgs) -> UsernameSource {
    match (args.use_identity_as_username, args.use_subject_as_username) {
        (true, _) => UsernameSource::Identity,
        (_, true) => UsernameSource::Subject,
        _ => UsernameSource::Connect,
    }
}

/// What all listeners with TLS have in common, if the flags ask for any. --tls auto keeps its certificates in `data`.
fn secured(args: &ListenerTlsArgs, data: Option<&Path>) -> Result<Option<ListenerTls>, String> {
    let ListenerTlsArgs {
        tls,
        cert,
        key,
        key_pass_file,
        tls_port: _,
        cafile,
        capath,
        crlfile,
        require_certificate: _,
        use_identity_as_username: _,
        use_subject_as_username: _,
        tls_version,
        ciphers,
        ciphers_tls13,
        tls_alpn,
        tls_keylog,
        psk_file,
    } = args;
    let made = tls.map(|TlsMode::Auto| make(data)).transpose()?;
    let authority = made.as_ref().map(|(authority, _)| authority.clone());
    let credentials = match (cert.clone().zip(key.clone()).or(made.map(|(_, pair)| pair)), psk_file) {
        (Some((chain, key)), _) => ServerCredentials::Certificate {
            chain,
            key,
            pass_phrase: key_pass_file.as_deref().map(first_line).transpose()?,
        },
        (None, Some(file)) => ServerCredentials::PreSharedKey { file: file.clone(), hint: None },
        (None, None) => return Ok(None),
    };
    Ok(Some(ListenerTls {
        // The CA of --tls auto also signs client certificates, unless another CA is given.
        ca_file: cafile.clone().or_else(|| authority.filter(|_| capath.is_none())),
        ca_path: capath.clone(),
        crl_file: crlfile.clone(),
        min_version: match tls_version {
            TlsVersionArg::V12 => TlsVersion::V1_2,
            TlsVersionArg::V13 => TlsVersion::V1_3,
        },
        ciphers: ciphers.clone(),
        ciphers_1_3: ciphers_tls13.clone(),
        alpn: tls_alpn.clone(),
        key_log: tls_keylog.clone(),
        ..ListenerTls::new(credentials)
    }))
}

/// The CA certificate, and the certificate of this machine with its key; created on first use.
#[cfg(unix)]
fn make(data: Option<&Path>) -> Result<(PathBuf, (PathBuf, PathBuf)), String> {
    let authority = Authority::open(&authority::directory(data)?)?;
    let server = authority.server(&authority::machine_names())?;
    Ok((authority.certificate(), (server.certificate, server.key)))
}

#[cfg(not(unix))]
fn make(_data: Option<&Path>) -> Result<(PathBuf, (PathBuf, PathBuf)), String> {
    Err("--tls auto needs OpenSSL, which this build does not have".to_owned())
}

fn first_line(path: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("cannot read {}: {}", path.display(), os_error(&error)))?;
    Ok(Secret(text.lines().next().unwrap_or_default().to_owned()))
}
