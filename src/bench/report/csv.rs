//! One CSV row per second of a run.

use std::fmt::Write as _;

use super::super::watch::Second;
use crate::bench::model::times::Percentile;

/// The first line names the columns; times are in microseconds, memory in bytes. Unknown values are empty.
pub(crate) fn of(seconds: &[Second]) -> String {
    let mut text = String::from(
        "second,sent,received,failures,connections,p50_us,p99_us,max_us,broker_cpu_seconds,broker_memory_bytes\n",
    );
    for second in seconds {
        let Second { at, sent, received, failures, open, p50, p99, max, broker_cpu, broker_memory } = second;
        let (p50, p99, max) = (time(*p50), time(*p99), time(*max));
        let cpu = broker_cpu.map_or(String::new(), |cpu| format!("{cpu:.2}"));
        let memory = broker_memory.map_or(String::new(), |memory| memory.to_string());
        // Writing to a string does not fail.
        let _ =
            writeln!(text, "{at:.0},{sent},{received},{failures},{open},{p50},{p99},{max},{cpu},{memory}");
    }
    text
}

fn time(percentile: Percentile) -> String {
    match percentile {
        Percentile::Micros(micros) => micros.to_string(),
        Percentile::Lost => "lost".to_owned(),
        Percentile::TooFew => String::new(),
    }
}
