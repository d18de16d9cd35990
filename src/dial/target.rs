//! From the flags of a client to where it connects and by what.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::cli::connect::{ConnectArgs, Dialect, TlsArgs, TlsVersionArg};
use crate::cli::exit::{Failure, INPUT, TLS};
use crate::cli::transport::SpecialTlsArgs;
use crate::cli::value::{Carrier, Url};
use crate::net::{Identity, Resource, Secret, SharedKey, Tls, TlsVersion};
use crate::text::os_error;

/// TLS, if the flags, the port or the URL ask for it.
///
/// # Errors
/// When the pass phrase of a key cannot be had.
pub(crate) fn tls(args: &TlsArgs, port: Option<u16>, url: Option<&Url>) -> Result<Option<Tls>, Failure> {
    let TlsArgs {
        cafile,
        capath,
        cert,
        key,
        insecure,
        tls_use_os_certs,
        no_tls,
        tls_alpn,
        tls_version,
        special,
    } = args;
    let asked = cafile.is_some()
        || capath.is_some()
        || cert.is_some()
        || special.psk.is_some()
        || *tls_use_os_certs
        || port == Some(8883)
        || url.is_some_and(|url| url.tls);
    if !asked || *no_tls {
        return Ok(None);
    }
    let identity = match cert {
        None => None,
        Some(certificate) => Some(Identity {
            certificate: certificate.clone(),
            key: key.clone(),
            pass_phrase: pass_phrase(special, key.as_deref().unwrap_or(certificate))?,
        }),
    };
    let version = tls_version.map(|version| match version {
        TlsVersionArg::V12 => TlsVersion::V1_2,
        TlsVersionArg::V13 => TlsVersion::V1_3,
    });
    // A list of ciphers is of 1.2 unless it is said.
    let version = version.or(special.ciphers.as_ref().map(|_| TlsVersion::V1_2));
    let (ciphers, suites) = match version {
        Some(TlsVersion::V1_3) => (None, special.ciphers.clone()),
        _ => (special.ciphers.clone(), None),
    };
    let shared_key = special.psk.clone().zip(special.psk_identity.clone());
    Ok(Some(Tls {
        ca_file: cafile.clone(),
        ca_path: capath.clone(),
        trusts_system: *tls_use_os_certs,
        identity,
        any_name: *insecure,
        asks_ocsp: false,
        alpn: tls_alpn.clone(),
        version,
        shared_key: shared_key.map(|(key, identity)| SharedKey { identity, key: key.0 }),
        ciphers,
        suites,
        key_log: special.tls_keylog.clone(),
        made: None,
    }))
}

/// What the key in this file is encrypted with, if it is.
fn pass_phrase(args: &SpecialTlsArgs, path: &Path) -> Result<Option<Secret>, Failure> {
    let unreadable = |path: &Path, error| {
        Failure::new(INPUT, format!("cannot read {}: {}", path.display(), os_error(&error)))
    };
    if let Some(file) = &args.key_pass_file {
        let text = std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?;
        return Ok(Some(Secret(text.lines().next().unwrap_or_default().to_owned())));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(TLS, format!("cannot read {}: {}", path.display(), os_error(&error)))
    })?;
    let is_encrypted = bytes.windows(9).any(|word| word == b"ENCRYPTED");
    if !is_encrypted || !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let asked = rpassword::prompt_password(format!("Pass phrase of {}: ", path.display()));
    asked.map(|text| Some(Secret(text))).map_err(|error| unreadable(Path::new("the terminal"), error))
}

/// The Unix socket to connect to, if it is one; port 0 says that the host is one, as in mosquitto's clients.
#[cfg(unix)]
pub(crate) fn unix(args: &ConnectArgs, url: Option<&Url>, host: &str, port: u16) -> Option<PathBuf> {
    let by_url = url.is_some_and(|url| url.carrier == Carrier::Unix) || args.host.is_some() && port == 0;
    args.unix.clone().or_else(|| by_url.then(|| PathBuf::from(host)))
}

/// The WebSocket to ask for, if one is.
pub(crate) fn resource(args: &ConnectArgs, url: Option<&Url>) -> Option<Resource> {
    let transport = &args.transport;
    let asked = transport.ws || url.is_some_and(|url| url.carrier == Carrier::WebSocket);
    asked.then(|| Resource { path: transport.ws_path.clone(), headers: transport.ws_header.clone() })
}

/// The port where none is named.
pub(crate) fn standard_port(args: &ConnectArgs, url: Option<&Url>, has_tls: bool) -> u16 {
    // mosquitto's clients take the ports of MQTT also for these URLs, whatever their manual says.
    let is_web = url.is_some_and(|url| url.carrier == Carrier::WebSocket) && args.dialect == Dialect::Skeeter;
    match (is_web, has_tls) {
        (false, false) => 1883,
        (false, true) => 8883,
        (true, false) => 80,
        (true, true) => 443,
    }
}
