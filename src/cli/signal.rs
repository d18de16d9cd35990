//! Flags of `skeeter signal`.

use clap::{ArgGroup, Args, ValueEnum};

use super::connect::Dialect;

const EXAMPLES: &str = "\
Examples:
  skeeter signal -a config-reload     all brokers of this machine reload their configuration
  skeeter signal -p 1234 log-rotate   the broker with this process ID reopens its log files

";

/// Send a signal to running brokers, by the names that mosquitto_signal uses.
///
/// Only processes that the user may signal receive it. The exit status is 1 if there was none.
#[derive(Args, Debug)]
#[command(
    before_help = EXAMPLES,
    group = ArgGroup::new("receivers").required(true).multiple(false).args(["all", "pid"])
)]
pub(crate) struct SignalArgs {
    /// Send it to all brokers of this machine, of skeeter and of mosquitto.
    #[arg(short, long)]
    pub(crate) all: bool,

    /// Send it to the process with this ID.
    #[arg(short, long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Option<i32>,

    /// What the brokers are told.
    #[arg(value_name = "SIGNAL", value_enum)]
    pub(crate) signal: BrokerSignal,

    #[arg(skip)]
    pub(crate) dialect: Dialect,
}

/// What a broker is told by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BrokerSignal {
    /// Reload the configuration (SIGHUP).
    ConfigReload,
    /// Reopen the log files, and reload the configuration (SIGHUP).
    LogRotate,
    /// Stop (SIGINT).
    Shutdown,
    /// Log all subscriptions (SIGUSR2).
    TreePrint,
    /// A report for mosquitto's developers; refused.
    Xtreport,
}
