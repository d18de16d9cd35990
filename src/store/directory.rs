//! A data directory: the file of the database, and a lock for the process that uses it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::database::{Database, FORMAT};
use super::disk::{BufferedDisk, FileDisk};
use super::open::{Access, OpenError};
use super::space::Reserve;
use crate::text::os_error;

/// Default name of the database file.
const FILE: &str = "skeeter.redb";

/// Default name of mosquitto's persistence file.
const MOSQUITTO_FILE: &str = "mosquitto.db";

/// The database file in a data directory, locked for this process until dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    file: String,
    access: Access,
    /// Identifies the file once it is open.
    opened: OnceLock<Identity>,
    _lock: Option<File>,
}

/// Device and inode.
type Identity = (u64, u64);

/// Why a data directory cannot be used: one line for the user.
#[derive(Debug)]
pub(crate) struct DirectoryError(String);

impl std::fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Directory {
    /// Locks the database file of a directory, with this name or the default one. With [`Access::Write`] a missing directory is
    /// created, readable by its owner only. Brokers whose files have different names can share a directory.
    ///
    /// # Errors
    /// If it is missing, cannot be written, or is in use by another process.
    pub(crate) fn take(path: &Path, file: Option<&str>, access: Access) -> Result<Self, DirectoryError> {
        let (shown, file) = (path.display(), file.unwrap_or(FILE).to_owned());
        let refuse = |error: io::Error| {
            let hint = match error.kind() {
                io::ErrorKind::NotFound => "; there is no such directory",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "; choose one that this user may write, with --data-dir"
                }
                _ => "",
            };
            DirectoryError(format!("cannot use the data directory {shown}: {}{hint}", os_error(&error)))
        };
        if access == Access::Write {
            make_private(path).map_err(refuse)?;
        }
        // The process may change its working directory.
        let path = std::path::absolute(path).map_err(refuse)?;
        path.metadata().map_err(refuse)?;
        let lock = open_lock(&path.join(lock_name(&file)), access).map_err(refuse)?;
        let locked = match &lock {
            None => Ok(()),
            Some(lock) if access == Access::Read => lock.try_lock_shared(),
            Some(lock) => lock.try_lock(),
        };
        match locked {
            Ok(()) => Ok(Self { path, file, access, opened: OnceLock::new(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DirectoryError(format!(
                "{file} in the data directory {shown} is in use by another process; stop it, or choose another \
                 directory with --data-dir"
            ))),
            Err(TryLockError::Error(error)) => Err(refuse(error)),
        }
    }

    /// The persistence file of mosquitto that this database replaces, if there is one in the directory.
    pub(crate) fn mosquitto_file(&self) -> Option<PathBuf> {
        let name = match self.file.strip_suffix(".redb") {
            Some(name) if self.file != FILE => name,
            _ => MOSQUITTO_FILE,
        };
        Some(self.path.join(name)).filter(|path| path.is_file())
    }

    /// The argument for `skeeter store`: the directory, or the file if it has another name than the default one.
    pub(crate) fn argument(&self) -> PathBuf {
        if self.file == FILE { self.path.clone() } else { self.file() }
    }

    /// The file that is locked.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.path.join(lock_name(&self.file))
    }

    /// The path of the database file.
    pub(crate) fn file(&self) -> PathBuf {
        self.path.join(&self.file)
    }

    /// Room set aside beside the database's file, for when the disk is full.
    pub(crate) fn reserve(&self) -> Reserve {
        Reserve::new(self.path.join(format!("{}.reserve", self.file)))
    }

    /// Opens the database, or creates an empty one. `delay` is added to each sync.
    ///
    /// # Errors
    /// If it is damaged, has a newer format, or cannot be read.
    pub(crate) fn open(&self, delay: Duration) -> Result<Database, DirectoryError> {
        self.open_or_fill(delay, |_| Ok(()))
    }

    /// As [`Directory::open`]; a new database appears under its name only after `fill` has written its first content.
    ///
    /// # Errors
    /// As [`Directory::open`], and the error of `fill`, which is one line for the user.
    pub(crate) fn open_or_fill(
        &self,
        delay: Duration,
        fill: impl FnOnce(&mut Database) -> Result<(), String>,
    ) -> Result<Database, DirectoryError> {
        let path = self.file();
        if !path.try_exists().map_err(|error| self.unreadable(&error))? {
            self.create(fill)?;
        }
        let file = OpenOptions::new().read(true).write(self.access != Access::Read).open(&path);
        let file = file.map_err(|error| self.unreadable(&error))?;
        let metadata = file.metadata().map_err(|error| self.unreadable(&error))?;
        if metadata.len() == 0 {
            return Err(self.damaged("it is empty"));
        }
        let _ = self.opened.set(identity(&metadata));
        let disk = FileDisk::new(file, delay);
        let mut database = match Database::open(BufferedDisk::new(Arc::new(disk)), self.access) {
            Ok(database) => database,
            Err(OpenError::Database(error)) => return Err(self.open_error(&error)),
            Err(OpenError::Lost(lost)) => {
                return Err(DirectoryError(format!(
                    "{} is damaged: {lost}; nothing was changed: `skeeter store export {argument}` saves what is left, \
                     `skeeter store repair {argument}` accepts the loss so that the broker starts again",
                    path.display(),
                    argument = self.argument().display()
                )));
            }
        };
        match database.format().map_err(|error| self.open_error(&error))? {
            FORMAT => Ok(database),
            newer => Err(DirectoryError(format!(
                "{} is of format {newer}, and this program reads format {FORMAT}; use the version of skeeter that \
                 wrote it, and there `skeeter store export` to take the messages along",
                path.display()
            ))),
        }
    }

    /// Checks that the open file is still the one with this name. What is written to a file that was removed or replaced is
    /// lost when the process ends.
    ///
    /// # Errors
    /// One line for the user.
    pub(crate) fn check_in_place(&self) -> Result<(), String> {
        let (file, Some(opened)) = (self.file(), self.opened.get()) else { return Ok(()) };
        match file.metadata() {
            Ok(metadata) if identity(&metadata) == *opened => Ok(()),
            Ok(_) => Err(format!("{} was replaced by another file", file.display())),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::StaleNetworkFileHandle => Err(format!("{} was removed", file.display())),
                // Unknown: the process may have changed its user since.
                _ => Ok(()),
            },
        }
    }

    /// Creates and fills the database under a temporary name first, so that there is never an incomplete one.
    fn create(&self, fill: impl FnOnce(&mut Database) -> Result<(), String>) -> Result<(), DirectoryError> {
        let (path, new) = (self.file(), self.path.join(format!("{}.new", self.file)));
        let make = || -> Result<Result<(), String>, redb::Error> {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&new)?;
            let disk = BufferedDisk::new(Arc::new(FileDisk::new(file, Duration::ZERO)));
            let mut database = Database::open(disk, Access::Write)?;
            if let Err(why) = fill(&mut database) {
                drop(database);
                std::fs::remove_file(&new)?;
                return Ok(Err(why));
            }
            drop(database);
            std::fs::rename(&new, &path)?;
            #[cfg(unix)]
            File::open(&self.path)?.sync_all()?;
            Ok(Ok(()))
        };
        let made = make()
            .map_err(|error| DirectoryError(format!("cannot make {}: {}", path.display(), os_error(&error))));
        made?.map_err(DirectoryError)
    }

    fn unreadable(&self, error: &io::Error) -> DirectoryError {
        DirectoryError(format!("cannot open {}: {}", self.file().display(), os_error(&error)))
    }

    /// An error of the database as an error of opening it.
    pub(crate) fn open_error(&self, error: &redb::Error) -> DirectoryError {
        match error {
            redb::Error::Io(error)
                if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                self.unreadable(error)
            }
            error => self.damaged(&os_error(error)),
        }
    }

    fn damaged(&self, cause: &str) -> DirectoryError {
        let (file, argument) = (self.file(), self.argument());
        DirectoryError(format!(
            "{} is damaged: {cause}; nothing was changed: `skeeter store check {argument}` tells more, `skeeter store \
             export {argument}` saves what can be read, and moving the file away starts with an empty store",
            file.display(),
            argument = argument.display()
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

/// The lock of a file, so that brokers with different files may share a directory.
fn lock_name(file: &str) -> String {
    if file == FILE { "lock".to_owned() } else { format!("{file}.lock") }
}

/// Opens the lock file with mode 0600: any user who could open it could hold it and prevent the broker from starting.
/// Read-only access creates none.
fn open_lock(path: &Path, access: Access) -> io::Result<Option<File>> {
    if access == Access::Read {
        return match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            lock => lock.map(Some),
        };
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let lock = options.open(path)?;
    // An older version left it to the umask.
    #[cfg(unix)]
    let _ = lock.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    Ok(Some(lock))
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Elsewhere an open file can be neither removed nor replaced.
#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> Identity {
    (0, 0)
}
