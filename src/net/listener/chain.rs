//! The certificates that a listener sends: its own, and those that lead from it towards a root.
//!
//! What `certfile` leaves out is taken from the files and directories of CAs, as OpenSSL does for mosquitto: with `certfile`
//! and `cafile` of Let's Encrypt, the intermediate certificate is in `cafile` only.

use std::path::Path;

use openssl::x509::{X509, X509Ref, X509VerifyResult};

use super::subject::subject;
use super::{ListenerTls, ServerCredentials};
use crate::net::material;

/// Longer chains are refused by clients anyway.
const MAX_ISSUERS: usize = 10;

/// A certificate and its issuers, without the root, which a client must have itself.
pub(super) struct ServerChain {
    pub(super) own: X509,
    pub(super) issuers: Vec<X509>,
    /// Whether it leads to a root that is at hand.
    pub(super) is_complete: bool,
}

impl ServerChain {
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub(super) fn load(path: &Path, tls: &ListenerTls) -> Result<Self, String> {
        let mut certificates = material::certificates(path)?.into_iter();
        let own = certificates.next().ok_or_else(|| format!("{}: no certificate", path.display()))?;
        let mut issuers: Vec<X509> = certificates.collect();
        let authorities = tls.ca_file.as_deref().map(material::certificates).transpose()?.unwrap_or_default();
        let mut is_complete = false;
        while issuers.len() < MAX_ISSUERS {
            let last = issuers.last().unwrap_or(&own);
            if is_issuer(last, last) {
                is_complete = true;
                break;
            }
            let of_file = authorities.iter().find(|authority| is_issuer(authority, last)).cloned();
            let found = of_file.or_else(|| in_directory(tls.ca_path.as_deref()?, last));
            let Some(issuer) = found else { break };
            if is_issuer(&issuer, &issuer) {
                is_complete = true;
                break;
            }
            issuers.push(issuer);
        }
        Ok(Self { own, issuers, is_complete })
    }
}

fn is_issuer(issuer: &X509Ref, subject: &X509Ref) -> bool {
    issuer.issued(subject) == X509VerifyResult::OK
}

/// The issuer of a certificate in a directory with names as `openssl rehash` makes them.
fn in_directory(directory: &Path, subject: &X509Ref) -> Option<X509> {
    let hash = subject.issuer_name_hash();
    (0..)
        .map_while(|number| std::fs::read(directory.join(format!("{hash:08x}.{number}"))).ok())
        .filter_map(|bytes| X509::from_pem(&bytes).ok())
        .find(|issuer| is_issuer(issuer, subject))
}

/// What is wrong with the chain of a listener, if clients may be unable to build it: one line that begins with the file. With
/// one issuer at least, the next one is taken for a root that clients know.
pub(crate) fn gap(tls: &ListenerTls) -> Option<String> {
    let ServerCredentials::Certificate { chain: path, .. } = &tls.credentials else { return None };
    let chain = ServerChain::load(path, tls).ok()?;
    if chain.is_complete || !chain.issuers.is_empty() {
        return None;
    }
    Some(format!(
        "{}: the issuer {} is neither in this file nor in cafile or capath: clients that do not know it themselves cannot \
         connect; append its certificate to the file, unless it is the root that they trust",
        path.display(),
        subject(chain.own.issuer_name()),
    ))
}
