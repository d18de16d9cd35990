//! TLS of the clients: what to trust, what to show, and the handshake. By the library and the trust store of the operating
//! system; by OpenSSL where that has no words for what is asked. Nothing of either is touched before a handshake.

mod native;
#[cfg(unix)]
mod ocsp;
#[cfg(unix)]
mod openssl;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::listener::Secret;
use super::{Failure, Stream};
use crate::text::os_error;

/// What to trust and what to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// Authorities to trust in place of those of the system, in PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// A directory of such files.
    pub(crate) ca_path: Option<PathBuf>,
    /// Trusts the system's CAs as well.
    pub(crate) trusts_system: bool,
    pub(crate) identity: Option<Identity>,
    /// Accepts a certificate that was issued for another name.
    pub(crate) any_name: bool,
    /// Exactly this version; 1.2 and 1.3 otherwise.
    pub(crate) version: Option<TlsVersion>,
    /// Requires a stapled OCSP response that the certificate is not revoked.
    pub(crate) asks_ocsp: bool,
    /// The application protocol to offer.
    pub(crate) alpn: Option<String>,
    pub(crate) shared_key: Option<SharedKey>,
    /// Ciphers of TLS 1.2, as an OpenSSL cipher list.
    pub(crate) ciphers: Option<String>,
    /// Cipher suites of TLS 1.3.
    pub(crate) suites: Option<String>,
    /// Appends the secrets of each connection to this file.
    pub(crate) key_log: Option<PathBuf>,
    /// Cache of the connector for many clients; without it, the files are read for each connection.
    pub(crate) made: Option<Arc<OnceLock<Connector>>>,
}

/// The connector made from the settings, with either library.
#[derive(Clone, Debug)]
pub(crate) enum Connector {
    Native(native_tls::TlsConnector),
    #[cfg(unix)]
    OpenSsl(::openssl::ssl::SslConnector),
}

/// Our certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The certificate with its chain in PEM; or all in one file as PKCS#12, and then there is no key file.
    pub(crate) certificate: PathBuf,
    pub(crate) key: Option<PathBuf>,
    /// Passphrase of the key or of the PKCS#12 file.
    pub(crate) pass_phrase: Option<Secret>,
}

/// A pre-shared key (PSK).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SharedKey {
    pub(crate) identity: String,
    pub(crate) key: Vec<u8>,
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (secret)", self.identity)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TlsVersion {
    /// Only listeners that old devices must reach.
    V1_1,
    V1_2,
    V1_3,
}

impl Tls {
    pub(super) async fn handshake(&self, host: &str, stream: Stream) -> Result<Stream, Failure> {
        let connector = match &self.made {
            None => self.connector(),
            Some(made) => match made.get() {
                Some(connector) => Ok(connector.clone()),
                // If two threads create one at the same time, the first is kept.
                None => self.connector().map(|connector| made.get_or_init(|| connector).clone()),
            },
        };
        match connector.map_err(Failure::TlsSetting)? {
            Connector::Native(connector) => native::handshake(connector, host, stream).await,
            #[cfg(unix)]
            Connector::OpenSsl(connector) => openssl::handshake(&connector, host, self, stream).await,
        }
    }

    /// Reads all files that a handshake would read.
    ///
    /// # Errors
    /// What is wrong with one of them, or which settings cannot be combined.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.connector().map(drop)
    }

    fn connector(&self) -> Result<Connector, String> {
        #[cfg(unix)]
        if self.needs_openssl()? {
            return openssl::connector(self).map(Connector::OpenSsl);
        }
        #[cfg(not(unix))]
        if self.has_special() {
            let why = "--psk, --ciphers and --tls-keylog need OpenSSL, which this build does not have";
            return Err(why.to_owned());
        }
        native::connector(self).map(Connector::Native)
    }

    fn has_special(&self) -> bool {
        self.shared_key.is_some()
            || self.ciphers.is_some()
            || self.suites.is_some()
            || self.key_log.is_some()
            || self.asks_ocsp
    }

    /// Whether a setting needs OpenSSL, because the system's library does not support it.
    #[cfg(unix)]
    fn needs_openssl(&self) -> Result<bool, String> {
        if self.has_special() {
            return Ok(true);
        }
        match self.identity.as_ref().and_then(|identity| identity.key.as_ref()) {
            // An encrypted key, or one of an older form.
            Some(key) => Ok(!read(key)?.starts_with(b"-----BEGIN PRIVATE KEY-----")),
            None => Ok(false),
        }
    }

    /// All files with authorities.
    fn authorities(&self) -> Result<Vec<PathBuf>, String> {
        let mut files: Vec<_> = self.ca_file.iter().cloned().collect();
        if let Some(directory) = &self.ca_path {
            let unreadable = |error| format!("cannot read {}: {}", directory.display(), os_error(&error));
            for entry in fs::read_dir(directory).map_err(unreadable)? {
                let path = entry.map_err(unreadable)?.path();
                if path.is_file() {
                    files.push(path);
                }
            }
            if files.is_empty() {
                return Err(format!("{}: there is no file in it", directory.display()));
            }
        }
        Ok(files)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {}", path.display(), os_error(&error)))
}

/// What an error of OpenSSL says, out of `error:NUMBER:LIBRARY:FUNCTION:REASON:FILE:LINE:`.
pub(super) fn reason(text: &str) -> &str {
    let Some(start) = text.find("error:") else { return text };
    text[start..].split(':').nth(4).filter(|reason| !reason.is_empty()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn errors_of_openssl_are_made_short() {
        let text = "error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:../ssl/record/rec_layer_s3.c:1586:SSL alert number 48";
        assert_eq!(reason(text), "tlsv1 alert unknown ca");
        assert_eq!(reason("something else"), "something else");
    }
}
