//! A password file that is changed in place: other users and comments are preserved, and the file is replaced atomically.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::broker::StoredPassword;
use crate::cli::exit::{Failure, INPUT};
use crate::text::os_error;

pub(super) struct PasswordFile {
    /// Path of the file, with symbolic links resolved.
    path: PathBuf,
    lines: Vec<Vec<u8>>,
    /// The old file, locked until it has been replaced.
    old: Option<File>,
}

/// Whether a user is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserChange {
    Added,
    Changed,
}

impl PasswordFile {
    /// A file without users, which replaces an existing file.
    pub(super) fn new(path: &Path) -> Self {
        Self { path: real(path), lines: Vec::new(), old: open_locked(&real(path)).ok() }
    }

    /// # Errors
    /// One line that names the file.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failed =
            |error| Failure::new(INPUT, format!("cannot read {}: {}", path.display(), os_error(&error)));
        let path = real(path);
        let mut old = open_locked(&path).map_err(failed)?;
        let mut bytes = Vec::new();
        old.read_to_end(&mut bytes).map_err(failed)?;
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
        let lines = if text.is_empty() { Vec::new() } else { lines.collect() };
        Ok(Self { path, lines, old: Some(old) })
    }

    /// The file, or a new one where there is none.
    ///
    /// # Errors
    /// One line that names the file.
    pub(super) fn open_or_new(path: &Path) -> Result<Self, Failure> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::new(path)),
            _ => Self::open(path),
        }
    }

    /// Adds a user or changes its password.
    pub(super) fn put(&mut self, user: &str, secret: &StoredPassword) -> UserChange {
        let line = format!("{user}:{secret}").into_bytes();
        match self.lines.iter().position(|line| name(line) == Some(user)) {
            Some(position) => {
                self.lines[position] = line;
                UserChange::Changed
            }
            None => {
                self.lines.push(line);
                UserChange::Added
            }
        }
    }

    /// Deletes a user; whether it existed.
    pub(super) fn delete(&mut self, user: &str) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| name(line) != Some(user));
        self.lines.len() < before
    }

    /// Hashes the passwords that are plain text, and returns their number.
    ///
    /// # Errors
    /// One line that names the file and the line that is not valid.
    pub(super) fn upgrade(
        &mut self,
        hash: impl Fn(&str) -> Result<StoredPassword, Failure>,
    ) -> Result<usize, Failure> {
        let mut count = 0;
        for (number, line) in (1..).zip(&mut self.lines) {
            let wrong = |why: &str| Failure::new(INPUT, format!("{}:{number}: {why}", self.path.display()));
            let text = std::str::from_utf8(line).map_err(|_| wrong("the line is not UTF-8"))?;
            let text = text.strip_suffix('\r').unwrap_or(text);
            if text.trim().is_empty() || text.trim_start().starts_with('#') {
                continue;
            }
            let (user, password) = text.split_once(':').ok_or_else(|| wrong("expected NAME:PASSWORD"))?;
            if StoredPassword::parse(password.trim()).is_ok() {
                continue;
            }
            if ["$6$", "$7$", "$argon2"].iter().any(|sign| password.starts_with(sign)) {
                return Err(wrong(
                    "this looks like a hash but is not valid; set a new password for the user",
                ));
            }
            *line = format!("{user}:{}", hash(password)?).into_bytes();
            count += 1;
        }
        Ok(count)
    }

    /// Replaces the file. A new file is accessible to its owner only; an existing one keeps its owner, group and their
    /// permissions, while others lose theirs.
    ///
    /// # Errors
    /// One line that names the file.
    pub(super) fn write(self) -> Result<(), Failure> {
        let failed = |error| {
            Failure::new(INPUT, format!("cannot write {}: {}", self.path.display(), os_error(&error)))
        };
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let temporary = self.path.with_file_name(name);
        let written = self.write_to(&temporary).and_then(|()| std::fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        written.map_err(failed)
    }

    fn write_to(&self, path: &Path) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        for line in &self.lines {
            file.write_all(line)?;
            file.write_all(b"\n")?;
        }
        #[cfg(unix)]
        if let Some(old) = &self.old {
            use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
            let old = old.metadata()?;
            let new = file.metadata()?;
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                fchown(&file, Some(old.uid()), Some(old.gid()))?;
            }
            file.set_permissions(std::fs::Permissions::from_mode(old.mode() & 0o770))?;
        }
        file.sync_all()
    }
}

/// Resolves symbolic links.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Opens and locks the file, waiting for other instances of this command.
fn open_locked(path: &Path) -> std::io::Result<File> {
    loop {
        let file = File::open(path)?;
        // If the file system does not support locks, the last writer wins.
        if file.lock().is_err() || is_at(&file, path) {
            return Ok(file);
        }
        // Another instance has replaced the file meanwhile.
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => true,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// The user of a line.
fn name(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?.trim_start_matches('\u{FEFF}').trim_start();
    line.split_once(':').map(|(name, _)| name).filter(|name| !name.starts_with('#'))
}
