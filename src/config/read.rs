//! From the bytes of files to a [`Config`]: lines, sections, included files. Every fault is collected, none ends it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bridge::Bridge;
use super::fault::{Fault, Place, nearest};
use super::global::{Global, Logging, Own, Persistence};
use super::listener::{Listener, Security};
use super::names::{IGNORED, NEEDS_LISTENER, OPENERS, refusal};
use super::option::{Entry, Repeat, Table};
use super::{Address, BridgeSection, Config, ListenerSection, Section};

/// Where files come from.
pub(crate) trait Source {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;
    fn list(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>>;
}

/// The file system.
pub(crate) struct Disk;

impl Source for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, folder: &Path) -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
    }
}

pub(crate) struct Reader<'a> {
    source: &'a dyn Source,
    config: Config,
    faults: Vec<Fault>,
    /// Whether an option of the section SECURITY has been read.
    secured: bool,
}

/// What options of the file belong to.
#[derive(Default)]
struct Context {
    included: bool,
    listener: Option<usize>,
    bridge: Option<usize>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(source: &'a dyn Source) -> Self {
        Self { source, config: Config::default(), faults: Vec::new(), secured: false }
    }

    pub(crate) fn finish(self) -> (Config, Vec<Fault>) {
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
                let fault = Fault::new(&Place { file, line: 0 }, format!("cannot be read: {error}"));
                self.faults.push(fault);
            }
        }
    }

    fn lines(&mut self, file: &Arc<Path>, bytes: &[u8], mut context: Context) {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let place = Place { file: file.clone(), line: number + 1 };
            match std::str::from_utf8(line) {
                Ok(line) if line.contains('\0') => self.fault(&place, "the line holds a zero byte"),
                Ok(line) => self.line(&place, line.trim(), &mut context),
                Err(_) if line.trim_ascii_start().starts_with(b"#") => {}
                Err(_) => self.fault(&place, "the line is not UTF-8"),
            }
        }
    }

    fn fault(&mut self, place: &Place, what: impl Into<String>) {
        self.faults.push(Fault::new(place, what));
    }

    fn line(&mut self, place: &Place, line: &str, context: &mut Context) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        let (name, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let value = value.trim();
        match name {
            "listener" => self.listener(place, value, context),
            "connection" => self.connection(place, value, context),
            "include_dir" => self.include(place, value, context),
            _ => self.option(place, name, value, context),
        }
    }

    fn option(&mut self, place: &Place, name: &str, value: &str, context: &Context) {
        if let Some(why) = refusal(name) {
            return self.fault(place, format!("{name}: {why}"));
        }
        if let Some((_, why)) = IGNORED.iter().find(|(ignored, _)| *ignored == name) {
            return self.config.warnings.push(Fault::new(place, format!("{name}: {why}")));
        }
        if let Some(entry) = Listener::entry(name) {
            return self.listener_option(place, name, value, entry, context);
        }
        if let Some(entry) = Security::entry(name) {
            return self.security_option(place, name, value, entry, context);
        }
        let Self { config, faults, .. } = self;
        let mut line = Line { place, name, value, faults, warnings: &mut config.warnings };
        if let Some(entry) = Bridge::entry(name) {
            match context.bridge {
                Some(bridge) => line.put(entry, &mut config.bridges[bridge].options),
                None => {
                    let fault = Fault::new(place, format!("{name} belongs to a bridge"));
                    line.faults.push(fault.hint("put it below a line `connection NAME`"));
                }
            }
        } else if let Some(entry) = Global::entry(name) {
            if name == "per_listener_settings" && self.secured && value.starts_with(['t', '1']) {
                let fault = Fault::new(place, "per_listener_settings stands below options that it is about");
                return line.faults.push(fault.hint("move it to the top of the file"));
            }
            line.put(entry, &mut config.global);
        } else if let Some(entry) = Logging::entry(name) {
            line.put(entry, &mut config.logging);
        } else if let Some(entry) = Persistence::entry(name) {
            line.put(entry, &mut config.persistence);
        } else if let Some(entry) = Own::entry(name) {
            line.put(entry, &mut config.own);
        } else {
            let mut fault = Fault::new(place, format!("unknown option {name:?}"));
            fault.hint = nearest(name, names()).map(|name| format!("did you mean {name}?"));
            line.faults.push(fault);
        }
    }

    fn listener_option(
        &mut self,
        place: &Place,
        name: &str,
        value: &str,
        entry: &'static Entry<Listener>,
        context: &Context,
    ) {
        let Self { config, faults, .. } = self;
        let of_default = name == "port" || name == "bind_address";
        let section = match context.listener.filter(|_| !of_default) {
            Some(listener) => &mut config.listeners[listener].options,
            None if NEEDS_LISTENER.contains(&name) => {
                let fault = Fault::new(place, format!("{name} belongs to a listener"));
                return faults.push(fault.hint("put it below a line `listener PORT`"));
            }
            None => &mut config.default_listener,
        };
        Line { place, name, value, faults, warnings: &mut config.warnings }.put(entry, section);
    }

    fn security_option(
        &mut self,
        place: &Place,
        name: &str,
        value: &str,
        entry: &'static Entry<Security>,
        context: &Context,
    ) {
        self.secured = true;
        let Self { config, faults, .. } = self;
        let section = match (config.global.values.per_listener_settings, context.listener) {
            (false, _) => &mut config.security,
            (true, Some(listener)) => &mut config.listeners[listener].security,
            (true, None) => {
                let what = format!("{name} belongs to a listener, because per_listener_settings is true");
                return faults.push(Fault::new(place, what).hint("put it below a line `listener PORT`"));
            }
        };
        Line { place, name, value, faults, warnings: &mut config.warnings }.put(entry, section);
    }

    fn listener(&mut self, place: &Place, value: &str, context: &mut Context) {
        let mut section = ListenerSection { place: place.clone(), ..ListenerSection::default() };
        match address(value) {
            Ok(address) => section.address = address,
            Err(what) => self.fault(place, what),
        }
        // Also after a fault: what stands below belongs to it.
        context.listener = Some(self.config.listeners.len());
        self.config.listeners.push(section);
    }

    fn connection(&mut self, place: &Place, value: &str, context: &mut Context) {
        if value.is_empty() {
            self.fault(place, "connection needs a name");
        } else if let Some(other) = self.config.bridges.iter().find(|bridge| bridge.name == value) {
            let what = format!("there is a connection {value:?} already, at {}", other.place);
            self.fault(place, what);
        }
        context.bridge = Some(self.config.bridges.len());
        self.config.bridges.push(BridgeSection {
            place: place.clone(),
            name: value.to_owned(),
            options: Section::default(),
        });
    }

    fn include(&mut self, place: &Place, value: &str, context: &Context) {
        if context.included {
            return self.fault(place, "include_dir within a file that is included itself");
        }
        if value.is_empty() {
            return self.fault(place, "include_dir needs a folder");
        }
        let folder = Path::new(value);
        let mut files = match self.source.list(folder) {
            Ok(files) => files,
            Err(error) => return self.fault(place, format!("cannot read the folder {value}: {error}")),
        };
        self.config.files.push(folder.to_owned());
        files.retain(|file| name_of(file).len() > 5 && name_of(file).ends_with(".conf"));
        // mosquitto's order: letters of either case together, the upper one first where that is all that differs.
        files.sort_by_cached_key(|file| (name_of(file).to_lowercase(), name_of(file)));
        for file in files {
            self.open(&file, Context { included: true, ..Context::default() });
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Every name there is.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    fn of<T: Table>() -> impl Iterator<Item = &'static str> {
        T::TABLE.iter().flat_map(|entry| entry.names.iter().copied())
    }
    of::<Global>()
        .chain(of::<Logging>())
        .chain(of::<Persistence>())
        .chain(of::<Own>())
        .chain(of::<Security>())
        .chain(of::<Listener>())
        .chain(of::<Bridge>())
        .chain(OPENERS.iter().map(|opener| opener.name))
}

/// `PORT [ADDRESS]` or `0 PATH`.
fn address(value: &str) -> Result<Address, String> {
    let (port, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    let host = rest.split_whitespace().next().filter(|word| !word.starts_with('#'));
    let port: u16 =
        port.parse().map_err(|_| format!("{port:?} is no port: expected a number from 0 to 65535"))?;
    match (port, host) {
        (0, None) => Err("a listener on port 0 needs the path of a Unix socket".into()),
        (0, Some(path)) if path.parse::<IpAddr>().is_err() => Ok(Address::Unix(rest.trim().into())),
        (port, host) => Ok(Address::Tcp { port, host: host.map(str::to_owned) }),
    }
}

/// One line on its way into a section.
struct Line<'a> {
    place: &'a Place,
    name: &'a str,
    value: &'a str,
    faults: &'a mut Vec<Fault>,
    warnings: &'a mut Vec<Fault>,
}

impl Line<'_> {
    fn put<T: Table>(&mut self, entry: &'static Entry<T>, section: &mut Section<T>) {
        let Self { place, name, value, .. } = *self;
        if entry.repeat == Repeat::Fault
            && let Some(before) = section.given.get(entry.name())
        {
            let what = format!("{name} is given twice: it stands at {before} already");
            return self.faults.push(Fault::new(place, what));
        }
        section.given.insert(entry.name(), place.clone());
        let put = entry.kind.read(value).and_then(|(value, rest)| {
            if !rest.is_empty() && !rest.starts_with('#') {
                self.warnings.push(Fault::new(place, format!("{name}: {rest:?} after the value is ignored")));
            }
            (entry.put)(&mut section.values, value)
        });
        if let Err(what) = put {
            self.faults.push(Fault::new(place, format!("{name}: {what}")));
        }
    }
}

impl<T: Table> Section<T> {
    /// Where an option was given.
    pub(crate) fn place(&self, name: &str) -> Option<&Place> {
        self.given.get(name)
    }

    /// Names and places of all that was given.
    pub(crate) fn given(&self) -> &BTreeMap<&'static str, Place> {
        &self.given
    }
}
