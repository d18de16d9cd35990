//! Reloads configuration, users, ACLs and certificates while the broker runs: on SIGHUP, and when a file changes. A reload is
//! applied completely or, if there is an error, not at all. Open connections stay open.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::sync::watch::Sender;

use super::admission::ActiveListener;
use super::bridge::Bridges;
use super::log::LogEvent;
use super::periodic::Intervals;
use super::permissions::{self, OnFault};
use super::settings::BrokerSettings;
use super::systemd::{self, ServiceState};
use super::worker::Worker;
use crate::broker::Rights;
use crate::cli::broker::BrokerArgs;
use crate::net::listener::Listener;
use crate::net::listener::upgrade::LoadedListener;

/// How often the files are checked. A changed file is read once it has not changed for this long, as it may still be being
/// written.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// Changes when a file is written or replaced.
type FileStamp = Option<(SystemTime, u64)>;

/// The files that were read, with their stamps before that.
pub(super) type FileStamps = Vec<(PathBuf, FileStamp)>;

/// BrokerSettings, and the files they were read from.
pub(super) struct ReadSettings {
    pub(super) settings: BrokerSettings,
    pub(super) stamps: FileStamps,
}

/// Reads the settings twice: the first time tells which files to stamp before they are read, so that no change in between
/// is missed.
///
/// # Errors
/// The exit status, and a line for each error.
pub(super) fn read(args: &BrokerArgs) -> Result<ReadSettings, (u8, Vec<String>)> {
    let stamps = stamps(&BrokerSettings::read(args)?);
    BrokerSettings::read(args).map(|settings| ReadSettings { settings, stamps })
}

/// The active configuration, and what it was read from.
pub(super) struct Reloader<'a> {
    args: &'a BrokerArgs,
    settings: BrokerSettings,
    listeners: Vec<Arc<ActiveListener>>,
    intervals: Sender<Intervals>,
    bridges: Rc<Bridges>,
    in_force: FileStamps,
    seen: FileStamps,
}

/// What a reload needs: the active settings, and what it changes.
pub(super) struct ReloadParts<'a> {
    pub(super) args: &'a BrokerArgs,
    pub(super) settings: BrokerSettings,
    pub(super) stamps: FileStamps,
    pub(super) listeners: Vec<Arc<ActiveListener>>,
    pub(super) intervals: Sender<Intervals>,
    pub(super) bridges: Rc<Bridges>,
}

/// A configuration that has been read but not applied yet.
struct NewConfiguration {
    settings: BrokerSettings,
    stamps: FileStamps,
    listeners: Vec<LoadedListener>,
    rights: Rights,
    warnings: Vec<String>,
}

impl<'a> Reloader<'a> {
    pub(super) fn new(parts: ReloadParts<'a>) -> Self {
        let ReloadParts { args, settings, stamps, listeners, intervals, bridges } = parts;
        let (seen, in_force) = (stamps.clone(), stamps);
        Self { args, settings, listeners, intervals, bridges, in_force, seen }
    }

    /// Whether there is a file to watch.
    pub(super) fn has_files(&self) -> bool {
        !self.in_force.is_empty()
    }

    /// Reloads if a file has changed and is stable.
    pub(super) fn look(&mut self, worker: &Worker) {
        let now = stamps(&self.settings);
        if now != self.in_force && now == self.seen {
            self.run(worker);
        }
        self.seen = now;
    }

    /// Reads everything again.
    pub(super) fn run(&mut self, worker: &Worker) {
        systemd::notify(ServiceState::Reloading);
        // Files with an error too are read again only when they change.
        self.in_force = stamps(&self.settings);
        match self.read() {
            Ok(fresh) => self.put_in_force(fresh, worker),
            Err(faults) => {
                faults.iter().for_each(|reason| worker.log().write(&LogEvent::ReloadFailed { reason }));
            }
        }
        systemd::notify(ServiceState::Ready);
    }

    /// # Errors
    /// A line for each fault.
    fn read(&self) -> Result<NewConfiguration, Vec<String>> {
        let ReadSettings { settings, stamps } = read(self.args).map_err(|(_, faults)| faults)?;
        self.needs_restart(&settings).map_err(|fault| vec![fault])?;
        let listeners = settings.listeners.iter().cloned().map(LoadedListener::load);
        let listeners = listeners.collect::<Result<Vec<_>, _>>().map_err(|fault| vec![fault])?;
        let mut warnings = settings.warnings.clone();
        let rights = permissions::load(
            &settings.permissions,
            &settings.bridge_permissions,
            OnFault::Reject,
            &mut |warning| warnings.push(warning.to_owned()),
        );
        let rights = rights.map_err(|faults| faults.lines().map(str::to_owned).collect::<Vec<_>>())?;
        Ok(NewConfiguration { settings, stamps, listeners, rights, warnings })
    }

    /// # Errors
    /// What has changed that only a restart can change.
    fn needs_restart(&self, new: &BrokerSettings) -> Result<(), String> {
        if new.process != self.settings.process {
            return Err("changing pid_file, user or workers needs a restart".into());
        }
        if new.listeners.len() != self.settings.listeners.len() {
            return Err("adding or removing a listener needs a restart".into());
        }
        let mut pairs = self.settings.listeners.iter().zip(&new.listeners);
        match pairs.find(|(old, new)| !is_same_socket(old, new)) {
            Some((old, _)) => Err(format!(
                "changing the address, protocol, PROXY protocol or TLS of a listener needs a restart: {:?}",
                old.address
            )),
            None => Ok(()),
        }
    }

    fn put_in_force(&mut self, fresh: NewConfiguration, worker: &Worker) {
        let NewConfiguration { settings, stamps, listeners, rights, warnings } = fresh;
        let state = &worker.state;
        let has_tls = settings.listeners.iter().any(|listener| listener.tls.is_some());
        self.listeners.iter().zip(listeners).for_each(|(active, loaded)| active.replace(loaded));
        state.nodelay.store(settings.nodelay, Ordering::Relaxed);
        state.broker.set_limits(settings.limits.clone());
        let mut turn = worker.begin();
        state.broker.set_rights(rights, &mut turn);
        worker.finish(turn);
        state.log.replace(settings.log.clone());
        self.intervals.send_replace(Intervals::of(&settings));
        self.bridges.apply(&settings.bridge_plans());
        self.settings = settings;
        self.in_force = stamps;
        warnings.iter().for_each(|reason| state.log.write(&LogEvent::ConfigurationWarning { reason }));
        if has_tls {
            state.log.write(&LogEvent::CertificatesReloaded {});
        }
        state.log.write(&LogEvent::ConfigurationReloaded {});
    }
}

/// Whether the socket of a listener, and what is done on it before MQTT, stay as they are.
fn is_same_socket(old: &Listener, new: &Listener) -> bool {
    (&old.address, old.protocol, old.proxy, old.tls.is_some())
        == (&new.address, new.protocol, new.proxy, new.tls.is_some())
}

fn stamps(settings: &BrokerSettings) -> FileStamps {
    let tls = settings.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let tls = tls.flat_map(|tls| tls.files().cloned().collect::<Vec<_>>());
    let rights = settings.permissions.iter().chain(&settings.bridge_permissions);
    let rights = rights.flat_map(|source| source.password_file.iter().chain(&source.acl_file).cloned());
    let mut files: Vec<PathBuf> = settings.files.iter().cloned().chain(tls).chain(rights).collect();
    files.sort();
    files.dedup();
    files.into_iter().map(|path| (path.clone(), stamp(&path))).collect()
}

fn stamp(path: &Path) -> FileStamp {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}
