//! Certificates, keys, authorities and revocation lists read again while the broker runs: when a file changes, and when
//! asked to. All of them or none: what is wrong with a new file is told, and the old ones stay in force.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::gate::Gate;
use super::log::Log;
use crate::transport::door::Settings;

/// How often the files are looked at. A file that is being written is left alone until it stands still so long.
const INTERVAL: Duration = Duration::from_secs(1);

/// What changes when a file is written or another takes its place.
type Mark = Option<(SystemTime, u64)>;

/// Reads the files of all listeners again; connections that are open stay as they are.
pub(super) fn refresh(gates: &[Arc<Gate>], log: &Log) {
    let secured = || gates.iter().filter(|gate| gate.door.settings().listener.tls.is_some());
    let read = secured().map(|gate| Settings::load(gate.door.settings().listener.clone()));
    match read.collect::<Result<Vec<_>, _>>() {
        Ok(settings) if settings.is_empty() => {}
        Ok(settings) => {
            secured().zip(settings).for_each(|(gate, settings)| gate.door.replace(settings));
            log.info("the files of TLS were read again: new connections use them");
        }
        Err(error) => log.error(&format!("the files of TLS stay as they were: {error}")),
    }
}

/// Refreshes whenever the files change.
pub(super) async fn watch(gates: Rc<[Arc<Gate>]>, log: Arc<Log>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut in_force = marks(&gates);
    let mut seen = in_force.clone();
    loop {
        ticks.tick().await;
        let now = marks(&gates);
        if now != in_force && now == seen {
            in_force.clone_from(&now);
            refresh(&gates, &log);
        }
        seen = now;
    }
}

fn marks(gates: &[Arc<Gate>]) -> Vec<(PathBuf, Mark)> {
    let files = gates.iter().filter_map(|gate| {
        let settings = gate.door.settings();
        settings.listener.tls.as_ref().map(|tls| tls.files().cloned().collect::<Vec<_>>())
    });
    let mark = |path: &PathBuf| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    files.flatten().map(|path| (path.clone(), mark(&path))).collect()
}
