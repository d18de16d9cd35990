//! `--find-max`: run after run, until the highest rate is known at which the conditions hold.

use serde_json::{Map, json};

use super::report::Report;
use crate::bench::search::{End, Search};
use crate::bench::verdict::Verdict;
use crate::command::exit::{FAILURE, Failure, SUCCESS, Status};

/// Searches with `measure`, which runs at a rate, and prints what was found: each run on stderr as it ends.
pub(super) fn find(
    start: f64,
    command: &str,
    (as_json, quiet): (bool, bool),
    mut measure: impl FnMut(f64) -> Result<Report, Failure>,
) -> Result<Status, Failure> {
    let (mut search, mut runs, mut is_interrupted) = (Search::new(start), Vec::new(), false);
    // Rates that failed, and who was the limit.
    let mut limits: Vec<(f64, &'static str)> = Vec::new();
    while let Some(rate) = search.next().filter(|_| !is_interrupted) {
        let report = measure(rate)?;
        is_interrupted = report.is_interrupted;
        let holds = report.broken().next().is_none() && report.told.is_empty();
        if !quiet {
            eprintln!("{}", report.line(rate, holds));
        }
        if as_json {
            runs.push(report.json());
        }
        if !is_interrupted {
            if !holds {
                limits.push((rate, report.verdict.name()));
            }
            search.tell(rate, holds);
        }
    }
    let rate = |end: Option<End>| end.map(|end| end.rate);
    let (holds, fails) = (rate(search.holds), rate(search.fails));
    let limit = limits.iter().rev().find(|(rate, _)| Some(*rate) == fails).map(|(_, name)| *name);
    if as_json {
        let found =
            json!({ "holds": holds, "fails": fails, "confirmed": search.is_sure(), "verdict": limit });
        let more = Map::from_iter([("find_max".to_owned(), found)]);
        println!("{}", super::report::json::document(command, &runs, more));
    } else {
        println!("{}", describe(holds, fails, search.is_sure()));
        if let (Some(fails), Some(why @ ("generator" | "machine"))) = (fails, limit) {
            let why = Verdict::short(why).unwrap_or_default();
            println!("at {fails:.0} {why}, so the broker may hold more than this");
        }
    }
    match holds {
        Some(_) => Ok(SUCCESS),
        None => Err(Failure::new(FAILURE, "the conditions of --find-max hold at no rate")),
    }
}

fn describe(holds: Option<f64>, fails: Option<f64>, sure: bool) -> String {
    let confirmed = if sure { "each confirmed twice" } else { "not confirmed" };
    match (holds, fails) {
        (Some(holds), Some(fails)) => {
            format!("holds at {holds:.0} messages/s, fails at {fails:.0}, {confirmed}")
        }
        (Some(holds), None) => format!("holds at every rate that was tried, up to {holds:.0} messages/s"),
        (None, Some(fails)) => format!("holds at no rate, down to {fails:.2} messages/s"),
        (None, None) => "nothing was measured".to_owned(),
    }
}
