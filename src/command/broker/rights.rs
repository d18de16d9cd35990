//! From flags and files to rights: who may come in, and what they may do.
//!
//! All of them or none: what is wrong with any file leaves the rights as they are. What it leaves out: what a line means,
//! which is the core's.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bridge::Standing;
use super::settings::Settings;
use crate::broker::{Accounts, Acl, Address, Fault, Policy, Rights};
use crate::cli::broker::{BrokerArgs, RightsArgs};
use crate::transport::listener::Listener;

/// The rights of one listener before its files are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    /// Beside those of the password file.
    pub(super) users: Vec<(String, String)>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) acl_file: Option<PathBuf>,
    /// Whether clients without a user name come in; only where there are no users unless it is said.
    pub(super) anonymous: Option<bool>,
    /// All else. Accounts, rules, and who may come without a name are filled in.
    pub(super) policy: Policy,
}

/// What the flags say of this listener, over what is set already.
pub(super) fn source(base: &Source, settings: &Settings, args: &BrokerArgs, listener: &Listener) -> Source {
    let RightsArgs { password_file, acl_file, refuse_unreadable, check_retain_source, .. } = &args.rights;
    let given = args.users().next().map(|_| false);
    let mut policy = Policy {
        certificate: listener.proves_names(),
        refuse_unreadable: *refuse_unreadable || base.policy.refuse_unreadable,
        check_retain_source: *check_retain_source || base.policy.check_retain_source,
        ..base.policy.clone()
    };
    if args.limits.max_topic_alias.is_some() {
        policy.topic_aliases = None;
    }
    Source {
        users: settings.users.clone(),
        password_file: password_file.clone().or_else(|| base.password_file.clone()),
        acl_file: acl_file.clone().or_else(|| base.acl_file.clone()),
        anonymous: args.rights.anonymous().or(given).or(base.anonymous),
        policy,
    }
}

/// What the bridges of this broker may do here, in the order of [`Standing`]. Whoever configures them is trusted: without a
/// user name they may do everything, and the password of a user name is asked only if there is one.
pub(super) fn of_bridges(base: &Source, users: &[(String, String)], args: &BrokerArgs) -> [Source; 3] {
    let RightsArgs { password_file, acl_file, check_retain_source, .. } = &args.rights;
    let policy = Policy {
        check_retain_source: *check_retain_source || base.policy.check_retain_source,
        ..Policy::default()
    };
    let free = Source { anonymous: Some(true), policy: policy.clone(), ..Source::default() };
    let named = Source {
        acl_file: acl_file.clone().or_else(|| base.acl_file.clone()),
        policy: Policy { certificate: true, ..policy.clone() },
        ..Source::default()
    };
    let proven = Source {
        users: users.to_vec(),
        password_file: password_file.clone().or_else(|| base.password_file.clone()),
        // Where there are no users, every name is believed.
        anonymous: Some(true),
        policy,
        ..named.clone()
    };
    let mut all = [Source::default(), Source::default(), Source::default()];
    all[Standing::Free as usize] = free;
    all[Standing::Named as usize] = named;
    all[Standing::Proven as usize] = proven;
    all
}

/// Reads the files of all listeners, and of bridges, each once.
///
/// # Errors
/// What is wrong with any of them, a line for each fault.
pub(super) fn load(settings: &Settings, warn: &mut dyn FnMut(&str)) -> Result<Rights, String> {
    let sources = || settings.rights.iter().chain(&settings.bridge_rights);
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
            accounts.insert(path, read("password", path, Accounts::parse, &mut faults));
        }
        if let Some(path) = &source.acl_file
            && !acls.contains_key(path)
        {
            acls.insert(path, read("ACL", path, Acl::parse, &mut faults));
        }
    }
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    let policies = sources().map(|source| {
        let Source { users, password_file, acl_file, anonymous, policy } = source;
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
        // Whoever must have a name must prove it, and where there are no users nobody can.
        let accounts = accounts.or_else(|| (!anonymous).then(Arc::default));
        let acl = acl_file.as_ref().and_then(|path| acls[path].clone());
        Policy { accounts, acl, anonymous, ..policy.clone() }
    });
    let mut policies: Vec<_> = policies.collect();
    let bridges = policies.split_off(settings.rights.len());
    Ok(Rights::of(policies, key()?).with_bridges(bridges))
}

/// What is read, unless there are faults.
fn read<T>(
    kind: &str,
    path: &Path,
    parse: fn(&str, &[u8]) -> Result<T, Vec<Fault>>,
    faults: &mut Vec<String>,
) -> Option<Arc<T>> {
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => match parse(&name, &bytes) {
            Ok(value) => return Some(Arc::new(value)),
            Err(found) => faults.extend(found.iter().map(|fault| format!("in the {kind} file {fault}"))),
        },
        Err(error) => faults.push(format!("cannot read the {kind} file {name}: {error}")),
    }
    None
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

/// Bytes that nobody knows.
fn key() -> Result<[u8; 32], String> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| format!("the system gives no random bytes: {error}"))?;
    Ok(key)
}

/// What limits per address count by.
pub(super) fn network(ip: IpAddr) -> Address {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_bits().into(),
        // The other half is the subscriber's to choose.
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as Address,
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn an_address_of_ipv6_stands_for_its_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::7"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    }
}
