//! Certificates and keys from files, as OpenSSL wants them, and what is wrong with them in words.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use openssl::error::ErrorStack;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{ErrorCode, SslContextBuilder, SslRef};
use openssl::x509::{X509, X509VerifyResult};

use super::listener::Secret;
use crate::text::os_error;

pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {}", path.display(), os_error(&error)))
}

/// All certificates of a PEM file; there is at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<X509>, String> {
    let bad = |why: &str| format!("{}: {why}", path.display());
    let certificates = X509::stack_from_pem(&read(path)?).map_err(|error| bad(&words(&error)))?;
    if certificates.is_empty() {
        return Err(bad("contains no PEM certificate"));
    }
    Ok(certificates)
}

/// The private key in a PEM file.
pub(super) fn key(path: &Path, pass_phrase: Option<&Secret>) -> Result<PKey<Private>, String> {
    let pem = read(path)?;
    let mut asked = false;
    let key = PKey::private_key_from_pem_callback(&pem, |buffer| {
        asked = true;
        let phrase = pass_phrase.map_or(&b""[..], |secret| secret.0.as_bytes());
        let len = phrase.len().min(buffer.len());
        buffer[..len].copy_from_slice(&phrase[..len]);
        Ok(len)
    });
    key.map_err(|error| match (asked, pass_phrase) {
        (true, None) => {
            format!("{}: the private key is encrypted and no passphrase is given", path.display())
        }
        (true, Some(_)) => format!("{}: wrong passphrase for the private key", path.display()),
        (false, _) => format!("{}: contains no PEM private key ({})", path.display(), words(&error)),
    })
}

/// The certificate with its chain, and the key, of a PKCS#12 file.
pub(super) fn pkcs12(
    path: &Path,
    pass_phrase: Option<&Secret>,
) -> Result<(Vec<X509>, PKey<Private>), String> {
    let bad = |why: &str| format!("{}: {why}", path.display());
    let file = Pkcs12::from_der(&read(path)?).map_err(|_| bad("neither PEM nor PKCS#12"))?;
    let opened = file.parse2(pass_phrase.map_or("", |secret| &secret.0));
    let opened = opened.map_err(|error| bad(&format!("{}; is the passphrase correct?", words(&error))))?;
    match (opened.cert, opened.pkey) {
        (Some(certificate), Some(key)) => {
            let authorities = opened.ca.into_iter().flatten();
            Ok((std::iter::once(certificate).chain(authorities).collect(), key))
        }
        _ => Err(bad("does not contain both a certificate and a private key")),
    }
}

/// The first error, which is the cause of the others.
pub(super) fn words(error: &ErrorStack) -> String {
    let errors = error.errors();
    let reason =
        errors.first().and_then(|error| error.reason_code().ne(&0).then(|| error.reason()).flatten());
    reason.map_or_else(|| error.to_string(), str::to_owned)
}

/// Why a handshake failed, in words for both ends; `other` is the one we speak to.
pub(super) fn failure(error: &openssl::ssl::Error, ssl: &SslRef, other: &str) -> String {
    let verified = ssl.verify_result();
    let reason = error.ssl_error().map(words).unwrap_or_default();
    if reason == "certificate verify failed" && verified != X509VerifyResult::OK {
        return format!("the {other}'s certificate was rejected: {}", verified.error_string());
    }
    if let Some(alert) = reason.split("alert ").nth(1) {
        let about = if alert.contains("certificate") || alert.contains("unknown ca") {
            " our certificate"
        } else {
            ""
        };
        return format!("the {other} refused{about}: {alert}");
    }
    match &*reason {
        "peer did not return a certificate" => format!("the {other} sent no certificate"),
        "wrong version number"
        | "http request"
        | "https proxy request"
        | "packet length too long"
        | "unknown protocol" => {
            format!("the {other} does not speak TLS ({reason})")
        }
        "no shared cipher" => format!("the {other} supports none of our ciphers"),
        "unsupported protocol" => format!("the {other} supports no TLS version that we accept"),
        "" => match (error.code(), error.io_error()) {
            (_, Some(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => os_error(error),
            (ErrorCode::SYSCALL | ErrorCode::ZERO_RETURN, _) => {
                format!("the {other} closed the connection during the handshake")
            }
            _ => error.to_string(),
        },
        _ if reason.contains("unexpected eof") => {
            format!("the {other} closed the connection during the handshake")
        }
        _ => reason,
    }
}

/// Appends the secrets of each connection to a file that its owner alone may read.
pub(super) fn log_keys(builder: &mut SslContextBuilder, path: &Path) -> Result<(), String> {
    let file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    let file = file.map_err(|error| format!("cannot write to {}: {}", path.display(), os_error(&error)))?;
    builder.set_keylog_callback(move |_, line| {
        // In one piece, as other connections write there too; a full disk is no reason to refuse one.
        let _ = (&file).write_all(format!("{line}\n").as_bytes());
    });
    Ok(())
}

/// Bytes in pairs of hexadecimal digits.
pub(crate) fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
