//! Short text for figures.

use crate::bench::model::times::Percentile;

pub(crate) fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

pub(crate) fn cell(percentile: Percentile) -> String {
    match percentile {
        Percentile::Micros(micros) => span(micros),
        Percentile::Lost => "lost".to_owned(),
        Percentile::TooFew => "-".to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn span(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.2} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

/// A number per second.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn rate(count: u64) -> String {
    match count {
        0..100_000 => format!("{count}/s"),
        100_000..10_000_000 => format!("{:.0}k/s", count as f64 / 1e3),
        _ => format!("{:.1}M/s", count as f64 / 1e6),
    }
}

/// Bytes.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000_000 => format!("{:.2} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Seconds without trailing zeros.
pub(crate) fn seconds(seconds: f64) -> String {
    let text = format!("{seconds:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text for HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            letter => out.push(letter),
        }
    }
    out
}
