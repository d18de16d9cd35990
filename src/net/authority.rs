//! A private CA in a directory, created on first use, with a certificate for this machine and, on request, for clients.
//!
//! ```text
//!   ca.pem  ca.key  server.pem  server.key  NAME.pem  NAME.key
//! ```
//!
//! The directory and the keys are readable by their owner only. A new server certificate is issued when the old one is about
//! to expire, and when the machine has other names or addresses. The CA stays the same, so clients that trust it do not
//! notice.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name};

use crate::text::os_error;

/// Validity of the CA, and of the certificates it issues, in days.
const AUTHORITY_DAYS: u32 = 3650;
const DAYS: u32 = 825;
/// A server certificate with fewer days left is replaced.
const RENEW_DAYS: u32 = 30;

/// An existing CA directory.
#[derive(Debug)]
pub(crate) struct Authority {
    directory: PathBuf,
    certificate: X509,
    key: PKey<Private>,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Authority,
    Server,
    Client,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Opens the CA in this directory, creating it if there is none.
    ///
    /// # Errors
    /// One line that names what failed.
    pub(crate) fn open(directory: &Path) -> Result<Self, String> {
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| cannot("make", directory, &error))?;
        let files = files(directory, "ca");
        let (certificate, key) = match read(&files)? {
            Some(pair) => pair,
            None => {
                let (certificate, key) =
                    make("skeeter private authority", Purpose::Authority, &BTreeSet::new(), None)
                        .map_err(|error| format!("the authority cannot be made: {}", os_error(&error)))?;
                write(&files, &[&certificate], &key)?;
                (certificate, key)
            }
        };
        Ok(Self { directory: directory.to_owned(), certificate, key })
    }

    /// What clients trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        files(&self.directory, "ca").certificate
    }

    /// A certificate for these names and addresses, issued if the existing one does not cover them.
    ///
    /// # Errors
    /// One line that names what failed.
    pub(crate) fn server(&self, names: &BTreeSet<String>) -> Result<Files, String> {
        let files = files(&self.directory, "server");
        if let Some((certificate, _)) = read(&files)?
            && self.will_do(&certificate, names)
        {
            return Ok(files);
        }
        self.issue(&files, "skeeter broker", Purpose::Server, names)?;
        Ok(files)
    }

    fn will_do(&self, certificate: &X509, names: &BTreeSet<String>) -> bool {
        let lasts = Asn1Time::days_from_now(RENEW_DAYS).is_ok_and(|soon| certificate.not_after() > soon);
        let is_ours = certificate.verify(&self.key).unwrap_or(false);
        let mut held = BTreeSet::new();
        for name in certificate.subject_alt_names().into_iter().flatten() {
            held.extend(name.dnsname().map(str::to_owned));
            held.extend(name.ipaddress().and_then(address).map(|address| address.to_string()));
        }
        lasts && is_ours && names.is_subset(&held)
    }

    /// Issues a certificate for a client with this name.
    ///
    /// # Errors
    /// The name is not valid as a file name; or what failed.
    pub(crate) fn client(&self, name: &str) -> Result<Files, String> {
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) || name.len() > 64 {
            return Err(format!("invalid name {name:?}: expected up to 64 letters, digits, and - _ . @"));
        }
        if matches!(name, "ca" | "server") {
            return Err(format!("the name {name} is reserved"));
        }
        let files = files(&self.directory, name);
        if files.certificate.exists() {
            return Err(format!(
                "{} already exists; remove it first to issue another",
                files.certificate.display()
            ));
        }
        self.issue(&files, name, Purpose::Client, &BTreeSet::new())?;
        Ok(files)
    }

    fn issue(
        &self,
        files: &Files,
        name: &str,
        purpose: Purpose,
        names: &BTreeSet<String>,
    ) -> Result<(), String> {
        let made = make(name, purpose, names, Some((&self.certificate, &self.key)));
        let (certificate, key) =
            made.map_err(|error| format!("a certificate for {name} cannot be made: {}", os_error(&error)))?;
        write(files, &[&certificate, &self.certificate], &key)
    }
}

fn files(directory: &Path, name: &str) -> Files {
    Files { certificate: directory.join(format!("{name}.pem")), key: directory.join(format!("{name}.key")) }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {}", path.display(), os_error(&error))
}

/// A certificate and its key, if both files exist.
fn read(files: &Files) -> Result<Option<(X509, PKey<Private>)>, String> {
    let bytes = |path: &Path| match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", path, &error)),
    };
    let (Some(certificate), Some(key)) = (bytes(&files.certificate)?, bytes(&files.key)?) else {
        return Ok(None);
    };
    let bad = |path: &Path| {
        format!(
            "{} is damaged; remove this certificate and its key to have them created again",
            path.display()
        )
    };
    let certificate = X509::from_pem(&certificate).map_err(|_| bad(&files.certificate))?;
    Ok(Some((certificate, PKey::private_key_from_pem(&key).map_err(|_| bad(&files.key))?)))
}

/// Writes both files, each completely or not at all. The key comes first, so that a certificate never lacks its key.
fn write(files: &Files, chain: &[&X509], key: &PKey<Private>) -> Result<(), String> {
    let words = |error: ErrorStack| format!("the certificate cannot be written as PEM: {}", os_error(&error));
    let mut pem = Vec::new();
    for certificate in chain {
        pem.extend(certificate.to_pem().map_err(words)?);
    }
    let key = key.private_key_to_pem_pkcs8().map_err(words)?;
    for (path, bytes, mode) in [(&files.key, key, 0o600), (&files.certificate, pem, 0o644)] {
        let temporary = path.with_extension(format!("new.{}", std::process::id()));
        let open = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary);
        let written = open.and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        });
        written.map_err(|error| {
            // A failed write leaves no file behind.
            let _ = fs::remove_file(&temporary);
            cannot("write", path, &error)
        })?;
    }
    Ok(())
}

/// A new key with its certificate, signed by the issuer or, without one, self-signed.
fn make(
    name: &str,
    purpose: Purpose,
    names: &BTreeSet<String>,
    issuer: Option<(&X509, &PKey<Private>)>,
) -> Result<(X509, PKey<Private>), ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
    let mut subject = X509Name::builder()?;
    subject.append_entry_by_nid(Nid::COMMONNAME, name)?;
    let subject = subject.build();
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(159, MsbOption::MAYBE_ZERO, false)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(&subject)?;
    builder.set_issuer_name(issuer.map_or(&*subject, |(issuer, _)| issuer.subject_name()))?;
    builder.set_pubkey(&key)?;
    // Valid from a while ago, so that a client whose clock is behind accepts it.
    let before =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    builder
        .set_not_before(&*Asn1Time::from_unix(i64::try_from(before).unwrap_or(0).saturating_sub(86_400))?)?;
    let days = if purpose == Purpose::Authority { AUTHORITY_DAYS } else { DAYS };
    builder.set_not_after(&*Asn1Time::days_from_now(days)?)?;
    extend(&mut builder, purpose, names, issuer)?;
    builder.sign(issuer.map_or(&key, |(_, key)| key), MessageDigest::sha256())?;
    Ok((builder.build(), key))
}

/// What the certificate may be used for, and for which names.
fn extend(
    builder: &mut X509Builder,
    purpose: Purpose,
    names: &BTreeSet<String>,
    issuer: Option<(&X509, &PKey<Private>)>,
) -> Result<(), ErrorStack> {
    if purpose == Purpose::Authority {
        builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    } else {
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        let mut usage = ExtendedKeyUsage::new();
        if purpose == Purpose::Server {
            usage.server_auth();
        } else {
            usage.client_auth();
        }
        builder.append_extension(usage.build()?)?;
    }
    let own = SubjectKeyIdentifier::new()
        .build(&builder.x509v3_context(issuer.map(|(issuer, _)| &**issuer), None))?;
    builder.append_extension(own)?;
    if let Some((issuer, _)) = issuer {
        let theirs =
            AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(Some(issuer), None))?;
        builder.append_extension(theirs)?;
    }
    if !names.is_empty() {
        let mut list = SubjectAlternativeName::new();
        for name in names {
            match name.parse::<IpAddr>() {
                Ok(_) => list.ip(name),
                Err(_) => list.dns(name),
            };
        }
        let list = list.build(&builder.x509v3_context(None, None))?;
        builder.append_extension(list)?;
    }
    Ok(())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The names and addresses of this machine.
pub(crate) fn machine_names() -> BTreeSet<String> {
    let mut names = BTreeSet::from(["localhost".to_owned()]);
    let host = rustix::system::uname();
    // An invalid DNS name would make the whole certificate invalid.
    let plain = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
    };
    if let Some(name) = host.nodename().to_str().ok().filter(plain) {
        names.insert(name.to_owned());
        if !name.contains('.') {
            // The name in multicast DNS.
            names.insert(format!("{name}.local"));
        }
    }
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        let is_local =
            |address: &IpAddr| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        names.extend(
            Some(interface.ip()).filter(|address| !is_local(address)).map(|address| address.to_string()),
        );
    }
    names.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
    names
}

/// The directory of the CA: in the data directory or, without one, in the state directory of the user.
///
/// # Errors
/// Neither environment variable is set.
pub(crate) fn directory(data: Option<&Path>) -> Result<PathBuf, String> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = || {
        of("XDG_STATE_HOME")
            .map(|state| state.join("skeeter"))
            .or_else(|| of("HOME").map(|home| home.join(".local/state/skeeter")))
    };
    let base = data.map(Path::to_owned).or_else(state);
    base.map(|base| base.join("tls"))
        .ok_or_else(|| "no directory for certificates: set XDG_STATE_HOME or HOME".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::Authority;

    #[test]
    fn certificates_are_made_once_and_kept_from_others() {
        let directory = std::env::temp_dir().join(format!("skeeter-authority-{}", std::process::id()));
        let authority = Authority::open(&directory).unwrap();
        let names: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        let files = authority.server(&names).unwrap();
        let first = fs::read(&files.certificate).unwrap();
        // Made once, also for fewer names; again for more.
        let again = Authority::open(&directory).unwrap();
        assert_eq!(again.certificate.to_pem().unwrap(), authority.certificate.to_pem().unwrap());
        again.server(&BTreeSet::from(["localhost".to_owned()])).unwrap();
        assert_eq!(fs::read(&files.certificate).unwrap(), first);
        let more = names.iter().cloned().chain(["other.example".to_owned()]).collect();
        again.server(&more).unwrap();
        assert_ne!(fs::read(&files.certificate).unwrap(), first);

        let client = authority.client("sensor-7").unwrap();
        assert!(authority.client("sensor-7").unwrap_err().contains("already"));
        for bad in ["", "a/b", "..", "ca", "server", &"x".repeat(65)] {
            assert!(authority.client(bad).is_err(), "{bad}");
        }
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&files.key), mode(&client.key)), (0o700, 0o600, 0o600));
        fs::write(&files.key, "broken").unwrap();
        assert!(authority.server(&names).unwrap_err().contains("server.key is damaged"));
        fs::remove_dir_all(&directory).unwrap();
    }
}
