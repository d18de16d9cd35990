//! The settings of a run: the defaults of the scenario, overridden by flags.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client::{Clients, Credentials};
use super::run::{Loop, Setup};
use crate::bench::model::payload::{LEN, Payloads};
use crate::bench::model::schedule::{LoadPhase, Schedule};
use crate::bench::model::topic::{TopicTemplate, TopicValues};
use crate::bench::model::topology::{Scenario, Topology};
use crate::cli::bench::{BenchArgs, PhaseArg, RateArg, ScenarioArg};
use crate::cli::exit::{Failure, INPUT, USAGE};
use crate::cli::property::{self, PropertyCarrier};
use crate::client::Settings as ClientSettings;
use crate::codec::packet::Version;
use crate::codec::property::PropertiesBuf;
use crate::dial::connection::Plan as ConnectionPlan;
use crate::message::QoS;
use crate::net::Target;
use crate::sync::Arc;
use crate::text::os_error;
use crate::topic::TopicName;

/// Messages a second for which one thread is enough.
const PER_THREAD: f64 = 200_000.0;
/// What never ends by time.
const ENDLESS: f64 = 1e6;

/// What all runs of one command have in common.
pub(super) struct BenchSettings {
    pub(super) scenario: Scenario,
    /// As it was asked for.
    pub(super) name: String,
    pub(super) publishers: usize,
    pub(super) subscribers: usize,
    pub(super) qos: QoS,
    /// A second of all together; nothing in a closed loop.
    pub(super) rate: Option<f64>,
    pub(super) window: u64,
    pub(super) duration: Duration,
    pub(super) warm_up: Duration,
    pub(super) drain: Duration,
    pub(super) phases: Vec<PhaseArg>,
    pub(super) count: Option<u64>,
    pub(super) connect_rate: Option<f64>,
    pub(super) threads: usize,
    seed: Option<u64>,
    payload: Payload,
    pub(super) topic: String,
    properties: PropertiesBuf,
    pub(super) client: ClientSettings,
    pub(super) target: Arc<Target>,
    from: Vec<std::net::IpAddr>,
    credentials: Vec<Credentials>,
}

#[derive(Clone, Debug)]
enum Payload {
    Size(usize),
    Template(String),
    Json(Vec<String>),
}

/// What a scenario is without flags.
struct Preset {
    scenario: Scenario,
    publishers: usize,
    subscribers: usize,
    qos: QoS,
    rate: Option<f64>,
    count: Option<u64>,
    connect_rate: Option<f64>,
    warm_up: u64,
}

fn preset(scenario: ScenarioArg) -> Preset {
    use QoS::{AtLeastOnce as Q1, AtMostOnce as Q0};
    use ScenarioArg as A;
    let of = |scenario, publishers, subscribers, qos, rate| Preset {
        scenario,
        publishers,
        subscribers,
        qos,
        rate: Some(rate),
        count: None,
        connect_rate: None,
        warm_up: 1,
    };
    match scenario {
        A::PubSub => of(Scenario::PubSub, 10, 10, Q0, 1e3),
        A::FanIn => of(Scenario::FanIn, 100, 1, Q0, 1e3),
        A::FanOut => of(Scenario::FanOut, 1, 100, Q0, 1e3),
        A::Shared => of(Scenario::Shared, 10, 10, Q0, 1e3),
        A::FanOut1k => of(Scenario::FanOut, 1, 1_000, Q1, 1.0),
        A::PubSub1k => of(Scenario::PubSub, 1_000, 1_000, Q1, 1e3),
        A::Shared1k => of(Scenario::Shared, 1_000, 5, Q1, 1e3),
        A::Connect => Preset { warm_up: 0, ..of(Scenario::Connect, 1_000, 0, Q0, 0.0) },
        A::Connect10k => {
            Preset { connect_rate: Some(100.0), warm_up: 0, ..of(Scenario::Connect, 10_000, 0, Q0, 0.0) }
        }
        A::Churn => Preset { warm_up: 0, ..of(Scenario::Churn, 100, 0, Q0, 100.0) },
        A::Ping => of(Scenario::Ping, 100, 0, Q0, 1e3),
        A::Retained => Preset { count: Some(1_000), warm_up: 0, ..of(Scenario::Retained, 1, 100, Q1, 10.0) },
        A::Offline => {
            Preset { count: Some(10_000), rate: None, warm_up: 0, ..of(Scenario::Offline, 1, 10, Q1, 0.0) }
        }
        A::Reconnect => Preset { warm_up: 0, ..of(Scenario::Reconnect, 0, 1_000, Q1, 0.0) },
    }
}

fn usage(text: impl std::fmt::Display) -> Failure {
    Failure::new(USAGE, text)
}

impl BenchSettings {
    /// # Errors
    /// What does not go together, or which file cannot be read.
    pub(super) fn new(args: &BenchArgs, connection: ConnectionPlan) -> Result<Self, Failure> {
        let asked = args.scenario.or(args.scenario_of_file).unwrap_or(ScenarioArg::PubSub);
        let preset = preset(asked);
        let (publishers, subscribers) = numbers(args, &preset)?;
        let (load, scenario) = (&args.load, preset.scenario);
        let rate = match (load.rate, load.rate_per_client) {
            (Some(RateArg::Max), _) => None,
            (Some(RateArg::PerSecond(rate)), _) => Some(rate),
            #[expect(clippy::cast_precision_loss, reason = "at most a million")]
            (None, Some(each)) => Some(each * publishers.max(1) as f64),
            (None, None) => preset.rate,
        };
        let properties = property::of(&args.connect.properties, PropertyCarrier::Publish).map_err(usage)?;
        for carrier in [PropertyCarrier::Subscribe, PropertyCarrier::Unsubscribe, PropertyCarrier::Disconnect]
        {
            if !property::of(&args.connect.properties, carrier).map_err(usage)?.is_empty() {
                return Err(usage("bench takes properties of connect, publish and will only"));
            }
        }
        let settings = Self {
            name: clap::ValueEnum::to_possible_value(&asked)
                .map_or(String::new(), |value| value.get_name().to_owned()),
            scenario,
            publishers,
            subscribers,
            qos: load.qos.unwrap_or(preset.qos),
            rate,
            window: load.window.into(),
            duration: load.duration,
            warm_up: load.warm_up.unwrap_or(Duration::from_secs(preset.warm_up)),
            drain: load.drain,
            phases: load.phases.clone(),
            count: load.count.or(preset.count),
            connect_rate: args.who.connect_rate.or(preset.connect_rate),
            threads: threads(args, rate, publishers + subscribers),
            seed: load.seed,
            payload: payload(args)?,
            topic: topic(args, connection.topic.as_deref(), scenario),
            properties,
            client: connection.settings,
            target: Arc::new(shared(connection.target)),
            from: args.who.bind.as_ref().map_or(Vec::new(), |addresses| addresses.0.clone()),
            credentials: args.who.credentials.as_deref().map_or(Ok(Vec::new()), credentials)?,
        };
        settings.check(args)?;
        Ok(settings)
    }

    fn check(&self, args: &BenchArgs) -> Result<(), Failure> {
        let clients = self.publishers + self.subscribers;
        let names = self.credentials.iter().filter(|known| known.client_id.is_some()).count();
        if names > 0 && names < clients {
            return Err(usage(format!(
                "{clients} clients need {clients} client IDs in --credentials, which has {names}"
            )));
        }
        if self.client.version == Version::V3_1
            && self.scenario != Scenario::Connect
            && !self.client.client_id.is_empty()
            && self.client.client_id.len() > 15
        {
            return Err(usage(
                "with MQTT 3.1, -i can have at most 15 bytes, as each client appends its number",
            ));
        }
        let needs_kept = matches!(self.scenario, Scenario::Offline | Scenario::Retained);
        if needs_kept && self.qos == QoS::AtMostOnce {
            return Err(usage(format!(
                "{} needs -q 1 or -q 2, so that the broker acknowledges messages",
                self.name
            )));
        }
        if !self.phases.is_empty() && (self.rate.is_none() || !self.is_paced()) {
            return Err(usage("--phase is for scenarios with a rate"));
        }
        if !self.is_paced() && (args.load.rate.is_some() || args.load.rate_per_client.is_some()) {
            return Err(usage(format!(
                "{} has no --rate; use --connect-rate to set how fast clients connect",
                self.name
            )));
        }
        let run = self.setup(self.rate)?;
        let identity = run.clients.identity(super::role::Role::Publisher(0));
        let topic = run.topics.of(TopicValues {
            number: 0,
            client_id: &identity.client_id,
            username: "",
            sequence: 0,
        });
        TopicName::new(&topic).map_err(|why| usage(format!("the topic {topic:?}: {why}")))?;
        let is_ambiguous = self.rate.is_none() && self.publishers > 1 && self.scenario != Scenario::PubSub;
        if is_ambiguous && self.scenario.has_messages() && !needs_kept && !run.payloads.are_stamped() {
            return Err(usage(format!(
                "--rate max needs payloads that identify their publisher: {LEN} bytes or more, or {{stamp}} in the template"
            )));
        }
        Ok(())
    }

    /// Whether messages, or what takes their place, come at a rate.
    fn is_paced(&self) -> bool {
        !matches!(self.scenario, Scenario::Connect | Scenario::Reconnect | Scenario::Offline)
    }

    /// A run at this rate.
    ///
    /// # Errors
    /// When a template is wrong.
    pub(super) fn setup(&self, rate: Option<f64>) -> Result<Setup, Failure> {
        let key = self.seed.map_or_else(crate::dial::connection::random, |seed| {
            crate::bench::model::mix(seed.wrapping_add(0x9E37_79B9_7F4A_7C15))
        });
        // TopicTemplate and clients of its own, so that nothing of another run is met.
        let name = format!("{:08x}", key >> 32);
        let payloads = match &self.payload {
            Payload::Size(size) => Ok(Payloads::plain(*size, key)),
            Payload::Template(text) => Payloads::template(text, key),
            Payload::Json(fields) => Payloads::json(fields, key),
        };
        let pace = match self.scenario {
            Scenario::Offline | Scenario::Retained => Loop::Acknowledgements,
            _ if rate.is_none() => Loop::Arrivals(self.window),
            _ => Loop::Open,
        };
        Ok(Setup {
            topology: Topology {
                scenario: self.scenario,
                publishers: self.publishers,
                subscribers: self.subscribers,
                threads: self.threads,
            },
            schedule: self.schedule(rate),
            most: match pace {
                Loop::Open => self.count.filter(|_| self.scenario == Scenario::Churn),
                Loop::Arrivals(_) | Loop::Acknowledgements => self.count,
            },
            pace,
            payloads: payloads.map_err(usage)?,
            topics: TopicTemplate::parse(&self.topic, &name).map_err(usage)?,
            qos: self.qos,
            retain: self.scenario == Scenario::Retained,
            properties: self.properties.clone(),
            clients: Clients {
                settings: self.client.clone(),
                target: self.target.clone(),
                from: self.from.clone(),
                credentials: self.credentials.clone(),
                name,
                publishers: self.publishers,
            },
            connect_rate: self.connect_rate,
        })
    }

    fn schedule(&self, rate: Option<f64>) -> Schedule {
        let (at, warm_up) = (rate.unwrap_or(0.0), self.warm_up.as_secs_f64());
        match self.scenario {
            // The subscribers are what comes at a rate, each of them once.
            Scenario::Retained => {
                let at = rate.unwrap_or(1e6);
                return Schedule::new(&[LoadPhase::steady(ENDLESS, at, true)], Some(self.subscribers as u64));
            }
            Scenario::Offline => return Schedule::new(&[LoadPhase::steady(ENDLESS, 0.0, true)], None),
            _ => {}
        }
        if let Some(count) = self.count {
            let phases = [LoadPhase::steady(warm_up, at, false), LoadPhase::steady(ENDLESS, at, true)];
            return Schedule::new(&phases, rate.map(|_| count));
        }
        if self.phases.is_empty() {
            let seconds = self.duration.as_secs_f64();
            return Schedule::new(
                &[LoadPhase::steady(warm_up, at, false), LoadPhase::steady(seconds, at, true)],
                None,
            );
        }
        // They begin at nothing; a steady one goes on at the rate that is reached.
        let has_steady = self.phases.iter().any(|phase| matches!(phase, PhaseArg::Steady(..)));
        let mut reached = 0.0;
        let phases = self.phases.iter().enumerate().map(|(number, phase)| match *phase {
            PhaseArg::Ramp(time, to) => {
                let from = std::mem::replace(&mut reached, to);
                LoadPhase { seconds: time.as_secs_f64(), from, to, is_measured: !has_steady }
            }
            PhaseArg::Steady(time, to) => {
                reached = to.unwrap_or(if number == 0 { at } else { reached });
                LoadPhase::steady(time.as_secs_f64(), reached, true)
            }
            PhaseArg::Drain(time) => {
                reached = 0.0;
                LoadPhase::steady(time.as_secs_f64(), 0.0, false)
            }
        });
        Schedule::new(&phases.collect::<Vec<_>>(), None)
    }

    pub(super) fn version(&self) -> Version {
        self.client.version
    }

    pub(super) fn keep_alive(&self) -> u16 {
        self.client.keep_alive
    }

    /// Bytes of a payload, where all are as long.
    pub(super) fn size(&self) -> Option<usize> {
        match self.payload {
            Payload::Size(size) => Some(size),
            Payload::Template(_) | Payload::Json(_) => None,
        }
    }
}

/// All clients share what is read from the files of TLS.
fn shared(mut target: Target) -> Target {
    if let Some(tls) = &mut target.tls {
        tls.made = Some(Arc::default());
    }
    target
}

/// Publishers and subscribers.
fn numbers(args: &BenchArgs, preset: &Preset) -> Result<(usize, usize), Failure> {
    let who = &args.who;
    let is_pairs = preset.scenario == Scenario::PubSub;
    let alone = |what: &str| usage(format!("this scenario has no {what}; use --clients"));
    match preset.scenario {
        Scenario::Connect | Scenario::Churn | Scenario::Ping | Scenario::Reconnect => {
            if who.publishers.is_some() || who.subscribers.is_some() {
                return Err(alone("publishers and subscribers"));
            }
            let clients = who.clients.unwrap_or(preset.publishers + preset.subscribers);
            Ok(if preset.scenario == Scenario::Reconnect { (0, clients) } else { (clients, 0) })
        }
        _ if who.clients.is_some() && !is_pairs => Err(usage(
            "--clients applies to pub-sub and to scenarios without messages; use --publishers and --subscribers",
        )),
        _ => {
            let both = who.clients.or(who.subscribers.filter(|_| is_pairs));
            let publishers = who.publishers.or(both).unwrap_or(preset.publishers);
            let subscribers =
                who.subscribers.unwrap_or(if is_pairs { publishers } else { preset.subscribers });
            if is_pairs && publishers != subscribers {
                return Err(usage("pub-sub needs as many publishers as subscribers"));
            }
            Ok((publishers, subscribers))
        }
    }
}

fn threads(args: &BenchArgs, rate: Option<f64>, clients: usize) -> usize {
    let most = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 100,000,000 / 200,000"
    )]
    let needed = rate.map_or(1, |rate| (rate / PER_THREAD).ceil() as usize).clamp(1, most);
    args.load.threads.map_or(needed, |threads| threads as usize).min(clients.max(1))
}

fn payload(args: &BenchArgs) -> Result<Payload, Failure> {
    let load = &args.load;
    if !load.json_fields.is_empty() {
        return Ok(Payload::Json(load.json_fields.clone()));
    }
    let file = load.payload_file.as_deref().map(read).transpose()?;
    Ok(load.payload.clone().or(file).map_or(Payload::Size(load.size), Payload::Template))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::new(INPUT, format!("cannot read {}: {}", path.display(), os_error(&error))))
}

fn topic(args: &BenchArgs, of_url: Option<&str>, scenario: Scenario) -> String {
    let given = args.load.topic.clone();
    given.unwrap_or_else(|| {
        let prefix = of_url.unwrap_or("bench").replace('%', "%%");
        // What is retained needs a topic for each message.
        let each = if scenario == Scenario::Retained { "/%s" } else { "" };
        format!("{prefix}/%r/%i{each}")
    })
}

/// The file of credentials.
fn credentials(path: &Path) -> Result<Vec<Credentials>, Failure> {
    let bad = |why: String| Failure::new(INPUT, format!("{}: {why}", path.display()));
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| bad(os_error(&error)))?;
    let names = reader.headers().map_err(|error| bad(os_error(&error)))?.clone();
    if let Some(other) =
        names.iter().find(|name| !["username", "password", "client_id", "cert", "key"].contains(name))
    {
        return Err(bad(format!(
            "unknown column {other:?}; the columns are username, password, client_id, cert and key"
        )));
    }
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| bad(os_error(&error)))?;
        let field = |name: &str| -> Option<String> {
            let at = names.iter().position(|known| known == name)?;
            record.get(at).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let file = |name: &str| field(name).map(PathBuf::from);
        all.push(Credentials {
            client_id: field("client_id"),
            username: field("username"),
            password: field("password"),
            certificate: file("cert").zip(file("key")),
        });
    }
    if all.is_empty() { Err(bad("the file contains no clients".to_owned())) } else { Ok(all) }
}
