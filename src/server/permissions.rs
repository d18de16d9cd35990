//! Loads permissions from flags and files: who may connect, and what each client may do.
//!
//! If any file has an error, none of the permissions changes. The core parses the lines of the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bridge::Standing;
use crate::broker::{AccessFileError, Accounts, Acl, Policy, Rights};
use crate::cli::broker::{BrokerArgs, RightsArgs};
use crate::net::listener::Listener;
use crate::text::os_error;

/// The permissions of one listener before its files are read.
#[derive(Clone, Debug, Default)]
pub(super) struct PermissionSource {
    /// Users in addition to those of the password file.
    pub(super) users: Vec<(String, String)>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) acl_file: Option<PathBuf>,
    /// Whether clients without a username are allowed; if not set, only if no users are defined.
    pub(super) anonymous: Option<bool>,
    /// Everything else; accounts, rules and `anonymous` are filled in when the files are read.
    pub(super) policy: Policy,
}

/// The permissions of one listener: those of the configuration, overridden by the flags.
pub(super) fn of_listener(
    base: &PermissionSource,
    users: &[(String, String)],
    args: &BrokerArgs,
    listener: &Listener,
) -> PermissionSource {
    let RightsArgs { password_file, acl_file, refuse_unreadable, check_retain_source, .. } = &args.rights;
    let given = args.users().next().map(|_| false);
    let mut policy = Policy {
        certificate: listener.proves_names(),
        refuse_unreadable: *refuse_unreadable || base.policy.refuse_unreadable,
        check_retain_source: *check_retain_source || base.policy.check_retain_source,
        is_local: listener.is_local(),
        ..base.policy.clone()
    };
    if args.limits.is_given("max-topic-alias") {
        policy.topic_aliases = None;
    }
    PermissionSource {
        users: users.to_vec(),
        password_file: password_file.clone().or_else(|| base.password_file.clone()),
        acl_file: acl_file.clone().or_else(|| base.acl_file.clone()),
        anonymous: args.rights.anonymous().or(given).or(base.anonymous),
        policy,
    }
}

/// The permissions of this broker's own bridges, in the order of [`Standing`]. The configuration is trusted: a bridge without
/// a username is unrestricted, and a password is verified only if one is configured.
pub(super) fn of_bridges(
    base: &PermissionSource,
    users: &[(String, String)],
    args: &BrokerArgs,
) -> [PermissionSource; 3] {
    let RightsArgs { password_file, acl_file, check_retain_source, .. } = &args.rights;
    let policy = Policy {
        check_retain_source: *check_retain_source || base.policy.check_retain_source,
        ..Policy::default()
    };
    let free =
        PermissionSource { anonymous: Some(true), policy: policy.clone(), ..PermissionSource::default() };
    let named = PermissionSource {
        acl_file: acl_file.clone().or_else(|| base.acl_file.clone()),
        policy: Policy { certificate: true, ..policy.clone() },
        ..PermissionSource::default()
    };
    let proven = PermissionSource {
        users: users.to_vec(),
        password_file: password_file.clone().or_else(|| base.password_file.clone()),
        // Without users, every username is accepted.
        anonymous: Some(true),
        policy,
        ..named.clone()
    };
    let mut all = [PermissionSource::default(), PermissionSource::default(), PermissionSource::default()];
    all[Standing::Free as usize] = free;
    all[Standing::Named as usize] = named;
    all[Standing::Proven as usize] = proven;
    all
}

/// What is done about lines of password and ACL files that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnFault {
    /// They are errors.
    Reject,
    /// They are warnings, and those whom they apply to are kept out: a broker that restarts at night serves all others.
    FailClosed,
}

/// Reads the files of all listeners, and of bridges, each once.
///
/// # Errors
/// What is wrong with any of them, a line for each fault.
pub(super) fn load(
    listeners: &[PermissionSource],
    bridges: &[PermissionSource],
    on_fault: OnFault,
    warn: &mut dyn FnMut(&str),
) -> Result<Rights, String> {
    let sources = || listeners.iter().chain(bridges);
    let (mut accounts, mut acls) = (BTreeMap::new(), BTreeMap::new());
    let mut faults = Vec::new();
    for source in sources() {
        if let Some(path) = &source.password_file
            && !accounts.contains_key(path)
        {
            if is_open_to_others(path) {
                warn(&format!(
                    "others on this machine can read the password file {path}; chmod o-rwx {path}",
                    path = path.display()
                ));
            }
            let (read, of_lines) = read("password", path, Accounts::parse_valid, &mut faults);
            put_faults(of_lines, "; this user cannot log in", on_fault, warn, &mut faults);
            accounts.insert(path, read);
        }
        if let Some(path) = &source.acl_file
            && !acls.contains_key(path)
        {
            let (read, of_lines) = read("ACL", path, Acl::parse_valid, &mut faults);
            let effect = "; those whom the line applies to are denied everything that it could have denied";
            put_faults(of_lines, effect, on_fault, warn, &mut faults);
            acls.insert(path, read);
        }
    }
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    let policies = sources().map(|source| {
        let PermissionSource { users, password_file, acl_file, anonymous, policy } = source;
        let of_file = password_file.as_ref().and_then(|path| accounts[path].clone());
        let accounts = match (of_file, users.is_empty()) {
            (of_file, true) => of_file,
            (of_file, false) => {
                let mut all = of_file.map_or_else(Accounts::default, |accounts| (*accounts).clone());
                all.add_plain(
                    users.iter().map(|(name, password)| (name.as_str().into(), password.as_bytes().into())),
                );
                Some(Arc::new(all))
            }
        };
        let anonymous = anonymous.unwrap_or(accounts.is_none());
        // If a username is required and no users are defined, nobody can connect.
        let accounts = accounts.or_else(|| (!anonymous).then(Arc::default));
        let acl = acl_file.as_ref().and_then(|path| acls[path].clone());
        Policy { accounts, acl, anonymous, ..policy.clone() }
    });
    let mut policies: Vec<_> = policies.collect();
    let bridges = policies.split_off(listeners.len());
    Ok(Rights::of(policies, key()?).with_bridges(bridges))
}

/// What is read, and the faults of its lines.
fn read<T>(
    kind: &str,
    path: &Path,
    parse: fn(&str, &[u8]) -> (T, Vec<AccessFileError>),
    faults: &mut Vec<String>,
) -> (Option<Arc<T>>, Vec<String>) {
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => {
            let (value, found) = parse(&name, &bytes);
            let found = found.iter().map(|fault| format!("in the {kind} file {fault}"));
            (Some(Arc::new(value)), found.collect())
        }
        Err(error) => {
            faults.push(format!("cannot read the {kind} file {name}: {}", os_error(&error)));
            (None, Vec::new())
        }
    }
}

/// Tells the faults of lines, as warnings with what follows from them, or as errors.
fn put_faults(
    of_lines: Vec<String>,
    effect: &str,
    on_fault: OnFault,
    warn: &mut dyn FnMut(&str),
    faults: &mut Vec<String>,
) {
    match on_fault {
        OnFault::Reject => faults.extend(of_lines),
        OnFault::FailClosed => of_lines.iter().for_each(|fault| warn(&format!("{fault}{effect}"))),
    }
}

/// Whether others than its owner and group may read a file.
#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// A random key.
fn key() -> Result<[u8; 32], String> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| format!("the system gives no random bytes: {}", os_error(&error)))?;
    Ok(key)
}
