//! TLS by the library and the trust store of the operating system. Nothing of it is touched before a handshake.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use native_tls::{Certificate, Identity, Protocol, TlsConnector};
use tokio_native_tls::{TlsConnector as AsyncConnector, TlsStream};

use super::{Failure, Stream};

/// What to trust and what to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tls {
    /// Authorities to trust in place of those of the system, in PEM.
    pub(crate) ca_file: Option<PathBuf>,
    /// A directory of such files.
    pub(crate) ca_path: Option<PathBuf>,
    /// Our certificate with its chain, and its key, in PEM.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// Accepts a certificate that is made out to another name.
    pub(crate) any_name: bool,
    /// Exactly this version; 1.2 and 1.3 otherwise.
    pub(crate) version: Option<TlsVersion>,
    /// The application protocol to offer.
    pub(crate) alpn: Option<String>,
    /// Where many clients share what was made of all this; without it the files are read for each connection.
    pub(crate) made: Option<Arc<OnceLock<TlsConnector>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TlsVersion {
    /// Only listeners that old devices must reach.
    #[allow(dead_code, reason = "configuration files name it, flags do not")]
    V1_1,
    V1_2,
    V1_3,
}

impl Tls {
    pub(super) async fn handshake(&self, host: &str, stream: Stream) -> Result<TlsStream<Stream>, Failure> {
        let connector = match &self.made {
            None => self.connector()?,
            Some(made) => match made.get() {
                Some(connector) => connector.clone(),
                None => {
                    let connector = self.connector()?;
                    // Of two that begin at once the first is kept.
                    made.get_or_init(|| connector).clone()
                }
            },
        };
        let connector = AsyncConnector::from(connector);
        connector.connect(host, stream).await.map_err(|error| Failure::Handshake(causes(&error)))
    }

    fn connector(&self) -> Result<TlsConnector, Failure> {
        let mut builder = TlsConnector::builder();
        let (least, most) = match self.version {
            None => (Protocol::Tlsv12, None),
            Some(TlsVersion::V1_1) => (Protocol::Tlsv11, Some(Protocol::Tlsv11)),
            Some(TlsVersion::V1_2) => (Protocol::Tlsv12, Some(Protocol::Tlsv12)),
            Some(TlsVersion::V1_3) => (Protocol::Tlsv13, Some(Protocol::Tlsv13)),
        };
        builder.min_protocol_version(Some(least)).max_protocol_version(most);
        builder.danger_accept_invalid_hostnames(self.any_name);
        if let Some(protocol) = &self.alpn {
            builder.request_alpns(&[protocol]);
        }
        for path in self.authorities()? {
            builder.disable_built_in_roots(true);
            let bad = |why: &str| Failure::TlsSetting(format!("{}: {why}", path.display()));
            let certificates =
                Certificate::stack_from_pem(&read(&path)?).map_err(|error| bad(&causes(&error)))?;
            if certificates.is_empty() {
                return Err(bad("there is no certificate in PEM"));
            }
            for certificate in certificates {
                builder.add_root_certificate(certificate);
            }
        }
        if let Some((certificate, key)) = &self.identity {
            let identity = Identity::from_pkcs8(&read(certificate)?, &read(key)?).map_err(|error| {
                let (certificate, key) = (certificate.display(), key.display());
                Failure::TlsSetting(format!("{certificate} with {key}: {}", causes(&error)))
            })?;
            builder.identity(identity);
        }
        builder.build().map_err(|error| Failure::TlsSetting(causes(&error)))
    }

    /// All files with authorities.
    fn authorities(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut files: Vec<_> = self.ca_file.iter().cloned().collect();
        if let Some(directory) = &self.ca_path {
            let unreadable =
                |error| Failure::TlsSetting(format!("cannot read {}: {error}", directory.display()));
            for entry in fs::read_dir(directory).map_err(unreadable)? {
                let path = entry.map_err(unreadable)?.path();
                if path.is_file() {
                    files.push(path);
                }
            }
            if files.is_empty() {
                return Err(Failure::TlsSetting(format!("{}: there is no file in it", directory.display())));
            }
        }
        Ok(files)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::TlsSetting(format!("cannot read {}: {error}", path.display())))
}

/// The error with what caused it, on one line.
fn causes(error: &dyn std::error::Error) -> String {
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
