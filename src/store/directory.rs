//! A data directory: one file of messages, and a lock that says which process owns it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::database::{Database, FORMAT};
use super::disk::{FileDisk, Layer};
use super::open::{Access, OpenError};

/// The database's file, unless another name is asked for.
const FILE: &str = "skeeter.redb";

/// mosquitto's file, unless its configuration says another.
const MOSQUITTO_FILE: &str = "mosquitto.db";

/// The database's file in a directory, owned by this process until this is dropped.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    file: String,
    access: Access,
    /// What the file is, once it is open.
    opened: OnceLock<Identity>,
    _lock: Option<File>,
}

/// Device and inode.
type Identity = (u64, u64);

/// Why a data directory cannot be used: one line for people.
#[derive(Debug)]
pub(crate) struct Refusal(String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Directory {
    /// Takes the database's file in a directory for this process: the one of this name, or else ours. With
    /// [`Access::Write`] the directory is made if it is missing, and only its owner may read it. Brokers whose files have
    /// different names may share a directory.
    ///
    /// # Errors
    /// When it is not there, may not be written, or another process has it.
    pub(crate) fn take(path: &Path, file: Option<&str>, access: Access) -> Result<Self, Refusal> {
        let (shown, file) = (path.display(), file.unwrap_or(FILE).to_owned());
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
            Err(TryLockError::WouldBlock) => Err(Refusal(format!(
                "{file} in the data directory {shown} is in use by another process; stop it, or choose another \
                 directory with --data-dir"
            ))),
            Err(TryLockError::Error(error)) => Err(refuse(error)),
        }
    }

    /// mosquitto's persistence file that this database takes the place of, if there is one in the directory.
    pub(crate) fn mosquitto_file(&self) -> Option<PathBuf> {
        let name = match self.file.strip_suffix(".redb") {
            Some(name) if self.file != FILE => name,
            _ => MOSQUITTO_FILE,
        };
        Some(self.path.join(name)).filter(|path| path.is_file())
    }

    /// What names it for `skeeter store`: the directory, or the file if it is not ours by name.
    pub(crate) fn argument(&self) -> PathBuf {
        if self.file == FILE { self.path.clone() } else { self.file() }
    }

    /// The file that is locked.
    pub(crate) fn lock_file(&self) -> PathBuf {
        self.path.join(lock_name(&self.file))
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
        self.open_or_fill(delay, |_| Ok(()))
    }

    /// As [`Directory::open`]; a database that is not there yet appears only once `fill` has put its first content in.
    ///
    /// # Errors
    /// As [`Directory::open`], and if `fill` fails: its error is one line for people.
    pub(crate) fn open_or_fill(
        &self,
        delay: Duration,
        fill: impl FnOnce(&mut Database) -> Result<(), String>,
    ) -> Result<Database, Refusal> {
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
        let mut database = match Database::open(Layer::new(Arc::new(disk)), self.access) {
            Ok(database) => database,
            Err(OpenError::Database(error)) => return Err(self.refusal(&error)),
            Err(OpenError::Lost(lost)) => {
                return Err(Refusal(format!(
                    "{} is damaged: {lost}; nothing was changed: `skeeter store export {argument}` saves what is left, \
                     `skeeter store repair {argument}` accepts the loss so that the broker starts again",
                    path.display(),
                    argument = self.argument().display()
                )));
            }
        };
        match database.format().map_err(|error| self.refusal(&error))? {
            FORMAT => Ok(database),
            newer => Err(Refusal(format!(
                "{} is of format {newer}, and this program reads format {FORMAT}; use the version of skeeter that \
                 wrote it, and there `skeeter store export` to take the messages along",
                path.display()
            ))),
        }
    }

    /// Whether the file that is open is still the one under its name. What is written to one that was removed or replaced
    /// is gone with the process.
    ///
    /// # Errors
    /// One line for people.
    pub(crate) fn check_in_place(&self) -> Result<(), String> {
        let (file, Some(opened)) = (self.file(), self.opened.get()) else { return Ok(()) };
        match file.metadata() {
            Ok(metadata) if identity(&metadata) == *opened => Ok(()),
            Ok(_) => Err(format!("{} was replaced by another file", file.display())),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::StaleNetworkFileHandle => Err(format!("{} was removed", file.display())),
                // Nothing is known: the process may have changed its user since.
                _ => Ok(()),
            },
        }
    }

    /// Makes and fills a database under another name first, so that there is never half a one.
    fn create(&self, fill: impl FnOnce(&mut Database) -> Result<(), String>) -> Result<(), Refusal> {
        let (path, new) = (self.file(), self.path.join(format!("{}.new", self.file)));
        let make = || -> Result<Result<(), String>, redb::Error> {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&new)?;
            let layer = Layer::new(Arc::new(FileDisk::new(file, Duration::ZERO)));
            let mut database = Database::open(layer, Access::Write)?;
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
        let made = make().map_err(|error| Refusal(format!("cannot make {}: {error}", path.display())));
        made?.map_err(Refusal)
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
        let (file, argument) = (self.file(), self.argument());
        Refusal(format!(
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
