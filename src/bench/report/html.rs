//! The report as a self-contained HTML page, without scripts, in light and dark.

use std::fmt::Write as _;

use super::super::compare::Comparison;
use super::super::watch::Second;
use super::words::{cell, escape, many, rate, seconds, size, span};
use super::{PERCENTILES, Report};
use crate::bench::model::times::Percentile;
use crate::system::process::Machine;

const STYLE: &str = include_str!("report.css");
/// A picture, in its own units.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 240.0;
/// What is left for the names of the axes.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;
const BELOW: f64 = 28.0;
const ABOVE: f64 = 22.0;
/// Classes of the distribution.
const CLASSES: u32 = 80;

/// The page of all runs of a command.
pub(crate) fn page(command: &str, runs: &[Report], comparison: Option<&Comparison>) -> String {
    let title = runs.first().map_or(String::new(), |run| run.settings.what());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>skeeter bench: {title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        title = escape(&title)
    );
    if let Some(comparison) = comparison {
        page.push_str(&comparison.html());
    }
    for (number, run) in runs.iter().enumerate() {
        if runs.len() > 1 {
            let _ = writeln!(page, "<p class=\"run\">Run {} of {}</p>", number + 1, runs.len());
        }
        run.write_html(&mut page);
    }
    let Machine { system, processor, processors, memory } = Machine::this();
    let mut machine = vec![system];
    machine.extend(processor);
    machine.push(many(processors, "CPU"));
    machine.extend(memory.map(|bytes| format!("{} of memory", size(bytes))));
    let _ = write!(
        page,
        "<h2>Command</h2>\n<pre><code>{}</code></pre>\n<footer>skeeter {} on {}</footer>\n</main>\n</body>\n</html>\n",
        escape(command),
        env!("CARGO_PKG_VERSION"),
        escape(&machine.join(", "))
    );
    page
}

impl Report {
    fn write_html(&self, page: &mut String) {
        let _ = write!(
            page,
            "<h1>{}</h1>\n<p class=\"pace\">{}; broker at {}{}</p>\n",
            escape(&self.settings.what()),
            escape(&self.settings.pace()),
            escape(&self.settings.target),
            self.broker
                .as_ref()
                .and_then(|broker| broker.version.as_deref())
                .map_or(String::new(), |version| format!(", {}", escape(version)))
        );
        let class = if self.bottleneck.name() == "none" { "good" } else { "bad" };
        let _ =
            writeln!(page, "<p class=\"verdict {class}\">{}</p>", escape(&capital(&self.bottleneck.text())));
        for (condition, holds) in &self.conditions {
            let (class, word) = if *holds { ("good", "met") } else { ("bad", "not met") };
            let _ =
                writeln!(page, "<p class=\"verdict {class}\"><b>{}</b> {word}</p>", escape(&condition.text));
        }
        self.write_tiles(page);
        let (name, _) = self.main.names();
        let _ = writeln!(page, "<h2>Distribution of {name}</h2>");
        page.push_str(&self.distribution());
        self.write_percentiles(page);
        if self.series.len() > 1 {
            let (sent, received) = self.settings.scenario.units();
            let _ = writeln!(page, "<h2>Rate over time</h2>");
            let lines = [
                ChartLine::new(sent, "one", &self.series, |second| Some(second.sent)),
                ChartLine::new(received, "two", &self.series, |second| Some(second.received)),
            ];
            page.push_str(&self.over_time(&lines, rate, false));
            let _ = writeln!(page, "<h2>{} over time</h2>", capital(name));
            let micros = |percentile| match percentile {
                Percentile::Micros(micros) => Some(micros),
                Percentile::Lost | Percentile::TooFew => None,
            };
            let lines = [
                ChartLine::new("p50", "one", &self.series, |second| micros(second.p50)),
                ChartLine::new("p99", "two", &self.series, |second| micros(second.p99)),
                ChartLine::new("max", "three", &self.series, |second| micros(second.max)),
            ];
            page.push_str(&self.over_time(&lines, brief, true));
            self.write_broker(page);
        }
        self.write_failures(page);
    }

    fn write_tiles(&self, page: &mut String) {
        let (sent, received) = self.settings.scenario.units();
        let main = self.main();
        let mut tiles = vec![
            (
                format!("{:.0}/s", self.rates.received),
                format!("{received} ({:.0}/s {sent})", self.rates.sent),
            ),
            (cell(main.percentile(50.0)), "p50".to_owned()),
            (cell(main.percentile(99.0)), "p99".to_owned()),
            (cell(main.max()), "max".to_owned()),
            (self.lost().to_string(), format!("lost of {}", self.expected)),
        ];
        if self.settings.scenario.has_messages() {
            let reordered = self.reordered.map_or("-".to_owned(), |count| count.to_string());
            let wrong = format!("{} / {reordered} / {}", self.duplicates, self.corrupt);
            tiles.push((wrong, "duplicates / reordered / corrupt".to_owned()));
        }
        if let Some(cost) = self.broker_cost() {
            tiles.push((format!("{cost:.2} s"), "broker CPU time per million received".to_owned()));
        }
        if let Some(memory) = self.broker.as_ref().and_then(|broker| broker.memory) {
            let kind =
                if self.broker.as_ref().is_some_and(|broker| broker.is_heap) { "heap" } else { "memory" };
            tiles.push((size(memory), format!("broker {kind}")));
        }
        let cpu: f64 = self.generator.iter().sum();
        let share = cpu * 100.0 / self.total.max(1e-9);
        tiles.push((
            format!("{share:.0} %"),
            format!("of one CPU used by the generator for {} s", seconds(self.seconds)),
        ));
        page.push_str("<ul class=\"tiles\">\n");
        for (value, name) in tiles {
            let _ = writeln!(page, "<li><b>{}</b><span>{}</span></li>", escape(&value), escape(&name));
        }
        page.push_str("</ul>\n");
    }

    fn write_percentiles(&self, page: &mut String) {
        page.push_str("<div class=\"wide\"><table>\n<tr><th></th>");
        PERCENTILES.iter().for_each(|(name, _)| {
            let _ = write!(page, "<th>{name}</th>");
        });
        page.push_str("<th>max</th><th>samples</th></tr>\n");
        for (name, _, times) in self.rows() {
            let _ = write!(page, "<tr><th>{name}</th>");
            for (_, percent) in PERCENTILES {
                let _ = write!(page, "<td>{}</td>", cell(times.percentile(percent)));
            }
            let _ = writeln!(page, "<td>{}</td><td>{}</td></tr>", cell(times.max()), times.count());
        }
        page.push_str("</table></div>\n");
    }

    #[expect(clippy::cast_precision_loss, reason = "lengths for the eye")]
    fn distribution(&self) -> String {
        let times = self.main();
        let Some((least, most, counts)) = times.shape(CLASSES) else {
            return "<p>Nothing was received.</p>\n".to_owned();
        };
        let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - BELOW - ABOVE);
        let column = width / f64::from(CLASSES);
        let (ticks, highest) = even_steps(counts.iter().max().copied().unwrap_or(1).max(1));
        // The root shows what is rare beside what is frequent.
        let tall = |count: u64| (count as f64 / highest as f64).sqrt() * height;
        let mut svg = open_svg("Distribution of times on a logarithmic scale");
        for tick in ticks {
            svg.push_str(&grid_line(ABOVE + height - tall(tick), &tick.to_string()));
        }
        for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let tall = tall(*count).max(1.0);
            let _ = writeln!(
                svg,
                "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"><title>{count}</title></rect>",
                LEFT + at as f64 * column + 0.5,
                ABOVE + height - tall,
                (column - 1.0).max(1.0),
            );
        }
        let place = |micros: u64| {
            let ratio = (most as f64 / least as f64).ln();
            if ratio > 0.0 { LEFT + (micros as f64 / least as f64).ln() / ratio * width } else { LEFT }
        };
        let mut free = LEFT;
        for tick in ticks_of_time(least, most) {
            let _ = writeln!(
                svg,
                "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                place(tick),
                HEIGHT - 8.0,
                brief(tick)
            );
        }
        for (name, percent) in PERCENTILES {
            let Percentile::Micros(micros) = times.percentile(percent) else { continue };
            let x = place(micros.clamp(least, most));
            let _ = writeln!(
                svg,
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{ABOVE}\" y2=\"{:.1}\"/>",
                ABOVE + height
            );
            if x >= free {
                let _ = writeln!(
                    svg,
                    "<text class=\"axis\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                    ABOVE - 7.0
                );
                free = x + 44.0;
            }
        }
        svg + "</svg>\n<figcaption>Number of samples (square-root scale, so that rare values remain visible) against time (logarithmic scale).</figcaption>\n</figure>\n"
    }

    fn write_broker(&self, page: &mut String) {
        if self.series.iter().any(|second| second.broker_cpu.is_some()) {
            page.push_str("<h2>Broker CPU over time</h2>\n");
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "percent")]
            let percent = |second: &Second| second.broker_cpu.map(|cpu| (cpu * 100.0).round() as u64);
            let line = ChartLine::new("percent of one CPU", "one", &self.series, percent);
            page.push_str(&self.over_time(&[line], |value| format!("{value} %"), false));
        }
        if self.series.iter().any(|second| second.broker_memory.is_some()) {
            page.push_str("<h2>Broker memory over time</h2>\n");
            let line = ChartLine::new("bytes", "two", &self.series, |second| second.broker_memory);
            page.push_str(&self.over_time(&[line], size, false));
        }
    }

    fn write_failures(&self, page: &mut String) {
        if self.failed() == 0 && self.told.is_empty() {
            return;
        }
        let _ = write!(page, "<h2>Failures</h2>\n<p>{} in total. The first ones:</p>\n<ul>\n", self.failed());
        for text in &self.told {
            let _ = writeln!(page, "<li>{}</li>", escape(text));
        }
        page.push_str("</ul>\n");
    }
}

/// A time without digits that say nothing, for an axis.
fn brief(micros: u64) -> String {
    span(micros).replace(".00", "")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

fn open_svg(name: &str) -> String {
    format!("<figure>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{name}\">\n")
}

/// 1, 2 and 5 times powers of ten between two times, few enough to stand side by side.
fn ticks_of_time(least: u64, most: u64) -> Vec<u64> {
    let all = (0..9).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_u64.pow(power)));
    let mut ticks: Vec<u64> = all.filter(|tick| (least..=most).contains(tick)).collect();
    if ticks.len() > 10 {
        ticks.retain(|tick| tick.to_string().starts_with('1'));
    }
    ticks
}

/// What goes on over time.
struct ChartLine<'a> {
    name: &'a str,
    class: &'a str,
    points: Vec<(f64, Option<u64>)>,
}

impl<'a> ChartLine<'a> {
    fn new(name: &'a str, class: &'a str, series: &[Second], value: impl Fn(&Second) -> Option<u64>) -> Self {
        Self { name, class, points: series.iter().map(|second| (second.at, value(second))).collect() }
    }

    /// Draws it, and its name; `x` and `y` say where its points lie.
    #[expect(clippy::cast_precision_loss, reason = "lengths for the eye")]
    fn write(&self, number: usize, x: impl Fn(f64) -> f64, y: impl Fn(u64) -> f64, svg: &mut String) {
        let class = self.class;
        for part in self.points.split(|(_, value)| value.is_none()).filter(|part| !part.is_empty()) {
            let points: Vec<String> = part
                .iter()
                .filter_map(|(at, value)| value.map(|value| format!("{:.1},{:.1}", x(*at), y(value))))
                .collect();
            let _ = match &points[..] {
                [alone] => {
                    let (x, y) = alone.split_once(',').unwrap_or(("0", "0"));
                    writeln!(svg, "<circle class=\"dot {class}\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>")
                }
                points => writeln!(svg, "<polyline class=\"line {class}\" points=\"{}\"/>", points.join(" ")),
            };
        }
        let at = LEFT + number as f64 * 110.0;
        let _ = writeln!(
            svg,
            "<rect class=\"key {class}\" x=\"{at:.1}\" y=\"3\" width=\"10\" height=\"10\"/>\
             <text class=\"axis\" x=\"{:.1}\" y=\"12\">{}</text>",
            at + 15.0,
            self.name
        );
    }
}

/// A line across the picture, and what it stands for.
fn grid_line(at: f64, name: &str) -> String {
    format!(
        "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
         <text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\n",
        WIDTH - RIGHT,
        LEFT - 8.0,
        at + 4.0
    )
}

impl Report {
    /// Lines over the seconds of a run; on a logarithmic axis if `by_magnitude`.
    #[expect(clippy::cast_precision_loss, reason = "lengths for the eye")]
    fn over_time(&self, lines: &[ChartLine<'_>], name: impl Fn(u64) -> String, by_magnitude: bool) -> String {
        let values = || lines.iter().flat_map(|line| &line.points).filter_map(|(_, value)| *value);
        let (Some(most), Some(least)) = (values().max(), values().min()) else {
            return "<p>Too few samples for a chart.</p>\n".to_owned();
        };
        let end = lines.iter().flat_map(|line| &line.points).map(|(at, _)| *at).fold(1.0, f64::max);
        let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - BELOW - ABOVE);
        let (ticks, top) =
            if by_magnitude { magnitudes(least.max(1), most.max(1)) } else { even_steps(most) };
        let bottom = ticks.first().copied().unwrap_or(0).max(1) as f64;
        let y = |value: u64| {
            let share = if by_magnitude {
                (value.max(1) as f64 / bottom).ln() / (top as f64 / bottom).ln().max(1e-9)
            } else {
                value as f64 / top as f64
            };
            ABOVE + height - share.clamp(0.0, 1.0) * height
        };
        let x = |at: f64| LEFT + at / end * width;
        let mut svg = open_svg(&lines.iter().map(|line| line.name).collect::<Vec<_>>().join(", "));
        if self.settings.warm_up > 0.0 && self.settings.phases == 0 {
            let _ = writeln!(
                svg,
                "<rect class=\"before\" x=\"{LEFT}\" y=\"{ABOVE}\" width=\"{:.1}\" height=\"{height}\"/>\
                 <text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\">warm-up</text>",
                x(self.settings.warm_up.min(end)) - LEFT,
                LEFT + 6.0,
                ABOVE + height - 6.0
            );
        }
        for tick in ticks {
            svg.push_str(&grid_line(y(tick), &name(tick)));
        }
        let step = step_of_seconds(end);
        for number in (0..).take_while(|number| f64::from(*number) * step <= end) {
            let at = f64::from(number) * step;
            let (at_x, at_y) = (x(at), HEIGHT - 8.0);
            let _ = writeln!(
                svg,
                "<text class=\"axis\" x=\"{at_x:.1}\" y=\"{at_y:.1}\" text-anchor=\"middle\">{} s</text>",
                seconds(at)
            );
        }
        for (number, line) in lines.iter().enumerate() {
            line.write(number, x, y, &mut svg);
        }
        svg + "</svg>\n</figure>\n"
    }
}

/// Whole seconds between two marks, of which there are at most eight.
fn step_of_seconds(end: f64) -> f64 {
    let steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];
    steps.into_iter().map(f64::from).find(|step| end / step <= 7.0).unwrap_or(end / 7.0)
}

/// Some even steps from 0 to above the greatest value, and the last of them.
fn even_steps(most: u64) -> (Vec<u64>, u64) {
    let raw = (most.max(1)).div_ceil(4);
    let power = 10_u64.pow(raw.ilog10());
    let step =
        [1, 2, 5, 10].map(|factor| factor * power).into_iter().find(|step| *step >= raw).unwrap_or(raw);
    let ticks: Vec<u64> = (0..=most.max(1).div_ceil(step)).map(|number| number * step).collect();
    let top = ticks.last().copied().unwrap_or(1);
    (ticks, top)
}

/// Powers of ten around the values, and the last of them.
fn magnitudes(least: u64, most: u64) -> (Vec<u64>, u64) {
    let (from, to) = (least.ilog10(), (most.saturating_sub(1)).max(1).ilog10() + 1);
    let ticks: Vec<u64> = (from..=to.max(from + 1)).map(|power| 10_u64.pow(power)).collect();
    let top = ticks.last().copied().unwrap_or(10);
    (ticks, top)
}

#[cfg(test)]
mod tests {
    use super::{even_steps, magnitudes, step_of_seconds, ticks_of_time};

    #[test]
    fn axes_reach_beyond_what_they_show() {
        for most in [1, 7, 99, 100, 1_000, 1_001, 123_456] {
            let (ticks, top) = even_steps(most);
            assert!(top >= most && ticks.len() >= 2 && ticks.len() <= 7, "{most}: {ticks:?}");
            let (ticks, top) = magnitudes(1, most);
            assert!(top >= most && ticks[0] == 1, "{most}: {ticks:?}");
        }
        for end in [1.0, 7.0, 8.0, 61.0, 3_601.0, 1e6] {
            assert!(end / step_of_seconds(end) <= 7.0, "{end}");
        }
        assert_eq!(ticks_of_time(15, 900), [20, 50, 100, 200, 500]);
        assert!(ticks_of_time(1, 100_000_000).len() <= 10);
    }
}
