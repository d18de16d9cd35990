//! What the responder of an authority says of a certificate (RFC 6960), as the other side brings it along.

use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspResponse, OcspResponseStatus};
use openssl::ssl::SslRef;

/// Seconds by which the clocks may differ.
const DRIFT: u32 = 300;

/// Whether there is an answer, from whom it must be, that is of today and says that the certificate is good.
pub(super) fn is_good(ssl: &SslRef) -> bool {
    verdict(ssl).unwrap_or(false)
}

/// `None` where something that it takes is missing or not well formed.
fn verdict(ssl: &SslRef) -> Option<bool> {
    let response = OcspResponse::from_der(ssl.ocsp_status()?).ok()?;
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        return None;
    }
    let basic = response.basic().ok()?;
    let mut chain = ssl.verified_chain()?.iter();
    let (certificate, issuer) = (chain.next()?, chain.next()?);
    basic.verify(ssl.peer_cert_chain()?, ssl.ssl_context().cert_store(), OcspFlag::empty()).ok()?;
    // Responders name certificates by one of these.
    [MessageDigest::sha1(), MessageDigest::sha256()].into_iter().find_map(|digest| {
        let id = OcspCertId::from_cert(digest, certificate, issuer).ok()?;
        let status = basic.find_status(&id)?;
        let is_of_today = status.check_validity(DRIFT, None).is_ok();
        Some(status.status == OcspCertStatus::GOOD && is_of_today)
    })
}
