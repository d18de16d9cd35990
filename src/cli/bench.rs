//! Flags of `skeeter bench`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connect::{ConnectArgs, ENVIRONMENT};
use super::value;
use crate::bench::model::threshold::Threshold;
use crate::message::QoS;

const EXAMPLES: &str = "\
Examples:
  skeeter bench                                     10 pairs, 1,000 messages per second, 10 s
  skeeter bench fan-in --rate 20k -q 1              100 publishers, one subscriber
  skeeter bench fan-out --rate max                  as fast as 100 subscribers receive
  skeeter bench connect --clients 10k --connect-rate 500 -d 1m
  skeeter bench --find-max 'p99 < 10ms' -d 3        find the highest rate that meets a condition
  skeeter bench --threshold 'p99 < 10ms, loss = 0'  exit with status 67 if a condition is not met
  skeeter bench --phase ramp:30s:50k --phase steady:1m --html report.html
  skeeter bench --json-field 't={random:18.0..25.5}' -t 'site/%i/climate'
  skeeter bench --runs 5 --json > before.json; skeeter bench --compare before.json
  skeeter bench --against mqtt://one --against mqtt://two

";

/// Measure an MQTT broker: latency, throughput, message loss and the bottleneck.
///
/// Unless the rate is max, every message is scheduled in advance, and its latency is measured from the time at which it was
/// due, so that a delay is not hidden by the messages before it. Publishers and subscribers run in this process.
///
/// Rates and counts accept the suffixes k and m, as in 20k or 1.5m. A TIME is in seconds or has a unit: 500ms, 90s, 5m, 1h.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, after_help = ENVIRONMENT, version, disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct BenchArgs {
    /// Scenario (default: pub-sub).
    #[arg(value_enum)]
    pub(crate) scenario: Option<ScenarioArg>,

    #[command(flatten)]
    pub(crate) load: LoadArgs,

    #[command(flatten)]
    pub(crate) who: WhoArgs,

    #[command(flatten)]
    pub(crate) report: ReportArgs,

    #[command(flatten)]
    pub(crate) connect: ConnectArgs,

    /// The scenario, as a key of scenario files.
    #[arg(long = "scenario", value_enum, hide = true, help_heading = "Load")]
    pub(crate) scenario_of_file: Option<ScenarioArg>,

    /// Print help.
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Options")]
    help: Option<bool>,

    /// Print the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Read the scenario from this TOML file; flags on the command line override it.
    ///
    /// Each flag is a key. A phase is a [[phase]] table with the key ramp, steady or drain for its duration, and the key rate.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// QoS of publishers and subscribers: 0, 1 or 2.
    ///
    /// The default is 0, and 1 in the scenarios retained, offline, reconnect, fanout-1-1K-1-1K, p2p-1K-1K-1K-1K and
    /// sharedsub-1K-5-1K-1K.
    #[arg(short, long, value_name = "QOS", value_parser = value::qos)]
    pub(crate) qos: Option<QoS>,

    /// Payload size in bytes.
    ///
    /// Payloads of 16 bytes or more identify the message, so that latency, loss, duplicates and order are measured; shorter ones
    /// are only counted.
    #[arg(short, long, value_name = "BYTES", default_value = "16", value_parser = size)]
    pub(crate) size: usize,

    /// Payload template with {counter}, {time} (ms), {client}, {random}, {random:A..B}, {bytes:N} and {stamp}.
    ///
    /// {stamp} identifies the message; without it messages are only counted.
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["payload_file", "json_fields"])]
    pub(crate) payload: Option<String>,

    /// File with a payload template.
    #[arg(long, value_name = "FILE", conflicts_with = "json_fields")]
    pub(crate) payload_file: Option<PathBuf>,

    /// Field of a JSON payload, with a payload template as its value (repeatable).
    #[arg(long = "json-field", value_name = "NAME=TEMPLATE")]
    pub(crate) json_fields: Vec<String>,

    /// Topic template (default: bench/%r/%i).
    ///
    /// %i is the number of the publisher, %c its client ID, %u its username, %s the number of the message, and %r the ID of the
    /// run.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) topic: Option<String>,

    /// Messages per second of all publishers together, or max for as fast as they are delivered (default: 1000).
    ///
    /// In the scenarios churn, ping and retained: connections, pings or new subscribers per second.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) rate: Option<RateArg>,

    /// Messages per second of each publisher.
    #[arg(long, value_name = "RATE", value_parser = number, conflicts_with = "rate")]
    pub(crate) rate_per_client: Option<f64>,

    /// With --rate max, the number of messages each publisher may have on their way to the subscribers.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) window: u32,

    /// Duration of the measurement.
    #[arg(short, long, value_name = "TIME", default_value = "10", value_parser = span)]
    pub(crate) duration: Duration,

    /// Stop after this many messages in total.
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = count, conflicts_with = "phases")]
    pub(crate) count: Option<u64>,

    /// Time before the measurement, left out of latencies and rates (default: 1 s; none if connections are measured).
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) warm_up: Option<Duration>,

    /// At the end of the run, time without any message after which missing messages count as lost.
    #[arg(long, value_name = "TIME", default_value = "5", value_parser = span)]
    pub(crate) drain: Duration,

    /// Phase of the load (repeatable), instead of --duration: ramp:TIME:RATE, steady:TIME[:RATE] or drain:TIME.
    ///
    /// Phases run in the order given; only steady phases are measured.
    #[arg(long = "phase", value_name = "PHASE", value_parser = phase)]
    pub(crate) phases: Vec<PhaseArg>,

    /// Seed of random payloads and of the order of events (default: random).
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Number of threads that generate load (default: one per 200,000 messages per second).
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) threads: Option<u32>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Clients")]
pub(crate) struct WhoArgs {
    /// Number of publishers (default: 10; fan-in 100, fan-out 1).
    #[arg(long, value_name = "NUMBER", value_parser = clients)]
    pub(crate) publishers: Option<usize>,

    /// Number of subscribers (default: 10; fan-in 1, fan-out 100); in pub-sub one per publisher.
    #[arg(long, value_name = "NUMBER", value_parser = clients)]
    pub(crate) subscribers: Option<usize>,

    /// Number of clients in the scenarios connect, churn, ping and reconnect; number of pairs in pub-sub.
    #[arg(long, value_name = "NUMBER", value_parser = clients, conflicts_with_all = ["publishers", "subscribers"])]
    pub(crate) clients: Option<usize>,

    /// Connections to open per second (default: as fast as the broker accepts them, 64 at a time).
    #[arg(long, value_name = "RATE", value_parser = number)]
    pub(crate) connect_rate: Option<f64>,

    /// Local addresses to connect from in turn: ADDRESS, FIRST-LAST or NETWORK/BITS, separated by commas.
    ///
    /// Each address has its own range of ports, so that more than about 28,000 connections are possible.
    #[arg(long, value_name = "ADDRESSES", value_parser = addresses, conflicts_with = "from")]
    pub(crate) bind: Option<AddressList>,

    /// CSV file with the credentials of the clients.
    ///
    /// The first line names the columns: username, password, client_id, cert, key. Each following line is used by one client,
    /// publishers first.
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Report")]
pub(crate) struct ReportArgs {
    /// Process ID of a broker on this machine, to report its CPU time and memory (Linux).
    ///
    /// By default they are taken from the broker's $SYS topics, if it publishes them.
    #[arg(long, value_name = "PID")]
    pub(crate) broker_pid: Option<u32>,

    /// Do not subscribe to the broker's $SYS topics, which needs one more connection.
    #[arg(long)]
    pub(crate) no_sys: bool,

    /// Conditions to meet, separated by commas; the exit status is 67 if one is not met.
    ///
    /// A condition compares p50 to p99.999 or max (in us, ms or s), loss (a number or %), duplicates, reordered, corrupt, rate or
    /// failures, as in 'p99 < 10ms, loss = 0'.
    #[arg(long, value_name = "CONDITIONS", value_parser = thresholds)]
    pub(crate) threshold: Option<Thresholds>,

    /// Find the highest rate at which these conditions are met, in a series of runs that starts at --rate.
    #[arg(long, value_name = "CONDITIONS", value_parser = thresholds, conflicts_with = "threshold")]
    pub(crate) find_max: Option<Thresholds>,

    /// Number of runs (default: 1; 5 for --compare and --against).
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000), conflicts_with = "find_max")]
    pub(crate) runs: Option<u32>,

    /// Compare with the runs in this file, written earlier by --runs 5 --json.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["find_max", "threshold"])]
    pub(crate) compare: Option<PathBuf>,

    /// URL of a broker to compare with another one; give it twice.
    #[arg(long, value_name = "URL", value_parser = value::Url::parse, conflicts_with_all = ["find_max", "threshold", "compare", "host", "port", "url", "broker_pid"])]
    pub(crate) against: Vec<value::Url>,

    /// Print the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Print the JSON schema of the report and exit.
    #[arg(long)]
    pub(crate) json_schema: bool,

    /// Write a CSV file with one row per second of the run.
    #[arg(long, value_name = "FILE", conflicts_with = "find_max")]
    pub(crate) csv: Option<PathBuf>,

    /// Write an HdrHistogram log of the latency, with one interval per second.
    #[arg(long, value_name = "FILE", conflicts_with = "find_max")]
    pub(crate) hdr: Option<PathBuf>,

    /// Write the report as a self-contained HTML page.
    #[arg(long, value_name = "FILE", conflicts_with = "find_max")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScenarioArg {
    /// Each publisher has its own topic and subscriber.
    PubSub,
    /// Many publishers and few subscribers, each of which receives every message.
    FanIn,
    /// Few publishers and many subscribers, each of which receives every message.
    FanOut,
    /// The subscribers share one subscription; each message is delivered to one of them.
    Shared,
    /// Clients (1,000 by default) connect and stay connected.
    Connect,
    /// Clients connect, subscribe and disconnect, at --rate per second.
    Churn,
    /// Clients send PINGREQ packets, at --rate per second in total.
    Ping,
    /// Subscribers receive --count retained messages, at --rate subscribers per second.
    Retained,
    /// Subscribers reconnect to receive --count messages that were queued while they were disconnected.
    #[value(alias = "offline-backlog")]
    Offline,
    /// All clients lose their connection at once and reconnect, immediately or at --connect-rate.
    #[value(alias = "reconnect-storm")]
    Reconnect,
    /// 10,000 connections at 100 per second (Open MQTT Benchmark Suite).
    #[value(name = "conn-tcp-10K-100")]
    Connect10k,
    /// 1 publisher, 1,000 subscribers, 1 message per second at QoS 1 (Open MQTT Benchmark Suite).
    #[value(name = "fanout-1-1K-1-1K")]
    FanOut1k,
    /// 1,000 pairs, 1,000 messages per second at QoS 1 (Open MQTT Benchmark Suite).
    #[value(name = "p2p-1K-1K-1K-1K")]
    PubSub1k,
    /// 1,000 publishers, 5 subscribers sharing a subscription, 1,000 messages per second at QoS 1 (Open MQTT Benchmark Suite).
    #[value(name = "sharedsub-1K-5-1K-1K")]
    Shared1k,
}

/// Messages per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RateArg {
    PerSecond(f64),
    Max,
}

/// A phase of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PhaseArg {
    Ramp(Duration, f64),
    Steady(Duration, Option<f64>),
    Drain(Duration),
}

/// The conditions of one flag.
#[derive(Clone, Debug)]
pub(crate) struct Thresholds(pub(crate) Vec<Threshold>);

/// Local addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressList(pub(crate) Vec<IpAddr>);

/// Maximum number of addresses of one flag.
const ADDRESSES: u128 = 65_536;

fn thresholds(text: &str) -> Result<Thresholds, String> {
    Threshold::parse(text).map(Thresholds)
}

/// A number above 0, such as 500, 20k or 1.5m.
fn number(text: &str) -> Result<f64, String> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 1e3),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 1e6),
        _ => (text, 1.0),
    };
    match digits.parse::<f64>().map(|number| number * factor) {
        Ok(number) if (0.001..=1e8).contains(&number) => Ok(number),
        _ => Err("expected a number from 0.001 to 100000000, such as 500, 20k or 1.5m".to_owned()),
    }
}

fn count(text: &str) -> Result<u64, String> {
    let number = match text.parse::<u64>() {
        Ok(number) => Ok(number),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0.001 to 100,000,000"
        )]
        Err(_) => number(text).map(|number| number as u64),
    };
    number
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| "expected a number from 1, such as 500 or 20k".to_owned())
}

fn clients(text: &str) -> Result<usize, String> {
    match count(text)? {
        count @ 1..=1_000_000 => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => Err("at most 1000000".to_owned()),
    }
}

fn rate(text: &str) -> Result<RateArg, String> {
    if text == "max" {
        return Ok(RateArg::Max);
    }
    number(text).map(RateArg::PerSecond).map_err(|why| format!("{why}, or max"))
}

/// A time in seconds, or with a unit.
fn span(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err("expected a time, such as 10, 500ms, 90s, 5m or 1h".to_owned()),
    };
    let seconds = digits.parse::<f64>().map_or(-1.0, |number| number * factor);
    match Duration::try_from_secs_f64(seconds) {
        Ok(span) if span <= Duration::from_secs(1_000_000) => Ok(span),
        _ => Err("expected a time, such as 10, 500ms, 90s, 5m or 1h".to_owned()),
    }
}

fn phase(text: &str) -> Result<PhaseArg, String> {
    let wrong = || "expected ramp:TIME:RATE, steady:TIME, steady:TIME:RATE or drain:TIME".to_owned();
    let parts: Vec<&str> = text.split(':').collect();
    match parts[..] {
        ["ramp", time, to] => Ok(PhaseArg::Ramp(span(time)?, if to == "0" { 0.0 } else { number(to)? })),
        ["steady", time] => Ok(PhaseArg::Steady(span(time)?, None)),
        ["steady", time, at] => Ok(PhaseArg::Steady(span(time)?, Some(number(at)?))),
        ["drain", time] => Ok(PhaseArg::Drain(span(time)?)),
        _ => Err(wrong()),
    }
}

fn addresses(text: &str) -> Result<AddressList, String> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let wrong = || format!("{part:?}: expected ADDRESS, FIRST-LAST or NETWORK/BITS");
        let parse = |text: &str| text.trim().parse::<IpAddr>().map_err(|_| wrong());
        let (first, last) = if let Some((first, last)) = part.split_once('-') {
            (parse(first)?, parse(last)?)
        } else if let Some((network, bits)) = part.split_once('/') {
            let (network, bits) = (parse(network)?, bits.parse::<u32>().map_err(|_| wrong())?);
            let width: u32 = if network.is_ipv4() { 32 } else { 128 };
            let host = width_mask(width.checked_sub(bits).ok_or_else(wrong)?);
            // The first and last addresses of an IPv4 network are not host addresses.
            let spared = u128::from(network.is_ipv4() && host > 1);
            let (first, last) = ((number_of(network) & !host) + spared, (number_of(network) | host) - spared);
            (address_of(first, network), address_of(last, network))
        } else {
            (parse(part)?, parse(part)?)
        };
        let (from, to) = (number_of(first), number_of(last));
        if first.is_ipv4() != last.is_ipv4() || from > to {
            return Err(wrong());
        }
        if to - from >= ADDRESSES - all.len() as u128 {
            return Err(format!("more than {ADDRESSES} addresses"));
        }
        all.extend((from..=to).map(|number| address_of(number, first)));
    }
    Ok(AddressList(all))
}

/// A mask of the lowest `bits` bits.
fn width_mask(bits: u32) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

fn number_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The address with this number, of the same version as `like`.
fn address_of(number: u128, like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(u32::try_from(number).unwrap_or(u32::MAX).into()),
        IpAddr::V6(_) => IpAddr::V6(number.into()),
    }
}

fn size(text: &str) -> Result<usize, String> {
    match value::bytes(text)? {
        size if size > 200 << 20 => Err("at most 200M".to_owned()),
        size => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{PhaseArg, RateArg, addresses, count, phase, rate, span};

    #[test]
    fn times_and_rates_take_units() {
        assert_eq!(span("90"), Ok(Duration::from_secs(90)));
        assert_eq!(span("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(span("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "s", "-1", "1d", "1e99", "nan"] {
            assert!(span(bad).is_err(), "{bad}");
        }
        assert_eq!(rate("20k"), Ok(RateArg::PerSecond(20_000.0)));
        assert_eq!((rate("max"), count("1.5m")), (Ok(RateArg::Max), Ok(1_500_000)));
        assert!(rate("0").is_err() && rate("1x").is_err() && count("0").is_err());
    }

    #[test]
    fn phases_are_read() {
        assert_eq!(phase("ramp:30s:50k"), Ok(PhaseArg::Ramp(Duration::from_secs(30), 50_000.0)));
        assert_eq!(phase("steady:1m"), Ok(PhaseArg::Steady(Duration::from_secs(60), None)));
        assert_eq!(phase("drain:5"), Ok(PhaseArg::Drain(Duration::from_secs(5))));
        assert!(phase("ramp:30s").is_err() && phase("up:1:2").is_err());
    }

    #[test]
    fn addresses_are_ranges_and_networks() {
        let of =
            |text: &str| addresses(text).map(|all| all.0.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(of("127.0.0.2"), Ok(vec!["127.0.0.2".to_owned()]));
        assert_eq!(of("127.0.0.254-127.0.1.1,::1").unwrap().len(), 5);
        assert_eq!(of("10.0.0.0/30").unwrap(), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(of("10.1.2.3/32").unwrap(), ["10.1.2.3"]);
        for bad in ["", "x", "127.0.0.2-127.0.0.1", "127.0.0.1-::1", "10.0.0.0/33", "10.0.0.0/8", "::/0"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
