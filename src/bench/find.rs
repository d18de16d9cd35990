//! `--find-max`: a series of runs that finds the highest rate at which the conditions are met.

use serde_json::{Map, json};

use super::report::Report;
use crate::bench::model::bottleneck::Bottleneck;
use crate::bench::model::search::{RateBound, Search};
use crate::cli::exit::{FAILURE, Failure, SUCCESS, Status};

/// Where the search begins and how it is reported.
pub(super) struct FindMax<'a> {
    /// Messages per second.
    pub(super) start: f64,
    pub(super) command: &'a str,
    /// Prints the result as JSON.
    pub(super) as_json: bool,
    /// Prints no line for each run.
    pub(super) is_quiet: bool,
}

/// Searches with `measure`, which performs a run at a rate. Prints each run to stderr when it ends, and the result to stdout.
pub(super) fn find(
    options: &FindMax<'_>,
    mut measure: impl FnMut(f64) -> Result<Report, Failure>,
) -> Result<Status, Failure> {
    let FindMax { start, command, as_json, is_quiet } = *options;
    let (mut search, mut runs, mut is_interrupted) = (Search::new(start), Vec::new(), false);
    // Rates at which a condition was not met, with the bottleneck.
    let mut limits: Vec<(f64, &'static str)> = Vec::new();
    while let Some(rate) = search.next().filter(|_| !is_interrupted) {
        let report = measure(rate)?;
        is_interrupted = report.is_interrupted;
        let holds = report.broken().next().is_none() && report.told.is_empty();
        if !is_quiet {
            eprintln!("{}", report.line(rate));
        }
        if as_json {
            runs.push(report.json());
        }
        if !is_interrupted {
            if !holds {
                limits.push((rate, report.bottleneck.name()));
            }
            search.tell(rate, holds);
        }
    }
    let rate = |end: Option<RateBound>| end.map(|end| end.rate);
    let (holds, fails) = (rate(search.holds), rate(search.fails));
    let limit = limits.iter().rev().find(|(rate, _)| Some(*rate) == fails).map(|(_, name)| *name);
    if as_json {
        let found = json!({
            "highest_met": holds, "lowest_not_met": fails, "confirmed": search.is_sure(), "bottleneck": limit,
        });
        let more = Map::from_iter([("find_max".to_owned(), found)]);
        println!("{}", super::report::json::document(command, &runs, more));
    } else {
        println!("{}", describe(&search));
        if let (Some(fails), Some(why @ ("generator" | "machine"))) = (fails, limit) {
            let why = Bottleneck::short(why).unwrap_or_default();
            println!("at {fails:.0} messages/s {why}, so the broker may be capable of more");
        }
    }
    match holds {
        Some(_) => Ok(SUCCESS),
        None => Err(Failure::new(FAILURE, "the conditions of --find-max were not met at any rate")),
    }
}

fn describe(search: &Search) -> String {
    let confirmed = if search.is_sure() { "each confirmed by a second run" } else { "not confirmed" };
    match (search.holds, search.fails) {
        (Some(holds), Some(fails)) => {
            let (holds, fails) = (holds.rate, fails.rate);
            format!("conditions met at {holds:.0} messages/s, not met at {fails:.0} messages/s, {confirmed}")
        }
        (Some(holds), None) => {
            format!("conditions met at every rate tried, up to {:.0} messages/s", holds.rate)
        }
        (None, Some(fails)) => format!("conditions met at no rate, down to {:.2} messages/s", fails.rate),
        (None, None) => "nothing was measured".to_owned(),
    }
}
