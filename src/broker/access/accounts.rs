//! The users and their passwords, in the format of mosquitto's password files: `NAME:HASH`, one a line.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::AccessFileError;
use super::password::StoredPassword;
use crate::sync::Arc;

/// The users of one file, or of a command line.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    users: BTreeMap<Box<str>, Arc<StoredPassword>>,
    /// What the password of an unknown user is held against, so that it takes as long as with a known one.
    decoy: Option<Arc<StoredPassword>>,
}

impl Accounts {
    /// Users whose passwords are given as they are.
    pub fn plain(users: impl IntoIterator<Item = (Box<str>, Box<[u8]>)>) -> Self {
        let mut accounts = Self::default();
        accounts.add_plain(users);
        accounts
    }

    /// Adds users to those of a file. One who is there already gets the new password.
    pub fn add_plain(&mut self, users: impl IntoIterator<Item = (Box<str>, Box<[u8]>)>) {
        let users =
            users.into_iter().map(|(name, password)| (name, Arc::new(StoredPassword::Plain(password))));
        self.users.extend(users);
        self.choose_decoy();
    }

    /// Reads a file that is called `file` in messages. Empty lines and those that begin with `#` are left out.
    ///
    /// # Errors
    /// Every fault in the file.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Vec<AccessFileError>> {
        let (accounts, faults) = Self::parse_valid(file, bytes);
        if faults.is_empty() { Ok(accounts) } else { Err(faults) }
    }

    /// Reads the users whose lines have no faults, and every fault in the file. A user with a faulty line is left out, even if
    /// another line is valid: nobody can tell which of them is meant.
    pub fn parse_valid(file: &str, bytes: &[u8]) -> (Self, Vec<AccessFileError>) {
        let (mut accounts, mut faults) = (Self::default(), Vec::new());
        let mut lines = BTreeMap::new();
        let mut faulty = BTreeSet::new();
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let mut fault = |text| faults.push(AccessFileError { file: file.into(), line: number, text });
            match entry(line) {
                Ok(None) => {}
                Ok(Some((name, secret))) => {
                    accounts.users.insert(name.into(), Arc::new(secret));
                    if let Some(first) = lines.insert(name, number) {
                        faulty.insert(name.to_owned());
                        fault(format!("{name:?} stands twice, first in line {first}; take one of them out"));
                    }
                }
                Err(text) => {
                    let line = String::from_utf8_lossy(line);
                    let name = line.split(':').next().unwrap_or_default();
                    faulty.insert(name.trim_start_matches('\u{FEFF}').trim().to_owned());
                    fault(text);
                }
            }
        }
        accounts.users.retain(|name, _| !faulty.contains(&**name));
        accounts.choose_decoy();
        (accounts, faults)
    }

    fn choose_decoy(&mut self) {
        let costly = self.users.values().find(|secret| secret.is_costly());
        self.decoy = costly.or_else(|| self.users.values().next()).cloned();
    }

    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Users in all.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// The password of this user.
    pub fn secret(&self, name: &str) -> Option<&Arc<StoredPassword>> {
        self.users.get(name)
    }

    /// The secret that the password given for `name` is to be held against, and whether it can be right at all.
    pub(crate) fn to_verify(&self, name: &str) -> Option<(&Arc<StoredPassword>, bool)> {
        match self.users.get(name) {
            Some(secret) => Some((secret, true)),
            None => self.decoy.as_ref().map(|decoy| (decoy, false)),
        }
    }
}

/// A line of a password file; nothing where it holds no user.
///
/// # Errors
/// What is wrong with it. No hash is repeated, for it may be a password.
fn entry(line: &[u8]) -> Result<Option<(&str, StoredPassword)>, String> {
    let line =
        std::str::from_utf8(line).map_err(|_| "the line is not UTF-8; write the file in that encoding")?;
    let line = line.trim_start_matches('\u{FEFF}').trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, hash) = line.split_once(':').ok_or("a line is NAME:HASH, and this one has no colon")?;
    if name.is_empty() {
        return Err("a line is NAME:HASH, and this one has no name".into());
    }
    // mosquitto writes nothing behind the hash; what others write there is not ours to judge.
    match StoredPassword::parse(hash) {
        Ok(secret) => Ok(Some((name, secret))),
        Err(why) => Err(format!(
            "the password of {name:?} cannot be read: {why}; make it with `skeeter passwd`, whose -U hashes a file \
             of plain passwords"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::Accounts;

    #[test]
    fn a_file_has_one_user_a_line() {
        let hash = "$7$101$c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
        let text = format!("# users\n\nann:{hash}\r\n b ob :{hash}\n");
        let accounts = Accounts::parse("users", text.as_bytes()).unwrap();
        assert_eq!(accounts.len(), 2);
        assert!(accounts.secret("ann").is_some() && accounts.secret("b ob ").is_some());
        assert!(accounts.to_verify("eve").is_some_and(|(_, known)| !known), "an unknown name takes as long");
        let text = format!("ann:{hash}\nann:{hash}\nbob\n:x\neve:hunter2\n\u{e9}:{hash}");
        let faults = Accounts::parse("users", text.as_bytes()).unwrap_err();
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3, 4, 5], "{told:?}");
        assert!(told[3].starts_with("users:5: the password of \"eve\""), "{told:?}");
        assert!(!told.concat().contains("hunter2"), "{told:?}");
    }

    #[test]
    fn a_faulty_line_disables_its_user_only() {
        let hash = "$7$101$c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";
        let text = format!(
            "ann:{hash}\nbob\neve:plain\neve:{hash}\nbob:{hash}\ndup:{hash}\ndup:{hash}\nzoe:{hash}\n"
        );
        let (accounts, faults) = Accounts::parse_valid("users", text.as_bytes());
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [2, 3, 7]);
        let known = |name| accounts.secret(name).is_some();
        assert_eq!(["ann", "bob", "eve", "dup", "zoe"].map(known), [true, false, false, false, true]);
    }

    #[test]
    fn damaged_files_are_read_or_refused_with_lines() {
        let text = "# users\nann:$7$101$c2FsdHNhbHQ=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n\
            bob:$argon2id$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0$d24DMwPvBDCOk2MMCh25X1upeHgooLW5p7HSUKjnfG0\n";
        let (mut read, mut refused) = (0, 0);
        for bytes in crate::broker::access::acl::tests::mutations(text.as_bytes(), 5_000) {
            let lines = bytes.split(|byte| *byte == b'\n').count();
            match Accounts::parse("users", &bytes) {
                Ok(accounts) => {
                    read += 1;
                    assert!(accounts.len() <= lines);
                }
                Err(faults) => {
                    refused += 1;
                    assert!(
                        faults.iter().all(|fault| (1..=lines).contains(&fault.line)) && !faults.is_empty()
                    );
                }
            }
        }
        assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
    }
}
