//! `skeeter bench`: the connections of a run, its phases, and the report at its end.

mod connection;
mod find;
mod pace;
mod process;
mod report;
mod run;

use std::rc::Rc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::AsyncWriteExt;
use tokio::task::{JoinSet, LocalSet};

use super::connection::Plan as ConnectionPlan;
use super::exit::{CONNECTION_LOST, FAILURE, Failure, INPUT, SUCCESS, Status, THRESHOLD, Teller, USAGE};
use crate::bench::plan::{Plan, Scenario};
use crate::bench::tally::Times;
use crate::bench::threshold::Threshold;
use crate::cli::bench::{BenchArgs, Rate, ScenarioArg};
use crate::client::Settings;
use crate::codec;
use crate::codec::packet::{Connect, Options, Packet, PacketId, Subscribe, Subscription, Version};
use crate::codec::property::Properties;
use crate::message::QoS;
use crate::topic::TopicName;
use crate::transport::{self, Stream, Target};
use connection::{Connection, accepted, first_packet};
use report::{Report, Used};
use run::{Role, Run, Setup};

/// Connections that are opened at the same time.
const OPENING: usize = 64;
/// How often progress is shown, and the end of the drain is looked for.
const TICK: Duration = Duration::from_millis(20);
/// In a closed loop, nothing arriving for so long means that what is on its way is lost.
const LOST: Duration = Duration::from_secs(1);

pub(super) fn run(args: &BenchArgs) -> u8 {
    super::files::raise_limit();
    let teller = Teller::new("skeeter bench", &args.connect);
    teller.finish(prepare(args, teller))
}

fn prepare(args: &BenchArgs, teller: Teller) -> Result<Status, Failure> {
    let usage = |text: &str| Failure::new(USAGE, text);
    let connection = ConnectionPlan::new(&args.connect)?;
    if connection.settings.will.is_some() {
        return Err(usage("the clients of a benchmark have no will"));
    }
    if !connection.settings.clean_start || args.connect.session_expiry.is_some() {
        return Err(usage("the clients of a benchmark have no session that is kept: leave out -c and -x"));
    }
    if let Some(pid) = args.broker_pid {
        process::usage(pid).map_err(|text| Failure::new(INPUT, text))?;
    }
    let preset = preset(args)?;
    let prefix = connection.topic.clone().unwrap_or_else(|| "bench".to_owned());
    let topic = format!("{prefix}/0");
    TopicName::new(&topic).map_err(|why| usage(&format!("the topic {prefix:?}: {why}")))?;
    let (settings, target) = (connection.settings, connection.target);
    let measure = |rate: Option<f64>, conditions: &[Threshold]| {
        let setup = setup(args, &preset, rate, &prefix, settings.version);
        let load = Load { run: Rc::new(Run::new(setup)), settings: settings.clone(), target: target.clone() };
        super::block_on(LocalSet::new().run_until(load.drive(args, conditions)))
    };
    if let Some(conditions) = &args.find_max {
        let Some(start) = preset.rate else {
            return Err(usage("--find-max searches a rate: leave out --rate max"));
        };
        let quiet = args.connect.quiet;
        return find::find(start, (args.json, quiet), |rate| measure(Some(rate), &conditions.0));
    }
    let report = measure(preset.rate, args.threshold.as_ref().map_or(&[], |conditions| &conditions.0))?;
    report.print(args.json).map_err(|error| Failure::new(INPUT, format!("stdout: {error}")))?;
    if let Some(failure) = report.failures.first() {
        let more = report.failed - 1;
        let others = if more > 0 { format!("; and {more} more") } else { String::new() };
        return Err(Failure::new(CONNECTION_LOST, format!("{failure}{others}")));
    }
    for condition in report.broken() {
        teller.tell(format!("{condition} does not hold"));
    }
    Ok(if report.broken().next().is_some() { THRESHOLD } else { SUCCESS })
}

/// A scenario with its numbers.
struct Preset {
    scenario: Scenario,
    publishers: usize,
    subscribers: usize,
    qos: QoS,
    rate: Option<f64>,
}

/// What the scenario is, but for what the flags say.
fn preset(args: &BenchArgs) -> Result<Preset, Failure> {
    use ScenarioArg::{FanIn, FanOut, FanOut1k, PubSub, PubSub1k, Shared, Shared1k};
    let (scenario, publishers, subscribers, qos, rate) = match args.scenario {
        PubSub => (Scenario::PubSub, 10, 10, QoS::AtMostOnce, 1e3),
        FanIn => (Scenario::FanIn, 100, 1, QoS::AtMostOnce, 1e3),
        FanOut => (Scenario::FanOut, 1, 100, QoS::AtMostOnce, 1e3),
        Shared => (Scenario::Shared, 10, 10, QoS::AtMostOnce, 1e3),
        FanOut1k => (Scenario::FanOut, 1, 1_000, QoS::AtLeastOnce, 1.0),
        PubSub1k => (Scenario::PubSub, 1_000, 1_000, QoS::AtLeastOnce, 1e3),
        Shared1k => (Scenario::Shared, 1_000, 5, QoS::AtLeastOnce, 1e3),
    };
    let is_pairs = scenario == Scenario::PubSub;
    let publishers = args.publishers.or(args.subscribers.filter(|_| is_pairs)).unwrap_or(publishers);
    let subscribers = args.subscribers.unwrap_or(if is_pairs { publishers } else { subscribers });
    if is_pairs && publishers != subscribers {
        return Err(Failure::new(USAGE, "pub-sub has pairs: as many publishers as subscribers"));
    }
    let rate = match args.rate {
        None => Some(rate),
        Some(Rate::PerSecond(rate)) => Some(rate),
        Some(Rate::Max) => None,
    };
    let (publishers, subscribers) = (publishers as usize, subscribers as usize);
    Ok(Preset { scenario, publishers, subscribers, qos: args.qos.unwrap_or(qos), rate })
}

fn setup(args: &BenchArgs, preset: &Preset, rate: Option<f64>, prefix: &str, version: Version) -> Setup {
    let Preset { scenario, publishers, subscribers, qos, rate: _ } = *preset;
    // Topics of its own, so that nothing of another run is met.
    let key = super::connection::random();
    let prefix = format!("{prefix}/{:08x}", key >> 32);
    Setup {
        plan: Plan { scenario, prefix, publishers, subscribers, rate },
        qos,
        size: args.size,
        version,
        key,
        warm_up: args.warm_up,
        duration: args.duration,
        window: args.window.into(),
    }
}

/// A run and how its clients connect.
struct Load {
    run: Rc<Run>,
    settings: Settings,
    target: Target,
}

impl Load {
    async fn drive(self, args: &BenchArgs, conditions: &[Threshold]) -> Result<Report, Failure> {
        let load = Rc::new(self);
        let run = load.run.clone();
        let mut connect = Times::new();
        // Subscribers first: what is published must find them.
        let mut open = load.open(run.plan.subscribers, Role::Subscriber, &mut connect).await?;
        open.extend(load.open(run.plan.publishers, Role::Publisher, &mut connect).await?);
        let mut connections = JoinSet::new();
        for (role, stream, window) in open {
            let (run, connection) = (run.clone(), Connection::new(run.clone(), role, stream, window));
            connections.spawn_local(async move {
                if let Err(error) = connection.await {
                    run.failed(format!("the connection of {role} was lost: {error}"));
                }
            });
        }
        let broker = |pid: Option<u32>| pid.and_then(|pid| process::usage(pid).ok());
        let (began, own, theirs) = (Instant::now(), process::own_cpu(), broker(args.broker_pid));
        run.start();
        load.send(args.json || args.connect.quiet || args.find_max.is_some()).await?;
        let end = broker(args.broker_pid);
        let used = Used {
            seconds: began.elapsed().as_secs_f64(),
            generator: process::own_cpu().saturating_sub(own).as_secs_f64(),
            broker: theirs
                .zip(end)
                .map(|(before, after)| (after.cpu.saturating_sub(before.cpu).as_secs_f64(), after.memory)),
        };
        load.drain(args.drain).await;
        run.end();
        while connections.join_next().await.is_some() {}
        Ok(Report::new(&run, conditions, connect, used))
    }

    /// Opens `count` connections, some at a time.
    async fn open(
        self: &Rc<Self>,
        count: usize,
        role: fn(usize) -> Role,
        times: &mut Times,
    ) -> Result<Vec<(Role, Stream, u16)>, Failure> {
        let (mut opening, mut open) = (JoinSet::new(), Vec::with_capacity(count));
        for number in 0..count + OPENING {
            if number < count {
                let load = self.clone();
                opening.spawn_local(async move { load.connect(role(number)).await });
            }
            if number + 1 < OPENING.min(count) {
                continue;
            }
            let Some(joined) = opening.join_next().await else { break };
            let opened = joined.map_err(|error| error.to_string()).and_then(|result| result);
            let (role, stream, window, micros) = opened.map_err(|text| {
                Failure::new(
                    FAILURE,
                    format!("{}: {text} ({} connections were open)", self.target, open.len()),
                )
            })?;
            times.record(micros);
            open.push((role, stream, window));
        }
        Ok(open)
    }

    /// CONNECT, and SUBSCRIBE for a subscriber. The time in microseconds is from opening the connection to CONNACK.
    async fn connect(&self, role: Role) -> Result<(Role, Stream, u16, u64), String> {
        let (began, version) = (Instant::now(), self.settings.version);
        let handshake = async {
            let mut stream =
                transport::connect(&self.target).await.map_err(|failure| explain(&failure.to_string()))?;
            self.say(&mut stream, &Packet::Connect(self.packet(&self.client_id(role)))).await?;
            let allowed = first_packet(&mut stream, version, accepted).await?;
            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            if let Role::Subscriber(number) = role {
                self.subscribe(&mut stream, number).await?;
            }
            Ok((role, stream, allowed.min(self.settings.max_inflight), micros))
        };
        let late = || "the broker did not answer in time".to_owned();
        tokio::time::timeout(self.settings.connect_timeout, handshake).await.map_err(|_| late())?
    }

    fn client_id(&self, role: Role) -> String {
        let (side, number) = match role {
            Role::Publisher(number) => ('p', number),
            Role::Subscriber(number) => ('s', number),
        };
        match self.settings.client_id.as_str() {
            // At most 23 bytes, as 3.1 permits no more.
            "" => format!("b{:08x}{side}{number}", self.run.key >> 32),
            given => format!("{given}{side}{number}"),
        }
    }

    fn packet<'a>(&'a self, client_id: &'a str) -> Connect<'a> {
        let settings = &self.settings;
        Connect {
            version: settings.version,
            bridge: false,
            clean_start: true,
            keep_alive: settings.keep_alive,
            properties: match settings.version {
                Version::V5 => settings.properties.as_properties(),
                Version::V3_1 | Version::V3_1_1 => Properties::EMPTY,
            },
            client_id,
            will: None,
            username: settings.username.as_deref(),
            password: settings.password.as_deref(),
        }
    }

    async fn say(&self, stream: &mut Stream, packet: &Packet<'_>) -> Result<(), String> {
        let mut bytes = Vec::new();
        codec::encode(self.settings.version, packet, &mut bytes);
        stream.write_all(&bytes).await.map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())
    }

    async fn subscribe(&self, stream: &mut Stream, number: usize) -> Result<(), String> {
        let options = Options { qos: self.run.qos, ..Options::default() };
        let filter = self.run.plan.filter(number);
        let packet = Subscribe {
            packet_id: PacketId::MIN,
            properties: Properties::EMPTY,
            filters: vec![Subscription { filter: filter.as_str().into(), options }],
        };
        self.say(stream, &Packet::Subscribe(packet)).await?;
        let granted = first_packet(stream, self.settings.version, |packet| match packet {
            Packet::Suback(suback) => Ok(suback.reasons.first().copied()),
            _ => Err("the broker did not answer SUBSCRIBE".to_owned()),
        });
        match granted.await? {
            Some(reason) if QoS::from_bits(reason.0) == Some(self.run.qos) => Ok(()),
            Some(reason) => Err(format!("the broker did not grant the subscription to {filter}: {reason}")),
            None => Err("the broker's SUBACK is empty".to_owned()),
        }
    }

    /// From the first message that is due to the last.
    async fn send(&self, quiet: bool) -> Result<(), Failure> {
        let run = &self.run;
        let pace = async {
            match run.plan.rate {
                Some(rate) => pace::pace(run, rate).await,
                None => Ok(()),
            }
        };
        let span = Duration::from_micros(run.finish());
        let work = async {
            let end = tokio::time::sleep(span);
            let (paced, ()) = tokio::join!(pace, end);
            paced
        };
        let result = tokio::select! {
            paced = work => paced.map_err(|error| Failure::new(FAILURE, format!("no timer: {error}"))),
            // Ended by hand: what there is, is reported.
            _ = tokio::signal::ctrl_c() => Ok(()),
            () = self.watch(quiet) => Ok(()),
        };
        run.stop();
        result
    }

    /// Shows progress, keeps connections alive, and gives up what is lost. Ends when a connection has failed.
    async fn watch(&self, quiet: bool) {
        let run = &self.run;
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(run.finish()) };
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {eta} {msg}") {
            bar.set_style(style);
        }
        let keep_alive = Duration::from_secs(u64::from(self.settings.keep_alive)) / 2;
        let (mut pinged, mut ticks) = (Instant::now(), tokio::time::interval(TICK * 10));
        loop {
            ticks.tick().await;
            if run.seen.failed.get() > 0 {
                break;
            }
            bar.set_position(run.now());
            bar.set_message(format!("{} sent, {} received", run.sent(), run.received()));
            if keep_alive > Duration::ZERO && pinged.elapsed() >= keep_alive {
                pinged = Instant::now();
                run.ping();
            }
            if run.silence() > LOST {
                run.forgive();
            }
        }
        bar.finish_and_clear();
    }

    /// Waits for what is on its way.
    async fn drain(&self, most: Duration) {
        let began = Instant::now();
        while !self.run.is_complete()
            && self.run.seen.failed.get() == 0
            && self.run.silence().min(began.elapsed()) < most
        {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
}

/// Why no more connections can be opened, and what to do.
fn explain(error: &str) -> String {
    let hint = if error.contains("os error 24") {
        "; raise the limit with `ulimit -n`"
    } else if error.contains("os error 99") {
        "; this machine has no more ports: widen net.ipv4.ip_local_port_range"
    } else {
        ""
    };
    format!("{error}{hint}")
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Publisher(number) => write!(f, "publisher {number}"),
            Self::Subscriber(number) => write!(f, "subscriber {number}"),
        }
    }
}
