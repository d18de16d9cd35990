//! Comparison of the runs with those in a file, or of two brokers in turn.

use std::path::Path;

use serde_json::{Value, json};

use super::report::words::escape;
use crate::bench::model::bottleneck::Bottleneck;
use crate::bench::model::compare::{LEAST, Ratio, median, ratio};
use crate::cli::exit::{Failure, INPUT};
use crate::text::os_error;

/// What is compared: its name, its unit, and where it stands in the JSON of a run.
const METRICS: [(&str, &str, &str); 8] = [
    ("received", "/s", "/rate_received"),
    ("p50", "us", "/MAIN/p50"),
    ("p99", "us", "/MAIN/p99"),
    ("max", "us", "/MAIN/max"),
    ("lost", "", "/lost"),
    ("broker CPU per million", "s", "/broker/cpu_seconds_per_million"),
    ("broker memory", "B", "/broker/memory_bytes"),
    ("generator CPU", "s", "/generator/cpu_seconds"),
];

/// The times that a scenario is about, as they stand in the JSON.
const MAIN: [&str; 4] = ["latency_us", "ping_us", "retained_us", "connect_us"];

/// One line of a comparison.
pub(super) struct ComparisonRow {
    name: &'static str,
    unit: &'static str,
    medians: (f64, f64),
    ratio: Option<Ratio>,
}

/// Two series of runs, each with its name.
pub(super) struct Comparison {
    names: [String; 2],
    runs: [usize; 2],
    pub(super) rows: Vec<ComparisonRow>,
    /// Where the runs of a side did not show what the broker can do.
    limits: Vec<String>,
}

impl Comparison {
    /// # Errors
    /// When the runs did different things.
    pub(super) fn new(names: [String; 2], first: &[Value], second: &[Value]) -> Result<Self, Failure> {
        let asked = |runs: &[Value]| -> Vec<Value> {
            let fields = ["scenario", "publishers", "subscribers", "qos", "size", "rate", "mqtt"];
            let settings = runs.first().map(|run| &run["settings"]);
            settings
                .map_or(Vec::new(), |settings| fields.iter().map(|field| settings[*field].clone()).collect())
        };
        if asked(first) != asked(second) {
            let text =
                |runs: &[Value]| asked(runs).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let why = format!("the settings of its runs differ: {} instead of {}", text(first), text(second));
            return Err(Failure::new(INPUT, format!("{}: {why}", names[0])));
        }
        let mut rows = Vec::new();
        for (name, unit, pointer) in METRICS {
            let values =
                |runs: &[Value]| -> Vec<f64> { runs.iter().filter_map(|run| at(run, pointer)).collect() };
            let (one, other) = (values(first), values(second));
            // A heap is not beside all that is resident.
            let kinds = [first, second].map(|runs| runs.first().map(|run| &run["broker"]["memory"]));
            let is_unlike = name == "broker memory" && kinds[0] != kinds[1];
            if one.is_empty()
                || other.is_empty()
                || is_unlike
                || name == "lost" && one.iter().chain(&other).all(|lost| *lost == 0.0)
            {
                continue;
            }
            let medians = (median(&one), median(&other));
            rows.push(ComparisonRow { name, unit, medians, ratio: ratio(&one, &other, 1) });
        }
        let mut limits = Vec::new();
        for (side, runs) in [("first", first), ("second", second)] {
            for name in ["generator", "machine"] {
                let count = runs.iter().filter(|run| run["bottleneck"] == name).count();
                if let Some(why) = Bottleneck::short(name).filter(|_| count > 0) {
                    limits.push(format!("{side}: {why} in {count} of {} runs", runs.len()));
                }
            }
        }
        let names = [(&names[0], first), (&names[1], second)].map(|(name, runs)| {
            let version = runs.first().and_then(|run| run["broker"]["version"].as_str());
            version.map_or(name.clone(), |version| format!("{name}, {version}"))
        });
        Ok(Self { names, runs: [first.len(), second.len()], rows, limits })
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "first:  {} ({} runs)\nsecond: {} ({} runs)\n\n",
            self.names[0], self.runs[0], self.names[1], self.runs[1]
        );
        text += &format!("{:<22}{:>12}{:>12}{:>9}   95 % interval\n", "median", "first", "second", "ratio");
        for ComparisonRow { name, unit, medians, ratio } in &self.rows {
            let (first, second) = (figure(medians.0, unit), figure(medians.1, unit));
            let told = match ratio {
                Some(ratio) => {
                    let differs = if ratio.differs() { "" } else { "  noise" };
                    let [ratio, from, to] = [ratio.ratio, ratio.from, ratio.to].map(factor);
                    format!("{ratio:>9}   {from} to {to}{differs}")
                }
                None => format!("{:>9}", "-"),
            };
            text += &format!("{name:<22}{first:>12}{second:>12}{told}\n");
        }
        if self.runs.iter().any(|runs| *runs < LEAST) {
            text += &format!("an interval needs at least {LEAST} runs of each: use --runs {LEAST}\n");
        }
        if self.rows.iter().any(|row| row.ratio.is_some_and(|ratio| !ratio.differs())) {
            text += "noise: the interval contains 1, so these runs show no difference\n";
        }
        self.limits.iter().for_each(|limit| text += &format!("{limit}\n"));
        text
    }

    /// The same for a page.
    pub(super) fn html(&self) -> String {
        let [first, second] = self.names.each_ref().map(|name| escape(name));
        let mut text = format!(
            "<h1>First: {first}<br>Second: {second}</h1>\n<p class=\"pace\">{} and {} runs; medians, their ratio (second to first) and its 95 % \
             bootstrap interval</p>\n<div class=\"wide\"><table>\n<tr><th></th><th>first</th><th>second</th>\
             <th>ratio</th><th>95 % interval</th><th></th></tr>\n",
            self.runs[0], self.runs[1]
        );
        for ComparisonRow { name, unit, medians, ratio } in &self.rows {
            let (first, second) = (figure(medians.0, unit), figure(medians.1, unit));
            let (told, interval, differs) = match ratio {
                Some(ratio) => (
                    factor(ratio.ratio),
                    format!("{} to {}", factor(ratio.from), factor(ratio.to)),
                    if ratio.differs() { "" } else { "noise" },
                ),
                None => ("-".to_owned(), String::new(), ""),
            };
            text += &format!(
                "<tr><th>{name}</th><td>{first}</td><td>{second}</td><td>{told}</td><td>{interval}</td><td>{differs}</td></tr>\n"
            );
        }
        text += "</table></div>\n";
        for limit in &self.limits {
            text += &format!("<p class=\"verdict bad\">{}</p>\n", escape(limit));
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "metric": row.name, "unit": row.unit, "first": row.medians.0, "second": row.medians.1,
                "ratio": row.ratio.map(|ratio| ratio.ratio), "from": row.ratio.map(|ratio| ratio.from),
                "to": row.ratio.map(|ratio| ratio.to), "differs": row.ratio.is_some_and(Ratio::differs),
            })
        });
        json!({
            "first": self.names[0], "second": self.names[1], "runs": self.runs, "ratios": rows.collect::<Vec<_>>(),
        })
    }
}

fn at(run: &Value, pointer: &str) -> Option<f64> {
    let main = MAIN.iter().find(|name| run[**name].is_object())?;
    run.pointer(&pointer.replace("MAIN", main))?.as_f64()
}

/// A ratio, with digits that say something.
fn factor(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.3}") } else { format!("{ratio:.1}") }
}

fn figure(number: f64, unit: &str) -> String {
    match unit {
        "B" => format!("{:.2} MB", number / 1e6),
        "us" if number >= 1e3 => format!("{:.2} ms", number / 1e3),
        "us" => format!("{number:.0} µs"),
        "" => format!("{number:.0}"),
        "/s" => format!("{number:.0}/s"),
        _ => format!("{number:.3} {unit}"),
    }
}

/// The runs that a file holds.
///
/// # Errors
/// When it cannot be read, or is no report.
pub(super) fn baseline(path: &Path) -> Result<Vec<Value>, Failure> {
    let failure = |why: String| Failure::new(INPUT, format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failure(os_error(&error)))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| failure(error.to_string()))?;
    if document["schema"] != super::report::json::SCHEMA {
        return Err(failure("not a report that this version of skeeter bench --json has written".to_owned()));
    }
    match document["runs"].as_array() {
        Some(runs) if !runs.is_empty() => Ok(runs.clone()),
        _ => Err(failure("the report contains no runs".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Comparison;

    fn runs(p99: u64) -> Vec<Value> {
        let run = |number: u64| {
            json!({ "settings": { "scenario": "pub-sub" }, "rate_received": 1000, "lost": 0,
                "latency_us": { "p50": 10 + number, "p99": p99 + number, "max": "lost" } })
        };
        (0..6).map(run).collect()
    }

    #[test]
    fn what_both_have_is_compared() {
        let comparison = Comparison::new(["a".into(), "b".into()], &runs(100), &runs(300)).unwrap();
        let text = comparison.table();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let ratios = comparison.json();
        let of = |name: &str| {
            ratios["ratios"].as_array().unwrap().iter().find(|row| row["metric"] == name).cloned()
        };
        assert_eq!(
            (of("p50").unwrap()["differs"].clone(), of("p99").unwrap()["differs"].clone()),
            (false.into(), true.into())
        );
        assert!(of("max").is_none() && of("lost").is_none());
        let mut other = runs(100);
        other[0]["settings"]["scenario"] = "fan-in".into();
        assert!(Comparison::new(["a".into(), "b".into()], &runs(100), &other).is_err());
    }
}
