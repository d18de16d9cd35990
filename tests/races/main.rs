//! Races: the core of the broker, its real sources, on the locks and atomics of a model checker (shuttle), which decides
//! at each of them which thread goes on.
//!
//! Each scenario is one thing that may happen on several workers at once, and what must hold whoever comes first. A seed
//! is a few schedules drawn by chance and a few with few, well placed changes of threads. A failure prints its seed and
//! the command that shows it again; `SKEETER_RACES=100000 cargo test --test races` tries more seeds. What it leaves out:
//! the order of memory below sequential consistency, which shuttle does not know, and the locks of the shell.

#![allow(
    clippy::unwrap_used,
    clippy::enum_variant_names,
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "a test fails by panicking; and what the library exports is private here, and in part unused"
)]

mod peer;
mod scenarios;
mod sync;

/// The core as it is, but for `sync`.
#[path = "../../src"]
mod real {
    pub(crate) mod broker;
    pub(crate) mod codec;
    pub(crate) mod delivery;
    pub(crate) mod message;
    pub(crate) mod table;
    pub(crate) mod text;
    pub(crate) mod time;
    pub(crate) mod topic;
}

use std::panic::{AssertUnwindSafe, catch_unwind};

use libtest_mimic::{Arguments, Failed, Trial};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

use real::{broker, codec, delivery, message, table, text, time, topic};
use scenarios::SCENARIOS;

/// Seeds of each scenario, unless `SKEETER_RACES` says how many.
const SEEDS: u64 = 400;
/// Schedules of a seed by chance, and as many the other way.
const SCHEDULES: usize = 5;
/// Changes of threads that the other way places.
const DEPTH: usize = 3;

/// A number that the environment gives.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

fn explore(scheduler: impl Scheduler + 'static, scenario: fn()) {
    let mut config = Config::new();
    // The seed shows it again.
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(scenario);
}

/// All schedules of one seed.
fn run(scenario: fn(), seed: u64) {
    explore(RandomScheduler::new_from_seed(seed, SCHEDULES), scenario);
    // The first of these only counts the steps.
    explore(PctScheduler::new_from_seed(seed, DEPTH, SCHEDULES + 1), scenario);
}

fn trial(name: &str, scenario: fn()) -> Trial {
    // As the usual harness would name it.
    let name = format!("scenarios::{name}");
    Trial::test(name.clone(), move || {
        let seeds = match number("SKEETER_RACES_SEED") {
            Some(seed) => seed..seed + 1,
            None => 0..number("SKEETER_RACES").unwrap_or(SEEDS),
        };
        for seed in seeds {
            catch_unwind(AssertUnwindSafe(|| run(scenario, seed))).map_err(|panic| {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
                Failed::from(format!(
                    "{said}\nseed {seed}; again: SKEETER_RACES_SEED={seed} cargo test --test races -- --exact {name}"
                ))
            })?;
        }
        Ok(())
    })
}

fn main() {
    let trials = SCENARIOS.iter().map(|(name, scenario)| trial(name, *scenario)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
