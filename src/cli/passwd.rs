//! `skeeter passwd`: its flags, those of mosquitto_passwd among them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::connect::Dialect;

const EXAMPLES: &str = "\
Examples:
  skeeter passwd users ann                       ask for a password, and add ann or change hers
  pass show ann | skeeter passwd users ann --password-fd 0
  skeeter passwd users --batch < names.txt       one NAME:PASSWORD a line
  skeeter passwd users -D ann                    delete her
  skeeter passwd users --check ann               ask, and say whether it is right
  skeeter broker --password-file users

";

/// Makes and changes password files, for the broker here and for mosquitto.
///
/// The file is replaced as a whole, and is its owner's alone; comments and other users stay as they are.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub(crate) struct PasswdArgs {
    /// The password file; made if there is none.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The user.
    #[arg(value_name = "USER", required_unless_present_any = ["batch", "upgrade", "check"])]
    pub(crate) user: Option<String>,

    /// The password, only with -b. Others on this machine can see it.
    #[arg(value_name = "PASSWORD", requires = "password_given")]
    pub(crate) password: Option<String>,

    /// Begins the file anew, without the users it has.
    #[arg(short, long, conflicts_with_all = ["delete", "upgrade", "check"])]
    pub(crate) create: bool,

    /// Takes the password from the command line.
    #[arg(short = 'b', long, requires = "password")]
    pub(crate) password_given: bool,

    /// Deletes the user.
    #[arg(short = 'D', long, requires = "user", conflicts_with = "password")]
    pub(crate) delete: bool,

    /// Hashes the passwords of a file that holds them as they are.
    #[arg(short = 'U', long, conflicts_with_all = ["user", "delete"])]
    pub(crate) upgrade: bool,

    /// Says whether the user's password is right, or without a user whether a broker would take the file.
    #[arg(long, conflicts_with_all = ["delete", "upgrade", "batch"])]
    pub(crate) check: bool,

    /// Reads users from stdin, one NAME:PASSWORD a line.
    #[arg(long, conflicts_with_all = ["user", "delete", "upgrade"])]
    pub(crate) batch: bool,

    /// How passwords are kept: argon2id unless given. Before version 2.1 mosquitto does not know that.
    #[arg(short = 'H', long, value_name = "METHOD", value_enum)]
    pub(crate) hash: Option<Hash>,

    /// Iterations of sha512-pbkdf2; with argon2id, passes over its memory.
    #[arg(short = 'I', long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) iterations: Option<u32>,

    /// Reads the password from the first line of this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["password", "delete", "upgrade", "batch"])]
    pub(crate) password_file: Option<PathBuf>,

    /// Reads the password from this file descriptor.
    #[cfg(unix)]
    #[arg(long, value_name = "NUMBER",
        conflicts_with_all = ["password", "password_file", "delete", "upgrade", "batch"])]
    pub(crate) password_fd: Option<u32>,

    /// Whose habits apply.
    #[arg(skip)]
    pub(crate) dialect: Dialect,
}

/// How a password is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hash {
    /// Argon2id: slow on graphics cards too.
    Argon2id,
    /// PBKDF2 with HMAC-SHA-512, which mosquitto knows since 2.0.
    #[value(name = "sha512-pbkdf2")]
    Pbkdf2,
    /// SHA-512 once, which mosquitto has always known. Quickly guessed.
    Sha512,
}
