//! `skeeter cert`: client certificates of the broker's own authority.

use super::authority::{self, Authority};
use super::exit;
use crate::cli::cert::CertArgs;

/// Makes a certificate; the status to exit with.
pub(crate) fn run(args: &CertArgs) -> u8 {
    match make(args) {
        Ok(text) => {
            print!("{text}");
            exit::SUCCESS.code
        }
        Err(error) => {
            eprintln!("skeeter cert: {error}");
            exit::FAILURE.code
        }
    }
}

fn make(args: &CertArgs) -> Result<String, String> {
    let directory = authority::directory(args.data_dir.as_deref())?;
    let authority = Authority::open(&directory)?;
    let files = authority.client(&args.name)?;
    let (ca, certificate, key) = (authority.certificate(), files.certificate, files.key);
    Ok(format!(
        "{}\n{}\nThe client connects with\n  skeeter sub -L 'mqtts://localhost/#' --cafile {} --cert {} --key {}\n",
        certificate.display(),
        key.display(),
        ca.display(),
        certificate.display(),
        key.display()
    ))
}
