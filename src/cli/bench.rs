//! `skeeter bench`: its flags.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connect::ConnectArgs;
use super::value;
use crate::bench::threshold::Threshold;
use crate::message::QoS;

const EXAMPLES: &str = "\
Examples:
  skeeter bench                                        10 pairs, 1,000 messages a second, 10 seconds
  skeeter bench fan-in --rate 20000 -q 1               100 publishers, one subscriber
  skeeter bench fan-out --rate max                     as fast as the broker delivers, to 100 subscribers
  skeeter bench --find-max 'p99 < 10ms' --duration 3   the highest rate at which that holds
  skeeter bench --threshold 'p99 < 10ms, loss = 0'     exit status 67 when that does not hold

";

/// Measures an MQTT broker: latency, rates, loss, and who was the limit.
///
/// With a rate each message has a time at which it is due, and its latency counts from there, whatever became of the
/// messages before it. One thread drives both sides.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, version, disable_help_flag = true, disable_version_flag = true)]
pub(crate) struct BenchArgs {
    /// How publishers and subscribers belong together.
    #[arg(value_enum, default_value_t = ScenarioArg::PubSub)]
    pub(crate) scenario: ScenarioArg,

    /// Quality of service on both sides: 0, 1 or 2; 0, but 1 in the scenarios of the Open MQTT Benchmark Suite.
    #[arg(short, long, value_name = "QOS", value_parser = value::qos)]
    pub(crate) qos: Option<QoS>,

    /// Bytes of a payload, from 16.
    #[arg(short, long, value_name = "BYTES", default_value = "16", value_parser = size)]
    pub(crate) size: usize,

    /// Publishers; 10, or 100 for fan-in and 1 for fan-out.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) publishers: Option<u32>,

    /// Subscribers; 10, or 1 for fan-in and 100 for fan-out. Each pair has one.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) subscribers: Option<u32>,

    /// Messages a second of all publishers together, or max: as fast as they are delivered; 1000 by default.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) rate: Option<Rate>,

    /// With --rate max, messages of one publisher that may be on their way to the subscribers.
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) window: u32,

    /// Seconds that are measured.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = value::seconds)]
    pub(crate) duration: Duration,

    /// Seconds before, whose times and rates do not count.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = value::seconds)]
    pub(crate) warm_up: Duration,

    /// Seconds without any arrival after which what is missing at the end is lost.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = value::seconds)]
    pub(crate) drain: Duration,

    /// Process id of the broker on this machine, whose CPU time and memory are then reported (Linux).
    #[arg(long, value_name = "PID")]
    pub(crate) broker_pid: Option<u32>,

    /// What must hold, or the exit status is 67: p50 to p99.99 and max in us, ms or s, loss (also in %), duplicates,
    /// reordered, corrupt, rate.
    #[arg(long, value_name = "CONDITIONS", value_parser = thresholds)]
    pub(crate) threshold: Option<Thresholds>,

    /// Searches the highest rate at which these conditions hold, run after run, beginning with --rate.
    #[arg(long, value_name = "CONDITIONS", value_parser = thresholds, conflicts_with = "threshold")]
    pub(crate) find_max: Option<Thresholds>,

    /// Prints the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) connect: ConnectArgs,

    /// Shows this help.
    #[arg(long, action = clap::ArgAction::Help, help_heading = "Options")]
    help: Option<bool>,

    /// Shows the version.
    #[arg(long, action = clap::ArgAction::Version, help_heading = "Options")]
    version: Option<bool>,
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

/// All conditions of one flag.
#[derive(Clone, Debug)]
pub(crate) struct Thresholds(pub(crate) Vec<Threshold>);

fn thresholds(text: &str) -> Result<Thresholds, String> {
    Threshold::parse(text).map(Thresholds)
}

fn rate(text: &str) -> Result<Rate, String> {
    match text.parse() {
        _ if text == "max" => Ok(Rate::Max),
        Ok(rate) if (0.001..=1e8).contains(&rate) => Ok(Rate::PerSecond(rate)),
        _ => Err("expected messages a second, from 0.001 to 100000000, or max".to_owned()),
    }
}

fn size(text: &str) -> Result<usize, String> {
    match value::bytes(text)? {
        size if size < crate::bench::stamp::LEN => {
            Err("a payload needs 16 bytes for its number and checksum".to_owned())
        }
        size if size > 200 << 20 => Err("at most 200M".to_owned()),
        size => Ok(size),
    }
}
