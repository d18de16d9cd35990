//! Flags of `skeeter passwd`, including those of mosquitto_passwd.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::connect::Dialect;

const EXAMPLES: &str = "\
Examples:
  skeeter passwd users ann                       add ann or change her password; prompts for it
  pass show ann | skeeter passwd users ann --password-fd 0
  skeeter passwd users --batch < names.txt       one NAME:PASSWORD per line
  skeeter passwd users -D ann                    delete ann
  skeeter passwd users --check ann               prompt for ann's password and verify it
  skeeter broker --password-file users

";

/// Manage a password file for skeeter or mosquitto.
///
/// Adds the user or changes its password, which is prompted for unless a flag or the environment variable SKEETER_PASSWORD
/// gives it. The file is replaced atomically and is accessible to its owner only; comments and other users are preserved.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct PasswdArgs {
    /// Password file; created if it does not exist.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Username.
    #[arg(value_name = "USER", required_unless_present_any = ["batch", "upgrade", "check"])]
    pub(crate) user: Option<String>,

    /// Password; requires -b. Other users of this machine can see it.
    #[arg(value_name = "PASSWORD", requires = "password_given")]
    pub(crate) password: Option<String>,

    /// Start with an empty file, discarding existing users.
    #[arg(short, long, conflicts_with_all = ["delete", "upgrade", "check"])]
    pub(crate) create: bool,

    /// Take the password from the command line.
    #[arg(short = 'b', long, requires = "password")]
    pub(crate) password_given: bool,

    /// Delete the user.
    #[arg(short = 'D', long, requires = "user", conflicts_with = "password")]
    pub(crate) delete: bool,

    /// Hash the plain-text passwords in the file.
    #[arg(short = 'U', long, conflicts_with_all = ["user", "delete"])]
    pub(crate) upgrade: bool,

    /// Verify the user's password; without USER, check that a broker would accept the file.
    #[arg(long, conflicts_with_all = ["delete", "upgrade", "batch"])]
    pub(crate) check: bool,

    /// Add the users read from stdin, one NAME:PASSWORD per line.
    #[arg(long, conflicts_with_all = ["user", "delete", "upgrade"])]
    pub(crate) batch: bool,

    /// Hash algorithm (default: argon2id, which mosquitto supports since 2.1).
    #[arg(short = 'H', long, value_name = "ALGORITHM", value_enum)]
    pub(crate) hash: Option<Hash>,

    /// Iterations of sha512-pbkdf2 (default: 210,000), or passes of argon2id.
    #[arg(short = 'I', long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) iterations: Option<u32>,

    /// Read the password from the first line of this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password", "delete", "upgrade", "batch"])]
    pub(crate) password_file: Option<PathBuf>,

    /// Read the password from this file descriptor.
    #[cfg(unix)]
    #[arg(long, value_name = "NUMBER",
        conflicts_with_all = ["password", "password_file", "delete", "upgrade", "batch"])]
    pub(crate) password_fd: Option<u32>,

    /// The name the program was called by.
    #[arg(skip)]
    pub(crate) dialect: Dialect,
}

/// A hash algorithm for passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hash {
    /// Memory-hard, so that GPUs gain little.
    Argon2id,
    /// PBKDF2 with HMAC-SHA-512; supported by mosquitto since 2.0.
    #[value(name = "sha512-pbkdf2")]
    Pbkdf2,
    /// One round of SHA-512; supported by every mosquitto, but weak.
    Sha512,
}
