//! A password as it is kept: what can tell the right one from others, and no more.
//!
//! ```text
//! $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH      Argon2id, our own for new entries; salt and hash without padding
//! $7$ITERATIONS$SALT$HASH                       PBKDF2 with HMAC-SHA-512, mosquitto's
//! $6$SALT$HASH                                  SHA-512 of password and salt, mosquitto's older one
//! ```
//!
//! To verify one takes milliseconds on purpose, so it is never done where others wait. What it leaves out: where salts
//! come from, which is the shell's.

use std::fmt;

use argon2::{Algorithm, Argon2, Params};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha512};

/// A kept password.
#[derive(Clone, PartialEq, Eq)]
pub enum StoredPassword {
    /// As it is: from a command line, never from a file.
    Plain(Box<[u8]>),
    Sha512 {
        salt: Box<[u8]>,
        hash: Box<[u8]>,
    },
    Pbkdf2 {
        iterations: u32,
        salt: Box<[u8]>,
        hash: Box<[u8]>,
    },
    Argon2id {
        cost: Cost,
        salt: Box<[u8]>,
        hash: Box<[u8]>,
    },
}

/// What one verification by Argon2id costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// KiB of memory, from 8 for each lane.
    pub memory: u32,
    /// Passes over it, from 1.
    pub passes: u32,
    /// Parts of the memory that could be worked on at once; here they are not. From 1.
    pub lanes: u32,
}

impl Default for Cost {
    /// 19 MiB and two passes, as OWASP recommends.
    fn default() -> Self {
        Self { memory: 19_456, passes: 2, lanes: 1 }
    }
}

/// Where one verification after the other works: some MiB for Argon2id, kept for the next one.
#[derive(Debug, Default)]
pub struct Memory(Vec<argon2::Block>);

/// How a new entry is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Argon2id(Cost),
    /// With so many iterations, from 1.
    Pbkdf2(u32),
    Sha512,
}

/// Bytes of a hash of SHA-512, and of Argon2id in new entries.
const SHA512: usize = 64;
const ARGON2ID: usize = 32;
/// The most that a file may ask of one verification: 4 GiB, and some minutes.
const MOST_MEMORY: u32 = 4 << 20;
const MOST_PASSES: u32 = 1_000;
const MOST_ITERATIONS: u32 = 1_000_000_000;
/// Bytes of the longest salt or hash that is read.
const LONGEST: usize = 1_024;

impl StoredPassword {
    /// Keeps a password. `salt` must be new and known to nobody beforehand, and have 8 bytes or more.
    ///
    /// # Errors
    /// What is wrong with the cost.
    pub fn new(method: Method, password: &[u8], salt: &[u8]) -> Result<Self, String> {
        let salt: Box<[u8]> = salt.into();
        let mut secret = match method {
            Method::Argon2id(cost) => {
                // Checked here, so that computing it later cannot fail.
                argon2(cost, ARGON2ID)?;
                Self::Argon2id { cost, salt, hash: vec![0; ARGON2ID].into() }
            }
            Method::Pbkdf2(iterations @ 1..=MOST_ITERATIONS) => {
                Self::Pbkdf2 { iterations, salt, hash: vec![0; SHA512].into() }
            }
            Method::Pbkdf2(_) => return Err(format!("iterations are from 1 to {MOST_ITERATIONS}")),
            Method::Sha512 => Self::Sha512 { salt, hash: vec![0; SHA512].into() },
        };
        let computed = secret.compute(password, &mut Memory::default());
        if let Self::Argon2id { hash, .. } | Self::Pbkdf2 { hash, .. } | Self::Sha512 { hash, .. } =
            &mut secret
        {
            *hash = computed;
        }
        Ok(secret)
    }

    /// Reads what stands behind the colon in a password file.
    ///
    /// # Errors
    /// What is wrong; the text itself is not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut fields = text.strip_prefix('$').ok_or("this is no hash, it begins with no $")?.split('$');
        let mut next = || fields.next().unwrap_or_default();
        let secret = match next() {
            "6" => Self::Sha512 { salt: bytes(next(), "salt")?, hash: bytes(next(), "hash")? },
            "7" => {
                let iterations = next().parse().ok().filter(|count| (1..=MOST_ITERATIONS).contains(count));
                let iterations = iterations.ok_or("the iterations of a $7$ hash are a number from 1")?;
                Self::Pbkdf2 { iterations, salt: bytes(next(), "salt")?, hash: bytes(next(), "hash")? }
            }
            "argon2id" => {
                if next() != "v=19" {
                    return Err("only version 19 of argon2id is known, written v=19".into());
                }
                let cost = cost(next())?;
                let (salt, hash) = (bytes(next(), "salt")?, bytes(next(), "hash")?);
                argon2(cost, hash.len())?;
                if salt.len() < argon2::MIN_SALT_LEN {
                    return Err("the salt of argon2id has 8 bytes or more".into());
                }
                Self::Argon2id { cost, salt, hash }
            }
            _ => return Err("the hash is none of $argon2id$, $7$ and $6$".into()),
        };
        match (fields.next(), &secret) {
            (Some(_), _) => Err("something stands behind the hash".into()),
            (None, Self::Sha512 { hash, .. }) if hash.len() != SHA512 => {
                Err("a hash of SHA-512 has 64 bytes, this one has not".into())
            }
            (None, Self::Pbkdf2 { hash, .. }) if hash.len() < 16 => {
                Err("the hash is shorter than 16 bytes".into())
            }
            (None, _) => Ok(secret),
        }
    }

    /// Whether to verify it takes so long that nobody should wait for it.
    pub fn is_costly(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// Whether this is the password. How long that takes does not depend on how much of it is right.
    pub fn verify(&self, password: &[u8], memory: &mut Memory) -> bool {
        match self {
            Self::Plain(expected) => same(expected, password),
            Self::Sha512 { hash, .. } | Self::Pbkdf2 { hash, .. } | Self::Argon2id { hash, .. } => {
                same(hash, &self.compute(password, memory))
            }
        }
    }

    /// What the hash is for this password.
    fn compute(&self, password: &[u8], memory: &mut Memory) -> Box<[u8]> {
        match self {
            Self::Plain(_) => password.into(),
            Self::Sha512 { salt, hash: _ } => {
                Sha512::new().chain_update(password).chain_update(salt).finalize().as_slice().into()
            }
            Self::Pbkdf2 { iterations, salt, hash } => {
                let mut out = vec![0; hash.len()];
                pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, *iterations, &mut out);
                out.into()
            }
            Self::Argon2id { cost, salt, hash } => {
                let mut out = vec![0; hash.len()];
                let done = argon2(*cost, hash.len()).is_ok_and(|argon2| {
                    let blocks = argon2.params().block_count();
                    if memory.0.len() < blocks {
                        memory.0 = vec![argon2::Block::new(); blocks];
                    }
                    let blocks = &mut memory.0[..blocks];
                    argon2.hash_password_into_with_memory(password, salt, &mut out, blocks).is_ok()
                });
                // Cost and salt were checked; the one thing left is a password of 4 GiB, which is wrong.
                if done { out.into() } else { Box::default() }
            }
        }
    }
}

/// One computation of Argon2id, if its parameters are such.
fn argon2(cost: Cost, len: usize) -> Result<Argon2<'static>, String> {
    let Cost { memory, passes, lanes } = cost;
    if memory > MOST_MEMORY || passes > MOST_PASSES {
        return Err(format!("argon2id may cost m={MOST_MEMORY} KiB and t={MOST_PASSES} passes at most"));
    }
    let params = Params::new(memory, passes, lanes, Some(len));
    let params = params.map_err(|why| format!("the parameters of argon2id are none: {why}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params))
}

/// `m=19456,t=2,p=1`.
fn cost(text: &str) -> Result<Cost, String> {
    let mut fields = text.split(',');
    let mut next = |name: &str| {
        let field = fields.next().and_then(|field| field.strip_prefix(name));
        field.and_then(|field| field.strip_prefix('=')?.parse().ok())
    };
    let cost = match (next("m"), next("t"), next("p")) {
        (Some(memory), Some(passes), Some(lanes)) => Some(Cost { memory, passes, lanes }),
        _ => None,
    };
    let cost = cost.filter(|_| fields.next().is_none());
    cost.ok_or_else(|| "the parameters of argon2id are written m=19456,t=2,p=1".to_owned())
}

/// Base64 with its padding, or without.
fn bytes(text: &str, name: &str) -> Result<Box<[u8]>, String> {
    let decoded = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let decoded = decoded.filter(|bytes| !bytes.is_empty() && bytes.len() <= LONGEST);
    decoded.map(Into::into).ok_or_else(|| format!("the {name} is no base64 of 1 to {LONGEST} bytes"))
}

/// Compares in a time that depends on the length of what was given alone.
pub(crate) fn same(expected: &[u8], given: &[u8]) -> bool {
    let mut difference = u8::from(expected.len() != given.len());
    for (position, byte) in given.iter().enumerate() {
        difference |= byte ^ expected.get(position).copied().unwrap_or(!*byte);
    }
    std::hint::black_box(difference) == 0
}

/// As it stands in a password file.
impl fmt::Display for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // It is in no file.
            Self::Plain(_) => f.write_str("$plain"),
            Self::Sha512 { salt, hash } => {
                write!(f, "$6${}${}", STANDARD.encode(salt), STANDARD.encode(hash))
            }
            Self::Pbkdf2 { iterations, salt, hash } => {
                write!(f, "$7${iterations}${}${}", STANDARD.encode(salt), STANDARD.encode(hash))
            }
            Self::Argon2id { cost: Cost { memory, passes, lanes }, salt, hash } => {
                let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
                write!(f, "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
            }
        }
    }
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of it in a log.
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, Memory, Method, StoredPassword};

    /// By `mosquitto_passwd` 2.0.11, and by the reference program of Argon2; all for `secret`.
    const OTHERS: &[&str] = &[
        "$6$aE7Pw3kWBU1R3neB$bWcvGAuQ/NU/2lomT6CqMgOQ/dRsQpPhexDOlvnW3mhyVhequThwGa35th3WMkiBGSkEspeAl6DxDepS3lGU0A==",
        "$7$101$mlHUwpUgBfzxJiOp$nNX+HHNwCTQPnMYVk9HkdJFGPYZQR3lHSJzerhg3xdVxizhlCgRumT7mtJbqVv9PwmnZEo8iYdeQ/nWuptefNQ==",
        "$argon2id$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0$d24DMwPvBDCOk2MMCh25X1upeHgooLW5p7HSUKjnfG0",
        "$argon2id$v=19$m=512,t=2,p=2$c2FsdHNhbHRzYWx0$bynxcf7LQMK5sW54ZinzUFX7ImFGEOGr",
    ];

    #[test]
    fn what_others_made_is_verified() {
        // One after the other in the same memory, as the broker does it.
        let mut memory = Memory::default();
        for text in OTHERS {
            let secret = StoredPassword::parse(text).unwrap();
            assert!(secret.verify(b"secret", &mut memory), "{text}");
            for wrong in ["secre", "secret ", "", "Secret"] {
                assert!(!secret.verify(wrong.as_bytes(), &mut memory), "{text}: {wrong:?}");
            }
            assert!(secret.verify(b"secret", &mut memory), "{text}");
            assert_eq!(secret.to_string(), *text);
        }
    }

    #[test]
    fn what_is_made_here_is_read_back() {
        let cost = Cost { memory: 64, passes: 1, lanes: 2 };
        for method in [Method::Argon2id(cost), Method::Pbkdf2(3), Method::Sha512] {
            let secret = StoredPassword::new(method, b"pass:word$", b"saltsalt").unwrap();
            assert_eq!(StoredPassword::parse(&secret.to_string()), Ok(secret.clone()));
            let mut memory = Memory::default();
            assert!(secret.verify(b"pass:word$", &mut memory) && !secret.verify(b"pass:word", &mut memory));
        }
    }

    #[test]
    fn what_is_no_hash_is_refused_without_repeating_it() {
        for bad in [
            "",
            "secret",
            "$5$aa$bb",
            "$7$101$!!$AAAA",
            "$7$0$c2FsdA==$AAAA",
            "$7$x$c2FsdA==$AAAA",
            "$6$c2FsdA==",
            "$6$c2FsdA==$AAAA",
            "$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=64,t=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$AAAAAAAAAAAAAAAA",
        ] {
            let error = StoredPassword::parse(bad).unwrap_err();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
    }
}
