//! `skeeter cert`: issues client certificates with the CA of `skeeter broker --tls auto`.

use crate::cli::cert::CertArgs;
use crate::cli::exit;
use crate::net::authority::{self, Authority};

/// Runs the command and returns its exit status.
pub(crate) fn run(args: &CertArgs) -> u8 {
    match make(args) {
        Ok(text) => {
            print!("{text}");
            exit::SUCCESS.code
        }
        Err(why) => {
            eprintln!("skeeter cert: {why}");
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
        "{}\n{}\nTo connect with it:\n  skeeter sub -L 'mqtts://localhost/#' --cafile {} --cert {} --key {}\n",
        certificate.display(),
        key.display(),
        ca.display(),
        certificate.display(),
        key.display()
    ))
}
