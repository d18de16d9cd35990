//! The handshake by OpenSSL, for keys shared before, ciphers, key logs, and keys that are encrypted or of an older form.

use std::pin::Pin;

use openssl::ssl::{SslConnector, SslConnectorBuilder, SslMethod, SslVersion, StatusType};
use openssl::x509::store::X509StoreBuilder;
use tokio_openssl::SslStream;

use super::{Tls, TlsVersion, ocsp};
use crate::net::material::{self, words};
use crate::net::{Failure, Stream};

pub(super) async fn handshake(
    connector: &SslConnector,
    host: &str,
    tls: &Tls,
    stream: Stream,
) -> Result<Stream, Failure> {
    let ssl = connector.configure().and_then(|mut configuration| {
        configuration.set_verify_hostname(!tls.any_name);
        if tls.asks_ocsp {
            configuration.set_status_type(StatusType::OCSP)?;
        }
        configuration.into_ssl(host)
    });
    let stream = ssl.and_then(|ssl| SslStream::new(ssl, stream));
    let mut stream = Box::new(stream.map_err(|error| Failure::TlsSetting(words(&error)))?);
    match Pin::new(&mut *stream).connect().await {
        Ok(()) => Ok(Stream::OpenSsl(stream)),
        Err(error) => {
            let why = material::failure(&error, stream.ssl(), "broker");
            if tls.asks_ocsp && why.contains("status response") {
                let why = "the broker brings no good OCSP answer of its authority, which is asked for";
                return Err(Failure::Handshake(why.to_owned()));
            }
            Err(Failure::Handshake(why))
        }
    }
}

pub(super) fn connector(tls: &Tls) -> Result<SslConnector, String> {
    let cannot = |error| format!("TLS cannot be set up: {}", words(&error));
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(cannot)?;
    set_version(&mut builder, tls)?;
    let authorities = tls.authorities()?;
    let trusts_system = tls.shared_key.is_none() && (authorities.is_empty() || tls.trusts_system);
    if !authorities.is_empty() {
        let mut store = X509StoreBuilder::new().map_err(cannot)?;
        if tls.trusts_system {
            store.set_default_paths().map_err(cannot)?;
        }
        for path in authorities {
            for authority in material::certificates(&path)? {
                store.add_cert(authority).map_err(cannot)?;
            }
        }
        builder.set_cert_store(store.build());
    }
    // The OpenSSL of a distribution knows where that keeps its CAs; one that is linked into the program does not.
    if trusts_system && cfg!(target_feature = "crt-static") {
        trust_system(&mut builder);
    }
    if let Some(own) = &tls.identity {
        show(&mut builder, own)?;
    }
    if tls.asks_ocsp {
        builder.set_status_callback(|ssl| Ok(ocsp::is_good(ssl))).map_err(cannot)?;
    }
    if let Some(protocol) = &tls.alpn {
        let len =
            u8::try_from(protocol.len()).map_err(|_| "--tls-alpn has more than 255 bytes".to_owned())?;
        builder.set_alpn_protos(&[&[len], protocol.as_bytes()].concat()).map_err(cannot)?;
    }
    if let Some(shared) = tls.shared_key.clone() {
        builder.set_psk_client_callback(move |_, _, identity, key| {
            // OpenSSL wants a NUL behind the identity; what does not fit is no key.
            let room = identity.get_mut(..=shared.identity.len()).zip(key.get_mut(..shared.key.len()));
            let Some((identity, key)) = room else { return Ok(0) };
            let (text, end) = identity.split_at_mut(shared.identity.len());
            text.copy_from_slice(shared.identity.as_bytes());
            end.fill(0);
            key.copy_from_slice(&shared.key);
            Ok(shared.key.len())
        });
    }
    if let Some(path) = &tls.key_log {
        material::log_keys(&mut builder, path)?;
    }
    Ok(builder.build())
}

/// Adds the CAs of the operating system, which each distribution keeps somewhere else.
fn trust_system(builder: &mut SslConnectorBuilder) {
    let found = openssl_probe::probe();
    // If one cannot be read, the certificates of its CAs are refused, which says what is missing.
    if let Some(file) = &found.cert_file {
        let _ = builder.load_verify_locations(Some(file), None);
    }
    for directory in &found.cert_dir {
        let _ = builder.load_verify_locations(None, Some(directory));
    }
}

fn set_version(builder: &mut SslConnectorBuilder, tls: &Tls) -> Result<(), String> {
    let cannot = |error| format!("TLS cannot be set up: {}", words(&error));
    // A key shared before is of 1.2 unless it is said.
    let implied = tls.shared_key.as_ref().map(|_| TlsVersion::V1_2);
    let version = tls.version.or(implied).map(|version| match version {
        TlsVersion::V1_1 => SslVersion::TLS1_1,
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    });
    builder.set_min_proto_version(version.or(Some(SslVersion::TLS1_2))).map_err(cannot)?;
    builder.set_max_proto_version(version).map_err(cannot)?;
    let unknown = |list: &str| format!("the ciphers {list}: OpenSSL does not know them");
    if let Some(list) = &tls.suites {
        builder.set_ciphersuites(list).map_err(|_| unknown(list))?;
    }
    match &tls.ciphers {
        Some(list) => builder.set_cipher_list(list).map_err(|_| unknown(list)),
        None if tls.shared_key.is_some() => builder.set_cipher_list("PSK:!eNULL:!aNULL").map_err(cannot),
        None => Ok(()),
    }
}

/// Shows our certificate to a broker that asks for one.
fn show(builder: &mut SslConnectorBuilder, own: &super::Identity) -> Result<(), String> {
    let cannot = |error| format!("{}: {}", own.certificate.display(), words(&error));
    let pass_phrase = own.pass_phrase.as_ref();
    let (chain, key) = match &own.key {
        Some(key) => (material::certificates(&own.certificate)?, material::key(key, pass_phrase)?),
        None => material::pkcs12(&own.certificate, pass_phrase)?,
    };
    let mut chain = chain.into_iter();
    // There is at least one.
    chain.next().map_or(Ok(()), |certificate| builder.set_certificate(&certificate)).map_err(cannot)?;
    for authority in chain {
        builder.add_extra_chain_cert(authority).map_err(cannot)?;
    }
    builder
        .set_private_key(&key)
        .and_then(|()| builder.check_private_key())
        .map_err(|_| format!("{}: the key given belongs to another certificate", own.certificate.display()))
}
