//! What the broker runs with: the configuration, or defaults of our own without one, and the flags over it.

use std::path::PathBuf;
use std::time::Duration;

use super::bridge::Plan;
use super::keep;
use super::log::{self, Stamp};
use super::rights;
use super::sink::Destination;
use crate::broker::{Durability, Limits};
use crate::cli::broker::{BrokerArgs, LimitArgs, LogFormat};
use crate::cli::store::StoreArgs;
use crate::command::exit;
use crate::config::fault::Fault;
use crate::config::global::{Destinations, Global, Inflight, Lifetime, Logging, Own, Persistence, Types};
use crate::config::{self, Config};
use crate::transport::listener::Listener;

/// All of it, as values.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    pub(super) log: log::Settings,
    pub(super) process: Process,
    /// Where sessions and messages are kept, if anywhere.
    pub(super) kept: Option<keep::Place>,
    pub(super) listeners: Vec<Listener>,
    /// NAME and PASSWORD, at every listener.
    pub(super) users: Vec<(String, String)>,
    /// What each listener demands and grants; filled in with them.
    pub(super) rights: Vec<rights::Source>,
    /// What bridges may do.
    pub(super) bridge_rights: Vec<rights::Source>,
    pub(super) bridges: Vec<Plan>,
    /// Between publications under `$SYS`; zero for none.
    pub(super) sys_interval: Duration,
    /// Between searches for expired retained messages.
    pub(super) sweep_interval: Option<Duration>,
    /// Bytes of memory from which on nothing is added.
    pub(super) memory_limit: Option<usize>,
    /// Who may come in by listeners that the configuration does not name.
    unnamed: rights::Source,
    /// Files and folders of the configuration.
    pub(super) files: Vec<PathBuf>,
    /// Whether small packets leave at once.
    pub(super) nodelay: bool,
    /// For the log: what works and not as the writer may think.
    pub(super) warnings: Vec<String>,
}

/// What is settled when the broker starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid_file: Option<PathBuf>,
    /// Whether root becomes somebody else, and who.
    pub(super) user: Option<Option<String>>,
    pub(super) workers: Option<u16>,
    pub(super) background: bool,
}

/// Limits without a configuration.
fn own_limits() -> Limits {
    Limits {
        connections: 100_000,
        receive_maximum: 1024,
        in_flight: 1024,
        topic_aliases_in: 64,
        topic_aliases_out: 64,
        ..Limits::default()
    }
}

impl Settings {
    /// The configuration, if there is one, and the flags over it, with every listener.
    ///
    /// # Errors
    /// A line for each fault, and the status to exit with.
    pub(super) fn read(args: &BrokerArgs) -> Result<Self, (u8, Vec<String>)> {
        let of_config = |path: &PathBuf| {
            config::load(path).and_then(|config| Self::of_config(&config, args)).map_err(|faults| {
                (exit::CONFIGURATION.code, faults.iter().map(ToString::to_string).collect())
            })
        };
        let mut settings = args.config_file.as_ref().map_or_else(|| Ok(Self::of_flags(args)), of_config)?;
        settings.listen(args).map_err(|fault| (exit::FAILURE.code, vec![fault]))?;
        Ok(settings)
    }

    /// Without a configuration.
    pub(super) fn of_flags(args: &BrokerArgs) -> Self {
        let mut settings = Self {
            limits: own_limits(),
            log: log::Settings {
                types: Types::default().bits,
                connections: true,
                format: LogFormat::Human,
                stamp: Stamp::Precise,
                destinations: vec![Destination::Stderr],
            },
            process: Process { pid_file: None, user: None, workers: None, background: false },
            kept: None,
            listeners: Vec::new(),
            users: Vec::new(),
            rights: Vec::new(),
            bridge_rights: Vec::new(),
            bridges: Vec::new(),
            sys_interval: Duration::from_secs(10),
            sweep_interval: None,
            memory_limit: None,
            unnamed: rights::Source::default(),
            files: Vec::new(),
            nodelay: true,
            warnings: Vec::new(),
        };
        settings.put_flags(args);
        settings
    }

    /// # Errors
    /// What of the configuration this broker cannot do.
    pub(super) fn of_config(config: &Config, args: &BrokerArgs) -> Result<Self, Vec<Fault>> {
        let faults = super::unsupported::faults(config);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut settings = Self::of_flags(args);
        settings.limits = Limits::default();
        settings.log.stamp = Stamp::Seconds;
        settings.put_global(&config.global.values);
        settings.put_logging(&config.logging.values);
        (settings.listeners, settings.rights) = super::places::of(config).into_iter().unzip();
        settings.unnamed = super::places::local(config);
        settings.files.clone_from(&config.files);
        settings.users.clear();
        settings.put_own(&config.own.values);
        settings.put_persistence(&config.persistence.values);
        settings.put_flags(args);
        settings.bridges = config.bridges.iter().map(|bridge| Plan::new(bridge, &settings.limits)).collect();
        settings.warnings = config.warnings.iter().map(ToString::to_string).collect();
        Ok(settings)
    }

    fn put_global(&mut self, global: &Global) {
        // Taken apart without `..`, so that no option is read and forgotten.
        let Global {
            allow_duplicate_messages,
            check_retain_source: _,
            clientid_prefixes: _,
            connection_messages,
            enable_control_api: _,
            global_max_clients,
            global_max_connections,
            max_inflight_bytes,
            max_inflight_messages: Inflight(in_flight),
            max_keepalive,
            max_packet_size,
            max_queued_bytes,
            max_queued_messages,
            memory_limit,
            message_size_limit,
            packet_buffer_size: _,
            per_listener_settings: _,
            persistent_client_expiration,
            pid_file,
            queue_qos0_messages,
            retain_available,
            retain_expiry_interval,
            set_tcp_nodelay,
            sys_interval,
            upgrade_outgoing_qos,
            user,
        } = global;
        self.nodelay = set_tcp_nodelay.unwrap_or(true);
        let limits = &mut self.limits;
        let unlimited = |number: u16| if number == 0 { u16::MAX } else { number };
        limits.connections = global_max_connections.or_unlimited();
        limits.receive_maximum = unlimited(*in_flight);
        limits.in_flight = unlimited(*in_flight);
        limits.topic_aliases_in = 10;
        limits.topic_aliases_out = 10;
        limits.keep_alive = *max_keepalive;
        limits.sessions = global_max_clients.or_unlimited();
        limits.in_flight_bytes = max_inflight_bytes.or_unlimited();
        limits.payload = if *message_size_limit == 0 { usize::MAX } else { *message_size_limit as usize };
        limits.queue_at_most_once = *queue_qos0_messages;
        limits.retain = *retain_available;
        limits.upgrade_qos = *upgrade_outgoing_qos;
        limits.duplicates = *allow_duplicate_messages;
        limits.packet_size = *max_packet_size;
        limits.queued_bytes = max_queued_bytes.or_unlimited();
        limits.queued_messages = max_queued_messages.or_unlimited();
        limits.session_expiry = persistent_client_expiration.map_or(u32::MAX, |Lifetime(seconds)| seconds);
        self.memory_limit = memory_limit.0;
        self.log.connections = *connection_messages;
        self.process.pid_file.clone_from(pid_file);
        self.process.user = Some(user.clone());
        self.sys_interval = Duration::from_secs((*sys_interval).into());
        self.sweep_interval =
            retain_expiry_interval.map(|minutes| Duration::from_secs(u64::from(minutes) * 60));
    }

    fn put_own(&mut self, own: &Own) {
        let Own { allow_control_characters, connect_timeout, max_subscriptions, users, workers, log_format } =
            own;
        self.limits.control_characters = *allow_control_characters;
        if let Some(seconds) = connect_timeout {
            self.limits.connect_timeout = Duration::from_secs((*seconds).into());
        }
        self.limits.subscriptions = max_subscriptions.or_unlimited();
        let pairs = users.iter().filter_map(|user| user.split_once(':'));
        self.users = pairs.map(|(name, password)| (name.to_owned(), password.to_owned())).collect();
        self.process.workers = *workers;
        match log_format.as_deref() {
            Some("json") => self.log.format = LogFormat::Json,
            Some(_) => self.log.stamp = Stamp::Precise,
            None => {}
        }
    }

    fn put_persistence(&mut self, persistence: &Persistence) {
        // There is nothing left to save from time to time: what was acknowledged is on the disk.
        let Persistence { enabled, file, location, autosave_interval: _, autosave_on_changes: _ } =
            persistence;
        self.kept = enabled.then(|| keep::Place {
            directory: location.clone().unwrap_or_else(|| ".".into()),
            // Beside mosquitto's own file of that name, which is of another kind.
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
            (false, _) => self.log.stamp = Stamp::None,
            (true, Some(format)) => self.log.stamp = Stamp::Format(format.clone()),
            (true, None) => {}
        }
    }

    /// What the flags say goes over everything else.
    fn put_flags(&mut self, args: &BrokerArgs) {
        self.put_limits(&args.limits);
        let users = args.users().map(|user| (user.name.clone(), user.password.clone()));
        self.users.extend(users);
        match (args.quiet, args.verbose) {
            (true, _) => self.log.types = Types::ERROR,
            (_, true) => self.log.types = Types::ALL,
            _ => {}
        }
        if let Some(format) = args.log_format {
            self.log.format = format;
        }
        self.process.workers = args.workers.or(self.process.workers);
        self.process.background = args.daemon;
        let StoreArgs { data_dir, durability, sync_delay } = &args.store;
        if let Some(directory) = data_dir {
            self.kept = Some(keep::Place {
                directory: directory.clone(),
                file: None,
                durability: *durability,
                sync_delay: Duration::from_millis(*sync_delay),
            });
        }
    }

    /// Where the flags say, or where the configuration says and they say nothing: -p alone is for a configuration that
    /// names no listener.
    ///
    /// # Errors
    /// One line: which flags do not go together, or which file cannot be read.
    fn listen(&mut self, args: &BrokerArgs) -> Result<(), String> {
        if self.listeners.is_empty() || args.doors.is_given() {
            self.listeners = super::doors::listeners(args)?;
            self.rights = vec![self.unnamed.clone(); self.listeners.len()];
        }
        let pairs = self.rights.iter().zip(&self.listeners);
        let over = pairs.map(|(base, listener)| rights::source(base, self, args, listener));
        self.rights = over.collect();
        self.bridge_rights = rights::of_bridges(&self.unnamed, &self.users, args).into();
        Ok(())
    }

    fn put_limits(&mut self, args: &LimitArgs) {
        fn put<T: Copy>(limit: &mut T, flag: Option<T>) {
            *limit = flag.unwrap_or(*limit);
        }
        // Taken apart without `..`, so that no flag is parsed and forgotten.
        let LimitArgs {
            max_connections,
            max_connections_per_address,
            max_failed_logins,
            max_waiting_logins,
            max_connect_size,
            max_filter_levels,
            max_packet_size,
            max_queued_messages,
            max_queued_bytes,
            receive_maximum,
            max_inflight,
            max_topic_alias,
            max_keep_alive,
            connect_timeout,
            max_session_expiry,
            max_subscriptions,
            allow_control_characters,
            sys_interval,
        } = *args;
        let limits = &mut self.limits;
        let small = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
        put(&mut limits.connections, max_connections);
        put(&mut limits.connections_per_address, max_connections_per_address);
        put(&mut limits.failed_logins, max_failed_logins);
        put(&mut limits.logins_waiting, max_waiting_logins);
        put(&mut limits.connect_size, max_connect_size.map(small));
        put(&mut limits.filter_levels, max_filter_levels);
        put(&mut limits.packet_size, max_packet_size.map(small));
        put(&mut limits.queued_messages, max_queued_messages);
        put(&mut limits.queued_bytes, max_queued_bytes);
        put(&mut limits.receive_maximum, receive_maximum);
        put(&mut limits.in_flight, max_inflight);
        put(&mut limits.topic_aliases_in, max_topic_alias);
        put(&mut limits.topic_aliases_out, max_topic_alias);
        put(&mut limits.keep_alive, max_keep_alive);
        put(&mut limits.connect_timeout, connect_timeout);
        put(&mut limits.session_expiry, max_session_expiry);
        put(&mut limits.subscriptions, max_subscriptions);
        limits.control_characters |= allow_control_characters;
        put(&mut self.sys_interval, sys_interval);
    }
}
