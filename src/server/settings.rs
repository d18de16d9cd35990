//! What the broker runs with, in layers: defaults, configuration file, flags.

use std::path::PathBuf;
use std::time::Duration;

use super::bridge::BridgePlan;
use super::listeners::{from_file, from_flags};
use super::log::{Destination, LogSettings, Timestamp};
use super::permissions::{self, PermissionSource};
use super::store_thread::StoreLocation;
use crate::broker::{Durability, Limits};
use crate::cli::broker::{BrokerArgs, LogFormat};
use crate::cli::exit;
use crate::cli::store::StoreArgs;
use crate::config::fault::ConfigError;
use crate::config::global::{Destinations, Global, Logging, Own, Persistence, Types};
use crate::config::{self, BridgeSection, Config};
use crate::net::listener::Listener;

/// The merged settings.
#[derive(Clone, Debug)]
pub(super) struct BrokerSettings {
    pub(super) limits: Limits,
    pub(super) log: LogSettings,
    pub(super) process: Process,
    /// Where sessions and messages are stored, if anywhere.
    pub(super) store: Option<StoreLocation>,
    pub(super) listeners: Vec<Listener>,
    /// Username and password, at every listener.
    pub(super) users: Vec<(String, String)>,
    /// The permissions of each listener, in the order of the listeners.
    pub(super) permissions: Vec<PermissionSource>,
    /// The permissions of bridges.
    pub(super) bridge_permissions: Vec<PermissionSource>,
    pub(super) bridges: Vec<BridgeSection>,
    /// The time between publications under `$SYS`; zero for none.
    pub(super) sys_interval: Duration,
    /// The time between searches for expired retained messages.
    pub(super) sweep_interval: Option<Duration>,
    /// Bytes of memory from which on nothing more is stored.
    pub(super) memory_limit: Option<usize>,
    /// The permissions of listeners that the configuration file does not name.
    unnamed: PermissionSource,
    /// Files and directories of the configuration.
    pub(super) files: Vec<PathBuf>,
    /// Whether TCP sends small packets at once.
    pub(super) nodelay: bool,
    /// Warnings about the configuration, for the log.
    pub(super) warnings: Vec<String>,
}

/// What only a restart can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid_file: Option<PathBuf>,
    /// Whether root changes to another user, and to which.
    pub(super) user: Option<Option<String>>,
    pub(super) workers: Option<u16>,
    pub(super) background: bool,
}

impl BrokerSettings {
    /// The number of the listener with this port; the first one if there is none.
    pub(super) fn listener_with_port(&self, port: u16) -> usize {
        let has_port = |listener: &Listener| listener.address.port() == Some(port);
        self.listeners.iter().position(has_port).unwrap_or(0)
    }

    /// Defaults, overridden by the configuration file, overridden by the flags.
    ///
    /// # Errors
    /// The exit status, and a line for each error.
    pub(super) fn read(args: &BrokerArgs) -> Result<Self, (u8, Vec<String>)> {
        let bad_file = |errors: Vec<ConfigError>| {
            (exit::CONFIGURATION.code, errors.iter().map(ToString::to_string).collect())
        };
        let file = args.config_file.as_ref().map(|path| config::load(path)).transpose().map_err(bad_file)?;
        let settings = Self::defaults().with_file(file.as_ref()).map_err(bad_file)?;
        settings.with_flags(args).map_err(|error| (exit::FAILURE.code, vec![error]))
    }

    /// The settings without a configuration file. They have no listener.
    pub(super) fn defaults() -> Self {
        Self {
            limits: Limits::default(),
            log: LogSettings {
                types: Types::default().bits,
                connections: true,
                format: LogFormat::Human,
                timestamp: Timestamp::Precise,
                destinations: vec![Destination::Stderr],
            },
            process: Process { pid_file: None, user: None, workers: None, background: false },
            store: None,
            listeners: Vec::new(),
            users: Vec::new(),
            permissions: Vec::new(),
            bridge_permissions: Vec::new(),
            bridges: Vec::new(),
            sys_interval: Duration::from_secs(10),
            sweep_interval: None,
            memory_limit: None,
            unnamed: PermissionSource::default(),
            files: Vec::new(),
            nodelay: true,
            warnings: Vec::new(),
        }
    }

    /// Overrides with a configuration file: all its options, as those that it leaves out have defaults of their own.
    ///
    /// # Errors
    /// The options of the file that this broker does not support.
    pub(super) fn with_file(mut self, file: Option<&Config>) -> Result<Self, Vec<ConfigError>> {
        let Some(config) = file else { return Ok(self) };
        let errors = super::unsupported::errors(config);
        if !errors.is_empty() {
            return Err(errors);
        }
        self.limits.clone_from(&config.limits.values.0);
        self.log.timestamp = Timestamp::Seconds;
        self.put_global(&config.global.values);
        self.put_logging(&config.logging.values);
        (self.listeners, self.permissions) = from_file::listeners(config).into_iter().unzip();
        self.unnamed = from_file::unnamed_permissions(config);
        self.files.clone_from(&config.files);
        self.put_own(&config.own.values);
        self.put_persistence(&config.persistence.values);
        self.bridges.clone_from(&config.bridges);
        self.warnings = config.warnings.iter().map(ToString::to_string).collect();
        Ok(self)
    }

    /// Overrides with the flags. Flags that define a listener replace all listeners of the file; -p alone is ignored if the
    /// file defines one. Users are added to those of the file.
    ///
    /// # Errors
    /// One line: which flags exclude each other, or which file cannot be read.
    pub(super) fn with_flags(mut self, args: &BrokerArgs) -> Result<Self, String> {
        args.limits.apply_to(&mut self.limits);
        self.sys_interval = args.sys_interval.unwrap_or(self.sys_interval);
        self.users.extend(args.users().map(|user| (user.name.clone(), user.password.clone())));
        match (args.quiet, args.verbose) {
            (true, _) => self.log.types = Types::ERROR,
            (_, true) => self.log.types = Types::ALL,
            _ => {}
        }
        self.log.format = args.log_format.unwrap_or(self.log.format);
        self.process.workers = args.workers.or(self.process.workers);
        self.process.background = args.daemon;
        let StoreArgs { data_dir, durability, sync_delay } = &args.store;
        if let Some(directory) = data_dir {
            self.store = Some(StoreLocation {
                directory: directory.clone(),
                file: None,
                durability: *durability,
                sync_delay: Duration::from_millis(*sync_delay),
            });
        }
        if self.listeners.is_empty() || args.listeners.is_given() {
            self.listeners = from_flags::listeners(args)?;
            self.permissions = vec![self.unnamed.clone(); self.listeners.len()];
        }
        let pairs = self.permissions.iter().zip(&self.listeners);
        let overridden =
            pairs.map(|(base, listener)| permissions::of_listener(base, &self.users, args, listener));
        self.permissions = overridden.collect();
        self.bridge_permissions = permissions::of_bridges(&self.unnamed, &self.users, args).into();
        Ok(self)
    }

    /// What the bridges do, within these limits.
    pub(super) fn bridge_plans(&self) -> Vec<BridgePlan> {
        self.bridges.iter().map(|bridge| BridgePlan::new(bridge, &self.limits)).collect()
    }

    fn put_global(&mut self, global: &Global) {
        // Destructured without `..`, so that no option is read and then forgotten.
        let Global {
            check_retain_source: _,
            clientid_prefixes: _,
            connection_messages,
            enable_control_api: _,
            memory_limit,
            packet_buffer_size: _,
            per_listener_settings: _,
            pid_file,
            retain_expiry_interval,
            set_tcp_nodelay,
            sys_interval,
            user,
        } = global;
        self.nodelay = set_tcp_nodelay.unwrap_or(true);
        self.memory_limit = memory_limit.0;
        self.log.connections = *connection_messages;
        self.process.pid_file.clone_from(pid_file);
        self.process.user = Some(user.clone());
        self.sys_interval = Duration::from_secs((*sys_interval).into());
        self.sweep_interval =
            retain_expiry_interval.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
    }

    fn put_own(&mut self, own: &Own) {
        let Own { users, workers, log_format } = own;
        let pairs = users.iter().filter_map(|user| user.split_once(':'));
        self.users = pairs.map(|(name, password)| (name.to_owned(), password.to_owned())).collect();
        self.process.workers = *workers;
        match log_format.as_deref() {
            Some("json") => self.log.format = LogFormat::Json,
            Some(_) => self.log.timestamp = Timestamp::Precise,
            None => {}
        }
    }

    fn put_persistence(&mut self, persistence: &Persistence) {
        // There is nothing to save at intervals: what was acknowledged is on the disk.
        let Persistence { enabled, file, location, autosave_interval: _, autosave_on_changes: _ } =
            persistence;
        self.store = enabled.then(|| StoreLocation {
            directory: location.clone().unwrap_or_else(|| ".".into()),
            // Mosquitto's own file of that name has another format.
            file: file.as_ref().map(|file| format!("{file}.redb")),
            durability: Durability::Acks,
            sync_delay: Duration::ZERO,
        });
    }

    fn put_logging(&mut self, logging: &Logging) {
        let Logging { destinations, facility, timestamp, timestamp_format, types } = logging;
        let Destinations { given, stdout, stderr, syslog, dlt, topic, file } = destinations;
        let mut all = Vec::new();
        let mut add = |wanted: bool, destination: Destination| {
            if wanted {
                all.push(destination);
            }
        };
        add(*stderr || !given, Destination::Stderr);
        add(*stdout, Destination::Stdout);
        add(*topic, Destination::Topic);
        #[cfg(unix)]
        {
            add(*syslog, Destination::Syslog(*facility));
            add(*dlt, Destination::Dlt);
        }
        #[cfg(not(unix))]
        let _ = (syslog, dlt, facility);
        if let Some(path) = file {
            add(true, Destination::File(path.clone()));
        }
        self.log.destinations = all;
        self.log.types = types.bits;
        match (timestamp, timestamp_format) {
            (false, _) => self.log.timestamp = Timestamp::None,
            (true, Some(format)) => self.log.timestamp = Timestamp::Format(format.clone()),
            (true, None) => {}
        }
    }
}
