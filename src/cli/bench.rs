//! `skeeter bench`: its flags.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connect::ConnectArgs;
use super::value;
use crate::bench::threshold::Threshold;
use crate::message::QoS;

const EXAMPLES: &str = "\
Examples:
  skeeter bench                                        10 pairs, 1,000 messages a second, 10 seconds
  skeeter bench fan-in --rate 20k -q 1                 100 publishers, one subscriber
  skeeter bench fan-out --rate max                     as fast as the broker delivers, to 100 subscribers
  skeeter bench connect --clients 10k --connect-rate 500 -d 1m
  skeeter bench --find-max 'p99 < 10ms' -d 3           the highest rate at which that holds
  skeeter bench --threshold 'p99 < 10ms, loss = 0'     exit status 67 when that does not hold
  skeeter bench --phase ramp:30s:50k --phase steady:1m --html report.html
  skeeter bench --json-field 't={random:18.0..25.5}' -t 'site/%i/climate'
  skeeter bench --runs 5 --json > before.json; skeeter bench --compare before.json
  skeeter bench --against mqtt://one --against mqtt://two

";

/// Measures an MQTT broker: latency, rates, loss, and who was the limit.
///
/// With a rate each message has a time at which it is due, and its latency counts from there, whatever became of the
/// messages before it. Both sides run in this process.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct BenchArgs {
    /// What is done; pub-sub by default.
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

    /// The same as SCENARIO, for files.
    #[arg(long = "scenario", value_enum, hide = true)]
    pub(crate) scenario_of_file: Option<ScenarioArg>,

    /// Shows this help.
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Options")]
    help: Option<bool>,

    /// Shows the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Reads the scenario from this file, in TOML: each flag is a key, `[[phase]]` has `ramp`, `steady` or `drain`, and `rate`.
    ///
    /// The command line wins.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Quality of service on both sides: 0, 1 or 2; 0, but 1 where a session or the broker keeps messages.
    #[arg(short, long, value_name = "QOS", value_parser = value::qos)]
    pub(crate) qos: Option<QoS>,

    /// Bytes of a payload. From 16 on it says what it is; shorter ones are counted only.
    #[arg(short, long, value_name = "BYTES", default_value = "16", value_parser = size)]
    pub(crate) size: usize,

    /// Payload, with {counter}, {time} (ms), {client}, {random}, {random:A..B}, {bytes:N} and {stamp} filled in; without
    /// {stamp}, messages are counted only.
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["payload_file", "json_fields"])]
    pub(crate) payload: Option<String>,

    /// Payload by the template in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "json_fields")]
    pub(crate) payload_file: Option<PathBuf>,

    /// A field of a payload in JSON, by such a template (repeatable).
    #[arg(long = "json-field", value_name = "NAME=TEMPLATE")]
    pub(crate) json_fields: Vec<String>,

    /// Topic, with %i (number of the publisher), %c (its client identifier), %u (its user name), %s (number of the
    /// message) and %r (the run) filled in; bench/%r/%i by default.
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) topic: Option<String>,

    /// Messages a second of all publishers together, or max: as fast as they are delivered; 1000 by default. Also
    /// connections, pings or subscribers a second, as the scenario has it.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) rate: Option<Rate>,

    /// Messages a second of each publisher.
    #[arg(long, value_name = "RATE", value_parser = number, conflicts_with = "rate")]
    pub(crate) rate_per_client: Option<f64>,

    /// With --rate max, messages of one publisher that may be on their way to the subscribers.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) window: u32,

    /// Time that is measured: seconds, or with a unit as in 500ms, 90s, 5m, 1h.
    #[arg(short, long, value_name = "TIME", default_value = "10", value_parser = span)]
    pub(crate) duration: Duration,

    /// Messages in all, after which it ends.
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = count, conflicts_with = "phases")]
    pub(crate) count: Option<u64>,

    /// Time before, whose latencies and rates do not count; 1 s, but none where connections are measured.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) warm_up: Option<Duration>,

    /// Time without any arrival after which what is missing at the end is lost.
    #[arg(long, value_name = "TIME", default_value = "5", value_parser = span)]
    pub(crate) drain: Duration,

    /// In place of --duration, one after the other (repeatable): ramp:TIME:RATE, steady:TIME[:RATE], drain:TIME. Steady
    /// ones are measured.
    #[arg(long = "phase", value_name = "PHASE", value_parser = phase)]
    pub(crate) phases: Vec<PhaseArg>,

    /// What random payloads and the order of things follow from; by default each run differs.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Threads that generate load; one for each 200,000 messages a second by default.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(crate) threads: Option<u32>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Clients")]
pub(crate) struct WhoArgs {
    /// Publishers; 10, or 100 for fan-in and 1 for fan-out.
    #[arg(long, value_name = "NUMBER", value_parser = clients)]
    pub(crate) publishers: Option<usize>,

    /// Subscribers; 10, or 1 for fan-in and 100 for fan-out. Each pair has one.
    #[arg(long, value_name = "NUMBER", value_parser = clients)]
    pub(crate) subscribers: Option<usize>,

    /// Clients, where they neither publish nor subscribe: connect, churn, ping, reconnect; or pairs.
    #[arg(long, value_name = "NUMBER", value_parser = clients, conflicts_with_all = ["publishers", "subscribers"])]
    pub(crate) clients: Option<usize>,

    /// Connections opened a second; by default as fast as the broker lets them in, 64 at a time.
    #[arg(long, value_name = "RATE", value_parser = number)]
    pub(crate) connect_rate: Option<f64>,

    /// Local addresses that take turns, each with ports of its own: ADDRESS, FIRST-LAST or NETWORK/BITS, commas between.
    #[arg(long, value_name = "ADDRESSES", value_parser = addresses, conflicts_with = "from")]
    pub(crate) bind: Option<Addresses>,

    /// User names, passwords, client identifiers and certificates of the clients, from a file in CSV whose first line says
    /// which: username, password, client_id, cert, key. Publishers take theirs first.
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Report")]
pub(crate) struct ReportArgs {
    /// Process id of the broker on this machine, whose CPU time and memory are then reported (Linux); what the broker says
    /// of itself in $SYS otherwise.
    #[arg(long, value_name = "PID")]
    pub(crate) broker_pid: Option<u32>,

    /// Does not ask the broker for its $SYS, which takes one more connection.
    #[arg(long)]
    pub(crate) no_sys: bool,

    /// What must hold, or the exit status is 67: p50 to p99.999 and max in us, ms or s, loss (also in %), duplicates,
    /// reordered, corrupt, rate, failures.
    #[arg(long, value_name = "CONDITIONS", value_parser = thresholds)]
    pub(crate) threshold: Option<Thresholds>,

    /// Searches the highest rate at which these conditions hold, run after run, beginning with --rate.
    #[arg(long, value_name = "CONDITIONS", value_parser = thresholds, conflicts_with = "threshold")]
    pub(crate) find_max: Option<Thresholds>,

    /// Runs one after the other; 1, or 5 to compare.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000), conflicts_with = "find_max")]
    pub(crate) runs: Option<u32>,

    /// Compares with the runs in this file, written by --runs 5 --json before.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["find_max", "threshold"])]
    pub(crate) compare: Option<PathBuf>,

    /// Compares the brokers of two URLs, in turn (twice).
    #[arg(long, value_name = "URL", value_parser = value::Url::parse, conflicts_with_all = ["find_max", "threshold", "compare", "host", "port", "url", "broker_pid"])]
    pub(crate) against: Vec<value::Url>,

    /// Prints the report as JSON; --json-schema says what is in it.
    #[arg(long)]
    pub(crate) json: bool,

    /// Prints the JSON schema of the report.
    #[arg(long)]
    pub(crate) json_schema: bool,

    /// Writes each second of the run into this file, in CSV.
    #[arg(long, value_name = "FILE", conflicts_with = "find_max")]
    pub(crate) csv: Option<PathBuf>,

    /// Writes a HdrHistogram log of the latency, an interval a second, into this file.
    #[arg(long, value_name = "FILE", conflicts_with = "find_max")]
    pub(crate) hdr: Option<PathBuf>,

    /// Writes the report as a page of its own into this file.
    #[arg(long, value_name = "FILE", conflicts_with = "find_max")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScenarioArg {
    /// Each publisher has a topic and a subscriber of its own.
    PubSub,
    /// Many publishers, few subscribers; each of these gets everything.
    FanIn,
    /// Few publishers, many subscribers; each of these gets everything.
    FanOut,
    /// The subscribers form one shared group: each message goes to one of them.
    Shared,
    /// Clients connect, 1,000 of them, and stay for the duration.
    Connect,
    /// Clients connect, subscribe and leave, --rate a second.
    Churn,
    /// Clients ask for signs of life, --rate a second in all.
    Ping,
    /// --count retained messages, and subscribers that come to them, --rate a second.
    Retained,
    /// Subscribers come back to --count messages that were published while they were away.
    #[value(alias = "offline-backlog")]
    Offline,
    /// All clients lose their connection at once and come back, at once or at --connect-rate.
    #[value(alias = "reconnect-storm")]
    Reconnect,
    /// 10,000 connections, 100 a second (Open MQTT Benchmark Suite).
    #[value(name = "conn-tcp-10K-100")]
    Connect10k,
    /// One publisher, 1,000 subscribers, one message a second at QoS 1 (Open MQTT Benchmark Suite).
    #[value(name = "fanout-1-1K-1-1K")]
    FanOut1k,
    /// 1,000 pairs, 1,000 messages a second at QoS 1 (Open MQTT Benchmark Suite).
    #[value(name = "p2p-1K-1K-1K-1K")]
    PubSub1k,
    /// 1,000 publishers, five subscribers in a group, 1,000 messages a second at QoS 1 (Open MQTT Benchmark Suite).
    #[value(name = "sharedsub-1K-5-1K-1K")]
    Shared1k,
}

/// Messages a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rate {
    PerSecond(f64),
    Max,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PhaseArg {
    Ramp(Duration, f64),
    Steady(Duration, Option<f64>),
    Drain(Duration),
}

/// All conditions of one flag.
#[derive(Clone, Debug)]
pub(crate) struct Thresholds(pub(crate) Vec<Threshold>);

/// Local addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses(pub(crate) Vec<IpAddr>);

/// The most addresses of one flag.
const ADDRESSES: u128 = 65_536;

fn thresholds(text: &str) -> Result<Thresholds, String> {
    Threshold::parse(text).map(Thresholds)
}

/// A number above 0, also as 20k or 1.5m.
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

fn rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    number(text).map(Rate::PerSecond).map_err(|error| format!("{error}, or max"))
}

/// Seconds, or a time with its unit.
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

fn addresses(text: &str) -> Result<Addresses, String> {
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
            // The first and the last of a network of IPv4 are no addresses of hosts.
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
    Ok(Addresses(all))
}

/// So many of the lowest bits.
fn width_mask(bits: u32) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

fn number_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The address of this number, of the kind of another.
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

    use super::{PhaseArg, Rate, addresses, count, phase, rate, span};

    #[test]
    fn times_and_rates_take_units() {
        assert_eq!(span("90"), Ok(Duration::from_secs(90)));
        assert_eq!(span("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(span("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "s", "-1", "1d", "1e99", "nan"] {
            assert!(span(bad).is_err(), "{bad}");
        }
        assert_eq!(rate("20k"), Ok(Rate::PerSecond(20_000.0)));
        assert_eq!((rate("max"), count("1.5m")), (Ok(Rate::Max), Ok(1_500_000)));
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
