//! A data directory: one file of messages, and a lock that says which process owns it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::database::{Database, FORMAT};
use super::disk::{FileDisk, Layer};

/// The database's file, unless another name is asked for.
const FILE: &str = "skeeter.redb";
/// Locked while a process owns the directory.
const LOCK: &str = "lock";

/// A directory that this process owns, until it is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    file: String,
    _lock: File,
}

/// Why a data directory cannot be used: one line for people.
#[derive(Debug)]
pub(crate) struct Refusal(String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Directory {
    /// Takes a directory for this process; `create` makes it, and only its owner may read it.
    ///
    /// # Errors
    /// When it is not there, may not be written, or another process has it.
    pub(crate) fn take(path: &Path, create: bool) -> Result<Self, Refusal> {
        let shown = path.display();
        let refuse = |error: io::Error| {
            let hint = match error.kind() {
                io::ErrorKind::NotFound => "; there is no such directory",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "; choose one that this user may write, with --data-dir"
                }
                _ => "",
            };
            Refusal(format!("cannot use the data directory {shown}: {error}{hint}"))
        };
        if create {
            make_private(path).map_err(refuse)?;
        }
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path.join(LOCK));
        let lock = lock.map_err(refuse)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), file: FILE.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Refusal(format!(
                "the data directory {shown} is in use by another process; stop it, or choose another with --data-dir"
            ))),
            Err(TryLockError::Error(error)) => Err(refuse(error)),
        }
    }

    /// With a database's file of another name.
    pub(crate) fn with_file(self, file: String) -> Self {
        Self { file, ..self }
    }

    /// The database's file.
    pub(crate) fn file(&self) -> PathBuf {
        self.path.join(&self.file)
    }

    /// Opens the database, an empty one if there is none. `delay` is added to each sync.
    ///
    /// # Errors
    /// When it is damaged, of a newer format, or cannot be read.
    pub(crate) fn open(&self, delay: Duration) -> Result<Database, Refusal> {
        let path = self.file();
        if !path.try_exists().map_err(|error| self.unreadable(&error))? {
            self.create()?;
        }
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(|error| self.unreadable(&error))?;
        if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            return Err(self.damaged("it is empty"));
        }
        let disk = FileDisk::new(file, delay);
        let mut database =
            Database::open(Layer::new(Arc::new(disk))).map_err(|error| self.refusal(&error))?;
        match database.format().map_err(|error| self.refusal(&error))? {
            FORMAT => Ok(database),
            newer => Err(Refusal(format!(
                "{} is of format {newer}, and this program reads format {FORMAT}; use the version of skeeter that \
                 wrote it, and there `skeeter store export` to take the messages along",
                path.display()
            ))),
        }
    }

    /// Makes an empty database under another name first, so that there is never half a one.
    fn create(&self) -> Result<(), Refusal> {
        let (path, new) = (self.file(), self.path.join(format!("{}.new", self.file)));
        let make = || -> Result<(), redb::Error> {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&new)?;
            drop(Database::open(Layer::new(Arc::new(FileDisk::new(file, Duration::ZERO))))?);
            std::fs::rename(&new, &path)?;
            #[cfg(unix)]
            File::open(&self.path)?.sync_all()?;
            Ok(())
        };
        make().map_err(|error| Refusal(format!("cannot make {}: {error}", path.display())))
    }

    fn unreadable(&self, error: &io::Error) -> Refusal {
        Refusal(format!("cannot open {}: {error}", self.file().display()))
    }

    /// What an error of the database means for who wants to open it.
    pub(crate) fn refusal(&self, error: &redb::Error) -> Refusal {
        match error {
            redb::Error::Io(error)
                if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                self.unreadable(error)
            }
            error => self.damaged(&error.to_string()),
        }
    }

    fn damaged(&self, cause: &str) -> Refusal {
        let (file, directory) = (self.file(), self.path.display());
        Refusal(format!(
            "{} is damaged: {cause}; nothing was changed: `skeeter store check {directory}` tells more, `skeeter store \
             export {directory}` saves what can be read, and moving the file away starts anew",
            file.display()
        ))
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
