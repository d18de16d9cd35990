//! `skeeter bench`: performs the runs that the flags ask for, and reports on them.

mod client;
mod compare;
mod connection;
mod drive;
pub(super) mod file;
mod find;
pub(crate) mod model;
mod open;
mod pace;
mod publisher;
mod report;
mod role;
mod run;
mod settings;
mod shard;
mod thread;
mod usage;
mod watch;
mod worker;

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::bench::model::threshold::Threshold;
use crate::cli::bench::BenchArgs;
use crate::cli::exit::{CONNECTION_LOST, FAILURE, Failure, INPUT, SUCCESS, Status, THRESHOLD, Teller, USAGE};
use crate::cli::value::Url;
use crate::dial::connection::Plan as ConnectionPlan;
use crate::system::memory::Left;
use crate::text::os_error;
use compare::Comparison;
use find::FindMax;
use report::Report;
use run::Run;
use settings::BenchSettings;
use usage::UsageSource;
use watch::{HistogramLog, Show, Watch};

/// Number of runs of each side of a comparison.
const COMPARED: u32 = 5;

/// Milliseconds since 1970.
fn wall_clock_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn run(args: &BenchArgs) -> u8 {
    crate::system::files::raise_limit();
    let teller = Teller::new("bench", &args.connect);
    teller.finish(Bench::new(args, teller).and_then(|bench| bench.run()))
}

/// The settings of a run. Unless a flag sets the MQTT version, a connection to the broker finds out whether it supports 5.
fn settings(
    args: &BenchArgs,
    plan: ConnectionPlan,
    has_broker: bool,
    teller: Teller,
) -> Result<BenchSettings, Failure> {
    let probe = plan.probe(teller).filter(|_| has_broker);
    let mut settings = BenchSettings::new(args, plan)?;
    if let Some(probe) = probe {
        settings.client.version = crate::dial::block_on(probe.find_version())?;
        settings.client.announce_max_packet_size();
    }
    Ok(settings)
}

/// One invocation of the command.
struct Bench<'a> {
    args: &'a BenchArgs,
    teller: Teller,
    settings: BenchSettings,
    command: String,
}

impl<'a> Bench<'a> {
    fn new(args: &'a BenchArgs, teller: Teller) -> Result<Self, Failure> {
        // With --against the brokers are named there.
        let has_broker = args.report.against.is_empty() && !args.report.json_schema;
        let settings = settings(args, ConnectionPlan::new(&args.connect)?, has_broker, teller)?;
        if let Some(pid) = args.report.broker_pid {
            crate::system::process::usage(pid).map_err(|text| Failure::new(INPUT, text))?;
        }
        Ok(Self { args, teller, settings, command: command(std::env::args()) })
    }

    fn run(&self) -> Result<Status, Failure> {
        let report = &self.args.report;
        if report.json_schema {
            print!("{}", report::json::DOCUMENT);
            return Ok(SUCCESS);
        }
        if let Some(conditions) = &report.find_max {
            let Some(start) = self.settings.rate.filter(|rate| *rate > 0.0) else {
                return Err(Failure::new(USAGE, "--find-max cannot be combined with --rate max"));
            };
            let quiet = self.args.connect.quiet;
            let options = FindMax { start, command: &self.command, as_json: report.json, is_quiet: quiet };
            return find::find(&options, |rate| self.measure(&self.settings, Some(rate), &conditions.0));
        }
        match &report.against[..] {
            [] => self.alone(),
            [_] => Err(Failure::new(USAGE, "--against must be given twice, once for each broker")),
            [first, second] => self.against([first, second]),
            _ => Err(Failure::new(USAGE, "--against compares two brokers")),
        }
    }

    /// One run.
    fn measure(
        &self,
        settings: &BenchSettings,
        rate: Option<f64>,
        conditions: &[Threshold],
    ) -> Result<Report, Failure> {
        let report = &self.args.report;
        let setup = settings.setup(rate)?;
        check_memory(&setup)?;
        let run = Run::new(setup);
        let show = Show::new(self.args.connect.quiet || report.find_max.is_some());
        let log = report
            .hdr
            .as_deref()
            .map(|path| HistogramLog::new(path).map_err(|error| cannot_write(path, &error)));
        let watch = Watch::new(&run, show, log.transpose()?);
        let finished = crate::dial::block_on(async {
            let mut source = UsageSource::new(report.broker_pid);
            if !report.no_sys {
                source.listen(Run::new(settings.setup(rate)?)).await;
            }
            drive::drive(settings, run, source, watch).await
        });
        let mut finished = finished?;
        if let (Some(error), Some(path)) = (finished.watch.log_error(), &report.hdr) {
            return Err(cannot_write(path, &error));
        }
        Ok(Report::new(settings, rate, conditions, finished))
    }

    /// Runs against one broker, and compares them with earlier ones if asked to.
    fn alone(&self) -> Result<Status, Failure> {
        let report = &self.args.report;
        // Read first, so that an invalid file is reported before the runs.
        let baseline = report.compare.as_deref().map(compare::baseline).transpose()?;
        let conditions = report.threshold.as_ref().map_or(&[][..], |conditions| &conditions.0);
        let count = report.runs.unwrap_or(if baseline.is_some() { COMPARED } else { 1 });
        let mut runs = Vec::new();
        for number in 0..count {
            let run = self.measure(&self.settings, self.settings.rate, conditions)?;
            if count > 1 && !self.args.connect.quiet {
                eprintln!("run {}: {}", number + 1, run.line(run.rates.received));
            }
            let is_interrupted = run.is_interrupted;
            runs.push(run);
            if is_interrupted {
                break;
            }
        }
        let json: Vec<Value> = runs.iter().map(Report::json).collect();
        let comparison = match (&baseline, &report.compare) {
            (Some(baseline), Some(path)) => {
                let names = [path.display().to_string(), "this run".to_owned()];
                Some(Comparison::new(names, baseline, &json)?)
            }
            _ => None,
        };
        self.write(&runs, &json, comparison.as_ref())?;
        if let Some(run) = runs.iter().find(|run| !run.told.is_empty()) {
            run.told.iter().for_each(|text| self.teller.tell(text));
            let others = run.failed().saturating_sub(run.told.len() as u64);
            if others > 0 {
                self.teller.tell(format_args!("{others} more failures"));
            }
        }
        let broken: Vec<&str> = runs.iter().flat_map(Report::broken).collect();
        broken.iter().for_each(|condition| self.teller.tell(format_args!("condition not met: {condition}")));
        Ok(match () {
            () if runs.iter().any(|run| run.lost_connections() > 0) => CONNECTION_LOST,
            () if runs.iter().any(Report::has_no_connection) => FAILURE,
            () if !broken.is_empty() => THRESHOLD,
            () => SUCCESS,
        })
    }

    /// Runs against two brokers in turn.
    fn against(&self, urls: [&Url; 2]) -> Result<Status, Failure> {
        let [first, second] = urls.map(|url| {
            settings(self.args, ConnectionPlan::to(&self.args.connect, Some(url))?, true, self.teller)
        });
        let brokers = [first?, second?];
        let names = brokers.each_ref().map(|settings| settings.target.to_string());
        let mut runs = [Vec::new(), Vec::new()];
        let count = self.args.report.runs.unwrap_or(COMPARED);
        'runs: for number in 0..count {
            for (side, settings) in brokers.iter().enumerate() {
                let run = self.measure(settings, settings.rate, &[])?;
                if !self.args.connect.quiet {
                    eprintln!("run {} of {}: {}", number + 1, names[side], run.line(run.rates.received));
                }
                let is_interrupted = run.is_interrupted;
                runs[side].push(run);
                if is_interrupted {
                    break 'runs;
                }
            }
        }
        let [first, second] = &runs;
        let json = [first, second].map(|runs| runs.iter().map(Report::json).collect::<Vec<_>>());
        let comparison = Comparison::new(names, &json[0], &json[1])?;
        let all: Vec<Value> = json.concat();
        let runs: Vec<Report> = runs.into_iter().flatten().collect();
        self.write(&runs, &all, Some(&comparison))?;
        Ok(if runs.iter().any(|run| run.lost_connections() > 0) { CONNECTION_LOST } else { SUCCESS })
    }

    /// Writes the report to stdout and to the files that were asked for.
    fn write(&self, runs: &[Report], json: &[Value], comparison: Option<&Comparison>) -> Result<(), Failure> {
        let report = &self.args.report;
        let stdout = |error| Failure::new(INPUT, format!("stdout: {}", os_error(&error)));
        if report.json {
            let more = comparison.map(|comparison| ("comparison".to_owned(), comparison.json()));
            println!("{}", report::json::document(&self.command, json, Map::from_iter(more)));
        } else if let Some(comparison) = comparison {
            print!("{}", comparison.table());
        } else {
            runs.iter().try_for_each(Report::print).map_err(stdout)?;
        }
        if let Some(path) = &report.html {
            let page = report::html::page(&self.command, runs, comparison);
            fs::write(path, page).map_err(|error| cannot_write(path, &error))?;
        }
        if let Some(path) = &report.csv {
            let seconds: Vec<_> = runs.iter().flat_map(|run| run.series.iter().cloned()).collect();
            fs::write(path, report::csv::of(&seconds)).map_err(|error| cannot_write(path, &error))?;
        }
        Ok(())
    }
}

/// Checks that there is enough memory for what the publishers keep during the run.
fn check_memory(setup: &run::Setup) -> Result<(), Failure> {
    let (windows, payloads) = setup.memory();
    let Some(left) = Left::now().filter(|left| left.bytes < windows.saturating_add(payloads)) else {
        return Ok(());
    };
    let (what, flag) = if windows > payloads { ("windows", "--window") } else { ("payloads", "--size") };
    let need = [windows.saturating_add(payloads), left.bytes].map(report::words::size);
    let publishers = report::words::many(setup.topology.publishers, "publisher");
    Err(Failure::new(
        FAILURE,
        format!(
            "the {what} of {publishers} need {} of memory but only {} is available; reduce {flag}, or {}",
            need[0],
            need[1],
            left.bound.hint()
        ),
    ))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(INPUT, format!("cannot write {}: {}", path.display(), os_error(&error)))
}

/// The command line, quoted for a shell and without passwords.
fn command(words: impl Iterator<Item = String>) -> String {
    let mut quoted = vec!["skeeter".to_owned()];
    let mut is_secret = false;
    for word in words.skip(1) {
        let word = match (std::mem::take(&mut is_secret), word.split_once("://"), word.split_once('=')) {
            (true, ..) => "...".to_owned(),
            (_, Some((scheme, rest)), _) => match rest.split_once('@') {
                Some((user, place)) => {
                    let user = user.split(':').next().unwrap_or_default();
                    format!("{scheme}://{user}@{place}")
                }
                None => word,
            },
            (_, _, Some((flag @ ("--pw" | "--password"), _))) => format!("{flag}=..."),
            _ if word.starts_with("-P") && word.len() > 2 => "-P...".to_owned(),
            _ => word,
        };
        is_secret = matches!(word.as_str(), "-P" | "--pw" | "--password");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+%".contains(c);
        match !word.is_empty() && word.chars().all(is_plain) {
            true => quoted.push(word),
            false => quoted.push(format!("'{}'", word.replace('\'', "'\\''"))),
        }
    }
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn the_command_line_is_quoted_and_contains_no_password() {
        let of = |words: &[&str]| command(words.iter().map(ToString::to_string));
        assert_eq!(
            of(&["/usr/bin/skeeter", "bench", "--threshold", "p99 < 1ms"]),
            "skeeter bench --threshold 'p99 < 1ms'"
        );
        assert_eq!(of(&["s", "bench", "-P", "secret", "-q", "1"]), "skeeter bench -P ... -q 1");
        assert_eq!(of(&["s", "--password=secret", "-Psecret"]), "skeeter --password=... -P...");
        assert_eq!(of(&["s", "-L", "mqtt://me:secret@host/a"]), "skeeter -L mqtt://me@host/a");
        assert_eq!(of(&["s", "it's"]), "skeeter 'it'\\''s'");
    }
}
