//! Everything read again while the broker runs, when a file changes and when asked to: the configuration, users, rules,
//! certificates. All of it or none: what is wrong is told, and what was in force stays so. Connections that are open stay.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::sync::watch::Sender;

use super::bridge::Bridges;
use super::gate::Gate;
use super::periodic::Pace;
use super::rights;
use super::settings::Settings;
use super::worker::Worker;
use crate::broker::Rights;
use crate::cli::broker::BrokerArgs;
use crate::transport::door;
use crate::transport::listener::Listener;

/// How often the files are looked at. A file that is being written is left alone until it stands still so long.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// What changes when a file is written or another takes its place.
type Mark = Option<(SystemTime, u64)>;

/// The files that were read, as they were before that.
pub(super) type Marks = Vec<(PathBuf, Mark)>;

/// Reads the settings, twice: the first time tells which files to mark before they count, so that no change between the
/// two is missed.
///
/// # Errors
/// A line for each fault, and the status to exit with.
pub(super) fn read(args: &BrokerArgs) -> Result<(Settings, Marks), (u8, Vec<String>)> {
    let marks = marks(&Settings::read(args)?);
    Settings::read(args).map(|settings| (settings, marks))
}

/// What is in force, and what it was read from.
pub(super) struct Reload<'a> {
    args: &'a BrokerArgs,
    settings: Settings,
    gates: Rc<[Arc<Gate>]>,
    pace: Sender<Pace>,
    bridges: Rc<Bridges>,
    in_force: Marks,
    seen: Marks,
}

/// All that was read and is not in force yet.
struct Fresh {
    settings: Settings,
    marks: Marks,
    doors: Vec<door::Settings>,
    rights: Rights,
    warnings: Vec<String>,
}

impl<'a> Reload<'a> {
    pub(super) fn new(
        args: &'a BrokerArgs,
        (settings, in_force): (Settings, Marks),
        gates: Rc<[Arc<Gate>]>,
        (pace, bridges): (Sender<Pace>, Rc<Bridges>),
    ) -> Self {
        Self { args, settings, gates, pace, bridges, seen: in_force.clone(), in_force }
    }

    /// Whether there is a file to look at.
    pub(super) fn has_files(&self) -> bool {
        !self.in_force.is_empty()
    }

    /// Reads everything again if a file has changed and stands still.
    pub(super) fn look(&mut self, worker: &Worker) {
        let now = marks(&self.settings);
        if now != self.in_force && now == self.seen {
            self.run(worker);
        }
        self.seen = now;
    }

    /// Reads everything again.
    pub(super) fn run(&mut self, worker: &Worker) {
        // Also what has a fault is looked at again only when it changes.
        self.in_force = marks(&self.settings);
        match self.read() {
            Ok(fresh) => self.put_in_force(fresh, worker),
            Err(faults) => faults.iter().for_each(|fault| worker.shared.log.error(fault)),
        }
    }

    /// # Errors
    /// A line for each fault.
    fn read(&self) -> Result<Fresh, Vec<String>> {
        let stays = |faults: Vec<String>| -> Vec<String> {
            faults.iter().map(|fault| format!("the configuration stays as it was: {fault}")).collect()
        };
        let (settings, marks) = read(self.args).map_err(|(_, faults)| stays(faults))?;
        self.needs_restart(&settings).map_err(|fault| stays(vec![fault]))?;
        let doors = settings.listeners.iter().cloned().map(door::Settings::load);
        let doors = doors.collect::<Result<Vec<_>, _>>();
        let doors = doors.map_err(|fault| vec![format!("the files of TLS stay as they were: {fault}")])?;
        let mut warnings = settings.warnings.clone();
        let rights = rights::load(&settings, &mut |warning| warnings.push(warning.to_owned()));
        let rights = rights.map_err(|faults| stays(faults.lines().map(str::to_owned).collect()))?;
        Ok(Fresh { settings, marks, doors, rights, warnings })
    }

    /// # Errors
    /// What has changed that only a restart can change.
    fn needs_restart(&self, new: &Settings) -> Result<(), String> {
        if new.process != self.settings.process {
            return Err("a change of pid_file, user or workers needs a restart".into());
        }
        if new.listeners.len() != self.settings.listeners.len() {
            return Err("another number of listeners needs a restart".into());
        }
        let mut pairs = self.settings.listeners.iter().zip(&new.listeners);
        match pairs.find(|(old, new)| !is_same_socket(old, new)) {
            Some((old, _)) => Err(format!(
                "another address, protocol, proxy or use of TLS of a listener needs a restart: {:?}",
                old.place
            )),
            None => Ok(()),
        }
    }

    fn put_in_force(&mut self, fresh: Fresh, worker: &Worker) {
        let Fresh { settings, marks, doors, rights, warnings } = fresh;
        let shared = &worker.shared;
        let has_tls = settings.listeners.iter().any(|listener| listener.tls.is_some());
        self.gates.iter().zip(doors).for_each(|(gate, settings)| gate.door.replace(settings));
        shared.nodelay.store(settings.nodelay, Ordering::Relaxed);
        shared.broker.set_limits(settings.limits.clone());
        let mut turn = worker.begin();
        shared.broker.set_rights(rights, &mut turn);
        worker.finish(turn);
        shared.log.replace(settings.log.clone());
        self.pace.send_replace(Pace::of(&settings));
        self.bridges.apply(&settings.bridges);
        self.settings = settings;
        self.in_force = marks;
        warnings.iter().for_each(|warning| shared.log.warning(warning));
        if has_tls {
            shared.log.info("the files of TLS were read again: new connections use them");
        }
        shared.log.info("everything was read again and is in force");
    }
}

/// Whether the socket of a listener, and what is done on it before MQTT, stay as they are.
fn is_same_socket(old: &Listener, new: &Listener) -> bool {
    (&old.place, old.protocol, old.proxy, old.tls.is_some())
        == (&new.place, new.protocol, new.proxy, new.tls.is_some())
}

fn marks(settings: &Settings) -> Marks {
    let tls = settings.listeners.iter().filter_map(|listener| listener.tls.as_ref());
    let tls = tls.flat_map(|tls| tls.files().cloned().collect::<Vec<_>>());
    let rights = settings.rights.iter().chain(&settings.bridge_rights);
    let rights = rights.flat_map(|source| source.password_file.iter().chain(&source.acl_file).cloned());
    let mut files: Vec<PathBuf> = settings.files.iter().cloned().chain(tls).chain(rights).collect();
    files.sort();
    files.dedup();
    files.into_iter().map(|path| (path.clone(), mark(&path))).collect()
}

fn mark(path: &Path) -> Mark {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}
