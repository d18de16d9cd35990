//! The configuration file: the format of mosquitto.conf with additional options, read into one [`Config`].
//!
//! [`option`] defines what an option is. The tables are `global`, `listener` and `bridge`; `names` has the lines that begin a
//! section and the options that are refused. [`read`] fills the tables from files; [`check`] verifies that the values can be
//! combined and that the files they name exist. `server` applies the values and overrides them with flags.

pub(crate) mod bridge;
pub(crate) mod check;
pub(crate) mod fault;
pub(crate) mod global;
pub(crate) mod limits;
pub(crate) mod listener;
#[cfg(test)]
#[path = "../../tests/unit/config/manual.rs"]
pub(crate) mod manual;
mod names;
mod option;
mod plugin;
mod read;
#[cfg(test)]
#[path = "../../tests/unit/config/tests.rs"]
mod tests;

mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::net::listener::ListenAddress;
use bridge::BridgeOptions;
use fault::{ConfigError, FilePosition};
use global::{Global, Logging, Own, Persistence};
use limits::LimitOptions;
use listener::{ListenerOptions, Security};
pub(crate) use names::difference;
pub(crate) use option::Table;
use read::{ConfigReader, FileSource, FileSystem};

/// A group of options, and where each of them was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section<T> {
    pub(crate) values: T,
    given: BTreeMap<&'static str, FilePosition>,
}

/// The content of the files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    pub(crate) global: Section<Global>,
    pub(crate) limits: Section<LimitOptions>,
    pub(crate) logging: Section<Logging>,
    pub(crate) persistence: Section<Persistence>,
    pub(crate) own: Section<Own>,
    /// Of all listeners; with `per_listener_settings` of the default one.
    pub(crate) security: Section<Security>,
    /// `port`, `bind_address`, and listener options above the first listener.
    pub(crate) default_listener: Section<ListenerOptions>,
    pub(crate) listeners: Vec<ListenerSection>,
    pub(crate) bridges: Vec<BridgeSection>,
    /// The files and folders that were read, to be watched.
    pub(crate) files: Vec<PathBuf>,
    /// The lines that say something, in the order in which they are read.
    pub(crate) lines: Vec<ConfigLine>,
    /// Options that may not have the intended effect.
    pub(crate) warnings: Vec<ConfigError>,
}

/// A line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigLine {
    pub(crate) place: FilePosition,
    pub(crate) name: String,
    /// As it is written, before variables are replaced.
    pub(crate) value: String,
}

impl ConfigLine {
    /// The line without a secret.
    pub(crate) fn shown(&self) -> String {
        let is_secret = read::is_secret(&self.name);
        let value = if is_secret { "..." } else { &self.value };
        format!("{} {value}", self.name).trim_end().to_owned()
    }
}

/// A listener and its options.
#[derive(Clone, Debug)]
pub(crate) struct ListenerSection {
    pub(crate) place: FilePosition,
    pub(crate) address: ListenAddress,
    pub(crate) options: Section<ListenerOptions>,
    /// With `per_listener_settings`.
    pub(crate) security: Section<Security>,
}

impl Default for ListenerSection {
    fn default() -> Self {
        Self {
            place: FilePosition { file: Path::new("").into(), line: 0 },
            address: ListenAddress::tcp(1883, None),
            options: Section::default(),
            security: Section::default(),
        }
    }
}

/// A bridge and its options.
#[derive(Clone, Debug)]
pub(crate) struct BridgeSection {
    pub(crate) place: FilePosition,
    pub(crate) name: String,
    pub(crate) options: Section<BridgeOptions>,
}

/// Reads a configuration with everything it includes.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn load(path: &Path) -> Result<Config, Vec<ConfigError>> {
    let (config, faults) = read(path);
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

/// Reads a configuration with everything it includes: what could be read, and everything that is wrong with it.
pub(crate) fn read(path: &Path) -> (Config, Vec<ConfigError>) {
    read_from(&FileSystem, path)
}

fn read_from(source: &dyn FileSource, path: &Path) -> (Config, Vec<ConfigError>) {
    let mut reader = ConfigReader::new(source);
    reader.file(path);
    let (mut config, mut faults) = reader.finish();
    check::together(&mut config, &mut faults);
    faults.sort_by(|one, other| one.place.cmp(&other.place));
    (config, faults)
}

/// What is wrong with the text of a configuration, a line for each fault: for fuzzing. Nothing is included.
pub fn faults(text: &[u8]) -> Vec<String> {
    struct Text<'a>(&'a [u8]);
    impl FileSource for Text<'_> {
        fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
            Ok(self.0.to_vec())
        }

        fn list(&self, _: &Path) -> std::io::Result<Vec<PathBuf>> {
            Ok(Vec::new())
        }

        fn variable(&self, _: &str) -> Option<String> {
            None
        }
    }
    let (_, faults) = read_from(&Text(text), Path::new("mosquitto.conf"));
    faults.iter().map(ToString::to_string).collect()
}

impl Config {
    /// Whether there is a listener without a `listener` line: on port 1883 unless `port` is given. Listener options above the
    /// first `listener` line define one too, as in mosquitto.
    pub(crate) fn has_default_listener(&self) -> bool {
        let ListenerOptions { port, bind_address, certfile, psk_hint, .. } = &self.default_listener.values;
        let begins_one = |name: &str| !names::NEEDS_LISTENER.contains(&name);
        let mut given = self.default_listener.given.keys();
        let other = !self.listeners.is_empty() && given.any(|name| begins_one(name));
        let has_tls = certfile.is_some() || psk_hint.is_some();
        port.is_some() || bind_address.is_some() || other || has_tls
    }
}
