//! What brokers cost: `skeeter broker` against Debian's mosquitto and any other, in turn (A B A B ...).
//!
//! ```text
//! cargo bench --bench brokers                              the small set, some minutes
//! cargo bench --bench brokers -- --all                     everything named: an hour and more
//! cargo bench --bench brokers -- --every                   each load at each QoS, size, door and version: a day
//! cargo bench --bench brokers -- --list                    the names of the cells, and which set has them
//! cargo bench --bench brokers -- --cell '10 pairs QoS 1, 4 KiB, TLS' --cell 'workers, 10 pairs QoS 0'
//! cargo bench --bench brokers -- --only fan-out --rounds 5 those of --all whose name has this in it
//! cargo bench --bench brokers -- --broker 'nanomq=nanomq start --url tcp://127.0.0.1:{port}'
//! cargo bench --bench brokers -- --generator 'GENERATOR'   how `another generator` is called
//! ```
//!
//! `--seconds N` sets the length of a measurement (2), `--rounds N` how many there are of each (3), `--json FILE` also writes the
//! results there. For each cell it prints the broker's CPU-seconds per million delivered messages as the operating system
//! counts them, messages a second, p50 and p99, what was lost, and the ratio of the medians. The load comes from `skeeter
//! bench`; a bare relay of the same bytes is the floor, and another generator the check on ours. The command of another
//! broker has `{port}`, or `{tls_port}` with `{cert}` and `{key}`, or `{ws_port}` for its doors; that of a generator `{port}`,
//! `{qos}` and `{seconds}`. Linux only; everything stays
//! on loopback but for mosquitto's WebSockets, which it cannot bind to an address.

#![allow(clippy::unwrap_used, reason = "a benchmark stops at the first thing that fails")]

mod broker;
mod cells;
mod raw;

use serde_json::{Value, json};

use broker::Kind;
use cells::{Cell, Figures, Set};

/// What was asked for.
pub(crate) struct Options {
    set: Set,
    only: Vec<String>,
    cells: Vec<String>,
    lists: bool,
    rounds: usize,
    pub(crate) seconds: f64,
    json: Option<String>,
    brokers: Vec<Kind>,
    /// The command of another generator.
    pub(crate) generator: Option<String>,
}

impl Options {
    fn parse() -> Self {
        let mut options = Self {
            set: Set::Small,
            only: Vec::new(),
            cells: Vec::new(),
            lists: false,
            rounds: 3,
            seconds: 2.0,
            json: None,
            brokers: Vec::new(),
            generator: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
            match word.as_str() {
                "--all" => options.set = Set::All,
                "--every" => options.set = Set::Every,
                "--list" => options.lists = true,
                "--only" => options.only.push(value()),
                "--cell" => options.cells.push(value()),
                "--generator" => options.generator = Some(value()),
                "--rounds" => options.rounds = value().parse().unwrap(),
                "--seconds" => options.seconds = value().parse().unwrap(),
                "--json" => options.json = Some(value()),
                "--broker" => {
                    let text = value();
                    let (name, command) =
                        text.split_once('=').expect("--broker NAME=COMMAND with {port} in it");
                    options.brokers.push(Kind::Other(name.to_owned(), command.to_owned()));
                }
                // Cargo says this to every benchmark.
                "--bench" => {}
                other => {
                    panic!("{other} is no flag of this benchmark; see the top of benches/brokers/main.rs")
                }
            }
        }
        options
    }

    fn wants(&self, cell: &Cell) -> bool {
        match (&self.only[..], &self.cells[..]) {
            ([], []) => cell.set <= self.set,
            (only, cells) => {
                let is_usual = cell.set <= self.set.max(Set::All);
                cells.contains(&cell.name)
                    || is_usual && only.iter().any(|part| cell.name.contains(part.as_str()))
            }
        }
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    let options = Options::parse();
    let cells = cells::all();
    if options.lists {
        for cell in &cells {
            println!("{:<6} {}", format!("{:?}", cell.set).to_lowercase(), cell.name);
        }
        return;
    }
    if let Some(name) = options.cells.iter().find(|name| cells.iter().all(|cell| cell.name != **name)) {
        panic!("{name:?} is no cell; --list names them");
    }
    raw::raise_limit();
    let mut kinds = vec![Kind::Skeeter];
    match Kind::mosquitto() {
        Some(mosquitto) => kinds.push(mosquitto),
        None => println!("mosquitto is not installed: apt-get install mosquitto"),
    }
    kinds.extend(options.brokers.iter().cloned());
    if options.generator.is_none() && cells.iter().any(|cell| options.wants(cell) && cell.needs_generator()) {
        println!("no --generator is given, so the cells of another one are left out");
    }
    let floor = raw::floor(5_000_000);
    println!("bare relay of the bytes of QoS 0: {floor:.3} CPU-s per million messages\n");
    println!(
        "{:<44} {:<12}{:>10}{:>12}{:>10}{:>10}{:>6}{:>8}",
        "cell", "broker", "cost", "msg/s", "p50 us", "p99 us", "lost", "ratio"
    );
    let mut results = Vec::new();
    for cell in cells.into_iter().filter(|cell| options.wants(cell)) {
        let kinds = if cell.own.is_empty() { &kinds[..] } else { cell.own };
        let mut figures: Vec<Vec<Figures>> = kinds.iter().map(|_| Vec::new()).collect();
        for _ in 0..options.rounds {
            for (kind, figures) in kinds.iter().zip(&mut figures) {
                figures.extend(cell.measure(kind, &options));
            }
        }
        results.push(tell(&cell, kinds, &figures));
    }
    if let Some(path) = &options.json {
        let machine = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let machine =
            machine.lines().find(|line| line.starts_with("model name")).unwrap_or_default().to_owned();
        let document = json!({ "machine": machine, "floor": floor, "rounds": options.rounds, "seconds": options.seconds,
                "generator": options.generator, "cells": results });
        std::fs::write(path, document.to_string()).unwrap();
    }
}

/// Prints a cell: a line for each broker.
fn tell(cell: &Cell, kinds: &[Kind], figures: &[Vec<Figures>]) -> Value {
    let of = |figures: &[Figures], read: fn(&Figures) -> f64| median(figures.iter().map(read).collect());
    let own = figures.first().map_or(f64::NAN, |figures| of(figures, |figures| figures.cost));
    let mut brokers = Vec::new();
    for (number, (kind, figures)) in kinds.iter().zip(figures).enumerate() {
        if figures.is_empty() {
            let name = if number == 0 { cell.name.as_str() } else { "" };
            println!("{name:<44} {:<12}{:>10}", kind.name(), "-");
            continue;
        }
        let (cost, rate) = (of(figures, |figures| figures.cost), of(figures, |figures| figures.rate));
        let (p50, p99) = (of(figures, |figures| figures.p50), of(figures, |figures| figures.p99));
        let lost: u64 = figures.iter().map(|figures| figures.lost).sum();
        let figure =
            |number: f64, digits| if number.is_finite() { format!("{number:.digits$}") } else { "-".into() };
        println!(
            "{:<44} {:<12}{:>10}{:>12}{:>10}{:>10}{lost:>6}{:>8}",
            if number == 0 { cell.name.as_str() } else { "" },
            kind.name(),
            figure(cost, if cell.unit.is_empty() { 3 } else { 1 }),
            figure(rate, 0),
            figure(p50, 0),
            figure(p99, 0),
            if number == 0 { cell.unit.to_owned() } else { figure(cost / own, 1) },
        );
        let finite = |number: f64| number.is_finite().then_some(number);
        brokers.push(json!({
            "broker": kind.name(), "cost": finite(cost), "messages_per_second": finite(rate), "p50_us": finite(p50),
            "p99_us": finite(p99), "lost": lost, "ratio": finite(cost / own),
            "costs": figures.iter().map(|figures| finite(figures.cost)).collect::<Vec<_>>(),
        }));
    }
    let unit = if cell.unit.is_empty() { "CPU-seconds per million messages" } else { cell.unit };
    json!({ "cell": cell.name, "unit": unit, "brokers": brokers })
}
