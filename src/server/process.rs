//! The broker as a process of the system: its user, its PID file, and its place in the background.

use std::path::{Path, PathBuf};

use crate::text::os_error;

/// A PID file, removed when the broker ends.
#[derive(Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    /// # Errors
    /// One line that names the file.
    pub(super) fn write(path: &Path) -> Result<Self, String> {
        let written = std::fs::write(path, std::process::id().to_string());
        written.map_err(|error| format!("cannot write pid_file {}: {}", path.display(), os_error(&error)))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The user that a broker started as root becomes.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct TargetUser {
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// For its other groups.
    name: Option<String>,
    /// What is said for the log, if there is something to say.
    pub(super) note: Option<String>,
}

#[cfg(unix)]
impl TargetUser {
    /// The user that the configuration names, if the broker was started as root.
    ///
    /// # Errors
    /// One line: which user, why, and what to do.
    pub(super) fn find(name: Option<&str>) -> Result<Option<Self>, String> {
        use nix::unistd::{Uid, User};
        const USUAL: &str = "mosquitto";
        if !Uid::effective().is_root() || name == Some("root") {
            return Ok(None);
        }
        // Set by mosquitto's container image.
        let given = |name: &str| -> Result<Option<u32>, String> {
            let Some(value) = std::env::var_os(name) else { return Ok(None) };
            let number = value.to_str().and_then(|value| value.parse().ok());
            number.map(Some).ok_or_else(|| format!("environment variable {name}: expected a number"))
        };
        if let (uid, gid @ Some(_)) | (uid @ Some(_), gid) = (given("PUID")?, given("PGID")?) {
            return Ok(Some(Self { uid, gid, name: None, note: None }));
        }
        if std::env::var_os("SNAP_NAME").is_some_and(|name| name == "mosquitto") {
            return Ok(None);
        }
        let find = |name: &str| {
            User::from_name(name).map_err(|error| format!("cannot look up {name}: {}", os_error(&error)))
        };
        let wanted = name.unwrap_or(USUAL);
        let (user, note) = match find(wanted)? {
            Some(user) => (user, None),
            None if wanted == USUAL => {
                let nobody =
                    find("nobody")?.ok_or("there is neither a user mosquitto nor a user nobody; see user")?;
                (nobody, Some("there is no user mosquitto; running as nobody".to_owned()))
            }
            None => {
                return Err(format!(
                    "there is no user {wanted}; create it, or change user in the configuration"
                ));
            }
        };
        let (uid, gid) = (Some(user.uid.as_raw()), Some(user.gid.as_raw()));
        Ok(Some(Self { uid, gid, name: Some(user.name), note }))
    }

    /// Becomes this user. To be called before there are other threads.
    ///
    /// # Errors
    /// One line: what the system refuses.
    pub(super) fn become_it(&self) -> Result<(), String> {
        use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
        let fail = |what: &str| {
            let what = what.to_owned();
            move |error| format!("cannot drop root privileges: {what}: {}", os_error(&error))
        };
        if let Some(gid) = self.gid {
            let gid = Gid::from_raw(gid);
            #[cfg(not(target_vendor = "apple"))]
            match self.name.as_deref().map(std::ffi::CString::new) {
                Some(Ok(name)) => nix::unistd::initgroups(&name, gid).map_err(fail("its groups"))?,
                _ => setgroups(&[gid]).map_err(fail("its groups"))?,
            }
            setgid(gid).map_err(fail("its group"))?;
        }
        self.uid.map_or(Ok(()), |uid| setuid(Uid::from_raw(uid)).map_err(fail("its user")))
    }

    /// Gives it a file or directory that root has made, so that it can be opened by a broker that is started as this user.
    /// Others are left alone, and so is a file with a second name: it could be any file of the system, linked here by someone
    /// who may write to the directory. That it fails does not matter now: what is open stays open.
    pub(super) fn give(&self, path: &Path) {
        use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
        let mut options = std::fs::OpenOptions::new();
        options.read(true).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
        let Ok(file) = options.open(path) else { return };
        let is_own = file
            .metadata()
            .is_ok_and(|found| found.uid() == 0 && (found.is_dir() || found.is_file() && found.nlink() == 1));
        if is_own {
            let _ = std::os::unix::fs::fchown(&file, self.uid, self.gid);
        }
    }
}

/// Sets the umask from `UMASK_SET`, which mosquitto's packages use.
///
/// # Errors
/// The value is not a valid mask.
#[cfg(unix)]
pub(super) fn set_umask() -> Result<(), String> {
    use nix::sys::stat::{Mode, umask};
    let Some(value) = std::env::var_os("UMASK_SET") else { return Ok(()) };
    let mask = value.to_str().and_then(|value| u32::from_str_radix(value, 8).ok());
    #[allow(clippy::useless_conversion, reason = "the mode is narrower on other systems")]
    let mode = mask.and_then(|mask| Mode::from_bits(mask.try_into().ok()?));
    umask(mode.ok_or("environment variable UMASK_SET: expected octal digits up to 777")?);
    Ok(())
}

/// Continues in the background: the process that was started exits with success. Must be called before other threads start.
///
/// # Errors
/// The system call failed.
#[cfg(target_os = "linux")]
pub(super) fn daemonize() -> Result<(), String> {
    nix::unistd::daemon(true, false)
        .map_err(|error| format!("cannot run in the background: {}", os_error(&error)))
}

/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub(super) fn daemonize() -> Result<(), String> {
    Err("-d is supported on Linux only; use a service manager".into())
}
