//! The handshake by the operating system's library.

use std::error::Error;

use native_tls::{Certificate, Identity as NativeIdentity, Protocol, TlsConnector};
use tokio_native_tls::TlsConnector as AsyncConnector;

use super::{Identity, Tls, TlsVersion, read, reason};
use crate::net::{Failure, Stream};
use crate::text::os_error;

pub(super) async fn handshake(
    connector: TlsConnector,
    host: &str,
    stream: Stream,
) -> Result<Stream, Failure> {
    let connected = AsyncConnector::from(connector).connect(host, stream).await;
    connected
        .map(|stream| Stream::Tls(Box::new(stream)))
        .map_err(|error| Failure::Handshake(words(&causes(&error))))
}

pub(super) fn connector(tls: &Tls) -> Result<TlsConnector, String> {
    let mut builder = TlsConnector::builder();
    let (least, most) = match tls.version {
        None => (Protocol::Tlsv12, None),
        Some(TlsVersion::V1_1) => (Protocol::Tlsv11, Some(Protocol::Tlsv11)),
        Some(TlsVersion::V1_2) => (Protocol::Tlsv12, Some(Protocol::Tlsv12)),
        Some(TlsVersion::V1_3) => (Protocol::Tlsv13, Some(Protocol::Tlsv13)),
    };
    builder.min_protocol_version(Some(least)).max_protocol_version(most);
    builder.danger_accept_invalid_hostnames(tls.any_name);
    if let Some(protocol) = &tls.alpn {
        builder.request_alpns(&[protocol]);
    }
    for path in tls.authorities()? {
        builder.disable_built_in_roots(!tls.trusts_system);
        let bad = |why: &str| format!("{}: {why}", path.display());
        let certificates =
            Certificate::stack_from_pem(&read(&path)?).map_err(|error| bad(reason(&causes(&error))))?;
        if certificates.is_empty() {
            return Err(bad("contains no PEM certificate"));
        }
        for certificate in certificates {
            builder.add_root_certificate(certificate);
        }
    }
    if let Some(own) = &tls.identity {
        builder.identity(identity(own)?);
    }
    builder.build().map_err(|error| reason(&causes(&error)).to_owned())
}

fn identity(own: &Identity) -> Result<NativeIdentity, String> {
    let Identity { certificate, key, pass_phrase } = own;
    let bytes = read(certificate)?;
    let Some(key) = key else {
        if bytes.starts_with(b"-----") {
            return Err(format!("{}: its key is not in it: give it with --key", certificate.display()));
        }
        let pass_phrase = pass_phrase.as_ref().map_or("", |secret| &secret.0);
        return NativeIdentity::from_pkcs12(&bytes, pass_phrase).map_err(|error| {
            let why = causes(&error);
            format!(
                "{}: it cannot be read as PKCS#12: {}; is the passphrase correct?",
                certificate.display(),
                reason(&why)
            )
        });
    };
    NativeIdentity::from_pkcs8(&bytes, &read(key)?).map_err(|error| {
        format!("{} with {}: {}", certificate.display(), key.display(), reason(&causes(&error)))
    })
}

/// The error with what caused it, on one line.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// What a failed handshake was about.
fn words(text: &str) -> String {
    let why = reason(text);
    if why == "certificate verify failed" {
        // The reason stands behind, in parentheses.
        let about = text.rsplit_once('(').map_or(why, |(_, rest)| rest.trim_end_matches(')'));
        return format!("the broker's certificate was rejected: {about}");
    }
    match why.split_once("alert ") {
        Some((_, alert)) => format!("the broker refused: {alert}"),
        None if why == "wrong version number" || why == "packet length too long" => {
            "the server does not speak TLS".to_owned()
        }
        None if why.contains("unexpected EOF") || why.contains("unexpected eof") => {
            "the broker closed the connection during the handshake".to_owned()
        }
        None => os_error(why),
    }
}
