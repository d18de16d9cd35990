//! Figures for people, in few characters.

use crate::bench::times::Percentile;

pub(in super::super) fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

pub(in super::super) fn cell(percentile: Percentile) -> String {
    match percentile {
        Percentile::Micros(micros) => span(micros),
        Percentile::Lost => "lost".to_owned(),
        Percentile::TooFew => "-".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(in super::super) fn span(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..1_000_000 => format!("{:.2} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

/// A number a second.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(in super::super) fn rate(count: u64) -> String {
    match count {
        0..100_000 => format!("{count}/s"),
        100_000..10_000_000 => format!("{:.0}k/s", count as f64 / 1e3),
        _ => format!("{:.1}M/s", count as f64 / 1e6),
    }
}

/// Bytes.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(in super::super) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000_000 => format!("{:.2} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Seconds, without digits that say nothing.
pub(in super::super) fn seconds(seconds: f64) -> String {
    let text = format!("{seconds:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
