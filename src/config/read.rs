//! Reads files into a [`Config`]: lines, sections, included files. Errors are collected; none stops the reading.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bridge::BridgeOptions;
use super::fault::{ConfigError, FilePosition, nearest};
use super::global::{Global, Logging, Own, Persistence};
use super::limits::LimitOptions;
use super::listener::{ListenerOptions, Security};
use super::names::{IGNORED, NEEDS_LISTENER, OPENERS, refusal};
use super::option::{OptionRow, Repeat, Table, ValueKind};
use super::plugin::{NamedPlugins, PluginScope};
use super::variables::Secrets;
use super::{BridgeSection, Config, ConfigLine, ListenerSection, Section};
use crate::net::listener::ListenAddress;
use crate::text::os_error;

/// Where files come from.
pub(crate) trait FileSource {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;
    fn list(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>>;
    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;
}

/// The file system.
pub(crate) struct FileSystem;

impl FileSource for FileSystem {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

pub(crate) struct ConfigReader<'a> {
    source: &'a dyn FileSource,
    pub(super) config: Config,
    pub(super) faults: Vec<ConfigError>,
    pub(super) named_plugins: NamedPlugins,
    secrets: Secrets,
    /// Whether an option of the section SECURITY has been read.
    secured: bool,
}

/// What options of the file belong to.
#[derive(Default)]
pub(super) struct Context {
    included: bool,
    listener: ListenerScope,
    bridge: Option<usize>,
    pub(super) plugin: PluginScope,
}

/// The listener that options belong to.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ListenerScope {
    /// The default one, as no line has begun another.
    #[default]
    Unnamed,
    /// The default one, below `port` or `bind_address`.
    Port,
    /// One with a line of its own.
    Line(usize),
}

impl<'a> ConfigReader<'a> {
    pub(crate) fn new(source: &'a dyn FileSource) -> Self {
        let (config, faults, named_plugins, secrets) = Default::default();
        Self { source, config, faults, named_plugins, secrets, secured: false }
    }

    pub(crate) fn finish(self) -> (Config, Vec<ConfigError>) {
        (self.config, self.faults)
    }

    /// Reads the main file.
    pub(crate) fn file(&mut self, path: &Path) {
        self.open(path, Context::default());
    }

    fn open(&mut self, path: &Path, context: Context) {
        let file: Arc<Path> = path.into();
        self.config.files.push(path.to_owned());
        match self.source.read(path) {
            Ok(bytes) => self.lines(&file, &bytes, context),
            Err(error) => {
                let fault = ConfigError::new(
                    &FilePosition { file, line: 0 },
                    format!("cannot be read: {}", os_error(&error)),
                );
                self.faults.push(fault);
            }
        }
    }

    fn lines(&mut self, file: &Arc<Path>, bytes: &[u8], mut context: Context) {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let place = FilePosition { file: file.clone(), line: number + 1 };
            match std::str::from_utf8(line) {
                Ok(line) if line.contains('\0') => self.fault(&place, "the line contains a NUL byte"),
                Ok(line) => self.line(&place, line.trim(), &mut context),
                Err(_) if line.trim_ascii_start().starts_with(b"#") => {}
                Err(_) => self.fault(&place, "the line is not UTF-8"),
            }
        }
    }

    fn fault(&mut self, place: &FilePosition, what: impl Into<String>) {
        self.faults.push(ConfigError::new(place, what));
    }

    fn line(&mut self, place: &FilePosition, line: &str, context: &mut Context) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let (name, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        self.config.lines.push(ConfigLine {
            place: place.clone(),
            name: name.to_owned(),
            value: value.trim().to_owned(),
        });
        let expanded = self.secrets.expand(value.trim(), |name| self.source.variable(name));
        let value = match &expanded {
            Ok(value) => &**value,
            Err(what) => return self.fault(place, format!("{name}: {what}")),
        };
        match name {
            "secrets_file" => self.read_secrets(place, value),
            "listener" => self.listener(place, value, context),
            "connection" => self.connection(place, value, context),
            "include_dir" => self.include(place, value, context),
            _ => {
                if name == "port" || name == "bind_address" {
                    context.listener = ListenerScope::Port;
                }
                if !self.plugin_line(place, name, value, context) {
                    self.option(place, name, value, context);
                }
            }
        }
    }

    fn read_secrets(&mut self, place: &FilePosition, value: &str) {
        let path = Path::new(value);
        self.config.files.push(path.to_owned());
        let read =
            self.source.read(path).map_err(|error| format!("cannot read {value}: {}", os_error(&error)));
        let read = read.and_then(|bytes| {
            let text = String::from_utf8(bytes).map_err(|_| format!("{value} is not UTF-8"))?;
            self.secrets.read(&text).map_err(|(line, what)| format!("{value}:{line}: {what}"))
        });
        if let Err(what) = read {
            self.fault(place, format!("secrets_file: {what}"));
        }
    }

    fn option(&mut self, place: &FilePosition, name: &str, value: &str, context: &Context) {
        if let Some(why) = refusal(name) {
            return self.fault(place, format!("{name}: {why}"));
        }
        if let Some((_, why)) = IGNORED.iter().find(|(ignored, _)| *ignored == name) {
            return self.config.warnings.push(ConfigError::new(place, format!("{name}: {why}")));
        }
        if let Some(entry) = ListenerOptions::entry(name) {
            return self.listener_option(place, name, value, entry, context);
        }
        if let Some(entry) = Security::entry(name) {
            return self.security_option(place, name, value, entry, context);
        }
        let Self { config, faults, .. } = self;
        let mut line = OptionLine { place, name, value, faults, warnings: &mut config.warnings };
        if let Some(entry) = BridgeOptions::entry(name) {
            match context.bridge {
                Some(bridge) => {
                    let options = &mut config.bridges[bridge].options;
                    line.put(entry, options);
                    let warning = options.values.topics.last_mut().and_then(|topic| topic.warning.take());
                    line.warnings.extend(warning.map(|warning| ConfigError::new(place, warning)));
                }
                None => {
                    let fault = ConfigError::new(place, format!("{name} is an option of a bridge"));
                    line.faults.push(fault.hint("move it below a `connection NAME` line"));
                }
            }
        } else if let Some(entry) = Global::entry(name) {
            if name == "per_listener_settings" && self.secured && value.starts_with(['t', '1']) {
                let fault = ConfigError::new(place, "per_listener_settings is below options that it affects");
                return line.faults.push(fault.hint("move it to the top of the file"));
            }
            line.put(entry, &mut config.global);
        } else if let Some(entry) = LimitOptions::entry(name) {
            line.put(entry, &mut config.limits);
        } else if let Some(entry) = Logging::entry(name) {
            line.put(entry, &mut config.logging);
        } else if let Some(entry) = Persistence::entry(name) {
            line.put(entry, &mut config.persistence);
        } else if let Some(entry) = Own::entry(name) {
            line.put(entry, &mut config.own);
        } else {
            let mut fault = ConfigError::new(place, format!("unknown option {name:?}"));
            fault.hint = nearest(name, names()).map(|name| format!("did you mean {name}?"));
            line.faults.push(fault);
        }
    }

    fn listener_option(
        &mut self,
        place: &FilePosition,
        name: &str,
        value: &str,
        entry: &'static OptionRow<ListenerOptions>,
        context: &Context,
    ) {
        let Self { config, faults, .. } = self;
        let section = match context.listener {
            ListenerScope::Line(listener) => &mut config.listeners[listener].options,
            // mosquitto refuses it for the default listener.
            _ if name == "accept_protocol_versions" => {
                let fault = ConfigError::new(place, format!("{name} is an option of a listener"));
                return faults.push(fault.hint("move it below a `listener PORT` line"));
            }
            ListenerScope::Unnamed if NEEDS_LISTENER.contains(&name) => {
                config.warnings.push(needs_listener(place, name));
                &mut config.default_listener
            }
            ListenerScope::Unnamed | ListenerScope::Port => &mut config.default_listener,
        };
        OptionLine { place, name, value, faults, warnings: &mut config.warnings }.put(entry, section);
    }

    pub(super) fn security_option(
        &mut self,
        place: &FilePosition,
        name: &str,
        value: &str,
        entry: &'static OptionRow<Security>,
        context: &Context,
    ) {
        self.secured = true;
        let Self { config, faults, .. } = self;
        let section = match (config.global.values.per_listener_settings, context.listener) {
            (true, ListenerScope::Line(listener)) => &mut config.listeners[listener].security,
            (true, ListenerScope::Unnamed) => {
                config.warnings.push(needs_listener(place, name));
                &mut config.security
            }
            // With per_listener_settings they are those of the default listener.
            (false, _) | (true, ListenerScope::Port) => &mut config.security,
        };
        OptionLine { place, name, value, faults, warnings: &mut config.warnings }.put(entry, section);
    }

    fn listener(&mut self, place: &FilePosition, value: &str, context: &mut Context) {
        let mut section = ListenerSection { place: place.clone(), ..ListenerSection::default() };
        match address(value) {
            Ok(address) => section.address = address,
            Err(what) => self.fault(place, what),
        }
        // After an error too: the lines below belong to this listener.
        context.listener = ListenerScope::Line(self.config.listeners.len());
        self.config.listeners.push(section);
    }

    fn connection(&mut self, place: &FilePosition, value: &str, context: &mut Context) {
        if value.is_empty() {
            self.fault(place, "connection needs a name");
        } else if let Some(other) = self.config.bridges.iter().find(|bridge| bridge.name == value) {
            let what = format!("connection {value:?} is already defined at {}", other.place);
            self.fault(place, what);
        }
        context.bridge = Some(self.config.bridges.len());
        self.config.bridges.push(BridgeSection {
            place: place.clone(),
            name: value.to_owned(),
            options: Section::default(),
        });
    }

    fn include(&mut self, place: &FilePosition, value: &str, context: &Context) {
        if context.included {
            return self.fault(place, "include_dir is not allowed in an included file");
        }
        if value.is_empty() {
            return self.fault(place, "include_dir needs a directory");
        }
        let folder = Path::new(value);
        let mut files = match self.source.list(folder) {
            Ok(files) => files,
            Err(error) => {
                return self.fault(place, format!("cannot read the directory {value}: {}", os_error(&error)));
            }
        };
        self.config.files.push(folder.to_owned());
        files.retain(|file| name_of(file).len() > 5 && name_of(file).ends_with(".conf"));
        // mosquitto's order: ignoring case, upper case first if the names differ in nothing else.
        files.sort_by_cached_key(|file| (name_of(file).to_lowercase(), name_of(file)));
        for file in files {
            self.open(&file, Context { included: true, ..Context::default() });
        }
    }
}

/// Says that an option above every listener applies to the default one, in mosquitto 2.0 as here.
fn needs_listener(place: &FilePosition, name: &str) -> ConfigError {
    let what = format!(
        "{name} is above every listener: it applies to the default listener, if there is one, and mosquitto 2.1 refuses it"
    );
    ConfigError::new(place, what).hint("move it below `port` or a `listener PORT` line")
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The names of all options.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    fn of<T: Table>() -> impl Iterator<Item = &'static str> {
        T::TABLE.iter().flat_map(|entry| entry.names.iter().copied())
    }
    of::<Global>()
        .chain(of::<LimitOptions>())
        .chain(of::<Logging>())
        .chain(of::<Persistence>())
        .chain(of::<Own>())
        .chain(of::<Security>())
        .chain(of::<ListenerOptions>())
        .chain(of::<BridgeOptions>())
        .chain(OPENERS.iter().map(|opener| opener.name))
}

/// Whether the value of an option is never shown; that of a plugin may be a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let of_bridge = BridgeOptions::entry(name).map(|entry| entry.kind);
    let kind = of_bridge.or_else(|| Own::entry(name).map(|entry| entry.kind));
    let of_plugin = name.starts_with("auth_opt_") || name.starts_with("plugin_opt_");
    kind == Some(ValueKind::Secret) || of_plugin
}

/// `PORT [ADDRESS]` or `0 PATH`.
fn address(value: &str) -> Result<ListenAddress, String> {
    let (port, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    let port: u16 =
        port.parse().map_err(|_| format!("{port:?} is not a port: expected a number from 0 to 65535"))?;
    ListenAddress::from_configuration(port, rest)
}

/// A path with the directory of the service's credentials in the place of the variable that it begins with.
///
/// # Errors
/// There is no such directory.
fn with_credentials(path: &str) -> Result<Cow<'_, str>, String> {
    let Some(name) = path.strip_prefix("$CREDENTIALS_DIRECTORY/") else { return Ok(Cow::Borrowed(path)) };
    let directory = std::env::var("CREDENTIALS_DIRECTORY").map_err(|_| {
        "CREDENTIALS_DIRECTORY is not set; systemd sets it for units with LoadCredential=".to_owned()
    })?;
    Ok(Cow::Owned(format!("{directory}/{name}")))
}

/// A line, to be stored in a section.
struct OptionLine<'a> {
    place: &'a FilePosition,
    name: &'a str,
    value: &'a str,
    faults: &'a mut Vec<ConfigError>,
    warnings: &'a mut Vec<ConfigError>,
}

impl OptionLine<'_> {
    fn put<T: Table>(&mut self, entry: &'static OptionRow<T>, section: &mut Section<T>) {
        let Self { place, name, value, .. } = *self;
        if entry.repeat == Repeat::Reject
            && let Some(before) = section.given.get(entry.name())
        {
            let what = format!("{name} is already set at {before}");
            return self.faults.push(ConfigError::new(place, what));
        }
        section.given.insert(entry.name(), place.clone());
        let resolved = match entry.kind {
            ValueKind::File | ValueKind::Folder => with_credentials(value),
            _ => Ok(Cow::Borrowed(value)),
        };
        let read = resolved.as_ref().map_err(Clone::clone).and_then(|value| entry.kind.read(value));
        let put = read.and_then(|(value, rest)| {
            if !rest.is_empty() && !rest.starts_with('#') {
                self.warnings
                    .push(ConfigError::new(place, format!("{name}: {rest:?} after the value is ignored")));
            }
            (entry.put)(&mut section.values, value)
        });
        if let Err(what) = put {
            self.faults.push(ConfigError::new(place, format!("{name}: {what}")));
        }
    }
}

impl<T: Table> Section<T> {
    /// Where an option was given.
    pub(crate) fn place(&self, name: &str) -> Option<&FilePosition> {
        self.given.get(name)
    }

    /// Names and positions of all options that were given.
    pub(crate) fn given(&self) -> &BTreeMap<&'static str, FilePosition> {
        &self.given
    }
}
