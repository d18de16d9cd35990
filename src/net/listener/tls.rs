//! TLS on a listener: the OpenSSL context made from its files, and the handshake.

use std::collections::HashMap;
use std::path::Path;
use std::pin::Pin;

use openssl::bn::BigNum;
use openssl::dh::Dh;
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::Params;
use openssl::ssl::{
    AlpnError, Ssl, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslMode, SslOptions,
    SslSessionCacheMode, SslVerifyMode, SslVersion,
};
use openssl::stack::Stack;
use openssl::x509::store::{X509Lookup, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509Name, X509Ref, X509VerifyResult};
use tokio_openssl::SslStream;

use super::chain::ServerChain;
use super::psk_hint;
use super::subject::subject;
use super::upgrade::{PeerInfo, Upgrade, UpgradeFuture};
use super::{Listener, ListenerTls, ServerCredentials, UsernameSource};
use crate::net::material::{self, words};
use crate::net::stream::part;
use crate::net::{Stream, TlsVersion};
use crate::text::os_error;

/// What a client certificate must prove its name with; of clients with a key shared before the name is its identity.
const WITHOUT_AUTHORITY: &str =
    "client certificates are asked for, and no authority is given that signs them";
/// The error that a certificate is not yet valid, and that it has expired, by OpenSSL's numbers.
const DATES: [i32; 2] = [9, 10];

struct TlsStep {
    context: SslContext,
    username: UsernameSource,
}

pub(super) fn step(listener: &Listener) -> Result<Option<Box<dyn Upgrade>>, String> {
    let Some(tls) = &listener.tls else { return Ok(None) };
    let context = context(listener, tls)?;
    Ok(Some(Box::new(TlsStep { context, username: listener.username })))
}

impl Upgrade for TlsStep {
    fn upgrade<'a>(&'a self, stream: Stream, peer: &'a mut PeerInfo) -> UpgradeFuture<'a> {
        Box::pin(async move {
            let (stream, username) = accept(&self.context, self.username, stream).await?;
            peer.username = username;
            Ok(stream)
        })
    }
}

/// Reads the listener's files into a context.
///
/// # Errors
/// One line that names the file and what is wrong with it.
fn context(listener: &Listener, tls: &ListenerTls) -> Result<SslContext, String> {
    let cannot = |error| format!("TLS cannot be set up: {}", words(&error));
    let mut builder = SslContext::builder(SslMethod::tls_server()).map_err(cannot)?;
    // An idle connection gives its buffers back.
    builder.set_mode(
        SslMode::RELEASE_BUFFERS | SslMode::ENABLE_PARTIAL_WRITE | SslMode::ACCEPT_MOVING_WRITE_BUFFER,
    );
    builder.set_options(
        SslOptions::NO_COMPRESSION | SslOptions::NO_RENEGOTIATION | SslOptions::CIPHER_SERVER_PREFERENCE,
    );
    // Tickets, which clients keep, do without our memory.
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_session_id_context(b"skeeter").map_err(cannot)?;
    let min_version = match tls.min_version {
        TlsVersion::V1_1 => SslVersion::TLS1_1,
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    };
    builder.set_min_proto_version(Some(min_version)).map_err(cannot)?;
    match &tls.credentials {
        ServerCredentials::Certificate { chain, key, pass_phrase } => {
            let ServerChain { own, issuers, is_complete: _ } = ServerChain::load(chain, tls)?;
            builder.set_certificate(&own).map_err(cannot)?;
            for issuer in issuers {
                builder.add_extra_chain_cert(issuer).map_err(cannot)?;
            }
            let own = material::key(key, pass_phrase.as_ref())?;
            builder
                .set_private_key(&own)
                .and_then(|()| builder.check_private_key())
                .map_err(|_| format!("{} is not the key of {}", key.display(), chain.display()))?;
        }
        ServerCredentials::PreSharedKey { file, hint } => {
            share_keys(&mut builder, file)?;
            hint.as_ref().map_or(Ok(()), |hint| psk_hint::set(&mut builder, hint))?;
        }
    }
    set_ciphers(&mut builder, tls)?;
    set_authorities(&mut builder, listener, tls)?;
    if !tls.alpn.is_empty() {
        offer(&mut builder, tls.alpn.clone());
    }
    if let Some(path) = &tls.key_log {
        material::log_keys(&mut builder, path)?;
    }
    Ok(builder.build())
}

fn set_ciphers(builder: &mut SslContextBuilder, tls: &ListenerTls) -> Result<(), String> {
    let by_key = matches!(tls.credentials, ServerCredentials::PreSharedKey { .. });
    let ciphers = tls.ciphers.as_deref().or(by_key.then_some("PSK:!eNULL:!aNULL"));
    if let Some(list) = ciphers {
        builder.set_cipher_list(list).map_err(|_| format!("ciphers {list:?}: OpenSSL knows none of them"))?;
    }
    if let Some(list) = &tls.ciphers_1_3 {
        builder
            .set_ciphersuites(list)
            .map_err(|_| format!("TLS 1.3 ciphers {list:?}: OpenSSL does not know them"))?;
    }
    // Whoever names ciphers may name those that exchange keys by a finite field, for old clients. Others get none, as
    // they cost the broker more than the client.
    if tls.ciphers.is_some() {
        let given = group().and_then(|group| builder.set_tmp_dh(&group));
        given.map_err(|error| format!("TLS cannot be set up: {}", words(&error)))?;
    }
    Ok(())
}

/// The group of 2,048 bits that everybody knows [RFC 3526, 3].
fn group() -> Result<Dh<Params>, ErrorStack> {
    Dh::from_pqg(BigNum::get_rfc3526_prime_2048()?, None, BigNum::from_u32(2)?)
}

/// Whose client certificates are accepted, and which of them are revoked.
fn set_authorities(
    builder: &mut SslContextBuilder,
    listener: &Listener,
    tls: &ListenerTls,
) -> Result<(), String> {
    let cannot = |error| format!("client certificates cannot be verified: {}", words(&error));
    let asks = listener.require_certificate || listener.username != UsernameSource::Connect;
    if !asks || matches!(tls.credentials, ServerCredentials::PreSharedKey { .. }) {
        builder.set_verify(SslVerifyMode::NONE);
        return Ok(());
    }
    if tls.ca_file.is_none() && tls.ca_path.is_none() {
        return Err(WITHOUT_AUTHORITY.to_owned());
    }
    let mut store = X509StoreBuilder::new().map_err(cannot)?;
    if let Some(path) = &tls.ca_file {
        let mut names = Stack::<X509Name>::new().map_err(cannot)?;
        for authority in material::certificates(path)? {
            names.push(authority.subject_name().to_owned().map_err(cannot)?).map_err(cannot)?;
            store.add_cert(authority).map_err(cannot)?;
        }
        builder.set_client_ca_list(names);
    }
    if let Some(path) = &tls.ca_path {
        // Looked into at each handshake, by the hash of the issuer's name.
        std::fs::read_dir(path)
            .map_err(|error| format!("cannot read {}: {}", path.display(), os_error(&error)))?;
        let directory = path.to_str().ok_or_else(|| format!("{}: the name is not UTF-8", path.display()))?;
        let lookup = store.add_lookup(X509Lookup::hash_dir()).map_err(cannot)?;
        lookup.add_dir(directory, SslFiletype::PEM).map_err(cannot)?;
    }
    if let Some(path) = &tls.crl_file {
        material::read(path)?;
        let lookup = store.add_lookup(X509Lookup::file()).map_err(cannot)?;
        lookup
            .load_crl_file(path, SslFiletype::PEM)
            .map_err(|error| format!("{}: no revocation list in PEM: {}", path.display(), words(&error)))?;
        store.set_flags(X509VerifyFlags::CRL_CHECK).map_err(cannot)?;
    }
    builder.set_verify_cert_store(store.build()).map_err(cannot)?;
    // One who shows none may still be told in CONNACK that his name is missing.
    let needed =
        if listener.require_certificate { SslVerifyMode::FAIL_IF_NO_PEER_CERT } else { SslVerifyMode::NONE };
    let mode = SslVerifyMode::PEER | needed;
    if tls.check_dates {
        builder.set_verify(mode);
    } else {
        builder.set_verify_callback(mode, |good, chain| {
            let only_late = chain.error_depth() == 0 && DATES.contains(&chain.error().as_raw());
            if only_late {
                chain.set_error(X509VerifyResult::OK);
            }
            good || only_late
        });
    }
    Ok(())
}

/// Takes the first of our protocols that the client offers too [RFC 7301, 3.2].
fn offer(builder: &mut SslContextBuilder, own: Vec<String>) {
    builder.set_alpn_select_callback(move |_, offered| {
        let mut rest = offered;
        let mut known = None;
        while let Some((len, tail)) = rest.split_first() {
            let Some((name, tail)) = tail.split_at_checked(usize::from(*len)) else { break };
            let rank = own.iter().position(|own| own.as_bytes() == name);
            known = known.into_iter().chain(rank.map(|rank| (rank, name))).min_by_key(|(rank, _)| *rank);
            rest = tail;
        }
        known.map(|(_, name)| name).ok_or(AlpnError::ALERT_FATAL)
    });
}

/// Keys shared before, one `IDENTITY:HEXADECIMAL` a line. They belong to TLS 1.2: those of 1.3 are another kind.
fn share_keys(builder: &mut SslContextBuilder, path: &Path) -> Result<(), String> {
    let keys = pre_shared_keys(&String::from_utf8_lossy(&material::read(path)?))
        .map_err(|(line, why)| format!("{}:{line}: {why}", path.display()))?;
    let cannot = |error| format!("TLS cannot be set up: {}", words(&error));
    builder.set_max_proto_version(Some(SslVersion::TLS1_2)).map_err(cannot)?;
    builder.set_psk_server_callback(move |_, identity, buffer| {
        // No key, no connection.
        let Some(key) = identity.and_then(|identity| keys.get(identity)) else { return Ok(0) };
        let Some(place) = buffer.get_mut(..key.len()) else { return Ok(0) };
        place.copy_from_slice(key);
        Ok(key.len())
    });
    Ok(())
}

/// Keys by identity.
type Keys = HashMap<Vec<u8>, Vec<u8>>;

/// The keys; or the number of the line that is wrong, and why.
fn pre_shared_keys(text: &str) -> Result<Keys, (usize, &'static str)> {
    let mut keys = HashMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why| (number + 1, why);
        let (identity, key) = line.split_once(':').ok_or_else(|| wrong("expected IDENTITY:HEXADECIMAL"))?;
        let key =
            material::hexadecimal(key.trim()).ok_or_else(|| wrong("the key is not in hexadecimal digits"))?;
        if identity.is_empty() || key.is_empty() {
            return Err(wrong("identity and key must not be empty"));
        }
        if keys.insert(identity.as_bytes().to_vec(), key).is_some() {
            return Err(wrong("the identity has a key already"));
        }
    }
    Ok(keys)
}

/// The handshake; the name that it proves, if the listener wants it and there is one.
///
/// # Errors
/// Why it failed.
async fn accept(
    context: &SslContext,
    source: UsernameSource,
    stream: Stream,
) -> Result<(Stream, Option<String>), String> {
    let ssl = Ssl::new(context).map_err(|error| words(&error))?;
    let mut stream = Box::new(SslStream::new(ssl, stream).map_err(|error| words(&error))?);
    if let Err(error) = Pin::new(&mut *stream).accept().await {
        let why = format!("TLS: {}", material::failure(&error, stream.ssl(), "client"));
        // The alert that tells it is on its way.
        part(stream.get_mut()).await;
        return Err(why);
    }
    let certificate = stream.ssl().peer_certificate();
    let proven = match (source, certificate) {
        (UsernameSource::Connect, _) => None,
        (UsernameSource::Identity, None) => {
            stream.ssl().psk_identity().and_then(|name| Some(std::str::from_utf8(name).ok()?.to_owned()))
        }
        (UsernameSource::Identity, Some(certificate)) => common_name(&certificate),
        (UsernameSource::Subject, certificate) => {
            certificate.map(|certificate| subject(certificate.subject_name()))
        }
    };
    // A name of nothing is none.
    let proven = proven.filter(|name| !name.is_empty());
    Ok((Stream::OpenSsl(stream), proven))
}

fn common_name(certificate: &X509Ref) -> Option<String> {
    let entry = certificate.subject_name().entries_by_nid(Nid::COMMONNAME).next()?;
    // A name with a NUL could be read as a shorter one.
    entry.data().to_string().ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::pre_shared_keys;

    #[test]
    fn keys_stand_one_a_line() {
        let keys = pre_shared_keys("# comment\n\nann:0aFF\r\nbob: 00 \n").unwrap();
        assert_eq!((&keys[&b"ann"[..]], &keys[&b"bob"[..]]), (&vec![0x0A, 0xFF], &vec![0]));
        for (text, line) in
            [("ann", 1), ("\nann:x", 2), ("ann:0", 1), (":00", 1), ("ann:", 1), ("a:00\na:01", 2)]
        {
            assert_eq!(pre_shared_keys(text).unwrap_err().0, line, "{text:?}");
        }
    }
}
