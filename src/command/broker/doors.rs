//! From the flags to the listeners.

use std::path::{Path, PathBuf};

use crate::cli::broker::BrokerArgs;
use crate::cli::connect::TlsVersionArg;
use crate::cli::door::{DoorArgs, DoorTlsArgs, TlsMode};
#[cfg(unix)]
use crate::command::authority::{self, Authority};
use crate::transport::TlsVersion;
use crate::transport::listener::{
    Listener, ListenerTls, NameFrom, Place, Proof, Protocol, ProxyProtocol, Secret, Web,
};

/// All listeners that the flags ask for, the one without TLS first.
///
/// # Errors
/// One line: which flags do not go together, or which file cannot be read.
pub(super) fn listeners(args: &BrokerArgs) -> Result<Vec<Listener>, String> {
    // Taken apart without `..`, so that no flag is parsed and forgotten.
    let DoorArgs {
        port,
        bind,
        bind_interface,
        unix,
        unix_mode,
        ws,
        wss,
        no_plain,
        origin,
        trusted_proxy,
        proxy_protocol,
        handshake_timeout,
        tls,
    } = &args.doors;
    let secured = secured(tls, args.store.data_dir.as_deref())?;
    if secured.is_none() && (wss.is_some() || *no_plain || tls.tls_port.is_some()) {
        return Err(
            "--wss, --tls-port and --no-plain need TLS: add --tls auto, or --cert and --key".to_owned()
        );
    }
    let free = *port == Some(0) || port.is_none() && args.exec.is_some();
    // Who asks for a free port means it of all whose port is not given.
    let number = |given: Option<u16>, standard: u16| given.unwrap_or(if free { 0 } else { standard });
    let listener = |port: u16, protocol: Protocol, tls: Option<&ListenerTls>| Listener {
        protocol,
        tls: tls.cloned(),
        proxy: proxy_protocol.map(|version| match version {
            1 => ProxyProtocol::V1,
            _ => ProxyProtocol::V2 { require_tls: false },
        }),
        require_certificate: args.doors.tls.require_certificate,
        name: name_from(&args.doors.tls),
        web: Web { origins: origin.clone(), trusted_proxies: trusted_proxy.clone(), ..Web::default() },
        handshake_timeout: *handshake_timeout,
        ..Listener::plain(Place::Tcp { hosts: bind.clone(), port, interface: bind_interface.clone() })
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
    let socket = unix.clone().map(|path| Listener::plain(Place::Unix { path, mode: *unix_mode }));
    listeners.extend(socket);
    Ok(listeners)
}

fn name_from(args: &DoorTlsArgs) -> NameFrom {
    match (args.use_identity_as_username, args.use_subject_as_username) {
        (true, _) => NameFrom::Identity,
        (_, true) => NameFrom::Subject,
        _ => NameFrom::Connect,
    }
}

/// What is common to all listeners with TLS, if the flags ask for any. What is made for them lies in `data`, if anywhere.
fn secured(args: &DoorTlsArgs, data: Option<&Path>) -> Result<Option<ListenerTls>, String> {
    let DoorTlsArgs {
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
    let proof = match (cert.clone().zip(key.clone()).or(made.map(|(_, pair)| pair)), psk_file) {
        (Some((chain, key)), _) => Proof::Certificate {
            chain,
            key,
            pass_phrase: key_pass_file.as_deref().map(first_line).transpose()?,
        },
        (None, Some(file)) => Proof::PreSharedKey { file: file.clone(), hint: None },
        (None, None) => return Ok(None),
    };
    Ok(Some(ListenerTls {
        // Our own authority knows our clients, unless another is given.
        ca_file: cafile.clone().or_else(|| authority.filter(|_| capath.is_none())),
        ca_path: capath.clone(),
        crl_file: crlfile.clone(),
        least: match tls_version {
            TlsVersionArg::V12 => TlsVersion::V1_2,
            TlsVersionArg::V13 => TlsVersion::V1_3,
        },
        ciphers: ciphers.clone(),
        ciphers_1_3: ciphers_tls13.clone(),
        alpn: tls_alpn.clone(),
        key_log: tls_keylog.clone(),
        ..ListenerTls::new(proof)
    }))
}

/// The authority, and the certificate of this machine with its key, made where they are not there.
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
    let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(Secret(text.lines().next().unwrap_or_default().to_owned()))
}
